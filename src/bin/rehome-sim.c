/* rehome-sim - wires the simulator's commands; all else is in sim */
#include "sim/sim.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct cancel cancel = {.wake_fd = -1};

static void stop(int number)
{
	uint64_t one = 1;

	cancel.is_requested = 1;
	if (write(cancel.wake_fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

static const struct {
	const char *name;
	int (*run)(struct sim_world *world, int argc, char **argv);
	const char *help;
} commands[] = {
	{"new", sim_command_new, "make a device in a folder, from a size profile or a backup"},
	{"run", sim_command_run, "show devices behind a usbmux socket"},
	{"age", sim_command_age, "let days pass on a device"},
	{"person", sim_command_person, "trust, deny, passcode, lock, unlock, cancel, unplug ..."},
	{"mdm", sim_command_mdm, "let a device speak with its MDM service; install a profile"},
	{"show", sim_command_show, "what an all-knowing observer sees of a device"},
	{"ls", sim_command_ls, "list a device's files"},
	{"cat", sim_command_cat, "print a device's file"},
	{"erase", sim_command_life, "erase a device, as its person or as a service does"},
	{"apple", sim_command_apple, "Apple's push service, simulated"},
	{"assign", sim_command_assign, "what Apple holds for a device: its ADE assignment"},
	{"world", sim_command_world, "what the services around it hold, and doubtful behaviour"},
	{"setup", sim_command_life, "go through Setup Assistant"},
	{"restore", sim_command_life, "restore from iCloud or another device"},
	{"contact", sim_command_life, "let a device call its service"},
	{"enroll", sim_command_life, "enroll a device by hand"},
	{"unmanage", sim_command_life, "take a device out of management"},
	{"scenario", sim_command_scenario, "stories of backup, restore and setup, from a table"},
	{"swarm", sim_command_swarm, "many light devices against one MDM service"},
	{"bench", sim_command_bench, "how fast a device sends to a client that throws all away"},
};

static void usage(FILE *out)
{
	fputs("usage: rehome-sim COMMAND [ARGUMENT]...\n\nSimulated iPhones and iPads. COMMAND "
	      "--help tells more; rehome-sim(1) all.\n\n",
	      out);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = stop};
	struct sim_world world = {clock_system(), &cancel, stdout, stderr};

	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		usage(argc < 2 ? stderr : stdout);
		return argc < 2 ? 2 : 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("rehome-sim " REHOME_VERSION);
		return 0;
	}
	cancel.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(&world, argc - 1, argv + 1);
	fprintf(stderr, "rehome-sim: no command \"%s\"\n", argv[1]);
	usage(stderr);
	return 2;
}
