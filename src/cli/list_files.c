/* list_files - lists of identifiers from files, and into the files of a service */
#include "cli/internal.h"

#include <errno.h>
#include <string.h>

/* ---- reading and telling ---- */

int cli_list_read(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		  struct buf *copy, struct lists **out, struct err *err)
{
	CLEANUP(cli_input_close) struct cli_input input = {0};
	CLEANUP(lists_free_p) struct lists *list = NULL;
	struct csv_row row;
	int r = cli_input_open(cli, &input, path, wish->separator, err);

	input.copy = copy;
	if (r == 0)
		r = lists_new(&list, &wish->options, err);
	while (r == 0 && (r = cli_input_next(&input, &row, err)) == 0) {
		r = lists_add(list, &row, err);
		if (r < 0)
			return err_wrap(err, r, "%s", path);
	}
	if (r == CSV_END)
		r = lists_end(list, err);
	if (r == 0)
		*out = STEAL(list);
	return r;
}

int cli_list_kind(const char *word, enum lists_kind *kind, struct err *err)
{
	if (!word)
		*kind = LISTS_ANY;
	else if (!strcmp(word, "serial"))
		*kind = LISTS_SERIAL;
	else if (!strcmp(word, "imei"))
		*kind = LISTS_IMEI;
	else
		return err_set(err, ERR_USAGE, "\"%.40s\" is not one of serial, imei", word);
	return 0;
}

const char *cli_list_kind_name(enum lists_kind kind)
{
	return kind == LISTS_SERIAL ? "serial" : kind == LISTS_IMEI ? "imei" : "unknown";
}

void cli_list_tell(struct cli *cli, const struct lists *list, const char *path)
{
	const struct lists_issue *issue;
	char text[LISTS_ISSUE_TEXT_MAX];

	for (size_t i = 0; (issue = lists_issue_at(list, i)); i++) {
		bool refuses = lists_issue_refuses(issue);

		/* refusals are failures, which --quiet does not silence */
		if (refuses || !cli->is_quiet)
			cli_warn(cli, "%s: line %llu: %s: %s (%s)", path,
				 (unsigned long long)issue->line, refuses ? "refused" : "remark",
				 lists_issue_text(list, issue, text), lists_issue_rule(issue));
	}
	if (lists_kind_of(list) == LISTS_IMEI)
		cli_say(cli,
			"%s: a service keeps one IMEI of a device, and may know it by another: "
			"serial numbers are surer (C-05, C-07)",
			path);
}

json_t *cli_list_json(const struct lists *list, const char *path)
{
	json_t *lines = json_array();
	const struct lists_issue *issue;
	char text[LISTS_ISSUE_TEXT_MAX];

	for (size_t i = 0; lines && (issue = lists_issue_at(list, i)); i++)
		json_array_append_new(
			lines,
			json_pack("{s:I, s:s, s:s, s:o}", "line", (json_int_t)issue->line,
				  "severity", lists_issue_refuses(issue) ? "refused" : "remark",
				  "rule", lists_issue_rule(issue), "text",
				  cli_json_text(lists_issue_text(list, issue, text))));
	return json_pack("{s:o, s:s, s:I, s:I, s:o}", "file", cli_json_text(path), "kind",
			 cli_list_kind_name(lists_kind_of(list)), "entries",
			 (json_int_t)lists_count(list), "refused", (json_int_t)lists_refused(list),
			 "lines", lines);
}

/* ---- check ---- */

/* readiness - the first line where a file leaves the @form, 0 if the service takes it as it stands
 */
static int readiness(const struct lists *list, enum lists_form form, struct slice text,
		     uint64_t *line, struct err *err)
{
	*line = 1;
	if (lists_kind_of(list) == LISTS_IMEI && form == LISTS_OWNERSHIP)
		return 0;
	return lists_form_check(list, form, text, line, err);
}

static int check_print(struct cli *cli, const struct lists *list, const char *path,
		       enum lists_form form, uint64_t line)
{
	bool is_ready = line == 0 && lists_count(list) && !lists_refused(list);
	json_t *value;

	if (cli->is_json) {
		value = cli_list_json(list, path);
		if (value)
			json_object_set_new(value, "ready", json_boolean(is_ready));
		return cli_json(cli, value, &cli->err);
	}
	cli_list_tell(cli, list, path);
	fprintf(cli->world->out, "%zu entries, %zu lines refused; %sready as it stands\n",
		lists_count(list), lists_refused(list), is_ready ? "" : "not ");
	if (form == LISTS_IDENTIFIERS && lists_count(list) > LISTS_FILE_ROWS_MAX)
		cli_say(cli,
			"%s: one file holds %d entries: `rehome identifiers split` makes several",
			path, LISTS_FILE_ROWS_MAX);
	else if (line)
		cli_say(cli, "%s leaves the form at line %llu", path, (unsigned long long)line);
	return 0;
}

