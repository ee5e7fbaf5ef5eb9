/*
 * packs.c - the writing side of packs
 *
 * Blobs are sealed into one of two aligned buffers.  When it holds a megabyte its whole
 * 4 KiB blocks go to the writing thread and the rest begins the other buffer.  Writes are
 * direct where the file system allows it: they cost a fraction of what the page cache
 * costs on virtual machines, and what the device took is out of the process's hands.
 *
 * A pack is written as tmp-N; synced and only then called N.  Nothing durable refers to it
 * before that.  After a failed sync nobody can say what the disk holds: the pack is
 * removed and the session fails.
 */
#include "repo/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum {
	WRITE_LEN = 1 << 20,
	BUFFER_LEN = WRITE_LEN + REPO_BLOB_HEADER_LEN + REPO_SEALED_MAX + 2 * REPO_ALIGN,
	QUEUE_MAX = 4,
};

enum job_kind { JOB_WRITE, JOB_FINISH };

struct job {
	enum job_kind kind;
	int fd, buffer;
	uint32_t number;
	uint64_t offset; /* WRITE: where; FINISH: the exact length */
	size_t len;
};

struct repo_packs {
	const struct repo_domain *domain;
	uint8_t seed[32];
	/* the pack being made: sealing thread only */
	uint32_t next;
	int fd;
	struct repo_seal seal;
	uint64_t base; /* file offset of the current buffer's start, aligned */
	size_t fill;
	bool is_dirty; /* bytes in it that were not handed over yet */
	int current;
	uint8_t *pool, *buffers[2];
	/* shared with the writing thread */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job queue[QUEUE_MAX];
	unsigned first, count;
	bool is_buffer_out[2], stops;
	uint64_t written;
	int failure;
	struct err err;
};

static int write_job(struct repo_packs *packs, const struct job *job, struct err *err)
{
	int r = fs_pwrite_all(packs->domain->fs, job->fd, packs->buffers[job->buffer], job->len,
			      job->offset, err);

	return r < 0 ? err_wrap(err, r, "packs/tmp-%08x", job->number) : 0;
}

static int finish_job(struct repo_packs *packs, const struct job *job, struct err *err)
{
	struct fs *fs = packs->domain->fs;
	struct repo_name from, to;
	int r = fs->truncate(fs, job->fd, job->offset), s;

	repo_domain_file(packs->domain, &from, "packs/tmp-%08x", job->number);
	repo_domain_file(packs->domain, &to, "packs/%08x", job->number);
	if (r == 0) {
		r = fs->sync(fs, job->fd);
		if (r < 0)
			fs->unlink(fs, from.text);
	}
	s = fs->close(fs, job->fd);
	if (r == 0)
		r = s;
	if (r == 0)
		r = fs->rename_new(fs, from.text, to.text);
	return r < 0 ? err_set_errno(err, -r, "finish %s", from.text) : 0;
}

static void *writing_thread(void *arg)
{
	struct repo_packs *packs = arg;

	pthread_setname_np(pthread_self(), "repo-writer");
	pthread_mutex_lock(&packs->lock);
	for (;;) {
		struct err err = ERR_INIT;
		struct job job;
		int r = packs->failure;

		while (packs->count == 0 && !packs->stops)
			pthread_cond_wait(&packs->changed, &packs->lock);
		if (packs->count == 0)
			break;
		job = packs->queue[packs->first];
		r = packs->failure;
		pthread_mutex_unlock(&packs->lock);
		if (r < 0 && job.kind == JOB_FINISH)
			packs->domain->fs->close(packs->domain->fs, job.fd);
		if (r == 0)
			r = job.kind == JOB_WRITE ? write_job(packs, &job, &err)
						  : finish_job(packs, &job, &err);
		pthread_mutex_lock(&packs->lock);
		if (r < 0 && packs->failure == 0) {
			packs->failure = r;
			packs->err = err;
		}
		if (job.kind == JOB_WRITE) {
			packs->is_buffer_out[job.buffer] = false;
			__atomic_add_fetch(&packs->written, job.len, __ATOMIC_RELAXED);
		}
		packs->first = (packs->first + 1) % QUEUE_MAX;
		packs->count--;
		pthread_cond_broadcast(&packs->changed);
	}
	pthread_mutex_unlock(&packs->lock);
	return NULL;
}

