/*
 * plist/internal - what the files of this room share
 *
 * The arena, text in its encodings, and the text forms of numbers, dates and data
 * that the XML reader and writer have in common.
 */
#ifndef REHOME_PLIST_INTERNAL_H
#define REHOME_PLIST_INTERNAL_H

#include "plist/plist.h"

struct XML_ParserStruct;
struct plist_block;

/**
 * struct plist_doc - blocks of memory in a chain
 *
 * Blocks up to and including @current hold nodes; all behind it are empty and wait for use.
 */
struct plist_doc {
	struct plist_block *first, *current;
	size_t block_len;               /* of the next block to be made */
	bool has_failed;                /* a builder got no memory */
	struct buf text;                /* XML: the character data of the open element */
	const struct plist_blob **seen; /* binary: object number to its bytes, decoded once */
	size_t seen_count;
	struct XML_ParserStruct *expat; /* made at the first XML document */
};

/** struct plist_blob - bytes of a string or data object of a binary list, shared by its uses */
struct plist_blob {
	enum plist_type type;
	size_t len;
	uint8_t bytes[]; /* and a NUL */
};

/** plist_doc_alloc - @len bytes aligned for any node, not cleared; NULL if there is no memory */
void *plist_doc_alloc(struct plist_doc *doc, size_t len);
/** plist_doc_text - copy of @len bytes with a NUL behind; NULL if there is no memory */
char *plist_doc_text(struct plist_doc *doc, const void *text, size_t len);
/** plist_doc_node - a cleared node; NULL if there is no memory */
struct plist *plist_doc_node(struct plist_doc *doc, enum plist_type type);
/** plist_append - hang @child behind the last child of @container, which is not packed */
void plist_append(struct plist *container, struct plist *child);

static inline bool plist_is_container(const struct plist *value)
{
	return value->type == PLIST_ARRAY || value->type == PLIST_DICT;
}

/* readers; @bytes within the limit and not empty, @root written on success */
int plist_read_binary(struct plist_doc *doc, struct slice bytes, const struct plist_limits *limits,
		      const struct plist **root, struct err *err);
int plist_read_xml(struct plist_doc *doc, struct slice bytes, const struct plist_limits *limits,
		   const struct plist **root, struct err *err);

/** plist_utf8_measure - is it well-formed UTF-8 (NUL allowed), and how many UTF-16 units is it?
 * As many units as bytes means plain ASCII. */
bool plist_utf8_measure(const char *text, size_t len, size_t *unit_count);
/** plist_utf8_to_utf16be - @text is well formed; @out has room for its units, 2 bytes each */
void plist_utf8_to_utf16be(const char *text, size_t len, uint8_t *out);
/** plist_utf16be_to_utf8 - returns the length in bytes; with @out NULL it only measures */
size_t plist_utf16be_to_utf8(const uint8_t *units, size_t unit_count, char *out);

/* text forms: false if the text is not of the form; spaces around are fine */
bool plist_integer_from_text(const char *text, size_t len, int64_t *integer, bool *is_wide);
bool plist_real_from_text(const char *text, size_t len, double *real);
bool plist_date_from_text(const char *text, size_t len, double *date);
enum { PLIST_REAL_TEXT_LEN = 32, PLIST_DATE_TEXT_LEN = 21 };
/** plist_real_to_text - shortest form that reads back as the same number */
const char *plist_real_to_text(double real, char out[PLIST_REAL_TEXT_LEN]);
/** plist_date_to_text - false outside the years 0 to 9999 */
bool plist_date_to_text(double date, char out[PLIST_DATE_TEXT_LEN]);
/** plist_base64_decode - @out has room for 3 bytes per 4 characters; false if malformed */
bool plist_base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len);
/** plist_base64_encode - 4 characters per begun 3 bytes into @out, no NUL; returns their number */
size_t plist_base64_encode(const uint8_t *bytes, size_t len, char *out);

#endif
