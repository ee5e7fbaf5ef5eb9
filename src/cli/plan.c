/* rehome plan */
#include "cli/plan.h"
#include "cli/internal.h"

#include <errno.h>

#include <string.h>
#include <unistd.h>

enum { PIECE_LEN = 64 << 10 };

/* struct wish - what stands on the command line */
struct wish {
	const char *facts, *devices, *explain, *html, *service;
	struct cli_list given, turned;
	bool assumes, is_long, is_csv, is_facts_listed, asks_service;
	struct rules_switches switches;
};

static int out_write(void *arg, struct slice text, struct err *err)
{
	if (text.len && fwrite(text.bytes, 1, text.len, arg) != text.len)
		return err_set_errno(err, errno, "write the answer");
	return 0;
}

static struct plan_sink sink_of(FILE *out)
{
	return (struct plan_sink){out_write, out};
}

/* ---- the tables: facts, rules ------------------------------------------------------- */

static int list_facts(struct cli *cli)
{
	FILE *out = cli->world->out;

	for (int i = 0; i < RULES_FIELD_COUNT; i++) {
		enum rules_field field = (enum rules_field)i;
		const char *value;

		fprintf(out, "%-24s", rules_field_name(field, RULES_WORDS));
		if (!rules_field_value(field, 0, RULES_WORDS))
			fprintf(out, " a version: 18.6");
		for (size_t at = 0; (value = rules_field_value(field, at, RULES_WORDS)); at++)
			fprintf(out, "%s%s", at ? "|" : " ", value);
		fprintf(out, "\n%26s%s\n", "", rules_field_question(field));
	}
	fprintf(out, "\ndates: restore_date backup_date identity_end record_identity_end "
		     "record_enrolled (2026-11-01); cleanup_days\n\nswitches of what nobody has "
		     "verified (--switch NAME=WORD, the default first):\n");
	for (int i = 0; i < RULES_SWITCH_COUNT; i++) {
		const struct rules_switch_row *row = rules_switch((enum rules_switch)i);

		fprintf(out, "%-24s %s|%s\n%26s%s\n", row->name, row->words[0], row->words[1], "",
			row->sentence);
	}
	return 0;
}

/* ---- the plain door ------------------------------------------------------------------- */

/* pour - a table's bytes, piece by piece, into @feed */
static int pour(struct cli *cli, const char *path,
		int (*feed)(void *to, struct slice piece, struct err *err), void *to,
		struct err *err)
{
	uint8_t piece[PIECE_LEN];
	FILE *in = strcmp(path, "-") == 0 ? cli->world->in : fopen(path, "re");
	size_t len;
	int r = 0;

	if (!in)
		return err_set_errno(err, errno, "open %s", path);
	while (r == 0 && (len = fread(piece, 1, sizeof(piece), in)) > 0) {
		r = feed(to, slice_of(piece, len), err);
		if (r == 0)
			r = cancel_check(cli->world->cancel, err);
	}
	if (r == 0 && ferror(in))
		r = err_set_errno(err, errno, "read %s", path);
	if (in != cli->world->in)
		fclose(in);
	return r < 0 ? err_wrap(err, r, "%s", path) : 0;
}

static int feed_door(void *door, struct slice piece, struct err *err)
{
	return plan_door_feed(door, piece, err);
}

static int run_door(struct cli *cli, const struct wish *wish)
{
	CLEANUP(plan_door_free_p) struct plan_door *door = NULL;
	struct plan_sink sink = sink_of(cli->world->out);
	uint64_t rows, invalid, outcomes;
	int r = plan_door_new(&door, &wish->switches, &sink, &cli->err);

	if (r == 0)
		r = pour(cli, wish->facts, feed_door, door, &cli->err);
	if (r < 0)
		return r;
	r = plan_door_end(door, &rows, &invalid, &outcomes, &cli->err);
	if (r < 0)
		return err_wrap(&cli->err, r, "%s", wish->facts);
	cli_say(cli, "%llu rows, %llu outcomes", (unsigned long long)rows,
		(unsigned long long)outcomes);
	if (invalid > 0)
		cli_warn(cli, "%llu rows contradict themselves (R-711): restore=invalid",
			 (unsigned long long)invalid);
	return 0;
}

/* ---- a fleet ---------------------------------------------------------------------------- */

/* struct fleet - rows on their way to a table, a page, or the counts of a listing */
struct fleet {
	struct cli *cli;
	const struct wish *wish;
	struct plan_memo *memo;
	struct plan_sink table;
	struct plan_page *page; /* NULL: none */
	struct repo *repo;      /* opened by the first row that names a snapshot */
	uint64_t open;
};

static void fleet_clear(struct fleet *fleet)
{
	plan_memo_free_p(&fleet->memo);
	plan_page_free_p(&fleet->page);
	repo_close_p(&fleet->repo);
}

static void unused_column(void *arg, const char *column)
{
	struct fleet *fleet = arg;

	cli_warn(fleet->cli, "column \"%s\" is not used", column);
}