int repo_packs_new(struct repo_packs **out, const struct repo_domain *domain, uint32_t next,
		   const uint8_t seed[32], struct err *err)
{
	struct repo_packs *packs = calloc(1, sizeof(*packs));

	if (!packs)
		return err_no_memory(err);
	packs->domain = domain;
	packs->next = next;
	packs->fd = -1;
	memcpy(packs->seed, seed, sizeof(packs->seed));
	packs->pool = repo_pool_new(2 * (size_t)BUFFER_LEN + REPO_ALIGN);
	if (!packs->pool) {
		free(packs);
		return err_no_memory(err);
	}
	packs->buffers[0] = packs->pool;
	packs->buffers[1] =
		packs->pool + (BUFFER_LEN + REPO_ALIGN - 1) / REPO_ALIGN * (size_t)REPO_ALIGN;
	pthread_mutex_init(&packs->lock, NULL);
	pthread_cond_init(&packs->changed, NULL);
	if (pthread_create(&packs->thread, NULL, writing_thread, packs) != 0) {
		repo_pool_free(packs->pool, 2 * (size_t)BUFFER_LEN + REPO_ALIGN);
		free(packs);
		return err_set(err, ERR_NO_MEMORY, "cannot start a thread");
	}
	*out = packs;
	return 0;
}

void repo_packs_free(struct repo_packs *packs)
{
	if (!packs)
		return;
	pthread_mutex_lock(&packs->lock);
	packs->stops = true;
	pthread_cond_broadcast(&packs->changed);
	pthread_mutex_unlock(&packs->lock);
	pthread_join(packs->thread, NULL);
	if (packs->fd >= 0)
		packs->domain->fs->close(packs->domain->fs, packs->fd);
	repo_seal_clear(&packs->seal);
	repo_pool_free(packs->pool, 2 * (size_t)BUFFER_LEN + REPO_ALIGN);
	pthread_mutex_destroy(&packs->lock);
	pthread_cond_destroy(&packs->changed);
	explicit_bzero(packs->seed, sizeof(packs->seed));
	free(packs);
}

/* ---- handing over ---- */

static int failure_of(struct repo_packs *packs, struct err *err)
{
	if (packs->failure < 0)
		return err_set(err, packs->failure, "%s", packs->err.text);
	return 0;
}

/* puts a job into the queue; waits while that is full */
static int enqueue(struct repo_packs *packs, const struct job *job, struct err *err)
{
	int r;

	pthread_mutex_lock(&packs->lock);
	while (packs->count == QUEUE_MAX && packs->failure == 0)
		pthread_cond_wait(&packs->changed, &packs->lock);
	r = failure_of(packs, err);
	if (r == 0) {
		packs->queue[(packs->first + packs->count++) % QUEUE_MAX] = *job;
		if (job->kind == JOB_WRITE)
			packs->is_buffer_out[job->buffer] = true;
		pthread_cond_broadcast(&packs->changed);
	}
	pthread_mutex_unlock(&packs->lock);
	return r;
}

static int wait_for_buffer(struct repo_packs *packs, int buffer, struct err *err)
{
	int r;

	pthread_mutex_lock(&packs->lock);
	while (packs->is_buffer_out[buffer] && packs->failure == 0)
		pthread_cond_wait(&packs->changed, &packs->lock);
	r = failure_of(packs, err);
	pthread_mutex_unlock(&packs->lock);
	return r;
}

static int wait_for_all(struct repo_packs *packs, struct err *err)
{
	int r;

	pthread_mutex_lock(&packs->lock);
	while (packs->count > 0 && packs->failure == 0)
		pthread_cond_wait(&packs->changed, &packs->lock);
	r = failure_of(packs, err);
	pthread_mutex_unlock(&packs->lock);
	return r;
}

/*
 * The whole blocks of the buffer, or with @is_all also the last one, filled up with zeros:
 * that one stays in memory and is written again when it has grown.
 */
static int hand_over(struct repo_packs *packs, bool is_all, struct err *err)
{
	size_t whole = packs->fill / REPO_ALIGN * REPO_ALIGN, rest = packs->fill - whole;
	uint8_t *from = packs->buffers[packs->current];
	int other = 1 - packs->current, r;
	struct job job = {.kind = JOB_WRITE,
			  .fd = packs->fd,
			  .buffer = packs->current,
			  .number = packs->next,
			  .offset = packs->base,
			  .len = whole};

	if (is_all && rest > 0) {
		memset(from + packs->fill, 0, REPO_ALIGN - rest);
		job.len += REPO_ALIGN;
	}
	if (job.len == 0 || !packs->is_dirty)
		return 0;
	r = wait_for_buffer(packs, other, err);
	if (r < 0)
		return r;
	memcpy(packs->buffers[other], from + whole, rest);
	r = enqueue(packs, &job, err);
	if (r < 0)
		return r;
	packs->current = other;
	packs->base += whole;
	packs->fill = rest;
	packs->is_dirty = !is_all && rest > 0;
	return 0;
}

