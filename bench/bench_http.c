/*
 * bench_http - the HTTPS server of src/net alone, with a handler that answers 200 and nothing
 *
 *     bench_http CERT.pem KEY.pem      prints its port
 */
#include <stdlib.h>
#include <string.h>

#include "net/http.h"
#include "net/net.h"

static void check(int r, const struct err *err)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench_http: %s\n", err->text);
	exit(1);
}

static void answer(void *arg, struct http_request *request)
{
	http_answer(request, 200, NULL, NULL, SLICE_EMPTY);
}

int main(int argc, char **argv)
{
	struct buf cert = BUF_INIT(1 << 16), key = BUF_INIT(1 << 16);
	struct http_server_config config = {.handle = answer, .idle_ms = 600000};
	struct http_server *server;
	struct err err = ERR_INIT;
	char bound[128];
	int fd;

	if (argc != 3)
		return 2;
	check(fs_read_file(fs_system(), argv[1], &cert, &err), &err);
	check(fs_read_file(fs_system(), argv[2], &key, &err), &err);
	config.cert_pem = buf_slice(&cert);
	config.key_pem = buf_slice(&key);
	check(http_server_new(&server, &config, &err), &err);
	check(net_listen(&fd, "127.0.0.1:0", bound, &err), &err);
	check(http_server_listen(server, fd, true, NULL, &err), &err);
	printf("%s\n", strchr(bound, ':') + 1);
	fflush(stdout);
	check(http_server_run(server, &err), &err);
	return 0;
}
