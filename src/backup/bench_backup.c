/*
 * bench_backup - what the room costs by itself
 *
 * bench_backup make FILE ROWS XATTR_LEN   an encrypted Manifest.db under the key "bench", with
 *                                         so many rows of so many bytes of extended attributes
 * bench_backup list FILE                  the names of all its rows; CPU and peak memory; FILE
 *                                         may be plain (FILE.plain is left by make)
 * bench_backup rows FILE                  the same with whole records
 * bench_backup decrypt                    1 GiB in memory, against OpenSSL's own loop
 * bench_backup files ENCRYPTED PLAIN      one file to another, on all cores
 * bench_backup unlock                     10,000,000 rounds, against OpenSSL's own PBKDF2
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "backup/backup.h"
#include "backup/keybag.h"
#include "crypto/crypto.h"

enum { MIB = 1 << 20 };

static const uint8_t key[BACKUP_KEY_LEN] = "bench";
static struct err err;

static void must(int r)
{
	if (r < 0) {
		fprintf(stderr, "bench_backup: %s\n", err.text);
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

static void print_peak(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("peak memory %ld MiB\n", usage.ru_maxrss >> 10);
}

/* ---- manifests ---- */

static void fill(const char *path, unsigned rows, size_t xattr_len)
{
	struct backup_manifest_writer *writer = NULL;
	uint8_t *xattrs = calloc(1, xattr_len + 1);
	struct backup_file file = {.domain = "AppDomain-com.example.bench", .mode = 0100644};
	unsigned i;

	memset(xattrs, 'x', xattr_len);
	unlink(path);
	must(backup_manifest_create(&writer, path, &err));
	file.flags = 1;
	file.xattrs = slice_of(xattrs, xattr_len);
	for (i = 0; i < rows; i++) {
		char name[64];

		snprintf(name, sizeof(name), "Library/Caches/folder%u/file%u.dat", i % 1000, i);
		file.path = name;
		backup_file_id(file.domain, name, file.file_id);
		must(backup_manifest_put(writer, &file, &err));
	}
	must(backup_manifest_finish(writer, &err));
	free(xattrs);
}

static void encrypt(const char *from, const char *to)
{
	static uint8_t bytes[MIB + 16], iv[16];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	struct crypto_cbc *cbc = NULL;
	size_t len;

	must(crypto_cbc_new(&cbc, &err));
	must(crypto_cbc_start(cbc, true, key, iv, &err));
	do {
		len = fread(bytes, 1, MIB, in);
		if (len < MIB) { /* pages are whole blocks, so the padding is one too */
			memset(bytes + len, 16, 16);
			len += 16;
		}
		must(crypto_cbc_update(cbc, bytes, len, bytes, &err));
		fwrite(bytes, 1, len, out);
	} while (len == MIB);
	crypto_cbc_free(cbc);
	fclose(in);
	fclose(out);
}

static void make(const char *path, unsigned rows, size_t xattr_len)
{
	char plain[4096];

	snprintf(plain, sizeof(plain), "%s.plain", path);
	fill(plain, rows, xattr_len);
	encrypt(plain, path);
}

static void list(const char *path, bool with_records)
{
	struct backup_manifest *manifest = NULL;
	struct source *file = NULL, *view = NULL;
	struct backup_file row;
	double cpu = cpu_seconds(), wall = wall_seconds();
	uint64_t count = 0;

	must(source_file_open(&file, path, &err));
	view = file;
	if (file->len % 4096) /* the padding gives it away */
		must(backup_cbc_open(&view, file, key, &err));
	must(backup_manifest_open(&manifest, view, &err));
	must(backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, &err));
	for (;;) {
		int r = with_records ? backup_manifest_next(manifest, &row, &err)
				     : backup_manifest_next_name(manifest, &row, &err);

		must(r);
		if (r == BACKUP_END)
			break;
		count++;
	}
	backup_manifest_close(manifest);
	printf("%llu rows: %.2f s CPU, %.2f s wall\n", (unsigned long long)count,
	       cpu_seconds() - cpu, wall_seconds() - wall);
	print_peak();
}

