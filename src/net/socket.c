/*
 * net/socket - bytes over a descriptor, and every wait of this room
 *
 * Try first, poll only when the kernel says so: on a busy stream the poll would
 * be half of all system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/internal.h"

enum { SOCKET_BUFFER_LEN = 1 << 20 };

int socket_prepare(int fd, struct err *err)
{
	const int on = 1, len = SOCKET_BUFFER_LEN;
	int flags = fcntl(fd, F_GETFL), family = 0;
	socklen_t family_len = sizeof(family);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_set_errno(err, errno, "prepare a connection");
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &family_len) < 0)
		return err_set_errno(err, errno, "prepare a connection");
	/* wishes, not needs.  TCP sizes its own buffers better than a fixed number does. */
	if (family == AF_UNIX)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof(len));
	else
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

/* poll's timeout; *is_last if the deadline has passed once poll slept that long */
static int poll_ms(const struct conn *conn, int64_t deadline_ms, bool *is_last)
{
	int64_t left = -1;

	if (conn->idle_ms >= 0) {
		left = deadline_ms - clock_mono_ms(conn->clock);
		left = left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : left;
	}
	*is_last = left >= 0;
	if (conn->cancel && conn->cancel->wake_fd < 0 && (left < 0 || left > CANCEL_POLL_MS)) {
		*is_last = false;
		return CANCEL_POLL_MS;
	}
	return (int)left;
}

int socket_wait(struct conn *conn, short events, struct err *err)
{
	const int wake_fd = conn->cancel ? conn->cancel->wake_fd : -1;
	const int64_t deadline_ms = clock_mono_ms(conn->clock) + conn->idle_ms;
	bool is_last;
	int ms, count, r;

	for (;;) {
		struct pollfd fds[2] = {
			{.fd = conn->fd, .events = events},
			{.fd = wake_fd, .events = POLLIN}, /* poll skips -1 */
		};

		r = cancel_check(conn->cancel, err);
		if (r < 0)
			return r;
		ms = poll_ms(conn, deadline_ms, &is_last);
		count = poll(fds, ARRAY_COUNT(fds), ms);
		if (count < 0 && errno != EINTR)
			return err_set_errno(err, errno, "%s: wait", conn->name);
		if (count > 0 && fds[1].revents)
			return err_set(err, ERR_CANCELED, "%s: stopped on request", conn->name);
		if (count > 0)
			return 0;
		if (count == 0 && is_last)
			return err_set(err, ERR_TIMEOUT, "%s: silent for %lld ms", conn->name,
				       (long long)conn->idle_ms);
	}
}

/* a reset says no more than an end does: the peer is gone */
static bool is_hangup(int number)
{
	return number == ECONNRESET || number == EPIPE || number == ENOTCONN || number == ESHUTDOWN;
}

int socket_receive(struct conn *conn, uint8_t *at, size_t room, size_t *got, struct err *err)
{
	ssize_t len;
	int r;

	r = cancel_check(conn->cancel, err);
	if (r < 0)
		return r;
	do {
		len = recv(conn->fd, at, room, MSG_DONTWAIT);
	} while (len < 0 && errno == EINTR);
	if (len > 0) {
		*got = (size_t)len;
		return 0;
	}
	if (len < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return NET_WOULD_BLOCK;
	if (len == 0 || is_hangup(errno))
		return err_set(err, ERR_CLOSED, "%s: the peer hung up", conn->name);
	return err_set_errno(err, errno, "%s: receive", conn->name);
}

int socket_send(struct conn *conn, struct slice bytes, struct err *err)
{
	size_t done = 0;
	ssize_t len;
	int r;

	while (done < bytes.len) {
		r = cancel_check(conn->cancel, err);
		if (r < 0)
			return r;
		len = send(conn->fd, bytes.bytes + done, bytes.len - done,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len >= 0) {
			done += (size_t)len;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (is_hangup(errno))
			return err_set(err, ERR_CLOSED, "%s: the peer hung up", conn->name);
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return err_set_errno(err, errno, "%s: send", conn->name);
		r = socket_wait(conn, POLLOUT, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void socket_send_now(struct conn *conn, struct slice bytes)
{
	ssize_t len;

	while (bytes.len > 0) {
		len = send(conn->fd, bytes.bytes, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len <= 0)
			return;
		bytes = slice_of(bytes.bytes + len, bytes.len - (size_t)len);
	}
}

void socket_cut(struct conn *conn)
{
	(void)shutdown(conn->fd, SHUT_RDWR);
}
