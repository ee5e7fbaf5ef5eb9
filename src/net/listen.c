/*
 * net/listen - accepting connections on this machine only
 *
 * The simulator speaks with whoever connects, so it must not be reachable from
 * elsewhere: Unix sockets with mode 0600, and loopback addresses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/internal.h"

enum { BACKLOG = 128 };

/* ---- Unix ---- */

/* a file that a dead process left is removed; what somebody still listens on, or is no socket,
 * stays */
static int remove_old(const struct sockaddr_un *address, struct err *err)
{
	CLEANUP(close_p) int fd = -1;
	struct stat st;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", address->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_EXISTS, "%s exists and is no socket", address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return err_set(err, ERR_BUSY, "%s: somebody listens there", address->sun_path);
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return err_set_errno(err, errno, "remove %s", address->sun_path);
	return 0;
}

static int listen_unix(int *out_fd, const char *path, char bound[128], struct err *err)
{
	CLEANUP(close_p) int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int r;

	if (strlen(path) == 0 || strlen(path) >= sizeof(address.sun_path))
		return err_set(err, ERR_USAGE, "socket path of %zu bytes: 1 to %zu", strlen(path),
			       sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	r = remove_old(&address, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* the file takes its mode from the socket: it is never open to others, not even briefly */
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return err_set_errno(err, errno, "listen on %s", path);
	snprintf(bound, 128, "UNIX:%s", path);
	*out_fd = fd;
	fd = -1;
	return 0;
}

/* ---- TCP ---- */

union inet_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse_port(const char *text, in_port_t *port)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return false;
	value = strtoul(text, &end, 10);
	*port = htons((uint16_t)value);
	return *end == '\0' && value <= UINT16_MAX;
}

/* "127.0.0.1:PORT" or "[::1]:PORT"; a name would have to be looked up, so it is refused */
static int parse_inet(const char *text, union inet_address *address, struct err *err)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	size_t len = colon ? (size_t)(colon - text) : 0;
	in_port_t port;

	if (!colon || len == 0 || len >= sizeof(host) || !parse_port(colon + 1, &port))
		return err_set(err, ERR_USAGE, "%s is neither a path nor ADDRESS:PORT", text);
	memcpy(host, text, len);
	host[len] = '\0';
	memset(address, 0, sizeof(*address));
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = port;
		if (inet_pton(AF_INET6, host + 1, &address->v6.sin6_addr) == 1 &&
		    IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr))
			return 0;
	} else {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = port;
		if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1 &&
		    ntohl(address->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
			return 0;
	}
	return err_set(err, ERR_POLICY, "%s is not a loopback address", text);
}

static void format_inet(const union inet_address *address, char bound[128])
{
	char host[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
		snprintf(bound, 128, "[%s]:%u", host, ntohs(address->v6.sin6_port));
	} else {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(bound, 128, "%s:%u", host, ntohs(address->v4.sin_port));
	}
}

static int listen_inet(int *out_fd, const char *text, char bound[128], struct err *err)
{
	CLEANUP(close_p) int fd = -1;
	union inet_address address;
	socklen_t len = sizeof(address);
	const int on = 1;
	int r;

	r = parse_inet(text, &address, err);
	if (r < 0)
		return r;
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &address.any,
		 address.any.sa_family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4)) < 0 ||
	    listen(fd, BACKLOG) < 0 || getsockname(fd, &address.any, &len) < 0)
		return err_set_errno(err, errno, "listen on %s", text);
	format_inet(&address, bound);
	*out_fd = fd;
	fd = -1;
	return 0;
}

int net_listen(int *out_fd, const char *address, char bound[128], struct err *err)
{
	if (strncmp(address, "UNIX:", 5) == 0)
		return listen_unix(out_fd, address + 5, bound, err);
	if (strchr(address, '/') || !strchr(address, ':'))
		return listen_unix(out_fd, address, bound, err);
	return listen_inet(out_fd, address, bound, err);
}

/* ---- accepting ---- */

/* the connection went away before we took it: wait for the next one */
static bool is_passing(int number)
{
	return number == EAGAIN || number == EWOULDBLOCK || number == EINTR ||
	       number == ECONNABORTED || number == EPROTO;
}

int net_accept(int listen_fd, const struct cancel *cancel, int *out_fd, struct err *err)
{
	const int wake_fd = cancel ? cancel->wake_fd : -1;
	const int ms = cancel && wake_fd < 0 ? CANCEL_POLL_MS : -1;
	int count, fd, r;

	for (;;) {
		struct pollfd fds[2] = {
			{.fd = listen_fd, .events = POLLIN},
			{.fd = wake_fd, .events = POLLIN},
		};

		r = cancel_check(cancel, err);
		if (r < 0)
			return r;
		count = poll(fds, ARRAY_COUNT(fds), ms);
		if (count < 0 && errno != EINTR)
			return err_set_errno(err, errno, "wait for a connection");
		if (count <= 0)
			continue;
		if (fds[1].revents)
			return err_set(err, ERR_CANCELED, "stopped on request");
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			*out_fd = fd;
			return 0;
		}
		if (!is_passing(errno))
			return err_set_errno(err, errno, "accept a connection");
	}
}
