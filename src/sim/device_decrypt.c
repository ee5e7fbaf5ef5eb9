/* device_decrypt - stored bytes of a host to plain ones, as they come: CBC, padding cut off at the
 * end */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>

enum { PART_LEN = 64 << 10 };

struct sim_decryptor {
	struct crypto_cbc *cipher;
	int (*out)(void *arg, struct slice plain, struct err *err);
	void *arg;
	size_t used; /* cipher text in part: always less than two blocks between calls */
	uint8_t part[PART_LEN];
};

int sim_decryptor_new(struct sim_decryptor **out,
		      int (*write)(void *arg, struct slice plain, struct err *err), void *arg,
		      struct err *err)
{
	struct sim_decryptor *decryptor = calloc(1, sizeof(*decryptor));
	int r;

	if (!decryptor)
		return err_no_memory(err);
	decryptor->out = write;
	decryptor->arg = arg;
	r = crypto_cbc_new(&decryptor->cipher, err);
	if (r < 0)
		free(decryptor);
	else
		*out = decryptor;
	return r;
}

void sim_decryptor_free_p(struct sim_decryptor **decryptor)
{
	if (!*decryptor)
		return;
	crypto_cbc_free((*decryptor)->cipher);
	explicit_bzero((*decryptor)->part, PART_LEN);
	free(*decryptor);
	*decryptor = NULL;
}

int sim_decryptor_start(struct sim_decryptor *decryptor, const uint8_t key[BACKUP_KEY_LEN],
			struct err *err)
{
	static const uint8_t zero[CRYPTO_BLOCK_LEN];

	decryptor->used = 0;
	return crypto_cbc_start(decryptor->cipher, false, key, zero, err);
}

/* decrypt and hand on @len bytes, whole blocks, of the part's beginning */
static int pass(struct sim_decryptor *decryptor, size_t len, struct err *err)
{
	int r = crypto_cbc_update(decryptor->cipher, decryptor->part, len, decryptor->part, err);

	if (r == 0)
		r = decryptor->out(decryptor->arg, slice_of(decryptor->part, len), err);
	memmove(decryptor->part, decryptor->part + len, decryptor->used - len);
	decryptor->used -= len;
	return r;
}

int sim_decryptor_update(struct sim_decryptor *decryptor, struct slice stored, struct err *err)
{
	while (stored.len > 0) {
		size_t take = PART_LEN - decryptor->used;
		int r;

		if (take > stored.len)
			take = stored.len;
		memcpy(decryptor->part + decryptor->used, stored.bytes, take);
		decryptor->used += take;
		stored = slice_of(stored.bytes + take, stored.len - take);
		/* the last whole block stays: it may be the padding */
		if (decryptor->used >= 2 * CRYPTO_BLOCK_LEN) {
			size_t len = (decryptor->used - 1) / CRYPTO_BLOCK_LEN * CRYPTO_BLOCK_LEN;

			r = pass(decryptor, len, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int sim_decryptor_finish(struct sim_decryptor *decryptor, struct err *err)
{
	uint8_t *last = decryptor->part;
	size_t len = CRYPTO_BLOCK_LEN;
	unsigned pad;
	int r;

	if (decryptor->used == 0)
		return 0;
	if (decryptor->used != CRYPTO_BLOCK_LEN)
		return err_set(err, ERR_CORRUPT, "an encrypted file is not made of whole blocks");
	r = crypto_cbc_update(decryptor->cipher, last, len, last, err);
	if (r < 0)
		return r;
	pad = last[len - 1];
	for (unsigned i = 0; i < pad && pad <= len; i++)
		if (last[len - 1 - i] != pad)
			pad = 0; /* no padding: keep everything */
	if (pad > 0 && pad <= len)
		len -= pad;
	decryptor->used = 0;
	return len ? decryptor->out(decryptor->arg, slice_of(last, len), err) : 0;
}
