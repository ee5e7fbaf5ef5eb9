/*
 * device_origin - a device born from somebody's backup
 *
 * Its files are taken over: rows as they stand, contents as far as the folder holds them,
 * decrypted. Identity, keys and keybag are not: those are the new device's own.  Contents that the
 * folder lacks are made by seed, and made-by-seed.txt in the device folder lists them.
 */
#include "sim/device.h"

#include <stdlib.h>
#include <string.h>

enum { COPY_LEN = 256 << 10 };

struct sim_origin {
	struct backup_tree *tree;
	struct backup_reader reader;
};

int sim_origin_open(struct sim_origin **out, const char *folder, const struct secret *password,
		    struct err *err)
{
	CLEANUP(sim_origin_close_p) struct sim_origin *origin = calloc(1, sizeof(*origin));
	int r;

	if (!origin)
		return err_no_memory(err);
	backup_reader_init(&origin->reader);
	r = backup_tree_folder(&origin->tree, folder, err);
	if (r == 0)
		r = backup_reader_open(&origin->reader, origin->tree, password, err);
	if (r == BACKUP_WRONG_PASSWORD)
		return err_set(err, ERR_PASSWORD, "%s: the password does not open this backup",
			       folder);
	if (r == 0 && !origin->reader.manifest)
		return err_set(err, ERR_PASSWORD,
			       "%s is encrypted: give its password with --device-password-file",
			       folder);
	if (r < 0)
		return err_wrap(err, r, "%s", folder);
	*out = STEAL(origin);
	return 0;
}

void sim_origin_close_p(struct sim_origin **origin)
{
	if (!*origin)
		return;
	backup_reader_clear(&(*origin)->reader);
	backup_tree_close_p(&(*origin)->tree);
	free(*origin);
	*origin = NULL;
}

void sim_origin_suggest(struct sim_origin *origin, struct sim_origin_hints *hints)
{
	const struct backup_properties *properties = &origin->reader.properties;
	const struct backup_info *info = &origin->reader.info;
	bool has = origin->reader.has_properties && properties->product_version[0];

	*hints = (struct sim_origin_hints){0};
	if (!has && !origin->reader.has_info)
		return;
	snprintf(hints->product, sizeof(hints->product), "%.31s",
		 has ? properties->product_type : info->product_type);
	snprintf(hints->os, sizeof(hints->os), "%.15s",
		 has ? properties->product_version : info->product_version);
	snprintf(hints->build, sizeof(hints->build), "%.15s",
		 has ? properties->build : info->build);
	snprintf(hints->name, sizeof(hints->name), "%.127s",
		 has ? properties->device_name : info->name);
}

/** struct copying - the walk over the origin's rows */
struct copying {
	struct sim_origin *origin;
	struct sim_device *device;
	struct sim_files *files;
	struct sim_pack *pack;
	FILE *list; /* made-by-seed.txt, opened with its first line */
	uint64_t number;
	uint8_t *buffer;
};

/* @fate: what became of the row */
static int list_add(struct copying *copying, const char *fate, const struct backup_file *row,
		    struct err *err)
{
	char path[SIM_FOLDER_MAX + 64], quoted[400];

	if (!copying->list)
		copying->list =
			fopen(sim_device_path(copying->device, "made-by-seed.txt", path), "w");
	if (!copying->list)
		return err_set(err, ERR_IO, "cannot write made-by-seed.txt");
	if (row->domain && row->path && text_is_utf8(row->path, strlen(row->path)))
		fprintf(copying->list, "%s\t%s\t%s\n", fate, row->domain, row->path);
	else
		fprintf(copying->list, "%s\t%s\t%s\n", fate, row->domain ? row->domain : "?",
			row->path ? text_quote(row->path, strlen(row->path), quoted) : "?");
	return 0;
}

static int copy_content(struct copying *copying, struct source *source, struct sim_file *file,
			struct err *err)
{
	uint64_t offset = 0;

	file->offset = sim_pack_len(copying->pack);
	while (offset < source->len) {
		ssize_t got = source->read(source, offset, copying->buffer, COPY_LEN, err);
		int r;

		if (got < 0)
			return (int)got;
		if (got == 0)
			break;
		r = sim_pack_append(copying->pack, slice_of(copying->buffer, (size_t)got), err);
		if (r < 0)
			return r;
		offset += (uint64_t)got;
	}
	file->row.size = file->stored_len =
		offset; /* what is there counts, not what the record says */
	file->pack = offset > 0 ? sim_pack_number(copying->pack) : 0;
	return 0;
}

