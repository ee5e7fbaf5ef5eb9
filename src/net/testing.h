/*
 * net/testing - two connections that talk to each other, and much to say
 */
#ifndef REHOME_NET_TESTING_H
#define REHOME_NET_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "net/net.h"

/** struct pair - both ends of one stream; conns own their descriptors */
struct pair {
	struct conn *a, *b;
};

static inline struct conn *conn_over(int fd, const struct cancel *cancel)
{
	struct err err = ERR_INIT;
	struct conn *conn;

	assert_int_equal(conn_new(&conn, fd, clock_system(), cancel, &err), 0);
	return conn;
}

static inline struct pair pair_open(const struct cancel *cancel_of_a)
{
	struct pair pair;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	pair.a = conn_over(fds[0], cancel_of_a);
	pair.b = conn_over(fds[1], NULL);
	return pair;
}

static inline void pair_close(struct pair *pair)
{
	conn_free(pair->a);
	conn_free(pair->b);
}

static inline void say(struct conn *conn, const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(conn_write(conn, slice_text(text), &err), 0);
	assert_int_equal(conn_flush(conn, &err), 0);
}

static inline void hear(struct conn *conn, const char *text)
{
	struct err err = ERR_INIT;
	char bytes[256];
	int r;

	assert_true(strlen(text) < sizeof(bytes));
	r = conn_read(conn, bytes, strlen(text), &err);
	if (r != 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	assert_memory_equal(bytes, text, strlen(text));
}

/* ---- much: more than any buffer on the way holds ---- */

enum { MUCH_LEN = 3 << 20 };

static inline uint8_t much_at(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 11));
}

struct writer {
	struct conn *conn;
	int r;
};

/* a thread's work: all of it, in pieces that grow */
static inline void *write_much(void *arg)
{
	struct writer *writer = arg;
	uint8_t *bytes = malloc(MUCH_LEN);
	size_t i, len, done;

	for (i = 0; i < MUCH_LEN; i++)
		bytes[i] = much_at(i);
	writer->r = 0;
	for (done = 0, len = 1; done < MUCH_LEN && writer->r == 0; done += len, len = len * 3 + 1) {
		if (len > MUCH_LEN - done)
			len = MUCH_LEN - done;
		writer->r = conn_write(writer->conn, slice_of(bytes + done, len), NULL);
	}
	if (writer->r == 0)
		writer->r = conn_flush(writer->conn, NULL);
	free(bytes);
	return NULL;
}

#endif
