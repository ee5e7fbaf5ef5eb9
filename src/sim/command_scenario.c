/*
 * command_scenario - stories from a table, one a line, and what was observed of each
 *
 * One process plays all lines, without a socket: what predictions are held against.
 */
#include "csv/csv.h"
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
	"  --switch NAME=VALUE   for all stories; `world --help` names them\n"
	"  --keep DIR            leave the devices of each story in DIR/ID\n";

enum { PIECE_LEN = 64 << 10, ROW_LEN_MAX = 1 << 16, SWITCHES_MAX = 32, ID_LEN = 64 };

/** struct lab - one run of the command */
struct lab {
	const struct sim_world *world;
	const char *switches[SWITCHES_MAX];
	size_t switch_count;
	const char *keep;
	char folder[256]; /* for stories that nobody keeps */
	struct csv_header header;
	struct buf out;
};

/* ---- one story ---- */

static int play(struct lab *lab, const struct sim_scenario *story, const char *id,
		struct sim_observation *seen, struct err *err)
{
	char folder[SIM_FOLDER_MAX];
	int r;

	if (!*id || strlen(id) >= ID_LEN || path_check_relative(id, strlen(id), err) != 0)
		return err_set(err, ERR_USAGE, "%.60s is no id", id);
	snprintf(folder, sizeof(folder), "%s/%s", lab->keep ? lab->keep : lab->folder, id);
	r = sim_scenario_run(story, folder, seen, err);
	if (!lab->keep)
		fs_remove_tree(fs_system(), folder, NULL);
	return r;
}

static const char *const columns[] = {"obs_restore", "obs_setup_assistant", "obs_mgmt",
				      "obs_then",    "obs_content",         "obs_supervised",
				      "obs_locked",  "obs_reply",           "obs_row"};

/* the observer's words in the order of columns */
static const char *word_of(const struct sim_observation *seen, size_t column)
{
	const char *const words[] = {seen->restore,
				     sim_scenario_setup(seen),
				     sim_scenario_management(seen),
				     sim_then_word(seen->then),
				     seen->content,
				     seen->is_supervised ? "yes" : "no",
				     seen->is_locked ? "yes" : "no",
				     sim_reply_word(seen->reply),
				     seen->row};

	return words[column];
}

/* ---- a table ---- */

