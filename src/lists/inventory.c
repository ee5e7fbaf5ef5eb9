/* inventory - from the rows of exports to records, each cell judged */
#include "lists/inventory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lists_inventory_new(struct lists_inventory **out, struct err *err)
{
	CLEANUP(lists_inventory_free_p)
	struct lists_inventory *inventory = calloc(1, sizeof(*inventory));
	int r;

	if (!inventory)
		return err_no_memory(err);
	config_init(&inventory->config);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		inventory->at[i] = SIZE_MAX;
	inventory->text = BUF_INIT(LISTS_TEXT_MAX);
	r = buf_append_u8(&inventory->text, 0, err); /* the empty text */
	if (r == 0)
		*out = STEAL(inventory);
	return r;
}

void lists_inventory_free_p(struct lists_inventory **inventory)
{
	if (!*inventory)
		return;
	csv_header_clear(&(*inventory)->header);
	csv_header_clear(&(*inventory)->directory_header);
	buf_clear(&(*inventory)->text);
	free((*inventory)->records);
	free((*inventory)->directory);
	free(*inventory);
	*inventory = NULL;
}

void lists_inventory_corporate(struct lists_inventory *inventory, const struct lists *corporate)
{
	inventory->corporate = corporate;
}

size_t lists_inventory_count(const struct lists_inventory *inventory, size_t *others)
{
	*others = inventory->others;
	return inventory->count;
}

/* ---- headers ---- */

/* columns_find - the columns of the fields from @first to before @end; what was configured must be
 * there */
static int columns_find(struct lists_inventory *inventory, const struct csv_header *header,
			enum field first, enum field end, struct err *err)
{
	const struct config *config = &inventory->config;

	for (enum field field = first; field < end; field++) {
		int r = csv_header_find(header, config->columns[field], &inventory->at[field], err);

		if (r < 0)
			return r;
		if (r == CSV_ABSENT && config->is_configured[field])
			return err_set(err, ERR_NOT_FOUND, "no column \"%s\" (column.%s)",
				       config->columns[field], field_key(field));
	}
	return 0;
}

static int header_read(struct lists_inventory *inventory, const struct csv_row *row,
		       struct err *err)
{
	const struct config *config = &inventory->config;
	int r = csv_header_set(&inventory->header, row, err);

	if (r == 0)
		r = columns_find(inventory, &inventory->header, FIELD_SERIAL, FIELD_FILE_ID, err);
	if (r == 0 && inventory->at[FIELD_SERIAL] == SIZE_MAX &&
	    inventory->at[FIELD_RECORD] == SIZE_MAX)
		r = err_set(err, ERR_NOT_FOUND,
			    "neither a column \"%s\" nor \"%s\": a configuration tells which "
			    "column holds what",
			    config->columns[FIELD_SERIAL], config->columns[FIELD_RECORD]);
	return r;
}

/* ---- cells ---- */

/* struct judged - a row whose cells are taken one by one until one is refused */
struct judged {
	struct lists_inventory *inventory;
	const struct csv_row *row;
	char *reason; /* LISTS_ISSUE_TEXT_MAX */
	bool is_refused;
	struct err *err;
	int r; /* < 0: out of memory */
};

static void refuse(struct judged *judged, enum field field, struct slice cell, const char *why)
{
	char quoted[400];

	judged->is_refused = true;
	snprintf(judged->reason, LISTS_ISSUE_TEXT_MAX, "column %zu, %s: %s",
		 judged->inventory->at[field] + 1,
		 text_quote((const char *)cell.bytes, cell.len, quoted), why);
}

/* cell_take - the trimmed cell of @field; empty if there is no such column */
static struct slice cell_take(struct judged *judged, enum field field)
{
	struct slice cell = csv_row_cell(judged->row, judged->inventory->at[field]);

