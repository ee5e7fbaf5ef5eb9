/*
 * api_json - JSON in and out of the administration
 *
 * What comes in is checked against the fields of its route before a handler sees it: a field that
 * nobody reads is a mistake of the sender's, and is named.
 */
#include "net/http.h"
#include "server/api_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* depth_check - jansson goes 2048 levels deep, which no message of ours needs */
static bool depth_check(struct slice text)
{
	unsigned depth = 0;
	bool is_quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.bytes[i];

		if (is_quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				is_quoted = false;
		} else if (c == '"') {
			is_quoted = true;
		} else if (c == '[' || c == '{') {
			if (++depth > API_DEPTH_MAX)
				return false;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return true;
}

int api_parse_strict(json_t **out, struct slice text, struct err *err)
{
	json_error_t error;
	json_t *value;

	if (!depth_check(text))
		return err_set(err, ERR_PROTOCOL, "the JSON is nested deeper than %d levels",
			       API_DEPTH_MAX);
	value = json_loadb((const char *)text.bytes, text.len,
			   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!value)
		return err_set(err, ERR_PROTOCOL, "no JSON, line %d column %d: %s", error.line,
			       error.column, error.text);
	*out = value;
	return 0;
}

int api_json_check(struct slice body, struct err *err)
{
	json_t *value;
	int r = api_parse_strict(&value, body, err);

	if (r == 0)
		json_decref(value);
	return r;
}

json_t *api_parse(struct slice text)
{
	json_t *value;

	if (text.len == 0 || api_parse_strict(&value, text, NULL) < 0)
		return json_null();
	return value;
}

static const struct api_field *field_find(const struct api_field *fields, const char *name,
					  size_t len)
{
	for (; fields && fields->name; fields++)
		if (strlen(fields->name) == len && !memcmp(fields->name, name, len))
			return fields;
	return NULL;
}

static bool is_text(const json_t *value, size_t max)
{
	return json_is_string(value) && json_string_length(value) > 0 &&
	       json_string_length(value) <= max;
}

static bool is_list(const json_t *value, bool (*fits)(const json_t *item))
{
	size_t i;
	json_t *item;

	if (!json_is_array(value) || json_array_size(value) == 0 ||
	    json_array_size(value) > API_ITEMS_MAX)
		return false;
	json_array_foreach(value, i, item) if (!fits(item)) return false;
	return true;
}

static bool is_item_text(const json_t *item)
{
	return is_text(item, API_TEXT_MAX);
}

static bool is_item_object(const json_t *item)
{
	return json_is_object(item);
}

static bool field_fits(const struct api_field *field, const json_t *value)
{
	switch (field->kind) {
	case API_TEXT:
		return is_text(value, API_TEXT_MAX);
	case API_LONG_TEXT:
		return is_text(value, API_BODY_MAX);
	case API_NUMBER:
		return json_is_integer(value) && json_integer_value(value) >= 0 &&
		       json_integer_value(value) <= 1LL << 53;
	case API_FLAG:
		return json_is_boolean(value);
	case API_TEXTS:
		return is_list(value, is_item_text);
	case API_OBJECT:
		return json_is_object(value);
	case API_OBJECTS:
		return is_list(value, is_item_object);
	case API_END:
		break;
	}
	return false;
}

const char *api_kind_name(enum api_kind kind)
{
	static const char *const names[] = {
		[API_END] = "",           [API_TEXT] = "string",   [API_LONG_TEXT] = "string",
		[API_NUMBER] = "integer", [API_FLAG] = "boolean",  [API_TEXTS] = "array",
		[API_OBJECT] = "object",  [API_OBJECTS] = "array",
	};

	return names[kind];
}

static const char *kind_words(enum api_kind kind)
{
	static const char *const words[] = {
		[API_END] = "",
		[API_TEXT] = "a text of 1 to 255 bytes",
		[API_LONG_TEXT] = "a text",
		[API_NUMBER] = "a whole number, 0 or more",
		[API_FLAG] = "true or false",
		[API_TEXTS] = "a list of 1 to 1000 texts",
		[API_OBJECT] = "an object",
		[API_OBJECTS] = "a list of 1 to 1000 objects",
	};

	return words[kind];
}

static int fields_check(struct api_call *call, const json_t *body, struct err *err)
{
	const struct api_field *field;
	const char *name;
	json_t *value;
	char quoted[400];

	/* the iterator wants the object without const and leaves it alone */
	json_object_foreach(call->body, name, value)
	{
		field = field_find(call->route->body, name, strlen(name));
		if (!field && !(call->route->flags & API_DRY && !strcmp(name, "dry_run")))
			return api_answered(api_refuse(call, 400, "unknown_field",
						       call->route->summary, err,
						       "there is no field %s here",
						       text_quote(name, strlen(name), quoted)));
		if (field ? !field_fits(field, value) : !json_is_boolean(value))
			return api_answered(api_refuse(call, 400, "bad_field",
						       field ? field->help : NULL, err,
						       "the field \"%s\" must be %s", name,
						       kind_words(field ? field->kind : API_FLAG)));
	}
	for (field = call->route->body; field && field->name; field++)
		if (field->is_required && !json_object_get(body, field->name))
			return api_answered(api_refuse(call, 400, "missing_field", field->help, err,
						       "the field \"%s\" is missing", field->name));
	return 0;
}

int api_body_read(struct api_call *call, struct err *err)
{
	struct slice body = call->request->body;
	struct err why = ERR_INIT;

	if (call->route->flags & API_RAW)
		return 0;
	if (body.len == 0) {
		call->body = json_object();
	} else if (api_parse_strict(&call->body, body, &why) < 0) {
		return api_answered(api_refuse(call, 400, "bad_json", NULL, err, "%s", why.text));
	}
	if (!call->body)
		return err_no_memory(err);
	if (!json_is_object(call->body))
		return api_answered(
			api_refuse(call, 400, "bad_json", NULL, err, "the body must be an object"));
	return fields_check(call, call->body, err);
}

/* ---- the query ---- */

int api_query_check(struct api_call *call, struct err *err)
{
	const char *at = call->request->query;
	char quoted[400];

	while (*at) {
		size_t all = strcspn(at, "&"), len = strcspn(at, "=&");
		bool is_dry = call->route->flags & API_DRY && len == 7 && !memcmp(at, "dry_run", 7);

		if (len > 0 && !is_dry && !field_find(call->route->query, at, len))
			return api_answered(api_refuse(
				call, 400, "unknown_parameter", call->route->summary, err,
				"there is no parameter %s here", text_quote(at, len, quoted)));
		at += all;
		at += *at == '&';
	}
	return 0;
}

bool api_query_text(const struct api_call *call, const char *name, char out[API_TEXT_MAX + 1])
{
	CLEANUP(buf_clear) struct buf value = BUF_INIT(API_TEXT_MAX);

	if (http_query_value(call->request->query, name, &value, NULL) < 0 || value.len == 0 ||
	    !text_is_utf8((const char *)value.bytes, value.len))
		return false;
	memcpy(out, value.bytes, value.len);
	out[value.len] = 0;
	return true;
}

int64_t api_query_number(const struct api_call *call, const char *name, int64_t fallback)
{
	char text[API_TEXT_MAX + 1];

	if (!api_query_text(call, name, text) || strlen(text) > 15 ||
	    strspn(text, "0123456789") != strlen(text))
		return fallback;
	return strtoll(text, NULL, 10);
}

const char *api_query_after(const struct api_call *call, char out[API_TEXT_MAX + 1])
{
	return api_query_text(call, "after", out) ? out : NULL;
}

unsigned api_query_limit(const struct api_call *call)
{
	int64_t limit = api_query_number(call, "limit", API_PAGE);

	return limit >= 1 && limit <= API_ITEMS_MAX ? (unsigned)limit : API_PAGE;
}

const char *api_get_text(const struct api_call *call, const char *name)
{
	return json_string_value(json_object_get(call->body, name));
}

int64_t api_get_number(const struct api_call *call, const char *name, int64_t fallback)
{
	const json_t *value = json_object_get(call->body, name);

	return value ? json_integer_value(value) : fallback;
}

bool api_get_flag(const struct api_call *call, const char *name, bool fallback)
{
	const json_t *value = json_object_get(call->body, name);

	return value ? json_is_true(value) : fallback;
}

/* ---- writing ---- */

json_t *api_text(const char *text)
{
	json_t *value = *text ? json_string(text) : json_null();

	return value ? value : json_string("(not UTF-8)");
}

json_t *api_time(int64_t seconds)
{
	char text[21];

	return seconds ? json_string(time_format_utc(seconds, text)) : json_null();
}

json_t *api_number_or_null(int64_t number)
{
	return number ? json_integer(number) : json_null();
}

void api_add(struct api_call *call, json_t *list, json_t *value)
{
	if (json_array_append_new(list, value) < 0)
		call->is_short = true;
}

void api_put(struct api_call *call, json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) < 0)
		call->is_short = true;
}

