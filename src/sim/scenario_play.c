/*
 * scenario_play - a story played on device folders
 *
 * A device is born as it was when it was backed up, and a host or a cloud takes the backup; the
 * target is born as it stands before the restore: erased, new, or set up.  The same seed makes
 * the same device, so that "the device later" is a second folder.
 */
#include "sim/host_folder.h"
#include "sim/scenario_internal.h"

#include <stdlib.h>
#include <string.h>

#define KEEPSAKE_DOMAIN "AppDomain-org.example.notes"
#define KEEPSAKE_PATH "Documents/keepsake.txt"
#define PASSWORD "laboratory"
#define WORK_APP "org.example.work"

enum {
	SEED = 4711,
	OTHER_SEED = 4712,
	NOW = 1793520000, /* 2026-11-01T08:00:00Z */
	MONTH = 30 * SIM_DAY_SECONDS,
	KDF_ROUNDS = 1, /* a laboratory waits for nothing */
};

/** struct play - a story under way */
struct play {
	struct sim_scenario story;
	char folder[SIM_FOLDER_MAX - 32];
	struct sim_device *source, *target;
	struct sim_folder_host host;
	struct secret password;
	bool is_set_up, is_local;
};

static bool is(const struct play *play, enum sim_scenario_field field, const char *value)
{
	return story_is(&play->story, field, value);
}

static bool yes(const struct play *play, enum sim_scenario_field field)
{
	return is(play, field, "yes");
}

/* ---- births ---- */

static void management_of_backup(const struct play *play, struct sim_management *management)
{
	struct sim_enrollment *enrollment = &management->enrollment;

	management->is_supervised = yes(play, SIM_IN_BSUP);
	management->has_ade_record = is(play, SIM_IN_ADE_RECORD, "mandatory");
	if (is(play, SIM_IN_SERVER_UID, "equal"))
		management->server_uid = "uid-assigned";
	else if (is(play, SIM_IN_SERVER_UID, "different"))
		management->server_uid = "uid-before";
	if (yes(play, SIM_IN_PROVISIONAL) && management->has_ade_record)
		management->provisional_until = NOW + MONTH;
	if (yes(play, SIM_IN_MANAGED_NOBACKUP))
		management->app_not_backed_up = WORK_APP;
	if (is(play, SIM_IN_BM, "none"))
		return;
	sim_enrollment_parse(play->story.value[SIM_IN_KIND], &enrollment->kind);
	sim_server_url(play->story.value[SIM_IN_BM], enrollment->server);
	enrollment->identity = is(play, SIM_IN_IDENTITY, "hardware") ? SIM_IDENTITY_ACME_HARDWARE
								     : SIM_IDENTITY_SCEP;
	enrollment->is_locked = is(play, SIM_IN_REMOVABLE, "no");
	enrollment->since = NOW - MONTH;
	/* the fact is about this service's certificate; another's is taken for valid */
	if (yes(play, SIM_IN_EXPIRED) && is(play, SIM_IN_BM, "this"))
		enrollment->identity_until = NOW - 1;
}

static int born(const struct play *play, const char *name, struct sim_birth birth,
		struct sim_device **out, struct err *err)
{
	char folder[SIM_FOLDER_MAX];
	int r;

	birth.profile = "fresh";
	birth.has_now = true;
	birth.now = NOW;
	birth.kdf_rounds = KDF_ROUNDS;
	snprintf(folder, sizeof(folder), "%s/%s", play->folder, name);
	r = sim_birth_run(folder, &birth, err);
	return r < 0 ? r : sim_device_open(out, folder, err);
}

static int source_born(struct play *play, struct err *err)
{
	struct sim_management management = {0};
	struct sim_birth birth = {
		.seed = SEED, .os = play->story.value[SIM_IN_BACKUP_OS], .management = &management};
	int r;

	management_of_backup(play, &management);
	if (is(play, SIM_IN_SOURCE, "local_encrypted"))
		birth.backup_password = &play->password;
	r = born(play, "source", birth, &play->source, err);
	return r < 0 ? r
		     : sim_file_store(play->source, KEEPSAKE_DOMAIN, KEEPSAKE_PATH,
				      slice_text("what shall not be lost\n"), err);
}

