/*
 * The decrypting view, as reading (cbc.c) and copying on all cores (copy.c) share it
 */
#ifndef REHOME_BACKUP_CBC_H
#define REHOME_BACKUP_CBC_H

#include "backup/backup.h"
#include "crypto/crypto.h"

struct cbc_view {
	struct source source; /* first: callers hold this */
	struct source *under;
	struct crypto_cbc *cbc;
	uint64_t block_len; /* of the ciphertext, in whole blocks */
	bool has_odd_bytes; /* the ciphertext has more than those */
	uint8_t key[BACKUP_KEY_LEN];
	uint8_t before[CRYPTO_BLOCK_LEN]; /* cipher block in front of before_offset, unless that is
					     0 */
	uint64_t before_offset;
	uint8_t *scratch; /* one block before, then the piece */
	size_t piece_max;
};

/** cbc_view_of - @source as a view, NULL if it is another source */
const struct cbc_view *cbc_view_of(const struct source *source);
/** cbc_read_piece - @len bytes of ciphertext from @start, and the block before them: a multiple
 * of 16 each; @out holds one block more than @len */
int cbc_read_piece(struct source *under, uint64_t start, size_t len, uint8_t *out, struct err *err);

#endif
