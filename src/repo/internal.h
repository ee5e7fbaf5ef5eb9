/*
 * internal.h - what the files of the repository share; nobody else includes it
 *
 * From the bottom up:
 *   keys      config, master key, a device's folder and its domain key
 *   seal      the 64-byte header that every sealed file begins with, and its cipher
 *   filter    "surely not here" for ids and paths
 *   run       one sorted file of index entries; index: the runs and the newest in memory
 *   packs     writes packs; blob: reads and scans them; gear: cuts; reader: chunks and files
 *   ingest    bytes of an upload -> chunks; pipe: the worker thread around it
 *   journal   what an open session has received
 * Above them directory.h (tables, overlays, heads), session.h and check.h.
 * Byte tables, write order and limits: docs/format/repository.
 */
#ifndef REHOME_REPO_INTERNAL_H
#define REHOME_REPO_INTERNAL_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "repo/repo.h"

#include <pthread.h>

enum {
	REPO_VERSION = 1,
	REPO_PATH_MAX = 4096,     /* a file name of the repository, with its folder */
	REPO_ROOT_MAX = 3800,     /* of it, the repository's own path */
	REPO_CHUNK_ID_LEN = 32,   /* HMAC-SHA-256 under the domain's id key */
	REPO_CHUNK_MAX = 4 << 20, /* plain bytes */
	REPO_BLOB_HEADER_LEN = 48,
	REPO_SEALED_MAX = REPO_CHUNK_MAX + CRYPTO_GCM_TAG_LEN,
	REPO_PACK_TARGET = 32 << 20, /* a pack is finished when it is larger */
	REPO_PACK_MAX = 64 << 20,    /* a reader takes no larger offset for true */
	REPO_ALIGN = 4096,           /* for direct writes */
	REPO_LIST_REFS_MAX = 1024,   /* references of a list page */
	REPO_INLINE_REFS_MAX = 32,   /* references inside a table entry */
	REPO_LIST_DEPTH_MAX = 4,
	REPO_CONTENT_LEN_MAX = 2 + REPO_INLINE_REFS_MAX * (REPO_CHUNK_ID_LEN + 10),
	REPO_VALUE_LEN_MAX = 32 + REPO_CONTENT_LEN_MAX,
	REPO_BLOCK_LEN = 64 << 10, /* plain bytes of a snapshot's table block */
	REPO_SCRATCH_BLOCK_LEN = 16 << 10,
	REPO_BLOCK_LEN_MAX = 80 << 10, /* what a reader accepts */
	REPO_RUNS_MAX = 8,             /* index files after a commit */
	REPO_CHECKPOINT_PACKS = 64, /* 2 GiB: what a session that is cut short must scan at most */
};

/* ---- names --------------------------------------------------------------- */

/** struct repo_name - a file name with its folder, NUL-terminated */
struct repo_name {
	char text[REPO_PATH_MAX];
};

struct repo {
	char path[REPO_ROOT_MAX];
	struct repo_env env;
	uint8_t master[CRYPTO_KEY_LEN]; /* wiped at close */
};

/** struct repo_domain - one device's part: its folder and its key; wiped by repo_domain_clear */
struct repo_domain {
	struct fs *fs;
	char device[REPO_DEVICE_LEN_MAX];
	char folder[REPO_ROOT_MAX + 64];
	uint8_t key[CRYPTO_KEY_LEN];
};

/** repo_domain_open - REPO_ABSENT if the device has none and @creates is false */
int repo_domain_open(struct repo_domain *domain, struct repo *repo, const char *device,
		     bool creates, struct err *err);
/** repo_domain_open_folder - by its folder's name beneath d/; REPO_ABSENT if it has no key file */
int repo_domain_open_folder(struct repo_domain *domain, struct repo *repo, const char *folder,
			    struct err *err);
/** repo_domain_clear - wipes the key; a zeroed one is fine */
void repo_domain_clear(struct repo_domain *domain);
/** repo_domain_each - every folder beneath d/, sorted by name; @each gets the bare name */
int repo_domain_each(struct repo *repo, int (*each)(void *arg, const char *folder, struct err *err),
		     void *arg, struct err *err);
/** repo_domain_file - a name beneath the device's folder; returns name->text */
const char *repo_domain_file(const struct repo_domain *domain, struct repo_name *name,
			     const char *format, ...) PRINTF_LIKE(3, 4);
