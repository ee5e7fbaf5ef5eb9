/*
 * wire_old - Info, List, Unback and Extract, as devices answered them before iOS 9.3
 *
 * The device reads the backup back from the host and prints or copies what it finds.  Newer
 * ones gave that up for sqlite manifests; `run --old-behaviour` brings it back, for plain backups.
 */
#include "backup/backup.h"
#include "sim/wire.h"

#include <string.h>

enum { MB_INCOMPLETE = 205, MB_LOCKED_CONTENT = 1, FILE_LEN_MAX = 256 << 20 };

/** struct collect - a sink that gathers one file in memory */
struct collect {
	struct sim_sink sink;
	struct buf bytes;
	bool is_whole;
};

static int collect_begin(struct sim_sink *sink, const char *path, struct err *err)
{
	struct collect *collect = (struct collect *)sink;

	buf_truncate(&collect->bytes, 0);
	collect->is_whole = false;
	return 0;
}

static int collect_bytes(struct sim_sink *sink, struct slice bytes, struct err *err)
{
	return buf_append_slice(&((struct collect *)sink)->bytes, bytes, err);
}

static int collect_end(struct sim_sink *sink, const char *path, const char *error, struct err *err)
{
	((struct collect *)sink)->is_whole = error == NULL;
	return 0;
}

static void collect_clear(struct collect *collect)
{
	buf_clear(&collect->bytes);
}

#define COLLECT_INIT                                                           \
	((struct collect){.sink = {collect_begin, collect_bytes, collect_end}, \
			  .bytes = BUF_INIT(FILE_LEN_MAX)})

/** struct old - one such request */
struct old {
	struct sim_host *host;
	char source[64];
	struct buf *content;
	struct sim_answer *answer;
	const char *domain, *path; /* Extract: the one file */
};

static int fail(struct old *old, int64_t code, const char *text)
{
	old->answer->code = code;
	snprintf(old->answer->text, sizeof(old->answer->text), "%s", text);
	return 0;
}

static int fetch(struct old *old, const char *name, struct collect *collect, struct err *err)
{
	char path[128];
	const char *const paths[] = {path};
	int64_t status = 0;
	int r;

	snprintf(path, sizeof(path), "%s/%s", old->source, name);
	r = old->host->download(old->host, paths, 1, 0, &collect->sink, &status, err);
	return r < 0 ? r : 0;
}

/* Manifest.plist first: an encrypted backup cannot be read without its password, which these
 * requests lack */
static int properties(struct old *old, struct backup_properties *properties, struct err *err)
{
	CLEANUP(collect_clear) struct collect collect = COLLECT_INIT;
	struct err reason = ERR_INIT;
	int r = fetch(old, "Manifest.plist", &collect, err);

	if (r < 0)
		return r;
	if (!collect.is_whole ||
	    backup_properties_read(properties, buf_slice(&collect.bytes), &reason) < 0)
		return fail(old, MB_INCOMPLETE, "Error reading backup properties");
	if (properties->is_encrypted)
		return fail(old, MB_LOCKED_CONTENT, "The backup is encrypted");
	return 0;
}

static int open_manifest(struct old *old, struct backup_manifest **manifest, struct err *err)
{
	CLEANUP(collect_clear) struct collect collect = COLLECT_INIT;
	struct source *source;
	struct err reason = ERR_INIT;
	int r = fetch(old, "Manifest.db", &collect, err);

	if (r == 0 && collect.is_whole)
		r = source_bytes_open(&source, buf_slice(&collect.bytes), err);
	if (r < 0)
		return r;
	if (!collect.is_whole || backup_manifest_open(manifest, source, &reason) < 0)
		return fail(old, MB_INCOMPLETE, "Error reading the manifest");
	return 0;
}

