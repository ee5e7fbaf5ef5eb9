/*
 * Tickets, ownership, what an organisation may see, profiles by reconciliation, declarations, and
 * commands that are refused.
 */
#include "fleet/testing.h"

#include <jansson.h>

#include <sqlite3.h>

#define ID TESTING_UDID
#define PROFILE "test.rehome.wifi"

static void a_challenge_buys_one_identity(void **state)
{
	struct testing *t = *state;
	CLEANUP(buf_clear) struct buf der = BUF_INIT(8192);
	struct fleet_ticket_wish wish = {.by = "anna"}, link = {.is_link = true, .by = "anna"};
	char challenge[FLEET_CHALLENGE_LEN + 1];

	TESTING_DO(t, fleet_ticket_new(t->fleet, &wish, challenge, &t->err));
	testing_identity(t, challenge);
	assert_int_equal(TESTING_DO(t, fleet_identity_issue(t->fleet, challenge,
							    buf_slice(&t->spki), &der, &t->err)),
			 FLEET_REFUSED);
	assert_int_equal(TESTING_DO(t, fleet_identity_issue(t->fleet, "no such",
							    buf_slice(&t->spki), &der, &t->err)),
			 FLEET_REFUSED);
	/* an hour too late */
	TESTING_DO(t, fleet_ticket_new(t->fleet, &wish, challenge, &t->err));
	testing_pass(t, FLEET_DAY_S + 3600);
	assert_int_equal(TESTING_DO(t, fleet_identity_issue(t->fleet, challenge,
							    buf_slice(&t->spki), &der, &t->err)),
			 FLEET_REFUSED);
	/* a link buys the profile, once, and is no challenge itself */
	TESTING_DO(t, fleet_ticket_new(t->fleet, &link, challenge, &t->err));
	assert_int_equal(TESTING_DO(t, fleet_identity_issue(t->fleet, challenge,
							    buf_slice(&t->spki), &der, &t->err)),
			 FLEET_REFUSED);
	assert_int_equal(der.len, 0);
	assert_int_equal(TESTING_DO(t, fleet_profile_enroll(t->fleet, challenge, &der, &t->err)),
			 0);
	assert_null(memmem(der.bytes, der.len, challenge, FLEET_CHALLENGE_LEN));
	assert_int_equal(TESTING_DO(t, fleet_profile_enroll(t->fleet, challenge, &der, &t->err)),
			 FLEET_REFUSED);
}

/* a ticket of a kind that this program does not make, as a newer one may leave it */
static void insert_ticket(struct testing *t, const char *challenge, enum store_purpose purpose)
{
	struct store_ticket ticket = {
		.purpose = purpose, .kind = 1, .ends = testing_now(t) + FLEET_DAY_S};
	uint8_t hash[CRYPTO_SHA256_LEN];

	crypto_sha256(slice_text(challenge), hash);
	ticket.hash = slice_of(hash, sizeof(hash));
	assert_int_equal(TESTING_DO(t, store_ticket_insert(t->store, &ticket, &t->err)), 0);
}

static void a_ticket_for_another_kind_of_identity_buys_none_over_scep(void **state)
{
	struct testing *t = *state;
	CLEANUP(buf_clear) struct buf out = BUF_INIT(MDM_PROFILE_MAX);

	insert_ticket(t, "over acme", STORE_TO_ENROLL);
	assert_int_equal(TESTING_DO(t, fleet_identity_issue(t->fleet, "over acme",
							    buf_slice(&t->spki), &out, &t->err)),
			 FLEET_REFUSED);
	assert_non_null(strstr(t->err.text, "does not come over SCEP"));
	insert_ticket(t, "link to acme", STORE_LINK);
	assert_int_equal(
		TESTING_DO(t, fleet_profile_enroll(t->fleet, "link to acme", &out, &t->err)),
		FLEET_REFUSED);
	assert_non_null(strstr(t->err.text, "does not come over SCEP"));
	assert_int_equal(out.len, 0);
}

static void a_ticket_for_one_device_serves_no_other(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_new_identity(t, TESTING_OTHER);

	assert_int_equal(testing_authenticate(t, &peer, ID), 400);
	assert_int_equal(testing_authenticate(t, &peer, ID), 400);
	assert_int_equal(testing_events(t, "ticket-foreign"), 1);
	assert_int_equal(testing_authenticate(t, &peer, TESTING_OTHER), 200);
}

