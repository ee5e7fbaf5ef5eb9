/*
 * diff - what was added, removed and changed between two backups
 *
 * Both are gone through side by side in order of domain and path, so that nothing is held but
 * one row of each.  A digest is of stored bytes: it tells contents apart only where both were
 * stored under the same key, or under none.
 */
#include "job/browse.h"

#include <stdlib.h>
#include <string.h>

enum { STEP = 64 << 10 };

struct side {
	struct job_browse *browse;
	struct backup_file file;
	bool has_row;
};

struct comparison {
	struct side before, after;
	const struct job_diff_wish *wish;
	uint64_t *damaged;
	uint8_t *bytes; /* two steps, or NULL: contents are not read */
};

/* side_next - its next row; damaged ones are counted */
static int side_next(struct comparison *comparison, struct side *side, struct err *err)
{
	int r;

	do {
		r = backup_manifest_next(side->browse->reader.manifest, &side->file, err);
		*comparison->damaged += r == BACKUP_DAMAGED;
	} while (r == BACKUP_DAMAGED);
	side->has_row = r == 0;
	return r < 0 ? r : 0;
}

/* sources_differ - the plain bytes of two sources of one length */
static int sources_differ(struct comparison *comparison, struct source *a, struct source *b,
			  bool *differ, struct err *err)
{
	uint8_t *left = comparison->bytes, *right = comparison->bytes + STEP;
	int r = 0;

	*differ = a->len != b->len;
	for (uint64_t at = 0; r == 0 && !*differ && at < a->len; at += STEP) {
		size_t len = a->len - at < STEP ? (size_t)(a->len - at) : STEP;

		r = cancel_check(comparison->wish->cancel, err);
		if (r == 0)
			r = source_read_exactly(a, at, left, len, err);
		if (r == 0)
			r = source_read_exactly(b, at, right, len, err);
		*differ = r == 0 && memcmp(left, right, len) != 0;
	}
	return r;
}

static int contents_differ(struct comparison *comparison, bool *differ, struct err *err)
{
	CLEANUP(source_close_p) struct source *before = NULL;
	CLEANUP(source_close_p) struct source *after = NULL;
	unsigned notes = 0;
	int r, s;

	r = backup_reader_content(&comparison->before.browse->reader, &comparison->before.file,
				  &before, &notes, err);
	if (r < 0)
		return r;
	s = backup_reader_content(&comparison->after.browse->reader, &comparison->after.file,
				  &after, &notes, err);
	if (s < 0)
		return s;
	if (r || s) { /* missing on both sides is the same, on one it is not */
		*differ = r != s;
		return 0;
	}
	return sources_differ(comparison, before, after, differ, err);
}

static int compare_contents(struct comparison *comparison, unsigned *differs, struct err *err)
{
	const struct backup_file *before = &comparison->before.file;
	const struct backup_file *after = &comparison->after.file;
	bool differ = false;
	int r = 0;

	if (before->digest.len && after->digest.len && slice_equal(before->key, after->key))
		differ = !slice_equal(before->digest, after->digest);
	else if (comparison->bytes)
		r = contents_differ(comparison, &differ, err);
	if (differ)
		*differs |= JOB_DIFFERS_CONTENT;
	return r;
}

/* compare_rows - the same name on both sides; a folder's date says no more than what is in it */
static int compare_rows(struct comparison *comparison, unsigned *differs, struct err *err)
{
	const struct backup_file *before = &comparison->before.file;
	const struct backup_file *after = &comparison->after.file;
	char type = browse_type(before);

	*differs = 0;
	if (type != browse_type(after))
		*differs |= JOB_DIFFERS_TYPE;
	if ((before->mode & 07777) != (after->mode & 07777))
		*differs |= JOB_DIFFERS_MODE;
	if (before->size != after->size)
		*differs |= JOB_DIFFERS_SIZE;
	if (before->modified != after->modified && type != 'd')
		*differs |= JOB_DIFFERS_MODIFIED;
	if (strcmp(before->target ? before->target : "", after->target ? after->target : "") != 0)
		*differs |= JOB_DIFFERS_TARGET;
	return type == '-' && !(*differs & JOB_DIFFERS_TYPE)
		       ? compare_contents(comparison, differs, err)
		       : 0;
}

/* order - < 0: the row before comes first, so it was removed; > 0: added; 0: the same name */
static int order(const struct comparison *comparison)
{
	const struct side *before = &comparison->before, *after = &comparison->after;
	int r;

	if (!before->has_row || !after->has_row)
		return before->has_row ? -1 : 1;
	r = strcmp(before->file.domain, after->file.domain);
	return r ? r : strcmp(before->file.path, after->file.path);
}

static int tell(struct comparison *comparison, int which, struct err *err)
{
	struct job_difference difference = {
		.before = which <= 0 ? &comparison->before.file : NULL,
		.after = which >= 0 ? &comparison->after.file : NULL,
	};
	int r = 0;

	if (which == 0)
		r = compare_rows(comparison, &difference.differs, err);
	if (r < 0 || (which == 0 && !difference.differs))
		return r;
	return comparison->wish->each(comparison->wish->arg, &difference, err);
}

static int merge(struct comparison *comparison, struct err *err)
{
	int r = side_next(comparison, &comparison->before, err), which;

	if (r == 0)
		r = side_next(comparison, &comparison->after, err);
	while (r == 0 && (comparison->before.has_row || comparison->after.has_row)) {
		which = order(comparison);
		r = cancel_check(comparison->wish->cancel, err);
		if (r == 0)
			r = tell(comparison, which, err);
		if (r == 0 && which <= 0)
			r = side_next(comparison, &comparison->before, err);
		if (r == 0 && which >= 0)
			r = side_next(comparison, &comparison->after, err);
	}
	return r;
}

int job_browse_diff(struct job_browse *before, struct job_browse *after,
		    const struct job_diff_wish *wish, uint64_t *damaged, struct err *err)
{
	CLEANUP(free_p) uint8_t *bytes = NULL;
	struct comparison comparison = {
		.before.browse = before, .after.browse = after, .wish = wish, .damaged = damaged};
	int r;

	*damaged = 0;
	if (wish->reads_contents) {
		bytes = malloc((size_t)STEP * 2);
		if (!bytes)
			return err_no_memory(err);
		comparison.bytes = bytes;
	}
	r = backup_manifest_rewind(before->reader.manifest, BACKUP_ORDER_DOMAIN_PATH, wish->domain,
				   err);
	if (r == 0)
		r = backup_manifest_rewind(after->reader.manifest, BACKUP_ORDER_DOMAIN_PATH,
					   wish->domain, err);
	if (r == 0)
		r = merge(&comparison, err);
	if (bytes)
		explicit_bzero(bytes, (size_t)STEP * 2);
	return r;
}
