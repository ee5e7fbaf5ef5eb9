/* server/issue - the keys and certificates that the first start makes */
#ifndef REHOME_SERVER_ISSUE_H
#define REHOME_SERVER_ISSUE_H

#include "server/config.h"

/** issue_all - make what is missing beneath the data folder; a TLS certificate of ours that has
 * less than 30 days left, or other names than configured, is made anew */
int issue_all(const struct config *config, const char *url, struct err *err);

#endif
