/* the administration without processes: a store in memory, a clock that stands still, false keys */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/identity.h"
#include "plist/plist.h"
#include "server/api_internal.h"

enum { START = 1800000000, DAY = 86400 };

struct scene {
	struct store *store;
	struct fleet *fleet;
	struct fleet_keys keys;
	bool is_sealing_broken;
	struct clock_manual clock;
	struct entropy_seeded entropy;
	struct api_context context;
	char token[API_TOKEN_MAX + 1];
	struct err err;
	int status;
	json_t *answer; /* of the last request */
};

#define SCENE_OF(pointer) ((struct scene *)(void *)((char *)(pointer)-offsetof(struct scene, keys)))

static int seal(struct fleet_keys *keys, struct slice in, struct buf *out, struct err *err)
{
	if (SCENE_OF(keys)->is_sealing_broken)
		return err_set(err, ERR_IO, "the key holder is away");
	return buf_append_slice(out, in, err);
}

static int sign(struct fleet_keys *keys, struct slice in, struct buf *out, struct err *err)
{
	return seal(keys, in, out, err);
}

static int unseal(struct fleet_keys *keys, const char *purpose, struct slice in, struct buf *out,
		  struct err *err)
{
	return buf_append_slice(out, in, err);
}

/* ask - as the records process does it: a transaction for each request. What api_handle returned */
static int ask(struct scene *scene, const char *method, const char *path, const char *query,
	       const char *body)
{
	char authorization[API_TOKEN_MAX + 16];
	struct api_request request = {
		.method = method,
		.path = path,
		.query = query,
		.authorization = authorization,
		.content_type = "application/json",
		.peer = "127.0.0.1",
		.body = slice_text(body),
	};
	struct api_answer answer;
	int r;

	snprintf(authorization, sizeof(authorization), "Bearer %s", scene->token);
	json_decref(scene->answer);
	scene->answer = NULL;
	scene->err = ERR_INIT;
	api_answer_init(&answer);
	assert_int_equal(store_begin(scene->store, &scene->err), 0);
	r = api_handle(&scene->context, &request, &answer, &scene->err);
	if (r < 0)
		store_rollback(scene->store);
	else
		assert_int_equal(store_commit(scene->store, &scene->err), 0);
	scene->status = answer.status;
	if (answer.body.len > 0)
		scene->answer = json_loadb((const char *)answer.body.bytes, answer.body.len,
					   JSON_REJECT_DUPLICATES, NULL);
	api_answer_clear(&answer);
	return r;
}

static const char *text(const struct scene *scene, const char *name)
{
	const char *value = json_string_value(json_object_get(scene->answer, name));

	return value ? value : "";
}

static json_int_t number(const struct scene *scene, const char *name)
{
	return json_integer_value(json_object_get(scene->answer, name));
}

/* refusal - the message of one */
static const char *refusal(const struct scene *scene)
{
	const json_t *error = json_object_get(scene->answer, "error");

	return json_string_value(json_object_get(error, "message"));
}

static int first_token(struct scene *scene)
{
	int r;

	assert_int_equal(store_begin(scene->store, &scene->err), 0);
	r = api_token_first(&scene->context, scene->token, &scene->err);
	assert_int_equal(store_commit(scene->store, &scene->err), 0);
	return r;
}

/* fleet_start - @topic of its push certificate; NULL: none */
static void fleet_start(struct scene *scene, const char *topic)
{
	struct fleet_policy policy;

	fleet_policy_default(&policy);
	policy.organization = "Test";
	policy.profile_identifier = "test.rehome.enroll";
	policy.server_url = "https://mdm.example.org/mdm";
	policy.scep_url = "https://mdm.example.org/scep";
	policy.topic = topic;
	assert_int_equal(fleet_new(&scene->fleet, scene->store, &scene->clock.clock,
				   &scene->entropy.entropy, &scene->keys, &policy, &scene->err),
			 0);
	scene->context.fleet = scene->fleet;
}

