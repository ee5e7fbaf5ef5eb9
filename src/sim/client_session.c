/*
 * client_session - one session with the service: Idle, command, answer ... until it has no more
 *
 * Rules: docs/protocol/mdm-device, "Sessions".  An answer stays on the device until a 2xx comes for
 * it.
 */
#include "sim/client.h"

#include <string.h>

enum { COMMANDS_MAX = 10000 };
#define KEPT_ANSWER "mdm/answer"

bool sim_answer_unenrolls(const struct sim_response *response)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	static const char code[] = "com.apple.unrecognized.device";
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root;
	const char *said;

	if (response->status == 401)
		return true;
	if (response->status != 403 || response->body.len == 0)
		return false;
	if (strstr(response->type, "json")) {
		said = memmem(response->body.bytes, response->body.len, code, sizeof(code) - 1);
		return said != NULL;
	}
	if (plist_doc_new(&doc, NULL) < 0 ||
	    plist_parse(doc, buf_slice(&response->body), &limits, &root, NULL) < 0)
		return false;
	said = plist_get_text(root, "code");
	return said && !strcmp(said, code);
}

/* ---- one exchange ---- */

static int report(struct sim_client *client, const struct sim_relation *relation, struct slice body,
		  struct sim_response *response, struct err *err)
{
	const struct sim_request request = {.method = "PUT",
					    .url = relation->server_url,
					    .type = "application/x-apple-aspen-mdm; charset=UTF-8",
					    .body = body,
					    .as = relation};

	return client->line->ask(client->line, &request, response, err);
}

static int idle_write(struct sim_client *client, const struct sim_relation *relation,
		      struct buf *body, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *message;
	int r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	message = plist_new_dict(doc);
	plist_set_text(doc, message, "Status", "Idle");
	sim_client_put_ids(client->device, relation, doc, message);
	return plist_write_xml(doc, message, body, err);
}

/* TokenUpdate, where token, magic or unlock token are other than what the service knows */
static int tell_token(struct sim_client *client, const struct sim_relation *relation,
		      struct sim_session *session, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	int r;

	if (!sim_token_is_due(client->device, relation))
		return 0;
	r = sim_checkin_send(client, relation, SIM_CHECKIN_TOKEN_UPDATE, &response, err);
	if (r < 0)
		return r;
	session->status = response.status;
	if (sim_answer_unenrolls(&response)) {
		session->was_let_go = true;
		r = sim_client_leave(client, false, err);
		return r < 0 ? r : SIM_REFUSED;
	}
	if (response.status / 100 != 2)
		return SIM_REFUSED; /* stays due */
	return sim_token_was_told(client->device, relation, err);
}

/* ---- what follows an answer ---- */

static int lock_after_boot(struct sim_device *device, const struct sim_state *state,
			   struct err *err)
{
	int r = sim_fact_put_int(device, "reboots", sim_fact_int(device, "reboots", 0) + 1, err);

	return r < 0 || !state->has_passcode
		       ? r
		       : sim_device_set_state(device, "is_locked", "true", err);
}

static int carry_out(struct sim_client *client, const struct sim_relation *relation,
		     const struct sim_turn *turn, struct sim_session *session, struct err *err)
{
	const struct sim_erasing erasing = {.by = relation->server_url,
					    .is_return_to_service = turn->is_return_to_service};
	int r;

	switch (turn->after) {
	case SIM_AFTER_LEAVE:
		return sim_client_leave(client, true, err);
	case SIM_AFTER_ERASE:
		session->was_erased = true;
		return sim_erase(client->device, &erasing, err);
	case SIM_AFTER_RESTART:
	case SIM_AFTER_SHUT: /* the person starts it again */
		return lock_after_boot(client->device, &turn->state, err);
	case SIM_AFTER_DECLARE:
		r = sim_declare_sync(client, relation, err);
		if (r != SIM_REFUSED)
			return r;
		session->was_let_go = true;
		return sim_client_leave(client, false, err);
	default:
		return 0;
	}
}

