/*
 * wire_afc.h - what wire_afc.c (packets, handles) asks of wire_afc_paths.c (names)
 */
#ifndef REHOME_SIM_WIRE_AFC_H
#define REHOME_SIM_WIRE_AFC_H

#include "sim/wire.h"

/** wire_afc_status - an errno as AFC's status code */
uint64_t wire_afc_status(int number);
/** wire_afc_take_path - the next NUL-terminated path of a packet's arguments, without leading
 * slashes, "." for the root; NULL if it is not there or too long. Borrowed from @in. */
const char *wire_afc_take_path(struct reader *in);
/** wire_afc_open_beneath - openat2 that does not leave @root; a descriptor, or -1 with errno */
int wire_afc_open_beneath(int root, const char *path, int flags, mode_t mode);
/** wire_afc_change_names - remove, make, rename, link, touch: returns the status to answer */
uint64_t wire_afc_change_names(int root, uint64_t op, struct reader *in);

#endif
