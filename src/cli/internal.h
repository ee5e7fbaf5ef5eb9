/*
 * cli/internal - what the commands share: options, words, passwords, the repository, tables
 */
#ifndef REHOME_CLI_INTERNAL_H
#define REHOME_CLI_INTERNAL_H

#include "cli/cli.h"
#include "csv/csv.h"
#include "job/job.h"
#include "lists/lists.h"

#include <jansson.h>

enum { CLI_PATH_MAX = 4096, CLI_OPERANDS_MAX = 8 };

/* ---- progress.c ---- */

/** struct cli_progress - a bar on a terminal, lines elsewhere, nothing when quiet */
struct cli_progress {
	struct progress progress;
	struct clock *clock;
	FILE *out;
	bool is_terminal, is_quiet, has_line;
	char phase[400];
	int64_t began_ms, printed_ms, next_ms, sample_ms;
	uint64_t sample_bytes;
	double rate; /* bytes a second, smoothed */
};
/** cli_progress_init - @clock and @out are borrowed; a bar if @out is a terminal */
void cli_progress_init(struct cli_progress *progress, struct clock *clock, FILE *out,
		       bool is_quiet);
/** cli_progress_end - leave the terminal's line empty for what comes next */
void cli_progress_end(struct cli_progress *progress);
/** cli_progress_format - "receiving  1.2 GB  3412 files  45%  38 MB/s  2:10 left"; @rate 0 and
 * @left_seconds < 0 are left out */
void cli_progress_format(char *out, size_t len, const struct progress_state *state, double rate,
			 int64_t left_seconds);
/** cli_progress_left - seconds to go, from the totals or the device's own claim; < 0 when it cannot
 * be told */
int64_t cli_progress_left(const struct progress_state *state, double rate, int64_t elapsed_ms);

/* ---- the running command ---- */

struct cli_command;
struct mdm;
enum cli_password_from { CLI_FROM_PERSON, CLI_FROM_REPO, CLI_FROM_SERVICE };
struct cli {
	struct cli_world *world;
	const struct cli_command *command;
	const char *repo, *password_file, *device_password_file;
	bool is_json, is_quiet;
	enum cli_password_from password_from; /* of the device: where the last one came from */
	struct mdm *service; /* the one that REHOME_MDM_URL names, once asked: mdm_named */
	bool is_service_out; /* it failed: not asked again */
	struct secret service_password; /* of the device that the next names; it is read once */
	char service_password_udid[JOB_UDID_MAX];
	struct cli_progress progress;
	struct job_env env;
	struct repo_env repo_env;
	struct err err;
};

/** struct cli_command - one line of the table in commands.c */
struct cli_command {
	const char *name, *operands, *summary, *about;
	int operands_min, operands_max;
	int (*run)(struct cli *cli, int argc,
		   char **argv); /* 0, < 0 with cli->err, or an enum cli_exit > 0 */
};
extern const struct cli_command cli_commands[];
/** cli_command_find - NULL if there is none */
const struct cli_command *cli_command_find(const char *name);

/* ---- options.c ---- */

enum cli_option_kind { CLI_OPTION_END, CLI_OPTION_FLAG, CLI_OPTION_TEXT, CLI_OPTION_LIST };

enum { CLI_LIST_MAX = 64 };
/** struct cli_list - the values of an option that may be repeated, in order; borrowed from argv */
struct cli_list {
	const char *words[CLI_LIST_MAX];
	size_t count;
};
/** struct cli_option - parser and help come from the same line; tables end with { 0 } */
struct cli_option {
	enum cli_option_kind kind;
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	void *value;      /* bool *, const char ** or struct cli_list * */
	const char *argument, *help;
};
#define CLI_FLAG_OPTION(name, letter, value, help)               \
	{                                                        \
		CLI_OPTION_FLAG, name, letter, value, NULL, help \
	}
#define CLI_TEXT_OPTION(name, value, argument, help)            \
	{                                                       \
		CLI_OPTION_TEXT, name, 0, value, argument, help \
	}

#define CLI_LIST_OPTION(name, list, argument, help)            \
	{                                                      \
		CLI_OPTION_LIST, name, 0, list, argument, help \
	}

