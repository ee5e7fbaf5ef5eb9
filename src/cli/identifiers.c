/* rehome identifiers check|split|convert|compare */
#include "cli/internal.h"

#include <stdlib.h>
#include <string.h>

struct listing {
	struct cli *cli;
	struct cli_list_wish wish;
	const char *to;
	enum lists_form form;
	size_t rows_max;
	bool skips_refused;
};

/* ---- split ---- */

/* pieces_write - the files of @list in @dir */
static int pieces_write(struct cli *cli, const struct listing *listing, const struct lists *list,
			const char *dir, json_t *files)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(LISTS_FILE_BYTES_MAX);
	char path[CLI_PATH_MAX], name[40];
	size_t at = 0;

	for (unsigned number = 1;; number++) {
		size_t rows = 0;
		int r;

		buf_truncate(&text, 0);
		r = lists_write(list, LISTS_IDENTIFIERS, &at, listing->rows_max, &text, &cli->err);
		if (r != 0)
			return r < 0 ? r : 0;
		snprintf(name, sizeof(name), "identifiers-%03u.csv", number);
		if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
			return err_set(&cli->err, ERR_LIMIT, "the path %.80s... is too long", path);
		r = fs_write_file(cli->world->fs, path, buf_slice(&text), 0, &cli->err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < text.len; i++)
			rows += text.bytes[i] == '\n';
		json_array_append_new(files, cli_list_file_json(name, rows, text.len));
	}
}

/* split_into - all files or none: they get their folder's name when all are written */
static int split_into(struct cli *cli, const struct listing *listing, const struct lists *list,
		      const char *dir, json_t *files)
{
	struct fs *fs = cli->world->fs;
	char partial[CLI_PATH_MAX];
	size_t len = strlen(dir);
	int r;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (snprintf(partial, sizeof(partial), "%.*s.partial", (int)len, dir) >=
	    (int)sizeof(partial))
		return err_set(&cli->err, ERR_LIMIT, "the path %.80s... is too long", dir);
	r = fs->mkdir(fs, partial, 0700);
	if (r < 0)
		return err_set_errno(&cli->err, -r, "make %s", partial);
	r = pieces_write(cli, listing, list, partial, files);
	if (r == 0) {
		/* takes the place of an empty folder, never of another */
		r = fs->rename(fs, partial, dir);
		if (r < 0)
			r = err_set_errno(&cli->err, -r, "put the files in place as %s", dir);
	}
	if (r < 0)
		fs_remove_tree(fs, partial, NULL);
	return r;
}

static int split_print(struct cli *cli, const struct lists *list, char **paths, json_t *files)
{
	json_t *file;
	size_t i;

	if (cli->is_json)
		return cli_list_files_print(cli, list, paths[0], files);
	json_array_foreach(files, i, file)
		fprintf(cli->world->out, "%s/%s  %lld entries\n", paths[1],
			json_string_value(json_object_get(file, "path")),
			(long long)json_integer_value(json_object_get(file, "rows")));
	return 0;
}

static int run_split(struct listing *listing, char **paths)
{
	CLEANUP(lists_free_p) struct lists *list = NULL;
	struct cli *cli = listing->cli;
	json_t *files = json_array();
	int r = cli_list_ready(cli, &listing->wish, paths[0], listing->skips_refused, &list);

	if (r == 0)
		r = split_into(cli, listing, list, paths[1], files);
	if (r == 0)
		r = split_print(cli, list, paths, files);
	json_decref(files);
	return r;
}

/* ---- compare ---- */

struct comparison {
	struct cli *cli;
	json_t *array; /* NULL: print */
	size_t counts[3];
};

static json_t *text_json(struct slice text)
{
	return json_stringn((const char *)text.bytes, text.len);
}

static int difference_tell(void *arg, enum lists_difference difference,
			   const struct lists_entry *old, const struct lists_entry *new,
			   struct err *err)
{
	static const char *const words[] = {"missing", "extra", "differs"};
	struct comparison *comparison = arg;
	const struct lists_entry *entry = old ? old : new;
	char clean[LISTS_IDENTIFIER_MAX + 1], was[600], is[600];

	comparison->counts[difference]++;
	if (comparison->array) {
		json_t *value = json_pack("{s:s, s:o, s:o, s:o}", "difference", words[difference],
					  "identifier", text_json(entry->identifier), "old",
					  old ? text_json(old->details) : json_null(), "new",
					  new ? text_json(new->details) : json_null());

		return json_array_append_new(comparison->array, value) < 0 ? err_no_memory(err) : 0;
	}
	snprintf(clean, sizeof(clean), "%.*s", (int)entry->identifier.len,
		 (const char *)entry->identifier.bytes);
	fprintf(comparison->cli->world->out, "%-8s  %s", words[difference], clean);
	if (difference == LISTS_DIFFERS) {
		snprintf(was, sizeof(was), "%.*s", (int)old->details.len,
			 (const char *)old->details.bytes);
		snprintf(is, sizeof(is), "%.*s", (int)new->details.len,
			 (const char *)new->details.bytes);
		fprintf(comparison->cli->world->out, "  \"%s\" -> \"%s\"", was, is);
	}
	fputc('\n', comparison->cli->world->out);
	return 0;
}

