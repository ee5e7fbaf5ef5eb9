/*
 * command_life - what happens to a device between two backups: erase, setup, restore without a
 * computer, contact with its service, enrolling and leaving
 */
#include "sim/command_mdm.h"

#include <getopt.h>
#include <string.h>

/** struct step - one of these commands: its words and its options, as asked for */
struct step {
	struct sim_world *world;
	struct sim_device *device;
	const char *value[8]; /* by the number of the option; "" for one without argument */
	char **words;         /* behind DIR */
};

/* ---- the wire ---- */

static void judge(const struct sim_session *session, bool is_there, enum sim_reply *reply,
		  enum sim_then *then)
{
	*then = session->was_let_go   ? SIM_THEN_DROPPED
		: session->was_erased ? SIM_THEN_WIPED
		: is_there            ? SIM_THEN_STAYS
				      : SIM_THEN_RETIRED;
	*reply = session->was_let_go          ? SIM_REPLY_REJECTED
		 : session->was_erased        ? SIM_REPLY_ACCEPTED
		 : session->status / 100 == 2 ? SIM_REPLY_ACCEPTED
					      : SIM_REPLY_REFUSED;
}

/* one session over the wire, told in the words of a contact */
static int contact_live(struct step *step, struct err *err)
{
	struct sim_enrollment enrollment;
	struct sim_session session;
	struct sim_phone phone = {0};
	enum sim_reply reply = SIM_REPLY_UNREACHABLE;
	enum sim_then then = SIM_THEN_STAYS;
	int r = sim_phone_open(&phone, step->world, step->device, err);

	if (r == 0)
		r = sim_client_poll(&phone.client, &session, err);
	sim_phone_close(&phone);
	if (r == 0)
		judge(&session, sim_enrollment_load(step->device, &enrollment, err) == 0, &reply,
		      &then);
	if (r == ERR_CLOSED || r == ERR_TIMEOUT || r == ERR_POLICY)
		r = 0; /* nothing came back that the device could act upon */
	if (r == 0)
		fprintf(step->world->out, "%s, %s\n", sim_reply_word(reply), sim_then_word(then));
	return r;
}

static int leave_live(struct step *step, struct err *err)
{
	CLEANUP(sim_relation_clear) struct sim_relation relation;
	struct sim_phone phone = {0};
	int r;

	sim_relation_init(&relation);
	r = sim_relation_load(step->device, &relation, err);
	if (r == 0)
		r = sim_phone_open(&phone, step->world, step->device, err);
	if (r == 0)
		r = sim_person_remove(&phone.client, relation.identifier, err);
	sim_phone_close(&phone);
	return r;
}

/* ---- the steps ---- */

enum { ERASE_BY, ERASE_RETIRED, ERASE_RTS, ERASE_BOARD, ERASE_OS };

static int erase(struct step *step, struct err *err)
{
	const struct sim_erasing erasing = {.by = step->value[ERASE_BY],
					    .retired = step->value[ERASE_RETIRED],
					    .is_return_to_service = step->value[ERASE_RTS]};
	int r = 0;

	if (step->value[ERASE_BOARD])
		r = sim_board_replace(step->device, err);
	if (r == 0 && step->value[ERASE_OS])
		r = sim_os_install(step->device, step->value[ERASE_OS], err);
	return r < 0 ? r : sim_erase(step->device, &erasing, err);
}

enum { SETUP_UNTIL, SETUP_SIGN_IN };

static int setup(struct step *step, struct err *err)
{
	static const char *const ends[] = {"home", "no restore is offered", "waits",
					   "is set up already"};
	static const char *const panes[] = {"apps-and-data", "no restore is offered", "waits",
					    "is set up already"};
	bool is_part = step->value[SETUP_UNTIL] != NULL;
	int r;

	if (is_part && strcmp(step->value[SETUP_UNTIL], "apps-and-data"))
		return err_set(err, ERR_USAGE, "--until %.60s: it may be apps-and-data",
			       step->value[SETUP_UNTIL]);
	r = is_part ? sim_setup_to_pane(step->device, err)
		    : sim_setup_finish(step->device, step->value[SETUP_SIGN_IN] != NULL, err);
	if (r >= 0)
		fprintf(step->world->out, "%s\n", (is_part ? panes : ends)[r]);
	if (r == 0 && !is_part &&
	    sim_relation_is_live(step->device)) /* what a restore brought back, speaks */
		return contact_live(step, err);
	return r < 0 ? r : 0;
}

enum { RESTORE_FROM };

static int restore(struct step *step, struct err *err)
{
	const char *from = step->value[RESTORE_FROM];
	bool is_direct = from && !strncmp(from, "device:", 7);
	struct sim_device *source = NULL;
	int r;

	if (!from || (!is_direct && strncmp(from, "icloud:", 7) != 0))
		return err_set(err, ERR_USAGE,
			       "restore takes --from icloud:DIR or --from device:DIR");
	r = sim_device_open(&source, from + 7, err);
	if (r == 0)
		r = sim_transfer(step->device, source, is_direct, err);
	sim_device_close(source);
	return r == SIM_DEVICE_PROHIBITED
		       ? err_set(err, ERR_POLICY, "the device offers no such restore")
		       : r;
}

