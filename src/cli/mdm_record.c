/* mdm_record - what the MDM service keeps of one device, asked for in one place */
#include "cli/mdm.h"

#include <string.h>

const char *mdm_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int mdm_get(struct mdm *mdm, const char *path, json_t **out, struct err *err)
{
	int status;

	return mdm_ask(mdm, "GET", path, NULL, SLICE_EMPTY, out, &status, err);
}

int mdm_get_one(struct mdm *mdm, const char *what, const char *id, const char *rest, json_t **out,
		struct err *err)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(512);
	int r = buf_append_format(&path, err, "/%s/", what);

	*out = NULL;
	if (r == 0)
		r = mdm_escape(&path, id, err);
	if (r == 0)
		r = buf_append_text(&path, rest, err);
	if (r == 0)
		r = mdm_get(mdm, buf_text(&path), out, err);
	if (r != ERR_NOT_FOUND)
		return r;
	*err = ERR_INIT;
	return 0;
}

int mdm_record_ask(struct mdm *mdm, const char *udid, const char *serial, struct mdm_record *out,
		   struct err *err)
{
	const char *name = *udid ? udid : serial;
	int r = 0;

	*out = (struct mdm_record){0};
	/* by its serial number, too; lists would leave out a hidden record */
	if (*name)
		r = mdm_get_one(mdm, "devices", name, "", &out->device, err);
	/* a retired record has no enrollment any more */
	if (r == 0 && out->device && !mdm_record_is_gone(out))
		r = mdm_get_one(mdm, "enrollments", mdm_text(out->device, "udid"), "",
				&out->enrollment, err);
	if (r < 0)
		mdm_record_clear(out);
	return r;
}

void mdm_record_clear(struct mdm_record *record)
{
	json_decref(record->device);
	json_decref(record->enrollment);
	*record = (struct mdm_record){0};
}

bool mdm_record_is_gone(const struct mdm_record *record)
{
	const char *word = mdm_text(record->device, "record");

	return !strcmp(word, "retired") || !strcmp(word, "wiped") || !strcmp(word, "deleted");
}

/* ---- identities ---- */

const json_t *mdm_identity_now(const json_t *enrollment)
{
	const json_t *identities = json_object_get(enrollment, "identities"), *identity;

	for (size_t i = 0; (identity = json_array_get(identities, i)); i++)
		if (!strcmp(mdm_text(identity, "state"), "current"))
			return identity;
	return NULL;
}

const json_t *mdm_identity_at(const json_t *enrollment, int64_t time)
{
	const json_t *identities = json_object_get(enrollment, "identities"), *identity,
		     *found = NULL;
	int64_t issued, last = 0;
	struct err ignored = ERR_INIT;

	for (size_t i = 0; (identity = json_array_get(identities, i)); i++) {
		if (time_parse_utc(mdm_text(identity, "issued"), &issued, &ignored) < 0)
			issued = 0;
		if (issued > time || issued < last)
			continue;
		found = identity;
		last = issued;
	}
	return found;
}

json_int_t mdm_generation(const json_t *row)
{
	return json_integer_value(json_object_get(row, "generation"));
}

bool mdm_identity_is_superseded(const json_t *identity)
{
	const char *state = mdm_text(identity, "state");

	return !strcmp(state, "previous") || !strcmp(state, "ended");
}
