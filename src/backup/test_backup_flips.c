/*
 * one byte of a backup changes: what the format protects is reported, and nothing crashes
 *
 * Every byte takes minutes, so a run takes each 499th; REHOME_FLIPS=all takes them all.
 */
#include "backup/testing.h"

#include "backup/internal.h"

enum { STRIDE = 499, FILES_MAX = 64 };

/* ---- a folder in which one byte of one file is another ---- */

struct flipped {
	struct backup_tree tree;
	struct backup_tree *under;
	const char *path;
	size_t offset;

	unsigned drifts, others; /* findings */
};

static int flipped_open(struct backup_tree *tree, const char *path, struct source **out,
			struct err *err)
{
	struct flipped *flipped = (struct flipped *)tree;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 20);
	int r;

	if (strcmp(path, flipped->path))
		return flipped->under->open(flipped->under, path, out, err);
	r = backup_tree_read(flipped->under, path, &bytes, err);
	if (r)
		return r;
	bytes.bytes[flipped->offset] ^= 1u << flipped->offset % 8;
	return source_bytes_open(out, buf_slice(&bytes), err);
}

static int flipped_stat(struct backup_tree *tree, const char *path, uint64_t *size, struct err *err)
{
	struct backup_tree *under = ((struct flipped *)tree)->under;

	return under->stat(under, path, size, err);
}

static int flipped_walk(struct backup_tree *tree,
			int (*each)(void *arg, const char *path, uint64_t size, struct err *err),
			void *arg, struct err *err)
{
	struct backup_tree *under = ((struct flipped *)tree)->under;

	return under->walk(under, each, arg, err);
}

/* ---- all files ---- */

struct target {
	char path[64];
	uint64_t size;
	bool has_digest;
	size_t flips, reported;
};

struct targets {
	struct target all[FILES_MAX];
	size_t count;
};

static int add_target(void *arg, const char *path, uint64_t size, struct err *err)
{
	struct targets *targets = arg;
	struct target *target = &targets->all[targets->count++];

	assert_true(targets->count <= FILES_MAX);
	snprintf(target->path, sizeof(target->path), "%s", path);
	target->size = size;
	return 0;
}

static void mark_digests(struct backup_tree *tree, const struct secret *password,
			 struct targets *targets)
{
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct backup_file file;
	struct err err = ERR_INIT;
	size_t i;

	backup_reader_init(&reader);
	assert_done(backup_reader_open(&reader, tree, password, &err), err);
	for (i = 0; i < targets->count; i++)
		if (targets->all[i].path[2] == '/' &&
		    !backup_manifest_find_id(reader.manifest, targets->all[i].path + 3, &file,
					     &err))
			targets->all[i].has_digest = file.digest.len;
}

static void found(void *arg, const struct backup_finding *finding)
{
	struct flipped *flipped = arg;

	if (strcmp(finding->promise, "size-drift"))
		flipped->others++;
	else
		flipped->drifts++;
}

/* The whole backup has two remarks of its own, and a change must show besides, or end the check. */
static bool is_reported(struct flipped *flipped, const struct secret *password)
{
	struct backup_verdict verdict;
	struct err err = ERR_INIT;
	int r;

	flipped->drifts = flipped->others = 0;
	r = backup_verify(&flipped->tree, password, found, flipped, NULL, NULL, &verdict, &err);
	assert_true(r == 0 || r == ERR_PASSWORD || r == ERR_UNSUPPORTED || r == ERR_CORRUPT ||
		    r == ERR_LIMIT);
	return r || flipped->drifts != 2 || flipped->others;
}

/* Is the byte one of a wrapped key, in the keybag as Manifest.plist holds it? */
static bool is_wrapped(struct slice list, size_t offset)
{
	size_t back;

	for (back = 8; back < 8 + CRYPTO_WRAPPED_LEN && back <= offset; back++)
		if (!memcmp(list.bytes + offset - back, "WPKY", 4))
			return true;
	return false;
}

static void flip_keybag(struct flipped *flipped, const struct secret *password)
{
	CLEANUP(buf_clear) struct buf list = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	size_t wrapped = 0;

	flipped->path = "Manifest.plist";
	assert_done(backup_tree_read(flipped->under, flipped->path, &list, &err), err);
	for (flipped->offset = 0; flipped->offset < list.len; flipped->offset += 7)
		if (is_wrapped(buf_slice(&list), flipped->offset)) {
			wrapped++;
			assert_true(is_reported(flipped, password));
		}
	assert_true(wrapped > 11 * 5);
}

static void flip_all(struct flipped *flipped, struct target *target, const struct secret *password)
{
	const char *wanted = getenv("REHOME_FLIPS");
	size_t stride = wanted && !strcmp(wanted, "all") ? 1 : STRIDE;

	flipped->path = target->path;
	for (flipped->offset = 0; flipped->offset < target->size; flipped->offset += stride) {
		target->flips++;
		target->reported += is_reported(flipped, password);
	}
}

static void what_a_digest_a_wrap_or_a_structure_covers_is_reported(void **state)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct flipped flipped = {{flipped_open, flipped_stat, flipped_walk, NULL}};
	static struct targets targets;
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	char path[1024];
	size_t i;

	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_tree_folder(&tree, testing_backup("encrypted", NULL, path), &err), err);
	assert_done(tree->walk(tree, add_target, &targets, &err), err);
	mark_digests(tree, &password, &targets);
	flipped.under = tree;
	flip_keybag(&flipped, &password);
	for (i = 0; i < targets.count; i++) {
		struct target *target = &targets.all[i];

		flip_all(&flipped, target, &password);
		print_message("%-44s %6zu flips, %6zu reported%s\n", target->path, target->flips,
			      target->reported, target->has_digest ? ", digest" : "");
		if (target->has_digest)
			assert_int_equal(target->reported, target->flips);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_digest_a_wrap_or_a_structure_covers_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