/* ends the pack without waiting for it */
static int end_pack(struct repo_packs *packs, struct err *err)
{
	struct job job = {.kind = JOB_FINISH, .number = packs->next};
	int r = hand_over(packs, true, err);

	if (r < 0)
		return r;
	job.fd = packs->fd;
	job.offset = packs->base + packs->fill;
	r = enqueue(packs, &job, err);
	if (r < 0)
		return r;
	packs->fd = -1;
	packs->next++;
	repo_seal_clear(&packs->seal);
	return 0;
}

static int begin_pack(struct repo_packs *packs, struct err *err)
{
	struct fs *fs = packs->domain->fs;
	struct repo_name name;
	uint8_t salt[32], number[4];
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, r;

	put_u32le(number, packs->next);
	r = crypto_hkdf(slice_of(packs->seed, sizeof(packs->seed)), slice_of(number, 4),
			"rehome pack salt", salt, sizeof(salt), err);
	if (r == 0)
		r = wait_for_buffer(packs, packs->current, err);
	if (r == 0)
		r = repo_seal_new(&packs->seal, packs->domain, "RHpack01", packs->next, salt,
				  packs->buffers[packs->current], err);
	if (r < 0)
		return r;
	repo_domain_file(packs->domain, &name, "packs/tmp-%08x", packs->next);
	packs->fd = fs->open(fs, name.text, flags | O_DIRECT, 0600);
	if (packs->fd == -EINVAL) {
		/* no direct writes here (tmpfs): what the refused call left is an empty file */
		fs->unlink(fs, name.text);
		packs->fd = fs->open(fs, name.text, flags, 0600);
	}
	if (packs->fd < 0) {
		r = err_set_errno(err, -packs->fd, "create %s", name.text);
		packs->fd = -1;
		repo_seal_clear(&packs->seal);
		return r;
	}
	packs->base = 0;
	packs->fill = REPO_HEADER_LEN;
	packs->is_dirty = true;
	return 0;
}

/* ---- blobs ---- */

int repo_packs_room(struct repo_packs *packs, size_t len, uint8_t **payload, struct err *err)
{
	int r = packs->fd < 0 ? begin_pack(packs, err) : 0;

	if (r < 0)
		return r;
	if (packs->fill + REPO_BLOB_HEADER_LEN + len + CRYPTO_GCM_TAG_LEN + REPO_ALIGN > BUFFER_LEN)
		return err_set(err, ERR_LIMIT, "a chunk of %zu bytes", len);
	*payload = packs->buffers[packs->current] + packs->fill + REPO_BLOB_HEADER_LEN;
	return 0;
}

int repo_packs_seal(struct repo_packs *packs, struct repo_blob_header *header, const uint8_t *from,
		    size_t payload_len, struct repo_place *place, struct err *err)
{
	uint8_t *at = packs->buffers[packs->current] + packs->fill;
	uint8_t *payload = at + REPO_BLOB_HEADER_LEN;
	int r;

	header->stored = (uint32_t)(payload_len + CRYPTO_GCM_TAG_LEN);
	repo_blob_header_encode(header, at);
	r = repo_seal_put(&packs->seal, packs->base + packs->fill,
			  slice_of(at, REPO_BLOB_HEADER_LEN),
			  slice_of(from ? from : payload, payload_len), payload, err);
	if (r < 0)
		return r;
	memcpy(place->id, header->id, sizeof(place->id));
	place->pack = packs->next;
	place->offset = (uint32_t)(packs->base + packs->fill);
	place->stored = header->stored;
	place->plain = header->plain & 0xffffff;
	place->type = header->type;
	packs->fill += REPO_BLOB_HEADER_LEN + header->stored;
	packs->is_dirty = true;
	if (packs->base + packs->fill >= REPO_PACK_TARGET)
		return end_pack(packs, err);
	return packs->fill >= WRITE_LEN ? hand_over(packs, false, err) : 0;
}

int repo_packs_flush(struct repo_packs *packs, struct err *err)
{
	int r = packs->fd >= 0 ? hand_over(packs, true, err) : 0;

	return r < 0 ? r : wait_for_all(packs, err);
}

int repo_packs_finish(struct repo_packs *packs, struct err *err)
{
	struct repo_name name;
	int r = packs->fd >= 0 ? end_pack(packs, err) : 0;

	if (r == 0)
		r = wait_for_all(packs, err);
	if (r < 0)
		return r;
	repo_domain_file(packs->domain, &name, "packs");
	r = packs->domain->fs->dir_sync(packs->domain->fs, name.text);
	return r < 0 ? err_set_errno(err, -r, "sync folder %s", name.text) : 0;
}

uint32_t repo_packs_next(const struct repo_packs *packs)
{
	return packs->fd >= 0 ? packs->next + 1 : packs->next;
}

uint64_t repo_packs_written(const struct repo_packs *packs)
{
	return __atomic_load_n(&packs->written, __ATOMIC_RELAXED);
}
