/* Status reports of declarative management */
#include "mdm/internal.h"
#include "mdm/json.h"

#include <stdlib.h>
#include <string.h>

enum { STATUS_DEPTH_MAX = 8, NAME_MAX_LEN = 255 };

static const char *const lists[] = {
	[MDM_ACTIVATION] = "activations",
	[MDM_ASSET] = "assets",
	[MDM_CONFIGURATION] = "configurations",
	[MDM_MANAGEMENT] = "management",
};

static const char *text_or_empty(json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text ? text : "";
}

static int tell_declared(enum mdm_declaration_kind kind, json_t *item,
			 int (*each)(void *arg, const struct mdm_declared *declared,
				     struct err *err),
			 void *arg, struct err *err)
{
	json_t *reasons = json_object_get(item, "reasons");
	char *text = json_array_size(reasons) ? json_dumps(reasons, JSON_COMPACT) : NULL;
	struct mdm_declared declared = {
		.kind = kind,
		.identifier = text_or_empty(item, "identifier"),
		.token = text_or_empty(item, "server-token"),
		.valid = text_or_empty(item, "valid"),
		.is_active = json_is_true(json_object_get(item, "active")),
		.reasons = text ? text : "",
	};
	int r = *declared.identifier ? each(arg, &declared, err) : 0;

	free(text);
	return r;
}

static int read_declarations(json_t *items,
			     int (*each)(void *arg, const struct mdm_declared *declared,
					 struct err *err),
			     void *arg, struct err *err)
{
	json_t *declarations =
		json_object_get(json_object_get(items, "management"), "declarations");
	json_t *item;
	size_t i, at;
	int r = 0;

	for (i = 0; i < ARRAY_COUNT(lists); i++)
		json_array_foreach(json_object_get(declarations, lists[i]), at, item)
		{
			r = tell_declared((enum mdm_declaration_kind)i, item, each, arg, err);
			if (r < 0)
				return r;
		}
	return r;
}

/* Nested objects become "a.b.c"; arrays, and what lies too deep, stay values. */
static void flatten(json_t *from, const char *prefix, unsigned depth, json_t *to)
{
	char name[NAME_MAX_LEN + 1];
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
	{
		if (snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key) >=
		    (int)sizeof(name))
			continue;
		if (!strcmp(name, "management.declarations"))
			continue;
		if (json_is_object(value) && depth < STATUS_DEPTH_MAX)
			flatten(value, name, depth + 1, to);
		else
			json_object_set(to, name, value);
	}
}

int mdm_status_read(struct slice json,
		    int (*each)(void *arg, const struct mdm_declared *declared, struct err *err),
		    void *arg, struct buf *items, struct err *err)
{
	json_t *report, *found, *flat;
	int r = mdm_json_load(&report, json, MDM_CHECKIN_MAX, err);

	if (r < 0)
		return err_wrap(err, r, "status report");
	found = json_object_get(report, "StatusItems");
	if (found && !json_is_object(found))
		r = err_set(err, ERR_PROTOCOL, "status report: StatusItems is no object");
	if (!r)
		r = read_declarations(found, each, arg, err);
	if (!r) {
		flat = json_object();
		flatten(found, "", 0, flat);
		r = mdm_json_dump(flat, items, err);
	}
	json_decref(report);
	return r;
}
