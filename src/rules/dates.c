/*
 * What follows from dates alone: whether the backup's identity has ended, was renewed or belongs to
 * an earlier enrollment, and whether the backup is too old to come back to.
 */
#include "rules/internal.h"

#define DAY (24 * 60 * 60)

/* a date later than tomorrow says nothing */
static bool is_backup_date_sound(const struct rules_dates *dates)
{
	return dates->backup && (!dates->restore || dates->backup <= dates->restore + DAY);
}

static void tell(struct rules_facts *facts, enum rules_field field, uint16_t value)
{
	if (facts->value[field] == RULES_UNKNOWN)
		facts->value[field] = value;
}

void rules_facts_date(struct rules_facts *facts, const struct rules_dates *dates)
{
	if (dates->restore && dates->identity_end)
		tell(facts, RULES_EXPIRED,
		     dates->restore >= dates->identity_end ? RULES_YES : RULES_NO);
	if (dates->identity_end && dates->record_identity_end)
		tell(facts, RULES_RENEWED,
		     dates->record_identity_end > dates->identity_end + DAY ? RULES_YES : RULES_NO);
	if (is_backup_date_sound(dates) && dates->record_enrolled)
		tell(facts, RULES_GENERATION,
		     dates->record_enrolled > dates->backup + DAY ? RULES_GENERATION_NEWER
								  : RULES_GENERATION_SAME);
}

bool rules_was_probably_renewed(const struct rules_dates *dates)
{
	const struct rules_limit *renewal = rules_limit("renewal_days");

	return dates->restore && dates->identity_end && !dates->record_identity_end &&
	       dates->restore > dates->identity_end - (int64_t)renewal->value * DAY;
}

/* the first of the limits that exist, 0 if there is none */
static int64_t grows_old(const struct rules_dates *dates)
{
	int64_t hidden =
		dates->cleanup_days ? dates->backup + (int64_t)dates->cleanup_days * DAY : 0;
	int64_t end = dates->identity_end;

	if (!hidden || !end)
		return hidden ? hidden : end;
	return hidden < end ? hidden : end;
}

enum rules_age rules_age(const struct rules_dates *dates, int64_t *next)
{
	int64_t old = grows_old(dates), end = dates->identity_end, changes = 0;
	enum rules_age age = RULES_AGE_FINE;

	if (end && dates->restore && dates->restore >= end) {
		age = RULES_AGE_TOO_OLD;
	} else if (!dates->restore || !is_backup_date_sound(dates) || !old) {
		age = RULES_AGE_UNKNOWN;
		changes = end;
	} else if (dates->restore > old) {
		age = RULES_AGE_OLD;
		changes = end;
	} else {
		changes = old;
	}
	if (next)
		*next = changes;
	return age;
}
