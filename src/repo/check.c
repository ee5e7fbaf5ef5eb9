/* check.c - is what was promised there? device by device, naming what is hit */
#include "repo/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

PRINTF_LIKE(4, 0)
static void tell(struct check *check, bool is_problem, const char *where, const char *format,
		 va_list args)
{
	char text[ERR_TEXT_MAX];
	struct repo_finding finding = {is_problem, where, text};

	vsnprintf(text, sizeof(text), format, args);
	if (is_problem)
		check->verdict->problems++;
	else
		check->verdict->remarks++;
	if (check->found)
		check->found(check->arg, &finding);
}

void check_problem(struct check *check, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(check, true, where, format, args);
	va_end(args);
}

void check_remark(struct check *check, const char *where, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(check, false, where, format, args);
	va_end(args);
}

/* ---- left-overs ---- */

struct folder_check {
	struct check *check;
	const char *folder;
};

static int look_at_name(void *arg, const char *name)
{
	struct folder_check *folder = arg;
	struct check *check = folder->check;
	bool is_vault = !strcmp(folder->folder, "vault");
	struct repo_name path;
	size_t len = strlen(name);
	uint8_t hash[16];

	repo_domain_file(&check->domain, &path, "%s/%.200s", folder->folder, name);
	if (is_vault && len == 2 * sizeof(hash) && hex_decode(name, hash, sizeof(hash))) {
		struct secret value = SECRET_INIT;
		struct err why = ERR_INIT;

		if (repo_vault_open(&check->domain, &path, &value, &why) < 0)
			check_problem(check, path.text, "%s: a kept secret cannot be opened: %s",
				      check->domain.device, why.text);
		secret_clear(&value);
		return 0;
	}
	if (len == 8 && hex_decode(name, hash, 4) && !is_vault)
		return 0;
	check_remark(check, path.text, "%s: left by an interrupted or running session",
		     check->domain.device);
	return 0;
}

static int look_for_leftovers(struct check *check, struct err *err)
{
	static const char *const folders[] = {"packs", "idx", "table", "snap", "vault"};
	struct fs *fs = check->domain.fs;
	struct repo_name path;
	struct stat st;

	for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
		struct folder_check folder = {check, folders[i]};
		int r = fs->list(fs, repo_domain_file(&check->domain, &path, "%s", folders[i]),
				 look_at_name, &folder);

		/* a crash may have lost an empty folder; the next session makes it again */
		if (r < 0 && r != -ENOENT)
			return err_set_errno(err, -r, "list %s", path.text);
	}
	if (fs->stat(fs, repo_domain_file(&check->domain, &path, "session"), &st) == 0)
		check_remark(check, path.text, "%s: a session runs or was interrupted",
			     check->domain.device);
	return 0;
}

/* ---- a device ---- */

static void clear_device(struct check *check)
{
	repo_reader_free(check->reader);
	repo_index_free(check->index);
	repo_unpacker_free(check->unpacker);
	crypto_mac_free(check->data_mac);
	crypto_mac_free(check->list_mac);
	repo_pool_free(check->plain, REPO_CHUNK_MAX);
	free(check->packs);
	buf_clear(&check->damaged);
	repo_domain_clear(&check->domain);
	check->reader = NULL;
	check->index = NULL;
	check->unpacker = NULL;
	check->data_mac = check->list_mac = NULL;
	check->plain = NULL;
	check->packs = NULL;
	check->pack_count = 0;
}

static int open_device(struct check *check, struct err *err)
{
	int r = repo_index_open(&check->index, &check->domain, false, NULL, NULL, err);

	check->damaged = BUF_INIT((size_t)REPO_CHUNK_ID_LEN << 20);
	if (r == 0)
		r = repo_reader_new(&check->reader, &check->domain, check->index, err);
	if (r == 0)
		r = repo_unpacker_new(&check->unpacker, err);
	if (r == 0)
		r = repo_domain_mac(&check->domain, "rehome chunk ids", &check->data_mac, err);
	if (r == 0)
		r = repo_domain_mac(&check->domain, "rehome list ids", &check->list_mac, err);
	check->plain = repo_pool_new(REPO_CHUNK_MAX);
	if (r == 0 && !check->plain)
		r = err_no_memory(err);
	return r;
}

/* a folder without a key: harmless before its first snapshot, fatal after */
static void judge_keyless(struct check *check, const char *folder)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers heads = {0};
	struct repo_name path;

	snprintf(path.text, sizeof(path.text), "%s/d/%s/snap", check->repo->path, folder);
	if (repo_numbers_read(&heads, check->repo->env.fs, path.text, "", NULL) == 0 &&
	    heads.count > 0)
		check_problem(check, path.text, "the device's key is missing: %zu snapshots lost",
			      heads.count);
	else
		check_remark(check, path.text, "a device's folder was begun and not used");
}

static int check_device(void *arg, const char *folder, struct err *err)
{
	struct check *check = arg;
	uint64_t problems_before = check->verdict->problems;
	struct err why = ERR_INIT;
	struct repo_name path;
	int r = repo_domain_open_folder(&check->domain, check->repo, folder, &why);

	if (r == REPO_ABSENT) {
		judge_keyless(check, folder);
		return 0;
	}
	if (r == ERR_CORRUPT) {
		snprintf(path.text, sizeof(path.text), "%s/d/%s/key", check->repo->path, folder);
		check_problem(check, path.text,
			      "the key of a device is damaged: its snapshots cannot be read");
		return 0;
	}
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	r = look_for_leftovers(check, err);
	if (r == 0)
		r = check_runs(check, err);
	if (r == 0)
		r = open_device(check, err);
	if (r == 0)
		r = check_packs(check, err);
	if (r == 0)
		r = check_snapshots(check, err);
	if (r == 0 && check->verdict->problems == problems_before)
		check_unneeded(check);
	clear_device(check);
	return r;
}

int repo_check(struct repo *repo, bool reads_data,
	       void (*found)(void *arg, const struct repo_finding *finding), void *arg,
	       struct progress *progress, struct repo_verdict *verdict, struct err *err)
{
	struct check check = {.repo = repo,
			      .reads_data = reads_data,
			      .found = found,
			      .arg = arg,
			      .progress = progress,
			      .verdict = verdict};

	*verdict = (struct repo_verdict){0};
	return repo_domain_each(repo, check_device, &check, err);
}