static int scene_open(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	*state = scene;
	clock_manual_init(&scene->clock, START);
	entropy_seeded_init(&scene->entropy, 7);
	scene->keys =
		(struct fleet_keys){.seal = seal, .open = unseal, .sign = sign, .supervise = sign};
	assert_int_equal(store_open(&scene->store, "sqlite::memory:", &scene->err), 0);
	scene->context = (struct api_context){
		.store = scene->store,
		.keys = &scene->keys,
		.clock = &scene->clock.clock,
		.entropy = &scene->entropy.entropy,
		.url = "https://mdm.example.org",
		.ca_pem = slice_text("a certificate"),
		.supervision_pem = slice_text("of supervision"),
		.has_apns = true,
	};
	fleet_start(scene, "com.apple.mgmt.one");
	return first_token(scene);
}

static int scene_close(void **state)
{
	struct scene *scene = *state;

	json_decref(scene->answer);
	fleet_free(scene->fleet);
	store_free(scene->store);
	free(scene);
	return 0;
}

static void a_token_is_good_until_its_end(void **state)
{
	struct scene *scene = *state;
	char mine[API_TOKEN_MAX + 1];

	assert_int_equal(ask(scene, "POST", "/api/v1/tokens", "",
			     "{\"name\":\"desk\",\"role\":\"viewer\",\"days\":1}"),
			 0);
	assert_int_equal(scene->status, 200);
	snprintf(mine, sizeof(mine), "%s", scene->token);
	snprintf(scene->token, sizeof(scene->token), "%s", text(scene, "token"));
	scene->clock.wall_ns += (int64_t)(DAY - 1) * 1000000000;
	assert_int_equal(ask(scene, "GET", "/api/v1/whoami", "", ""), 0);
	assert_int_equal(scene->status, 200);
	assert_string_equal(text(scene, "role"), "viewer");
	scene->clock.wall_ns += 1000000000;
	assert_int_equal(ask(scene, "GET", "/api/v1/whoami", "", ""), 0);
	assert_int_equal(scene->status, 401);
	/* the first one has no end */
	snprintf(scene->token, sizeof(scene->token), "%s", mine);
	assert_int_equal(ask(scene, "GET", "/api/v1/whoami", "", ""), 0);
	assert_int_equal(scene->status, 200);
}

static void the_first_token_is_made_again_only_when_no_administrator_is_left(void **state)
{
	struct scene *scene = *state;
	char path[100];

	assert_int_equal(first_token(scene), ERR_EXISTS);
	assert_int_equal(ask(scene, "POST", "/api/v1/tokens", "",
			     "{\"name\":\"part\",\"role\":\"administrator\",\"scope\":\"school\"}"),
			 0);
	assert_int_equal(ask(scene, "GET", "/api/v1/whoami", "", ""), 0);
	snprintf(path, sizeof(path), "/api/v1/tokens/%s", text(scene, "id"));
	assert_int_equal(ask(scene, "DELETE", path, "", ""), 0);
	assert_int_equal(scene->status, 200);
	assert_int_equal(ask(scene, "GET", "/api/v1/whoami", "", ""), 0);
	assert_int_equal(scene->status, 401);
	assert_int_equal(first_token(scene), 0);
	assert_int_equal(ask(scene, "GET", "/api/v1/whoami", "", ""), 0);
	assert_int_equal(scene->status, 200);
}

static void a_refusal_takes_back_what_was_done_before_it(void **state)
{
	struct scene *scene = *state;

	/* the first identifier is stored before the second is refused */
	assert_int_equal(ask(scene, "POST", "/api/v1/identifiers", "",
			     "{\"identifiers\":[{\"identifier\":\"DMPVXA9PH19Q\"},"
			     "{\"identifier\":\"not one!\"}]}"),
			 0);
	assert_int_equal(scene->status, 409);
	assert_int_equal(ask(scene, "GET", "/api/v1/identifiers", "", ""), 0);
	assert_int_equal(json_array_size(json_object_get(scene->answer, "identifiers")), 0);
	assert_int_equal(ask(scene, "POST", "/api/v1/identifiers", "dry_run=1",
			     "{\"identifiers\":[{\"identifier\":\"DMPVXA9PH19Q\"}]}"),
			 0);
	assert_int_equal(scene->status, 200);
	assert_true(json_is_true(json_object_get(scene->answer, "dry_run")));
	assert_int_equal(number(scene, "would_be_added"), 1);
	assert_null(json_object_get(scene->answer, "added"));
	assert_int_equal(ask(scene, "GET", "/api/v1/identifiers", "", ""), 0);
	assert_int_equal(json_array_size(json_object_get(scene->answer, "identifiers")), 0);
}

