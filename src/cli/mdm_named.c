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