static int print_row(struct fleet *fleet, const struct plan_answer *answer,
		     const struct plan_case *kase, struct err *err)
{
	struct cli *cli = fleet->cli;
	char line[PLAN_TEXT_MAX * 2];

	if (cli->is_json) {
		json_t *row = plan_json(answer, kase);
		int r = row ? json_dumpf(row, cli->world->out, JSON_COMPACT) : -1;

		json_decref(row);
		fputc('\n', cli->world->out);
		return r < 0 ? err_no_memory(err) : 0;
	}
	if (fleet->wish->is_csv)
		return plan_table_row(answer, kase, &fleet->table, err);
	fprintf(cli->world->out, "%-14s %-20s %s\n", kase->serial, cli_clean(kase->name, line, 64),
		answer->set.count == 1
			? rules_mgmt_sentence((enum rules_mgmt)answer->set.outcomes[0].mgmt)
			: "depends on what is not known");
	return 0;
}

static int fleet_row(void *arg, struct plan_case *kase, const char *snapshot, uint64_t line,
		     struct err *err)
{
	struct fleet *fleet = arg;
	const struct plan_answer *answer;
	int r = cancel_check(fleet->cli->world->cancel, err);

	if (r == 0 && *snapshot && !fleet->repo && !cli_is_folder(snapshot))
		r = cli_repo_open(fleet->cli, &fleet->repo, err);
	if (r == 0 && *snapshot)
		r = cli_plan_backup(fleet->cli, fleet->repo, snapshot, kase, err);
	if (r < 0)
		return r;
	plan_case_join(kase, clock_wall_seconds(fleet->cli->world->clock));
	r = plan_memo_answer(fleet->memo, kase, fleet->wish->assumes, &answer, err);
	if (r < 0)
		return r;
	fleet->open += answer->set.count > 1;
	if (fleet->page)
		r = plan_page_row(fleet->page, answer, kase, err);
	return r < 0 ? r : print_row(fleet, answer, kase, err);
}

static int feed_fleet(void *fleet, struct slice piece, struct err *err)
{
	return plan_fleet_feed(fleet, piece, err);
}

static int page_open(struct cli *cli, const char *path, FILE **file, struct plan_page **page)
{
	struct plan_sink sink;

	*file = fopen(path, "wxe");
	if (!*file && errno == EEXIST)
		return err_set(&cli->err, ERR_EXISTS,
			       "%s is there already, and is not overwritten: name another file",
			       path);
	if (!*file)
		return err_set_errno(&cli->err, errno, "make %s", path);
	sink = sink_of(*file);
	return plan_page_new(page, "Plan", clock_wall_seconds(cli->world->clock), &sink, &cli->err);
}

/* page_close - half a page is none: after a failure it is removed, so that the next run can make it
 */
static int page_close(struct cli *cli, const char *path, FILE **file, struct plan_page *page, int r)
{
	if (!*file)
		return r;
	if (r == 0)
		r = plan_page_end(page, &cli->err);
	if (fclose(*file) != 0 && r == 0)
		r = err_set_errno(&cli->err, errno, "write %s", path);
	*file = NULL;
	if (r < 0)
		unlink(path);
	if (r == 0)
		cli_say(cli, "the report lies in %s", path);
	return r;
}

static int run_fleet(struct cli *cli, const struct wish *wish, struct plan_case *base)
{
	CLEANUP(fleet_clear) struct fleet fleet = {.cli = cli, .wish = wish};
	CLEANUP(plan_fleet_free_p) struct plan_fleet *rows = NULL;
	FILE *file = NULL;
	uint64_t count = 0;
	int r = plan_memo_new(&fleet.memo, &wish->switches, &cli->err);

	fleet.table = sink_of(cli->world->out);
	if (r == 0 && wish->is_csv && !cli->is_json)
		r = plan_table_head(&fleet.table, &cli->err);
	if (r == 0 && wish->html)
		r = page_open(cli, wish->html, &file, &fleet.page);
	if (r == 0)
		r = plan_fleet_new(&rows, base, fleet_row, unused_column, &fleet, &cli->err);
	if (r == 0)
		r = pour(cli, wish->devices, feed_fleet, rows, &cli->err);
	if (r == 0) {
		r = plan_fleet_end(rows, &count, &cli->err);
		if (r < 0)
			r = err_wrap(&cli->err, r, "%s", wish->devices);
	}
	r = page_close(cli, wish->html, &file, fleet.page, r);
	if (r == 0)
		cli_say(cli, "%llu devices; %llu of them depend on what is not known",
			(unsigned long long)count, (unsigned long long)fleet.open);
	return r;
}

/* ---- one device ---------------------------------------------------------------------------- */

static int print_one(struct cli *cli, const struct wish *wish, const struct plan_answer *answer,
		     const struct plan_case *kase)
{
	struct plan_sink sink = sink_of(cli->world->out);
	int r;

	if (cli->is_json)
		return cli_json(cli, plan_json(answer, kase), &cli->err);
	if (!wish->is_csv)
		return plan_write_text(answer, kase, wish->is_long, &sink, &cli->err);
	r = plan_table_head(&sink, &cli->err);
	return r < 0 ? r : plan_table_row(answer, kase, &sink, &cli->err);
}

