/* bench_fill - enrollments row by row, their history in one statement */
#include "store/bench_fill.h"
#include "store/internal.h"

#include <stdlib.h>

enum { ROWS_AT_ONCE = 10000, YEAR_S = 365 * 86400 };

static const char inventory[] = "{\"QueryResponses\":{\"DeviceName\":\"iPad\","
				"\"OSVersion\":\"18.6\"}}";
static const char command_form[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>"
	"<key>CommandUUID</key><string>%s</string><key>Command</key><dict>"
	"<key>RequestType</key><string>DeviceInformation</string><key>Queries</key>"
	"<array><string>DeviceName</string><string>OSVersion</string></array></dict></dict>"
	"</plist>";

void bench_fill_must(int r, const struct err *err)
{
	if (r == 0)
		return;
	fprintf(stderr, "the store: %d %s\n", r, err->text);
	exit(1);
}

void bench_fill_id(int64_t i, char id[BENCH_FILL_ID_MAX])
{
	snprintf(id, BENCH_FILL_ID_MAX, "0000FE5A-%016llX", (unsigned long long)i);
}

void bench_fill_hash(int64_t i, uint8_t hash[BENCH_FILL_HASH_LEN])
{
	uint64_t state = (uint64_t)i;

	for (int k = 0; k < BENCH_FILL_HASH_LEN; k += 8)
		put_u64be(hash + k, splitmix64(&state));
}

static void put_enrollment(struct store *store, const struct bench_fill *fill, int64_t i)
{
	char id[BENCH_FILL_ID_MAX];
	uint8_t hash[BENCH_FILL_HASH_LEN];
	struct err err = ERR_INIT;
	struct store_device device = {
		.udid = id, .serial = id, .name = "iPad", .product = "iPad13,18", .os = "18.6"};
	struct store_enrollment enrollment = {.id = id,
					      .generation = 1,
					      .state = STORE_ENABLED,
					      .topic = "com.apple.mgmt.External.bench",
					      .push_magic = id,
					      .push_token = slice_of(hash, sizeof(hash))};
	struct store_certificate certificate = {.sha256 = slice_of(hash, sizeof(hash)),
						.serial = id,
						.generation = 1,
						.state = STORE_CERT_CURRENT,
						.not_after = fill->now + YEAR_S + i};

	bench_fill_id(i, id);
	if (fill->hash)
		fill->hash(fill->arg, i, hash);
	else
		bench_fill_hash(i, hash);
	bench_fill_must(store_device_put(store, &device, &err), &err);
	enrollment.device = device.no;
	bench_fill_must(store_enrollment_put(store, &enrollment, &err), &err);
	certificate.enrollment = enrollment.no;
	bench_fill_must(store_certificate_put(store, &certificate, &err), &err);
}

static void fill_enrollments(struct store *store, const struct bench_fill *fill)
{
	struct err err = ERR_INIT;

	for (int64_t i = 1; i <= fill->enrollments; i++) {
		if (i % ROWS_AT_ONCE == 1)
			bench_fill_must(store_begin(store, &err), &err);
		put_enrollment(store, fill, i);
		if (i % ROWS_AT_ONCE == 0 || i == fill->enrollments)
			bench_fill_must(store_commit(store, &err), &err);
	}
}

static void fill_history(struct store *store, const struct bench_fill *fill)
{
	struct err err = ERR_INIT;

	bench_fill_must(store_begin(store, &err), &err);
	bench_fill_must(
		run(store,
		    "INSERT INTO kept (kind, owner, name, bytes, at)"
		    " SELECT $1, e.device, 'inventory/DeviceInformation', $2, $3 FROM enrollment e",
		    PARAMS(NUMBER(STORE_OF_DEVICE), BYTES(slice_text(inventory)),
			   NUMBER(fill->now)),
		    NULL, &err),
		&err);
	bench_fill_must(
		run(store,
		    "WITH RECURSIVE n(x) AS (SELECT 1 WHERE $1 > 0 UNION ALL SELECT x + 1 FROM n"
		    " WHERE x < $1)"
		    " INSERT INTO history (enrollment, seq, generation, uuid, request_type,"
		    " subject, status, error, result, at, author) SELECT e.no, n.x, 1,"
		    " 'an uuid of thirty-six characters ...', 'DeviceInformation', '',"
		    " 'Acknowledged', '', $2, 1, 'op' FROM enrollment e CROSS JOIN n",
		    PARAMS(NUMBER(fill->history), BYTES(slice_text(inventory))), NULL, &err),
		&err);
	bench_fill_must(store_commit(store, &err), &err);
	bench_fill_must(store_idle(store, &err), &err);
}

static double now_s(void)
{
	struct clock *clock = clock_system();

	return (double)clock->mono_ns(clock) / 1e9;
}

static double fill_queues(struct store *store, const struct bench_fill *fill)
{
	double seconds = 0;

	for (int64_t i = 0; i < fill->commands; i++) {
		struct err err = ERR_INIT;
		char uuid[64], payload[sizeof(command_form) + sizeof(uuid)];
		struct store_target all = {STORE_TO_ALL, 0};
		struct store_command command = {.uuid = uuid,
						.request_type = "DeviceInformation",
						.lane = 2,
						.ends = fill->now + YEAR_S};
		uint64_t queued, held;
		double start = now_s();

		snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012lld", (long long)i);
		snprintf(payload, sizeof(payload), command_form, uuid);
		command.payload = slice_text(payload);
		bench_fill_must(store_begin(store, &err), &err);
		bench_fill_must(store_command_insert(store, &command, &err), &err);
		bench_fill_must(store_queue_add_many(store, &command, &all, fill->now, &queued,
						     &held, &err),
				&err);
		bench_fill_must(store_commit(store, &err), &err);
		seconds = now_s() - start;
		bench_fill_must(store_idle(store, &err), &err);
	}
	return seconds;
}

double bench_fill(struct store *store, const struct bench_fill *fill)
{
	fill_enrollments(store, fill);
	fill_history(store, fill);
	return fill_queues(store, fill);
}
