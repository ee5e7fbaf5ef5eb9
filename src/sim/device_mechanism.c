/*
 * device_mechanism - which management a restore leaves on a device
 *
 * The table below is docs/format/ios-backup, "What happens to that state on restore", with the
 * corrections of docs/design/laboratory.md.  The first row that fits decides; a switch turned
 * from its default takes its row out.  Where none fits, all stays as the backup brought it.
 */
#include "sim/client.h"

#include <limits.h>
#include <string.h>

#define FOR_EVER UINT_MAX /* no version is that high, so the last row fits whatever comes */

enum drops {
	DROPS_RECORD = 1u << 0,   /* CloudConfigurationDetails.plist */
	DROPS_MDM = 1u << 1,      /* the enrollment, its profile and identity */
	DROPS_PROFILES = 1u << 2, /* every profile, the enrollment too */
};

/** struct arrival - the device after the files came, and what it compares them with */
struct arrival {
	const struct sim_restored *restored;
	struct sim_cloud record, fresh;
	struct sim_enrollment enrollment;
	bool has_record, has_fresh, has_enrollment;
};

/* ---- conditions ---- */

static bool is_other_hardware(const struct arrival *arrival)
{
	return !arrival->restored->is_same_hardware;
}

static bool always(const struct arrival *arrival)
{
	(void)arrival;
	return true;
}

static bool backup_is_to_be_ignored(const struct arrival *arrival)
{
	return arrival->has_fresh && arrival->fresh.ignores_backup;
}

/* only if the fresh record names a server, and the backup's does too or it says that the device
 * was moved */
static bool is_of_another_server(const struct arrival *arrival)
{
	const char *fresh = arrival->fresh.server_uid, *own = arrival->record.server_uid;

	return arrival->has_fresh && *fresh && (*own || arrival->fresh.has_migrated) &&
	       strcmp(fresh, own) != 0;
}

static bool is_account_driven(const struct arrival *arrival)
{
	return arrival->has_enrollment && (arrival->enrollment.kind == SIM_ENROLLED_USER ||
					   arrival->enrollment.kind == SIM_ENROLLED_ADDE);
}

static bool has_hardware_key(const struct arrival *arrival)
{
	return arrival->has_enrollment &&
	       arrival->enrollment.identity == SIM_IDENTITY_ACME_HARDWARE;
}

/* the record is dropped so that Remote Management can run again: only where it still can */
static bool has_hardware_key_by_ade(const struct arrival *arrival)
{
	return has_hardware_key(arrival) && arrival->record.source == SIM_CLOUD_ADE &&
	       !arrival->restored->was_set_up;
}

static bool is_orphan_record(const struct arrival *arrival)
{
	return arrival->has_fresh && !arrival->has_enrollment &&
	       arrival->record.source == SIM_CLOUD_ADE && arrival->record.is_mandatory;
}

/* ---- the table ---- */

static const struct row {
	const char *name;        /* told to the observer */
	unsigned since, before;  /* OS versions, as sim_version_number */
	const char *switch_name; /* NULL: nothing to doubt */
	const char *turned;      /* the value that takes the row out */
	bool (*fits)(const struct arrival *arrival);
	unsigned drops;
	bool resumes; /* Setup Assistant goes on to Remote Management */
} rows[] = {
	{"other-hardware", 0, FOR_EVER, NULL, NULL, is_other_hardware,
	 DROPS_RECORD | DROPS_PROFILES, true},
	{"os-27", 270000, FOR_EVER, "os27_management", "restored", always,
	 DROPS_RECORD | DROPS_PROFILES, true},
	{"ignore-backup-26.4", 260400, FOR_EVER, NULL, NULL, backup_is_to_be_ignored,
	 DROPS_RECORD | DROPS_PROFILES, true},
	{"ignore-backup-26.0", 260000, 260400, "flag26_mdm_profile", "kept",
	 backup_is_to_be_ignored, DROPS_RECORD | DROPS_MDM, true},
	{"another-server", 260000, 270000, "server_uid", "ignored", is_of_another_server,
	 DROPS_RECORD | DROPS_MDM, true},
	{"account-driven", 0, FOR_EVER, "account_enrollment", "kept", is_account_driven, DROPS_MDM,
	 false},
	{"hardware-key-ade", 0, FOR_EVER, "hardware_identity", "kept", has_hardware_key_by_ade,
	 DROPS_RECORD | DROPS_MDM, true},
	{"hardware-key", 0, FOR_EVER, "hardware_identity", "kept", has_hardware_key, DROPS_MDM,
	 false},
	{"orphan-record", 260400, 270000, "mandatory_without_mdm", "kept", is_orphan_record,
	 DROPS_RECORD, true},
	{"as-backed-up", 0, FOR_EVER, NULL, NULL, always, 0, false},
};

