/*
 * What follows from the management files together (docs/format/ios-backup, 9.4)
 *
 * Pure: no file is read here.  A conclusion names the file that decided it.
 */
#include "backup/management_internal.h"

#include <stdarg.h>
#include <string.h>

enum { SOURCE_ADE = 1, SOURCE_CONFIGURATOR = 2 };

void reading_remark(struct reading *reading, bool is_edit, const struct backup_place *from,
		    const char *format, ...)
{
	struct backup_management *m = reading->management;
	struct backup_remark *remark;
	va_list args;

	if (m->remark_count == BACKUP_REMARKS_MAX)
		return;
	remark = &m->remarks[m->remark_count++];
	remark->is_edit = is_edit;
	remark->from = from;
	va_start(args, format);
	vsnprintf(remark->text, sizeof(remark->text), format, args);
	va_end(args);
}

void reading_trace(struct reading *reading, const char *what, int64_t time,
		   const struct backup_place *from)
{
	struct backup_management *m = reading->management;

	if (time > 0 && m->trace_count < BACKUP_TRACES_MAX)
		m->traces[m->trace_count++] = (struct backup_trace){what, time, from};
}

static const struct backup_place *place_of(const struct reading *reading, enum place place)
{
	return &reading->management->places[place];
}

static void judge_managed(struct reading *reading)
{
	const struct backup_place *mdm = place_of(reading, PLACE_MDM);
	struct backup_yes_no *is_managed = &reading->management->is_managed;

	if (mdm->state == BACKUP_PLACE_READ && reading->is_mdm_valid)
		*is_managed = (struct backup_yes_no){BACKUP_YES, mdm};
	else if (mdm->state == BACKUP_PLACE_ABSENT && reading->has_folder)
		*is_managed = (struct backup_yes_no){BACKUP_NO, mdm};
}

/* IsADEProfile decides where it is; before it existed, ADE's own record does. */
static void judge_enrollment(struct reading *reading)
{
	struct backup_management *m = reading->management;
	const struct backup_place *mdm = place_of(reading, PLACE_MDM);
	const struct backup_number *source = &m->cloud.source;
	enum backup_enrollment how = BACKUP_ENROLLED_UNKNOWN;
	const struct backup_place *from = mdm;

	if (!strcmp(reading->mode, "ADDE")) {
		how = BACKUP_ENROLLED_ADDE;
		from = reading->mode_from;
	} else if (!strcmp(reading->mode, "BYOD")) {
		how = BACKUP_ENROLLED_USER;
		from = reading->mode_from;
	} else if (reading->is_user_enrollment == BACKUP_YES || reading->has_persona) {
		how = BACKUP_ENROLLED_USER;
	} else if (reading->is_ade_profile == BACKUP_YES) {
		how = BACKUP_ENROLLED_ADE;
	} else if (place_of(reading, PLACE_CLOUD)->state == BACKUP_PLACE_READ) {
		from = place_of(reading, PLACE_CLOUD);
		if (source->from && source->value == SOURCE_CONFIGURATOR)
			how = BACKUP_ENROLLED_CONFIGURATOR;
		else if (source->from && source->value == SOURCE_ADE &&
			 reading->is_ade_profile == BACKUP_UNKNOWN)
			how = BACKUP_ENROLLED_ADE;
		else
			how = BACKUP_ENROLLED_PROFILE;
	}
	m->enrollment.how = how;
	m->enrollment.from = how == BACKUP_ENROLLED_UNKNOWN ? NULL : from;
}

static void judge_locked(struct reading *reading)
{
	struct backup_management *m = reading->management;
	struct backup_yes_no *is_locked = &m->is_locked;

	if (reading->is_profile_locked != BACKUP_UNKNOWN)
		*is_locked = (struct backup_yes_no){reading->is_profile_locked,
						    place_of(reading, PLACE_MDM)};
	else if (reading->enrollment)
		*is_locked = (struct backup_yes_no){reading->enrollment->is_locked,
						    &reading->enrollment->place};
	else if (m->enrollment.how == BACKUP_ENROLLED_ADE && m->is_supervised.answer == BACKUP_NO)
		*is_locked = m->is_supervised; /* without supervision ADE's lock has no effect */
	else if (m->enrollment.how == BACKUP_ENROLLED_ADE)
		*is_locked = m->cloud.is_unremovable;
}

static void judge_pending(struct reading *reading)
{
	struct backup_management *m = reading->management;
	const struct backup_cloud *cloud = &m->cloud;

	if (place_of(reading, PLACE_POST_SETUP)->state == BACKUP_PLACE_READ)
		m->has_pending_profile =
			(struct backup_yes_no){BACKUP_YES, place_of(reading, PLACE_POST_SETUP)};
	else if (cloud->url.from && cloud->was_applied.answer == BACKUP_NO)
		m->has_pending_profile =
			(struct backup_yes_no){BACKUP_YES, cloud->was_applied.from};
	else if (place_of(reading, PLACE_CLOUD)->state == BACKUP_PLACE_READ)
		m->has_pending_profile =
			(struct backup_yes_no){BACKUP_NO, place_of(reading, PLACE_CLOUD)};
}

/* What no device would have left so. */
static void judge_edits(struct reading *reading)
{
	struct backup_management *m = reading->management;
	const struct backup_place *mdm = place_of(reading, PLACE_MDM);
	enum place i;

	for (i = PLACE_SET_ASIDE_CLOUD; i < PLACE_COUNT; i++)
		if (place_of(reading, i)->state != BACKUP_PLACE_ABSENT)
			reading_remark(reading, true, place_of(reading, i),
				       "a device never backs this file up");
	if (m->is_managed.answer == BACKUP_YES && !reading->enrollment)
		reading_remark(reading, true, mdm,
			       "the profile that MDM.plist names is not there or cannot be read");
	if (m->is_managed.answer == BACKUP_YES && m->identity_is_kept.answer == BACKUP_NO &&
	    m->identity.kind != BACKUP_IDENTITY_HARDWARE)
		reading_remark(reading, true, m->identity_is_kept.from,
			       "the keychain holds no identity, which an enrolled device has");
	if (m->is_managed.answer == BACKUP_NO && reading->has_stray_enrollment)
		reading_remark(reading, true, mdm,
			       "an enrollment profile is installed, and there is no MDM.plist");
	if (m->is_supervised.answer == BACKUP_NO && m->cloud.is_mandatory.answer == BACKUP_YES &&
	    m->cloud.source.from && m->cloud.source.value == SOURCE_ADE)
		reading_remark(reading, true, m->is_supervised.from,
			       "a mandatory ADE record without supervision");
}

void reading_judge(struct reading *reading)
{
	struct backup_management *m = reading->management;

	judge_managed(reading);
	if (m->is_managed.answer == BACKUP_YES) {
		judge_enrollment(reading);
		judge_locked(reading);
		if (reading->enrollment)
			m->enrolled_since = reading->enrollment->since;
	}
	judge_pending(reading);
	judge_edits(reading);
}
