/*
 * Statements run, and rows become structs.
 *
 * Statements are prepared once a connection and found again by the address of their text, which is
 * static: no comparison of texts on the way of a request.
 */
#include "store/internal.h"

#include <string.h>

static size_t slot_of(const char *sql)
{
	uint64_t mixed = (uint64_t)(uintptr_t)sql * 0x9E3779B97F4A7C15u;

	return (size_t)(mixed >> 32) % PREPARED_MAX;
}

static int prepared_find(struct store *store, const char *sql, const struct param *params,
			 size_t count, void **statement, struct err *err)
{
	size_t slot = slot_of(sql);

	for (size_t i = 0; i < PREPARED_MAX; i++) {
		struct prepared *prepared = &store->prepared[(slot + i) % PREPARED_MAX];

		if (prepared->sql == sql) {
			*statement = prepared->statement;
			return 0;
		}
		if (!prepared->sql) {
			int r = store->driver->prepare(store->connection, sql, params, count,
						       statement, err);

			if (!r)
				*prepared = (struct prepared){sql, *statement};
			return r;
		}
	}
	return err_set(err, ERR_LIMIT, "too many statements");
}

void store_unprepare(struct store *store)
{
	for (size_t i = 0; i < PREPARED_MAX; i++)
		if (store->prepared[i].sql)
			store->driver->finish(store->prepared[i].statement);
	memset(store->prepared, 0, sizeof(store->prepared));
}

/* the same refusals whichever database it is */
static int check_params(const struct param *params, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct param *param = &params[i];

		if (param->cell == CELL_TEXT) {
			if (param->bytes.len > STORE_TEXT_MAX)
				return err_set(err, ERR_LIMIT, "a text of %zu bytes",
					       param->bytes.len);
			if (!text_is_utf8((const char *)param->bytes.bytes, param->bytes.len))
				return err_set(err, ERR_USAGE, "a text is not UTF-8");
		}
		if (param->cell == CELL_BYTES && param->bytes.len > STORE_BYTES_MAX)
			return err_set(err, ERR_LIMIT, "a value of %zu bytes", param->bytes.len);
	}
	return 0;
}

int query_open(struct query *query, struct store *store, const char *sql,
	       const struct param *params, size_t count, struct err *err)
{
	int r;

	*query = (struct query){.store = store};
	if (!store->connection)
		return err_set(err, ERR_CLOSED, "the store is not connected");
	r = check_params(params, count, err);
	if (r)
		return r;
	r = prepared_find(store, sql, params, count, &query->statement, err);
	if (r)
		return r;
	store->stats.statements++;
	r = store->driver->start(query->statement, params, count, err);
	if (r)
		query_close(query);
	return r;
}

int query_row(struct query *query, struct err *err)
{
	int r = query->store->driver->step(query->statement, err);

	if (!r)
		query->store->stats.rows++;
	return r;
}

int64_t query_number(struct query *query, int column)
{
	return query->store->driver->number(query->statement, column);
}

int query_text(struct query *query, int column, const char **text, struct err *err)
{
	struct slice bytes = query->store->driver->bytes(query->statement, column);
	char *copy;

	if (!bytes.len) {
		*text = "";
		return 0;
	}
	copy = store_alloc(query->store, bytes.len + 1);
	if (!copy)
		return err_no_memory(err);
	memcpy(copy, bytes.bytes, bytes.len);
	copy[bytes.len] = '\0';
	*text = copy;
	return 0;
}

int query_bytes(struct query *query, int column, struct slice *value, struct err *err)
{
	struct slice bytes = query->store->driver->bytes(query->statement, column);
	uint8_t *copy;

	if (!bytes.len) {
		*value = SLICE_EMPTY;
		return 0;
	}
	copy = store_alloc(query->store, bytes.len);
	if (!copy)
		return err_no_memory(err);
	memcpy(copy, bytes.bytes, bytes.len);
	*value = slice_of(copy, bytes.len);
	return 0;
}

