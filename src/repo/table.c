/*
 * table.c - a sorted table path -> file as it is read: by path, or as a stream
 *
 * In memory: the first path and place of every block (64 KiB of entries each).  A lookup
 * is a binary search and one block; a stream holds one block.
 */
#include "repo/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
	INDEX_LEN_MAX = 256 << 20, /* of the index of blocks: beyond any real table */
	BLOCK_SEALED_MAX = REPO_BLOCK_LEN_MAX + CRYPTO_GCM_TAG_LEN,
	INDEX_ENTRY_LEN = 19, /* and the path */
};

void repo_table_clear(struct repo_table *table)
{
	if (table->fs && table->fd >= 0)
		table->fs->close(table->fs, table->fd);
	repo_seal_clear(&table->seal);
	free(table->blocks);
	buf_clear(&table->keys);
	repo_filter_clear(&table->filter);
	*table = (struct repo_table){.fd = -1};
}

/* per block: offset u64, stored u32, plain u32, codec u8, path length u16, path */
bool repo_table_index_parse(struct slice in, size_t count, uint64_t end, struct repo_table *table)
{
	struct reader reader = reader_of(in);
	uint64_t next = REPO_HEADER_LEN;

	if (count > in.len / INDEX_ENTRY_LEN)
		return false;
	table->blocks = calloc(count > 0 ? count : 1, sizeof(*table->blocks));
	if (!table->blocks)
		return false;
	table->keys = BUF_INIT(INDEX_LEN_MAX);
	for (size_t i = 0; i < count; i++) {
		struct repo_block_at *block = &table->blocks[i];
		struct slice key;

		if (!reader_u64le(&reader, &block->offset) ||
		    !reader_u32le(&reader, &block->stored) ||
		    !reader_u32le(&reader, &block->plain) || !reader_u8(&reader, &block->codec) ||
		    !reader_u16le(&reader, &block->key_len) ||
		    !reader_slice(&reader, block->key_len, &key))
			return false;
		if (block->offset != next || block->stored > BLOCK_SEALED_MAX ||
		    block->stored <= CRYPTO_GCM_TAG_LEN || block->plain > REPO_BLOCK_LEN_MAX ||
		    block->stored > end - next || block->codec > REPO_CODEC_ZSTD)
			return false;
		next += block->stored;
		block->key_offset = (uint32_t)table->keys.len;
		if (buf_append_slice(&table->keys, key, NULL) < 0)
			return false;
	}
	table->count = count;
	return reader.left == 0 && next == end;
}

static int load(struct repo_table *table, const struct repo_domain *domain,
		const struct repo_table_at *at, struct err *err)
{
	CLEANUP(buf_clear) struct buf index = BUF_INIT(INDEX_LEN_MAX);
	uint8_t header[REPO_HEADER_LEN];
	int r = fs_pread_all(table->fs, table->fd, header, sizeof(header), 0, err);

	if (r == 0)
		r = repo_seal_open(&table->seal, domain, "RHtable1", at->number, header, err);
	if (r == 0)
		r = buf_reserve(&index, at->index_stored, err);
	if (r == 0)
		r = fs_pread_all(table->fs, table->fd, index.bytes, at->index_stored,
				 at->index_offset, err);
	if (r == 0)
		r = repo_seal_get(&table->seal, at->index_offset, slice_text("index"),
				  slice_of(index.bytes, at->index_stored), index.bytes, err);
	if (r < 0)
		return r;
	index.len = at->index_stored - CRYPTO_GCM_TAG_LEN;
	if (!repo_table_index_parse(buf_slice(&index), at->blocks, at->index_offset, table))
		return err_set(err, ERR_CORRUPT, "index of blocks damaged");
	table->entries = at->entries;
	return 0;
}

int repo_table_open(struct repo_table *table, const struct repo_domain *domain,
		    const struct repo_table_at *at, struct err *err)
{
	int r;

	*table = (struct repo_table){.fs = domain->fs};
	repo_domain_file(domain, &table->name, "table/%08x", at->number);
	table->fd = domain->fs->open(domain->fs, table->name.text, O_RDONLY | O_NOFOLLOW, 0);
	if (table->fd == -ENOENT)
		return err_set(err, ERR_CORRUPT, "%s: missing", table->name.text);
	if (table->fd < 0)
		return err_set_errno(err, -table->fd, "%s", table->name.text);
	r = load(table, domain, at, err);
	if (r < 0) {
		r = err_wrap(err, r, "%s", table->name.text);
		repo_table_clear(table);
	}
	return r;
}

int repo_table_read_block(struct repo_table *table, size_t at, uint8_t *stored, uint8_t *plain,
			  struct repo_block *block, struct err *err)
{
	const struct repo_block_at *where = &table->blocks[at];
	uint8_t aad[9];
	size_t len = where->stored - CRYPTO_GCM_TAG_LEN;
	int r = fs_pread_all(table->fs, table->fd, stored, where->stored, where->offset, err);

	put_u32le(aad, (uint32_t)at);
	put_u32le(aad + 4, where->plain);
	aad[8] = where->codec;
	if (r == 0)
		r = repo_seal_get(&table->seal, where->offset, slice_of(aad, sizeof(aad)),
				  slice_of(stored, where->stored),
				  where->codec == REPO_CODEC_RAW ? plain : stored, err);
	if (r == 0 && where->codec == REPO_CODEC_ZSTD)
		len = ZSTD_decompress(plain, REPO_BLOCK_LEN_MAX, stored, len);
	if (r == 0 && (len != where->plain || !repo_block_parse(slice_of(plain, len), block)))
		r = err_set(err, ERR_CORRUPT, "damaged");
	return r < 0 ? err_wrap(err, r, "%s: block %zu", table->name.text, at) : 0;
}

