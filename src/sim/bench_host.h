/*
 * bench_host.h - the cheapest host's way to a service of the only device behind a mux
 */
#ifndef REHOME_SIM_BENCH_HOST_H
#define REHOME_SIM_BENCH_HOST_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "link/link.h"
#include "net/net.h"

/** struct bench_host - its scratch documents and identity; bench_host_init, bench_host_clear */
struct bench_host {
	int (*connect)(void *arg, int *fd, struct err *err);
	void *arg;
	struct clock *clock;
	struct plist_doc *in, *out;
	struct buf frame, reply;
	struct crypto_pairing pairing;
	uint8_t pin[CRYPTO_SHA256_LEN];
	int64_t device;
	char udid[64]; /* known after bench_host_service */
};
/** bench_host_init - arguments as bench_client_run has them, borrowed; clear it also after a
 * failure */
int bench_host_init(struct bench_host *host, int (*connect)(void *arg, int *fd, struct err *err),
		    void *arg, struct clock *clock, struct err *err);
void bench_host_clear(struct bench_host *host);
/** bench_host_service - find the device, pair, start @name and connect to it over TLS; the caller
 * frees @service */
int bench_host_service(struct bench_host *host, const char *name, struct conn **service,
		       struct err *err);
/** bench_host_flush - send what stands in host->reply */
int bench_host_flush(struct bench_host *host, struct conn *conn, struct err *err);
/** bench_host_receive - the next plist frame; @root is in host->in until the next */
int bench_host_receive(struct bench_host *host, struct conn *conn, const struct plist **root,
		       struct err *err);

#endif
