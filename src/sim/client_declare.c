/*
 * client_declare - declarations: fetched when their token changes, taken into force, reported on
 *
 * Rules: docs/protocol/mdm-device, "Declarations".  A declaration is kept as it came, in the fact
 * mdm/ddm/KIND/IDENTIFIER; an erase or the end of the enrollment takes all of them.  No backup
 * holds them: what a restore does to them is not known, and the service is to sync anew.
 */
#include "sim/client.h"

#include <jansson.h>
#include <string.h>

enum { IDENTIFIER_MAX = 64, TOKEN_MAX = 256, KIND_COUNT = 4 };
#define TOKEN_FACT "mdm/ddm_token"
#define ON_FACT "mdm/ddm_is_on"

static const struct kind {
	const char *word, *list;
} kinds[KIND_COUNT] = {{"activation", "Activations"},
		       {"asset", "Assets"},
		       {"configuration", "Configurations"},
		       {"management", "Management"}};

/** struct syncing - one synchronization */
struct syncing {
	struct sim_client *client;
	const struct sim_relation *relation;
	json_t *store[KIND_COUNT]; /* identifier: declaration */
	char token[TOKEN_MAX + 1];
	unsigned changes;
};

static void decref_p(json_t **json)
{
	json_decref(*json);
}

/* ---- what is kept ---- */

static const char *fact_of(const char *kind, const char *identifier, char out[160])
{
	snprintf(out, 160, "mdm/ddm/%s/%s", kind, identifier);
	return out;
}

/** struct reading - one kind being read back */
struct reading {
	json_t *into;
	size_t prefix_len;
};

static int read_one(void *arg, const char *key, struct slice value, struct err *err)
{
	struct reading *reading = arg;
	json_t *declaration = json_loadb((const char *)value.bytes, value.len, 0, NULL);

	if (!declaration ||
	    json_object_set_new(reading->into, key + reading->prefix_len, declaration) < 0)
		return err_no_memory(err);
	return 0;
}

static int store_read(struct syncing *syncing, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < KIND_COUNT; i++) {
		struct reading reading = {.into = json_object()};
		char prefix[160];

		syncing->store[i] = reading.into;
		reading.prefix_len = strlen(fact_of(kinds[i].word, "", prefix));
		r = sim_fact_each(syncing->client->device, prefix, read_one, &reading, err);
	}
	return r;
}

static int keep(struct syncing *syncing, size_t kind, const char *identifier, json_t *declaration,
		struct err *err)
{
	CLEANUP(free_p) char *text = json_dumps(declaration, JSON_COMPACT);
	char fact[160];

	if (!text || json_object_set(syncing->store[kind], identifier, declaration) < 0)
		return err_no_memory(err);
	syncing->changes++;
	return sim_fact_put_blob(syncing->client->device,
				 fact_of(kinds[kind].word, identifier, fact), slice_text(text),
				 err);
}

static int drop(struct syncing *syncing, size_t kind, const char *identifier, struct err *err)
{
	char fact[160];
	int r = sim_fact_remove(syncing->client->device,
				fact_of(kinds[kind].word, identifier, fact), err);

	syncing->changes++;
	json_object_del(syncing->store[kind], identifier);
	return r;
}

/* ---- asking ---- */

/* SIM_REFUSED: let go; the status in response->status otherwise */
static int ask(struct syncing *syncing, const char *endpoint, struct slice data,
	       struct sim_response *response, struct err *err)
{
	int r = sim_checkin_declarative(syncing->client, syncing->relation, endpoint, data,
					response, err);

	return r < 0 ? r : sim_answer_unenrolls(response) ? SIM_REFUSED : 0;
}

static json_t *parse(const struct sim_response *response)
{
	return response->status / 100 == 2
		       ? json_loadb((const char *)response->body.bytes, response->body.len, 0, NULL)
		       : NULL;
}

/* a word of the service that may be kept: not empty, not too long */
static const char *word_of(json_t *object, const char *key, size_t max)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text && strlen(text) <= max ? text : NULL;
}

static int fetch(struct syncing *syncing, size_t kind, const char *identifier, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	CLEANUP(decref_p) json_t *declaration = NULL;
	char endpoint[160];
	int r;

	snprintf(endpoint, sizeof(endpoint), "declaration/%s/%s", kinds[kind].word, identifier);
	r = ask(syncing, endpoint, SLICE_EMPTY, &response, err);
	if (r != 0)
		return r;
	if (response.status == 404) /* the service says that there is none */
		return drop(syncing, kind, identifier, err);
	declaration = parse(&response);
	if (!word_of(declaration, "Type", 256) ||
	    !word_of(declaration, "Identifier", IDENTIFIER_MAX) ||
	    !word_of(declaration, "ServerToken", IDENTIFIER_MAX))
		return 0; /* a trouble that passes: asked for again at the next token */
	return keep(syncing, kind, identifier, declaration, err);
}

static bool is_listed(json_t *list, const char *identifier)
{
	size_t index;
	json_t *item;

	json_array_foreach(list, index, item)
	{
		const char *text = word_of(item, "Identifier", IDENTIFIER_MAX);

		if (text && !strcmp(text, identifier))
			return true;
	}
	return false;
}

