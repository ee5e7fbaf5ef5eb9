/* records - the only process with the store: takes calls, commits them together, answers */
#include "server/records.h"
#include "crypto/identity.h"
#include "server/data.h"
#include "server/sandbox.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPEATS_MAX = 5,
	REST_MS = 200,
	ANSWER_KEEP = 256 << 10, /* bytes of an answer buffer that stay for the next one */
};

/** struct waiting - a call of the batch; @start: of its answer in @out */
struct waiting {
	struct records_peer *peer;
	struct frame frame;
	struct buf out;
};

/* ---- a batch ---- */

static void answer_only(struct waiting *call, int outcome)
{
	struct call_writer writer;

	buf_truncate(&call->out, 0);
	writer = call_begin_answer(&call->out, call->frame.number, outcome);
	call_end(&writer, NULL);
}

/* answer - one call; < 0: what it did has to be undone, and its answer says so */
static int answer(struct records *records, struct waiting *call, struct err *err)
{
	struct frame frame = call->frame; /* a copy: the batch may have to be done again */
	struct call_writer writer;
	int r;

	buf_truncate(&call->out, 0);
	writer = call_begin_answer(&call->out, frame.number, 0);
	r = records_call(records, call->peer->role, &frame, &writer, err);
	if (r == 0)
		r = call_end(&writer, err);
	if (r != 0)
		answer_only(call, r);
	return r;
}

static void call_failed(struct records *records, const struct waiting *call, const struct err *err)
{
	counts_add(&records->env->counts->calls_failed);
	log_event(LOG_ERROR, "call-failed", "operation=%d reason=\"%s\"", (int)call->frame.op,
		  err->text);
}

/*
 * batch_work - all calls; @is_apart: each behind a mark of its own, so that what failed can be
 * undone alone.  Marks cost SQLite a copy of every page, and failures are rare: the first try goes
 * without, and a failure there fails the whole.
 */
