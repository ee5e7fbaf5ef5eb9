/* table_writer.c - writes a sorted table: blocks as they fill, their index at the end */
#include "repo/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
	OUT_LEN = 256 << 10,
	ENTRY_LEN_MAX = 4 + REPO_PATH_LEN_MAX + REPO_VALUE_LEN_MAX,
	INDEX_MAX = 256 << 20,
};

struct repo_table_writer {
	const struct repo_domain *domain;
	struct repo_table_options options;
	uint32_t number;
	int fd;
	struct repo_name temporary, name;
	struct repo_seal seal;
	ZSTD_CCtx *zstd;
	/* the block being filled: entries from the front, starts beside them */
	uint8_t *plain;
	size_t plain_len;
	uint32_t *starts, count, starts_cap;
	struct buf first_path;
	/* sealed blocks on their way out */
	uint8_t *out;
	size_t out_len;
	uint64_t out_offset;
	struct buf index;
	size_t blocks;
	uint64_t entries;
	struct repo_filter filter;
	bool is_finished;
};

static int writer_open(struct repo_table_writer *writer, const uint8_t salt[32], struct err *err)
{
	const struct repo_domain *domain = writer->domain;

	if (writer->options.is_scratch) {
		repo_domain_file(domain, &writer->temporary, "table/scratch-%08x", writer->number);
		writer->name = writer->temporary;
	} else {
		repo_domain_file(domain, &writer->temporary, "table/tmp-%08x", writer->number);
		repo_domain_file(domain, &writer->name, "table/%08x", writer->number);
	}
	writer->fd = domain->fs->open(domain->fs, writer->temporary.text,
				      O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (writer->fd < 0)
		return err_set_errno(err, -writer->fd, "create %s", writer->temporary.text);
	writer->out_len = REPO_HEADER_LEN;
	return repo_seal_new(&writer->seal, domain, "RHtable1", writer->number, salt, writer->out,
			     err);
}

int repo_table_writer_new(struct repo_table_writer **out, const struct repo_domain *domain,
			  uint32_t number, const uint8_t salt[32],
			  const struct repo_table_options *options, struct err *err)
{
	CLEANUP(repo_table_writer_free_p)
	struct repo_table_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return err_no_memory(err);
	writer->domain = domain;
	writer->options = *options;
	writer->number = number;
	writer->fd = -1;
	writer->index = BUF_INIT(INDEX_MAX);
	writer->first_path = BUF_INIT(REPO_PATH_LEN_MAX);
	writer->starts_cap = (uint32_t)(options->block_len / 8);
	writer->plain = malloc(REPO_BLOCK_LEN_MAX);
	writer->starts = malloc(writer->starts_cap * sizeof(*writer->starts));
	writer->out = malloc(OUT_LEN + REPO_BLOCK_LEN_MAX + CRYPTO_GCM_TAG_LEN);
	writer->zstd = options->compresses ? ZSTD_createCCtx() : NULL;
	if (!writer->plain || !writer->starts || !writer->out ||
	    (options->compresses && !writer->zstd))
		return err_no_memory(err);
	r = options->filter_keys > 0 ? repo_filter_new(&writer->filter, options->filter_keys, err)
				     : 0;
	if (r == 0)
		r = writer_open(writer, salt, err);
	if (r < 0)
		return r;
	*out = STEAL(writer);
	return 0;
}

void repo_table_writer_free_p(struct repo_table_writer **pointer)
{
	struct repo_table_writer *writer = *pointer;

	if (!writer)
		return;
	if (writer->fd >= 0) {
		writer->domain->fs->close(writer->domain->fs, writer->fd);
		if (!writer->is_finished || writer->options.is_scratch)
			writer->domain->fs->unlink(writer->domain->fs, writer->temporary.text);
	}
	repo_seal_clear(&writer->seal);
	ZSTD_freeCCtx(writer->zstd);
	free(writer->plain);
	free(writer->starts);
	free(writer->out);
	buf_clear(&writer->index);
	buf_clear(&writer->first_path);
	repo_filter_clear(&writer->filter);
	free(writer);
}

static int flush_out(struct repo_table_writer *writer, struct err *err)
{
	int r = fs_pwrite_all(writer->domain->fs, writer->fd, writer->out, writer->out_len,
			      writer->out_offset, err);

	writer->out_offset += writer->out_len;
	writer->out_len = 0;
	return r < 0 ? err_wrap(err, r, "%s", writer->temporary.text) : 0;
}

static int index_block(struct repo_table_writer *writer, uint32_t stored, uint32_t plain,
		       uint8_t codec, struct err *err)
{
	uint8_t head[19];
	int r;

	put_u64le(head, writer->out_offset + writer->out_len);
	put_u32le(head + 8, stored);
	put_u32le(head + 12, plain);
	head[16] = codec;
	head[17] = (uint8_t)writer->first_path.len;
	head[18] = (uint8_t)(writer->first_path.len >> 8);
	r = buf_append(&writer->index, head, sizeof(head), err);
	return r < 0 ? r : buf_append_slice(&writer->index, buf_slice(&writer->first_path), err);
}

static int end_block(struct repo_table_writer *writer, struct err *err)
{
	uint8_t *out = writer->out + writer->out_len, codec = REPO_CODEC_RAW, aad[9];
	struct slice payload;
	size_t plain = writer->plain_len;
	int r;

	for (uint32_t i = 0; i < writer->count; i++, plain += 4)
		put_u32le(writer->plain + plain, writer->starts[i]);
	put_u32le(writer->plain + plain, writer->count);
	plain += 4;
	payload = slice_of(writer->plain, plain);
	if (writer->zstd) {
		size_t packed = ZSTD_compressCCtx(writer->zstd, out, plain - plain / 16,
						  writer->plain, plain, 1);

		if (!ZSTD_isError(packed)) {
			codec = REPO_CODEC_ZSTD;
			payload = slice_of(out, packed);
		}
	}
	put_u32le(aad, (uint32_t)writer->blocks);
	put_u32le(aad + 4, (uint32_t)plain);
	aad[8] = codec;
	r = repo_seal_put(&writer->seal, writer->out_offset + writer->out_len,
			  slice_of(aad, sizeof(aad)), payload, out, err);
	if (r == 0)
		r = index_block(writer, (uint32_t)(payload.len + CRYPTO_GCM_TAG_LEN),
				(uint32_t)plain, codec, err);
	if (r < 0)
		return r;
	writer->out_len += payload.len + CRYPTO_GCM_TAG_LEN;
	writer->blocks++;
	writer->count = 0;
	writer->plain_len = 0;
	return writer->out_len >= OUT_LEN ? flush_out(writer, err) : 0;
}

int repo_table_writer_put(struct repo_table_writer *writer, struct slice path,
			  const struct repo_value *value, struct err *err)
{
	uint8_t encoded[REPO_VALUE_LEN_MAX], *at;
	size_t len = repo_value_encode(value, encoded);
	size_t ends = 4 * ((size_t)writer->count + 2);
	uint64_t hash[2];
	int r;

	if (writer->count > 0 &&
	    (writer->plain_len + 4 + path.len + len + ends > writer->options.block_len ||
	     writer->count == writer->starts_cap)) {
		r = end_block(writer, err);
		if (r < 0)
			return r;
	}
	if (writer->count == 0) {
		buf_truncate(&writer->first_path, 0);
		r = buf_append_slice(&writer->first_path, path, err);
		if (r < 0)
			return r;
	}
	at = writer->plain + writer->plain_len;
	at[0] = (uint8_t)path.len;
	at[1] = (uint8_t)(path.len >> 8);
	at[2] = (uint8_t)len;
	at[3] = (uint8_t)(len >> 8);
	memcpy(at + 4, path.bytes, path.len);
	memcpy(at + 4 + path.len, encoded, len);
	writer->starts[writer->count++] = (uint32_t)writer->plain_len;
	writer->plain_len += 4 + path.len + len;
	writer->entries++;
	if (writer->filter.len > 0) {
		repo_filter_path_hash((const char *)path.bytes, path.len, hash);
		repo_filter_add(&writer->filter, hash);
	}
	return 0;
}

static int write_index(struct repo_table_writer *writer, struct repo_table_at *at, struct err *err)
{
	CLEANUP(buf_clear) struct buf sealed = BUF_INIT(INDEX_MAX + CRYPTO_GCM_TAG_LEN);
	int r = buf_reserve(&sealed, writer->index.len + CRYPTO_GCM_TAG_LEN, err);

	if (r < 0)
		return r;
	*at = (struct repo_table_at){
		.number = writer->number,
		.index_offset = writer->out_offset,
		.index_stored = (uint32_t)(writer->index.len + CRYPTO_GCM_TAG_LEN),
		.entries = writer->entries,
		.blocks = (uint32_t)writer->blocks,
	};
	r = repo_seal_put(&writer->seal, writer->out_offset, slice_text("index"),
			  buf_slice(&writer->index), sealed.bytes, err);
	if (r == 0)
		r = fs_pwrite_all(writer->domain->fs, writer->fd, sealed.bytes, at->index_stored,
				  writer->out_offset, err);
	return r < 0 ? err_wrap(err, r, "%s", writer->temporary.text) : 0;
}

int repo_table_writer_finish(struct repo_table_writer *writer, struct repo_table_at *at,
			     uint64_t *written, struct err *err)
{
	struct fs *fs = writer->domain->fs;
	int r = writer->count > 0 ? end_block(writer, err) : 0, s;

	if (r == 0)
		r = flush_out(writer, err);
	if (r == 0)
		r = write_index(writer, at, err);
	if (r < 0)
		return r;
	*written += at->index_offset + at->index_stored;
	if (!writer->options.is_scratch) {
		if ((s = fs->sync(fs, writer->fd)) < 0)
			return err_set_errno(err, -s, "sync %s", writer->temporary.text);
		if ((s = fs->rename_new(fs, writer->temporary.text, writer->name.text)) < 0)
			return err_set_errno(err, -s, "rename %s", writer->temporary.text);
	}
	writer->is_finished = true;
	return 0;
}

int repo_table_writer_open(struct repo_table_writer *writer, struct repo_table *table,
			   struct err *err)
{
	*table = (struct repo_table){.fs = writer->domain->fs, .fd = writer->fd};
	table->name = writer->name;
	writer->fd = -1;
	table->seal = writer->seal;
	writer->seal.gcm = NULL;
	table->filter = writer->filter;
	writer->filter = (struct repo_filter){0};
	table->entries = writer->entries;
	if (!repo_table_index_parse(buf_slice(&writer->index), writer->blocks, writer->out_offset,
				    table)) {
		repo_table_clear(table);
		return err_no_memory(err);
	}
	return 0;
}
