/*
 * command_person - what the person who holds the device does
 *
 * Writes into the device's folder; a running `rehome-sim run` notices within a moment.  An answer
 * may be given ahead of its question: `person DIR trust` before the host asks.
 */
#include "sim/mechanism.h"

#include <string.h>

/** struct action - a word, what it changes, and its line of help */
struct action {
	const char *word;
	struct {
		const char *key, *value;
	} changes[3];
	const char *help;
};

static const struct action actions[] = {
	{"trust",
	 {{"trust_answer", "1"}},
	 "answer the question \"Trust this computer?\" with Trust (the next one, if none is on "
	 "screen)"},
	{"deny", {{"trust_answer", "2"}}, "... with Don't Trust"},
	{"passcode", {{"passcode_answers", "+1"}}, "enter the passcode where it is asked for"},
	{"cancel",
	 {{"cancels", "+1"}},
	 "press Cancel: on the passcode prompt, or on the backup that runs"},
	{"lock", {{"is_locked", "true"}}, "lock the screen"},
	{"unlock", {{"is_locked", "false"}}, "unlock it with the passcode"},
	{"set-passcode", {{"has_passcode", "true"}}, "set a passcode in Settings"},
	{"clear-passcode",
	 {{"has_passcode", "false"}, {"is_locked", "false"}},
	 "turn the passcode off"},
	{"find-my-on", {{"find_my_is_on", "true"}}, "turn Find My on"},
	{"find-my-off", {{"find_my_is_on", "false"}}, "turn Find My off"},
	{"finish-setup", {{NULL, NULL}}, "go through Setup Assistant"},
	{"unplug", {{"is_unplugged", "true"}}, "pull the cable: what runs breaks off"},
	{"plug", {{"is_unplugged", "false"}}, "put the cable back in"},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: rehome-sim person [--now TIME] DIR ACTION...\n\n");
	for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
		fprintf(out, "  %-15s %s\n", actions[i].word, actions[i].help);
	fprintf(out, "  %-15s %s\n", "erase", "erase all content and settings");
}

static const struct action *find(const char *word)
{
	for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
		if (strcmp(actions[i].word, word) == 0)
			return &actions[i];
	return NULL;
}

static int act(struct sim_device *device, const char *word, struct err *err)
{
	const struct action *action = find(word);
	int r = 0;

	if (!action)
		return sim_erase(device, &(struct sim_erasing){.by = NULL}, err);
	if (!action->changes[0].key) {
		r = sim_setup_finish(device, false, err);
		return r < 0 ? r : 0;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(action->changes) && action->changes[i].key;
	     i++)
		r = sim_device_set_state(device, action->changes[i].key, action->changes[i].value,
					 err);
	return r;
}

int sim_command_person(struct sim_world *world, int argc, char **argv)
{
	struct sim_device *device;
	struct err err = ERR_INIT;
	int64_t now = -1;
	int at = 1, r;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(world->out);
		return 0;
	}
	if (argc > at + 1 && strcmp(argv[at], "--now") == 0) {
		r = time_parse_utc(argv[at + 1], &now, &err);
		if (r < 0)
			return sim_command_failed(world, r, &err);
		at += 2;
	}
	if (argc < at + 2) {
		usage(world->err);
		return 2;
	}
	/* all words are checked before the first one changes anything */
	for (int i = at + 1; i < argc; i++) {
		if (!find(argv[i]) && strcmp(argv[i], "erase") != 0) {
			fprintf(world->err, "rehome-sim: nobody can \"%s\"\n", argv[i]);
			usage(world->err);
			return 2;
		}
	}
	r = sim_device_open(&device, argv[at], &err);
	if (r == 0) {
		if (now >= 0)
			sim_device_set_now(device, now);
		for (int i = at + 1; r == 0 && i < argc; i++)
			r = act(device, argv[i], &err);
		sim_device_close(device);
	}
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
