/*
 * plist/write_xml - XML property lists as Apple's tools lay them out
 *
 * Tabs for depth, data in lines that end at column 76 (a tab counts as 8), & < >
 * as entities.  A carriage return goes as &#13; because XML readers would turn it
 * into a newline.
 */
#include "plist/internal.h"

#include <string.h>

static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			   "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
			   "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
			   "<plist version=\"1.0\">\n";
static const char foot[] = "</plist>\n";

static int put_indent(struct buf *out, size_t depth, struct err *err)
{
	static const char tabs[] = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
	int r = 0;

	while (r == 0 && depth > 0) {
		size_t step = depth < sizeof(tabs) - 1 ? depth : sizeof(tabs) - 1;

		r = buf_append(out, tabs, step, err);
		depth -= step;
	}
	return r;
}

/* escape_of - NULL if the byte stands for itself; "" if XML has no way to say it */
static const char *escape_of(const uint8_t *at, const uint8_t *end)
{
	switch (*at) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\r':
		return "&#13;";
	case '\t':
	case '\n':
		return NULL;
	case 0xef: /* U+FFFE and U+FFFF; the text is well formed, but stay inside */
		return end - at >= 3 && at[1] == 0xbf && at[2] >= 0xbe ? "" : NULL;
	default:
		return *at < 0x20 ? "" : NULL;
	}
}

static int put_text(struct buf *out, const char *text, size_t len, struct err *err)
{
	const uint8_t *at = (const uint8_t *)text, *end = at + len, *plain = at;
	char quoted[400];
	size_t unit_count;
	int r;

	if (!plist_utf8_measure(text, len, &unit_count))
		return err_set(err, ERR_USAGE, "text is not UTF-8: %s",
			       text_quote(text, len, quoted));
	for (; at < end; at++) {
		const char *escape = escape_of(at, end);

		if (escape == NULL)
			continue;
		if (*escape == '\0')
			return err_set(err, ERR_UNSUPPORTED,
				       "XML cannot hold a character of this text: %s",
				       text_quote(text, len, quoted));
		r = buf_append(out, plain, (size_t)(at - plain), err);
		if (r == 0)
			r = buf_append_text(out, escape, err);
		if (r < 0)
			return r;
		plain = at + 1;
	}
	return buf_append(out, plain, (size_t)(end - plain), err);
}

static int put_element(struct buf *out, const char *name, const char *text, size_t len,
		       struct err *err)
{
	int r = buf_append_format(out, err, "<%s>", name);

	if (r == 0)
		r = put_text(out, text, len, err);
	if (r == 0)
		r = buf_append_format(out, err, "</%s>\n", name);
	return r;
}

static int put_data(struct buf *out, struct slice data, size_t depth, struct err *err)
{
	size_t indent = depth < 8 ? depth : 8; /* deeper would leave no room */
	size_t step = (76 - 8 * indent) / 4 * 3;
	int r = buf_append_text(out, "<data>\n", err);

	while (r == 0 && data.len > 0) {
		char line[76 + 1];
		size_t len = data.len < step ? data.len : step;
		size_t line_len = plist_base64_encode(data.bytes, len, line);

		line[line_len++] = '\n';
		r = put_indent(out, indent, err);
		if (r == 0)
			r = buf_append(out, line, line_len, err);
		data.bytes += len;
		data.len -= len;
	}
	if (r == 0)
		r = put_indent(out, indent, err);
	if (r == 0)
		r = buf_append_text(out, "</data>\n", err);
	return r;
}

static int put_integer(struct buf *out, const struct plist *value, struct err *err)
{
	long long integer = value->as.integer;

	if (value->is_wide)
		return buf_append_format(out, err, "<integer>%llu</integer>\n",
					 (unsigned long long)integer);
	return buf_append_format(out, err, "<integer>%lld</integer>\n", integer);
}

static int put_date(struct buf *out, double date, struct err *err)
{
	char text[PLIST_DATE_TEXT_LEN];

	if (!plist_date_to_text(date, text))
		return err_set(err, ERR_UNSUPPORTED,
			       "an XML property list has no date %g s from 2001", date);
	return buf_append_format(out, err, "<date>%s</date>\n", text);
}

