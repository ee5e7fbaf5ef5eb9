/* steps of a managed device's life, apart from stories: contact, enrolling, setup, settings */
#include "sim/scenario.h"
#include "sim/testing_host.h"

static struct sim_device *born_managed(void **state, const char *server)
{
	struct sim_management management = {.enrollment = {.kind = SIM_ENROLLED_ADE},
					    .is_supervised = true,
					    .has_ade_record = true};
	struct sim_birth birth = {.seed = 3, .profile = "fresh", .management = &management};

	sim_server_url(server, management.enrollment.server);
	management.enrollment.is_locked = true;
	return device_born(*state, "device", birth);
}

static void contact_carries_out_what_the_service_wants(void **state)
{
	struct sim_device *device = born_managed(state, "other");
	struct sim_observation seen;
	enum sim_reply reply;
	enum sim_then then;

	assert_int_equal(sim_word_put(device, &sim_world_words, "other-response", "rejects", NULL),
			 0);
	assert_int_equal(sim_contact_make(device, sim_service_in_words(), &reply, &then, NULL), 0);
	assert_int_equal(then, SIM_THEN_DROPPED);
	assert_int_equal(sim_observe(device, sim_service_in_words(), &seen, NULL), 0);
	assert_string_equal(seen.management, "none");
	assert_true(seen.is_supervised);
	assert_int_equal(sim_enroll_by_hand(device, "this", NULL), 0);
	assert_int_equal(sim_word_put(device, &sim_world_words, "record", "wipe_pending", NULL), 0);
	assert_int_equal(sim_contact_make(device, sim_service_in_words(), &reply, &then, NULL), 0);
	assert_int_equal(then, SIM_THEN_WIPED);
	assert_int_equal(sim_observe(device, sim_service_in_words(), &seen, NULL), 0);
	assert_string_equal(seen.setup, "pending");
	sim_device_close(device);
}

static void enrolling_over_another_services_profile_fails_as_people_know_it(void **state)
{
	struct sim_device *device = born_managed(state, "other");
	struct err err = ERR_INIT;

	assert_int_equal(sim_enroll_by_hand(device, "this", &err), ERR_POLICY);
	assert_non_null(strstr(err.text, "does not match the old payload"));
	assert_int_equal(sim_unmanage(device, false, NULL), ERR_POLICY);
	assert_int_equal(sim_unmanage(device, true, NULL), 0);
	assert_int_equal(sim_enroll_by_hand(device, "this", NULL), 0);
	/* the same service replaces its own */
	assert_int_equal(sim_enroll_by_hand(device, "this", NULL), 0);
	sim_device_close(device);
}

static void a_pane_offers_a_restore_once(void **state)
{
	struct sim_device *device = born_managed(state, "this");
	struct sim_birth birth = {.seed = 4, .profile = "fresh"};
	struct sim_device *cloud = device_born(*state, "cloud", birth);

	assert_int_equal(sim_transfer(device, cloud, false, NULL), SIM_DEVICE_PROHIBITED);
	assert_int_equal(sim_erase(device, &(struct sim_erasing){0}, NULL), 0);
	assert_int_equal(sim_setup_to_pane(device, NULL), 0);
	assert_int_equal(sim_transfer(device, cloud, false, NULL), 0);
	assert_int_equal(sim_transfer(device, cloud, false, NULL), SIM_DEVICE_PROHIBITED);
	assert_int_equal(sim_setup_finish(device, false, NULL), 0);
	assert_int_equal(sim_setup_finish(device, false, NULL), SIM_SETUP_IS_DONE);
	sim_device_close(device);
	sim_device_close(cloud);
}

static void settings_take_only_what_they_may_be(void **state)
{
	struct sim_device *device = born_managed(state, "this");
	struct err err = ERR_INIT;

	assert_int_equal(sim_switch_put(device, "plain_identity=lost", NULL), 0);
	assert_true(sim_word_is(device, &sim_switch_words, "plain_identity", "lost"));
	assert_int_equal(sim_switch_put(device, "plain_identity=los", &err), ERR_USAGE);
	assert_non_null(strstr(err.text, "plain_identity is \"los\": it may be returns|lost"));
	assert_int_equal(sim_switch_put(device, "plain_identity", NULL), ERR_USAGE);
	assert_int_equal(sim_switch_put(device, "none=such", NULL), ERR_USAGE);
	assert_int_equal(sim_words_forget(device, &sim_switch_words, NULL), 0);
	assert_true(sim_word_is(device, &sim_switch_words, "plain_identity", "returns"));
	sim_device_close(device);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(contact_carries_out_what_the_service_wants),
		IN_A_PLACE(enrolling_over_another_services_profile_fails_as_people_know_it),
		IN_A_PLACE(a_pane_offers_a_restore_once),
		IN_A_PLACE(settings_take_only_what_they_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
