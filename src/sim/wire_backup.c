/*
 * wire_backup - mobilebackup2: the opening, the host's requests, the final response
 *
 * What happens between a request and its response is decided by the device half; here stand the
 * parsing of the request and the words around it.
 */
#include "sim/wire.h"

#include <string.h>

enum { MB_GENERIC = 1, MB_BAD_REQUEST = 1, MB_FIND_MY = 211 };

struct session {
	struct wire_peer *peer;
	struct wire_host *host;
	struct buf content; /* text of Info and List */
	bool reboots;       /* when the host has gone */
	struct err *err;
};

static struct sim_device *device_of(const struct session *session)
{
	return session->peer->device->device;
}

/* ---- opening ---- */

/* 0 when both agree, WIRE_END when the host does not */
static int open_link(struct session *session, struct err *err)
{
	struct plist_doc *out = session->peer->out;
	struct plist *message;
	struct link_dl answer;
	int r;

	if (wire_fault_order(session->peer, "ready-first")) {
		r = wire_host_say(session->host,
				  wire_host_begin(session->host, "DLMessageDeviceReady"), err);
		if (r < 0)
			return r;
	}
	message = wire_host_begin(session->host, "DLMessageVersionExchange");
	plist_add(out, message, plist_new_int(out, wire_options(session->peer->wire)->devicelink));
	plist_add(out, message, plist_new_int(out, 0));
	r = wire_host_say(session->host, message, err);
	if (r == 0)
		r = wire_host_hear(session->host, &answer, err);
	if (r != 0)
		return r;
	if (answer.kind != LINK_DL_VERSION_EXCHANGE || !answer.text ||
	    strcmp(answer.text, "DLVersionsOk") != 0)
		return err_set(err, ERR_PROTOCOL, "the host does not agree to DeviceLink %lld",
			       (long long)wire_options(session->peer->wire)->devicelink);
	return wire_host_say(session->host, wire_host_begin(session->host, "DLMessageDeviceReady"),
			     err);
}

/* ---- responses ---- */

static struct plist *begin_response(struct session *session, int64_t code, const char *text,
				    struct plist **dict)
{
	struct plist_doc *out = session->peer->out;
	struct plist *message = wire_host_begin(session->host, "DLMessageProcessMessage");
	char description[600];

	*dict = plist_new_dict(out);
	plist_set_text(out, *dict, "MessageName", "Response");
	plist_set_int(out, *dict, "ErrorCode", code);
	if (code != 0) {
		snprintf(description, sizeof(description),
			 strstr(text, "(MBErrorDomain/") ? "%s" : "%s (MBErrorDomain/%lld)", text,
			 (long long)code);
		plist_set_text(out, *dict, "ErrorDescription", description);
	}
	return message;
}

static int respond(struct session *session, const struct sim_answer *answer, struct err *err)
{
	struct plist_doc *out = session->peer->out;
	struct plist *dict, *message = begin_response(session, answer->code, answer->text, &dict);

	if (session->content.len > 0)
		plist_set_text(out, dict, "Content", buf_text(&session->content));
	plist_add(out, message, dict);
	return wire_host_say(session->host, message, err);
}

static int hello(struct session *session, const struct plist *request, struct err *err)
{
	const struct plist *versions = plist_get_array(request, "SupportedProtocolVersions"), *item;
	struct plist_doc *out = session->peer->out;
	struct plist *dict, *message;
	double best = 0;

	for (item = versions ? versions->as.items.first : NULL; item; item = item->next) {
		double version = item->type == PLIST_REAL  ? item->as.real
				 : item->type == PLIST_INT ? (double)item->as.integer
							   : 0;

		/* 2.0 and 2.1, compared in tenths: reals that came through text may be off by a
		 * little */
		if (((int)(version * 10 + 0.5) == 20 || (int)(version * 10 + 0.5) == 21) &&
		    version > best)
			best = version;
	}
	message = begin_response(session, best > 0 ? 0 : 1, "No common version of the protocol",
				 &dict);
	if (best > 0)
		plist_set_real(out, dict, "ProtocolVersion", best); /* hosts insist on a real */
	plist_add(out, message, dict);
	return wire_host_say(session->host, message, err);
}

