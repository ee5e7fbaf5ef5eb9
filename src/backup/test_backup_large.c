/* a large encrypted manifest is read in little memory, and leaves nothing plain behind */
#include "backup/testing.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "crypto/crypto.h"

enum {
	ROWS = 4000,
	XATTRS_LEN = 20 << 10, /* so that the manifest is larger than what we may use */
	MEMORY_KIB_MAX = 64 << 10,
};

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

static const uint8_t key[BACKUP_KEY_LEN] = "large";

/* ---- making one, in a process of its own: what it needs is not counted ---- */

static int write_rows(const char *path)
{
	static uint8_t xattrs[XATTRS_LEN];
	struct backup_manifest_writer *writer = NULL;
	struct backup_file file = {.domain = "HomeDomain", .mode = 0100644, .flags = 1};
	char name[64];
	unsigned i;

	file.xattrs = slice_of(xattrs, sizeof(xattrs));
	if (backup_manifest_create(&writer, path, NULL) < 0)
		return -1;
	for (i = 0; i < ROWS; i++) {
		snprintf(name, sizeof(name), "Library/%u", i * 2654435761u);
		file.path = name;
		backup_file_id(file.domain, name, file.file_id);
		memset(xattrs, (int)i, sizeof(xattrs));
		if (backup_manifest_put(writer, &file, NULL) < 0)
			return -1;
	}
	return backup_manifest_finish(writer, NULL);
}

static int encrypt(const char *from, const char *to)
{
	static uint8_t piece[64 << 10];
	static const uint8_t iv[CRYPTO_BLOCK_LEN];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	struct crypto_cbc *cbc = NULL;
	size_t len = 1;

	if (!in || !out || crypto_cbc_new(&cbc, NULL) < 0 ||
	    crypto_cbc_start(cbc, true, key, iv, NULL) < 0)
		return -1;
	while (len) {
		len = fread(piece, 1, sizeof(piece), in);
		if (!len) /* pages are whole blocks: the padding is one more */
			memset(piece, CRYPTO_BLOCK_LEN, CRYPTO_BLOCK_LEN);
		if (crypto_cbc_update(cbc, piece, len ? len : CRYPTO_BLOCK_LEN, piece, NULL) < 0 ||
		    !fwrite(piece, len ? len : CRYPTO_BLOCK_LEN, 1, out))
			return -1;
	}
	crypto_cbc_free(cbc);
	fclose(in);
	return fclose(out);
}

static void make_manifest(const char *folder, char path[512])
{
	char plain[512];
	int status;
	pid_t pid;

	snprintf(path, 512, "%s/Manifest.db", folder);
	snprintf(plain, sizeof(plain), "%s/plain.db", folder);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(write_rows(plain) < 0 || encrypt(plain, path) < 0 || unlink(plain) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- reading it, in another ---- */

/* Go through @rows rows of each order; > 0 is what was wrong. @ready: tell it, and stay there. */
static int read_rows(const char *path, unsigned rows, int ready)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct source *source = NULL, *view = NULL;
	struct backup_file file;
	enum backup_order order;
	unsigned i;

	if (source_file_open(&source, path, NULL) < 0 ||
	    backup_cbc_open(&view, source, key, NULL) < 0 ||
	    backup_manifest_open(&manifest, view, NULL) < 0)
		return 1;
	for (order = BACKUP_ORDER_STORED; order <= BACKUP_ORDER_DOMAIN_PATH; order++) {
		if (backup_manifest_rewind(manifest, order, NULL, NULL) < 0)
			return 2;
		for (i = 0; i < rows; i++)
			if (backup_manifest_next(manifest, &file, NULL) ||
			    file.xattrs.len != XATTRS_LEN)
				return 3;
	}
	if (ready >= 0 && write(ready, "x", 1) == 1)
		for (;;)
			pause();
	return 0;
}

static void all_orders_together_take_less_memory_than_the_manifest(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	struct rusage usage;
	struct stat st;
	char path[512];
	int status;
	pid_t pid;

	make_manifest(folder, path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size > (off_t)MEMORY_KIB_MAX << 10);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		_exit(read_rows(path, ROWS, -1));
	assert_int_equal(wait4(pid, &status, 0, &usage), pid);
	assert_int_equal(status, 0);
	print_message("%ld MiB of manifest read in %ld MiB\n", (long)(st.st_size >> 20),
		      usage.ru_maxrss >> 10);
	if (!HAS_SANITIZER)
		assert_true(usage.ru_maxrss < MEMORY_KIB_MAX);
}

/* No regular file is open but the manifest: a deleted one would show here too. */
static void assert_only_open(pid_t pid, const char *path)
{
	char folder[64], link[320], target[512];
	struct dirent *entry;
	bool is_open = false;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		ssize_t len;

		snprintf(link, sizeof(link), "%s/%s", folder, entry->d_name);
		len = readlink(link, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (strstr(target, "rehome-test-backup") || strstr(target, "memfd"))
			assert_string_equal(target, path);
		is_open = is_open || !strcmp(target, path);
	}
	closedir(dir);
	assert_true(is_open);
}

static size_t count_files(const char *folder)
{
	struct dirent *entry;
	size_t count = 0;
	DIR *dir = opendir(folder);

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void a_reading_that_is_killed_leaves_nothing_plain(void **state)
{
	CLEANUP(testing_folder_remove) char *folder = testing_folder();
	int ready[2], status;
	char path[512], byte;
	pid_t pid;

	make_manifest(folder, path);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) { /* where a temporary file would go, by name or by habit */
		if (chdir(folder) || setenv("TMPDIR", folder, 1) ||
		    setenv("SQLITE_TMPDIR", folder, 1))
			_exit(1);
		_exit(read_rows(path, ROWS / 2, ready[1]));
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_only_open(pid, path);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(count_files(folder), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_orders_together_take_less_memory_than_the_manifest),
		cmocka_unit_test(a_reading_that_is_killed_leaves_nothing_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