static int batch_work(struct records *records, struct waiting *calls, unsigned count, bool is_apart,
		      struct err *err)
{
	for (unsigned i = 0; i < count; i++) {
		int r = is_apart ? store_savepoint(records->store, err) : 0, outcome;

		if (r < 0)
			return r;
		outcome = answer(records, &calls[i], err);
		if (outcome == ERR_CLOSED || outcome == ERR_BUSY || (outcome < 0 && !is_apart))
			return outcome;
		if (is_apart && outcome < 0)
			call_failed(records, &calls[i], err);
		if (is_apart)
			r = outcome < 0 ? store_undo(records->store, err)
					: store_release(records->store, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* deferred_begin - nothing is deferred; what the transaction before deferred in vain is forgotten
 */
static void deferred_begin(struct records *records)
{
	buf_truncate(&records->deferred, 0);
	delivery_undone(records);
}

static void deferred_send(struct records *records)
{
	int r = 0;

	/* without a courier it is given all of it again when there is one */
	if (records->courier && records->deferred.len > 0)
		r = buf_append_slice(&records->courier->out, buf_slice(&records->deferred), NULL);
	if (r == 0)
		delivery_handed(records);
	deferred_begin(records);
}

/* batch_once - 0, or < 0 and nothing of it was done; ERR_BUSY: another service was faster */
static int batch_once(struct records *records, struct waiting *calls, unsigned count, bool is_apart,
		      struct err *err)
{
	int r = store_begin(records->store, err);

	if (r < 0)
		return r;
	deferred_begin(records);
	r = batch_work(records, calls, count, is_apart, err);
	if (r < 0) {
		store_rollback(records->store);
		return r;
	}
	return store_commit(records->store, err);
}

/* batch_run - the whole of it, then call by call if that failed, and again while others are faster
 */
static int batch_run(struct records *records, struct waiting *calls, unsigned count,
		     struct err *err)
{
	int r = batch_once(records, calls, count, false, err);

	if (r < 0 && r != ERR_CLOSED && count > 1)
		r = batch_once(records, calls, count, true, err);
	for (unsigned tries = 1; r == ERR_BUSY && tries < REPEATS_MAX; tries++)
		r = batch_once(records, calls, count, count > 1, err);
	if (r < 0 && r != ERR_CLOSED && count == 1)
		call_failed(records, calls, err);
	return r;
}

static void away(struct records *records, int code, const struct err *err)
{
	if (code != ERR_CLOSED || records->is_away)
		return;
	log_event(LOG_ERROR, "store-away", "reason=\"%s\"", err->text);
	records->is_away = true;
	records->reopen_ms = 0;
}

/* answer_forget - it may have told an operator a secret */
static void answer_forget(struct buf *out)
{
	if (out->len > 0)
		explicit_bzero(out->bytes, out->len);
	buf_truncate(out, 0);
	if (out->cap > ANSWER_KEEP)
		buf_wipe(out);
}

/* batch_counted - what calls cost the store, for /metrics */
static int batch_counted(struct records *records, struct waiting *calls, unsigned count,
			 struct err *err)
{
	struct counts *counts = records->env->counts;
	struct store_stats before, after;
	int r;

	store_stats(records->store, &before);
	r = batch_run(records, calls, count, err);
	store_stats(records->store, &after);
	counts_add_many(&counts->store_statements, after.statements - before.statements);
	counts_add_many(&counts->store_rows, after.rows - before.rows);
	counts_add_many(&counts->store_steps, after.steps - before.steps);
	counts_add_many(&counts->store_pages, after.pages - before.pages);
	return r;
}

static void batch_answer(struct records *records, struct waiting *calls, unsigned count)
{
	struct err err = ERR_INIT;
	int r;

	r = records->is_away ? ERR_CLOSED : batch_counted(records, calls, count, &err);
	counts_add(r == 0 ? &records->env->counts->commits : &records->env->counts->commits_failed);
	if (r == 0)
		deferred_send(records);
	else
		away(records, r, &err);
	for (unsigned i = 0; i < count; i++) {
		counts_add(&records->env->counts->calls);
		if (r != 0) /* also when the calls went well and the commit did not */
			answer_only(&calls[i], r);
		buf_append_slice(&calls[i].peer->link.out, buf_slice(&calls[i].out), NULL);
		answer_forget(&calls[i].out);
	}
	for (unsigned i = 0; i < RECORDS_LINKS_MAX; i++)
		link_done(&records->peers[i].link);
}

int records_transaction(struct records *records,
			int (*work)(struct records *records, void *arg, struct err *err), void *arg,
			struct err *err)
{
	int r = records->is_away ? err_set(err, ERR_CLOSED, "the store is away") : ERR_BUSY;

	for (unsigned tries = 0; r == ERR_BUSY && tries < REPEATS_MAX; tries++) {
		r = store_begin(records->store, err);
		if (r < 0)
			continue;
		deferred_begin(records);
		r = work(records, arg, err);
		if (r < 0)
			store_rollback(records->store);
		else
			r = store_commit(records->store, err);
	}
	if (r == 0)
		deferred_send(records);
	else
		away(records, r, err);
	return r;
}

/* ---- peers ---- */

static void peer_close(struct records *records, struct records_peer *peer)
{
	if (records->courier == &peer->link)
		records->courier = NULL;
	link_close(&peer->link);
}

static void peer_add(struct records *records, enum role role, int fd)
{
	if (role == ROLE_KEYS) {
		link_open(&records->keys.link, fd);
		return;
	}
	for (size_t i = 0; i < RECORDS_LINKS_MAX; i++) {
		struct records_peer *peer = &records->peers[i];

		if (peer->link.fd >= 0)
			continue;
		link_open(&peer->link, fd);
		peer->role = role;
		if (role == ROLE_COURIER) {
			records->courier = &peer->link;
			delivery_connected(records);
		}
		return;
	}
	close_p(&fd);
}

static void config_take(struct records *records, struct slice text)
{
	struct records_policy *policy = NULL;
	struct config *config CLEANUP(free_p) = NULL;
	struct err err = ERR_INIT;
	int r = config_of_dump(&config, text, &err);

	if (r == 0)
		r = records_policy_make(records, config, &policy, &err);
	if (r == 0)
		r = fleet_policy_set(records->fleet, &policy->policy, false, &err);
	if (r != 0) {
		log_event(LOG_ERROR, "reload-refused", "reason=\"%s\"", err.text);
		records_policy_free(policy);
		return;
	}
	records_policy_free(records->policy);
	records->policy = policy;
}

static int controls_take(struct records *records, struct err *err)
{
	struct control control CLEANUP(control_clear) = CONTROL_INIT;
	int r;

	while ((r = control_receive(records->env->control, &control, err)) == 0) {
		if (control.kind == CONTROL_STOP)
			records->is_leaving = true;
		if (control.kind == CONTROL_CONFIG)
			config_take(records, buf_slice(&control.text));
		if (control.kind != CONTROL_PEER || control.fd < 0)
			continue;
		peer_add(records, control.peer, control.fd);
		control.fd = -1;
	}
	return r;
}

/* ---- the loop ---- */

/* calls_gather - whole frames that have come, one peer after the other in turn */
static unsigned calls_gather(struct records *records, struct waiting calls[RECORDS_BATCH])
{
	unsigned count = 0, next = records->first;

	for (unsigned i = 0; i < RECORDS_LINKS_MAX && count < RECORDS_BATCH; i++) {
		struct records_peer *peer =
			&records->peers[(records->first + i) % RECORDS_LINKS_MAX];
		int r = LINK_NOTHING;

		if (peer->link.fd < 0)
			continue;
		while (count < RECORDS_BATCH &&
		       (r = link_next(&peer->link, &calls[count].frame, NULL)) == 0)
			calls[count++].peer = peer;
		next = (records->first + i + 1) % RECORDS_LINKS_MAX;
		if (r < 0) /* earlier frames of it point into what would be freed: drop them too */
			while (count > 0 && calls[count - 1].peer == peer)
				count--;
		if (r < 0)
			peer_close(records, peer);
	}
	records->first = next;
	return count;
}

static void links_flush(struct records *records)
{
	for (size_t i = 0; i < RECORDS_LINKS_MAX; i++) {
		struct records_peer *peer = &records->peers[i];

		if (peer->link.fd >= 0 && peer->link.out.len > 0 &&
		    link_flush(&peer->link, NULL) < 0)
			peer_close(records, peer);
	}
}

/* wait - until somebody calls or @wait_ms passed; takes in what came. 1: nobody called */
static int wait_for_calls(struct records *records, int64_t wait_ms, struct err *err)
{
	struct pollfd fds[RECORDS_LINKS_MAX + 1];
	struct records_peer *peers[RECORDS_LINKS_MAX + 1];
	nfds_t count = 1;
	int n, r = 0;

	fds[0] = (struct pollfd){records->env->control, POLLIN, 0};
	for (size_t i = 0; i < RECORDS_LINKS_MAX; i++) {
		struct link *link = &records->peers[i].link;

		if (link->fd < 0)
			continue;
		peers[count] = &records->peers[i];
		fds[count++] = (struct pollfd){
			link->fd, (short)(POLLIN | (link->out.len > 0 ? POLLOUT : 0)), 0};
	}
	n = poll(fds, count, (int)wait_ms);
	for (nfds_t i = 1; i < count && n > 0; i++)
		if (fds[i].revents & (POLLIN | POLLHUP | POLLERR) &&
		    link_receive(&peers[i]->link, NULL) < 0)
			peer_close(records, peers[i]);
	if (n > 0 && fds[0].revents)
		r = controls_take(records, err);
	return r < 0 ? r : n == 0;
}

static int64_t now_ms(void)
{
	return clock_mono_ms(clock_system());
}

static void store_return(struct records *records)
{
	struct err err = ERR_INIT;

	if (!records->is_away || now_ms() < records->reopen_ms)
		return;
	records->reopen_ms = now_ms() + 1000;
	if (store_reopen(records->store, &err) < 0)
		return;
	records->is_away = false;
	log_event(LOG_WARNING, "store-back", "%s", "");
}

static int loop(struct records *records, struct err *err)
{
	struct waiting calls[RECORDS_BATCH] = {0};
	bool is_rested = true;
	int r = 0;

	for (unsigned i = 0; i < RECORDS_BATCH; i++)
		calls[i].out = BUF_INIT(CALL_FRAME_MAX);
	while (r >= 0 && !records->is_leaving) {
		unsigned count = calls_gather(records, calls);
		int64_t wait_ms = 0;

		if (count > 0) {
			batch_answer(records, calls, count);
			is_rested = false;
		}
		store_return(records);
		sweeps_run(records, now_ms(), &wait_ms);
		links_flush(records);
		if (!is_rested && wait_ms > REST_MS)
			wait_ms = REST_MS;
		r = wait_for_calls(records, count == RECORDS_BATCH ? 0 : wait_ms, err);
		if (r == 1 && count == 0 && !is_rested) {
			is_rested = true;
			if (!records->is_away)
				store_idle(records->store, NULL);
		}
	}
	for (unsigned i = 0; i < RECORDS_BATCH; i++)
		buf_wipe(&calls[i].out);
	return r == ERR_CLOSED ? 0 : r < 0 ? r : 0;
}

/* ---- the start ---- */

static int contacts_flush(struct records *records, void *arg, struct err *err)
{
	return fleet_contacts_flush(records->fleet, err);
}

static int parts_make(struct records *records, struct err *err)
{
	const struct config *config = records->env->config;
	char address[DATA_PATH_MAX];
	int r;

	data_store_address(config, address);
	records->is_remote = strncmp(address, "sqlite:", 7) != 0;
	r = data_read(config, "public/ca.pem", &records->ca_pem, err);
	if (r == 0)
		r = data_read(config, "public/supervision.pem", &records->supervision_pem, err);
	if (r == 0)
		r = plist_doc_new(&records->doc, err);
	if (r == 0)
		r = store_open(&records->store, address, err);
	if (r == 0)
		r = records_policy_make(records, config, &records->policy, err);
	return r < 0 ? r
		     : fleet_new(&records->fleet, records->store, clock_system(), entropy_system(),
				 &records->keys.table, &records->policy->policy, err);
}

static int sandbox(const struct records *records, struct err *err)
{
	const struct config *config = records->env->config;
	bool is_remote = records->is_remote;
	char folder[DATA_PATH_MAX];
	struct sandbox_path paths[] = {
		{folder, true},
		{"/dev/urandom", false},
		{"/etc/resolv.conf", false},
		{"/etc/hosts", false},
		{"/etc/nsswitch.conf", false},
		{"/etc/ssl", false},
		{"/usr/share/ca-certificates", false},
		{NULL, false},
	};

	data_path(config, "records", folder);
	setenv("SQLITE_TMPDIR", folder, 1);
	if (!is_remote)
		paths[2].path = NULL;
	return sandbox_enter(records->env->role, is_remote, paths,
			     (enum config_sandbox)config->sandbox, err);
}

static void records_free_p(struct records **at)
{
	struct records *records = *at;

	if (!records)
		return;
	for (size_t i = 0; i < RECORDS_LINKS_MAX; i++)
		link_close(&records->peers[i].link);
	link_close(&records->keys.link);
	fleet_free(records->fleet);
	store_free(records->store);
	records_policy_free(records->policy);
	plist_doc_free(records->doc);
	fleet_answer_clear(&records->answer);
	buf_clear(&records->ca_pem);
	buf_clear(&records->supervision_pem);
	buf_clear(&records->push_cert);
	buf_wipe(&records->bytes);
	buf_wipe(&records->deferred);
	free(records);
}

int records_run(const struct process_env *env, struct err *err)
{
	struct records *records CLEANUP(records_free_p) = calloc(1, sizeof(*records));
	int r;

	if (!records)
		return err_no_memory(err);
	records->env = env;
	for (size_t i = 0; i < RECORDS_LINKS_MAX; i++)
		records->peers[i].link = LINK_INIT;
	records_keys_init(&records->keys);
	records->ca_pem = BUF_INIT(CRYPTO_PEM_MAX);
	records->supervision_pem = BUF_INIT(CRYPTO_PEM_MAX);
	records->push_cert = BUF_INIT(CRYPTO_PEM_MAX);
	records->bytes = BUF_INIT(CALL_FRAME_MAX);
	records->deferred = BUF_INIT(64 << 20);
	fleet_answer_init(&records->answer);
	r = crypto_start(err);
	if (r == 0)
		r = parts_make(records, err);
	if (r == 0)
		r = records_transaction(records, delivery_identity, NULL, err);
	if (r == 0)
		r = sandbox(records, err);
	if (r < 0)
		return r;
	control_ready(env->control);
	r = loop(records, err);
	if (r == 0)
		r = records_transaction(records, contacts_flush, NULL, err);
	return r;
}
