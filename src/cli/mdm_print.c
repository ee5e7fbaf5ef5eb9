/* mdm_print - an answer of the service for people */
#include "cli/mdm.h"

#include <stdlib.h>
#include <string.h>

/* text_of - a value in one line; the caller frees it. "" for null */
static char *text_of(const json_t *value)
{
	if (!value || json_is_null(value))
		return strdup("");
	if (json_is_string(value))
		return strdup(json_string_value(value));
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static int table_print(struct cli *cli, const char *columns, const json_t *list, struct err *err)
{
	CLEANUP(cli_table_clear) struct cli_table table;
	CLEANUP(free_p) char *words = strdup(columns);
	const char *names[16];
	char *at = words, *name;
	size_t count = 0, i;
	const json_t *row;

	while (at && (name = strsep(&at, " ")) && count < ARRAY_COUNT(names))
		names[count++] = name;
	cli_table_init(&table, count, 0);
	for (size_t n = 0; n < count; n++)
		cli_table_add(&table, names[n]);
	json_array_foreach(list, i, row)
	{
		for (size_t n = 0; n < count; n++) {
			CLEANUP(free_p) char *cell = text_of(json_object_get(row, names[n]));

			cli_table_add(&table, cell ? cell : "?");
		}
	}
	return cli_table_print(&table, cli->world->out, err);
}

/* clean_print - without bytes that a terminal would obey; PEM keeps its lines */
static void clean_print(struct cli *cli, const char *text)
{
	size_t size = strlen(text) + 3;
	CLEANUP(free_p) char *copy = strdup(text);
	CLEANUP(free_p) char *clean = malloc(size);
	char *at = copy, *line;
	bool is_first = true;

	while (copy && clean && (line = strsep(&at, "\n"))) {
		fprintf(cli->world->out, "%s%s", is_first ? "" : "\n",
			cli_clean(line, clean, size));
		is_first = false;
	}
}

static bool is_nested(const json_t *value)
{
	return json_is_object(value) ||
	       (json_is_array(value) && json_is_object(json_array_get(value, 0)));
}

/* key_print - what only would be is said in words: "would be done" */
static void key_print(struct cli *cli, const char *key)
{
	CLEANUP(free_p) char *words = strdup(key);

	if (words && !strncmp(words, "would_", 6))
		for (char *at = words; *at; at++)
			*at = *at == '_' ? ' ' : *at;
	clean_print(cli, words ? words : key);
}

/* lines_print - "key: value", what is inside indented beneath */
static void lines_print(struct cli *cli, const json_t *value, int indent)
{
	const char *key;
	json_t *item;
	size_t i;

	json_array_foreach(value, i, item)
	{
		if (i)
			fputc('\n', cli->world->out);
		lines_print(cli, item, indent);
	}
	/* the iterator wants the object without const and leaves it alone */
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
	{
		CLEANUP(free_p) char *text = is_nested(item) ? NULL : text_of(item);

		if (text && !*text)
			continue;
		fprintf(cli->world->out, "%*s", indent, "");
		key_print(cli, key);
		fputs(is_nested(item) ? ":\n" : ": ", cli->world->out);
		if (is_nested(item)) {
			lines_print(cli, item, indent + 2);
			continue;
		}
		clean_print(cli, text ? text : "?");
		fputc('\n', cli->world->out);
	}
}

int mdm_print(struct cli *cli, const struct mdm_verb *verb, const json_t *value, struct err *err)
{
	if (cli->is_json)
		return cli_json(cli, json_deep_copy(value), err);
	if (verb->list && verb->columns)
		return table_print(cli, verb->columns, json_object_get(value, verb->list), err);
	lines_print(cli, value, 0);
	return 0;
}
