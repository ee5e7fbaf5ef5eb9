/*
 * command_scenario - stories from a table, one a line, and what was observed of each
 *
 * One process plays all lines, without a socket: what predictions are held against.
 */
#include "sim/scenario.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: rehome-sim scenario [--switch NAME=VALUE]... [--keep DIR] [FIELD=VALUE]...\n"
	"       rehome-sim scenario [--switch NAME=VALUE]... [--keep DIR] < IN.csv > OUT.csv\n\n"
	"Plays backup, erase, restore and setup from facts, and tells what is observed.\n"
	"With fields: one story, told in lines. Without: a table with a line of names, whose\n"
	"columns in_FIELD are read, `switches` too (NAME=VALUE with spaces between), and all\n"
	"columns but out_* are handed on, followed by obs_*.\n\n"
	"  --keep DIR   leave the devices of each story in DIR/ID\n";

enum { CELLS_MAX = 256, LINE_LEN_MAX = 1 << 16, SWITCHES_MAX = 32, ID_LEN = 64 };

static const char *const columns[] = {
	"obs_restore",    "obs_setup_assistant", "obs_mgmt",  "obs_then", "obs_content",
	"obs_supervised", "obs_locked",          "obs_reply", "obs_row",  "obs_error"};

/** struct table - the columns of the input */
struct table {
	char *names;
	char *name[CELLS_MAX];
	enum sim_scenario_field field[CELLS_MAX];
	size_t count;
};

/** struct lab - one run of the command */
struct lab {
	const struct sim_world *world;
	const char *switches[SWITCHES_MAX];
	size_t switch_count;
	const char *keep;
	char folder[256]; /* for stories that nobody keeps */
};

static int split(char *line, char *cells[CELLS_MAX])
{
	int count = 0;

	line[strcspn(line, "\r\n")] = 0;
	while (line && count < CELLS_MAX)
		cells[count++] = strsep(&line, ",");
	return line ? -1 : count;
}

/* ---- one story ---- */

static int play(struct lab *lab, struct sim_scenario *story, const char *id,
		struct sim_observation *seen, struct err *err)
{
	char folder[SIM_FOLDER_MAX];
	int r;

	if (strlen(id) >= ID_LEN || path_check_relative(id, strlen(id), err) != 0)
		return err_set(err, ERR_USAGE, "%.60s is no id", id);
	snprintf(folder, sizeof(folder), "%s/%s", lab->keep ? lab->keep : lab->folder, id);
	r = sim_scenario_run(story, folder, seen, err);
	if (!lab->keep)
		fs_remove_tree(fs_system(), folder, NULL);
	return r;
}

static void print_cells(FILE *out, const struct sim_observation *seen, const struct err *err, int r)
{
	char reason[ERR_TEXT_MAX];

	if (r == 0) {
		fprintf(out, ",%s,%s,%s,%s,%s,%s,%s,%s,%s,\n", seen->restore,
			sim_scenario_setup(seen), sim_scenario_management(seen),
			sim_then_word(seen->then), seen->content,
			seen->is_supervised ? "yes" : "no", seen->is_locked ? "yes" : "no",
			sim_reply_word(seen->reply), seen->row);
		return;
	}
	snprintf(reason, sizeof(reason), "%s", err->text);
	for (char *at = reason; *at; at++)
		if (*at == ',' || *at == '\n')
			*at = ';';
	fprintf(out, ",,,,,,,,,,%s%s\n", r > 0 ? "cannot be: " : "", reason);
}

static void print_lines(FILE *out, const struct sim_observation *seen)
{
	const char *const values[] = {seen->restore,
				      sim_scenario_setup(seen),
				      sim_scenario_management(seen),
				      sim_then_word(seen->then),
				      seen->content,
				      seen->is_supervised ? "yes" : "no",
				      seen->is_locked ? "yes" : "no",
				      sim_reply_word(seen->reply),
				      seen->row};

	for (size_t i = 0; i < ARRAY_COUNT(values); i++)
		fprintf(out, "%-16s %s\n", columns[i] + 4, values[i]);
}

/* ---- a table ---- */

static int read_names(struct table *table, char *line, struct err *err)
{
	int count = split(line, table->name);

	if (count < 0)
		return err_set(err, ERR_USAGE, "more than %d columns", CELLS_MAX);
	table->count = (size_t)count;
	for (size_t i = 0; i < table->count; i++)
		table->field[i] = strncmp(table->name[i], "in_", 3)
					  ? SIM_IN_COUNT
					  : sim_scenario_field(table->name[i] + 3);
	return 0;
}

static bool is_handed_on(const struct table *table, size_t i)
{
	return strncmp(table->name[i], "out_", 4) != 0;
}

static void print_names(FILE *out, const struct table *table)
{
	bool has_any = false;

	for (size_t i = 0; i < table->count; i++) {
		if (is_handed_on(table, i))
			fprintf(out, "%s%s", has_any ? "," : "", table->name[i]);
		has_any |= is_handed_on(table, i);
	}
	for (size_t i = 0; i < ARRAY_COUNT(columns); i++)
		fprintf(out, ",%s", columns[i]);
	fputc('\n', out);
}