static void a_failure_of_the_service_is_no_answer_and_changes_nothing(void **state)
{
	struct scene *scene = *state;

	scene->is_sealing_broken = true;
	assert_int_equal(
		ask(scene, "POST", "/api/v1/webhooks", "", "{\"url\":\"https://example.org/\"}"),
		ERR_IO);
	scene->is_sealing_broken = false;
	assert_int_equal(ask(scene, "GET", "/api/v1/webhooks", "", ""), 0);
	assert_int_equal(json_array_size(json_object_get(scene->answer, "webhooks")), 0);
}

/* device_put - one that is enrolled, inside of a transaction */
static void device_put(struct scene *scene, const char *udid, const char *serial)
{
	struct store_device device = {
		.udid = udid, .serial = serial, .os = "18.1", .created = START};
	struct store_enrollment enrollment = {.id = udid,
					      .generation = 1,
					      .state = STORE_ENABLED,
					      .kind = STORE_BY_PROFILE,
					      .created = START};

	assert_int_equal(store_device_put(scene->store, &device, NULL), 0);
	enrollment.device = device.no;
	assert_int_equal(store_enrollment_put(scene->store, &enrollment, NULL), 0);
}

/* the records process puts a mark before each call of a batch; one that is left open behind it
 * would be what its undo means, and the wipe of the first device would stay */
static void a_failure_leaves_no_mark_behind_so_that_all_of_the_call_is_undone(void **state)
{
	struct scene *scene = *state;
	char authorization[API_TOKEN_MAX + 16];
	struct api_request request = {
		.method = "POST",
		.path = "/api/v1/actions/wipe",
		.query = "",
		.authorization = authorization,
		.content_type = "application/json",
		.peer = "127.0.0.1",
		.body = slice_text("{\"ids\":[\"D1\"],\"return_to_service\":true}"),
	};
	struct api_answer answer;
	struct slice value;

	snprintf(authorization, sizeof(authorization), "Bearer %s", scene->token);
	api_answer_init(&answer);
	assert_int_equal(store_begin(scene->store, NULL), 0);
	device_put(scene, "D1", "");
	assert_int_equal(store_savepoint(scene->store, NULL), 0);
	assert_int_equal(store_setting_set(scene->store, "of-the-call", slice_text("1"), NULL), 0);
	scene->is_sealing_broken = true;
	assert_int_equal(api_handle(&scene->context, &request, &answer, &scene->err), ERR_IO);
	assert_int_equal(store_undo(scene->store, NULL), 0);
	assert_int_equal(store_setting_get(scene->store, "of-the-call", &value, NULL),
			 STORE_NO_ROW);
	assert_int_equal(store_commit(scene->store, NULL), 0);
	api_answer_clear(&answer);
}

/* devices_put - some that are enrolled */
static void devices_put(struct scene *scene, const char *one, const char *other)
{
	assert_int_equal(store_begin(scene->store, NULL), 0);
	device_put(scene, one, "SERIAL1");
	device_put(scene, other, "SERIAL2");
	assert_int_equal(store_commit(scene->store, NULL), 0);
}

static void send(struct scene *scene, const char *body)
{
	assert_int_equal(ask(scene, "POST", "/api/v1/commands", "", body), 0);
}

static void a_request_type_that_nobody_knows_is_refused_unless_it_is_meant(void **state)
{
	struct scene *scene = *state;

	devices_put(scene, "D1", "D2");
	send(scene, "{\"ids\":[\"D1\"],\"type\":\"InstalProfile\"}");
	assert_int_equal(scene->status, 400);
	assert_non_null(strstr(refusal(scene), "did you mean InstallProfile?"));
	send(scene, "{\"ids\":[\"D1\"],\"plist\":\"<plist><dict><key>RequestType</key>"
		    "<string>Xyzzy</string></dict></plist>\"}");
	assert_int_equal(scene->status, 400);
	assert_null(strstr(refusal(scene), "did you mean"));
	assert_int_equal(ask(scene, "GET", "/api/v1/enrollments/D1/commands", "", ""), 0);
	assert_int_equal(json_array_size(json_object_get(scene->answer, "queue")), 0);
	send(scene, "{\"ids\":[\"D1\"],\"type\":\"InstalProfile\",\"force\":true}");
	assert_int_equal(scene->status, 200);
	assert_int_equal(number(scene, "queued"), 1);
	assert_true(json_is_true(json_object_get(scene->answer, "dangerous")));
}