static int back_up(struct play *play, struct err *err)
{
	struct sim_answer answer;
	char root[SIM_FOLDER_MAX];
	int r;

	snprintf(root, sizeof(root), "%s/host", play->folder);
	r = sim_folder_host_init(&play->host, root, err);
	if (r == 0)
		r = sim_device_backup(play->source, &play->host.host, NULL, true, &answer, err);
	if (r == 0 && answer.code)
		r = err_set(err, ERR_DEVICE, "%s", answer.text);
	return r;
}

/* a device that is set up, and managed as `now` says */
static int live_on(struct play *play, struct err *err)
{
	struct sim_management management = {.is_supervised = yes(play, SIM_IN_NOW_SUP)};
	struct sim_enrollment *enrollment = &management.enrollment;
	int r;

	management.has_ade_record = management.is_supervised;
	if (!is(play, SIM_IN_NOW, "none")) {
		enrollment->kind =
			management.is_supervised ? SIM_ENROLLED_ADE : SIM_ENROLLED_PROFILE;
		sim_server_url(play->story.value[SIM_IN_NOW], enrollment->server);
	}
	r = sim_management_begin(play->target, &management, err);
	if (r == 0)
		r = sim_device_set_state(play->target, "find_my_is_on",
					 yes(play, SIM_IN_FIND_MY) ? "true" : "false", err);
	if (r == 0)
		r = sim_device_set_state(play->target, "encryption_is_forced",
					 yes(play, SIM_IN_FORCE_ENC) ? "true" : "false", err);
	return r < 0 ? r : sim_device_set_state(play->target, "setup_is_done", "true", err);
}

static int target_born(struct play *play, struct err *err)
{
	struct sim_birth birth = {.seed = is(play, SIM_IN_DEV, "same") ? SEED : OTHER_SEED,
				  .os = play->story.value[SIM_IN_OS],
				  .setup_is_pending = true};
	int r = born(play, "target", birth, &play->target, err);

	if (r == 0) /* the same hardware has lived through the same keybags */
		r = sim_fact_put_int(play->target, "encryption_epoch",
				     sim_fact_int(play->source, "encryption_epoch", 0), err);
	if (r == 0)
		r = sim_fact_put_int(play->target, "enrollments", 1, err);
	if (r == 0 && is(play, SIM_IN_BOARD, "replaced"))
		r = sim_board_replace(play->target, err);
	if (r == 0 && is(play, SIM_IN_RESET, "return_to_service"))
		r = sim_fact_put_int(play->target, "setup/return_to_service", 1, err);
	return r < 0 || !play->is_set_up ? r : live_on(play, err);
}

/* ---- what others hold ---- */

static int tell(struct play *play, const struct sim_words *words, const char *name,
		const char *value, struct err *err)
{
	return sim_word_put(play->target, words, name, value, err);
}

static int assign(struct play *play, struct err *err)
{
	static const struct {
		enum sim_scenario_field field;
		const char *word;
	} same[] = {
		{SIM_IN_PROFILE, "profile"},     {SIM_IN_LOCKED, "locked"},
		{SIM_IN_HIDDEN, "hide-restore"}, {SIM_IN_FLAG, "ignore-backup"},
		{SIM_IN_SHARED, "shared"},       {SIM_IN_MIGRATED, "migrated"},
	};
	const struct sim_words *ade = &sim_assignment_words;
	bool is_assigned = !is(play, SIM_IN_ADE, "none");
	char until[21];
	int r = tell(play, ade, "ade-server", is_assigned ? play->story.value[SIM_IN_ADE] : "",
		     err);

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(same); i++)
		r = tell(play, ade, same[i].word, play->story.value[same[i].field], err);
	if (r == 0)
		r = tell(play, ade, "server-uid", "uid-assigned", err);
	if (r == 0 && yes(play, SIM_IN_PROVISIONAL))
		r = tell(play, ade, "provisional-until", time_format_utc(NOW + MONTH, until), err);
	return r;
}

static const char *by_hand(const struct play *play)
{
	if (yes(play, SIM_IN_PLATFORM_BLOCKED))
		return "platform";
	if (yes(play, SIM_IN_PERSONAL_BLOCKED) && !yes(play, SIM_IN_IMPORTED))
		return "personal";
	if (is(play, SIM_IN_OS_RANGE_OK, "no"))
		return "os";
	return is(play, SIM_IN_LIMIT_LEFT, "no") ? "limit" : "accepts";
}

