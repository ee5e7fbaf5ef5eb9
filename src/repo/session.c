/* session.c - opening and closing the virtual directory of a device */
#include "repo/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- one session a device ---- */

static int busy(struct repo_session *session, const char *path, struct err *err)
{
	CLEANUP(buf_clear) struct buf holder = BUF_INIT(256);

	if (fs_read_file(session->domain.fs, path, &holder, NULL) < 0)
		buf_truncate(&holder, 0);
	return err_set(err, ERR_BUSY, "%s is being backed up by %s", session->domain.device,
		       holder.len > 0 ? buf_text(&holder) : "another process");
}

static int lock(struct repo_session *session, struct err *err)
{
	struct fs *fs = session->domain.fs;
	char holder[128], host[65] = "";
	struct repo_name name;
	int r;

	repo_domain_file(&session->domain, &name, "lock");
	session->lock_fd = fs->open(fs, name.text, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (session->lock_fd < 0)
		return err_set_errno(err, -session->lock_fd, "%s", name.text);
	r = fs->lock(fs, session->lock_fd, true);
	if (r == -EWOULDBLOCK)
		return busy(session, name.text, err);
	if (r < 0)
		return err_set_errno(err, -r, "lock %s", name.text);
	/* for the other's error text only: what cannot be written is left out */
	gethostname(host, sizeof(host) - 1);
	snprintf(holder, sizeof(holder), "process %ld on %s", (long)getpid(), host);
	if (fs->truncate(fs, session->lock_fd, 0) == 0)
		fs->pwrite(fs, session->lock_fd, holder, strlen(holder), 0);
	return 0;
}

/* ---- where it starts ---- */

/* the newest head that can be read; its number is above that of every head */
static int find_base(struct repo_session *session, bool is_empty, struct err *err)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers heads = {0};
	struct repo_name name;
	struct err why = ERR_INIT;
	int r = repo_numbers_read(&heads, session->domain.fs,
				  repo_domain_file(&session->domain, &name, "snap"), "", err);

	if (r < 0 || heads.count == 0)
		return r;
	session->newest_seq = heads.list[heads.count - 1];
	for (size_t i = heads.count; i-- > 0 && !session->has_base;) {
		r = repo_head_read(&session->domain, heads.list[i], &session->base, NULL, &why);
		session->has_base = r == 0;
		if (r < 0 && r != ERR_CORRUPT)
			return err_set(err, r, "%s", why.text);
	}
	if (!session->has_base || is_empty)
		return 0;
	return repo_table_open(&session->base_table, &session->domain, &session->base.table, err);
}

struct sum {
	uint32_t from;
	uint64_t bytes;
};

static int sum_place(void *arg, const struct repo_place *place)
{
	struct sum *sum = arg;

	if (place->pack >= sum->from && place->type == REPO_BLOB_DATA)
		sum->bytes += place->plain;
	return 0;
}

/* what an interrupted session left: fills start, finds the first free pack number */
static int take_over(struct repo_session *session, bool is_index_damaged, uint32_t *next_pack,
		     struct err *err)
{
	struct repo_session_start *start = &session->start;
	struct sum sum = {.from = session->has_base ? session->base.pack_next : 0};
	uint32_t base_seq;
	uint64_t expected = 0;
	unsigned found;
	int r = repo_journal_read(&session->domain, &base_seq, &expected, err);

	if (r < 0)
		return r;
	/* a journal older than the newest head is that of a session that did commit */
	start->was_interrupted = r == 0 && base_seq == session->newest_seq;
	if (!start->was_interrupted)
		expected = 0;
	r = repo_session_salvage(session, is_index_damaged, next_pack, &found, err);
	if (r < 0)
		return r;
	if (!start->was_interrupted && *next_pack <= sum.from)
		return 0;
	r = repo_index_each(session->index, sum_place, &sum, err);
	if (r < 0)
		return r;
	start->was_interrupted |= sum.bytes > 0;
	start->salvaged_bytes = sum.bytes;
	start->lost_bytes = expected > sum.bytes ? expected - sum.bytes : 0;
	return 0;
}

