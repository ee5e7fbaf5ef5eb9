/*
 * reader.c - chunks by id, with a few packs open and a few chunks at hand
 *
 * The seal of a blob covers the id in its header, so a chunk that opens and bears the
 * right id is what was stored; hashing it again is left to repo_check.
 */
#include "repo/internal.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
	PACKS_OPEN = 16,
	SMALL_LEN = 64 << 10, /* cached chunks of SQLite blocks, list pages, small files */
	SMALL_SLOTS = 24,
	LARGE_SLOTS = 2,
	SLOTS = SMALL_SLOTS + LARGE_SLOTS,
};

struct slot {
	uint8_t *bytes;
	size_t len;
	uint64_t used; /* 0: empty */
	uint8_t id[REPO_CHUNK_ID_LEN];
	uint8_t type;
};

struct repo_reader {
	const struct repo_domain *domain;
	struct repo_index *index;
	struct repo_unpacker *unpacker;
	struct repo_pack packs[PACKS_OPEN];
	struct slot slots[SLOTS];
	uint8_t *pool, *sealed;
	uint64_t uses;
};

static const size_t POOL_LEN = REPO_SEALED_MAX + REPO_BLOB_HEADER_LEN + 64 +
			       (size_t)LARGE_SLOTS * REPO_CHUNK_MAX +
			       (size_t)SMALL_SLOTS * SMALL_LEN;

/* ---- unpacking ---- */

struct repo_unpacker {
	ZSTD_DCtx *zstd;
};

int repo_unpacker_new(struct repo_unpacker **out, struct err *err)
{
	struct repo_unpacker *unpacker = calloc(1, sizeof(*unpacker));

	if (!unpacker)
		return err_no_memory(err);
	unpacker->zstd = ZSTD_createDCtx();
	if (!unpacker->zstd) {
		free(unpacker);
		return err_no_memory(err);
	}
	*out = unpacker;
	return 0;
}

void repo_unpacker_free(struct repo_unpacker *unpacker)
{
	if (unpacker)
		ZSTD_freeDCtx(unpacker->zstd);
	free(unpacker);
}

bool repo_unpack(struct repo_unpacker *unpacker, uint8_t codec, struct slice payload, uint8_t *out,
		 size_t plain)
{
	if (codec == REPO_CODEC_RAW) {
		if (payload.len != plain)
			return false;
		if (plain > 0)
			memcpy(out, payload.bytes, plain);
		return true;
	}
	return ZSTD_decompressDCtx(unpacker->zstd, out, plain, payload.bytes, payload.len) == plain;
}

/* ---- the reader ---- */

int repo_reader_new(struct repo_reader **out, const struct repo_domain *domain,
		    struct repo_index *index, struct err *err)
{
	CLEANUP(repo_reader_free_p) struct repo_reader *reader = calloc(1, sizeof(*reader));
	uint8_t *at;
	int r;

	if (!reader)
		return err_no_memory(err);
	reader->domain = domain;
	reader->index = index;
	for (int i = 0; i < PACKS_OPEN; i++)
		reader->packs[i].fd = -1;
	r = repo_unpacker_new(&reader->unpacker, err);
	if (r < 0)
		return r;
	reader->pool = repo_pool_new(POOL_LEN);
	if (!reader->pool)
		return err_no_memory(err);
	at = reader->pool;
	for (int i = 0; i < SLOTS; i++) {
		reader->slots[i].bytes = at;
		at += i < SMALL_SLOTS ? SMALL_LEN : REPO_CHUNK_MAX;
	}
	reader->sealed = at;
	*out = STEAL(reader);
	return 0;
}

void repo_reader_free(struct repo_reader *reader)
{
	if (!reader)
		return;
	for (int i = 0; i < PACKS_OPEN; i++)
		if (reader->packs[i].fd >= 0)
			repo_pack_close(&reader->packs[i], reader->domain->fs);
	repo_unpacker_free(reader->unpacker);
	repo_pool_free(reader->pool, POOL_LEN);
	free(reader);
}

void repo_reader_free_p(struct repo_reader **reader)
{
	repo_reader_free(*reader);
}

static int pack_for(struct repo_reader *reader, uint32_t number, struct repo_pack **out,
		    struct err *err)
{
	struct repo_pack *oldest = &reader->packs[0];
	int r;

