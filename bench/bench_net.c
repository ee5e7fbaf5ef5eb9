/*
 * bench_net - how fast a connection carries bytes between two threads
 *
 * One thread writes, one reads in place, over a Unix socket pair, in clear and
 * with TLS as devices use it.  Prints wall and CPU figures; asserts nothing.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "crypto/crypto.h"
#include "net/net.h"

enum { SIZE_MAX_LEN = 1 << 20 };

struct run {
	const char *name;
	bool has_tls;
	enum net_tls_version version;
	size_t piece_len; /* written at once */
	uint64_t total;
	struct crypto_pairing *pairing;
	struct slice device_key;
	int fds[2];
	double reader_cpu, writer_cpu;
};

static double seconds(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void die(const struct err *err)
{
	fprintf(stderr, "bench_net: %s\n", err->text);
	exit(1);
}

static bool admit_all(void *arg, struct slice cert_der)
{
	return true;
}

static void *write_all(void *arg)
{
	struct run *run = arg;
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	static uint8_t bytes[SIZE_MAX_LEN];
	struct err err = ERR_INIT;
	uint64_t done;
	size_t piece_len;
	double start;

	if (conn_new(&conn, run->fds[1], clock_system(), NULL, &err) < 0)
		die(&err);
	if (run->has_tls) {
		struct net_tls_server tls = {buf_slice(&run->pairing->device_cert_pem),
					     run->device_key,
					     run->version,
					     admit_all,
					     NULL,
					     0};

		if (conn_tls_server(conn, &tls, &err) < 0)
			die(&err);
	}
	start = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (done = 0; done < run->total; done += piece_len) {
		/* exactly as many as the reader waits for: it hangs up when it has them */
		piece_len = run->total - done < run->piece_len ? (size_t)(run->total - done)
							       : run->piece_len;
		if (conn_write(conn, slice_of(bytes, piece_len), &err) < 0)
			die(&err);
	}
	if (conn_flush(conn, &err) < 0)
		die(&err);
	run->writer_cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
	conn_tls_end(conn);
	return NULL;
}

static void read_all(struct run *run)
{
	CLEANUP(conn_free_p) struct conn *conn = NULL;
	uint8_t pin[CRYPTO_SHA256_LEN];
	struct err err = ERR_INIT;
	uint64_t done = 0;
	double start, cpu;

	if (conn_new(&conn, run->fds[0], clock_system(), NULL, &err) < 0)
		die(&err);
	if (run->has_tls) {
		struct net_tls_client tls = {buf_slice(&run->pairing->host_cert_pem),
					     buf_slice(&run->pairing->host_key_pem), pin,
					     run->version};

		if (crypto_cert_public_sha256(buf_slice(&run->pairing->device_cert_pem), pin,
					      &err) < 0 ||
		    conn_tls_client(conn, &tls, &err) < 0)
			die(&err);
	}
	start = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	while (done < run->total) {
		struct reader view;

		if (conn_fill_more(conn, &err) < 0)
			die(&err);
		view = conn_view(conn);
		done += view.left;
		conn_consume(conn, view.left);
	}
	run->reader_cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	start = seconds(CLOCK_MONOTONIC) - start;
	printf("%-8s %7zu bytes a write: %5.2f GB/s", run->name, run->piece_len,
	       (double)done / start / 1e9);
}

static void measure(struct run *run)
{
	pthread_t writer;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, run->fds) < 0 ||
	    pthread_create(&writer, NULL, write_all, run) != 0) {
		perror("bench_net");
		exit(1);
	}
	read_all(run);
	pthread_join(writer, NULL);
	printf(", CPU writer %.2f s, reader %.2f s\n", run->writer_cpu, run->reader_cpu);
}

int main(void)
{
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf public = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(crypto_pairing_clear) struct crypto_pairing pairing;
	const size_t pieces[] = {32 << 10, 8 << 10, 100};
	const struct {
		const char *name;
		bool has_tls;
		enum net_tls_version version;
	} kinds[] = {
		{"clear", false, NET_TLS_ANY},
		{"TLS 1.3", true, NET_TLS_1_3},
		{"TLS 1.2", true, NET_TLS_1_2},
	};
	const uint8_t seed[32] = {1};
	struct err err = ERR_INIT;
	size_t i, j;

	crypto_pairing_init(&pairing);
	if (crypto_rsa_derive(seed, &key, &public, &err) < 0 ||
	    crypto_pairing_make(&pairing, buf_slice(&public), 1793520000, &err) < 0)
		die(&err);
	for (i = 0; i < ARRAY_COUNT(kinds); i++) {
		for (j = 0; j < ARRAY_COUNT(pieces); j++) {
			struct run run = {.name = kinds[i].name,
					  .has_tls = kinds[i].has_tls,
					  .version = kinds[i].version,
					  .piece_len = pieces[j],
					  .total = 1ull << 30,
					  .pairing = &pairing,
					  .device_key = buf_slice(&key)};

			measure(&run);
		}
	}
	return 0;
}
