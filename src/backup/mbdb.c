/*
 * Reading Manifest.mbdb: a head, and records until the end (docs/format/ios-backup, 10)
 *
 * Lengths are big-endian.  Records have no length of their own, so a damaged one hides all
 * that follow: there is no going on behind it.
 */
#include "backup/mbdb.h"

#include <string.h>

enum {
	HEAD_LEN = 6,
	STEP_LEN = 64 << 10,
	ABSENT_LEN = 0xffff,
};

static const uint8_t head[HEAD_LEN] = {'m', 'b', 'd', 'b', 5, 0};

/* Drop what was given and read on; BACKUP_END if there is no more. */
static int refill(struct mbdb *mbdb, struct err *err)
{
	struct buf *window = &mbdb->window;
	size_t step;
	ssize_t n;
	int r;

	if (mbdb->used) {
		memmove(window->bytes, window->bytes + mbdb->used, window->len - mbdb->used);
		window->len -= mbdb->used;
		mbdb->offset += mbdb->used;
		mbdb->used = 0;
	}
	if (window->len == window->max)
		return err_set(err, ERR_LIMIT, "Manifest.mbdb: the record at %llu is too long",
			       (unsigned long long)mbdb->offset);
	step = window->max - window->len < STEP_LEN ? window->max - window->len : STEP_LEN;
	r = buf_reserve(window, step, err);
	if (r < 0)
		return r;
	n = mbdb->source->read(mbdb->source, mbdb->offset + window->len,
			       window->bytes + window->len, step, err);
	if (n < 0)
		return err_wrap(err, (int)n, "read Manifest.mbdb");
	window->len += (size_t)n;
	return n ? 0 : BACKUP_END;
}

int mbdb_open(struct mbdb *mbdb, struct source *source, struct err *err)
{
	int r;

	*mbdb = (struct mbdb){.source = source, .window = BUF_INIT(MBDB_RECORD_LEN_MAX)};
	if (source->len > MBDB_LEN_MAX)
		return err_set(err, ERR_LIMIT, "Manifest.mbdb of %llu bytes, limit %d",
			       (unsigned long long)source->len, MBDB_LEN_MAX);
	r = refill(mbdb, err);
	if (r < 0)
		return r;
	if (mbdb->window.len < HEAD_LEN || memcmp(mbdb->window.bytes, head, HEAD_LEN))
		return err_set(err, ERR_CORRUPT, "Manifest.mbdb has another head than mbdb 5.0");
	mbdb->used = HEAD_LEN;
	return 0;
}

void mbdb_close(struct mbdb *mbdb)
{
	buf_clear(&mbdb->window);
}

static bool take_u16(struct reader *in, uint16_t *value)
{
	uint8_t high, low;

	if (!reader_u8(in, &high) || !reader_u8(in, &low))
		return false;
	*value = (uint16_t)(high << 8 | low);
	return true;
}

static bool take_u64(struct reader *in, uint64_t *value)
{
	struct slice bytes;

	if (!reader_slice(in, sizeof(*value), &bytes))
		return false;
	*value = get_u64be(bytes.bytes);
	return true;
}

static bool take_bytes(struct reader *in, struct slice *out)
{
	uint16_t len;

	if (!take_u16(in, &len))
		return false;
	*out = SLICE_EMPTY;
	return len == ABSENT_LEN || reader_slice(in, len, out);
}

/* False if the window ends within the record. */
static bool take_record(struct reader *in, struct mbdb_record *record)
{
	uint32_t other_time;
	uint8_t count;
	size_t i;

	if (!take_bytes(in, &record->domain) || !take_bytes(in, &record->path) ||
	    !take_bytes(in, &record->target) || !take_bytes(in, &record->digest) ||
	    !take_bytes(in, &record->key) || !take_u16(in, &record->mode) ||
	    !take_u64(in, &record->inode) || !reader_u32be(in, &record->uid) ||
	    !reader_u32be(in, &record->gid) || !reader_u32be(in, &record->modified) ||
	    !reader_u32be(in, &other_time) || !reader_u32be(in, &record->born) ||
	    !take_u64(in, &record->size) || !reader_u8(in, &record->protection_class) ||
	    !reader_u8(in, &count))
		return false;
	record->property_count = count;
	for (i = 0; i < count; i++)
		if (!take_bytes(in, &record->properties[i].name) ||
		    !take_bytes(in, &record->properties[i].value))
			return false;
	return true;
}

int mbdb_next(struct mbdb *mbdb, struct mbdb_record *record, struct err *err)
{
	struct reader in;
	size_t left;
	int r;

	for (;;) {
		left = mbdb->window.len - mbdb->used;
		in = reader_of(slice_of(mbdb->window.bytes + mbdb->used, left));
		if (take_record(&in, record)) {
			mbdb->used += left - in.left;
			return 0;
		}
		r = refill(mbdb, err);
		if (r == BACKUP_END && left)
			return err_set(err, ERR_CORRUPT,
				       "Manifest.mbdb ends within the record at %llu",
				       (unsigned long long)mbdb->offset);
		if (r)
			return r;
	}
}