static const struct row *row_find(struct sim_device *device, const struct arrival *arrival)
{
	unsigned os = sim_version_number(device->identity.product_version);
	size_t i = 0;

	while (os < rows[i].since || os >= rows[i].before ||
	       (rows[i].switch_name &&
		sim_word_is(device, &sim_switch_words, rows[i].switch_name, rows[i].turned)) ||
	       !rows[i].fits(arrival))
		i++;
	return &rows[i];
}

/* where no source says that Setup Assistant really returns to Remote Management */
static bool resumes(struct sim_device *device, const struct row *row)
{
	static const char *const doubtful[] = {"another-server", "hardware-key-ade",
					       "orphan-record"};

	for (size_t i = 0; i < ARRAY_COUNT(doubtful); i++)
		if (!strcmp(row->name, doubtful[i]) &&
		    sim_word_is(device, &sim_switch_words, "after_drop", "home"))
			return false;
	return row->resumes;
}

/* ---- what comes before the table: which identities open here ---- */

static int identities_settle(struct sim_device *device, const struct sim_restored *restored,
			     struct err *err)
{
	struct sim_enrollment enrollment;
	bool is_lost = restored->is_plain &&
		       sim_word_is(device, &sim_switch_words, "plain_identity", "lost");
	int r = sim_keychain_import(device, err);

	if (r < 0 || sim_enrollment_load(device, &enrollment, err) != 0)
		return r;
	is_lost |= enrollment.kind == SIM_ENROLLED_PROFILE &&
		   sim_word_is(device, &sim_switch_words, "profile_identity", "lost");
	return is_lost ? sim_keychain_forget(device, err) : 0;
}

static int arrival_read(struct sim_device *device, struct arrival *arrival, struct err *err)
{
	int r = sim_cloud_load(device, SIM_CLOUD_PATH, &arrival->record, err);

	arrival->has_record = r == 0;
	if (r >= 0)
		r = sim_cloud_load(device, SIM_SET_ASIDE_PATH, &arrival->fresh, err);
	arrival->has_fresh = r == 0;
	if (r >= 0)
		r = sim_enrollment_load(device, &arrival->enrollment, err);
	arrival->has_enrollment = r == 0;
	return r < 0 ? r : 0;
}

/* R-152 in doubt: 26.0 to 26.3 read the record from Apple anew, and leave the enrollment alone */
static int record_renew(struct sim_device *device, struct arrival *arrival, struct err *err)
{
	unsigned os = sim_version_number(device->identity.product_version);

	if (os < 260000 || os >= 260400 || !arrival->restored->is_same_hardware ||
	    !backup_is_to_be_ignored(arrival) ||
	    !sim_word_is(device, &sim_switch_words, "flag26_mdm_profile", "kept"))
		return 0;
	arrival->record = arrival->fresh;
	arrival->has_record = true;
	return sim_cloud_store(device, SIM_CLOUD_PATH, &arrival->record, err);
}

/* a device without a record has a file that says so */
static int record_drop(struct sim_device *device, struct err *err)
{
	const struct sim_cloud nobody = {.source = SIM_CLOUD_NOBODY};
	struct sim_cloud present;
	int r = sim_cloud_load(device, SIM_CLOUD_PATH, &present, err);

	if (r != 0)
		return r < 0 ? r : 0;
	return sim_cloud_store(device, SIM_CLOUD_PATH, &nobody, err);
}

