/*
 * Checking every promise of the format, one by one
 *
 * One pass over the rows reads each file's stored bytes once; then the domains and the
 * files of the tree are gone through.  Nothing is held but one row and one piece.
 */
#include "backup/verify.h"

#include <stdlib.h>
#include <string.h>

void verify_broken(struct verify *verify, enum promise promise, const char *path,
		   const char *format, ...)
{
	struct backup_finding finding = {.path = path};
	const struct backup_promise *promises;
	char text[ERR_TEXT_MAX];
	size_t count;
	va_list args;

	promises = backup_promises(&count);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	finding.severity = promises[promise].breach;
	finding.promise = promises[promise].name;
	finding.text = text;
	if (finding.severity == BACKUP_PROBLEM)
		verify->verdict.problems++;
	else
		verify->verdict.remarks++;
	if (verify->found)
		verify->found(verify->arg, &finding);
}

bool verify_is_fatal(int r)
{
	return r == ERR_NO_MEMORY || r == ERR_CANCELED || r == ERR_USAGE;
}

/* ---- the files of the tree ---- */

static bool is_known_name(const char *path)
{
	static const char *const names[] = {"Info.plist", "Manifest.plist", "Manifest.db",
					    "Status.plist"};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(names); i++)
		if (!strcmp(path, names[i]))
			return true;
	return false;
}

static bool is_side_file(const char *path)
{
	return !strcmp(path, "Manifest.db-wal") || !strcmp(path, "Manifest.db-shm") ||
	       !strcmp(path, "Manifest.db-journal");
}

/* Does the manifest know a regular file whose contents lie at @path? */
static int is_content(struct verify *verify, const char *path, bool *is_known, struct err *err)
{
	struct backup_file file;
	int r;

	*is_known = strlen(path) == BACKUP_CONTENT_PATH_LEN && path[2] == '/' &&
		    backup_file_id_is_valid(path + 3) && !memcmp(path, path + 3, 2);
	if (!*is_known || !verify->reader.manifest)
		return 0;
	r = backup_manifest_find_id(verify->reader.manifest, path + 3, &file, err);
	if (r < 0)
		return r;
	/* a damaged row has been reported: its contents are not to blame */
	*is_known = r == BACKUP_DAMAGED || (!r && backup_file_is_regular(&file));
	return 0;
}

static int each_file(void *arg, const char *path, uint64_t size, struct err *err)
{
	struct verify *verify = arg;
	bool is_known = is_known_name(path);
	int r;

	r = cancel_check(verify->cancel, err);
	if (r < 0)
		return r;
	if (is_known)
		return 0;
	if (is_side_file(path)) {
		verify_broken(verify, PROMISE_NO_SIDE_FILES, path,
			      "a database's side file: something wrote to Manifest.db");
		return 0;
	}
	if (!strncmp(path, "Snapshot/", 9)) {
		verify_broken(verify, PROMISE_NO_SNAPSHOT_FOLDER, path,
			      "left from a run that did not finish");
		return 0;
	}
	r = is_content(verify, path, &is_known, err);
	if (r < 0)
		return r;
	if (!is_known)
		verify_broken(verify, PROMISE_EXTRANEOUS, path, "the manifest names no such file");
	return 0;
}

static int verify_files(struct verify *verify, struct err *err)
{
	verify->state.phase = "looking for files that do not belong";
	progress_report(verify->progress, &verify->state);
	return verify->tree->walk(verify->tree, each_file, verify, err);
}

/* ---- the manifest as a whole ---- */

