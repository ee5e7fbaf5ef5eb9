/* client_online - devices that are on: pushes come in, sessions follow (`rehome-sim run --apple`)
 */
#ifndef REHOME_SIM_CLIENT_ONLINE_H
#define REHOME_SIM_CLIENT_ONLINE_H

#include "sim/internal.h"

struct sim_online;
/**
 * sim_online_start - open the @count devices in @folders once more and let them listen
 * @apple: folder of `rehome-sim apple`
 * @now:   the devices' clock, or -1
 *
 * All but the result is borrowed until sim_online_stop.  Looks end with the world's cancel.
 */
int sim_online_start(struct sim_online **out, struct sim_world *world, const char *apple,
		     char *const *folders, size_t count, int64_t now, struct err *err);
/** sim_online_stop - end the thread and wait for it; NULL is fine */
void sim_online_stop(struct sim_online *online);

#endif