static struct slice key_of(const struct repo_table *table, size_t at)
{
	return slice_of(table->keys.bytes + table->blocks[at].key_offset,
			table->blocks[at].key_len);
}

/* the block in which @path would be: the last one that begins at or before it */
static size_t block_for(const struct repo_table *table, struct slice path)
{
	size_t low = 0, high = table->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (repo_path_compare(key_of(table, middle), path) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* ---- cache ---- */

struct cached {
	const struct repo_table *table;
	size_t at;
	uint64_t used;
	uint8_t *plain;
	struct repo_block block;
};

struct repo_block_cache {
	unsigned slots;
	size_t pool_len;
	uint8_t *pool, *stored;
	uint64_t uses;
	struct cached cached[];
};

int repo_block_cache_new(struct repo_block_cache **out, unsigned slots, struct err *err)
{
	struct repo_block_cache *cache =
		calloc(1, sizeof(*cache) + slots * sizeof(cache->cached[0]));

	if (!cache)
		return err_no_memory(err);
	cache->slots = slots;
	cache->pool_len = (size_t)slots * REPO_BLOCK_LEN_MAX + BLOCK_SEALED_MAX;
	cache->pool = repo_pool_new(cache->pool_len);
	if (!cache->pool) {
		free(cache);
		return err_no_memory(err);
	}
	cache->stored = cache->pool + (size_t)slots * REPO_BLOCK_LEN_MAX;
	for (unsigned i = 0; i < slots; i++)
		cache->cached[i].plain = cache->pool + (size_t)i * REPO_BLOCK_LEN_MAX;
	*out = cache;
	return 0;
}

void repo_block_cache_free(struct repo_block_cache *cache)
{
	if (!cache)
		return;
	repo_pool_free(cache->pool, cache->pool_len);
	free(cache);
}

void repo_block_cache_forget(struct repo_block_cache *cache, const struct repo_table *table)
{
	for (unsigned i = 0; i < cache->slots; i++)
		if (cache->cached[i].table == table)
			cache->cached[i].table = NULL;
}

static int cached_block(struct repo_table *table, struct repo_block_cache *cache, size_t at,
			struct repo_block **out, struct err *err)
{
	struct cached *oldest = &cache->cached[0];
	int r;

	for (unsigned i = 0; i < cache->slots; i++) {
		struct cached *slot = &cache->cached[i];

		if (slot->table == table && slot->at == at) {
			slot->used = ++cache->uses;
			*out = &slot->block;
			return 0;
		}
		if (!slot->table || (oldest->table && slot->used < oldest->used))
			oldest = slot;
	}
	oldest->table = NULL;
	r = repo_table_read_block(table, at, cache->stored, oldest->plain, &oldest->block, err);
	if (r < 0)
		return r;
	oldest->table = table;
	oldest->at = at;
	oldest->used = ++cache->uses;
	*out = &oldest->block;
	return 0;
}

int repo_table_get(struct repo_table *table, struct repo_block_cache *cache, struct slice path,
		   const uint64_t hash[2], struct repo_value *value, struct err *err)
{
	struct repo_block *block;
	struct slice found;
	uint32_t at;
	int r;

	if (table->count == 0 || (hash && !repo_filter_may_hold(&table->filter, hash)))
		return REPO_ABSENT;
	r = cached_block(table, cache, block_for(table, path), &block, err);
	if (r < 0)
		return r;
	at = repo_block_seek(block, path);
	if (at == block->count)
		return REPO_ABSENT;
	repo_block_entry(block, at, &found, value);
	return slice_equal(found, path) ? 0 : REPO_ABSENT;
}

/* ---- cursor ---- */

int repo_cursor_new(struct repo_cursor *cursor, struct repo_table *table, struct err *err)
{
	*cursor = (struct repo_cursor){.table = table};
	cursor->buffers = malloc(REPO_BLOCK_LEN_MAX + BLOCK_SEALED_MAX);
	return cursor->buffers ? 0 : err_no_memory(err);
}

void repo_cursor_clear(struct repo_cursor *cursor)
{
	free(cursor->buffers);
	*cursor = (struct repo_cursor){0};
}

static int cursor_load(struct repo_cursor *cursor, size_t block_at, struct err *err)
{
	int r;

	if (cursor->has_block && cursor->block_at == block_at)
		return 0;
	cursor->has_block = false;
	cursor->block_at = block_at;
	r = repo_table_read_block(cursor->table, block_at, cursor->buffers + REPO_BLOCK_LEN_MAX,
				  cursor->buffers, &cursor->block, err);
	cursor->has_block = r == 0;
	return r;
}

int repo_cursor_seek(struct repo_cursor *cursor, struct slice path, struct err *err)
{
	int r;

	cursor->at = 0;
	if (cursor->table->count == 0)
		return 0;
	r = cursor_load(cursor, block_for(cursor->table, path), err);
	if (r == 0)
		cursor->at = repo_block_seek(&cursor->block, path);
	return r;
}

int repo_cursor_get(struct repo_cursor *cursor, struct slice *path, struct repo_value *value,
		    struct err *err)
{
	int r;

	if (cursor->table->count == 0)
		return REPO_ABSENT;
	if (cursor->has_block && cursor->at >= cursor->block.count) {
		if (cursor->block_at + 1 >= cursor->table->count)
			return REPO_ABSENT;
		r = cursor_load(cursor, cursor->block_at + 1, err);
		if (r < 0)
			return r;
		cursor->at = 0;
	}
	if (!cursor->has_block) {
		r = cursor_load(cursor, cursor->block_at, err);
		if (r < 0)
			return r;
	}
	repo_block_entry(&cursor->block, cursor->at, path, value);
	return 0;
}

void repo_cursor_next(struct repo_cursor *cursor)
{
	cursor->at++;
}
