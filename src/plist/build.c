/*
 * plist/build - making trees
 *
 * Callers build a message of thirty values without looking at each step: lack of
 * memory is remembered in the document and comes out at the writer.
 */
#include "plist/internal.h"

#include <string.h>

static struct plist *new_node(struct plist_doc *doc, enum plist_type type)
{
	struct plist *node = plist_doc_node(doc, type);

	if (node == NULL)
		doc->has_failed = true;
	return node;
}

static char *new_text(struct plist_doc *doc, const void *text, size_t len)
{
	char *copy = plist_doc_text(doc, text, len);

	if (copy == NULL)
		doc->has_failed = true;
	return copy;
}

struct plist *plist_new_dict(struct plist_doc *doc)
{
	return new_node(doc, PLIST_DICT);
}

struct plist *plist_new_array(struct plist_doc *doc)
{
	return new_node(doc, PLIST_ARRAY);
}

struct plist *plist_new_bool(struct plist_doc *doc, bool value)
{
	struct plist *node = new_node(doc, PLIST_BOOL);

	if (node != NULL)
		node->as.boolean = value;
	return node;
}

struct plist *plist_new_int(struct plist_doc *doc, int64_t value)
{
	struct plist *node = new_node(doc, PLIST_INT);

	if (node != NULL)
		node->as.integer = value;
	return node;
}

struct plist *plist_new_uint(struct plist_doc *doc, uint64_t value)
{
	struct plist *node = plist_new_int(doc, (int64_t)value);

	if (node != NULL)
		node->is_wide = value >> 63;
	return node;
}

struct plist *plist_new_real(struct plist_doc *doc, double value)
{
	struct plist *node = new_node(doc, PLIST_REAL);

	if (node != NULL)
		node->as.real = value;
	return node;
}

struct plist *plist_new_date(struct plist_doc *doc, int64_t unix_seconds)
{
	struct plist *node = new_node(doc, PLIST_DATE);

	if (node != NULL)
		node->as.date = (double)unix_seconds - PLIST_EPOCH_2001;
	return node;
}

struct plist *plist_new_data(struct plist_doc *doc, struct slice value)
{
	struct plist *node = new_node(doc, PLIST_DATA);
	const char *copy = new_text(doc, value.bytes, value.len);

	if (node == NULL || copy == NULL)
		return NULL;
	node->as.data = slice_of(copy, value.len);
	return node;
}

struct plist *plist_new_string(struct plist_doc *doc, const char *value, size_t len)
{
	struct plist *node;
	const char *copy;

	if (value == NULL)
		return NULL;
	node = new_node(doc, PLIST_STRING);
	copy = new_text(doc, value, len);
	if (node == NULL || copy == NULL)
		return NULL;
	node->as.string.text = copy;
	node->as.string.len = len;
	return node;
}

struct plist *plist_new_text(struct plist_doc *doc, const char *value)
{
	return value == NULL ? NULL : plist_new_string(doc, value, strlen(value));
}

struct plist *plist_new_uid(struct plist_doc *doc, uint64_t value)
{
	struct plist *node = new_node(doc, PLIST_UID);

	if (node != NULL)
		node->as.uid = value;
	return node;
}

/* ---- putting together -------------------------------------------------------------- */

void plist_add(struct plist_doc *doc, struct plist *array, struct plist *value)
{
	if (array == NULL || value == NULL || array->type != PLIST_ARRAY)
		return;
	plist_append(array, value);
}

void plist_set_len(struct plist_doc *doc, struct plist *dict, const char *key, size_t key_len,
		   struct plist *value)
{
	if (dict == NULL || key == NULL || value == NULL || dict->type != PLIST_DICT)
		return;
	value->key = new_text(doc, key, key_len);
	if (value->key == NULL)
		return;
	value->key_len = key_len;
	plist_append(dict, value);
}

void plist_set(struct plist_doc *doc, struct plist *dict, const char *key, struct plist *value)
{
	if (key != NULL)
		plist_set_len(doc, dict, key, strlen(key), value);
}

void plist_set_bool(struct plist_doc *doc, struct plist *dict, const char *key, bool value)
{
	plist_set(doc, dict, key, plist_new_bool(doc, value));
}

void plist_set_int(struct plist_doc *doc, struct plist *dict, const char *key, int64_t value)
{
	plist_set(doc, dict, key, plist_new_int(doc, value));
}

void plist_set_real(struct plist_doc *doc, struct plist *dict, const char *key, double value)
{
	plist_set(doc, dict, key, plist_new_real(doc, value));
}

void plist_set_date(struct plist_doc *doc, struct plist *dict, const char *key,
		    int64_t unix_seconds)
{
	plist_set(doc, dict, key, plist_new_date(doc, unix_seconds));
}

void plist_set_data(struct plist_doc *doc, struct plist *dict, const char *key, struct slice value)
{
	plist_set(doc, dict, key, plist_new_data(doc, value));
}

void plist_set_text(struct plist_doc *doc, struct plist *dict, const char *key, const char *value)
{
	plist_set(doc, dict, key, plist_new_text(doc, value));
}

/* ---- copying ------------------------------------------------------------------------ */

static struct plist *copy_leaf(struct plist_doc *doc, const struct plist *value)
{
	struct plist *node;

	switch (value->type) {
	case PLIST_STRING:
		return plist_new_string(doc, value->as.string.text, value->as.string.len);
	case PLIST_DATA:
		return plist_new_data(doc, value->as.data);
	case PLIST_ARRAY:
	case PLIST_DICT:
		return new_node(doc, value->type);
	default:
		node = new_node(doc, value->type);
		if (node != NULL) {
			node->as = value->as;
			node->is_wide = value->is_wide;
		}
		return node;
	}
}

struct plist *plist_copy(struct plist_doc *doc, const struct plist *value)
{
	struct {
		const struct plist *from;
		struct plist *to;
	} open[PLIST_DEPTH_MAX];
	struct plist *root = NULL;
	size_t depth = 0;

	while (value != NULL) {
		struct plist *copy = copy_leaf(doc, value);

		if (copy == NULL)
			return NULL;
		if (depth == 0)
			root = copy;
		else if (open[depth - 1].to->type == PLIST_DICT)
			plist_set_len(doc, open[depth - 1].to, value->key, value->key_len, copy);
		else
			plist_add(doc, open[depth - 1].to, copy);

		if (plist_is_container(value) && value->as.items.first != NULL) {
			if (depth == PLIST_DEPTH_MAX) {
				doc->has_failed = true;
				return NULL;
			}
			open[depth].from = value;
			open[depth++].to = copy;
			value = value->as.items.first;
			continue;
		}
		while (depth > 0 && value->next == NULL)
			value = open[--depth].from;
		value = depth > 0 ? value->next : NULL;
	}
	return doc->has_failed ? NULL : root;
}