static int compare_print(struct comparison *comparison, const struct lists *old,
			 const struct lists *new, char **paths)
{
	struct cli *cli = comparison->cli;
	const size_t *counts = comparison->counts;

	if (!comparison->array) {
		cli_say(cli, "%zu missing, %zu extra, %zu differ", counts[LISTS_MISSING],
			counts[LISTS_EXTRA], counts[LISTS_DIFFERS]);
		return 0;
	}
	return cli_json(cli,
			json_pack("{s:o, s:o, s:I, s:I, s:I, s:O}", "old",
				  cli_list_json(old, paths[0]), "new", cli_list_json(new, paths[1]),
				  "missing", (json_int_t)counts[LISTS_MISSING], "extra",
				  (json_int_t)counts[LISTS_EXTRA], "differing",
				  (json_int_t)counts[LISTS_DIFFERS], "differences",
				  comparison->array),
			&cli->err);
}

static int run_compare(struct listing *listing, char **paths)
{
	struct comparison comparison = {.cli = listing->cli};
	CLEANUP(lists_free_p) struct lists *old = NULL;
	CLEANUP(lists_free_p) struct lists *new = NULL;
	struct cli *cli = listing->cli;
	int r = cli_list_ready(cli, &listing->wish, paths[0], listing->skips_refused, &old);

	if (r == 0)
		r = cli_list_ready(cli, &listing->wish, paths[1], listing->skips_refused, &new);
	if (r < 0)
		return r;
	comparison.array = cli->is_json ? json_array() : NULL;
	r = lists_compare(old, new, difference_tell, &comparison, &cli->err);
	if (r == 0)
		r = compare_print(&comparison, old, new, paths);
	json_decref(comparison.array);
	if (r < 0)
		return r;
	return comparison.counts[0] + comparison.counts[1] + comparison.counts[2] ? (int)CLI_FAILED
										  : 0;
}

/* ---- the command ---- */

static int run_check(struct listing *listing, char **paths)
{
	return cli_list_check(listing->cli, &listing->wish, paths[0], LISTS_IDENTIFIERS);
}

static int run_convert(struct listing *listing, char **paths)
{
	return cli_list_convert(listing->cli, &listing->wish, paths[0], listing->form, listing->to,
				listing->skips_refused);
}

static int listing_read(struct listing *listing, const char *kind, const char *form,
			const char *rows, struct err *err)
{
	unsigned long count = LISTS_FILE_ROWS_MAX;
	char *end = NULL;

	listing->form = LISTS_IDENTIFIERS;
	if (form && !strcmp(form, "ownership"))
		listing->form = LISTS_OWNERSHIP;
	else if (form && strcmp(form, "identifiers") != 0)
		return err_set(err, ERR_USAGE, "\"%.40s\" is not one of identifiers, ownership",
			       form);
	if (rows)
		count = strtoul(rows, &end, 10);
	if (rows && (*end || count < 1 || count > LISTS_FILE_ROWS_MAX))
		return err_set(err, ERR_USAGE, "a file holds 1 to %d rows, not \"%.20s\"",
			       LISTS_FILE_ROWS_MAX, rows);
	listing->rows_max = count;
	return cli_list_kind(kind, &listing->wish.options.kind, err);
}

int cli_run_identifiers(struct cli *cli, int argc, char **argv)
{
	static const struct {
		const char *name;
		int paths;
		int (*run)(struct listing *listing, char **paths);
	} actions[] = {{"check", 1, run_check},
		       {"split", 2, run_split},
		       {"convert", 1, run_convert},
		       {"compare", 2, run_compare}};
	struct listing listing = {.cli = cli};
	const char *kind = NULL, *form = NULL, *rows = NULL;
	const struct cli_option options[] = {
		CLI_LIST_OPTIONS(listing.wish, kind),
		CLI_TEXT_OPTION("form", &form, "FORM",
				"convert: identifiers (the default) or ownership"),
		CLI_TEXT_OPTION("to", &listing.to, "FILE",
				"convert: write FILE instead of the standard output"),
		CLI_TEXT_OPTION("rows", &rows, "N", "split: rows of a file, 5000 at most"),
		CLI_FLAG_OPTION("skip-refused", 0, &listing.skips_refused,
				"go on without the lines that are refused"),
		{0},
	};
	int r = cli_options(cli, &argc, argv, options, &cli->err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = listing_read(&listing, kind, form, rows, &cli->err);
	for (size_t i = 0; i < ARRAY_COUNT(actions) && r == 0; i++) {
		if (strcmp(argv[0], actions[i].name) != 0)
			continue;
		if (argc - 1 != actions[i].paths)
			return err_set(&cli->err, ERR_USAGE, "`rehome identifiers %s` takes %d %s",
				       argv[0], actions[i].paths,
				       actions[i].paths == 1 ? "file" : "names");
		return actions[i].run(&listing, argv + 1);
	}
	return r < 0 ? r
		     : err_set(&cli->err, ERR_USAGE,
			       "\"%.40s\" is not one of check, split, convert, compare", argv[0]);
}