static int services_learn(struct play *play, struct err *err)
{
	bool let_go = is(play, SIM_IN_RESET, "remote_wipe") ||
		      is(play, SIM_IN_RESET, "retire_then_erase");
	const char *block = play->story.value[SIM_IN_ADE_BLOCK];
	const struct {
		const char *word, *value;
	} told[] = {
		{"record", play->story.value[SIM_IN_RECORD]},
		{"generation", play->story.value[SIM_IN_GENERATION]},
		{"certificate", yes(play, SIM_IN_REVOKED)   ? "revoked"
				: yes(play, SIM_IN_RENEWED) ? "renewed"
							    : "valid"},
		{"policy", play->story.value[SIM_IN_POLICY]},
		{"other-response", play->story.value[SIM_IN_OTHER_RESPONSE]},
		{"let-go-by", let_go ? play->story.value[SIM_IN_WIPED_BY] : ""},
		{"ade-enrollment", strcmp(block, "none") ? block : "accepts"},
		{"by-hand", by_hand(play)},
		{"activation-lock", play->story.value[SIM_IN_ACT_LOCK]},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(told); i++)
		r = tell(play, &sim_world_words, told[i].word, told[i].value, err);
	for (size_t i = 0; r == 0 && i < play->story.switch_count; i++)
		r = sim_switch_put(play->target, play->story.switches[i], err);
	return r;
}

/* ---- the restore ---- */

/* whoever restores declines: for the safety of data, or a Shared iPad's users */
static bool is_declined(const struct play *play)
{
	return is(play, SIM_IN_CARRY_OUT, "no") ||
	       (play->is_set_up && yes(play, SIM_IN_SHARED) && !is(play, SIM_IN_ADE, "none"));
}

/* what the host's tool sees before it tries; NULL: it goes on */
static const char *host_stops(const struct play *play)
{
	if (!play->is_set_up)
		return NULL;
	if (sim_version_number(play->story.value[SIM_IN_BACKUP_OS]) >
	    sim_version_number(play->story.value[SIM_IN_OS]))
		return "unsupported";
	if (is(play, SIM_IN_SOURCE, "local_encrypted") && is(play, SIM_IN_PASSWORD, "lost"))
		return "blocked";
	if (is(play, SIM_IN_TOOL, "configurator") &&
	    yes(play, SIM_IN_BSUP) != yes(play, SIM_IN_NOW_SUP))
		return "unsupported";
	return is(play, SIM_IN_PAIRING, "no") ? "blocked" : NULL;
}

static int restore_by_host(struct play *play, struct err *err)
{
	bool is_encrypted = is(play, SIM_IN_SOURCE, "local_encrypted");
	const struct sim_restore_options options = {
		.system_files = yes(play, SIM_IN_SYSTEM_FILES) || !play->is_set_up,
		.remove_not_restored = true,
		.password =
			is_encrypted && is(play, SIM_IN_PASSWORD, "known") ? &play->password : NULL,
		.at_apps_and_data = !play->is_set_up,
	};
	const char *stop = host_stops(play);
	struct sim_answer answer;

	if (stop)
		return sim_restore_note(play->target, stop, "not_kept", err);
	return sim_device_restore(play->target, &play->host.host, play->source->identity.udid,
				  &options, &answer, err);
}

static int restore(struct play *play, struct err *err)
{
	int r;

	if (is(play, SIM_IN_SOURCE, "account_signin"))
		return play->is_set_up
			       ? sim_restore_note(play->target, "not_a_restore", "synced_only", err)
			       : 0;
	if (is_declined(play))
		return sim_restore_note(play->target, "refused", "not_kept", err);
	if (play->is_local)
		return restore_by_host(play, err);
	r = sim_transfer(play->target, play->source, is(play, SIM_IN_SOURCE, "direct_transfer"),
			 err);
	return r < 0 ? r : 0;
}

