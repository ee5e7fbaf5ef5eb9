/* rehome devices */
#include "cli/mdm.h"

#include <string.h>

enum { OWN_COLUMNS = 8, SERVICE_COLUMNS = 4 };

static const char *pairing_word(enum job_pairing pairing)
{
	switch (pairing) {
	case JOB_PAIRED:
		return "paired";
	case JOB_PAIRING_REJECTED:
		return "no longer trusted";
	default:
		return "not paired";
	}
}

/* ---- what the service says of it ---- */

/* whose - does the service manage the device, in a word: or why not */
static const char *whose(const struct mdm_record *record)
{
	const char *word = mdm_text(record->device, "record");
	const char *state = mdm_text(record->enrollment, "state");

	if (!record->device)
		return "not known";
	if (strcmp(word, "active") != 0)
		return word;
	return !strcmp(state, "enabled") ? "managed" : *state ? state : "not enrolled";
}

static json_t *record_json(const struct mdm_record *record)
{
	const json_t *device = record->device, *enrollment = record->enrollment;

	return json_pack(
		"{s:b, s:s, s:o, s:o, s:o, s:o}", "managed", !strcmp(whose(record), "managed"),
		"record", device ? mdm_text(device, "record") : "none", "state",
		cli_json_text_or_null(mdm_text(enrollment, "state")), "ownership",
		cli_json_text_or_null(mdm_text(device, "ownership")), "last_contact",
		cli_json_text_or_null(mdm_text(device, "last_contact")), "identity_end",
		cli_json_text_or_null(mdm_text(mdm_identity_now(enrollment), "not_after")));
}

static void record_cells(struct cli_table *table, const struct mdm_record *record)
{
	const char *cells[] = {whose(record), mdm_text(record->device, "ownership"),
			       mdm_text(record->device, "last_contact"),
			       mdm_text(mdm_identity_now(record->enrollment), "not_after")};

	for (size_t i = 0; i < ARRAY_COUNT(cells); i++)
		cli_table_add(table, *cells[i] ? cells[i] : "-");
}

/* ---- a device ---- */

/* struct shown - a device, what it says of itself, and what the service says of it */
struct shown {
	const struct job_device *device;
	struct job_facts facts;
	struct err trouble; /* a device that answers badly is still attached */
	struct mdm_record record;
	bool is_asked; /* the service answered, if only that it does not know the device */
};

static void shown_clear(struct shown *shown)
{
	mdm_record_clear(&shown->record);
}

static json_t *device_json(const struct shown *shown, bool has_service)
{
	const struct job_facts *facts = &shown->facts;
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s}", "udid",
		cli_json_text(facts->udid), "serial", cli_json_text(facts->serial), "name",
		cli_json_text(facts->name), "model", cli_json_text(facts->product_type), "os",
		cli_json_text(facts->product_version), "build", cli_json_text(facts->build),
		"pairing", pairing_word(facts->pairing), "supervised",
		cli_answer(facts->is_supervised), "managed", cli_answer(facts->is_managed),
		"encrypted", cli_answer(facts->will_encrypt), "connection",
		shown->device->is_network ? "network" : "usb");

	if (object && has_service)
		json_object_set_new(object, "service",
				    shown->is_asked ? record_json(&shown->record) : json_null());
	if (object && shown->trouble.code)
		json_object_set_new(object, "trouble", cli_json_text(shown->trouble.text));
	return object;
}

static void device_row(struct cli_table *table, const struct shown *shown, bool has_service)
{
	const struct job_facts *facts = &shown->facts;

	cli_table_add(table, *facts->name ? facts->name : "-");
	cli_table_add(table, *facts->product_type ? facts->product_type : "-");
	cli_table_add(table, *facts->product_version ? facts->product_version : "-");
	cli_table_add(table, *facts->serial ? facts->serial : "-");
	cli_table_add(table, shown->trouble.code ? "in trouble" : pairing_word(facts->pairing));
	cli_table_add(table, cli_answer(facts->is_supervised));
	cli_table_add(table, cli_answer(facts->is_managed));
	if (has_service && shown->is_asked)
		record_cells(table, &shown->record);
	for (int i = 0; has_service && !shown->is_asked && i < SERVICE_COLUMNS; i++)
		cli_table_add(table, "-");
	cli_table_add(table, shown->device->udid);
}

static void header_row(struct cli_table *table, bool has_service)
{
	static const char *const own[] = {"NAME",    "MODEL",      "OS",     "SERIAL",
					  "PAIRING", "SUPERVISED", "MANAGED"};
	static const char *const service[SERVICE_COLUMNS] = {"THIS SERVICE", "OWNERSHIP",
							     "LAST CONTACT", "IDENTITY ENDS"};

	for (size_t i = 0; i < ARRAY_COUNT(own); i++)
		cli_table_add(table, own[i]);
	for (size_t i = 0; has_service && i < ARRAY_COUNT(service); i++)
		cli_table_add(table, service[i]);
	cli_table_add(table, "UDID");
}

/* device_show - a row of the table, or an element of @array unless that is NULL */
static int device_show(struct cli *cli, const struct job_device *device, bool has_service,
		       struct cli_table *table, json_t *array)
{
	CLEANUP(shown_clear) struct shown shown = {.device = device, .trouble = ERR_INIT};
	int r = job_device_facts(&cli->env, device, &shown.facts, &shown.trouble);

	if (r == ERR_CANCELED) {
		cli->err = shown.trouble;
		return r;
	}
	if (has_service)
		shown.is_asked =
			mdm_named_record(cli, device->udid, shown.facts.serial, &shown.record);
	if (array)
		json_array_append_new(array, device_json(&shown, has_service));
	else
		device_row(table, &shown, has_service);
	if (r < 0)
		cli_say(cli, "%s: %s", device->udid, shown.trouble.text);
	return 0;
}

int cli_run_devices(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(free_p) struct job_device *list = NULL;
	CLEANUP(cli_table_clear) struct cli_table table = {0};
	json_t *array = NULL;
	bool has_service;
	size_t count = 0;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r == 0)
		r = job_devices(&list, &count, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	has_service = count && mdm_named(cli);
	array = cli->is_json ? json_array() : NULL;
	cli_table_init(&table, OWN_COLUMNS + (has_service ? SERVICE_COLUMNS : 0), 0);
	header_row(&table, has_service);
	for (size_t i = 0; i < count && r == 0; i++)
		r = device_show(cli, &list[i], has_service, &table, array);
	if (r < 0) {
		json_decref(array);
		return r;
	}
	if (cli->is_json)
		return cli_json(cli, array, &cli->err);
	if (!count) {
		cli_say(cli, "no device is attached");
		return 0;
	}
	return cli_table_print(&table, cli->world->out, &cli->err);
}
