/*
 * device_digest - all that a device holds, as one number
 *
 * For tests that compare two devices.  A chain of SHA-256 over (domain, path, SHA-1 of the content)
 * in the order of fileIDs: when a file was born does not count.
 */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>

enum { PART_LEN = 256 << 10 };

/** struct digesting - the walk */
struct digesting {
	struct sim_files *files;
	struct sim_content *content;
	struct crypto_sha1 *sha1;
	uint8_t *part;
};

static int digest_content(struct digesting *digesting, const struct sim_file *file,
			  uint8_t digest[CRYPTO_SHA1_LEN], struct err *err)
{
	uint64_t offset = 0;
	int r = sim_content_open(digesting->content, file, err);

	crypto_sha1_reset(digesting->sha1);
	while (r == 0 && offset < file->row.size) {
		uint64_t left = file->row.size - offset;
		size_t len = left < PART_LEN ? (size_t)left : PART_LEN;

		r = sim_content_read(digesting->content, offset, digesting->part, len, err);
		if (r == 0)
			crypto_sha1_update(digesting->sha1, slice_of(digesting->part, len));
		offset += len;
	}
	crypto_sha1_final(digesting->sha1, digest);
	return r;
}

static int chain(uint8_t state[CRYPTO_SHA256_LEN], const struct sim_file *file,
		 const uint8_t digest[CRYPTO_SHA1_LEN], struct err *err)
{
	CLEANUP(buf_clear) struct buf link = BUF_INIT(1 << 16);
	int r = buf_append(&link, state, CRYPTO_SHA256_LEN, err);

	if (r == 0)
		r = buf_append(&link, file->row.domain, strlen(file->row.domain) + 1, err);
	if (r == 0)
		r = buf_append(&link, file->row.path, strlen(file->row.path) + 1, err);
	if (r == 0)
		r = buf_append(&link, digest, CRYPTO_SHA1_LEN, err);
	if (r == 0)
		crypto_sha256(buf_slice(&link), state);
	return r;
}

static int digest_files(struct digesting *digesting, uint8_t state[CRYPTO_SHA256_LEN],
			struct err *err)
{
	uint8_t digest[CRYPTO_SHA1_LEN];
	struct sim_file file;
	int r = sim_files_rewind(digesting->files, SIM_FILES_ID, err);

	while (r == 0 && (r = sim_files_next(digesting->files, &file, err)) == 0) {
		if (!backup_file_is_regular(&file.row))
			continue;
		r = digest_content(digesting, &file, digest, err);
		if (r == 0)
			r = chain(state, &file, digest, err);
	}
	return r < 0 ? r : 0;
}

int sim_device_digest(struct sim_device *device, uint8_t out[CRYPTO_SHA256_LEN], struct err *err)
{
	struct digesting digesting = {.part = malloc(PART_LEN)};
	int r = digesting.part ? sim_files_open(&digesting.files, device, err) : err_no_memory(err);

	memset(out, 0, CRYPTO_SHA256_LEN);
	if (r == 0)
		r = sim_content_new(&digesting.content, device, err);
	if (r == 0)
		r = crypto_sha1_new(&digesting.sha1, err);
	if (r == 0)
		r = digest_files(&digesting, out, err);
	crypto_sha1_free(digesting.sha1);
	sim_content_free_p(&digesting.content);
	sim_files_close_p(&digesting.files);
	free(digesting.part);
	return r;
}
