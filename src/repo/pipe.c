/*
 * pipe.c - the worker thread, and the batches in which uploads reach it
 *
 * A batch is a row of records: begin, bytes, end.  Files of a few kilobytes share one, so
 * that handing over costs next to nothing a file; its buffer is reused for ever.  Results
 * (the chunks of each ended upload) travel back in the batch and are settled by the
 * caller's own thread, which alone knows the overlay.
 */
#include "repo/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH_LEN = 512 << 10,
	BATCHES = 4,
	RECORD_LEN = 8, /* kind u8, content u8, two bytes unused, length u32 */
	/* uploads that end in one batch: bounds what results can take */
	ENDS_MAX = 1024,
};

enum record { RECORD_BEGIN = 1, RECORD_BYTES, RECORD_END, RECORD_DROP, RECORD_FLUSH, RECORD_SAVE };

struct batch {
	uint8_t *bytes;
	size_t len;
	unsigned ends;
	uint64_t received;  /* upload bytes up to and with this batch */
	struct buf results; /* per end: length u16, encoded references */
};

struct repo_pipe {
	struct repo_ingest *ingest;
	struct repo_journal *journal;
	int (*settle)(void *arg, struct slice content, struct err *err);
	void *arg;
	uint8_t *pool;
	struct batch batches[BATCHES];
	/* caller's thread: batch n lives in batches[n % BATCHES] */
	uint64_t filling, settled;
	size_t open_record; /* offset of the bytes record that may still grow, or 0 */
	uint64_t received;
	/* shared */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t handed, done; /* batches handed over; handled */
	bool stops;
	int failure;
	struct err err;
	struct repo_counts counts;
	uint64_t written;
};

/* ---- the worker ---- */

static int push_result(struct batch *batch, const uint8_t *content, size_t len, struct err *err)
{
	uint8_t head[2] = {(uint8_t)len, (uint8_t)(len >> 8)};
	int r = buf_append(&batch->results, head, sizeof(head), err);

	return r < 0 ? r : buf_append(&batch->results, content, len, err);
}

/* begin, bytes and end lying together: the usual small file; returns its length or 0 */
static size_t whole_file(const struct batch *batch, size_t at, struct slice *bytes)
{
	size_t left = batch->len - at, len;
	const uint8_t *record = batch->bytes + at + RECORD_LEN;

	if (left < 3 * RECORD_LEN || record[0] != RECORD_BYTES)
		return 0;
	len = get_u32le(record + 4);
	if (left < 3 * RECORD_LEN + len || record[RECORD_LEN + len] != RECORD_END)
		return 0;
	*bytes = slice_of(record + RECORD_LEN, len);
	return 3 * RECORD_LEN + len;
}

static int handle_record(struct repo_pipe *pipe, struct batch *batch, size_t *at, struct err *err)
{
	const uint8_t *record = batch->bytes + *at;
	uint8_t content[REPO_CONTENT_LEN_MAX];
	size_t len = get_u32le(record + 4), content_len;
	struct slice bytes;
	int r = 0;

	*at += RECORD_LEN + len;
	switch ((enum record)record[0]) {
	case RECORD_BEGIN:
		len = whole_file(batch, *at - RECORD_LEN, &bytes);
		if (len == 0) {
			repo_ingest_begin(pipe->ingest, record[1]);
			break;
		}
		*at += len - RECORD_LEN;
		r = repo_ingest_whole(pipe->ingest, record[1], bytes, content, &content_len, err);
		return r < 0 ? r : push_result(batch, content, content_len, err);
	case RECORD_BYTES:
		return repo_ingest_write(pipe->ingest, slice_of(record + RECORD_LEN, len), err);
	case RECORD_END:
		r = repo_ingest_end(pipe->ingest, content, &content_len, err);
		return r < 0 ? r : push_result(batch, content, content_len, err);
	case RECORD_DROP:
		repo_ingest_begin(pipe->ingest, REPO_CONTENT_ANY);
		break;
	case RECORD_FLUSH:
		return repo_ingest_flush(pipe->ingest, err);
	case RECORD_SAVE:
		return repo_ingest_checkpoint(pipe->ingest, err);
	}
	return 0;
}

