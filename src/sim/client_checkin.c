/*
 * client_checkin - what a device says at the check-in address
 *
 * Messages: docs/protocol/mdm-device, "Check-in".
 */
#include "sim/client.h"

#include <string.h>

enum { RIGHT_PASSCODE = 4, RIGHT_INFORMATION = 16 };

void sim_client_put_ids(struct sim_device *device, const struct sim_relation *relation,
			struct plist_doc *doc, struct plist *message)
{
	if (relation->is_user_enrollment)
		plist_set_text(doc, message, "EnrollmentID", relation->enrollment_id);
	else
		plist_set_text(doc, message, "UDID", sim_device_identity(device)->udid);
}

void sim_unlock_token(struct sim_device *device, uint8_t token[SIM_UNLOCK_TOKEN_LEN])
{
	sim_device_derive(device, "mdm-unlock-token", (uint64_t)sim_fact_int(device, "lives", 0),
			  token, SIM_UNLOCK_TOKEN_LEN);
}

void sim_response_clear(struct sim_response *response)
{
	buf_wipe(&response->body);
}

/* ---- writing ---- */

static void put_authenticate(struct sim_device *device, const struct sim_relation *relation,
			     struct plist_doc *doc, struct plist *message)
{
	const struct sim_identity *identity = sim_device_identity(device);

	if (!(relation->rights & RIGHT_INFORMATION))
		return;
	plist_set_text(doc, message, "OSVersion", identity->product_version);
	plist_set_text(doc, message, "BuildVersion", identity->build);
	plist_set_text(doc, message, "ProductName", identity->product_type);
	if (!relation->is_user_enrollment)
		plist_set_text(doc, message, "SerialNumber", identity->serial);
}

static void put_token_update(struct sim_device *device, const struct sim_relation *relation,
			     struct plist_doc *doc, struct plist *message)
{
	uint8_t token[SIM_TOKEN_LEN], unlock[SIM_UNLOCK_TOKEN_LEN];

	sim_push_token(device, token);
	plist_set_data(doc, message, "Token", slice_of(token, sizeof(token)));
	plist_set_text(doc, message, "PushMagic", relation->magic);
	if (!relation->is_user_enrollment && (relation->rights & RIGHT_PASSCODE)) {
		sim_unlock_token(device, unlock);
		plist_set_data(doc, message, "UnlockToken", slice_of(unlock, sizeof(unlock)));
		explicit_bzero(unlock, sizeof(unlock));
	}
	plist_set_bool(doc, message, "AwaitingConfiguration",
		       sim_fact_int(device, "setup/awaits_configuration", 0) != 0);
}

int sim_checkin_write(struct sim_device *device, const struct sim_relation *relation,
		      enum sim_checkin kind, struct buf *xml, struct err *err)
{
	static const char *const types[] = {"Authenticate", "TokenUpdate", "CheckOut"};
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *message;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	message = plist_new_dict(doc);
	plist_set_text(doc, message, "MessageType", types[kind]);
	plist_set_text(doc, message, "Topic", relation->topic);
	sim_client_put_ids(device, relation, doc, message);
	if (kind == SIM_CHECKIN_AUTHENTICATE)
		put_authenticate(device, relation, doc, message);
	if (kind == SIM_CHECKIN_TOKEN_UPDATE)
		put_token_update(device, relation, doc, message);
	return plist_write_xml(doc, message, xml, err);
}

/* ---- sending ---- */

static int send_body(struct sim_client *client, const struct sim_relation *relation,
		     struct slice body, struct sim_response *response, struct err *err)
{
	const struct sim_request request = {.method = "PUT",
					    .url = relation->checkin_url,
					    .type = "application/x-apple-aspen-mdm-checkin",
					    .body = body,
					    .as = relation};

	return client->line->ask(client->line, &request, response, err);
}

int sim_checkin_send(struct sim_client *client, const struct sim_relation *relation,
		     enum sim_checkin kind, struct sim_response *response, struct err *err)
{
	CLEANUP(buf_wipe) struct buf xml = BUF_INIT(SIM_MESSAGE_MAX);
	int r = sim_checkin_write(client->device, relation, kind, &xml, err);

	return r < 0 ? r : send_body(client, relation, buf_slice(&xml), response, err);
}

int sim_checkin_declarative(struct sim_client *client, const struct sim_relation *relation,
			    const char *endpoint, struct slice data, struct sim_response *response,
			    struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(SIM_MESSAGE_MAX);
	struct plist *message;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	message = plist_new_dict(doc);
	plist_set_text(doc, message, "MessageType", "DeclarativeManagement");
	sim_client_put_ids(client->device, relation, doc, message);
	plist_set_text(doc, message, "Endpoint", endpoint);
	if (data.len > 0)
		plist_set_data(doc, message, "Data", data);
	r = plist_write_xml(doc, message, &xml, err);
	return r < 0 ? r : send_body(client, relation, buf_slice(&xml), response, err);
}

/* ---- what the service was told last: a digest over all that TokenUpdate carries ---- */

static void told_digest(struct sim_device *device, const struct sim_relation *relation,
			char hex[2 * CRYPTO_SHA256_LEN + 1])
{
	uint8_t bytes[SIM_TOKEN_LEN + SIM_UNLOCK_TOKEN_LEN + SIM_WORD_LEN] = {0},
							     digest[CRYPTO_SHA256_LEN];

	sim_push_token(device, bytes);
	sim_unlock_token(device, bytes + SIM_TOKEN_LEN);
	memcpy(bytes + SIM_TOKEN_LEN + SIM_UNLOCK_TOKEN_LEN, relation->magic,
	       strnlen(relation->magic, SIM_WORD_LEN));
	crypto_sha256(slice_of(bytes, sizeof(bytes)), digest);
	explicit_bzero(bytes, sizeof(bytes));
	hex_encode(digest, sizeof(digest), hex);
}

bool sim_token_is_due(struct sim_device *device, const struct sim_relation *relation)
{
	char now[2 * CRYPTO_SHA256_LEN + 1], told[sizeof(now)] = "";

	told_digest(device, relation, now);
	sim_fact_get(device, "push_told", told, sizeof(told));
	return strcmp(now, told) != 0;
}

int sim_token_was_told(struct sim_device *device, const struct sim_relation *relation,
		       struct err *err)
{
	char now[2 * CRYPTO_SHA256_LEN + 1];

	told_digest(device, relation, now);
	return sim_fact_put(device, "push_told", now, err);
}
