/*
 * wire_log - every message that crosses the wire, one JSON object a line
 *
 * Data is written as its length and SHA-1 (the digest that backups use, so that a line can be
 * compared with a manifest), passwords not at all.  The log is for reading after a test: it is
 * flushed line by line and never read back.
 */
#include "sim/wire.h"

#include "crypto/crypto.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_MAX_LEN = 256 << 20, DEPTH_MAX = 70 };

struct wire_log {
	pthread_mutex_t mutex;
	FILE *file;
	struct clock *clock;
	struct buf line; /* reused; its memory is first-touched once */
};

int wire_log_new(struct wire_log **out, const char *path, struct clock *clock, struct err *err)
{
	struct wire_log *log = calloc(1, sizeof(*log));

	if (!log)
		return err_no_memory(err);
	log->clock = clock;
	log->line = BUF_INIT(LINE_MAX_LEN);
	if (path) {
		log->file = fopen(path, "ae");
		if (!log->file) {
			int number = errno;

			free(log);
			return err_set_errno(err, number, "open the log %s", path);
		}
	}
	pthread_mutex_init(&log->mutex, NULL);
	*out = log;
	return 0;
}

void wire_log_free(struct wire_log *log)
{
	if (!log)
		return;
	if (log->file)
		fclose(log->file);
	buf_wipe(&log->line);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

bool wire_log_is_on(const struct wire_log *log)
{
	return log && log->file;
}

static void put(struct buf *line, const char *text)
{
	struct err ignored = ERR_INIT; /* a line over its limit is cut; a log must not end a run */

	(void)buf_append_text(line, text, &ignored);
}

static void put_string(struct buf *line, const char *text, size_t len)
{
	struct err ignored = ERR_INIT;

	put(line, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			(void)buf_append_format(line, &ignored, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void)buf_append_format(line, &ignored, "\\u%04x", c);
		else
			(void)buf_append_u8(line, c, &ignored);
	}
	put(line, "\"");
}

static void put_pair(struct buf *line, const char *key, const char *text)
{
	put(line, ",");
	put_string(line, key, strlen(key));
	put(line, ":");
	put_string(line, text, strlen(text));
}

static void put_digest(struct buf *line, uint64_t len, const uint8_t sha1[CRYPTO_SHA1_LEN])
{
	char hex[2 * CRYPTO_SHA1_LEN + 1];
	struct err ignored = ERR_INIT;

	hex_encode(sha1, CRYPTO_SHA1_LEN, hex);
	(void)buf_append_format(line, &ignored, "\"len\":%llu,\"sha1\":\"%s\"",
				(unsigned long long)len, hex);
}

/* a backup password may stand under "Password", "OldPassword", "NewPassword" */
static bool is_secret(const struct plist *value)
{
	return value->key && strcasestr(value->key, "password") && value->type == PLIST_STRING;
}

static void put_value(struct buf *line, const struct plist *value, unsigned depth)
{
	struct err ignored = ERR_INIT;
	uint8_t sha1[CRYPTO_SHA1_LEN];
	const struct plist *item;

	if (!value || depth > DEPTH_MAX) {
		put(line, "null");
		return;
	}
	switch (value->type) {
	case PLIST_BOOL:
		put(line, value->as.boolean ? "true" : "false");
		break;
	case PLIST_INT:
		(void)buf_append_format(line, &ignored, value->is_wide ? "%llu" : "%lld",
					(long long)value->as.integer);
		break;
	case PLIST_REAL:
		if (isfinite(value->as.real))
			(void)buf_append_format(line, &ignored, "%.17g", value->as.real);
		else
			put(line, "null");
		break;
	case PLIST_DATE:
		(void)buf_append_format(line, &ignored, "{\"date\":%.0f}", value->as.date);
		break;
	case PLIST_DATA:
		crypto_sha1(value->as.data, sha1);
		put(line, "{");
		put_digest(line, value->as.data.len, sha1);
		put(line, "}");
		break;
	case PLIST_STRING:
		if (is_secret(value))
			put(line, "\"(secret)\"");
		else
			put_string(line, value->as.string.text, value->as.string.len);
		break;
	case PLIST_UID:
		(void)buf_append_format(line, &ignored, "{\"uid\":%llu}",
					(unsigned long long)value->as.uid);
		break;
	case PLIST_ARRAY:
	case PLIST_DICT:
		put(line, value->type == PLIST_ARRAY ? "[" : "{");
		for (item = value->as.items.first; item; item = item->next) {
			if (item != value->as.items.first)
				put(line, ",");
			if (value->type == PLIST_DICT) {
				put_string(line, item->key, item->key_len);
				put(line, ":");
			}
			put_value(line, item, depth + 1);
		}
		put(line, value->type == PLIST_ARRAY ? "]" : "}");
		break;
	case PLIST_NULL:
		put(line, "null");
		break;
	}
}

/* both hold the log's mutex between them */
static void begin(struct wire_log *log, const char *udid)
{
	char time[21];
	struct err ignored = ERR_INIT;

	pthread_mutex_lock(&log->mutex);
	buf_truncate(&log->line, 0);
	(void)buf_append_format(&log->line, &ignored, "{\"time\":\"%s\"",
				time_format_utc(clock_wall_seconds(log->clock), time));
	if (udid)
		put_pair(&log->line, "device", udid);
}

static void finish(struct wire_log *log)
{
	put(&log->line, "}\n");
	fwrite(log->line.bytes, 1, log->line.len, log->file);
	fflush(log->file);
	pthread_mutex_unlock(&log->mutex);
}

static void begin_message(struct wire_log *log, const struct wire_peer *peer, const char *direction)
{
	struct err ignored = ERR_INIT;

	begin(log, peer->device ? peer->device->udid : NULL);
	(void)buf_append_format(&log->line, &ignored, ",\"connection\":%u", peer->number);
	put_pair(&log->line, "service", peer->service);
	put_pair(&log->line, "direction", direction);
}

void wire_log_plist(struct wire_peer *peer, const char *direction, const struct plist *root)
{
	struct wire_log *log = wire_log_of(peer->wire);

	if (!wire_log_is_on(log))
		return;
	begin_message(log, peer, direction);
	put(&log->line, ",\"message\":");
	put_value(&log->line, root, 0);
	finish(log);
}

void wire_log_text(struct wire_log *log, const char *udid, const char *event, const char *text)
{
	if (!wire_log_is_on(log))
		return;
	begin(log, udid);
	put_pair(&log->line, event, text);
	finish(log);
}

void wire_log_file(struct wire_peer *peer, const char *direction, const char *name, uint64_t len,
		   const uint8_t sha1[20], const char *error)
{
	struct wire_log *log = wire_log_of(peer->wire);

	if (!wire_log_is_on(log))
		return;
	begin_message(log, peer, direction);
	put_pair(&log->line, "file", name);
	put(&log->line, ",");
	put_digest(&log->line, len, sha1);
	if (error)
		put_pair(&log->line, "error", error);
	finish(log);
}

void wire_warn(struct wire_peer *peer, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "warning %s: %s\n", peer->service, text);
	wire_log_text(wire_log_of(peer->wire), peer->device ? peer->device->udid : NULL, "warning",
		      text);
}
