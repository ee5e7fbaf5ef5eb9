/*
 * blob.c - packs as they are read: headers of blobs, opening a pack, scanning one
 *
 * Every blob describes itself, so the packs of a session that was cut short can be walked
 * from the front and what is whole in them is found again without any index.
 */
#include "repo/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_LEN = 256 << 10 };
static const uint8_t MAGIC[4] = {'R', 'H', 'b', '1'};

void repo_blob_header_encode(const struct repo_blob_header *header,
			     uint8_t out[REPO_BLOB_HEADER_LEN])
{
	memcpy(out, MAGIC, 4);
	out[4] = header->type;
	out[5] = header->codec;
	out[6] = out[7] = 0;
	put_u32le(out + 8, header->plain);
	put_u32le(out + 12, header->stored);
	memcpy(out + 16, header->id, REPO_CHUNK_ID_LEN);
}

bool repo_blob_header_decode(const uint8_t in[REPO_BLOB_HEADER_LEN],
			     struct repo_blob_header *header)
{
	if (memcmp(in, MAGIC, 4) != 0 || in[6] || in[7])
		return false;
	header->type = in[4];
	header->codec = in[5];
	header->plain = get_u32le(in + 8);
	header->stored = get_u32le(in + 12);
	memcpy(header->id, in + 16, REPO_CHUNK_ID_LEN);
	if (header->type != REPO_BLOB_DATA && header->type != REPO_BLOB_LIST)
		return false;
	if (header->codec != REPO_CODEC_RAW && header->codec != REPO_CODEC_ZSTD)
		return false;
	if (header->plain == 0 || header->plain > REPO_CHUNK_MAX ||
	    header->stored <= CRYPTO_GCM_TAG_LEN || header->stored > REPO_SEALED_MAX)
		return false;
	return header->codec != REPO_CODEC_RAW ||
	       header->stored == header->plain + CRYPTO_GCM_TAG_LEN;
}

size_t repo_blobs_parse(struct slice bytes, unsigned *count)
{
	size_t at = REPO_HEADER_LEN;
	struct repo_blob_header header;

	*count = 0;
	if (bytes.len < at)
		return 0;
	while (bytes.len - at >= REPO_BLOB_HEADER_LEN &&
	       repo_blob_header_decode(bytes.bytes + at, &header) &&
	       bytes.len - at - REPO_BLOB_HEADER_LEN >= header.stored) {
		at += REPO_BLOB_HEADER_LEN + header.stored;
		(*count)++;
	}
	return at;
}

static int open_by_name(const struct repo_domain *domain, uint32_t number, bool is_unfinished)
{
	struct repo_name name;

	repo_domain_file(domain, &name, is_unfinished ? "packs/tmp-%08x" : "packs/%08x", number);
	return domain->fs->open(domain->fs, name.text, O_RDONLY | O_NOFOLLOW, 0);
}

int repo_pack_open(struct repo_pack *pack, const struct repo_domain *domain, uint32_t number,
		   bool is_unfinished, struct err *err)
{
	uint8_t header[REPO_HEADER_LEN];
	int r;

	*pack = (struct repo_pack){.number = number};
	pack->fd = open_by_name(domain, number, is_unfinished);
	if (pack->fd == -ENOENT && !is_unfinished) {
		/* still being written; or it got its name between the two looks */
		pack->fd = open_by_name(domain, number, true);
		if (pack->fd == -ENOENT)
			pack->fd = open_by_name(domain, number, false);
	}
	if (pack->fd < 0) {
		r = pack->fd;
		pack->fd = -1;
		return err_set_errno(err, -r, "pack %08x", number);
	}
	r = fs_pread_all(domain->fs, pack->fd, header, sizeof(header), 0, err);
	if (r == 0)
		r = repo_seal_open(&pack->seal, domain, "RHpack01", number, header, err);
	if (r < 0) {
		repo_pack_close(pack, domain->fs);
		return err_wrap(err, r, "pack %08x", number);
	}
	return 0;
}

