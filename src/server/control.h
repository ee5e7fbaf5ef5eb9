/* server/control - the listener's side of control messages; process.h has the other */
#ifndef REHOME_SERVER_CONTROL_H
#define REHOME_SERVER_CONTROL_H

#include "server/process.h"

/** control_send - @fd stays the caller's, -1: none; @text at most CONFIG_FILE_MAX bytes. To a
 * process that is gone nothing is sent. */
void control_send(int fd, enum control_kind kind, enum role peer, int passed, struct slice text);

#endif