static int run_one(struct cli *cli, const struct wish *wish, const char *source,
		   struct plan_case *kase)
{
	CLEANUP(plan_answer_clear) struct plan_answer answer = PLAN_ANSWER_INIT;
	CLEANUP(plan_page_free_p) struct plan_page *page = NULL;
	FILE *file = NULL;
	int r;

	plan_case_join(kase, clock_wall_seconds(cli->world->clock));
	cli_plan_warn(cli, source, wish->service, kase);
	r = plan_answer_make(&answer, kase, &wish->switches, wish->assumes, &cli->err);
	if (r == 0 && wish->html) {
		r = page_open(cli, wish->html, &file, &page);
		if (r == 0)
			r = plan_page_row(page, &answer, kase, &cli->err);
		r = page_close(cli, wish->html, &file, page, r);
	}
	return r < 0 ? r : print_one(cli, wish, &answer, kase);
}

/* ---- the command --------------------------------------------------------------------------- */

static int switches_take(struct wish *wish, struct err *err)
{
	for (size_t i = 0; i < wish->turned.count; i++) {
		const char *word = wish->turned.words[i], *equals = strchr(word, '=');
		char name[64];
		int r;

		if (!equals || (size_t)(equals - word) >= sizeof(name))
			return err_set(err, ERR_USAGE, "--switch %s: write NAME=WORD", word);
		memcpy(name, word, (size_t)(equals - word));
		name[equals - word] = 0;
		r = rules_switches_set(&wish->switches, name, equals + 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int case_take(struct cli *cli, const struct wish *wish, int argc, char **argv,
		     struct plan_case *kase)
{
	int r = 0;

	snprintf(kase->service, sizeof(kase->service), "%s", wish->service ? wish->service : "");
	if (argc > 0)
		r = cli_plan_backup(cli, NULL, argv[0], kase, &cli->err);
	if (r == 0 && argc > 1)
		r = cli_plan_target(cli, argv[1], kase, &cli->err);
	if (r == 0 && argc > 1 && wish->asks_service)
		r = cli_plan_record(cli, kase, &cli->err);
	/* what a person says comes last, and so replaces what was read */
	for (size_t i = 0; r == 0 && i < wish->given.count; i++)
		r = plan_case_assignment(kase, wish->given.words[i], &cli->err);
	return r;
}

int cli_run_plan(struct cli *cli, int argc, char **argv)
{
	struct wish wish = {0};
	struct plan_case kase = {0};
	const struct cli_option options[] = {
		CLI_LIST_OPTION("fact", &wish.given, "NAME=WORD",
				"say what is known, e.g. reset=erased_locally (may be repeated)"),
		CLI_TEXT_OPTION("service", &wish.service, "WORD",
				"\"this\" service: its URL, host, topic or organisation"),
		CLI_FLAG_OPTION(
			"record", 0, &wish.asks_service,
			"ask the MDM service for its record of the device, as `rehome mdm` does"),
		CLI_FLAG_OPTION("assume", 0, &wish.assumes,
				"take what is usual for what is not known, and say so"),
		CLI_FLAG_OPTION("long", 'l', &wish.is_long,
				"every fact with its origin, every rule with its sources"),
		CLI_TEXT_OPTION("devices", &wish.devices, "FILE.csv",
				"a row a device; columns: serial, udid, name, snapshot, facts"),
		CLI_FLAG_OPTION("csv", 0, &wish.is_csv, "print a table instead of text"),
		CLI_TEXT_OPTION("html", &wish.html, "FILE", "write a report as one HTML file too"),
		CLI_TEXT_OPTION("facts", &wish.facts, "FILE.csv",
				"the plain door: in_* columns in, out_* columns out"),
		CLI_LIST_OPTION("switch", &wish.turned, "NAME=WORD",
				"turn a switch of what nobody has verified"),
		CLI_TEXT_OPTION("explain", &wish.explain, "RULE",
				"tell a rule or an error (R-202, E-05) with its sources"),
		CLI_FLAG_OPTION("list-facts", 0, &wish.is_facts_listed,
				"name all facts, their words, and the switches"),
		{0},
	};
	struct plan_sink sink = sink_of(cli->world->out);
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (wish.is_facts_listed)
		return list_facts(cli);
	if (wish.explain)
		return plan_write_rule(wish.explain, &sink, &cli->err);
	r = switches_take(&wish, &cli->err);
	if (r < 0)
		return r;
	if (wish.facts)
		return run_door(cli, &wish);
	if (argc == 0 && !wish.devices && wish.given.count == 0)
		return err_set(&cli->err, ERR_USAGE,
			       "name a snapshot or folder (and a device), or give facts; "
			       "`rehome plan --help` shows how");
	r = case_take(cli, &wish, argc, argv, &kase);
	if (r < 0)
		return r;
	return wish.devices ? run_fleet(cli, &wish, &kase)
			    : run_one(cli, &wish, argc > 0 ? argv[0] : NULL, &kase);
}
