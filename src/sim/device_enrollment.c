/*
 * device_enrollment - an enrollment told in words, and what the present one is
 *
 * The words become the profile that a service would have sent; keys and their types as in
 * docs/format/ios-backup, "MDM.plist".
 */
#include "sim/mechanism.h"

#include <stdlib.h>
#include <string.h>

enum {
	YEAR_SECONDS = 365 * SIM_DAY_SECONDS,
	ALL_RIGHTS = 8191,
};

/* ---- words ---- */

static const char *const kinds[] = {"none", "ade", "profile", "adde", "user", "configurator"};
static const char *const identities[] = {"scep", "pkcs12", "acme", "acme-hardware"};

const char *sim_enrollment_word(enum sim_kind_of_enrollment kind)
{
	return kinds[kind];
}

bool sim_enrollment_parse(const char *word, enum sim_kind_of_enrollment *kind)
{
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (!strcmp(word, kinds[i])) {
			*kind = (enum sim_kind_of_enrollment)i;
			return true;
		}
	}
	return false;
}

const char *sim_identity_word(enum sim_identity_kind kind)
{
	return identities[kind];
}

bool sim_identity_parse(const char *word, enum sim_identity_kind *kind)
{
	for (size_t i = 0; i < ARRAY_COUNT(identities); i++) {
		if (!strcmp(word, identities[i])) {
			*kind = (enum sim_identity_kind)i;
			return true;
		}
	}
	return false;
}

/* ---- the enrollment profile ---- */

/* a push topic names the service's certificate: the same for all its devices */
static void topic_make(const char *server, char out[80])
{
	uint8_t digest[CRYPTO_SHA256_LEN];
	char host[SIM_SERVER_LEN], hex[13];

	crypto_sha256(slice_text(sim_server_host(server, host)), digest);
	hex_encode(digest, 6, hex);
	snprintf(out, 80, "com.apple.mgmt.External.00000000-0000-4000-8000-%s", hex);
}

/* its identifier stays for a service's whole life, so that a later profile may replace it */
static void identifier_make(const char *server, char out[SIM_SERVER_LEN + 16])
{
	char host[SIM_SERVER_LEN];

	snprintf(out, SIM_SERVER_LEN + 16, "%s.enrollment", sim_server_host(server, host));
}

static const char *mode_of(enum sim_kind_of_enrollment kind)
{
	return kind == SIM_ENROLLED_ADDE ? "ADDE" : kind == SIM_ENROLLED_USER ? "BYOD" : NULL;
}

static const char *payload_type(enum sim_identity_kind kind)
{
	return kind == SIM_IDENTITY_SCEP     ? "com.apple.security.scep"
	       : kind == SIM_IDENTITY_PKCS12 ? "com.apple.security.pkcs12"
					     : "com.apple.security.acme";
}

/** struct relation - what the payloads of one enrollment name in common */
struct relation {
	const struct sim_enrollment *enrollment;
	uint64_t number; /* counts the device's enrollments; row of its identity */
	char identifier[SIM_SERVER_LEN + 16], topic[80];
	char profile_uuid[37], mdm_uuid[37], identity_uuid[37];
};

static struct plist *payload_make(struct plist_doc *doc, const char *type, const char *parent,
				  const char *suffix, const char *uuid)
{
	struct plist *payload = plist_new_dict(doc);
	char identifier[SIM_SERVER_LEN + 32];

	snprintf(identifier, sizeof(identifier), "%.270s%s", parent, suffix);
	plist_set_text(doc, payload, "PayloadType", type);
	plist_set_text(doc, payload, "PayloadIdentifier", identifier);
	plist_set_text(doc, payload, "PayloadUUID", uuid);
	plist_set_int(doc, payload, "PayloadVersion", 1);
	return payload;
}

static struct plist *identity_payload(struct plist_doc *doc, const struct relation *relation)
{
	const struct sim_enrollment *enrollment = relation->enrollment;
	bool is_hardware = enrollment->identity == SIM_IDENTITY_ACME_HARDWARE;
	struct plist *payload =
		payload_make(doc, payload_type(enrollment->identity), relation->identifier,
			     ".identity", relation->identity_uuid);

	if (is_hardware || enrollment->identity == SIM_IDENTITY_ACME)
		plist_set_bool(doc, payload, "HardwareBound", is_hardware);
	return payload;
}

