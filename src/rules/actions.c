/*
 * The actions as data: their two names, what a person does, and what it costs.
 */
#include "rules/internal.h"

#define LOSES_MANAGED_APPS "The old service's managed apps and their data go."

static const struct rules_action_row rows[RULES_ACTION_COUNT] = {
	[RULES_CONTINUE_REMOTE_MGMT] = {"continue_remote_mgmt", "continue_remote_management",
					"Go on through Remote Management in Setup Assistant.", NULL,
					false},
	[RULES_ENROL_BY_HAND] =
		{"enrol_cp", "enroll_by_hand",
		 "Enroll by hand: with the service's app (Company Portal, for example) "
		 "or its enrollment web page.",
		 NULL, true},
	[RULES_ENROL_ACCOUNT] = {"enrol_account", "enroll_with_account",
				 "Sign in with the work account in Settings, under VPN & Device "
				 "Management.",
				 NULL, false},
	[RULES_REMOVE_THEN_ENROL] =
		{"remove_then_enrol_cp", "remove_profile_then_enroll_by_hand",
		 "Remove the old management profile in Settings, then enroll by hand.",
		 LOSES_MANAGED_APPS, true},
	[RULES_UNMANAGE_THEN_ENROL] =
		{"vendor_unmanage_then_enrol_cp", "release_then_enroll_by_hand",
		 "Have the old service release the device, wait until its profile "
		 "is gone, then enroll by hand.",
		 LOSES_MANAGED_APPS " Needs the old service's console.", true},
	[RULES_REJECT_THEN_ENROL] =
		{"server_reject_then_enrol_cp", "reject_then_enroll_by_hand",
		 "Have the service reject the device at its next contact, so that "
		 "it drops the old profile, then enroll by hand.",
		 NULL, true},
	[RULES_ERASE_NO_RESTORE] = {"erase_no_restore", "erase_without_restore",
				    "Erase the device and set it up without restoring a backup.",
				    "All content of the device goes.", false},
	[RULES_ERASE_THEN_RESTORE] = {"erase_then_restore", "erase_then_restore",
				      "Erase the device, then restore in Setup Assistant.",
				      "What is on the device and not in the backup goes.", false},
	[RULES_VERIFY_CHECKIN] = {"verify_checkin", "verify_check_in",
				  "Look in the service after a day: has the device checked in?",
				  NULL, false},
	[RULES_REREGISTER_DIRECTORY] =
		{"reregister_directory", "register_in_directory",
		 "Register the device in the directory again: sign in to the "
		 "service's app or to a work app.",
		 NULL, false},
	[RULES_ENABLE_DIRECTORY] = {"enable_directory", "enable_in_directory",
				    "Enable the device's object in the directory.", NULL, false},
	[RULES_CANCEL_PENDING] = {"cancel_pending_action", "cancel_pending_action",
				  "Cancel the retire or wipe that waits for the device, before the "
				  "restore.",
				  NULL, false},
	[RULES_FIX_ADE_ASSIGNMENT] =
		{"fix_ade_assignment", "fix_ade_assignment",
		 "Assign the serial number to the right service with an enrollment "
		 "profile, then erase the device again.",
		 NULL, false},
	[RULES_FIX_SERVICE] = {"fix_service", "fix_service",
			       "Clear what stops automated enrollment in the service, before the "
			       "erase.",
			       NULL, false},
	[RULES_FIX_POLICY] = {"fix_policy", "fix_policy",
			      "Admit the platform in the service's enrollment restrictions.", NULL,
			      false},
	[RULES_IMPORT_IDENTIFIER] =
		{"import_identifier_first", "import_identifier_first",
		 "Import the serial number as corporate, and wait until the service "
		 "shows it.",
		 NULL, false},
	[RULES_UPDATE_OS] = {"update_os", "update_os",
			     "Update the target's iOS or iPadOS to a version that will do.", NULL,
			     false},
	[RULES_FREE_DEVICE_LIMIT] =
		{"free_device_limit", "free_device_limit",
		 "Remove a device of this user that is no longer used, or raise the "
		 "limit.",
		 NULL, false},
	[RULES_FIND_PASSWORD] = {"find_password", "find_password",
				 "Find the backup's password; nothing else opens it.", NULL, false},
	[RULES_CLEAR_ACTIVATION_LOCK] =
		{"clear_activation_lock", "clear_activation_lock",
		 "Have Activation Lock cleared by its owner or with the bypass "
		 "code.",
		 NULL, false},
	[RULES_SWITCH_OFF_FIND_MY] = {"switch_off_find_my", "switch_off_find_my",
				      "Switch Find My off on the device.", NULL, false},
	[RULES_ALLOW_PAIRING] =
		{"allow_pairing", "allow_pairing",
		 "Let the device accept this computer: lift the restriction, or use a "
		 "host that holds the right certificate.",
		 NULL, false},
};

const struct rules_action_row *rules_action(enum rules_action action)
{
	return &rows[action];
}
