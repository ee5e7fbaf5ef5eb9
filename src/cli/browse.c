/* browse - what ls, cat and extract share: a snapshot opened, and a PATH taken apart */
#include "cli/internal.h"

#include <string.h>

int cli_browse_open(struct cli *cli, const char *wanted, struct repo **repo,
		    struct job_browse **browse, struct err *err)
{
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	struct job_snapshot snapshot;
	int r;

	r = cli_repo_open(cli, repo, err);
	if (r == 0)
		r = job_snapshot_find(*repo, wanted, &snapshot, err);
	if (r == 0 && snapshot.is_encrypted)
		r = cli_device_password(cli, *repo, snapshot.udid, true, &password, err);
	if (r < 0)
		return r;
	return job_browse_open(browse, *repo, &snapshot, snapshot.is_encrypted ? &password : NULL,
			       err);
}

int cli_path_split(const char *text, char domain[BACKUP_DOMAIN_LEN_MAX + 1],
		   char path[PATH_LEN_MAX + 1], struct err *err)
{
	const char *slash = strchr(text, '/'), *rest = slash ? slash + 1 : "";
	size_t domain_len = slash ? (size_t)(slash - text) : strlen(text), path_len = strlen(rest);

	while (path_len && rest[path_len - 1] == '/')
		path_len--;
	if (!domain_len || domain_len > BACKUP_DOMAIN_LEN_MAX || path_len > PATH_LEN_MAX)
		return err_set(err, ERR_USAGE, "\"%.80s\" is no DOMAIN/PATH", text);
	memcpy(domain, text, domain_len);
	domain[domain_len] = 0;
	memcpy(path, rest, path_len);
	path[path_len] = 0;
	return 0;
}
