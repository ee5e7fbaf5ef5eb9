/* server/listen - the addresses of the service */
#ifndef REHOME_SERVER_LISTEN_H
#define REHOME_SERVER_LISTEN_H

#include "server/process.h"

/** listen_all - bind what @config names; ERR_USAGE for what is no address, ERR_BUSY, ERR_IO */
int listen_all(const struct config *config, struct listening *listening, struct err *err);
/** listen_url - the service's URL: configured, or of the first address */
void listen_url(const struct config *config, const struct listening *listening,
		char out[CONFIG_TEXT_MAX + 1]);

#endif
