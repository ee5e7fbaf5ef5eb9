/*
 * DeviceLink control messages, a host's (9.2, 9.3), and the codes of file errors.
 */
#include <errno.h>

#include "link/internal.h"

int link_dl_write(struct buf *out, const char *name, struct plist_doc *doc,
		  const struct plist *elements, enum link_encoding encoding, struct err *err)
{
	struct plist head, root;

	if (elements && elements->type != PLIST_ARRAY)
		return err_set(err, ERR_USAGE, "%s: elements are no array", name);
	head = node_text(name, elements ? elements->as.items.first : NULL);
	root = node_items(PLIST_ARRAY, &head, 1 + (elements ? elements->as.items.count : 0));
	return link_frame_write(out, doc, &root, encoding, err);
}

/* [@name, @rest...], binary: @rest is a chain of @count nodes that belong to no doc */
static int write_chain(struct buf *out, const char *name, const struct plist *rest, size_t count,
		       struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist elements = node_items(PLIST_ARRAY, rest, count);
	int r;

	r = plist_doc_new(&doc, err);
	if (r < 0)
		return r;
	return link_dl_write(out, name, doc, &elements, LINK_BINARY, err);
}

int link_dl_write_version_ok(struct buf *out, int64_t major, struct err *err)
{
	struct plist second = node_int(major, NULL), first = node_text("DLVersionsOk", &second);

	return write_chain(out, "DLMessageVersionExchange", &first, 2, err);
}

int link_dl_write_disconnect(struct buf *out, struct err *err)
{
	struct plist marker = node_text(LINK_DL_EMPTY, NULL);

	return write_chain(out, "DLMessageDisconnect", &marker, 1, err);
}

int link_dl_write_status(struct buf *out, int64_t code, const char *text,
			 const struct plist_doc *doc, const struct plist *value, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *own = NULL;
	const struct plist empty = node_items(PLIST_DICT, NULL, 0);
	struct plist third = node_value(value ? value : &empty, NULL);
	struct plist second = node_text(text ? text : LINK_DL_EMPTY, &third);
	struct plist first = node_int(code, &second);
	struct plist head = node_text("DLMessageStatusResponse", &first);
	struct plist root = node_items(PLIST_ARRAY, &head, 4);
	int r;

	if (!doc) {
		r = plist_doc_new(&own, err);
		if (r < 0)
			return r;
		doc = own;
	}
	return link_frame_write(out, doc, &root, LINK_BINARY, err);
}

int link_dl_write_message(struct buf *out, const struct plist_doc *doc, const struct plist *dict,
			  enum link_encoding encoding, struct err *err)
{
	struct plist first, head, root;

	if (!dict) /* what plist_new_dict gives when memory is short */
		return err_no_memory(err);
	first = node_value(dict, NULL);
	head = node_text("DLMessageProcessMessage", &first);
	root = node_items(PLIST_ARRAY, &head, 2);
	return link_frame_write(out, doc, &root, encoding, err);
}

/* ---- what a host's file operation failed with, in the device's numbers ---- */

static const struct {
	int number, code;
	const char *text;
} dl_errors[] = {
	{ENOENT, LINK_DL_NO_ENTRY, "No such file or directory"},
	{EEXIST, LINK_DL_EXISTS, "File exists"},
	{ENOTDIR, LINK_DL_NOT_DIRECTORY, "Not a directory"},
	{EISDIR, LINK_DL_IS_DIRECTORY, "Is a directory"},
	{ELOOP, LINK_DL_LOOP, "Too many levels of symbolic links"},
	{EIO, LINK_DL_IO, "Input/output error"},
	{ENOSPC, LINK_DL_NO_SPACE, "No space left on device"},
	{EDQUOT, LINK_DL_NO_SPACE, "Disk quota exceeded"},
	{EACCES, LINK_DL_OTHER, "Permission denied"},
	{EPERM, LINK_DL_OTHER, "Operation not permitted"},
	{EROFS, LINK_DL_OTHER, "Read-only file system"},
	{EINVAL, LINK_DL_OTHER, "Invalid argument"},
	{ENAMETOOLONG, LINK_DL_OTHER, "File name too long"},
	{ENOTEMPTY, LINK_DL_OTHER, "Directory not empty"},
	{EOPNOTSUPP, LINK_DL_OTHER, "Operation not supported"},
};

int link_dl_errno(int number)
{
	for (size_t i = 0; i < ARRAY_COUNT(dl_errors); i++) {
		if (dl_errors[i].number == number)
			return dl_errors[i].code;
	}
	return LINK_DL_OTHER;
}

const char *link_dl_errno_text(int number)
{
	for (size_t i = 0; i < ARRAY_COUNT(dl_errors); i++) {
		if (dl_errors[i].number == number)
			return dl_errors[i].text;
	}
	return "Unknown error";
}
