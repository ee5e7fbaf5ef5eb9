/*
 * plist/read_xml - XML property lists, on expat
 *
 * Expat checks that it is XML; the handlers here check that it is a property list.
 * No entity is ever expanded beyond XML's own five and character references: a
 * DOCTYPE that declares anything and a reference to anything else end the parse.
 * The text of the open element grows in one buffer (an `&amp;` arrives alone, and
 * a million of them must not cost a million copies).
 */
#include "plist/internal.h"

#include <expat.h>
#include <limits.h>
#include <string.h>

enum { TEXT_LEN_FIRST = 4096 };

enum element {
	EL_NONE,
	EL_PLIST,
	EL_DICT,
	EL_ARRAY,
	EL_KEY,
	EL_STRING,
	EL_INTEGER,
	EL_REAL,
	EL_DATE,
	EL_DATA,
	EL_TRUE,
	EL_FALSE,
};

static const char *const element_names[] = {
	[EL_PLIST] = "plist",   [EL_DICT] = "dict",       [EL_ARRAY] = "array", [EL_KEY] = "key",
	[EL_STRING] = "string", [EL_INTEGER] = "integer", [EL_REAL] = "real",   [EL_DATE] = "date",
	[EL_DATA] = "data",     [EL_TRUE] = "true",       [EL_FALSE] = "false",
};

struct xml {
	struct plist_doc *doc;
	XML_Parser parser;
	size_t nodes_left, depth_max;
	bool is_in_plist;
	enum element leaf; /* the open element if it holds text, or EL_NONE */
	struct plist *root;
	struct plist *open[PLIST_DEPTH_MAX]; /* containers around us */
	size_t depth;
	const char *key; /* of a dict entry whose value has not come yet */
	size_t key_len;
	int code; /* 0, or why the handlers stopped */
	struct err *err;
};

static void stop(struct xml *xml, int code)
{
	xml->code = code;
	XML_StopParser(xml->parser, XML_FALSE);
}

static void refuse(struct xml *xml, int code, const char *what)
{
	if (xml->code != 0)
		return;
	stop(xml, err_set(xml->err, code, "XML property list, line %lu, byte %lld: %s",
			  (unsigned long)XML_GetCurrentLineNumber(xml->parser),
			  (long long)XML_GetCurrentByteIndex(xml->parser), what));
}

static void refuse_memory(struct xml *xml)
{
	if (xml->code == 0)
		stop(xml, err_no_memory(xml->err));
}

/* ---- values ----------------------------------------------------------------------- */

static bool pay_node(struct xml *xml)
{
	if (xml->nodes_left == 0) {
		refuse(xml, ERR_LIMIT, "too many values and keys");
		return false;
	}
	xml->nodes_left--;
	return true;
}

/* add_value - a node in its place: root, next item, or value of the waiting key */
static struct plist *add_value(struct xml *xml, enum plist_type type)
{
	struct plist *parent = xml->depth > 0 ? xml->open[xml->depth - 1] : NULL;
	struct plist *node;

	if (parent == NULL && xml->root != NULL) {
		refuse(xml, ERR_PROTOCOL, "second value beside the first");
		return NULL;
	}
	if (parent != NULL && parent->type == PLIST_DICT && xml->key == NULL) {
		refuse(xml, ERR_PROTOCOL, "value without a key");
		return NULL;
	}
	if (!pay_node(xml))
		return NULL;
	node = plist_doc_node(xml->doc, type);
	if (node == NULL) {
		refuse_memory(xml);
		return NULL;
	}
	if (parent == NULL) {
		xml->root = node;
	} else {
		node->key = STEAL(xml->key);
		node->key_len = node->key != NULL ? xml->key_len : 0;
		plist_append(parent, node);
	}
	return node;
}

static void open_container(struct xml *xml, enum plist_type type)
{
	struct plist *node;

	if (xml->depth >= xml->depth_max) {
		refuse(xml, ERR_LIMIT, "nested too deep");
		return;
	}
	node = add_value(xml, type);
	if (node != NULL)
		xml->open[xml->depth++] = node;
}

/* UIDs have no element of their own: Apple writes
 * <dict><key>CF$UID</key><integer>n</integer></dict>. */
