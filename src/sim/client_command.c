/*
 * client_command - the table of commands, and what all of them have in common
 *
 * Who may send what: docs/protocol/mdm-device, "Commands".  Which commands lost mode allows, and
 * that only those below are done while the screen is locked, is the laboratory's choice where no
 * source says more.
 */
#include "sim/client.h"

#include <string.h>

enum need {
	NEED_SUPERVISED = 1u << 0,
	NOT_PERSONAL = 1u << 1,  /* refused where the enrollment is a user's */
	WHILE_LOCKED = 1u << 2,  /* never answered NotNow */
	WHILE_LOST = 1u << 3,    /* allowed in lost mode */
	NEED_AWAITING = 1u << 4, /* only while Setup Assistant waits for it */
};

static const struct row {
	const char *type;
	unsigned since;  /* OS version */
	unsigned before; /* 0: still there */
	int64_t right;   /* 0: none */
	unsigned needs;
	int (*run)(struct sim_turn *turn, struct err *err);
} rows[] = {
	{"DeviceInformation", 40000, 0, 0, WHILE_LOCKED | WHILE_LOST, sim_do_device_information},
	{"SecurityInfo", 40000, 0, 1024, WHILE_LOST, sim_do_security_info},
	{"ProfileList", 40000, 0, 1, WHILE_LOCKED | WHILE_LOST, sim_do_profile_list},
	{"InstallProfile", 40000, 0, 2, 0, sim_do_install_profile},
	{"RemoveProfile", 40000, 0, 0, 0, sim_do_remove_profile},
	{"CertificateList", 40000, 0, 1, 0, sim_do_certificate_list},
	{"ProvisioningProfileList", 40000, 0, 64, WHILE_LOCKED, sim_do_provisioning_list},
	{"InstalledApplicationList", 50000, 0, 256, WHILE_LOCKED, sim_do_installed_apps},
	{"ManagedApplicationList", 50000, 0, 4096, 0, sim_do_managed_apps},
	{"InstallApplication", 50000, 0, 4096, 0, sim_do_install_app},
	{"RemoveApplication", 50000, 0, 4096, 0, sim_do_remove_app},
	{"DeviceLock", 40000, 0, 4, WHILE_LOCKED | WHILE_LOST, sim_do_device_lock},
	{"ClearPasscode", 40000, 0, 4, WHILE_LOCKED | NOT_PERSONAL, sim_do_clear_passcode},
	{"EraseDevice", 40000, 0, 8, WHILE_LOCKED | WHILE_LOST | NOT_PERSONAL, sim_do_erase},
	{"RestartDevice", 100300, 0, 4, WHILE_LOCKED | WHILE_LOST | NOT_PERSONAL | NEED_SUPERVISED,
	 sim_do_restart},
	{"ShutDownDevice", 100300, 0, 4, WHILE_LOCKED | WHILE_LOST | NOT_PERSONAL | NEED_SUPERVISED,
	 sim_do_shut_down},
	{"DeviceConfigured", 90000, 0, 0, NOT_PERSONAL | NEED_SUPERVISED | NEED_AWAITING,
	 sim_do_configured},
	{"Settings", 50000, 0, 2048, 0, sim_do_settings},
	{"Restrictions", 40000, 0, 512, WHILE_LOCKED | NOT_PERSONAL, sim_do_restrictions},
	{"EnableLostMode", 90300, 0, 0, WHILE_LOCKED | WHILE_LOST | NOT_PERSONAL | NEED_SUPERVISED,
	 sim_do_enable_lost},
	{"DisableLostMode", 90300, 0, 0, WHILE_LOCKED | WHILE_LOST | NOT_PERSONAL | NEED_SUPERVISED,
	 sim_do_disable_lost},
	{"PlayLostModeSound", 100300, 0, 0,
	 WHILE_LOCKED | WHILE_LOST | NOT_PERSONAL | NEED_SUPERVISED, sim_do_lost_sound},
	{"DeviceLocation", 90300, 0, 0, WHILE_LOCKED | WHILE_LOST | NOT_PERSONAL | NEED_SUPERVISED,
	 sim_do_location},
	{"ActivationLockBypassCode", 70100, 0, 0, NOT_PERSONAL | NEED_SUPERVISED,
	 sim_do_bypass_code},
	{"ClearActivationLockBypassCode", 70100, 0, 0, NOT_PERSONAL | NEED_SUPERVISED,
	 sim_do_clear_bypass_code},
	{"DeclarativeManagement", 150000, 0, 0, 0, sim_do_declarative},
};

static const struct row *row_find(const char *type, unsigned os)
{
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		if (!strcmp(rows[i].type, type) && os >= rows[i].since &&
		    (!rows[i].before || os < rows[i].before))
			return &rows[i];
	return NULL;
}