/** repo_domain_derive - @len bytes for one purpose, named by @label */
int repo_domain_derive(const struct repo_domain *domain, const char *label, uint8_t *out,
		       size_t len, struct err *err);
/** repo_domain_mac - an HMAC under the key derived for @label */
int repo_domain_mac(const struct repo_domain *domain, const char *label, struct crypto_mac **out,
		    struct err *err);
/* CLEANUP helpers */
void crypto_mac_free_p(struct crypto_mac **mac);
void crypto_gcm_free_p(struct crypto_gcm **gcm);

/** repo_write_new - @bytes under a temporary name, synced, then @path if that is free; its folder
 * synced. ERR_EXISTS; on failure neither name stays */
int repo_write_new(struct fs *fs, const char *folder, const char *path, struct slice bytes,
		   struct err *err);

/** struct repo_numbers - the numbers that files of a folder are named by, ascending */
struct repo_numbers {
	uint32_t *list;
	size_t count, cap;
};
void repo_numbers_clear(struct repo_numbers *numbers);
/** repo_numbers_read - those of @folder whose name is @prefix ("" or "tmp-") and 8 hex digits; a
 * missing folder is empty */
int repo_numbers_read(struct repo_numbers *numbers, struct fs *fs, const char *folder,
		      const char *prefix, struct err *err);

/* ---- sealed files ---------------------------------------------------------- */

enum { REPO_HEADER_LEN = 64 };

/**
 * struct repo_seal - the key of one file: derived from the domain key and the salt in its
 * header; nonce = offset of what is sealed, so that nothing is sealed twice under one
 */
struct repo_seal {
	struct crypto_gcm *gcm;
};
/** repo_seal_new - header for a new file of kind @magic (8 characters) */
int repo_seal_new(struct repo_seal *seal, const struct repo_domain *domain, const char *magic,
		  uint32_t number, const uint8_t salt[32], uint8_t header[REPO_HEADER_LEN],
		  struct err *err);
/** repo_seal_open - ERR_CORRUPT (damaged or another key's), ERR_UNSUPPORTED (newer version) */
int repo_seal_open(struct repo_seal *seal, const struct repo_domain *domain, const char *magic,
		   uint32_t number, const uint8_t header[REPO_HEADER_LEN], struct err *err);
void repo_seal_clear(struct repo_seal *seal);
/** repo_seal_put - @out holds in.len + 16 */
int repo_seal_put(struct repo_seal *seal, uint64_t offset, struct slice aad, struct slice in,
		  uint8_t *out, struct err *err);
/** repo_seal_get - ERR_CORRUPT if changed; @out holds in.len - 16 (in place allowed) */
int repo_seal_get(struct repo_seal *seal, uint64_t offset, struct slice aad, struct slice in,
		  uint8_t *out, struct err *err);

/* ---- memory ------------------------------------------------------------------ */

/** repo_pool_new - @len bytes that stay: huge pages where the kernel has them, aligned to
 * REPO_ALIGN, zeroed */
uint8_t *repo_pool_new(size_t len);
void repo_pool_free(uint8_t *pool, size_t len);

/* ---- filter -------------------------------------------------------------------- */

/** struct repo_filter - Bloom filter, 10 bits a key: 1 % false "maybe", never a false "no" */
struct repo_filter {
	uint8_t *bits;
	size_t len; /* bytes; 0: holds everything */
};
/** repo_filter_len - bytes for so many keys */
size_t repo_filter_len(uint64_t keys);
/** repo_filter_new - empty, for @keys keys; more only make it say "maybe" more often */
int repo_filter_new(struct repo_filter *filter, uint64_t keys, struct err *err);
void repo_filter_clear(struct repo_filter *filter);
/** repo_filter_add, repo_filter_may_hold - of a key with that hash */
void repo_filter_add(struct repo_filter *filter, const uint64_t hash[2]);
bool repo_filter_may_hold(const struct repo_filter *filter, const uint64_t hash[2]);
/** repo_filter_path_hash - of a path; not keyed: a collision costs time only */
void repo_filter_path_hash(const char *path, size_t len, uint64_t hash[2]);
/** repo_filter_id_hash - of a chunk id, which is evenly spread already */
void repo_filter_id_hash(const uint8_t id[REPO_CHUNK_ID_LEN], uint64_t hash[2]);

