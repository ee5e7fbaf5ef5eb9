/* test_files - what a disk does not take is told apart from a disk that does not work */
#include "job/files.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* struct picky - a disk that takes no name with a colon, as some do */
struct picky {
	struct fs fs;
};

static int picky_open(struct fs *fs, const char *path, int flags, mode_t mode)
{
	return strchr(path, ':') ? -EINVAL : fs_system()->open(fs_system(), path, flags, mode);
}

static int picky_mkdir(struct fs *fs, const char *path, mode_t mode)
{
	return strchr(path, ':') ? -EINVAL : fs_system()->mkdir(fs_system(), path, mode);
}

static struct picky picky_make(void)
{
	struct picky picky = {.fs = *fs_system()};

	picky.fs.open = picky_open;
	picky.fs.mkdir = picky_mkdir;
	return picky;
}

struct place {
	char dir[64];
	struct files files;
	struct source *source;
	struct err err;
};

static struct place *place_make(struct fs *fs)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->dir, "/tmp/rehome-files-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	assert_int_equal(files_init(&place->files, fs, NULL, place->dir, &place->err), 0);
	assert_int_equal(source_bytes_open(&place->source, slice_text("bytes"), &place->err), 0);
	return place;
}

static void place_free(struct place *place)
{
	files_clear(&place->files);
	source_close_p(&place->source);
	assert_int_equal(fs_remove_tree(fs_system(), place->dir, &place->err), 0);
	free(place);
}

static int copy(struct place *place, const char *path)
{
	return files_copy(&place->files, path, place->source, &place->err);
}

static void a_name_that_the_disk_does_not_take_is_refused_and_the_next_one_is_written(void **state)
{
	struct picky picky = picky_make();
	struct place *place = place_make(&picky.fs);

	assert_int_equal(copy(place, "a/b:c"), FILES_REFUSED);
	assert_int_equal(copy(place, "a:b/c"), FILES_REFUSED);
	assert_int_equal(files_folder(&place->files, "d/e:f", &place->err), FILES_REFUSED);
	assert_int_equal(copy(place, "a/bc"), 0);
	assert_int_equal(place->files.count, 1);
	assert_int_equal(place->files.total, 5);
	place_free(place);
}

static void nothing_is_overwritten_and_no_file_becomes_a_folder(void **state)
{
	struct place *place = place_make(fs_system());

	assert_int_equal(copy(place, "a"), 0);
	assert_int_equal(copy(place, "a"), FILES_REFUSED);
	assert_int_equal(files_folder(&place->files, "a", &place->err), FILES_REFUSED);
	assert_int_equal(copy(place, "a/b"), FILES_REFUSED);
	assert_int_equal(files_folder(&place->files, "c/d", &place->err), 0);
	assert_int_equal(files_folder(&place->files, "c/d", &place->err), 0);
	assert_int_equal(copy(place, "c"), FILES_REFUSED);
	place_free(place);
}

static void a_full_disk_is_a_failure(void **state)
{
	struct fs_fault fault;
	struct place *place;

	fs_fault_init(&fault, fs_system(), -1, ENOSPC, true);
	place = place_make(&fault.fs);
	assert_int_equal(copy(place, "a"), 0);
	fault.countdown = 0;
	assert_int_equal(copy(place, "b"), ERR_NO_SPACE);
	assert_int_equal(files_folder(&place->files, "c", &place->err), ERR_NO_SPACE);
	place_free(place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_name_that_the_disk_does_not_take_is_refused_and_the_next_one_is_written),
		cmocka_unit_test(nothing_is_overwritten_and_no_file_becomes_a_folder),
		cmocka_unit_test(a_full_disk_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
