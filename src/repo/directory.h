/*
 * directory.h - a snapshot's paths and what a session changes over them; inside the room only
 *
 *   block, table   the sorted table path -> file of a snapshot (and of an overlay's scratch runs)
 *   overlay        what a session changed; merge: all layers as one sorted stream
 *   head           the file whose creation makes a snapshot
 * Byte tables and limits: docs/format/repository.
 */
#ifndef REHOME_REPO_DIRECTORY_H
#define REHOME_REPO_DIRECTORY_H

#include "repo/internal.h"

/* ---- tables ------------------------------------------------------------------------ */

enum repo_kind { REPO_FILE = 1, REPO_FOLDER = 2, REPO_GONE = 3 /* overlay runs only */ };

/** struct repo_value - what a table says of a path; content is borrowed (encoded repo_refs) */
struct repo_value {
	enum repo_kind kind;
	uint64_t size;
	int64_t modified;
	struct slice content;
};
/** repo_value_encode - returns the length */
size_t repo_value_encode(const struct repo_value *value, uint8_t out[REPO_VALUE_LEN_MAX]);
/** repo_value_decode - false unless @in is exactly one value with possible lengths */
bool repo_value_decode(struct slice in, struct repo_value *value);
/** repo_path_compare - by bytes, the shorter first */
int repo_path_compare(struct slice a, struct slice b);

/** struct repo_block - a decoded table block: sorted entries in @bytes and where they start */
struct repo_block {
	const uint8_t *bytes;
	size_t len;
	uint32_t count;
	const uint8_t *starts; /* u32le each */
};
/** repo_block_parse - checks every entry, so that reading them later cannot fail (fuzzed) */
bool repo_block_parse(struct slice bytes, struct repo_block *block);
/** repo_block_entry - entry @at (< count); path and value borrow from the block */
void repo_block_entry(const struct repo_block *block, uint32_t at, struct slice *path,
		      struct repo_value *value);
/** repo_block_seek - first entry >= @path; block->count if none */
uint32_t repo_block_seek(const struct repo_block *block, struct slice path);

struct repo_block_at { /* what the table's index says of a block */
	uint64_t offset;
	uint32_t stored, plain;
	uint32_t key_offset; /* first path, in keys */
	uint16_t key_len;
	uint8_t codec;
};

/** struct repo_table - an open table; immutable. Blocks are cached in a repo_block_cache. */
struct repo_table {
	struct fs *fs;
	int fd;
	struct repo_seal seal;
	struct repo_block_at *blocks;
	size_t count;
	struct buf keys;
	struct repo_filter filter; /* empty: none */
	uint64_t entries;
	struct repo_name name; /* for errors; who made a scratch one removes it by this */
};
/** repo_table_clear - closes the file, which stays; a zeroed table is fine */
void repo_table_clear(struct repo_table *table);
/** struct repo_table_at - where a snapshot's head says its table lies */
struct repo_table_at {
	uint32_t number;
	uint64_t index_offset, entries;
	uint32_t index_stored, blocks;
};
/** repo_table_open - reads the index of blocks; ERR_CORRUPT names the file */
int repo_table_open(struct repo_table *table, const struct repo_domain *domain,
		    const struct repo_table_at *at, struct err *err);
/** repo_table_index_parse - the index of blocks, opened (fuzzed with the blocks) */
bool repo_table_index_parse(struct slice in, size_t count, uint64_t end, struct repo_table *table);

/** struct repo_block_cache - decoded blocks by table and number */
struct repo_block_cache;
/** repo_block_cache_new - @slots blocks, the least used gives way; shared by tables of one thread
 */
int repo_block_cache_new(struct repo_block_cache **out, unsigned slots, struct err *err);
void repo_block_cache_free(struct repo_block_cache *cache);
/** repo_block_cache_forget - before @table goes */
void repo_block_cache_forget(struct repo_block_cache *cache, const struct repo_table *table);
/** repo_table_get - REPO_ABSENT; the value's content is good until the cache is used again */
int repo_table_get(struct repo_table *table, struct repo_block_cache *cache, struct slice path,
		   const uint64_t hash[2], struct repo_value *value, struct err *err);
/** repo_table_read_block - @plain and @stored hold REPO_BLOCK_LEN_MAX + tag each */
int repo_table_read_block(struct repo_table *table, size_t at, uint8_t *stored, uint8_t *plain,
			  struct repo_block *block, struct err *err);

/** struct repo_cursor - streams a table in order; owns its buffers */
struct repo_cursor {
	struct repo_table *table;
	uint8_t *buffers;
	size_t block_at;
	bool has_block;
	struct repo_block block;
	uint32_t at;
};
/** repo_cursor_new - @table is borrowed; seek before the first get */
int repo_cursor_new(struct repo_cursor *cursor, struct repo_table *table, struct err *err);
void repo_cursor_clear(struct repo_cursor *cursor);
/** repo_cursor_seek - on to the first entry >= @path */
int repo_cursor_seek(struct repo_cursor *cursor, struct slice path, struct err *err);
/** repo_cursor_get - the entry it stands on; REPO_ABSENT at the end */
int repo_cursor_get(struct repo_cursor *cursor, struct slice *path, struct repo_value *value,
		    struct err *err);
/** repo_cursor_next - what repo_cursor_get gave is no longer good */
void repo_cursor_next(struct repo_cursor *cursor);

/** struct repo_table_writer - entries must come in ascending order of path */
struct repo_table_writer;
struct repo_table_options {
	size_t block_len;
	bool compresses;
	uint64_t filter_keys; /* 0: no filter */
	bool is_scratch;      /* table/scratch-N, never synced */
};
/** repo_table_writer_new - @salt: random, never used for another file */
int repo_table_writer_new(struct repo_table_writer **out, const struct repo_domain *domain,
			  uint32_t number, const uint8_t salt[32],
			  const struct repo_table_options *options, struct err *err);
