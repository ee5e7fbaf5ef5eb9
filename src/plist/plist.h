/*
 * plist - property lists, XML and binary, bounded
 *
 * One document = one arena of nodes.  Parsing refuses what is over its limits
 * instead of recursing or multiplying (entity bombs, offset-table loops, nesting).
 * Knows nothing of devices.  Format: Apple's bplist00 and the 1.0 DTD.
 *
 * Pure computing: any thread may call anything as long as no two threads use the
 * same document at once.  A parsed tree that nobody resets may be read by many.
 */
#ifndef REHOME_PLIST_H
#define REHOME_PLIST_H

#include "base/base.h"

enum plist_type {
	PLIST_BOOL,
	PLIST_INT,
	PLIST_REAL,
	PLIST_DATE,
	PLIST_DATA,
	PLIST_STRING,
	PLIST_UID,
	PLIST_ARRAY,
	PLIST_DICT,
	PLIST_NULL, /* binary only */
};

/** PLIST_DEPTH_MAX - containers within containers that any parser or writer goes into */
enum { PLIST_DEPTH_MAX = 128 };

/**
 * struct plist_limits - what a parser accepts
 * @len_max:   bytes of the serialized form
 * @node_max:  values and keys, counted each time that a binary reference is followed
 * @depth_max: containers within containers; more than PLIST_DEPTH_MAX counts as that
 */
struct plist_limits {
	size_t len_max;
	size_t node_max;
	size_t depth_max;
};
/* a service message; a request or a file record; Manifest.plist and Info.plist */
#define PLIST_LIMITS_FRAME ((struct plist_limits){64u << 20, 1u << 20, 32})
#define PLIST_LIMITS_SMALL ((struct plist_limits){1u << 20, 1u << 15, 32})
#define PLIST_LIMITS_FILE ((struct plist_limits){256u << 20, 4u << 20, 64})

/**
 * struct plist - one value; read its fields, never write them
 *
 * Strings are UTF-8, NUL-terminated, and may hold further NULs (use len).
 * Integers: as.integer holds the low 64 bits as signed.  Peers write -13 in three ways, as
 * 8 bytes, as 16 bytes and as the text 18446744073709551603; all come out as -13.
 * is_wide tells that the sender wrote an unsigned number of 2^63 or more.
 * Lone UTF-16 surrogates, which UTF-8 cannot say, come out as U+FFFD.
 */
struct plist {
	enum plist_type type;
	bool is_wide;
	bool is_packed;           /* array or dict whose children lie side by side in memory */
	const struct plist *next; /* sibling in an array or dict */
	const char *key;          /* in a dict; NUL-terminated UTF-8 */
	size_t key_len;
	union {
		bool boolean;
		int64_t integer;
		double real;
		double date; /* seconds since 2001-01-01T00:00:00Z */
		uint64_t uid;
		struct slice data;
		struct {
			const char *text;
			size_t len;
		} string;
		struct {
			const struct plist *first;
			size_t count;
			struct plist *last; /* where the builders append */
		} items;
	} as;
};

/** struct plist_doc - arena that owns nodes; reset keeps its memory for the next parse */
struct plist_doc;
/** plist_doc_new - an empty document; the caller frees it.  Returns 0 or ERR_NO_MEMORY */
int plist_doc_new(struct plist_doc **out, struct err *err);
/** plist_doc_reset - forget all nodes (and a failure of the builders), keep the memory */
void plist_doc_reset(struct plist_doc *doc);
/** plist_doc_free - wipe (messages hold passwords) and give back; NULL is fine */
void plist_doc_free(struct plist_doc *doc);
/** plist_doc_free_p - for CLEANUP */
void plist_doc_free_p(struct plist_doc **doc);

/**
 * plist_parse - read XML or binary, decided by the first bytes
 * @doc:   receives the nodes; they live until reset or free. @bytes may be freed afterwards.
 *         Earlier trees in @doc stay; each call counts its own nodes.
 * @limits: see above
 * @root:  borrowed from @doc; written only on success
 *
 * Binary: bplist00, any width that its trailer may name.  Refused: objects that contain
 * themselves or lie over each other, keys that are not strings, integers beyond 64 bits.
 * XML: UTF-8, UTF-16, ISO-8859-1; trailing NULs are tolerated, Apple's DOCTYPE is skipped, and a
 * DOCTYPE with declarations of its own or any entity beyond XML's five is refused.  A dict
 * whose only key is CF$UID, with an integer, is a UID, as Apple writes it.
 *
 * Returns 0; ERR_PROTOCOL (malformed; offset in the text), ERR_LIMIT, ERR_NO_MEMORY.
 */
int plist_parse(struct plist_doc *doc, struct slice bytes, const struct plist_limits *limits,
		const struct plist **root, struct err *err);

/*
 * ---- typed access
 *
 * A missing key or another type is "false" or NULL, never a crash; NULL dicts are fine.  Results
 * are borrowed and live as long as the tree; outputs are written only when true is returned.
 */