static struct plist *mdm_payload(struct plist_doc *doc, const struct relation *relation)
{
	const struct sim_enrollment *enrollment = relation->enrollment;
	struct plist *mdm = payload_make(doc, "com.apple.mdm", relation->identifier, ".mdm",
					 relation->mdm_uuid);

	plist_set_text(doc, mdm, "ServerURL", enrollment->server);
	plist_set_text(doc, mdm, "Topic", relation->topic);
	plist_set_text(doc, mdm, "IdentityCertificateUUID", relation->identity_uuid);
	plist_set_int(doc, mdm, "AccessRights", ALL_RIGHTS);
	plist_set_bool(doc, mdm, "CheckOutWhenRemoved", true);
	if (mode_of(enrollment->kind))
		plist_set_text(doc, mdm, "EnrollmentMode", mode_of(enrollment->kind));
	return mdm;
}

/* the profile as the service would have sent it, into the device's files */
static int profile_write(struct sim_device *device, const struct relation *relation,
			 struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct sim_enrollment *enrollment = relation->enrollment;
	struct plist *profile, *mdm, *identity, *payloads;
	char magic[37];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	profile = payload_make(doc, "Configuration", relation->identifier, "",
			       relation->profile_uuid);
	plist_set_text(doc, profile, "PayloadDisplayName", "Management profile");
	plist_set_text(doc, profile, "PayloadOrganization", relation->identifier);
	plist_set_bool(doc, profile, "PayloadRemovalDisallowed", enrollment->is_locked);
	mdm = mdm_payload(doc, relation);
	identity = identity_payload(doc, relation);
	payloads = plist_new_array(doc);
	plist_add(doc, payloads, mdm);
	plist_add(doc, payloads, identity);
	plist_set(doc, profile, "PayloadContent", payloads);
	sim_device_uuid(device, "push-magic", relation->number, magic);
	return sim_enrollment_write(
		device,
		&(struct sim_enrolling){.profile = profile,
					.mdm = mdm,
					.identity = identity,
					.magic = magic,
					.row = relation->number,
					.since = enrollment->since,
					.is_locked = enrollment->is_locked,
					.is_ade = enrollment->kind == SIM_ENROLLED_ADE},
		err);
}

/* a key that the hardware itself holds: an erase destroys it, and no backup has it */
static const char *enclave_fact(uint64_t row, char out[64])
{
	snprintf(out, 64, "enclave/%llu", (unsigned long long)row);
	return out;
}

static int enclave_put(struct sim_device *device, uint64_t row, struct err *err)
{
	char fact[64];

	return sim_fact_put_int(device, enclave_fact(row, fact), 1, err);
}

int sim_enrollment_install(struct sim_device *device, const struct sim_enrollment *wanted,
			   struct err *err)
{
	struct sim_enrollment enrollment = *wanted;
	struct relation relation = {.enrollment = &enrollment};
	int r = sim_enrollment_remove(device, err);

	if (!enrollment.since)
		enrollment.since = sim_device_now(device);
	if (!enrollment.identity_until)
		enrollment.identity_until = enrollment.since + YEAR_SECONDS;
	relation.number = (uint64_t)sim_fact_int(device, "enrollments", 0) + 1;
	identifier_make(enrollment.server, relation.identifier);
	topic_make(enrollment.server, relation.topic);
	sim_device_uuid(device, "enrollment-profile", relation.number, relation.profile_uuid);
	sim_device_uuid(device, "mdm-payload", relation.number, relation.mdm_uuid);
	sim_device_uuid(device, "identity-payload", relation.number, relation.identity_uuid);
	if (r == 0)
		r = sim_fact_put_int(device, "enrollments", (int64_t)relation.number, err);
	if (r == 0)
		r = sim_identity_make(device, &enrollment, relation.number, err);
	if (r == 0 && enrollment.identity == SIM_IDENTITY_ACME_HARDWARE)
		r = enclave_put(device, relation.number, err);
	return r < 0 ? r : profile_write(device, &relation, err);
}

/* ---- reading ---- */

