/*
 * enrollment - how a backup hangs together with an enrollment of the MDM service
 *
 * At the backup the service's record is noted beside the snapshot: most identities are sealed for
 * their device alone, so that the backup itself does not tell which it is, and the record of then
 * may be gone later.  Of a backup that was made without the service, the enrollment and the last
 * identity issued before it are taken from the record of now.
 */
#include "cli/enrollment.h"

#include <string.h>

static void copy(char *out, size_t len, const char *text)
{
	snprintf(out, len, "%.*s", (int)len - 1, text);
}

bool cli_enrollment_note(const struct mdm *mdm, const struct mdm_record *record,
			 struct job_enrollment *out)
{
	const json_t *enrollment = record->enrollment;

	*out = (struct job_enrollment){0};
	if (strcmp(mdm_text(enrollment, "state"), "enabled") != 0)
		return false;
	copy(out->service, sizeof(out->service), mdm->url);
	copy(out->id, sizeof(out->id), mdm_text(enrollment, "id"));
	copy(out->topic, sizeof(out->topic), mdm_text(enrollment, "topic"));
	copy(out->identity, sizeof(out->identity),
	     mdm_text(mdm_identity_now(enrollment), "sha256"));
	out->generation = mdm_generation(enrollment);
	return true;
}

/* ---- of a backup ---- */

/* derive - from the record of now, as it was at @time */
static void derive(const struct mdm *mdm, const struct mdm_record *record, int64_t time,
		   struct cli_enrollment *link)
{
	const json_t *enrollment = record->enrollment;
	const json_t *identity = mdm_identity_at(enrollment, time);
	struct job_enrollment *then = &link->then;
	struct err ignored = ERR_INIT;
	int64_t since;

	if (!enrollment)
		return;
	copy(then->service, sizeof(then->service), mdm->url);
	copy(then->id, sizeof(then->id), mdm_text(enrollment, "id"));
	copy(then->topic, sizeof(then->topic), mdm_text(enrollment, "topic"));
	copy(then->identity, sizeof(then->identity), mdm_text(identity, "sha256"));
	/* of an earlier generation the record does not tell which */
	if (time_parse_utc(mdm_text(enrollment, "authenticated"), &since, &ignored) == 0 &&
	    since <= time)
		then->generation = mdm_generation(enrollment);
	link->from = "record";
	link->identity_from = "record";
}

static bool is_elsewhere(const struct backup_management *management, const char *topic)
{
	return management && management->topic.from && *topic &&
	       strcmp(management->topic.text, topic) != 0;
}

void cli_enrollment_make(struct cli *cli, const struct job_snapshot *about,
			 const struct backup_management *management, struct cli_enrollment *link)
{
	*link = (struct cli_enrollment){.then = about->enrollment, .from = "", .identity_from = ""};
	if (*link->then.id)
		link->from = link->identity_from = "backup";
	if (management && management->is_managed.answer == BACKUP_NO)
		return;
	link->is_asked = mdm_named_record(cli, about->udid, about->serial, &link->now);
	if (link->is_asked && !*link->then.id)
		derive(cli->service, &link->now, about->time, link);
	if (is_elsewhere(management, link->then.topic)) {
		link->then = (struct job_enrollment){0};
		link->from = link->identity_from = "";
		link->is_elsewhere = true;
	}
	if (management && management->identity_sha256.from && *link->from) {
		copy(link->then.identity, sizeof(link->then.identity),
		     management->identity_sha256.text);
		link->identity_from = "keychain";
	}
}

void cli_enrollment_clear(struct cli_enrollment *link)
{
	mdm_record_clear(&link->now);
}

/* ---- what became of it ---- */

static const char *generation_word(const struct cli_enrollment *link)
{
	if (!link->now.enrollment)
		return "none";
	/* unknown only where the record of now is of a later life than the backup */
	return link->then.generation == mdm_generation(link->now.enrollment) ? "same" : "newer";
}

