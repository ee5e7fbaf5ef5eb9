/*
 * The promises of stored contents: there, readable, of the right length, with the digest
 *
 * Stored bytes are read once and hashed.  To know the true length of an encrypted file its
 * last block is enough, so nothing else is decrypted (docs/format/ios-backup, 7.6).
 */
#include "backup/verify.h"

#include <string.h>

enum { TAIL_LEN = 2 * CRYPTO_BLOCK_LEN };

/** struct stored - what one pass over the stored bytes leaves */
struct stored {
	uint64_t len;
	uint8_t digest[CRYPTO_SHA1_LEN];
	uint8_t tail[TAIL_LEN]; /* the last bytes */
	size_t tail_len;
};

static void keep_tail(struct stored *stored, const uint8_t *bytes, size_t len)
{
	size_t keep;

	if (len >= TAIL_LEN) {
		memcpy(stored->tail, bytes + len - TAIL_LEN, TAIL_LEN);
		stored->tail_len = TAIL_LEN;
		return;
	}
	keep = stored->tail_len + len > TAIL_LEN ? TAIL_LEN - len : stored->tail_len;
	memmove(stored->tail, stored->tail + stored->tail_len - keep, keep);
	memcpy(stored->tail + keep, bytes, len);
	stored->tail_len = keep + len;
}

static int read_stored(struct verify *verify, struct source *source, struct stored *stored,
		       struct err *err)
{
	ssize_t n;
	int r;

	memset(stored, 0, sizeof(*stored));
	crypto_sha1_reset(verify->sha1);
	for (;;) {
		r = cancel_check(verify->cancel, err);
		if (r < 0)
			return r;
		n = source->read(source, stored->len, verify->piece, BACKUP_PIECE_LEN, err);
		if (n < 0)
			return (int)n;
		if (!n)
			break;
		crypto_sha1_update(verify->sha1, slice_of(verify->piece, (size_t)n));
		keep_tail(stored, verify->piece, (size_t)n);
		stored->len += (uint64_t)n;
		verify->verdict.bytes += (uint64_t)n;
		verify->state.bytes += (uint64_t)n;
		progress_report(verify->progress, &verify->state);
	}
	crypto_sha1_final(verify->sha1, stored->digest);
	if (stored->len != source->len)
		return err_set(err, ERR_CORRUPT, "ends after %llu of %llu bytes",
			       (unsigned long long)stored->len, (unsigned long long)source->len);
	return 0;
}

static void check_digest(struct verify *verify, const struct backup_file *file,
			 const struct stored *stored, const char *name)
{
	char is[2 * CRYPTO_SHA1_LEN + 1], should[2 * CRYPTO_SHA1_LEN + 1];

	if (!file->digest.len || !memcmp(file->digest.bytes, stored->digest, CRYPTO_SHA1_LEN))
		return;
	hex_encode(stored->digest, CRYPTO_SHA1_LEN, is);
	hex_encode(file->digest.bytes, CRYPTO_SHA1_LEN, should);
	verify_broken(verify, PROMISE_DIGEST, name, "stored bytes have SHA-1 %s, Digest is %s", is,
		      should);
}

/*
 * How many bytes of padding the last block holds; 0 if it is invalid.  In CBC a block needs
 * only the one before it, so the last two stand for the whole file.
 */
static int measure_padding(const struct stored *stored, const uint8_t key[BACKUP_KEY_LEN],
			   size_t *padding_len, struct err *err)
{
	CLEANUP(source_close_p) struct source *tail = NULL;
	CLEANUP(source_close_p) struct source *view = NULL;
	enum backup_padding padding = BACKUP_PADDING_INVALID;
	int r;

	r = source_bytes_open(&tail, slice_of(stored->tail, stored->tail_len), err);
	if (r < 0)
		return r;
	r = backup_cbc_open(&view, STEAL(tail), key, err);
	if (r < 0)
		return r;
	r = backup_cbc_strip(view, stored->tail_len, &padding, err);
	if (r < 0)
		return r;
	*padding_len =
		padding == BACKUP_PADDING_STRIPPED ? (size_t)(stored->tail_len - view->len) : 0;
	return 0;
}

static void check_size(struct verify *verify, const struct backup_file *file, uint64_t len,
		       const char *name)
{
	uint64_t size = backup_expected_size(file);

	if (len != size)
		verify_broken(verify, PROMISE_SIZE_DRIFT, name, "Size is %llu, true length %llu",
			      (unsigned long long)size, (unsigned long long)len);
}

/* Without keys the length is known up to the padding only. */
static void check_stored_size(struct verify *verify, const struct backup_file *file,
			      const struct stored *stored, const char *name)
{
	uint64_t size = backup_expected_size(file);

	if (stored->len != backup_stored_len(size))
		verify_broken(verify, PROMISE_SIZE_DRIFT, name,
			      "Size is %llu, stored length %llu instead of %llu",
			      (unsigned long long)size, (unsigned long long)stored->len,
			      (unsigned long long)backup_stored_len(size));
}

static int check_encrypted(struct verify *verify, const struct backup_file *file,
			   const struct stored *stored, const char *name, struct err *err)
{
	struct err why = ERR_INIT;
	uint8_t key[BACKUP_KEY_LEN];
	size_t padding_len = 0;
	int r;

	if (!stored->len && !backup_expected_size(file))
		return 0; /* an empty file may be stored as nothing at all */
	if (!stored->len || stored->len % CRYPTO_BLOCK_LEN) {
		verify_broken(verify, PROMISE_CONTENT_BLOCKS, name, "stored length is %llu",
			      (unsigned long long)stored->len);
		return 0;
	}
	if (!backup_keybag_is_open(verify->reader.bag)) {
		check_stored_size(verify, file, stored, name);
		return 0;
	}
	if (backup_keybag_file_key(verify->reader.bag, file->key, key, &why) < 0)
		return 0; /* reported as key-opens */
	r = measure_padding(stored, key, &padding_len, err);
	explicit_bzero(key, sizeof(key));
	if (r < 0)
		return r;
	if (!padding_len)
		verify_broken(verify, PROMISE_PADDING, name,
			      "the last block holds no valid padding");
	else
		check_size(verify, file, stored->len - padding_len, name);
	return 0;
}

int verify_content(struct verify *verify, const struct backup_file *file, const char *name,
		   struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	char path[BACKUP_CONTENT_PATH_LEN + 1];
	struct err why = ERR_INIT;
	struct stored stored;
	int r;

	backup_content_path(file->file_id, path);
	r = verify->tree->open(verify->tree, path, &source, &why);
	if (r == BACKUP_ABSENT) {
		verify_broken(verify, PROMISE_CONTENT_PRESENT, name, "%s is missing", path);
		return 0;
	}
	if (!r)
		r = read_stored(verify, source, &stored, &why);
	if (r < 0 && verify_is_fatal(r))
		return err_set(err, r, "%s", why.text);
	if (r < 0) {
		verify_broken(verify, PROMISE_CONTENT_READABLE, name, "%s: %s", path, why.text);
		return 0;
	}
	check_digest(verify, file, &stored, name);
	if (verify->reader.bag && file->key.len)
		return check_encrypted(verify, file, &stored, name, err);
	check_size(verify, file, stored.len, name);
	return 0;
}
