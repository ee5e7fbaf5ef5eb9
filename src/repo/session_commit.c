/*
 * session_commit.c - the present state becomes a snapshot
 *
 * Order: packs, folder; index, folder; table, folder; head, folder.  Each is durable
 * before the next refers to it, and the head's creation under a name that must be free is
 * the one step that makes the snapshot exist.
 */
#include "repo/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int write_entries(struct repo_session *session, struct repo_table_writer *writer,
			 struct repo_head *head, struct err *err)
{
	struct repo_merge *merge;
	struct repo_value value;
	struct slice path;
	int r = repo_session_merge_take(session, &merge, err);

	if (r < 0)
		return r;
	r = repo_merge_seek(merge, SLICE_EMPTY, err);
	while (r == 0 && (r = repo_merge_next(merge, &path, &value, NULL, err)) == 0) {
		if (value.kind == REPO_FILE) {
			head->files++;
			head->bytes += value.size;
		}
		r = repo_table_writer_put(writer, path, &value, err);
		if (r == 0 && head->files % 4096 == 0)
			r = cancel_check(session->repo->env.cancel, err);
	}
	repo_session_merge_give(session, merge);
	return r == REPO_ABSENT ? 0 : r;
}

static int write_table(struct repo_session *session, struct repo_head *head, struct err *err)
{
	static const struct repo_table_options options = {.block_len = REPO_BLOCK_LEN,
							  .compresses = true};
	CLEANUP(repo_table_writer_free_p) struct repo_table_writer *writer = NULL;
	struct fs *fs = session->domain.fs;
	struct repo_name name;
	uint8_t salt[32];
	int r = repo_session_salt(session, "rehome table salt", salt, err);

	if (r == 0)
		r = repo_table_writer_new(&writer, &session->domain, head->seq, salt, &options,
					  err);
	if (r == 0)
		r = write_entries(session, writer, head, err);
	if (r == 0)
		r = repo_table_writer_finish(writer, &head->table, &session->table_written, err);
	if (r < 0)
		return r;
	repo_domain_file(&session->domain, &name, "table");
	r = fs->dir_sync(fs, name.text);
	return r < 0 ? err_set_errno(err, -r, "sync folder %s", name.text) : 0;
}

/* is the number that this session would take still free? the head's creation decides */
static bool is_overtaken(const struct repo_session *session, uint32_t seq)
{
	struct repo_name name;
	struct stat st;

	repo_domain_file(&session->domain, &name, "snap/%08x", seq);
	return session->domain.fs->stat(session->domain.fs, name.text, &st) == 0;
}

static int commit(struct repo_session *session, struct repo_head *head, struct slice note,
		  struct err *err)
{
	struct repo *repo = session->repo;
	uint8_t salt[32];
	int r = repo_pipe_checkpoint(session->pipe, err);

	if (r < 0)
		return r;
	if (is_overtaken(session, head->seq))
		return REPO_CONFLICT;
	head->pack_next = repo_ingest_next_pack(session->ingest);
	r = write_table(session, head, err);
	if (r == ERR_EXISTS)
		return REPO_CONFLICT;
	if (r == 0)
		r = repo->env.entropy->fill(repo->env.entropy, head->id, sizeof(head->id), err);
	if (r == 0)
		r = repo_session_salt(session, "rehome head salt", salt, err);
	if (r == 0)
		r = cancel_check(repo->env.cancel, err);
	return r < 0 ? r
		     : repo_head_write(&session->domain, head, note, salt, &session->table_written,
				       err);
}

int repo_session_commit(struct repo_session *session, int64_t time, struct slice note,
			char id[REPO_ID_LEN + 1], struct err *err)
{
	struct repo_head head = {
		.seq = session->newest_seq + 1, .time = time, .note_len = (uint32_t)note.len};
	struct repo_name name;
	int r = repo_session_usable(session, err);

	if (r < 0)
		return r;
	if (session->is_uploading)
		return err_set(err, ERR_USAGE, "an upload is open: %s", session->upload_path);
	if (note.len > REPO_NOTE_LEN_MAX)
		return err_set(err, ERR_LIMIT, "note of %zu bytes, limit %d", note.len,
			       REPO_NOTE_LEN_MAX);
	if (session->has_base)
		memcpy(head.parent, session->base.id, sizeof(head.parent));
	r = commit(session, &head, note, err);
	session->is_over = true;
	if (r != 0)
		return r < 0 ? err_wrap(err, r, "commit %s", session->domain.device) : r;
	hex_encode(head.id, sizeof(head.id), id);
	/* if it stays, the newer head tells that its session did commit */
	repo_domain_file(&session->domain, &name, "session");
	session->domain.fs->unlink(session->domain.fs, name.text);
	return 0;
}