static void count(struct sim_session *session, const struct sim_turn *turn)
{
	snprintf(session->last, sizeof(session->last), "%.63s", turn->type);
	session->ended_not_now = turn->status == SIM_STATUS_NOT_NOW;
	switch (turn->status) {
	case SIM_STATUS_ACKNOWLEDGED:
		session->acknowledged++;
		break;
	case SIM_STATUS_ERROR:
		session->errors++;
		break;
	case SIM_STATUS_FORMAT_ERROR:
		session->format_errors++;
		break;
	case SIM_STATUS_NOT_NOW:
		session->not_now++;
		break;
	}
}

/* ---- the loop ---- */

/** struct talk - a session under way */
struct talk {
	struct sim_client *client;
	struct sim_session *session;
	struct sim_relation relation;
	struct buf body; /* to be sent next */
	bool is_answer;  /* and kept until a 2xx comes for it */
	struct sim_turn turn;
};

/* the body of the next message: the answer to @command; empty when all is done */
static int next_body(struct talk *talk, struct slice command, struct err *err)
{
	struct sim_client *client = talk->client;
	int r;

	buf_truncate(&talk->body, 0);
	if (command.len == 0)
		return 0;
	r = sim_command_answer(client, &talk->relation, command, &talk->body, &talk->turn, err);
	if (r < 0)
		return r;
	count(talk->session, &talk->turn);
	talk->is_answer = talk->turn.status != SIM_STATUS_NOT_NOW;
	r = sim_relation_load(client->device, &talk->relation, err); /* a renewal changed it */
	if (r == 0 && talk->is_answer && talk->turn.after != SIM_AFTER_ERASE)
		r = sim_fact_put_blob(client->device, KEPT_ANSWER, buf_slice(&talk->body), err);
	return r < 0 ? r : 0;
}

/* send the body, see what came; 0: go on, SIM_REFUSED: the session ends */
static int round_trip(struct talk *talk, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	struct sim_turn turn = talk->turn;
	int r = report(talk->client, &talk->relation, buf_slice(&talk->body), &response, err);

	talk->turn.after = SIM_AFTER_NOTHING;
	talk->session->status = r < 0 ? 0 : response.status;
	if (r == 0 && turn.after != SIM_AFTER_ERASE && sim_answer_unenrolls(&response)) {
		talk->session->was_let_go = true;
		r = sim_client_leave(talk->client, false, err);
		return r < 0 ? r : SIM_REFUSED;
	}
	if (r == 0 && response.status / 100 == 2 && talk->is_answer) {
		r = sim_fact_remove(talk->client->device, KEPT_ANSWER, err);
		talk->is_answer = false;
	}
	if (turn.after != SIM_AFTER_NOTHING) { /* it was begun before the answer left */
		int done = carry_out(talk->client, &talk->relation, &turn, talk->session, err);

		if (done < 0 || turn.after != SIM_AFTER_DECLARE)
			return done < 0 ? done : SIM_REFUSED;
	}
	if (r < 0 || response.status / 100 != 2 || talk->session->was_let_go)
		return r < 0 ? r : SIM_REFUSED;
	return next_body(talk, buf_slice(&response.body), err);
}

static int talk_run(struct talk *talk, struct err *err)
{
	int r = sim_relation_load(talk->client->device, &talk->relation, err);

	if (r != 0)
		return r;
	r = tell_token(talk->client, &talk->relation, talk->session, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = sim_fact_blob(talk->client->device, KEPT_ANSWER, &talk->body, err);
	talk->is_answer = r == 0;
	if (r == BACKUP_ABSENT)
		r = idle_write(talk->client, &talk->relation, &talk->body, err);
	for (unsigned i = 0; r == 0 && talk->body.len > 0 && i < COMMANDS_MAX; i++)
		r = round_trip(talk, err);
	return r < 0 ? r : 0;
}

int sim_client_poll(struct sim_client *client, struct sim_session *session, struct err *err)
{
	struct talk talk = {
		.client = client, .session = session, .body = BUF_INIT(SIM_MESSAGE_MAX)};
	int r;

	*session = (struct sim_session){0};
	sim_relation_init(&talk.relation);
	r = talk_run(&talk, err);
	sim_relation_clear(&talk.relation);
	buf_wipe(&talk.body);
	return r;
}
