/*
 * store/internal - what the files of the room share
 *
 * One set of statements, written once with parameters $1, $2 ...; two drivers that run them.  A row
 * struct is described by a shape: which field is which column, in the order of the statement's
 * column list, so that reading and writing rows is one loop.
 */
#ifndef REHOME_STORE_INTERNAL_H
#define REHOME_STORE_INTERNAL_H

#include "store/store.h"

/* ---- parameters and rows ------------------------------------------------------ */

enum cell { CELL_NUMBER, CELL_TEXT, CELL_BYTES };

/** struct param - a value handed to a statement; borrowed */
struct param {
	enum cell cell;
	int64_t number;
	struct slice bytes; /* of a text too, without its NUL */
};

/** struct column, struct shape - where the columns of a row lie in its struct */
struct column {
	enum cell cell;
	size_t offset;
};
struct shape {
	size_t size; /* of the struct */
	size_t count;
	const struct column *columns;
};

enum { PARAMS_MAX = 32 };

/* ---- drivers ------------------------------------------------------------------ */

/** struct words - how a database spells what the schema's {words} stand for */
struct words {
	const char *key, *number, *text, *bytes, *keyed;
};

/**
 * struct driver - a database; every function gets the connection or a statement of it
 *
 * @start binds and runs; then @step gives 0 for a row, STORE_NO_ROW after the last one.  Cells are
 * borrowed until the next @step or @reset.  Failures as in store.h, and ERR_EXISTS where a
 * unique key is violated.
 */
struct driver {
	struct words words;
	const char *begin, *begin_schema;
	const char *event_lock; /* statement that keeps the numbers of events in the order of
				   commits, or NULL if that is so anyway */
	int (*open)(void **connection, const char *where, struct err *err);
	void (*close)(void *connection);
	int (*exec)(void *connection, const char *sql, struct err *err);
	bool (*is_in_transaction)(void *connection);
	int (*idle)(void *connection, struct err *err);
	void (*stats)(void *connection, struct store_stats *stats);
	int (*prepare)(void *connection, const char *sql, const struct param *params, size_t count,
		       void **statement, struct err *err);
	void (*finish)(void *statement);
	int (*start)(void *statement, const struct param *params, size_t count, struct err *err);
	int (*step)(void *statement, struct err *err);
	int64_t (*number)(void *statement, int column);
	struct slice (*bytes)(void *statement, int column);
	uint64_t (*changes)(void *statement);
	void (*reset)(void *statement);
};
extern const struct driver driver_sqlite, driver_pgsql;

/* ---- the connection -------------------------------------------------------------- */

struct prepared {
	const char *sql; /* the key is its address: statements are static */
	void *statement;
};
enum { PREPARED_MAX = 512 }; /* a power of two, over twice the number of statements */

struct chunk;

struct store {
	const struct driver *driver;
	void *connection; /* NULL after ERR_CLOSED */
	char *where;
	bool is_in_transaction;
	struct chunk *chunks; /* rows handed out; newest first */
	struct prepared prepared[PREPARED_MAX];
	struct store_stats stats;
};

/** store_alloc - @len bytes that live as long as rows do; NULL without memory */
void *store_alloc(struct store *store, size_t len);
void store_unprepare(struct store *store);
void store_unchunk(struct store *store);

/* ---- the schema -------------------------------------------------------------------- */

typedef int schema_step(struct store *store, struct err *err);
/** schema_exec - statements separated by ";", with {words} put in */
int schema_exec(struct store *store, const char *sql, struct err *err);
/** schema_up - run the steps that the database has not seen; step i leads to version i + 1 */
int schema_up(struct store *store, schema_step *const *steps, size_t count, struct err *err);
/** schema_current - schema_up with the steps of this program */
int schema_current(struct store *store, struct err *err);

/* ---- running statements --------------------------------------------------------------- */

/** struct query - a running statement; query_close when done */
struct query {
	struct store *store;
	void *statement;
};
int query_open(struct query *query, struct store *store, const char *sql,
	       const struct param *params, size_t count, struct err *err);
/** query_row - 0, or STORE_NO_ROW after the last one */
int query_row(struct query *query, struct err *err);
int64_t query_number(struct query *query, int column);
/** query_text, query_bytes - copies that live as long as rows do */
int query_text(struct query *query, int column, const char **text, struct err *err);
int query_bytes(struct query *query, int column, struct slice *bytes, struct err *err);
/** query_shape - the columns from @first on into *@row */
int query_shape(struct query *query, int first, const struct shape *shape, void *row,
		struct err *err);
void query_close(struct query *query);

/** run - a statement whose rows do not matter; *@changes (may be NULL): rows it changed */
int run(struct store *store, const char *sql, const struct param *params, size_t count,
	uint64_t *changes, struct err *err);
/** run_one - the first row's @shape into *@row; STORE_NO_ROW */
int run_one(struct store *store, const char *sql, const struct param *params, size_t count,
	    const struct shape *shape, void *row, struct err *err);
/** run_number - the first row's only column; STORE_NO_ROW */
int run_number(struct store *store, const char *sql, const struct param *params, size_t count,
	       int64_t *number, struct err *err);
/** run_list - all rows, at most STORE_LIST_MAX, as an array */
int run_list(struct store *store, const char *sql, const struct param *params, size_t count,
	     const struct shape *shape, void *rows, size_t *row_count, struct err *err);
/** shape_params - the row's fields as parameters $1 ...; how many */
size_t shape_params(const struct shape *shape, const void *row, struct param params[PARAMS_MAX]);
/** put - insert if the row's first field, its number, is 0 (STORE_CONFLICT) and set it, else update
 * (STORE_NO_ROW). @insert has $1 ... from the second column on, @update $1 for the number. */
int put(struct store *store, const char *insert, const char *update, const struct shape *shape,
	void *row, struct err *err);
/** list_max - @max, or STORE_LIST_MAX if it is 0 or too large */
int64_t list_max(unsigned max);

static inline struct param number_param(int64_t number)
{
	return (struct param){.cell = CELL_NUMBER, .number = number};
}
static inline struct param bytes_param(struct slice bytes)
{
	return (struct param){.cell = CELL_BYTES, .bytes = bytes};
}
static inline struct param text_param(const char *text)
{
	return (struct param){.cell = CELL_TEXT, .bytes = slice_text(text ? text : "")};
}

/* a list of parameters as two arguments of the functions above */
#define NUMBER(value) number_param(value)
#define TEXT(value) text_param(value)
#define BYTES(value) bytes_param(value)
#define PARAMS(...)                          \
	(const struct param[]){__VA_ARGS__}, \
		sizeof((const struct param[]){__VA_ARGS__}) / sizeof(struct param)

#define COLUMN_NUMBER(type, field)                        \
	{                                                 \
		CELL_NUMBER, offsetof(struct type, field) \
	}
#define COLUMN_TEXT(type, field)                        \
	{                                               \
		CELL_TEXT, offsetof(struct type, field) \
	}
#define COLUMN_BYTES(type, field)                        \
	{                                                \
		CELL_BYTES, offsetof(struct type, field) \
	}
#define SHAPE(type, list)                                    \
	{                                                    \
		sizeof(struct type), ARRAY_COUNT(list), list \
	}

#endif