/* one kind: what is new or changed is fetched, what is no longer listed goes */
static int sync_kind(struct syncing *syncing, size_t kind, json_t *list, struct err *err)
{
	size_t index;
	json_t *item, *value;
	const char *key;
	void *next;
	int r = 0;

	json_array_foreach(list, index, item)
	{
		const char *identifier = word_of(item, "Identifier", IDENTIFIER_MAX),
			   *token = word_of(item, "ServerToken", IDENTIFIER_MAX), *known;

		if (!identifier || !token || r != 0)
			continue;
		known = word_of(json_object_get(syncing->store[kind], identifier), "ServerToken",
				IDENTIFIER_MAX);
		if (!known || strcmp(known, token) != 0)
			r = fetch(syncing, kind, identifier, err);
	}
	json_object_foreach_safe(syncing->store[kind], next, key, value)
	{
		char identifier[IDENTIFIER_MAX + 1];

		snprintf(identifier, sizeof(identifier), "%s", key);
		if (r == 0 && !is_listed(list, identifier))
			r = drop(syncing, kind, identifier, err);
	}
	return r;
}

/* ---- in force ---- */

static bool is_activated(const struct syncing *syncing, const char *identifier)
{
	const char *key;
	json_t *activation, *item;
	size_t index;

	json_object_foreach(syncing->store[0], key, activation)
	{
		json_t *list = json_object_get(json_object_get(activation, "Payload"),
					       "StandardConfigurations");

		json_array_foreach(list, index, item) if (json_string_value(item) &&
							  !strcmp(json_string_value(item),
								  identifier)) return true;
	}
	return false;
}

static bool is_known(const char *type)
{
	static const char *const known[] = {
		"com.apple.activation.simple",
		"com.apple.configuration.management.status-subscriptions",
		"com.apple.configuration.management.test",
		"com.apple.configuration.legacy",
		"com.apple.configuration.passcode.settings",
		"com.apple.configuration.softwareupdate.enforcement.specific",
		"com.apple.configuration.softwareupdate.settings",
		"com.apple.configuration.app.managed",
		"com.apple.management.organization-info",
		"com.apple.management.properties",
		"com.apple.management.server-capabilities",
		"com.apple.asset.data",
	};

	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		if (!strcmp(type, known[i]))
			return true;
	return false;
}

/* a profile that a declaration names: fetched from the service as the device, and installed */
static int install_legacy(struct syncing *syncing, json_t *declaration, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	const char *url =
		word_of(json_object_get(declaration, "Payload"), "ProfileURL", SIM_SERVER_LEN - 1);
	const struct sim_request request = {.method = "GET", .url = url, .as = syncing->relation};
	struct sim_chain chain = SIM_CHAIN_INIT;
	int r;

	if (!url || strncmp(url, "https://", 8) != 0)
		return SIM_REFUSED;
	r = syncing->client->line->ask(syncing->client->line, &request, &response, err);
	if (r < 0)
		return r;
	if (response.status != 200)
		return SIM_REFUSED;
	return sim_client_install(syncing->client, buf_slice(&response.body), true, &chain, err);
}

/* NULL: in force, else why not */
static const char *trouble_of(struct syncing *syncing, size_t kind, json_t *declaration)
{
	const char *type = word_of(declaration, "Type", 256);

	if (!type || !is_known(type))
		return "Error.UnknownDeclarationType";
	if (kind != 2 || strcmp(type, "com.apple.configuration.legacy") != 0 ||
	    !is_activated(syncing, word_of(declaration, "Identifier", IDENTIFIER_MAX)))
		return NULL;
	return install_legacy(syncing, declaration, NULL) == 0 ? NULL : "Error.ConfigurationFailed";
}

/* ---- the report ---- */

static json_t *report_one(struct syncing *syncing, size_t kind, const char *identifier,
			  json_t *declaration)
{
	const char *trouble = trouble_of(syncing, kind, declaration);
	bool is_active = !trouble && (kind != 2 || is_activated(syncing, identifier));
	json_t *reasons = json_array();

	if (trouble)
		json_array_append_new(reasons, json_pack("{s:s}", "Code", trouble));
	else if (kind == 2 && !is_active)
		json_array_append_new(reasons,
				      json_pack("{s:s}", "Code", "Info.NotReferencedByActivation"));
	return json_pack("{s:s, s:s, s:b, s:s, s:o}", "identifier", identifier, "server-token",
			 json_string_value(json_object_get(declaration, "ServerToken")), "active",
			 is_active, "valid", trouble ? "invalid" : "valid", "reasons", reasons);
}

static json_t *report_declarations(struct syncing *syncing)
{
	static const char *const names[KIND_COUNT] = {"activations", "assets", "configurations",
						      "management"};
	json_t *all = json_object();

	for (size_t i = 0; i < KIND_COUNT; i++) {
		json_t *list = json_array(), *declaration;
		const char *key;

		json_object_foreach(syncing->store[i], key, declaration)
			json_array_append_new(list, report_one(syncing, i, key, declaration));
		json_object_set_new(all, names[i], list);
	}
	return all;
}

