/*
 * ingest.c - bytes of an upload become chunks: cut, named, looked up, compressed, sealed
 *
 * Runs to completion on one thread, so that a chunk stays in its cache from the first step
 * to the last.  Bytes that lie together are not copied; the rest gathers in one staging
 * buffer of the largest chunk's size.
 */
#include "repo/internal.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum mode {
	MODE_UNDECIDED, /* below REPO_WHOLE_MAX bytes so far */
	MODE_BLOCKS,
	MODE_CUT,
	MODE_OPAQUE,
};

/* references of one level: data chunks first, above them list pages */
struct level {
	struct repo_ref *refs; /* REPO_LIST_REFS_MAX */
	uint32_t count;
	bool has_pages; /* a full page of it was stored: the file's root lies higher */
};

struct repo_ingest {
	const struct repo_domain *domain;
	struct repo_index *index;
	struct repo_packs *packs;
	struct crypto_mac *data_mac, *list_mac;
	ZSTD_CCtx *zstd;
	struct repo_gear gear;
	uint32_t again_from, first_pack, saved_pack;
	uint8_t seed[32];
	uint32_t checkpoints;
	struct repo_counts counts;
	/* the upload */
	enum mode mode;
	bool compresses;
	uint8_t *stage, *list_page;
	size_t staged;
	struct repo_gear_state cut;
	uint64_t size;
	struct level levels[REPO_LIST_DEPTH_MAX + 1];
};

static int make_keys(struct repo_ingest *ingest, struct err *err)
{
	uint8_t table[256 * 8];
	int r = repo_domain_mac(ingest->domain, "rehome chunk ids", &ingest->data_mac, err);

	if (r == 0)
		r = repo_domain_mac(ingest->domain, "rehome list ids", &ingest->list_mac, err);
	if (r == 0)
		r = repo_domain_derive(ingest->domain, "rehome cutting", table, sizeof(table), err);
	for (int i = 0; i < 256 && r == 0; i++)
		ingest->gear.table[i] = get_u64le(table + 8 * i);
	explicit_bzero(table, sizeof(table));
	return r;
}

int repo_ingest_new(struct repo_ingest **out, const struct repo_ingest_options *options,
		    struct err *err)
{
	struct repo_ingest *ingest = calloc(1, sizeof(*ingest));
	int r;

	if (!ingest)
		return err_no_memory(err);
	ingest->domain = options->domain;
	ingest->index = options->index;
	ingest->again_from = options->again_from;
	ingest->first_pack = ingest->saved_pack = options->next_pack;
	memcpy(ingest->seed, options->seed, sizeof(ingest->seed));
	r = make_keys(ingest, err);
	if (r == 0)
		r = repo_packs_new(&ingest->packs, options->domain, options->next_pack,
				   options->seed, err);
	ingest->zstd = ZSTD_createCCtx();
	ingest->stage = repo_pool_new(REPO_CHUNK_MAX);
	ingest->list_page = malloc(REPO_LIST_LEN_MAX);
	if (r == 0 && (!ingest->zstd || !ingest->stage || !ingest->list_page))
		r = err_no_memory(err);
	for (int i = 0; i <= REPO_LIST_DEPTH_MAX && r == 0; i++) {
		ingest->levels[i].refs =
			malloc(REPO_LIST_REFS_MAX * sizeof(*ingest->levels[i].refs));
		if (!ingest->levels[i].refs)
			r = err_no_memory(err);
	}
	if (r < 0) {
		repo_ingest_free(ingest);
		return r;
	}
	*out = ingest;
	return 0;
}

void repo_ingest_free(struct repo_ingest *ingest)
{
	if (!ingest)
		return;
	repo_packs_free(ingest->packs);
	crypto_mac_free(ingest->data_mac);
	crypto_mac_free(ingest->list_mac);
	ZSTD_freeCCtx(ingest->zstd);
	repo_pool_free(ingest->stage, REPO_CHUNK_MAX);
	free(ingest->list_page);
	for (int i = 0; i <= REPO_LIST_DEPTH_MAX; i++)
		free(ingest->levels[i].refs);
	explicit_bzero(ingest->seed, sizeof(ingest->seed));
	free(ingest);
}

