/* the way to the service over real HTTPS: identity, anchors, signed messages */
#include "sim/testing_far_end.h"

static int enroll(struct stage *stage, struct far_end *end, bool has_anchor, const char *extra)
{
	struct buf bytes = BUF_INIT(SIM_MESSAGE_MAX);
	struct sim_chain chain = SIM_CHAIN_INIT;
	int r;

	far_end_paper(end, has_anchor, extra, &bytes);
	r = sim_client_install(&stage->client, buf_slice(&bytes), false, &chain, NULL);
	assert_true(r >= 0);
	buf_clear(&bytes);
	return r == 0 ? 0 : chain.items[chain.count - 1].code;
}

static void begin(struct stage *stage, struct far_end *end, void **state)
{
	stage_set(stage, state, false);
	far_end_start(end, &stage->service);
	assert_int_equal(sim_line_new(&stage->client.line, TEST_NOW, NULL, NULL), 0);
}

static void finish(struct stage *stage, struct far_end *end)
{
	far_end_stop(end);
	sim_line_free_p(&stage->client.line);
	stage_end(stage);
}

static void a_device_speaks_tls_with_the_identity_that_it_was_issued(void **state)
{
	struct stage stage;
	struct far_end end;
	struct sim_relation relation;
	uint8_t digest[CRYPTO_SHA256_LEN];

	begin(&stage, &end, state);
	assert_int_equal(enroll(&stage, &end, true, NULL), 0);
	service_queue(&stage.service, "A", "<key>RequestType</key><string>ProfileList</string>");
	polls(&stage);
	assert_true(service_was_told(&stage.service, "Acknowledged A"));
	sim_relation_init(&relation);
	assert_int_equal(sim_relation_load(stage.device, &relation, NULL), 0);
	crypto_sha256(buf_slice(&relation.cert), digest);
	assert_memory_equal(digest, stage.service.signer, sizeof(digest));
	assert_false(end.was_signed);
	sim_relation_clear(&relation);
	finish(&stage, &end);
}

static void a_service_without_an_anchor_is_not_trusted(void **state)
{
	struct stage stage;
	struct far_end end;

	begin(&stage, &end, state);
	assert_int_equal(enroll(&stage, &end, false, NULL), 23002);
	assert_int_equal(stage.service.note_count, 0);
	finish(&stage, &end);
}

static void messages_are_signed_where_the_profile_asks_for_it(void **state)
{
	struct stage stage;
	struct far_end end;

	begin(&stage, &end, state);
	assert_int_equal(enroll(&stage, &end, true, "<key>SignMessage</key><true/>"), 0);
	polls(&stage);
	assert_true(service_was_told(&stage.service, "Idle"));
	assert_true(end.was_signed);
	finish(&stage, &end);
}

#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_A_PLACE(a_device_speaks_tls_with_the_identity_that_it_was_issued),
		IN_A_PLACE(a_service_without_an_anchor_is_not_trusted),
		IN_A_PLACE(messages_are_signed_where_the_profile_asks_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
