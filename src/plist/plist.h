/*
 * plist - property lists, XML and binary, bounded
 *
 * One document = one arena of nodes.  Parsing refuses what is over its limits
 * instead of recursing or multiplying (entity bombs, offset-table loops, nesting).
 * Knows nothing of devices.  Format: Apple's bplist00 and the 1.0 DTD.
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

/** struct plist_limits - what a parser accepts */
struct plist_limits {
	size_t len_max;	   /* bytes of the serialized form */
	size_t node_max;   /* values and keys, counted each time a binary reference is followed */
	size_t depth_max;
};
#define PLIST_LIMITS_FRAME ((struct plist_limits){ 64u << 20, 1u << 20, 32 })	   /* a service message */
#define PLIST_LIMITS_SMALL ((struct plist_limits){ 1u << 20, 1u << 15, 32 })	   /* requests, MBFile */
#define PLIST_LIMITS_FILE ((struct plist_limits){ 256u << 20, 4u << 20, 64 })	   /* Manifest.plist, Info.plist */

/**
 * struct plist - one value; read its fields, never write them
 *
 * Strings are UTF-8, NUL-terminated, and may hold further NULs (use len).
 * Integers that a peer wrote as 64-bit or 128-bit unsigned >= 2^63 come out as the
 * negative number that they stand for when is_unsigned is false in the sender's
 * mind: DeviceLink writes -13 in three ways (device-link 9.3).  as.integer holds the
 * low 64 bits as signed; is_wide tells that the unsigned reading is >= 2^63.
 */
struct plist {
	enum plist_type type;
	bool is_wide;
	const struct plist *next; /* sibling in an array or dict */
	const char *key;	  /* in a dict; NUL-terminated UTF-8 */
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
		} items; /* array and dict */
	} as;
};

/** struct plist_doc - arena that owns nodes; reset keeps its memory for the next parse */
struct plist_doc;
int plist_doc_new(struct plist_doc **out, struct err *err);
void plist_doc_reset(struct plist_doc *doc);
void plist_doc_free(struct plist_doc *doc);
void plist_doc_free_p(struct plist_doc **doc);

/**
 * plist_parse - read XML or binary, decided by the first bytes
 * @doc:   receives the nodes; they live until reset or free. @bytes may be freed afterwards.
 * @limits: see above
 * @root:  borrowed from @doc
 * Returns 0; ERR_PROTOCOL (malformed; offset in the text), ERR_LIMIT, ERR_NO_MEMORY.
 */
int plist_parse(struct plist_doc *doc, struct slice bytes, const struct plist_limits *limits,
		const struct plist **root, struct err *err);

/* ---- typed access: a missing key or another type is "false"/NULL, never a crash; NULL dicts are fine */

const struct plist *plist_get(const struct plist *dict, const char *key);
const struct plist *plist_at(const struct plist *array, size_t index);
bool plist_get_bool(const struct plist *dict, const char *key, bool *value); /* also 0/1 integers */
bool plist_get_int(const struct plist *dict, const char *key, int64_t *value); /* also whole reals */
bool plist_get_real(const struct plist *dict, const char *key, double *value); /* also integers */
bool plist_get_date(const struct plist *dict, const char *key, int64_t *unix_seconds);
/** plist_get_text - NULL unless a string without inner NUL; borrowed */
const char *plist_get_text(const struct plist *dict, const char *key);
bool plist_get_data(const struct plist *dict, const char *key, struct slice *value);
const struct plist *plist_get_dict(const struct plist *dict, const char *key);
const struct plist *plist_get_array(const struct plist *dict, const char *key);
/* the same on a value */
const char *plist_text(const struct plist *value);
bool plist_int(const struct plist *value, int64_t *integer);

/* ---- building: nodes belong to the doc; text and data are copied. On lack of memory the doc turns
 * "failed", builders go on harmlessly and plist_write_* returns ERR_NO_MEMORY: no checks in between. */

struct plist *plist_new_dict(struct plist_doc *doc);
struct plist *plist_new_array(struct plist_doc *doc);
struct plist *plist_new_bool(struct plist_doc *doc, bool value);
struct plist *plist_new_int(struct plist_doc *doc, int64_t value);
struct plist *plist_new_uint(struct plist_doc *doc, uint64_t value); /* >= 2^63 keeps is_wide and stays unsigned */
struct plist *plist_new_real(struct plist_doc *doc, double value);
struct plist *plist_new_date(struct plist_doc *doc, int64_t unix_seconds);
struct plist *plist_new_data(struct plist_doc *doc, struct slice value);
struct plist *plist_new_text(struct plist_doc *doc, const char *value);
struct plist *plist_new_string(struct plist_doc *doc, const char *value, size_t len);
struct plist *plist_new_uid(struct plist_doc *doc, uint64_t value);
/** plist_copy - deep copy of @value (from any doc) into @doc */
struct plist *plist_copy(struct plist_doc *doc, const struct plist *value);
/** plist_add - append @value (of the same doc, not yet elsewhere) to an array */
void plist_add(struct plist_doc *doc, struct plist *array, struct plist *value);
/** plist_set - append key and value to a dict (the caller does not repeat keys) */
void plist_set(struct plist_doc *doc, struct plist *dict, const char *key, struct plist *value);
void plist_set_len(struct plist_doc *doc, struct plist *dict, const char *key, size_t key_len, struct plist *value);
/* shorthands */
void plist_set_bool(struct plist_doc *doc, struct plist *dict, const char *key, bool value);
void plist_set_int(struct plist_doc *doc, struct plist *dict, const char *key, int64_t value);
void plist_set_real(struct plist_doc *doc, struct plist *dict, const char *key, double value);
void plist_set_date(struct plist_doc *doc, struct plist *dict, const char *key, int64_t unix_seconds);
void plist_set_data(struct plist_doc *doc, struct plist *dict, const char *key, struct slice value);
void plist_set_text(struct plist_doc *doc, struct plist *dict, const char *key, const char *value);

/** plist_write_xml / plist_write_binary - append the serialized form to @out (its max holds). Keys keep their order. */
int plist_write_xml(const struct plist_doc *doc, const struct plist *root, struct buf *out, struct err *err);
int plist_write_binary(const struct plist_doc *doc, const struct plist *root, struct buf *out, struct err *err);

enum { PLIST_EPOCH_2001 = 978307200 }; /* seconds between 1970 and 2001 */

#endif
