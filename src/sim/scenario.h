/*
 * scenario - one story of backup, erase, restore and setup, from facts to what is observed
 *
 * The facts are the inputs of management rules, by the same names and spellings (T01 to T74 of
 * the vectors); the story is played on real device folders with a real backup, without a socket.
 */
#ifndef REHOME_SIM_SCENARIO_H
#define REHOME_SIM_SCENARIO_H

#include "sim/mechanism.h"

enum sim_scenario_field {
	SIM_IN_SCENARIO,
	SIM_IN_OS,
	SIM_IN_BACKUP_OS,
	SIM_IN_FLAG,
	SIM_IN_SOURCE,
	SIM_IN_TOOL,
	SIM_IN_SYSTEM_FILES,
	SIM_IN_PASSWORD,
	SIM_IN_DEV,
	SIM_IN_RESET,
	SIM_IN_WIPED_BY,
	SIM_IN_BM,
	SIM_IN_KIND,
	SIM_IN_IDENTITY,
	SIM_IN_REMOVABLE,
	SIM_IN_BSUP,
	SIM_IN_ADE_RECORD,
	SIM_IN_SERVER_UID,
	SIM_IN_MIGRATED,
	SIM_IN_EXPIRED,
	SIM_IN_REVOKED,
	SIM_IN_RECORD,
	SIM_IN_GENERATION,
	SIM_IN_RENEWED,
	SIM_IN_OTHER_RESPONSE,
	SIM_IN_POLICY,
	SIM_IN_ADE,
	SIM_IN_PROFILE,
	SIM_IN_LOCKED,
	SIM_IN_HIDDEN,
	SIM_IN_SHARED,
	SIM_IN_PROVISIONAL,
	SIM_IN_ADE_BLOCK,
	SIM_IN_NOW,
	SIM_IN_NOW_SUP,
	SIM_IN_FIND_MY,
	SIM_IN_PAIRING,
	SIM_IN_FORCE_ENC,
	SIM_IN_ACT_LOCK,
	SIM_IN_BOARD,
	SIM_IN_OS_RANGE_OK,
	SIM_IN_PERSONAL_BLOCKED,
	SIM_IN_IMPORTED,
	SIM_IN_PLATFORM_BLOCKED,
	SIM_IN_LIMIT_LEFT,
	SIM_IN_MANAGED_NOBACKUP,
	SIM_IN_CARRY_OUT, /* "no": the host refuses to restore; all else happens */
	SIM_IN_COUNT
};
/** struct sim_scenario - values by field; NULL = the vectors' default. Texts are borrowed. */
struct sim_scenario {
	const char *value[SIM_IN_COUNT];
	const char *const *switches; /* "NAME=VALUE" of the device */
	size_t switch_count;
};
/** sim_scenario_field - by its name ("os", "backup_os" ...), SIM_IN_COUNT if it is none of ours */
enum sim_scenario_field sim_scenario_field(const char *name);
/**
 * sim_scenario_run - play it
 * @folder: for the devices and the backup; made, and left for whoever wants to look
 * Returns 0 with what is observed at the end of Setup Assistant, before the first contact with
 * the service; SIM_DEVICE_PROHIBITED where the facts contradict each other, with the
 * reason in @err; ERR_USAGE for a value that there is not.
 */
int sim_scenario_run(const struct sim_scenario *scenario, const char *folder,
		     struct sim_observation *seen, struct err *err);

/* the vectors' codes */
const char *sim_scenario_management(const struct sim_observation *seen); /* this_new ... */
const char *sim_scenario_setup(const struct sim_observation *seen);      /* RM, noRM ... */

#endif
