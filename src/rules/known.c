/*
 * Facts as sets of possible values, and what excludes what.
 *
 * An unknown fact is every value that it may have.  The evaluation asks "is it one of these?"; only
 * where the set is mixed must the run be split in two (outcomes.c), so a fact that nobody asks for
 * costs nothing and is never asked of a person either.
 */
#include "rules/internal.h"

#include <string.h>

#define BIT VALUE_BIT
#define ANY_BUT(bits) ((unsigned)(0x3f & ~(bits)))

/* two facts that cannot both hold */
static const struct contradiction {
	uint8_t a, b;
	uint8_t a_mask, b_mask;
	const char *reason;
} contradictions[] = {
	{RULES_RESET, RULES_DEVICE, BIT(RULES_BRAND_NEW), BIT(RULES_SAME),
	 "a brand new device has no backup of its own"},
	{RULES_SOURCE, RULES_DEVICE, BIT(RULES_DIRECT_TRANSFER), BIT(RULES_SAME),
	 "a direct transfer needs two devices"},
	{RULES_KIND, RULES_BACKUP_MGMT, BIT(RULES_KIND_ABSENT), ANY_BUT(BIT(RULES_NONE)),
	 "a backup with management was enrolled in some way"},
	{RULES_KIND, RULES_BACKUP_MGMT, ANY_BUT(BIT(RULES_KIND_ABSENT)), BIT(RULES_NONE),
	 "a way of enrollment belongs to a backup with management"},
	{RULES_IDENTITY, RULES_BACKUP_MGMT, BIT(RULES_IDENTITY_HARDWARE), BIT(RULES_NONE),
	 "a hardware-bound identity belongs to a backup with management"},
	{RULES_IDENTITY, RULES_KIND, BIT(RULES_IDENTITY_HARDWARE), BIT(RULES_KIND_ABSENT),
	 "a hardware-bound identity belongs to a backup with management"},
	{RULES_KIND, RULES_ADE_RECORD, BIT(RULES_KIND_ADE), BIT(RULES_ADE_RECORD_NONE),
	 "an ADE enrollment leaves a mandatory ADE record"},
	{RULES_SERVER_UID, RULES_ADE_RECORD, ANY_BUT(BIT(RULES_UID_ABSENT)),
	 BIT(RULES_ADE_RECORD_NONE), "the ADE server is named in an ADE record"},
	{RULES_TOOL, RULES_SOURCE, BIT(RULES_CONFIGURATOR),
	 BIT(RULES_ICLOUD) | BIT(RULES_DIRECT_TRANSFER),
	 "Configurator restores only backups that a computer made"},
	{RULES_NOW, RULES_RESET, ANY_BUT(BIT(RULES_NONE)), ANY_BUT(BIT(RULES_NOT_RESET)),
	 "an erased device is managed by nobody"},
	{RULES_SCENARIO, RULES_RESET, BIT(RULES_MIGRATE_NO_WIPE), ANY_BUT(BIT(RULES_NOT_RESET)),
	 "a migration without wipe has no erased device"},
};

static bool is_within(uint8_t may, uint8_t mask)
{
	return !(may & ~mask);
}

bool known_settle(struct known *known)
{
	bool is_changed;
	size_t i;

	do {
		is_changed = false;
		for (i = 0; i < ARRAY_COUNT(contradictions); i++) {
			const struct contradiction *c = &contradictions[i];
			uint8_t *a = &known->may[c->a], *b = &known->may[c->b];

			if (is_within(*a, c->a_mask) && (*b & c->b_mask)) {
				*b &= (uint8_t)~c->b_mask;
				is_changed = true;
			}
			if (is_within(*b, c->b_mask) && (*a & c->a_mask)) {
				*a &= (uint8_t)~c->a_mask;
				is_changed = true;
			}
			if (!*a || !*b)
				return false;
		}
	} while (is_changed);
	return true;
}

static uint8_t every_value(enum rules_field field)
{
	uint8_t all = 0;
	size_t i;

	for (i = 0; i < field_value_count(field); i++)
		if (field_row(field)->values[i].code)
			all |= (uint8_t)(1u << i);
	return all;
}

void known_from_facts(struct known *known, const struct rules_facts *facts)
{
	size_t field;

	*known = (struct known){.os = facts->value[RULES_OS],
				.backup_os = facts->value[RULES_BACKUP_OS]};
	for (field = 0; field < RULES_FIELD_COUNT; field++)
		if (!field_is_version(field))
			known->may[field] = facts->value[field]
						    ? (uint8_t)VALUE_BIT(facts->value[field])
						    : every_value(field);
}

void known_to_facts(const struct known *known, struct rules_facts *facts)
{
	size_t field;

	*facts = (struct rules_facts){0};
	facts->value[RULES_OS] = known->os;
	facts->value[RULES_BACKUP_OS] = known->backup_os;
	for (field = 0; field < RULES_FIELD_COUNT; field++) {
		uint8_t may = known->may[field];
		uint8_t usual = field_row(field)->assumed;

		if (field_is_version(field) || !may ||
		    (may == every_value(field) && (may & (may - 1))))
			continue;
		if (usual && (may & VALUE_BIT(usual)))
			facts->value[field] = usual;
		else
			facts->value[field] = (uint16_t)__builtin_ctz(may) + 1;
	}
}

int rules_facts_check(const struct rules_facts *facts, struct err *err)
{
	char a[RULES_TEXT_MAX], b[RULES_TEXT_MAX];
	struct known known;
	size_t i;

	known_from_facts(&known, facts);
	for (i = 0; i < ARRAY_COUNT(contradictions); i++) {
		const struct contradiction *c = &contradictions[i];

		if (!is_within(known.may[c->a], c->a_mask) ||
		    !is_within(known.may[c->b], c->b_mask))
			continue;
		return err_set(err, ERR_USAGE, "%s=%s and %s=%s cannot both hold: %s (R-711)",
			       rules_field_name(c->a, RULES_WORDS),
			       rules_facts_text(facts, c->a, RULES_WORDS, a),
			       rules_field_name(c->b, RULES_WORDS),
			       rules_facts_text(facts, c->b, RULES_WORDS, b), c->reason);
	}
	return 0;
}
