/* mdm_wait - until devices have answered a command, or have a profile; progress goes to messages */
#include "cli/mdm.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 500, ANSWERS_LOOKED_AT = 20 };

/* struct outcome - of one device: what is known, and the word that was told last */
struct outcome {
	json_t *row;
	char word[80];
	bool is_over, is_good;
};

static void outcome_set(struct outcome *outcome, const char *word, bool is_over, bool is_good)
{
	snprintf(outcome->word, sizeof(outcome->word), "%s", word);
	outcome->is_over = is_over;
	outcome->is_good = is_good;
}

/* ---- a command ---- */

static int command_look(const struct mdm_wait *wait, const char *id, struct outcome *out)
{
	CLEANUP(buf_clear) struct buf rest = BUF_INIT(1024);
	struct err *err = &wait->mdm->cli->err;
	const char *state;
	int r = buf_append_text(&rest, "/commands/", err);

	if (r == 0)
		r = mdm_escape(&rest, wait->command, err);
	if (r == 0)
		r = mdm_get_one(wait->mdm, "enrollments", id, buf_text(&rest), &out->row, err);
	if (r < 0)
		return r;
	state = mdm_text(out->row, "state");
	if (!out->row)
		outcome_set(out, "not queued", true, false);
	else if (!*state)
		outcome_set(out, mdm_text(out->row, "status"), true,
			    !strcmp(mdm_text(out->row, "status"), "Acknowledged"));
	else if (!strcmp(state, "held"))
		outcome_set(out, "held until a restore is confirmed", false, false);
	else if (!strcmp(state, "not_now"))
		outcome_set(out, "NotNow: it asks again when it is unlocked", false, false);
	else
		outcome_set(out, state, false, false);
	return 0;
}

/* ---- a profile ---- */

/* named - the object of a list in @object whose @key is @value, borrowed; NULL: none */
static json_t *named(const json_t *object, const char *list, const char *key, const char *value)
{
	json_t *row;

	for (size_t i = 0; (row = json_array_get(json_object_get(object, list), i)); i++)
		if (!strcmp(mdm_text(row, key), value))
			return row;
	return NULL;
}

/* errors_add - why the device did not take it: the newest answer to an InstallProfile of that name
 */
static int errors_add(const struct mdm_wait *wait, const char *id, json_t *row)
{
	char rest[40];
	json_t *all, *answer;
	int r;

	snprintf(rest, sizeof(rest), "/commands?limit=%d", ANSWERS_LOOKED_AT);
	r = mdm_get_one(wait->mdm, "enrollments", id, rest, &all, &wait->mdm->cli->err);
	if (r < 0)
		return r;
	answer = named(all, "history", "subject", wait->profile);
	json_object_set(row, "errors", json_object_get(answer, "errors"));
	json_decref(all);
	return 0;
}

static int profile_look(const struct mdm_wait *wait, const char *id, struct outcome *out)
{
	json_t *device, *enrollment, *row;
	const char *state;
	bool is_newest;
	int r = mdm_get_one(wait->mdm, "devices", id, "", &device, &wait->mdm->cli->err);

	if (r < 0)
		return r;
	enrollment = named(device, "enrollments", "state", "enabled");
	row = named(enrollment, "profiles", "identifier", wait->profile);
	out->row = row ? json_deep_copy(row) : json_object();
	state = mdm_text(row, "state");
	is_newest = json_integer_value(json_object_get(row, "version")) >= wait->version;
	if (!enrollment)
		outcome_set(out, device ? "not enrolled" : "not known", false, false);
	else if (!strcmp(state, "installed") && is_newest)
		outcome_set(out, state, true, true);
	else if (!strcmp(state, "failed") && is_newest)
		outcome_set(out, state, true, false);
	else
		outcome_set(out, !strcmp(state, "sent") ? state : "wanted", false, false);
	if (out->is_over && !out->is_good)
		r = errors_add(wait, id, out->row);
	json_decref(device);
	return r;
}

/* ---- all of them ---- */

/* look_again - at one device; a word that is new is told */
static int look_again(const struct mdm_wait *wait, const char *id, struct outcome *outcome)
{
	struct outcome now = {0};
	int r = wait->command ? command_look(wait, id, &now) : profile_look(wait, id, &now);

	if (r < 0) {
		json_decref(now.row);
		return r;
	}
	if (strcmp(now.word, outcome->word) != 0)
		cli_warn(wait->mdm->cli, "%s: %s", id, now.word);
	json_decref(outcome->row);
	*outcome = now;
	return 0;
}

/* round - one look at each that is not over; how many are left, or < 0 */
static int round_of(const struct mdm_wait *wait, struct outcome *outcomes)
{
	int left = 0;

	for (int i = 0; i < wait->count; i++) {
		int r = outcomes[i].is_over ? 0 : look_again(wait, wait->ids[i], &outcomes[i]);

		if (r < 0)
			return r;
		left += !outcomes[i].is_over;
	}
	return left;
}

static int rounds(const struct mdm_wait *wait, struct outcome *outcomes, int64_t seconds)
{
	struct cli *cli = wait->mdm->cli;
	struct clock *clock = cli->world->clock;
	int64_t end = clock_mono_ms(clock) + 1000 * seconds;
	int left, r;

	for (;;) {
		left = round_of(wait, outcomes);
		if (left <= 0 || clock_mono_ms(clock) >= end)
			return left;
		clock->sleep_ms(clock, LOOK_MS);
		r = cancel_check(cli->world->cancel, &cli->err);
		if (r < 0)
			return r;
	}
}

/* results_take - the rows with their ids, out of @outcomes; is one of them bad? */
static bool results_take(const struct mdm_wait *wait, struct outcome *outcomes, json_t *results)
{
	bool has_bad = false;

	for (int i = 0; i < wait->count; i++) {
		json_t *row = json_pack("{s:s}", "id", wait->ids[i]);

		json_object_update(row, outcomes[i].row);
		json_array_append_new(results, row);
		has_bad |= outcomes[i].is_over && !outcomes[i].is_good;
	}
	return has_bad;
}

int mdm_wait(const struct mdm_wait *wait, json_t *answer)
{
	CLEANUP(free_p)
	struct outcome *outcomes = calloc((size_t)wait->count + 1, sizeof(*outcomes));
	const char *text = wait->mdm->values.text[MDM_WAIT];
	struct err *err = &wait->mdm->cli->err;
	json_t *results = json_array();
	json_int_t seconds = 0;
	bool has_bad = false;
	int left = mdm_number("wait", text, &seconds, err);

	if (left == 0)
		left = outcomes ? rounds(wait, outcomes, seconds) : err_no_memory(err);
	if (left >= 0)
		has_bad = results_take(wait, outcomes, results);
	for (int i = 0; outcomes && i < wait->count; i++)
		json_decref(outcomes[i].row);
	json_object_set_new(answer, "results", results);
	if (left > 0 && !has_bad)
		return err_set(
			err, ERR_TIMEOUT,
			"%d of %d did not answer in %s s; what was sent stays: a device answers "
			"when it comes",
			left, wait->count, text);
	return left < 0 ? left : has_bad;
}
