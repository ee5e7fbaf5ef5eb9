/*
 * command_person - what the person who holds the device does
 *
 * Writes into the device's folder; a running `rehome-sim run` notices within a moment.  An answer
 * may be given ahead of its question: `person DIR trust` before the host asks.
 */
#include "sim/command_mdm.h"

#include <getopt.h>
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
	{"install-profile",
	 {{NULL, NULL}},
	 "FILE|URL  install a profile; one with an MDM payload enrolls the device"},
	{"remove-profile", {{NULL, NULL}}, "IDENTIFIER  remove a profile in Settings"},
	{"unplug", {{"is_unplugged", "true"}}, "pull the cable: what runs breaks off"},
	{"plug", {{"is_unplugged", "false"}}, "put the cable back in"},
};

static void usage(FILE *out)
{
	fprintf(out, "usage: rehome-sim person [--now TIME] [--ca FILE] [--passcode] DIR "
		     "ACTION...\n\n");
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

/** struct person - what was said before DIR */
struct person {
	struct sim_world *world;
	struct sim_device *device;
	const char *ca;
	bool enters_passcode;
	int64_t now;
};

static bool takes_word(const char *action)
{
	return !strcmp(action, "install-profile") || !strcmp(action, "remove-profile");
}

static int act_on_profile(struct person *person, const char *action, const char *word,
			  struct err *err)
{
	struct sim_phone phone = {0};
	int r = sim_phone_open(&phone, person->world, person->device, err);

	if (r == 0)
		r = strcmp(action, "install-profile")
			    ? sim_person_remove(&phone.client, word, err)
			    : sim_person_install(&phone.client, word, person->ca,
						 person->enters_passcode, err);
	sim_phone_close(&phone);
	return r;
}

static int act(struct person *person, const char *word, struct err *err)
{
	const struct action *action = find(word);
	int r = 0;

	if (!action)
		return sim_erase(person->device, &(struct sim_erasing){.by = NULL}, err);
	if (!action->changes[0].key) {
		r = sim_setup_finish(person->device, false, err);
		return r < 0 ? r : 0;
	}
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(action->changes) && action->changes[i].key;
	     i++)
		r = sim_device_set_state(person->device, action->changes[i].key,
					 action->changes[i].value, err);
	return r;
}

static int act_all(struct person *person, char **words, int count, struct err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < count; i++) {
		if (takes_word(words[i])) {
			r = act_on_profile(person, words[i], words[i + 1], err);
			i++;
		} else {
			r = act(person, words[i], err);
		}
	}
	return r;
}

/* all words are checked before the first one changes anything */
static bool check(const struct sim_world *world, char **words, int count)
{
	for (int i = 0; i < count; i++) {
		if (takes_word(words[i]) && ++i < count)
			continue;
		if (i < count && (find(words[i]) || !strcmp(words[i], "erase")) &&
		    !takes_word(words[i]))
			continue;
		fprintf(world->err, "rehome-sim: nobody can \"%s\"\n",
			words[i < count ? i : count - 1]);
		usage(world->err);
		return false;
	}
	return true;
}

static int parse(struct person *person, int argc, char **argv, struct err *err)
{
	static const struct option options[] = {{"now", required_argument, NULL, 'n'},
						{"ca", required_argument, NULL, 'c'},
						{"passcode", no_argument, NULL, 'p'},
						{0}};
	int option, r;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == '?')
			return sim_option_refused("person", argv, optind, err);
		if (option == 'c')
			person->ca = optarg;
		if (option == 'p')
			person->enters_passcode = true;
		r = option == 'n' ? time_parse_utc(optarg, &person->now, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int sim_command_person(struct sim_world *world, int argc, char **argv)
{
	struct person person = {.world = world, .now = -1};
	struct err err = ERR_INIT;
	int r;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(world->out);
		return 0;
	}
	r = parse(&person, argc, argv, &err);
	if (r < 0)
		return sim_command_failed(world, r, &err);
	if (argc < optind + 2) {
		usage(world->err);
		return 2;
	}
	argv += optind;
	argc -= optind;
	if (!check(world, argv + 1, argc - 1))
		return 2;
	r = sim_device_open(&person.device, argv[0], &err);
	if (r == 0 && person.now >= 0)
		sim_device_set_now(person.device, person.now);
	if (r == 0)
		r = act_all(&person, argv + 1, argc - 1, &err);
	sim_device_close(person.device);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
