/*
 * The management files out of an opened backup: a folder or a snapshot alike
 */
#include "backup/internal.h"

static int reader_read(struct backup_lookup *lookup, const char *domain, const char *path,
		       struct buf *out, int64_t *modified, struct err *err)
{
	struct backup_reader *reader = ((struct backup_reader_lookup *)lookup)->reader;
	CLEANUP(source_close_p) struct source *source = NULL;
	struct backup_file file;
	unsigned notes = 0;
	int r;

	if (!reader->manifest)
		return err_set(err, ERR_PASSWORD,
			       "the backup is encrypted: its password is needed");
	r = backup_manifest_find(reader->manifest, domain, path, &file, err);
	if (r)
		return r;
	*modified = file.modified;
	if (!backup_file_is_regular(&file)) {
		err_set(err, ERR_CORRUPT, "%s is no regular file", path);
		return BACKUP_DAMAGED;
	}
	r = backup_reader_content(reader, &file, &source, &notes, err);
	if (r == BACKUP_ABSENT) {
		err_set(err, ERR_CORRUPT, "the contents of %s are missing", path);
		return BACKUP_DAMAGED;
	}
	return r ? r : source_read_all(source, out, err);
}

static int reader_list(struct backup_lookup *lookup, const char *domain,
		       int (*each)(void *arg, const char *path, struct err *err), void *arg,
		       struct err *err)
{
	struct backup_manifest *manifest =
		((struct backup_reader_lookup *)lookup)->reader->manifest;
	struct backup_file file;
	int r;

	if (!manifest)
		return err_set(err, ERR_PASSWORD,
			       "the backup is encrypted: its password is needed");
	r = backup_manifest_rewind(manifest, BACKUP_ORDER_STORED, domain, err);
	if (r < 0)
		return r;
	while ((r = backup_manifest_next(manifest, &file, err)) != BACKUP_END) {
		if (r < 0)
			return r;
		if (r == BACKUP_DAMAGED || !backup_file_is_regular(&file))
			continue;
		r = each(arg, file.path, err);
		if (r)
			return r;
	}
	return 0;
}

void backup_reader_lookup_init(struct backup_reader_lookup *lookup, struct backup_reader *reader)
{
	*lookup = (struct backup_reader_lookup){
		.lookup = {.read = reader_read,
			   .list = reader_list,
			   .bag = reader->bag && backup_keybag_is_open(reader->bag) ? reader->bag
										    : NULL},
		.reader = reader,
	};
}
