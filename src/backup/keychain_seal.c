/*
 * A keychain item of a backup: taking apart, opening, finding an attribute in it
 * (docs/format/ios-backup, 7.7)
 *
 * Items are sealed with AES-256-GCM and an IV of no bytes at all.  Libraries refuse such an IV,
 * though the standard's arithmetic knows it: the first counter block J0 is zero.  Content and
 * tag follow from a counter stream that begins at zero, and from the tag that GCM makes over
 * the same ciphertext under an IV of twelve zero bytes, where J0 is 1:
 *
 *     tag(J0 = 0) = GHASH xor E(0)        tag(J0 = 1) = GHASH xor E(1)
 */
#include "backup/keychain_seal.h"

#include <string.h>

#include "crypto/crypto.h"

enum {
	BLOCK = CRYPTO_BLOCK_LEN,
	TAG_LEN = CRYPTO_GCM_TAG_LEN,
	VERSION_GCM_MIN = 2, /* the same sealing, around a property list */
	VERSION_GCM_MAX = KEYCHAIN_VERSION_DER,
	DER_UTF8 = 0x0c,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

static bool is_gcm(const struct keychain_seal *seal)
{
	return seal->version >= VERSION_GCM_MIN && seal->version <= VERSION_GCM_MAX;
}

bool keychain_seal_read(struct keychain_seal *seal, struct slice data)
{
	struct reader in = reader_of(data);
	struct slice wrapped;
	uint32_t len;

	memset(seal, 0, sizeof(*seal));
	if (!reader_u32le(&in, &seal->version) || !reader_u32le(&in, &seal->protection_class))
		return false;
	if (!is_gcm(seal))
		return true;
	if (!reader_u32le(&in, &len) || !reader_slice(&in, len, &wrapped) || in.left < TAG_LEN)
		return false;
	seal->sealed = slice_of(in.at, in.left);
	if (len == CRYPTO_WRAPPED_LEN) {
		put_u32le(seal->blob, seal->protection_class);
		memcpy(seal->blob + 4, wrapped.bytes, wrapped.len);
		seal->key = slice_of(seal->blob, sizeof(seal->blob));
	}
	return true;
}

bool keychain_is_device_bound(const struct keychain_seal *seal)
{
	return seal->protection_class >= KEYCHAIN_DEVICE_CLASS_MIN &&
	       seal->protection_class <= KEYCHAIN_DEVICE_CLASS_MAX;
}

/* ---- opening ---- */

static void stream_free_p(struct crypto_stream **stream)
{
	crypto_stream_free(*stream);
}

static void gcm_free_p(struct crypto_gcm **gcm)
{
	crypto_gcm_free(*gcm);
}

static void xor_into(uint8_t *to, const uint8_t *with, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] ^= with[i];
}

/* @text becomes text xor the stream from counter @first on. */
static int xor_stream(struct crypto_stream *stream, const uint8_t *key, uint64_t first,
		      uint8_t *text, size_t len, struct err *err)
{
	uint8_t piece[64 * BLOCK];
	size_t at, take;
	int r = 0;

	for (at = 0; at < len && !r; at += take) {
		take = len - at < sizeof(piece) ? len - at : sizeof(piece);
		r = crypto_stream_at(stream, key, first * BLOCK + at, piece, take, err);
		xor_into(text + at, piece, take);
	}
	explicit_bzero(piece, sizeof(piece));
	return r;
}

/* The tag over the ciphertext @text, which holds room for a tag behind it and is spoiled. */
static int make_tag(struct crypto_stream *stream, const uint8_t *key, uint8_t *text, size_t len,
		    uint8_t tag[TAG_LEN], struct err *err)
{
	static const uint8_t zero_iv[CRYPTO_GCM_NONCE_LEN];
	CLEANUP(gcm_free_p) struct crypto_gcm *gcm = NULL;
	int r;

	/* what the other IV must seal so that the same ciphertext comes out */
	if ((r = xor_stream(stream, key, 2, text, len, err)) < 0 ||
	    (r = crypto_gcm_new(&gcm, key, err)) < 0 ||
	    (r = crypto_gcm_seal(gcm, zero_iv, SLICE_EMPTY, slice_of(text, len), text, err)) < 0)
		return r;
	memcpy(tag, text + len, TAG_LEN);
	if ((r = xor_stream(stream, key, 1, tag, TAG_LEN, err)) < 0)
		return r;
	return xor_stream(stream, key, 0, tag, TAG_LEN, err);
}

static int open_with(const struct keychain_seal *seal, const uint8_t key[BACKUP_KEY_LEN],
		     struct buf *plain, struct err *err)
{
	CLEANUP(stream_free_p) struct crypto_stream *stream = NULL;
	CLEANUP(buf_wipe) struct buf work = BUF_INIT(KEYCHAIN_ITEM_LEN_MAX);
	size_t len = seal->sealed.len - TAG_LEN;
	uint8_t tag[TAG_LEN];
	int r;

	if ((r = crypto_stream_new(&stream, err)) < 0 ||
	    (r = buf_append_slice(&work, seal->sealed, err)) < 0 ||
	    (r = make_tag(stream, key, work.bytes, len, tag, err)) < 0)
		return r;
	if (!crypto_equal(tag, seal->sealed.bytes + len, TAG_LEN)) {
		err_set(err, ERR_CORRUPT, "keychain item is damaged");
		return BACKUP_DAMAGED;
	}
	memcpy(work.bytes, seal->sealed.bytes, len);
	r = xor_stream(stream, key, 1, work.bytes, len, err);
	return r < 0 ? r : buf_append(plain, work.bytes, len, err);
}

int keychain_seal_open(const struct keychain_seal *seal, const struct backup_keybag *bag,
		       struct buf *plain, struct err *err)
{
	uint8_t key[BACKUP_KEY_LEN];
	int r;

	if (!is_gcm(seal) || !seal->key.len || seal->sealed.len > KEYCHAIN_ITEM_LEN_MAX) {
		err_set(err, ERR_CORRUPT, "keychain item of a form that we do not know");
		return BACKUP_DAMAGED;
	}
	if (!bag || backup_keybag_file_key(bag, seal->key, key, NULL) < 0)
		return BACKUP_ABSENT;
	r = open_with(seal, key, plain, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

/* ---- attributes: SET OF SEQUENCE { UTF8String key, value } ---- */

static bool der_next(struct reader *in, uint8_t *tag, struct slice *content)
{
	size_t len = 0;
	uint8_t byte, count;

	if (!reader_u8(in, tag) || !reader_u8(in, &byte))
		return false;
	if (byte < 0x80)
		return reader_slice(in, byte, content);
	for (count = byte & 0x7f; count && count <= 4; count--) {
		if (!reader_u8(in, &byte))
			return false;
		len = len << 8 | byte;
		if (count == 1)
			return reader_slice(in, len, content);
	}
	return false;
}

bool keychain_attribute(struct slice plain, const char *key, struct slice *value)
{
	struct reader all = reader_of(plain), set, pair;
	struct slice content, name, found;
	uint8_t tag;

	if (!der_next(&all, &tag, &content) || tag != DER_SET)
		return false;
	set = reader_of(content);
	while (der_next(&set, &tag, &content)) {
		pair = reader_of(content);
		if (tag == DER_SEQUENCE && der_next(&pair, &tag, &name) && tag == DER_UTF8 &&
		    slice_equal(name, slice_text(key)) && der_next(&pair, &tag, &found)) {
			*value = found;
			return true;
		}
	}
	return false;
}