static void close_dict(struct xml *xml)
{
	struct plist *dict = xml->open[--xml->depth];
	const struct plist *only = dict->as.items.first;

	if (xml->key != NULL) {
		refuse(xml, ERR_PROTOCOL, "key without a value");
		return;
	}
	if (dict->as.items.count == 1 && only->type == PLIST_INT && only->key_len == 6 &&
	    memcmp(only->key, "CF$UID", 6) == 0 && (only->as.integer >= 0 || only->is_wide)) {
		uint64_t uid = (uint64_t)only->as.integer;

		memset(&dict->as, 0, sizeof(dict->as));
		dict->type = PLIST_UID;
		dict->as.uid = uid;
	}
}

static void close_key(struct xml *xml)
{
	struct plist *parent = xml->depth > 0 ? xml->open[xml->depth - 1] : NULL;
	const struct buf *text = &xml->doc->text;

	if (parent == NULL || parent->type != PLIST_DICT || xml->key != NULL) {
		refuse(xml, ERR_PROTOCOL, "key where none belongs");
		return;
	}
	if (!pay_node(xml))
		return;
	xml->key = plist_doc_text(xml->doc, text->bytes, text->len);
	xml->key_len = text->len;
	if (xml->key == NULL)
		refuse_memory(xml);
}

static void close_string(struct xml *xml)
{
	const struct buf *text = &xml->doc->text;
	struct plist *node = add_value(xml, PLIST_STRING);

	if (node == NULL)
		return;
	node->as.string.text = plist_doc_text(xml->doc, text->bytes, text->len);
	node->as.string.len = text->len;
	if (node->as.string.text == NULL)
		refuse_memory(xml);
}

static void close_data(struct xml *xml)
{
	const struct buf *text = &xml->doc->text;
	struct plist *node = add_value(xml, PLIST_DATA);
	uint8_t *bytes;

	if (node == NULL)
		return;
	bytes = plist_doc_alloc(xml->doc, text->len / 4 * 3 + 3);
	if (bytes == NULL) {
		refuse_memory(xml);
		return;
	}
	node->as.data.bytes = bytes;
	if (!plist_base64_decode((const char *)text->bytes, text->len, bytes, &node->as.data.len))
		refuse(xml, ERR_PROTOCOL, "data is not base64");
}

static void close_number(struct xml *xml, enum element element)
{
	const char *text = (const char *)xml->doc->text.bytes;
	size_t len = xml->doc->text.len;
	struct plist *node;

	node = add_value(xml, element == EL_INTEGER ? PLIST_INT
			      : element == EL_REAL  ? PLIST_REAL
						    : PLIST_DATE);
	if (node == NULL)
		return;
	if (node->type == PLIST_INT &&
	    !plist_integer_from_text(text, len, &node->as.integer, &node->is_wide))
		refuse(xml, ERR_PROTOCOL, "not an integer of 64 bits");
	if (node->type == PLIST_REAL && !plist_real_from_text(text, len, &node->as.real))
		refuse(xml, ERR_PROTOCOL, "not a real number");
	if (node->type == PLIST_DATE && !plist_date_from_text(text, len, &node->as.date))
		refuse(xml, ERR_PROTOCOL, "not a date of the form 2001-01-01T00:00:00Z");
}

/* ---- what expat calls ----------------------------------------------------------------- */

static enum element element_of(const char *name)
{
	for (size_t i = EL_PLIST; i < ARRAY_COUNT(element_names); i++) {
		if (strcmp(name, element_names[i]) == 0)
			return (enum element)i;
	}
	return EL_NONE;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct xml *xml = arg;
	enum element element = element_of(name);

	if (xml->code != 0)
		return;
	if (xml->is_in_plist != (element != EL_PLIST) || xml->leaf != EL_NONE ||
	    element == EL_NONE) {
		refuse(xml, ERR_PROTOCOL, "element that does not belong here");
		return;
	}
	switch (element) {
	case EL_PLIST:
		xml->is_in_plist = true;
		break;
	case EL_DICT:
		open_container(xml, PLIST_DICT);
		break;
	case EL_ARRAY:
		open_container(xml, PLIST_ARRAY);
		break;
	default:
		xml->leaf = element;
		buf_truncate(&xml->doc->text, 0);
	}
}

static void close_bool(struct xml *xml, bool value)
{
	struct plist *node = add_value(xml, PLIST_BOOL);

	if (node != NULL)
		node->as.boolean = value;
}

