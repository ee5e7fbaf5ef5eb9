/*
 * client_enroll - a profile is installed, and what came by it leaves again
 *
 * An enrollment is written to the device only once the service has accepted it: whatever fails
 * before leaves profile and identity as they were.
 */
#include "sim/client.h"

#include <string.h>

enum { TOKEN_TRIES = 3 };

static int failed(struct sim_chain *chain)
{
	return sim_chain_wrap(chain, SIM_DOMAIN_INSTALL, 4001, "Profile Installation Failed");
}

/* ---- an enrollment ---- */

/** struct installing - an enrollment profile on its way in */
struct installing {
	struct sim_client *client;
	const struct sim_profile *profile;
	struct sim_relation old, new;
	bool is_update; /* @old is filled */
	struct sim_chain *chain;
};

/* a payload that is there unchanged keeps its identity: only a new one asks for another */
static bool keeps_identity(struct installing *installing)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	char path[SIM_STUB_PATH_LEN];
	const struct plist *payloads;

	if (!installing->is_update || plist_doc_new(&doc, NULL) < 0)
		return false;
	sim_profiles_stub_path(installing->profile->identifier, path);
	payloads = plist_get_array(sim_profiles_load(installing->client->device, path, doc),
				   "PayloadContent");
	for (const struct plist *payload = payloads ? payloads->as.items.first : NULL; payload;
	     payload = payload->next)
		if (!strcmp(plist_get_text(payload, "PayloadUUID"),
			    plist_get_text(installing->profile->identity, "PayloadUUID")))
			return true;
	return false;
}

static int take_old_identity(struct installing *installing, struct err *err)
{
	int r;

	installing->new.row = installing->old.row;
	r = buf_append_slice(&installing->new.cert, buf_slice(&installing->old.cert), err);
	return r < 0 ? r
		     : buf_append_slice(&installing->new.key, buf_slice(&installing->old.key), err);
}

static int get_identity(struct installing *installing, struct err *err)
{
	const struct plist *payload = installing->profile->identity;

	if (keeps_identity(installing))
		return take_old_identity(installing, err);
	if (strcmp(plist_get_text(payload, "PayloadType"), "com.apple.security.scep") != 0)
		return sim_chain_add(installing->chain, SIM_DOMAIN_MDM, 12016,
				     "Simulated devices get identities by SCEP alone.");
	return sim_scep_get(installing->client, payload, buf_slice(&installing->new.anchors),
			    installing->new.row, &installing->new.cert, &installing->new.key,
			    installing->chain, err);
}

/* what became of a message, in a chain; 0: accepted */
static int judge(const struct installing *installing, int r, const struct sim_response *response,
		 const struct err *err)
{
	struct sim_chain *chain = installing->chain;

	if (r == ERR_POLICY)
		return sim_chain_add(chain, SIM_DOMAIN_HTTP, 23002,
				     "The server certificate for “%.150s” is invalid.",
				     installing->new.checkin_url);
	if (r < 0)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12002,
				     "Connection to the server could not be established. %.100s",
				     err->text);
	if (response->status == 401)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12007,
				     "The server does not authorize this device.");
	if (response->status / 100 != 2)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12002,
				     "Connection to the server could not be established.");
	return 0;
}

static int authenticate(struct installing *installing, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	struct err failure = ERR_INIT;
	int r = sim_checkin_send(installing->client, &installing->new, SIM_CHECKIN_AUTHENTICATE,
				 &response, &failure);

	(void)err;
	return judge(installing, r, &response, &failure);
}

/* a trouble that passes leaves the message due; the enrollment stands */
static int update_token(struct installing *installing, bool *was_told, struct err *err)
{
	struct err failure = ERR_INIT;

	(void)err;
	*was_told = false;
	for (unsigned i = 0; i < TOKEN_TRIES; i++) {
		CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
		int r = sim_checkin_send(installing->client, &installing->new,
					 SIM_CHECKIN_TOKEN_UPDATE, &response, &failure);

		if (r == 0 && sim_answer_unenrolls(&response))
			return judge(installing, r, &response, &failure);
		*was_told = r == 0 && response.status / 100 == 2;
		if (*was_told)
			return 0;
	}
	return 0;
}

static int settle(struct installing *installing, bool was_told, struct err *err)
{
	struct sim_device *device = installing->client->device;
	uint64_t old = installing->old.row;
	int r = 0;

	if (installing->new.row != old)
		r = sim_fact_put_int(device, "enrollments", (int64_t)installing->new.row, err);
	if (r == 0)
		r = sim_relation_store(device, installing->profile, &installing->new, err);
	if (r == 0 && installing->is_update && installing->new.row != old) {
		r = sim_keychain_remove(device, "cert", old, err);
		if (r == 0)
			r = sim_keychain_remove(device, "keys", old, err);
	}
	if (r == 0 && was_told)
		r = sim_token_was_told(device, &installing->new, err);
	if (r == 0 && !installing->is_update)
		r = sim_fact_put_int(device, "enrolled/fresh", 1, err);
	return r < 0 ? r : sim_restrictions_apply(device, err);
}

