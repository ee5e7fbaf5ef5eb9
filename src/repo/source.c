/*
 * source.c - a stored file with random access
 *
 * Long chunk lists are pages of references, stored like chunks: the way to an offset is
 * one page a level, and the pages last used are in the reader's cache.
 */
#include "repo/internal.h"

#include <stdlib.h>
#include <string.h>

struct chunk_source {
	struct source source;
	struct repo_reader *reader;
	struct repo_refs refs;
	struct repo_ref *page; /* REPO_LIST_REFS_MAX; only for files with list pages */
	/* the level-0 references decoded last cover [page_start, page_end) */
	uint64_t page_start, page_end;
	uint32_t page_count;
	char name[];
};

/* the reference that covers @offset; *start becomes where it begins */
static const struct repo_ref *ref_at(const struct repo_ref *refs, uint32_t count, uint64_t offset,
				     uint64_t *start)
{
	for (uint32_t i = 0; i < count; i++) {
		if (offset - *start < refs[i].len)
			return &refs[i];
		*start += refs[i].len;
	}
	return NULL;
}

static int bad_list(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "chunk list does not fit the file");
}

/* walks down to the data chunk at @offset */
static int locate(struct chunk_source *self, uint64_t offset, struct repo_ref *found,
		  uint64_t *start, struct err *err)
{
	const struct repo_ref *ref;

	*start = 0;
	if (self->refs.depth == 0) {
		ref = ref_at(self->refs.ref, self->refs.count, offset, start);
		if (!ref)
			return bad_list(err);
		*found = *ref;
		return 0;
	}
	if (offset < self->page_start || offset >= self->page_end) {
		self->page_end = 0;
		ref = ref_at(self->refs.ref, self->refs.count, offset, start);
		for (int level = self->refs.depth; level > 0; level--) {
			struct repo_ref covers;
			uint64_t sum = 0;
			struct slice bytes;
			int r;

			if (!ref)
				return bad_list(err);
			covers = *ref;
			r = repo_reader_chunk(self->reader, REPO_BLOB_LIST, covers.id, &bytes, err);
			if (r < 0)
				return r;
			self->page_count = repo_list_decode(bytes, self->page);
			for (uint32_t i = 0; i < self->page_count; i++)
				sum += self->page[i].len;
			if (self->page_count == 0 || sum != covers.len)
				return bad_list(err);
			self->page_start = *start;
			ref = ref_at(self->page, self->page_count, offset, start);
			if (level == 1)
				self->page_end = self->page_start + covers.len;
		}
	}
	*start = self->page_start;
	ref = ref_at(self->page, self->page_count, offset, start);
	if (!ref)
		return bad_list(err);
	*found = *ref;
	return 0;
}

static int read_some(struct chunk_source *self, uint64_t offset, uint8_t *out, size_t len,
		     size_t *done, struct err *err)
{
	struct repo_ref ref;
	struct slice chunk;
	uint64_t start;
	size_t from, take;
	int r = locate(self, offset, &ref, &start, err);

	if (r == 0)
		r = repo_reader_chunk(self->reader, REPO_BLOB_DATA, ref.id, &chunk, err);
	if (r < 0)
		return r;
	if (chunk.len != ref.len)
		return bad_list(err);
	from = (size_t)(offset - start);
	take = chunk.len - from < len ? chunk.len - from : len;
	memcpy(out, chunk.bytes + from, take);
	*done = take;
	return 0;
}

static ssize_t source_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			   struct err *err)
{
	struct chunk_source *self = (struct chunk_source *)source;
	size_t total = 0;

	if (offset >= source->len)
		return 0;
	if (len > source->len - offset)
		len = (size_t)(source->len - offset);
	while (total < len) {
		size_t done = 0;
		int r = read_some(self, offset + total, (uint8_t *)bytes + total, len - total,
				  &done, err);

		if (r < 0)
			return err_wrap(err, r, "%s", self->name);
		total += done;
	}
	return (ssize_t)total;
}

static void source_close(struct source *source)
{
	struct chunk_source *self = (struct chunk_source *)source;

	free(self->page);
	free(self);
}

int repo_reader_source(struct source **out, struct repo_reader *reader, const char *name,
		       uint64_t size, const struct repo_refs *refs, struct err *err)
{
	size_t name_len = strlen(name);
	struct chunk_source *self = malloc(sizeof(*self) + name_len + 1);

	if (!self)
		return err_no_memory(err);
	*self = (struct chunk_source){
		.source = {.len = size, .read = source_read, .close = source_close},
		.reader = reader,
		.refs = *refs,
	};
	memcpy(self->name, name, name_len + 1);
	if (refs->depth > 0) {
		self->page = malloc(REPO_LIST_REFS_MAX * sizeof(*self->page));
		if (!self->page) {
			free(self);
			return err_no_memory(err);
		}
	}
	*out = &self->source;
	return 0;
}
