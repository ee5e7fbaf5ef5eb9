/*
 * server/counts - what /metrics tells: one page of memory that all processes share
 *
 * Every number has one writer.  Nobody decides anything by them: a process that lies here spoils a
 * diagram and no more.
 */
#ifndef REHOME_SERVER_COUNTS_H
#define REHOME_SERVER_COUNTS_H

#include "net/http.h"

enum { COUNTS_WORKERS_MAX = 128 };

struct counts_worker {
	_Atomic int pid; /* 0: no worker here */
	struct http_counts http;
	_Atomic uint64_t answers[6];  /* by hundreds of the status: [2] are the 200s */
	_Atomic uint64_t unavailable; /* calls that no other process answered */
};

struct counts {
	_Atomic int64_t started; /* seconds since 1970 */
	_Atomic uint64_t restarts;
	struct counts_worker workers[COUNTS_WORKERS_MAX];
	_Atomic uint64_t calls, calls_failed, commits, commits_failed;
	/* struct store_stats of all that calls did; sweeps are not in it */
	_Atomic uint64_t store_statements, store_rows, store_steps, store_pages;
	_Atomic uint64_t keys_calls, keys_refused, keys_opened;
	_Atomic uint64_t pushes, pushes_failed, webhooks, webhooks_failed;
	_Atomic int64_t push_cert_ends; /* seconds since 1970, 0: none */
};

/** counts_new - zeroed and shared with every process forked later; never freed. NULL: no memory */
struct counts *counts_new(void);
static inline void counts_add_many(_Atomic uint64_t *count, uint64_t more)
{
	atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}
static inline void counts_add(_Atomic uint64_t *count)
{
	counts_add_many(count, 1);
}
/** counts_text - append all of it in Prometheus' text form */
int counts_text(const struct counts *counts, int64_t now, struct buf *out, struct err *err);

#endif