int cli_list_check(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		   enum lists_form form)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(LISTS_TEXT_MAX);
	CLEANUP(lists_free_p) struct lists *list = NULL;
	uint64_t line = 0;
	int r = cli_list_read(cli, wish, path, &text, &list, &cli->err);

	if (r == 0)
		r = readiness(list, form, buf_slice(&text), &line, &cli->err);
	if (r == 0)
		r = check_print(cli, list, path, form, line);
	return r < 0 ? r : lists_refused(list) ? (int)CLI_DAMAGED : 0;
}

/* ---- convert ---- */

/* gate - all or nothing: a refused line stops all writing */
static int gate(const struct lists *list, const char *path, bool skips_refused, struct err *err)
{
	if (!lists_refused(list) || skips_refused)
		return 0;
	return err_set(err, ERR_CORRUPT,
		       "%s: nothing is written, because lines are refused: %zu of them "
		       "(--skip-refused writes the other %zu entries)",
		       path, lists_refused(list), lists_count(list));
}

int cli_list_ready(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		   bool skips_refused, struct lists **out)
{
	CLEANUP(lists_free_p) struct lists *list = NULL;
	int r = cli_list_read(cli, wish, path, NULL, &list, &cli->err);

	if (r < 0)
		return r;
	r = gate(list, path, skips_refused, &cli->err);
	if (!cli->is_json)
		cli_list_tell(cli, list, path);
	else if (r < 0)
		cli_json(cli, cli_list_json(list, path), NULL);
	if (r == 0)
		*out = STEAL(list);
	return r;
}

/* new_file_write - @bytes under a name that is not taken */
static int new_file_write(struct cli *cli, const char *path, struct slice bytes)
{
	struct fs *fs = cli->world->fs;
	struct stat st;
	int r = fs->stat(fs, path, &st);

	if (r == 0)
		return err_set(&cli->err, ERR_EXISTS, "%s is there already", path);
	if (r != -ENOENT)
		return err_set_errno(&cli->err, -r, "look at %s", path);
	return fs_write_file(fs, path, bytes, 0, &cli->err);
}

json_t *cli_list_file_json(const char *path, size_t rows, size_t bytes)
{
	return json_pack("{s:o, s:I, s:I}", "path", cli_json_text(path), "rows", (json_int_t)rows,
			 "bytes", (json_int_t)bytes);
}

int cli_list_files_print(struct cli *cli, const struct lists *list, const char *path, json_t *files)
{
	json_t *value = cli_list_json(list, path);

	if (!value || json_object_set(value, "files", files) < 0) {
		json_decref(value);
		return err_no_memory(&cli->err);
	}
	return cli_json(cli, value, &cli->err);
}

static int converted_put(struct cli *cli, const struct lists *list, const char *path,
			 const char *to, const struct buf *text)
{
	json_t *files;
	int r;

	if (!to) {
		if (fwrite(text->bytes, 1, text->len, cli->world->out) != text->len)
			return err_set(&cli->err, ERR_IO, "the standard output takes no more");
		return 0;
	}
	r = new_file_write(cli, to, buf_slice(text));
	if (r < 0)
		return r;
	if (!cli->is_json) {
		cli_say(cli, "%zu entries in %s", lists_count(list), to);
		return 0;
	}
	files = json_pack("[o]", cli_list_file_json(to, lists_count(list), text->len));
	r = cli_list_files_print(cli, list, path, files);
	json_decref(files);
	return r;
}

int cli_list_convert(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		     enum lists_form form, const char *to, bool skips_refused)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(LISTS_TEXT_MAX);
	CLEANUP(lists_free_p) struct lists *list = NULL;
	size_t at = 0, rows_max = form == LISTS_IDENTIFIERS ? LISTS_FILE_ROWS_MAX : SIZE_MAX;
	struct lists_entry more;
	int r;

	if (cli->is_json && !to)
		return err_set(&cli->err, ERR_USAGE,
			       "the standard output is for the list: --json needs --to FILE");
	r = cli_list_ready(cli, wish, path, skips_refused, &list);
	if (r == 0)
		r = lists_write(list, form, &at, rows_max, &text, &cli->err);
	if (r < 0)
		return r;
	if (r == LISTS_WRITTEN_ALL)
		return err_set(&cli->err, ERR_NOT_FOUND, "%s: no entries", path);
	if (lists_next(list, &at, &more))
		return err_set(&cli->err, ERR_USAGE,
			       "%zu entries are more than one file may hold: `rehome identifiers "
			       "split` makes several",
			       lists_count(list));
	return converted_put(cli, list, path, to, &text);
}
