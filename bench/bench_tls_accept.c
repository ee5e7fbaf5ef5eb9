/*
 * bench_tls_accept - the least that a server of mutual TLS costs
 *
 * A blocking loop on OpenSSL: accept, handshake, read requests up to their end, answer 200 with
 * nothing, until the client leaves.  Same TLS settings as src/net/http_tls.c, from the same
 * function; knows HTTP only as far as the load needs it.  bench_mdm.py measures the service against
 * it.
 *
 *     bench_tls_accept CERT.pem KEY.pem      prints its port
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_message.h"
#include "net/http_tls.h"
#include "net/net.h"

static void check(int r, const struct err *err)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench_tls_accept: %s\n", err->text);
	exit(1);
}

static void serve(SSL_CTX *ctx, int fd)
{
	static char request[HTTP_MESSAGE_MAX];
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	SSL *ssl = SSL_new(ctx);

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		while (http_message_read(ssl, request))
			SSL_write(ssl, answer, sizeof(answer) - 1);
		SSL_shutdown(ssl);
	}
	SSL_free(ssl);
	close(fd);
}

int main(int argc, char **argv)
{
	struct buf cert = BUF_INIT(1 << 16), key = BUF_INIT(1 << 16);
	struct err err = ERR_INIT;
	char bound[128];
	int listen_fd, on = 1;
	SSL_CTX *ctx;

	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	check(fs_read_file(fs_system(), argv[1], &cert, &err), &err);
	check(fs_read_file(fs_system(), argv[2], &key, &err), &err);
	check(http_tls_new(&ctx, buf_slice(&cert), buf_slice(&key), 10000, &err), &err);
	check(net_listen(&listen_fd, "127.0.0.1:0", bound, &err), &err);
	setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	printf("%s\n", strchr(bound, ':') + 1);
	fflush(stdout);
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			serve(ctx, fd);
	}
}
