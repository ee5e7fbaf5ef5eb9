/* api_plist - a command that was written as JSON, as the property list that devices read */
#include "crypto/identity.h"
#include "plist/plist.h"
#include "server/api_internal.h"

#include <string.h>

static struct plist *convert(struct plist_doc *doc, const json_t *value, int *code,
			     struct err *err);

static struct plist *convert_data(struct plist_doc *doc, const json_t *text, int *code,
				  struct err *err)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF_INIT(FLEET_COMMAND_MAX);

	if (!json_is_string(text))
		*code = err_set(err, ERR_PROTOCOL, "\"$data\" is base64 in a text");
	else
		*code = crypto_base64_read(&bytes, slice_text(json_string_value(text)), err);
	return *code < 0 ? NULL : plist_new_data(doc, buf_slice(&bytes));
}

static struct plist *convert_date(struct plist_doc *doc, const json_t *text, int *code,
				  struct err *err)
{
	int64_t seconds = 0;

	*code = time_parse_utc(json_is_string(text) ? json_string_value(text) : "", &seconds, err);
	return *code < 0 ? NULL : plist_new_date(doc, seconds);
}

static struct plist *convert_object(struct plist_doc *doc, const json_t *value, int *code,
				    struct err *err)
{
	struct plist *dict;
	const char *key;
	json_t *item;

	if (json_object_size(value) == 1 && json_object_get(value, "$data"))
		return convert_data(doc, json_object_get(value, "$data"), code, err);
	if (json_object_size(value) == 1 && json_object_get(value, "$date"))
		return convert_date(doc, json_object_get(value, "$date"), code, err);
	dict = plist_new_dict(doc);
	/* the iterator wants the object without const and leaves it alone */
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
	{
		if (*code == 0)
			plist_set(doc, dict, key, convert(doc, item, code, err));
	}
	return dict;
}

static struct plist *convert_array(struct plist_doc *doc, const json_t *value, int *code,
				   struct err *err)
{
	struct plist *array = plist_new_array(doc);
	size_t i;
	json_t *item;

	json_array_foreach(value, i, item)
	{
		if (*code == 0)
			plist_add(doc, array, convert(doc, item, code, err));
	}
	return array;
}

/* convert - at most API_DEPTH_MAX levels, as the reader of JSON made sure */
static struct plist *convert(struct plist_doc *doc, const json_t *value, int *code, struct err *err)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return convert_object(doc, value, code, err);
	case JSON_ARRAY:
		return convert_array(doc, value, code, err);
	case JSON_STRING:
		return plist_new_text(doc, json_string_value(value));
	case JSON_INTEGER:
		return plist_new_int(doc, json_integer_value(value));
	case JSON_REAL:
		return plist_new_real(doc, json_real_value(value));
	case JSON_TRUE:
	case JSON_FALSE:
		return plist_new_bool(doc, json_is_true(value));
	case JSON_NULL:
		break;
	}
	*code = err_set(err, ERR_PROTOCOL, "a property list has no null: leave the key out");
	return NULL;
}

int api_command_plist(const char *type, const char *uuid, const json_t *keys, struct buf *out,
		      struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *command, *whole;
	int code = 0, r = plist_doc_new(&doc, err);

	if (r < 0)
		return r;
	if (keys && json_object_get(keys, "RequestType"))
		return err_set(err, ERR_PROTOCOL, "\"type\" says the RequestType, not \"keys\"");
	command = keys ? convert_object(doc, keys, &code, err) : plist_new_dict(doc);
	if (code < 0)
		return code;
	if (!command || command->type != PLIST_DICT)
		return err_set(err, ERR_PROTOCOL, "\"keys\" are those of a dict");
	plist_set_text(doc, command, "RequestType", type);
	if (!uuid)
		return plist_write_xml(doc, command, out, err);
	whole = plist_new_dict(doc);
	plist_set_text(doc, whole, "CommandUUID", uuid);
	plist_set(doc, whole, "Command", command);
	return plist_write_xml(doc, whole, out, err);
}
