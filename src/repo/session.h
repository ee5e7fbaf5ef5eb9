/* session.h - a session from the inside: shared by the session_*.c files */
#ifndef REHOME_REPO_SESSION_H
#define REHOME_REPO_SESSION_H

#include "repo/directory.h"

enum {
	SESSION_PENDING_MAX = 16 << 10
}; /* uploads that may be on their way at once, a power of two */

/* an upload that ended and whose chunks are still being made */
struct session_pending {
	struct repo_node *node;
	uint64_t ticket;
};

struct repo_session {
	struct repo *repo;
	struct repo_domain domain;
	int lock_fd;
	uint8_t seed[32]; /* salts of this session's files come from it */
	/* what it stands on */
	uint32_t newest_seq; /* of all heads, readable or not */
	bool has_base;
	struct repo_head base;
	struct repo_table base_table;
	struct repo_index *index;
	/* uploads */
	struct repo_journal journal;
	struct repo_ingest *ingest;
	struct repo_pipe *pipe;
	bool is_uploading, is_unflushed, is_over;
	char upload_path[REPO_PATH_LEN_MAX + 1];
	uint64_t upload_size;
	struct session_pending *pending; /* ring of SESSION_PENDING_MAX */
	uint64_t pending_first, pending_end;
	/* the directory */
	struct repo_overlay *overlay;
	struct repo_merge *merge; /* kept for the next listing; NULL while lent out */
	uint64_t merge_generation, generation;
	struct repo_reader *reader;
	/* numbers */
	struct repo_session_start start;
	uint64_t received, files_received, table_written;
};

/** repo_session_salt - 32 bytes for the file that @label names */
int repo_session_salt(const struct repo_session *session, const char *label, uint8_t salt[32],
		      struct err *err);
/** repo_session_salvage - chunks of interrupted sessions into the index; @next_pack: first free
 * number */
int repo_session_salvage(struct repo_session *session, bool is_index_damaged, uint32_t *next_pack,
			 unsigned *found, struct err *err);
/** repo_session_usable - ERR_USAGE once it was committed */
int repo_session_usable(const struct repo_session *session, struct err *err);
/** repo_session_check_path - path_check_relative of a text */
int repo_session_check_path(const char *path, struct err *err);
/** repo_session_get - REPO_ABSENT; waits if the path's upload is still under way and @settles */
int repo_session_get(struct repo_session *session, struct slice path, bool settles,
		     struct repo_value *value, struct err *err);
/** repo_session_make_room - spills the overlay if it is full: no node pointer survives */
int repo_session_make_room(struct repo_session *session, struct err *err);
/** repo_session_put - sets a path; the overlay is spilled first if it is full */
int repo_session_put(struct repo_session *session, struct slice path,
		     const struct repo_value *value, struct repo_node **node, struct err *err);
/** repo_session_parents - folders above @path, made as needed; ERR_EXISTS if one is a file */
int repo_session_parents(struct repo_session *session, struct slice path, struct err *err);
/** repo_session_merge_take - a stream over the present state; give it back after use */
int repo_session_merge_take(struct repo_session *session, struct repo_merge **merge,
			    struct err *err);
void repo_session_merge_give(struct repo_session *session, struct repo_merge *merge);
/** repo_session_settle - pipe's callback */
int repo_session_settle(void *arg, struct slice content, struct err *err);

#endif