/* ---- decryption ---- */

static void by_openssl(uint8_t *bytes, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	static const uint8_t iv[16];
	int n;

	EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, iv);
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_DecryptUpdate(ctx, bytes, &n, bytes, (int)len);
	EVP_CIPHER_CTX_free(ctx);
}

static void decrypt(void)
{
	enum { LEN = 64 * MIB, TIMES = 16 };
	CLEANUP(source_close_p) struct source *view = NULL;
	struct source *source = NULL;
	uint8_t *bytes = malloc(LEN), *out = malloc(MIB);
	double start, theirs, ours;
	size_t at, i;

	memset(bytes, 7, LEN);
	memset(out, 7, MIB);
	must(source_bytes_open(&source, slice_of(bytes, LEN), &err));
	must(backup_cbc_open(&view, source, key, &err));
	start = cpu_seconds();
	for (i = 0; i < TIMES; i++)
		for (at = 0; at < LEN; at += 16 << 10) /* as `openssl speed` does */
			by_openssl(bytes + at, 16 << 10);
	theirs = cpu_seconds() - start;
	start = cpu_seconds();
	for (i = 0; i < TIMES; i++)
		for (at = 0; at < LEN; at += MIB)
			must((int)view->read(view, at, out, MIB, &err));
	ours = cpu_seconds() - start;
	printf("OpenSSL %.2f GB/s, ours %.2f GB/s: %.0f %%\n", LEN / 1e9 * TIMES / theirs,
	       LEN / 1e9 * TIMES / ours, 100 * theirs / ours);
	free(bytes);
	free(out);
}

static void files(const char *from, const char *to)
{
	CLEANUP(source_close_p) struct source *view = NULL;
	struct source *source = NULL;
	double cpu = cpu_seconds(), wall = wall_seconds();
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(source_file_open(&source, from, &err));
	must(backup_cbc_open(&view, source, key, &err));
	must(backup_content_copy(view, fd, NULL, &err));
	close(fd);
	wall = wall_seconds() - wall;
	printf("%.2f GB in %.2f s (%.2f s CPU): %.2f GB/s\n", (double)view->len / 1e9, wall,
	       cpu_seconds() - cpu, (double)view->len / 1e9 / wall);
	print_peak();
}

/* ---- derivation ---- */

static void unlock(void)
{
	enum { ROUNDS = 10000000 };
	static const uint8_t salt[20] = {1};
	struct secret password = SECRET_INIT;
	uint8_t out[32];
	double start, theirs, ours;

	must(secret_set(&password, slice_text("Synthetic-Backup-1"), &err));
	start = cpu_seconds();
	PKCS5_PBKDF2_HMAC((const char *)password.bytes, (int)password.len, salt, sizeof(salt),
			  ROUNDS, EVP_sha256(), sizeof(out), out);
	theirs = cpu_seconds() - start;
	start = cpu_seconds();
	must(keybag_derive(&password, slice_of(salt, sizeof(salt)), ROUNDS,
			   slice_of(salt, sizeof(salt)), 10000, out, &err));
	ours = cpu_seconds() - start;
	printf("OpenSSL %.2f s, ours %.2f s: %.2fx\n", theirs, ours, ours / theirs);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "make") && argc == 5)
		make(argv[2], (unsigned)atol(argv[3]), (size_t)atol(argv[4]));
	else if (!strcmp(what, "list") && argc == 3)
		list(argv[2], false);
	else if (!strcmp(what, "rows") && argc == 3)
		list(argv[2], true);
	else if (!strcmp(what, "decrypt"))
		decrypt();
	else if (!strcmp(what, "files") && argc == 4)
		files(argv[2], argv[3]);
	else if (!strcmp(what, "unlock"))
		unlock();
	else
		return 2;
	return 0;
}
