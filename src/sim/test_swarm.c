/* light devices against a service: they enroll, speak, misbehave, and notice what must never happen
 */
#include "sim/swarm.h"
#include "sim/testing_far_end.h"

/** struct field - a swarm and the far end that it speaks with */
struct field {
	struct service service;
	struct far_end end;
	struct swarm_options options;
	struct buf ca;
	char tickets[256], keys[256], journal[256];
	struct swarm *swarm;
};

static void field_set(struct field *field, void **state, unsigned tickets)
{
	struct buf text = BUF_INIT(1 << 16);

	service_init(&field->service);
	far_end_start(&field->end, &field->service);
	field->ca = BUF_INIT(CRYPTO_PEM_MAX);
	assert_int_equal(crypto_cert_write(field->end.tls_ca, &field->ca, NULL), 0);
	for (unsigned i = 0; i < tickets; i++)
		buf_append_format(&text, NULL, "%s/enroll/%u\n", field->end.url, i);
	assert_int_equal(fs_write_file(fs_system(), place_path(*state, "tickets", field->tickets),
				       buf_slice(&text), 0600, NULL),
			 0);
	buf_clear(&text);
	field->options =
		(struct swarm_options){.count = 10,
				       .keys = 2,
				       .parallel = 4,
				       .connections = 4,
				       .requests = 200,
				       .seed = 3,
				       .malformed = 100,
				       .tickets = field->tickets,
				       .key_file = place_path(*state, "keys", field->keys),
				       .journal = place_path(*state, "journal", field->journal),
				       .ca_pem = buf_slice(&field->ca)};
}

static void field_run(struct field *field)
{
	struct err err = ERR_INIT;

	if (swarm_new(&field->swarm, &field->options, clock_system(), NULL, &err) != 0 ||
	    swarm_run(field->swarm, &err) != 0)
		fail_msg("%s", err.text);
}

static void field_end(struct field *field)
{
	swarm_free(field->swarm);
	far_end_stop(&field->end);
	service_clear(&field->service);
	buf_clear(&field->ca);
}

static void devices_enroll_once_and_speak_until_all_requests_are_made(void **state)
{
	struct field field;
	struct swarm_counts counts;
	struct buf journal = BUF_INIT(1 << 20);

	field_set(&field, state, 12);
	service_queue(&field.service, "U-1", "<key>RequestType</key><string>ProfileList</string>");
	field_run(&field);
	counts = field.swarm->counts;
	assert_int_equal(counts.enrolled, 10);
	assert_int_equal(counts.failed, 0);
	assert_true(counts.requests >= 200);
	assert_true(counts.statuses[400] > 0); /* what was malformed */
	assert_int_equal(counts.commands, 1 + counts.not_now);
	assert_true(swarm_is_fine(field.swarm));
	swarm_free(STEAL(field.swarm));
	assert_int_equal(fs_read_file(fs_system(), field.journal, &journal, NULL), 0);
	assert_non_null(strstr(buf_text(&journal), "enrolled 0 1 0000FE5A-0000000000000001\n"));
	if (counts.not_now == 0)
		assert_non_null(strstr(buf_text(&journal), " U-1\n"));
	buf_clear(&journal);
	field_end(&field);
}

static void a_401_and_a_command_of_another_are_noticed(void **state)
{
	struct field field;

	field_set(&field, state, 10);
	service_queue(&field.service, "SWARM-777-1-1",
		      "<key>RequestType</key><string>ProfileList</string>");
	service_queue(&field.service, "R",
		      "<key>RequestType</key><string>RemoveProfile</string>"
		      "<key>Identifier</key><string>example.enrollment</string>");
	field.service.trouble = "TokenUpdate";
	field.service.status = 401;
	field.options.requests = 30;
	field_run(&field);
	assert_true(field.swarm->counts.unasked_401 > 0);
	assert_false(swarm_is_fine(field.swarm));
	swarm_free(STEAL(field.swarm));
	field.service.trouble = NULL;
	field.options.requests = 200;
	field_run(&field);
	assert_int_equal(field.swarm->counts.unasked_401, 0);
	assert_true(field.swarm->counts.wrong_device > 0);
	assert_int_equal(field.swarm->counts.removals, 1);
	assert_false(swarm_is_fine(field.swarm));
	field_end(&field);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(devices_enroll_once_and_speak_until_all_requests_are_made),
		IN_A_PLACE(a_401_and_a_command_of_another_are_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
