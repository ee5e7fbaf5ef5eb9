/*
 * plist/parse - which of the two forms is it?
 */
#include "plist/internal.h"

#include <string.h>

int plist_parse(struct plist_doc *doc, struct slice bytes, const struct plist_limits *limits,
		const struct plist **root, struct err *err)
{
	struct plist_limits bounded = *limits;

	if (bytes.len == 0)
		return err_set(err, ERR_PROTOCOL, "property list is empty");
	if (bytes.len > limits->len_max)
		return err_set(err, ERR_LIMIT, "property list of %zu bytes, limit %zu", bytes.len,
			       limits->len_max);
	if (bounded.depth_max > PLIST_DEPTH_MAX)
		bounded.depth_max = PLIST_DEPTH_MAX;
	if (bytes.len >= 6 && memcmp(bytes.bytes, "bplist", 6) == 0)
		return plist_read_binary(doc, bytes, &bounded, root, err);
	return plist_read_xml(doc, bytes, &bounded, root, err);
}
