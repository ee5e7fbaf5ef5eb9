/* lists that others wrote: keyed archives and the plists of backup folders */
#include "plist/testing.h"

#include <dirent.h>
#include <unistd.h>

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* check_file - it is read, and what both writers make of it reads back the same */
static void check_file(const char *path)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = new_doc();
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(16 << 20);
	CLEANUP(buf_clear) struct buf binary = BUF_INIT(16 << 20);
	CLEANUP(buf_clear) struct buf xml = BUF_INIT(64 << 20);
	const struct plist *root = NULL, *again = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(fs_read_file(fs_system(), path, &bytes, &err), 0);
	if (plist_parse(doc, buf_slice(&bytes), &PLIST_LIMITS_FILE, &root, &err) < 0)
		fail_msg("%s: %s", path, err.text);
	assert_int_equal(plist_write_binary(doc, root, &binary, &err), 0);
	assert_int_equal(plist_parse(doc, buf_slice(&binary), &PLIST_LIMITS_FILE, &again, &err), 0);
	assert_true(is_equal(root, again));
	/* dates with a fraction come back without it, so only the second trip is exact */
	assert_int_equal(plist_write_xml(doc, root, &xml, &err), 0);
	assert_int_equal(plist_parse(doc, buf_slice(&xml), &PLIST_LIMITS_FILE, &root, &err), 0);
	buf_truncate(&binary, 0);
	assert_int_equal(plist_write_binary(doc, root, &binary, &err), 0);
	assert_int_equal(plist_parse(doc, buf_slice(&binary), &PLIST_LIMITS_FILE, &again, &err), 0);
	assert_true(is_equal(root, again));
}

static void keyed_archives_of_others_are_read_and_kept(void **state)
{
	const char *fixtures = getenv("REHOME_FIXTURES");
	char folder[4096], path[8192];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/go-ios-nskeyedarchiver", fixtures ? fixtures : "");
	dir = fixtures ? opendir(folder) : NULL;
	if (dir == NULL) {
		print_message("SKIP: the fixture go-ios-nskeyedarchiver is not there "
			      "(REHOME_FIXTURES)\n");
		skip();
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!has_suffix(entry->d_name, ".bin") && !has_suffix(entry->d_name, ".xml"))
			continue;
		if (strcmp(entry->d_name, "broken_plist.xml") == 0)
			continue; /* cut off in front on purpose */
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		check_file(path);
		count++;
	}
	closedir(dir);
	assert_true(count >= 25);
}

static void a_list_that_lost_its_begin_is_refused(void **state)
{
	const char *fixtures = getenv("REHOME_FIXTURES");
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL; /* skip() cleans nothing up */
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	const struct plist *root = NULL;
	char path[4096];

	snprintf(path, sizeof(path), "%s/go-ios-nskeyedarchiver/broken_plist.xml",
		 fixtures ? fixtures : "");
	if (fixtures == NULL || fs_read_file(fs_system(), path, &bytes, NULL) < 0) {
		print_message("SKIP: the fixture go-ios-nskeyedarchiver is not there "
			      "(REHOME_FIXTURES)\n");
		skip();
	}
	doc = new_doc();
	assert_int_equal(parse(doc, buf_slice(&bytes), &root, NULL), ERR_PROTOCOL);
}

static void the_lists_of_backup_folders_are_read_and_kept(void **state)
{
	static const char *const folders[] = {
		"synthetic-ios-backup/plain/00008101-000A11112222001E",
		"synthetic-ios-backup/encrypted/00008101-000A11112222001E",
		"pyiosbackup-encrypted/ios10.3-sqlite",
		"pyiosbackup-encrypted/ios9-mbdb",
	};
	static const char *const names[] = {"Info.plist", "Manifest.plist", "Status.plist"};
	const char *fixtures = getenv("REHOME_FIXTURES");
	char path[4096];
	int count = 0;

	for (size_t i = 0; fixtures != NULL && i < ARRAY_COUNT(folders); i++) {
		for (size_t k = 0; k < ARRAY_COUNT(names); k++) {
			snprintf(path, sizeof(path), "%s/%s/%s", fixtures, folders[i], names[k]);
			if (access(path, R_OK) != 0)
				continue;
			check_file(path);
			count++;
		}
	}
	if (count == 0) {
		print_message("SKIP: no fixture holds a backup folder (REHOME_FIXTURES)\n");
		skip();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keyed_archives_of_others_are_read_and_kept),
		cmocka_unit_test(a_list_that_lost_its_begin_is_refused),
		cmocka_unit_test(the_lists_of_backup_folders_are_read_and_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
