/* output - data for the standard output: JSON for programs, tables for people */
#include "cli/internal.h"

#include <stdlib.h>
#include <string.h>

int cli_json(struct cli *cli, json_t *value, struct err *err)
{
	int r;

	if (!value)
		return err_no_memory(err);
	r = json_dumpf(value, cli->world->out,
		       JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
	json_decref(value);
	if (r < 0 || fputc('\n', cli->world->out) == EOF)
		return err_set(err, ERR_IO, "print JSON");
	return 0;
}

int cli_json_next(struct cli *cli, bool *is_first, json_t *value, struct err *err)
{
	int r;

	if (!value)
		return err_no_memory(err);
	fputs(*is_first ? "[\n" : ",\n", cli->world->out);
	*is_first = false;
	r = json_dumpf(value, cli->world->out, JSON_PRESERVE_ORDER);
	json_decref(value);
	return r < 0 ? err_set(err, ERR_IO, "print JSON") : 0;
}

void cli_json_end(struct cli *cli, bool is_empty)
{
	fputs(is_empty ? "[]\n" : "\n]\n", cli->world->out);
}

json_t *cli_json_text(const char *text)
{
	json_t *value = json_string(text);
	char *plain;

	if (value)
		return value;
	plain = strdup(text);
	for (char *at = plain; at && *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	value = plain ? json_string(plain) : NULL;
	free(plain);
	return value;
}

json_t *cli_json_text_or_null(const char *text)
{
	return *text ? cli_json_text(text) : json_null();
}

json_t *cli_json_snapshot(const struct job_snapshot *snapshot)
{
	char time[21];

	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:b, s:s, s:o, s:o, s:o, s:b, s:b, s:I}",
		"id", snapshot->id, "device", cli_json_text(snapshot->udid), "serial",
		cli_json_text(snapshot->serial), "name", cli_json_text(snapshot->name), "os",
		cli_json_text(snapshot->product_version), "time",
		time_format_utc(snapshot->time, time), "files", (json_int_t)snapshot->files,
		"bytes", (json_int_t)snapshot->bytes, "encrypted", snapshot->is_encrypted,
		"managed", cli_answer(snapshot->is_managed), "model",
		cli_json_text(snapshot->product_type), "build", cli_json_text(snapshot->build),
		"parent", *snapshot->parent ? json_string(snapshot->parent) : json_null(),
		"simulated", snapshot->is_simulated, "imported", snapshot->is_import, "problems",
		(json_int_t)snapshot->problem_count);
}

/* ---- tables ---- */

void cli_table_init(struct cli_table *table, size_t columns, unsigned right_mask)
{
	*table = (struct cli_table){.columns = columns, .right_mask = right_mask};
}

void cli_table_clear(struct cli_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct cli_table){0};
}

void cli_table_add(struct cli_table *table, const char *cell)
{
	char clean[512];

	if (table->count == table->cap) {
		size_t cap = table->cap ? table->cap * 2 : 64;
		char **cells = reallocarray(table->cells, cap, sizeof(*cells));

		if (!cells) {
			table->has_failed = true;
			return;
		}
		table->cells = cells;
		table->cap = cap;
	}
	table->cells[table->count] = strdup(cli_clean(cell, clean, sizeof(clean)));
	if (table->cells[table->count])
		table->count++;
	else
		table->has_failed = true;
}

/* width - characters, not bytes: continuation bytes take no place */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void cell_print(const char *cell, size_t room, bool is_right, bool is_last, FILE *out)
{
	size_t pad = room - width(cell);

	if (is_right)
		fprintf(out, "%*s", (int)pad, "");
	fputs(cell, out);
	if (!is_right && !is_last)
		fprintf(out, "%*s", (int)pad, "");
	fputs(is_last ? "\n" : "  ", out);
}

int cli_table_print(const struct cli_table *table, FILE *out, struct err *err)
{
	size_t room[16] = {0};

	if (table->has_failed)
		return err_no_memory(err);
	for (size_t i = 0; i < table->count; i++) {
		size_t n = width(table->cells[i]);

		if (n > room[i % table->columns])
			room[i % table->columns] = n;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;

		cell_print(table->cells[i], room[column], table->right_mask & (1u << column),
			   column + 1 == table->columns, out);
	}
	return 0;
}
