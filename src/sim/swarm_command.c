/* swarm_command - commands and declarations that a light device is given, and its answers */
#include "sim/swarm.h"

#include <string.h>

enum { NOT_NOW_PERCENT = 2 };

/* ---- commands ---- */

int swarm_answer_write(struct light *light, const char *status, const char *keys, struct err *err)
{
	char udid[41];

	buf_truncate(&light->body, 0);
	light->is_answer = strcmp(status, "NotNow") != 0;
	return buf_append_format(&light->body, err,
				 SWARM_HEAD
				 "<key>CommandUUID</key><string>%s</string><key>Status</key>"
				 "<string>%s</string><key>UDID</key><string>%s</string>%s"
				 "</dict></plist>",
				 light->last, status, swarm_udid(light, udid), keys);
}

/* a mark SWARM-INDEX-GENERATION-NUMBER says for whom a command was meant */
static void check_mark(struct light *light, const char *uuid)
{
	unsigned index, generation;

	if (sscanf(uuid, "SWARM-%9u-%9u-", &index, &generation) == 2 &&
	    (index != light->index || generation != light->generation)) {
		light->swarm->counts.wrong_device++;
		swarm_note(light, "another", uuid);
	}
	if (!strcmp(uuid, light->last) && light->last_was_taken)
		light->swarm->counts.given_twice++;
}

static const char *answer_keys(const char *type)
{
	static const struct {
		const char *type, *keys;
	} answers[] = {
		{"DeviceInformation",
		 "<key>QueryResponses</key><dict><key>OSVersion</key><string>18.6</string>"
		 "<key>BuildVersion</key><string>22G86</string></dict>"},
		{"SecurityInfo", "<key>SecurityInfo</key><dict><key>HardwareEncryptionCaps</key>"
				 "<integer>3</integer></dict>"},
		{"ProfileList", "<key>ProfileList</key><array/>"},
		{"CertificateList", "<key>CertificateList</key><array/>"},
		{"InstalledApplicationList", "<key>InstalledApplicationList</key><array/>"},
		{"ManagedApplicationList", "<key>ManagedApplicationList</key><dict/>"},
	};

	for (size_t i = 0; i < ARRAY_COUNT(answers); i++)
		if (!strcmp(type, answers[i].type))
			return answers[i].keys;
	return "";
}

static int answer_command(struct light *light, const char *type, const struct plist *command,
			  struct err *err)
{
	struct swarm *swarm = light->swarm;
	const char *identifier = plist_get_text(command, "Identifier");
	struct slice payload;
	int r;

	if (!strcmp(type, "RemoveProfile") && identifier && !strcmp(identifier, swarm->identifier))
		swarm->counts.removals++;
	if (!strcmp(type, "InstallProfile") && plist_get_data(command, "Payload", &payload) &&
	    swarm_profile_take(light, payload, err) == 0) {
		light->is_renewing = true; /* the answer follows under the new identity */
		return swarm_send_scep(light, err);
	}
	light->declares = !strcmp(type, "DeclarativeManagement");
	if (strcmp(type, "EraseDevice") != 0 && swarm_next(swarm, 100) < NOT_NOW_PERCENT) {
		swarm->counts.not_now++;
		light->declares = false;
		r = swarm_answer_write(light, "NotNow", "", err);
	} else {
		r = swarm_answer_write(light, "Acknowledged", answer_keys(type), err);
	}
	if (r < 0)
		return r;
	light->step = STEP_SESSION;
	return swarm_send_own(light, swarm->server_url, SWARM_CONNECT, buf_slice(&light->body),
			      err);
}

int swarm_command_take(struct light *light, struct slice bytes, struct err *err)
{
	struct swarm *swarm = light->swarm;
	const struct plist_limits limits = {SIM_MESSAGE_MAX, 1u << 16, 32};
	const struct plist *root, *command;
	const char *uuid, *type;

	plist_doc_reset(swarm->doc);
	if (plist_parse(swarm->doc, bytes, &limits, &root, err) < 0)
		return SIM_REFUSED;
	uuid = plist_get_text(root, "CommandUUID");
	command = plist_get_dict(root, "Command");
	type = plist_get_text(command, "RequestType");
	if (!uuid || !type || strlen(uuid) > SWARM_UUID_MAX)
		return SIM_REFUSED;
	swarm->counts.commands++;
	check_mark(light, uuid);
	snprintf(light->last, sizeof(light->last), "%s", uuid);
	light->last_was_taken = false;
	return answer_command(light, type, command, err);
}

/* ---- declarations ---- */

static void want_kind(struct light *light, json_t *root, const char *list, const char *kind)
{
	json_t *items = json_object_get(json_object_get(root, "Declarations"), list), *item;
	size_t index;

	json_array_foreach(items, index, item)
	{
		const char *identifier = json_string_value(json_object_get(item, "Identifier"));

		if (identifier)
			json_array_append_new(light->items, json_sprintf("declaration/%s/%.100s",
									 kind, identifier));
	}
}

int swarm_declaration_next(struct light *light, struct err *err)
{
	char endpoint[201];
	size_t count = json_array_size(light->items);
	int r;

	if (count == 0)
		/* {"StatusItems":{},"Errors":[]} */
		return swarm_send_declarative(light, STEP_STATUS, "status",
					      "<key>Data</key><data>"
					      "eyJTdGF0dXNJdGVtcyI6e30sIkVycm9ycyI6W119</data>",
					      err);
	snprintf(endpoint, sizeof(endpoint), "%s",
		 json_string_value(json_array_get(light->items, count - 1)));
	r = swarm_send_declarative(light, STEP_DECLARATION, endpoint, "", err);
	json_array_remove(light->items, count - 1);
	return r;
}

int swarm_items_take(struct light *light, struct slice body, struct err *err)
{
	json_t *root = json_loadb((const char *)body.bytes, body.len, 0, NULL);

	json_decref(light->items);
	light->items = json_array();
	want_kind(light, root, "Activations", "activation");
	want_kind(light, root, "Assets", "asset");
	want_kind(light, root, "Configurations", "configuration");
	want_kind(light, root, "Management", "management");
	json_decref(root);
	return swarm_declaration_next(light, err);
}