/* a subscribed item into nested objects: "device.operating-system.version" */
static void put_item(json_t *root, const char *name, const char *value)
{
	char part[64];
	const char *dot;

	while ((dot = strchr(name, '.'))) {
		json_t *inner;

		snprintf(part, sizeof(part), "%.*s", (int)(dot - name), name);
		inner = json_object_get(root, part);
		if (!inner) {
			inner = json_object();
			json_object_set_new(root, part, inner);
		}
		root = inner;
		name = dot + 1;
	}
	json_object_set_new(root, name, json_string(value));
}

static void report_items(const struct syncing *syncing, json_t *items)
{
	const struct sim_identity *identity = sim_device_identity(syncing->client->device);
	const struct {
		const char *name, *value;
	} known[] = {
		{"device.identifier.serial-number", identity->serial},
		{"device.identifier.udid", identity->udid},
		{"device.model.family", identity->device_class},
		{"device.model.identifier", identity->product_type},
		{"device.operating-system.version", identity->product_version},
		{"device.operating-system.build-version", identity->build},
		{"device.operating-system.family",
		 strcmp(identity->device_class, "iPad") ? "iOS" : "iPadOS"},
	};
	const char *key;
	json_t *declaration, *item;
	size_t index;

	json_object_foreach(syncing->store[2], key, declaration)
	{
		json_t *list =
			json_object_get(json_object_get(declaration, "Payload"), "StatusItems");

		if (!is_activated(syncing, key))
			continue;
		json_array_foreach(list, index, item)
		{
			const char *name = word_of(item, "Name", 128);

			for (size_t i = 0; name && i < ARRAY_COUNT(known); i++)
				if (!strcmp(name, known[i].name))
					put_item(items, name, known[i].value);
		}
	}
}

static int report(struct syncing *syncing, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	CLEANUP(decref_p) json_t *root = json_object();
	CLEANUP(free_p) char *text = NULL;
	json_t *items = json_object(),
	       *management = json_pack("{s:o}", "declarations", report_declarations(syncing));

	report_items(syncing, items);
	json_object_set_new(items, "management", management);
	json_object_set_new(root, "StatusItems", items);
	json_object_set_new(root, "Errors", json_array());
	json_object_set_new(root, "FullReport", json_true());
	text = json_dumps(root, JSON_COMPACT);
	if (!text)
		return err_no_memory(err);
	return ask(syncing, "status", slice_text(text), &response, err);
}

/* ---- all of it ---- */

/* 0: changed; SIM_NOT_NOW: as it was, or nothing was to be had */
static int sync_token(struct syncing *syncing, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	CLEANUP(decref_p) json_t *root = NULL;
	char known[TOKEN_MAX + 1] = "";
	const char *token;
	int r = ask(syncing, "tokens", SLICE_EMPTY, &response, err);

	if (r != 0)
		return r;
	root = parse(&response);
	token = word_of(json_object_get(root, "SyncTokens"), "DeclarationsToken", TOKEN_MAX);
	sim_fact_get(syncing->client->device, TOKEN_FACT, known, sizeof(known));
	if (!token || !strcmp(token, known))
		return SIM_NOT_NOW;
	snprintf(syncing->token, sizeof(syncing->token), "%s", token);
	return 0;
}

static int sync_items(struct syncing *syncing, struct err *err)
{
	CLEANUP(sim_response_clear) struct sim_response response = SIM_RESPONSE_INIT;
	CLEANUP(decref_p) json_t *root = NULL;
	json_t *lists;
	int r = ask(syncing, "declaration-items", SLICE_EMPTY, &response, err);

	if (r != 0)
		return r;
	root = parse(&response);
	lists = json_object_get(root, "Declarations");
	for (size_t i = 0; i < KIND_COUNT; i++) /* half a list is none: nothing is removed by it */
		if (!json_is_array(json_object_get(lists, kinds[i].list)))
			return SIM_NOT_NOW;
	for (size_t i = 0; r == 0 && i < KIND_COUNT; i++)
		r = sync_kind(syncing, i, json_object_get(lists, kinds[i].list), err);
	return r;
}

int sim_declare_sync(struct sim_client *client, const struct sim_relation *relation,
		     struct err *err)
{
	struct syncing syncing = {.client = client, .relation = relation};
	int r;

	if (!sim_fact_int(client->device, ON_FACT, 0))
		return 0;
	r = sync_token(&syncing, err);
	if (r == 0)
		r = store_read(&syncing, err);
	if (r == 0)
		r = sync_items(&syncing, err);
	if (r == 0)
		r = report(&syncing, err);
	if (r == 0)
		r = sim_fact_put(client->device, TOKEN_FACT, syncing.token, err);
	for (size_t i = 0; i < KIND_COUNT; i++)
		json_decref(syncing.store[i]);
	return r == SIM_NOT_NOW ? 0 : r;
}

int sim_do_declarative(struct sim_turn *turn, struct err *err)
{
	turn->after = SIM_AFTER_DECLARE;
	return sim_fact_put_int(turn->device, ON_FACT, 1, err);
}
