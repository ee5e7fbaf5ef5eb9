/*
 * cli/plan - facts for a plan from a snapshot, a folder, a device: shared by plan and restore
 */
#ifndef REHOME_CLI_PLAN_H
#define REHOME_CLI_PLAN_H

#include "cli/internal.h"
#include "plan/plan.h"

/** cli_plan_backup - what the snapshot or folder @word tells; a locked one tells little, and that
 * is said. @repo: where the snapshot is, borrowed; NULL: it is opened for this call */
int cli_plan_backup(struct cli *cli, struct repo *repo, const char *word, struct plan_case *kase,
		    struct err *err);
/** cli_plan_source - the same for one that is open */
int cli_plan_source(struct cli *cli, const struct cli_source *source, struct plan_case *kase,
		    struct err *err);
/** cli_plan_target - @word: an attached device, else a serial number of which nothing is known yet
 */
int cli_plan_target(struct cli *cli, const char *word, struct plan_case *kase, struct err *err);
/** cli_plan_record - what the MDM service's record of the target tells, asked as `rehome mdm` does;
 * a device that it does not know has none. A device that is not attached is found by its serial
 * number, and described by its record. */
int cli_plan_record(struct cli *cli, struct plan_case *kase, struct err *err);
/** cli_plan_warn - of a joined case: that "latest" (@word) is of another device than the target,
 * and that no server goes by @service. Either may be NULL: not said */
void cli_plan_warn(struct cli *cli, const char *word, const char *service,
		   const struct plan_case *kase);
/** cli_plan_device - what the device's own answers tell */
void cli_plan_device(const struct job_facts *facts, struct plan_case *kase);

#endif