	if (judged->is_refused || judged->r < 0)
		return SLICE_EMPTY;
	cell = slice_trim(cell);
	if (!text_is_utf8((const char *)cell.bytes, cell.len)) {
		refuse(judged, field, cell, reason_text(LISTS_NOT_UTF8));
		return SLICE_EMPTY;
	}
	return cell;
}

/* text_keep - @cell among the texts, NUL-terminated */
static size_t text_keep(struct judged *judged, struct slice cell)
{
	struct buf *text = &judged->inventory->text;
	size_t at = text->len;

	if (!cell.len || judged->r < 0)
		return 0;
	judged->r = buf_append_slice(text, cell, judged->err);
	if (judged->r == 0)
		judged->r = buf_append_u8(text, 0, judged->err);
	return at;
}

static size_t text_take(struct judged *judged, enum field field)
{
	struct slice cell = cell_take(judged, field);

	if (cell.len > LISTS_NAME_MAX) {
		refuse(judged, field, cell, "too long");
		return 0;
	}
	return text_keep(judged, cell);
}

static size_t serial_read(struct judged *judged)
{
	struct slice cell = cell_take(judged, FIELD_SERIAL);
	enum lists_kind kind = LISTS_SERIAL;
	struct value value;
	enum lists_reason reason = identifier_take(cell, &kind, &value);

	/* user enrollment tells none, and exports have words for that */
	if (reason == LISTS_NONE || reason == LISTS_PLACEHOLDER)
		return 0;
	if (reason != LISTS_FINE) {
		refuse(judged, FIELD_SERIAL, cell, reason_text(reason));
		return 0;
	}
	return text_keep(judged, slice_of(value.text, value.len));
}

/* id_take - ids are compared without regard to case; one of zeros is none */
static size_t id_take(struct judged *judged, enum field field)
{
	size_t at = text_take(judged, field);
	char *id = (char *)judged->inventory->text.bytes + at;

	if (strspn(id, "0-") == strlen(id))
		return 0;
	for (; *id; id++)
		*id = (char)tolower((unsigned char)*id);
	return at;
}

static int64_t date_take(struct judged *judged, enum field field)
{
	struct slice cell = cell_take(judged, field);
	int64_t seconds = TIME_UNKNOWN;

	if (cell.len && !date_parse(cell, &seconds))
		refuse(judged, field, cell,
		       "not a date such as 2026-11-01 or 2026-11-01T08:00:00Z");
	return seconds;
}

static uint8_t word_take(struct judged *judged, enum field field)
{
	struct slice cell = cell_take(judged, field);
	int meaning = word_meaning(&judged->inventory->config, field, cell);

	if (meaning >= 0)
		return (uint8_t)meaning;
	refuse(judged, field, cell,
	       "not a known word: a line \"word.WORD = MEANING\" of the configuration explains it");
	return 0;
}

/* is_other - a record of a system that is none of ours */
static bool is_other(struct judged *judged)
{
	struct slice cell = cell_take(judged, FIELD_OS);
	char folded[16];

	word_fold(cell, folded, sizeof(folded));
	return *folded && strncmp(folded, "ios", 3) != 0 && strncmp(folded, "ipad", 4) != 0 &&
	       strncmp(folded, "iphone", 6) != 0;
}

/* ---- rows ---- */

/* row_check - what can be wrong with a whole row */
static bool row_check(struct judged *judged, const struct csv_header *header)
{
	const struct csv_row *row = judged->row;

	if (row->problem)
		snprintf(judged->reason, LISTS_ISSUE_TEXT_MAX, "column %zu: %s", row->column,
			 csv_problem_text(row->problem));
	else if (row->count > header->count)
		snprintf(judged->reason, LISTS_ISSUE_TEXT_MAX, "%zu cells under a header of %zu",
			 row->count, header->count);
	judged->is_refused = row->problem || row->count > header->count;
	return !judged->is_refused;
}

