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
	CLEANUP(buf_clear) struct buf reasons = BUF_INIT(8 * MDM_CHECKIN_MAX); /* escaped */
	struct mdm_declared declared = {
		.kind = kind,
		.identifier = text_or_empty(item, "identifier"),
		.token = text_or_empty(item, "server-token"),
		.valid = text_or_empty(item, "valid"),
		.is_active = json_is_true(json_object_get(item, "active")),
		.is_removed = json_is_true(json_object_get(item, "_removed")),
	};
	json_t *list = json_object_get(item, "reasons");
	int r = json_array_size(list) ? mdm_json_dump(json_incref(list), &reasons, err) : 0;

	if (r < 0 || !*declared.identifier)
		return r;
	declared.reasons = reasons.len ? buf_text(&reasons) : "";
	return each(arg, &declared, err);
}

static int read_declarations(json_t *items,
			     int (*each)(void *arg, const struct mdm_declared *declared,
					 struct err *err),
			     void *arg, struct err *err)
{
	json_t *declarations =
		json_object_get(json_object_get(items, "management"), "declarations");
	json_t *item;
	size_t i, at, count = 0;
	int r = 0;

	for (i = 0; i < ARRAY_COUNT(lists); i++)
		json_array_foreach(json_object_get(declarations, lists[i]), at, item)
		{
			if (count++ == MDM_DECLARED_MAX)
				return err_set(err, ERR_LIMIT, "more than %d declarations",
					       MDM_DECLARED_MAX);
			r = tell_declared((enum mdm_declaration_kind)i, item, each, arg, err);
			if (r < 0)
				return r;
		}
	return r;
}

static void free_json(json_t **json)
{
	json_decref(*json);
}

/* @items: borrowed from @report, NULL if it has none */
static int open_report(struct slice json, json_t **report, json_t **items, struct err *err)
{
	int r = mdm_json_load(report, json, MDM_CHECKIN_MAX, err);

	if (r < 0)
		return err_wrap(err, r, "status report");
	*items = json_object_get(*report, "StatusItems");
	if (*items && !json_is_object(*items))
		return err_set(err, ERR_PROTOCOL, "status report: StatusItems is no object");
	return 0;
}

static bool is_full_report(json_t *report)
{
	return json_is_true(json_object_get(report, "FullReport"));
}

int mdm_status_read(struct slice json, bool *is_full,
		    int (*each)(void *arg, const struct mdm_declared *declared, struct err *err),
		    void *arg, struct err *err)
{
	CLEANUP(free_json) json_t *report = NULL;
	json_t *found;
	int r = open_report(json, &report, &found, err);

	if (r < 0)
		return r;
	*is_full = is_full_report(report);
	return read_declarations(found, each, arg, err);
}

/* ---- what is known after a report ---- */

/* Nested objects become "a.b.c"; arrays, and what lies too deep, stay values. */
static int flatten(json_t *from, const char *prefix, unsigned depth, json_t *to)
{
	char name[NAME_MAX_LEN + 1];
	const char *key;
	json_t *value;
	int failed = 0;

	json_object_foreach(from, key, value)
	{
		if (snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key) >=
		    (int)sizeof(name))
			continue;
		if (!strcmp(name, "management.declarations"))
			continue;
		if (json_is_object(value) && depth < STATUS_DEPTH_MAX)
			failed |= flatten(value, name, depth + 1, to);
		else
			failed |= json_object_set(to, name, value);
	}
	return failed;
}

static const char *identifier_of(json_t *item)
{
	return json_string_value(json_object_get(item, "identifier"));
}

/* is @list one of items that are told apart by an identifier? */
static bool is_keyed(json_t *list)
{
	return identifier_of(json_array_get(list, 0));
}

/* the items of @list into @by_identifier, which keeps their order */
static int index_list(json_t *list, json_t *by_identifier)
{
	json_t *item;
	size_t i;
	int failed = 0;

	json_array_foreach(list, i, item)
	{
		const char *identifier = identifier_of(item);

		if (!identifier)
			continue;
		if (json_is_true(json_object_get(item, "_removed")))
			json_object_del(by_identifier, identifier);
		else
			failed |= json_object_set(by_identifier, identifier, item);
	}
	return failed;
}

static int merge_list(json_t *known, const char *key, json_t *said)
{
	CLEANUP(free_json) json_t *by_identifier = json_object();
	json_t *list = json_array(), *item;
	const char *identifier;
	int failed = index_list(json_object_get(known, key), by_identifier);

	failed |= index_list(said, by_identifier);
	json_object_foreach(by_identifier, identifier, item) failed |=
		json_array_append(list, item);
	return failed | json_object_set_new(known, key, list);
}

static int merge(json_t *known, json_t *said)
{
	const char *key;
	json_t *value;
	int failed = 0;

	json_object_foreach(said, key, value) failed |=
		is_keyed(value) ? merge_list(known, key, value)
				: json_object_set(known, key, value);
	return failed;
}

int mdm_status_merge(struct slice known, struct slice json, struct buf *out, struct err *err)
{
	CLEANUP(free_json) json_t *report = NULL;
	CLEANUP(free_json) json_t *flat = json_object();
	CLEANUP(free_json) json_t *all = NULL;
	json_t *items;
	int r = open_report(json, &report, &items, err);

	if (!r && known.len && !is_full_report(report))
		r = mdm_json_load(&all, known, MDM_CHECKIN_MAX, err);
	if (r < 0)
		return r;
	if (!all)
		all = json_object();
	if (flatten(items, "", 0, flat) || merge(all, flat))
		return err_no_memory(err);
	return mdm_json_dump(STEAL(all), out, err);
}
