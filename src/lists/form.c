/* form - writing the two forms, and comparing lists */
#include "lists/internal.h"

#include <string.h>

static const char ownership_header[] = "SerialNumber\n"; /* C-40 */

static int entry_write(struct buf *out, enum lists_form form, const struct lists_entry *entry,
		       struct err *err)
{
	int r = buf_append_slice(out, entry->identifier, err);

	/* nothing is quoted: identifiers and details were refused if they would need it */
	if (r == 0 && form == LISTS_IDENTIFIERS)
		r = buf_append_u8(out, ',', err);
	if (r == 0 && form == LISTS_IDENTIFIERS)
		r = buf_append_slice(out, entry->details, err);
	return r < 0 ? r : buf_append_u8(out, '\n', err);
}

int lists_write(const struct lists *list, enum lists_form form, size_t *at, size_t rows_max,
		struct buf *out, struct err *err)
{
	size_t begun = out->len, next = *at, rows = 0;
	struct lists_entry entry;
	int r = 0;

	if (form == LISTS_OWNERSHIP && list->kind == LISTS_IMEI)
		return err_set(err, ERR_USAGE,
			       "the ownership form takes serial numbers, this is a list of IMEIs "
			       "(C-40)");
	if (!lists_next(list, &next, &entry))
		return LISTS_WRITTEN_ALL;
	if (form == LISTS_OWNERSHIP)
		r = buf_append_text(out, ownership_header, err);
	do {
		size_t len = entry.identifier.len + entry.details.len + 2;

		if (r < 0)
			return r;
		/* the script reads one file of any length, the upload does not */
		if (rows == rows_max ||
		    (form == LISTS_IDENTIFIERS && out->len - begun + len > LISTS_FILE_BYTES_MAX))
			return 0;
		r = entry_write(out, form, &entry, err);
		rows++;
		*at = next;
	} while (lists_next(list, &next, &entry));
	return r;
}

struct slice line_take(struct slice *text)
{
	const uint8_t *end = text->len ? memchr(text->bytes, '\n', text->len) : NULL;
	size_t len = end ? (size_t)(end - text->bytes) : text->len;
	struct slice line = slice_of(text->bytes, len);

	*text = slice_of(text->bytes + len + (end != NULL), text->len - len - (end != NULL));
	if (end && line.len && line.bytes[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* is_as_wanted - a comma with nothing behind it may be missing, C-02 */
static bool is_as_wanted(struct slice want, struct slice line)
{
	if (want.len && want.bytes[want.len - 1] == ',' && line.len == want.len - 1)
		want.len--;
	return slice_equal(want, line);
}

int lists_form_check(const struct lists *list, enum lists_form form, struct slice text,
		     uint64_t *line, struct err *err)
{
	CLEANUP(buf_clear) struct buf made = BUF_INIT(LISTS_TEXT_MAX);
	size_t rows_max = form == LISTS_IDENTIFIERS ? LISTS_FILE_ROWS_MAX : SIZE_MAX;
	struct slice want;
	size_t at = 0;
	int r = lists_write(list, form, &at, rows_max, &made, err);

	if (r < 0)
		return r;
	want = buf_slice(&made);
	*line = 0;
	for (uint64_t number = 1; want.len || text.len; number++) {
		bool is_behind = !want.len || !text.len;

		if (is_behind || !is_as_wanted(line_take(&want), line_take(&text))) {
			*line = number;
			return 0;
		}
	}
	return 0;
}

int lists_compare(const struct lists *list, const struct lists *other,
		  int (*each)(void *arg, enum lists_difference difference,
			      const struct lists_entry *old, const struct lists_entry *new,
			      struct err *err),
		  void *arg, struct err *err)
{
	size_t i = 0, k = 0;
	int r = 0;

	while (r == 0 && (i < list->sorted_count || k < other->sorted_count)) {
		bool has_old = i < list->sorted_count, has_new = k < other->sorted_count;
		struct lists_entry old = {0}, new = {0};
		int order = has_old ? -1 : 1;

		if (has_old)
			old = entry_show(list, &list->entries[list->sorted[i]]);
		if (has_new)
			new = entry_show(other, &other->entries[other->sorted[k]]);
		if (has_old && has_new)
			order = slice_compare(old.identifier, new.identifier);
		if (order < 0)
			r = each(arg, LISTS_MISSING, &old, NULL, err);
		else if (order > 0)
			r = each(arg, LISTS_EXTRA, NULL, &new, err);
		else if (!slice_equal(old.details, new.details))
			r = each(arg, LISTS_DIFFERS, &old, &new, err);
		i += order <= 0;
		k += order >= 0;
	}
	return r;
}
