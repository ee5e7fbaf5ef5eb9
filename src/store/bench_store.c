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
#include "store/bench_fill.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { NOW = 1790000000, GROUP_COMMIT = 32 };

static struct err err;

static void must(int r)
{
	bench_fill_must(r, &err);
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

/* one request: who is it, what did it do, what is next */
static void request(struct store *store, int64_t i)
{
	struct store_certificate certificate;
	struct store_enrollment enrollment;
	struct store_queue row;
	struct store_next next = {
		.generation = 1, .now = NOW, .lane_max = 3, .states = STORE_QUEUED | STORE_SENT};
	uint8_t hash[BENCH_FILL_HASH_LEN];
	char uuid[64];
	int r;

	bench_fill_hash(i, hash);
	must(store_savepoint(store, &err));
	must(store_certificate_find(store, slice_of(hash, sizeof(hash)), &certificate, &err));
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
	struct bench_fill fill = {.now = NOW};
	double cpu, wall, all;
	int64_t requests;

	if (argc != 6) {
		fprintf(stderr, "bench_store WHERE ENROLLMENTS COMMANDS HISTORY REQUESTS\n");
		return 2;
	}
	fill.enrollments = atoll(argv[2]);
	fill.commands = atoll(argv[3]);
	fill.history = atoll(argv[4]);
	requests = atoll(argv[5]);
	must(store_open(&store, argv[1], &err));
	all = bench_fill(store, &fill);

	store_stats(store, &before);
	cpu = cpu_seconds();
	wall = wall_seconds();
	for (int64_t i = 0; i < requests; i++) {
		if (i % GROUP_COMMIT == 0)
			must(store_begin(store, &err));
		/* spread over all of them, as devices come */
		request(store, 1 + i * 7919 % fill.enrollments);
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