static int handle_batch(struct repo_pipe *pipe, struct batch *batch, struct err *err)
{
	size_t at = 0;
	int r = 0;

	if (pipe->journal)
		r = repo_journal_note(pipe->journal, batch->received,
				      repo_ingest_counts(pipe->ingest)->known, err);
	while (at < batch->len && r == 0)
		r = handle_record(pipe, batch, &at, err);
	return r;
}

static void *worker(void *arg)
{
	struct repo_pipe *pipe = arg;

	pthread_setname_np(pthread_self(), "repo-worker");
	pthread_mutex_lock(&pipe->lock);
	for (;;) {
		struct err err = ERR_INIT;
		int r;

		while (pipe->done == pipe->handed && !pipe->stops)
			pthread_cond_wait(&pipe->changed, &pipe->lock);
		if (pipe->done == pipe->handed)
			break;
		r = pipe->failure;
		pthread_mutex_unlock(&pipe->lock);
		if (r == 0)
			r = handle_batch(pipe, &pipe->batches[pipe->done % BATCHES], &err);
		pthread_mutex_lock(&pipe->lock);
		if (r < 0 && pipe->failure == 0) {
			pipe->failure = r;
			pipe->err = err;
		}
		pipe->counts = *repo_ingest_counts(pipe->ingest);
		pipe->written = repo_ingest_written(pipe->ingest);
		pipe->done++;
		pthread_cond_broadcast(&pipe->changed);
	}
	pthread_mutex_unlock(&pipe->lock);
	return NULL;
}

int repo_pipe_new(struct repo_pipe **out, struct repo_ingest *ingest, struct repo_journal *journal,
		  int (*settle)(void *arg, struct slice content, struct err *err), void *arg,
		  struct err *err)
{
	struct repo_pipe *pipe = calloc(1, sizeof(*pipe));

	if (!pipe)
		return err_no_memory(err);
	pipe->ingest = ingest;
	pipe->journal = journal;
	pipe->settle = settle;
	pipe->arg = arg;
	pipe->pool = repo_pool_new((size_t)BATCHES * BATCH_LEN);
	if (!pipe->pool) {
		free(pipe);
		return err_no_memory(err);
	}
	for (int i = 0; i < BATCHES; i++) {
		pipe->batches[i].bytes = pipe->pool + (size_t)i * BATCH_LEN;
		pipe->batches[i].results = BUF_INIT((size_t)ENDS_MAX * (REPO_CONTENT_LEN_MAX + 2));
	}
	pthread_mutex_init(&pipe->lock, NULL);
	pthread_cond_init(&pipe->changed, NULL);
	if (pthread_create(&pipe->thread, NULL, worker, pipe) != 0) {
		repo_pool_free(pipe->pool, (size_t)BATCHES * BATCH_LEN);
		free(pipe);
		return err_set(err, ERR_NO_MEMORY, "cannot start a thread");
	}
	*out = pipe;
	return 0;
}

void repo_pipe_free(struct repo_pipe *pipe)
{
	if (!pipe)
		return;
	pthread_mutex_lock(&pipe->lock);
	pipe->stops = true;
	pthread_cond_broadcast(&pipe->changed);
	pthread_mutex_unlock(&pipe->lock);
	pthread_join(pipe->thread, NULL);
	for (int i = 0; i < BATCHES; i++)
		buf_clear(&pipe->batches[i].results);
	repo_pool_free(pipe->pool, (size_t)BATCHES * BATCH_LEN);
	pthread_mutex_destroy(&pipe->lock);
	pthread_cond_destroy(&pipe->changed);
	free(pipe);
}

/* ---- the caller ---- */

/* waits until batch @until (exclusive) is handled; then settles what came back */
static int wait_and_settle(struct repo_pipe *pipe, uint64_t until, struct err *err)
{
	uint64_t done;
	int r;

	pthread_mutex_lock(&pipe->lock);
	while (pipe->done < until)
		pthread_cond_wait(&pipe->changed, &pipe->lock);
	done = pipe->done;
	r = pipe->failure < 0 ? err_set(err, pipe->failure, "%s", pipe->err.text) : 0;
	pthread_mutex_unlock(&pipe->lock);
	for (; pipe->settled < done && r == 0; pipe->settled++) {
		struct batch *batch = &pipe->batches[pipe->settled % BATCHES];
		struct reader results = reader_of(buf_slice(&batch->results));
		struct slice content;
		uint16_t len;

		while (r == 0 && reader_u16le(&results, &len) &&
		       reader_slice(&results, len, &content))
			r = pipe->settle(pipe->arg, content, err);
		buf_truncate(&batch->results, 0);
	}
	return r;
}

