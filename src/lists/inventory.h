/* lists/inventory - what the files about the hygiene of an inventory share */
#ifndef REHOME_LISTS_INVENTORY_H
#define REHOME_LISTS_INVENTORY_H

#include "lists/internal.h"

/* enum field - what a column may hold; the last two belong to the directory's export */
enum field {
	FIELD_SERIAL,
	FIELD_RECORD,
	FIELD_NAME,
	FIELD_OS,
	FIELD_OWNER,
	FIELD_ENROLLMENT,
	FIELD_LAST_CONTACT,
	FIELD_ENROLLED,
	FIELD_CERTIFICATE_END,
	FIELD_STATE,
	FIELD_DIRECTORY,
	FIELD_DIRECTORY_ID,
	FIELD_FILE_ID,
	FIELD_FILE_ENABLED,
	FIELD_COUNT
};

enum owner { OWNER_UNKNOWN, OWNER_CORPORATE, OWNER_PERSONAL };
/* how the device enrolled; the first three make it corporate, O-10 */
enum enrollment {
	ENROLLMENT_UNKNOWN,
	ENROLLMENT_ADE,
	ENROLLMENT_CONFIGURATOR,
	ENROLLMENT_MANAGER, /* a device enrollment manager's account */
	ENROLLMENT_BY_HAND,
	ENROLLMENT_USER, /* user enrollment: no serial number, O-02 */
};
enum state { STATE_UNKNOWN, STATE_ACTIVE, STATE_RETIRE_PENDING, STATE_WIPE_PENDING, STATE_NONE };
enum directory { DIRECTORY_UNKNOWN, DIRECTORY_PRESENT, DIRECTORY_MISSING, DIRECTORY_DISABLED };

#define TIME_UNKNOWN INT64_MIN

/* struct explained - a word of an export, folded, and ours for it */
struct explained {
	char word[64], meaning[32];
};

/* struct config - which column holds what, what is meant, and when it is too late */
struct config {
	char columns[FIELD_COUNT][LISTS_NAME_MAX + 1];
	bool is_configured[FIELD_COUNT];
	struct explained words[LISTS_WORDS_MAX];
	size_t word_count;
	int64_t silent_days, certificate_days;
};

/* struct record - texts are offsets of NUL-terminated ones; 0 is the empty text */
struct record {
	uint64_t line;
	uint64_t newer_line; /* of the record that outlived it; 0: none, NEWER_UNCLEAR */
	int64_t last_contact, enrolled, certificate_end; /* seconds since 1970 */
	size_t serial, id, name, directory_id;
	uint8_t owner, enrollment, state, directory;
};
#define NEWER_UNCLEAR UINT64_MAX

/* struct directory_entry - a device of the directory */
struct directory_entry {
	size_t id;
	bool is_disabled;
};

struct lists_inventory {
	struct config config;
	struct csv_header header, directory_header;
	size_t at[FIELD_COUNT]; /* the column of each field, SIZE_MAX: none */
	struct buf text;
	struct record *records;
	size_t count, cap, rows, others;
	struct directory_entry *directory;
	size_t directory_count, directory_cap;
	const struct lists *corporate;
};

static inline const char *text_at(const struct lists_inventory *inventory, size_t at)
{
	return (const char *)inventory->text.bytes + at;
}

/* ---- config.c ---- */

void config_init(struct config *config);
const char *field_key(enum field field);
/* word_meaning - what @cell of @field says, through the words that are explained; -1: not known.
 * An empty cell is unknown. */
int word_meaning(const struct config *config, enum field field, struct slice cell);

/* ---- date.c ---- */

/* date_parse - ISO 8601, a date with or without time and zone (UTC without), as exports have it;
 * the year 1 is a database's "never". False if it is none of these. */
bool date_parse(struct slice cell, int64_t *seconds);

#endif