/* ---- chunks ---- */

/*
 * Photos, videos and ciphertext do not compress, and asking zstd costs as much as the
 * seal for small chunks: an even spread of byte values in a sample answers faster.  A
 * wrong guess costs space only.
 */
static bool looks_random(struct slice bytes)
{
	enum { SAMPLE = 512, PIECES = 8, PIECE = SAMPLE / PIECES };
	uint16_t counts[256] = {0};
	uint32_t squares = 0;
	size_t stride;

	if (bytes.len < 2 * SAMPLE)
		return false;
	stride = (bytes.len - PIECE) / (PIECES - 1);
	for (int piece = 0; piece < PIECES; piece++)
		for (int i = 0; i < PIECE; i++)
			counts[bytes.bytes[(size_t)piece * stride + (size_t)i]]++;
	for (int i = 0; i < 256; i++)
		squares += (uint32_t)counts[i] * counts[i];
	/* evenly spread: 512 + 512 * 511 / 256 = 1534 on average, 45 the deviation */
	return squares < 1750;
}

int repo_ingest_checkpoint(struct repo_ingest *ingest, struct err *err)
{
	uint8_t salt[32], number[4];
	int r = repo_packs_finish(ingest->packs, err);

	put_u32le(number, ++ingest->checkpoints);
	if (r == 0)
		r = crypto_hkdf(slice_of(ingest->seed, sizeof(ingest->seed)), slice_of(number, 4),
				"rehome index salt", salt, sizeof(salt), err);
	if (r == 0)
		r = repo_index_checkpoint(ingest->index, repo_packs_next(ingest->packs), salt,
					  &ingest->counts.index_written, err);
	if (r == 0)
		ingest->saved_pack = repo_packs_next(ingest->packs);
	return r;
}

/* a chunk that no index knows */
static int store(struct repo_ingest *ingest, enum repo_blob_type type, const uint8_t *id,
		 struct slice bytes, struct err *err)
{
	struct repo_blob_header header = {.type = (uint8_t)type, .plain = (uint32_t)bytes.len};
	const uint8_t *from = bytes.bytes;
	size_t len = bytes.len;
	struct repo_place place;
	uint8_t *room;
	int r = repo_packs_room(ingest->packs, bytes.len, &room, err);

	if (r < 0)
		return r;
	memcpy(header.id, id, REPO_CHUNK_ID_LEN);
	if (ingest->compresses && type == REPO_BLOB_DATA && !looks_random(bytes)) {
		/* less than a sixteenth saved is not worth unpacking later: no room for it */
		size_t packed = ZSTD_compressCCtx(ingest->zstd, room, len - len / 16, from, len, 1);

		if (!ZSTD_isError(packed)) {
			header.codec = REPO_CODEC_ZSTD;
			from = NULL;
			len = packed;
		}
	}
	r = repo_packs_seal(ingest->packs, &header, from, len, &place, err);
	if (r < 0)
		return r;
	if (type == REPO_BLOB_DATA) {
		ingest->counts.fresh += bytes.len;
		ingest->counts.stored += REPO_BLOB_HEADER_LEN + place.stored;
	}
	if (repo_index_add(ingest->index, &place) ||
	    repo_packs_next(ingest->packs) - ingest->saved_pack > REPO_CHECKPOINT_PACKS)
		return repo_ingest_checkpoint(ingest, err);
	return 0;
}