/** repo_table_writer_put - both are copied */
int repo_table_writer_put(struct repo_table_writer *writer, struct slice path,
			  const struct repo_value *value, struct err *err);
/** repo_table_writer_finish - writes the index, syncs, gives it its name (not yet durable: sync
 * table/) */
int repo_table_writer_finish(struct repo_table_writer *writer, struct repo_table_at *at,
			     uint64_t *written, struct err *err);
/** repo_table_writer_open - after finish: the same as an open table, without reading it again */
int repo_table_writer_open(struct repo_table_writer *writer, struct repo_table *table,
			   struct err *err);
/** repo_table_writer_free_p - an unfinished one removes its file */
void repo_table_writer_free_p(struct repo_table_writer **writer);

/* ---- overlay ----------------------------------------------------------------------- */

/** struct repo_node - a path in the memory part of an overlay */
struct repo_node {
	uint64_t ticket; /* of the upload whose content is still being made; 0: none */
	uint64_t size;
	int64_t modified;
	uint8_t *content;
	uint16_t content_len, path_len, watchers; /* uploads under way that know the node */
	uint8_t kind, levels;                     /* kind 0: removed, waiting for its watchers */
	struct repo_node *next[];                 /* then the path */
};
/** repo_node_path - borrowed from the node */
struct slice repo_node_path(const struct repo_node *node);

/**
 * struct repo_overlay - the changes of a session above its base: newest in memory (a skip
 * list in a fixed arena), older ones spilled to scratch tables. One thread.
 */
struct repo_overlay;
/** repo_overlay_new - @base (may be NULL) and @domain are borrowed; @seed: 32 random bytes */
int repo_overlay_new(struct repo_overlay **out, const struct repo_domain *domain,
		     struct repo_table *base, const uint8_t seed[32], struct err *err);
void repo_overlay_free(struct repo_overlay *overlay);
/** repo_overlay_get - REPO_ABSENT; @node: set if the memory part holds it, else NULL */
int repo_overlay_get(struct repo_overlay *overlay, struct slice path, struct repo_value *value,
		     struct repo_node **node, struct err *err);
/** repo_overlay_is_full - spill before the next put (all tickets must be settled then) */
bool repo_overlay_is_full(const struct repo_overlay *overlay);
/** repo_overlay_spill - memory to a scratch table: no node pointer survives */
int repo_overlay_spill(struct repo_overlay *overlay, struct err *err);
/** repo_overlay_put - set a path; both are copied. @node (may be NULL): where it stands */
int repo_overlay_put(struct repo_overlay *overlay, struct slice path,
		     const struct repo_value *value, struct repo_node **node, struct err *err);
/** repo_overlay_remove - this path alone, not what is beneath it; absent is fine */
int repo_overlay_remove(struct repo_overlay *overlay, struct slice path, struct err *err);
/** repo_overlay_watch - the node's content will come with upload @ticket */
void repo_overlay_watch(struct repo_node *node, uint64_t ticket);
/** repo_overlay_settle - it came; ignored if the path was replaced or removed meanwhile */
int repo_overlay_settle(struct repo_overlay *overlay, struct repo_node *node, uint64_t ticket,
			struct slice content, struct err *err);
/** repo_overlay_scratch_written - bytes that went to scratch tables */
uint64_t repo_overlay_scratch_written(const struct repo_overlay *overlay);

/** struct repo_merge - overlay and base as one stream, newest wins, removed ones left out */
struct repo_merge;
/** repo_merge_new - over the present state: the next spill ends its life */
int repo_merge_new(struct repo_merge **out, struct repo_overlay *overlay, struct err *err);
void repo_merge_free_p(struct repo_merge **merge);
/** repo_merge_seek - repo_merge_next gives the first entry >= @path; "" for all */
int repo_merge_seek(struct repo_merge *merge, struct slice path, struct err *err);
/** repo_merge_next - the next entry, REPO_ABSENT at the end; path and value are good until the next
 * call or a change of the overlay. @node: as repo_overlay_get (may be NULL) */
int repo_merge_next(struct repo_merge *merge, struct slice *path, struct repo_value *value,
		    struct repo_node **node, struct err *err);

/* ---- heads ----------------------------------------------------------------------- */

/** struct repo_head - what makes a snapshot: snap/SEQ, sealed */
struct repo_head {
	uint32_t seq;
	uint8_t id[REPO_ID_LEN / 2], parent[REPO_ID_LEN / 2]; /* parent all zero: none */
	int64_t time;
	uint64_t files, bytes;
	uint32_t pack_next; /* packs below belong to this or an older snapshot */
	uint32_t note_len;
	struct repo_table_at table;
};
enum { REPO_HEAD_LEN = 128 };
/** repo_head_encode, repo_head_decode - the fixed part; decoding checks every bound */
void repo_head_encode(const struct repo_head *head, uint8_t out[REPO_HEAD_LEN]);
bool repo_head_decode(struct slice in, struct repo_head *head); /* fuzzed */
/** repo_head_write - snap/SEQ, durable; REPO_CONFLICT if the number is taken */
int repo_head_write(const struct repo_domain *domain, const struct repo_head *head,
		    struct slice note, const uint8_t salt[32], uint64_t *written, struct err *err);
/** repo_head_read - @note may be NULL */
int repo_head_read(const struct repo_domain *domain, uint32_t seq, struct repo_head *head,
		   struct buf *note, struct err *err);
/** repo_head_describe - as the public struct says it; note is left empty */
void repo_head_describe(const struct repo_domain *domain, const struct repo_head *head,
			struct repo_snapshot *snapshot);

#endif