static int drop(struct sim_device *device, unsigned drops, struct err *err)
{
	int r = 0;

	if (drops & DROPS_PROFILES)
		r = sim_profiles_remove_all(device, err);
	if (r == 0 && drops & DROPS_MDM)
		r = sim_enrollment_remove(device, err);
	if (r == 0 && drops & DROPS_RECORD)
		r = record_drop(device, err);
	return r;
}

/* a provisional device's end: the backup's record says, or Apple's */
static int provisional_settle(struct sim_device *device, struct arrival *arrival, struct err *err)
{
	if (!arrival->has_fresh || arrival->record.source != SIM_CLOUD_ADE ||
	    !sim_word_is(device, &sim_switch_words, "provisional_end", "from_apple"))
		return 0;
	arrival->record.provisional_until = arrival->fresh.provisional_until;
	return sim_cloud_store(device, SIM_CLOUD_PATH, &arrival->record, err);
}

/* managed apps that stayed out of the backup are what it lacks */
static const char *content_of(struct sim_device *device, const struct sim_restored *restored)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);

	if (!restored->system_files)
		return "kept_partly";
	return sim_file_load(device, SIM_PROFILES_DOMAIN,
			     SIM_PROFILES_FOLDER "/MDMAppManagement.plist", &bytes, NULL) == 0
		       ? "kept_partly"
		       : "kept";
}

/* reported of OS 27: the device resets itself, and the data is lost */
static bool resets_itself(struct sim_device *device, const struct arrival *arrival)
{
	const struct sim_restored *restored = arrival->restored;

	return restored->was_set_up &&
	       (restored->was_supervised || arrival->record.is_supervised) &&
	       sim_version_number(device->identity.product_version) >= 270000 &&
	       sim_word_is(device, &sim_switch_words, "os27_supervised", "resets");
}

int sim_mechanism_run(struct sim_device *device, const struct sim_restored *restored,
		      struct err *err)
{
	struct arrival arrival = {.restored = restored};
	const struct row *row;
	int r;

	if (!restored->system_files)
		return sim_restore_note(device, "possible", "kept_partly", err);
	r = identities_settle(device, restored, err);
	if (r == 0)
		r = sim_push_renew(device, err); /* the service is to be told */
	if (r == 0)
		r = arrival_read(device, &arrival, err);
	if (r < 0)
		return r;
	if (resets_itself(device, &arrival)) {
		r = sim_device_erase(device, err);
		return r < 0 ? r : sim_restore_note(device, "possible", "not_kept", err);
	}
	r = record_renew(device, &arrival, err);
	if (r < 0)
		return r;
	row = row_find(device, &arrival);
	if (restored->was_set_up) /* this time, Setup Assistant has no part in it */
		r = sim_fact_remove(device, "setup/end", err);
	if (r == 0)
		r = sim_fact_put_int(device, "enrolled/fresh", 0, err);
	if (r < 0)
		return r;
	r = sim_restore_note(device, "possible", content_of(device, restored), err);
	if (r == 0)
		r = drop(device, row->drops, err);
	if (r == 0 && row->drops == 0)
		r = provisional_settle(device, &arrival, err);
	if (r == 0)
		r = sim_fact_put(device, "restore/row", row->name, err);
	if (r == 0)
		r = sim_fact_put(device, "setup/restored",
				 resumes(device, row) ? "resumes" : "home", err);
	if (r == 0)
		r = sim_kept_out_refresh(device, err);
	if (r == 0)
		r = sim_restrictions_apply(device, err);
	return r < 0 ? r : sim_device_supervision_refresh(device, err);
}

int sim_restore_note(struct sim_device *device, const char *outcome, const char *content,
		     struct err *err)
{
	int r = sim_fact_put(device, "restore/outcome", outcome, err);

	return r < 0 ? r : sim_fact_put(device, "restore/content", content, err);
}
