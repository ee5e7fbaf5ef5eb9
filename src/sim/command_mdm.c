/*
 * command_mdm - a device as an MDM client: install or remove a profile, speak with the service,
 * tell what it knows
 */
#include "sim/command_mdm.h"

#include "sim/client.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CA_MAX = 1 << 20 };

static const char help[] =
	"usage: rehome-sim mdm DIR ACTION [OPTION]...\n"
	"\n"
	"  install-profile FILE|URL [--ca FILE] [--passcode]\n"
	"                        the person installs a profile; one with an MDM payload enrolls\n"
	"  remove-profile IDENTIFIER\n"
	"                        the person removes one; without management: the enrollment's\n"
	"  poll [--json]         one session with the service, until it has no more commands\n"
	"  show [--json]         what the device knows of its enrollment\n"
	"\n"
	"  --ca FILE    certificates (PEM) to trust while a URL is fetched\n"
	"  --passcode   the person enters the passcode where the device asks for it\n"
	"  --now TIME   the device's clock stands at TIME\n";

/* ---- one device on the phone ---- */

int sim_phone_open(struct sim_phone *phone, struct sim_world *world, struct sim_device *device,
		   struct err *err)
{
	signal(SIGPIPE, SIG_IGN);
	*phone = (struct sim_phone){.client = {.device = device, .clock = world->clock}};
	return sim_line_new(&phone->client.line, sim_device_now(device), world->cancel, err);
}

void sim_phone_close(struct sim_phone *phone)
{
	sim_line_free_p(&phone->client.line);
}

/* ---- the person: profiles ---- */

static int read_file(const char *path, struct buf *out, struct err *err)
{
	return fs_read_file(fs_system(), path, out, err);
}

/* the certificates of a PEM file, as a line wants them */
static int read_anchors(const char *path, struct buf *anchors, struct err *err)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	CLEANUP(buf_clear) struct buf pem = BUF_INIT(CA_MAX);
	int r = path ? read_file(path, &pem, err) : 0;
	const char *at = r == 0 ? strstr(buf_text(&pem), begin) : NULL;

	for (; r == 0 && at; at = strstr(at + 1, begin)) {
		CLEANUP(buf_clear) struct buf der = BUF_INIT(CA_MAX);
		const char *end = strstr(at, "-----END CERTIFICATE-----");

		if (!end)
			return err_set(err, ERR_USAGE, "%s: a certificate does not end", path);
		r = crypto_cert_der(slice_of(at, (size_t)(end - at) + 25), &der, err);
		if (r == 0)
			r = buf_append_u32be(anchors, (uint32_t)der.len, err);
		if (r == 0)
			r = buf_append_slice(anchors, buf_slice(&der), err);
	}
	return r;
}

static int fetch(struct sim_client *client, const char *url, const char *ca, struct buf *out,
		 struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	CLEANUP(buf_clear) struct buf anchors = BUF_INIT(CA_MAX);
	struct sim_request request = {.method = "GET", .url = url};
	int r = read_anchors(ca, &anchors, err);

	request.anchors = buf_slice(&anchors);
	if (r == 0)
		r = client->line->ask(client->line, &request, &response, err);
	if (r < 0)
		return r;
	if (response.status != 200)
		return err_set(err, ERR_DEVICE, "%.200s answers %d", url, response.status);
	return buf_append_slice(out, buf_slice(&response.body), err);
}

int sim_person_install(struct sim_client *client, const char *from, const char *ca,
		       bool enters_passcode, struct err *err)
{
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(SIM_MESSAGE_MAX);
	struct sim_chain chain = SIM_CHAIN_INIT;
	struct sim_state state;
	int r = sim_device_state(client->device, &state, err);

	if (r < 0)
		return r;
	if (state.has_passcode && !enters_passcode)
		return err_set(err, ERR_POLICY,
			       "the device asks for its passcode: --passcode enters it");
	r = strstr(from, "://") ? fetch(client, from, ca, &bytes, err)
				: read_file(from, &bytes, err);
	if (r == 0)
		r = sim_client_install(client, buf_slice(&bytes), false, &chain, err);
	return r == SIM_REFUSED ? sim_chain_err(&chain, err) : r;
}

int sim_person_remove(struct sim_client *client, const char *identifier, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct sim_incumbent incumbent;
	struct sim_enrollment enrollment = {0};
	int r = plist_doc_new(&doc, err);

	if (r == 0)
		r = sim_incumbent_load(client->device, doc, &incumbent);
	if (r == 0 && !strcmp(incumbent.identifier, identifier)) {
		r = sim_enrollment_load(client->device, &enrollment, err);
		if (r == 0 && enrollment.is_locked)
			return err_set(err, ERR_POLICY,
				       "the enrollment profile is locked: only its service "
				       "removes it");
		return r < 0 ? r : sim_client_leave(client, true, err);
	}
	if (r >= 0)
		r = sim_profile_by_person(client->device, identifier, err);
	if (r == SIM_DEVICE_ABSENT)
		return err_set(err, ERR_NOT_FOUND, "The profile “%.150s” is not installed.",
			       identifier);
	return r == SIM_DEVICE_PROHIBITED
		       ? err_set(err, ERR_POLICY, "the profile cannot be removed by the person")
		       : r;
}

/* ---- poll and show ---- */

