/*
 * Commands: the payload is kept once, however many queues it is in.
 */
#include "store/internal.h"

static const struct column command_columns[] = {
	COLUMN_NUMBER(store_command, no),         COLUMN_TEXT(store_command, uuid),
	COLUMN_TEXT(store_command, request_type), COLUMN_NUMBER(store_command, lane),
	COLUMN_NUMBER(store_command, created),    COLUMN_NUMBER(store_command, not_before),
	COLUMN_NUMBER(store_command, ends),       COLUMN_TEXT(store_command, author),
	COLUMN_TEXT(store_command, subject),      COLUMN_NUMBER(store_command, version),
	COLUMN_NUMBER(store_command, flags),      COLUMN_NUMBER(store_command, is_dangerous),
	COLUMN_BYTES(store_command, payload),
};
static const struct shape command_shape = SHAPE(store_command, command_columns);

#define COMMAND_FIELDS                                                                           \
	"uuid, request_type, lane, created, not_before, ends, author, subject, version, flags, " \
	"is_dangerous"

int store_command_insert(struct store *store, struct store_command *row, struct err *err)
{
	row->no = 0;
	return put(store,
		   "INSERT INTO command (" COMMAND_FIELDS ", payload) VALUES ($1, $2, $3, $4, $5,"
		   " $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING RETURNING no",
		   NULL, &command_shape, row, err);
}

int store_command_find(struct store *store, const char *uuid, struct store_command *row,
		       struct err *err)
{
	return run_one(store, "SELECT no, " COMMAND_FIELDS ", payload FROM command WHERE uuid = $1",
		       PARAMS(TEXT(uuid)), &command_shape, row, err);
}

int store_command_get(struct store *store, int64_t no, struct store_command *row, struct err *err)
{
	return run_one(store, "SELECT no, " COMMAND_FIELDS ", payload FROM command WHERE no = $1",
		       PARAMS(NUMBER(no)), &command_shape, row, err);
}

int store_command_remove_unused(struct store *store, int64_t no, struct err *err)
{
	/* in the order of an index: asked whether a row EXISTS, PostgreSQL reads the whole queue,
	 * as commands for everybody let it expect one soon */
	return run(store,
		   "DELETE FROM command WHERE no = $1 AND COALESCE((SELECT command FROM queue"
		   " WHERE command >= $1 ORDER BY command LIMIT 1), 0) <> $1",
		   PARAMS(NUMBER(no)), NULL, err);
}
