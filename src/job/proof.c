/*
 * proof - does what arrived hold together?
 *
 * A device that answers 0 has said that it is content, not that everything is here.  Before
 * a snapshot is committed the backup must say "finished", its property lists and manifest
 * must be readable, and every regular file of the manifest must be there with a plausible
 * length.  Lengths of live files (databases, logs) drift between a device's scan and its
 * copying: that is counted; a document that came short is a problem.
 */
#include "job/internal.h"
#include "job/sorter.h"

#include "crypto/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MISSING_NAMED = 5, CANCEL_EVERY = 1024, DIGEST_STEP = 64 << 10 };

struct audit {
	const struct job_env *env;
	struct repo_session *session;
	struct backup_reader *reader;
	struct job_problems *problems;
	struct sorter *sorter;
	struct proof *proof;
	uint64_t missing, broken, seen;
	char named[MISSING_NAMED][160];
};

/* is_live_name - may this file have become shorter while the device copied it? Databases only grow.
 */
static bool is_live_name(const char *path)
{
	static const char *const endings[] = {"-wal", "-shm", "-journal", ".log", ".plist"};
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
		size_t n = strlen(endings[i]);

		if (len >= n && !strcmp(path + len - n, endings[i]))
			return true;
	}
	return false;
}

static int audit_pause(struct audit *audit, struct err *err)
{
	return ++audit->seen % CANCEL_EVERY ? 0 : cancel_check(audit->env->cancel, err);
}

/* rows_sort - every regular file of the manifest into the sorter */
static int rows_sort(struct audit *audit, struct err *err)
{
	struct backup_manifest *manifest = audit->reader->manifest;
	struct backup_file file;
	int r = backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, err);

	while (r == 0) {
		struct err why = ERR_INIT;

		r = backup_manifest_next(manifest, &file, &why);
		if (r == BACKUP_END)
			return sorter_sort(audit->sorter, err);
		if (r == BACKUP_DAMAGED) {
			audit->broken++;
			problem_add(audit->problems, "a row of the manifest is damaged: %s",
				    why.text);
			r = 0;
			continue;
		}
		if (r < 0) {
			*err = why;
			return r;
		}
		audit->proof->rows++;
		if (backup_file_is_regular(&file)) {
			struct sorter_record record = {
				.size = file.size,
				.has_digest = file.digest.len == BACKUP_DIGEST_LEN,
				.is_live = is_live_name(file.path),
				.is_encrypted = file.key.len != 0,
			};

			if (!hex_decode(file.file_id, record.id, sizeof(record.id))) {
				audit->broken++;
				continue;
			}
			r = sorter_add(audit->sorter, &record, err);
		}
		if (r == 0)
			r = audit_pause(audit, err);
	}
	return r;
}

/* row_name - domain and path of a fileID, for words */
static const char *row_name(struct audit *audit, const struct sorter_record *record, char out[160])
{
	struct err ignored = ERR_INIT;
	struct backup_file file;
	char id[41];

	hex_encode(record->id, sizeof(record->id), id);
	if (backup_manifest_find_id(audit->reader->manifest, id, &file, &ignored) == 0)
		snprintf(out, 160, "%.60s %.90s", file.domain, file.path);
	else
		snprintf(out, 160, "%s", id);
	return out;
}

static void row_missing(struct audit *audit, const struct sorter_record *record)
{
	char name[160];

	if (audit->missing < MISSING_NAMED)
		text_copy(audit->named[audit->missing], sizeof(audit->named[0]),
			  row_name(audit, record, name));
	audit->missing++;
}

