/*
 * bench_client.h - a host that pairs, backs up and throws everything away
 */
#ifndef REHOME_SIM_BENCH_CLIENT_H
#define REHOME_SIM_BENCH_CLIENT_H

#include "base/base.h"

struct bench_result {
	uint64_t files, bytes; /* of content: Manifest.db and the property lists do not count */
	double stream_seconds; /* between an upload's first byte and its last */
	double total_seconds; /* from the Backup message to its response: with the device's thinking
			       */
};
/**
 * bench_client_run - one full backup of the only device behind @fd
 * @connect: a new connection to the mux, called several times; the descriptor is the client's
 * ERR_DEVICE if the device ends it with an error.
 */
int bench_client_run(int (*connect)(void *arg, int *fd, struct err *err), void *arg,
		     struct clock *clock, struct bench_result *result, struct err *err);

#endif
