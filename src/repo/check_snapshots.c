/* check_snapshots.c - every file of every snapshot: are all its chunks there? */
#include "repo/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct snapshot_check {
	struct check *check;
	char id[REPO_ID_LEN + 1];
	struct slice path; /* of the file at hand */
	uint64_t files, bytes;
};

static void file_problem(struct snapshot_check *self, const char *text)
{
	check_problem(self->check, self->id, "%s: snapshot %s: %.*s: %s",
		      self->check->domain.device, self->id, (int)self->path.len,
		      (const char *)self->path.bytes, text);
}

/* does the chunk lie, whole, in a pack that can be read? */
static bool chunk_is_there(struct snapshot_check *self, const uint8_t *id)
{
	struct check *check = self->check;
	struct check_pack *pack;
	struct repo_place place;
	struct err why = ERR_INIT;
	char text[200];
	int r = repo_index_find(check->index, id, &place, &why);

	if (r != 0) {
		file_problem(self, r < 0 ? why.text : "a chunk is in no index");
		return false;
	}
	pack = check_pack_find(check, place.pack);
	if (pack)
		pack->is_needed = true;
	if (!pack || !pack->is_readable ||
	    (uint64_t)place.offset + REPO_BLOB_HEADER_LEN + place.stored > pack->len) {
		snprintf(text, sizeof(text), "pack %08x is %s", place.pack,
			 !pack                ? "missing"
			 : !pack->is_readable ? "damaged"
					      : "cut short");
		file_problem(self, text);
		return false;
	}
	if (check_is_damaged(check, id)) {
		snprintf(text, sizeof(text), "its chunk in pack %08x at %u is damaged", place.pack,
			 place.offset);
		file_problem(self, text);
		return false;
	}
	return true;
}

static int check_refs(struct snapshot_check *self, const struct repo_ref *refs, uint32_t count,
		      int depth, struct err *err);

static int check_list(struct snapshot_check *self, const struct repo_ref *ref, int depth,
		      struct err *err)
{
	CLEANUP(free_p)
	struct repo_ref *page = malloc(REPO_LIST_REFS_MAX * sizeof(*page));
	struct err why = ERR_INIT;
	struct slice bytes;
	uint64_t sum = 0;
	uint32_t count;

	if (!page)
		return err_no_memory(err);
	if (repo_reader_chunk(self->check->reader, REPO_BLOB_LIST, ref->id, &bytes, &why) < 0) {
		file_problem(self, why.text);
		return 0;
	}
	count = repo_list_decode(bytes, page);
	for (uint32_t i = 0; i < count; i++)
		sum += page[i].len;
	if (count == 0 || sum != ref->len) {
		file_problem(self, "its chunk list does not fit");
		return 0;
	}
	return check_refs(self, page, count, depth - 1, err);
}

static int check_refs(struct snapshot_check *self, const struct repo_ref *refs, uint32_t count,
		      int depth, struct err *err)
{
	int r = 0;

	for (uint32_t i = 0; i < count && r == 0; i++) {
		if (!chunk_is_there(self, refs[i].id))
			return 0; /* a file is reported once */
		if (depth > 0)
			r = check_list(self, &refs[i], depth, err);
	}
	return r;
}

static int check_block(struct snapshot_check *self, const struct repo_block *block, struct err *err)
{
	struct repo_value value;
	struct repo_refs refs;
	int r = 0;

	for (uint32_t i = 0; i < block->count && r == 0; i++) {
		repo_block_entry(block, i, &self->path, &value);
		if (value.kind != REPO_FILE)
			continue;
		self->files++;
		self->bytes += value.size;
		if (repo_refs_decode(value.content, value.size, &refs))
			r = check_refs(self, refs.ref, refs.count, refs.depth, err);
	}
	return r;
}

