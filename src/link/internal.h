/*
 * link, inside - what its files share
 */
#ifndef REHOME_LINK_INTERNAL_H
#define REHOME_LINK_INTERNAL_H

#include "link/link.h"

/* ---- lockdown_errors.c ---- */

/** struct lockdown_error - a lockdown error string (3.3) */
struct lockdown_error {
	const char *name; /* the device's word; NULL in the entry for all others */
	int err_code; /* ERR_DEVICE: its state is in the way; ERR_POLICY: a person or rule refuses
		       */
	const char *text; /* what it means; what to do */
};
/** lockdown_error_find - never NULL: unknown words (and NULL) get an entry of their own */
const struct lockdown_error *lockdown_error_find(const char *name);

/* ---- devicelink_write.c ---- */

/** link_dl_write - append [@name, elements...] as a frame, with @elements an array of @doc, or
 * NULL; on failure @out is as before */
int link_dl_write(struct buf *out, const char *name, struct plist_doc *doc,
		  const struct plist *elements, enum link_encoding encoding, struct err *err);

/* ---- values on the stack ---- */

/*
 * A message is often one or two values around something that the caller built.  Such nodes live on
 * the stack of the writer: wrapping costs no copy of what may be a listing of a hundred thousand
 * files, and a password never enters an arena that would have to be wiped.  Nodes borrow
 * everything; they are chained by `next` and only handed to plist_write_*.
 */
static inline struct plist node_int(int64_t value, const struct plist *next)
{
	return (struct plist){.type = PLIST_INT, .next = next, .as.integer = value};
}

static inline struct plist node_string(struct slice text, const struct plist *next)
{
	return (struct plist){.type = PLIST_STRING,
			      .next = next,
			      .as.string = {(const char *)text.bytes, text.len}};
}

static inline struct plist node_text(const char *text, const struct plist *next)
{
	return node_string(slice_text(text), next);
}

static inline struct plist node_items(enum plist_type type, const struct plist *first, size_t count)
{
	return (struct plist){.type = type, .as.items = {first, count}};
}

/** node_value - @value (any node) placed before @next, without the siblings and key that it has at
 * home */
static inline struct plist node_value(const struct plist *value, const struct plist *next)
{
	struct plist node = *value;

	node.next = next;
	node.key = NULL;
	node.key_len = 0;
	return node;
}

/** node_keyed - @node as an entry of a dict; @key borrowed */
static inline struct plist node_keyed(struct plist node, const char *key)
{
	struct slice text = slice_text(key);

	node.key = key;
	node.key_len = text.len;
	return node;
}

#endif
