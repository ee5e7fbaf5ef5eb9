/* session_paths.c - the virtual directory: look, list, read, make, move, copy, remove */
#include "repo/session.h"

#include <stdlib.h>
#include <string.h>

int repo_session_check_path(const char *path, struct err *err)
{
	return path_check_relative(path, strlen(path), err);
}

int repo_session_get(struct repo_session *session, struct slice path, bool settles,
		     struct repo_value *value, struct err *err)
{
	struct repo_node *node;
	int r = repo_overlay_get(session->overlay, path, value, &node, err);

	if (r == 0 && settles && node && node->ticket != 0) {
		r = repo_pipe_drain(session->pipe, false, err);
		if (r == 0)
			r = repo_overlay_get(session->overlay, path, value, &node, err);
	}
	return r;
}

int repo_session_make_room(struct repo_session *session, struct err *err)
{
	int r;

	if (!repo_overlay_is_full(session->overlay))
		return 0;
	r = repo_pipe_drain(session->pipe, false, err);
	if (r == 0)
		r = repo_overlay_spill(session->overlay, err);
	session->generation++;
	return r;
}

int repo_session_put(struct repo_session *session, struct slice path,
		     const struct repo_value *value, struct repo_node **node, struct err *err)
{
	int r = repo_session_make_room(session, err);

	return r < 0 ? r : repo_overlay_put(session->overlay, path, value, node, err);
}

