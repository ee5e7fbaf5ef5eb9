/* swarm_run - who speaks next, until all requests are made and all that was queued is delivered */
#include "sim/swarm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { TICKETS_MAX = 64 << 20, WAIT_MS = 100, SHARE_OF = 1000, DRAIN_ROUNDS = 20, FIND_TRIES = 64 };

uint64_t swarm_next(struct swarm *swarm, uint64_t limit)
{
	return splitmix64(&swarm->random) % limit;
}

bool swarm_is_fine(const struct swarm *swarm)
{
	const struct swarm_counts *counts = &swarm->counts;

	return counts->unasked_401 + counts->unasked_403 + counts->removals +
		       counts->declaration_404 + counts->wrong_device + counts->given_twice +
		       counts->foreign_taken ==
	       0;
}

/* ---- from start to end ---- */

static int tickets_read(struct swarm *swarm, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(TICKETS_MAX);
	char *at, *line;
	int r = fs_read_file(fs_system(), swarm->options->tickets, &text, err);

	if (r < 0)
		return r;
	swarm->tickets = calloc(text.len / 8 + 1, sizeof(char *));
	at = strdup(buf_text(&text));
	line = at;
	for (char *save, *word = at ? strtok_r(line, "\n", &save) : NULL; word && swarm->tickets;
	     word = strtok_r(NULL, "\n", &save))
		if (strlen(word) >= 8)
			swarm->tickets[swarm->ticket_count++] = strdup(word);
	free(at);
	if (!swarm->tickets || !at)
		return err_no_memory(err);
	return swarm->ticket_count ? 0
				   : err_set(err, ERR_USAGE, "%s names no enrollment profile",
					     swarm->options->tickets);
}

/* a descriptor for each connection, and some for the process */
static void raise_limit(unsigned connections)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = connections + 256 < limit.rlim_max ? connections + 256 : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int lights_make(struct swarm *swarm, struct err *err)
{
	swarm->lights = calloc(swarm->options->count, sizeof(*swarm->lights));
	if (!swarm->lights)
		return err_no_memory(err);
	for (unsigned i = 0; i < swarm->options->count; i++)
		swarm->lights[i] = (struct light){.swarm = swarm,
						  .index = i,
						  .cert = BUF_INIT(CRYPTO_PEM_MAX),
						  .next_cert = BUF_INIT(CRYPTO_PEM_MAX),
						  .body = BUF_INIT(SIM_MESSAGE_MAX)};
	return 0;
}

int swarm_new(struct swarm **out, const struct swarm_options *options, struct clock *clock,
	      const struct cancel *cancel, struct err *err)
{
	const struct http_client_config config = {.ca_pem = options->ca_pem,
						  .is_loopback_only = true,
						  .connections_max = options->connections};
	struct swarm *swarm = calloc(1, sizeof(*swarm));
	int r;

	if (!swarm)
		return err_no_memory(err);
	swarm->options = options;
	swarm->clock = clock;
	swarm->cancel = cancel;
	swarm->random = options->seed;
	raise_limit(options->connections);
	r = plist_doc_new(&swarm->doc, err);
	if (r == 0)
		r = http_client_new(&swarm->http, &config, err);
	if (r == 0)
		r = tickets_read(swarm, err);
	if (r == 0)
		r = lights_make(swarm, err);
	if (r == 0)
		r = swarm_pool_make(swarm, err);
	if (r == 0 && options->journal) {
		swarm->journal = fopen(options->journal, "we");
		if (!swarm->journal)
			r = err_set(err, ERR_IO, "%s cannot be written", options->journal);
		else
			setvbuf(swarm->journal, NULL, _IOLBF, 0); /* others read along */
	}
	if (r < 0)
		swarm_free(swarm);
	else
		*out = swarm;
	return r;
}

void swarm_free(struct swarm *swarm)
{
	if (!swarm)
		return;
	http_client_free(swarm->http);
	for (unsigned i = 0; swarm->lights && i < swarm->options->count; i++)
		swarm_light_clear(&swarm->lights[i]);
	for (size_t i = 0; i < swarm->ticket_count; i++)
		free(swarm->tickets[i]);
	free(swarm->tickets);
	free(swarm->lights);
	swarm_pool_clear(swarm);
	plist_doc_free(swarm->doc);
	if (swarm->journal)
		fclose(swarm->journal);
	free(swarm);
}