/* ---- index --------------------------------------------------------------------- */

/** struct repo_place - where a chunk lies; on disk 48 bytes, integers little-endian */
struct repo_place {
	uint8_t id[REPO_CHUNK_ID_LEN];
	uint32_t pack, offset; /* of the blob's header */
	uint32_t stored;       /* bytes after the header, tag included */
	uint32_t plain : 24, type : 8;
};
_Static_assert(sizeof(struct repo_place) == 48, "index entry");
void repo_place_encode(const struct repo_place *place, uint8_t out[48]);
void repo_place_decode(const uint8_t in[48], struct repo_place *place);

enum { REPO_PAGE_LEN = 4096, REPO_PAGE_PLACES = 85 };

/** struct repo_run - one immutable index file, open */
struct repo_run {
	struct fs *fs;
	int fd;
	uint32_t number;
	uint64_t count, pages;
	uint32_t pack_limit; /* every finished pack below it is in this or an older run */
	uint64_t *firsts;    /* first 8 bytes of each page's first id, big-endian value */
	struct repo_filter filter;
	struct crypto_mac *mac; /* page tags; one thread at a time */
};
/** repo_run_open - idx/@number; ERR_NOT_FOUND (merged away meanwhile), ERR_CORRUPT */
int repo_run_open(struct repo_run *run, const struct repo_domain *domain, uint32_t number,
		  struct err *err);
void repo_run_clear(struct repo_run *run);
/** repo_run_find - REPO_ABSENT; ERR_CORRUPT names the file */
int repo_run_find(struct repo_run *run, const uint8_t id[REPO_CHUNK_ID_LEN],
		  struct repo_place *place, struct err *err);
/** repo_run_page - the entries of page @page; returns their count or < 0 */
int repo_run_page(struct repo_run *run, uint64_t page, struct repo_place *places, struct err *err);

/** struct repo_run_writer - entries must come in ascending order of id */
struct repo_run_writer;
/** repo_run_writer_new - @count_max entries at the most; @salt: random, never used again */
int repo_run_writer_new(struct repo_run_writer **out, const struct repo_domain *domain,
			const uint8_t salt[32], uint64_t count_max, struct err *err);
int repo_run_writer_put(struct repo_run_writer *writer, const struct repo_place *place,
			struct err *err);
/** repo_run_writer_finish - synced and under its final name idx/@number; *written grows */
int repo_run_writer_finish(struct repo_run_writer *writer, uint32_t number, uint32_t pack_limit,
			   uint64_t *written, struct err *err);
void repo_run_writer_free_p(struct repo_run_writer **writer); /* unfinished: removes it */

/** struct repo_index - runs, and the newest entries in memory. Locked inside: any thread. */
struct repo_index;
/** repo_index_open - damaged runs are left out, counted and the first described in @damage (may be
 * NULL) */
int repo_index_open(struct repo_index **out, const struct repo_domain *domain, bool writes,
		    unsigned *damaged, struct err *damage, struct err *err);
void repo_index_free(struct repo_index *index);
void repo_index_free_p(struct repo_index **index);
int repo_index_find(struct repo_index *index, const uint8_t id[REPO_CHUNK_ID_LEN],
		    struct repo_place *place, struct err *err); /* REPO_ABSENT */
/** repo_index_add - a new chunk; returns 1 when the memory part is full: checkpoint before the next
 */
int repo_index_add(struct repo_index *index, const struct repo_place *place);
/** repo_index_checkpoint - everything added becomes durable; packs below @pack_limit must be synced
 * before */
int repo_index_checkpoint(struct repo_index *index, uint32_t pack_limit, const uint8_t salt[32],
			  uint64_t *written, struct err *err);
/** repo_index_pack_limit - every finished pack below it is in a run */
uint32_t repo_index_pack_limit(struct repo_index *index);
/** repo_index_each - every entry (duplicates too) of runs and memory, in no order */
int repo_index_each(struct repo_index *index,
		    int (*each)(void *arg, const struct repo_place *place), void *arg,
		    struct err *err);

/* ---- packs --------------------------------------------------------------------- */

