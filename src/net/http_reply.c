/*
 * What the HTTP client got: status, headers, body
 */
#include "net/http_multi.h"

#include <string.h>
#include <strings.h>

void http_reply_clear(struct http_reply *reply)
{
	buf_wipe(&reply->body);
	buf_wipe(&reply->fields);
	*reply = HTTP_REPLY_INIT;
}

const char *http_reply_field(const struct http_reply *reply, const char *name)
{
	const char *at = (const char *)reply->fields.bytes, *end = at + reply->fields.len;

	while (at < end) {
		const char *value = at + strlen(at) + 1;

		if (strcasecmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

static int put_text(struct buf *out, const void *bytes, size_t len)
{
	int r = buf_append(out, bytes, len, NULL);

	return r == 0 ? buf_append_u8(out, 0, NULL) : r;
}

int http_reply_take(struct http_reply *reply, struct slice line)
{
	const uint8_t *colon, *value, *end = line.bytes + line.len;
	int r;

	if (line.len >= 5 && memcmp(line.bytes, "HTTP/", 5) == 0) {
		buf_truncate(&reply->fields, 0);
		return 0;
	}
	colon = memchr(line.bytes, ':', line.len);
	if (!colon || memchr(line.bytes, 0, line.len))
		return 0;
	value = colon + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && strchr(" \t\r\n", end[-1]))
		end--;
	r = put_text(&reply->fields, line.bytes, (size_t)(colon - line.bytes));
	return r == 0 ? put_text(&reply->fields, value, (size_t)(end - value)) : r;
}
