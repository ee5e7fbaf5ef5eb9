/*
 * admit - may this source go to this target?
 *
 * Pure: facts in, decision out, so that every rule has its test.  The rule about simulated
 * devices comes first and has no switch: what a simulator made up never reaches a real device.
 */
#include "job/internal.h"

#include <stdlib.h>
#include <string.h>

/* part_take - the number at @at, which moves past it and its dot; anything else ends the text */
static unsigned long part_take(const char **at)
{
	char *end;
	unsigned long value = strtoul(*at, &end, 10);

	*at = *end == '.' ? end + 1 : end + strlen(end);
	return value;
}

int job_version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		unsigned long x = part_take(&a), y = part_take(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

static int admit_identity(const struct job_restore_facts *facts, struct err *err)
{
	const struct job_snapshot *source = &facts->source;
	const struct job_facts *target = &facts->target;
	bool is_source_simulated = source->is_simulated || udid_is_reserved(source->udid) ||
				   serial_is_reserved(source->serial);

	if (is_source_simulated &&
	    !(udid_is_reserved(target->udid) && serial_is_reserved(target->serial)))
		return err_set(err, ERR_POLICY,
			       "the snapshot is of a simulated device: it goes to simulated "
			       "devices only, and %s "
			       "(serial %s) is none",
			       target->udid, *target->serial ? target->serial : "unknown");
	return 0;
}

/* admit_owner - onto another device a plain backup would open to whoever holds that */
static int admit_owner(const struct job_restore_facts *facts, struct err *err)
{
	if (facts->is_personal && !facts->source.is_encrypted &&
	    strcmp(facts->source.udid, facts->target.udid) != 0)
		return err_set(err, ERR_POLICY,
			       "the snapshot is of a personally owned device and not encrypted: it "
			       "goes back to %s only",
			       facts->source.udid);
	return 0;
}

static int admit_version(const struct job_restore_facts *facts, struct err *err)
{
	const char *has = facts->target.product_version;
	const char *needs = facts->source.product_version;

	if (job_version_compare(facts->source.required_version, needs) > 0)
		needs = facts->source.required_version;
	if (!*needs)
		return 0;
	if (!*has)
		return err_set(err, ERR_DEVICE,
			       "%s does not tell its OS version: unlock it and try again",
			       facts->target.udid);
	if (job_version_compare(has, needs) < 0)
		return err_set(err, ERR_POLICY,
			       "the backup is of version %s and the device runs %s: update the "
			       "device first",
			       needs, has);
	return 0;
}

static int admit_target(const struct job_facts *target, struct err *err)
{
	if (target->pairing != JOB_PAIRED)
		return err_set(err, ERR_DEVICE, "%s is not paired: run `rehome pair %s` first",
			       target->udid, target->udid);
	if (target->has_find_my == JOB_YES)
		return err_set(err, ERR_DEVICE,
			       "Find My is on: switch it off in the device's settings, then "
			       "restore (the device would "
			       "refuse with 211)");
	return 0;
}

int job_restore_admit(const struct job_restore_facts *facts, struct err *err)
{
	int r = admit_identity(facts, err);

	if (r == 0)
		r = admit_owner(facts, err);
	if (r == 0 && !facts->is_finished)
		r = err_set(err, ERR_CORRUPT, "the snapshot's Status.plist does not say finished");
	if (r == 0)
		r = admit_target(&facts->target, err);
	if (r == 0)
		r = admit_version(facts, err);
	if (r == 0 && facts->verdict.problems)
		r = err_set(err, ERR_CORRUPT,
			    "the snapshot has %llu problems (`rehome verify` names them): a device "
			    "would refuse it "
			    "half-way",
			    (unsigned long long)facts->verdict.problems);
	return r;
}