static void a_personal_device_is_kept_out_unless_its_serial_number_was_imported(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_new_identity(t, NULL);

	t->policy.is_personal_blocked = true;
	testing_policy(t);
	assert_int_equal(testing_authenticate(t, &peer, ID), 400);
	assert_int_equal(testing_events(t, "enrollment-restricted"), 1);
	assert_int_equal(TESTING_DO(t, fleet_identifier_import(t->fleet, "no-serial", NULL, "anna",
							       &t->err)),
			 FLEET_REFUSED);
	assert_int_equal(TESTING_DO(t, fleet_identifier_import(t->fleet, "rhsim.0000001",
							       "loan pool", "anna", &t->err)),
			 0);
	assert_int_equal(testing_authenticate(t, &peer, ID), 200);
}

static void report_numbers(struct testing *t, const struct fleet_peer *peer)
{
	testing_enqueue(t, ID, "DeviceInformation");
	testing_report(t, peer, ID, "Idle", NULL);
	testing_report_keys(t, peer, ID, "Acknowledged", t->uuid,
			    "<key>QueryResponses</key><dict><key>ServiceSubscriptions</key><array>"
			    "<dict><key>PhoneNumber</key><string>+491701234567</string></dict>"
			    "</array><key>IsSupervised</key><true/></dict>");
}

static bool inventory_has(struct testing *t, const char *text)
{
	struct store_device device;
	struct store_kept kept;
	bool is_there;

	testing_begin(t);
	testing_check(t, store_device_find(t->store, ID, &device, &t->err));
	is_there = store_kept_get(t->store, STORE_OF_DEVICE, device.no,
				  "inventory/DeviceInformation", &kept, &t->err) == 0 &&
		   memmem(kept.bytes.bytes, kept.bytes.len, text, strlen(text));
	testing_end(t, 0);
	return is_there;
}

static int visible(struct testing *t, const char *response, struct buf *out)
{
	struct store_enrollment row;
	struct store_command command = {.request_type = "DeviceInformation"};
	int r;

	buf_truncate(out, 0);
	testing_check(t, buf_append_text(out, response, &t->err));
	testing_begin(t);
	testing_check(t, store_enrollment_find(t->store, ID, &row, &t->err));
	r = fleet_response_visible(t->fleet, &row, &command, out, &t->err);
	testing_end(t, 0);
	return r;
}

static int allocations_left;

static void *allocate(size_t len)
{
	return allocations_left-- > 0 ? malloc(len) : NULL;
}

static void a_number_of_a_personal_device_is_masked_whatever_happens(void **state)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(4096);
	struct testing *t = *state;
	int r = ERR_NO_MEMORY;

	testing_enroll(t, ID);
	/* full-width digits: three bytes each */
	assert_int_equal(visible(t, "{\"PhoneNumber\":\"\uff11\uff12\uff13\"}", &out), 0);
	assert_string_equal(buf_text(&out), "{\"PhoneNumber\":\"***\"}");
	for (int i = 0; r == ERR_NO_MEMORY; i++) {
		allocations_left = i;
		json_set_alloc_funcs(allocate, free);
		r = visible(t, "{\"PhoneNumber\":\"+491701234567\",\"A\":1}", &out);
		json_set_alloc_funcs(malloc, free);
	}
	assert_int_equal(r, 0);
	assert_string_equal(buf_text(&out), "{\"PhoneNumber\":\"***4567\",\"A\":1}");
}

static void of_a_personal_device_less_is_seen(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	struct secret secret = SECRET_INIT;

	report_numbers(t, &peer);
	assert_true(inventory_has(t, "***4567"));
	assert_false(inventory_has(t, "1234567"));
	assert_int_equal(testing_enqueue(t, ID, "InstalledApplicationList"), FLEET_REFUSED);
	secret_set(&secret, slice_text("x"), &t->err);
	assert_int_equal(TESTING_DO(t, fleet_secret_set(t->fleet, ID, FLEET_BACKUP_PASSWORD,
							&secret, false, "anna", &t->err)),
			 FLEET_REFUSED);
	TESTING_DO(t, fleet_ownership_set(t->fleet, ID, FLEET_CORPORATE, "anna", &t->err));
	report_numbers(t, &peer);
	assert_true(inventory_has(t, "+491701234567"));
	assert_int_equal(testing_enqueue(t, ID, "InstalledApplicationList"), 0);
	/* and what was known goes when it becomes personal */
	TESTING_DO(t, fleet_ownership_set(t->fleet, ID, FLEET_PERSONAL, "anna", &t->err));
	assert_false(inventory_has(t, "+49"));
}