static void a_command_is_answered_with_what_it_does_and_when(void **state)
{
	struct scene *scene = *state;

	devices_put(scene, "D1", "D2");
	send(scene, "{\"ids\":[\"D1\",\"D2\"],\"type\":\"EraseDevice\",\"dry_run\":true}");
	assert_int_equal(number(scene, "would_be_queued"), 2);
	assert_null(json_object_get(scene->answer, "queued"));
	assert_true(json_is_true(json_object_get(scene->answer, "dangerous")));
	assert_string_equal(text(scene, "will"), "EraseDevice: erase everything");
	assert_non_null(strstr(text(scene, "when"), "pushed now"));
	send(scene, "{\"ids\":[\"D1\"],\"type\":\"SecurityInfo\"}");
	assert_true(json_is_false(json_object_get(scene->answer, "dangerous")));
	send(scene, "{\"ids\":[\"D1\"],\"type\":\"SecurityInfo\",\"not_before\":1800086400}");
	assert_string_equal(text(scene, "when"),
			    "at the first contact of each device after 2027-01-16T08:00:00Z");
	send(scene, "{\"ids\":[\"nobody\"],\"type\":\"SecurityInfo\"}");
	assert_true(json_is_null(json_object_get(scene->answer, "when")));
	/* nor is anybody pushed where pushes go nowhere, or without a push certificate */
	scene->context.has_apns = false;
	send(scene, "{\"ids\":[\"D1\"],\"type\":\"SecurityInfo\"}");
	assert_non_null(strstr(text(scene, "when"), "keyword apns"));
	scene->context.has_apns = true;
	fleet_free(scene->fleet);
	fleet_start(scene, NULL);
	send(scene, "{\"ids\":[\"D1\"],\"type\":\"SecurityInfo\"}");
	assert_non_null(strstr(text(scene, "when"), "push is off"));
}

/* token_make - and use it from now on */
static void token_make(struct scene *scene, const char *body)
{
	assert_int_equal(ask(scene, "POST", "/api/v1/tokens", "", body), 0);
	assert_int_equal(scene->status, 200);
	snprintf(scene->token, sizeof(scene->token), "%s", text(scene, "token"));
}

/* what is signed for one device opens any other that this service supervises, so that a token of
 * one group cannot have it */
static void a_challenge_is_signed_for_operators_of_the_whole_service(void **state)
{
	static const char path[] = "/api/v1/devices/D1/pairing",
			  body[] = "{\"challenge\":\"DQoAAQIDBAU=\"}";
	struct store_device device = {
		.udid = "D1", .is_supervised = 1, .ownership = STORE_CORPORATE, .created = START};
	struct scene *scene = *state;
	char mine[API_TOKEN_MAX + 1];

	assert_int_equal(store_begin(scene->store, NULL), 0);
	assert_int_equal(store_device_put(scene->store, &device, NULL), 0);
	assert_int_equal(store_commit(scene->store, NULL), 0);
	assert_int_equal(ask(scene, "POST", path, "", body), 0);
	assert_int_equal(scene->status, 200);
	assert_string_equal(text(scene, "signature"), "DQoAAQIDBAU=");
	assert_int_equal(ask(scene, "POST", path, "", "{\"challenge\":\"?\"}"), 0);
	assert_int_equal(scene->status, 400);
	assert_int_equal(ask(scene, "POST", "/api/v1/devices/D2/pairing", "", body), 0);
	assert_int_equal(scene->status, 404);
	snprintf(mine, sizeof(mine), "%s", scene->token);
	token_make(scene, "{\"name\":\"desk\",\"role\":\"help_desk\"}");
	assert_int_equal(ask(scene, "POST", path, "", body), 0);
	assert_int_equal(scene->status, 403);
	snprintf(scene->token, sizeof(scene->token), "%s", mine);
	token_make(scene, "{\"name\":\"part\",\"role\":\"administrator\",\"scope\":\"school\"}");
	assert_int_equal(ask(scene, "POST", path, "", body), 0);
	assert_int_equal(scene->status, 403);
}

static void record_set(struct scene *scene, const char *udid, enum store_record record)
{
	struct store_device device;

	assert_int_equal(store_begin(scene->store, NULL), 0);
	assert_int_equal(store_device_find(scene->store, udid, &device, NULL), 0);
	device.record = record;
	device.serial = "SERIAL1";
	assert_int_equal(store_device_put(scene->store, &device, NULL), 0);
	assert_int_equal(store_commit(scene->store, NULL), 0);
}

