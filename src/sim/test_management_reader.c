/* what a backup's reader tells of a device's management is what the device was born with */
#include "sim/management.h"
#include "sim/testing_host.h"

/* ---- the device's own files as the reader asks for them ---- */

struct device_lookup {
	struct backup_lookup lookup;
	struct sim_device *device;
};

static int device_read(struct backup_lookup *lookup, const char *domain, const char *path,
		       struct buf *out, int64_t *modified, struct err *err)
{
	int r = sim_file_load(((struct device_lookup *)lookup)->device, domain, path, out, err);

	return r > 0 ? (int)BACKUP_ABSENT : r;
}

static int device_list(struct backup_lookup *lookup, const char *domain,
		       int (*each)(void *arg, const char *path, struct err *err), void *arg,
		       struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	struct sim_file file;
	int r = sim_files_open(&files, ((struct device_lookup *)lookup)->device, err);

	if (r == 0)
		r = sim_files_rewind_domain(files, domain, err);
	while (r == 0 && sim_files_next(files, &file, err) == 0)
		r = each(arg, file.row.path, err);
	return r;
}

static struct backup_management *read_device(struct sim_device *device)
{
	struct device_lookup lookup = {{.read = device_read, .list = device_list}, device};
	struct backup_management *management = NULL;
	struct err err = ERR_INIT;

	if (backup_management_read(&management, &lookup.lookup, &err) < 0)
		print_error("%s\n", err.text);
	assert_non_null(management);
	return management;
}

static struct sim_device *born(void **state, const char *name,
			       const struct sim_management *management)
{
	struct sim_birth birth = {.seed = 11, .profile = "fresh", .management = management};

	return device_born(*state, name, birth);
}

static void each_kind_of_enrollment_and_identity_is_told_as_it_is(void **state)
{
	static const struct {
		enum sim_kind_of_enrollment kind;
		enum backup_enrollment how;
	} kinds[] = {
		{SIM_ENROLLED_ADE, BACKUP_ENROLLED_ADE},
		{SIM_ENROLLED_PROFILE, BACKUP_ENROLLED_PROFILE},
		{SIM_ENROLLED_ADDE, BACKUP_ENROLLED_ADDE},
		{SIM_ENROLLED_USER, BACKUP_ENROLLED_USER},
		{SIM_ENROLLED_CONFIGURATOR, BACKUP_ENROLLED_CONFIGURATOR},
	};

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
		for (int identity = SIM_IDENTITY_SCEP; identity <= SIM_IDENTITY_ACME_HARDWARE;
		     identity++) {
			bool is_ade = kinds[i].kind == SIM_ENROLLED_ADE;
			bool is_supervised = is_ade || kinds[i].kind == SIM_ENROLLED_CONFIGURATOR;
			struct sim_management management = {
				.enrollment = {.kind = kinds[i].kind,
					       .identity = (enum sim_identity_kind)identity,
					       .is_locked = is_ade},
				.has_ade_record = is_ade,
				.is_supervised = is_supervised};
			CLEANUP(backup_management_free_p) struct backup_management *m = NULL;
			struct sim_device *device;
			char name[32];

			sim_server_url("other", management.enrollment.server);
			snprintf(name, sizeof(name), "device%zu-%d", i, identity);
			device = born(state, name, &management);
			m = read_device(device);
			assert_int_equal(m->is_managed.answer, BACKUP_YES);
			assert_string_equal(m->server_url.text, "https://other.example/mdm");
			assert_int_equal(m->enrollment.how, kinds[i].how);
			assert_int_equal(m->enrolled_since.value, TEST_NOW);
			assert_int_equal(m->is_supervised.answer,
					 is_supervised ? BACKUP_YES : BACKUP_NO);
			assert_int_equal(m->is_locked.answer, is_ade ? BACKUP_YES : BACKUP_NO);
			assert_int_equal(m->identity.kind, identity == SIM_IDENTITY_ACME_HARDWARE
								   ? BACKUP_IDENTITY_HARDWARE
								   : BACKUP_IDENTITY_SOFT);
			assert_int_equal(m->cloud.source.value == 1, is_ade);
			sim_device_close(device);
		}
}

static void an_unmanaged_device_is_told_as_one(void **state)
{
	CLEANUP(backup_management_free_p) struct backup_management *m = NULL;
	struct sim_management record = {.has_ade_record = true, .is_supervised = true};
	struct sim_device *device;

	device = born(state, "device", &record);
	m = read_device(device);
	assert_int_equal(m->is_managed.answer, BACKUP_NO);
	assert_int_equal(m->is_supervised.answer, BACKUP_YES);
	assert_int_equal(m->cloud.is_mandatory.answer, BACKUP_YES);
	sim_device_close(device);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(each_kind_of_enrollment_and_identity_is_told_as_it_is),
		IN_A_PLACE(an_unmanaged_device_is_told_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
