/*
 * The table "event x datum" of docs/design/enrollment.md, read from there: every column is played,
 * every cell compared.  What the program does and what the paper says cannot differ.
 */
#include "fleet/testing_look.h"

#define ID TESTING_UDID
#define PROFILE "test.rehome.wifi"

enum { YEAR_S = 366 * FLEET_DAY_S };

/* ---- a device that has everything ---- */

static void profile(struct testing *t)
{
	static const char text[] = TESTING_HEAD
		"<key>PayloadType</key><string>Configuration</string>"
		"<key>PayloadVersion</key><integer>1</integer>"
		"<key>PayloadIdentifier</key><string>" PROFILE "</string>"
		"<key>PayloadUUID</key><string>6F2E1B1C-0000-4000-8000-000000000001</string>"
		"<key>PayloadContent</key><array/></dict></plist>";
	const char *id = ID;
	struct fleet_target target = {.ids = &id, .count = 1};
	char identifier[FLEET_NAME_MAX + 1];
	int64_t version;
	unsigned count;

	assert_int_equal(TESTING_DO(t, fleet_profile_put(t->fleet, slice_text(text), "anna",
							 identifier, &version, &t->err)),
			 0);
	assert_int_equal(TESTING_DO(t, fleet_profile_assign(t->fleet, PROFILE, &target, true,
							    "anna", &t->err)),
			 0);
	TESTING_DO(t, fleet_sweep_reconcile(t->fleet, 100, &count, &t->err));
	assert_int_equal(count, 1);
}

static void declaration(struct testing *t)
{
	static const char json[] = "{\"Type\":\"com.apple.configuration.management.test\","
				   "\"Identifier\":\"c1\",\"Payload\":{\"Echo\":\"x\"}}";
	const char *id = ID;
	struct fleet_target target = {.ids = &id, .count = 1};

	assert_int_equal(
		TESTING_DO(t, fleet_declaration_put(t->fleet, slice_text(json), "anna", &t->err)),
		0);
	assert_int_equal(TESTING_DO(t, fleet_declaration_assign(t->fleet, "c1", &target, true,
								"anna", &t->err)),
			 0);
}

static void remove_profile_queued(struct testing *t)
{
	static const char text[] =
		TESTING_HEAD "<key>RequestType</key><string>RemoveProfile</string>"
			     "<key>Identifier</key><string>test.other</string></dict></plist>";
	const char *id = ID;
	struct fleet_target target = {.ids = &id, .count = 1};
	struct fleet_wish wish = {
		.command = slice_text(text), .lane = FLEET_LANE_NORMAL, .by = "anna"};
	struct fleet_queued queued;

	assert_int_equal(TESTING_DO(t, fleet_command_enqueue(t->fleet, &wish, &target, &queued,
							     NULL, NULL, &t->err)),
			 0);
	assert_int_equal(queued.queued, 1);
}

static void secret(struct testing *t, enum fleet_secret which, const char *text)
{
	struct secret value = SECRET_INIT;

	testing_check(t, secret_set(&value, slice_text(text), &t->err));
	assert_int_equal(TESTING_DO(t, fleet_secret_set(t->fleet, ID, which, &value, false, "anna",
							&t->err)),
			 0);
}

static struct fleet_peer everything(struct testing *t)
{
	struct fleet_peer peer = testing_enroll(t, ID);

