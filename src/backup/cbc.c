/*
 * Encrypted files and manifests, read at any place (docs/format/ios-backup, 7.3 to 7.6)
 *
 * AES-256-CBC with a zero IV: plain block i needs cipher block i and the one before it, so
 * a view can begin anywhere.  Nothing plain is kept beyond one piece, and that is wiped.
 */
#include <stdlib.h>
#include <string.h>

#include "backup/cbc.h"

enum {
	BLOCK = CRYPTO_BLOCK_LEN,
	PIECE_MAX = 64 << 10,
	DIRECT_MIN = 16 << 10, /* for less, a read of its own of the block before costs more */
};

int cbc_read_piece(struct source *under, uint64_t start, size_t len, uint8_t *out, struct err *err)
{
	if (start)
		return source_read_exactly(under, start - CRYPTO_BLOCK_LEN, out,
					   CRYPTO_BLOCK_LEN + len, err);
	memset(out, 0, CRYPTO_BLOCK_LEN); /* the IV */
	return source_read_exactly(under, 0, out + CRYPTO_BLOCK_LEN, len, err);
}

/* Decrypt @text in place; @before is the cipher block in front of it. */
static int decrypt(struct cbc_view *view, const uint8_t *before, uint8_t *text, size_t len,
		   struct err *err)
{
	int r = crypto_cbc_restart(view->cbc, before, err);

	return r ? r : crypto_cbc_update(view->cbc, text, len, text, err);
}

/* At most one piece from @offset by way of scratch: what neither begins nor ends with a block. */
static ssize_t read_part(struct cbc_view *view, uint64_t offset, uint8_t *bytes, size_t len,
			 struct err *err)
{
	uint64_t start = offset / BLOCK * BLOCK;
	size_t skip = (size_t)(offset - start), piece = view->piece_max;
	int r;

	if (piece > skip + len)
		piece = (skip + len + BLOCK - 1) / BLOCK * BLOCK;
	if ((r = cbc_read_piece(view->under, start, piece, view->scratch, err)) < 0 ||
	    (r = decrypt(view, view->scratch, view->scratch + BLOCK, piece, err)) < 0)
		return r;
	if (len > piece - skip)
		len = piece - skip;
	memcpy(bytes, view->scratch + BLOCK + skip, len);
	return (ssize_t)len;
}

/* The cipher block in front of @offset: kept from the last read if that ended here. */
static int block_before(struct cbc_view *view, uint64_t offset, struct err *err)
{
	if (!offset)
		memset(view->before, 0, BLOCK); /* the IV */
	else if (offset != view->before_offset)
		return source_read_exactly(view->under, offset - BLOCK, view->before, BLOCK, err);
	return 0;
}

/* Whole blocks, decrypted where the caller wants them. */
static ssize_t read_blocks(struct cbc_view *view, uint64_t offset, uint8_t *bytes, size_t len,
			   struct err *err)
{
	uint8_t last[BLOCK];
	int r;

	if (len > PIECE_MAX) /* so that it is still in the cache when it is decrypted */
		len = PIECE_MAX;
	r = block_before(view, offset, err);
	if (!r)
		r = source_read_exactly(view->under, offset, bytes, len, err);
	view->before_offset = 0; /* until all is well */
	if (r < 0)
		return r;
	memcpy(last, bytes + len - BLOCK, BLOCK);
	r = decrypt(view, view->before, bytes, len, err);
	if (r < 0)
		return r;
	memcpy(view->before, last, BLOCK);
	view->before_offset = offset + len;
	return (ssize_t)len;
}

static ssize_t view_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			 struct err *err)
{
	struct cbc_view *view = (struct cbc_view *)source;
	size_t done = 0;
	ssize_t n;

	if (offset >= source->len)
		return 0;
	if (len > source->len - offset)
		len = (size_t)(source->len - offset);
	for (; done < len; done += (size_t)n) {
		uint64_t at = offset + done;
		size_t left = len - done;

		if (at % BLOCK == 0 && left >= DIRECT_MIN)
			n = read_blocks(view, at, (uint8_t *)bytes + done, left / BLOCK * BLOCK,
					err);
		else
			n = read_part(view, at, (uint8_t *)bytes + done,
				      at % BLOCK && left > BLOCK ? BLOCK - at % BLOCK : left, err);
		if (n < 0)
			return n;
	}
	return (ssize_t)done;
}

static void view_close(struct source *source)
{
	struct cbc_view *view = (struct cbc_view *)source;

	if (view->scratch)
		explicit_bzero(view->scratch, BLOCK + view->piece_max);
	free(view->scratch);
	crypto_cbc_free(view->cbc);
	if (view->under)
		view->under->close(view->under);
	explicit_bzero(view, sizeof(*view));
	free(view);
}

const struct cbc_view *cbc_view_of(const struct source *source)
{
	return source->read == view_read ? (const struct cbc_view *)source : NULL;
}

int backup_cbc_open(struct source **out, struct source *source, const uint8_t key[BACKUP_KEY_LEN],
		    struct err *err)
{
	CLEANUP(source_close_p) struct source *opened = NULL;
	struct cbc_view *view;
	int r;

	view = calloc(1, sizeof(*view));
	if (!view) {
		source->close(source);
		return err_no_memory(err);
	}
	opened = &view->source;
	view->source.read = view_read;
	view->source.close = view_close;
	view->under = source;
	view->block_len = source->len / BLOCK * BLOCK;
	view->source.len = view->block_len;
	view->has_odd_bytes = source->len % BLOCK || !source->len;
	view->piece_max = view->block_len < PIECE_MAX ? (size_t)view->block_len : PIECE_MAX;
	memcpy(view->key, key, BACKUP_KEY_LEN);
	view->scratch = malloc(BLOCK + view->piece_max);
	if (!view->scratch)
		return err_no_memory(err);
	if ((r = crypto_cbc_new(&view->cbc, err)) < 0 ||
	    (r = crypto_cbc_start(view->cbc, false, key, view->before, err)) < 0)
		return r;
	*out = STEAL(opened);
	return 0;
}

int backup_cbc_strip(struct source *source, uint64_t size, enum backup_padding *padding,
		     struct err *err)
{
	struct cbc_view *view = (struct cbc_view *)source;
	uint8_t last[BLOCK];
	ssize_t n;
	size_t i, count;

	source->len = view->block_len;
	if (view->has_odd_bytes) {
		*padding = BACKUP_PADDING_NOT_BLOCKS;
		if (source->len > size)
			source->len = size;
		return 0;
	}
	n = view_read(source, source->len - BLOCK, last, BLOCK, err);
	if (n < 0)
		return (int)n;
	count = last[BLOCK - 1];
	for (i = 0; count <= BLOCK && i < count && last[BLOCK - 1 - i] == count; i++)
		;
	if (count >= 1 && count <= BLOCK && i == count) {
		source->len -= count;
		*padding = BACKUP_PADDING_STRIPPED;
	} else {
		if (source->len > size)
			source->len = size;
		*padding = BACKUP_PADDING_INVALID;
	}
	explicit_bzero(last, sizeof(last));
	return 0;
}
