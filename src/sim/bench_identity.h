/*
 * bench_identity - what an enrolled device speaks as, for programs that speak in its place
 */
#ifndef REHOME_SIM_BENCH_IDENTITY_H
#define REHOME_SIM_BENCH_IDENTITY_H

#include "base/base.h"

enum { BENCH_UDID_LEN = 64 };

/**
 * bench_identity - the identity that the device in @folder enrolled with
 * @cert: the certificate, DER, is appended; @key: its key, PEM
 * @udid: NUL-terminated
 * ERR_NOT_FOUND where it is not enrolled with a real service, or cannot speak any more.
 */
int bench_identity(const char *folder, struct buf *cert, struct buf *key, char udid[BENCH_UDID_LEN],
		   struct err *err);

#endif
