/* mdm_send - a command, or a profile from a file, on its way to devices, and waiting for what they
 * say */
#include "cli/mdm.h"

#include <string.h>

/* finish - wait if it was wanted, then print @answer, which is released */
static int finish(const struct mdm_verb *verb, const struct mdm_wait *wait, json_t *answer,
		  int status)
{
	struct mdm *mdm = wait->mdm;
	struct err why = ERR_INIT, *err = &mdm->cli->err;
	bool is_waiting = mdm->values.text[MDM_WAIT] && !mdm->values.flag[MDM_DRY_RUN];
	int r = is_waiting ? mdm_wait(wait, answer) : 0, printed;

	why = *err;
	/* what has come until then is told even if the rest did not come */
	printed = r >= 0 || r == ERR_TIMEOUT ? mdm_print(mdm->cli, verb, answer, err) : 0;
	json_decref(answer);
	if (printed < 0)
		return printed;
	*err = why;
	return r < 0 ? r : r > 0 || status == MDM_PARTLY ? (int)CLI_FAILED : 0;
}

/* wait_check - waiting is for devices that were named: of a group they may change meanwhile */
static int wait_check(struct mdm *mdm, int count)
{
	json_int_t seconds;

	if (!mdm->values.text[MDM_WAIT])
		return 0;
	if (count == 0)
		return err_set(&mdm->cli->err, ERR_USAGE, "--wait is for devices that are named");
	return mdm_number("wait", mdm->values.text[MDM_WAIT], &seconds, &mdm->cli->err);
}

/* ---- a command ---- */

/* command_put - TYPE with --keys, or --plist */
static int command_put(struct mdm *mdm, const char *type, json_t *body)
{
	CLEANUP(buf_wipe) struct buf plist = BUF_INIT(MDM_FILE_LEN_MAX);
	struct cli *cli = mdm->cli;
	const char *keys = mdm->values.text[MDM_KEYS];
	json_error_t error;
	json_t *value;
	int r;

	if (!type) {
		r = fs_read_file(cli->world->fs, mdm->values.text[MDM_PLIST], &plist, &cli->err);
		if (r < 0)
			return r;
		value = json_stringn((const char *)plist.bytes, plist.len);
		if (!value)
			return err_set(&cli->err, ERR_USAGE,
				       "%s is no XML property list: `plistutil -f xml` makes one",
				       mdm->values.text[MDM_PLIST]);
		json_object_set_new(body, "plist", value);
		return 0;
	}
	json_object_set_new(body, "type", json_string(type));
	if (!keys)
		return 0;
	value = json_loads(keys, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		return err_set(&cli->err, ERR_USAGE, "--keys: column %d: %s", error.column,
			       error.text);
	json_object_set_new(body, "keys", value);
	return 0;
}

static int queue(struct mdm_wait *wait, const struct mdm_verb *verb, json_t *body)
{
	struct mdm *mdm = wait->mdm;
	json_t *answer, *row;
	int status, r = mdm_question(mdm, verb, verb->path, body);

	if (r == 0)
		r = mdm_ask_json(mdm, verb->method, verb->path, body, &answer, &status);
	if (r < 0)
		return r;
	for (size_t i = 0; (row = json_array_get(json_object_get(answer, "reasons"), i)); i++)
		cli_warn(mdm->cli, "%s: refused: %s", mdm_text(row, "id"), mdm_text(row, "reason"));
	wait->command = mdm_text(answer, "uuid");
	return finish(verb, wait, answer, status);
}

int mdm_run_send(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv)
{
	bool has_type = !mdm->values.text[MDM_PLIST];
	struct mdm_wait wait = {
		.mdm = mdm, .ids = argv + has_type, .count = argc > has_type ? argc - has_type : 0};
	json_t *body;
	int r;

	if (has_type && argc == 0)
		return err_set(&mdm->cli->err, ERR_USAGE,
			       "which command? `rehome mdm command types` lists them");
	r = wait_check(mdm, wait.count);
	if (r == 0)
		r = mdm_body(mdm, verb, argc, argv, has_type, &body, &mdm->cli->err);
	if (r < 0)
		return r;
	r = command_put(mdm, has_type ? argv[0] : NULL, body);
	if (r == 0)
		r = queue(&wait, verb, body);
	json_decref(body);
	return r;
}

/* ---- a profile ---- */

/* store - what the service answers to the profile in the file @path into *@stored */
static int store(struct mdm *mdm, const char *path, json_t **stored)
{
	CLEANUP(buf_wipe) struct buf profile = BUF_INIT(MDM_FILE_LEN_MAX);
	struct err *err = &mdm->cli->err;
	int status, r = fs_read_file(mdm->cli->world->fs, path, &profile, err);

	if (r < 0)
		return r;
	r = mdm_ask(mdm, "POST", "/profiles", "application/octet-stream", buf_slice(&profile),
		    stored, &status, err);
	return r == ERR_USAGE || r == ERR_POLICY ? err_wrap(err, r, "%s", path) : r;
}

/* give - the profile that @stored tells to the devices of @body; its answer joins @stored */
static int give(struct mdm *mdm, const json_t *body, json_t *stored)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(4096);
	const char *identifier = mdm_text(stored, "identifier");
	struct err *err = &mdm->cli->err;
	json_t *answer = NULL;
	int status, r = buf_append_text(&path, "/profiles/", err);

	if (r == 0)
		r = mdm_escape(&path, identifier, err);
	if (r == 0)
		r = buf_append_text(&path, "/assign", err);
	if (r == 0)
		r = mdm_ask_json(mdm, "POST", buf_text(&path), body, &answer, &status);
	if (r < 0)
		return err_wrap(err, r, "the profile %s is stored, but assigned to nobody",
				identifier);
	json_object_update(stored, answer);
	json_decref(answer);
	return 0;
}

int mdm_run_install(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv)
{
	struct mdm_wait wait = {.mdm = mdm, .ids = argv + 1, .count = argc - 1};
	struct cli *cli = mdm->cli;
	json_t *body, *stored = NULL;
	int r = wait_check(mdm, wait.count);

	if (r == 0)
		r = mdm_body(mdm, verb, argc, argv, 1, &body, &cli->err);
	if (r < 0)
		return r;
	r = mdm_target_check(verb, body, &cli->err);
	if (r == 0)
		r = store(mdm, argv[0], &stored);
	if (r == 0)
		r = give(mdm, body, stored);
	json_decref(body);
	if (r < 0) {
		json_decref(stored);
		return r;
	}
	wait.profile = mdm_text(stored, "identifier");
	wait.version = json_integer_value(json_object_get(stored, "version"));
	return finish(verb, &wait, stored, 200);
}