static int open_uploads(struct repo_session *session, uint32_t next_pack, struct err *err)
{
	struct repo_ingest_options options = {
		.domain = &session->domain,
		.index = session->index,
		.again_from = session->has_base ? session->base.pack_next : 0,
		.next_pack = next_pack,
		.seed = session->seed,
	};
	int r = repo_journal_open(&session->journal, &session->domain, session->newest_seq,
				  session->start.salvaged_bytes, err);

	if (r == 0)
		r = repo_ingest_new(&session->ingest, &options, err);
	if (r == 0)
		r = repo_pipe_new(&session->pipe, session->ingest, &session->journal,
				  repo_session_settle, session, err);
	return r;
}

static int open_all(struct repo_session *session, bool is_empty, struct err *err)
{
	unsigned damaged = 0;
	uint32_t next_pack;
	int r = find_base(session, is_empty, err);

	if (r == 0)
		r = repo_index_open(&session->index, &session->domain, true, &damaged, NULL, err);
	if (r == 0)
		r = take_over(session, damaged > 0, &next_pack, err);
	if (r == 0)
		r = open_uploads(session, next_pack, err);
	if (r == 0)
		r = repo_overlay_new(&session->overlay, &session->domain,
				     session->base_table.fs ? &session->base_table : NULL,
				     session->seed, err);
	return r;
}

int repo_session_begin(struct repo_session **out, struct repo *repo, const char *device,
		       bool is_empty, struct repo_session_start *start, struct err *err)
{
	CLEANUP(repo_session_free_p) struct repo_session *session = calloc(1, sizeof(*session));
	int r;

	if (!session)
		return err_no_memory(err);
	session->repo = repo;
	session->lock_fd = session->journal.fd = session->base_table.fd = -1;
	session->is_over = true; /* until it stands, freeing it saves nothing */
	session->pending = calloc(SESSION_PENDING_MAX, sizeof(*session->pending));
	if (!session->pending)
		return err_no_memory(err);
	r = repo->env.entropy->fill(repo->env.entropy, session->seed, sizeof(session->seed), err);
	if (r == 0)
		r = repo_domain_open(&session->domain, repo, device, true, err);
	if (r == 0)
		r = lock(session, err);
	if (r == 0)
		r = open_all(session, is_empty, err);
	if (r < 0)
		return err_wrap(err, r, "begin a session of %s", device);
	if (session->base_table.fs)
		hex_encode(session->base.id, sizeof(session->base.id), session->start.base);
	session->is_over = false;
	if (start)
		*start = session->start;
	*out = STEAL(session);
	return 0;
}

/* what arrived must be found by the next session, also after a power cut */
static void save_for_later(struct repo_session *session)
{
	struct repo_counts counts;
	uint64_t written;

	if (session->is_uploading)
		repo_pipe_drop(session->pipe, NULL);
	if (repo_pipe_checkpoint(session->pipe, NULL) < 0)
		return;
	/* bytes of a chunk that was not complete are not lost: nobody could have kept them */
	repo_pipe_counts(session->pipe, &counts, &written);
	repo_journal_note(&session->journal, counts.handled, counts.known, NULL);
}

void repo_session_free(struct repo_session *session)
{
	struct fs *fs;

	if (!session)
		return;
	fs = session->repo->env.fs;
	if (!session->is_over)
		save_for_later(session);
	repo_pipe_free(session->pipe);
	repo_ingest_free(session->ingest);
	repo_journal_close(&session->journal);
	repo_merge_free_p(&session->merge);
	repo_overlay_free(session->overlay);
	repo_reader_free(session->reader);
	repo_index_free(session->index);
	repo_table_clear(&session->base_table);
	free(session->pending);
	if (session->lock_fd >= 0)
		fs->close(fs, session->lock_fd);
	repo_domain_clear(&session->domain);
	explicit_bzero(session->seed, sizeof(session->seed));
	free(session);
}

void repo_session_free_p(struct repo_session **session)
{
	repo_session_free(*session);
}

int repo_session_salt(const struct repo_session *session, const char *label, uint8_t salt[32],
		      struct err *err)
{
	return crypto_hkdf(slice_of(session->seed, sizeof(session->seed)), SLICE_EMPTY, label, salt,
			   32, err);
}

int repo_session_usable(const struct repo_session *session, struct err *err)
{
	if (session->is_over)
		return err_set(err, ERR_USAGE, "the session of %s is over", session->domain.device);
	return 0;
}
