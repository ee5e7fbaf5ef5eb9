/* findings - what a verification finds: printed as it comes, or gathered for --json */
#include "cli/internal.h"

enum { PRINTED_MAX = 1000 };

void cli_findings_init(struct cli_findings *findings, struct cli *cli)
{
	*findings = (struct cli_findings){.cli = cli, .list = cli->is_json ? json_array() : NULL};
}

void cli_findings_clear(struct cli_findings *findings)
{
	json_decref(findings->list);
	findings->list = NULL;
}

static const char *severity(const struct backup_finding *finding)
{
	return finding->severity == BACKUP_PROBLEM ? "problem" : "remark";
}

void cli_finding(void *arg, const struct backup_finding *finding)
{
	struct cli_findings *findings = arg;
	const char *path = finding->path ? finding->path : "";

	/* a backup that is damaged throughout has a line for every file: the verdict counts them
	 * all */
	if (findings->printed++ >= PRINTED_MAX)
		return;
	if (findings->list)
		json_array_append_new(findings->list,
				      json_pack("{s:s, s:s, s:o, s:o}", "severity",
						severity(finding), "promise", finding->promise,
						"path", cli_json_text(path), "text",
						cli_json_text(finding->text)));
	else if (finding->severity == BACKUP_PROBLEM || !findings->cli->is_quiet)
		cli_warn(findings->cli, "%s: %s: %s%s%s", severity(finding), finding->promise, path,
			 *path ? ": " : "", finding->text);
}
