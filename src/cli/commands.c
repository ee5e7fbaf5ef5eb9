/* commands - the one list of them; usage, help and dispatch come from it */
#include "cli/internal.h"

#include <string.h>

const struct cli_command cli_commands[] = {
	{"init", "", "make a repository",
	 "Makes an encrypted repository in an empty or missing folder. Its password cannot be "
	 "recovered:\n"
	 "without it nothing in the repository can be read.",
	 0, 0, cli_run_init},
	{"devices", "", "what is attached",
	 "Lists the attached iPhones and iPads with what they tell. An unpaired device tells "
	 "little.",
	 0, 0, cli_run_devices},
	{"pair", "DEVICE", "make this computer and a device trust each other",
	 "Asks the device to trust this computer and waits until its owner has answered there.\n"
	 "DEVICE is a UDID, its first characters, or the device's name or serial number.",
	 1, 1, cli_run_pair},
	{"backup", "DEVICE", "back a device up into a snapshot",
	 "Takes in what changed since the last snapshot of the device, and all of it the first "
	 "time. After an\n"
	 "interruption the next run goes on with what had arrived. Prints the snapshot's id alone "
	 "when the\n"
	 "standard output is not a terminal.",
	 1, 1, cli_run_backup},
	{"encryption", "on|off|change DEVICE | rewrap DIR",
	 "the backup password of a device or folder",
	 "Switches encrypted backups of the device on or off, or changes their password. It holds "
	 "for the\n"
	 "backups of every computer. The device may ask for its passcode. Passwords come from "
	 "files or are\n"
	 "asked for, never from the command line. rewrap changes the password of a backup folder, "
	 "without any device.",
	 2, 2, cli_run_encryption},
	{"snapshots", "[DEVICE]", "list snapshots",
	 "Lists the snapshots of the repository, of one device if it is named (UDID, its "
	 "beginning, serial or name).",
	 0, 1, cli_run_snapshots},
	{"show", "SNAPSHOT|DIR", "what a snapshot or backup folder is",
	 "SNAPSHOT is an id, its first four or more digits, \"latest\", or \"latest:DEVICE\".", 1,
	 1, cli_run_show},
	{"ls", "SNAPSHOT|DIR [PATH]", "list files of a snapshot or backup folder",
	 "Without PATH lists the domains. PATH is DOMAIN or DOMAIN/PATH as the backup names them.",
	 1, 2, cli_run_ls},
	{"cat", "SNAPSHOT|DIR PATH", "print a file of a snapshot or backup folder",
	 "Prints the plain content of DOMAIN/PATH on the standard output.", 2, 2, cli_run_cat},
	{"extract", "SNAPSHOT|DIR [PATH]", "copy files out of a snapshot or backup folder",
	 "Copies the plain contents at and below PATH (all of the backup without it) into a new "
	 "folder as\n"
	 "DOMAIN/PATH. What is left out - links, names that this disk cannot hold, missing or "
	 "damaged contents -\n"
	 "is told. Exit status 6 if contents are missing or damaged, 1 if only names could not be "
	 "had.",
	 1, 2, cli_run_extract},
	{"diff", "A B [DOMAIN]", "what changed between two snapshots or backup folders",
	 "Tells what was added (+), removed (-) and changed (~) from A to B, each a SNAPSHOT or a "
	 "backup folder.\n"
	 "Exit status 1 when they differ, 0 when they do not.",
	 2, 3, cli_run_diff},
	{"mount", "[SNAPSHOT|DIR] MOUNTPOINT", "look at backups as files and folders",
	 "Shows a snapshot or backup folder as DOMAIN/PATH, or all snapshots of the repository as\n"
	 "DEVICE/TIME/DOMAIN/PATH, read-only and in plain, until Ctrl-C. MOUNTPOINT is an empty "
	 "folder. Links lead\n"
	 "nowhere.",
	 1, 2, cli_run_mount},
	{"verify", "DIR|SNAPSHOT", "check every promise of the backup format",
	 "Checks a backup folder or a snapshot, promise by promise. Exit status 0 if all of it was "
	 "checked and\n"
	 "fine, 6 if a promise is broken, 1 if no password opened what is encrypted.",
	 1, 1, cli_run_verify},
	{"import", "DIR", "make an existing backup folder a snapshot",
	 "Verifies the folder, then takes it in byte for byte. DIR is the backup's folder or the "
	 "one around it.",
	 1, 1, cli_run_import},
	{"export", "SNAPSHOT DIR", "write a snapshot as a backup folder",
	 "Writes DIR/UDID as Finder and other tools expect it, byte for byte what the device "
	 "handed over,\n"
	 "readable by its owner only.",
	 2, 2, cli_run_export},
	{"plan", "[SNAPSHOT|DIR [DEVICE|SERIAL]]", "what management a device will have afterwards",
	 "Tells beforehand what a restore or a migration leads to, with its reasons, and what to "
	 "do. Facts come\n"
	 "from the backup, from an attached device, and from you (--fact). What is not known "
	 "gives every reachable\n"
	 "outcome and the question that narrows them most. Nothing is done to any device.",
	 0, 2, cli_run_plan},
	{"restore", "SNAPSHOT DEVICE", "put a snapshot onto a device",
	 "Checks everything on this computer first, prints what will happen, asks, then restores. "
	 "The device\n"
	 "restarts at the end.",
	 2, 2, cli_run_restore},
	{"check", "", "check the repository",
	 "Checks that everything the snapshots need is there; with --data also reads all of it.", 0,
	 0, cli_run_check},
	{"identifiers", "check|split|convert|compare FILE [DIR|FILE]",
	 "lists of corporate identifiers",
	 "Makes lists of serial numbers or IMEIs fit for upload, from whatever table they stand in "
	 "(\"-\" is the\n"
	 "standard input). check FILE tells every line that is refused and whether the file is "
	 "ready "
	 "as it stands;\n"
	 "split FILE DIR writes files of the size that the service takes; convert FILE writes "
	 "either "
	 "form; compare\n"
	 "OLD NEW tells what is missing, extra and different. A refused line stops all writing "
	 "unless --skip-refused.",
	 2, 3, cli_run_identifiers},
	{"ownership", "make|check FILE | set DEVICE OWNER",
	 "whose devices are, and lists to change it",
	 "make writes the list that the service's script reads: one column under the header "
	 "SerialNumber. check tells\n"
	 "every line that is refused and whether the file is ready as it stands. A refused line "
	 "stops all writing\n"
	 "unless --skip-refused. set tells this repository whose a device is: personal, "
	 "corporate or unknown.",
	 2, 3, cli_run_ownership},
	{"hygiene", "INVENTORY", "what is wrong with the records of a fleet",
	 "Looks through a service's export of its records: several records of one serial number, "
	 "certificates ended\n"
	 "or near their end, silent records, pending wipes and retirements, ownership that "
	 "differs, "
	 "and records that\n"
	 "the directory lacks. Each finding has its rule, its reason, and the next step.",
	 1, 1, cli_run_hygiene},
	{"serve", "[check-config [FILE]] [--KEYWORD VALUE]...", "the MDM service",
	 "Runs the MDM service until Ctrl-C or SIGTERM. Without a configuration it serves on this "
	 "computer\n"
	 "alone, makes its CA and an administrator token on the first start, and says what to do "
	 "next. KEYWORD is\n"
	 "any of the configuration's; rehomed(8) has them all. check-config prints the effective "
	 "configuration.",
	 0, 64, cli_run_serve},
	{"mdm", "NOUN VERB [OPERAND]... | help [NOUN]", "administer the MDM service",
	 "Speaks to a running service (`rehome serve`): devices, commands, profiles, groups, "
	 "tokens, "
	 "events.\n"
	 "`rehome mdm help` lists nouns and verbs with the options that each takes; "
	 "rehome-mdm(1) tells all.",
	 1, 1003, cli_run_mdm},
	{"help", "[COMMAND]", "this list, or more about a command",
	 "Lists the commands, or tells more about one.", 0, 1, cli_run_help},
	{0},
};

const struct cli_command *cli_command_find(const char *name)
{
	for (const struct cli_command *command = cli_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

int cli_run_help(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	char help[] = "--help", *words[] = {help};
	int r = cli_options(cli, &argc, argv, options, &cli->err);

	if (r != 0)
		return r < 0 ? r : 0;
	if (argc == 0) {
		cli_usage(cli, cli->world->out);
		return 0;
	}
	cli->command = cli_command_find(argv[0]);
	if (!cli->command)
		return err_set(&cli->err, ERR_NOT_FOUND,
			       "no command \"%.60s\": `rehome help` lists them", argv[0]);
	return cli->command->run(cli, 1, words);
}
