/* device_pairing - the hosts that the device trusts, by HostID */
#include "sim/device.h"

#include <string.h>

void sim_pairing_init(struct sim_pairing *pairing)
{
	*pairing = (struct sim_pairing){.device_cert = BUF_INIT(CRYPTO_PEM_MAX),
					.host_cert = BUF_INIT(CRYPTO_PEM_MAX),
					.root_cert = BUF_INIT(CRYPTO_PEM_MAX)};
}

void sim_pairing_clear(struct sim_pairing *pairing)
{
	buf_clear(&pairing->device_cert);
	buf_clear(&pairing->host_cert);
	buf_clear(&pairing->root_cert);
	sim_pairing_init(pairing);
}

static void bind_blob(sqlite3_stmt *statement, int column, struct slice bytes)
{
	sqlite3_bind_blob(statement, column, bytes.len ? bytes.bytes : (const void *)"",
			  (int)bytes.len, SQLITE_STATIC);
}

int sim_device_pairing_put(struct sim_device *device, const struct sim_pairing *pairing,
			   struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement,
			      "INSERT OR REPLACE INTO pairings VALUES(?1,?2,?3,?4,?5,?6)", err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, pairing->host_id, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 2, pairing->system_buid, -1, SQLITE_STATIC);
		bind_blob(statement, 3, buf_slice(&pairing->device_cert));
		bind_blob(statement, 4, buf_slice(&pairing->host_cert));
		bind_blob(statement, 5, buf_slice(&pairing->root_cert));
		bind_blob(statement, 6, slice_of(pairing->escrow_bag, sizeof(pairing->escrow_bag)));
		r = sim_store_run(statement, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}

static int take_blob(sqlite3_stmt *statement, int column, struct buf *out, struct err *err)
{
	buf_truncate(out, 0);
	return buf_append(out, sqlite3_column_blob(statement, column),
			  (size_t)sqlite3_column_bytes(statement, column), err);
}

static int take_row(sqlite3_stmt *statement, const char *host_id, struct sim_pairing *pairing,
		    struct err *err)
{
	int r;

	snprintf(pairing->host_id, sizeof(pairing->host_id), "%s", host_id);
	snprintf(pairing->system_buid, sizeof(pairing->system_buid), "%s",
		 (const char *)sqlite3_column_text(statement, 0));
	r = take_blob(statement, 1, &pairing->device_cert, err);
	if (r == 0)
		r = take_blob(statement, 2, &pairing->host_cert, err);
	if (r == 0)
		r = take_blob(statement, 3, &pairing->root_cert, err);
	if (r == 0 && sqlite3_column_bytes(statement, 4) == sizeof(pairing->escrow_bag))
		memcpy(pairing->escrow_bag, sqlite3_column_blob(statement, 4),
		       sizeof(pairing->escrow_bag));
	return r;
}

int sim_device_pairing_get(struct sim_device *device, const char *host_id,
			   struct sim_pairing *pairing, bool *is_known, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement,
			      "SELECT system_buid, device_cert, host_cert, root_cert, escrow_bag "
			      "FROM pairings WHERE host_id = ?1",
			      err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, host_id, -1, SQLITE_STATIC);
		r = sim_store_step(statement, err);
		*is_known = r == SIM_STORE_ROW;
		if (r == SIM_STORE_ROW)
			r = take_row(statement, host_id, pairing, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}

int sim_device_pairing_remove(struct sim_device *device, const char *host_id, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement, "DELETE FROM pairings WHERE host_id = ?1",
			      err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, host_id, -1, SQLITE_STATIC);
		r = sim_store_run(statement, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}
