/* repository - which one, and what opens it; and where the password of a device's backups comes
 * from */
#include "cli/mdm.h"

#include <stdio.h>
#include <string.h>

static const char *environment(struct cli *cli, const char *name)
{
	const char *value = cli->world->environment(name);

	return value && *value ? value : NULL;
}

int cli_repo_path(struct cli *cli, char out[CLI_PATH_MAX], struct err *err)
{
	const char *path = cli->repo ? cli->repo : environment(cli, "REHOME_REPO");
	const char *data = environment(cli, "XDG_DATA_HOME"), *home = environment(cli, "HOME");
	int n;

	if (path && !strncmp(path, "s3:", 3))
		return err_set(err, ERR_UNSUPPORTED,
			       "repositories in a bucket are not part of this version");
	if (path)
		n = snprintf(out, CLI_PATH_MAX, "%s", path);
	else if (data)
		n = snprintf(out, CLI_PATH_MAX, "%s/rehome/repository", data);
	else if (home)
		n = snprintf(out, CLI_PATH_MAX, "%s/.local/share/rehome/repository", home);
	else
		return err_set(err, ERR_USAGE, "no repository: say --repo DIR or set REHOME_REPO");
	if (n >= CLI_PATH_MAX)
		return err_set(err, ERR_USAGE, "the repository's path is longer than %d bytes",
			       CLI_PATH_MAX - 1);
	return 0;
}

int cli_repo_password(struct cli *cli, bool is_new, struct secret *password, struct err *err)
{
	const char *file =
		cli->password_file ? cli->password_file : environment(cli, "REHOME_PASSWORD_FILE");

	if (file)
		return secret_read_file(password, file, err);
	return cli_ask_secret(
		cli, is_new ? "new password of the repository" : "password of the repository",
		"--password-file", is_new, password, err);
}

int cli_repo_open(struct cli *cli, struct repo **out, struct err *err)
{
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	char path[CLI_PATH_MAX];
	int r;

	r = cli_repo_path(cli, path, err);
	if (r == 0)
		r = repo_probe(path, &cli->repo_env, err);
	if (r == 0)
		r = cli_repo_password(cli, false, &password, err);
	return r < 0 ? r : repo_open(out, path, &password, &cli->repo_env, err);
}

int cli_device_password(struct cli *cli, struct repo *repo, const char *udid, bool is_needed,
			struct secret *password, struct err *err)
{
	int r = REPO_ABSENT;

	cli->password_from = CLI_FROM_PERSON;
	if (cli->device_password_file)
		return secret_read_file(password, cli->device_password_file, err);
	if (repo)
		r = job_password_get(repo, udid, password, err);
	if (r == 0)
		cli->password_from = CLI_FROM_REPO;
	if (r != REPO_ABSENT)
		return r;
	if (mdm_named_password(cli, udid, password) == 0) {
		cli->password_from = CLI_FROM_SERVICE;
		return 0;
	}
	if (!is_needed)
		return REPO_ABSENT;
	return cli_ask_secret(cli, "backup password of the device", "--device-password-file", false,
			      password, err);
}
