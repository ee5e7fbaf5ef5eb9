/* rehome show */
#include "cli/enrollment.h"

#include <string.h>

static void line(FILE *out, const char *name, const char *value)
{
	char clean[600];

	fprintf(out, "%-12s %s\n", name, cli_clean(value, clean, sizeof(clean)));
}

static const char *or_unknown(const char *text)
{
	return *text ? text : "unknown";
}

static void print_backup(struct cli *cli, const struct job_snapshot *about, bool is_folder)
{
	FILE *out = cli->world->out;
	char text[600], time[21], age[32], size[16];

	if (!is_folder)
		line(out, "snapshot", about->id);
	line(out, "device", or_unknown(about->name));
	line(out, "udid", or_unknown(about->udid));
	line(out, "serial", or_unknown(about->serial));
	line(out, "model", or_unknown(about->product_type));
	snprintf(text, sizeof(text), "%s (%s)", or_unknown(about->product_version),
		 *about->build ? about->build : "-");
	line(out, "os", text);
	snprintf(text, sizeof(text), "%s (%s)", time_format_utc(about->time, time),
		 cli_age(clock_wall_seconds(cli->world->clock), about->time, age));
	line(out, "time", about->time ? text : "unknown");
	line(out, "encryption", about->is_encrypted ? "encrypted" : "none");
	if (!is_folder) {
		snprintf(text, sizeof(text), "%llu files, %s", (unsigned long long)about->files,
			 size_format(about->bytes, size));
		line(out, "size", text);
		line(out, "origin",
		     about->is_import ? "imported folder"
		     : about->is_full ? "full backup"
				      : "backup");
		line(out, "parent", *about->parent ? about->parent : "none");
	}
	if (about->is_simulated)
		line(out, "simulated", "yes: goes to simulated devices only");
	if (about->problem_count) {
		snprintf(text, sizeof(text), "%llu while it was made",
			 (unsigned long long)about->problem_count);
		line(out, "problems", text);
	}
}

/* ---- management ------------------------------------------------------------------ */

/* short_place - the file's own name, and of a long one its beginning and end */
static const char *short_place(const struct backup_place *place, char out[64])
{
	const char *slash = strrchr(place->path, '/'), *name = slash ? slash + 1 : place->path;
	size_t len = strlen(name);

	if (len < 40)
		snprintf(out, 64, "%s", name);
	else
		snprintf(out, 64, "%.16s...%s", name, name + len - 12);
	return out;
}

static const char *place_text(const struct backup_place *place, char out[600])
{
	snprintf(out, 600, "%s/%s", place->domain, place->path);
	return out;
}

/* struct statements - what is printed, and how much of it is not known */
struct statements {
	struct cli *cli;
	unsigned printed, unknown;
};

/* the first ones are always told; of the rest only what is known */
enum { ALWAYS_TOLD = 5 };

static void print_statement(void *arg, const struct backup_statement *statement)
{
	struct statements *statements = arg;
	struct cli *cli = statements->cli;
	char value[600], place[64], clean[64];

	if (!statement->from && statements->printed >= ALWAYS_TOLD) {
		statements->unknown++;
		return;
	}
	statements->printed++;

	fprintf(cli->world->out, "  %-30s %s", statement->label,
		cli_clean(statement->value, value, sizeof(value)));
	if (statement->from)
		fprintf(cli->world->out, "  (%s)",
			cli_clean(short_place(statement->from, place), clean, sizeof(clean)));
	fputc('\n', cli->world->out);
}

static const char *when(int64_t time, char out[21])
{
	return time ? time_format_utc(time, out) : "unknown";
}

static void print_management(struct cli *cli, const struct backup_management *management)
{
	FILE *out = cli->world->out;
	struct statements statements = {cli, 0, 0};
	char clean[600], time[21];

	fprintf(out, "management\n");
	backup_management_each(management, print_statement, &statements);
	if (statements.unknown)
		fprintf(out, "  %u more values are not known (--json names them)\n",
			statements.unknown);
	for (size_t i = 0; i < management->profile_count; i++) {
		const struct backup_profile *profile = &management->profiles[i];

		fprintf(out, "  %-30s %s", "Profile",
			cli_clean(*profile->name ? profile->name : profile->identifier, clean,
				  sizeof(clean)));
		fprintf(out, "; since %s, %s%s%s\n", when(profile->since.value, time),
			profile->is_locked == BACKUP_YES  ? "locked"
			: profile->is_locked == BACKUP_NO ? "removable"
							  : "locked unknown",
			profile->is_enrollment ? ", enrolls" : "",
			profile->is_hidden ? ", hidden" : "");
	}
	for (size_t i = 0; i < management->trace_count; i++)
		fprintf(out, "  %-30s %s %s\n", "Trace", when(management->traces[i].time, time),
			management->traces[i].what);
	for (size_t i = 0; i < management->remark_count; i++)
		fprintf(out, "  %-30s %s\n", management->remarks[i].is_edit ? "Edited" : "Remark",
			cli_clean(management->remarks[i].text, clean, sizeof(clean)));
}

static void take_statement(void *object, const struct backup_statement *statement)
{
	char place[600];

	json_object_set_new(
		object, statement->name,
		json_pack("{s:o, s:o}", "value", cli_json_text(statement->value), "from",
			  statement->from ? cli_json_text(place_text(statement->from, place))
					  : json_null()));
}

