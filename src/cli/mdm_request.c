/* mdm_request - operands and options as a path, a query and a body */
#include "cli/mdm.h"

#include <stdlib.h>
#include <string.h>

int mdm_number(const char *option, const char *text, json_int_t *out, struct err *err)
{
	if (!*text || strlen(text) > 15 || strspn(text, "0123456789") != strlen(text))
		return err_set(err, ERR_USAGE, "--%s takes a whole number, not \"%.40s\"", option,
			       text);
	*out = strtoll(text, NULL, 10);
	return 0;
}

/* query_add - options that were said, for a verb without a body */
static int query_add(struct mdm *mdm, const struct mdm_verb *verb, struct buf *out, struct err *err)
{
	bool has_one = strchr(verb->path, '?') != NULL;
	int r = 0;

	for (int i = 0; i < MDM_OPTION_COUNT && r == 0; i++) {
		const struct mdm_option_row *option = &mdm_options[i];
		const char *text = mdm->values.text[i];
		json_int_t number;

		if (!(verb->takes >> i & 1) || !option->field || !text)
			continue;
		if (option->is_number)
			r = mdm_number(option->name, text, &number, err);
		if (r == 0)
			r = buf_append_format(out, err, "%c%s=", has_one ? '&' : '?',
					      option->field);
		if (r == 0)
			r = mdm_escape(out, text, err);
		has_one = true;
	}
	if (r == 0 && mdm->values.flag[MDM_DRY_RUN])
		r = buf_append_format(out, err, "%cdry_run=1", has_one ? '&' : '?');
	return r;
}

static bool has_body(const struct mdm_verb *verb)
{
	return strcmp(verb->method, "GET") != 0 && strcmp(verb->method, "DELETE") != 0 &&
	       !(verb->flags & MDM_FILE);
}

int mdm_path(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv, struct buf *out,
	     int *used, struct err *err)
{
	const char *at = verb->path;
	int r = 0;

	*used = 0;
	while (*at && r == 0) {
		if (*at != '{') {
			r = buf_append_u8(out, (uint8_t)*at++, err);
			continue;
		}
		at += 2;
		if (*used >= argc)
			return err_set(err, ERR_USAGE, "too few operands");
		r = mdm_escape(out, argv[(*used)++], err);
	}
	return r == 0 && !has_body(verb) ? query_add(mdm, verb, out, err) : r;
}

/* options_put - options that were said, for a verb with a body */
static int options_put(struct mdm *mdm, const struct mdm_verb *verb, json_t *body, struct err *err)
{
	const struct mdm_values *values = &mdm->values;
	json_int_t number;
	json_t *list;
	int r = 0;

	for (int i = 0; i < MDM_OPTION_COUNT && r == 0; i++) {
		const struct mdm_option_row *option = &mdm_options[i];

		if (!(verb->takes >> i & 1) || !option->field)
			continue;
		if (values->flag[i])
			json_object_set_new(body, option->field, json_true());
		if (values->text[i] && option->is_number) {
			r = mdm_number(option->name, values->text[i], &number, err);
			if (r == 0)
				json_object_set_new(body, option->field, json_integer(number));
		} else if (values->text[i] &&
			   json_object_set_new(body, option->field, json_string(values->text[i])) <
				   0) {
			r = err_set(err, ERR_USAGE, "--%s is not UTF-8", option->name);
		}
		if (values->list[i].count == 0)
			continue;
		list = json_array();
		for (size_t n = 0; n < values->list[i].count; n++)
			json_array_append_new(list, json_string(values->list[i].words[n]));
		json_object_set_new(body, option->field, list);
	}
	if (r == 0 && values->flag[MDM_DRY_RUN])
		json_object_set_new(body, "dry_run", json_true());
	return r;
}

/* rest_put - the other operands; "ids[]" is a list, which is left out when there is none */
static int rest_put(const struct mdm_verb *verb, int argc, char **argv, json_t *body,
		    struct err *err)
{
	size_t len = strlen(verb->rest);
	bool is_list = len > 2 && !strcmp(verb->rest + len - 2, "[]");
	json_t *list;

	if (argc == 0)
		return 0;
	if (!is_list)
		return json_object_set_new(body, verb->rest, json_string(argv[0])) < 0
			       ? err_set(err, ERR_USAGE, "\"%.60s\" is not UTF-8", argv[0])
			       : 0;
	list = json_array();
	json_object_setn_new(body, verb->rest, len - 2, list);
	for (int i = 0; i < argc; i++)
		if (json_array_append_new(list, json_string(argv[i])) < 0)
			return err_set(err, ERR_USAGE, "\"%.60s\" is not UTF-8", argv[i]);
	return 0;
}

int mdm_secret_put(struct mdm *mdm, json_t *body, struct err *err)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	int r;

	if (!mdm->values.text[MDM_VALUE_FILE])
		return err_set(err, ERR_USAGE, "--value-file says which file holds the secret");
	if (!strcmp(mdm->values.text[MDM_VALUE_FILE], "-"))
		r = secret_read_file(&value, "/dev/stdin", err);
	else
		r = secret_read_file(&value, mdm->values.text[MDM_VALUE_FILE], err);
	if (r < 0)
		return r;
	if (json_object_set_new(body, "value", json_stringn((const char *)value.bytes, value.len)) <
	    0)
		return err_set(err, ERR_USAGE, "the secret is not UTF-8");
	return 0;
}

int mdm_body(struct mdm *mdm, const struct mdm_verb *verb, int argc, char **argv, int used,
	     json_t **out, struct err *err)
{
	json_t *body = json_object();
	int r = body ? 0 : err_no_memory(err);

	if (r == 0)
		r = options_put(mdm, verb, body, err);
	if (r == 0 && verb->rest)
		r = rest_put(verb, argc - used, argv + used, body, err);
	if (r == 0 && verb->takes >> MDM_VALUE_FILE & 1)
		r = mdm_secret_put(mdm, body, err);
	if (r < 0) {
		json_decref(body);
		return r;
	}
	*out = body;
	return 0;
}