static int copy_regular(struct copying *copying, struct sim_file *file, struct err *err)
{
	CLEANUP(source_close_p) struct source *source = NULL;
	unsigned notes = 0;
	int r;

	file->kind = sim_kind_of_path(file->row.path);
	r = backup_reader_content(&copying->origin->reader, &file->row, &source, &notes, err);
	if (r == 0)
		return copy_content(copying, source, file, err);
	if (r < 0)
		return r;
	if (file->row.size >> 38) /* no real file is that large: a damaged record */
		file->row.size = 0;
	return list_add(copying, "made", &file->row, err);
}

static int copy_row(struct copying *copying, const struct backup_file *row, struct err *err)
{
	struct sim_file file = {.row = *row, .content = copying->number++};
	int r = 0;

	if (!row->domain || !row->domain[0] || strchr(row->domain, '/') ||
	    (row->path[0] && path_check_relative(row->path, strlen(row->path), NULL) != 0))
		return list_add(copying, "left out", row, err);
	if (backup_file_is_regular(row))
		r = copy_regular(copying, &file, err);
	else
		file.row.size = 0;
	if (r < 0)
		return r;
	file.row.key = file.row.digest = SLICE_EMPTY; /* the old device's */
	return sim_files_insert(copying->files, &file, err);
}

static int copy_rows(struct copying *copying, struct err *err)
{
	struct backup_manifest *manifest = copying->origin->reader.manifest;
	struct backup_file row;
	int r = backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, NULL, err);

	while (r == 0) {
		row = (struct backup_file){0};
		r = backup_manifest_next(manifest, &row, err);
		if (r == BACKUP_END || r < 0)
			break;
		r = r == BACKUP_DAMAGED ? list_add(copying, "left out", &row, err)
					: copy_row(copying, &row, err);
	}
	return r < 0 ? r : 0;
}

/* the user's apps, as the host's Info.plist counts them */
static int copy_apps(struct copying *copying, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(source_close_p) struct source *source = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(64 << 20);
	const struct plist_limits limits = PLIST_LIMITS_FILE;
	const struct plist *root, *apps;
	int r = copying->origin->tree->open(copying->origin->tree, "Info.plist", &source, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = plist_doc_new(&doc, err);
	if (r == 0)
		r = source_read_all(source, &bytes, err);
	if (r < 0)
		return r;
	if (plist_parse(doc, buf_slice(&bytes), &limits, &root, NULL) < 0)
		return 0; /* host-written and not needed: no reason to refuse the device */
	apps = plist_get_array(root, "Installed Applications");
	for (const struct plist *app = apps ? apps->as.items.first : NULL; app && r == 0;
	     app = app->next) {
		struct sim_app one = {.version = "1.0"};

		if (!plist_text(app) || strlen(plist_text(app)) >= sizeof(one.bundle))
			continue;
		snprintf(one.bundle, sizeof(one.bundle), "%s", plist_text(app));
		snprintf(one.name, sizeof(one.name), "%.127s", plist_text(app));
		r = sim_app_put(copying->device, &one, err);
	}
	return r;
}

int sim_origin_copy(struct sim_origin *origin, struct sim_device *device, struct sim_files *files,
		    struct err *err)
{
	struct copying copying = {.origin = origin, .device = device, .files = files, .number = 1};
	int r = sim_pack_new(&copying.pack, device, err);

	if (r < 0)
		return r;
	copying.buffer = malloc(COPY_LEN);
	r = copying.buffer ? copy_rows(&copying, err) : err_no_memory(err);
	if (r == 0)
		r = copy_apps(&copying, err);
	if (r == 0)
		r = sim_fact_put_int(device, "content_next", (int64_t)copying.number, err);
	if (r == 0)
		r = sim_pack_finish(&copying.pack, err);
	sim_pack_abandon_p(&copying.pack);
	if (copying.list && fclose(copying.list) != 0 && r == 0)
		r = err_set(err, ERR_IO, "cannot write made-by-seed.txt");
	free(copying.buffer);
	return r;
}