/** plist_get - value of NUL-terminated @key, the first if a peer repeats it; walks the dict */
const struct plist *plist_get(const struct plist *dict, const char *key);
/** plist_at - item @index, counted from 0; constant time in a tree read from binary, else linear */
const struct plist *plist_at(const struct plist *array, size_t index);
/** plist_get_bool - also the integers 0 and 1 */
bool plist_get_bool(const struct plist *dict, const char *key, bool *value);
/** plist_get_int - also a real without fraction */
bool plist_get_int(const struct plist *dict, const char *key, int64_t *value);
/** plist_get_real - also an integer */
bool plist_get_real(const struct plist *dict, const char *key, double *value);
/** plist_get_date - whole seconds since 1970, rounded down; false beyond +-2^53 */
bool plist_get_date(const struct plist *dict, const char *key, int64_t *unix_seconds);
/** plist_get_text - NULL unless a string without inner NUL; borrowed */
const char *plist_get_text(const struct plist *dict, const char *key);
bool plist_get_data(const struct plist *dict, const char *key, struct slice *value);
const struct plist *plist_get_dict(const struct plist *dict, const char *key);
const struct plist *plist_get_array(const struct plist *dict, const char *key);
/* the same on a value; NULL is fine */
const char *plist_text(const struct plist *value);
bool plist_int(const struct plist *value, int64_t *integer);
/** plist_has_text - is @text one of the items of @array? NULL and what is no array hold none */
bool plist_has_text(const struct plist *array, const char *text);

/*
 * ---- building
 *
 * Nodes belong to the doc; text and data are copied.  On lack of memory the doc turns "failed",
 * builders go on harmlessly and plist_write_* returns ERR_NO_MEMORY: no checks in between.
 * A NULL container, value, text or key adds nothing.  Text must be UTF-8; the writers check it.
 */

struct plist *plist_new_dict(struct plist_doc *doc);
struct plist *plist_new_array(struct plist_doc *doc);
struct plist *plist_new_bool(struct plist_doc *doc, bool value);
struct plist *plist_new_int(struct plist_doc *doc, int64_t value);
/** plist_new_uint - at 2^63 and above the node is_wide and is written unsigned */
struct plist *plist_new_uint(struct plist_doc *doc, uint64_t value);
struct plist *plist_new_real(struct plist_doc *doc, double value);
struct plist *plist_new_date(struct plist_doc *doc, int64_t unix_seconds);
struct plist *plist_new_data(struct plist_doc *doc, struct slice value);
struct plist *plist_new_text(struct plist_doc *doc, const char *value);
struct plist *plist_new_string(struct plist_doc *doc, const char *value, size_t len);
struct plist *plist_new_uid(struct plist_doc *doc, uint64_t value);
/** plist_copy - deep copy of @value (of any doc); the doc fails if it is too deep to be written */
struct plist *plist_copy(struct plist_doc *doc, const struct plist *value);
/** plist_add - append @value (of the same doc, not yet elsewhere) to an array */
void plist_add(struct plist_doc *doc, struct plist *array, struct plist *value);
/** plist_set - append key and value to a dict (the caller does not repeat keys) */
void plist_set(struct plist_doc *doc, struct plist *dict, const char *key, struct plist *value);
void plist_set_len(struct plist_doc *doc, struct plist *dict, const char *key, size_t key_len,
		   struct plist *value);
/* shorthands */
void plist_set_bool(struct plist_doc *doc, struct plist *dict, const char *key, bool value);
void plist_set_int(struct plist_doc *doc, struct plist *dict, const char *key, int64_t value);
void plist_set_real(struct plist_doc *doc, struct plist *dict, const char *key, double value);
void plist_set_date(struct plist_doc *doc, struct plist *dict, const char *key,
		    int64_t unix_seconds);
void plist_set_data(struct plist_doc *doc, struct plist *dict, const char *key, struct slice value);
void plist_set_text(struct plist_doc *doc, struct plist *dict, const char *key, const char *value);

/**
 * plist_write_xml / plist_write_binary - append the serialized form to @out (its max holds)
 * @doc:  the one that @root was built in; NULL for a tree that came from a parser
 *
 * Keys keep their order; the same tree gives the same bytes.  Binary: least widths, negative
 * integers in 8 bytes, is_wide ones in 16, reals in 8; equal strings, data and numbers are
 * stored once.  XML: as Apple indents it; dates lose their fraction.
 *
 * What XML cannot say is refused, not replaced, for a changed name is a wrong name: control
 * characters other than tab, newline and carriage return, U+FFFE and U+FFFF, PLIST_NULL, dates
 * outside the years 0 to 9999.
 *
 * Returns 0; ERR_NO_MEMORY (also: the builders ran out of it), ERR_LIMIT (@out, or deeper than
 * PLIST_DEPTH_MAX), ERR_USAGE (no root, text that is not UTF-8,
 * a count that is not that of the children), ERR_UNSUPPORTED (XML cannot say
 * it).  Unless 0 is returned @out holds what it held before.
 */
int plist_write_xml(const struct plist_doc *doc, const struct plist *root, struct buf *out,
		    struct err *err);
int plist_write_binary(const struct plist_doc *doc, const struct plist *root, struct buf *out,
		       struct err *err);

enum { PLIST_EPOCH_2001 = 978307200 }; /* seconds between 1970 and 2001 */

#endif
