/*
 * Facts by name: set, print, check against each other, and fill up with what is usual.
 */
#include "rules/internal.h"

#include <string.h>

/* ---- words ---------------------------------------------------------------- */

/* "26.4", "17", "17.6.1": at most three numbers of at most two digits */
static bool version_parse(const char *text, uint16_t *version)
{
	unsigned number[3] = {0, 0, 0};
	size_t part, digits;

	for (part = 0; part < 3; part++) {
		for (digits = 0; *text >= '0' && *text <= '9'; digits++, text++)
			number[part] = number[part] * 10 + (unsigned)(*text - '0');
		if (digits < 1 || digits > 2)
			return false;
		if (*text != '.')
			break;
		text++;
	}
	*version = (uint16_t)RULES_OS_VERSION(number[0], number[1]);
	return *text == '\0' && part < 3;
}

static int set_version(struct rules_facts *facts, enum rules_field field, const char *word,
		       const char *name, struct err *err)
{
	char quoted[400];
	uint16_t version;

	if (!version_parse(word, &version))
		return err_set(err, ERR_USAGE, "%s: %s is not a version such as 26.4", name,
			       text_quote(word, strlen(word), quoted));
	if (version < RULES_OS_MIN)
		return err_set(err, ERR_USAGE,
			       "%s: %s is older than 13.0, which the rules begin with", name, word);
	facts->value[field] = version;
	return 0;
}

static int refuse_word(enum rules_field field, const char *word, const char *name,
		       enum rules_spelling spelling, struct err *err)
{
	CLEANUP(buf_clear) struct buf choices = BUF_INIT(1024);
	char quoted[400];
	const char *choice;
	size_t i;
	int r;

	for (i = 0; (choice = rules_field_value(field, i, spelling)); i++) {
		r = buf_append_format(&choices, err, "%s, ", choice);
		if (r < 0)
			return r;
	}
	return err_set(err, ERR_USAGE, "%s: %s is none of %sunknown", name,
		       text_quote(word, strlen(word), quoted), buf_text(&choices));
}

int rules_facts_set(struct rules_facts *facts, enum rules_field field, const char *word,
		    enum rules_spelling spelling, struct err *err)
{
	const struct field_row *row = field_row(field);
	const char *name = rules_field_name(field, spelling);
	size_t i;

	if (!strcmp(word, "unknown") || (field == RULES_POLICY && !strcmp(word, "ask"))) {
		facts->value[field] = RULES_UNKNOWN;
		return 0;
	}
	if (field_is_version(field))
		return set_version(facts, field, word, name, err);
	for (i = 0; i < field_value_count(field); i++) {
		const struct word *known = &row->values[i];

		if (known->code &&
		    !strcmp(word, spelling == RULES_CODES ? known->code : known->word)) {
			facts->value[field] = (uint16_t)(i + 1);
			return 0;
		}
	}
	return refuse_word(field, word, name, spelling, err);
}

const char *rules_facts_text(const struct rules_facts *facts, enum rules_field field,
			     enum rules_spelling spelling, char out[RULES_TEXT_MAX])
{
	uint16_t value = facts->value[field];
	const struct word *word;

	if (value == RULES_UNKNOWN) {
		snprintf(out, RULES_TEXT_MAX, "unknown");
	} else if (field_is_version(field)) {
		if (value % 100)
			snprintf(out, RULES_TEXT_MAX, "%d.%d", value / 100, value % 100);
		else
			snprintf(out, RULES_TEXT_MAX, "%d", value / 100);
	} else {
		word = &field_row(field)->values[value - 1];
		snprintf(out, RULES_TEXT_MAX, "%s",
			 spelling == RULES_CODES ? word->code : word->word);
	}
	return out;
}

/* ---- what is usual ------------------------------------------------------------ */

static bool is(const struct rules_facts *facts, enum rules_field field, uint16_t value)
{
	return facts->value[field] == value;
}

/* known to be something else than @value */
static bool is_not(const struct rules_facts *facts, enum rules_field field, uint16_t value)
{
	return facts->value[field] != RULES_UNKNOWN && facts->value[field] != value;
}

