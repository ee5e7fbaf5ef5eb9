/*
 * lists - lists for a fleet: corporate identifiers, ownership, and the hygiene of an inventory
 *
 * One list of devices, however it was typed or exported, becomes the two forms that an
 * Intune-like service takes: *identifiers* (no header, identifier and details, uploaded before
 * devices enroll) and *ownership* (one column under the header SerialNumber, read by the script
 * that turns records from personal to corporate).  Every line that is refused is known by its
 * number and reason; the rule ids (C-01 ...) are those of docs/format/lists.md.
 *
 * Rows come in from the csv room, texts go out into buffers: no files, no clock, no terminal.
 */
#ifndef REHOME_LISTS_H
#define REHOME_LISTS_H

#include "base/base.h"
#include "csv/csv.h"

enum {
	LISTS_ROWS_MAX = 1000000,       /* rows of an input, refused ones counted */
	LISTS_TEXT_MAX = 1 << 28,       /* bytes that the texts of an input take in memory */
	LISTS_IDENTIFIER_MAX = 64,      /* characters of a serial number or IMEI */
	LISTS_DETAILS_MAX = 128,        /* characters of details, C-02 */
	LISTS_FILE_ROWS_MAX = 5000,     /* rows of one uploaded file, C-03 */
	LISTS_FILE_BYTES_MAX = 5000000, /* its bytes, C-03 */
	LISTS_ISSUE_TEXT_MAX = 600,
};

/* ---- a list -------------------------------------------------------------- */

/** enum lists_kind - what identifies the devices of a list; one list has one kind, C-01 */
enum lists_kind { LISTS_ANY, LISTS_SERIAL, LISTS_IMEI };

/** enum lists_form - what a service reads */
enum lists_form { LISTS_IDENTIFIERS, LISTS_OWNERSHIP };

/**
 * struct lists_options - how to read
 * @kind: LISTS_ANY: what the header says, or else the first identifier
 * @column: header of the column with the identifiers; NULL: "Serial number", "IMEI", "Identifier"
 *   and their usual spellings, or the first column when there is no such header
 * @details_column: likewise; NULL: "Details", "Description", or the second column
 * @drops_details: read as if there were none
 */
struct lists_options {
	enum lists_kind kind;
	const char *column, *details_column;
	bool drops_details;
};

/** struct lists_entry - one device; texts are borrowed from the list */
struct lists_entry {
	struct slice identifier, details;
	uint64_t line;
};

/** enum lists_reason - why a line is refused, or what is remarkable about one that is taken */
enum lists_reason {
	LISTS_FINE,
	/* refused */
	LISTS_BROKEN, /* the row breaks the form of CSV */
	LISTS_NOT_UTF8,
	LISTS_WIDE,
	LISTS_NONE,
	LISTS_HEADER,
	LISTS_PLACEHOLDER,
	LISTS_LONG,
	LISTS_UDID,
	LISTS_ROUNDED,
	LISTS_NOT_SERIAL,
	LISTS_IS_IMEI,
	LISTS_NOT_IMEI,
	LISTS_IMEI_LEN,
	LISTS_DETAILS_LONG,
	LISTS_DETAILS_COMMA,
	LISTS_DETAILS_QUOTE,
	LISTS_DETAILS_CONTROL,
	LISTS_CONFLICT,
	/* remarks */
	LISTS_DUPLICATE,
	LISTS_DOTS,
	LISTS_LOWER_CASE,
	LISTS_SERIAL_LEN,
	LISTS_LETTERS_IO,
	LISTS_NO_DIGIT,
	LISTS_IMEI_SPACED,
	LISTS_IMEI_ODD,
	LISTS_IMEI_CHECK,
	LISTS_REASON_COUNT,
};

/** struct lists_issue - something to say of a line */
struct lists_issue {
	uint64_t line;
	enum lists_reason reason;
	enum csv_problem problem; /* of LISTS_BROKEN */
	uint64_t other;           /* the line that it repeats or contradicts, else 0 */
	size_t column;            /* counted from 1 */
	size_t text_at, text_len; /* the cell, within the list */
};

struct lists;

