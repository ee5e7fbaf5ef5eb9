/* wire_small - the small services: diagnostics_relay, mobileactivationd, heartbeat */
#include "sim/wire.h"

#include <string.h>

/* ---- diagnostics_relay ---- */

/* since 17.4 the query is closed; before, hosts ask it whether there is a passcode */
static void gestalt(struct wire_peer *peer, const struct plist *request,
		    const struct sim_state *state, struct plist *reply)
{
	const struct plist *keys = plist_get_array(request, "MobileGestaltKeys"), *key;
	struct plist *diagnostics = plist_new_dict(peer->out), *answers = plist_new_dict(peer->out);

	if (wire_os_is_at_least(peer->device, 17, 4)) {
		plist_set_text(peer->out, answers, "Status", "MobileGestaltDeprecated");
	} else {
		plist_set_text(peer->out, answers, "Status", "Success");
		for (key = keys ? keys->as.items.first : NULL; key; key = key->next)
			if (plist_text(key) && strcmp(plist_text(key), "PasswordConfigured") == 0)
				plist_set_bool(peer->out, answers, "PasswordConfigured",
					       state->has_passcode);
	}
	plist_set(peer->out, diagnostics, "MobileGestalt", answers);
	plist_set(peer->out, reply, "Diagnostics", diagnostics);
}

static void battery(struct wire_peer *peer, struct plist *reply)
{
	struct plist *diagnostics = plist_new_dict(peer->out), *gauge = plist_new_dict(peer->out);

	plist_set_int(peer->out, gauge, "CycleCount", 0);
	plist_set_int(peer->out, gauge, "DesignCapacity", 100);
	plist_set_int(peer->out, gauge, "FullChargeCapacity", 100);
	plist_set_text(peer->out, gauge, "Status", "Success");
	plist_set(peer->out, diagnostics, "GasGauge", gauge);
	plist_set(peer->out, reply, "Diagnostics", diagnostics);
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

int wire_speak_diagnostics(struct wire_peer *peer, struct err *err)
{
	static const char *const power[] = {"Restart", "Shutdown", "Sleep", NULL};
	static const char *const reports[] = {"All",  "WiFi",       "GasGauge",
					      "NAND", "IORegistry", NULL};
	const struct plist *request;
	struct sim_state state;
	struct plist *reply;
	const char *name;
	int r;

	for (;;) {
		r = wire_receive(peer, LINK_REQUEST_LEN_MAX, &request, err);
		if (r == 0)
			r = sim_device_state(peer->device->device, &state, err);
		if (r != 0)
			return r;
		name = plist_get_text(request, "Request");
		name = name ? name : "";
		reply = wire_reply(peer);
		if (strcmp(name, "MobileGestalt") == 0)
			gestalt(peer, request, &state, reply);
		else if (is_one_of(name, reports))
			battery(peer, reply);
		if (strcmp(name, "MobileGestalt") == 0 || strcmp(name, "Goodbye") == 0 ||
		    is_one_of(name, reports) || is_one_of(name, power))
			plist_set_text(peer->out, reply, "Status", "Success");
		else
			plist_set_text(peer->out, reply, "Status", "UnknownRequest");
		r = wire_send(peer, reply, err);
		if (r < 0)
			return r;
		if (strcmp(name, "Restart") == 0)
			wire_device_reboot(peer->device);
		if (strcmp(name, "Goodbye") == 0)
			return WIRE_END;
	}
}

/* ---- mobileactivationd: one request a connection; only the state is told ---- */

int wire_speak_activation(struct wire_peer *peer, struct err *err)
{
	const struct plist *request;
	struct sim_state state;
	struct plist *reply;
	const char *command;
	int r;

	r = wire_receive(peer, LINK_REQUEST_LEN_MAX, &request, err);
	if (r == 0)
		r = sim_device_state(peer->device->device, &state, err);
	if (r != 0)
		return r;
	command = plist_get_text(request, "Command");
	reply = wire_reply(peer);
	if (command && strcmp(command, "GetActivationStateRequest") == 0)
		plist_set_text(peer->out, reply, "Value", state.activation);
	else
		plist_set_text(peer->out, reply, "Error",
			       "A simulated device is not activated and not deactivated");
	return wire_send(peer, reply, err);
}

/* ---- heartbeat ---- */

enum { HEARTBEAT_SECONDS = 10, HEARTBEAT_GRACE_MS = 10000 };

/* until the next beat is due; a host that speaks out of turn is listened to */
static int rest(struct wire_peer *peer, struct err *err)
{
	struct err late = ERR_INIT;
	int r;

	conn_set_deadline(peer->conn, HEARTBEAT_SECONDS * 1000);
	r = conn_fill(peer->conn, 1, &late);
	conn_set_deadline(peer->conn, HEARTBEAT_GRACE_MS);
	if (r == ERR_TIMEOUT)
		return 0;
	if (r < 0)
		*err = late;
	return r;
}

int wire_speak_heartbeat(struct wire_peer *peer, struct err *err)
{
	const struct plist *answer;
	struct plist *beat;
	int r;

	conn_set_deadline(peer->conn, HEARTBEAT_GRACE_MS);
	for (;;) {
		beat = wire_reply(peer);
		plist_set_text(peer->out, beat, "Command", "Marco");
		plist_set_int(peer->out, beat, "Interval", HEARTBEAT_SECONDS);
		r = wire_send(peer, beat, err);
		if (r == 0)
			r = wire_receive(peer, LINK_REQUEST_LEN_MAX, &answer, err);
		if (r != 0)
			return r;
		if (!plist_get_text(answer, "Command") ||
		    strcmp(plist_get_text(answer, "Command"), "Polo") != 0)
			return err_set(err, ERR_PROTOCOL, "heartbeat: no Polo");
		r = rest(peer, err);
		if (r < 0)
			return r;
	}
}