static int record_take(struct judged *judged)
{
	struct lists_inventory *inventory = judged->inventory;
	struct record record = {.line = judged->row->line};
	int r;

	if (is_other(judged)) {
		inventory->others++;
		return 0;
	}
	record.serial = serial_read(judged);
	record.id = text_take(judged, FIELD_RECORD);
	record.name = text_take(judged, FIELD_NAME);
	record.owner = word_take(judged, FIELD_OWNER);
	record.enrollment = word_take(judged, FIELD_ENROLLMENT);
	record.last_contact = date_take(judged, FIELD_LAST_CONTACT);
	record.enrolled = date_take(judged, FIELD_ENROLLED);
	record.certificate_end = date_take(judged, FIELD_CERTIFICATE_END);
	record.state = word_take(judged, FIELD_STATE);
	record.directory = word_take(judged, FIELD_DIRECTORY);
	record.directory_id = id_take(judged, FIELD_DIRECTORY_ID);
	if (judged->r < 0)
		return judged->r;
	if (!judged->is_refused && !record.serial && !record.id) {
		snprintf(judged->reason, LISTS_ISSUE_TEXT_MAX,
			 "neither serial number nor record id");
		judged->is_refused = true;
	}
	if (judged->is_refused)
		return LISTS_ROW_REFUSED;
	r = room_for_one(&inventory->records, inventory->count, &inventory->cap,
			 sizeof(*inventory->records), judged->err);
	if (r == 0)
		inventory->records[inventory->count++] = record;
	return r;
}

int lists_inventory_add(struct lists_inventory *inventory, const struct csv_row *row, char *reason,
			struct err *err)
{
	struct judged judged = {.inventory = inventory, .row = row, .reason = reason, .err = err};

	if (inventory->rows++ == 0)
		return header_read(inventory, row, err);
	if (inventory->rows > LISTS_ROWS_MAX)
		return err_set(err, ERR_LIMIT, "line %llu: more than %d rows",
			       (unsigned long long)row->line, LISTS_ROWS_MAX);
	if (!row_check(&judged, &inventory->header))
		return LISTS_ROW_REFUSED;
	return record_take(&judged);
}

static int directory_header_read(struct lists_inventory *inventory, const struct csv_row *row,
				 struct err *err)
{
	int r = csv_header_set(&inventory->directory_header, row, err);

	if (r == 0)
		r = columns_find(inventory, &inventory->directory_header, FIELD_FILE_ID,
				 FIELD_COUNT, err);
	if (r == 0 && inventory->at[FIELD_FILE_ID] == SIZE_MAX)
		r = err_set(err, ERR_NOT_FOUND, "no column \"%s\" (column.%s)",
			    inventory->config.columns[FIELD_FILE_ID], field_key(FIELD_FILE_ID));
	return r;
}

int lists_inventory_add_directory(struct lists_inventory *inventory, const struct csv_row *row,
				  char *reason, struct err *err)
{
	struct judged judged = {.inventory = inventory, .row = row, .reason = reason, .err = err};
	struct directory_entry entry;
	int r;

	if (!inventory->directory_header.count)
		return directory_header_read(inventory, row, err);
	if (inventory->directory_count >= LISTS_ROWS_MAX)
		return err_set(err, ERR_LIMIT, "line %llu: more than %d rows",
			       (unsigned long long)row->line, LISTS_ROWS_MAX);
	if (!row_check(&judged, &inventory->directory_header))
		return LISTS_ROW_REFUSED;
	entry.id = id_take(&judged, FIELD_FILE_ID);
	entry.is_disabled = word_take(&judged, FIELD_FILE_ENABLED) == DIRECTORY_DISABLED;
	if (judged.r < 0)
		return judged.r;
	if (!judged.is_refused && !entry.id)
		refuse(&judged, FIELD_FILE_ID, SLICE_EMPTY, "no id");
	if (judged.is_refused)
		return LISTS_ROW_REFUSED;
	r = room_for_one(&inventory->directory, inventory->directory_count,
			 &inventory->directory_cap, sizeof(*inventory->directory), err);
	if (r == 0)
		inventory->directory[inventory->directory_count++] = entry;
	return r;
}
