/* mdm_verbs - how a verb becomes requests: one, page after page, or with a question before it */
#include "cli/mdm.h"

#include <stdlib.h>
#include <string.h>

enum { FOLLOW_MS = 2000 };

/* ---- what will happen, and the question ---- */

/* trial_count - of how many devices a dry run says that they would be touched */
static json_int_t trial_count(const json_t *answer)
{
	static const char *const names[] = {"would_be_done", "would_fail", "would_be_queued",
					    "would_be_held"};
	json_int_t count = 0;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		count += json_integer_value(json_object_get(answer, names[i]));
	return count;
}

static void will_tell(struct cli *cli, const struct mdm_verb *verb, const json_t *answer,
		      json_int_t count)
{
	const char *will = json_string_value(json_object_get(answer, "will"));

	if (will)
		cli_warn(cli, "%lld device%s: %s.", (long long)count, count == 1 ? "" : "s", will);
	else
		cli_warn(cli, "%s %s: %s.", verb->noun, verb->verb, verb->summary);
}

/* question_ask - a dry run tells what would happen; @count is how many devices it is about */
static int question_ask(struct mdm *mdm, const struct mdm_verb *verb, const char *path,
			json_t *body, json_int_t *count)
{
	CLEANUP(buf_clear) struct buf trial = BUF_INIT(16384);
	struct cli *cli = mdm->cli;
	CLEANUP(free_p) char *text = NULL;
	json_t *answer = NULL;
	int status = 0, r;

	if (body) {
		json_object_set_new(body, "dry_run", json_true());
		text = json_dumps(body, JSON_COMPACT);
		json_object_del(body, "dry_run");
	}
	r = buf_append_format(&trial, &cli->err, "%s%s", path,
			      body                ? ""
			      : strchr(path, '?') ? "&dry_run=1"
						  : "?dry_run=1");
	if (r == 0)
		r = mdm_ask(mdm, verb->method, buf_text(&trial), "application/json",
			    text ? slice_text(text) : SLICE_EMPTY, &answer, &status, &cli->err);
	if (r < 0)
		return r;
	*count = trial_count(answer);
	if (verb->flags & MDM_ASKS_IF_DANGEROUS &&
	    !json_is_true(json_object_get(answer, "dangerous"))) {
		json_decref(answer);
		return 0;
	}
	will_tell(cli, verb, answer, *count);
	json_decref(answer);
	if (mdm->values.flag[MDM_YES])
		return 0;
	return cli_ask_yes(cli, "Go on?", "yes", &cli->err);
}

/* ---- one request ---- */

/* results_tell - what of a batch failed, for people */
static void results_tell(struct cli *cli, const json_t *answer)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(answer, "results"), i, row)
	{
		const json_t *error = json_object_get(row, "error");

		if (json_is_object(error))
			cli_warn(cli, "%s: %s", json_string_value(json_object_get(row, "id")),
				 json_string_value(json_object_get(error, "message")));
	}
}

/* show - the answer, which is released */
static int show(struct mdm *mdm, const struct mdm_verb *verb, json_t *answer, int status)
{
	struct cli *cli = mdm->cli;
	int r;

	if (status == MDM_PARTLY)
		results_tell(cli, answer);
	r = mdm_print(cli, verb, answer, &cli->err);
	json_decref(answer);
	return r < 0 ? r : status == MDM_PARTLY ? (int)CLI_FAILED : 0;
}

static int request(struct mdm *mdm, const struct mdm_verb *verb, const char *path,
		   const char *content_type, struct slice body)
{
	json_t *answer = NULL;
	int status = 0, r = mdm_ask(mdm, verb->method, path, content_type, body, &answer, &status,
				    &mdm->cli->err);

	return r < 0 ? r : show(mdm, verb, answer, status);
}