enum repo_blob_type { REPO_BLOB_DATA = 1, REPO_BLOB_LIST = 2 };
enum repo_codec { REPO_CODEC_RAW = 0, REPO_CODEC_ZSTD = 1 };

struct repo_blob_header {
	uint8_t type, codec;
	uint32_t plain, stored;
	uint8_t id[REPO_CHUNK_ID_LEN];
};
/** repo_blob_header_encode - as it stands before a payload */
void repo_blob_header_encode(const struct repo_blob_header *header,
			     uint8_t out[REPO_BLOB_HEADER_LEN]);
/** repo_blob_header_decode - false unless magic, type, codec and lengths are possible */
bool repo_blob_header_decode(const uint8_t in[REPO_BLOB_HEADER_LEN],
			     struct repo_blob_header *header);

/**
 * struct repo_packs - the writing side: one thread seals blobs into a buffer, a second
 * one writes them, so that the first never waits for the disk unless it is far ahead
 */
struct repo_packs;
/** repo_packs_new - packs from number @next on; @seed: 32 random bytes of this session */
int repo_packs_new(struct repo_packs **out, const struct repo_domain *domain, uint32_t next,
		   const uint8_t seed[32], struct err *err);
/** repo_packs_free - what is unwritten is dropped; waits for the writing thread */
void repo_packs_free(struct repo_packs *packs);
/** repo_packs_room - at least @len bytes where a blob's payload may be made; then repo_packs_seal
 */
int repo_packs_room(struct repo_packs *packs, size_t len, uint8_t **payload, struct err *err);
/** repo_packs_seal - @payload_len bytes at the room (in place) or, if @from is not NULL, copied
 * from there become a blob */
int repo_packs_seal(struct repo_packs *packs, struct repo_blob_header *header, const uint8_t *from,
		    size_t payload_len, struct repo_place *place, struct err *err);
/** repo_packs_flush - wait until all sealed blobs are written (not synced) */
int repo_packs_flush(struct repo_packs *packs, struct err *err);
/** repo_packs_finish - end the current pack; wait until all are synced and bear their names,
 * durably */
int repo_packs_finish(struct repo_packs *packs, struct err *err);
/** repo_packs_next - first number that is not used; repo_packs_written: bytes that went to disk */
uint32_t repo_packs_next(const struct repo_packs *packs);
uint64_t repo_packs_written(const struct repo_packs *packs);

/** struct repo_pack - one open pack, for reading */
struct repo_pack {
	int fd;
	uint32_t number;
	uint64_t used;
	struct repo_seal seal;
};
/** repo_pack_open - finished or still being written; @is_unfinished: only tmp-N */
int repo_pack_open(struct repo_pack *pack, const struct repo_domain *domain, uint32_t number,
		   bool is_unfinished, struct err *err);
void repo_pack_close(struct repo_pack *pack, struct fs *fs);
/**
 * repo_pack_scan - walks the blobs from the first on and opens each seal
 * @each: gets the place, and the payload (opened, still compressed); non-zero ends the scan
 * @good_len: how far whole blobs reach; returns 0 also when something else follows
 */
struct repo_scanned {
	struct repo_place place;
	struct repo_blob_header header;
	struct slice payload;
};
int repo_pack_scan(struct repo_pack *pack, const struct repo_domain *domain, uint64_t *good_len,
		   uint64_t *file_len,
		   int (*each)(void *arg, const struct repo_scanned *blob, struct err *err),
		   void *arg, struct err *err);
/** repo_blobs_parse - the scan over bytes in memory, without seals: what a hostile store can say
 * (fuzzed) */
size_t repo_blobs_parse(struct slice bytes, unsigned *count);

/* ---- cutting ------------------------------------------------------------------- */

enum {
	REPO_WHOLE_MAX = 512 << 10, /* smaller files are one chunk */
	REPO_BLOCKS_LEN = 64 << 10,
	REPO_CUT_MIN = 256 << 10,
	REPO_CUT_AVERAGE = 1 << 20,
};

struct repo_gear {
	uint64_t table[256];
};
struct repo_gear_state {
	size_t at;
	uint64_t hash;
};
/** repo_gear_cut - length of the first chunk of @bytes, or 0 if more are needed; call again with
 * more after the same start. Reset @state after a cut. */
