/*
 * sim - simulated iPhones and iPads behind a usbmux socket
 *
 * The commands of `rehome-sim`, one function each: argv as the shell gives it (argv[0] is the
 * command's name), exit status back.  A simulated device always has an identity of the
 * reserved range below and its backups carry a mark: nothing lifts that.
 */
#ifndef REHOME_SIM_H
#define REHOME_SIM_H

#include "base/base.h"

/** struct sim_world - what a command may touch; borrowed for its length */
struct sim_world {
	struct clock *clock;
	const struct cancel *cancel;
	FILE *out, *err;
};
/* each prints its own failures and returns an exit status as rehome does (rehome-sim(1)) */
int sim_command_new(struct sim_world *world, int argc, char **argv);
int sim_command_run(struct sim_world *world, int argc, char **argv);
int sim_command_age(struct sim_world *world, int argc, char **argv);
int sim_command_person(struct sim_world *world, int argc, char **argv);
int sim_command_show(struct sim_world *world, int argc, char **argv);
int sim_command_ls(struct sim_world *world, int argc, char **argv);
int sim_command_cat(struct sim_world *world, int argc, char **argv);
int sim_command_assign(struct sim_world *world, int argc, char **argv);
int sim_command_world(struct sim_world *world, int argc, char **argv);
/** sim_command_life - argv[0] is erase, setup, restore, contact, enroll or unmanage */
int sim_command_life(struct sim_world *world, int argc, char **argv);
int sim_command_apple(struct sim_world *world, int argc, char **argv);
int sim_command_mdm(struct sim_world *world, int argc, char **argv);
int sim_command_swarm(struct sim_world *world, int argc, char **argv);
int sim_command_scenario(struct sim_world *world, int argc, char **argv);
int sim_command_bench(struct sim_world *world, int argc, char **argv);

#endif
