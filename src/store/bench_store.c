/*
 * bench_store - what rows cost: "acknowledge, then the next command" as the service does it
 *
 * bench_store WHERE ENROLLMENTS COMMANDS HISTORY REQUESTS
 *   WHERE         sqlite:PATH or a URL of PostgreSQL; an empty database
 *   COMMANDS      waiting for each enrollment, HISTORY rows that each has already
 *   REQUESTS      to measure; 32 of them in one durable transaction, each behind a savepoint
 *
 * Prints one line of JSON: CPU of this process for a request, statements, steps of SQLite's machine
 * and pages a request, seconds for one command to all, memory.
 */
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { NOW = 1790000000, GROUP_COMMIT = 32, HASH_LEN = 32 };

static struct err err;

static void must(int r)
{
	if (r) {
		fprintf(stderr, "bench_store: %d %s\n", r, err.text);
		exit(1);
	}
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double wall_seconds(void)
{
	struct clock *clock = clock_system();

	return (double)clock->mono_ns(clock) / 1e9;
}

/* what stands for the SHA-256 of the certificate of enrollment @i */
static struct slice hash_of(int64_t i, uint8_t hash[HASH_LEN])
{
	uint64_t state = (uint64_t)i;

	for (int k = 0; k < HASH_LEN; k += 8)
		put_u64be(hash + k, splitmix64(&state));
	return slice_of(hash, HASH_LEN);
}

static void fill_enrollments(struct store *store, int64_t count)
{
	for (int64_t i = 1; i <= count; i++) {
		char id[32];
		uint8_t hash[HASH_LEN];
		struct store_device device = {.udid = id,
					      .serial = id,
					      .name = "iPad",
					      .product = "iPad13,18",
					      .os = "26.0"};
		struct store_enrollment enrollment = {.id = id,
						      .generation = 1,
						      .state = STORE_ENABLED,
						      .topic = "com.apple.mgmt.External.bench",
						      .push_magic = id,
						      .push_token = hash_of(i, hash)};
		struct store_certificate certificate = {.sha256 = hash_of(i, hash),
							.serial = id,
							.generation = 1,
							.state = STORE_CERT_CURRENT,
							.not_after = NOW + i};

		if (i % 10000 == 1)
			must(store_begin(store, &err));
		snprintf(id, sizeof(id), "0000FE5A-%016llX", (unsigned long long)i);
		must(store_device_put(store, &device, &err));
		enrollment.device = device.no;
		must(store_enrollment_put(store, &enrollment, &err));
		certificate.enrollment = enrollment.no;
		must(store_certificate_put(store, &certificate, &err));
		if (i % 10000 == 0 || i == count)
			must(store_commit(store, &err));
	}
}

static void fill_history(struct store *store, int64_t rows)
{
	if (rows) {
		must(store_begin(store, &err));
		must(run(store,
			 "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < "
			 "$1)"
			 " INSERT INTO history (enrollment, seq, generation, uuid, request_type,"
			 " subject, status, error, result, at, author) SELECT e.no, n.x, 1,"
			 " 'an uuid of thirty-six characters ...', 'DeviceInformation', '',"
			 " 'Acknowledged', '', '', 1, 'op' FROM enrollment e CROSS JOIN n",
			 PARAMS(NUMBER(rows)), NULL, &err));
		must(store_commit(store, &err));
	}
	must(store_idle(store, &err));
}

/* seconds for the last one of @commands commands to all */
static double fill_queues(struct store *store, int64_t commands)
{
	double seconds = 0;

	for (int64_t i = 0; i < commands; i++) {
		char uuid[40];
		struct store_target all = {STORE_TO_ALL, 0};
		struct store_command command = {.uuid = uuid,
						.request_type = "DeviceInformation",
						.lane = 2,
						.ends = NOW + 1000,
						.payload = slice_text("<plist>...</plist>")};
		uint64_t queued, held;
		double start = wall_seconds();

		snprintf(uuid, sizeof(uuid), "command-%lld", (long long)i);
		must(store_begin(store, &err));
		must(store_command_insert(store, &command, &err));
		must(store_queue_add_many(store, &command, &all, NOW, &queued, &held, &err));
		must(store_commit(store, &err));
		seconds = wall_seconds() - start;
		must(store_idle(store, &err));
	}
	return seconds;
}

/* one request: who is it, what did it do, what is next */
static void request(struct store *store, int64_t i)
{
	struct store_certificate certificate;
	struct store_enrollment enrollment;
	struct store_queue row;
	struct store_next next = {
		.generation = 1, .now = NOW, .lane_max = 3, .states = STORE_QUEUED | STORE_SENT};
	uint8_t hash[HASH_LEN];
	char uuid[64];
	int r;

	must(store_savepoint(store, &err));
	must(store_certificate_find(store, hash_of(i, hash), &certificate, &err));
	must(store_enrollment_get(store, certificate.enrollment, &enrollment, &err));
	next.enrollment = enrollment.no;
	must(store_queue_next(store, &next, &row, &err));
	snprintf(uuid, sizeof(uuid), "%s", row.what.uuid);
	must(store_queue_find(store, enrollment.no, uuid, &row, &err));
	must(store_queue_done(store, &row, "Acknowledged", "", slice_text("<plist/>"), NOW, &err));
	r = store_queue_next(store, &next, &row, &err);
	if (r != STORE_NO_ROW) {
		must(r);
		must(store_queue_set(store, &row, STORE_SENT, row.tries + 1, NOW, &err));
	}
	must(store_release(store, &err));
}

static long memory_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
	struct store *store CLEANUP(store_free_p) = NULL;
	struct store_stats before, after;
	double cpu, wall, all;
	int64_t enrollments, requests;

	if (argc != 6) {
		fprintf(stderr, "bench_store WHERE ENROLLMENTS COMMANDS HISTORY REQUESTS\n");
		return 2;
	}
	enrollments = atoll(argv[2]);
	requests = atoll(argv[5]);
	must(store_open(&store, argv[1], &err));
	fill_enrollments(store, enrollments);
	fill_history(store, atoll(argv[4]));
	all = fill_queues(store, atoll(argv[3]));

	store_stats(store, &before);
	cpu = cpu_seconds();
	wall = wall_seconds();
	for (int64_t i = 0; i < requests; i++) {
		if (i % GROUP_COMMIT == 0)
			must(store_begin(store, &err));
		/* spread over all of them, as devices come */
		request(store, 1 + i * 7919 % enrollments);
		if (i % GROUP_COMMIT == GROUP_COMMIT - 1 || i == requests - 1)
			must(store_commit(store, &err));
	}
	cpu = cpu_seconds() - cpu;
	wall = wall_seconds() - wall;
	store_stats(store, &after);
	printf("{\"cpu_us\": %.1f, \"wall_us\": %.1f, \"statements\": %.2f, \"rows\": %.2f, "
	       "\"steps\": %.2f, \"pages\": %.2f, \"to_all_s\": %.2f, \"memory_kib\": %ld}\n",
	       cpu / (double)requests * 1e6, wall / (double)requests * 1e6,
	       (double)(after.statements - before.statements) / (double)requests,
	       (double)(after.rows - before.rows) / (double)requests,
	       (double)(after.steps - before.steps) / (double)requests,
	       (double)(after.pages - before.pages) / (double)requests, all, memory_kib());
	return 0;
}
