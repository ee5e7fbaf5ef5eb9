/* rehome extract */
#include "cli/internal.h"

#include <string.h>

enum { TOLD_MAX = 20 }; /* what is left out, by name; the rest is counted */

/* struct telling - what becomes of each file: a list on the standard output, words for people */
struct telling {
	struct cli *cli;
	const char *form; /* "json", "csv" or NULL */
	bool is_first;
	uint64_t told;
	struct buf line;
};

static const char *fate_word(enum job_fate fate)
{
	static const char *const words[JOB_FATE_COUNT] = {
		[JOB_WRITTEN] = "written",      [JOB_WRITTEN_DOUBTFUL] = "doubtful",
		[JOB_LEFT_LINK] = "link",       [JOB_LEFT_NAME] = "name",
		[JOB_LEFT_MISSING] = "missing", [JOB_LEFT_DAMAGED] = "damaged",
	};

	return words[fate];
}

static int list_json(struct telling *telling, const struct job_extracted *extracted,
		     struct err *err)
{
	json_t *object = cli_json_item(extracted->item);

	if (!object)
		return err_no_memory(err);
	json_object_set_new(object, "result", json_string(fate_word(extracted->fate)));
	json_object_set_new(object, "written_bytes", json_integer((json_int_t)extracted->bytes));
	if (*extracted->why)
		json_object_set_new(object, "reason", cli_json_text(extracted->why));
	return cli_json_next(telling->cli, &telling->is_first, object, err);
}

static int list_csv(struct telling *telling, const struct job_extracted *extracted, struct err *err)
{
	static const char *const header[] = {"domain",   "path",   "type",  "bytes",
					     "modified", "result", "reason"};
	const struct job_item *item = extracted->item;
	struct csv_writer writer = CSV_WRITER_INIT(&telling->line);
	char bytes[24], time[21];
	const char *cells[] = {item->domain,
			       item->path,
			       cli_item_type(item),
			       bytes,
			       time_format_utc(item->file->modified, time),
			       fate_word(extracted->fate),
			       extracted->why};
	int r = 0;

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)extracted->bytes);
	for (size_t i = 0; telling->is_first && r == 0 && i < ARRAY_COUNT(header); i++)
		r = csv_write_text(&writer, header[i], err);
	if (telling->is_first && r == 0)
		r = csv_write_end(&writer, err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(cells); i++)
		r = csv_write_text(&writer, cells[i], err);
	if (r == 0)
		r = csv_write_end(&writer, err);
	telling->is_first = false;
	if (r == 0)
		fwrite(telling->line.bytes, 1, telling->line.len, telling->cli->world->out);
	buf_truncate(&telling->line, 0);
	return r;
}

static int each(void *arg, const struct job_extracted *extracted, struct err *err)
{
	struct telling *telling = arg;
	const struct job_item *item = extracted->item;
	int r = 0;

	if (telling->form)
		r = !strcmp(telling->form, "json") ? list_json(telling, extracted, err)
						   : list_csv(telling, extracted, err);
	/* a link is left out in every backup: no news */
	if (extracted->fate != JOB_WRITTEN && extracted->fate != JOB_LEFT_LINK &&
	    telling->told++ < TOLD_MAX)
		cli_warn(telling->cli, "%s: %s/%s: %s", fate_word(extracted->fate), item->domain,
			 item->path, extracted->why);
	return r;
}

static json_t *report_json(const struct job_extract_report *report, const char *dir)
{
	const uint64_t *fates = report->fates;

	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I}, s:I, s:I}", "dir",
			 cli_json_text(dir), "files", (json_int_t)report->files, "folders",
			 (json_int_t)report->folders, "bytes", (json_int_t)report->bytes,
			 "doubtful", (json_int_t)fates[JOB_WRITTEN_DOUBTFUL], "left_out", "link",
			 (json_int_t)fates[JOB_LEFT_LINK], "name", (json_int_t)fates[JOB_LEFT_NAME],
			 "missing", (json_int_t)fates[JOB_LEFT_MISSING], "damaged",
			 (json_int_t)fates[JOB_LEFT_DAMAGED], "rows",
			 (json_int_t)report->rows_damaged, "attributes",
			 (json_int_t)report->attributes, "attributes_lost",
			 (json_int_t)report->attributes_lost);
}

static void say_count(struct cli *cli, uint64_t count, const char *what)
{
	if (count)
		cli_say(cli, "%llu %s", (unsigned long long)count, what);
}