/* statements of an answer that says @name */
static uint64_t statements_of(struct testing *t, const struct fleet_peer *peer, const char *name)
{
	struct store_stats before, after;
	char keys[160];

	snprintf(keys, sizeof(keys),
		 "<key>QueryResponses</key><dict><key>DeviceName</key><string>%s</string></dict>",
		 name);
	testing_enqueue(t, ID, "DeviceInformation");
	testing_report(t, peer, ID, "Idle", NULL);
	store_stats(t->store, &before);
	testing_report_keys(t, peer, ID, "Acknowledged", t->uuid, keys);
	store_stats(t->store, &after);
	return after.statements - before.statements;
}

static bool is_named(struct testing *t, const char *name)
{
	struct store_device device;
	bool is_so;

	testing_begin(t);
	testing_check(t, store_device_find(t->store, ID, &device, &t->err));
	is_so = strcmp(device.name, name) == 0;
	testing_end(t, 0);
	return is_so;
}

static void an_answer_that_tells_nothing_new_writes_no_device(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	uint64_t first = statements_of(t, &peer, "Erste");

	assert_true(is_named(t, "Erste"));
	assert_int_equal(statements_of(t, &peer, "Erste"), first - 1);
	assert_int_equal(statements_of(t, &peer, "Zweite"), first);
	assert_true(is_named(t, "Zweite"));
}

static void a_bypass_code_lies_sealed_and_in_no_result(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	struct secret code = SECRET_INIT;
	struct store_history *rows;
	struct store_history row;
	size_t count;

	report_numbers(t, &peer);
	TESTING_DO(t, fleet_ownership_set(t->fleet, ID, FLEET_CORPORATE, "anna", &t->err));
	assert_int_equal(testing_enqueue(t, ID, "ActivationLockBypassCode"), 0);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_report_keys(t, &peer, ID, "Acknowledged", t->uuid,
			    "<key>ActivationLockBypassCode</key><string>ABCDE-12345</string>");
	assert_int_equal(TESTING_DO(t, fleet_secret_get(t->fleet, ID, FLEET_BYPASS_CODE, &code,
							"anna", &t->err)),
			 0);
	assert_memory_equal(code.bytes, "ABCDE-12345", 11);
	testing_begin(t);
	testing_check(t, store_history_list(t->store, testing_row_no(t, ID), 0, 10, &rows, &count,
					    &t->err));
	for (size_t i = 0; i < count; i++) {
		testing_check(t, store_history_find(t->store, rows[i].enrollment, rows[i].uuid,
						    &row, &t->err));
		assert_true(row.result.len == 0 ||
			    !memmem(row.result.bytes, row.result.len, "ABCDE", 5));
	}
	testing_end(t, 0);
}

static int sign(struct testing *t, const char *udid, const char *challenge, struct buf *out)
{
	return TESTING_DO(
		t, fleet_pairing_sign(t->fleet, udid, slice_text(challenge), out, "anna", &t->err));
}

static void only_for_a_corporate_and_supervised_device_of_ours_a_challenge_is_signed(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	CLEANUP(buf_clear) struct buf out = BUF_INIT(256);
	char long_one[FLEET_PAIRING_MAX + 2];
	struct store_audit *rows;
	size_t count;

	memset(long_one, 'a', sizeof(long_one));
	long_one[FLEET_PAIRING_MAX + 1] = 0;
	assert_int_equal(sign(t, TESTING_OTHER, "12345678", &out), FLEET_NO_SUCH);
	assert_int_equal(sign(t, ID, "12345678", &out), FLEET_REFUSED);
	assert_non_null(strstr(t->err.text, "has not said yet"));
	report_numbers(t, &peer);
	assert_int_equal(sign(t, ID, "12345678", &out), FLEET_REFUSED);
	assert_non_null(strstr(t->err.text, "personal"));
	TESTING_DO(t, fleet_ownership_set(t->fleet, ID, FLEET_CORPORATE, "anna", &t->err));
	assert_int_equal(sign(t, ID, "", &out), FLEET_REFUSED);
	assert_int_equal(sign(t, ID, long_one, &out), FLEET_REFUSED);
	assert_int_equal(out.len, 0);
	assert_int_equal(sign(t, ID, "12345678", &out), 0);
	assert_string_equal(buf_text(&out), "signed:12345678");
	testing_begin(t);
	testing_check(t, store_audit_list(t->store, ID, 0, 1, &rows, &count, &t->err));
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].action, "pairing-sign");
	assert_string_equal(rows[0].who, "anna");
	testing_end(t, 0);
	/* a device that was given up is the service's no more */
	assert_int_equal(TESTING_DO(t, fleet_retire(t->fleet, ID, "anna", &t->err)), 0);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "RemoveProfile");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	assert_int_equal(sign(t, ID, "12345678", &out), FLEET_REFUSED);
	assert_non_null(strstr(t->err.text, "given the device up"));
}

