/* docs/protocol/api.yaml says what the table of routes says: every route, role, field and word */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/api_internal.h"

enum { DOCUMENT_MAX = 1 << 20, BLOCK_MAX = 16384 };

static void quoted(struct buf *out, const char *text)
{
	buf_append_u8(out, '"', NULL);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_append_u8(out, '\\', NULL);
		buf_append_u8(out, (uint8_t)*text, NULL);
	}
	buf_append_u8(out, '"', NULL);
}

static void parameters(struct buf *out, const struct api_route *route)
{
	bool has_one = false;

	for (const char *at = strchr(route->pattern, '{'); at; at = strchr(at + 1, '{')) {
		buf_append_format(out, NULL,
				  "%s        - {name: %.*s, in: path, required: true, schema: "
				  "{type: string}}\n",
				  has_one ? "" : "      parameters:\n", (int)strcspn(at + 1, "}"),
				  at + 1);
		has_one = true;
	}
	for (const struct api_field *field = route->query; field && field->name; field++) {
		buf_append_format(out, NULL,
				  "%s        - {name: %s, in: query, schema: {type: %s}, "
				  "description: ",
				  has_one ? "" : "      parameters:\n", field->name,
				  api_kind_name(field->kind));
		quoted(out, field->help);
		buf_append_text(out, "}\n", NULL);
		has_one = true;
	}
}

static void required(struct buf *out, const struct api_field *fields)
{
	bool has_one = false;

	for (; fields->name; fields++) {
		if (!fields->is_required)
			continue;
		buf_append_format(out, NULL, "%s%s", has_one ? ", " : "              required: [",
				  fields->name);
		has_one = true;
	}
	if (has_one)
		buf_append_text(out, "]\n", NULL);
}

static const char *items_of(enum api_kind kind)
{
	return kind == API_TEXTS     ? ", items: {type: string}"
	       : kind == API_OBJECTS ? ", items: {type: object}"
				     : "";
}

static void body(struct buf *out, const struct api_route *route)
{
	if (route->flags & API_RAW)
		buf_append_text(out, "      requestBody:\n        content:\n          '*/*': {}\n",
				NULL);
	if (!route->body)
		return;
	buf_append_text(out,
			"      requestBody:\n        content:\n          application/json:\n"
			"            schema:\n              type: object\n"
			"              additionalProperties: false\n",
			NULL);
	required(out, route->body);
	buf_append_text(out, "              properties:\n", NULL);
	for (const struct api_field *field = route->body; field->name; field++) {
		buf_append_format(out, NULL,
				  "                %s: {type: %s%s, description: ", field->name,
				  api_kind_name(field->kind), items_of(field->kind));
		quoted(out, field->help);
		buf_append_text(out, "}\n", NULL);
	}
	if (route->flags & API_DRY)
		buf_append_text(out,
				"                dry_run: {type: boolean, description: \"tell what "
				"would happen, and do nothing\"}\n",
				NULL);
}

/* block_of - how the document has a route, up to its responses */
static void block_of(const struct api_route *route, struct buf *out)
{
	char method[8] = "";

	for (size_t i = 0; route->method[i]; i++)
		method[i] = (char)(route->method[i] | 0x20);
	buf_append_format(out, NULL, "    %s:\n      summary: ", method);
	quoted(out, route->summary);
	buf_append_format(out, NULL, "\n      x-role: %s\n", api_role_name(route->role));
	if (route->flags & API_SCOPED)
		buf_append_text(out, "      x-scoped: true\n", NULL);
	if (route->flags & API_DRY)
		buf_append_text(out, "      x-dry-run: true\n", NULL);
	if (route->action)
		buf_append_format(out, NULL, "      x-audit: %s\n", route->action);
	parameters(out, route);
	body(out, route);
	buf_append_text(out, "      responses:\n", NULL);
}

static void read_document(struct buf *out)
{
	const char *root = getenv("REHOME_SOURCE_ROOT");
	char path[1024];

	assert_non_null(root);
	snprintf(path, sizeof(path), "%s/docs/protocol/api.yaml", root);
	assert_int_equal(fs_read_file(fs_system(), path, out, NULL), 0);
}

static void every_route_stands_in_the_document(void **state)
{
	CLEANUP(buf_clear) struct buf document = BUF_INIT(DOCUMENT_MAX);
	const char *text;

	read_document(&document);
	text = buf_text(&document);
	for (const struct api_route *route = api_routes; route->method; route++) {
		CLEANUP(buf_clear) struct buf block = BUF_INIT(BLOCK_MAX);
		CLEANUP(buf_clear) struct buf head = BUF_INIT(BLOCK_MAX);
		const char *path, *next, *at;

		buf_append_format(&head, NULL, "\n  %s:\n", route->pattern);
		block_of(route, &block);
		path = strstr(text, buf_text(&head));
		at = path ? strstr(path, buf_text(&block)) : NULL;
		next = path ? strstr(path + 1, "\n  /") : NULL;
		if (!at || (next && at > next))
			fail_msg("docs/protocol/api.yaml must have under %s:\n%s", route->pattern,
				 buf_text(&block));
	}
}

static void the_document_has_no_other_route(void **state)
{
	CLEANUP(buf_clear) struct buf document = BUF_INIT(DOCUMENT_MAX);
	size_t routes = 0, roles = 0;

	read_document(&document);
	for (const struct api_route *route = api_routes; route->method; route++)
		routes++;
	for (const char *at = strstr(buf_text(&document), "x-role:"); at;
	     at = strstr(at + 1, "x-role:"))
		roles++;
	assert_int_equal(roles, routes);
}

static void each_route_that_changes_something_is_audited(void **state)
{
	for (const struct api_route *route = api_routes; route->method; route++)
		if (strcmp(route->method, "GET") != 0 && !route->action)
			fail_msg("%s %s leaves no audit row", route->method, route->pattern);
}

static void only_the_version_needs_no_token(void **state)
{
	for (const struct api_route *route = api_routes; route->method; route++)
		assert_int_equal(route->role == API_ANYBODY, !strcmp(route->pattern, "/version"));
}

/* nobody but an operator may end management, erase, or see what a scope hides */
static void dangerous_routes_ask_for_their_role(void **state)
{
	static const struct {
		const char *part;
		enum api_role least;
	} rules[] = {
		{"/wipe", API_OPERATOR},        {"/retire", API_OPERATOR},
		{"/unenroll", API_OPERATOR},    {"/delete", API_OPERATOR},
		{"/tokens", API_ADMINISTRATOR}, {"/webhooks", API_ADMINISTRATOR},
		{"/secrets/", API_OPERATOR},    {"/migration", API_ADMINISTRATOR},
		{"/export", API_ADMINISTRATOR}, {"/secrets/bypass-code", API_ADMINISTRATOR},
	};

	for (const struct api_route *route = api_routes; route->method; route++)
		for (size_t i = 0; i < ARRAY_COUNT(rules); i++)
			if (strstr(route->pattern, rules[i].part))
				assert_true(route->role >= rules[i].least);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_route_stands_in_the_document),
		cmocka_unit_test(the_document_has_no_other_route),
		cmocka_unit_test(each_route_that_changes_something_is_audited),
		cmocka_unit_test(only_the_version_needs_no_token),
		cmocka_unit_test(dangerous_routes_ask_for_their_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