static const json_t *identity_of(const struct cli_enrollment *link)
{
	const json_t *list = json_object_get(link->now.enrollment, "identities"), *identity;

	for (size_t i = 0; (identity = json_array_get(list, i)); i++)
		if (*link->then.identity &&
		    !strcmp(mdm_text(identity, "sha256"), link->then.identity))
			return identity;
	return NULL;
}

/* identity_word - its state now; a superseded one is "previous" in the record */
static const char *identity_word(const struct cli_enrollment *link)
{
	const char *state = mdm_text(identity_of(link), "state");

	if (!link->now.enrollment)
		return "none";
	if (!strcmp(state, "previous"))
		return "superseded";
	return *state ? state : "unknown";
}

static const char *record_word(const struct cli_enrollment *link)
{
	return link->now.device ? mdm_text(link->now.device, "record") : "none";
}

/* ---- told ---- */

static void line(FILE *out, const char *label, const char *text)
{
	char clean[700];

	fprintf(out, "  %-30s %s\n", label, cli_clean(text, clean, sizeof(clean)));
}

static void print_then(FILE *out, const struct cli_enrollment *link)
{
	const struct job_enrollment *then = &link->then;
	const char *from = !strcmp(link->identity_from, "backup")   ? "noted at the backup"
			   : !strcmp(link->identity_from, "record") ? "the last one issued before"
								    : "in the keychain";
	char text[600];

	line(out, "Service", then->service);
	if (then->generation)
		snprintf(text, sizeof(text), "%s, generation %lld", then->id,
			 (long long)then->generation);
	else
		snprintf(text, sizeof(text), "%s, an earlier generation", then->id);
	line(out, "Enrollment", text);
	if (*then->identity)
		snprintf(text, sizeof(text), "%s  (%s)", then->identity, from);
	line(out, "Identity SHA-256", *then->identity ? text : "unknown");
}

static void print_now(FILE *out, const struct cli_enrollment *link)
{
	const char *state = mdm_text(link->now.enrollment, "state");
	const char *end = mdm_text(identity_of(link), "not_after");
	char text[600];

	if (!link->now.enrollment) {
		snprintf(text, sizeof(text), "%s: what comes back is a stranger to the service",
			 link->now.device ? record_word(link) : "none, or deleted");
		line(out, "Record now", text);
		return;
	}
	snprintf(text, sizeof(text), "%s, %s, %s generation", record_word(link), state,
		 !strcmp(generation_word(link), "same") ? "the same" : "a newer");
	line(out, "Record now", text);
	snprintf(text, sizeof(text), "%s%s%s", identity_word(link), *end ? ", until " : "", end);
	line(out, "Identity now", text);
}

void cli_enrollment_print(struct cli *cli, const struct cli_enrollment *link)
{
	FILE *out = cli->world->out;

	if (!*link->from && !link->is_asked)
		return;
	fprintf(out, "enrollment\n");
	if (*link->from)
		print_then(out, link);
	else
		line(out, "Service",
		     link->is_elsewhere ? "another one: the push topic of the backup is not its own"
					: "no enrollment of the device is known to it");
	if (*link->from && link->is_asked)
		print_now(out, link);
}

static json_t *now_json(struct cli *cli, const struct cli_enrollment *link)
{
	return json_pack("{s:o, s:s, s:o, s:s, s:s, s:o}", "service",
			 cli_json_text(cli->service->url), "record", record_word(link), "state",
			 cli_json_text_or_null(mdm_text(link->now.enrollment, "state")),
			 "generation", generation_word(link), "identity", identity_word(link),
			 "identity_end",
			 cli_json_text_or_null(mdm_text(identity_of(link), "not_after")));
}

json_t *cli_enrollment_json(struct cli *cli, const struct cli_enrollment *link)
{
	const struct job_enrollment *then = &link->then;

	if (!*link->from)
		return json_null();
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:s, s:o}", "from", link->from, "service",
		cli_json_text(then->service), "id", cli_json_text(then->id), "generation",
		then->generation ? json_integer((json_int_t)then->generation) : json_null(),
		"identity_sha256", cli_json_text_or_null(then->identity), "identity_from",
		link->identity_from, "now", link->is_asked ? now_json(cli, link) : json_null());
}