int mdm_ask_json(struct mdm *mdm, const char *method, const char *path, const json_t *body,
		 json_t **out, int *status)
{
	char *text = json_dumps(body, JSON_COMPACT);
	struct err *err = &mdm->cli->err;
	int r;

	if (!text)
		return err_no_memory(err);
	r = mdm_ask(mdm, method, path, "application/json", slice_text(text), out, status, err);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

static int request_json(struct mdm *mdm, const struct mdm_verb *verb, const char *path,
			json_t *body)
{
	json_t *answer = NULL;
	int status = 0, r = mdm_ask_json(mdm, verb->method, path, body, &answer, &status);

	return r < 0 ? r : show(mdm, verb, answer, status);
}

static int run_file(struct mdm *mdm, const struct mdm_verb *verb, const char *path, int argc,
		    char **argv)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF_INIT(MDM_FILE_LEN_MAX);
	struct cli *cli = mdm->cli;
	bool is_json = !strcmp(verb->noun, "declaration");
	int r;

	for (int i = 0; i < argc; i++) {
		r = fs_read_file(cli->world->fs, argv[i], &bytes, &cli->err);

		if (r == 0 && argc > 1)
			r = buf_append_u8(&bytes, '\n', &cli->err);
		if (r < 0)
			return r;
	}
	r = request(mdm, verb, path, is_json ? "application/json" : "application/octet-stream",
		    buf_slice(&bytes));
	/* what the service refuses is what the file holds */
	return r == ERR_USAGE || r == ERR_POLICY ? err_wrap(&cli->err, r, "%s", argv[0]) : r;
}

/* run_pages - all of a list, as one */
static int run_pages(struct mdm *mdm, const struct mdm_verb *verb, const char *path)
{
	struct cli *cli = mdm->cli;
	json_t *all = json_array(), *whole;
	CLEANUP(buf_clear) struct buf page = BUF_INIT(16384);
	int r = buf_append_text(&page, path, &cli->err);

	while (r == 0) {
		json_t *answer = NULL, *next;
		int status = 0;
		CLEANUP(free_p) char *cursor = NULL;

		r = mdm_ask(mdm, verb->method, buf_text(&page), NULL, SLICE_EMPTY, &answer, &status,
			    &cli->err);
		if (r < 0)
			break;
		json_array_extend(all, json_object_get(answer, verb->list));
		next = json_object_get(answer, "next");
		cursor = json_is_string(next)    ? strdup(json_string_value(next))
			 : json_is_integer(next) ? json_dumps(next, JSON_ENCODE_ANY)
						 : NULL;
		json_decref(answer);
		if (!cursor || mdm->values.text[MDM_LIMIT])
			break;
		buf_truncate(&page, 0);
		r = buf_append_format(&page, &cli->err, "%s%cafter=", path,
				      strchr(path, '?') ? '&' : '?');
		if (r == 0)
			r = mdm_escape(&page, cursor, &cli->err);
	}
	whole = json_pack("{s:o}", verb->list, all);
	if (r == 0)
		r = mdm_print(cli, verb, whole, &cli->err);
	json_decref(whole);
	return r;
}

int mdm_target_check(const struct mdm_verb *verb, const json_t *body, struct err *err)
{
	if (!verb->rest || strcmp(verb->rest, "ids[]") != 0 || json_object_get(body, "ids") ||
	    json_object_get(body, "group") || json_object_get(body, "all"))
		return 0;
	return err_set(err, ERR_USAGE, "which devices? usage: rehome mdm %s %s %s%s%s", verb->noun,
		       verb->verb, verb->operands,
		       verb->takes >> MDM_GROUP & 1 ? ", or --group NAME" : "",
		       verb->takes >> MDM_ALL & 1 ? ", or --all" : "");
}

int mdm_question(struct mdm *mdm, const struct mdm_verb *verb, const char *path, json_t *body)
{
	json_int_t count = 0;
	int r = mdm_target_check(verb, body, &mdm->cli->err);

	if (r < 0 || !(verb->flags & MDM_ASKS) || mdm->values.flag[MDM_DRY_RUN])
		return r;
	r = question_ask(mdm, verb, path, body, &count);
	if (r == 0 && !json_object_get(body, "ids") && !json_object_get(body, "count"))
		json_object_set_new(body, "count", json_integer(count));
	return r;
}

static int run_body(struct mdm *mdm, const struct mdm_verb *verb, const char *path, json_t *body)
{
	int r = mdm_question(mdm, verb, path, body);

	return r < 0 ? r : request_json(mdm, verb, path, body);
}

