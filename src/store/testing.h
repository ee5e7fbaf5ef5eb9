/*
 * store/testing - stores for tests of this room and of those above it
 *
 * A SQLite file in a folder of its own, and a PostgreSQL that is started by the test (by
 * tests/e2e/postgres.py), on a Unix socket without a port, and ends with it, however that ends.
 */
#ifndef REHOME_STORE_TESTING_H
#define REHOME_STORE_TESTING_H

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "store/store.h"

/** struct testing_postgres - a running server; url "" where PostgreSQL is not installed */
struct testing_postgres {
	pid_t pid;
	int life; /* it lives as long as this is open */
	char url[512];
	char reason[512]; /* why there is none */
};

static inline void testing_postgres_exec(int in, int out, const char *option)
{
	const char *root = getenv("REHOME_SOURCE_ROOT");
	char path[1024];

	snprintf(path, sizeof(path), "%s/tests/e2e/postgres.py", root ? root : ".");
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	closefrom(3);
	execlp("python3", "python3", path, option, (char *)NULL);
	_exit(127);
}

/** testing_postgres_start - with one empty database; @is_synced: commits reach the disk, as for
 * measurements. False where it is not installed: @server->reason */
static inline bool testing_postgres_start(struct testing_postgres *server, bool is_synced)
{
	int in[2], out[2];
	ssize_t len = 0, got;

	*server = (struct testing_postgres){.life = -1};
	if (pipe(in) || pipe(out))
		abort();
	server->pid = fork();
	if (!server->pid)
		testing_postgres_exec(in[0], out[1], is_synced ? "--sync" : NULL);
	close(in[0]);
	close(out[1]);
	server->life = in[1];
	while (len < (ssize_t)sizeof(server->url) - 1 &&
	       (got = read(out[0], server->url + len, sizeof(server->url) - 1 - (size_t)len)) > 0) {
		len += got;
		if (memchr(server->url, '\n', (size_t)len))
			break;
	}
	close(out[0]);
	server->url[strcspn(server->url, "\n")] = '\0';
	if (!strncmp(server->url, "postgresql://", 13))
		return true;
	/* only a missing package is a reason to go without */
	if (strncmp(server->url, "skip ", 5)) {
		fprintf(stderr, "tests/e2e/postgres.py failed: %s\n", server->url);
		exit(1);
	}
	snprintf(server->reason, sizeof(server->reason), "%s", server->url + 5);
	server->url[0] = '\0';
	return false;
}

static inline void testing_postgres_stop(struct testing_postgres *server)
{
	if (server->life < 0)
		return;
	close(server->life);
	server->life = -1;
	waitpid(server->pid, NULL, 0);
}

/** testing_postgres_empty - the database as it was before any program saw it; nobody is connected
 */
static inline void testing_postgres_empty(const struct testing_postgres *server)
{
	static const char sql[] = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
	PGconn *connection = PQconnectdb(server->url);
	PGresult *result = PQexec(connection, "SET client_min_messages = warning");

	PQclear(result);
	result = PQexec(connection, sql);
	if (PQresultStatus(result) != PGRES_COMMAND_OK) {
		fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(connection));
		abort();
	}
	PQclear(result);
	PQfinish(connection);
}

/** testing_rounds - @round on SQLite, and then on PostgreSQL, where it is installed: @server has a
 * url meanwhile. The sum of what they return */
static inline int testing_rounds(struct testing_postgres *server,
				 int (*round)(const char *name, void *arg), void *arg)
{
	int failed = round("sqlite", arg);

	if (!testing_postgres_start(server, false)) {
		/* as cmocka says it, for tests/run.py */
		printf("SKIP: %s\n[  SKIPPED ] the_suite_on_postgresql\n", server->reason);
		return failed;
	}
	failed += round("postgresql", arg);
	testing_postgres_stop(server);
	return failed;
}

/** testing_sqlite - "sqlite:..." in a new folder under /tmp, for testing_sqlite_remove */
static inline void testing_sqlite(char where[64])
{
	char folder[] = "/tmp/rehome-store-XXXXXX";

	if (!mkdtemp(folder))
		abort();
	snprintf(where, 64, "sqlite:%s/db", folder);
}

static inline void testing_sqlite_remove(char where[64])
{
	struct err err = ERR_INIT;

	where[strlen(where) - strlen("/db")] = '\0';
	fs_remove_tree(fs_system(), where + strlen("sqlite:"), &err);
}

#endif