static int check_table(struct snapshot_check *self, struct repo_table *table,
		       const struct repo_head *head, struct err *err)
{
	struct check *check = self->check;
	CLEANUP(free_p)
	uint8_t *buffers = malloc(2 * (REPO_BLOCK_LEN_MAX + CRYPTO_GCM_TAG_LEN));
	struct progress_state state = {.phase = "looking up files"};
	struct repo_block block;
	struct stat st;
	bool is_whole = true;
	int r = 0;

	if (!buffers)
		return err_no_memory(err);
	for (size_t at = 0; at < table->count && r == 0; at++) {
		struct err why = ERR_INIT;

		r = cancel_check(check->repo->env.cancel, err);
		if (r < 0)
			return r;
		r = repo_table_read_block(table, at, buffers + REPO_BLOCK_LEN_MAX, buffers, &block,
					  &why);
		if (r == 0) {
			r = check_block(self, &block, err);
		} else if (r == ERR_CORRUPT) {
			check_problem(
				check, table->name.text,
				"%s: snapshot %s: its table is damaged: files from %.*s on "
				"are hit",
				check->domain.device, self->id, (int)table->blocks[at].key_len,
				(const char *)table->keys.bytes + table->blocks[at].key_offset);
			is_whole = false;
			r = 0;
		} else {
			return err_set(err, r, "%s", why.text);
		}
		check->verdict->bytes_read += table->blocks[at].stored;
		state.files = check->verdict->files + self->files;
		progress_report(check->progress, &state);
	}
	if (r == 0 && is_whole && (self->files != head->files || self->bytes != head->bytes))
		check_problem(check, table->name.text, "%s: snapshot %s: %llu files, not %llu",
			      check->domain.device, self->id, (unsigned long long)self->files,
			      (unsigned long long)head->files);
	if (check->domain.fs->stat(check->domain.fs, table->name.text, &st) == 0 &&
	    (uint64_t)st.st_size != head->table.index_offset + head->table.index_stored)
		check_problem(check, table->name.text, "%s: snapshot %s: table of a wrong length",
			      check->domain.device, self->id);
	return r;
}

static int check_snapshot(struct check *check, uint32_t seq, struct err *err)
{
	CLEANUP(buf_clear) struct buf note = BUF_INIT(REPO_NOTE_LEN_MAX + CRYPTO_GCM_TAG_LEN);
	struct snapshot_check self = {.check = check};
	struct err why = ERR_INIT;
	struct repo_table table;
	struct repo_head head;
	struct repo_name path;
	int r = repo_head_read(&check->domain, seq, &head, &note, &why);

	repo_domain_file(&check->domain, &path, "snap/%08x", seq);
	if (r == ERR_CORRUPT) {
		check_problem(check, path.text, "%s: the head of a snapshot is damaged: %s",
			      check->domain.device, why.text);
		return 0;
	}
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	check->verdict->snapshots++;
	hex_encode(head.id, sizeof(head.id), self.id);
	r = repo_table_open(&table, &check->domain, &head.table, &why);
	if (r == ERR_CORRUPT) {
		check_problem(check, self.id, "%s: snapshot %s cannot be read: %s",
			      check->domain.device, self.id, why.text);
		return 0;
	}
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	r = check_table(&self, &table, &head, err);
	repo_table_clear(&table);
	check->verdict->files += self.files;
	return r;
}

int check_snapshots(struct check *check, struct err *err)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers heads = {0}, tables = {0};
	struct repo_name path;
	size_t at = 0;
	int r = repo_numbers_read(&heads, check->domain.fs,
				  repo_domain_file(&check->domain, &path, "snap"), "", err);

	for (size_t i = 0; i < heads.count && r == 0; i++)
		r = check_snapshot(check, heads.list[i], err);
	if (r == 0)
		r = repo_numbers_read(&tables, check->domain.fs,
				      repo_domain_file(&check->domain, &path, "table"), "", err);
	for (size_t i = 0; i < tables.count && r == 0; i++) {
		while (at < heads.count && heads.list[at] < tables.list[i])
			at++;
		if (at < heads.count && heads.list[at] == tables.list[i])
			continue;
		repo_domain_file(&check->domain, &path, "table/%08x", tables.list[i]);
		check_remark(check, path.text, "%s: table of a commit that was cut short",
			     check->domain.device);
	}
	return r;
}
