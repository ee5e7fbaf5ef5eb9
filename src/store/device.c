/*
 * Devices, and what is kept of one under a name.
 */
#include "store/internal.h"

#include <string.h>

static const struct column device_columns[] = {
	COLUMN_NUMBER(store_device, no),
	COLUMN_TEXT(store_device, udid),
	COLUMN_TEXT(store_device, serial),
	COLUMN_TEXT(store_device, imei),
	COLUMN_TEXT(store_device, name),
	COLUMN_TEXT(store_device, product),
	COLUMN_TEXT(store_device, os),
	COLUMN_TEXT(store_device, build),
	COLUMN_NUMBER(store_device, ownership),
	COLUMN_NUMBER(store_device, record),
	COLUMN_NUMBER(store_device, is_supervised),
	COLUMN_NUMBER(store_device, created),
	COLUMN_NUMBER(store_device, flags),
	COLUMN_TEXT(store_device, note),
	COLUMN_NUMBER(store_device, last_contact),
};
static const struct shape device_shape = SHAPE(store_device, device_columns);

#define DEVICE_FIELDS                                                                      \
	"udid, serial, imei, name, product, os, build, ownership, record, is_supervised, " \
	"created, flags, note, last_contact"
#define SELECT_DEVICE "SELECT no, " DEVICE_FIELDS " FROM device "

int store_device_find(struct store *store, const char *udid, struct store_device *row,
		      struct err *err)
{
	return run_one(store, SELECT_DEVICE "WHERE udid = $1 AND record <> 3", PARAMS(TEXT(udid)),
		       &device_shape, row, err);
}

int store_device_of_serial(struct store *store, const char *serial, struct store_device **rows,
			   size_t *count, struct err *err)
{
	return run_list(store,
			SELECT_DEVICE "WHERE serial = $1 AND record <> 3 ORDER BY no LIMIT $2",
			PARAMS(TEXT(serial), NUMBER(list_max(0))), &device_shape, rows, count, err);
}

int store_device_get(struct store *store, int64_t no, struct store_device *row, struct err *err)
{
	return run_one(store, SELECT_DEVICE "WHERE no = $1", PARAMS(NUMBER(no)), &device_shape, row,
		       err);
}

int store_device_put(struct store *store, struct store_device *row, struct err *err)
{
	return put(store,
		   "INSERT INTO device (" DEVICE_FIELDS ") VALUES ($1, $2, $3, $4,"
		   " $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
		   " ON CONFLICT DO NOTHING RETURNING no",
		   "UPDATE device SET (" DEVICE_FIELDS ") = ($2, $3, $4, $5, $6, $7, $8, $9, $10,"
		   " $11, $12, $13, $14, $15) WHERE no = $1",
		   &device_shape, row, err);
}

/* @search as a LIKE pattern in lower case: "%...%" with its own % and _ escaped */
static int search_pattern(const char *search, struct buf *pattern, struct err *err)
{
	int r = buf_append_text(pattern, "%", err);

	for (; *search && !r; search++) {
		char c = *search;

		if (c == '%' || c == '_' || c == '\\')
			r = buf_append_text(pattern, "\\", err);
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!r)
			r = buf_append(pattern, &c, 1, err);
	}
	return r ? r : buf_append_text(pattern, "%", err);
}