/* ---- requests ---- */

static int take_password(const struct plist *dict, const char *key, struct secret *secret,
			 bool *is_there, struct err *err)
{
	const char *text = plist_get_text(dict, key);

	*is_there = text != NULL;
	return text ? secret_set(secret, slice_text(text), err) : 0;
}

static void passcode_prompt(void *arg, bool is_shown)
{
	wire_notify(arg, is_shown ? "com.apple.LocalAuthentication.ui.presented"
				  : "com.apple.LocalAuthentication.ui.dismissed");
}

static int wait_passcode(struct session *session, unsigned major, unsigned minor,
			 struct sim_answer *answer, struct err *err)
{
	return sim_device_wait_passcode(device_of(session), major, minor,
					wire_options(session->peer->wire)->passcode_limit_ms,
					passcode_prompt, session->peer->device, answer, err);
}

static int back_up(struct session *session, const struct plist *request, struct sim_answer *answer,
		   struct err *err)
{
	char target[64];
	bool is_full = false;
	int r;

	/* the request is borrowed from peer->in, which the first answer of the host replaces */
	snprintf(target, sizeof(target), "%s",
		 plist_get_text(request, "TargetIdentifier")
			 ? plist_get_text(request, "TargetIdentifier")
			 : "");
	plist_get_bool(plist_get_dict(request, "Options"), "ForceFullBackup", &is_full);
	if (wire_fault_order(session->peer, "response-first"))
		return 0;
	r = wait_passcode(session, 16, 1, answer, err);
	if (r < 0 || answer->code != 0)
		return r;
	wire_host_expect_order(session->host);
	return sim_device_backup(device_of(session), wire_host_of(session->host), target, is_full,
				 answer, err);
}

static bool option(const struct plist *options, const char *key, bool otherwise)
{
	bool value = otherwise;

	plist_get_bool(options, key, &value);
	return value;
}

static int restore(struct session *session, const struct plist *request, struct sim_answer *answer,
		   struct err *err)
{
	CLEANUP(secret_clear) struct secret password = SECRET_INIT;
	const struct plist *wanted = plist_get_dict(request, "Options");
	const char *from = plist_get_text(request, "SourceIdentifier");
	struct sim_restore_options options;
	struct sim_state state;
	bool has_password = false;
	char source[64];
	int r;

	from = from ? from : plist_get_text(request, "TargetIdentifier");
	snprintf(source, sizeof(source), "%s", from ? from : "");
	r = take_password(wanted, "Password", &password, &has_password, err);
	if (r == 0)
		r = sim_device_state(device_of(session), &state, err);
	if (r < 0)
		return r;
	options = (struct sim_restore_options){
		.system_files = option(wanted, "RestoreSystemFiles", false),
		.should_reboot = option(wanted, "RestoreShouldReboot", true),
		.copy_first = !option(wanted, "RestoreDontCopyBackup", true),
		.preserve_settings = option(wanted, "RestorePreserveSettings", true),
		.remove_not_restored = option(wanted, "RemoveItemsNotRestored", false),
		.password = has_password ? &password : NULL,
		.at_apps_and_data = !state.setup_is_done,
	};
	wire_host_expect_order(session->host);
	r = sim_device_restore(device_of(session), wire_host_of(session->host), source, &options,
			       answer, err);
	session->reboots = r == 0 && answer->code == 0 && options.should_reboot;
	return r;
}

static int change_password(struct session *session, const struct plist *request,
			   struct sim_answer *answer, struct err *err)
{
	CLEANUP(secret_clear) struct secret old = SECRET_INIT, new = SECRET_INIT;
	bool has_old = false, has_new = false;
	int r;

	r = take_password(request, "OldPassword", &old, &has_old, err);
	if (r == 0)
		r = take_password(request, "NewPassword", &new, &has_new, err);
	if (r == 0)
		r = wait_passcode(session, 13, 0, answer, err);
	if (r < 0 || answer->code != 0)
		return r;
	r = sim_device_change_password(device_of(session), has_old ? &old : NULL,
				       has_new ? &new : NULL, answer, err);
	if (r == 0 && answer->code == 0)
		wire_notify(session->peer->device, "com.apple.mobile.backup.domain_changed");
	return r;
}

