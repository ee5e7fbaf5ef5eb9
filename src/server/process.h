/*
 * server/process - the processes of the service: start, connect, watch, stop
 *
 * The listener forks the others and gives each a control socket.  Through it a process gets its
 * ends of the socket pairs to the others - at its start, and again whenever the other one was
 * started anew - and the word to stop.  docs/design/service.md, "Processes", says who may do what.
 */
#ifndef REHOME_SERVER_PROCESS_H
#define REHOME_SERVER_PROCESS_H

#include "server/config.h"
#include "server/counts.h"

enum role { ROLE_KEYS, ROLE_RECORDS, ROLE_COURIER, ROLE_WORKER, ROLE_COUNT };
/** role_name - "keys", "records", "courier", "worker" */
const char *role_name(enum role role);

enum { LISTEN_MAX = CONFIG_LIST_MAX + 1 };

/** struct listening - the bound sockets; the metrics address, if there is one, is the last */
struct listening {
	int fds[LISTEN_MAX];
	char bound[LISTEN_MAX][CONFIG_WORD_MAX + 1]; /* ADDRESS:PORT */
	unsigned count;
	bool has_metrics;
};

/** struct process_env - what a process is born with; borrowed for its life */
struct process_env {
	const struct config *config;
	const char *url; /* of the service, without a slash at its end */
	struct listening *listening;
	struct counts *counts; /* shared by all */
	enum role role;
	unsigned index; /* of a worker */
	int control;
};

/* ---- inside a process ---- */

enum control_kind { CONTROL_PEER = 1, CONTROL_STOP, CONTROL_CONFIG, CONTROL_READY };

/** struct control - a message of the listener; control_clear */
struct control {
	enum control_kind kind;
	enum role peer; /* of CONTROL_PEER: whom @fd leads to */
	int fd;         /* taken over by the receiver, or -1 */
	struct buf text;
};
#define CONTROL_INIT ((struct control){.fd = -1, .text = BUF_INIT(CONFIG_FILE_MAX)})
void control_clear(struct control *control);
enum control_outcome { CONTROL_NOTHING = 1 };
/** control_receive - the next message, without waiting. 0; CONTROL_NOTHING; ERR_CLOSED: the
 * listener is gone, and so should we */
int control_receive(int fd, struct control *out, struct err *err);
/** control_ready - tell the listener that we serve from now on */
void control_ready(int fd);

/* each runs one process until it was told to stop; 0 or a failure, which the caller logs */
int worker_run(const struct process_env *env, struct err *err);
int records_run(const struct process_env *env, struct err *err);
int keys_run(const struct process_env *env, struct err *err);
int courier_run(const struct process_env *env, struct err *err);

/* ---- inside the listener ---- */

struct processes;
/** processes_new - none yet; all is borrowed and outlives it */
int processes_new(struct processes **out, const struct config *config, const char *url,
		  struct listening *listening, struct counts *counts, struct err *err);
void processes_free(struct processes *processes);
/** processes_start - all of them; returns when each said that it is ready, or ERR_IO when one ended
 * before it was */
int processes_start(struct processes *processes, struct err *err);
/** processes_tend - note who ended and start it again; *@wait_ms: when to look again (< 0: only
 * after SIGCHLD) */
int processes_tend(struct processes *processes, int64_t *wait_ms, struct err *err);
/** processes_reload - new workers and courier with @config, then the old ones finish; records and
 * keys are told. @config replaces the old one and outlives this */
int processes_reload(struct processes *processes, const struct config *config, struct err *err);
/** processes_stop - workers finish what is in flight, then the others end; blocking */
void processes_stop(struct processes *processes);

#endif