	testing_enqueue(t, ID, "DeviceInformation");
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "DeviceInformation");
	testing_report_keys(t, &peer, ID, "Acknowledged", t->uuid,
			    "<key>QueryResponses</key><dict><key>DeviceName</key>"
			    "<string>iPad</string><key>IsSupervised</key><true/></dict>");
	TESTING_DO(t, fleet_ownership_set(t->fleet, ID, FLEET_CORPORATE, "anna", &t->err));
	secret(t, FLEET_BYPASS_CODE, "AAAAA-BBBB");
	secret(t, FLEET_BACKUP_PASSWORD, "correct horse");
	TESTING_DO(t, fleet_group_set(t->fleet, "sales", NULL, true, "anna", &t->err));
	TESTING_DO(t, fleet_group_set(t->fleet, "sales", ID, true, "anna", &t->err));
	declaration(t);
	profile(t);
	testing_report(t, &peer, ID, "Idle", NULL);
	testing_expect(t, "InstallProfile");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	testing_expect(t, "DeclarativeManagement");
	testing_report(t, &peer, ID, "Acknowledged", t->uuid);
	testing_checkin(t, &peer, ID, "SetBootstrapToken",
			"<key>BootstrapToken</key><data>Q0NDQw==</data>");
	assert_int_equal(
		testing_checkin(
			t, &peer, ID, "DeclarativeManagement",
			"<key>Endpoint</key><string>status</string><key>Data</key>"
			"<data>"
			"eyJTdGF0dXNJdGVtcyI6eyJtYW5hZ2VtZW50Ijp7ImRlY2xhcmF0aW9ucyI6eyJhY3RpdmF0aW"
			"9ucyI6W10sImNvbmZpZ3VyYXRpb25zIjpbeyJpZGVudGlmaWVyIjoiYzEiLCJzZXJ2ZXItdG9r"
			"ZW4iOiJ0IiwiYWN0aXZlIjp0cnVlLCJ2YWxpZCI6InZhbGlkIn1dLCJhc3NldHMiOltdLCJtYW"
			"5hZ2VtZW50IjpbXX19fSwiRXJyb3JzIjpbXX0=</data>"),
		200);
	testing_enqueue(t, ID, "SecurityInfo");
	testing_enqueue(t, ID, "ProfileList");
	remove_profile_queued(t);
	return peer;
}

/* ---- the events ---- */

static void fresh(struct testing *t, struct fleet_peer *peer)
{
	*peer = testing_new_identity(t, NULL);
	testing_authenticate(t, peer, ID);
	testing_token(t, peer, ID, "AAAA", "magic-1", NULL);
}

static void re_enrolled(struct testing *t, struct fleet_peer *peer)
{
	*peer = testing_new_identity(t, NULL);
	assert_int_equal(testing_authenticate(t, peer, ID), 200);
	assert_int_equal(testing_token(t, peer, ID, "EEEE", "magic-2", NULL), 200);
}

static void renewed(struct testing *t, struct fleet_peer *peer)
{
	testing_pass(t, 300 * FLEET_DAY_S);
	*peer = testing_renew(t, peer, ID, "AAAA");
}

static void restored_current(struct testing *t, struct fleet_peer *peer)
{
	assert_int_equal(testing_token(t, peer, ID, "EEEE", "magic-1", NULL), 200);
}

/* the renewal was before: see prepare */
static struct fleet_peer superseded;

static void restored_superseded(struct testing *t, struct fleet_peer *peer)
{
	assert_int_equal(testing_token(t, &superseded, ID, "EEEE", "magic-1", NULL), 200);
}

static void restored_ended(struct testing *t, struct fleet_peer *peer)
{
	testing_pass(t, YEAR_S);
	assert_int_equal(testing_token(t, peer, ID, "EEEE", "magic-1", NULL), 400);
	assert_int_equal(testing_events(t, "identity-ended"), 1);
}

static void import(struct testing *t, const char *message, const char *keys)
{
	static const uint8_t identity[FLEET_CERT_SHA256_LEN] = {1, 2, 3};
	char body[2048], text[4096];

	snprintf(body, sizeof(body),
		 "<key>MessageType</key><string>%s</string><key>Topic</key><string>" TESTING_TOPIC
		 "</string>%s",
		 message, keys);
	assert_int_equal(
		TESTING_DO(t, fleet_migrate_in(t->fleet, testing_wrap(ID, body, text), identity,
					       testing_now(t) + YEAR_S, "anna", &t->err)),
		0);
}