static int digest_of(struct audit *audit, const char *path, uint8_t out[BACKUP_DIGEST_LEN],
		     struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(free_p) uint8_t *bytes = malloc(DIGEST_STEP);
	struct crypto_sha1 *sha1 = NULL;
	uint64_t at = 0;
	ssize_t n;
	int r;

	if (!bytes)
		return err_no_memory(err);
	r = repo_session_read(audit->session, path, &source, err);
	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "%s vanished", path);
	r = crypto_sha1_new(&sha1, err);
	if (r < 0)
		return r;
	while ((n = source->read(source, at, bytes, DIGEST_STEP, err)) > 0) {
		crypto_sha1_update(sha1, slice_of(bytes, (size_t)n));
		at += (uint64_t)n;
	}
	if (n == 0)
		crypto_sha1_final(sha1, out);
	crypto_sha1_free(sha1);
	return n < 0 ? (int)n : 0;
}

/* drift_judge - the length differs from the row's: drift, or a file that came short? */
static int drift_judge(struct audit *audit, const struct sorter_record *record, const char *path,
		       uint64_t stored, uint64_t expected, struct err *err)
{
	uint8_t digest[BACKUP_DIGEST_LEN];
	struct backup_file file;
	char name[160];
	int r;

	audit->proof->drifted++;
	if (record->has_digest) {
		r = digest_of(audit, path, digest, err);
		if (r < 0)
			return r;
		r = backup_manifest_find_id(audit->reader->manifest, path + 3, &file, err);
		if (r < 0)
			return r;
		if (r != 0 || file.digest.len != sizeof(digest) ||
		    memcmp(file.digest.bytes, digest, sizeof(digest)) != 0) {
			audit->broken++;
			problem_add(audit->problems, "%s: its digest is not the manifest's",
				    row_name(audit, record, name));
			return 0;
		}
	}
	if (record->is_encrypted && stored % 16)
		problem_add(audit->problems,
			    "%s: %llu bytes are no whole cipher blocks: it came short",
			    row_name(audit, record, name), (unsigned long long)stored);
	else if (stored < expected && !record->is_live)
		problem_add(audit->problems, "%s came short: %llu of %llu bytes",
			    row_name(audit, record, name), (unsigned long long)stored,
			    (unsigned long long)expected);
	return 0;
}

static int row_judge(struct audit *audit, const struct sorter_record *record, const char *path,
		     uint64_t stored, struct err *err)
{
	uint64_t expected = record->is_encrypted ? backup_stored_len(record->size) : record->size;

	audit->proof->files++;
	audit->proof->bytes += stored;
	if (stored == expected || (record->is_encrypted && record->size == 0 && stored == 0))
		return 0;
	return drift_judge(audit, record, path, stored, expected, err);
}

/* content_id - the fileID of a content file's path hh/fileID */
static bool content_id(const char *path, uint8_t id[20])
{
	return strlen(path) == 43 && path[2] == '/' && !memcmp(path, path + 3, 2) &&
	       backup_file_id_is_valid(path + 3) && hex_decode(path + 3, id, 20);
}

/* file_meets_rows - both sides come sorted: rows before this file have none */
static int file_meets_rows(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct audit *audit = arg;
	const struct sorter_record *record;
	uint8_t id[20];
	int r = audit_pause(audit, err);

	if (r < 0 || entry->is_directory || !content_id(entry->path, id))
		return r;
	while (r == 0 && (record = sorter_peek(audit->sorter)) != NULL) {
		int order = memcmp(record->id, id, sizeof(id));

		if (order > 0)
			break;
		if (order < 0)
			row_missing(audit, record);
		else
			r = row_judge(audit, record, entry->path, entry->size, err);
		if (r == 0)
			r = sorter_take(audit->sorter, err);
	}
	return r;
}

/* verdict - missing or broken content makes a backup that a device refuses to restore: it is not
 * kept */
static int verdict(const struct audit *audit, struct err *err)
{
	char names[MISSING_NAMED * 162 + 1] = "";
	size_t at = 0;

	for (uint64_t i = 0; i < audit->missing && i < MISSING_NAMED; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
				       audit->named[i]);
	if (audit->missing)
		return err_set(err, ERR_CORRUPT, "%llu files of the manifest did not arrive: %s%s",
			       (unsigned long long)audit->missing, names,
			       audit->missing > MISSING_NAMED ? " ..." : "");
	if (audit->broken)
		return err_set(err, ERR_CORRUPT, "%llu rows or files of the backup are damaged",
			       (unsigned long long)audit->broken);
	return 0;
}

