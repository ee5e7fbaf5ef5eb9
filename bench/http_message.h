/*
 * bench/http_message - one HTTP message over TLS, read to its end by Content-Length
 *
 * For programs that load or imitate a server; src/net has the reader that is careful.
 */
#ifndef REHOME_BENCH_HTTP_MESSAGE_H
#define REHOME_BENCH_HTTP_MESSAGE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { HTTP_MESSAGE_MAX = 65536 };

/** http_message_read - a request or answer with a NUL behind it; false: the peer is gone */
static inline bool http_message_read(SSL *ssl, char text[HTTP_MESSAGE_MAX])
{
	size_t have = 0, need = 0;

	while (need == 0 || have < need) {
		int n = SSL_read(ssl, text + have, (int)(HTTP_MESSAGE_MAX - 1 - have));
		const char *end, *length;

		if (n <= 0)
			return false;
		have += (size_t)n;
		text[have] = 0;
		end = need == 0 ? strstr(text, "\r\n\r\n") : NULL;
		if (!end)
			continue;
		length = strcasestr(text, "\r\nContent-Length:");
		need = (size_t)(end - text) + 4 + (length ? strtoul(length + 17, NULL, 10) : 0);
	}
	return true;
}

#endif
