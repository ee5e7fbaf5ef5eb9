/* Answers of devices as JSON, for records and people */
#include "mdm/internal.h"
#include "mdm/json.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/** struct dump - where JSON goes; jansson 2.14 overlooks a failure within a key, this does not */
struct dump {
	struct buf *out;
	struct err *err;
	int failure; /* the first */
};

static int append(const char *text, size_t len, void *arg)
{
	struct dump *dump = arg;

	if (!dump->failure)
		dump->failure = buf_append(dump->out, text, len, dump->err);
	return dump->failure ? -1 : 0;
}

static int dump_json(json_t *json, size_t flags, struct buf *out, struct err *err)
{
	struct dump dump = {out, err, 0};
	size_t before = out->len;
	int r = json ? json_dump_callback(json, append, &dump, JSON_COMPACT | flags) : -1;

	json_decref(json);
	if (dump.failure || r < 0) {
		buf_truncate(out, before);
		return dump.failure ? dump.failure : err_no_memory(err);
	}
	return 0;
}

int mdm_json_dump(json_t *json, struct buf *out, struct err *err)
{
	return dump_json(json, 0, out, err);
}

int mdm_json_dump_sorted(json_t *json, struct buf *out, struct err *err)
{
	return dump_json(json, JSON_SORT_KEYS, out, err);
}

static json_t *data_json(struct slice data)
{
	size_t len = sodium_base64_encoded_len(data.len, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(len);
	json_t *json = NULL;

	if (text)
		json = json_string(sodium_bin2base64(text, len, data.bytes, data.len,
						     sodium_base64_VARIANT_ORIGINAL));
	free(text);
	return json;
}

static json_t *value_json(const struct plist *value);

static bool is_skipped(const char *const *skip, const char *key)
{
	for (; skip && *skip; skip++)
		if (!strcmp(*skip, key))
			return true;
	return false;
}

/* @json, or NULL in its place if something could not be put into it */
static json_t *whole(json_t *json, int failed)
{
	if (!failed)
		return json;
	json_decref(json);
	return NULL;
}

/* of a repeated key the first counts, as for plist_get */
static json_t *dict_json(const struct plist *dict, const char *const *skip)
{
	json_t *json = json_object();
	const struct plist *item;
	int failed = 0;

	for (item = dict->as.items.first; item; item = item->next)
		if (!is_skipped(skip, item->key) && !json_object_get(json, item->key))
			failed |= json_object_set_new(json, item->key, value_json(item));
	return whole(json, failed);
}

static json_t *array_json(const struct plist *array)
{
	json_t *json = json_array();
	const struct plist *item;
	int failed = 0;

	for (item = array->as.items.first; item; item = item->next)
		failed |= json_array_append_new(json, value_json(item));
	return whole(json, failed);
}

/* plist.h: dates count from 2001 */
static json_t *date_json(double date)
{
	char text[21];

	if (!(date > -1e11 && date < 1e12))
		return json_null();
	return json_string(time_format_utc((int64_t)date + PLIST_EPOCH_2001, text));
}

static json_t *value_json(const struct plist *value)
{
	switch (value->type) {
	case PLIST_BOOL:
		return json_boolean(value->as.boolean);
	case PLIST_INT:
		return json_integer((json_int_t)value->as.integer);
	case PLIST_REAL:
		/* JSON cannot say infinite, nor "no number" */
		return isfinite(value->as.real) ? json_real(value->as.real) : json_null();
	case PLIST_DATE:
		return date_json(value->as.date);
	case PLIST_DATA:
		return data_json(value->as.data);
	case PLIST_STRING:
		/* ends at an inner NUL: readers of JSON and databases refuse it */
		return json_string(value->as.string.text);
	case PLIST_UID:
		return json_integer((json_int_t)value->as.uid);
	case PLIST_ARRAY:
		return array_json(value);
	case PLIST_DICT:
		return dict_json(value, NULL);
	case PLIST_NULL:
		break;
	}
	return json_null();
}

int mdm_plist_json(const struct plist *value, const char *const *skip, struct buf *out,
		   struct err *err)
{
	json_t *json;

	if (!value)
		return err_set(err, ERR_USAGE, "nothing to tell as JSON");
	json = value->type == PLIST_DICT ? dict_json(value, skip) : value_json(value);
	return mdm_json_dump(json, out, err);
}
