/* rehome encryption on|off|change|rewrap */
#include "cli/mdm.h"

#include <string.h>

struct wish {
	const char *new_file;
	bool is_kept, is_folder;
	bool wants_old, wants_new, old_is_of_service;
	struct secret old_password, new_password;
};

static int wish_read(struct wish *wish, const char *word, struct err *err)
{
	wish->is_folder = !strcmp(word, "rewrap");
	wish->wants_new = wish->is_folder || !strcmp(word, "on") || !strcmp(word, "change");
	wish->wants_old = wish->is_folder || !strcmp(word, "off") || !strcmp(word, "change");
	if (!wish->wants_new && !wish->wants_old)
		return err_set(err, ERR_USAGE, "\"%.40s\" is not one of on, off, change, rewrap",
			       word);
	if (wish->is_folder && wish->is_kept)
		return err_set(err, ERR_USAGE,
			       "--keep is for a device: a folder's password is not kept");
	return 0;
}

static int passwords_get(struct cli *cli, struct wish *wish, struct repo *repo, const char *udid,
			 struct err *err)
{
	const char *new_file = wish->new_file;
	int r = 0;

	/* with nothing to replace there is one password, and either option may name it */
	if (!new_file && !wish->wants_old)
		new_file = cli->device_password_file;
	if (wish->wants_old)
		r = cli_device_password(cli, repo, udid, true, &wish->old_password, err);
	wish->old_is_of_service = wish->wants_old && cli->password_from == CLI_FROM_SERVICE;
	if (r < 0 || !wish->wants_new)
		return r;
	if (new_file)
		return secret_read_file(&wish->new_password, new_file, err);
	/* a change away from what the service keeps is a person's wish */
	if (!wish->wants_old && mdm_named_password(cli, udid, &wish->new_password) == 0)
		return 0;
	return cli_ask_secret(cli, "new backup password of the device",
			      "--new-device-password-file", true, &wish->new_password, err);
}

/* keep - what the vault holds follows the device, so that it is never a stale password */
static int keep(struct cli *cli, struct wish *wish, struct repo *repo, const char *udid,
		struct err *err)
{
	CLEANUP(secret_clear) struct secret kept = SECRET_INIT;
	int r = repo && !wish->is_kept ? job_password_get(repo, udid, &kept, err) : 0;

	if (!repo || r == REPO_ABSENT)
		return 0;
	if (r == 0)
		r = wish->wants_new ? job_password_put(repo, udid, &wish->new_password, err)
				    : job_password_remove(repo, udid, err);
	if (r == 0)
		cli_say(cli, "the repository %s",
			wish->wants_new ? "keeps the new password" : "keeps no password any more");
	return r;
}

/* repository - the one there is, for what it keeps; none is needed unless --keep wants it */
static int repository(struct cli *cli, bool is_needed, struct repo **repo, struct err *err)
{
	struct err absent = ERR_INIT;
	char path[CLI_PATH_MAX];
	int r = cli_repo_path(cli, path, err);

	if (r == 0 && !is_needed && repo_probe(path, &cli->repo_env, &absent) == ERR_NOT_FOUND)
		return 0;
	return r < 0 ? r : cli_repo_open(cli, repo, err);
}

static int change(struct cli *cli, struct wish *wish, struct repo *repo, const char *word,
		  const char *wanted, struct err *err)
{
	struct job_device device;
	int r;

	r = job_device_find(&cli->env, wanted, &device, err);
	if (r == 0)
		r = passwords_get(cli, wish, repo, device.udid, err);
	if (r == 0)
		r = job_encryption(&cli->env, &device, wish->wants_old ? &wish->old_password : NULL,
				   wish->wants_new ? &wish->new_password : NULL, err);
	if (r < 0)
		return r;
	if (r == JOB_ENCRYPTION_SAME) {
		cli_say(cli, "backup encryption of %s is %s already%s", device.udid, word,
			wish->wants_new ? ": `rehome encryption change` changes its password" : "");
	} else {
		cli_say(cli,
			!strcmp(word, "change") ? "the backup password of %s is changed"
			: wish->wants_new       ? "backups of %s are encrypted from now on"
						: "backups of %s are no longer encrypted",
			device.udid);
		r = keep(cli, wish, repo, device.udid, err);
		if (r < 0)
			return err_wrap(err, r,
					"the device has changed, what the repository keeps not");
		if (wish->old_is_of_service && wish->wants_new)
			cli_warn(cli,
				 "the MDM service still keeps the password of before: `rehome mdm "
				 "device backup-password set %s --replace --value-file FILE`",
				 device.udid);
	}
	if (cli->is_json)
		return cli_json(cli,
				json_pack("{s:o, s:b, s:b}", "udid", cli_json_text(device.udid),
					  "encrypted", wish->wants_new, "changed",
					  r != JOB_ENCRYPTION_SAME),
				err);
	return 0;
}

/* rewrap - a folder, on this disk alone: its keys behind another password */
static int rewrap(struct cli *cli, struct wish *wish, const char *path, struct err *err)
{
	char folder[JOB_PATH_MAX];
	int r = job_folder_find(path, folder, err);

	if (r == 0)
		r = passwords_get(cli, wish, NULL, "", err);
	if (r == 0)
		r = backup_password_change_folder(folder, &wish->old_password, &wish->new_password,
						  cli->world->entropy, err);
	if (r == BACKUP_WRONG_PASSWORD)
		return err_set(err, ERR_PASSWORD, "the password does not open %s", folder);
	if (r < 0)
		return r;
	cli_say(cli,
		"%s opens with the new password; the device's next backup brings the device's own "
		"back",
		folder);
	return cli->is_json ? cli_json(cli,
				       json_pack("{s:o, s:b}", "dir", cli_json_text(folder),
						 "changed", true),
				       err)
			    : 0;
}

int cli_run_encryption(struct cli *cli, int argc, char **argv)
{
	struct wish wish = {0};
	const struct cli_option options[] = {
		CLI_TEXT_OPTION("new-device-password-file", &wish.new_file, "FILE",
				"the new password is its first line"),
		CLI_FLAG_OPTION(
			"keep", 0, &wish.is_kept,
			"keep it sealed in the repository, so that later commands need not ask"),
		{0},
	};
	CLEANUP(repo_close_p) struct repo *repo = NULL;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = wish_read(&wish, argv[0], &cli->err);
	if (r == 0 && wish.is_folder)
		r = rewrap(cli, &wish, argv[1], &cli->err);
	else if (r == 0)
		r = repository(cli, wish.is_kept, &repo, &cli->err);
	if (r == 0 && !wish.is_folder)
		r = change(cli, &wish, repo, argv[0], argv[1], &cli->err);
	secret_clear(&wish.old_password);
	secret_clear(&wish.new_password);
	return r;
}