/* whoever is not offered a restore goes on without; whoever meets a refusal stops to think */
static int go_on(struct play *play, struct err *err)
{
	bool signs_in = is(play, SIM_IN_SOURCE, "account_signin");
	char outcome[32];
	struct sim_observation seen;
	int r = sim_observe(play->target, sim_service_in_words(), &seen, err);

	if (r < 0 || play->is_set_up || !strcmp(seen.restore, "unsupported") ||
	    !strcmp(seen.restore, "blocked") || !strcmp(seen.restore, "refused"))
		return r;
	r = sim_setup_finish(play->target, signs_in, err);
	if (r == SIM_SETUP_WAITS &&
	    !sim_fact_get(play->target, "restore/outcome", outcome,
			  sizeof(outcome))) /* it waits before there was anything to try */
		r = sim_restore_note(play->target, "blocked", "not_kept", err);
	return r < 0 ? r : 0;
}

/* what services hold about the backup's relation says nothing of one that no restore touched */
static int forget_if_untouched(struct play *play, struct err *err)
{
	char row[SIM_WORD_LEN];

	if (!play->is_set_up || sim_fact_get(play->target, "restore/row", row, sizeof(row)))
		return 0;
	return sim_words_forget(play->target, &sim_world_words, err);
}

/* ---- without a restore ---- */

static int migrate(struct play *play, struct err *err)
{
	int r;

	if (is(play, SIM_IN_NOW, "this"))
		return sim_restore_note(play->target, "possible", "kept", err);
	/* the service is asked before the old one is told to let go */
	if (strcmp(by_hand(play), "accepts"))
		return sim_restore_note(play->target, "refused", "kept", err);
	r = sim_unmanage(play->target, true, err);
	if (r == 0)
		r = sim_enroll_by_hand(play->target, "this", err);
	return r < 0 ? r : sim_restore_note(play->target, "possible", "kept", err);
}

/* ---- the whole story ---- */

/* the observer's word for content against the one file that matters */
static int check_keepsake(struct play *play, const struct sim_observation *seen, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 10);
	bool is_there =
		sim_file_load(play->target, KEEPSAKE_DOMAIN, KEEPSAKE_PATH, &bytes, NULL) == 0;
	bool is_expected = !strncmp(seen->content, "kept", 4);

	if (is_there == is_expected || is(play, SIM_IN_SCENARIO, "migrate_no_wipe"))
		return 0;
	return err_set(err, ERR_CORRUPT, "content is said to be %s, and the keepsake is%s there",
		       seen->content, is_there ? "" : " not");
}

static int play_story(struct play *play, struct sim_observation *seen, struct err *err)
{
	int r = source_born(play, err);

	if (r == 0 && play->is_local)
		r = back_up(play, err);
	if (r == 0)
		r = target_born(play, err);
	if (r == 0)
		r = assign(play, err);
	if (r == 0)
		r = services_learn(play, err);
	if (r < 0)
		return r;
	if (is(play, SIM_IN_SCENARIO, "migrate_no_wipe"))
		r = migrate(play, err);
	else
		r = restore(play, err);
	if (r == 0 && is(play, SIM_IN_SCENARIO, "restore"))
		r = go_on(play, err);
	if (r == 0)
		r = forget_if_untouched(play, err);
	if (r == 0)
		r = sim_observe(play->target, sim_service_in_words(), seen, err);
	return r < 0 ? r : check_keepsake(play, seen, err);
}

int sim_scenario_run(const struct sim_scenario *scenario, const char *folder,
		     struct sim_observation *seen, struct err *err)
{
	struct play *play = calloc(1, sizeof(*play));
	int r;

	if (!play)
		return err_no_memory(err);
	snprintf(play->folder, sizeof(play->folder), "%s", folder);
	r = story_settle(&play->story, scenario, err);
	play->is_set_up = r == 0 && (is(play, SIM_IN_RESET, "not_reset") ||
				     is(play, SIM_IN_SCENARIO, "migrate_no_wipe"));
	play->is_local = r == 0 && !strncmp(play->story.value[SIM_IN_SOURCE], "local_", 6);
	if (r == 0)
		r = secret_set(&play->password, slice_text(PASSWORD), err);
	if (r == 0)
		r = fs_mkdirs(fs_system(), folder, 0700, err);
	if (r == 0)
		r = play_story(play, seen, err);
	sim_device_close(play->source);
	sim_device_close(play->target);
	secret_clear(&play->password);
	free(play);
	return r;
}