void repo_pack_close(struct repo_pack *pack, struct fs *fs)
{
	if (pack->fd >= 0)
		fs->close(fs, pack->fd);
	pack->fd = -1;
	repo_seal_clear(&pack->seal);
}

/* ---- scanning ---- */

struct window { /* a stretch of the pack in memory */
	struct fs *fs;
	int fd;
	uint64_t start;
	size_t len, cap;
	uint8_t *bytes;
};

/* @len bytes at @offset, if the file has them; *at stays good until the next call */
static int window_get(struct window *window, uint64_t offset, size_t len, uint8_t **at,
		      struct err *err)
{
	if (offset < window->start || offset + len > window->start + window->len) {
		size_t want = len > WINDOW_LEN ? len : WINDOW_LEN;

		window->start = offset;
		window->len = 0;
		while (window->len < want) {
			ssize_t n = window->fs->pread(window->fs, window->fd,
						      window->bytes + window->len,
						      want - window->len, offset + window->len);

			if (n < 0)
				return err_set_errno(err, (int)-n, "read");
			if (n == 0)
				break;
			window->len += (size_t)n;
		}
		if (window->len < len)
			return REPO_ABSENT;
	}
	*at = window->bytes + (offset - window->start);
	return 0;
}

/* 0 and the blob at @offset, opened in place; REPO_ABSENT if no whole one is there */
static int scan_one(struct repo_pack *pack, struct window *window, uint64_t offset,
		    struct repo_scanned *blob, struct err *err)
{
	struct err damage = ERR_INIT;
	uint8_t clear[REPO_BLOB_HEADER_LEN], *at;
	int r = window_get(window, offset, REPO_BLOB_HEADER_LEN, &at, err);

	if (r != 0)
		return r;
	memcpy(clear, at, sizeof(clear));
	if (!repo_blob_header_decode(clear, &blob->header))
		return REPO_ABSENT;
	r = window_get(window, offset + REPO_BLOB_HEADER_LEN, blob->header.stored, &at, err);
	if (r != 0)
		return r;
	r = repo_seal_get(&pack->seal, offset, slice_of(clear, sizeof(clear)),
			  slice_of(at, blob->header.stored), at, &damage);
	if (r == ERR_CORRUPT)
		return REPO_ABSENT;
	if (r < 0)
		return err_set(err, r, "%s", damage.text);
	blob->payload = slice_of(at, blob->header.stored - CRYPTO_GCM_TAG_LEN);
	blob->place = (struct repo_place){.pack = pack->number,
					  .offset = (uint32_t)offset,
					  .stored = blob->header.stored,
					  .plain = blob->header.plain & 0xffffff,
					  .type = blob->header.type};
	memcpy(blob->place.id, blob->header.id, REPO_CHUNK_ID_LEN);
	return 0;
}

int repo_pack_scan(struct repo_pack *pack, const struct repo_domain *domain, uint64_t *good_len,
		   uint64_t *file_len,
		   int (*each)(void *arg, const struct repo_scanned *blob, struct err *err),
		   void *arg, struct err *err)
{
	struct window window = {.fs = domain->fs, .fd = pack->fd, .cap = REPO_SEALED_MAX};
	struct repo_scanned blob;
	uint64_t offset = REPO_HEADER_LEN;
	uint8_t beyond;
	int r;

	window.bytes = repo_pool_new(window.cap);
	if (!window.bytes)
		return err_no_memory(err);
	while ((r = scan_one(pack, &window, offset, &blob, err)) == 0 && offset < REPO_PACK_MAX) {
		r = each(arg, &blob, err);
		if (r != 0)
			break;
		offset += REPO_BLOB_HEADER_LEN + blob.header.stored;
	}
	repo_pool_free(window.bytes, window.cap);
	if (r < 0)
		return err_wrap(err, r, "pack %08x", pack->number);
	*good_len = offset;
	*file_len = domain->fs->pread(domain->fs, pack->fd, &beyond, 1, offset) > 0 ? offset + 1
										    : offset;
	return 0;
}