static int add_switches(struct sim_scenario *story, const char *switches[SWITCHES_MAX], char *text,
			struct err *err)
{
	for (char *rest, *one = strtok_r(text, " ", &rest); one; one = strtok_r(NULL, " ", &rest)) {
		if (story->switch_count == SWITCHES_MAX)
			return err_set(err, ERR_USAGE, "more than %d switches", SWITCHES_MAX);
		switches[story->switch_count++] = one;
	}
	return 0;
}

static int play_line(struct lab *lab, const struct table *table, char *line, unsigned long number,
		     struct err *err)
{
	const char *switches[SWITCHES_MAX];
	struct sim_scenario story = {.switches = switches, .switch_count = lab->switch_count};
	struct sim_observation seen = {0};
	char *cells[CELLS_MAX], id[ID_LEN];
	bool has_any = false;
	int count = split(line, cells), r = 0;

	memcpy(switches, lab->switches, sizeof(lab->switches));
	snprintf(id, sizeof(id), "line%lu", number);
	if (count != (int)table->count)
		return err_set(err, ERR_USAGE, "line %lu has %d cells, not %zu", number, count,
			       table->count);
	for (size_t i = 0; r == 0 && i < table->count; i++) {
		if (is_handed_on(table, i))
			fprintf(lab->world->out, "%s%s", has_any ? "," : "", cells[i]);
		has_any |= is_handed_on(table, i);
		if (table->field[i] != SIM_IN_COUNT)
			story.value[table->field[i]] = cells[i];
		if (!strcmp(table->name[i], "id"))
			snprintf(id, sizeof(id), "%s", cells[i]);
		if (!strcmp(table->name[i], "switches"))
			r = add_switches(&story, switches, cells[i], err);
	}
	if (r == 0)
		r = play(lab, &story, id, &seen, err);
	print_cells(lab->world->out, &seen, err, r);
	return 0;
}

static int play_table(struct lab *lab, struct err *err)
{
	struct table table = {0};
	char *line = malloc(LINE_LEN_MAX);
	unsigned long number = 1;
	int r;

	table.names = malloc(LINE_LEN_MAX);
	if (!line || !table.names) {
		r = err_no_memory(err);
	} else if (!fgets(table.names, LINE_LEN_MAX, stdin)) {
		r = err_set(err, ERR_USAGE, "there is no line of names");
	} else {
		r = read_names(&table, table.names, err);
		if (r == 0)
			print_names(lab->world->out, &table);
	}
	while (r == 0 && fgets(line, LINE_LEN_MAX, stdin)) {
		struct err reason = ERR_INIT; /* of one line: the next is played all the same */

		number++;
		r = play_line(lab, &table, line, number, &reason);
		if (r < 0)
			*err = reason;
	}
	free(line);
	free(table.names);
	return r;
}

/* ---- the command ---- */

static int play_words(struct lab *lab, int count, char **words, struct err *err)
{
	struct sim_scenario story = {.switches = lab->switches, .switch_count = lab->switch_count};
	struct sim_observation seen = {0};
	int r = 0;

	for (int i = 0; r == 0 && i < count; i++) {
		char *value = strchr(words[i], '=');
		enum sim_scenario_field field;

		if (value)
			*value++ = 0;
		field = sim_scenario_field(words[i]);
		if (!value || field == SIM_IN_COUNT)
			return err_set(err, ERR_USAGE, "%.60s is no FIELD=VALUE", words[i]);
		story.value[field] = value;
	}
	r = play(lab, &story, "story", &seen, err);
	if (r == 0)
		print_lines(lab->world->out, &seen);
	return r > 0 ? ERR_USAGE : r;
}

static int run(struct lab *lab, int count, char **words, struct err *err)
{
	const char *base = getenv("TMPDIR");
	int r;

	snprintf(lab->folder, sizeof(lab->folder), "%.200s/rehome-scenario-XXXXXX",
		 base ? base : "/tmp");
	if (!mkdtemp(lab->folder))
		return err_set_errno(err, errno, "make a folder for stories");
	r = count > 0 ? play_words(lab, count, words, err) : play_table(lab, err);
	fs_remove_tree(fs_system(), lab->folder, NULL);
	return r;
}

int sim_command_scenario(struct sim_world *world, int argc, char **argv)
{
	static const struct option options[] = {
		{"switch", required_argument, NULL, 's'},
		{"keep", required_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct lab lab = {.world = world};
	struct err err = ERR_INIT;
	int option, r;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, world->out);
			return 0;
		}
		if (option == '?' || (option == 's' && lab.switch_count == SWITCHES_MAX)) {
			fputs(help, world->err);
			return 2;
		}
		if (option == 's')
			lab.switches[lab.switch_count++] = optarg;
		else
			lab.keep = optarg;
	}
	r = run(&lab, argc - optind, argv + optind, &err);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