static void for_a_device_that_was_wiped_no_challenge_is_signed(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	CLEANUP(buf_clear) struct buf out = BUF_INIT(256);
	struct fleet_erase how = {0};

	report_numbers(t, &peer);
	TESTING_DO(t, fleet_ownership_set(t->fleet, ID, FLEET_CORPORATE, "anna", &t->err));
	assert_int_equal(sign(t, ID, "12345678", &out), 0);
	assert_int_equal(TESTING_DO(t, fleet_wipe(t->fleet, ID, &how, "anna", &t->err)), 0);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "EraseDevice");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	buf_truncate(&out, 0);
	assert_int_equal(sign(t, ID, "12345678", &out), FLEET_REFUSED);
	assert_int_equal(out.len, 0);
}

static int password_set(struct testing *t, const char *text, bool replaces)
{
	struct secret value = SECRET_INIT;

	testing_check(t, secret_set(&value, slice_text(text), &t->err));
	return TESTING_DO(t, fleet_secret_set(t->fleet, ID, FLEET_BACKUP_PASSWORD, &value, replaces,
					      "anna", &t->err));
}

static bool password_is(struct testing *t, const char *text)
{
	struct secret value = SECRET_INIT;
	int r = TESTING_DO(
		t, fleet_secret_get(t->fleet, ID, FLEET_BACKUP_PASSWORD, &value, "anna", &t->err));

	return r == 0 && slice_equal(secret_slice(&value), slice_text(text));
}

static void a_backup_password_is_set_once_unless_it_shall_be_replaced(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	TESTING_DO(t, fleet_ownership_set(t->fleet, ID, FLEET_CORPORATE, "anna", &t->err));
	assert_int_equal(password_set(t, "one", false), FLEET_REFUSED); /* not supervised */
	assert_non_null(strstr(t->err.text, "not supervised"));
	report_numbers(t, &peer);
	assert_int_equal(password_set(t, "one", false), 0);
	assert_int_equal(password_set(t, "one", false), 0);
	assert_int_equal(password_set(t, "two", false), FLEET_REFUSED);
	assert_true(password_is(t, "one"));
	assert_int_equal(password_set(t, "", true), FLEET_REFUSED);
	assert_int_equal(password_set(t, "two", true), 0);
	assert_true(password_is(t, "two"));
}

static void clear_passcode_gets_the_stored_token_at_delivery(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	testing_enqueue(t, ID, "ClearPasscode");
	testing_token(t, &peer, ID, "AAAA", "magic-1", NULL); /* without one: the old one stays */
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "ClearPasscode");
	assert_non_null(memmem(t->answer.body.bytes, t->answer.body.len, "BBBB", 4));
}

/* ---- profiles ---- */

static void put_profile(struct testing *t, char version)
{
	char text[1024], identifier[FLEET_NAME_MAX + 1];
	int64_t number;

	snprintf(text, sizeof(text),
		 TESTING_HEAD "<key>PayloadType</key><string>Configuration</string>"
			      "<key>PayloadVersion</key><integer>1</integer>"
			      "<key>PayloadIdentifier</key><string>" PROFILE "</string>"
			      "<key>PayloadUUID</key><string>6F2E1B1C-0000-4000-8000-00000000000%c"
			      "</string><key>PayloadContent</key><array/></dict></plist>",
		 version);
	assert_int_equal(TESTING_DO(t, fleet_profile_put(t->fleet, slice_text(text), "anna",
							 identifier, &number, &t->err)),
			 0);
	assert_int_equal(number, version - '0');
}

