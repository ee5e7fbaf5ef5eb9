/* bytes - slices, growing buffers with a maximum, and bounded reading */
#include "base/base.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* a buffer of at most so many bytes leaves no copy behind when it grows */
enum { WIPED_MAX = 256 << 10 };

struct slice slice_text(const char *text)
{
	return slice_of(text, text ? strlen(text) : 0);
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.bytes, b.bytes, a.len));
}

void buf_clear(struct buf *buf)
{
	free(buf->bytes);
	buf->bytes = NULL;
	buf->len = buf->cap = 0;
}

void buf_wipe(struct buf *buf)
{
	if (buf->bytes)
		explicit_bzero(buf->bytes, buf->cap);
	buf_clear(buf);
}

void buf_truncate(struct buf *buf, size_t len)
{
	if (len < buf->len)
		buf->len = len;
}

/* grow - realloc may leave a copy behind, and any small buffer may hold a secret; what is larger
 * holds files, and is moved by the kernel without a copy */
static uint8_t *grow(const struct buf *buf, size_t cap)
{
	uint8_t *bytes;

	if (buf->cap > WIPED_MAX)
		return realloc(buf->bytes, cap);
	bytes = malloc(cap);
	if (bytes && buf->bytes) {
		memcpy(bytes, buf->bytes, buf->cap);
		explicit_bzero(buf->bytes, buf->cap);
		free(buf->bytes);
	}
	return bytes;
}

int buf_reserve(struct buf *buf, size_t len, struct err *err)
{
	size_t want, cap;
	uint8_t *bytes;

	if (len > buf->max || buf->len > buf->max - len)
		return err_set(err, ERR_LIMIT, "buffer of %zu bytes would pass its limit of %zu",
			       buf->len, buf->max);
	want = buf->len + len;
	if (want <= buf->cap)
		return 0;
	cap = buf->cap ? buf->cap : 64;
	while (cap < want)
		cap = cap > SIZE_MAX / 2 ? want : cap * 2;
	if (cap > buf->max)
		cap = buf->max;
	bytes = grow(buf, cap);
	if (!bytes)
		return err_no_memory(err);
	buf->bytes = bytes;
	buf->cap = cap;
	return 0;
}

int buf_append(struct buf *buf, const void *bytes, size_t len, struct err *err)
{
	int r;

	if (len == 0)
		return 0;
	r = buf_reserve(buf, len, err);
	if (r < 0)
		return r;
	memcpy(buf->bytes + buf->len, bytes, len);
	buf->len += len;
	return 0;
}

int buf_append_slice(struct buf *buf, struct slice slice, struct err *err)
{
	return buf_append(buf, slice.bytes, slice.len, err);
}

int buf_append_u8(struct buf *buf, uint8_t value, struct err *err)
{
	return buf_append(buf, &value, 1, err);
}

int buf_append_u32be(struct buf *buf, uint32_t value, struct err *err)
{
	uint8_t bytes[4];

	put_u32be(bytes, value);
	return buf_append(buf, bytes, sizeof(bytes), err);
}

int buf_append_u32le(struct buf *buf, uint32_t value, struct err *err)
{
	uint8_t bytes[4];

	put_u32le(bytes, value);
	return buf_append(buf, bytes, sizeof(bytes), err);
}

int buf_append_u64be(struct buf *buf, uint64_t value, struct err *err)
{
	uint8_t bytes[8];

	put_u64be(bytes, value);
	return buf_append(buf, bytes, sizeof(bytes), err);
}

int buf_append_u64le(struct buf *buf, uint64_t value, struct err *err)
{
	uint8_t bytes[8];

	put_u64le(bytes, value);
	return buf_append(buf, bytes, sizeof(bytes), err);
}

int buf_append_text(struct buf *buf, const char *text, struct err *err)
{
	return buf_append(buf, text, strlen(text), err);
}

int buf_append_format(struct buf *buf, struct err *err, const char *format, ...)
{
	va_list arguments, again;
	int len, r = 0;

	va_start(arguments, format);
	va_copy(again, arguments);
	len = vsnprintf(NULL, 0, format, arguments);
	if (len < 0)
		r = err_set(err, ERR_USAGE, "a text that cannot be formatted");
	/* vsnprintf also writes a NUL: room for it, not counted */
	if (r == 0)
		r = buf_reserve(buf, (size_t)len + 1, err);
	if (r == 0) {
		vsnprintf((char *)buf->bytes + buf->len, (size_t)len + 1, format, again);
		buf->len += (size_t)len;
	}
	va_end(again);
	va_end(arguments);
	return r;
}

const char *buf_text(struct buf *buf)
{
	struct buf with_nul = *buf;

	with_nul.max = SIZE_MAX; /* the NUL does not count against the limit */
	if (buf_reserve(&with_nul, 1, NULL) < 0)
		return "";
	buf->bytes = with_nul.bytes;
	buf->cap = with_nul.cap;
	buf->bytes[buf->len] = 0;
	return (const char *)buf->bytes;
}

uint32_t get_u32be(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint32_t get_u32le(const uint8_t *at)
{
	return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

uint64_t get_u64be(const uint8_t *at)
{
	return (uint64_t)get_u32be(at) << 32 | get_u32be(at + 4);
}

uint64_t get_u64le(const uint8_t *at)
{
	return (uint64_t)get_u32le(at + 4) << 32 | get_u32le(at);
}

void put_u32be(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

void put_u32le(uint8_t *at, uint32_t value)
{
	at[3] = (uint8_t)(value >> 24);
	at[2] = (uint8_t)(value >> 16);
	at[1] = (uint8_t)(value >> 8);
	at[0] = (uint8_t)value;
}

void put_u64be(uint8_t *at, uint64_t value)
{
	put_u32be(at, (uint32_t)(value >> 32));
	put_u32be(at + 4, (uint32_t)value);
}

void put_u64le(uint8_t *at, uint64_t value)
{
	put_u32le(at, (uint32_t)value);
	put_u32le(at + 4, (uint32_t)(value >> 32));
}

bool reader_slice(struct reader *in, size_t len, struct slice *value)
{
	if (len > in->left)
		return false;
	*value = slice_of(in->at, len);
	in->at += len;
	in->left -= len;
	return true;
}

bool reader_skip(struct reader *in, size_t len)
{
	struct slice skipped;

	return reader_slice(in, len, &skipped);
}

bool reader_u8(struct reader *in, uint8_t *value)
{
	struct slice s;

	if (!reader_slice(in, 1, &s))
		return false;
	*value = s.bytes[0];
	return true;
}

bool reader_u16le(struct reader *in, uint16_t *value)
{
	struct slice s;

	if (!reader_slice(in, 2, &s))
		return false;
	*value = (uint16_t)(s.bytes[1] << 8 | s.bytes[0]);
	return true;
}

bool reader_u32be(struct reader *in, uint32_t *value)
{
	struct slice s;

	if (!reader_slice(in, 4, &s))
		return false;
	*value = get_u32be(s.bytes);
	return true;
}

bool reader_u32le(struct reader *in, uint32_t *value)
{
	struct slice s;

	if (!reader_slice(in, 4, &s))
		return false;
	*value = get_u32le(s.bytes);
	return true;
}

bool reader_u64le(struct reader *in, uint64_t *value)
{
	struct slice s;

	if (!reader_slice(in, 8, &s))
		return false;
	*value = get_u64le(s.bytes);
	return true;
}
