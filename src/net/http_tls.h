/*
 * net/http_tls - the HTTPS server's TLS settings, for its own files and for what measures
 * handshakes
 *
 * OpenSSL shows here, so that it need not show in http.h.
 */
#ifndef REHOME_HTTP_TLS_H
#define REHOME_HTTP_TLS_H

#include "base/base.h"

#include <openssl/ssl.h>

/** http_tls_new - the server's SSL_CTX, from PEM; the caller's to SSL_CTX_free
 * @sessions_max: how many sessions it remembers for resumption */
int http_tls_new(SSL_CTX **out, struct slice cert_pem, struct slice key_pem, unsigned sessions_max,
		 struct err *err);

#endif
