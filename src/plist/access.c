/*
 * plist/access - asking a tree for a value of a type
 *
 * What a peer left out and what it sent in another type are the same answer,
 * so callers decide once what to do without it.
 */
#include "plist/plist.h"

#include <math.h>
#include <string.h>

static const struct plist *get_typed(const struct plist *dict, const char *key,
				     enum plist_type type)
{
	const struct plist *value = plist_get(dict, key);

	return value != NULL && value->type == type ? value : NULL;
}

const struct plist *plist_get(const struct plist *dict, const char *key)
{
	size_t len = strlen(key);

	if (dict == NULL || dict->type != PLIST_DICT)
		return NULL;
	for (const struct plist *at = dict->as.items.first; at != NULL; at = at->next) {
		if (at->key_len == len && memcmp(at->key, key, len) == 0)
			return at;
	}
	return NULL;
}

const struct plist *plist_at(const struct plist *array, size_t index)
{
	const struct plist *at;

	if (array == NULL || array->type != PLIST_ARRAY || index >= array->as.items.count)
		return NULL;
	at = array->as.items.first;
	if (array->is_packed)
		return at + index;
	while (index-- > 0)
		at = at->next;
	return at;
}

bool plist_get_bool(const struct plist *dict, const char *key, bool *value)
{
	const struct plist *found = plist_get(dict, key);

	if (found == NULL)
		return false;
	if (found->type == PLIST_BOOL)
		*value = found->as.boolean;
	else if (found->type == PLIST_INT && (found->as.integer == 0 || found->as.integer == 1))
		*value = found->as.integer == 1;
	else
		return false;
	return true;
}

bool plist_int(const struct plist *value, int64_t *integer)
{
	if (value == NULL)
		return false;
	if (value->type == PLIST_INT) {
		*integer = value->as.integer;
		return true;
	}
	/* both bounds are exact doubles; NaN fails the comparisons */
	if (value->type == PLIST_REAL && value->as.real >= -0x1p63 && value->as.real < 0x1p63 &&
	    floor(value->as.real) == value->as.real) {
		*integer = (int64_t)value->as.real;
		return true;
	}
	return false;
}

bool plist_get_int(const struct plist *dict, const char *key, int64_t *value)
{
	return plist_int(plist_get(dict, key), value);
}

bool plist_get_real(const struct plist *dict, const char *key, double *value)
{
	const struct plist *found = plist_get(dict, key);

	if (found == NULL)
		return false;
	if (found->type == PLIST_REAL)
		*value = found->as.real;
	else if (found->type == PLIST_INT)
		*value = (double)found->as.integer;
	else
		return false;
	return true;
}

bool plist_get_date(const struct plist *dict, const char *key, int64_t *unix_seconds)
{
	const struct plist *found = get_typed(dict, key, PLIST_DATE);
	double whole;

	if (found == NULL)
		return false;
	whole = floor(found->as.date) + PLIST_EPOCH_2001;
	if (!(whole >= -0x1p53 && whole <= 0x1p53))
		return false;
	*unix_seconds = (int64_t)whole;
	return true;
}

const char *plist_text(const struct plist *value)
{
	if (value == NULL || value->type != PLIST_STRING)
		return NULL;
	if (memchr(value->as.string.text, '\0', value->as.string.len) != NULL)
		return NULL;
	return value->as.string.text;
}

const char *plist_get_text(const struct plist *dict, const char *key)
{
	return plist_text(plist_get(dict, key));
}

bool plist_get_data(const struct plist *dict, const char *key, struct slice *value)
{
	const struct plist *found = get_typed(dict, key, PLIST_DATA);

	if (found == NULL)
		return false;
	*value = found->as.data;
	return true;
}

const struct plist *plist_get_dict(const struct plist *dict, const char *key)
{
	return get_typed(dict, key, PLIST_DICT);
}

const struct plist *plist_get_array(const struct plist *dict, const char *key)
{
	return get_typed(dict, key, PLIST_ARRAY);
}

bool plist_has_text(const struct plist *array, const char *text)
{
	const struct plist *item =
		array != NULL && array->type == PLIST_ARRAY ? array->as.items.first : NULL;

	for (; item != NULL; item = item->next) {
		const char *found = plist_text(item);

		if (found != NULL && strcmp(found, text) == 0)
			return true;
	}
	return false;
}
