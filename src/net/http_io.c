/*
 * Bytes between a connection of the server and its client, in clear or over TLS
 */
#include "net/http_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

enum step http_tls_step(struct http_conn *conn, int r)
{
	int error = SSL_get_error(conn->ssl, r);

	if (error == SSL_ERROR_WANT_READ)
		return STEP_WAIT_READ;
	if (error == SSL_ERROR_WANT_WRITE)
		return STEP_WAIT_WRITE;
	ERR_clear_error();
	return STEP_END;
}

enum step http_conn_receive(struct http_conn *conn, void *at, size_t room, size_t *got)
{
	ssize_t n;

	if (conn->ssl) {
		int r = SSL_read_ex(conn->ssl, at, room, got);

		return r == 1 ? STEP_ON : http_tls_step(conn, r);
	}
	n = recv(conn->fd, at, room, 0);
	if (n > 0) {
		*got = (size_t)n;
		return STEP_ON;
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? STEP_WAIT_READ : STEP_END;
}

enum step http_conn_transmit(struct http_conn *conn, const void *at, size_t len, size_t *sent)
{
	ssize_t n;

	if (conn->ssl) {
		int r = SSL_write_ex(conn->ssl, at, len, sent);

		return r == 1 ? STEP_ON : http_tls_step(conn, r);
	}
	n = send(conn->fd, at, len, MSG_NOSIGNAL);
	if (n >= 0) {
		*sent = (size_t)n;
		return STEP_ON;
	}
	return errno == EAGAIN || errno == EINTR ? STEP_WAIT_WRITE : STEP_END;
}
