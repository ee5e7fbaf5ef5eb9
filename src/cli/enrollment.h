/*
 * cli/enrollment - how a backup hangs together with an enrollment of the MDM service
 */
#ifndef REHOME_CLI_ENROLLMENT_H
#define REHOME_CLI_ENROLLMENT_H

#include "cli/mdm.h"

/** cli_enrollment_note - what a backup that is made now notes of the record; false: the device is
 * not enrolled there, and @out is empty */
bool cli_enrollment_note(const struct mdm *mdm, const struct mdm_record *record,
			 struct job_enrollment *out);

/** struct cli_enrollment - of one backup; zeroed first, cli_enrollment_clear */
struct cli_enrollment {
	struct job_enrollment then; /* generation 0: an earlier one than the record's of now */
	/* who says so: "backup" (noted when it was made), "record" (by the dates of the record of
	 * now), of the identity also "keychain" (of the backup); "": not enrolled, as far as known
	 */
	const char *from, *identity_from;
	struct mdm_record now; /* if @is_asked: what the service says of the device now */
	bool is_asked;
	bool is_elsewhere; /* the backup is managed by another service than the one that is asked */
};
/** cli_enrollment_make - asks the service that is named, unless the backup is not managed.
 * @management: NULL where the backup is locked */
void cli_enrollment_make(struct cli *cli, const struct job_snapshot *about,
			 const struct backup_management *management, struct cli_enrollment *link);
void cli_enrollment_clear(struct cli_enrollment *link);
/** cli_enrollment_print - lines for `show`; nothing where nothing was noted and nobody asked */
void cli_enrollment_print(struct cli *cli, const struct cli_enrollment *link);
/** cli_enrollment_json - the object for `show --json`; null where there is no enrollment */
json_t *cli_enrollment_json(struct cli *cli, const struct cli_enrollment *link);

#endif