static void a_serial_number_names_a_device_where_its_udid_does(void **state)
{
	struct scene *scene = *state;

	devices_put(scene, "D1", "D2");
	assert_int_equal(ask(scene, "GET", "/api/v1/devices/SERIAL2", "", ""), 0);
	assert_string_equal(text(scene, "udid"), "D2");
	assert_int_equal(ask(scene, "GET", "/api/v1/enrollments/SERIAL2", "", ""), 0);
	assert_string_equal(text(scene, "id"), "D2");
	send(scene, "{\"ids\":[\"SERIAL1\",\"D2\"],\"type\":\"SecurityInfo\",\"uuid\":\"U\"}");
	assert_int_equal(number(scene, "queued"), 2);
	assert_int_equal(ask(scene, "DELETE", "/api/v1/commands/U", "id=SERIAL2", ""), 0);
	assert_int_equal(number(scene, "canceled"), 1);
	assert_int_equal(ask(scene, "GET", "/api/v1/enrollments/D1/commands/U", "", ""), 0);
	assert_string_equal(text(scene, "state"), "queued");
	assert_int_equal(ask(scene, "GET", "/api/v1/devices/SERIAL3", "", ""), 0);
	assert_int_equal(scene->status, 404);
}

static void a_serial_number_of_several_devices_is_refused_and_names_them(void **state)
{
	struct scene *scene = *state;

	devices_put(scene, "D1", "D2");
	record_set(scene, "D2", STORE_ACTIVE);
	assert_int_equal(ask(scene, "POST", "/api/v1/actions/wipe", "", "{\"ids\":[\"SERIAL1\"]}"),
			 0);
	assert_int_equal(scene->status, 409);
	assert_non_null(strstr(refusal(scene), "D1, D2"));
	/* beside a living record one that is over is not meant */
	record_set(scene, "D1", STORE_WIPED);
	assert_int_equal(ask(scene, "GET", "/api/v1/devices/SERIAL1", "", ""), 0);
	assert_string_equal(text(scene, "udid"), "D2");
	record_set(scene, "D2", STORE_DELETED);
	assert_int_equal(ask(scene, "GET", "/api/v1/devices/SERIAL1", "", ""), 0);
	assert_string_equal(text(scene, "udid"), "D1");
	assert_string_equal(text(scene, "record"), "wiped");
	assert_int_equal(ask(scene, "GET", "/api/v1/devices", "record=wiped", ""), 0);
	assert_int_equal(json_array_size(json_object_get(scene->answer, "devices")), 1);
	assert_int_equal(ask(scene, "GET", "/api/v1/devices", "record=retired", ""), 0);
	assert_int_equal(json_array_size(json_object_get(scene->answer, "devices")), 0);
}

static void whoever_is_not_enrolled_any_more_is_not_said_to_be_locked(void **state)
{
	struct scene *scene = *state;
	struct store_enrollment enrollment;

	devices_put(scene, "D1", "D2");
	assert_int_equal(store_begin(scene->store, NULL), 0);
	assert_int_equal(store_enrollment_find(scene->store, "D1", &enrollment, NULL), 0);
	enrollment.state = STORE_DISABLED;
	assert_int_equal(store_enrollment_put(scene->store, &enrollment, NULL), 0);
	assert_int_equal(store_commit(scene->store, NULL), 0);
	assert_int_equal(ask(scene, "POST", "/api/v1/actions/lock", "", "{\"ids\":[\"D1\"]}"), 0);
	assert_int_equal(scene->status, 409);
	assert_non_null(strstr(refusal(scene), "not enabled"));
	assert_int_equal(
		ask(scene, "POST", "/api/v1/actions/lock", "", "{\"ids\":[\"D1\",\"D2\"]}"), 0);
	assert_int_equal(scene->status, 207);
	assert_int_equal(number(scene, "done"), 1);
}

