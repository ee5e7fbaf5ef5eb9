/*
 * head.c - snapshot heads: small sealed files snap/SEQ whose creation is the commit
 *
 * header 64 | sealed fields 128 + 16 | sealed note
 */
#include "repo/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const char MAGIC[] = "RHhead01";
enum {
	FIELDS_AT = REPO_HEADER_LEN,
	NOTE_AT = FIELDS_AT + REPO_HEAD_LEN + CRYPTO_GCM_TAG_LEN,
	FILE_MAX = NOTE_AT + REPO_NOTE_LEN_MAX + CRYPTO_GCM_TAG_LEN,
};

void repo_head_encode(const struct repo_head *head, uint8_t out[REPO_HEAD_LEN])
{
	memset(out, 0, REPO_HEAD_LEN);
	put_u32le(out, head->seq);
	put_u32le(out + 4, head->pack_next);
	memcpy(out + 8, head->id, 8);
	memcpy(out + 16, head->parent, 8);
	put_u64le(out + 24, (uint64_t)head->time);
	put_u64le(out + 32, head->files);
	put_u64le(out + 40, head->bytes);
	put_u32le(out + 48, head->note_len);
	put_u32le(out + 52, head->table.number);
	put_u64le(out + 56, head->table.index_offset);
	put_u64le(out + 64, head->table.entries);
	put_u32le(out + 72, head->table.index_stored);
	put_u32le(out + 76, head->table.blocks);
}

bool repo_head_decode(struct slice in, struct repo_head *head)
{
	const uint8_t *at = in.bytes;

	if (in.len != REPO_HEAD_LEN)
		return false;
	head->seq = get_u32le(at);
	head->pack_next = get_u32le(at + 4);
	memcpy(head->id, at + 8, 8);
	memcpy(head->parent, at + 16, 8);
	head->time = (int64_t)get_u64le(at + 24);
	head->files = get_u64le(at + 32);
	head->bytes = get_u64le(at + 40);
	head->note_len = get_u32le(at + 48);
	head->table.number = get_u32le(at + 52);
	head->table.index_offset = get_u64le(at + 56);
	head->table.entries = get_u64le(at + 64);
	head->table.index_stored = get_u32le(at + 72);
	head->table.blocks = get_u32le(at + 76);
	return head->note_len <= REPO_NOTE_LEN_MAX && head->files <= head->table.entries &&
	       head->table.index_offset >= REPO_HEADER_LEN &&
	       head->table.index_stored >= CRYPTO_GCM_TAG_LEN &&
	       head->table.index_stored <= (256u << 20);
}

/* seals the file into @file, FILE_MAX bytes; returns its length or < 0 */
static int head_seal(const struct repo_domain *domain, const struct repo_head *head,
		     struct slice note, const uint8_t salt[32], struct buf *file, struct err *err)
{
	struct repo_seal seal = {0};
	uint8_t fields[REPO_HEAD_LEN];
	int r = buf_reserve(file, NOTE_AT + note.len + CRYPTO_GCM_TAG_LEN, err);

	if (r < 0)
		return r;
	repo_head_encode(head, fields);
	r = repo_seal_new(&seal, domain, MAGIC, head->seq, salt, file->bytes, err);
	if (r == 0)
		r = repo_seal_put(&seal, FIELDS_AT, SLICE_EMPTY, slice_of(fields, sizeof(fields)),
				  file->bytes + FIELDS_AT, err);
	if (r == 0)
		r = repo_seal_put(&seal, NOTE_AT, SLICE_EMPTY, note, file->bytes + NOTE_AT, err);
	repo_seal_clear(&seal);
	file->len = NOTE_AT + note.len + CRYPTO_GCM_TAG_LEN;
	return r;
}

int repo_head_write(const struct repo_domain *domain, const struct repo_head *head,
		    struct slice note, const uint8_t salt[32], uint64_t *written, struct err *err)
{
	CLEANUP(buf_clear) struct buf file = BUF_INIT(FILE_MAX);
	struct repo_name folder, name;
	struct err why = ERR_INIT;
	int r = head_seal(domain, head, note, salt, &file, err);

	if (r < 0)
		return r;
	repo_domain_file(domain, &folder, "snap");
	repo_domain_file(domain, &name, "snap/%08x", head->seq);
	r = repo_write_new(domain->fs, folder.text, name.text, buf_slice(&file), &why);
	if (r == ERR_EXISTS)
		return REPO_CONFLICT;
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	*written += file.len;
	return 0;
}

static int head_open(struct repo_seal *seal, uint32_t seq, struct slice file,
		     struct repo_head *head, struct buf *note, struct err *err)
{
	uint8_t fields[REPO_HEAD_LEN];
	int r = repo_seal_get(seal, FIELDS_AT, SLICE_EMPTY,
			      slice_of(file.bytes + FIELDS_AT, REPO_HEAD_LEN + CRYPTO_GCM_TAG_LEN),
			      fields, err);

	if (r < 0)
		return r;
	if (!repo_head_decode(slice_of(fields, sizeof(fields)), head) || head->seq != seq ||
	    file.len != NOTE_AT + (size_t)head->note_len + CRYPTO_GCM_TAG_LEN)
		return err_set(err, ERR_CORRUPT, "damaged");
	if (!note)
		return 0;
	buf_truncate(note, 0);
	r = buf_reserve(note, head->note_len, err);
	if (r == 0)
		r = repo_seal_get(seal, NOTE_AT, SLICE_EMPTY,
				  slice_of(file.bytes + NOTE_AT, file.len - NOTE_AT), note->bytes,
				  err);
	if (r == 0)
		note->len = head->note_len;
	return r;
}

int repo_head_read(const struct repo_domain *domain, uint32_t seq, struct repo_head *head,
		   struct buf *note, struct err *err)
{
	CLEANUP(buf_clear) struct buf file = BUF_INIT(FILE_MAX);
	struct repo_seal seal = {0};
	struct repo_name name;
	int r = fs_read_file(domain->fs, repo_domain_file(domain, &name, "snap/%08x", seq), &file,
			     err);

	if (r == ERR_LIMIT)
		return err_set(err, ERR_CORRUPT, "%s: damaged", name.text);
	if (r < 0)
		return r;
	if (file.len < NOTE_AT + CRYPTO_GCM_TAG_LEN)
		return err_set(err, ERR_CORRUPT, "%s: cut short", name.text);
	r = repo_seal_open(&seal, domain, MAGIC, seq, file.bytes, err);
	if (r == 0)
		r = head_open(&seal, seq, buf_slice(&file), head, note, err);
	repo_seal_clear(&seal);
	return r < 0 ? err_wrap(err, r, "%s", name.text) : 0;
}

void repo_head_describe(const struct repo_domain *domain, const struct repo_head *head,
			struct repo_snapshot *snapshot)
{
	static const uint8_t none[REPO_ID_LEN / 2];

	*snapshot = (struct repo_snapshot){
		.time = head->time, .files = head->files, .bytes = head->bytes};
	hex_encode(head->id, sizeof(head->id), snapshot->id);
	if (memcmp(head->parent, none, sizeof(none)) != 0)
		hex_encode(head->parent, sizeof(head->parent), snapshot->parent);
	memcpy(snapshot->device, domain->device, sizeof(snapshot->device));
}