static unsigned reconcile(struct testing *t)
{
	unsigned count;

	TESTING_DO(t, fleet_sweep_reconcile(t->fleet, 100, &count, &t->err));
	return count;
}

/* Idle; if a command comes it is answered, and nothing may follow */
static void session(struct testing *t, const struct fleet_peer *peer, const char *type,
		    const char *status)
{
	testing_report(t, peer, ID, "Idle", NULL);
	testing_expect(t, type);
	if (!type[0])
		return;
	testing_report(t, peer, ID, status, t->uuid);
	testing_expect(t, "");
}

static void what_is_assigned_is_installed_and_what_is_not_is_removed(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	struct fleet_target group = {.kind = FLEET_TARGET_GROUP, .name = "sales"};

	put_profile(t, '1');
	assert_int_equal(TESTING_DO(t, fleet_profile_assign(t->fleet, PROFILE, &group, true, "anna",
							    &t->err)),
			 FLEET_NO_SUCH);
	TESTING_DO(t, fleet_group_set(t->fleet, "sales", NULL, false, "anna", &t->err));
	TESTING_DO(t, fleet_profile_assign(t->fleet, PROFILE, &group, true, "anna", &t->err));
	assert_int_equal(reconcile(t), 0);
	TESTING_DO(t, fleet_group_set(t->fleet, "sales", ID, true, "anna", &t->err));
	assert_int_equal(reconcile(t), 1);
	/* of two versions that came before its visit the device gets the newest, once */
	put_profile(t, '2');
	assert_int_equal(reconcile(t), 1);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "InstallProfile");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	testing_expect(t, "");
	/* nothing is wanted again; another version is */
	TESTING_DO(t, fleet_reconcile(t->fleet, ID, &t->err));
	session(t, &peer, "", "");
	put_profile(t, '3');
	reconcile(t);
	session(t, &peer, "InstallProfile", "Error");
	assert_int_equal(testing_events(t, "profile-failed"), 1);
	TESTING_DO(t, fleet_reconcile(t->fleet, ID, &t->err));
	session(t, &peer, "", ""); /* a failed version is not tried again by itself */
	TESTING_DO(t, fleet_group_set(t->fleet, "sales", ID, false, "anna", &t->err));
	reconcile(t);
	session(t, &peer, "RemoveProfile", "Acknowledged");
	TESTING_DO(t, fleet_reconcile(t->fleet, ID, &t->err));
	session(t, &peer, "", "");
}

static void a_profile_that_is_gone_comes_back_after_a_profile_list(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	struct fleet_target all = {.kind = FLEET_TARGET_ALL};

	put_profile(t, '1');
	TESTING_DO(t, fleet_profile_assign(t->fleet, PROFILE, &all, true, "anna", &t->err));
	reconcile(t);
	session(t, &peer, "InstallProfile", "Acknowledged");
	testing_enqueue(t, ID, "ProfileList");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "ProfileList");
	testing_report_keys(t, &peer, ID, "Acknowledged", t->uuid,
			    "<key>ProfileList</key><array/>");
	testing_expect(t, "InstallProfile");
}

/* ---- declarations ---- */

static int declare(struct testing *t, const struct fleet_peer *peer, const char *endpoint)
{
	char keys[256];

	snprintf(keys, sizeof(keys), "<key>Endpoint</key><string>%s</string>", endpoint);
	return testing_checkin(t, peer, ID, "DeclarativeManagement", keys);
}

static void a_404_leaves_only_for_a_declaration_that_is_not_assigned(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer;
	struct fleet_target all = {.kind = FLEET_TARGET_ALL};
	static const char json[] = "{\"Type\":\"com.apple.configuration.management.test\","
				   "\"Identifier\":\"c1\",\"Payload\":{\"Echo\":\"x\"}}";

	t->policy.is_declarative = true;
	testing_policy(t);
	peer = testing_enroll(t, ID);
	session(t, &peer, "DeclarativeManagement", "Acknowledged");
	assert_int_equal(
		TESTING_DO(t, fleet_declaration_put(t->fleet, slice_text(json), "anna", &t->err)),
		0);
	assert_int_equal(declare(t, &peer, "declaration/configuration/c1"), 404);
	TESTING_DO(t, fleet_declaration_assign(t->fleet, "c1", &all, true, "anna", &t->err));
	reconcile(t);
	session(t, &peer, "DeclarativeManagement", "Acknowledged"); /* the set has another token */
	assert_int_equal(declare(t, &peer, "declaration/configuration/c1"), 200);
	assert_int_equal(declare(t, &peer, "declaration/asset/c1"), 404);
	assert_int_equal(declare(t, &peer, "tokens"), 200);
	assert_int_equal(declare(t, &peer, "declaration-items"), 200);
	assert_non_null(memmem(t->answer.body.bytes, t->answer.body.len, "\"c1\"", 4));
	assert_int_equal(declare(t, &peer, "no/such"), 400);
	assert_int_equal(declare(t, &peer,
				 "declaration/configuration/"
				 "rehome.status-subscriptions"),
			 200);
}

