/* command_new - a device in a folder: from a size profile, an exact shape, or a backup */
#include "sim/command_new.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: rehome-sim new DIR [OPTION]...\n\n"
	"A simulated device. Its identity is always its own and of the reserved range.\n\n"
	"  --profile S|M|L|XL|XL-test|fresh  how much it holds (S)\n"
	"  --files N --file-size BYTES       exactly N files of that size, half of them photos\n"
	"  --apps N                          the user's apps\n"
	"  --from BACKUP_DIR                 what a backup folder holds; what it lacks is made by "
	"seed\n"
	"  --device-password-file FILE       the password of that backup\n"
	"  --seed N                          everything made up follows from it (random, and "
	"printed)\n"
	"  --now 2026-11-01T08:00:00Z        the device's clock stands there\n"
	"  --product iPad13,18  --os 18.6  --name NAME  --serial RHSIMxxxxxxx\n"
	"  --backup-password-file FILE       encrypts its backups with that password\n"
	"  --kdf-rounds N                    rounds of its keybags (10000000)\n"
	"  --force-encryption                a profile forces encrypted backups\n"
	"  --passcode  --find-my  --setup-pending\n"
	"  --managed-by NAME|URL             the service that manages it\n"
	"  --enrolled ade|profile|adde|user|configurator\n"
	"  --supervised[=no]  --locked\n"
	"  --supervisor CERT_FILE            a host with this identity pairs without a question\n"
	"  --identity scep|pkcs12|acme|acme-hardware\n"
	"  --ade-record none|mandatory       cloud configuration by Apple's service\n"
	"  --server-uid UID  --provisional-until TIME   of that record\n"
	"  --enrolled-since TIME  --identity-until TIME\n"
	"  --switch NAME=VALUE               behaviour that no source settles; world --help\n"
	"  --app-not-backed-up BUNDLE        a managed app that stays out of backups\n"
	"  --fault SPEC                      a fault of every run (may be repeated)\n";

enum word {
	OPTION_PROFILE = 256,
	OPTION_FILES,
	OPTION_FILE_SIZE,
	OPTION_APPS,
	OPTION_FROM,
	OPTION_DEVICE_PASSWORD,
	OPTION_SEED,
	OPTION_NOW,
	OPTION_PRODUCT,
	OPTION_OS,
	OPTION_NAME,
	OPTION_SERIAL,
	OPTION_BACKUP_PASSWORD,
	OPTION_ROUNDS,
	OPTION_FORCE,
	OPTION_PASSCODE,
	OPTION_FIND_MY,
	OPTION_PENDING,
	OPTION_FAULT,
	OPTION_HELP,
};

static const struct option options[] = {
	{"profile", required_argument, NULL, OPTION_PROFILE},
	{"files", required_argument, NULL, OPTION_FILES},
	{"file-size", required_argument, NULL, OPTION_FILE_SIZE},
	{"apps", required_argument, NULL, OPTION_APPS},
	{"from", required_argument, NULL, OPTION_FROM},
	{"device-password-file", required_argument, NULL, OPTION_DEVICE_PASSWORD},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"now", required_argument, NULL, OPTION_NOW},
	{"product", required_argument, NULL, OPTION_PRODUCT},
	{"os", required_argument, NULL, OPTION_OS},
	{"name", required_argument, NULL, OPTION_NAME},
	{"serial", required_argument, NULL, OPTION_SERIAL},
	{"backup-password-file", required_argument, NULL, OPTION_BACKUP_PASSWORD},
	{"kdf-rounds", required_argument, NULL, OPTION_ROUNDS},
	{"force-encryption", no_argument, NULL, OPTION_FORCE},
	{"passcode", no_argument, NULL, OPTION_PASSCODE},
	{"find-my", no_argument, NULL, OPTION_FIND_MY},
	{"setup-pending", no_argument, NULL, OPTION_PENDING},
	{"fault", required_argument, NULL, OPTION_FAULT},
	SIM_MANAGED_OPTIONS,
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

/** struct wish - the command line; the birth borrows from it */
struct wish {
	struct sim_birth birth;
	struct sim_managed_wish managed;
	struct secret from_password, backup_password;
	const char *faults[SIM_FAULTS_MAX];
	bool has_seed, wants_help;
};

static int take_number(const char *option, const char *text, uint64_t most, uint64_t *value,
		       struct err *err)
{
	char *end;

	*value = strtoull(text, &end, 0);
	if (*text < '0' || *text > '9' || *end || *value > most)
		return err_set(err, ERR_USAGE, "%s %s: a number of at most %llu", option, text,
			       (unsigned long long)most);
	return 0;
}

static int take_rounds(struct sim_birth *birth, const char *text, struct err *err)
{
	uint64_t value;
	int r = take_number("--kdf-rounds", text, BACKUP_KDF_ROUNDS_MAX, &value, err);

	if (r == 0 && value == 0)
		return err_set(err, ERR_USAGE, "--kdf-rounds: at least 1");
	birth->kdf_rounds = (uint32_t)value;
	return r;
}

static int take_password(struct secret *secret, const struct secret **out, const char *path,
			 struct err *err)
{
	*out = secret;
	return secret_read_file(secret, path, err);
}

static int take_fault(struct wish *wish, const char *spec, struct err *err)
{
	if (wish->birth.fault_count == SIM_FAULTS_MAX)
		return err_set(err, ERR_USAGE, "more than %d faults", SIM_FAULTS_MAX);
	wish->faults[wish->birth.fault_count++] = spec;
	return 0;
}

