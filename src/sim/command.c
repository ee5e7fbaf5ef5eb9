/* command - what the commands of rehome-sim have in common: how they fail */
#include "sim/internal.h"

int sim_exit_status(int code)
{
	switch (code) {
	case 0:
		return 0;
	case ERR_USAGE:
		return 2;
	case ERR_NOT_FOUND:
		return 3;
	case ERR_POLICY:
		return 4;
	case ERR_DEVICE:
	case ERR_CLOSED:
	case ERR_TIMEOUT:
		return 5;
	case ERR_CORRUPT:
	case ERR_PROTOCOL:
	case ERR_LIMIT:
		return 6;
	case ERR_CANCELED:
		return 7;
	default:
		return 1;
	}
}

int sim_option_refused(const char *command, char *const *argv, int after, struct err *err)
{
	return err_set(err, ERR_USAGE,
		       "\"%.60s\" is no option or lacks its value; rehome-sim %s --help lists them",
		       argv[after - 1], command);
}

int sim_command_failed(const struct sim_world *world, int code, const struct err *err)
{
	fprintf(world->err, "rehome-sim: %s\n", err->text);
	return sim_exit_status(code);
}
