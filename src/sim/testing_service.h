/*
 * testing_service - a small MDM service for tests of the client: a struct sim_line over the far end
 *
 * It issues identities by SCEP, notes every message, hands out what a test queued, and answers with
 * the status that a test chose.
 */
#ifndef REHOME_SIM_TESTING_SERVICE_H
#define REHOME_SIM_TESTING_SERVICE_H

#include "crypto/identity.h"
#include "sim/client.h"
#include "sim/testing_host.h"

enum { SERVICE_NOTES_MAX = 64, SERVICE_QUEUE_MAX = 16 };

struct service {
	struct sim_line line;   /* first: the device hands it back */
	struct crypto_key *key; /* of both certificates */
	struct crypto_cert *ca, *ra;
	char notes[SERVICE_NOTES_MAX][64]; /* MessageType, "Status UUID", "SCEP" ... */
	size_t note_count;
	uint8_t signer[CRYPTO_SHA256_LEN]; /* of the last message's identity */
	struct buf queue[SERVICE_QUEUE_MAX];
	size_t queued, sent;
	struct buf last;     /* the last body */
	const char *trouble; /* a note that begins so is answered with @status */
	int status;
	const char *reason;                           /* body of that answer */
	const char *(*declare)(const char *endpoint); /* JSON, or NULL: 404 */
	unsigned pending; /* so many requests for a certificate are put off */
	int64_t slept_ms;
	uint64_t issued;
	struct clock clock;
};

PRINTF_LIKE(2, 3)
static inline void service_note(struct service *service, const char *format, ...)
{
	va_list args;

	if (service->note_count == SERVICE_NOTES_MAX) /* only a swarm says that much */
		service->note_count = 0;
	va_start(args, format);
	vsnprintf(service->notes[service->note_count++], 64, format, args);
	va_end(args);
}

static inline bool service_was_told(const struct service *service, const char *note)
{
	for (size_t i = 0; i < service->note_count; i++)
		if (!strcmp(service->notes[i], note))
			return true;
	return false;
}

static inline void service_forget(struct service *service)
{
	service->note_count = 0;
}

/* ---- SCEP ---- */

static inline void service_issue(struct service *service, const struct crypto_scep_request *asked,
				 struct sim_response *response)
{
	struct buf payload = BUF_INIT(CRYPTO_SCEP_MAX);
	struct crypto_scep_reply reply = {.transaction_id = asked->transaction_id,
					  .recipient_nonce = asked->sender_nonce,
					  .requester = buf_slice(&asked->signer)};
	struct crypto_cert_wish wish = {
		.role = CRYPTO_ROLE_DEVICE, .not_before = TEST_NOW, .days = 365};
	struct crypto_cert *issued = NULL;
	struct crypto_csr csr;
	struct err err = ERR_INIT;

	crypto_csr_init(&csr);
	assert_int_equal(crypto_scep_open(buf_slice(&asked->enveloped), service->ra, service->key,
					  0, &payload, &reply.cipher, &err),
			 0);
	assert_int_equal(crypto_csr_read(&csr, buf_slice(&payload), 0, &err), 0);
	wish.spki = buf_slice(&csr.spki);
	wish.common_name = csr.common_name;
	put_u64be(wish.serial_entropy, ++service->issued);
	assert_int_equal(crypto_cert_issue(&issued, &wish, service->ca, service->key, &err), 0);
	reply.issued = issued;
	if (!slice_equal(secret_slice(&csr.challenge), slice_text("once"))) {
		reply.status = CRYPTO_SCEP_FAILURE;
		reply.fail = CRYPTO_SCEP_BAD_REQUEST;
	} else if (service->pending > 0) {
		service->pending--;
		reply.status = CRYPTO_SCEP_PENDING;
	}
	assert_int_equal(crypto_scep_reply_make(&response->body, &reply, service->ca, service->ra,
						service->key, TEST_NOW, &err),
			 0);
	crypto_cert_free(issued);
	crypto_csr_clear(&csr);
	buf_wipe(&payload);
}

static inline void service_scep(struct service *service, const struct sim_request *request,
				struct sim_response *response)
{
	struct crypto_scep_request asked;
	struct err err = ERR_INIT;