static int take_option(struct wish *wish, int option, const char *text, struct err *err)
{
	struct sim_birth *birth = &wish->birth;

	if (option >= OPTION_MANAGED_BY && option < OPTION_MANAGED_END)
		return sim_managed_take(&wish->managed, option, text, err);
	switch (option) {
	case OPTION_PROFILE:
		birth->profile = text;
		return 0;
	case OPTION_FILES:
		return take_number("--files", text, UINT32_MAX, &birth->files, err);
	case OPTION_FILE_SIZE:
		return take_number("--file-size", text, INT64_MAX, &birth->file_size, err);
	case OPTION_APPS:
		return take_number("--apps", text, UINT32_MAX, &birth->apps, err);
	case OPTION_FROM:
		birth->from = text;
		return 0;
	case OPTION_DEVICE_PASSWORD:
		return take_password(&wish->from_password, &birth->from_password, text, err);
	case OPTION_SEED:
		wish->has_seed = true;
		return take_number("--seed", text, UINT64_MAX, &birth->seed, err);
	case OPTION_NOW:
		birth->has_now = true;
		return time_parse_utc(text, &birth->now, err);
	case OPTION_PRODUCT:
		birth->product = text;
		return 0;
	case OPTION_OS:
		birth->os = text;
		return 0;
	case OPTION_NAME:
		birth->name = text;
		return 0;
	case OPTION_SERIAL:
		birth->serial = text;
		return 0;
	case OPTION_BACKUP_PASSWORD:
		return take_password(&wish->backup_password, &birth->backup_password, text, err);
	case OPTION_ROUNDS:
		return take_rounds(birth, text, err);
	case OPTION_FORCE:
		birth->encryption_is_forced = true;
		return 0;
	case OPTION_PASSCODE:
		birth->has_passcode = true;
		return 0;
	case OPTION_FIND_MY:
		birth->find_my_is_on = true;
		return 0;
	case OPTION_PENDING:
		birth->setup_is_pending = true;
		return 0;
	case OPTION_FAULT:
		return take_fault(wish, text, err);
	case OPTION_HELP:
		wish->wants_help = true;
		return 0;
	default:
		return 0;
	}
}

static bool fits(const char *text, size_t most)
{
	return !text || (*text && strlen(text) <= most);
}

static int check_texts(const struct sim_birth *birth, struct err *err)
{
	unsigned major, minor;

	if (birth->os && sscanf(birth->os, "%2u.%2u", &major, &minor) != 2)
		return err_set(err, ERR_USAGE, "--os %s: a version such as 18.6", birth->os);
	if (!fits(birth->os, 15) || !fits(birth->product, 31) || !fits(birth->name, 127))
		return err_set(err, ERR_USAGE,
			       "--os, --product and --name have 1 to 15, 31 and 127 bytes");
	if (birth->from_password && !birth->from)
		return err_set(err, ERR_USAGE, "--device-password-file needs --from");
	if ((birth->profile != NULL) + (birth->files > 0) + (birth->from != NULL) > 1)
		return err_set(err, ERR_USAGE, "one of --profile, --files and --from");
	if (birth->file_size > 0 && birth->files == 0)
		return err_set(err, ERR_USAGE, "--file-size needs --files");
	return 0;
}

static int parse(struct wish *wish, int argc, char **argv, struct err *err)
{
	int option, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
		r = option == '?' ? sim_option_refused("new", argv, optind, err)
				  : take_option(wish, option, optarg, err);
	if (r < 0 || wish->wants_help)
		return r;
	if (optind + 1 != argc)
		return err_set(err, ERR_USAGE, "new wants one folder; rehome-sim new --help");
	return check_texts(&wish->birth, err);
}

static int new_device(struct sim_world *world, struct wish *wish, const char *folder,
		      struct err *err)
{
	struct sim_device *device = NULL;
	uint32_t random;
	int r = 0;

	if (!wish->has_seed) {
		r = entropy_system()->fill(entropy_system(), &random, sizeof(random), err);
		wish->birth.seed = random;
	}
	wish->birth.faults = wish->faults;
	sim_managed_settle(&wish->managed);
	wish->birth.management = wish->managed.is_asked ? &wish->managed.management : NULL;
	if (r == 0)
		r = sim_birth_run(folder, &wish->birth, err);
	if (r == 0)
		r = sim_device_open(&device, folder, err);
	for (size_t i = 0; r == 0 && i < wish->managed.switch_count; i++)
		r = sim_switch_put(device, wish->managed.switches[i], err);
	if (r < 0)
		return r;
	fprintf(world->out, "%s  %s  \"%s\"  %s, %s  seed %llu\n", device->identity.udid,
		device->identity.serial, device->identity.name, device->identity.product_type,
		device->identity.product_version, (unsigned long long)device->identity.seed);
	sim_device_close(device);
	return 0;
}

int sim_command_new(struct sim_world *world, int argc, char **argv)
{
	struct wish wish = {.from_password = SECRET_INIT, .backup_password = SECRET_INIT};
	struct err err = ERR_INIT;
	int r = parse(&wish, argc, argv, &err);

	if (r == 0 && wish.wants_help)
		fputs(help, world->out);
	else if (r == 0)
		r = new_device(world, &wish, argv[optind], &err);
	secret_clear(&wish.from_password);
	secret_clear(&wish.backup_password);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