static struct batch *current(struct repo_pipe *pipe)
{
	return &pipe->batches[pipe->filling % BATCHES];
}

/* gives the batch to the worker and begins the next one, when there is a free one */
static int hand_over(struct repo_pipe *pipe, struct err *err)
{
	struct batch *batch = current(pipe);
	int r;

	if (batch->len == 0)
		return 0;
	batch->received = pipe->received;
	pipe->open_record = 0;
	pthread_mutex_lock(&pipe->lock);
	pipe->handed = ++pipe->filling;
	pthread_cond_broadcast(&pipe->changed);
	pthread_mutex_unlock(&pipe->lock);
	r = wait_and_settle(pipe, pipe->filling >= BATCHES ? pipe->filling - BATCHES + 1 : 0, err);
	batch = current(pipe);
	batch->len = 0;
	batch->ends = 0;
	return r;
}

static int put_record(struct repo_pipe *pipe, enum record record, enum repo_content content,
		      struct err *err)
{
	struct batch *batch = current(pipe);
	uint8_t *at;
	int r;

	if (BATCH_LEN - batch->len < RECORD_LEN || batch->ends == ENDS_MAX) {
		r = hand_over(pipe, err);
		if (r < 0)
			return r;
		batch = current(pipe);
	}
	at = batch->bytes + batch->len;
	memset(at, 0, RECORD_LEN);
	at[0] = (uint8_t)record;
	at[1] = (uint8_t)content;
	batch->len += RECORD_LEN;
	batch->ends += record == RECORD_END;
	pipe->open_record = 0;
	return 0;
}

int repo_pipe_begin(struct repo_pipe *pipe, enum repo_content content, struct err *err)
{
	return put_record(pipe, RECORD_BEGIN, content, err);
}

int repo_pipe_write(struct repo_pipe *pipe, struct slice bytes, struct err *err)
{
	while (bytes.len > 0) {
		struct batch *batch = current(pipe);
		size_t room = BATCH_LEN - batch->len, take;
		uint8_t *record;
		int r;

		if (room < RECORD_LEN + 1) {
			r = hand_over(pipe, err);
			if (r < 0)
				return r;
			continue;
		}
		if (pipe->open_record == 0) {
			r = put_record(pipe, RECORD_BYTES, 0, err);
			if (r < 0)
				return r;
			batch = current(pipe);
			pipe->open_record = batch->len;
		}
		room = BATCH_LEN - batch->len;
		take = bytes.len < room ? bytes.len : room;
		memcpy(batch->bytes + batch->len, bytes.bytes, take);
		record = batch->bytes + pipe->open_record - RECORD_LEN;
		put_u32le(record + 4, get_u32le(record + 4) + (uint32_t)take);
		batch->len += take;
		pipe->received += take;
		bytes.bytes += take;
		bytes.len -= take;
	}
	return 0;
}

int repo_pipe_end(struct repo_pipe *pipe, struct err *err)
{
	return put_record(pipe, RECORD_END, 0, err);
}

int repo_pipe_drop(struct repo_pipe *pipe, struct err *err)
{
	return put_record(pipe, RECORD_DROP, 0, err);
}

int repo_pipe_drain(struct repo_pipe *pipe, bool flushes, struct err *err)
{
	int r = flushes ? put_record(pipe, RECORD_FLUSH, 0, err) : 0;

	if (r == 0)
		r = hand_over(pipe, err);
	return r < 0 ? r : wait_and_settle(pipe, pipe->filling, err);
}

int repo_pipe_checkpoint(struct repo_pipe *pipe, struct err *err)
{
	int r = put_record(pipe, RECORD_SAVE, 0, err);

	return r < 0 ? r : repo_pipe_drain(pipe, false, err);
}

void repo_pipe_counts(struct repo_pipe *pipe, struct repo_counts *counts, uint64_t *written)
{
	pthread_mutex_lock(&pipe->lock);
	*counts = pipe->counts;
	*written = pipe->written;
	pthread_mutex_unlock(&pipe->lock);
}
