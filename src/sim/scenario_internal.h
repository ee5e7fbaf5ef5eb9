/* scenario_internal - what the two files of scenarios share */
#ifndef REHOME_SIM_SCENARIO_INTERNAL_H
#define REHOME_SIM_SCENARIO_INTERNAL_H

#include "sim/scenario.h"

/** story_settle - @story: all values filled in and checked; as sim_scenario_run returns */
int story_settle(struct sim_scenario *story, const struct sim_scenario *facts, struct err *err);
bool story_is(const struct sim_scenario *story, enum sim_scenario_field field, const char *value);

#endif
