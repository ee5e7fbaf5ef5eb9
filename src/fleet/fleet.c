/*
 * The fleet as an object: what is passed in, and its policy.
 */
#include "fleet/internal.h"

#include <stdlib.h>

void fleet_policy_default(struct fleet_policy *policy)
{
	*policy = (struct fleet_policy){
		.access_rights = 8191, /* all of them */
		.restore = FLEET_RESTORE_ACCEPT,
		.is_declarative = true,
		.ticket_s = FLEET_DAY_S,
		.certificate_days = 365,
		.renew_days = 90,
		.renew_every_s = 4 * 3600,
		.inventory_days = 7,
		.command_days = 30,
	};
}

/* the topic is copied: it is compared with the next one, whose owner may change its text in place
 */
static void policy_take(struct fleet *fleet, const struct fleet_policy *policy)
{
	char topic[FLEET_NAME_MAX + 1] = "";

	if (policy->topic)
		snprintf(topic, sizeof(topic), "%s", policy->topic);
	memcpy(fleet->topic, topic, sizeof(topic));
	fleet->policy = *policy;
	fleet->policy.topic = *topic ? fleet->topic : NULL;
}

int fleet_new(struct fleet **out, struct store *store, struct clock *clock, struct entropy *entropy,
	      struct fleet_keys *keys, const struct fleet_policy *policy, struct err *err)
{
	CLEANUP(fleet_free_p) struct fleet *fleet = calloc(1, sizeof(*fleet));
	int r;

	if (!fleet)
		return err_no_memory(err);
	fleet->store = store;
	fleet->clock = clock;
	fleet->entropy = entropy;
	fleet->keys = keys;
	policy_take(fleet, policy);
	r = plist_doc_new(&fleet->doc, err);
	if (r == 0)
		r = fleet_builtin_make(fleet, err);
	if (r < 0)
		return r;
	*out = STEAL(fleet);
	return 0;
}

void fleet_free(struct fleet *fleet)
{
	if (!fleet)
		return;
	free(fleet->contacts.slots);
	for (size_t i = 0; i < FLEET_BUILTIN_COUNT; i++)
		buf_clear(&fleet->builtin[i].json);
	plist_doc_free(fleet->doc);
	free(fleet);
}

void fleet_free_p(struct fleet **fleet)
{
	fleet_free(*fleet);
	*fleet = NULL;
}

int fleet_policy_set(struct fleet *fleet, const struct fleet_policy *policy,
		     bool is_topic_change_allowed, struct err *err)
{
	const struct fleet_policy *now = &fleet->policy;

	if (strcmp(now->profile_identifier, policy->profile_identifier) != 0)
		return fleet_refused(err, "the enrollment profile's identifier never changes: "
					  "devices would not take a renewal");
	if (!is_topic_change_allowed && now->topic &&
	    (!policy->topic || strcmp(now->topic, policy->topic) != 0))
		return fleet_refused(err, "another push topic: every device would have to enroll "
					  "again");
	policy_take(fleet, policy);
	return 0;
}

void fleet_answer_init(struct fleet_answer *answer)
{
	*answer = (struct fleet_answer){.body = BUF_INIT(FLEET_BODY_MAX)};
}

void fleet_answer_clear(struct fleet_answer *answer)
{
	buf_wipe(&answer->body); /* it may hold an unlock token */
	fleet_answer_init(answer);
}
