/*
 * salvage.c - what interrupted sessions left is found again, at the next one's beginning
 *
 * Packs that no index file covers are scanned from the front.  A pack that never got its
 * name is cut behind its last whole blob, synced and named; what it holds goes into the
 * index like anything else.  Left-over temporary files are removed.
 */
#include "repo/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct salvage {
	struct repo_session *session;
	uint32_t pack_limit; /* packs below are in the index once it is checkpointed */
	unsigned checkpoints, found;
	bool looks_first; /* the index may know some chunks of the pack already */
};

static int save(struct salvage *salvage, struct err *err)
{
	struct repo_session *session = salvage->session;
	struct repo_name name;
	uint64_t written = 0;
	uint8_t salt[32];
	char label[40];
	int r;

	repo_domain_file(&session->domain, &name, "packs");
	r = session->domain.fs->dir_sync(session->domain.fs, name.text);
	if (r < 0)
		return err_set_errno(err, -r, "sync folder %s", name.text);
	snprintf(label, sizeof(label), "rehome salvage salt %u", ++salvage->checkpoints);
	r = repo_session_salt(session, label, salt, err);
	if (r == 0)
		r = repo_index_checkpoint(session->index, salvage->pack_limit, salt, &written, err);
	session->table_written += written;
	return r;
}

static int found_blob(void *arg, const struct repo_scanned *blob, struct err *err)
{
	struct salvage *salvage = arg;
	struct repo_place known;

	salvage->found++;
	if (repo_index_find(salvage->session->index, blob->place.id, &known, NULL) == 0)
		return 0;
	return repo_index_add(salvage->session->index, &blob->place) ? save(salvage, err) : 0;
}

/* cuts off what is not whole, makes the rest durable and gives it its name */
static int adopt(struct repo_session *session, uint32_t number, uint64_t good_len, struct err *err)
{
	struct fs *fs = session->domain.fs;
	struct repo_name from, to;
	int fd, r;

	repo_domain_file(&session->domain, &from, "packs/tmp-%08x", number);
	repo_domain_file(&session->domain, &to, "packs/%08x", number);
	fd = fs->open(fs, from.text, O_WRONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		return err_set_errno(err, -fd, "%s", from.text);
	r = fs->truncate(fs, fd, good_len);
	if (r == 0)
		r = fs->sync(fs, fd);
	fs->close(fs, fd);
	if (r == 0)
		r = fs->rename_new(fs, from.text, to.text);
	return r < 0 ? err_set_errno(err, -r, "salvage %s", from.text) : 0;
}

static int salvage_pack(struct salvage *salvage, uint32_t number, bool is_unfinished,
			struct err *err)
{
	struct repo_session *session = salvage->session;
	struct fs *fs = session->domain.fs;
	struct err why = ERR_INIT;
	struct repo_pack pack;
	struct repo_name name;
	uint64_t good_len = 0, file_len;
	int r = repo_pack_open(&pack, &session->domain, number, is_unfinished, &why);

	if (r == 0) {
		r = repo_pack_scan(&pack, &session->domain, &good_len, &file_len, found_blob,
				   salvage, err);
		repo_pack_close(&pack, fs);
		if (r < 0)
			return r;
	} else if (r != ERR_CORRUPT) {
		return err_set(err, r, "%s", why.text);
	}
	if (!is_unfinished)
		return 0; /* damage in it is check's business */
	if (good_len > REPO_HEADER_LEN)
		return adopt(session, number, good_len, err);
	repo_domain_file(&session->domain, &name, "packs/tmp-%08x", number);
	fs->unlink(fs, name.text);
	return 0;
}

/* names with a meaning only inside the session that made them */
static int is_leftover(const char *name)
{
	size_t len = strlen(name);

	return !strncmp(name, "tmp-", 4) || !strncmp(name, "scratch-", 8) ||
	       (len > 4 && !strcmp(name + len - 4, ".tmp"));
}

struct sweep {
	const struct repo_session *session;
	const char *folder;
};

static int sweep_name(void *arg, const char *name)
{
	struct sweep *sweep = arg;
	struct repo_name path;
	struct fs *fs = sweep->session->domain.fs;

	if (is_leftover(name))
		fs->unlink(fs, repo_domain_file(&sweep->session->domain, &path, "%s/%.64s",
						sweep->folder, name));
	return 0;
}

/* a table whose head was never made: the commit was cut short */
static int sweep_tables(struct repo_session *session, struct err *err)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers tables = {0};
	struct fs *fs = session->domain.fs;
	struct repo_name name;
	struct stat st;
	int r = repo_numbers_read(&tables, fs, repo_domain_file(&session->domain, &name, "table"),
				  "", err);

	for (size_t i = 0; i < tables.count && r == 0; i++) {
		repo_domain_file(&session->domain, &name, "snap/%08x", tables.list[i]);
		if (fs->stat(fs, name.text, &st) == -ENOENT)
			fs->unlink(fs, repo_domain_file(&session->domain, &name, "table/%08x",
							tables.list[i]));
	}
	return r;
}

static int sweep(struct repo_session *session, struct err *err)
{
	static const char *const folders[] = {"table", "idx", "snap", "vault"};
	struct fs *fs = session->domain.fs;

	for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
		struct sweep sweep = {session, folders[i]};
		struct repo_name name;
		int r = fs->list(fs, repo_domain_file(&session->domain, &name, "%s", folders[i]),
				 sweep_name, &sweep);

		if (r < 0)
			return err_set_errno(err, -r, "list %s", name.text);
	}
	return sweep_tables(session, err);
}

int repo_session_salvage(struct repo_session *session, bool is_index_damaged, uint32_t *next_pack,
			 unsigned *found, struct err *err)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers named = {0}, unnamed = {0};
	struct salvage salvage = {.session = session};
	struct fs *fs = session->domain.fs;
	uint32_t covered = is_index_damaged ? 0 : repo_index_pack_limit(session->index);
	struct repo_name name;
	size_t a = 0, b = 0;
	int r = sweep(session, err);

	repo_domain_file(&session->domain, &name, "packs");
	if (r == 0)
		r = repo_numbers_read(&named, fs, name.text, "", err);
	if (r == 0)
		r = repo_numbers_read(&unnamed, fs, name.text, "tmp-", err);
	*next_pack = repo_index_pack_limit(session->index);
	if (session->has_base && session->base.pack_next > *next_pack)
		*next_pack = session->base.pack_next;
	/* in the order of their numbers, so that the limit can follow */
	while (r == 0 && (a < named.count || b < unnamed.count)) {
		bool is_unfinished =
			a == named.count || (b < unnamed.count && unnamed.list[b] < named.list[a]);
		uint32_t number = is_unfinished ? unnamed.list[b++] : named.list[a++];

		salvage.pack_limit = number > covered ? number : covered;
		if (is_unfinished || number >= covered)
			r = salvage_pack(&salvage, number, is_unfinished, err);
		if (number >= *next_pack)
			*next_pack = number + 1;
	}
	salvage.pack_limit = *next_pack;
	if (r == 0 && salvage.found > 0)
		r = save(&salvage, err);
	*found = salvage.found;
	return r;
}
