/*
 * Contents into a file: encrypted ones are decrypted on all cores
 *
 * Block i of CBC needs cipher block i - 1 only, so the pieces of a file are independent.
 * Sources belong to one thread at a time, and the kernel lets one write to a file at a time
 * (waiting for it in a busy loop): workers take turns at reading and at writing, and
 * decrypt side by side.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/cbc.h"

enum {
	BLOCK = CRYPTO_BLOCK_LEN,
	/* still in the cache when it is written, and few enough turns: of 64 KiB each took three
	   times as long */
	PIECE_LEN = 512 << 10,
	WORKERS_MAX = 16,
	SHARED_LEN_MIN = 8 << 20, /* what is shorter is done before a thread has begun */
};

/** struct copy - one file; @lock guards the source, @next, @result and @err; @writing the file */
struct copy {
	struct source *content;
	const struct cbc_view *view; /* NULL: the content is plain */
	const struct cancel *cancel;
	int fd;
	pthread_mutex_t lock, writing;
	uint64_t next;
	int result;
	struct err *err;
};

/** struct worker - a place for one piece and the block before it */
struct worker {
	struct copy *copy;
	struct crypto_cbc *cbc;
	uint8_t *bytes;
};

static int worker_open(struct worker *worker, struct copy *copy, struct err *err)
{
	worker->copy = copy;
	worker->bytes = malloc(BLOCK + PIECE_LEN);
	if (!worker->bytes)
		return err_no_memory(err);
	return copy->view ? crypto_cbc_new(&worker->cbc, err) : 0;
}

static void worker_close(struct worker *worker)
{
	if (worker->bytes)
		explicit_bzero(worker->bytes, BLOCK + PIECE_LEN);
	free(worker->bytes);
	crypto_cbc_free(worker->cbc);
}

/* The next piece behind the block in front of it; @len 0 at the end. Under the lock. */
static int take_piece(struct worker *worker, uint64_t *start, size_t *len, struct err *err)
{
	struct copy *copy = worker->copy;
	uint64_t left = copy->content->len - copy->next;
	int r;

	*start = copy->next;
	*len = left < PIECE_LEN ? (size_t)left : PIECE_LEN;
	if (!*len)
		return 0;
	r = cancel_check(copy->cancel, err);
	if (r < 0)
		return r;
	copy->next += *len;
	if (!copy->view)
		return source_read_exactly(copy->content, *start, worker->bytes + BLOCK, *len, err);
	return cbc_read_piece(copy->view->under, *start, (*len + BLOCK - 1) / BLOCK * BLOCK,
			      worker->bytes, err);
}

static int put_piece(struct worker *worker, uint64_t start, size_t len, struct err *err)
{
	uint8_t *text = worker->bytes + BLOCK;
	int r = 0;

	if (worker->copy->view) {
		r = crypto_cbc_start(worker->cbc, false, worker->copy->view->key, worker->bytes,
				     err);
		if (!r)
			r = crypto_cbc_update(worker->cbc, text, (len + BLOCK - 1) / BLOCK * BLOCK,
					      text, err);
	}
	if (r < 0)
		return r;
	pthread_mutex_lock(&worker->copy->writing);
	r = fs_pwrite_all(fs_system(), worker->copy->fd, text, len, start, err);
	pthread_mutex_unlock(&worker->copy->writing);
	return r;
}

/* The first failure is the copy's; others only end their worker. Under the lock. */
static void note_failure(struct copy *copy, int r, const struct err *err)
{
	if (r >= 0 || copy->result)
		return;
	copy->result = r;
	if (copy->err)
		*copy->err = *err;
}

static void work(struct worker *worker)
{
	struct copy *copy = worker->copy;
	struct err err = ERR_INIT;
	uint64_t start = 0;
	size_t len;
	int r = 0;

	do {
		pthread_mutex_lock(&copy->lock);
		note_failure(copy, r, &err);
		len = 0;
		r = copy->result ? 0 : take_piece(worker, &start, &len, &err);
		note_failure(copy, r, &err);
		pthread_mutex_unlock(&copy->lock);
		if (!r && len)
			r = put_piece(worker, start, len, &err);
	} while (len);
}

static void *work_thread(void *arg)
{
	work(arg);
	crypto_thread_end();
	return NULL;
}

static size_t count_workers(const struct source *content)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (content->len < SHARED_LEN_MIN || cores < 2)
		return 1;
	return cores < WORKERS_MAX ? (size_t)cores : WORKERS_MAX;
}

/* The calling thread is a worker too; a thread that cannot be had is done without. */
static int work_together(struct worker *workers, size_t count, struct copy *copy)
{
	pthread_t threads[WORKERS_MAX];
	size_t i, started;

	for (started = 1; started < count; started++)
		if (pthread_create(&threads[started], NULL, work_thread, &workers[started]))
			break;
	work(&workers[0]);
	for (i = 1; i < started; i++)
		pthread_join(threads[i], NULL);
	return copy->result;
}

int backup_content_copy(struct source *content, int fd, const struct cancel *cancel,
			struct err *err)
{
	struct worker workers[WORKERS_MAX] = {{.copy = NULL}};
	struct copy copy = {.content = content,
			    .view = cbc_view_of(content),
			    .cancel = cancel,
			    .fd = fd,
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .writing = PTHREAD_MUTEX_INITIALIZER,
			    .err = err};
	size_t i, count = count_workers(content);
	int r = 0;

	for (i = 0; i < count && !r; i++)
		r = worker_open(&workers[i], &copy, err);
	if (!r)
		r = work_together(workers, count, &copy);
	for (i = 0; i < count; i++)
		worker_close(&workers[i]);
	return r;
}
