/* command_show - what an all-knowing observer sees of a device */
#include "sim/client.h"
#include "sim/mechanism.h"

#include <getopt.h>
#include <string.h>

static const char help[] = "usage: rehome-sim show [--json | --digest] DIR\n\n"
			   "  --json    one object\n"
			   "  --digest  one number for all files (domain, path, content): equal "
			   "where two devices hold the same\n";

/* ---- one list of facts, two ways to print it ---- */

/** struct printer - text lines or a JSON object */
struct printer {
	FILE *out;
	bool is_json, has_any;
};

static void json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			fprintf(out, "\\%c", *at);
		else if (*at < 0x20 || *at == 0x7f)
			fprintf(out, "\\u%04x", *at);
		else
			fputc(*at, out);
	}
	fputc('"', out);
}

static void label(struct printer *printer, const char *name)
{
	if (!printer->is_json) {
		fprintf(printer->out, "%-22s ", name);
		return;
	}
	fputs(printer->has_any ? ",\n  " : "{\n  ", printer->out);
	printer->has_any = true;
	json_text(printer->out, name);
	fputs(": ", printer->out);
}

static void put_text(struct printer *printer, const char *name, const char *value)
{
	label(printer, name);
	if (printer->is_json)
		json_text(printer->out, value);
	else
		fprintf(printer->out, "%s\n", value);
}

static void put_number(struct printer *printer, const char *name, int64_t value)
{
	label(printer, name);
	fprintf(printer->out, printer->is_json ? "%lld" : "%lld\n", (long long)value);
}

static void put_bool(struct printer *printer, const char *name, bool value)
{
	label(printer, name);
	fputs(printer->is_json ? (value ? "true" : "false") : (value ? "yes\n" : "no\n"),
	      printer->out);
}

static void show_identity(struct printer *printer, struct sim_device *device)
{
	const struct sim_identity *identity = &device->identity;
	char now[21];

	put_text(printer, "udid", identity->udid);
	put_text(printer, "serial", identity->serial);
	put_text(printer, "name", identity->name);
	put_text(printer, "product", identity->product_type);
	put_text(printer, "class", identity->device_class);
	put_text(printer, "os", identity->product_version);
	put_text(printer, "build", identity->build);
	put_text(printer, "wifi_mac", identity->wifi_mac);
	label(printer, "seed"); /* a whole 64 bits */
	fprintf(printer->out, printer->is_json ? "%llu" : "%llu\n",
		(unsigned long long)identity->seed);
	put_text(printer, "now", time_format_utc(sim_device_now(device), now));
}

static int show_state(struct printer *printer, struct sim_device *device, struct err *err)
{
	struct sim_state state;
	int r = sim_device_state(device, &state, err);

	if (r < 0)
		return r;
	put_bool(printer, "has_passcode", state.has_passcode);
	put_bool(printer, "is_locked", state.is_locked);
	put_bool(printer, "will_encrypt", state.will_encrypt);
	put_bool(printer, "encryption_is_forced", state.encryption_is_forced);
	put_bool(printer, "find_my_is_on", state.find_my_is_on);
	put_bool(printer, "setup_is_done", state.setup_is_done);
	put_bool(printer, "is_supervised", state.is_supervised);
	put_bool(printer, "dialog_is_pending", state.dialog_is_pending);
	put_bool(printer, "passcode_is_wanted", state.passcode_is_wanted);
	put_bool(printer, "is_unplugged", state.is_unplugged);
	put_number(printer, "passcode_answers", (int64_t)state.passcode_answers);
	put_number(printer, "cancels", (int64_t)state.cancels);
	put_number(printer, "free_bytes", (int64_t)state.free_bytes);
	put_number(printer, "total_bytes", (int64_t)state.total_bytes);
	put_text(printer, "activation", state.activation);
	return 0;
}