static void break_tables(const char *path)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "DROP TABLE declaration; DROP TABLE declared;"
				      "DROP TABLE assignment",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
}

/* whatever fails inside travels up as a failure, of which the caller makes 503 */
static void an_inside_failure_is_no_answer(void **state)
{
	static const char *const endpoints[] = {"tokens", "declaration-items", "status",
						"declaration/configuration/c1"};
	static const char report[] =
		"{\"StatusItems\":{\"management\":{\"declarations\":{\"configurations\":"
		"[{\"identifier\":\"c1\",\"server-token\":\"t\",\"active\":true,"
		"\"valid\":\"valid\"}]}}}}";
	struct mdm_checkin checkin = {.message = MDM_DECLARATIVE_MANAGEMENT,
				      .json = slice_text(report),
				      .from = {.id = ID, .device_id = ID}};
	char folder[] = "/tmp/test_fleet.XXXXXX", path[64], where[80];
	struct fleet_peer peer;
	struct testing *t;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/db", folder);
	snprintf(where, sizeof(where), "sqlite:%s", path);
	t = testing_open_at(where);
	peer = testing_enroll(t, ID);
	assert_int_equal(declare(t, &peer, "tokens"), 200);
	break_tables(path);
	for (size_t i = 0; i < ARRAY_COUNT(endpoints); i++) {
		checkin.endpoint = endpoints[i];
		testing_begin(t);
		assert_true(testing_end(t, fleet_checkin(t->fleet, &checkin, &peer, &t->answer,
							 &t->err)) < 0);
	}
	testing_close(t);
	assert_int_equal(fs_remove_tree(fs_system(), folder, NULL), 0);
}

/* ---- commands that are refused ---- */

static int enqueue_for(struct testing *t, enum fleet_target_kind kind, const char *keys)
{
	struct fleet_target target = {.kind = kind};
	struct fleet_queued queued;
	const char *id = ID;
	char text[2048];
	struct fleet_wish wish = {.lane = FLEET_LANE_NORMAL, .by = "anna"};

	if (kind == FLEET_TARGET_ENROLLMENTS)
		target = (struct fleet_target){.ids = &id, .count = 1};
	snprintf(text, sizeof(text), TESTING_HEAD "%s</dict></plist>", keys);
	wish.command = slice_text(text);
	return TESTING_DO(
		t, fleet_command_enqueue(t->fleet, &wish, &target, &queued, NULL, NULL, &t->err));
}

#define TYPE(type) "<key>RequestType</key><string>" type "</string>"

static void what_ends_management_is_not_queued_as_a_command(void **state)
{
	struct testing *t = *state;

	testing_enroll(t, ID);
	assert_int_equal(enqueue_for(t, FLEET_TARGET_ENROLLMENTS,
				     TYPE("RemoveProfile") "<key>Identifier</key>"
							   "<string>" TESTING_PROFILE "</string>"),
			 FLEET_REFUSED);
	assert_int_equal(enqueue_for(t, FLEET_TARGET_ALL, TYPE("EraseDevice")), FLEET_REFUSED);
	assert_int_equal(enqueue_for(t, FLEET_TARGET_ALL, "<key>Nothing</key><true/>"),
			 FLEET_REFUSED);
	assert_int_equal(enqueue_for(t, FLEET_TARGET_ALL, TYPE("SecurityInfo")), 0);
	assert_int_equal(enqueue_for(t, FLEET_TARGET_ENROLLMENTS,
				     "<key>CommandUUID</key><string>same</string><key>Command</key>"
				     "<dict>" TYPE("SecurityInfo") "</dict>"),
			 0);
	assert_int_equal(enqueue_for(t, FLEET_TARGET_ENROLLMENTS,
				     "<key>CommandUUID</key><string>same</string><key>Command</key>"
				     "<dict>" TYPE("SecurityInfo") "</dict>"),
			 FLEET_REFUSED);
}

