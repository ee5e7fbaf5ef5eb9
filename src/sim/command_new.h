/* command_new - the options of `rehome-sim new` that its two files share */
#ifndef REHOME_SIM_COMMAND_NEW_H
#define REHOME_SIM_COMMAND_NEW_H

#include "sim/mechanism.h"

/** enum sim_managed_option - what getopt_long returns for them */
enum sim_managed_option {
	OPTION_MANAGED_BY = 512,
	OPTION_ENROLLED,
	OPTION_IDENTITY,
	OPTION_SUPERVISED,
	OPTION_SUPERVISOR,
	OPTION_LOCKED,
	OPTION_ADE_RECORD,
	OPTION_SERVER_UID,
	OPTION_PROVISIONAL,
	OPTION_ENROLLED_SINCE,
	OPTION_IDENTITY_UNTIL,
	OPTION_APP_NOT_BACKED_UP,
	OPTION_SWITCH,
	OPTION_MANAGED_END,
};
/** their entries in a table of struct option */
/* clang-format off */
#define SIM_MANAGED_OPTIONS \
	{"managed-by", required_argument, NULL, OPTION_MANAGED_BY}, \
	{"enrolled", required_argument, NULL, OPTION_ENROLLED}, \
	{"identity", required_argument, NULL, OPTION_IDENTITY}, \
	{"supervised", optional_argument, NULL, OPTION_SUPERVISED}, \
	{"supervisor", required_argument, NULL, OPTION_SUPERVISOR}, \
	{"locked", no_argument, NULL, OPTION_LOCKED}, \
	{"ade-record", required_argument, NULL, OPTION_ADE_RECORD}, \
	{"server-uid", required_argument, NULL, OPTION_SERVER_UID}, \
	{"provisional-until", required_argument, NULL, OPTION_PROVISIONAL}, \
	{"enrolled-since", required_argument, NULL, OPTION_ENROLLED_SINCE}, \
	{"identity-until", required_argument, NULL, OPTION_IDENTITY_UNTIL}, \
	{"switch", required_argument, NULL, OPTION_SWITCH}, \
	{"app-not-backed-up", required_argument, NULL, OPTION_APP_NOT_BACKED_UP}
/* clang-format on */

/** struct sim_managed_wish - what was asked for, and what was left to follow from it */
struct sim_managed_wish {
	struct sim_management management;
	const char *switches[16]; /* NAME=VALUE */
	size_t switch_count;
	bool is_asked, has_supervised, has_record;
};
/** sim_managed_take - one option; @text borrowed as long as the wish lives */
int sim_managed_take(struct sim_managed_wish *wish, int option, const char *text, struct err *err);
/** sim_managed_settle - when all options are taken: what was left open */
void sim_managed_settle(struct sim_managed_wish *wish);

#endif