int query_shape(struct query *query, int first, const struct shape *shape, void *row,
		struct err *err)
{
	for (size_t i = 0; i < shape->count; i++) {
		char *field = (char *)row + shape->columns[i].offset;
		int column = first + (int)i, r = 0;

		switch (shape->columns[i].cell) {
		case CELL_NUMBER:
			*(int64_t *)(void *)field = query_number(query, column);
			break;
		case CELL_TEXT:
			r = query_text(query, column, (const char **)(void *)field, err);
			break;
		case CELL_BYTES:
			r = query_bytes(query, column, (struct slice *)(void *)field, err);
			break;
		}
		if (r)
			return r;
	}
	return 0;
}

void query_close(struct query *query)
{
	if (query->statement)
		query->store->driver->reset(query->statement);
	query->statement = NULL;
}

int run(struct store *store, const char *sql, const struct param *params, size_t count,
	uint64_t *changes, struct err *err)
{
	struct query query CLEANUP(query_close) = {0};
	int r = query_open(&query, store, sql, params, count, err);

	while (!r)
		r = query_row(&query, err);
	if (r < 0)
		return r;
	if (changes)
		*changes = store->driver->changes(query.statement);
	return 0;
}

int run_one(struct store *store, const char *sql, const struct param *params, size_t count,
	    const struct shape *shape, void *row, struct err *err)
{
	struct query query CLEANUP(query_close) = {0};
	int r = query_open(&query, store, sql, params, count, err);

	if (!r)
		r = query_row(&query, err);
	if (r)
		return r;
	memset(row, 0, shape->size);
	return query_shape(&query, 0, shape, row, err);
}

int run_number(struct store *store, const char *sql, const struct param *params, size_t count,
	       int64_t *number, struct err *err)
{
	struct query query CLEANUP(query_close) = {0};
	int r = query_open(&query, store, sql, params, count, err);

	if (!r)
		r = query_row(&query, err);
	if (r)
		return r;
	*number = query_number(&query, 0);
	return 0;
}

int run_list(struct store *store, const char *sql, const struct param *params, size_t count,
	     const struct shape *shape, void *rows, size_t *row_count, struct err *err)
{
	struct query query CLEANUP(query_close) = {0};
	char *array = NULL;
	size_t used = 0, cap = 0;
	int r = query_open(&query, store, sql, params, count, err);

	if (r)
		return r;
	while (!(r = query_row(&query, err)) && used < STORE_LIST_MAX) {
		if (used == cap) {
			char *larger;

			cap = cap ? cap * 4 : 8;
			larger = store_alloc(store, cap * shape->size);
			if (!larger)
				return err_no_memory(err);
			if (used)
				memcpy(larger, array, used * shape->size);
			array = larger;
		}
		memset(array + used * shape->size, 0, shape->size);
		r = query_shape(&query, 0, shape, array + used * shape->size, err);
		if (r)
			return r;
		used++;
	}
	if (r < 0)
		return r;
	*(void **)rows = array;
	*row_count = used;
	return 0;
}

size_t shape_params(const struct shape *shape, const void *row, struct param params[PARAMS_MAX])
{
	for (size_t i = 0; i < shape->count; i++) {
		const char *field = (const char *)row + shape->columns[i].offset;

		switch (shape->columns[i].cell) {
		case CELL_NUMBER:
			params[i] = NUMBER(*(const int64_t *)(const void *)field);
			break;
		case CELL_TEXT:
			params[i] = TEXT(*(const char *const *)(const void *)field);
			break;
		case CELL_BYTES:
			params[i] = BYTES(*(const struct slice *)(const void *)field);
			break;
		}
	}
	return shape->count;
}

int put(struct store *store, const char *insert, const char *update, const struct shape *shape,
	void *row, struct err *err)
{
	int64_t *no = (int64_t *)(void *)((char *)row + shape->columns[0].offset);
	struct param params[PARAMS_MAX];
	size_t count = shape_params(shape, row, params);
	uint64_t changes = 0;
	int r;

	if (!*no) {
		r = run_number(store, insert, params + 1, count - 1, no, err);
		return r == STORE_NO_ROW ? STORE_CONFLICT : r;
	}
	r = run(store, update, params, count, &changes, err);
	return r ? r : changes ? 0 : STORE_NO_ROW;
}

int64_t list_max(unsigned max)
{
	return max && max < STORE_LIST_MAX ? (int64_t)max : STORE_LIST_MAX;
}