static int show_content(struct printer *printer, struct sim_device *device, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	uint64_t rows = 0, regular = 0, bytes = 0;
	int r = sim_files_open(&files, device, err);

	if (r == 0)
		r = sim_files_count(files, &rows, &regular, &bytes, err);
	put_number(printer, "rows", (int64_t)rows);
	put_number(printer, "files", (int64_t)regular);
	put_number(printer, "bytes", (int64_t)bytes);
	return r;
}

static void show_history(struct printer *printer, struct sim_device *device)
{
	static const char *const names[] = {"days_lived",           "backups_done",
					    "restores_done",        "reboots",
					    "last_backup/full",     "last_backup/files",
					    "last_backup/bytes",    "last_backup/think_ms",
					    "last_backup/total_ms", "last_restore/same_device",
					    "last_restore/files"};
	char source[64];

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		put_number(printer, names[i], sim_fact_int(device, names[i], 0));
	put_text(printer, "last_restore/source",
		 sim_fact_get(device, "last_restore/source", source, sizeof(source)) ? source : "");
}

static int show_management(struct printer *printer, struct sim_device *device, struct err *err)
{
	/* what a real service will say no words know */
	bool speaks = sim_relation_is_live(device);
	struct sim_observation seen;
	int r = sim_observe(device, sim_service_in_words(), &seen, err);

	if (r < 0)
		return r;
	put_text(printer, "management", seen.management);
	put_text(printer, "management_server", seen.server);
	put_text(printer, "enrolled", sim_enrollment_word(seen.kind));
	put_bool(printer, "management_is_fresh", seen.is_fresh);
	if (!speaks)
		put_bool(printer, "management_is_stale", seen.is_stale);
	put_bool(printer, "is_locked_in", seen.is_locked);
	put_bool(printer, "has_ade_record", seen.has_ade_record);
	put_text(printer, "next_contact", speaks ? "not_asked" : sim_reply_word(seen.reply));
	if (!speaks)
		put_text(printer, "then", sim_then_word(seen.then));
	put_text(printer, "restore", seen.restore);
	put_text(printer, "content", seen.content);
	put_text(printer, "setup", seen.setup);
	put_text(printer, "mechanism", seen.row);
	return 0;
}

static int show_fault(void *arg, const char *key, struct slice value, struct err *err)
{
	struct printer *printer = arg;
	char spec[1024];

	(void)err;
	snprintf(spec, sizeof(spec), "%.*s", (int)value.len, (const char *)value.bytes);
	put_text(printer, key, spec);
	return 0;
}

static int show(struct printer *printer, struct sim_device *device, struct err *err)
{
	int r;

	show_identity(printer, device);
	r = show_state(printer, device, err);
	if (r == 0)
		r = show_content(printer, device, err);
	if (r == 0)
		r = show_management(printer, device, err);
	if (r < 0)
		return r;
	show_history(printer, device);
	r = sim_fact_each(device, "fault/", show_fault, printer, err);
	if (printer->is_json)
		fputs("\n}\n", printer->out);
	return r;
}

/* ---- the digest ---- */

static int show_digest(struct sim_world *world, struct sim_device *device, struct err *err)
{
	uint8_t digest[CRYPTO_SHA256_LEN];
	char hex[2 * CRYPTO_SHA256_LEN + 1];
	int r = sim_device_digest(device, digest, err);

	if (r < 0)
		return r;
	hex_encode(digest, sizeof(digest), hex);
	fprintf(world->out, "%s\n", hex);
	return 0;
}

int sim_command_show(struct sim_world *world, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"digest", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct printer printer = {.out = world->out};
	struct sim_device *device = NULL;
	struct err err = ERR_INIT;
	bool wants_digest = false;
	int option, r;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, world->out);
			return 0;
		}
		printer.is_json |= option == 'j';
		wants_digest |= option == 'd';
		if (option == '?') {
			fputs(help, world->err);
			return 2;
		}
	}
	if (optind + 1 != argc || (wants_digest && printer.is_json)) {
		fputs(help, world->err);
		return 2;
	}
	r = sim_device_open(&device, argv[optind], &err);
	if (r == 0)
		r = wants_digest ? show_digest(world, device, &err) : show(&printer, device, &err);
	sim_device_close(device);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
