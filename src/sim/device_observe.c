/* device_observe - a device's management as an all-knowing observer sees it: from its files, and
 * from what the service would answer */
#include "sim/mechanism.h"

#include <string.h>

/* a fact that is one of a few words, as a text that lives for ever */
static const char *one_of(struct sim_device *device, const char *fact, const char *const *words,
			  size_t count)
{
	char text[32];

	if (sim_fact_get(device, fact, text, sizeof(text)))
		for (size_t i = 0; i < count; i++)
			if (!strcmp(text, words[i]))
				return words[i];
	return words[0];
}

static const char *setup_of(struct sim_device *device, const struct sim_state *state)
{
	static const char *const ends[] = {"not_involved", "home", "remote_management",
					   "no_remote_management", "waits"};
	const char *end = one_of(device, "setup/end", ends, ARRAY_COUNT(ends));

	return !state->setup_is_done && strcmp(end, "waits") != 0 ? "pending" : end;
}

/* the user may still leave a device that was added by hand */
static bool is_provisional(struct sim_device *device, const struct sim_cloud *record)
{
	return record->provisional_until > sim_device_now(device);
}

static bool is_this(struct sim_device *device, const char *server)
{
	char name[SIM_SERVER_LEN], ours[SIM_SERVER_LEN], host[SIM_SERVER_LEN];

	sim_server_host(sim_word_get(device, &sim_world_words, "this", name), ours);
	return !strcmp(ours, sim_server_host(server, host));
}

static int see_enrollment(struct sim_device *device, struct sim_service *service,
			  const struct sim_cloud *record, struct sim_observation *seen,
			  struct err *err)
{
	struct sim_enrollment enrollment;
	char let_go[SIM_SERVER_LEN], one[SIM_SERVER_LEN], other[SIM_SERVER_LEN];
	int r = sim_contact_ask(device, service, &seen->reply, &seen->then, err);

	seen->management = "none";
	if (r == 0)
		r = sim_enrollment_load(device, &enrollment, err);
	if (r != 0)
		return r < 0 ? r : 0;
	seen->management = is_this(device, enrollment.server) ? "this" : "other";
	memcpy(seen->server, enrollment.server, sizeof(seen->server));
	seen->kind = enrollment.kind;
	seen->is_locked = enrollment.is_locked && !is_provisional(device, record);
	seen->is_fresh = sim_fact_int(device, "enrolled/fresh", 0) != 0;
	sim_word_get(device, &sim_world_words, "let-go-by", let_go);
	/* whoever let the device go and now rejects it holds no relation to it either */
	seen->is_stale =
		seen->reply == SIM_REPLY_REFUSED || seen->reply == SIM_REPLY_UNREACHABLE ||
		(seen->reply == SIM_REPLY_REJECTED && *let_go &&
		 !strcmp(sim_server_host(let_go, one), sim_server_host(enrollment.server, other)));
	return 0;
}

int sim_observe(struct sim_device *device, struct sim_service *service,
		struct sim_observation *observation, struct err *err)
{
	static const char *const outcomes[] = {
		"",        "possible", "not_offered", "not_a_restore", "unsupported",
		"blocked", "refused"};
	static const char *const contents[] = {"", "kept", "kept_partly", "not_kept",
					       "synced_only"};
	struct sim_observation seen = {0};
	struct sim_cloud record = {0};
	struct sim_state state;
	int r = sim_device_state(device, &state, err);

	if (r == 0)
		r = sim_cloud_load(device, SIM_CLOUD_PATH, &record, err);
	if (r >= 0)
		r = see_enrollment(device, service, &record, &seen, err);
	if (r < 0)
		return r;
	seen.restore = one_of(device, "restore/outcome", outcomes, ARRAY_COUNT(outcomes));
	seen.content = one_of(device, "restore/content", contents, ARRAY_COUNT(contents));
	seen.setup = setup_of(device, &state);
	seen.is_supervised = state.is_supervised;
	seen.has_ade_record = record.source == SIM_CLOUD_ADE;
	seen.find_my_is_on = state.find_my_is_on;
	sim_fact_get(device, "restore/row", seen.row, sizeof(seen.row));
	*observation = seen;
	return 0;
}
