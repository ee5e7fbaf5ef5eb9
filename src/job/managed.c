/*
 * managed - what an attached device tells of its management (docs/protocol/device-link, 15)
 *
 * No value of lockdown says it, and MCInstall's list names profiles without their payloads.  So
 * "managed" is concluded: no profile at all means no, since management always is a profile; a
 * profile that cannot be removed, on a device whose ADE record forbids to remove management, means
 * yes; other profiles mean unknown.  That Setup Assistant is over is no conclusion either: its
 * "Remote Management" pane is complete long before the end.
 *
 * Whatever is refused, missing or garbled leaves its facts unknown: a plan can live with that.
 */
#include "job/internal.h"

#include <string.h>

static enum job_answer answer_of(enum link_answer answer)
{
	return answer == LINK_YES ? JOB_YES : answer == LINK_NO ? JOB_NO : JOB_UNKNOWN;
}

static int ask(struct wire *wire, const char *type, const struct plist **reply, struct err *err)
{
	int r = wire_send(wire, link_mc_request(wire_request(wire), type), LINK_XML, err);

	if (r == 0)
		r = wire_receive(wire, LINK_REPLY_LEN_MAX, reply, err);
	return r < 0 ? r : link_mc_check(*reply, type, err);
}

static void take_cloud(struct job_facts *facts, const struct link_mc_cloud *cloud)
{
	struct job_ade *ade = &facts->ade;

	if (facts->is_set_up == JOB_UNKNOWN && cloud->ui_is_complete == LINK_NO)
		facts->is_set_up = JOB_NO;
	if (facts->is_supervised == JOB_UNKNOWN)
		facts->is_supervised = answer_of(cloud->is_supervised);
	if (cloud->source != LINK_MC_SOURCE_ADE)
		return;
	ade->is_assigned = true;
	ade->is_unremovable = answer_of(cloud->is_unremovable);
	ade->ignores_backup = answer_of(cloud->ignores_backup);
	ade->hides_restore = answer_of(cloud->hides_restore);
	ade->is_shared = answer_of(cloud->is_multi_user);
	text_copy(ade->url, sizeof(ade->url), cloud->url);
	text_copy(ade->organization, sizeof(ade->organization), cloud->organization);
}

static void take_profiles(struct job_facts *facts, const struct link_mc_profiles *profiles)
{
	const struct job_ade *ade = &facts->ade;

	if (!profiles->is_told)
		return;
	if (profiles->count == 0) {
		facts->is_managed = JOB_NO;
	} else if (profiles->has_mdm) {
		facts->is_managed = JOB_YES;
		text_copy(facts->server_url, sizeof(facts->server_url), profiles->server_url);
		text_copy(facts->organization, sizeof(facts->organization), profiles->organization);
	} else if (profiles->has_locked && ade->is_unremovable == JOB_YES) {
		facts->is_managed = JOB_YES; /* by which server, the list does not tell */
	}
}

static int read_all(struct lockdown *lockdown, struct job_facts *facts, struct err *err)
{
	CLEANUP(wire_clear) struct wire wire = {0};
	struct link_mc_profiles profiles;
	struct link_mc_cloud cloud;
	const struct plist *reply;
	int r;

	r = lockdown_get_answer(lockdown, "com.apple.mobile.backup", "RequiresEncryption",
				&facts->forces_encryption, err);
	if (r == 0)
		r = lockdown_get_answer(lockdown, "com.apple.purplebuddy", "SetupDone",
					&facts->is_set_up, err);
	if (r == 0)
		r = lockdown_service(lockdown, "com.apple.mobile.MCInstall", false, &wire, err);
	if (r == 0)
		r = ask(&wire, "GetCloudConfiguration", &reply, err);
	if (r < 0)
		return r;
	link_mc_cloud_read(reply, &cloud);
	take_cloud(facts, &cloud);
	r = ask(&wire, "GetProfileList", &reply, err);
	if (r < 0)
		return r;
	link_mc_profiles_read(reply, &profiles);
	take_profiles(facts, &profiles);
	return 0;
}

int managed_facts(struct lockdown *lockdown, struct job_facts *facts, struct err *err)
{
	struct err trouble = ERR_INIT;
	int r = read_all(lockdown, facts, &trouble);

	if (r != ERR_CANCELED && r != ERR_NO_MEMORY)
		return 0;
	*err = trouble;
	return r;
}