	service_note(service, "SCEP %s", strstr(request->url, "operation=") + 10);
	if (strstr(request->url, "GetCACert")) {
		crypto_scep_ca_reply(&response->body, service->ra, service->ca, &err);
	} else if (strstr(request->url, "GetCACaps")) {
		buf_append_text(&response->body, crypto_scep_caps(0), &err);
	} else {
		crypto_scep_request_init(&asked);
		assert_int_equal(crypto_scep_request_read(&asked, request->body, 0, &err), 0);
		service_issue(service, &asked, response);
		crypto_scep_request_clear(&asked);
	}
}

/* ---- MDM ---- */

static inline void service_mdm(struct service *service, const struct sim_request *request,
			       struct sim_response *response)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	struct plist_doc *doc = NULL;
	const struct plist *root;
	const char *type, *status, *endpoint, *said;

	assert_non_null(request->as);
	crypto_sha256(buf_slice(&request->as->cert), service->signer);
	buf_truncate(&service->last, 0);
	assert_int_equal(buf_append_slice(&service->last, request->body, NULL), 0);
	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	if (plist_parse(doc, request->body, &limits, &root, NULL) < 0) {
		response->status = 400;
		plist_doc_free(doc);
		return;
	}
	if (!plist_get_text(root, "UDID")) {
		response->status = 400;
		plist_doc_free(doc);
		return;
	}
	type = plist_get_text(root, "MessageType");
	status = plist_get_text(root, "Status");
	endpoint = plist_get_text(root, "Endpoint");
	if (endpoint)
		service_note(service, "%s", endpoint);
	else if (type)
		service_note(service, "%s", type);
	else if (plist_get_text(root, "CommandUUID"))
		service_note(service, "%s %s", status, plist_get_text(root, "CommandUUID"));
	else
		service_note(service, "%s", status);
	if (service->trouble && !strncmp(service->notes[service->note_count - 1], service->trouble,
					 strlen(service->trouble))) {
		response->status = service->status;
		snprintf(response->type, sizeof(response->type), "application/json");
		if (service->reason)
			buf_append_text(&response->body, service->reason, NULL);
	} else if (endpoint && service->declare) {
		said = service->declare(endpoint);
		response->status = said ? 200 : 404;
		buf_append_text(&response->body, said ? said : "", NULL);
	} else if (!type && service->sent < service->queued) {
		buf_append_slice(&response->body, buf_slice(&service->queue[service->sent]), NULL);
		service->sent++;
	}
	plist_doc_free(doc);
}

static inline int service_ask(struct sim_line *line, const struct sim_request *request,
			      struct sim_response *response, struct err *err)
{
	struct service *service = (struct service *)line;

	(void)err;
	response->status = 200;
	buf_truncate(&response->body, 0);
	if (strstr(request->url, "/scep"))
		service_scep(service, request, response);
	else
		service_mdm(service, request, response);
	return 0;
}

static inline void service_sleep(struct clock *clock, int64_t ms)
{
	struct service *service =
		(struct service *)((char *)clock - offsetof(struct service, clock));

	service->slept_ms += ms;
}

static inline void service_init(struct service *service)
{
	struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_CA,
					.common_name = "Test CA",
					.not_before = TEST_NOW - 86400,
					.days = 3650};

	*service = (struct service){.line = {.ask = service_ask},
				    .last = BUF_INIT(SIM_MESSAGE_MAX),
				    .clock = {.sleep_ms = service_sleep}};
	assert_int_equal(crypto_key_make(&service->key, CRYPTO_KEY_RSA_2048, NULL), 0);
	assert_int_equal(crypto_key_spki(service->key, &spki, NULL), 0);
	wish.spki = buf_slice(&spki);
	assert_int_equal(crypto_cert_issue(&service->ca, &wish, NULL, service->key, NULL), 0);
	wish.role = CRYPTO_ROLE_RA;
	wish.common_name = "Test RA";
	assert_int_equal(crypto_cert_issue(&service->ra, &wish, service->ca, service->key, NULL),
			 0);
	buf_clear(&spki);
}

static inline void service_clear(struct service *service)
{
	for (size_t i = 0; i < service->queued; i++)
		buf_clear(&service->queue[i]);
	crypto_cert_free(service->ca);
	crypto_cert_free(service->ra);
	crypto_key_free(service->key);
	buf_clear(&service->last);
}

/* ---- what it hands out ---- */

