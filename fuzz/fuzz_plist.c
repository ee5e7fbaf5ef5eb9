/* property lists: what parses is written in both forms and reads back to the same bytes */
#include <stdlib.h>

#include "plist/plist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* write_twice - write, read, write again: a difference is a finding */
static void write_twice(const struct plist *root,
			int (*write)(const struct plist_doc *, const struct plist *, struct buf *,
				     struct err *))
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf once = BUF_INIT(64u << 20), twice = BUF_INIT(64u << 20);
	const struct plist *again = NULL;
	struct plist_limits limits = PLIST_LIMITS_FRAME;
	int r = write(NULL, root, &once, NULL);

	/* XML cannot say everything, and a string that many share is long when written for each */
	if (r == ERR_UNSUPPORTED || r == ERR_LIMIT)
		return;
	limits.depth_max++; /* a UID becomes a dict in XML */
	if (r < 0 || plist_doc_new(&doc, NULL) < 0 ||
	    plist_parse(doc, buf_slice(&once), &limits, &again, NULL) < 0 ||
	    write(NULL, again, &twice, NULL) < 0 ||
	    !slice_equal(buf_slice(&once), buf_slice(&twice)))
		abort();
	buf_clear(&twice);
	if (plist_write_binary(doc, plist_copy(doc, again), &twice, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	const struct plist *root = NULL;

	if (plist_doc_new(&doc, NULL) < 0)
		abort();
	if (plist_parse(doc, slice_of(data, size), &PLIST_LIMITS_SMALL, &root, NULL) < 0)
		return 0;
	write_twice(root, plist_write_xml);
	write_twice(root, plist_write_binary);
	return 0;
}
