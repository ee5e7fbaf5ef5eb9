/*
 * device_setup - a device on its way from an erase to the home screen
 *
 * Activation fetches what Apple holds and sets it aside; Apps & Data offers a restore once, unless
 * the pane is skipped; then a restored device goes home, and every other one meets Remote
 * Management if Apple names a service (docs/design/laboratory.md).
 */
#include "sim/mechanism.h"

#include <string.h>

static bool is_set_up(struct sim_device *device)
{
	return sim_fact_int(device, "state/setup_is_done", 0) != 0;
}

static bool switch_is(struct sim_device *device, const char *name, const char *value)
{
	return sim_word_is(device, &sim_switch_words, name, value);
}

/* ---- erasing ---- */

int sim_erase(struct sim_device *device, const struct sim_erasing *erasing, struct err *err)
{
	const char *server = erasing->by ? erasing->by : erasing->retired ? erasing->retired : "";
	int r = sim_device_erase(device, err);

	if (r == 0)
		r = sim_word_put(device, &sim_world_words, "let-go-by", server, err);
	if (r == 0 && erasing->is_return_to_service)
		r = sim_fact_put_int(device, "setup/return_to_service", 1, err);
	return r;
}

int sim_board_replace(struct sim_device *device, struct err *err)
{
	int64_t board = sim_fact_int(device, "board", 0) + 1,
		epoch = sim_fact_int(device, "encryption_epoch", 0) + 1;
	uint8_t id[8];
	char number[24];
	int r = sim_device_erase(device, err);

	sim_device_derive(device, "udid", (uint64_t)board, id, sizeof(id));
	pthread_mutex_lock(&device->lock);
	device->identity.unique_chip_id = get_u64be(id);
	snprintf(device->identity.udid, sizeof(device->identity.udid), "0000FE5A-%016llX",
		 (unsigned long long)device->identity.unique_chip_id);
	pthread_mutex_unlock(&device->lock);
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)device->identity.unique_chip_id);
	if (r == 0)
		r = sim_fact_put(device, "udid", device->identity.udid, err);
	if (r == 0)
		r = sim_fact_put(device, "chip_id", number, err);
	if (r == 0)
		r = sim_fact_put_int(device, "board", board, err);
	if (r == 0)
		r = sim_fact_put_int(device, "board_epoch", epoch, err);
	return r < 0 ? r : sim_fact_put_int(device, "encryption_epoch", epoch, err);
}

int sim_os_install(struct sim_device *device, const char *version, struct err *err)
{
	struct sim_identity *identity = &device->identity;
	unsigned major, minor;
	int r;

	if (sscanf(version, "%2u.%2u", &major, &minor) != 2 ||
	    strlen(version) >= sizeof(identity->product_version))
		return err_set(err, ERR_USAGE, "%.20s is no version such as 18.6", version);
	pthread_mutex_lock(&device->lock);
	snprintf(identity->product_version, sizeof(identity->product_version), "%s", version);
	sim_build_guess(version, identity->build);
	pthread_mutex_unlock(&device->lock);
	r = sim_fact_put(device, "os", identity->product_version, err);
	return r < 0 ? r : sim_fact_put(device, "build", identity->build, err);
}

/* ---- to the pane ---- */

static int end(struct sim_device *device, const char *how, struct err *err)
{
	return sim_fact_put(device, "setup/end", how, err);
}

static int wait_here(struct sim_device *device, struct err *err)
{
	int r = end(device, "waits", err);

	return r < 0 ? r : SIM_SETUP_WAITS;
}

static int activate(struct sim_device *device, struct err *err)
{
	struct sim_cloud fresh;
	int r = sim_assignment_fetch(device, &fresh, err);

	if (r == SIM_DEVICE_ABSENT)
		r = sim_cloud_remove(device, SIM_SET_ASIDE_PATH, err);
	else if (r == 0)
		r = sim_cloud_store(device, SIM_SET_ASIDE_PATH, &fresh, err);
	return r < 0 ? r : sim_fact_put_int(device, "setup/is_activated", 1, err);
}

int sim_setup_to_pane(struct sim_device *device, struct err *err)
{
	struct sim_cloud fresh = {0};
	int r = 0;

	if (is_set_up(device))
		return SIM_SETUP_IS_DONE;
	if (sim_word_is(device, &sim_world_words, "activation-lock", "blocked"))
		return wait_here(device, err);
	if (!sim_fact_int(device, "setup/is_activated", 0))
		r = activate(device, err);
	if (r == 0)
		r = sim_cloud_load(device, SIM_SET_ASIDE_PATH, &fresh, err);
	if (r < 0)
		return r;
	if (fresh.hides_restore || fresh.is_multi_user ||
	    sim_fact_int(device, "setup/return_to_service", 0) ||
	    sim_fact_int(device, "setup/pane_is_used", 0))
		return SIM_SETUP_NOT_OFFERED;
	return 0;
}

/* ---- the rest ---- */

static bool is_this(struct sim_device *device, const char *url)
{
	char name[SIM_SERVER_LEN], ours[SIM_SERVER_LEN], host[SIM_SERVER_LEN];

	sim_server_host(sim_word_get(device, &sim_world_words, "this", name), ours);
	return !strcmp(sim_server_host(url, host), ours);
}

