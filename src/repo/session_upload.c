/* session_upload.c - uploads as the caller sees them; the work is done behind the pipe */
#include "repo/session.h"

#include <stdlib.h>
#include <string.h>

/* results come in the order in which uploads ended */
int repo_session_settle(void *arg, struct slice content, struct err *err)
{
	struct repo_session *session = arg;
	struct session_pending *pending =
		&session->pending[session->pending_first++ % SESSION_PENDING_MAX];

	return repo_overlay_settle(session->overlay, pending->node, pending->ticket, content, err);
}

int repo_upload_begin(struct repo_session *session, const char *path, enum repo_content content,
		      struct err *err)
{
	struct repo_value value;
	int r = repo_session_usable(session, err);

	if (r == 0)
		r = repo_session_check_path(path, err);
	if (r < 0)
		return r;
	if (session->is_uploading)
		return err_set(err, ERR_USAGE, "an upload is open already: %s",
			       session->upload_path);
	r = repo_session_get(session, slice_text(path), false, &value, err);
	if (r < 0)
		return r;
	if (r == 0 && value.kind == REPO_FOLDER)
		return err_set(err, ERR_EXISTS, "%s: is a folder", path);
	r = repo_session_parents(session, slice_text(path), err);
	/* now, since the end must not wait: its result would come before it is watched */
	if (r == 0)
		r = repo_session_make_room(session, err);
	if (r == 0)
		r = repo_pipe_begin(session->pipe, content, err);
	if (r < 0)
		return r;
	strcpy(session->upload_path, path);
	session->upload_size = 0;
	session->is_uploading = true;
	return 0;
}

int repo_upload_write(struct repo_session *session, struct slice bytes, struct err *err)
{
	int r;

	if (!session->is_uploading)
		return err_set(err, ERR_USAGE, "no upload is open");
	r = repo_pipe_write(session->pipe, bytes, err);
	if (r < 0)
		return err_wrap(err, r, "%s", session->upload_path);
	session->upload_size += bytes.len;
	session->received += bytes.len;
	session->is_unflushed = true;
	return 0;
}

int repo_upload_end(struct repo_session *session, struct err *err)
{
	struct repo_value value = {.kind = REPO_FILE, .size = session->upload_size};
	struct session_pending *pending;
	struct repo_node *node;
	int r;

	if (!session->is_uploading)
		return err_set(err, ERR_USAGE, "no upload is open");
	session->is_uploading = false;
	value.modified = clock_wall_seconds(session->repo->env.clock);
	r = repo_pipe_end(session->pipe, err);
	/* watched before anything may wait: a result that comes first would be lost */
	if (session->pending_end - session->pending_first == SESSION_PENDING_MAX && r == 0)
		r = err_set(err, ERR_LIMIT, "too many uploads at once");
	if (r == 0)
		r = repo_overlay_put(session->overlay, slice_text(session->upload_path), &value,
				     &node, err);
	if (r < 0)
		return err_wrap(err, r, "%s", session->upload_path);
	pending = &session->pending[session->pending_end % SESSION_PENDING_MAX];
	*pending = (struct session_pending){node, ++session->pending_end};
	repo_overlay_watch(node, pending->ticket);
	session->files_received++;
	return 0;
}

void repo_upload_drop(struct repo_session *session)
{
	if (!session->is_uploading)
		return;
	session->is_uploading = false;
	repo_pipe_drop(session->pipe, NULL); /* a failure is told by the next call */
}

int repo_session_drain(struct repo_session *session, struct err *err)
{
	int r = repo_session_usable(session, err);

	if (r == 0)
		r = repo_pipe_drain(session->pipe, true, err);
	if (r == 0)
		session->is_unflushed = false;
	return r;
}

void repo_session_stats(const struct repo_session *session, struct repo_stats *stats)
{
	struct repo_counts counts;
	uint64_t written;

	repo_pipe_counts(session->pipe, &counts, &written);
	*stats = (struct repo_stats){
		.received_bytes = session->received,
		.new_bytes = counts.fresh,
		.stored_bytes = counts.stored,
		.written_bytes = written + session->table_written +
				 repo_overlay_scratch_written(session->overlay),
		.again_bytes = counts.again,
		.files_received = session->files_received,
	};
	/* which of the new bytes the lost ones were is not known: at most all of them */
	stats->lost_bytes =
		session->start.lost_bytes < counts.fresh ? session->start.lost_bytes : counts.fresh;
}