static int old_request(struct session *session, const struct plist *request,
		       struct sim_answer *answer, struct err *err)
{
	const char *name = plist_get_text(request, "MessageName");

	if (!wire_options(session->peer->wire)->old_behaviour) {
		answer->code = MB_GENERIC;
		snprintf(answer->text, sizeof(answer->text),
			 "%s of a backup is not supported by this version", name);
		return 0;
	}
	return wire_old_request(session->host, name, request, &session->content, answer, err);
}

static int cloud_backup(struct session *session, const struct plist *request,
			struct sim_answer *answer, struct err *err)
{
	bool is_on = false;

	if (!plist_get_bool(request, "CloudBackupState", &is_on)) {
		answer->code = MB_BAD_REQUEST;
		snprintf(answer->text, sizeof(answer->text), "CloudBackupState is missing");
		return 0;
	}
	return sim_device_set_state(device_of(session), "cloud_backup_is_on",
				    is_on ? "true" : "false", err);
}

static int erase(struct session *session, const struct plist *request, struct sim_answer *answer,
		 struct err *err)
{
	struct sim_state state;
	int r = sim_device_state(device_of(session), &state, err);

	if (r < 0)
		return r;
	if (state.find_my_is_on) {
		answer->code = MB_FIND_MY;
		snprintf(answer->text, sizeof(answer->text),
			 "Find My must be turned off before the device is erased");
		return 0;
	}
	session->reboots = true;
	return sim_device_erase(device_of(session), err);
}

static const struct {
	const char *name;
	int (*run)(struct session *session, const struct plist *request, struct sim_answer *answer,
		   struct err *err);
} requests[] = {
	{"Backup", back_up},
	{"Restore", restore},
	{"ChangePassword", change_password},
	{"Info", old_request},
	{"List", old_request},
	{"Unback", old_request},
	{"Extract", old_request},
	{"EnableCloudBackup", cloud_backup},
	{"EraseDevice", erase},
};

static int obey(struct session *session, const struct plist *request, struct err *err)
{
	const char *name = plist_get_text(request, "MessageName");
	struct sim_answer answer = {.code = MB_BAD_REQUEST};
	int r = 0;

	if (!name)
		return err_set(err, ERR_PROTOCOL, "mobilebackup2: a message without MessageName");
	if (strcmp(name, "Hello") == 0)
		return hello(session, request, err);
	snprintf(answer.text, sizeof(answer.text), "The request %.60s is unknown", name);
	for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
		if (strcmp(requests[i].name, name) != 0)
			continue;
		answer = (struct sim_answer){.code = 0};
		r = requests[i].run(session, request, &answer, err);
		break;
	}
	if (r < 0)
		return r;
	r = respond(session, &answer, err);
	buf_clear(&session->content);
	return r;
}

/* ---- a connection ---- */

static int speak(struct session *session, struct err *err)
{
	struct link_dl message;
	int r = open_link(session, err);

	while (r == 0) {
		r = wire_host_hear(session->host, &message, err);
		if (r != 0)
			break;
		if (message.kind != LINK_DL_PROCESS_MESSAGE)
			return err_set(err, ERR_PROTOCOL,
				       "mobilebackup2: %s where a request was due", message.name);
		r = obey(session, message.message, err);
	}
	return r;
}

int wire_speak_backup(struct wire_peer *peer, struct err *err)
{
	CLEANUP(wire_host_free_p) struct wire_host *host = NULL;
	struct session session = {.peer = peer, .content = BUF_INIT(LINK_DL_LEN_MAX), .err = err};
	struct wire_tap tap;
	int r;

	r = wire_host_new(&host, peer, err);
	if (r < 0)
		return r;
	session.host = host;
	wire_tap_init(&tap, peer);
	r = speak(&session, err);
	conn_set_tap(peer->conn, NULL);
	buf_clear(&session.content);
	if (session.reboots)
		wire_device_reboot(peer->device);
	return r;
}
