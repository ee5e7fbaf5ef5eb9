/* browse - what commands that look inside share: a snapshot or folder opened, and a PATH taken
 * apart */
#include "cli/internal.h"

#include <string.h>
#include <sys/stat.h>

bool cli_is_folder(const char *word)
{
	struct stat st;

	return strchr(word, '/') || !strcmp(word, ".") ||
	       (stat(word, &st) == 0 && S_ISDIR(st.st_mode));
}

void cli_source_clear(struct cli_source *source)
{
	job_browse_close_p(&source->browse);
	if (!source->is_repo_borrowed)
		repo_close_p(&source->repo);
}

static int folder_open(struct cli *cli, const char *dir, bool needs_content,
		       struct cli_source *source, struct err *err)
{
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	int r = cli_device_password(cli, NULL, "", false, &password, err);

	if (r < 0)
		return r;
	r = job_browse_open_folder(&source->browse, dir, r == 0 ? &password : NULL, err);
	if (r != JOB_LOCKED || !needs_content)
		return r;
	/* only now it is known that a password is needed */
	job_browse_close_p(&source->browse);
	r = cli_device_password(cli, NULL, "", true, &password, err);
	return r < 0 ? r : job_browse_open_folder(&source->browse, dir, &password, err);
}

int cli_snapshot_open(struct cli *cli, struct repo *repo, const struct job_snapshot *snapshot,
		      enum cli_access access, struct job_browse **out, struct err *err)
{
	CLEANUP(job_browse_close_p) struct job_browse *browse = NULL;
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	bool is_personal = false, is_known = false;
	int r = 0, opened;

	if (access >= CLI_CONTENTS)
		r = job_opening_admit(repo, snapshot, &is_personal, err);
	if (r == 0 && snapshot->is_encrypted) {
		/* a personal one opens with what its owner gives, not with what was kept */
		r = cli_device_password(
			cli, is_personal ? NULL : repo, is_personal ? "" : snapshot->udid,
			access == CLI_KEYS || access == CLI_CONTENTS, &password, err);
		is_known = r == 0;
	}
	if (r < 0)
		return r;
	opened = job_browse_open(&browse, repo, snapshot, is_known ? &password : NULL, err);
	if (opened == 0 && is_personal)
		r = job_opening_record(&cli->env, repo, snapshot, cli->command->name, err);
	if (opened < 0 || r < 0)
		return opened < 0 ? opened : r;
	*out = STEAL(browse);
	return opened;
}

static int snapshot_open(struct cli *cli, const char *wanted, enum cli_access access,
			 struct cli_source *source, struct err *err)
{
	struct job_snapshot snapshot;
	int r = 0;

	source->is_repo_borrowed = source->repo != NULL;
	if (!source->repo)
		r = cli_repo_open(cli, &source->repo, err);
	if (r == 0)
		r = job_snapshot_find(source->repo, wanted, &snapshot, err);
	return r < 0 ? r
		     : cli_snapshot_open(cli, source->repo, &snapshot, access, &source->browse,
					 err);
}

int cli_source_open(struct cli *cli, const char *word, enum cli_access access,
		    struct cli_source *source, struct err *err)
{
	int r = cli_is_folder(word) ? folder_open(cli, word, access != CLI_FACTS, source, err)
				    : snapshot_open(cli, word, access, source, err);

	source->is_locked = r == JOB_LOCKED;
	return r < 0 ? r : 0;
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