static void a_hidden_record_comes_back_when_the_device_is_heard(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	/* what was heard before it was hidden is still to be written, and shows nothing */
	assert_int_equal(TESTING_DO(t, fleet_hide(t->fleet, ID, "anna", &t->err)), 0);
	TESTING_DO(t, fleet_contacts_flush(t->fleet, &t->err));
	assert_int_equal(testing_events(t, "seen-again"), 0);
	testing_pass(t, 1);
	testing_report(t, &peer, ID, "Idle", NULL);
	TESTING_DO(t, fleet_contacts_flush(t->fleet, &t->err));
	assert_int_equal(testing_events(t, "seen-again"), 1);
}

static void another_topic_needs_permission_whoever_holds_its_text(void **state)
{
	struct testing *t = *state;
	char topic[] = "com.apple.mgmt.External.one";

	t->policy.topic = topic;
	assert_int_equal(fleet_policy_set(t->fleet, &t->policy, false, &t->err), FLEET_REFUSED);
	assert_int_equal(fleet_policy_set(t->fleet, &t->policy, true, &t->err), 0);
	memcpy(topic + sizeof(topic) - 4, "two", 3);
	assert_int_equal(fleet_policy_set(t->fleet, &t->policy, false, &t->err), FLEET_REFUSED);
	t->policy.topic = NULL;
	assert_int_equal(fleet_policy_set(t->fleet, &t->policy, false, &t->err), FLEET_REFUSED);
}

static int64_t last_contact(struct testing *t)
{
	struct store_device device;

	testing_begin(t);
	testing_check(t, store_device_find(t->store, ID, &device, &t->err));
	testing_end(t, 0);
	return device.last_contact;
}

static void last_contacts_outlive_a_transaction_that_came_to_nothing(void **state)
{
	struct testing *t = *state;

	testing_enroll(t, ID);
	testing_begin(t);
	testing_check(t, fleet_contacts_flush(t->fleet, &t->err));
	store_rollback(t->store);
	assert_int_equal(last_contact(t), 0);
	TESTING_DO(t, fleet_contacts_flush(t->fleet, &t->err));
	assert_int_equal(last_contact(t), testing_now(t));
	/* what is written is not written again: the record may be hidden meanwhile */
	fleet_contacts_written(t->fleet);
	assert_int_equal(TESTING_DO(t, fleet_hide(t->fleet, ID, "anna", &t->err)), 0);
	TESTING_DO(t, fleet_contacts_flush(t->fleet, &t->err));
	assert_int_equal(testing_events(t, "seen-again"), 0);
}

static void an_imported_device_is_known_by_its_identity_alone(void **state)
{
	struct testing *t = *state;
	static const uint8_t identity[FLEET_CERT_SHA256_LEN] = {5};
	struct fleet_peer peer = {.is_presented = true, .sha256 = {5}};
	struct fleet_peer first = testing_new_identity(t, TESTING_OTHER);
	char text[4096];
	struct slice said = testing_wrap(ID,
					 "<key>MessageType</key><string>Authenticate</string>"
					 "<key>Topic</key><string>" TESTING_TOPIC "</string>",
					 text);

	assert_int_equal(
		TESTING_DO(t, fleet_migrate_in(t->fleet, said, identity,
					       testing_now(t) + FLEET_DAY_S, "anna", &t->err)),
		0);
	/* again; or under an identity that is somebody's */
	assert_int_equal(
		TESTING_DO(t, fleet_migrate_in(t->fleet, said, identity, 0, "anna", &t->err)),
		FLEET_REFUSED);
	/* nobody gets in because he is the first to come */
	assert_int_equal(testing_token(t, &first, ID, "AAAA", "m", NULL), 400);
	assert_int_equal(testing_authenticate(t, &first, ID), 400);
	assert_int_equal(testing_token(t, &peer, ID, "AAAA", "m", NULL), 200);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
}