static void migrated(struct testing *t, struct fleet_peer *peer)
{
	import(t, "Authenticate", "<key>SerialNumber</key><string>RHSIM0000001</string>");
	import(t, "TokenUpdate",
	       "<key>Token</key><data>AAAA</data><key>PushMagic</key><string>magic-1</string>"
	       "<key>UnlockToken</key><data>BBBB</data>");
	import(t, "SetBootstrapToken", "<key>BootstrapToken</key><data>Q0NDQw==</data>");
	*peer = (struct fleet_peer){.is_presented = true, .sha256 = {1, 2, 3}};
	assert_int_equal(testing_report(t, peer, ID, "Idle", NULL), 200);
}

static void replaced(struct testing *t, struct fleet_peer *peer)
{
	struct store_device device;
	struct store_group *rows;
	size_t count;

	testing_enroll(t, TESTING_OTHER);
	assert_int_equal(
		TESTING_DO(t, fleet_device_replace(t->fleet, ID, TESTING_OTHER, "ben", &t->err)),
		0);
	testing_begin(t);
	testing_check(t, store_device_find(t->store, TESTING_OTHER, &device, &t->err));
	assert_int_equal(device.ownership, STORE_CORPORATE);
	testing_check(t, store_group_list(t->store, device.no, 0, 10, &rows, &count, &t->err));
	assert_int_equal(count, 1);
	testing_end(t, 0);
}

static void removed(struct testing *t, struct fleet_peer *peer)
{
	assert_int_equal(testing_checkin(t, peer, ID, "CheckOut", ""), 200);
}

static void retired(struct testing *t, struct fleet_peer *peer)
{
	assert_int_equal(TESTING_DO(t, fleet_retire(t->fleet, ID, "ben", &t->err)), 0);
	testing_report(t, peer, ID, "Idle", NULL);
	testing_expect(t, "RemoveProfile"); /* before all that waited longer */
	testing_report(t, peer, ID, "Acknowledged", t->uuid);
	testing_expect(t, "");
	assert_int_equal(testing_checkin(t, peer, ID, "CheckOut", ""), 200); /* late, and fine */
	assert_int_equal(testing_report(t, peer, ID, "Idle", NULL), 400);
}

static void wiped(struct testing *t, struct fleet_peer *peer)
{
	struct fleet_erase how = {0};

	assert_int_equal(TESTING_DO(t, fleet_wipe(t->fleet, ID, &how, "ben", &t->err)), 0);
	testing_report(t, peer, ID, "Idle", NULL);
	testing_expect(t, "EraseDevice");
	testing_report(t, peer, ID, "Acknowledged", t->uuid);
	testing_expect(t, "");
	/* its own backup restored: not heard, and not unenrolled either */
	assert_int_equal(testing_token(t, peer, ID, "EEEE", "magic-1", NULL), 400);
}

static void deleted(struct testing *t, struct fleet_peer *peer)
{
	assert_int_equal(TESTING_DO(t, fleet_delete(t->fleet, ID, "ben", &t->err)), 0);
}

static void come_back(struct testing *t, struct fleet_peer *peer)
{
	deleted(t, peer);
	re_enrolled(t, peer);
	/* nothing of the removal that was on its way reaches the new enrollment */
	testing_report(t, peer, ID, "Idle", NULL);
	testing_expect(t, "");
}

static const struct event {
	const char *name;
	void (*play)(struct testing *t, struct fleet_peer *peer);
	bool is_from_nothing;
} events[] = {
	{"fresh", fresh, true},
	{"re-enrolled", re_enrolled, false},
	{"renewed", renewed, false},
	{"restored-current", restored_current, false},
	{"restored-superseded", restored_superseded, false},
	{"restored-ended", restored_ended, false},
	{"migrated", migrated, true},
	{"replaced", replaced, false},
	{"removed", removed, false},
	{"retired", retired, false},
	{"wiped", wiped, false},
	{"deleted", deleted, false},
	{"come-back", come_back, false},
};
enum { EVENT_COUNT = ARRAY_COUNT(events) };

/* ---- the paper ---- */

static char cells[DATA_COUNT][EVENT_COUNT][32];