/** service_queue - a command: its keys as XML, "<key>RequestType</key>..." */
static inline void service_queue(struct service *service, const char *uuid, const char *keys)
{
	struct buf *out = &service->queue[service->queued++];

	assert_true(service->queued <= SERVICE_QUEUE_MAX);
	*out = BUF_INIT(SIM_MESSAGE_MAX);
	assert_int_equal(
		buf_append_format(out, NULL,
				  "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist "
				  "version=\"1.0\"><dict><key>CommandUUID</key><string>%s</string>"
				  "<key>Command</key><dict>%s</dict></dict></plist>",
				  uuid, keys),
		0);
}

/** struct paper - an enrollment profile to be made; NULL: as usual */
struct paper {
	const char *identifier, *server, *checkin, *topic, *scep_uuid, *challenge, *extra;
	int rights; /* 0: all */
	bool is_locked, lacks_mdm;
};

static inline void paper_write(const struct paper *paper, struct buf *out)
{
	struct err err = ERR_INIT;
	char mdm[1500] = "", checkin[300] = "";
	const char *server = paper->server ? paper->server : "https://mdm.example/mdm";

	if (paper->checkin)
		snprintf(checkin, sizeof(checkin), "<key>CheckInURL</key><string>%s</string>",
			 paper->checkin);
	if (!paper->lacks_mdm)
		snprintf(mdm, sizeof(mdm),
			 "<dict><key>PayloadType</key><string>com.apple.mdm</string>"
			 "<key>PayloadVersion</key><integer>1</integer>"
			 "<key>PayloadIdentifier</key><string>example.mdm</string>"
			 "<key>PayloadUUID</key><string>MDM-1</string>"
			 "<key>IdentityCertificateUUID</key><string>%s</string>"
			 "<key>Topic</key><string>%s</string>"
			 "<key>ServerURL</key><string>%s</string>%s"
			 "<key>AccessRights</key><integer>%d</integer>"
			 "<key>CheckOutWhenRemoved</key><true/>%s</dict>",
			 paper->scep_uuid ? paper->scep_uuid : "SCEP-1",
			 paper->topic ? paper->topic : "com.apple.mgmt.External.1", server, checkin,
			 paper->rights ? paper->rights : 8191, paper->extra ? paper->extra : "");
	assert_int_equal(
		buf_append_format(
			out, &err,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>"
			"<key>PayloadType</key><string>Configuration</string>"
			"<key>PayloadVersion</key><integer>1</integer>"
			"<key>PayloadIdentifier</key><string>%s</string>"
			"<key>PayloadUUID</key><string>PROFILE-1</string>"
			"<key>PayloadRemovalDisallowed</key><%s/>"
			"<key>PayloadContent</key><array>"
			"<dict><key>PayloadType</key><string>com.apple.security.scep</string>"
			"<key>PayloadVersion</key><integer>1</integer>"
			"<key>PayloadIdentifier</key><string>example.scep</string>"
			"<key>PayloadUUID</key><string>%s</string>"
			"<key>PayloadContent</key><dict>"
			"<key>URL</key><string>http://mdm.example/scep</string>"
			"<key>Keysize</key><integer>2048</integer>"
			"<key>Challenge</key><string>%s</string>"
			"<key>Subject</key><array><array><array><string>CN</string>"
			"<string>device</string></array></array></array></dict></dict>%s"
			"</array></dict></plist>",
			paper->identifier ? paper->identifier : "example.enrollment",
			paper->is_locked ? "true" : "false",
			paper->scep_uuid ? paper->scep_uuid : "SCEP-1",
			paper->challenge ? paper->challenge : "once", mdm),
		0);
}

/** restrictions_write - a configuration profile with these keys of com.apple.applicationaccess */
static inline void restrictions_write(const char *identifier, const char *keys, struct buf *out)
{
	assert_int_equal(
		buf_append_format(
			out, NULL,
			"<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>"
			"<key>PayloadType</key><string>Configuration</string>"
			"<key>PayloadVersion</key><integer>1</integer>"
			"<key>PayloadIdentifier</key><string>%s</string>"
			"<key>PayloadUUID</key><string>R-1</string><key>PayloadContent</key><array>"
			"<dict><key>PayloadType</key><string>com.apple.applicationaccess</string>"
			"<key>PayloadVersion</key><integer>1</integer>"
			"<key>PayloadIdentifier</key><string>%s.keys</string>"
			"<key>PayloadUUID</key><string>R-2</string>%s</dict></array></dict></"
			"plist>",
			identifier, identifier, keys),
		0);
}

#endif