/* ---- may it be done now? ---- */

static int may_run(struct sim_turn *turn, const struct row *row)
{
	struct sim_chain *chain = &turn->chain;

	if (row->right && !turn->relation->is_user_enrollment &&
	    (turn->relation->rights & row->right) != row->right)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12007, "The service may not send “%s”.",
				     row->type);
	if ((row->needs & NOT_PERSONAL) && turn->relation->is_user_enrollment)
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12007,
				     "“%s” is not for personal devices.", row->type);
	if ((row->needs & NEED_SUPERVISED) && !turn->state.is_supervised)
		return sim_chain_add(chain, "MCChaperoneErrorDomain", 29000,
				     "The device is not supervised.");
	if (!(row->needs & WHILE_LOST) && sim_fact_int(turn->device, "mdm/is_lost", 0))
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12078,
				     "“%s” is not allowed in Lost Mode.", row->type);
	if ((row->needs & NEED_AWAITING) &&
	    !sim_fact_int(turn->device, "setup/awaits_configuration", 0))
		return sim_chain_add(chain, SIM_DOMAIN_MDM, 12021,
				     "The device does not wait to be configured.");
	if (!(row->needs & WHILE_LOCKED) && turn->state.has_passcode && turn->state.is_locked)
		return SIM_NOT_NOW;
	return 0;
}

static int run(struct sim_turn *turn, struct err *err)
{
	const struct row *row = row_find(turn->type, turn->os);
	int r;

	if (!row)
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12021,
				     "“%s” is not a valid request type.", turn->type);
	r = may_run(turn, row);
	return r != 0 ? r : row->run(turn, err);
}

/* ---- the answer ---- */

static const char *const statuses[] = {"Acknowledged", "Error", "CommandFormatError", "NotNow"};

static int finish(struct sim_turn *turn, const char *uuid, struct buf *answer, struct err *err)
{
	plist_set_text(turn->doc, turn->reply, "Status", statuses[turn->status]);
	if (uuid)
		plist_set_text(turn->doc, turn->reply, "CommandUUID", uuid);
	sim_client_put_ids(turn->device, turn->relation, turn->doc, turn->reply);
	if (turn->status == SIM_STATUS_ERROR || turn->status == SIM_STATUS_FORMAT_ERROR)
		sim_chain_put(&turn->chain, turn->doc, turn->reply);
	return plist_write_xml(turn->doc, turn->reply, answer, err);
}

static int answer_malformed(struct sim_turn *turn, const char *uuid, struct buf *answer,
			    struct err *err)
{
	turn->status = SIM_STATUS_FORMAT_ERROR;
	sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12008, "The request is malformed.");
	return finish(turn, uuid, answer, err);
}

static int answer_command(struct sim_turn *turn, const struct plist *root, struct buf *answer,
			  struct err *err)
{
	const char *uuid = plist_get_text(root, "CommandUUID"), *type;
	int r;

	turn->command = plist_get_dict(root, "Command");
	type = plist_get_text(turn->command, "RequestType");
	if (!uuid || !type || strlen(type) >= sizeof(turn->type))
		return answer_malformed(turn, uuid, answer, err);
	snprintf(turn->type, sizeof(turn->type), "%s", type);
	r = run(turn, err);
	if (r < 0)
		return r;
	turn->status = r == SIM_NOT_NOW   ? SIM_STATUS_NOT_NOW
		       : r == SIM_REFUSED ? SIM_STATUS_ERROR
					  : SIM_STATUS_ACKNOWLEDGED;
	if (r != 0) /* what was already said does not count */
		turn->reply = plist_new_dict(turn->doc);
	if (r != 0)
		turn->after = SIM_AFTER_NOTHING;
	return finish(turn, uuid, answer, err);
}

int sim_command_answer(struct sim_client *client, const struct sim_relation *relation,
		       struct slice command, struct buf *answer, struct sim_turn *turn,
		       struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist_limits limits = {SIM_MESSAGE_MAX, 1u << 16, 32};
	const struct plist *root;
	int r = plist_doc_new(&doc, err);

	*turn = (struct sim_turn){
		.client = client, .device = client->device, .relation = relation, .doc = doc};
	if (r == 0)
		r = sim_device_state(client->device, &turn->state, err);
	if (r < 0)
		return r;
	turn->os = sim_version_number(sim_device_identity(client->device)->product_version);
	turn->reply = plist_new_dict(doc);
	r = plist_parse(doc, command, &limits, &root, NULL);
	r = r < 0 ? answer_malformed(turn, NULL, answer, err)
		  : answer_command(turn, root, answer, err);
	turn->doc = NULL; /* all that it holds goes with this call */
	turn->reply = NULL;
	turn->command = NULL;
	return r;
}