/* whoever enrolls a device has a record of it, and let it go no longer */
static int services_learn(struct sim_device *device, const struct sim_enrollment *enrollment,
			  struct err *err)
{
	static const char *const renewed[][2] = {{"let-go-by", ""},
						 {"record", "active"},
						 {"generation", "same"},
						 {"certificate", "valid"}};
	int r = 0;

	if (!is_this(device, enrollment->server))
		return sim_word_put(device, &sim_world_words, "let-go-by", "", err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(renewed); i++)
		r = sim_word_put(device, &sim_world_words, renewed[i][0], renewed[i][1], err);
	return r;
}

static int enroll(struct sim_device *device, const struct sim_enrollment *enrollment,
		  struct err *err)
{
	int r = sim_enrollment_install(device, enrollment, err);

	if (r == 0)
		r = services_learn(device, enrollment, err);
	return r < 0 ? r : sim_fact_put_int(device, "enrolled/fresh", 1, err);
}

static int enroll_by_ade(struct sim_device *device, const struct sim_cloud *fresh, struct err *err)
{
	struct sim_enrollment enrollment = {.kind = SIM_ENROLLED_ADE,
					    .is_locked = fresh->is_unremovable};
	char host[SIM_SERVER_LEN];
	int r;

	if (is_this(device, fresh->url) &&
	    !sim_word_is(device, &sim_world_words, "ade-enrollment", "accepts"))
		return wait_here(device, err);
	snprintf(enrollment.server, sizeof(enrollment.server), "https://%.200s/mdm",
		 sim_server_host(fresh->url, host));
	r = sim_cloud_store(device, SIM_CLOUD_PATH, fresh, err);
	if (r == 0)
		r = enroll(device, &enrollment, err);
	return r < 0 ? r : end(device, "remote_management", err);
}

static int remote_management(struct sim_device *device, struct err *err)
{
	struct sim_cloud fresh = {0}, nobody = {.source = SIM_CLOUD_NOBODY};
	int r = sim_cloud_load(device, SIM_SET_ASIDE_PATH, &fresh, err);

	if (r < 0)
		return r;
	if (r == 0 && fresh.url[0])
		return enroll_by_ade(device, &fresh, err);
	if (r == 0 && switch_is(device, "without_profile", "waits"))
		return wait_here(device, err);
	r = sim_cloud_store(device, SIM_CLOUD_PATH, &nobody, err);
	return r < 0 ? r : end(device, "no_remote_management", err);
}

static int arrive(struct sim_device *device, struct err *err)
{
	int r = 0;

	if (switch_is(device, "set_aside_after_setup", "dropped"))
		r = sim_cloud_remove(device, SIM_SET_ASIDE_PATH, err);
	return r < 0 ? r : sim_device_set_state(device, "setup_is_done", "true", err);
}

int sim_setup_finish(struct sim_device *device, bool signs_in, struct err *err)
{
	char restored[32] = "";
	int r = sim_setup_to_pane(device, err);

	if (r < 0 || r == SIM_SETUP_IS_DONE || r == SIM_SETUP_WAITS)
		return r;
	sim_fact_get(device, "setup/restored", restored, sizeof(restored));
	if (!*restored && signs_in)
		r = sim_restore_note(device, "not_a_restore", "synced_only", err);
	if (r < 0)
		return r;
	r = strcmp(restored, "home") ? remote_management(device, err) : end(device, "home", err);
	return r != 0 ? r : arrive(device, err);
}

/* ---- by hand ---- */

/* what the person reads; the words are the services' own */
static int refused_by_service(struct sim_device *device, struct err *err)
{
	char word[SIM_SERVER_LEN];

	sim_word_get(device, &sim_world_words, "by-hand", word);
	if (!strcmp(word, "accepts"))
		return 0;
	if (!strcmp(word, "limit"))
		return err_set(err, ERR_POLICY,
			       "Couldn't add your device. You have added the maximum number of "
			       "devices allowed by your IT support. You must remove a device "
			       "before you can add a new one.");
	return err_set(err, ERR_POLICY,
		       "Profile Installation Failed. Connection to the server could not be "
		       "established.");
}

int sim_enroll_by_hand(struct sim_device *device, const char *server, struct err *err)
{
	struct sim_enrollment present, wanted = {.kind = SIM_ENROLLED_PROFILE};
	char old[SIM_SERVER_LEN], new[SIM_SERVER_LEN];
	int r = sim_enrollment_load(device, &present, err);

	if (r < 0)
		return r;
	sim_server_url(server, wanted.server);
	/* a profile replaces only one of the same service */
	if (r == 0 && (strcmp(sim_server_host(present.server, old), sim_server_host(server, new)) ||
		       (present.is_locked && switch_is(device, "locked_profile", "fixed"))))
		return err_set(err, ERR_POLICY,
			       "Profile Installation Failed. The new MDM payload does not match "
			       "the old payload.");
	r = is_this(device, wanted.server) ? refused_by_service(device, err) : 0;
	return r < 0 ? r : enroll(device, &wanted, err);
}

int sim_unmanage(struct sim_device *device, bool is_service, struct err *err)
{
	struct sim_observation seen;
	int r = sim_observe(device, sim_service_in_words(), &seen, err);

	if (r < 0)
		return r;
	if (!is_service && seen.is_locked)
		return err_set(err, ERR_POLICY,
			       "the enrollment profile is locked: only its service removes it");
	return sim_enrollment_remove(device, err);
}