/* a UID has no element; Apple's tools write and read it as this dict */
static int put_uid(struct buf *out, uint64_t uid, size_t depth, struct err *err)
{
	int r = buf_append_text(out, "<dict>\n", err);

	if (r == 0)
		r = put_indent(out, depth + 1, err);
	if (r == 0)
		r = buf_append_text(out, "<key>CF$UID</key>\n", err);
	if (r == 0)
		r = put_indent(out, depth + 1, err);
	if (r == 0)
		r = buf_append_format(out, err, "<integer>%llu</integer>\n",
				      (unsigned long long)uid);
	if (r == 0)
		r = put_indent(out, depth, err);
	if (r == 0)
		r = buf_append_text(out, "</dict>\n", err);
	return r;
}

/* put_value - a whole leaf, or the begin of a container */
static int put_value(struct buf *out, const struct plist *value, size_t depth, struct err *err)
{
	bool is_empty = value->as.items.first == NULL; /* of containers */
	char real[PLIST_REAL_TEXT_LEN];

	switch (value->type) {
	case PLIST_BOOL:
		return buf_append_text(out, value->as.boolean ? "<true/>\n" : "<false/>\n", err);
	case PLIST_INT:
		return put_integer(out, value, err);
	case PLIST_REAL:
		return buf_append_format(out, err, "<real>%s</real>\n",
					 plist_real_to_text(value->as.real, real));
	case PLIST_DATE:
		return put_date(out, value->as.date, err);
	case PLIST_DATA:
		return put_data(out, value->as.data, depth, err);
	case PLIST_STRING:
		return put_element(out, "string", value->as.string.text, value->as.string.len, err);
	case PLIST_UID:
		return put_uid(out, value->as.uid, depth, err);
	case PLIST_ARRAY:
		return buf_append_text(out, is_empty ? "<array/>\n" : "<array>\n", err);
	case PLIST_DICT:
		return buf_append_text(out, is_empty ? "<dict/>\n" : "<dict>\n", err);
	case PLIST_NULL:
		break;
	}
	return err_set(err, ERR_UNSUPPORTED, "an XML property list has no null");
}

static int put_end(struct buf *out, const struct plist *container, size_t depth, struct err *err)
{
	int r = put_indent(out, depth, err);

	if (r < 0)
		return r;
	return buf_append_text(out, container->type == PLIST_DICT ? "</dict>\n" : "</array>\n",
			       err);
}

static int put_tree(struct buf *out, const struct plist *root, struct err *err)
{
	const struct plist *open[PLIST_DEPTH_MAX];
	const struct plist *value = root;
	size_t depth = 0;
	int r;

	for (;;) {
		r = put_indent(out, depth, err);
		if (r == 0 && depth > 0 && open[depth - 1]->type == PLIST_DICT) {
			r = put_element(out, "key", value->key, value->key_len, err);
			if (r == 0)
				r = put_indent(out, depth, err);
		}
		if (r == 0)
			r = put_value(out, value, depth, err);
		if (r < 0)
			return r;
		if (plist_is_container(value) && value->as.items.first != NULL) {
			if (depth == PLIST_DEPTH_MAX)
				return err_set(err, ERR_LIMIT,
					       "property list nests deeper than %d levels",
					       PLIST_DEPTH_MAX);
			open[depth++] = value;
			value = value->as.items.first;
			continue;
		}
		while (depth > 0 && value->next == NULL) {
			value = open[--depth];
			r = put_end(out, value, depth, err);
			if (r < 0)
				return r;
		}
		if (depth == 0)
			return 0;
		value = value->next;
	}
}

int plist_write_xml(const struct plist_doc *doc, const struct plist *root, struct buf *out,
		    struct err *err)
{
	size_t before = out->len;
	int r;

	if (doc != NULL && doc->has_failed)
		return err_no_memory(err);
	if (root == NULL)
		return err_set(err, ERR_USAGE, "no property list to write");
	r = buf_append_text(out, head, err);
	if (r == 0)
		r = put_tree(out, root, err);
	if (r == 0)
		r = buf_append_text(out, foot, err);
	if (r < 0)
		buf_truncate(out, before);
	return r;
}