static void a_group_is_joined_when_it_is_there_and_the_audit_tells_which(void **state)
{
	struct scene *scene = *state;
	const json_t *row;

	devices_put(scene, "D1", "D2");
	assert_int_equal(ask(scene, "POST", "/api/v1/groups/shcool/add", "", "{\"ids\":[\"D2\"]}"),
			 0);
	assert_int_equal(scene->status, 404);
	assert_int_equal(ask(scene, "PUT", "/api/v1/groups/school", "", ""), 0);
	assert_int_equal(ask(scene, "POST", "/api/v1/groups/school/add", "", "{\"ids\":[\"D2\"]}"),
			 0);
	assert_int_equal(scene->status, 200);
	assert_int_equal(ask(scene, "GET", "/api/v1/audit", "limit=1", ""), 0);
	row = json_array_get(json_object_get(scene->answer, "audit"), 0);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(row, "detail"), "group")),
		"school");
}

static void a_token_with_a_scope_finds_serial_numbers_of_its_group_alone(void **state)
{
	struct scene *scene = *state;

	devices_put(scene, "D1", "D2");
	record_set(scene, "D2", STORE_ACTIVE);
	assert_int_equal(ask(scene, "PUT", "/api/v1/groups/school", "", ""), 0);
	assert_int_equal(ask(scene, "POST", "/api/v1/groups/school/add", "", "{\"ids\":[\"D2\"]}"),
			 0);
	token_make(scene, "{\"name\":\"t\",\"role\":\"viewer\",\"scope\":\"school\"}");
	assert_int_equal(ask(scene, "GET", "/api/v1/devices/SERIAL1", "", ""), 0);
	assert_string_equal(text(scene, "udid"), "D2");
}

/* push_pem - a push certificate for @topic with a key, which is another one if @is_foreign */
static void push_pem(const char *topic, int64_t from, bool is_foreign, struct buf *pem)
{
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	CLEANUP(crypto_key_free_p) struct crypto_key *other = NULL;
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_PUSH,
					.common_name = "APSP",
					.uid = topic,
					.not_before = from,
					.days = 365,
					.serial_entropy = {1}};

	assert_int_equal(crypto_key_make(&key, CRYPTO_KEY_EC_P256, NULL), 0);
	assert_int_equal(crypto_key_make(&other, CRYPTO_KEY_EC_P256, NULL), 0);
	assert_int_equal(crypto_key_spki(key, &spki, NULL), 0);
	wish.spki = buf_slice(&spki);
	assert_int_equal(crypto_cert_issue(&cert, &wish, NULL, key, NULL), 0);
	assert_int_equal(crypto_cert_write(cert, pem, NULL), 0);
	assert_int_equal(crypto_key_write(is_foreign ? other : key, pem, NULL), 0);
}

static void put_push(struct scene *scene, const char *topic, int64_t from, bool is_foreign)
{
	CLEANUP(buf_wipe) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX);

	push_pem(topic, from, is_foreign, &pem);
	assert_int_equal(ask(scene, "PUT", "/api/v1/pushcert", "", buf_text(&pem)), 0);
}

static void a_push_certificate_must_fit_its_key_its_time_and_the_topic(void **state)
{
	struct scene *scene = *state;
	struct slice key = SLICE_EMPTY;

	assert_int_equal(ask(scene, "GET", "/api/v1/pushcert", "", ""), 0);
	assert_int_equal(scene->status, 404);
	put_push(scene, "com.apple.mgmt.one", START, true);
	assert_int_equal(scene->status, 400);
	put_push(scene, NULL, START, false);
	assert_int_equal(scene->status, 400);
	put_push(scene, "com.apple.mgmt.one", START - 400 * (int64_t)DAY, false);
	assert_int_equal(scene->status, 400);
	put_push(scene, "com.apple.mgmt.one", START, false);
	assert_int_equal(scene->status, 200);
	assert_string_equal(text(scene, "topic"), "com.apple.mgmt.one");
	put_push(scene, "com.apple.mgmt.two", START, false);
	assert_int_equal(scene->status, 409);
	put_push(scene, "com.apple.mgmt.one", START + DAY, false);
	assert_int_equal(scene->status, 200);
	scene->context.is_topic_change_allowed = true;
	put_push(scene, "com.apple.mgmt.two", START, false);
	assert_int_equal(scene->status, 200);
	assert_int_equal(ask(scene, "PUT", "/api/v1/pushcert", "", "no PEM"), 0);
	assert_int_equal(scene->status, 400);

	/* its key lies there as `seal` made it, and in no audit row */
	assert_int_equal(store_begin(scene->store, NULL), 0);
	assert_int_equal(store_setting_get(scene->store, "push-key", &key, NULL), 0);
	assert_true(key.len > 0);
	store_rollback(scene->store);
}

