/*
 * Plain bytes into the form that a device stores: AES-256-CBC, zero IV, PKCS#7
 * (docs/format/ios-backup, 7.4)
 */
#include <stdlib.h>
#include <string.h>

#include "backup/backup.h"
#include "crypto/crypto.h"

enum { BLOCK = CRYPTO_BLOCK_LEN };

struct backup_encryptor {
	struct crypto_cbc *cbc;
	uint8_t rest[BLOCK];
	size_t rest_len;
};

int backup_encryptor_new(struct backup_encryptor **out, struct err *err)
{
	struct backup_encryptor *encryptor = calloc(1, sizeof(*encryptor));
	int r;

	if (!encryptor)
		return err_no_memory(err);
	r = crypto_cbc_new(&encryptor->cbc, err);
	if (r < 0) {
		free(encryptor);
		return r;
	}
	*out = encryptor;
	return 0;
}

void backup_encryptor_free(struct backup_encryptor *encryptor)
{
	if (!encryptor)
		return;
	crypto_cbc_free(encryptor->cbc);
	explicit_bzero(encryptor, sizeof(*encryptor));
	free(encryptor);
}

int backup_encryptor_start(struct backup_encryptor *encryptor, const uint8_t key[BACKUP_KEY_LEN],
			   struct err *err)
{
	static const uint8_t iv[BLOCK];

	encryptor->rest_len = 0;
	return crypto_cbc_start(encryptor->cbc, true, key, iv, err);
}

/* Encrypt whole blocks at the end of @out. */
static int emit(struct backup_encryptor *encryptor, const uint8_t *plain, size_t len,
		struct buf *out, struct err *err)
{
	int r;

	if (!len)
		return 0;
	r = buf_reserve(out, len, err);
	if (r < 0)
		return r;
	r = crypto_cbc_update(encryptor->cbc, plain, len, out->bytes + out->len, err);
	if (r < 0)
		return r;
	out->len += len;
	return 0;
}

int backup_encryptor_update(struct backup_encryptor *encryptor, struct slice plain, struct buf *out,
			    struct err *err)
{
	size_t take;
	int r;

	if (encryptor->rest_len) {
		take = BLOCK - encryptor->rest_len < plain.len ? BLOCK - encryptor->rest_len
							       : plain.len;
		memcpy(encryptor->rest + encryptor->rest_len, plain.bytes, take);
		encryptor->rest_len += take;
		plain.bytes += take;
		plain.len -= take;
		if (encryptor->rest_len < BLOCK)
			return 0;
		r = emit(encryptor, encryptor->rest, BLOCK, out, err);
		if (r < 0)
			return r;
		encryptor->rest_len = 0;
	}
	r = emit(encryptor, plain.bytes, plain.len / BLOCK * BLOCK, out, err);
	if (r < 0)
		return r;
	encryptor->rest_len = plain.len % BLOCK;
	if (encryptor->rest_len)
		memcpy(encryptor->rest, plain.bytes + plain.len - encryptor->rest_len,
		       encryptor->rest_len);
	return 0;
}

int backup_encryptor_finish(struct backup_encryptor *encryptor, struct buf *out, struct err *err)
{
	size_t pad = BLOCK - encryptor->rest_len;

	memset(encryptor->rest + encryptor->rest_len, (int)pad, pad);
	encryptor->rest_len = 0;
	return emit(encryptor, encryptor->rest, BLOCK, out, err);
}
