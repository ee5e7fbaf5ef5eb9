/*
 * finding - what is wrong with the records of an inventory, why, and what to do
 *
 * One small function for each check.  What nobody documents as still true is said so in the
 * finding's own words.
 */
#include "lists/inventory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY = 86400, REMOVED_AFTER_DAYS = 180, RENEWED_BEFORE_DAYS = 120 };

static const char *const names[LISTS_FINDING_COUNT] = {
	[LISTS_SERIAL_TWICE] = "serial_twice",
	[LISTS_CERTIFICATE_ENDED] = "certificate_ended",
	[LISTS_CERTIFICATE_ENDS] = "certificate_ends",
	[LISTS_SILENT] = "silent",
	[LISTS_WIPE_PENDING] = "wipe_pending",
	[LISTS_RETIRE_PENDING] = "retire_pending",
	[LISTS_OWNER_DIFFERS] = "owner_differs",
	[LISTS_NO_DIRECTORY_RECORD] = "no_directory_record",
	[LISTS_DIRECTORY_DISABLED] = "directory_disabled",
};

const char *lists_finding_name(enum lists_finding_kind kind)
{
	return names[kind];
}

/* ---- several records of one serial number ---- */

/* recency_compare - X-24: the later contact is the live one; the later enrollment if equal */
static int recency_compare(const struct record *a, const struct record *b)
{
	if (a->last_contact != b->last_contact)
		return a->last_contact < b->last_contact ? -1 : 1;
	return (a->enrolled > b->enrolled) - (a->enrolled < b->enrolled);
}

