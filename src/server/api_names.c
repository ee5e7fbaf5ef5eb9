/*
 * api_names - serial numbers where a request names devices
 *
 * People read serial numbers off the back of a device; records go by UDID.  Before a handler runs,
 * each serial number in its path and body has become the UDID, so that no handler, and no row of
 * the audit, knows the difference.  An id is an id first; a token with a scope finds what it may
 * see.
 */
#include "server/api_internal.h"

#include <string.h>

enum { NAMED_MAX = 4 }; /* UDIDs that a refusal tells */

static int ambiguous(struct api_call *call, const char *serial, const struct store_device *rows,
		     size_t count, struct err *err)
{
	char quoted[400], udids[NAMED_MAX * 70] = "";

	for (size_t i = 0; i < count && i < NAMED_MAX; i++)
		snprintf(udids + strlen(udids), sizeof(udids) - strlen(udids), "%s%.64s",
			 i ? ", " : "", rows[i].udid);
	return api_answered(api_refuse(call, 409, "ambiguous",
				       "name the one that is meant by its UDID", err,
				       "%zu devices have the serial number %s: %s%s", count,
				       text_quote(serial, strlen(serial), quoted), udids,
				       count > NAMED_MAX ? " ..." : ""));
}

/* seen - those of @rows that the token may see to the front; *@count of them. Of retired and wiped
 * records beside a living one nothing is meant */
static int seen(struct api_call *call, struct store_device *rows, size_t *count, struct err *err)
{
	size_t all = 0, living = 0;

	for (size_t i = 0; i < *count; i++) {
		bool has = false;
		int r = api_scope_has(call, rows[i].no, &has, err);

		if (r < 0)
			return r;
		if (has)
			rows[all++] = rows[i];
	}
	for (size_t i = 0; i < all; i++) {
		struct store_device row = rows[i];

		if (row.record != STORE_ACTIVE && row.record != STORE_HIDDEN)
			continue;
		rows[i] = rows[living];
		rows[living++] = row;
	}
	*count = living ? living : all;
	return 0;
}

int api_name_resolve(struct api_call *call, const char *name, const char **udid, struct err *err)
{
	struct store *store = call->context->store;
	struct store_enrollment enrollment;
	struct store_device device, *rows;
	size_t count = 0;
	int r = store_enrollment_find(store, name, &enrollment, err);

	*udid = NULL;
	if (r == STORE_NO_ROW)
		r = store_device_find(store, name, &device, err);
	if (r != STORE_NO_ROW)
		return r;
	r = store_device_of_serial(store, name, &rows, &count, err);
	if (r == 0)
		r = seen(call, rows, &count, err);
	if (r < 0)
		return r;
	if (count > 1)
		return ambiguous(call, name, rows, count, err);
	/* of none of them the handler says that there is no such device */
	if (count == 1)
		*udid = rows[0].udid;
	return 0;
}

static bool names_device(const char *pattern)
{
	return strstr(pattern, "{udid}") || strstr(pattern, "/enrollments/{id}");
}

static int list_resolve(struct api_call *call, json_t *list, struct err *err)
{
	size_t i;
	json_t *item;

	json_array_foreach(list, i, item)
	{
		const char *udid;
		int r = api_name_resolve(call, json_string_value(item), &udid, err);

		if (r != 0)
			return r;
		if (udid && json_array_set_new(list, i, json_string(udid)) < 0)
			return err_no_memory(err);
	}
	return 0;
}

int api_names_resolve(struct api_call *call, struct err *err)
{
	const char *udid = NULL, *other = api_get_text(call, "new_udid");
	int r = 0;

	if (names_device(call->route->pattern)) {
		r = api_name_resolve(call, call->params[0], &udid, err);
		if (r == 0 && udid)
			snprintf(call->params[0], sizeof(call->params[0]), "%s", udid);
	}
	if (r == 0 && other) {
		r = api_name_resolve(call, other, &udid, err);
		if (r == 0 && udid)
			api_put(call, call->body, "new_udid", json_string(udid));
	}
	return r == 0 ? list_resolve(call, json_object_get(call->body, "ids"), err) : r;
}
