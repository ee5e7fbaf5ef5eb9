/*
 * bench_repo - what the repository costs by itself: CPU per file and byte, peak memory
 *
 * bench_repo DIR files COUNT SIZE   a first backup as devices make it: upload to Snapshot/,
 *                                   move, commit; then a second session that changes 1 %
 * bench_repo DIR large GIGABYTES    one large incompressible file, then read back
 * DIR must be missing or empty.
 */
#include "crypto/crypto.h"
#include "repo/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct err err;

static void must(int r)
{
	if (r < 0) {
		fprintf(stderr, "bench_repo: %s\n", err.text);
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

static double system_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
}

static double wall_seconds(void)
{
	struct clock *clock = clock_system();

	return (double)clock->mono_ns(clock) / 1e9;
}

static long memory_mib(const char *key)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			kib = atol(line + strlen(key));
	if (file)
		fclose(file);
	return kib >> 10;
}

struct lap {
	double wall, cpu, sys;
};

static void lap(struct lap *at, const char *what, double items, const char *unit)
{
	struct lap now = {wall_seconds(), cpu_seconds(), system_seconds()};

	printf("%-22s wall %7.3f s  cpu %7.3f s (sys %6.3f)  %9.2f us/%s  rss %ld MiB peak %ld "
	       "MiB\n",
	       what, now.wall - at->wall, now.cpu - at->cpu, now.sys - at->sys,
	       (now.cpu - at->cpu) * 1e6 / items, unit, memory_mib("VmRSS:"), memory_mib("VmHWM:"));
	now = (struct lap){wall_seconds(), cpu_seconds(), system_seconds()};
	*at = now;
}

static struct repo *open_repo(const char *path)
{
	struct secret password = SECRET_INIT;
	struct repo_env env = {.fs = fs_system(),
			       .clock = clock_system(),
			       .entropy = entropy_system(),
			       .kdf_ops = 1,
			       .kdf_mem = 64 << 10};
	struct repo *repo;

	must(secret_set(&password, slice_text("bench"), &err));
	must(repo_init(path, &password, &env, &err));
	must(repo_open(&repo, path, &password, &env, &err));
	return repo;
}

enum { POOL = 8 << 20 };

/* half of the files random, half text-like; each different */
static void upload_small(struct repo_session *session, const char *path, uint8_t *pool, size_t at,
			 size_t size)
{
	uint8_t *bytes = pool + (at & 1 ? POOL : 0) + at * 61 % (POOL - size);

	put_u64le(bytes, at * 0x9e3779b97f4a7c15u);
	must(repo_upload_begin(session, path, REPO_CONTENT_ANY, &err));
	must(repo_upload_write(session, slice_of(bytes, size), &err));
	must(repo_upload_end(session, &err));
}

static void name_of(char *out, size_t len, const char *prefix, size_t at)
{
	uint8_t sha[20];
	char hex[41];

	crypto_sha1(slice_of(&at, sizeof(at)), sha);
	hex_encode(sha, sizeof(sha), hex);
	snprintf(out, len, "0000FE5A-00000000000000A1%s/%.2s/%s", prefix, hex, hex);
}

static int count_entry(void *arg, const struct repo_entry *entry, struct err *e)
{
	*(size_t *)arg += !entry->is_directory;
	return 0;
}