static int serial_order(const void *left, const void *right, void *arg)
{
	const struct lists_inventory *inventory = arg;
	const struct record *a = &inventory->records[*(const uint32_t *)left];
	const struct record *b = &inventory->records[*(const uint32_t *)right];
	int order = strcmp(text_at(inventory, a->serial), text_at(inventory, b->serial));

	/* newest first */
	if (order == 0)
		order = recency_compare(b, a);
	return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* group_mark - @order[0..count) are records of one serial number, newest first */
static void group_mark(struct lists_inventory *inventory, const uint32_t *order, size_t count)
{
	struct record *newest = &inventory->records[order[0]];
	bool is_clear;

	if (count < 2)
		return;
	is_clear = recency_compare(newest, &inventory->records[order[1]]) > 0;
	for (size_t i = is_clear; i < count; i++)
		inventory->records[order[i]].newer_line = is_clear ? newest->line : NEWER_UNCLEAR;
}

static int repeats_mark(struct lists_inventory *inventory, struct err *err)
{
	uint32_t *order = calloc(inventory->count + 1, sizeof(*order));
	size_t count = 0, first = 0;

	if (!order)
		return err_no_memory(err);
	for (size_t i = 0; i < inventory->count; i++)
		if (inventory->records[i].serial)
			order[count++] = (uint32_t)i;
	qsort_r(order, count, sizeof(*order), serial_order, inventory);
	for (size_t i = 1; i <= count; i++) {
		if (i < count &&
		    !strcmp(text_at(inventory, inventory->records[order[first]].serial),
			    text_at(inventory, inventory->records[order[i]].serial)))
			continue;
		group_mark(inventory, order + first, i - first);
		first = i;
	}
	free(order);
	return 0;
}

/* ---- the checks ---- */

/* found - fill @finding; true, so that a check can end with it */
PRINTF_LIKE(4, 5)
static bool found(struct lists_finding *finding, enum lists_finding_kind kind, const char *rules,
		  const char *reason, ...)
{
	va_list arguments;

	finding->kind = kind;
	finding->rules = rules;
	va_start(arguments, reason);
	vsnprintf(finding->reason, sizeof(finding->reason), reason, arguments);
	va_end(arguments);
	return true;
}

PRINTF_LIKE(2, 3)
static bool next_is(struct lists_finding *finding, const char *next, ...)
{
	va_list arguments;

	va_start(arguments, next);
	vsnprintf(finding->next, sizeof(finding->next), next, arguments);
	va_end(arguments);
	return true;
}

static long long days(int64_t seconds)
{
	return (long long)(seconds / DAY);
}

static bool repeat_check(const struct lists_inventory *inventory, const struct record *record,
			 int64_t now, struct lists_finding *finding)
{
	if (!record->newer_line)
		return false;
	if (record->newer_line == NEWER_UNCLEAR) {
		found(finding, LISTS_SERIAL_TWICE, "X-24 C-43",
		      "several records have this serial number, and neither contact nor enrollment "
		      "tells which is the device's");
		return next_is(finding, "compare the records in the service; keep the one whose "
					"last contact moves");
	}
	found(finding, LISTS_SERIAL_TWICE, "X-24 C-43 X-03 R-305",
	      "left over: the record of line %llu has the same serial number and is newer",
	      (unsigned long long)record->newer_line);
	return next_is(finding,
		       "make sure that the newer one is the device's, then delete this one "
		       "(that also retires what still answers under it); until then it "
		       "counts against the user's limit");
}

static bool certificate_check(const struct lists_inventory *inventory, const struct record *record,
			      int64_t now, struct lists_finding *finding)
{
	int64_t end = record->certificate_end;
	char time[21];

	if (end == TIME_UNKNOWN || end - now >= inventory->config.certificate_days * DAY)
		return false;
	if (end <= now) {
		found(finding, LISTS_CERTIFICATE_ENDED, "R-405 R-407",
		      "the certificate ended at %s: the device cannot talk to the service, and the "
		      "record goes about %d days after (told in 2020, not confirmed since)",
		      time_format_utc(end, time), REMOVED_AFTER_DAYS);
		return next_is(finding, "enroll the device again");
	}
	found(finding, LISTS_CERTIFICATE_ENDS, "R-408 X-23",
	      "the certificate ends at %s, in %lld days; its renewal should have begun %d days "
	      "before "
	      "the end",
	      time_format_utc(end, time), days(end - now), RENEWED_BEFORE_DAYS);
	return next_is(finding,
		       "bring the device to the network, charged and unlocked, and see its "
		       "last contact move; after the end only a new enrollment helps");
}

static bool silence_check(const struct lists_inventory *inventory, const struct record *record,
			  int64_t now, struct lists_finding *finding)
{
	int64_t then = record->last_contact, limit = inventory->config.silent_days;
	char time[21];

	if (inventory->at[FIELD_LAST_CONTACT] == SIZE_MAX)
		return false;
	if (then == TIME_UNKNOWN)
		found(finding, LISTS_SILENT, "X-22 X-20", "no contact is on record");
	else if (now - then >= limit * DAY)
		found(finding, LISTS_SILENT, "X-22 X-20",
		      "last contact at %s, %lld days ago; devices call every 8 hours or so",
		      time_format_utc(then, time), days(now - then));
	else
		return false;
	return next_is(finding,
		       "ask its user; a clean-up rule hides the record after 30 to 270 days "
		       "of silence, and it comes back only while the certificate holds");
}

static bool pending_check(const struct lists_inventory *inventory, const struct record *record,
			  int64_t now, struct lists_finding *finding)
{
	if (record->state == STATE_WIPE_PENDING) {
		found(finding, LISTS_WIPE_PENDING, "R-409 R-845 X-05",
		      "a wipe waits: it runs when the device calls next, also right after a "
		      "restore");
		return next_is(finding, "cancel it in the service if the device is to live on");
	}
	if (record->state != STATE_RETIRE_PENDING)
		return false;
	found(finding, LISTS_RETIRE_PENDING, "R-409 R-845 X-05",
	      "a retirement waits: management goes when the device calls next, also right after a "
	      "restore");
	return next_is(finding, "cancel it in the service if the device is to stay managed");
}

static bool owner_check(const struct lists_inventory *inventory, const struct record *record,
			int64_t now, struct lists_finding *finding)
{
	const char *serial = text_at(inventory, record->serial);
	bool is_corporate_way =
		record->enrollment >= ENROLLMENT_ADE && record->enrollment <= ENROLLMENT_MANAGER;
	bool is_listed = inventory->corporate && *serial &&
			 lists_has(inventory->corporate, slice_text(serial));

	if (record->owner == OWNER_PERSONAL && is_corporate_way) {
		found(finding, LISTS_OWNER_DIFFERS, "O-10 O-20",
		      "recorded as personal, though enrolled in a way that makes it corporate");
	} else if (record->owner == OWNER_PERSONAL && is_listed) {
		found(finding, LISTS_OWNER_DIFFERS, "C-30 O-20 C-40",
		      "recorded as personal, though its serial number is in the list: an import "
		      "acts "
		      "at enrollment, not later (not documented for iOS)");
	} else if (record->owner == OWNER_CORPORATE && record->enrollment == ENROLLMENT_BY_HAND &&
		   inventory->corporate && *serial && !is_listed) {
		found(finding, LISTS_OWNER_DIFFERS, "R-862 C-30",
		      "corporate and enrolled by hand, but not in the list: enrolled again it "
		      "would "
		      "be personal");
		return next_is(finding, "import its identifier before it enrolls again (`rehome "
					"identifiers`)");
	} else {
		return false;
	}
	return next_is(finding, "make it corporate in the service, or by the list of `rehome "
				"ownership make`");
}

static int entry_order(const void *left, const void *right, void *arg)
{
	const struct directory_entry *a = left, *b = right;

	return strcmp(text_at(arg, a->id), text_at(arg, b->id));
}

/* directory_of - what is known of the record in the directory: from the directory's own export if
 * there is one */
static enum directory directory_of(const struct lists_inventory *inventory,
				   const struct record *record)
{
	struct directory_entry wanted = {.id = record->directory_id}, *entry = NULL;
	size_t low = 0, high = inventory->directory_count;

	if (!inventory->directory_header.count || inventory->at[FIELD_DIRECTORY_ID] == SIZE_MAX)
		return record->directory;
	while (low < high && !entry) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(text_at(inventory, wanted.id),
				   text_at(inventory, inventory->directory[middle].id));

		if (order == 0)
			entry = &inventory->directory[middle];
		else if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (!entry)
		return DIRECTORY_MISSING;
	return entry->is_disabled ? DIRECTORY_DISABLED : DIRECTORY_PRESENT;
}

static bool directory_check(const struct lists_inventory *inventory, const struct record *record,
			    int64_t now, struct lists_finding *finding)
{
	switch (directory_of(inventory, record)) {
	case DIRECTORY_MISSING:
		found(finding, LISTS_NO_DIRECTORY_RECORD, "R-404",
		      "the directory has no record of it: management may work, access that asks "
		      "for "
		      "compliance does not");
		return next_is(finding,
			       "register it again: its user signs in to Company Portal, or "
			       "to a work app with the SSO extension");
	case DIRECTORY_DISABLED:
		found(finding, LISTS_DIRECTORY_DISABLED, "R-846",
		      "disabled in the directory: management works, access does not");
		return next_is(finding, "enable it in the directory");
	default:
		return false;
	}
}

int lists_inventory_findings(struct lists_inventory *inventory, int64_t now,
			     int (*each)(void *arg, const struct lists_finding *finding,
					 struct err *err),
			     void *arg, struct err *err)
{
	static bool (*const checks[])(const struct lists_inventory *, const struct record *,
				      int64_t, struct lists_finding *) = {
		repeat_check,  certificate_check, silence_check,
		pending_check, owner_check,       directory_check,
	};
	int r = repeats_mark(inventory, err);

	if (inventory->directory_count)
		qsort_r(inventory->directory, inventory->directory_count,
			sizeof(*inventory->directory), entry_order, inventory);
	for (size_t i = 0; i < inventory->count && r == 0; i++) {
		const struct record *record = &inventory->records[i];
		struct lists_finding finding = {.line = record->line,
						.serial = text_at(inventory, record->serial),
						.record = text_at(inventory, record->id),
						.name = text_at(inventory, record->name)};

		for (size_t k = 0; k < ARRAY_COUNT(checks) && r == 0; k++)
			if (checks[k](inventory, record, now, &finding))
				r = each(arg, &finding, err);
	}
	return r;
}

/* ---- what could not be checked ---- */

const char *lists_inventory_unchecked(const struct lists_inventory *inventory, size_t index,
				      char *out)
{
	static const struct {
		enum field field;
		const char *what;
	} needs[] = {
		{FIELD_SERIAL, "several records of a serial number"},
		{FIELD_CERTIFICATE_END, "certificates near their end"},
		{FIELD_LAST_CONTACT, "silent records"},
		{FIELD_STATE, "pending wipes"},
		{FIELD_OWNER, "ownership"},
		{FIELD_ENROLLMENT, "ownership against the way of enrollment"},
		{FIELD_DIRECTORY, "records in the directory"},
	};
	bool has_file = inventory->directory_header.count > 0;

	for (size_t i = 0; i < ARRAY_COUNT(needs); i++) {
		enum field field = needs[i].field;

		/* with the directory's own export it is the id that counts */
		if (field == FIELD_DIRECTORY && has_file)
			field = FIELD_DIRECTORY_ID;
		if (inventory->at[field] != SIZE_MAX || index-- > 0)
			continue;
		snprintf(out, LISTS_ISSUE_TEXT_MAX, "%s: no column \"%.200s\" (column.%s)",
			 needs[i].what, inventory->config.columns[field], field_key(field));
		return out;
	}
	return NULL;
}
