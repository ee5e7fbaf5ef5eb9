/*
 * Bounded copies of what the property lists of a backup hold
 */
#include "backup/internal.h"

#include <string.h>

int backup_parse_dict(struct plist_doc *doc, struct slice bytes, const char *what,
		      const struct plist **dict, struct err *err)
{
	struct plist_limits limits = PLIST_LIMITS_FILE;
	int r;

	limits.len_max = BACKUP_PLIST_LEN_MAX;
	r = plist_parse(doc, bytes, &limits, dict, err);
	if (r < 0) /* malformed is the file's fault here, not a peer's */
		return err_wrap(err, r == ERR_PROTOCOL ? ERR_CORRUPT : r, "%s", what);
	if ((*dict)->type != PLIST_DICT)
		return err_set(err, ERR_CORRUPT, "%s is no dictionary", what);
	return 0;
}

int backup_copy_text(const struct plist *dict, const char *key, char *out, size_t size,
		     struct err *err)
{
	const char *text = plist_get_text(dict, key);

	out[0] = '\0';
	if (!text)
		return 0;
	if (strlen(text) >= size)
		return err_set(err, ERR_LIMIT, "%s is longer than %zu bytes", key, size - 1);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

void backup_cut_text(const struct plist *dict, const char *key, char *out, size_t size)
{
	const char *text = plist_get_text(dict, key);
	size_t len = text ? strlen(text) : 0;

	if (len >= size)
		for (len = size - 1; len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80; len--)
			;
	if (len)
		memcpy(out, text, len);
	out[len] = '\0';
}

int backup_copy_version(const struct plist *dict, const char *key, char *out, size_t size,
			struct err *err)
{
	double number;

	if (plist_get_text(dict, key) || !plist_get_real(dict, key, &number))
		return backup_copy_text(dict, key, out, size, err);
	if (!(number >= 0 && number < 1000))
		return err_set(err, ERR_CORRUPT, "%s is out of range", key);
	snprintf(out, size, "%.1f", number);
	return 0;
}
