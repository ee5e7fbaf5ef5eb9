/*
 * Encrypted files and manifests, read at any place (docs/format/ios-backup, 7.3 to 7.6)
 *
 * AES-256-CBC with a zero IV: plain block i needs cipher block i and the one before it, so
 * a view can begin anywhere.  Nothing plain is kept beyond one piece, and that is wiped.
 */
#include <stdlib.h>
#include <string.h>

#include "backup/backup.h"
#include "crypto/crypto.h"

enum {
	BLOCK = CRYPTO_BLOCK_LEN,
	PIECE_MAX = 64 << 10,
};

struct cbc_view {
	struct source source; /* first: callers hold this */
	struct source *under;
	struct crypto_cbc *cbc;
	uint64_t block_len; /* of the ciphertext, in whole blocks */
	bool has_odd_bytes; /* the ciphertext has more than those */
	uint8_t key[BACKUP_KEY_LEN];
	uint8_t *scratch; /* one block before, then the piece */
	size_t piece_max;
};

/* Decrypt @len bytes from @start (both whole blocks) into scratch + BLOCK. */
static int decrypt_piece(struct cbc_view *view, uint64_t start, size_t len, struct err *err)
{
	int r;

	if (start) {
		r = source_read_exactly(view->under, start - BLOCK, view->scratch, BLOCK + len,
					err);
	} else {
		memset(view->scratch, 0, BLOCK);
		r = source_read_exactly(view->under, 0, view->scratch + BLOCK, len, err);
	}
	if (r < 0)
		return r;
	r = crypto_cbc_start(view->cbc, false, view->key, view->scratch, err);
	if (r < 0)
		return r;
	return crypto_cbc_update(view->cbc, view->scratch + BLOCK, len, view->scratch + BLOCK, err);
}

static ssize_t view_read(struct source *source, uint64_t offset, void *bytes, size_t len,
			 struct err *err)
{
	struct cbc_view *view = (struct cbc_view *)source;
	size_t done = 0;
	int r;

	if (offset >= source->len)
		return 0;
	if (len > source->len - offset)
		len = (size_t)(source->len - offset);
	while (done < len) {
		uint64_t start = (offset + done) / BLOCK * BLOCK;
		size_t skip = (size_t)(offset + done - start);
		size_t piece = view->piece_max, take;

		if (piece > skip + len - done)
			piece = (skip + len - done + BLOCK - 1) / BLOCK * BLOCK;
		r = decrypt_piece(view, start, piece, err);
		if (r < 0)
			return r;
		take = piece - skip < len - done ? piece - skip : len - done;
		memcpy((uint8_t *)bytes + done, view->scratch + BLOCK + skip, take);
		done += take;
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
	r = crypto_cbc_new(&view->cbc, err);
	if (r < 0)
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
