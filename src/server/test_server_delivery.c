/* what the records hand to the courier: all that was committed, nothing that was not, nothing twice
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/identity.h"
#include "server/records.h"

enum { DAY = 86400 };

/* the records without keys and devices; the courier's end of the link is the buffer of what leaves
 */
struct scene {
	struct records records;
	struct link courier;
	struct process_env env;
	struct fleet_keys keys;
	struct err err;
	unsigned failures; /* of the next transactions, as if another service had been faster */
	int (*work)(struct records *records, void *arg, struct err *err);
};

static int scene_open(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct records *records = &scene->records;
	struct config config;

	scene->err = ERR_INIT;
	scene->env = (struct process_env){.counts = counts_new(), .url = "https://localhost"};
	scene->courier = LINK_INIT;
	*records = (struct records){.env = &scene->env,
				    .courier = &scene->courier,
				    .ca_pem = BUF_INIT(CRYPTO_PEM_MAX),
				    .push_cert = BUF_INIT(CRYPTO_PEM_MAX),
				    .deferred = BUF_INIT(1 << 20)};
	config_default(&config, "/");
	records->policy = calloc(1, sizeof(*records->policy));
	records->policy->config = config;
	fleet_policy_default(&records->policy->policy);
	records->policy->policy.profile_identifier = "test.rehome";
	assert_int_equal(store_open(&records->store, "sqlite::memory:", &scene->err), 0);
	assert_int_equal(fleet_new(&records->fleet, records->store, clock_system(),
				   entropy_system(), &scene->keys, &records->policy->policy,
				   &scene->err),
			 0);
	*state = scene;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *scene = *state;
	struct records *records = &scene->records;

	fleet_free(records->fleet);
	store_free(records->store);
	records_policy_free(records->policy);
	buf_clear(&records->push_cert);
	buf_clear(&records->deferred);
	link_close(&scene->courier);
	free(scene);
	return 0;
}

/* work, and then a failure if one is due */
static int work_in_vain(struct records *records, void *arg, struct err *err)
{
	struct scene *scene = arg;
	int r = scene->work(records, NULL, err);

	if (r < 0 || scene->failures == 0)
		return r;
	scene->failures--;
	return err_set(err, ERR_BUSY, "another service was faster");
}

static int transaction(struct scene *scene,
		       int (*work)(struct records *records, void *arg, struct err *err),
		       unsigned failures)
{
	scene->work = work;
	scene->failures = failures;
	scene->err = ERR_INIT;
	return records_transaction(&scene->records, work_in_vain, scene, &scene->err);
}

static int nothing(struct records *records, void *arg, struct err *err)
{
	return 0;
}

/* sent - how many frames of @op left, and forget them */
static unsigned sent(struct scene *scene, enum call_op op)
{
	struct buf *out = &scene->courier.out;
	unsigned count = 0;

	for (size_t at = 0; at < out->len; at += 4 + get_u32be(out->bytes + at))
		count += out->bytes[at + 8] == op;
	buf_truncate(out, 0);
	return count;
}

static void push_cert(struct scene *scene, const char *topic)
{
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX);
	struct store *store = scene->records.store;
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_PUSH,
					.common_name = "APSP",
					.uid = topic,
					.not_before = clock_wall_seconds(clock_system()) - DAY,
					.days = 365,
					.serial_entropy = {1}};

	assert_int_equal(crypto_key_make(&key, CRYPTO_KEY_EC_P256, NULL), 0);
	assert_int_equal(crypto_key_spki(key, &spki, NULL), 0);
	wish.spki = buf_slice(&spki);
	assert_int_equal(crypto_cert_issue(&cert, &wish, NULL, key, NULL), 0);
	assert_int_equal(crypto_cert_write(cert, &pem, NULL), 0);
	assert_int_equal(store_begin(store, NULL), 0);
	assert_int_equal(store_setting_set(store, "push-cert", buf_slice(&pem), NULL), 0);
	assert_int_equal(store_setting_set(store, "push-key", slice_text("sealed"), NULL), 0);
	assert_int_equal(store_commit(store, NULL), 0);
}

static void the_push_certificate_is_handed_over_though_another_service_was_faster(void **state)
{
	struct scene *scene = *state;

	push_cert(scene, "com.apple.mgmt.one");
	assert_int_equal(transaction(scene, delivery_identity, 1), 0);
	assert_int_equal(sent(scene, CALL_PUSH_IDENTITY), 1);
	/* the same again is not news; a courier that is new has none */
	assert_int_equal(transaction(scene, delivery_identity, 0), 0);
	assert_int_equal(sent(scene, CALL_PUSH_IDENTITY), 0);
	delivery_connected(&scene->records);
	assert_int_equal(sent(scene, CALL_PUSH_IDENTITY), 1);
}

static void a_push_certificate_that_did_not_leave_is_not_taken_for_known(void **state)
{
	struct scene *scene = *state;

	push_cert(scene, "com.apple.mgmt.one");
	assert_int_equal(transaction(scene, delivery_identity, 1000), ERR_BUSY);
	assert_int_equal(transaction(scene, nothing, 0), 0);
	assert_int_equal(sent(scene, CALL_PUSH_IDENTITY), 0);
	assert_int_equal(transaction(scene, delivery_identity, 0), 0);
	assert_int_equal(sent(scene, CALL_PUSH_IDENTITY), 1);
}

static void the_topic_follows_the_certificate_only_where_that_is_allowed(void **state)
{
	struct scene *scene = *state;
	struct records_policy *policy = scene->records.policy;

	push_cert(scene, "com.apple.mgmt.one");
	assert_int_equal(transaction(scene, delivery_identity, 0), 0);
	assert_string_equal(policy->topic, "com.apple.mgmt.one");
	push_cert(scene, "com.apple.mgmt.two");
	assert_int_equal(transaction(scene, delivery_identity, 0), 0);
	assert_string_equal(policy->topic, "com.apple.mgmt.one");
	policy->config.is_topic_change_allowed = true;
	delivery_connected(&scene->records);
	assert_string_equal(policy->topic, "com.apple.mgmt.two");
}

static void an_event_that_did_not_leave_is_delivered_after_all(void **state)
{
	struct scene *scene = *state;
	struct store *store = scene->records.store;
	struct store_webhook hook = {.id = "h", .url = "https://localhost/", .next_event = 1};
	struct store_event event = {.at = 1, .kind = "enrolled", .subject = "X", .body = "{}"};

	assert_int_equal(store_begin(store, NULL), 0);
	assert_int_equal(store_webhook_put(store, &hook, NULL), 0);
	assert_int_equal(store_event_add(store, &event, NULL), 0);
	assert_int_equal(store_commit(store, NULL), 0);
	assert_int_equal(transaction(scene, delivery_hooks, 1000), ERR_BUSY);
	assert_int_equal(transaction(scene, nothing, 0), 0);
	assert_int_equal(sent(scene, CALL_HOOK), 0);
	assert_int_equal(transaction(scene, delivery_hooks, 0), 0);
	assert_int_equal(sent(scene, CALL_HOOK), 1);
	assert_int_equal(transaction(scene, delivery_hooks, 0), 0);
	assert_int_equal(sent(scene, CALL_HOOK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_push_certificate_is_handed_over_though_another_service_was_faster),
		TEST(a_push_certificate_that_did_not_leave_is_not_taken_for_known),
		TEST(the_topic_follows_the_certificate_only_where_that_is_allowed),
		TEST(an_event_that_did_not_leave_is_delivered_after_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
