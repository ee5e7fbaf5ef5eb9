/*
 * wire_records - the host's pair records, as usbmuxd keeps them for its clients
 *
 * They hold private keys of the *host*, so they lie in a folder of their own (mode 0700), apart
 * from the devices: one file per UDID, and the host's SystemBUID beside them.
 */
#include "sim/wire.h"

#include <errno.h>
#include <string.h>

enum { RECORD_LEN_MAX = 256 << 10 };

static pthread_mutex_t records_mutex = PTHREAD_MUTEX_INITIALIZER;

static int path_of(struct wire *wire, const char *name, char path[4096], struct err *err)
{
	int len = snprintf(path, 4096, "%s/%s.plist", wire_options(wire)->records_folder, name);

	return len < 4096 ? 0
			  : err_set(err, ERR_LIMIT, "path of the host's pair records is too long");
}

static int save(struct wire *wire, const char *name, struct slice bytes, struct err *err)
{
	char path[4096];
	int r = path_of(wire, name, path, err);

	if (r == 0)
		r = fs_mkdirs(fs_system(), wire_options(wire)->records_folder, 0700, err);
	if (r == 0)
		r = fs_write_file(fs_system(), path, bytes, 0600, err);
	return r;
}

static int make_buid(struct wire *wire, char out[37], struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(RECORD_LEN_MAX);
	struct entropy *entropy =
		entropy_system(); /* the host's identity, not the device's: no seed */
	uint8_t uuid[16];
	struct plist *dict;
	int r;

	r = entropy->fill(entropy, uuid, sizeof(uuid), err);
	if (r == 0)
		r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	uuid_format(uuid, out);
	dict = plist_new_dict(doc);
	plist_set_text(doc, dict, "SystemBUID", out);
	r = plist_write_xml(doc, dict, &text, err);
	return r < 0 ? r : save(wire, "SystemConfiguration", buf_slice(&text), err);
}

static int read_buid(struct wire *wire, char out[37], struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(RECORD_LEN_MAX);
	const struct plist_limits limits = PLIST_LIMITS_SMALL;
	const struct plist *root;
	const char *buid;
	char path[4096];
	int r;

	r = path_of(wire, "SystemConfiguration", path, err);
	if (r == 0)
		r = fs_read_file(fs_system(), path, &text, err);
	if (r == 0)
		r = plist_doc_new(&doc, err);
	if (r == 0)
		r = plist_parse(doc, buf_slice(&text), &limits, &root, err);
	if (r < 0)
		return r;
	buid = plist_get_text(root, "SystemBUID");
	if (!buid || strlen(buid) > 36)
		return err_set(err, ERR_CORRUPT, "%s: no SystemBUID", path);
	strcpy(out, buid);
	return 0;
}

int wire_records_buid(struct wire *wire, char out[37], struct err *err)
{
	int r;

	pthread_mutex_lock(&records_mutex);
	r = read_buid(wire, out, err);
	if (r == ERR_NOT_FOUND)
		r = make_buid(wire, out, err);
	pthread_mutex_unlock(&records_mutex);
	return r;
}

int wire_records_read(struct wire *wire, const char *udid, struct buf *record, struct err *err)
{
	char path[4096];
	int r;

	pthread_mutex_lock(&records_mutex);
	r = path_of(wire, udid, path, err);
	if (r == 0)
		r = fs_read_file(fs_system(), path, record, err);
	pthread_mutex_unlock(&records_mutex);
	return r == ERR_NOT_FOUND ? ENOENT : r;
}

int wire_records_save(struct wire *wire, const char *udid, struct slice record, struct err *err)
{
	int r;

	if (record.len == 0 || record.len > RECORD_LEN_MAX)
		return EINVAL;
	pthread_mutex_lock(&records_mutex);
	r = save(wire, udid, record, err);
	pthread_mutex_unlock(&records_mutex);
	return r;
}

int wire_records_delete(struct wire *wire, const char *udid, struct err *err)
{
	struct fs *fs = fs_system();
	char path[4096];
	int r;

	r = path_of(wire, udid, path, err);
	if (r < 0)
		return r;
	r = fs->unlink(fs, path);
	return r == 0 || r == -ENOENT ? -r : err_set_errno(err, -r, "remove %s", path);
}
