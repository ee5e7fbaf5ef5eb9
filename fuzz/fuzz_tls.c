/*
 * fuzz_tls - a server that answers a TLS client with anything
 *
 * What OpenSSL makes of it is OpenSSL's matter; that our buffers between it and
 * the socket hold, and that no handshake succeeds without the pinned key, is ours.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t pin[32] = {0};
	const struct net_tls_client tls = {.pin_sha256 = pin};
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	CLEANUP(close_p) int peer = -1;
	int fds[2];

	if (size > 64 << 10 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return 0;
	peer = fds[1];
	if (conn_new(&conn, fds[0], clock_system(), NULL, NULL) < 0)
		return 0;
	if (send(peer, data, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size)
		return 0;
	shutdown(peer, SHUT_WR);
	if (conn_tls_client(conn, &tls, NULL) == 0)
		abort();
	return 0;
}