static void bench_files(struct repo *repo, size_t count, size_t size)
{
	uint8_t *pool = malloc(2 * POOL), key[32] = {1};
	struct crypto_stream *stream;
	struct repo_session *session;
	char from[128], to[128], id[REPO_ID_LEN + 1];
	size_t walked = 0;
	struct repo_view *view;
	struct lap at;

	must(crypto_stream_new(&stream, &err));
	must(crypto_stream_at(stream, key, 0, pool, POOL, &err));
	for (size_t i = 0; i < POOL; i++)
		pool[POOL + i] = (uint8_t)("<key>name</key><string>"[i % 23] ^ (pool[i] < 40));
	crypto_stream_free(stream);
	at = (struct lap){wall_seconds(), cpu_seconds(), system_seconds()};
	must(repo_session_begin(&session, repo, "DEVICE", false, NULL, &err));
	lap(&at, "begin", 1, "session");
	for (size_t i = 0; i < count; i++) {
		name_of(from, sizeof(from), "/Snapshot", i);
		upload_small(session, from, pool, i, size);
	}
	lap(&at, "upload", (double)count, "file");
	must(repo_session_drain(session, &err));
	lap(&at, "drain", (double)count, "file");
	for (size_t i = 0; i < count; i++) {
		name_of(from, sizeof(from), "/Snapshot", i);
		name_of(to, sizeof(to), "", i);
		must(repo_session_move(session, from, to, &err));
	}
	must(repo_session_remove(session, "0000FE5A-00000000000000A1/Snapshot", &err));
	lap(&at, "move", (double)count, "file");
	must(repo_session_commit(session, 1, SLICE_EMPTY, id, &err));
	lap(&at, "commit", (double)count, "file");
	repo_session_free(session);
	lap(&at, "free", 1, "session");
	must(repo_session_begin(&session, repo, "DEVICE", false, NULL, &err));
	for (size_t i = 0; i < count; i += 100) {
		name_of(from, sizeof(from), "/Snapshot", i);
		name_of(to, sizeof(to), "", i);
		upload_small(session, from, pool, i + count, size);
		must(repo_session_move(session, from, to, &err));
	}
	must(repo_session_commit(session, 2, SLICE_EMPTY, id, &err));
	repo_session_free(session);
	lap(&at, "second, 1 %", (double)count, "file");
	must(repo_view_open(&view, repo, id, &err));
	must(repo_view_walk(view, "", count_entry, &walked, &err));
	lap(&at, "walk", (double)count, "file");
	for (size_t i = 0; i < count; i += 7) {
		struct source *source;

		name_of(to, sizeof(to), "", i);
		must(repo_view_read(view, to, &source, &err));
		must((int)source->read(source, 0, pool, size, &err));
		source->close(source);
	}
	lap(&at, "read every 7th", (double)count / 7, "file");
	repo_view_close(view);
	printf("%zu files walked\n", walked);
	free(pool);
}

static void bench_large(struct repo *repo, double gigabytes)
{
	enum { PIECE = 1 << 20 };
	uint8_t *bytes = malloc(PIECE), key[32] = {2};
	uint64_t len = (uint64_t)(gigabytes * 1e9) / PIECE * PIECE;
	struct crypto_stream *stream;
	struct repo_session *session;
	struct repo_view *view;
	struct source *source;
	char id[REPO_ID_LEN + 1];
	double generated = 0;
	struct lap at;

	must(crypto_stream_new(&stream, &err));
	must(repo_session_begin(&session, repo, "DEVICE", false, NULL, &err));
	at = (struct lap){wall_seconds(), cpu_seconds(), system_seconds()};
	must(repo_upload_begin(session, "video", REPO_CONTENT_ANY, &err));
	for (uint64_t i = 0; i < len; i += PIECE) {
		double before = wall_seconds();

		must(crypto_stream_at(stream, key, i, bytes, PIECE, &err));
		generated += wall_seconds() - before;
		for (size_t k = 0; k < PIECE; k += 32 << 10)
			must(repo_upload_write(session, slice_of(bytes + k, 32 << 10), &err));
	}
	must(repo_upload_end(session, &err));
	must(repo_session_drain(session, &err));
	must(repo_session_commit(session, 1, SLICE_EMPTY, id, &err));
	lap(&at, "upload and commit", (double)len / 1e9 * 1e6, "GB*1e6");
	printf("of it making the bytes: %.3f s\n", generated);
	repo_session_free(session);
	must(repo_view_open(&view, repo, id, &err));
	must(repo_view_read(view, "video", &source, &err));
	for (uint64_t i = 0; i < len; i += PIECE)
		must((int)source->read(source, i, bytes, PIECE, &err));
	lap(&at, "read", (double)len / 1e9 * 1e6, "GB*1e6");
	source->close(source);
	repo_view_close(view);
	crypto_stream_free(stream);
	free(bytes);
}

int main(int argc, char **argv)
{
	struct repo *repo;

	if (argc < 4) {
		fprintf(stderr, "usage: bench_repo DIR files COUNT SIZE | DIR large GIGABYTES\n");
		return 2;
	}
	repo = open_repo(argv[1]);
	if (!strcmp(argv[2], "files") && argc > 4)
		bench_files(repo, (size_t)atol(argv[3]), (size_t)atol(argv[4]));
	else
		bench_large(repo, atof(argv[3]));
	repo_close(repo);
	return 0;
}