static void assume(struct rules_facts *facts, enum rules_field field, uint16_t value)
{
	if (facts->value[field] == RULES_UNKNOWN)
		facts->value[field] = value;
}

/* the ADE server of the backup: from 26 on, different if the service changed since */
static uint16_t usual_server(const struct rules_facts *facts)
{
	if (facts->value[RULES_BACKUP_OS] < RULES_OS_VERSION(26, 0) ||
	    is(facts, RULES_ADE_RECORD, RULES_ADE_RECORD_NONE))
		return RULES_UID_ABSENT;
	if (is(facts, RULES_BACKUP_MGMT, RULES_NONE) || is(facts, RULES_ADE, RULES_NONE) ||
	    facts->value[RULES_BACKUP_MGMT] == facts->value[RULES_ADE])
		return RULES_UID_EQUAL;
	return RULES_UID_DIFFERENT;
}

/* the fields that hang together, each assumed in keeping with those before it */
static void assume_related(struct rules_facts *facts)
{
	bool is_migration, is_hardware, is_elsewhere;

	is_migration = is(facts, RULES_SCENARIO, RULES_MIGRATE_NO_WIPE);
	is_hardware = is(facts, RULES_IDENTITY, RULES_IDENTITY_HARDWARE);
	is_elsewhere = is(facts, RULES_DEVICE, RULES_DIFFERENT) ||
		       is(facts, RULES_SOURCE, RULES_DIRECT_TRANSFER);
	if (is_migration || is_not(facts, RULES_NOW, RULES_NONE))
		assume(facts, RULES_RESET, RULES_NOT_RESET);
	assume(facts, RULES_RESET, is_elsewhere ? RULES_BRAND_NEW : RULES_LOCAL_ERASE);
	if (is(facts, RULES_RESET, RULES_BRAND_NEW) ||
	    is(facts, RULES_SOURCE, RULES_DIRECT_TRANSFER))
		assume(facts, RULES_DEVICE, RULES_DIFFERENT);
	assume(facts, RULES_DEVICE, RULES_SAME);
	if (is(facts, RULES_KIND, RULES_KIND_ABSENT) && !is_hardware)
		assume(facts, RULES_BACKUP_MGMT, RULES_NONE);
	assume(facts, RULES_BACKUP_MGMT, RULES_THIS);
	if (is(facts, RULES_BACKUP_MGMT, RULES_NONE))
		assume(facts, RULES_KIND, RULES_KIND_ABSENT);
	assume(facts, RULES_KIND,
	       is(facts, RULES_ADE_RECORD, RULES_ADE_RECORD_NONE) ? RULES_KIND_PROFILE
								  : RULES_KIND_ADE);
	assume(facts, RULES_ADE_RECORD,
	       is(facts, RULES_KIND, RULES_KIND_ADE) ||
			       is_not(facts, RULES_SERVER_UID, RULES_UID_ABSENT)
		       ? RULES_ADE_RECORD_MANDATORY
		       : RULES_ADE_RECORD_NONE);
	assume(facts, RULES_BACKUP_SUPERVISED,
	       is(facts, RULES_ADE_RECORD, RULES_ADE_RECORD_MANDATORY) ? RULES_YES : RULES_NO);
	assume(facts, RULES_OS,
	       facts->value[RULES_BACKUP_OS] ? facts->value[RULES_BACKUP_OS]
					     : RULES_OS_VERSION(17, 0));
	assume(facts, RULES_BACKUP_OS, facts->value[RULES_OS]);
}

uint64_t rules_facts_assume(struct rules_facts *facts)
{
	uint64_t assumed = 0;
	size_t field;

	for (field = 0; field < RULES_FIELD_COUNT; field++)
		if (facts->value[field] == RULES_UNKNOWN)
			assumed |= FIELD_BIT(field);
	assume_related(facts);
	for (field = 0; field < RULES_FIELD_COUNT; field++)
		if (field_row(field)->assumed)
			assume(facts, field, field_row(field)->assumed);
	assume(facts, RULES_SERVER_UID, usual_server(facts));
	return assumed;
}