static void say(struct cli *cli, const struct job_extract_report *report, const char *dir)
{
	const uint64_t *fates = report->fates;
	char size[16];

	cli_say(cli, "%llu file%s, %s in %s", (unsigned long long)report->files,
		report->files == 1 ? "" : "s", size_format(report->bytes, size), dir);
	say_count(cli, fates[JOB_LEFT_LINK], "left out: links");
	say_count(cli, fates[JOB_LEFT_NAME], "left out: names that this disk cannot hold");
	say_count(cli, fates[JOB_LEFT_MISSING], "left out: contents missing from the backup");
	say_count(cli, fates[JOB_LEFT_DAMAGED], "left out: contents damaged");
	say_count(cli, report->rows_damaged, "left out: damaged rows of the manifest");
	say_count(cli, fates[JOB_WRITTEN_DOUBTFUL], "written, their ends may be wrong");
	say_count(cli, report->attributes_lost, "extended attributes that this disk did not take");
}

/* status - links are left out on purpose; all else that is missing is not done */
static int status(const struct job_extract_report *report)
{
	const uint64_t *fates = report->fates;

	if (fates[JOB_LEFT_MISSING] || fates[JOB_LEFT_DAMAGED] || fates[JOB_WRITTEN_DOUBTFUL] ||
	    report->rows_damaged)
		return CLI_DAMAGED;
	return fates[JOB_LEFT_NAME] ? CLI_FAILED : CLI_DONE;
}

static int extract(struct cli *cli, const char *from, const struct job_extract_wish *wish,
		   const char *dir, struct telling *telling)
{
	CLEANUP(cli_source_clear) struct cli_source source = {0};
	struct job_extract_report report;
	int r = cli_source_open(cli, from, CLI_CONTENTS, &source, &cli->err);

	if (r == 0)
		r = job_browse_extract(source.browse, &cli->env, wish, dir, &report, &cli->err);
	cli_progress_end(&cli->progress);
	if (r < 0)
		return r;
	if (telling->form && !strcmp(telling->form, "json"))
		cli_json_end(cli, telling->is_first);
	if (cli->is_json)
		r = cli_json(cli, report_json(&report, dir), &cli->err);
	else
		say(cli, &report, dir);
	return r < 0 ? r : status(&report);
}

static const char *default_dir(const char *from, char made[64])
{
	const char *slash = strrchr(from, '/');

	snprintf(made, 64, "rehome-%.40s", slash && slash[1] ? slash + 1 : from);
	return made;
}

static int form_check(struct cli *cli, const char *form)
{
	if (!form)
		return 0;
	if (strcmp(form, "json") != 0 && strcmp(form, "csv") != 0)
		return err_set(&cli->err, ERR_USAGE, "--list is json or csv, not \"%.40s\"", form);
	if (cli->is_json)
		return err_set(&cli->err, ERR_USAGE,
			       "--list and --json both want the standard output: choose one");
	return 0;
}

int cli_run_extract(struct cli *cli, int argc, char **argv)
{
	struct cli_list patterns = {.count = 0}, apps = {.count = 0};
	struct job_extract_wish wish = {.path = ""};
	const char *dir = NULL, *form = NULL;
	const struct cli_option options[] = {
		CLI_TEXT_OPTION("to", &dir, "DIR", "the folder to make (default: rehome-SNAPSHOT)"),
		CLI_LIST_OPTION("match", &patterns, "GLOB",
				"only what matches as DOMAIN/PATH; * matches / too; repeatable"),
		CLI_LIST_OPTION("app", &apps, "BUNDLE_ID",
				"only the app's containers, extensions and groups; repeatable"),
		CLI_FLAG_OPTION("metadata", 0, &wish.keeps_modes,
				"modes, and the dates of folders too"),
		CLI_FLAG_OPTION("xattrs", 0, &wish.keeps_attributes,
				"extended attributes, as user.NAME"),
		CLI_TEXT_OPTION("list", &form, "json|csv",
				"print what became of each file, folder and link"),
		{0},
	};
	struct telling telling = {.cli = cli, .is_first = true, .line = BUF_INIT(1 << 16)};
	char domain[BACKUP_DOMAIN_LEN_MAX + 1], path[PATH_LEN_MAX + 1] = "", made[64];
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = form_check(cli, form);
	if (r == 0 && argc > 1)
		r = cli_path_split(argv[1], domain, path, &cli->err);
	if (r < 0)
		return r;
	wish.domain = argc > 1 ? domain : NULL;
	wish.path = path;
	wish.patterns = patterns.words;
	wish.pattern_count = patterns.count;
	wish.apps = apps.words;
	wish.app_count = apps.count;
	wish.each = each;
	wish.arg = &telling;
	telling.form = form;
	r = extract(cli, argv[0], &wish, dir ? dir : default_dir(argv[0], made), &telling);
	buf_clear(&telling.line);
	return r;
}
