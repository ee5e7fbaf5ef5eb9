/*
 * server/data - the data folder and the first start
 *
 *   DATA/keys/     ca.pem, ra.pem, profile.pem, supervision.pem, seal: private keys; 0600, read by
 *                  `keys` alone
 *   DATA/tls/      key.pem, cert.pem of the HTTPS server, unless the configuration names others
 *   DATA/public/   ca.pem, ra.pem, profile.pem, supervision.pem: their certificates
 *   DATA/records/  the SQLite database
 *   DATA/administrator.token
 *
 * Each folder is 0700.  What exists is used again; a start that was cut off is finished by the
 * next.
 */
#ifndef REHOME_SERVER_DATA_H
#define REHOME_SERVER_DATA_H

#include "server/config.h"

enum { DATA_PATH_MAX = CONFIG_TEXT_MAX + 64 };

/** data_path - DATA/@name into @out */
void data_path(const struct config *config, const char *name, char out[DATA_PATH_MAX]);
/** data_read - a file of the data folder; ERR_NOT_FOUND, ERR_LIMIT */
int data_read(const struct config *config, const char *name, struct buf *out, struct err *err);
/** data_tls_read - certificate chain and key of the HTTPS server, from where the configuration
 * says; the caller wipes @key */
int data_tls_read(const struct config *config, struct buf *cert, struct buf *key, struct err *err);

/** data_store_address - what store_open takes */
void data_store_address(const struct config *config, char out[DATA_PATH_MAX]);

/**
 * data_prepare - make the folder and what is missing in it: keys and certificates, the store and
 *   the first administrator's token
 * @url: of the service; its host is among the names of the TLS certificate
 * @has_new_token: receives whether the token was made now
 *
 * The work is done by a process of its own that ends at once: the caller never sees a key.
 */
int data_prepare(const struct config *config, const char *url, bool *has_new_token,
		 struct err *err);

#endif