/** lists_new - an empty list. @options and its texts must outlive it. ERR_NO_MEMORY. */
int lists_new(struct lists **out, const struct lists_options *options, struct err *err);
void lists_free_p(struct lists **list);
/**
 * lists_add - take the next row; the first may be a header
 * Returns 0 also when the row is refused (lists_issue_at tells). ERR_NOT_FOUND when a column that
 * was named is not there, ERR_CORRUPT when two columns have its name, ERR_LIMIT, ERR_NO_MEMORY.
 */
int lists_add(struct lists *list, const struct csv_row *row, struct err *err);
/** lists_end - after the last row: find duplicates and conflicts, C-20. Reading a list before that
 * is an error of the caller. ERR_NO_MEMORY. */
int lists_end(struct lists *list, struct err *err);

/** lists_kind_of - LISTS_ANY only for a list without entries */
enum lists_kind lists_kind_of(const struct lists *list);
/** lists_count - entries; what was refused or repeated is none */
size_t lists_count(const struct lists *list);
/** lists_next - entries in the order of the input; @at starts as 0. False at the end. */
bool lists_next(const struct lists *list, size_t *at, struct lists_entry *entry);
/** lists_has - is the @identifier, spelled as lists spell it, in the list? */
bool lists_has(const struct lists *list, struct slice identifier);

/** lists_refused - lines refused */
size_t lists_refused(const struct lists *list);
/** lists_issue_at - issue @index in the order of lines, NULL behind the last */
const struct lists_issue *lists_issue_at(const struct lists *list, size_t index);
/** lists_issue_refuses - is the line refused, or is it a remark? */
bool lists_issue_refuses(const struct lists_issue *issue);
/** lists_issue_rule - "C-04"; "" where no rule stands behind it; static */
const char *lists_issue_rule(const struct lists_issue *issue);
/** lists_issue_text - the reason for people, with the cell quoted; @out holds
 * LISTS_ISSUE_TEXT_MAX */
const char *lists_issue_text(const struct lists *list, const struct lists_issue *issue, char *out);

/* ---- writing and comparing ----------------------------------------------- */

enum lists_write_outcome { LISTS_WRITTEN_ALL = 1 };
/**
 * lists_write - append one file of the @form: UTF-8, no mark, LF, nothing quoted, C-08
 * @at: where to go on, 0 at first; moved behind what was written
 * @rows_max: rows of the file, at least 1; one of identifiers also ends before
 *   LISTS_FILE_BYTES_MAX
 * @out: needs a maximum of LISTS_FILE_BYTES_MAX, of LISTS_TEXT_MAX for ownership
 * Returns 0 with at least one entry written; LISTS_WRITTEN_ALL when none was left (nothing is
 * appended); ERR_USAGE for IMEIs in the ownership form, C-40; ERR_NO_MEMORY.
 */
int lists_write(const struct lists *list, enum lists_form form, size_t *at, size_t rows_max,
		struct buf *out, struct err *err);
/** lists_form_check - the first line in which the text of a file differs from what lists_write
 * makes of @list as one file, counting from 1; 0 if it is as the service wants it. Line ends may
 * also be CRLF, the last may be missing, and so may a comma before no details. Else as
 * lists_write. */
int lists_form_check(const struct lists *list, enum lists_form form, struct slice text,
		     uint64_t *line, struct err *err);

enum lists_difference { LISTS_MISSING, LISTS_EXTRA, LISTS_DIFFERS };
/** lists_compare - what @other lacks, has besides, and has with other details; in the order of
 * identifiers. @old is NULL for LISTS_EXTRA, @new for LISTS_MISSING; a value other than 0 from
 * @each ends the comparison and is returned. */
int lists_compare(const struct lists *list, const struct lists *other,
		  int (*each)(void *arg, enum lists_difference difference,
			      const struct lists_entry *old, const struct lists_entry *new,
			      struct err *err),
		  void *arg, struct err *err);

/* ---- hygiene of an inventory --------------------------------------------- */