/* names @bytes and stores them unless they are there; gives the id */
static int put_chunk(struct repo_ingest *ingest, enum repo_blob_type type, struct slice bytes,
		     uint8_t id[REPO_CHUNK_ID_LEN], struct err *err)
{
	struct err why = ERR_INIT;
	struct repo_place place;
	int r = crypto_mac_compute(type == REPO_BLOB_DATA ? ingest->data_mac : ingest->list_mac,
				   bytes, id, err);

	if (r < 0)
		return r;
	r = repo_index_find(ingest->index, id, &place, &why);
	if (r == ERR_CORRUPT) /* a damaged page is not to be trusted: store the chunk again */
		r = REPO_ABSENT;
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	if (type == REPO_BLOB_DATA) {
		ingest->counts.handled += bytes.len;
		if (r == 0)
			ingest->counts.known += bytes.len;
		if (r == 0 && place.pack >= ingest->again_from && place.pack < ingest->first_pack)
			ingest->counts.again += bytes.len;
	}
	return r == 0 ? 0 : store(ingest, type, id, bytes, err);
}

/* ---- references ---- */

static int add_ref(struct repo_ingest *ingest, int at, const struct repo_ref *ref, struct err *err);

/* stores the references of @at as a list page and refers to that one level up */
static int store_page(struct repo_ingest *ingest, int at, struct err *err)
{
	struct level *level = &ingest->levels[at];
	struct repo_ref up = {.len = 0};
	int r;

	if (at == REPO_LIST_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "a file of too many chunks");
	for (uint32_t i = 0; i < level->count; i++) {
		repo_ref_encode(&level->refs[i], ingest->list_page + i * REPO_REF_LEN);
		up.len += level->refs[i].len;
	}
	r = put_chunk(ingest, REPO_BLOB_LIST,
		      slice_of(ingest->list_page, level->count * REPO_REF_LEN), up.id, err);
	if (r < 0)
		return r;
	level->count = 0;
	level->has_pages = true;
	return add_ref(ingest, at + 1, &up, err);
}

static int add_ref(struct repo_ingest *ingest, int at, const struct repo_ref *ref, struct err *err)
{
	struct level *level = &ingest->levels[at];

	if (level->count == REPO_LIST_REFS_MAX) {
		int r = store_page(ingest, at, err);

		if (r < 0)
			return r;
	}
	level->refs[level->count++] = *ref;
	return 0;
}

static int emit(struct repo_ingest *ingest, struct slice bytes, struct err *err)
{
	struct repo_ref ref = {.len = bytes.len};
	int r = put_chunk(ingest, REPO_BLOB_DATA, bytes, ref.id, err);

	return r < 0 ? r : add_ref(ingest, 0, &ref, err);
}

/* the root: the first level whose references fit into a table entry */
static int end_refs(struct repo_ingest *ingest, uint8_t *out, size_t *out_len, struct err *err)
{
	struct repo_refs refs = {0};
	int at = 0, r;

	while (ingest->levels[at].has_pages || ingest->levels[at].count > REPO_INLINE_REFS_MAX) {
		if (ingest->levels[at].count > 0) {
			r = store_page(ingest, at, err);
			if (r < 0)
				return r;
		}
		at++;
	}
	refs.depth = (uint8_t)at;
	refs.count = ingest->levels[at].count;
	memcpy(refs.ref, ingest->levels[at].refs, refs.count * sizeof(refs.ref[0]));
	*out_len = repo_refs_encode(&refs, out);
	return 0;
}

/* ---- cutting ---- */

void repo_ingest_begin(struct repo_ingest *ingest, enum repo_content content)
{
	ingest->mode = content == REPO_CONTENT_OPAQUE   ? MODE_OPAQUE
		       : content == REPO_CONTENT_BLOCKS ? MODE_BLOCKS
							: MODE_UNDECIDED;
	ingest->compresses = content != REPO_CONTENT_OPAQUE;
	ingest->staged = 0;
	ingest->size = 0;
	ingest->cut = (struct repo_gear_state){0};
	for (int i = 0; i <= REPO_LIST_DEPTH_MAX; i++) {
		ingest->levels[i].count = 0;
		ingest->levels[i].has_pages = false;
	}
}

static void unstage(struct repo_ingest *ingest, size_t len)
{
	ingest->staged -= len;
	memmove(ingest->stage, ingest->stage + len, ingest->staged);
}