static void take_identity(const struct plist *stub, struct sim_enrollment *enrollment)
{
	const struct plist *payloads = plist_get_array(stub, "PayloadContent");

	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next) {
		const char *type = plist_get_text(payload, "PayloadType");
		bool is_hardware = false;

		for (int kind = SIM_IDENTITY_SCEP; type && kind <= SIM_IDENTITY_ACME; kind++)
			if (!strcmp(type, payload_type((enum sim_identity_kind)kind)))
				enrollment->identity = (enum sim_identity_kind)kind;
		if (plist_get_bool(payload, "HardwareBound", &is_hardware) && is_hardware)
			enrollment->identity = SIM_IDENTITY_ACME_HARDWARE;
	}
}

static uint64_t row_of(const struct plist *mdm)
{
	struct slice ref = SLICE_EMPTY;

	return plist_get_data(mdm, "IdentityPersistentRef", &ref) && ref.len == 12
		       ? get_u64be(ref.bytes + 4)
		       : 0;
}

static enum sim_kind_of_enrollment kind_of(struct sim_device *device, const struct plist *mdm)
{
	const char *mode = plist_get_text(mdm, "EnrollmentMode");
	struct sim_cloud cloud;
	bool is_ade = false;

	if (mode)
		return strcmp(mode, "ADDE") ? SIM_ENROLLED_USER : SIM_ENROLLED_ADDE;
	plist_get_bool(mdm, "IsADEProfile", &is_ade);
	if (is_ade)
		return SIM_ENROLLED_ADE;
	return sim_cloud_load(device, SIM_CLOUD_PATH, &cloud, NULL) == 0 &&
			       cloud.source == SIM_CLOUD_CONFIGURATOR
		       ? SIM_ENROLLED_CONFIGURATOR
		       : SIM_ENROLLED_PROFILE;
}

/* in the secure enclave, unless an erase took it; whether it does, is a switch */
static bool has_enclave_key(struct sim_device *device, uint64_t row)
{
	char fact[64];

	return sim_fact_int(device, enclave_fact(row, fact), 0) != 0 ||
	       sim_word_is(device, &sim_switch_words, "hardware_identity", "kept");
}

static void take_keychain(struct sim_device *device, uint64_t row,
			  struct sim_enrollment *enrollment)
{
	CLEANUP(buf_wipe) struct buf der = BUF_INIT(1 << 16);

	if (sim_keychain_get(device, "cert", row, &der, NULL) == 0)
		enrollment->identity_until = sim_identity_until(buf_slice(&der));
	enrollment->has_identity = enrollment->identity_until != 0 &&
				   (enrollment->identity == SIM_IDENTITY_ACME_HARDWARE
					    ? has_enclave_key(device, row)
					    : sim_keychain_has(device, "keys", row));
}

int sim_enrollment_load(struct sim_device *device, struct sim_enrollment *enrollment,
			struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *mdm, *stub;
	const char *server, *identifier;
	char path[SIM_STUB_PATH_LEN];
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	mdm = sim_profiles_load(device, SIM_MDM_PATH, doc);
	server = plist_get_text(mdm, "ServerURL");
	identifier = plist_get_text(mdm, "ManagingProfileIdentifier");
	if (!server || !identifier)
		return SIM_DEVICE_ABSENT; /* without these the whole file is invalid */
	*enrollment = (struct sim_enrollment){.kind = kind_of(device, mdm)};
	snprintf(enrollment->server, sizeof(enrollment->server), "%s", server);
	plist_get_bool(mdm, "IsProfileLocked", &enrollment->is_locked);
	sim_profiles_stub_path(identifier, path);
	stub = sim_profiles_load(device, path, doc);
	plist_get_date(stub, "InstallDate", &enrollment->since);
	take_identity(stub, enrollment);
	take_keychain(device, row_of(mdm), enrollment);
	return 0;
}

/* ---- going ---- */

int sim_enrollment_remove(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *mdm;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	mdm = sim_profiles_load(device, SIM_MDM_PATH, doc);
	if (!mdm)
		return 0;
	r = sim_keychain_remove(device, "cert", row_of(mdm), err);
	if (r == 0)
		r = sim_keychain_remove(device, "keys", row_of(mdm), err);
	return r < 0 ? r
		     : sim_enrollment_unwrite(
			       device, plist_get_text(mdm, "ManagingProfileIdentifier"), err);
}