size_t repo_gear_cut(const struct repo_gear *gear, struct repo_gear_state *state,
		     const uint8_t *bytes, size_t len);

/* ---- references: the chunks of a file -------------------------------------------- */

struct repo_ref {
	uint8_t id[REPO_CHUNK_ID_LEN];
	uint64_t len; /* plain bytes of the file that it covers */
};
/** struct repo_refs - root of a file's chunks; depth 0: data chunks, n: list pages of depth
 * n - 1 */
struct repo_refs {
	uint8_t depth;
	uint32_t count;
	struct repo_ref ref[REPO_INLINE_REFS_MAX];
};
/** repo_refs_encode - returns the length */
size_t repo_refs_encode(const struct repo_refs *refs, uint8_t out[REPO_CONTENT_LEN_MAX]);
/** repo_refs_decode - false unless well-formed and the lengths sum up to @size */
bool repo_refs_decode(struct slice in, uint64_t size, struct repo_refs *refs);
enum { REPO_REF_LEN = 40, REPO_LIST_LEN_MAX = REPO_LIST_REFS_MAX * REPO_REF_LEN };
/** repo_list_decode - a list page; returns the count or 0 if malformed */
uint32_t repo_list_decode(struct slice in, struct repo_ref *refs);
void repo_ref_encode(const struct repo_ref *ref, uint8_t out[REPO_REF_LEN]);

/* ---- reading chunks and files ------------------------------------------------------ */

/** struct repo_reader - opens chunks; keeps a few packs and chunks at hand. One thread. */
struct repo_reader;
/** repo_reader_new - @domain and @index are borrowed for its life */
int repo_reader_new(struct repo_reader **out, const struct repo_domain *domain,
		    struct repo_index *index, struct err *err);
void repo_reader_free(struct repo_reader *reader);
void repo_reader_free_p(struct repo_reader **reader);
/** repo_reader_chunk - @len plain bytes; @out is good until the next call. Damage names the pack.
 */
int repo_reader_chunk(struct repo_reader *reader, enum repo_blob_type type,
		      const uint8_t id[REPO_CHUNK_ID_LEN], struct slice *out, struct err *err);
/** repo_reader_source - a file; @name (copied) goes into error texts; @reader must outlive it */
int repo_reader_source(struct source **out, struct repo_reader *reader, const char *name,
		       uint64_t size, const struct repo_refs *refs, struct err *err);
/** struct repo_unpacker - decompresses payloads, one after another. One thread. */
struct repo_unpacker;
int repo_unpacker_new(struct repo_unpacker **out, struct err *err);
void repo_unpacker_free(struct repo_unpacker *unpacker); /* NULL is fine */
/** repo_unpack - undo @codec into @out (room for REPO_CHUNK_MAX); false if that is not exactly
 * @plain bytes */
bool repo_unpack(struct repo_unpacker *unpacker, uint8_t codec, struct slice payload, uint8_t *out,
		 size_t plain);

/* ---- ingest and pipe --------------------------------------------------------------- */

struct repo_counts {
	uint64_t handled;       /* plain bytes taken from uploads */
	uint64_t known;         /* of them: chunks that were there */
	uint64_t again;         /* of known: stored by an interrupted session */
	uint64_t fresh, stored; /* plain bytes of new data chunks, and what they take */
	uint64_t index_written;
};

/** struct repo_ingest - the worker's side: cuts, names, looks up, compresses, seals. One thread. */
struct repo_ingest;
struct repo_ingest_options {
	const struct repo_domain *domain;
	struct repo_index *index;
	uint32_t again_from; /* chunks of packs in [again_from, next_pack) are an interrupted
				session's */
	uint32_t next_pack;
	const uint8_t *seed; /* 32 random bytes of this session */
};
/** repo_ingest_new - @options->domain and index are borrowed for its life */
int repo_ingest_new(struct repo_ingest **out, const struct repo_ingest_options *options,
		    struct err *err);
void repo_ingest_free(struct repo_ingest *ingest);
/** repo_ingest_begin - a file; repo_ingest_write takes its bytes, in any pieces */
void repo_ingest_begin(struct repo_ingest *ingest, enum repo_content content);
int repo_ingest_write(struct repo_ingest *ingest, struct slice bytes, struct err *err);
/** repo_ingest_end - appends the encoded repo_refs to @content */
int repo_ingest_end(struct repo_ingest *ingest, uint8_t content[REPO_CONTENT_LEN_MAX],
		    size_t *content_len, struct err *err);