static json_t *time_json(int64_t time)
{
	char text[21];

	return time ? json_string(time_format_utc(time, text)) : json_null();
}

static json_t *profile_json(const struct backup_profile *profile)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:b, s:b}", "identifier",
			 cli_json_text(profile->identifier), "name", cli_json_text(profile->name),
			 "organization", cli_json_text(profile->organization), "since",
			 time_json(profile->since.value), "locked",
			 backup_answer_text(profile->is_locked), "enrolls", profile->is_enrollment,
			 "hidden", profile->is_hidden);
}

static json_t *management_json(const struct backup_management *management)
{
	json_t *object = json_object(), *profiles = json_array(), *traces = json_array(),
	       *remarks = json_array();

	if (!object)
		return NULL;
	backup_management_each(management, take_statement, object);
	for (size_t i = 0; i < management->profile_count; i++)
		json_array_append_new(profiles, profile_json(&management->profiles[i]));
	for (size_t i = 0; i < management->trace_count; i++)
		json_array_append_new(traces,
				      json_pack("{s:s, s:o}", "what", management->traces[i].what,
						"time", time_json(management->traces[i].time)));
	for (size_t i = 0; i < management->remark_count; i++)
		json_array_append_new(remarks, json_pack("{s:o, s:b}", "text",
							 cli_json_text(management->remarks[i].text),
							 "edited", management->remarks[i].is_edit));
	json_object_set_new(object, "profiles", profiles);
	json_object_set_new(object, "traces", traces);
	json_object_set_new(object, "remarks", remarks);
	return object;
}

/* ---- whose it is, and who looked into it ---- */

static int print_opening(void *arg, const struct job_opening *opening, struct err *err)
{
	struct cli *cli = arg;
	char text[200], time[21];

	snprintf(text, sizeof(text), "%s by user %u: %s %s", time_format_utc(opening->time, time),
		 opening->uid, opening->command, opening->snapshot);
	line(cli->world->out, "opened", text);
	return 0;
}

static int take_opening(void *array, const struct job_opening *opening, struct err *err)
{
	char time[21];

	return json_array_append_new(array,
				     json_pack("{s:s, s:s, s:s, s:I}", "time",
					       time_format_utc(opening->time, time), "snapshot",
					       opening->snapshot, "command", opening->command,
					       "uid", (json_int_t)opening->uid)) < 0
		       ? err_no_memory(err)
		       : 0;
}

/* owner - printed, or into @object; a folder belongs to nobody known */
static int owner(struct cli *cli, struct repo *repo, const char *udid, json_t *object)
{
	enum job_ownership ownership;
	json_t *openings;
	int r = job_ownership_get(repo, udid, &ownership, &cli->err);

	if (r < 0)
		return r;
	if (!object) {
		line(cli->world->out, "ownership", job_ownership_word(ownership));
		return job_openings(repo, udid, print_opening, cli, &cli->err);
	}
	openings = json_array();
	json_object_set_new(object, "ownership", json_string(job_ownership_word(ownership)));
	json_object_set_new(object, "openings", openings);
	return job_openings(repo, udid, take_opening, openings, &cli->err);
}

/* ---- the command ------------------------------------------------------------------- */

static int print(struct cli *cli, const struct cli_source *source,
		 const struct backup_management *management, const struct cli_enrollment *link)
{
	const struct job_snapshot *about = job_browse_about(source->browse);
	json_t *object;
	int r = 0;

	if (!cli->is_json) {
		print_backup(cli, about, !source->repo);
		if (source->repo)
			r = owner(cli, source->repo, about->udid, NULL);
		if (r < 0)
			return r;
		if (management)
			print_management(cli, management);
		else
			line(cli->world->out, "management",
			     "unknown: the backup is encrypted, and --device-password-file does "
			     "not open it");
		cli_enrollment_print(cli, link);
		return 0;
	}
	object = cli_json_snapshot(about);
	if (!object)
		return err_no_memory(&cli->err);
	json_object_set_new(object, "managed",
			    json_string(backup_answer_text(
				    management ? management->is_managed.answer : BACKUP_UNKNOWN)));
	json_object_set_new(object, "management",
			    management ? management_json(management) : json_null());
	json_object_set_new(object, "enrollment", cli_enrollment_json(cli, link));
	if (source->repo)
		r = owner(cli, source->repo, about->udid, object);
	if (r < 0) {
		json_decref(object);
		return r;
	}
	return cli_json(cli, object, &cli->err);
}

int cli_run_show(struct cli *cli, int argc, char **argv)
{
	const struct cli_option options[] = {{0}};
	CLEANUP(cli_source_clear) struct cli_source source = {0};
	CLEANUP(backup_management_free_p) struct backup_management *management = NULL;
	CLEANUP(cli_enrollment_clear) struct cli_enrollment link = {0};
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cli_source_open(cli, argv[0], CLI_FACTS, &source, &cli->err);
	if (r == 0 && !source.is_locked)
		r = job_browse_management(source.browse, &management, &cli->err);
	if (r < 0)
		return r;
	cli_enrollment_make(cli, job_browse_about(source.browse), management, &link);
	return print(cli, &source, management, &link);
}
