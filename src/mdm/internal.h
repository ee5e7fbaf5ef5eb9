/* mdm, inside: what its files share */
#ifndef REHOME_MDM_INTERNAL_H
#define REHOME_MDM_INTERNAL_H

#include "mdm/mdm.h"

/** mdm_open - parse a message that must be a dict of at most @max bytes; @what names it in errors
 */
int mdm_open(struct plist_doc *doc, struct slice bytes, size_t max, const char *what,
	     const struct plist **root, struct err *err);
/** mdm_read_text - the text @key, at most @max bytes, without control characters; NULL if absent
 * (ERR_PROTOCOL if @is_required); another type is refused */
int mdm_read_text(const struct plist *dict, const char *key, size_t max, bool is_required,
		  const char **text, struct err *err);
/** mdm_read_data - the data @key, at most @max bytes; *@has may be NULL */
int mdm_read_data(const struct plist *dict, const char *key, size_t max, bool is_required,
		  struct slice *data, bool *has, struct err *err);

#endif