static int print_info(struct old *old, const struct backup_properties *properties, struct err *err)
{
	char time[21];

	return buf_append_format(
		old->content, err,
		"Manifest version: %s\nDate: %s\nEncrypted: %s\nDevice Name: %s\nUDID: %s\nSerial "
		"Number: %s\nProduct Type: %s\nProduct Version: %s\n",
		properties->version, time_format_utc(properties->date, time),
		properties->is_encrypted ? "yes" : "no", properties->device_name, properties->udid,
		properties->serial, properties->product_type, properties->product_version);
}

static int print_row(struct old *old, const struct backup_file *file, struct err *err)
{
	return buf_append_format(old->content, err, "%s,%s,%llu,%o,%lld\n", file->domain,
				 file->path, (unsigned long long)file->size, file->mode,
				 (long long)file->modified);
}

/* copy a file of the backup to where people can read it; folders first, as the host makes no
 * parents for a copy */
static int copy_row(struct old *old, const struct backup_file *file, struct err *err)
{
	char from[128], to[PATH_LEN_MAX + 600];
	int64_t status = 0;
	int r = 0;

	if (!backup_file_is_regular(file) ||
	    (old->domain &&
	     (strcmp(old->domain, file->domain) != 0 || strcmp(old->path, file->path) != 0)))
		return 0;
	snprintf(from, sizeof(from), "%s/%.2s/%s", old->source, file->file_id, file->file_id);
	snprintf(to, sizeof(to), "_unback_/%s/%s", file->domain, file->path);
	for (char *slash = strchr(to, '/'); slash && r >= 0; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		r = old->host->mkdir(old->host, to, &status, err);
		*slash = '/';
	}
	if (r >= 0)
		r = old->host->copy(old->host, from, to, &status, err);
	return r < 0 ? r : 0;
}

static int each_row(struct old *old,
		    int (*row)(struct old *old, const struct backup_file *file, struct err *err),
		    struct err *err)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *manifest = NULL;
	struct backup_file file;
	int r;

	r = open_manifest(old, &manifest, err);
	if (r < 0 || !manifest)
		return r;
	r = backup_manifest_rewind(manifest, BACKUP_ORDER_DOMAIN_PATH, NULL, err);
	while (r >= 0) {
		r = backup_manifest_next(manifest, &file, err);
		if (r == BACKUP_END)
			return 0;
		if (r == 0)
			r = row(old, &file, err);
	}
	return r;
}

int wire_old_request(struct wire_host *host, const char *name, const struct plist *request,
		     struct buf *content, struct sim_answer *answer, struct err *err)
{
	struct backup_properties found;
	const char *source = plist_get_text(request, "SourceIdentifier");
	bool is_info = strcmp(name, "Info") == 0, is_list = strcmp(name, "List") == 0;
	char domain[BACKUP_DOMAIN_LEN_MAX] = "", path[PATH_LEN_MAX + 1] = "";
	struct old old = {.host = wire_host_of(host), .content = content, .answer = answer};
	int r;

	source = source ? source : plist_get_text(request, "TargetIdentifier");
	if (!source)
		return fail(&old, MB_INCOMPLETE, "No backup is named");
	snprintf(old.source, sizeof(old.source), "%s", source);
	if (strcmp(name, "Extract") == 0) {
		/* borrowed from a document that the host's next answer replaces */
		snprintf(domain, sizeof(domain), "%s",
			 plist_get_text(request, "DomainName")
				 ? plist_get_text(request, "DomainName")
				 : "");
		snprintf(path, sizeof(path), "%s",
			 plist_get_text(request, "RelativePath")
				 ? plist_get_text(request, "RelativePath")
				 : "");
		old.domain = domain;
		old.path = path;
	}
	backup_properties_init(&found);
	r = properties(&old, &found, err);
	if (r == 0 && answer->code == 0) {
		if (is_info)
			r = print_info(&old, &found, err);
		else
			r = each_row(&old, is_list ? print_row : copy_row, err);
	}
	backup_properties_clear(&found);
	return r;
}