/* say_would - a dry run does not claim to have done what it undoes: "done" becomes "would_be_done"
 */
static void say_would(struct api_call *call, json_t *value)
{
	static const char *const words[][2] = {
		{"done", "would_be_done"},         {"failed", "would_fail"},
		{"queued", "would_be_queued"},     {"held", "would_be_held"},
		{"refused", "would_be_refused"},   {"added", "would_be_added"},
		{"canceled", "would_be_canceled"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
		json_t *item = json_incref(json_object_get(value, words[i][0]));

		if (!item)
			continue;
		json_object_del(value, words[i][0]);
		api_put(call, value, words[i][1], item);
	}
	api_put(call, value, "dry_run", json_true());
}

int api_reply(struct api_call *call, int status, json_t *value, struct err *err)
{
	struct api_answer *answer = call->answer;
	int r;

	if (value && call->is_dry)
		say_would(call, value);
	if (!value || call->is_short) {
		json_decref(value);
		return err_no_memory(err);
	}
	buf_truncate(&answer->body, 0);
	r = mdm_json_dump(value, &answer->body, err);
	if (r == ERR_LIMIT)
		return err_set(err, ERR_LIMIT, "the answer is longer than %d bytes", API_REPLY_MAX);
	if (r < 0)
		return r;
	answer->status = status;
	answer->content_type = "application/json";
	return buf_append_u8(&answer->body, '\n', err);
}

int api_reply_page(struct api_call *call, const char *name, json_t *list, json_t *next,
		   struct err *err)
{
	return api_reply(call, 200, json_pack("{s:o, s:o}", name, list, "next", next), err);
}

int api_reply_bytes(struct api_call *call, const char *content_type, struct slice body,
		    struct err *err)
{
	buf_truncate(&call->answer->body, 0);
	call->answer->status = 200;
	call->answer->content_type = content_type;
	return buf_append_slice(&call->answer->body, body, err);
}

int api_refuse(struct api_call *call, int status, const char *code, const char *hint,
	       struct err *err, const char *format, ...)
{
	char message[ERR_TEXT_MAX];
	va_list list;
	json_t *value;

	va_start(list, format);
	vsnprintf(message, sizeof(message), format, list);
	va_end(list);
	value = json_pack("{s:{s:s, s:o, s:o}}", "error", "code", code, "message",
			  api_text(message), "hint", hint ? json_string(hint) : json_null());
	return api_reply(call, status, value, err);
}

int api_outcome(struct api_call *call, int r, struct err *err)
{
	/* the text is an argument here: err is overwritten by a failure of api_refuse only */
	struct err why = *err;

	*err = ERR_INIT;
	if (r == FLEET_NO_SUCH)
		return *why.text || !*call->params[0]
			       ? api_refuse(call, 404, "not_found", NULL, err, "%s",
					    *why.text ? why.text : "there is none of that name")
			       : api_refuse(call, 404, "not_found", NULL, err,
					    "there is no \"%s\" here", call->params[0]);
	if (r > 0)
		return api_refuse(call, 409, "refused", NULL, err, "%s",
				  *why.text ? why.text : "refused");
	if (r == ERR_PROTOCOL || r == ERR_USAGE || r == ERR_LIMIT)
		return api_refuse(call, 400, "malformed", NULL, err, "%s", why.text);
	*err = why;
	return r;
}

int api_done(struct api_call *call, int r, struct err *err)
{
	return r != 0 ? api_outcome(call, r, err)
		      : api_reply(call, 200, json_pack("{s:b}", "done", 1), err);
}