/*
 * An inventory is the export of a service: a header, and a row for each record of a device.
 * Which column holds what, and what its words mean, is configured in a small text of lines
 * "KEY = VALUE" (docs/format/lists.md); without one the names and words of Microsoft Graph
 * hold.  An export may also hold other systems' records if it has a column that tells: they
 * are left out.
 */

enum {
	LISTS_CONFIG_LEN_MAX = 1 << 16, /* bytes of a configuration */
	LISTS_WORDS_MAX = 64,           /* words that it explains */
	LISTS_NAME_MAX = 200,           /* bytes of a column's name, and of a cell that is kept */
	LISTS_FINDING_TEXT_MAX = 400,
};

enum lists_finding_kind {
	LISTS_SERIAL_TWICE,      /* a record that a newer one of the same serial number outlived */
	LISTS_CERTIFICATE_ENDED, /* the device cannot talk to the service any more */
	LISTS_CERTIFICATE_ENDS,  /* or soon will not */
	LISTS_SILENT,
	LISTS_WIPE_PENDING,
	LISTS_RETIRE_PENDING,
	LISTS_OWNER_DIFFERS,
	LISTS_NO_DIRECTORY_RECORD,
	LISTS_DIRECTORY_DISABLED,
	LISTS_FINDING_COUNT,
};

/**
 * struct lists_finding - what is wrong with a record, why, and what to do
 * @line: of the inventory
 * @serial, @record, @name: "" if not known; borrowed from the inventory
 * @rules: ids divided by single blanks, the deciding one first; static
 */
struct lists_finding {
	enum lists_finding_kind kind;
	uint64_t line;
	const char *serial, *record, *name, *rules;
	char reason[LISTS_FINDING_TEXT_MAX], next[LISTS_FINDING_TEXT_MAX];
};

struct lists_inventory;

/** lists_inventory_new - nothing read, nothing configured; ERR_NO_MEMORY */
int lists_inventory_new(struct lists_inventory **out, struct err *err);
void lists_inventory_free_p(struct lists_inventory **inventory);
/** lists_inventory_configure - before the first row. ERR_USAGE with the line that makes no sense,
 * ERR_LIMIT. */
int lists_inventory_configure(struct lists_inventory *inventory, struct slice text,
			      struct err *err);

enum lists_inventory_outcome { LISTS_ROW_REFUSED = 1 };
/**
 * lists_inventory_add - the next row of the inventory; the first is the header
 * @reason: LISTS_ISSUE_TEXT_MAX bytes
 * Returns 0; LISTS_ROW_REFUSED and the @reason; ERR_NOT_FOUND when a configured column, or any
 * that names the device, is not there; ERR_CORRUPT when two have its name or the header is broken;
 * ERR_LIMIT; ERR_NO_MEMORY.
 */
int lists_inventory_add(struct lists_inventory *inventory, const struct csv_row *row, char *reason,
			struct err *err);
/** lists_inventory_add_directory - likewise a row of the directory's export of its devices, against
 * which records are then held */
int lists_inventory_add_directory(struct lists_inventory *inventory, const struct csv_row *row,
				  char *reason, struct err *err);
/** lists_inventory_corporate - hold ownership against a list of identifiers, ended, which must
 * outlive the inventory */
void lists_inventory_corporate(struct lists_inventory *inventory, const struct lists *corporate);

/** lists_inventory_findings - after the last row, once: all findings at @now (seconds since 1970),
 * in the order of lines. A value other than 0 from @each ends it and is returned. ERR_NO_MEMORY. */
int lists_inventory_findings(struct lists_inventory *inventory, int64_t now,
			     int (*each)(void *arg, const struct lists_finding *finding,
					 struct err *err),
			     void *arg, struct err *err);

/** lists_inventory_count - records taken; @others: rows of other systems, left out */
size_t lists_inventory_count(const struct lists_inventory *inventory, size_t *others);
/** lists_inventory_unchecked - what could not be looked for, and why, one by one; NULL behind the
 * last. @out holds LISTS_ISSUE_TEXT_MAX. */
const char *lists_inventory_unchecked(const struct lists_inventory *inventory, size_t index,
				      char *out);
/** lists_finding_name - "serial_twice" ...; static */
const char *lists_finding_name(enum lists_finding_kind kind);

#endif
