/*
 * client_profile - the bytes of a configuration profile, checked as a device checks them
 *
 * Rules: docs/protocol/mdm-device, "Profiles".
 */
#include "sim/client.h"

#include "crypto/identity.h"

#include <string.h>

enum { PAYLOADS_MAX = 256 };

void sim_profile_clear(struct sim_profile *profile)
{
	plist_doc_free(STEAL(profile->doc));
	buf_clear(&profile->signer);
}

/* ---- fields ---- */

/* a payload, or (@where PROFILE) the profile itself, lacks a field */
static int missing(struct sim_chain *chain, const char *domain, int code, const char *field)
{
	return sim_chain_add(chain, domain, code, "The required field “%s” is missing.", field);
}

static int check_payload(const struct plist *payload, struct sim_chain *chain)
{
	static const char *const fields[] = {"PayloadType", "PayloadIdentifier", "PayloadUUID"};
	int64_t version = 0;

	if (payload->type != PLIST_DICT)
		return sim_chain_add(chain, SIM_DOMAIN_PAYLOAD, 2000, "The payload is malformed.");
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		if (!plist_get(payload, fields[i]))
			return missing(chain, SIM_DOMAIN_PAYLOAD, 2002, fields[i]);
		if (!plist_get_text(payload, fields[i]))
			return sim_chain_add(chain, SIM_DOMAIN_PAYLOAD, 2003,
					     "The field “%s” has another type.", fields[i]);
	}
	if (!plist_get_int(payload, "PayloadVersion", &version))
		return missing(chain, SIM_DOMAIN_PAYLOAD, 2002, "PayloadVersion");
	if (version != 1)
		return sim_chain_add(chain, SIM_DOMAIN_PAYLOAD, 2001,
				     "The payload's version is not supported.");
	return 0;
}

/* one UUID and one identifier for each payload */
static int check_unique(const struct plist *payloads, struct sim_chain *chain)
{
	for (const struct plist *one = payloads->as.items.first; one; one = one->next) {
		for (const struct plist *other = one->next; other; other = other->next) {
			if (!strcmp(plist_get_text(one, "PayloadUUID"),
				    plist_get_text(other, "PayloadUUID")))
				return sim_chain_add(chain, SIM_DOMAIN_PROFILE, 1007,
						     "Two payloads have the same UUID.");
			if (!strcmp(plist_get_text(one, "PayloadIdentifier"),
				    plist_get_text(other, "PayloadIdentifier")))
				return sim_chain_add(chain, SIM_DOMAIN_PROFILE, 1008,
						     "Two payloads have the same identifier.");
		}
	}
	return 0;
}

static int invalid(const struct sim_profile *profile, struct sim_chain *chain)
{
	char text[SIM_CHAIN_TEXT];

	snprintf(text, sizeof(text), "The profile “%.100s” is invalid.",
		 profile->name ? profile->name : "?");
	sim_chain_wrap(chain, SIM_DOMAIN_PROFILE, 1000, text);
	return sim_chain_wrap(chain, SIM_DOMAIN_INSTALL, 4000, "Invalid Profile");
}

static int check_payloads(struct sim_profile *profile, struct sim_chain *chain)
{
	const struct plist *payloads = plist_get_array(profile->root, "PayloadContent");

	if (!payloads)
		return missing(chain, SIM_DOMAIN_PROFILE, 1002, "PayloadContent");
	if (payloads->as.items.count > PAYLOADS_MAX)
		return sim_chain_add(chain, SIM_DOMAIN_PROFILE, 1010, "Too many payloads.");
	for (const struct plist *payload = payloads->as.items.first; payload;
	     payload = payload->next) {
		if (check_payload(payload, chain) != 0)
			return SIM_REFUSED;
		if (strcmp(plist_get_text(payload, "PayloadType"), "com.apple.mdm") != 0)
			continue;
		if (profile->mdm)
			return sim_chain_add(chain, SIM_DOMAIN_MDM, 12001,
					     "A device has one MDM payload only.");
		profile->mdm = payload;
	}
	return check_unique(payloads, chain);
}

static int check_container(struct sim_profile *profile, struct sim_chain *chain)
{
	const char *type = plist_get_text(profile->root, "PayloadType");
	int64_t version = 0;

	profile->identifier = plist_get_text(profile->root, "PayloadIdentifier");
	profile->uuid = plist_get_text(profile->root, "PayloadUUID");
	profile->name = plist_get_text(profile->root, "PayloadDisplayName");
	if (!profile->name)
		profile->name = profile->identifier;
	if (!type || strcmp(type, "Configuration") != 0)
		return missing(chain, SIM_DOMAIN_PROFILE, 1002, "PayloadType");
	if (!profile->identifier || !*profile->identifier ||
	    strlen(profile->identifier) >= SIM_SERVER_LEN)
		return missing(chain, SIM_DOMAIN_PROFILE, 1002, "PayloadIdentifier");
	if (!profile->uuid)
		return missing(chain, SIM_DOMAIN_PROFILE, 1002, "PayloadUUID");
	if (!plist_get_int(profile->root, "PayloadVersion", &version) || version != 1)
		return sim_chain_add(chain, SIM_DOMAIN_PROFILE, 1001,
				     "The profile's version is not supported.");
	return check_payloads(profile, chain);
}

