/*
 * apns_folder - where pushes wait for devices
 *
 * A push is a file of a topic, a line; an expiration, a line; and the body.  Files are put in
 * place by renaming, so that nobody reads half a push.
 */
#include "sim/apns.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_LEN = 4096 + 256 };

static const char *path_of(const char *folder, const char *part, const char *token,
			   char out[PATH_MAX_LEN])
{
	snprintf(out, PATH_MAX_LEN, "%.4095s/%s/%s", folder, part, token);
	return out;
}

int apns_folder_make(const char *folder, struct err *err)
{
	static const char *const parts[] = {"tokens", "gone", "pushes"};
	char path[PATH_MAX_LEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(parts); i++)
		r = fs_mkdirs(fs_system(), path_of(folder, parts[i], "", path), 0700, err);
	return r;
}

enum apns_presence apns_folder_presence(const char *folder, const char *token)
{
	char path[PATH_MAX_LEN];

	if (access(path_of(folder, "tokens", token, path), F_OK) == 0)
		return APNS_HERE;
	return access(path_of(folder, "gone", token, path), F_OK) == 0 ? APNS_GONE : APNS_UNKNOWN;
}

int apns_folder_put(const char *folder, const char *token, const char *topic, int64_t expiration,
		    struct slice body, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(APNS_BODY_MAX + 1024);
	char path[PATH_MAX_LEN];
	int r = buf_append_format(&text, err, "%s\n%lld\n", topic, (long long)expiration);

	if (r == 0)
		r = buf_append_slice(&text, body, err);
	return r < 0 ? r
		     : fs_write_file(fs_system(), path_of(folder, "pushes", token, path),
				     buf_slice(&text), 0600, err);
}

int apns_folder_take(const char *folder, const char *token, int64_t now, char topic[APNS_TOPIC_MAX],
		     struct buf *body, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(APNS_BODY_MAX + 1024);
	char path[PATH_MAX_LEN];
	const char *first, *second, *end;
	int64_t expiration;
	int r = fs_read_file(fs_system(), path_of(folder, "pushes", token, path), &text, err);

	if (r < 0)
		return r;
	unlink(path);
	first = buf_text(&text);
	second = strchr(first, '\n');
	end = second ? strchr(second + 1, '\n') : NULL;
	if (!end)
		return err_set(err, ERR_CORRUPT, "%s is no push", path);
	expiration = strtoll(second + 1, NULL, 10);
	if (expiration > 0 && expiration < now)
		return err_set(err, ERR_NOT_FOUND, "the push has expired");
	snprintf(topic, APNS_TOPIC_MAX, "%.*s", (int)(second - first), first);
	return buf_append_text(body, end + 1, err);
}

int apns_folder_listen(const char *folder, const char *token, const char *before, struct err *err)
{
	char path[PATH_MAX_LEN];
	int r = 0;

	if (before && *before && strcmp(before, token) != 0) {
		unlink(path_of(folder, "tokens", before, path));
		r = fs_write_file(fs_system(), path_of(folder, "gone", before, path), SLICE_EMPTY,
				  0600, err);
	}
	if (r < 0)
		return r;
	unlink(path_of(folder, "gone", token, path));
	return fs_write_file(fs_system(), path_of(folder, "tokens", token, path), SLICE_EMPTY, 0600,
			     err);
}
