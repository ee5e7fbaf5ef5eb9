/* rehome hygiene */
#include "cli/internal.h"

#include <string.h>

struct hygiene {
	struct cli *cli;
	struct lists_inventory *inventory;
	struct lists *corporate;
	const char *config, *directory, *corporate_path, *separator, *now_text;
	bool skips_refused, prints_csv;
	int64_t now;
	size_t refused, found[LISTS_FINDING_COUNT];
	json_t *lines, *findings; /* NULL: print */
	struct buf text;
	struct csv_writer writer;
};

static void hygiene_clear(struct hygiene *hygiene)
{
	lists_inventory_free_p(&hygiene->inventory);
	lists_free_p(&hygiene->corporate);
	json_decref(hygiene->lines);
	json_decref(hygiene->findings);
	buf_clear(&hygiene->text);
}

/* ---- reading ---- */

static void refused_tell(struct hygiene *hygiene, const char *path, uint64_t line,
			 const char *reason)
{
	hygiene->refused++;
	if (hygiene->lines)
		json_array_append_new(hygiene->lines,
				      json_pack("{s:o, s:I, s:o}", "file", cli_json_text(path),
						"line", (json_int_t)line, "text",
						cli_json_text(reason)));
	else
		cli_warn(hygiene->cli, "%s: line %llu: refused: %s", path, (unsigned long long)line,
			 reason);
}

static int export_read(struct hygiene *hygiene, const char *path,
		       int (*add)(struct lists_inventory *inventory, const struct csv_row *row,
				  char *reason, struct err *err))
{
	CLEANUP(cli_input_close) struct cli_input input = {0};
	struct err *err = &hygiene->cli->err;
	char reason[LISTS_ISSUE_TEXT_MAX];
	struct csv_row row;
	bool has_header = false;
	int r = cli_input_open(hygiene->cli, &input, path, hygiene->separator, err);

	while (r == 0 && (r = cli_input_next(&input, &row, err)) == 0) {
		has_header = true;
		r = add(hygiene->inventory, &row, reason, err);
		if (r < 0)
			return err_wrap(err, r, "%s", path);
		if (r == LISTS_ROW_REFUSED)
			refused_tell(hygiene, path, row.line, reason);
		r = 0;
	}
	if (r == CSV_END && !has_header)
		return err_set(err, ERR_NOT_FOUND,
			       "%s: no header: its first line names the columns", path);
	return r < 0 ? r : 0;
}

static int config_read(struct hygiene *hygiene)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(LISTS_CONFIG_LEN_MAX);
	struct cli *cli = hygiene->cli;
	int r;

	if (!hygiene->config)
		return 0;
	r = fs_read_file(cli->world->fs, hygiene->config, &text, &cli->err);
	if (r == 0)
		r = lists_inventory_configure(hygiene->inventory, buf_slice(&text), &cli->err);
	return r < 0 ? err_wrap(&cli->err, r, "%s", hygiene->config) : 0;
}

static int corporate_read(struct hygiene *hygiene)
{
	const struct cli_list_wish wish = {
		.options = {.kind = LISTS_SERIAL, .drops_details = true},
		.separator = hygiene->separator,
	};
	int r;

	if (!hygiene->corporate_path)
		return 0;
	r = cli_list_ready(hygiene->cli, &wish, hygiene->corporate_path, hygiene->skips_refused,
			   &hygiene->corporate);
	if (r == 0)
		lists_inventory_corporate(hygiene->inventory, hygiene->corporate);
	return r;
}

static int all_read(struct hygiene *hygiene, const char *path)
{
	int r = lists_inventory_new(&hygiene->inventory, &hygiene->cli->err);

	if (r == 0)
		r = config_read(hygiene);
	if (r == 0)
		r = corporate_read(hygiene);
	if (r == 0 && hygiene->directory)
		r = export_read(hygiene, hygiene->directory, lists_inventory_add_directory);
	if (r == 0)
		r = export_read(hygiene, path, lists_inventory_add);
	return r;
}

/* ---- telling ---- */