int repo_session_parents(struct repo_session *session, struct slice path, struct err *err)
{
	struct repo_value folder = {.kind = REPO_FOLDER}, value;
	size_t deepest = 0, known = 0;
	int r;

	for (size_t len = path.len; len-- > 0 && known == 0;) {
		struct repo_node *node;
		struct slice parent = slice_of(path.bytes, len);

		if (path.bytes[len] != '/')
			continue;
		if (deepest == 0)
			deepest = len;
		r = repo_overlay_get(session->overlay, parent, &value, &node, err);
		if (r < 0)
			return r;
		if (r == 0 && value.kind != REPO_FOLDER)
			return err_set(err, ERR_EXISTS, "%.*s: is a file", (int)parent.len,
				       (const char *)parent.bytes);
		if (r == 0)
			known = len;
		/* into memory, where the next file of the folder finds it at once */
		if (r == 0 && !node) {
			r = repo_session_put(session, parent, &value, NULL, err);
			if (r < 0)
				return r;
		}
	}
	folder.modified = clock_wall_seconds(session->repo->env.clock);
	for (size_t len = known + 1; len <= deepest; len++) {
		if (path.bytes[len] != '/')
			continue;
		r = repo_session_put(session, slice_of(path.bytes, len), &folder, NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the stream ---- */

int repo_session_merge_take(struct repo_session *session, struct repo_merge **merge,
			    struct err *err)
{
	if (session->merge && session->merge_generation == session->generation) {
		*merge = STEAL(session->merge);
		return 0;
	}
	return repo_merge_new(merge, session->overlay, err);
}

void repo_session_merge_give(struct repo_session *session, struct repo_merge *merge)
{
	repo_merge_free_p(&session->merge);
	session->merge = merge;
	session->merge_generation = session->generation;
}

/* "P/" for a folder, "" for the top: what all paths beneath begin with */
static struct slice beneath(const char *path, char out[REPO_PATH_LEN_MAX + 2])
{
	int len = snprintf(out, REPO_PATH_LEN_MAX + 2, "%s%s", path, *path ? "/" : "");

	return slice_of(out, (size_t)len);
}

static bool begins_with(struct slice path, struct slice prefix)
{
	return path.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(path.bytes, prefix.bytes, prefix.len) == 0);
}

static void entry_of(const struct repo_value *value, const char *path, struct repo_entry *entry)
{
	*entry = (struct repo_entry){.path = path,
				     .is_directory = value->kind == REPO_FOLDER,
				     .size = value->size,
				     .modified = value->modified};
}

/* ---- looking ---- */

int repo_session_stat(struct repo_session *session, const char *path, struct repo_entry *entry,
		      struct err *err)
{
	struct repo_value value;
	int r = repo_session_check_path(path, err);

	if (r == 0)
		r = repo_session_get(session, slice_text(path), false, &value, err);
	if (r == 0)
		entry_of(&value, path, entry);
	return r;
}

static int check_folder(struct repo_session *session, const char *path, struct err *err)
{
	struct repo_value value;
	int r;

	if (*path == 0)
		return 0;
	r = repo_session_check_path(path, err);
	if (r == 0)
		r = repo_session_get(session, slice_text(path), false, &value, err);
	return r == 0 && value.kind != REPO_FOLDER ? REPO_ABSENT : r;
}

/*
 * Children of a folder lie among all that is beneath them: behind a folder's own entry
 * the stream is set on behind its contents ('0' follows '/').
 */
static int list(struct repo_merge *merge, struct slice prefix,
		int (*each)(void *arg, const struct repo_entry *entry, struct err *err), void *arg,
		struct err *err)
{
	char name[REPO_PATH_LEN_MAX + 2];
	struct repo_entry entry;
	struct repo_value value;
	struct slice path;
	int r = repo_merge_seek(merge, prefix, err);

	while (r == 0 && (r = repo_merge_next(merge, &path, &value, NULL, err)) == 0) {
		const uint8_t *slash;
		size_t len = path.len - prefix.len;

		if (!begins_with(path, prefix))
			return 0;
		slash = memchr(path.bytes + prefix.len, '/', len);
		if (slash) {
			size_t skip = (size_t)(slash - path.bytes) + 1;

			memcpy(name, path.bytes, skip);
			name[skip - 1] = '0';
			r = repo_merge_seek(merge, slice_of(name, skip), err);
			continue;
		}
		memcpy(name, path.bytes + prefix.len, len);
		name[len] = 0;
		entry_of(&value, name, &entry);
		r = each(arg, &entry, err);
	}
	return r == REPO_ABSENT ? 0 : r;
}

int repo_session_list(struct repo_session *session, const char *path,
		      int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		      void *arg, struct err *err)
{
	char prefix[REPO_PATH_LEN_MAX + 2];
	struct repo_merge *merge;
	int r = check_folder(session, path, err);

	if (r == 0)
		r = repo_session_merge_take(session, &merge, err);
	if (r != 0)
		return r;
	r = list(merge, beneath(path, prefix), each, arg, err);
	repo_session_merge_give(session, merge);
	return r;
}

int repo_session_walk(struct repo_session *session, const char *prefix,
		      int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		      void *arg, struct err *err)
{
	char start_text[REPO_PATH_LEN_MAX + 2], text[REPO_PATH_LEN_MAX + 1];
	struct repo_merge *merge;
	struct repo_entry entry;
	struct repo_value value;
	struct slice start, path;
	int r;

	if (strlen(prefix) > REPO_PATH_LEN_MAX)
		return 0;
	start = beneath(prefix, start_text);
	r = repo_session_merge_take(session, &merge, err);
	if (r < 0)
		return r;
	r = repo_merge_seek(merge, start, err);
	while (r == 0 && (r = repo_merge_next(merge, &path, &value, NULL, err)) == 0) {
		if (!begins_with(path, start))
			break;
		memcpy(text, path.bytes, path.len);
		text[path.len] = 0;
		entry_of(&value, text, &entry);
		r = each(arg, &entry, err);
	}
	repo_session_merge_give(session, merge);
	return r == REPO_ABSENT ? 0 : r;
}

int repo_session_read(struct repo_session *session, const char *path, struct source **out,
		      struct err *err)
{
	struct repo_value value;
	struct repo_refs refs;
	int r = repo_session_usable(session, err);

	if (r == 0)
		r = repo_session_check_path(path, err);
	if (r == 0 && session->is_unflushed)
		r = repo_session_drain(session, err);
	if (r == 0)
		r = repo_session_get(session, slice_text(path), true, &value, err);
	if (r != 0)
		return r;
	if (value.kind != REPO_FILE)
		return REPO_ABSENT;
	if (!repo_refs_decode(value.content, value.size, &refs))
		return err_set(err, ERR_CORRUPT, "%s: table entry damaged", path);
	if (!session->reader) {
		r = repo_reader_new(&session->reader, &session->domain, session->index, err);
		if (r < 0)
			return r;
	}
	return repo_reader_source(out, session->reader, path, value.size, &refs, err);
}

/* ---- changing ---- */

/*
 * Calls @apply for every path beneath @folder.  The stream does not survive changes, so
 * paths are gathered a few hundred at a time and the stream is set on behind the last.
 */
enum { GATHER_LEN = 32 << 10 };

static int gather(struct repo_session *session, struct slice prefix, struct buf *last,
		  struct buf *paths, struct err *err)
{
	struct repo_merge *merge;
	struct repo_value value;
	struct slice path;
	int r = repo_session_merge_take(session, &merge, err);

	if (r < 0)
		return r;
	buf_truncate(paths, 0);
	r = repo_merge_seek(merge, buf_slice(last), err);
	while (r == 0 && paths->len < GATHER_LEN &&
	       (r = repo_merge_next(merge, &path, &value, NULL, err)) == 0) {
		if (!begins_with(path, prefix))
			break;
		r = buf_append_slice(paths, path, err);
		if (r == 0)
			r = buf_append_u8(paths, 0, err);
		buf_truncate(last, 0);
		/* a zero byte behind it: the least path that is greater */
		if (r == 0)
			r = buf_append_slice(last, path, err);
		if (r == 0)
			r = buf_append_u8(last, 0, err);
	}
	repo_session_merge_give(session, merge);
	return r == REPO_ABSENT ? 0 : r;
}

static int each_beneath(struct repo_session *session, const char *folder,
			int (*apply)(struct repo_session *session, const char *path,
				     const void *arg, struct err *err),
			const void *arg, struct err *err)
{
	CLEANUP(buf_clear) struct buf paths = BUF_INIT(GATHER_LEN + REPO_PATH_LEN_MAX + 1);
	CLEANUP(buf_clear) struct buf last = BUF_INIT(REPO_PATH_LEN_MAX + 1);
	char text[REPO_PATH_LEN_MAX + 2];
	struct slice prefix = beneath(folder, text);
	int r = buf_append_slice(&last, prefix, err);

	do {
		const char *path;

		if (r == 0)
			r = gather(session, prefix, &last, &paths, err);
		path = (const char *)paths.bytes;
		for (size_t at = 0; r == 0 && at < paths.len; at += strlen(path + at) + 1)
			r = apply(session, path + at, arg, err);
	} while (r == 0 && paths.len > 0);
	return r;
}

static int remove_one(struct repo_session *session, const char *path, const void *arg,
		      struct err *err)
{
	/* a mark of removal may need it */
	int r = repo_session_make_room(session, err);

	return r < 0 ? r : repo_overlay_remove(session->overlay, slice_text(path), err);
}

static int remove_tree(struct repo_session *session, const char *path, struct err *err)
{
	struct repo_value value;
	int r = repo_session_get(session, slice_text(path), false, &value, err);

	if (r == REPO_ABSENT)
		return 0;
	if (r == 0 && value.kind == REPO_FOLDER)
		r = each_beneath(session, path, remove_one, NULL, err);
	return r < 0 ? r : remove_one(session, path, NULL, err);
}

int repo_session_remove(struct repo_session *session, const char *path, struct err *err)
{
	int r = repo_session_usable(session, err);

	if (r == 0)
		r = repo_session_check_path(path, err);
	return r < 0 ? r : remove_tree(session, path, err);
}

int repo_session_mkdir(struct repo_session *session, const char *path, struct err *err)
{
	struct repo_value value;
	int r = repo_session_usable(session, err);

	if (r == 0)
		r = repo_session_check_path(path, err);
	if (r == 0)
		r = repo_session_get(session, slice_text(path), false, &value, err);
	if (r < 0)
		return r;
	if (r == 0)
		return value.kind == REPO_FOLDER ? 0
						 : err_set(err, ERR_EXISTS, "%s: is a file", path);
	r = repo_session_parents(session, slice_text(path), err);
	value = (struct repo_value){.kind = REPO_FOLDER};
	value.modified = clock_wall_seconds(session->repo->env.clock);
	return r < 0 ? r : repo_session_put(session, slice_text(path), &value, NULL, err);
}

/* ---- moving and copying ---- */

struct transfer {
	const char *from, *to;
	bool is_move;
};

/* @path, which is from or lies beneath it, as it will be called */
static int transfer_one(struct repo_session *session, const char *path, const void *arg,
			struct err *err)
{
	const struct transfer *transfer = arg;
	uint8_t content[REPO_CONTENT_LEN_MAX];
	char name[2 * REPO_PATH_LEN_MAX + 2];
	struct repo_value value;
	int len = snprintf(name, sizeof(name), "%s%s", transfer->to, path + strlen(transfer->from));
	int r;

	if (len > REPO_PATH_LEN_MAX)
		return err_set(err, ERR_LIMIT, "%.80s...: the new path is too long", name);
	r = repo_session_get(session, slice_text(path), true, &value, err);
	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_IO, "%s: vanished", path);
	/* content is borrowed from what the next calls may change */
	if (value.content.len > 0)
		memcpy(content, value.content.bytes, value.content.len);
	value.content.bytes = content;
	r = repo_session_put(session, slice_of(name, (size_t)len), &value, NULL, err);
	return r == 0 && transfer->is_move ? remove_one(session, path, NULL, err) : r;
}

static bool lies_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static int transfer(struct repo_session *session, const struct transfer *transfer, struct err *err)
{
	struct repo_value value;
	int r = repo_session_usable(session, err);

	if (r == 0)
		r = repo_session_check_path(transfer->from, err);
	if (r == 0)
		r = repo_session_check_path(transfer->to, err);
	if (r == 0)
		r = repo_session_get(session, slice_text(transfer->from), false, &value, err);
	if (r != 0)
		return r;
	if (!strcmp(transfer->from, transfer->to))
		return 0;
	if (lies_within(transfer->to, transfer->from) || lies_within(transfer->from, transfer->to))
		return err_set(err, ERR_USAGE, "%s and %s: one lies within the other",
			       transfer->from, transfer->to);
	r = repo_session_parents(session, slice_text(transfer->to), err);
	if (r == 0)
		r = remove_tree(session, transfer->to, err);
	/* the folder after its contents, or a move would leave them without one half-way */
	if (r == 0 && value.kind == REPO_FOLDER)
		r = each_beneath(session, transfer->from, transfer_one, transfer, err);
	return r < 0 ? r : transfer_one(session, transfer->from, transfer, err);
}

int repo_session_move(struct repo_session *session, const char *from, const char *to,
		      struct err *err)
{
	return transfer(session, &(struct transfer){from, to, true}, err);
}

int repo_session_copy(struct repo_session *session, const char *from, const char *to,
		      struct err *err)
{
	return transfer(session, &(struct transfer){from, to, false}, err);
}