static void a_user_channel_has_a_queue_of_its_own(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);
	static const char user[] = "<key>UserID</key><string>FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
				   "</string><key>UserShortName</key><string>eva</string>";
	static const char tokens[] = "<key>UserID</key><string>FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"
				     "</string><key>UserShortName</key><string>eva</string>"
				     "<key>Token</key><data>DDDD</data>"
				     "<key>PushMagic</key><string>magic-u</string>";

	testing_report_keys(t, &peer, ID, "Idle", NULL, user);
	assert_int_equal(t->answer.status, 400);
	assert_int_equal(testing_checkin(t, &peer, ID, "TokenUpdate", tokens), 200);
	assert_int_equal(testing_events(t, "restored"), 0);
	assert_int_equal(testing_enqueue(t, ID ":eva", "ProfileList"), 0);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "");
	testing_report_keys(t, &peer, ID, "Idle", NULL, user);
	testing_expect(t, "ProfileList");
	/* and ends with the device's enrollment */
	assert_int_equal(testing_authenticate(t, &peer, ID), 200);
	assert_int_equal(testing_row(t, ID ":eva").state, STORE_DISABLED);
}

static int user_token(struct testing *t, const struct fleet_peer *peer, int user)
{
	char keys[512];

	snprintf(keys, sizeof(keys),
		 "<key>UserID</key><string>FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF</string>"
		 "<key>UserShortName</key><string>user%d</string>"
		 "<key>Token</key><data>DDDD</data>"
		 "<key>PushMagic</key><string>magic-u</string>",
		 user);
	return testing_checkin(t, peer, ID, "TokenUpdate", keys);
}

static void a_device_has_so_many_user_channels_and_no_more(void **state)
{
	struct testing *t = *state;
	struct fleet_peer peer = testing_enroll(t, ID);

	for (int i = 0; i < FLEET_USERS_MAX; i++)
		assert_int_equal(user_token(t, &peer, i), 200);
	assert_int_equal(user_token(t, &peer, FLEET_USERS_MAX), 400);
	/* who is known is heard on, and so is the device */
	assert_int_equal(user_token(t, &peer, 0), 200);
	assert_int_equal(testing_report(t, &peer, ID, "Idle", NULL), 200);
	/* its next life begins without any */
	assert_int_equal(testing_authenticate(t, &peer, ID), 200);
	assert_int_equal(testing_row(t, ID ":user0").state, STORE_DISABLED);
	assert_int_equal(testing_row(t, ID ":user499").state, STORE_DISABLED);
	assert_int_equal(testing_token(t, &peer, ID, "AAAA", "magic-2", NULL), 200);
	assert_int_equal(user_token(t, &peer, FLEET_USERS_MAX), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, testing_set_up, testing_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_challenge_buys_one_identity),
		TEST(a_ticket_for_another_kind_of_identity_buys_none_over_scep),
		TEST(a_ticket_for_one_device_serves_no_other),
		TEST(a_personal_device_is_kept_out_unless_its_serial_number_was_imported),
		TEST(a_number_of_a_personal_device_is_masked_whatever_happens),
		TEST(of_a_personal_device_less_is_seen),
		TEST(an_answer_that_tells_nothing_new_writes_no_device),
		TEST(a_bypass_code_lies_sealed_and_in_no_result),
		TEST(only_for_a_corporate_and_supervised_device_of_ours_a_challenge_is_signed),
		TEST(for_a_device_that_was_wiped_no_challenge_is_signed),
		TEST(a_backup_password_is_set_once_unless_it_shall_be_replaced),
		TEST(clear_passcode_gets_the_stored_token_at_delivery),
		TEST(what_is_assigned_is_installed_and_what_is_not_is_removed),
		TEST(a_profile_that_is_gone_comes_back_after_a_profile_list),
		TEST(a_404_leaves_only_for_a_declaration_that_is_not_assigned),
		cmocka_unit_test(an_inside_failure_is_no_answer),
		TEST(what_ends_management_is_not_queued_as_a_command),
		TEST(a_hidden_record_comes_back_when_the_device_is_heard),
		TEST(another_topic_needs_permission_whoever_holds_its_text),
		TEST(last_contacts_outlive_a_transaction_that_came_to_nothing),
		TEST(an_imported_device_is_known_by_its_identity_alone),
		TEST(a_user_channel_has_a_queue_of_its_own),
		TEST(a_device_has_so_many_user_channels_and_no_more),
	};

	return testing_both(tests, ARRAY_COUNT(tests), NULL);
}