static int contact(struct step *step, struct err *err)
{
	enum sim_reply reply;
	enum sim_then then;
	int r;

	if (sim_relation_is_live(step->device))
		return contact_live(step, err);
	r = sim_contact_make(step->device, sim_service_in_words(), &reply, &then, err);

	if (r == 0)
		fprintf(step->world->out, "%s, %s\n", sim_reply_word(reply), sim_then_word(then));
	return r;
}

enum { ENROLL_PROFILE, ENROLL_CA };

static int enroll(struct step *step, struct err *err)
{
	struct sim_phone phone = {0};
	int r;

	if (!step->value[ENROLL_PROFILE] != (step->words[0] != NULL))
		return err_set(err, ERR_USAGE, "enroll takes a SERVER, or --profile");
	if (step->words[0])
		return sim_enroll_by_hand(step->device, step->words[0], err);
	r = sim_phone_open(&phone, step->world, step->device, err);
	if (r == 0)
		r = sim_person_install(&phone.client, step->value[ENROLL_PROFILE],
				       step->value[ENROLL_CA], true, err);
	sim_phone_close(&phone);
	return r;
}

enum { UNMANAGE_BY_SERVICE };

static int unmanage(struct step *step, struct err *err)
{
	if (sim_relation_is_live(step->device)) {
		if (step->value[UNMANAGE_BY_SERVICE])
			return err_set(err, ERR_USAGE,
				       "the service of this device is real: let it say so");
		return leave_live(step, err);
	}
	return sim_unmanage(step->device, step->value[UNMANAGE_BY_SERVICE] != NULL, err);
}

/* ---- the commands ---- */

static const struct command {
	const char *name, *usage, *help;
	int words; /* behind DIR, at most */
	int (*run)(struct step *step, struct err *err);
	struct option options[6];
} commands[] = {
	{"erase",
	 "DIR [--by SERVER | --retired-by SERVER] [--return-to-service] [--new-board] [--os "
	 "VERSION]",
	 "Erases a device: by the person, or by a command of a service.",
	 0,
	 erase,
	 {{"by", required_argument, NULL, ERASE_BY},
	  {"retired-by", required_argument, NULL, ERASE_RETIRED},
	  {"return-to-service", no_argument, NULL, ERASE_RTS},
	  {"new-board", no_argument, NULL, ERASE_BOARD},
	  {"os", required_argument, NULL, ERASE_OS}}},
	{"setup",
	 "DIR [--until apps-and-data] [--sign-in]",
	 "Goes through Setup Assistant, or to the pane where a restore is offered.",
	 0,
	 setup,
	 {{"until", required_argument, NULL, SETUP_UNTIL},
	  {"sign-in", no_argument, NULL, SETUP_SIGN_IN}}},
	{"restore",
	 "DIR --from icloud:DIR|device:DIR",
	 "Restores without a computer, from what another folder holds.",
	 0,
	 restore,
	 {{"from", required_argument, NULL, RESTORE_FROM}}},
	{"contact",
	 "DIR",
	 "Lets the device call its service; tells what came back.",
	 0,
	 contact,
	 {{0}}},
	{"enroll",
	 "DIR SERVER | DIR --profile FILE|URL [--ca FILE]",
	 "Installs a service's enrollment profile by hand.",
	 1,
	 enroll,
	 {{"profile", required_argument, NULL, ENROLL_PROFILE},
	  {"ca", required_argument, NULL, ENROLL_CA}}},
	{"unmanage",
	 "DIR [--by-service]",
	 "Removes the enrollment, as the person or as the service.",
	 0,
	 unmanage,
	 {{"by-service", no_argument, NULL, UNMANAGE_BY_SERVICE}}},
};

static int parse(const struct command *command, struct step *step, int argc, char **argv,
		 struct err *err)
{
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", command->options, NULL)) != -1) {
		if (option == '?')
			return err_set(err, ERR_USAGE, "usage: rehome-sim %s %s", command->name,
				       command->usage);
		step->value[option] = optarg ? optarg : "";
	}
	if (optind + 1 > argc || argc > optind + 1 + command->words)
		return err_set(err, ERR_USAGE, "usage: rehome-sim %s %s", command->name,
			       command->usage);
	step->words = argv + optind + 1;
	return 0;
}

int sim_command_life(struct sim_world *world, int argc, char **argv)
{
	const struct command *command = commands;
	struct step step = {.world = world};
	struct err err = ERR_INIT;
	int r;

	while (strcmp(command->name, argv[0]) != 0)
		command++;
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fprintf(world->out, "usage: rehome-sim %s %s\n\n%s\n", command->name,
			command->usage, command->help);
		return 0;
	}
	r = parse(command, &step, argc, argv, &err);
	if (r == 0)
		r = sim_device_open(&step.device, argv[optind], &err);
	if (r == 0)
		r = command->run(&step, &err);
	sim_device_close(step.device);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