static int poll_once(struct sim_world *world, struct sim_client *client, bool is_json,
		     struct err *err)
{
	struct sim_session session;
	int r = sim_client_poll(client, &session, err);

	if (r == SIM_DEVICE_ABSENT)
		return err_set(err, ERR_NOT_FOUND, "the device is not enrolled");
	if (r < 0)
		return r;
	fprintf(world->out,
		is_json ? "{\"status\": %d, \"acknowledged\": %u, \"errors\": %u, "
			  "\"format_errors\": %u, \"not_now\": %u, \"let_go\": %s, \"erased\": %s, "
			  "\"last\": \"%s\"}\n"
			: "HTTP %d: %u acknowledged, %u errors, %u malformed, %u not now, let go "
			  "%s, "
			  "erased %s; last: %s\n",
		session.status, session.acknowledged, session.errors, session.format_errors,
		session.not_now, session.was_let_go ? "true" : "false",
		session.was_erased ? "true" : "false", session.last[0] ? session.last : "none");
	return 0;
}

static int show(struct sim_world *world, struct sim_client *client, bool is_json, struct err *err)
{
	CLEANUP(sim_relation_clear) struct sim_relation relation;
	uint8_t token[SIM_TOKEN_LEN], digest[CRYPTO_SHA256_LEN];
	char hex[2 * SIM_TOKEN_LEN + 1], sha256[2 * CRYPTO_SHA256_LEN + 1];
	int r;

	sim_relation_init(&relation);
	r = sim_relation_load(client->device, &relation, err);
	if (r == SIM_DEVICE_ABSENT)
		return err_set(err, ERR_NOT_FOUND, "the device is not enrolled");
	if (r < 0)
		return r;
	sim_push_token(client->device, token);
	hex_encode(token, sizeof(token), hex);
	crypto_sha256(buf_slice(&relation.cert), digest);
	hex_encode(digest, sizeof(digest), sha256);
	fprintf(world->out,
		is_json ? "{\"server_url\": \"%s\", \"checkin_url\": \"%s\", \"topic\": \"%s\", "
			  "\"push_token\": \"%s\", \"push_magic\": \"%s\", \"certificate_sha256\": "
			  "\"%s\", \"rights\": %lld, \"token_is_due\": %s}\n"
			: "server       %s\ncheck-in     %s\ntopic        %s\npush token   "
			  "%s\npush "
			  "magic   %s\ncertificate  %s\nrights       %lld\ntoken is due %s\n",
		relation.server_url, relation.checkin_url, relation.topic, hex, relation.magic,
		sha256, (long long)relation.rights,
		sim_token_is_due(client->device, &relation) ? "true" : "false");
	return 0;
}

/* ---- the command ---- */

/** struct asked - the command line */
struct asked {
	const char *folder, *action, *word, *ca;
	bool is_json, enters_passcode;
	int64_t now;
};

static int parse(struct asked *asked, int argc, char **argv, struct err *err)
{
	static const struct option options[] = {{"ca", required_argument, NULL, 'c'},
						{"passcode", no_argument, NULL, 'p'},
						{"json", no_argument, NULL, 'j'},
						{"now", required_argument, NULL, 'n'},
						{0}};
	int option, r;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			asked->ca = optarg;
			break;
		case 'p':
			asked->enters_passcode = true;
			break;
		case 'j':
			asked->is_json = true;
			break;
		case 'n':
			r = time_parse_utc(optarg, &asked->now, err);
			if (r < 0)
				return r;
			break;
		default:
			return sim_option_refused("mdm", argv, optind, err);
		}
	}
	if (argc - optind < 2 || argc - optind > 3)
		return err_set(err, ERR_USAGE, "usage: rehome-sim mdm DIR ACTION [OPTION]...");
	asked->folder = argv[optind];
	asked->action = argv[optind + 1];
	asked->word = argc - optind == 3 ? argv[optind + 2] : NULL;
	return 0;
}

static int act(struct sim_world *world, struct sim_client *client, const struct asked *asked,
	       struct err *err)
{
	if (!strcmp(asked->action, "install-profile") && asked->word)
		return sim_person_install(client, asked->word, asked->ca, asked->enters_passcode,
					  err);
	if (!strcmp(asked->action, "remove-profile") && asked->word)
		return sim_person_remove(client, asked->word, err);
	if (!strcmp(asked->action, "poll") && !asked->word)
		return poll_once(world, client, asked->is_json, err);
	if (!strcmp(asked->action, "show") && !asked->word)
		return show(world, client, asked->is_json, err);
	return err_set(err, ERR_USAGE, "rehome-sim mdm --help lists what there is to do");
}

int sim_command_mdm(struct sim_world *world, int argc, char **argv)
{
	struct asked asked = {.now = -1};
	struct sim_device *device = NULL;
	struct sim_phone phone = {0};
	struct err err = ERR_INIT;
	int r;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(help, world->out);
		return 0;
	}
	r = parse(&asked, argc, argv, &err);
	if (r == 0)
		r = sim_device_open(&device, asked.folder, &err);
	if (r == 0 && asked.now >= 0)
		sim_device_set_now(device, asked.now);
	if (r == 0)
		r = sim_phone_open(&phone, world, device, &err);
	if (r == 0)
		r = act(world, &phone.client, &asked, &err);
	sim_phone_close(&phone);
	sim_device_close(device);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