static int contents_check(struct audit *audit, struct err *err)
{
	int r = rows_sort(audit, err);

	if (r < 0)
		return err_wrap(err, r, "read the manifest");
	r = repo_session_walk(audit->session, "", file_meets_rows, audit, err);
	while (r == 0 && sorter_peek(audit->sorter)) {
		row_missing(audit, sorter_peek(audit->sorter));
		r = sorter_take(audit->sorter, err);
	}
	if (r < 0)
		return r;
	audit->proof->was_checked = true;
	return verdict(audit, err);
}

/* sealed_check - an encrypted manifest without its password: whole cipher blocks are all that can
 * be seen */
static int sealed_check(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct audit *audit = arg;
	uint8_t id[20];
	bool is_content = !entry->is_directory && content_id(entry->path, id);

	if (is_content) {
		audit->proof->files++;
		audit->proof->bytes += entry->size;
	}
	if ((is_content || !strcmp(entry->path, "Manifest.db")) && entry->size % 16)
		problem_add(audit->problems,
			    "%s: %llu bytes are no whole cipher blocks: it came short", entry->path,
			    (unsigned long long)entry->size);
	return audit_pause(audit, err);
}

static int lists_check(struct repo_session *session, const struct backup_reader *reader,
		       struct err *err)
{
	struct repo_entry entry;
	int r;

	if (!reader->has_status)
		return err_set(err, ERR_CORRUPT, "the device left no readable Status.plist");
	if (reader->status.snapshot_state != BACKUP_FINISHED)
		return err_set(err, ERR_CORRUPT, "the device's Status.plist does not say finished");
	if (!reader->has_properties)
		return err_set(err, ERR_CORRUPT, "the device left no readable Manifest.plist");
	r = repo_session_stat(session, "Manifest.db", &entry, err);
	if (r < 0)
		return r;
	if (r == REPO_ABSENT || entry.is_directory || entry.size == 0)
		return err_set(err, ERR_CORRUPT, "the device left no Manifest.db");
	return 0;
}

int proof_of_backup(const struct job_env *env, struct repo_session *session,
		    const struct secret *password, struct job_snapshot *snapshot,
		    struct job_problems *problems, struct proof *proof, struct err *err)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	CLEANUP(sorter_free_p) struct sorter *sorter = NULL;
	CLEANUP(backup_reader_clear) struct backup_reader reader;
	struct audit audit = {.env = env,
			      .session = session,
			      .reader = &reader,
			      .problems = problems,
			      .proof = proof};
	int r;

	backup_reader_init(&reader);
	*proof = (struct proof){0};
	r = tree_session(&tree, session, err);
	if (r == 0)
		r = sorter_new(&sorter, err);
	if (r == 0)
		r = backup_reader_open(&reader, tree, password, err);
	if (r == BACKUP_WRONG_PASSWORD) {
		/* a password kept from before the person changed it: the run itself needs none */
		backup_reader_clear(&reader);
		backup_reader_init(&reader);
		r = backup_reader_open(&reader, tree, NULL, err);
	}
	if (r < 0)
		return err_wrap(err, r, "check what arrived");
	note_from_backup(snapshot, &reader);
	r = lists_check(session, &reader, err);
	if (r < 0)
		return err_wrap(err, r, "check what arrived");
	audit.sorter = sorter;
	if (reader.manifest)
		r = contents_check(&audit, err);
	else if (reader.properties.is_encrypted)
		r = repo_session_walk(session, "", sealed_check, &audit, err);
	else
		r = err_set(err, ERR_CORRUPT, "Manifest.db cannot be read");
	if (r == 0)
		r = note_management(snapshot, &reader, err);
	return r < 0 ? err_wrap(err, r, "check what arrived") : 0;
}
