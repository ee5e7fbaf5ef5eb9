/* client_do_lock - lock, passcode, erase, restart, lost mode, activation lock */
#include "sim/client.h"

#include <string.h>

static int refuse(struct sim_turn *turn, int code, const char *text)
{
	return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, code, "%s", text);
}

static bool is_lost(const struct sim_turn *turn)
{
	return sim_fact_int(turn->device, "mdm/is_lost", 0) != 0;
}

/* ---- lock and passcode ---- */

int sim_do_device_lock(struct sim_turn *turn, struct err *err)
{
	const char *result = is_lost(turn)              ? "DeviceInLostMode"
			     : turn->state.has_passcode ? "Success"
							: "NoPasscodeSet";

	/* a result is reported only about a message that was asked for */
	if (plist_get(turn->command, "Message") || plist_get(turn->command, "PhoneNumber"))
		plist_set_text(turn->doc, turn->reply, "MessageResult", result);
	return sim_device_set_state(turn->device, "is_locked", "true", err);
}

int sim_do_clear_passcode(struct sim_turn *turn, struct err *err)
{
	uint8_t token[SIM_UNLOCK_TOKEN_LEN];
	struct slice given;
	bool is_right;
	int r;

	if (!plist_get_data(turn->command, "UnlockToken", &given))
		return refuse(turn, 12008, "The request is malformed: UnlockToken is missing.");
	sim_unlock_token(turn->device, token);
	is_right = given.len == sizeof(token) && crypto_equal(given.bytes, token, sizeof(token));
	explicit_bzero(token, sizeof(token));
	if (!is_right)
		return sim_chain_add(&turn->chain, SIM_DOMAIN_PASSCODE, 5013,
				     "The passcode could not be cleared.");
	r = sim_device_set_state(turn->device, "has_passcode", "false", err);
	return r < 0 ? r : sim_device_set_state(turn->device, "is_locked", "false", err);
}

/* ---- erase and restart ---- */

int sim_do_erase(struct sim_turn *turn, struct err *err)
{
	const struct plist *service = plist_get_dict(turn->command, "ReturnToService");

	(void)err;
	plist_get_bool(service, "Enabled", &turn->is_return_to_service);
	if (turn->is_return_to_service && turn->os < 170000)
		return refuse(turn, 12008, "The request is malformed: ReturnToService.");
	turn->after = SIM_AFTER_ERASE;
	return 0;
}

int sim_do_restart(struct sim_turn *turn, struct err *err)
{
	(void)err;
	turn->after = SIM_AFTER_RESTART;
	return 0;
}

int sim_do_shut_down(struct sim_turn *turn, struct err *err)
{
	(void)err;
	turn->after = SIM_AFTER_SHUT;
	return 0;
}

int sim_do_configured(struct sim_turn *turn, struct err *err)
{
	return sim_fact_remove(turn->device, "setup/awaits_configuration", err);
}

/* ---- lost mode ---- */

int sim_do_enable_lost(struct sim_turn *turn, struct err *err)
{
	int r;

	if (!plist_get_text(turn->command, "Message") &&
	    !plist_get_text(turn->command, "PhoneNumber"))
		return refuse(turn, 12066, "Lost Mode needs a message or a phone number.");
	r = sim_fact_put_int(turn->device, "mdm/is_lost", 1, err);
	return r < 0 ? r : sim_device_set_state(turn->device, "is_locked", "true", err);
}

int sim_do_disable_lost(struct sim_turn *turn, struct err *err)
{
	if (!is_lost(turn))
		return refuse(turn, 12067, "The device is not in Lost Mode.");
	return sim_fact_remove(turn->device, "mdm/is_lost", err);
}

int sim_do_lost_sound(struct sim_turn *turn, struct err *err)
{
	if (!is_lost(turn))
		return refuse(turn, 12067, "The device is not in Lost Mode.");
	return sim_fact_put_int(turn->device, "mdm/sounds",
				sim_fact_int(turn->device, "mdm/sounds", 0) + 1, err);
}

/* where simulated devices are: nowhere, at the origin of all coordinates */
int sim_do_location(struct sim_turn *turn, struct err *err)
{
	static const char *const keys[] = {"Latitude", "Longitude", "Altitude", "Speed", "Course"};
	char now[21];

	(void)err;
	if (!is_lost(turn))
		return refuse(turn, 12067, "The device is not in Lost Mode.");
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		plist_set_real(turn->doc, turn->reply, keys[i], 0.0);
	plist_set_real(turn->doc, turn->reply, "HorizontalAccuracy", 65.0);
	plist_set_real(turn->doc, turn->reply, "VerticalAccuracy", 10.0);
	plist_set_text(turn->doc, turn->reply, "Timestamp",
		       time_format_utc(sim_device_now(turn->device), now));
	return 0;
}

/* ---- activation lock ---- */

/* 16 bytes in an alphabet of 32, in groups: docs/protocol/mdm-device, "Activation Lock" */
static void code_format(const uint8_t bytes[16], char out[32])
{
	static const char alphabet[] = "0123456789ACDEFGHJKLMNPQRTUVWXYZ";
	static const char groups[] = {5, 10, 14, 18, 22};
	size_t at = 0, group = 0;

	for (unsigned symbol = 0; symbol < 26; symbol++) {
		unsigned value = 0;

		if (group < sizeof(groups) && symbol == (unsigned)groups[group]) {
			out[at++] = '-';
			group++;
		}
		for (unsigned bit = 5 * symbol; bit < 5 * symbol + 5; bit++)
			value = value << 1 | (bit < 128 ? bytes[bit / 8] >> (7 - bit % 8) & 1 : 0);
		if (symbol == 25) /* the last one has three bits only */
			value >>= 2;
		out[at++] = alphabet[value];
	}
	out[at] = 0;
}

/* an erase makes a new one, except that a restore of the device's own backup brings the old back:
 * it is the same until an erase that no restore follows.  The laboratory makes a new one with each
 * erase and does not bring it back. */
int sim_do_bypass_code(struct sim_turn *turn, struct err *err)
{
	uint8_t bytes[16];
	char code[32];

	(void)err;
	if (sim_fact_int(turn->device, "mdm/bypass_is_cleared", 0))
		return refuse(turn, 12011, "There is no bypass code.");
	sim_device_derive(turn->device, "activation-lock-bypass",
			  (uint64_t)sim_fact_int(turn->device, "lives", 0), bytes, sizeof(bytes));
	code_format(bytes, code);
	plist_set_text(turn->doc, turn->reply, "ActivationLockBypassCode", code);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(code, sizeof(code));
	return 0;
}

int sim_do_clear_bypass_code(struct sim_turn *turn, struct err *err)
{
	return sim_fact_put_int(turn->device, "mdm/bypass_is_cleared", 1, err);
}