static json_t *rules_json(const char *rules)
{
	json_t *array = json_array();

	while (array && *rules) {
		size_t len = strcspn(rules, " ");

		json_array_append_new(array, json_stringn(rules, len));
		rules += len + strspn(rules + len, " ");
	}
	return array;
}

static int finding_gather(struct hygiene *hygiene, const struct lists_finding *finding,
			  struct err *err)
{
	json_t *value = json_pack(
		"{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:s}", "kind",
		lists_finding_name(finding->kind), "line", (json_int_t)finding->line, "serial",
		cli_json_text(finding->serial), "record", cli_json_text(finding->record), "name",
		cli_json_text(finding->name), "rules", rules_json(finding->rules), "reason",
		cli_json_text(finding->reason), "next", finding->next);

	return json_array_append_new(hygiene->findings, value) < 0 ? err_no_memory(err) : 0;
}

/* text_flush - what a spreadsheet reads goes out row by row */
static int text_flush(struct hygiene *hygiene, struct err *err)
{
	size_t len = hygiene->text.len;

	if (fwrite(hygiene->text.bytes, 1, len, hygiene->cli->world->out) != len)
		return err_set(err, ERR_IO, "the standard output takes no more");
	buf_truncate(&hygiene->text, 0);
	return 0;
}

static int csv_print(struct hygiene *hygiene, const char *const cells[8], struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < 8 && r == 0; i++)
		r = csv_write_text(&hygiene->writer, cells[i], err);
	if (r == 0)
		r = csv_write_end(&hygiene->writer, err);
	return r < 0 ? r : text_flush(hygiene, err);
}

static int finding_tell(void *arg, const struct lists_finding *finding, struct err *err)
{
	struct hygiene *hygiene = arg;
	const char *kind = lists_finding_name(finding->kind);
	const char *who = *finding->serial ? finding->serial : finding->record;
	char line[24], name[LISTS_NAME_MAX + 1], id[LISTS_NAME_MAX + 1];

	hygiene->found[finding->kind]++;
	if (hygiene->findings)
		return finding_gather(hygiene, finding, err);
	snprintf(line, sizeof(line), "%llu", (unsigned long long)finding->line);
	if (hygiene->prints_csv) {
		const char *const cells[8] = {
			kind,          line,           finding->serial, finding->record,
			finding->name, finding->rules, finding->reason, finding->next};

		return csv_print(hygiene, cells, err);
	}
	fprintf(hygiene->cli->world->out, "line %s  %s%s%s  %s: %s. Next: %s. (%s)\n", line,
		cli_clean(who, id, sizeof(id)), *finding->name ? "  " : "",
		cli_clean(finding->name, name, sizeof(name)), kind, finding->reason, finding->next,
		finding->rules);
	return 0;
}

static json_t *unchecked_json(const struct hygiene *hygiene)
{
	json_t *array = json_array();
	char text[LISTS_ISSUE_TEXT_MAX];

	for (size_t i = 0; array && lists_inventory_unchecked(hygiene->inventory, i, text); i++)
		json_array_append_new(array, cli_json_text(text));
	return array;
}

static int json_print(struct hygiene *hygiene, const char *path)
{
	json_t *counts = json_object(), *value;
	size_t others, count = lists_inventory_count(hygiene->inventory, &others);

	for (unsigned kind = 0; counts && kind < LISTS_FINDING_COUNT; kind++)
		json_object_set_new(counts, lists_finding_name((enum lists_finding_kind)kind),
				    json_integer((json_int_t)hygiene->found[kind]));
	value = json_pack("{s:o, s:I, s:I, s:I, s:O, s:o, s:o, s:O}", "file", cli_json_text(path),
			  "records", (json_int_t)count, "others", (json_int_t)others, "refused",
			  (json_int_t)hygiene->refused, "lines", hygiene->lines, "unchecked",
			  unchecked_json(hygiene), "counts", counts, "findings", hygiene->findings);
	return cli_json(hygiene->cli, value, &hygiene->cli->err);
}