/* whole chunks at the front of the staging buffer */
static int cut_staged(struct repo_ingest *ingest, struct err *err)
{
	size_t len, done = 0;
	int r = 0;

	if (ingest->mode == MODE_UNDECIDED) {
		static const char sqlite[16] = "SQLite format 3";

		if (ingest->staged < REPO_WHOLE_MAX)
			return 0;
		ingest->mode =
			memcmp(ingest->stage, sqlite, sizeof(sqlite)) == 0 ? MODE_BLOCKS : MODE_CUT;
	}
	if (ingest->mode == MODE_CUT) {
		while ((len = repo_gear_cut(&ingest->gear, &ingest->cut, ingest->stage,
					    ingest->staged)) > 0) {
			r = emit(ingest, slice_of(ingest->stage, len), err);
			if (r < 0)
				return r;
			unstage(ingest, len);
			ingest->cut = (struct repo_gear_state){0};
		}
		return 0;
	}
	len = ingest->mode == MODE_BLOCKS ? REPO_BLOCKS_LEN : REPO_CHUNK_MAX;
	for (; ingest->staged - done >= len && r == 0; done += len)
		r = emit(ingest, slice_of(ingest->stage + done, len), err);
	unstage(ingest, done);
	return r;
}

int repo_ingest_write(struct repo_ingest *ingest, struct slice bytes, struct err *err)
{
	int r;

	ingest->size += bytes.len;
	if (ingest->mode == MODE_BLOCKS && ingest->staged == 0)
		for (; bytes.len >= REPO_BLOCKS_LEN;
		     bytes.bytes += REPO_BLOCKS_LEN, bytes.len -= REPO_BLOCKS_LEN) {
			r = emit(ingest, slice_of(bytes.bytes, REPO_BLOCKS_LEN), err);
			if (r < 0)
				return r;
		}
	while (bytes.len > 0) {
		size_t room = REPO_CHUNK_MAX - ingest->staged;
		size_t take = bytes.len < room ? bytes.len : room;

		memcpy(ingest->stage + ingest->staged, bytes.bytes, take);
		ingest->staged += take;
		bytes.bytes += take;
		bytes.len -= take;
		r = cut_staged(ingest, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int repo_ingest_end(struct repo_ingest *ingest, uint8_t content[REPO_CONTENT_LEN_MAX],
		    size_t *content_len, struct err *err)
{
	int r = 0;

	if (ingest->staged > 0)
		r = emit(ingest, slice_of(ingest->stage, ingest->staged), err);
	ingest->staged = 0;
	return r < 0 ? r : end_refs(ingest, content, content_len, err);
}

int repo_ingest_whole(struct repo_ingest *ingest, enum repo_content content, struct slice bytes,
		      uint8_t out[REPO_CONTENT_LEN_MAX], size_t *out_len, struct err *err)
{
	struct repo_refs refs = {.count = 1};
	int r;

	if (bytes.len == 0 || bytes.len >= REPO_WHOLE_MAX ||
	    (content == REPO_CONTENT_BLOCKS && bytes.len > REPO_BLOCKS_LEN)) {
		repo_ingest_begin(ingest, content);
		r = repo_ingest_write(ingest, bytes, err);
		return r < 0 ? r : repo_ingest_end(ingest, out, out_len, err);
	}
	ingest->compresses = content != REPO_CONTENT_OPAQUE;
	refs.ref[0].len = bytes.len;
	r = put_chunk(ingest, REPO_BLOB_DATA, bytes, refs.ref[0].id, err);
	if (r == 0)
		*out_len = repo_refs_encode(&refs, out);
	return r;
}

int repo_ingest_flush(struct repo_ingest *ingest, struct err *err)
{
	return repo_packs_flush(ingest->packs, err);
}

const struct repo_counts *repo_ingest_counts(const struct repo_ingest *ingest)
{
	return &ingest->counts;
}

uint32_t repo_ingest_next_pack(const struct repo_ingest *ingest)
{
	return repo_packs_next(ingest->packs);
}

uint64_t repo_ingest_written(const struct repo_ingest *ingest)
{
	return repo_packs_written(ingest->packs) + ingest->counts.index_written;
}