static int enroll(struct installing *installing, struct err *err)
{
	struct sim_device *device = installing->client->device;
	bool was_told = false;
	int r = sim_relation_load(device, &installing->old, err);

	installing->is_update = r == 0;
	if (r >= 0)
		r = sim_relation_begin(device, installing->profile,
				       (uint64_t)sim_fact_int(device, "enrollments", 0) + 1,
				       &installing->new, err);
	if (r == 0)
		r = get_identity(installing, err);
	if (r == 0)
		r = authenticate(installing, err);
	if (r == 0)
		r = update_token(installing, &was_told, err);
	if (r == 0)
		r = settle(installing, was_told, err);
	return r == SIM_REFUSED ? failed(installing->chain) : r;
}

/* ---- any profile ---- */

static int put_profile(struct sim_device *device, const struct sim_profile *profile,
		       bool by_service, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *stub;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	stub = plist_copy(doc, profile->root);
	plist_set_date(doc, stub, "InstallDate", sim_device_now(device));
	if (by_service)
		plist_set_bool(doc, stub, SIM_BY_SERVICE, true);
	return sim_device_profile_put(device, stub, err);
}

int sim_profile_by_person(struct sim_device *device, const char *identifier, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	char path[SIM_STUB_PATH_LEN];
	bool is_ours = false;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	sim_profiles_stub_path(identifier, path);
	plist_get_bool(sim_profiles_load(device, path, doc), SIM_BY_SERVICE, &is_ours);
	if (is_ours)
		return SIM_DEVICE_PROHIBITED;
	return sim_device_profile_remove(device, identifier, err);
}

int sim_client_install(struct sim_client *client, struct slice bytes, bool by_service,
		       struct sim_chain *chain, struct err *err)
{
	CLEANUP(sim_profile_clear) struct sim_profile profile = SIM_PROFILE_INIT;
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct installing installing = {.client = client, .profile = &profile, .chain = chain};
	struct sim_incumbent incumbent;
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = sim_profile_read(&profile, bytes, chain, err);
	if (r != 0)
		return r;
	if (!by_service &&
	    !sim_restriction(client->device, "allowUIConfigurationProfileInstallation"))
		return sim_chain_add(chain, SIM_DOMAIN_INSTALL, 4020,
				     "Profiles may not be installed by hand on this device.");
	sim_incumbent_load(client->device, doc, &incumbent);
	r = sim_replace_check(&profile, &incumbent, chain);
	if (r != 0 || !profile.mdm)
		return r != 0 ? r : put_profile(client->device, &profile, by_service, err);
	sim_relation_init(&installing.old);
	sim_relation_init(&installing.new);
	r = enroll(&installing, err);
	sim_relation_clear(&installing.old);
	sim_relation_clear(&installing.new);
	return r;
}

/* ---- leaving ---- */

static int drop_profiles(struct sim_device *device, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *paths;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	paths = plist_new_array(doc);
	r = sim_profiles_stubs(device, doc, paths, err);
	for (const struct plist *path = paths->as.items.first; r == 0 && path; path = path->next) {
		bool is_ours = false;

		plist_get_bool(sim_profiles_load(device, plist_text(path), doc), SIM_BY_SERVICE,
			       &is_ours);
		if (is_ours)
			r = sim_profiles_drop(device, plist_text(path), err);
	}
	return r;
}

static int forget_facts(struct sim_device *device, struct err *err)
{
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_exec(device->db, "DELETE FROM facts WHERE substr(key, 1, 4) = 'mdm/'", err);
	pthread_mutex_unlock(&device->lock);
	return r < 0 ? r : sim_fact_remove(device, "push_told", err);
}

int sim_client_leave(struct sim_client *client, bool says_so, struct err *err)
{
	struct sim_device *device = client->device;
	struct sim_relation relation;
	int r;

	sim_relation_init(&relation);
	r = sim_relation_load(device, &relation, err);
	if (r == 0 && says_so && relation.checks_out) {
		CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;

		/* once, and whatever comes of it */
		(void)sim_checkin_send(client, &relation, SIM_CHECKIN_OUT, &response, NULL);
	}
	sim_relation_clear(&relation);
	if (r < 0)
		return r;
	r = sim_managed_apps_leave(device, err);
	if (r == 0)
		r = drop_profiles(device, err);
	if (r == 0)
		r = forget_facts(device, err);
	if (r == 0)
		r = sim_enrollment_remove(device, err);
	return r < 0 ? r : sim_restrictions_apply(device, err);
}