	for (int i = 0; i < PACKS_OPEN; i++) {
		struct repo_pack *pack = &reader->packs[i];

		if (pack->fd >= 0 && pack->number == number) {
			pack->used = ++reader->uses;
			*out = pack;
			return 0;
		}
		if (pack->fd < 0 || (oldest->fd >= 0 && pack->used < oldest->used))
			oldest = pack;
	}
	repo_pack_close(oldest, reader->domain->fs);
	r = repo_pack_open(oldest, reader->domain, number, false, err);
	if (r == ERR_NOT_FOUND) /* an index that names a pack that is not there is damage */
		return err_set(err, ERR_CORRUPT, "pack %08x is missing", number);
	if (r < 0)
		return r;
	oldest->used = ++reader->uses;
	*out = oldest;
	return 0;
}

/* reads, opens and unpacks the blob at @place into @out */
static int blob_read(struct repo_reader *reader, enum repo_blob_type type,
		     const struct repo_place *place, uint8_t *out, struct err *err)
{
	struct repo_blob_header header;
	struct repo_pack *pack = NULL;
	size_t len = REPO_BLOB_HEADER_LEN + place->stored;
	uint8_t *payload = reader->sealed + REPO_BLOB_HEADER_LEN;
	int r = pack_for(reader, place->pack, &pack, err);

	if (r < 0)
		return r;
	r = fs_pread_all(reader->domain->fs, pack->fd, reader->sealed, len, place->offset, err);
	if (r < 0)
		return err_wrap(err, r, "pack %08x at %u", place->pack, place->offset);
	if (!repo_blob_header_decode(reader->sealed, &header) || header.type != type ||
	    header.stored != place->stored || header.plain != place->plain ||
	    memcmp(header.id, place->id, REPO_CHUNK_ID_LEN) != 0)
		return err_set(err, ERR_CORRUPT, "pack %08x at %u: damaged", place->pack,
			       place->offset);
	r = repo_seal_get(&pack->seal, place->offset,
			  slice_of(reader->sealed, REPO_BLOB_HEADER_LEN),
			  slice_of(payload, place->stored), payload, err);
	if (r == 0 &&
	    !repo_unpack(reader->unpacker, header.codec,
			 slice_of(payload, place->stored - CRYPTO_GCM_TAG_LEN), out, place->plain))
		r = err_set(err, ERR_CORRUPT, "does not unpack");
	return r < 0 ? err_wrap(err, r, "pack %08x at %u", place->pack, place->offset) : 0;
}

static struct slot *slot_with(struct repo_reader *reader, enum repo_blob_type type,
			      const uint8_t *id)
{
	for (int i = 0; i < SLOTS; i++) {
		struct slot *slot = &reader->slots[i];

		if (slot->used && slot->type == type && !memcmp(slot->id, id, REPO_CHUNK_ID_LEN))
			return slot;
	}
	return NULL;
}

static struct slot *slot_to_reuse(struct repo_reader *reader, size_t plain)
{
	int first = plain <= SMALL_LEN ? 0 : SMALL_SLOTS;
	int end = plain <= SMALL_LEN ? SMALL_SLOTS : SLOTS;
	struct slot *oldest = &reader->slots[first];

	for (int i = first + 1; i < end; i++)
		if (reader->slots[i].used < oldest->used)
			oldest = &reader->slots[i];
	return oldest;
}

int repo_reader_chunk(struct repo_reader *reader, enum repo_blob_type type,
		      const uint8_t id[REPO_CHUNK_ID_LEN], struct slice *out, struct err *err)
{
	struct slot *slot = slot_with(reader, type, id);
	struct repo_place place;
	int r;

	if (!slot) {
		r = repo_index_find(reader->index, id, &place, err);
		if (r == REPO_ABSENT) {
			char hex[17];

			hex_encode(id, 8, hex);
			return err_set(err, ERR_CORRUPT, "chunk %s... is in no index", hex);
		}
		if (r < 0)
			return r;
		if (place.plain == 0 || place.plain > REPO_CHUNK_MAX ||
		    place.stored <= CRYPTO_GCM_TAG_LEN || place.stored > REPO_SEALED_MAX)
			return err_set(err, ERR_CORRUPT, "index: impossible lengths");
		slot = slot_to_reuse(reader, place.plain);
		slot->used = 0;
		r = blob_read(reader, type, &place, slot->bytes, err);
		if (r < 0)
			return r;
		memcpy(slot->id, id, REPO_CHUNK_ID_LEN);
		slot->type = (uint8_t)type;
		slot->len = place.plain;
	}
	slot->used = ++reader->uses;
	*out = slice_of(slot->bytes, slot->len);
	return 0;
}
