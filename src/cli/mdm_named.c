/*
 * mdm_named - the MDM service that a command asks without being told to, because REHOME_MDM_URL
 * names it
 *
 * What such a command does, it does without the service too.  So trouble with it is told in one
 * line, and it is not asked again in this run.
 */
#include "cli/mdm.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 10000 }; /* a person waits */

static int named_open(struct cli *cli, struct err *err)
{
	json_t *who;
	int r;

	cli->service = calloc(1, sizeof(*cli->service));
	if (!cli->service)
		return err_no_memory(err);
	*cli->service = (struct mdm){.cli = cli, .timeout_ms = ANSWER_MS};
	r = mdm_connect(cli->service, err);
	if (r == 0)
		r = mdm_get(cli->service, "/whoami", &who, err);
	if (r == 0)
		json_decref(who);
	return r;
}

struct mdm *mdm_named(struct cli *cli)
{
	const char *url = cli->world->environment("REHOME_MDM_URL");
	struct err err = ERR_INIT;

	if (cli->service || cli->is_service_out || !url || !*url)
		return cli->service;
	if (named_open(cli, &err) < 0)
		mdm_named_failed(cli, &err);
	return cli->service;
}

void mdm_named_failed(struct cli *cli, const struct err *why)
{
	cli_warn(cli, "the MDM service is not asked: %s", why->text);
	mdm_named_close(cli);
	cli->is_service_out = true;
}

void mdm_named_close(struct cli *cli)
{
	if (cli->service)
		mdm_disconnect(cli->service);
	free(cli->service);
	cli->service = NULL;
}

bool mdm_named_record(struct cli *cli, const char *udid, const char *serial, struct mdm_record *out)
{
	struct mdm *mdm = mdm_named(cli);
	struct err err = ERR_INIT;

	*out = (struct mdm_record){0};
	if (!mdm)
		return false;
	if (mdm_record_ask(mdm, udid, serial, out, &err) == 0)
		return true;
	mdm_named_failed(cli, &err);
	return false;
}

/* ---- the backup password that it keeps ---- */

static int password_take(struct cli *cli, const char *udid, const json_t *answer, struct err *err)
{
	int r = secret_set(&cli->service_password, slice_text(mdm_text(answer, "value")), err);

	snprintf(cli->service_password_udid, sizeof(cli->service_password_udid), "%s", udid);
	if (r == 0)
		cli_say(cli,
			"the backup password of %s is the one that the MDM service at %s keeps",
			udid, cli->service->url);
	return r;
}

/* password_get - looks before it asks: each refusal of a secret is a row in the service's audit */
static int password_get(struct cli *cli, struct mdm *mdm, const char *udid, struct err *err)
{
	json_t *device, *answer = NULL;
	int r = mdm_get_one(mdm, "devices", udid, "", &device, err);
	bool is_kept = r == 0 && json_is_true(json_object_get(device, "has_backup_password"));

	if (r < 0 || !device)
		return r < 0 ? r : (int)MDM_NO_PASSWORD;
	json_decref(device);
	if (is_kept)
		r = mdm_get_one(mdm, "devices", udid, "/secrets/backup-password", &answer, err);
	if (r == 0 && answer)
		r = password_take(cli, udid, answer, err);
	else if (r == 0)
		r = MDM_NO_PASSWORD;
	json_decref(answer);
	return r;
}

int mdm_named_password(struct cli *cli, const char *udid, struct secret *password)
{
	struct err err = ERR_INIT;
	struct mdm *mdm;
	int r = 0;

	if (!*udid)
		return MDM_NO_PASSWORD;
	if (strcmp(cli->service_password_udid, udid) != 0) {
		mdm = mdm_named(cli);
		if (!mdm)
			return MDM_NO_PASSWORD;
		r = password_get(cli, mdm, udid, &err);
		if (r == ERR_POLICY)
			cli_warn(cli,
				 "the MDM service keeps a backup password of %s, and does not give "
				 "it: %s",
				 udid, err.text);
		else if (r < 0)
			mdm_named_failed(cli, &err);
	}
	if (r != 0)
		return MDM_NO_PASSWORD;
	*password = cli->service_password;
	return 0;
}