enum cli_options_outcome { CLI_OPTIONS_HELP = 1 };
/**
 * cli_options - take the options out of @argv, leaving the operands in argv[0..*argc)
 * Global options are understood everywhere.  `--help` prints the command's page and gives
 * CLI_OPTIONS_HELP. ERR_USAGE: unknown option, missing argument, number of operands.
 */
int cli_options(struct cli *cli, int *argc, char **argv, const struct cli_option *options,
		struct err *err);
/** cli_options_global - the table of options that every command takes; @out holds 7 */
void cli_options_global(struct cli *cli, struct cli_option out[7]);
/** cli_usage - the page of `rehome help`: all commands and the options that each takes */
void cli_usage(struct cli *cli, FILE *out);

/* ---- words.c ---- */

/** cli_exit_of - failure code to exit status */
enum cli_exit cli_exit_of(int code);
/** cli_clean - @text without bytes that a terminal would obey; @out is cut at @len */
const char *cli_clean(const char *text, char *out, size_t len);
/** cli_say - a line for people on the standard error, cleaned, unless quiet */
void cli_say(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/** cli_warn - the same, also when quiet */
void cli_warn(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/** cli_answer - "yes", "no" or "unknown" */
const char *cli_answer(enum job_answer answer);
/** cli_age - "3 days ago", "just now": since @then */
const char *cli_age(int64_t now, int64_t then, char out[32]);

/* ---- output.c ---- */

/** cli_json - print and release @value; ERR_NO_MEMORY when it is NULL */
int cli_json(struct cli *cli, json_t *value, struct err *err);
/** cli_json_next - the next element of an array, printed and released: a backup has a million
 * files. @is_first: true before the first; ERR_NO_MEMORY when @value is NULL */
int cli_json_next(struct cli *cli, bool *is_first, json_t *value, struct err *err);
/** cli_json_end - end the array */
void cli_json_end(struct cli *cli, bool is_empty);
/** cli_json_snapshot - the object of `snapshots --json`; NULL without memory */
json_t *cli_json_snapshot(const struct job_snapshot *snapshot);
/** cli_json_text - a text from outside: broken UTF-8 becomes '?' instead of no value */
json_t *cli_json_text(const char *text);
/** cli_json_text_or_null - cli_json_text; null for "" */
json_t *cli_json_text_or_null(const char *text);

/** cli_item_type - "file", "folder" or "link" */
const char *cli_item_type(const struct job_item *item);
/** cli_json_item - the object of `ls --json`; NULL without memory */
json_t *cli_json_item(const struct job_item *item);

/** struct cli_table - rows of cells, printed with columns as wide as their widest; cleaned */
struct cli_table {
	char **cells;
	size_t count, cap, columns;
	unsigned right_mask; /* columns that are numbers */
	bool has_failed;
};
/** cli_table_init - @right_mask: bit n set where column n holds numbers */
void cli_table_init(struct cli_table *table, size_t columns, unsigned right_mask);
void cli_table_clear(struct cli_table *table);
/** cli_table_add - the next cell, copied, rows from left to right; lack of memory shows at print */
void cli_table_add(struct cli_table *table, const char *cell);
/** cli_table_print - ERR_NO_MEMORY, and nothing printed, when a cell is missing */
int cli_table_print(const struct cli_table *table, FILE *out, struct err *err);

/* ---- ask.c ---- */

/** cli_ask_secret - without echo; @twice: until both are equal. ERR_PASSWORD when there is no
 * terminal (names @option, which gives it otherwise) or it stays empty */
int cli_ask_secret(struct cli *cli, const char *prompt, const char *option, bool twice,
		   struct secret *secret, struct err *err);
/** cli_ask_yes - 0 for yes; ERR_CANCELED otherwise; ERR_USAGE (names @switch_name) without a
 * terminal */
int cli_ask_yes(struct cli *cli, const char *question, const char *switch_name, struct err *err);

/* ---- repository.c ---- */

/** cli_repo_path - --repo, REHOME_REPO, or the place beneath the user's data folder */
int cli_repo_path(struct cli *cli, char out[CLI_PATH_MAX], struct err *err);
/** cli_repo_password - --password-file, REHOME_PASSWORD_FILE, or asked for (twice when @is_new) */
int cli_repo_password(struct cli *cli, bool is_new, struct secret *password, struct err *err);
/** cli_repo_open - cli_repo_path and cli_repo_password, then open; caller closes */
int cli_repo_open(struct cli *cli, struct repo **out, struct err *err);
/**
 * cli_device_password - --device-password-file, the vault of @repo (may be NULL), the MDM service
 * that is named, or asked for when @is_needed
 * @udid: "" where only the person may give it, or nobody knows whose it is
 * Returns 0, or REPO_ABSENT when there is none and none is needed.
 */
int cli_device_password(struct cli *cli, struct repo *repo, const char *udid, bool is_needed,
			struct secret *password, struct err *err);

/* ---- findings.c ---- */

/** struct cli_findings - prints what a verification finds as it comes, or gathers it for --json */
struct cli_findings {
	struct cli *cli;
	json_t *list; /* NULL: print */
	uint64_t printed;
};
/** cli_findings_init - cli_finding is the callback for verifications, with this as its argument */
void cli_findings_init(struct cli_findings *findings, struct cli *cli);
void cli_findings_clear(struct cli_findings *findings);
void cli_finding(void *findings, const struct backup_finding *finding);

/* ---- table_input.c ---- */

/** struct cli_input - a table, read piece by piece; zero it, cli_input_close */
struct cli_input {
	FILE *file;
	bool is_owned;
	const char *path;
	struct csv_reader *reader;
	struct buf *copy; /* takes every byte that is read, unless NULL */
};
/** cli_input_open - the file at @path, "-" being the standard input; @separator is ",", ";", "tab",
 * or NULL to find it. ERR_NOT_FOUND, ERR_IO, ERR_USAGE. */
int cli_input_open(struct cli *cli, struct cli_input *input, const char *path,
		   const char *separator, struct err *err);
void cli_input_close(struct cli_input *input);
/** cli_input_next - the next row, borrowed until the call after; CSV_END; errors name the path */
int cli_input_next(struct cli_input *input, struct csv_row *row, struct err *err);

/* ---- list_files.c ---- */

/** struct cli_list_wish - how a list is to be read */
struct cli_list_wish {
	struct lists_options options;
	const char *separator;
};
/** CLI_LIST_OPTIONS - the options that fill a wish, and @kind for cli_list_kind */
#define CLI_LIST_OPTIONS(wish, kind)                                                      \
	CLI_TEXT_OPTION("kind", &(kind), "KIND", "of identifiers: serial or imei"),       \
		CLI_TEXT_OPTION("column", &(wish).options.column, "NAME",                 \
				"the header of the column with the identifiers"),         \
		CLI_TEXT_OPTION("details-column", &(wish).options.details_column, "NAME", \
				"the header of the column with the details"),             \
		CLI_FLAG_OPTION("no-details", 0, &(wish).options.drops_details,           \
				"leave the details out"),                                 \
		CLI_TEXT_OPTION("separator", &(wish).separator, "S", "of cells: , or ; or tab")
int cli_list_kind(const char *word, enum lists_kind *kind, struct err *err);
const char *cli_list_kind_name(enum lists_kind kind);
/** cli_list_read - a whole list; its bytes also into @copy unless NULL. Free @out with
 * lists_free_p. */
int cli_list_read(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		  struct buf *copy, struct lists **out, struct err *err);
/** cli_list_tell - each refused line, and each remark unless quiet, on the standard error */
void cli_list_tell(struct cli *cli, const struct lists *list, const char *path);
/** cli_list_json - {"file","kind","entries","refused","lines":[...]}; NULL without memory */
json_t *cli_list_json(const struct lists *list, const char *path);
/** cli_list_ready - cli_list_read, and tell; ERR_CORRUPT if lines are refused and @skips_refused is
 * not said (with --json the object is printed then) */
int cli_list_ready(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		   bool skips_refused, struct lists **out);
/** cli_list_file_json - {"path","rows","bytes"} of a file that was written */
json_t *cli_list_file_json(const char *path, size_t rows, size_t bytes);
/** cli_list_files_print - cli_list_json with the written @files, which stay the caller's */
int cli_list_files_print(struct cli *cli, const struct lists *list, const char *path,
			 json_t *files);
/** cli_list_check - `check` for a @form */
int cli_list_check(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		   enum lists_form form);
/** cli_list_convert - one file of the @form to @to, a new file, or to the standard output if NULL
 */
int cli_list_convert(struct cli *cli, const struct cli_list_wish *wish, const char *path,
		     enum lists_form form, const char *to, bool skips_refused);

/* ---- one function a command ---- */

/* each parses its operands and options, calls, prints: 0, < 0 with cli->err, or an enum cli_exit */
int cli_run_init(struct cli *cli, int argc, char **argv);
int cli_run_devices(struct cli *cli, int argc, char **argv);
int cli_run_pair(struct cli *cli, int argc, char **argv);
int cli_run_backup(struct cli *cli, int argc, char **argv);
int cli_run_encryption(struct cli *cli, int argc, char **argv);
int cli_run_snapshots(struct cli *cli, int argc, char **argv);
int cli_run_show(struct cli *cli, int argc, char **argv);
int cli_run_ls(struct cli *cli, int argc, char **argv);
int cli_run_cat(struct cli *cli, int argc, char **argv);
int cli_run_extract(struct cli *cli, int argc, char **argv);
int cli_run_diff(struct cli *cli, int argc, char **argv);
int cli_run_mount(struct cli *cli, int argc, char **argv);
int cli_run_verify(struct cli *cli, int argc, char **argv);
int cli_run_import(struct cli *cli, int argc, char **argv);
int cli_run_export(struct cli *cli, int argc, char **argv);
int cli_run_plan(struct cli *cli, int argc, char **argv);
int cli_run_restore(struct cli *cli, int argc, char **argv);
int cli_run_serve(struct cli *cli, int argc, char **argv);
int cli_run_check(struct cli *cli, int argc, char **argv);
int cli_run_identifiers(struct cli *cli, int argc, char **argv);
int cli_run_ownership(struct cli *cli, int argc, char **argv);
int cli_run_hygiene(struct cli *cli, int argc, char **argv);
int cli_run_mdm(struct cli *cli, int argc, char **argv);
int cli_run_help(struct cli *cli, int argc, char **argv);

/* ---- browse.c: what commands that look inside share ---- */

/** cli_is_folder - is @word a folder, rather than a snapshot? It has a slash, is ".", or is there
 */
bool cli_is_folder(const char *word);
/** struct cli_source - a snapshot or a backup folder, opened; zeroed first, cli_source_clear */
struct cli_source {
	struct repo *repo; /* NULL: a folder. Set before opening: another source's, not closed */
	struct job_browse *browse;
	bool is_locked; /* encrypted, and its password is not known */
	bool is_repo_borrowed;
};
/** enum cli_access - what a backup is opened for */
enum cli_access {
	CLI_FACTS,            /* what it is; an encrypted one may stay locked */
	CLI_KEYS,             /* it must open, but nothing in it is shown to people */
	CLI_CONTENTS,         /* names and contents are shown: the owner's leave is needed */
	CLI_CONTENTS_UNASKED, /* the same where nobody can be asked for a password */
};
/** cli_snapshot_open - with the password that is given, kept or asked for, and what ownership
 * demands (job_opening_admit); outcomes of job_browse_open */
int cli_snapshot_open(struct cli *cli, struct repo *repo, const struct job_snapshot *snapshot,
		      enum cli_access access, struct job_browse **out, struct err *err);
/** cli_source_open - @word: SNAPSHOT or DIR. Whose a folder is, nobody knows. */
int cli_source_open(struct cli *cli, const char *word, enum cli_access access,
		    struct cli_source *source, struct err *err);
void cli_source_clear(struct cli_source *source);
/** cli_path_split - "DOMAIN/PATH" in two; @path is "" for a domain alone. ERR_USAGE when too long
 * or empty */
int cli_path_split(const char *text, char domain[BACKUP_DOMAIN_LEN_MAX + 1],
		   char path[PATH_LEN_MAX + 1], struct err *err);

#endif