/* the next cell of a row of a table, trimmed; false at its end */
static bool next_cell(char **at, char *out, size_t room)
{
	char *end = strchr(*at, '|');
	size_t len;

	if (!end)
		return false;
	while (**at == ' ')
		++*at;
	len = (size_t)(end - *at);
	while (len > 0 && (*at)[len - 1] == ' ')
		len--;
	assert_true(len < room);
	memcpy(out, *at, len);
	out[len] = '\0';
	*at = end + 1;
	return true;
}

static void read_row(char *line, size_t *row)
{
	char cell[64];
	char *at = line + 1;
	size_t column = 0;

	assert_true(*row < DATA_COUNT);
	assert_true(next_cell(&at, cell, sizeof(cell)));
	assert_string_equal(cell, data[*row].name);
	while (next_cell(&at, cell, sizeof(cell))) {
		assert_true(column < EVENT_COUNT);
		strcpy(cells[*row][column++], cell);
	}
	assert_int_equal(column, EVENT_COUNT);
	++*row;
}

static void read_head(char *line)
{
	char cell[64];
	char *at = line + 1;

	next_cell(&at, cell, sizeof(cell));
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		assert_true(next_cell(&at, cell, sizeof(cell)));
		assert_string_equal(cell, events[i].name);
	}
	assert_false(next_cell(&at, cell, sizeof(cell)));
}

static int read_paper(void **state)
{
	const char *root = getenv("REHOME_SOURCE_ROOT");
	char path[4096], line[4096];
	bool is_inside = false;
	size_t row = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/docs/design/enrollment.md", root ? root : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "| datum |", 9) == 0) {
			read_head(line);
			is_inside = true;
		} else if (is_inside && strncmp(line, "|---", 4) != 0) {
			is_inside = line[0] == '|';
			if (is_inside)
				read_row(line, &row);
		}
	}
	fclose(file);
	assert_int_equal(row, DATA_COUNT);
	return 0;
}

/* ---- the comparison ---- */

static const char *word(const struct datum *datum, const char *before, const char *after)
{
	if (datum->is_told)
		return after;
	if (strcmp(after, "held") == 0)
		return "held";
	if (!before[0])
		return after[0] ? "new" : "none";
	if (!after[0])
		return "purged";
	return strcmp(before, after) == 0 ? "kept" : "changed";
}

static size_t play(const struct event *event, size_t column)
{
	struct testing *t = testing_open();
	struct fleet_peer peer = {0}, tracked;
	values before, after;
	size_t wrong = 0;

	t->policy.command_days = 7300; /* what waits is not to end by itself meanwhile */
	t->policy.ticket_s = 7300 * FLEET_DAY_S;
	testing_policy(t);
	if (!event->is_from_nothing)
		peer = everything(t);
	if (event->play == restored_superseded) {
		testing_pass(t, 300 * FLEET_DAY_S);
		superseded = peer;
		peer = testing_renew(t, &superseded, ID, "AAAA");
		testing_pass(t, FLEET_DAY_S);
	}
	tracked = peer;
	look_at_all(t, event->is_from_nothing ? NULL : &tracked, before);
	event->play(t, &peer);
	look_at_all(t, event->is_from_nothing ? NULL : &tracked, after);
	for (size_t i = 0; i < DATA_COUNT; i++) {
		const char *is = word(&data[i], before[i], after[i]);

		if (!event->is_from_nothing && !before[i][0])
			fail_msg("%s: %s is not there before the event", event->name, data[i].name);
		if (strcmp(is, cells[i][column]) == 0)
			continue;
		print_error("%s, %s: the paper says %s, but it is %s (%s -> %s)\n", event->name,
			    data[i].name, cells[i][column], is, before[i], after[i]);
		wrong++;
	}
	testing_close(t);
	return wrong;
}

static void every_cell_is_as_the_paper_says(void **state)
{
	size_t wrong = 0;

	for (size_t i = 0; i < EVENT_COUNT; i++)
		wrong += play(&events[i], i);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_is_as_the_paper_says),
	};

	return testing_both(tests, ARRAY_COUNT(tests), read_paper);
}
