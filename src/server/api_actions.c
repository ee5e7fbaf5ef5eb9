/* api_actions - one action on one, several or a group of devices; each tells what it leads to */
#include "crypto/identity.h"
#include "server/api_internal.h"

static int one_push(struct api_call *call, const char *id, struct err *err)
{
	return fleet_push_wish(call->context->fleet, id, err);
}

int api_act_push(struct api_call *call, struct err *err)
{
	return api_batch(call, false, "they are pushed, and come when they can", one_push, err);
}

static int one_inventory(struct api_call *call, const char *id, struct err *err)
{
	return fleet_inventory(call->context->fleet, id, err);
}

int api_act_inventory(struct api_call *call, struct err *err)
{
	return api_batch(call, false,
			 "they are asked for DeviceInformation, SecurityInfo, ProfileList, "
			 "CertificateList and ManagedApplicationList",
			 one_inventory, err);
}

/* a fleet_each_refused: why the one does not get it, into the struct err that @arg is */
static void refusal_note(void *arg, const char *id, const char *reason)
{
	(void)id;
	err_set(arg, ERR_POLICY, "%s", reason);
}

/* enqueue_one - @type with @keys (NULL or an object, released) for @id, urgently */
static int enqueue_one(struct api_call *call, const char *id, const char *type, json_t *keys,
		       struct err *err)
{
	CLEANUP(buf_wipe) struct buf plist = BUF_INIT(FLEET_COMMAND_MAX);
	const struct fleet_target target = {
		.kind = FLEET_TARGET_ENROLLMENTS, .ids = &id, .count = 1};
	struct fleet_wish wish = {.lane = FLEET_LANE_URGENT, .by = call->who};
	struct fleet_queued queued;
	int r = api_command_plist(type, NULL, keys, &plist, err);

	json_decref(keys);
	if (r < 0)
		return r;
	wish.command = buf_slice(&plist);
	r = fleet_command_enqueue(call->context->fleet, &wish, &target, &queued, refusal_note, err,
				  err);
	return r == 0 && queued.refused ? FLEET_REFUSED : r;
}

static int one_lock(struct api_call *call, const char *id, struct err *err)
{
	const char *message = api_get_text(call, "message"), *phone = api_get_text(call, "phone");
	json_t *keys = json_object();

	if (message)
		api_put(call, keys, "Message", json_string(message));
	if (phone)
		api_put(call, keys, "PhoneNumber", json_string(phone));
	return enqueue_one(call, id, "DeviceLock", keys, err);
}

int api_act_lock(struct api_call *call, struct err *err)
{
	return api_batch(call, false,
			 "the screen is locked at the next contact; a restore that was noticed and "
			 "not confirmed holds it",
			 one_lock, err);
}

static int one_clear_passcode(struct api_call *call, const char *id, struct err *err)
{
	return enqueue_one(call, id, "ClearPasscode", NULL, err);
}

int api_act_clear_passcode(struct api_call *call, struct err *err)
{
	return api_batch(call, true,
			 "the passcode is taken off at the next contact: whoever holds the device "
			 "can use it",
			 one_clear_passcode, err);
}

static int one_retire(struct api_call *call, const char *id, struct err *err)
{
	return fleet_retire(call->context->fleet, id, call->who, err);
}

int api_act_retire(struct api_call *call, struct err *err)
{
	return api_batch(
		call, true,
		"at the next contact the enrollment profile goes, and with it all profiles "
		"and managed apps with their documents; what is the person's own stays. A restore "
		"that was noticed and not confirmed holds it",
		one_retire, err);
}

static int one_wipe(struct api_call *call, const char *id, struct err *err)
{
	CLEANUP(buf_wipe) struct buf wifi = BUF_INIT(FLEET_COMMAND_MAX);
	const char *base64 = api_get_text(call, "wifi_profile");
	struct fleet_erase how = {
		.is_data_plan_kept = api_get_flag(call, "keep_data_plan", false),
		.is_proximity_setup_barred = api_get_flag(call, "bar_proximity_setup", false),
		.is_returned_to_service = api_get_flag(call, "return_to_service", false),
	};

	if (base64 && crypto_base64_read(&wifi, slice_text(base64), err) < 0)
		return FLEET_REFUSED;
	how.wifi_profile = buf_slice(&wifi);
	return fleet_wipe(call->context->fleet, id, &how, call->who, err);
}

int api_act_wipe(struct api_call *call, struct err *err)
{
	return api_batch(
		call, true,
		"at the next contact the device erases itself: everything on it is lost, "
		"management too; once sent it cannot be called back. A restore that was noticed "
		"and not confirmed holds it",
		one_wipe, err);
}

static int one_delete(struct api_call *call, const char *id, struct err *err)
{
	return fleet_delete(call->context->fleet, id, call->who, err);
}

int api_act_delete(struct api_call *call, struct err *err)
{
	return api_batch(call, true,
			 "they are retired at the next contact, and their records leave the lists "
			 "now; a device that enrolls again gets a new record",
			 one_delete, err);
}

static int one_hide(struct api_call *call, const char *id, struct err *err)
{
	return fleet_hide(call->context->fleet, id, call->who, err);
}

int api_act_hide(struct api_call *call, struct err *err)
{
	return api_batch(call, false, "their records leave the lists until they are heard",
			 one_hide, err);
}

static int one_unenroll(struct api_call *call, const char *id, struct err *err)
{
	return fleet_unenroll(call->context->fleet, id, call->who, err);
}

int api_act_unenroll(struct api_call *call, struct err *err)
{
	return api_batch(call, true,
			 "their next message is answered so that they remove management by "
			 "themselves, with all that it brought",
			 one_unenroll, err);
}

static int one_unenroll_cancel(struct api_call *call, const char *id, struct err *err)
{
	return fleet_unenroll_cancel(call->context->fleet, id, call->who, err);
}

int api_act_unenroll_cancel(struct api_call *call, struct err *err)
{
	return api_batch(call, false, "they stay enrolled", one_unenroll_cancel, err);
}

static int one_confirm(struct api_call *call, const char *id, struct err *err)
{
	return fleet_restore_confirm(call->context->fleet, id, call->who, err);
}

int api_act_confirm(struct api_call *call, struct err *err)
{
	return api_batch(call, true, "what was held since the restore is sent", one_confirm, err);
}

static int one_reconcile(struct api_call *call, const char *id, struct err *err)
{
	return fleet_reconcile(call->context->fleet, id, err);
}

int api_act_reconcile(struct api_call *call, struct err *err)
{
	return api_batch(call, false,
			 "profiles are installed and removed until what is installed is what is "
			 "assigned",
			 one_reconcile, err);
}