/* ---- the MDM payload ---- */

static bool is_https(const char *url)
{
	return url && !strncmp(url, "https://", 8) && strlen(url) < SIM_SERVER_LEN;
}

static int check_mdm(struct sim_profile *profile, struct sim_chain *chain)
{
	static const char *const fields[] = {"IdentityCertificateUUID", "Topic", "ServerURL"};
	const char *checkin = plist_get_text(profile->mdm, "CheckInURL"),
		   *wanted = plist_get_text(profile->mdm, "IdentityCertificateUUID");
	const struct plist *payloads = plist_get_array(profile->root, "PayloadContent");

	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		if (!plist_get_text(profile->mdm, fields[i]))
			return missing(chain, SIM_DOMAIN_PAYLOAD, 2002, fields[i]);
	if (!is_https(plist_get_text(profile->mdm, "ServerURL")) || (checkin && !is_https(checkin)))
		return sim_chain_add(chain, SIM_DOMAIN_PAYLOAD, 2004,
				     "The field “ServerURL” holds no address of HTTPS.");
	for (const struct plist *payload = payloads->as.items.first; payload;
	     payload = payload->next)
		if (!strcmp(plist_get_text(payload, "PayloadUUID"), wanted))
			profile->identity = payload;
	return 0;
}

/* ---- reading ---- */

/* a profile installs whoever signed it; that the signature holds is asked of all */
static int unwrap(struct slice bytes, struct buf *content, struct buf *signer, struct err *err)
{
	CLEANUP(crypto_signed_clear) struct crypto_signed sig;
	int r;

	crypto_signed_init(&sig);
	r = crypto_signed_open(&sig, bytes, SLICE_EMPTY, 0, err);
	if (r == 0)
		r = buf_append_slice(content, buf_slice(&sig.content), err);
	return r != 0 ? r : buf_append_slice(signer, buf_slice(&sig.signer), err);
}

static int read_plist(struct sim_profile *profile, struct slice bytes, struct sim_chain *chain,
		      struct err *err)
{
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	int r = plist_parse(profile->doc, bytes, &limits, &profile->root, err);

	if (r == ERR_PROTOCOL || r == ERR_LIMIT || (r == 0 && profile->root->type != PLIST_DICT))
		return sim_chain_add(chain, SIM_DOMAIN_INSTALL, 4007,
				     "The profile is no configuration profile.");
	return r;
}

int sim_profile_read(struct sim_profile *profile, struct slice bytes, struct sim_chain *chain,
		     struct err *err)
{
	CLEANUP(buf_clear) struct buf content = BUF_INIT(SIM_MESSAGE_MAX);
	int r = plist_doc_new(&profile->doc, err);

	if (r == 0 && bytes.len > 0 && bytes.bytes[0] == 0x30) { /* DER: CMS */
		r = unwrap(bytes, &content, &profile->signer, err);
		if (r == ERR_PROTOCOL || r == ERR_LIMIT || r > 0)
			return sim_chain_add(chain, SIM_DOMAIN_PROFILE, 1004,
					     "The profile's signature is wrong.");
		bytes = buf_slice(&content);
	}
	if (r == 0)
		r = read_plist(profile, bytes, chain, err);
	if (r != 0)
		return r;
	if (check_container(profile, chain) != 0 ||
	    (profile->mdm && check_mdm(profile, chain) != 0))
		return invalid(profile, chain);
	return 0;
}

int sim_profile_anchors(const struct plist *root, struct buf *anchors, struct err *err)
{
	static const char *const types[] = {"com.apple.security.root", "com.apple.security.pkcs1",
					    "com.apple.security.pem"};
	const struct plist *payloads = plist_get_array(root, "PayloadContent");
	int r = 0;

	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL;
	     payload && r == 0; payload = payload->next) {
		const char *type = plist_get_text(payload, "PayloadType");
		CLEANUP(buf_clear) struct buf der = BUF_INIT(1 << 16);
		struct slice cert;

		for (size_t i = 0; type && i < ARRAY_COUNT(types); i++) {
			if (strcmp(type, types[i]) != 0 ||
			    !plist_get_data(payload, "PayloadContent", &cert) ||
			    crypto_cert_der(cert, &der, NULL) < 0)
				continue;
			r = buf_append_u32be(anchors, (uint32_t)der.len, err);
			if (r == 0)
				r = buf_append_slice(anchors, buf_slice(&der), err);
			break;
		}
	}
	return r;
}
