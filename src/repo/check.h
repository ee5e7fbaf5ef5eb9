/* check.h - a check from the inside: shared by the check*.c files */
#ifndef REHOME_REPO_CHECK_H
#define REHOME_REPO_CHECK_H

#include "repo/directory.h"

struct check_pack {
	uint32_t number;
	uint64_t len;
	bool is_readable; /* its header opens */
	bool is_needed;   /* by a snapshot, as far as check_snapshots went */
};

struct check {
	struct repo *repo;
	bool reads_data;
	void (*found)(void *arg, const struct repo_finding *finding);
	void *arg;
	struct progress *progress;
	struct repo_verdict *verdict;
	/* of the device at hand */
	struct repo_domain domain;
	struct repo_index *index;
	struct repo_reader *reader;
	struct repo_unpacker *unpacker;
	struct crypto_mac *data_mac, *list_mac;
	uint8_t *plain; /* REPO_CHUNK_MAX */
	struct check_pack *packs;
	size_t pack_count;
	/* ids of chunks that are named by an index and cannot be read, sorted once complete */
	struct buf damaged;
};

/** check_problem - something that was promised is not so */
void check_problem(struct check *check, const char *where, const char *format, ...)
	PRINTF_LIKE(3, 4);
/** check_remark - left-overs and oddities that harm nothing */
void check_remark(struct check *check, const char *where, const char *format, ...)
	PRINTF_LIKE(3, 4);
/** check_pack_find - NULL if there is none */
struct check_pack *check_pack_find(const struct check *check, uint32_t number);
/** check_is_damaged - did check_packs find that the chunk cannot be read? */
bool check_is_damaged(const struct check *check, const uint8_t id[REPO_CHUNK_ID_LEN]);

/** check_runs, check_packs, check_snapshots - each < 0 only if checking cannot go on */
int check_runs(struct check *check, struct err *err);
int check_packs(struct check *check, struct err *err);
int check_snapshots(struct check *check, struct err *err);
/** check_unneeded - remark on packs of which no snapshot needs anything; after check_snapshots, and
 * only where that found every snapshot whole */
void check_unneeded(struct check *check);

#endif