/* Expat has seen to it that the tags match. */
static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct xml *xml = arg;

	if (xml->code != 0)
		return;
	switch (xml->leaf) {
	case EL_KEY:
		close_key(xml);
		break;
	case EL_STRING:
		close_string(xml);
		break;
	case EL_DATA:
		close_data(xml);
		break;
	case EL_INTEGER:
	case EL_REAL:
	case EL_DATE:
		close_number(xml, xml->leaf);
		break;
	case EL_TRUE:
	case EL_FALSE:
		close_bool(xml, xml->leaf == EL_TRUE);
		break;
	default:
		if (xml->depth > 0 && xml->open[xml->depth - 1]->type == PLIST_DICT)
			close_dict(xml);
		else if (xml->depth > 0)
			xml->depth--;
	}
	xml->leaf = EL_NONE;
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
	struct xml *xml = arg;

	if (xml->code != 0)
		return;
	if (xml->leaf != EL_NONE && xml->leaf != EL_TRUE && xml->leaf != EL_FALSE) {
		int r = buf_append(&xml->doc->text, text, (size_t)len, xml->err);

		if (r < 0)
			stop(xml, r);
		return;
	}
	for (int i = 0; i < len; i++) {
		if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0') {
			refuse(xml, ERR_PROTOCOL, "text outside of a value");
			return;
		}
	}
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
			       const XML_Char *public_id, int has_declarations)
{
	if (has_declarations)
		refuse(arg, ERR_PROTOCOL, "DOCTYPE with declarations of its own");
}

/* With a DOCTYPE that names a DTD outside, expat would drop unknown entities silently. */
static void XMLCALL on_skipped_entity(void *arg, const XML_Char *name, int is_parameter)
{
	refuse(arg, ERR_PROTOCOL, "unknown entity");
}

static void XMLCALL on_entity_declaration(void *arg, const XML_Char *name, int is_parameter,
					  const XML_Char *value, int value_len,
					  const XML_Char *base, const XML_Char *system_id,
					  const XML_Char *public_id, const XML_Char *notation)
{
	refuse(arg, ERR_PROTOCOL, "entity declaration");
}

/* ---- the door ---------------------------------------------------------------------- */

static int prepare_parser(struct xml *xml)
{
	struct plist_doc *doc = xml->doc;

	if (doc->expat == NULL)
		doc->expat = XML_ParserCreate(NULL);
	else
		XML_ParserReset(doc->expat, NULL);
	if (doc->expat == NULL)
		return err_no_memory(xml->err);
	buf_truncate(&doc->text, 0);
	xml->parser = doc->expat;
	/* growing would leave copies of what it held; passwords fit in here */
	if (buf_reserve(&doc->text, TEXT_LEN_FIRST, xml->err) < 0)
		return ERR_NO_MEMORY;
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, on_start, on_end);
	XML_SetCharacterDataHandler(xml->parser, on_text);
	XML_SetStartDoctypeDeclHandler(xml->parser, on_doctype);
	XML_SetEntityDeclHandler(xml->parser, on_entity_declaration);
	XML_SetSkippedEntityHandler(xml->parser, on_skipped_entity);
	XML_SetParamEntityParsing(xml->parser, XML_PARAM_ENTITY_PARSING_NEVER);
	return 0;
}

static int expat_failure(struct xml *xml)
{
	enum XML_Error error = XML_GetErrorCode(xml->parser);

	if (error == XML_ERROR_NO_MEMORY)
		refuse_memory(xml);
	else
		refuse(xml, ERR_PROTOCOL, XML_ErrorString(error));
	return xml->code;
}

/* Some peers send the terminator of their C string along; in little-endian UTF-16 a NUL ends each
 * letter. */
static void drop_terminator(struct slice *bytes)
{
	if (bytes->len < 2 || bytes->bytes[0] == 0xff || bytes->bytes[1] == '\0')
		return;
	while (bytes->len > 0 && bytes->bytes[bytes->len - 1] == '\0')
		bytes->len--;
}

int plist_read_xml(struct plist_doc *doc, struct slice bytes, const struct plist_limits *limits,
		   const struct plist **root, struct err *err)
{
	struct xml xml;
	int r;

	memset(&xml, 0, sizeof(xml));
	xml.doc = doc;
	xml.nodes_left = limits->node_max;
	xml.depth_max = limits->depth_max;
	xml.err = err;
	drop_terminator(&bytes);
	if (bytes.len > INT_MAX)
		return err_set(err, ERR_LIMIT, "XML property list of %zu bytes", bytes.len);
	r = prepare_parser(&xml);
	if (r < 0)
		return r;
	if (XML_Parse(xml.parser, (const char *)bytes.bytes, (int)bytes.len, XML_TRUE) !=
	    XML_STATUS_OK)
		return expat_failure(&xml);
	if (xml.root == NULL)
		return err_set(err, ERR_PROTOCOL, "XML property list without a value");
	*root = xml.root;
	return 0;
}