static void summary_say(struct hygiene *hygiene, size_t total)
{
	size_t others, count = lists_inventory_count(hygiene->inventory, &others);
	char text[LISTS_ISSUE_TEXT_MAX];

	for (size_t i = 0; lists_inventory_unchecked(hygiene->inventory, i, text); i++)
		cli_say(hygiene->cli, "not looked for: %s", text);
	if (others)
		cli_say(hygiene->cli, "%zu records of other systems were left out", others);
	cli_say(hygiene->cli, "%zu records, %zu findings", count, total);
}

static int findings_print(struct hygiene *hygiene, const char *path)
{
	static const char *const header[8] = {"kind", "line",  "serial", "record",
					      "name", "rules", "reason", "next"};
	struct err *err = &hygiene->cli->err;
	size_t total = 0;
	int r = hygiene->prints_csv ? csv_print(hygiene, header, err) : 0;

	if (r == 0)
		r = lists_inventory_findings(hygiene->inventory, hygiene->now, finding_tell,
					     hygiene, err);
	for (size_t i = 0; i < LISTS_FINDING_COUNT; i++)
		total += hygiene->found[i];
	if (r == 0 && hygiene->findings)
		r = json_print(hygiene, path);
	else if (r == 0)
		summary_say(hygiene, total);
	return r < 0 ? r : total ? (int)CLI_FAILED : 0;
}

/* ---- the command ---- */

static int refusal(struct hygiene *hygiene, const char *path)
{
	if (hygiene->lines)
		json_print(hygiene, path);
	return err_set(&hygiene->cli->err, ERR_CORRUPT,
		       "nothing is looked for, because lines are refused: %zu of them "
		       "(--skip-refused looks at the others)",
		       hygiene->refused);
}

static int settings_check(struct hygiene *hygiene)
{
	struct cli *cli = hygiene->cli;

	if (hygiene->prints_csv && cli->is_json)
		return err_set(&cli->err, ERR_USAGE, "--csv and --json exclude each other");
	hygiene->now = clock_wall_seconds(cli->world->clock);
	if (hygiene->now_text && time_parse_utc(hygiene->now_text, &hygiene->now, &cli->err) < 0)
		return err_wrap(&cli->err, ERR_USAGE, "--now");
	return 0;
}

int cli_run_hygiene(struct cli *cli, int argc, char **argv)
{
	CLEANUP(hygiene_clear)
	struct hygiene hygiene = {.cli = cli, .text = BUF_INIT(1u << 16)};
	const struct cli_option options[] = {
		CLI_TEXT_OPTION("config", &hygiene.config, "FILE",
				"which column holds what, and what its words mean"),
		CLI_TEXT_OPTION("directory", &hygiene.directory, "FILE",
				"the directory's export of its devices, to hold records against"),
		CLI_TEXT_OPTION("corporate", &hygiene.corporate_path, "FILE",
				"a list of identifiers, to hold ownership against"),
		CLI_TEXT_OPTION("separator", &hygiene.separator, "S", "of cells: , or ; or tab"),
		CLI_TEXT_OPTION("now", &hygiene.now_text, "TIME",
				"look from this time (2026-11-01T08:00:00Z), not from now"),
		CLI_FLAG_OPTION("csv", 0, &hygiene.prints_csv,
				"print a table for a spreadsheet; no cell is run as a formula"),
		CLI_FLAG_OPTION("skip-refused", 0, &hygiene.skips_refused,
				"go on without the lines that are refused"),
		{0},
	};
	int r = cli_options(cli, &argc, argv, options, &cli->err);

	if (r != 0)
		return r < 0 ? r : 0;
	hygiene.writer = CSV_WRITER_INIT(&hygiene.text);
	hygiene.writer.ends_with_crlf = hygiene.writer.guards_formulas = true;
	hygiene.lines = cli->is_json ? json_array() : NULL;
	hygiene.findings = cli->is_json ? json_array() : NULL;
	r = settings_check(&hygiene);
	if (r == 0)
		r = all_read(&hygiene, argv[0]);
	if (r == 0 && hygiene.refused && !hygiene.skips_refused)
		return refusal(&hygiene, argv[0]);
	return r < 0 ? r : findings_print(&hygiene, argv[0]);
}