static void what_json_says_becomes_a_property_list(void **state)
{
	static const struct plist_limits limits = PLIST_LIMITS_SMALL;
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(FLEET_COMMAND_MAX);
	const struct plist *root, *command;
	struct slice bytes;
	int64_t number, date;
	double real;
	json_t *keys = json_loads("{\"Image\":{\"$data\":\"AAEC\"},"
				  "\"At\":{\"$date\":\"2026-11-01T08:00:00Z\"},\"N\":-7,\"R\":1.5,"
				  "\"On\":true,\"List\":[\"a\",{\"b\":1}]}",
				  0, NULL);

	assert_int_equal(api_command_plist("Settings", "U", keys, &out, NULL), 0);
	json_decref(keys);
	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	assert_int_equal(plist_parse(doc, buf_slice(&out), &limits, &root, NULL), 0);
	assert_string_equal(plist_get_text(root, "CommandUUID"), "U");
	command = plist_get_dict(root, "Command");
	assert_string_equal(plist_get_text(command, "RequestType"), "Settings");
	assert_true(plist_get_data(command, "Image", &bytes) && bytes.len == 3);
	assert_true(plist_get_date(command, "At", &date) && date == 1793520000);
	assert_true(plist_get_int(command, "N", &number) && number == -7);
	assert_true(plist_get_real(command, "R", &real) && real == 1.5);
	assert_non_null(plist_at(plist_get_array(command, "List"), 1));
}

static void what_a_property_list_cannot_say_is_refused(void **state)
{
	static const char *const wrong[] = {
		"{\"a\":null}",
		"{\"a\":[{\"b\":null}]}",
		"{\"a\":{\"$data\":\"?\"}}",
		"{\"a\":{\"$data\":5}}",
		"{\"a\":{\"$date\":\"today\"}}",
		"{\"$data\":\"AAEC\"}",
		"{\"RequestType\":\"EraseDevice\"}",
	};

	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(FLEET_COMMAND_MAX);
		json_t *keys = json_loads(wrong[i], 0, NULL);

		assert_true(api_command_plist("DeviceInformation", NULL, keys, &out, NULL) < 0);
		assert_int_equal(out.len, 0);
		json_decref(keys);
	}
}

/* each route that only looks answers an administrator, with nothing in the store */
static void every_look_works_on_an_empty_store(void **state)
{
	struct scene *scene = *state;

	for (const struct api_route *route = api_routes; route->method; route++) {
		if (strcmp(route->method, "GET") != 0 || strchr(route->pattern, '{'))
			continue;
		assert_int_equal(ask(scene, "GET", route->pattern, "", ""), 0);
		if (scene->status != 200 && scene->status != 404)
			fail_msg("%s: %d", route->pattern, scene->status);
	}
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCENE(a_token_is_good_until_its_end),
		IN_SCENE(the_first_token_is_made_again_only_when_no_administrator_is_left),
		IN_SCENE(a_refusal_takes_back_what_was_done_before_it),
		IN_SCENE(a_failure_of_the_service_is_no_answer_and_changes_nothing),
		IN_SCENE(a_failure_leaves_no_mark_behind_so_that_all_of_the_call_is_undone),
		IN_SCENE(a_request_type_that_nobody_knows_is_refused_unless_it_is_meant),
		IN_SCENE(a_command_is_answered_with_what_it_does_and_when),
		IN_SCENE(a_challenge_is_signed_for_operators_of_the_whole_service),
		IN_SCENE(a_serial_number_names_a_device_where_its_udid_does),
		IN_SCENE(a_serial_number_of_several_devices_is_refused_and_names_them),
		IN_SCENE(whoever_is_not_enrolled_any_more_is_not_said_to_be_locked),
		IN_SCENE(a_group_is_joined_when_it_is_there_and_the_audit_tells_which),
		IN_SCENE(a_token_with_a_scope_finds_serial_numbers_of_its_group_alone),
		IN_SCENE(a_push_certificate_must_fit_its_key_its_time_and_the_topic),
		cmocka_unit_test(what_json_says_becomes_a_property_list),
		cmocka_unit_test(what_a_property_list_cannot_say_is_refused),
		IN_SCENE(every_look_works_on_an_empty_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