static bool is_handed_on(const struct lab *lab, size_t column)
{
	return strncmp(lab->header.names[column], "out_", 4) != 0;
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

/* the cells as texts one behind the other in @texts, by column in @cells */
static int copy_cells(struct lab *lab, const struct csv_row *row, struct buf *texts, char **cells,
		      struct err *err)
{
	int r = csv_row_check(row, err);

	if (r == 0 && row->count != lab->header.count)
		r = err_set(err, ERR_USAGE, "line %llu has %zu cells, not %zu",
			    (unsigned long long)row->line, row->count, lab->header.count);
	if (r == 0)
		r = buf_reserve(texts, ROW_LEN_MAX, err);
	for (size_t i = 0; r == 0 && i < row->count; i++) {
		cells[i] = (char *)texts->bytes + texts->len;
		r = buf_append_slice(texts, row->cells[i], err);
		if (r == 0)
			r = buf_append_u8(texts, 0, err);
	}
	return r;
}

static int play_cells(struct lab *lab, char **cells, uint64_t line, struct sim_observation *seen,
		      struct err *err)
{
	const char *switches[SWITCHES_MAX];
	struct sim_scenario story = {.switches = switches, .switch_count = lab->switch_count};
	char id[ID_LEN];
	int r = 0;

	memcpy(switches, lab->switches, sizeof(switches));
	snprintf(id, sizeof(id), "line%llu", (unsigned long long)line);
	for (size_t i = 0; r == 0 && i < lab->header.count; i++) {
		const char *name = lab->header.names[i];
		enum sim_scenario_field field =
			strncmp(name, "in_", 3) ? SIM_IN_COUNT : sim_scenario_field(name + 3);

		if (field != SIM_IN_COUNT)
			story.value[field] = cells[i];
		else if (!strcmp(name, "id"))
			snprintf(id, sizeof(id), "%s", cells[i]);
		else if (!strcmp(name, "switches"))
			r = add_switches(&story, switches, cells[i], err);
	}
	return r < 0 ? r : play(lab, &story, id, seen, err);
}

/* a line of the output; @played: how the story went, and @reason where it did not go at all */
static int write_row(struct lab *lab, const struct csv_row *row, const struct sim_observation *seen,
		     int played, const struct err *reason, struct err *err)
{
	struct csv_writer writer = CSV_WRITER_INIT(&lab->out);
	char text[ERR_TEXT_MAX + 16] = "";
	int r = 0;

	if (played != 0)
		snprintf(text, sizeof(text), "%s%s", played > 0 ? "cannot be: " : "", reason->text);
	for (size_t i = 0; r == 0 && i < lab->header.count; i++)
		if (is_handed_on(lab, i))
			r = csv_write_cell(&writer, csv_row_cell(row, i), err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(columns); i++)
		r = csv_write_text(&writer, played == 0 ? word_of(seen, i) : "", err);
	if (r == 0)
		r = csv_write_text(&writer, text, err);
	return r < 0 ? r : csv_write_end(&writer, err);
}

static int write_names(struct lab *lab, struct err *err)
{
	struct csv_writer writer = CSV_WRITER_INIT(&lab->out);
	int r = 0;

	for (size_t i = 0; r == 0 && i < lab->header.count; i++)
		if (is_handed_on(lab, i))
			r = csv_write_text(&writer, lab->header.names[i], err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(columns); i++)
		r = csv_write_text(&writer, columns[i], err);
	if (r == 0)
		r = csv_write_text(&writer, "obs_error", err);
	return r < 0 ? r : csv_write_end(&writer, err);
}

/* a line that cannot be played is told in its row: the next is played all the same */
static int take_row(struct lab *lab, const struct csv_row *row, struct err *err)
{
	CLEANUP(buf_clear) struct buf texts = BUF_INIT(ROW_LEN_MAX);
	struct sim_observation seen = {0};
	struct err reason = ERR_INIT;
	char *cells[CSV_COLUMNS_MAX];
	int played, r;

	if (!lab->header.count) {
		r = csv_header_set(&lab->header, row, err);
		if (r == 0)
			r = write_names(lab, err);
	} else {
		played = copy_cells(lab, row, &texts, cells, &reason);
		if (played == 0)
			played = play_cells(lab, cells, row->line, &seen, &reason);
		r = write_row(lab, row, &seen, played, &reason, err);
	}
	if (r == 0)
		fwrite(lab->out.bytes, 1, lab->out.len, lab->world->out);
	buf_truncate(&lab->out, 0);
	return r;
}

static int play_table(struct lab *lab, struct err *err)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	uint8_t piece[PIECE_LEN];
	struct csv_row row;
	size_t len;
	int r = csv_reader_new(&reader, ',', false, err);

	while (r == 0 && (r = csv_next(reader, &row, err)) != CSV_END && r >= 0) {
		if (r == 0) {
			r = take_row(lab, &row, err);
			continue;
		}
		len = fread(piece, 1, sizeof(piece), stdin);
		r = 0;
		if (len == 0)
			csv_feed_end(reader);
		else
			r = csv_feed(reader, slice_of(piece, len), err);
	}
	if (r == CSV_END && !lab->header.count)
		return err_set(err, ERR_USAGE, "there is no line of names");
	return r < 0 ? r : 0;
}

/* ---- the command ---- */

static int play_words(struct lab *lab, int count, char **words, struct err *err)
{
	struct sim_scenario story = {.switches = lab->switches, .switch_count = lab->switch_count};
	struct sim_observation seen = {0};
	int r;

	for (int i = 0; i < count; i++) {
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
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(columns); i++)
		fprintf(lab->world->out, "%-16s %s\n", columns[i] + strlen("obs_"),
			word_of(&seen, i));
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
	struct lab lab = {.world = world, .out = BUF_INIT(4 * ROW_LEN_MAX)};
	struct err err = ERR_INIT;
	int option, r = 0;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, world->out);
			return 0;
		}
		if (option == '?')
			r = sim_option_refused("scenario", argv, optind, &err);
		else if (option == 's' && lab.switch_count == SWITCHES_MAX)
			r = err_set(&err, ERR_USAGE, "more than %d switches", SWITCHES_MAX);
		if (r < 0)
			return sim_command_failed(world, r, &err);
		if (option == 's')
			lab.switches[lab.switch_count++] = optarg;
		else
			lab.keep = optarg;
	}
	r = run(&lab, argc - optind, argv + optind, &err);
	csv_header_clear(&lab.header);
	buf_clear(&lab.out);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