int store_device_list(struct store *store, const struct store_device_filter *filter,
		      struct store_device **rows, size_t *count, struct err *err)
{
	static const char sql[] = SELECT_DEVICE
		"WHERE no > $1"
		" AND (CASE record WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 4 WHEN 3 THEN 8 ELSE 16 "
		"END & $2) <> 0"
		" AND ((ownership + 1) & $3) <> 0" /* 0 and 1 to bits 1 and 2 */
		" AND ($4 = 0 OR last_contact < $4)"
		" AND ($5 = 0 OR no IN (SELECT device FROM member WHERE grp = $5))"
		" AND ($6 = '%%' OR lower(udid) LIKE $6 ESCAPE '\\'"
		" OR lower(serial) LIKE $6 ESCAPE '\\' OR lower(name) LIKE $6 ESCAPE '\\')"
		" ORDER BY no LIMIT $7";
	struct buf pattern CLEANUP(buf_clear) = BUF_INIT(1024);
	unsigned records = filter->records
				   ? filter->records
				   : 1u << STORE_ACTIVE | 1u << STORE_RETIRED | 1u << STORE_WIPED;
	int r = search_pattern(filter->search ? filter->search : "", &pattern, err);

	if (r)
		return r;
	return run_list(store, sql,
			PARAMS(NUMBER(filter->after), NUMBER(records),
			       NUMBER(filter->ownerships ? filter->ownerships : 3),
			       NUMBER(filter->contact_before), NUMBER(filter->group),
			       TEXT(buf_text(&pattern)), NUMBER(list_max(filter->max))),
			&device_shape, rows, count, err);
}

int store_contacts_write(struct store *store, const struct store_contact *contacts, size_t count,
			 struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int r = run(store,
			    "UPDATE device SET last_contact = $2 WHERE no = $1"
			    " AND last_contact < $2",
			    PARAMS(NUMBER(contacts[i].device), NUMBER(contacts[i].at)), NULL, err);

		if (r)
			return r;
	}
	return 0;
}

/* ---- kept ------------------------------------------------------------------------ */

static const struct column kept_columns[] = {
	COLUMN_TEXT(store_kept, name),
	COLUMN_NUMBER(store_kept, at),
	COLUMN_NUMBER(store_kept, len),
	COLUMN_BYTES(store_kept, bytes),
};
static const struct shape kept_shape = SHAPE(store_kept, kept_columns);
static const struct shape kept_shape_listed = {sizeof(struct store_kept), 3, kept_columns};

int store_kept_put(struct store *store, enum store_owner kind, int64_t owner, const char *name,
		   struct slice bytes, int64_t at, struct err *err)
{
	return run(store,
		   "INSERT INTO kept (kind, owner, name, bytes, at) VALUES ($1, $2, $3, $4, $5)"
		   " ON CONFLICT (kind, owner, name)"
		   " DO UPDATE SET bytes = excluded.bytes, at = excluded.at",
		   PARAMS(NUMBER(kind), NUMBER(owner), TEXT(name), BYTES(bytes), NUMBER(at)), NULL,
		   err);
}

int store_kept_get(struct store *store, enum store_owner kind, int64_t owner, const char *name,
		   struct store_kept *row, struct err *err)
{
	return run_one(store,
		       "SELECT name, at, length(bytes), bytes FROM kept"
		       " WHERE kind = $1 AND owner = $2 AND name = $3",
		       PARAMS(NUMBER(kind), NUMBER(owner), TEXT(name)), &kept_shape, row, err);
}

int store_kept_remove(struct store *store, enum store_owner kind, int64_t owner, const char *name,
		      struct err *err)
{
	if (!name)
		return run(store, "DELETE FROM kept WHERE kind = $1 AND owner = $2",
			   PARAMS(NUMBER(kind), NUMBER(owner)), NULL, err);
	return run(store, "DELETE FROM kept WHERE kind = $1 AND owner = $2 AND name = $3",
		   PARAMS(NUMBER(kind), NUMBER(owner), TEXT(name)), NULL, err);
}

int store_kept_list(struct store *store, enum store_owner kind, int64_t owner,
		    struct store_kept **rows, size_t *count, struct err *err)
{
	return run_list(store,
			"SELECT name, at, length(bytes) FROM kept WHERE kind = $1 AND owner = $2"
			" ORDER BY name LIMIT 1000",
			PARAMS(NUMBER(kind), NUMBER(owner)), &kept_shape_listed, rows, count, err);
}
