/*
 * device_password - the backup password, and the passcode that guards it
 *
 * Rules: docs/protocol/device-link, "Encryption and passwords" and "Screen lock, passcode, OS
 * timeline".
 */
#include "sim/device.h"

enum { POLL_MS = 50 };

static int answer_with(struct sim_answer *answer, int64_t code, const char *text)
{
	answer->code = code;
	snprintf(answer->text, sizeof(answer->text), "%s (MBErrorDomain/%lld)", text,
		 (long long)code);
	return 0;
}

/* does the keybag in force open with @password? */
static int keybag_opens(struct sim_device *device, const struct secret *password, bool *does,
			struct err *err)
{
	CLEANUP(buf_clear) struct buf blob = BUF_INIT(BACKUP_KEYBAG_LEN_MAX);
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = NULL;
	int r = sim_fact_blob(device, "keybag", &blob, err);

	*does = false;
	if (r == BACKUP_ABSENT)
		return 0;
	if (r == 0)
		r = backup_keybag_parse(&bag, buf_slice(&blob), err);
	if (r == 0)
		r = backup_keybag_unlock(bag, password, err);
	*does = r == 0;
	return r < 0 ? r : 0;
}

static int set_encryption(struct sim_device *device, const struct secret *new_password,
			  bool is_first, struct err *err)
{
	int r;

	if (!new_password) {
		r = sim_device_set_state(device, "will_encrypt", "false", err);
		return r < 0 ? r : sim_fact_remove(device, "keybag", err);
	}
	r = sim_keybag_set(device, new_password, is_first, err);
	return r < 0 ? r : sim_device_set_state(device, "will_encrypt", "true", err);
}

int sim_device_change_password(struct sim_device *device, const struct secret *old_password,
			       const struct secret *new_password, struct sim_answer *answer,
			       struct err *err)
{
	struct sim_state state;
	bool does_open = false;
	int r = sim_device_state(device, &state, err);

	*answer = (struct sim_answer){0};
	/* an empty password is none: it cannot protect anything */
	if (new_password && new_password->len == 0)
		new_password = NULL;
	if (r < 0)
		return r;
	if (!state.will_encrypt && !new_password)
		return answer_with(
			answer, SIM_CODE_GENERIC,
			"Error changing password: encryption is off and no new password came");
	if (!state.will_encrypt && old_password && old_password->len > 0)
		return answer_with(answer, SIM_CODE_PASSWORD, "Invalid password");
	if (state.will_encrypt) {
		if (!old_password)
			return answer_with(answer, SIM_CODE_PASSWORD, "Invalid password");
		r = keybag_opens(device, old_password, &does_open, err);
		if (r < 0)
			return r;
		if (!does_open)
			return answer_with(answer, SIM_CODE_PASSWORD, "Invalid password");
		if (!new_password && state.encryption_is_forced)
			return answer_with(answer, SIM_CODE_FORCED,
					   "Encrypted Backup MDM setting present");
	}
	return set_encryption(device, new_password, !state.will_encrypt, err);
}

/* ---- the prompt ---- */

static int prompt_end(struct sim_device *device, void (*presented)(void *arg, bool is_shown),
		      void *arg, struct err *err)
{
	if (presented)
		presented(arg, false);
	return sim_device_set_state(device, "passcode_is_wanted", "false", err);
}

int sim_device_wait_passcode(struct sim_device *device, unsigned major, unsigned minor,
			     int64_t limit_ms, void (*presented)(void *arg, bool is_shown),
			     void *arg, struct sim_answer *answer, struct err *err)
{
	struct clock *clock = clock_system();
	int64_t deadline = clock_mono_ms(clock) + limit_ms;
	struct sim_state before, state;
	int r = sim_device_state(device, &before, err);

	*answer = (struct sim_answer){0};
	if (r < 0 || !before.has_passcode ||
	    sim_version_number(device->identity.product_version) < major * 10000 + minor * 100)
		return r;
	r = sim_device_set_state(device, "passcode_is_wanted", "true", err);
	if (r < 0)
		return r;
	if (presented)
		presented(arg, true);
	for (;;) {
		r = sim_device_state(device, &state, err);
		if (r < 0)
			break;
		if (state.passcode_answers > before.passcode_answers) {
			r = sim_device_set_state(device, "is_locked", "false", err);
			break;
		}
		if (state.cancels > before.cancels || clock_mono_ms(clock) >= deadline) {
			answer_with(answer, SIM_CODE_LOCKED,
				    "Device locked: the passcode was not entered");
			break;
		}
		clock->sleep_ms(clock, POLL_MS);
	}
	return r < 0 ? r : prompt_end(device, presented, arg, err);
}