/* ---- who speaks ---- */

static bool may_enroll(const struct swarm *swarm)
{
	return swarm->ticket_next < swarm->ticket_count;
}

static enum swarm_step choose(struct swarm *swarm, const struct light *light)
{
	const struct swarm_options *options = swarm->options;
	uint64_t dice = swarm_next(swarm, SHARE_OF);

	if (!light->is_enrolled)
		return may_enroll(swarm) ? STEP_PROFILE : STEP_NONE;
	if (dice < options->malformed)
		return STEP_MALFORMED;
	dice -= options->malformed;
	if (dice < options->foreign)
		return STEP_FOREIGN;
	dice -= options->foreign;
	if (dice < options->tokens)
		return STEP_TOKEN_ALONE;
	dice -= options->tokens;
	return dice < options->again && may_enroll(swarm) ? STEP_PROFILE : STEP_SESSION;
}

/* one more action of a device that has nothing to do; false: none was found */
static int start_one(struct swarm *swarm, bool *is_started, struct err *err)
{
	*is_started = false;
	for (unsigned i = 0; i < FIND_TRIES && !*is_started; i++) {
		struct light *light = &swarm->lights[swarm_next(swarm, swarm->options->count)];
		enum swarm_step step = light->step == STEP_NONE ? choose(swarm, light) : STEP_NONE;

		if (step == STEP_NONE)
			continue;
		*is_started = true;
		return swarm_begin(light, step, err);
	}
	return 0;
}

/* the first call learns the service's addresses; others wait for it */
static unsigned parallel(const struct swarm *swarm)
{
	return swarm->is_known ? swarm->options->parallel : 1;
}

/* a service that stops and starts again is not asked thousands of times meanwhile */
static bool rests(const struct swarm *swarm)
{
	return clock_mono_ms(swarm->clock) < swarm->rests_until_ms;
}

static int work(struct swarm *swarm, struct err *err)
{
	int r = 0;

	while (r == 0 && swarm->counts.requests < swarm->options->requests) {
		bool is_started = true;

		r = cancel_check(swarm->cancel, err);
		while (r == 0 && is_started && swarm->running < parallel(swarm) && !rests(swarm))
			r = start_one(swarm, &is_started, err);
		if (r == 0 && swarm->running == 0 && !is_started)
			return err_set(err, ERR_USAGE,
				       "no device is enrolled, and no ticket is left");
		if (r == 0)
			r = http_client_poll(swarm->http, NULL, 0, WAIT_MS, err);
	}
	while (r == 0 && swarm->running > 0)
		r = http_client_poll(swarm->http, NULL, 0, WAIT_MS, err);
	return r;
}

/* each enrolled device once: a session goes on until its queue is empty */
static int drain_round(struct swarm *swarm, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < swarm->options->count; i++) {
		r = cancel_check(swarm->cancel, err);
		while (r == 0 && (swarm->running >= parallel(swarm) || rests(swarm)))
			r = http_client_poll(swarm->http, NULL, 0, WAIT_MS, err);
		if (r == 0 && swarm->lights[i].is_enrolled)
			r = swarm_begin(&swarm->lights[i], STEP_SESSION, err);
	}
	while (r == 0 && swarm->running > 0)
		r = http_client_poll(swarm->http, NULL, 0, WAIT_MS, err);
	return r;
}

int swarm_run(struct swarm *swarm, struct err *err)
{
	int r = work(swarm, err);
	uint64_t commands, failed;

	/* until a round brought no command and no failure: what said NotNow is offered again */
	for (unsigned i = 0; r == 0 && i < DRAIN_ROUNDS; i++) {
		commands = swarm->counts.commands;
		failed = swarm->counts.failed;
		r = drain_round(swarm, err);
		if (commands == swarm->counts.commands && failed == swarm->counts.failed)
			break;
	}
	return r;
}
