/*
 * bench_fill - rows of a fleet, made quickly, for programs that measure what many of them cost
 *
 * Every function ends the program with a message when the store fails.
 */
#ifndef REHOME_STORE_BENCH_FILL_H
#define REHOME_STORE_BENCH_FILL_H

#include "store/store.h"

enum { BENCH_FILL_HASH_LEN = 32, BENCH_FILL_ID_MAX = 32 };

/** bench_fill_must - ends the program if @r is not 0 */
void bench_fill_must(int r, const struct err *err);
/** bench_fill_id - the enrollment id and serial number of enrollment @i (1 ...) */
void bench_fill_id(int64_t i, char id[BENCH_FILL_ID_MAX]);
/** bench_fill_hash - what stands for the SHA-256 of its certificate */
void bench_fill_hash(int64_t i, uint8_t hash[BENCH_FILL_HASH_LEN]);

/** struct bench_fill - what is made */
struct bench_fill {
	int64_t enrollments; /* numbered from 1, in a database that has none */
	int64_t commands;    /* waiting for each */
	int64_t history;     /* rows that each has already */
	int64_t now;         /* seconds since 1970; identities end a year later */
	/* the real certificate of enrollment @i: its SHA-256 into @hash; NULL: bench_fill_hash */
	void (*hash)(void *arg, int64_t i, uint8_t hash[BENCH_FILL_HASH_LEN]);
	void *arg;
};
/** bench_fill - enrollments with device, current identity and inventory, history, and commands
 * (DeviceInformation) to all. Returns the seconds that the last of these commands took; 0 without
 */
double bench_fill(struct store *store, const struct bench_fill *fill);

#endif
