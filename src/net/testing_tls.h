/*
 * net/testing_tls - a host and a device that were paired, and their handshake
 */
#ifndef REHOME_NET_TESTING_TLS_H
#define REHOME_NET_TESTING_TLS_H

#include <pthread.h>

#include "crypto/crypto.h"
#include "net/testing.h"
#include "net/tls.h"

/* ---- who speaks ---- */

static struct {
	struct buf device_key, device_public;
	struct crypto_pairing pairing;
	uint8_t device_pin[CRYPTO_SHA256_LEN], host_pin[CRYPTO_SHA256_LEN];
	struct buf host_der;
} world;

static inline int make_world(void **state)
{
	const uint8_t seed[32] = {1};
	struct err err = ERR_INIT;

	world.device_key = world.device_public = world.host_der = BUF_INIT(CRYPTO_PEM_MAX);
	crypto_pairing_init(&world.pairing);
	if (crypto_rsa_derive(seed, &world.device_key, &world.device_public, &err) < 0 ||
	    crypto_pairing_make(&world.pairing, buf_slice(&world.device_public), 1793520000, &err) <
		    0 ||
	    crypto_cert_public_sha256(buf_slice(&world.pairing.device_cert_pem), world.device_pin,
				      &err) < 0 ||
	    crypto_cert_public_sha256(buf_slice(&world.pairing.host_cert_pem), world.host_pin,
				      &err) < 0 ||
	    crypto_cert_der(buf_slice(&world.pairing.host_cert_pem), &world.host_der, &err) < 0)
		return -1;
	return 0;
}

static inline int clear_world(void **state)
{
	crypto_pairing_clear(&world.pairing);
	buf_wipe(&world.device_key);
	buf_clear(&world.device_public);
	buf_clear(&world.host_der);
	return 0;
}

static inline struct net_tls_client host(enum net_tls_version version)
{
	return (struct net_tls_client){buf_slice(&world.pairing.host_cert_pem),
				       buf_slice(&world.pairing.host_key_pem), world.device_pin,
				       version};
}

/* admits the paired host's certificate only, and remembers what it was asked */
struct guest_list {
	unsigned asked;
	size_t last_len;
	bool welcomes_nobody, welcomes_the_nameless;
};

static inline bool admit(void *arg, struct slice cert_der)
{
	struct guest_list *list = arg;

	list->asked++;
	list->last_len = cert_der.len;
	if (list->welcomes_nobody)
		return false;
	if (cert_der.len == 0)
		return list->welcomes_the_nameless;
	return slice_equal(cert_der, buf_slice(&world.host_der));
}

static inline struct net_tls_server device(enum net_tls_version version, struct guest_list *list)
{
	return (struct net_tls_server){buf_slice(&world.pairing.device_cert_pem),
				       buf_slice(&world.device_key),
				       version,
				       admit,
				       list,
				       0};
}

/* ---- both handshakes at once ---- */

struct meeting {
	struct pair pair; /* a is the host, b the device */
	struct net_tls_client client;
	int r; /* of the host */
	struct err err;
	pthread_t thread;
};

static inline void *greet(void *arg)
{
	struct meeting *meeting = arg;

	meeting->r = conn_tls_client(meeting->pair.a, &meeting->client, &meeting->err);
	if (meeting->r < 0)
		conn_free(STEAL(meeting->pair.a));
	return NULL;
}

static inline void meeting_end(struct meeting *meeting)
{
	pair_close(&meeting->pair);
}

/* the device's result; the host's is in the meeting once it is over */
static inline int meet(struct meeting *meeting, struct net_tls_client client,
		       struct net_tls_server server)
{
	struct err err = ERR_INIT;
	int r;

	*meeting = (struct meeting){.pair = pair_open(NULL), .client = client};
	assert_int_equal(pthread_create(&meeting->thread, NULL, greet, meeting), 0);
	r = conn_tls_server(meeting->pair.b, &server, &err);
	if (r < 0)
		conn_free(STEAL(meeting->pair.b));
	pthread_join(meeting->thread, NULL);
	return r;
}

#endif