/** repo_ingest_whole - begin, write and end of a small file whose bytes lie together */
int repo_ingest_whole(struct repo_ingest *ingest, enum repo_content content, struct slice bytes,
		      uint8_t out[REPO_CONTENT_LEN_MAX], size_t *out_len, struct err *err);
/** repo_ingest_flush - everything sealed is written (not synced) */
int repo_ingest_flush(struct repo_ingest *ingest, struct err *err);
/** repo_ingest_checkpoint - packs, then index, durable */
int repo_ingest_checkpoint(struct repo_ingest *ingest, struct err *err);
/** repo_ingest_counts - since repo_ingest_new; borrowed. _next_pack, _written: of its packs */
const struct repo_counts *repo_ingest_counts(const struct repo_ingest *ingest);
uint32_t repo_ingest_next_pack(const struct repo_ingest *ingest);
uint64_t repo_ingest_written(const struct repo_ingest *ingest);

/**
 * struct repo_pipe - hands uploads to a worker in large batches
 *
 * The caller only copies; results come back in order by @settle, called from within
 * the caller's own calls.  A failure of the worker is kept and told at the next call.
 */
struct repo_pipe;
struct repo_journal;
/** repo_pipe_new - starts the worker; @ingest and @journal are borrowed and the worker's alone
 * until it is freed. @settle gets the encoded repo_refs of each upload, in order. */
int repo_pipe_new(struct repo_pipe **out, struct repo_ingest *ingest, struct repo_journal *journal,
		  int (*settle)(void *arg, struct slice content, struct err *err), void *arg,
		  struct err *err);
/** repo_pipe_free - waits for the worker to end; what was not drained may be lost */
void repo_pipe_free(struct repo_pipe *pipe);
/* one upload at a time: begin, write in any pieces, then end, or drop to forget it */
int repo_pipe_begin(struct repo_pipe *pipe, enum repo_content content, struct err *err);
int repo_pipe_write(struct repo_pipe *pipe, struct slice bytes, struct err *err);
int repo_pipe_end(struct repo_pipe *pipe, struct err *err);
int repo_pipe_drop(struct repo_pipe *pipe, struct err *err);
/** repo_pipe_drain - wait until all is handled and settled; @flushes: and written */
int repo_pipe_drain(struct repo_pipe *pipe, bool flushes, struct err *err);
/** repo_pipe_checkpoint - drain, then packs and index durable */
int repo_pipe_checkpoint(struct repo_pipe *pipe, struct err *err);
/** repo_pipe_counts - as far as the worker came; @written: bytes that went to disk */
void repo_pipe_counts(struct repo_pipe *pipe, struct repo_counts *counts, uint64_t *written);

/* ---- journal: what an open session has received ------------------------------------ */

/** struct repo_journal - a small file beside the session: tells the next one what was lost */
struct repo_journal {
	struct fs *fs;
	int fd;
	uint32_t base_seq; /* of the newest head when it began */
	uint64_t salvaged; /* plain bytes of uncommitted chunks found at the beginning */
};
/** repo_journal_read - REPO_ABSENT if there is none (or none that is whole); @expected: plain bytes
 * that uncommitted packs should hold */
int repo_journal_read(const struct repo_domain *domain, uint32_t *base_seq, uint64_t *expected,
		      struct err *err);
/** repo_journal_open - a new one, replacing an older; @salvaged as in the struct */
int repo_journal_open(struct repo_journal *journal, const struct repo_domain *domain,
		      uint32_t base_seq, uint64_t salvaged, struct err *err);
/** repo_journal_note - plain bytes taken so far, and those of them that were there already */
int repo_journal_note(struct repo_journal *journal, uint64_t received, uint64_t known,
		      struct err *err);
void repo_journal_close(struct repo_journal *journal);

/* ---- vault ---- */

/** repo_vault_open - a value by its file's name; REPO_ABSENT, ERR_CORRUPT */
int repo_vault_open(const struct repo_domain *domain, const struct repo_name *name,
		    struct secret *value, struct err *err);

#endif