static void verify_manifest_form(struct verify *verify)
{
	const struct backup_properties *properties = &verify->reader.properties;
	struct backup_manifest_facts facts;
	bool has_padding = backup_manifest_has_padding(verify->reader.manifest);
	bool is_encrypted = verify->reader.bag && properties->has_manifest_key;

	backup_manifest_facts(verify->reader.manifest, &facts);
	if (facts.page_size != 4096 || facts.user_version != 2 || !facts.has_wal_header)
		verify_broken(verify, PROMISE_MANIFEST_FORM, "Manifest.db",
			      "pages of %u bytes, user_version %u, %s", facts.page_size,
			      facts.user_version,
			      facts.has_wal_header ? "WAL mark" : "no WAL mark");
	if (has_padding != is_encrypted)
		verify_broken(verify, PROMISE_MANIFEST_PADDING, "Manifest.db",
			      has_padding ? "decrypted by another tool: its padding is left behind "
					    "the last page"
					  : "encrypted without a block of padding");
}

/* A manifest that cannot be opened is a finding; a missing or wrong password is not. */
static int open_reader(struct verify *verify, const struct secret *password, struct err *err)
{
	int r;

	r = backup_reader_open(&verify->reader, verify->tree, password, err);
	if (r == BACKUP_WRONG_PASSWORD)
		return err_set(err, ERR_PASSWORD, "the backup password is wrong");
	if (r == ERR_CORRUPT || r == ERR_LIMIT) {
		verify_broken(verify, PROMISE_MANIFEST_DB, "Manifest.db", "%s", err->text);
		backup_manifest_close(verify->reader.manifest);
		verify->reader.manifest = NULL;
		return 0;
	}
	return r;
}

static int verify_manifest(struct verify *verify, struct err *err)
{
	int r;

	if (!verify->reader.manifest)
		return 0;
	if (!verify->reader.present) /* else it is of our making */
		verify_manifest_form(verify);
	r = verify_rows(verify, err);
	if (r == ERR_CORRUPT || r == ERR_LIMIT) {
		verify_broken(verify, PROMISE_MANIFEST_DB, "Manifest.db", "%s", err->text);
		return 0;
	}
	return r;
}

static void verify_is_decrypted(struct verify *verify)
{
	const struct backup_keybag *bag = verify->reader.bag;

	verify->verdict.is_decrypted_check =
		verify->reader.manifest && (!bag || backup_keybag_is_open(bag));
	if (bag && !backup_keybag_is_open(bag))
		verify_broken(verify, PROMISE_DECRYPTED, NULL,
			      verify->reader.manifest
				      ? "without the backup password contents are checked as they "
					"are stored"
				      : "without the backup password neither rows nor contents can "
					"be checked");
}

static int verify_all(struct verify *verify, const struct secret *password, struct err *err)
{
	int r;

	verify->state.phase = "reading the property lists";
	progress_report(verify->progress, &verify->state);
	if ((r = open_reader(verify, password, err)) < 0)
		return r;
	verify->tree = verify->reader.tree;
	if ((r = verify_plists(verify, err)) < 0)
		return r;
	verify_is_decrypted(verify);
	if ((r = verify_manifest(verify, err)) < 0)
		return r;
	return verify_files(verify, err);
}

static void verify_clear(struct verify *verify)
{
	backup_reader_clear(&verify->reader);
	crypto_sha1_free(verify->sha1);
	plist_doc_free(verify->doc);
	free(verify->piece);
}

int backup_verify(struct backup_tree *tree, const struct secret *password,
		  void (*found)(void *arg, const struct backup_finding *finding), void *arg,
		  struct progress *progress, const struct cancel *cancel,
		  struct backup_verdict *verdict, struct err *err)
{
	CLEANUP(verify_clear) struct verify verify = {.tree = tree};
	int r;

	backup_reader_init(&verify.reader);
	verify.progress = progress;
	verify.cancel = cancel;
	verify.found = found;
	verify.arg = arg;
	verify.piece = malloc(BACKUP_PIECE_LEN);
	if (!verify.piece)
		return err_no_memory(err);
	if ((r = crypto_sha1_new(&verify.sha1, err)) < 0 ||
	    (r = plist_doc_new(&verify.doc, err)) < 0 ||
	    (r = verify_all(&verify, password, err)) < 0)
		return r;
	*verdict = verify.verdict;
	return 0;
}
