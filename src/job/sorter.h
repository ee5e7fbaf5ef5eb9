/*
 * job/sorter - rows of a manifest in order of their fileID, in constant memory
 *
 * Manifest.db is read fast only in its stored order, the files of a session come sorted.
 * Small sets are sorted in memory; what is over SORTER_RUN records goes to an unlinked
 * temporary file in sorted runs, which are merged on the way out.
 */
#ifndef REHOME_JOB_SORTER_H
#define REHOME_JOB_SORTER_H

#include "base/base.h"

enum { SORTER_RUN = 1 << 18, SORTER_RUNS_MAX = 64 };

struct sorter_record {
	uint8_t id[20];
	uint8_t has_digest, is_live, is_encrypted, reserved;
	uint64_t size;
};
_Static_assert(sizeof(struct sorter_record) == 32, "a run of SORTER_RUN records is 8 MiB");

struct sorter;
/** sorter_new - empty; one thread */
int sorter_new(struct sorter **out, struct err *err);
void sorter_free(struct sorter *sorter);
void sorter_free_p(struct sorter **sorter);
/** sorter_add - ERR_LIMIT beyond SORTER_RUN * SORTER_RUNS_MAX records (16.7 million) */
int sorter_add(struct sorter *sorter, const struct sorter_record *record, struct err *err);
/** sorter_sort - no more is added; reading begins */
int sorter_sort(struct sorter *sorter, struct err *err);
/** sorter_peek - the smallest record not taken yet, NULL at the end; borrowed until sorter_take */
const struct sorter_record *sorter_peek(const struct sorter *sorter);
/** sorter_take - on to the next record */
int sorter_take(struct sorter *sorter, struct err *err);

#endif
