/*
 * device_contact - the device's next message to its service, and what comes back
 *
 * There is no service yet: sim_service_in_words answers as `rehome-sim world` was told.  A real
 * one takes its place by answering the same question over the wire.
 */
#include "sim/mechanism.h"

#include <string.h>

static const char *const replies[] = {"nobody", "accepted", "refused", "rejected", "unreachable"};
static const char *const thens[] = {"stays", "dropped", "retired", "wiped"};

const char *sim_reply_word(enum sim_reply reply)
{
	return replies[reply];
}

const char *sim_then_word(enum sim_then then)
{
	return thens[then];
}

static bool world_is(struct sim_device *device, const char *name, const char *value)
{
	return sim_word_is(device, &sim_world_words, name, value);
}

/* does @url belong to the service that the world's word @name names? */
static bool is_named(struct sim_device *device, const char *name, const char *url)
{
	char word[SIM_SERVER_LEN], one[SIM_SERVER_LEN], other[SIM_SERVER_LEN];

	sim_word_get(device, &sim_world_words, name, word);
	return *word && !strcmp(sim_server_host(word, one), sim_server_host(url, other));
}

/* a service that let the device go, or enrolled it anew since, knows an older relation no more,
 * unless it takes restored devices back; a deleted record or a revoked certificate it never does */
static bool this_refuses(struct sim_device *device, const struct sim_enrollment *enrollment)
{
	bool accepts = world_is(device, "policy", "accept");

	if (world_is(device, "record", "deleted") || world_is(device, "record", "none") ||
	    world_is(device, "certificate", "revoked"))
		return true;
	if (accepts)
		return false;
	return is_named(device, "let-go-by", enrollment->server) ||
	       world_is(device, "generation", "newer") ||
	       (world_is(device, "certificate", "renewed") &&
		sim_word_is(device, &sim_switch_words, "renewed_identity", "refused"));
}

static int answer_in_words(struct sim_service *service, struct sim_device *device,
			   const struct sim_enrollment *enrollment, enum sim_reply *reply,
			   enum sim_then *then, struct err *err)
{
	(void)service;
	(void)err;
	*then = SIM_THEN_STAYS;
	if (!is_named(device, "this", enrollment->server)) {
		/* it is restored devices that may be rejected, not those that just enrolled */
		bool rejects = world_is(device, "other-response", "rejects") &&
			       !sim_fact_int(device, "enrolled/fresh", 0);

		*then = rejects ? SIM_THEN_DROPPED : SIM_THEN_STAYS;
		*reply = rejects                                             ? SIM_REPLY_REJECTED
			 : is_named(device, "let-go-by", enrollment->server) ? SIM_REPLY_REFUSED
									     : SIM_REPLY_ACCEPTED;
		return 0;
	}
	*reply = this_refuses(device, enrollment) ? SIM_REPLY_REFUSED : SIM_REPLY_ACCEPTED;
	if (*reply == SIM_REPLY_ACCEPTED && world_is(device, "record", "retire_pending"))
		*then = SIM_THEN_RETIRED;
	if (*reply == SIM_REPLY_ACCEPTED && world_is(device, "record", "wipe_pending"))
		*then = SIM_THEN_WIPED;
	return 0;
}

struct sim_service *sim_service_in_words(void)
{
	static struct sim_service service = {.answer = answer_in_words};

	return &service;
}

int sim_contact_ask(struct sim_device *device, struct sim_service *service, enum sim_reply *reply,
		    enum sim_then *then, struct err *err)
{
	struct sim_enrollment enrollment;
	int r = sim_enrollment_load(device, &enrollment, err);

	*then = SIM_THEN_STAYS;
	*reply = SIM_REPLY_NOBODY;
	if (r != 0)
		return r < 0 ? r : 0;
	*reply = SIM_REPLY_UNREACHABLE; /* TLS needs a key, and a certificate in its time */
	if (!enrollment.has_identity || sim_device_now(device) >= enrollment.identity_until)
		return 0;
	return service->answer(service, device, &enrollment, reply, then, err);
}

int sim_contact_make(struct sim_device *device, struct sim_service *service, enum sim_reply *reply,
		     enum sim_then *then, struct err *err)
{
	struct sim_enrollment enrollment;
	int r = sim_contact_ask(device, service, reply, then, err);

	if (r < 0 || *then == SIM_THEN_STAYS)
		return r;
	if (*then != SIM_THEN_WIPED)
		return sim_enrollment_remove(device, err);
	r = sim_enrollment_load(device, &enrollment, err);
	return r != 0 ? r : sim_erase(device, &(struct sim_erasing){.by = enrollment.server}, err);
}