int mdm_run(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(16384);
	struct cli *cli = mdm->cli;
	bool is_asking = verb->flags & MDM_ASKS && !mdm->values.flag[MDM_DRY_RUN];
	json_int_t count;
	json_t *body;
	int used, r = mdm_path(mdm, verb, argc, argv, &path, &used, &cli->err);

	if (r < 0)
		return r;
	if (verb->flags & MDM_FILE)
		return run_file(mdm, verb, buf_text(&path), argc - used, argv + used);
	if (verb->flags & MDM_PAGES)
		return run_pages(mdm, verb, buf_text(&path));
	if (!strcmp(verb->method, "GET") || !strcmp(verb->method, "DELETE")) {
		r = is_asking ? question_ask(mdm, verb, buf_text(&path), NULL, &count) : 0;
		return r < 0 ? r : request(mdm, verb, buf_text(&path), NULL, SLICE_EMPTY);
	}
	r = mdm_body(mdm, verb, argc, argv, used, &body, &cli->err);
	if (r < 0)
		return r;
	r = run_body(mdm, verb, buf_text(&path), body);
	json_decref(body);
	return r;
}

/* ---- verbs of their own ---- */

int mdm_run_identifiers(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv)
{
	const char *details = mdm->values.text[MDM_DETAILS];
	json_t *list = json_array(), *body = json_pack("{s:o}", "identifiers", list);
	int r;

	for (int i = 0; i < argc; i++)
		json_array_append_new(list, details ? json_pack("{s:s, s:s}", "identifier", argv[i],
								"details", details)
						    : json_pack("{s:s}", "identifier", argv[i]));
	if (mdm->values.flag[MDM_DRY_RUN])
		json_object_set_new(body, "dry_run", json_true());
	r = run_body(mdm, verb, verb->path, body);
	json_decref(body);
	return r;
}

/* event_print - one event as it comes: a line of JSON, or of words */
static int event_print(struct cli *cli, const json_t *event)
{
	CLEANUP(free_p)
	char *body = json_dumps(cli->is_json ? event : json_object_get(event, "body"),
				JSON_COMPACT | JSON_ENCODE_ANY);
	const char *at = json_string_value(json_object_get(event, "at"));
	const char *kind = json_string_value(json_object_get(event, "kind"));
	const char *subject = json_string_value(json_object_get(event, "subject"));
	char line[4096], clean[4096];

	if (cli->is_json)
		fprintf(cli->world->out, "%s\n", body ? body : "");
	else {
		snprintf(line, sizeof(line), "%lld  %s  %s  %s  %s",
			 (long long)json_integer_value(json_object_get(event, "no")), at ? at : "",
			 kind ? kind : "", subject ? subject : "", body ? body : "");
		fprintf(cli->world->out, "%s\n", cli_clean(line, clean, sizeof(clean)));
	}
	return fflush(cli->world->out) != 0
		       ? err_set(&cli->err, ERR_IO, "the standard output takes no more")
		       : 0;
}

/* after_last - the number of the newest event, so that following begins with what comes */
static int after_last(struct mdm *mdm, json_int_t *after)
{
	struct cli *cli = mdm->cli;
	json_t *answer = NULL;
	int status, r;

	if (mdm->values.text[MDM_AFTER])
		return mdm_number("after", mdm->values.text[MDM_AFTER], after, &cli->err);
	r = mdm_ask(mdm, "GET", "/status", NULL, SLICE_EMPTY, &answer, &status, &cli->err);
	if (r < 0)
		return r;
	*after = json_integer_value(json_object_get(answer, "last_event"));
	json_decref(answer);
	return 0;
}

int mdm_run_follow(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv)
{
	struct cli_world *world = mdm->cli->world;
	json_int_t after = 0;
	int r = after_last(mdm, &after);

	while (r == 0) {
		char path[64];
		json_t *answer = NULL, *list, *event;
		size_t i;
		int status;

		snprintf(path, sizeof(path), "/events?after=%lld", (long long)after);
		r = mdm_ask(mdm, "GET", path, NULL, SLICE_EMPTY, &answer, &status, &mdm->cli->err);
		if (r < 0)
			break;
		list = json_object_get(answer, "events");
		json_array_foreach(list, i, event) r = r == 0 ? event_print(mdm->cli, event) : r;
		after = json_integer_value(json_object_get(answer, "next"));
		if (r == 0 && json_array_size(list) == 0)
			world->clock->sleep_ms(world->clock, FOLLOW_MS);
		json_decref(answer);
		if (r == 0)
			r = cancel_check(world->cancel, &mdm->cli->err);
	}
	/* Ctrl-C is how following ends */
	return r == ERR_CANCELED ? 0 : r;
}
