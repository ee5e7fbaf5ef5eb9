/*
 * mdm_password - `rehome mdm device backup-password`: set once, and shown to who asks for it
 *
 * Mostly nobody needs to see it: commands get it from the service themselves (mdm_named.c).
 */
#include "cli/mdm.h"

#include <string.h>

/* five groups of five symbols of five bits: 125 bits, to be typed on a phone if need be */
enum { GROUPS = 5, GROUP_LEN = 5, PASSWORD_LEN = GROUPS * (GROUP_LEN + 1) - 1 };

static int password_make(struct mdm *mdm, json_t *body, struct err *err)
{
	static const char symbols[] = "23456789abcdefghijkmnpqrstuvwxyz";
	struct entropy *entropy = mdm->cli->world->entropy;
	uint8_t bytes[PASSWORD_LEN];
	char text[PASSWORD_LEN];
	int r = entropy->fill(entropy, bytes, sizeof(bytes), err);

	for (size_t i = 0; r == 0 && i < sizeof(text); i++)
		text[i] = i % (GROUP_LEN + 1) == GROUP_LEN ? '-' : symbols[bytes[i] & 31];
	if (r == 0 && json_object_set_new(body, "value", json_stringn(text, sizeof(text))) < 0)
		r = err_no_memory(err);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(text, sizeof(text));
	return r;
}

static int body_make(struct mdm *mdm, json_t *body, struct err *err)
{
	const char *file = mdm->values.text[MDM_VALUE_FILE];

	if (file && mdm->values.flag[MDM_GENERATE])
		return err_set(err, ERR_USAGE, "either --generate or --value-file");
	if (mdm->values.flag[MDM_REPLACE])
		json_object_set_new(body, "replace", json_true());
	return file ? mdm_secret_put(mdm, body, err) : password_make(mdm, body, err);
}

static int put(struct mdm *mdm, const struct mdm_verb *verb, const char *path, const char *udid)
{
	struct cli *cli = mdm->cli;
	json_t *body = json_object(), *answer = NULL;
	int status, r = body_make(mdm, body, &cli->err);

	if (r == 0)
		r = mdm_ask_json(mdm, verb->method, path, body, &answer, &status);
	json_decref(body);
	if (r < 0)
		return r;
	cli_say(cli, "the service keeps the backup password of %s; `rehome encryption %s", udid,
		mdm->values.flag[MDM_REPLACE]
			? "change` tells it to the device, and older backups open with the one of "
			  "before"
			: "on` gives it to the device");
	r = mdm_print(cli, verb, answer, &cli->err);
	json_decref(answer);
	return r;
}

static int show(struct mdm *mdm, const char *path, const char *udid)
{
	struct cli *cli = mdm->cli;
	json_t *answer;
	char question[200];
	int r = 0;

	snprintf(question, sizeof(question),
		 "Show the backup password of %.64s? The service notes that you read it.", udid);
	if (!mdm->values.flag[MDM_YES])
		r = cli_ask_yes(cli, question, "yes", &cli->err);
	if (r == 0)
		r = mdm_get(mdm, path, &answer, &cli->err);
	if (r < 0)
		return r;
	if (cli->is_json)
		return cli_json(cli, answer, &cli->err);
	fprintf(cli->world->out, "%s\n", mdm_text(answer, "value"));
	json_decref(answer);
	return 0;
}

int mdm_run_password(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(1024);
	struct cli *cli = mdm->cli;
	bool is_set = !strcmp(argv[0], "set"), is_show = !strcmp(argv[0], "show");
	bool has_way = mdm->values.flag[MDM_GENERATE] || mdm->values.flag[MDM_REPLACE] ||
		       mdm->values.text[MDM_VALUE_FILE];
	int used, r;

	if (!is_set && !is_show)
		return err_set(
			&cli->err, ERR_USAGE,
			"\"%.40s\": `backup-password set UDID` or `backup-password show UDID`",
			argv[0]);
	if (is_show && has_way)
		return err_set(&cli->err, ERR_USAGE,
			       "--generate, --value-file and --replace are for `set`");
	r = mdm_path(mdm, verb, argc - 1, argv + 1, &path, &used, &cli->err);
	if (r < 0)
		return r;
	return is_set ? put(mdm, verb, buf_text(&path), argv[1])
		      : show(mdm, buf_text(&path), argv[1]);
}
