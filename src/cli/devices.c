/* rehome devices */
#include "cli/internal.h"

#include <string.h>

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

static json_t *device_json(const struct job_device *device, const struct job_facts *facts,
			   const struct err *trouble)
{
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s}", "udid",
		cli_json_text(facts->udid), "serial", cli_json_text(facts->serial), "name",
		cli_json_text(facts->name), "model", cli_json_text(facts->product_type), "os",
		cli_json_text(facts->product_version), "build", cli_json_text(facts->build),
		"pairing", pairing_word(facts->pairing), "supervised",
		cli_answer(facts->is_supervised), "managed", cli_answer(facts->is_managed),
		"encrypted", cli_answer(facts->will_encrypt), "connection",
		device->is_network ? "network" : "usb");

	if (object && trouble->code)
		json_object_set_new(object, "trouble", cli_json_text(trouble->text));
	return object;
}

static void device_row(struct cli_table *table, const struct job_device *device,
		       const struct job_facts *facts, const struct err *trouble)
{
	cli_table_add(table, *facts->name ? facts->name : "-");
	cli_table_add(table, *facts->product_type ? facts->product_type : "-");
	cli_table_add(table, *facts->product_version ? facts->product_version : "-");
	cli_table_add(table, *facts->serial ? facts->serial : "-");
	cli_table_add(table, trouble->code ? "in trouble" : pairing_word(facts->pairing));
	cli_table_add(table, cli_answer(facts->is_supervised));
	cli_table_add(table, cli_answer(facts->is_managed));
	cli_table_add(table, device->udid);
}

static void header_row(struct cli_table *table)
{
	static const char *const names[] = {"NAME",    "MODEL",      "OS",      "SERIAL",
					    "PAIRING", "SUPERVISED", "MANAGED", "UDID"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		cli_table_add(table, names[i]);
}

int cli_run_devices(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(free_p) struct job_device *list = NULL;
	CLEANUP(cli_table_clear) struct cli_table table;
	json_t *array = NULL;
	size_t count = 0;
	int r;

	cli_table_init(&table, 8, 0);
	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r == 0)
		r = job_devices(&list, &count, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	array = cli->is_json ? json_array() : NULL;
	header_row(&table);
	for (size_t i = 0; i < count; i++) {
		struct err trouble = ERR_INIT; /* a device that answers badly is still attached */
		struct job_facts facts;

		r = job_device_facts(&cli->env, &list[i], &facts, &trouble);
		if (r == ERR_CANCELED) {
			json_decref(array);
			cli->err = trouble;
			return r;
		}
		if (array)
			json_array_append_new(array, device_json(&list[i], &facts, &trouble));
		else
			device_row(&table, &list[i], &facts, &trouble);
		if (r < 0)
			cli_say(cli, "%s: %s", list[i].udid, trouble.text);
	}
	if (cli->is_json)
		return cli_json(cli, array, &cli->err);
	if (!count) {
		cli_say(cli, "no device is attached");
		return 0;
	}
	return cli_table_print(&table, cli->world->out, &cli->err);
}
