/*
 * api_routes - every route of the administration, with what it takes and who may
 *
 * docs/protocol/api.yaml says the same to others; a test compares the two.
 */
#include "server/api_internal.h"

#include <string.h>

static const char *const role_names[] = {
	[API_ANYBODY] = "anybody",
	[API_VIEWER] = "viewer",
	[API_HELP_DESK] = "help_desk",
	[API_OPERATOR] = "operator",
	[API_ADMINISTRATOR] = "administrator",
};

const char *api_role_name(enum api_role role)
{
	return role_names[role];
}

bool api_role_find(const char *name, enum api_role *role)
{
	for (unsigned i = API_VIEWER; i < ARRAY_COUNT(role_names); i++) {
		if (strcmp(name, role_names[i]) != 0)
			continue;
		*role = (enum api_role)i;
		return true;
	}
	return false;
}

/* what several routes take */
#define TARGETS                                                                                   \
	{"ids", API_TEXTS, false, "enrollment ids: UDIDs of devices, or their serial numbers"},   \
		{"group", API_TEXT, false, "every device of this group"},                         \
	{                                                                                         \
		"count", API_NUMBER, false,                                                       \
			"how many devices the group has: asked for before something is destroyed" \
	}
#define PAGE                                                                   \
	{"after", API_NUMBER, false, "the \"next\" of the page before"},       \
	{                                                                      \
		"limit", API_NUMBER, false, "rows, 1 to 1000; 100 if not said" \
	}

static const struct api_field targets[] = {TARGETS, {0}};
static const struct api_field lock[] = {
	TARGETS,
	{"message", API_TEXT, false, "shown on the locked screen"},
	{"phone", API_TEXT, false, "number that is shown there"},
	{0},
};
static const struct api_field wipe[] = {
	TARGETS,
	{"keep_data_plan", API_FLAG, false, "leave the eSIM"},
	{"bar_proximity_setup", API_FLAG, false, "no setup from a device nearby afterwards"},
	{"return_to_service", API_FLAG, false, "enroll again by itself (iOS 17 on)"},
	{"wifi_profile", API_LONG_TEXT, false, "configuration profile in base64, for that return"},
	{0},
};
static const struct api_field device_list_query[] = {
	{"group", API_TEXT, false, "members of this group"},
	{"text", API_TEXT, false, "part of UDID, serial number or name"},
	{"record", API_TEXT, false, "active, hidden, retired, wiped or deleted"},
	{"heard_before", API_NUMBER, false, "last contact before this time, seconds since 1970"},
	PAGE,
	{0},
};
static const struct api_field device_set[] = {
	{"ownership", API_TEXT, true, "personal or corporate"},
	{0},
};
static const struct api_field device_replace[] = {
	{"new_udid", API_TEXT, true, "UDID or serial number of the device that takes its place"},
	{0},
};
static const struct api_field secret_value[] = {
	{"value", API_TEXT, true, "kept sealed"},
	{0},
};
static const struct api_field password_value[] = {
	{"value", API_TEXT, true, "kept sealed"},
	{"replace", API_FLAG, false, "in place of another one that is kept"},
	{0},
};
static const struct api_field pairing_sign[] = {
	{"challenge", API_TEXT, true, "PairingChallenge of the device in base64, 1 to 64 bytes"},
	{0},
};
static const struct api_field command_send[] = {
	{"ids", API_TEXTS, false, "enrollment ids: UDIDs of devices, or their serial numbers"},
	{"group", API_TEXT, false, "every enrolled device of this group"},
	{"all", API_FLAG, false, "every enrolled device"},
	{"count", API_NUMBER, false,
	 "how many devices that is: asked for when the command is dangerous"},
	{"type", API_TEXT, false, "RequestType; with keys"},
	{"keys", API_OBJECT, false, "of the Command; {\"$data\": base64} is data"},
	{"plist", API_LONG_TEXT, false, "the command as an XML property list, instead of type"},
	{"uuid", API_TEXT, false, "CommandUUID; a second command under it is refused"},
	{"lane", API_TEXT, false, "urgent, normal or background"},
	{"not_before", API_NUMBER, false, "seconds since 1970"},
	{"ends", API_NUMBER, false, "not delivered after this time, seconds since 1970"},
	{"force", API_FLAG, false, "queue a RequestType that is not known here"},
	{0},
};
static const struct api_field history_query[] = {
	{"before", API_NUMBER, false, "the \"next\" of the page before"},
	{"limit", API_NUMBER, false, "rows, 1 to 1000; 100 if not said"},
	{0},
};
static const struct api_field cancel_query[] = {
	{"id", API_TEXT, false, "only for this enrollment"},
	{0},
};
static const struct api_field item_query[] = {
	{"after", API_TEXT, false, "the \"next\" of the page before"},
	{"limit", API_NUMBER, false, "rows, 1 to 1000; 100 if not said"},
	{0},
};
static const struct api_field assign[] = {
	{"ids", API_TEXTS, false, "UDIDs or serial numbers of devices"},
	{"group", API_TEXT, false, "a group, with whoever joins it later"},
	{"all", API_FLAG, false, "every device"},
	{0},
};
static const struct api_field backup_rules[] = {
	{"bar_cloud_backup", API_FLAG, false, "no iCloud backup"},
	{"force_encryption", API_FLAG, false, "local backups have a password, and keep it"},
	{"bar_pairing", API_FLAG, false,
	 "supervised: no pairing but with the supervision identity, so no backup elsewhere"},
	{0},
};
static const struct api_field declaration[] = {
	{"Type", API_TEXT, true, "com.apple.configuration..."},
	{"Identifier", API_TEXT, true, "at most 64 bytes"},
	{"Payload", API_OBJECT, true, "of that type"},
	{"ServerToken", API_TEXT, false, "ignored: it is made of the content"},
	{0},
};
static const struct api_field members[] = {
	{"ids", API_TEXTS, true, "UDIDs or serial numbers of devices"},
	{0},
};
static const struct api_field ticket[] = {
	{"kind", API_TEXT, false, "link (the default), or challenge: for SCEP alone"},
	{"serial", API_TEXT, false, "only for the device with this serial number"},
	{"udid", API_TEXT, false, "only for the device with this UDID"},
	{"hours", API_NUMBER, false, "its life, 1 to 720"},
	{0},
};
static const struct api_field identifiers[] = {
	{"identifiers", API_OBJECTS, true, "{\"identifier\", \"details\"}: serial numbers, IMEIs"},
	{0},
};
static const struct api_field token[] = {
	{"name", API_TEXT, true, "whose it is, for the audit; at most 100 bytes"},
	{"role", API_TEXT, true, "viewer, help_desk, operator or administrator"},
	{"scope", API_TEXT, false, "a group: it sees no other device"},
	{"days", API_NUMBER, false, "its life, 1 to 3650; without: until revoked"},
	{0},
};
static const struct api_field event_query[] = {PAGE, {0}};
static const struct api_field audit_query[] = {
	{"subject", API_TEXT, false, "of this device, group ... only"},
	{"before", API_NUMBER, false, "the \"next\" of the page before"},
	{"limit", API_NUMBER, false, "rows, 1 to 1000; 100 if not said"},
	{0},
};
static const struct api_field webhook[] = {
	{"url", API_LONG_TEXT, true, "https://..., at most 1023 bytes"},
	{"kinds", API_TEXTS, false, "of events; without: all"},
	{"after", API_NUMBER, false, "begin behind this event; without: with the next one"},
	{0},
};
static const struct api_field replay[] = {
	{"after", API_NUMBER, true, "send every event behind this number again"},
	{0},
};
static const struct api_field topic_query[] = {
	{"topic", API_TEXT, false, "of the push certificate"},
	{0},
};
static const struct api_field enqueue_query[] = {
	{"nopush", API_TEXT, false, "1: no push"},
	{0},
};
static const struct api_field migrate_query[] = {
	{"identity", API_TEXT, false, "SHA-256 of the device's certificate, hex; needed once"},
	{"identity_ends", API_NUMBER, false, "its notAfter, seconds since 1970"},
	{0},
};

#define V1 "/api/v1"
const struct api_route api_routes[] = {
	/* the service */
	{"GET", V1 "/routes", API_VIEWER, API_SCOPED, NULL, api_index, NULL, NULL,
	 "every route of this service"},
	{"GET", V1 "/whoami", API_VIEWER, API_SCOPED, NULL, api_whoami, NULL, NULL,
	 "the token that asks"},
	{"GET", V1 "/status", API_VIEWER, 0, NULL, api_status, NULL, NULL,
	 "counts of devices, commands and events; the push certificate's end"},
	{"GET", V1 "/ca", API_VIEWER, API_SCOPED, NULL, api_ca, NULL, NULL,
	 "certificates of the CA and of supervision"},
	{"GET", "/metrics", API_VIEWER, 0, NULL, api_metrics, NULL, NULL,
	 "counters for Prometheus"},

	/* devices */
	{"GET", V1 "/devices", API_VIEWER, API_SCOPED, NULL, api_device_list, NULL,
	 device_list_query, "devices, page by page"},
	{"GET", V1 "/devices/{udid}", API_VIEWER, API_SCOPED, NULL, api_device_show, NULL, NULL,
	 "a device with its enrollments, groups and profiles"},
	{"GET", V1 "/devices/{udid}/inventory", API_VIEWER, API_SCOPED, NULL, api_device_inventory,
	 NULL, NULL, "what it last told of itself"},
	{"PATCH", V1 "/devices/{udid}", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED, "ownership",
	 api_device_set, device_set, NULL, "change its ownership"},
	{"POST", V1 "/devices/{udid}/replace", API_OPERATOR, API_DRY | API_NOTED, "replace",
	 api_device_replace, device_replace, NULL, "another device takes its place"},
	{"GET", V1 "/devices/{udid}/secrets/bypass-code", API_ADMINISTRATOR, API_NOTED,
	 "bypass-code-get", api_device_bypass_get, NULL, NULL, "read the bypass code"},
	{"PUT", V1 "/devices/{udid}/secrets/bypass-code", API_ADMINISTRATOR, API_NOTED,
	 "bypass-code-set", api_device_bypass_set, secret_value, NULL, "keep a bypass code"},
	{"GET", V1 "/devices/{udid}/secrets/backup-password", API_OPERATOR, API_SCOPED | API_NOTED,
	 "backup-password-get", api_device_password_get, NULL, NULL,
	 "read the backup password of a corporate, supervised device"},
	{"PUT", V1 "/devices/{udid}/secrets/backup-password", API_OPERATOR, API_SCOPED | API_NOTED,
	 "backup-password-set", api_device_password_set, password_value, NULL,
	 "keep the backup password of a corporate, supervised device"},
	/* for no token with a scope: a challenge does not say whose it is */
	{"POST", V1 "/devices/{udid}/pairing", API_OPERATOR, API_NOTED, "pairing-sign",
	 api_device_pairing, pairing_sign, NULL,
	 "sign a supervised device's challenge: who sends it is trusted without a question"},
	{"GET", V1 "/enrollments/{id}", API_VIEWER, API_SCOPED, NULL, api_enrollment_show, NULL,
	 NULL, "an enrollment with its identities and queue"},
	{"GET", V1 "/enrollments/{id}/export", API_ADMINISTRATOR, API_NOTED, "migrate-out",
	 api_enrollment_export, NULL, NULL, "its check-in messages, for another service"},

	/* actions on one, several or a group */
	{"POST", V1 "/actions/push", API_HELP_DESK, API_SCOPED | API_DRY, "push", api_act_push,
	 targets, NULL, "push devices now"},
	{"POST", V1 "/actions/inventory", API_HELP_DESK, API_SCOPED | API_DRY, "inventory",
	 api_act_inventory, targets, NULL, "ask devices about themselves"},
	{"POST", V1 "/actions/lock", API_HELP_DESK, API_SCOPED | API_DRY, "lock", api_act_lock,
	 lock, NULL, "lock the screen of devices"},
	{"POST", V1 "/actions/clear-passcode", API_HELP_DESK, API_SCOPED | API_DRY,
	 "clear-passcode", api_act_clear_passcode, targets, NULL, "take the passcode off devices"},
	{"POST", V1 "/actions/retire", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED, "retire",
	 api_act_retire, targets, NULL,
	 "end management: the enrollment profile and all that it brought go"},
	{"POST", V1 "/actions/wipe", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED, "wipe",
	 api_act_wipe, wipe, NULL, "erase devices"},
	{"POST", V1 "/actions/delete", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED, "delete",
	 api_act_delete, targets, NULL, "retire devices and take their records out of the lists"},
	{"POST", V1 "/actions/hide", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED, "hide",
	 api_act_hide, targets, NULL, "take records out of the lists until the device is heard"},
	{"POST", V1 "/actions/unenroll", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED, "unenroll",
	 api_act_unenroll, targets, NULL,
	 "answer the next message so that the device removes management"},
	{"POST", V1 "/actions/unenroll-cancel", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED,
	 "unenroll-cancel", api_act_unenroll_cancel, targets, NULL,
	 "take an unenrollment back before the device is heard"},
	{"POST", V1 "/actions/confirm", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED,
	 "restore-confirm", api_act_confirm, targets, NULL,
	 "a noticed restore is fine: held commands go on"},
	{"POST", V1 "/actions/reconcile", API_OPERATOR, API_SCOPED | API_DRY, "reconcile",
	 api_act_reconcile, targets, NULL, "install and remove profiles until they fit"},

	/* commands */
	{"POST", V1 "/commands", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED, "command-enqueue",
	 api_command_send, command_send, NULL, "queue a command, typed or as a property list"},
	{"GET", V1 "/commands/types", API_VIEWER, API_SCOPED, NULL, api_command_types, NULL, NULL,
	 "request types and what is known of them"},
	{"DELETE", V1 "/commands/{uuid}", API_OPERATOR, API_DRY | API_NOTED, "command-cancel",
	 api_command_cancel, NULL, cancel_query, "take a command out where it was not sent yet"},
	{"GET", V1 "/enrollments/{id}/commands", API_VIEWER, API_SCOPED, NULL, api_command_list,
	 NULL, history_query, "queue and history of an enrollment"},
	{"GET", V1 "/enrollments/{id}/commands/{uuid}", API_VIEWER, API_SCOPED, NULL,
	 api_command_show, NULL, NULL, "a command of an enrollment, with its result"},

	/* profiles and declarations */
	{"GET", V1 "/profiles", API_VIEWER, API_SCOPED, NULL, api_profile_list, NULL, item_query,
	 "configuration profiles, newest versions"},
	{"POST", V1 "/profiles", API_OPERATOR, API_RAW | API_NOTED, "profile-put", api_profile_add,
	 NULL, NULL, "store a configuration profile, or its next version"},
	{"PUT", V1 "/backup-rules", API_OPERATOR, API_NOTED, "profile-put", api_backup_rules_set,
	 backup_rules, NULL, "store the profile that governs backups; what is not said is allowed"},
	{"GET", V1 "/profiles/{identifier}", API_VIEWER, API_SCOPED, NULL, api_profile_show, NULL,
	 NULL, "a profile with its assignments"},
	{"GET", V1 "/profiles/{identifier}/content", API_OPERATOR, 0, NULL, api_profile_content,
	 NULL, NULL, "its bytes"},
	{"DELETE", V1 "/profiles/{identifier}", API_OPERATOR, API_DRY | API_NOTED, "profile-remove",
	 api_profile_remove, NULL, NULL, "remove a profile, from devices too"},
	{"POST", V1 "/profiles/{identifier}/assign", API_OPERATOR, API_SCOPED | API_DRY | API_NOTED,
	 "assign", api_profile_assign, assign, NULL, "give a profile to devices"},
	{"POST", V1 "/profiles/{identifier}/unassign", API_OPERATOR,
	 API_SCOPED | API_DRY | API_NOTED, "unassign", api_profile_unassign, assign, NULL,
	 "take a profile from devices"},
	{"GET", V1 "/declarations", API_VIEWER, API_SCOPED, NULL, api_declaration_list, NULL,
	 item_query, "declarations, newest versions"},
	{"POST", V1 "/declarations", API_OPERATOR, API_NOTED, "declaration-put",
	 api_declaration_add, declaration, NULL, "store a declaration, or its next version"},
	{"GET", V1 "/declarations/{identifier}", API_VIEWER, API_SCOPED, NULL, api_declaration_show,
	 NULL, NULL, "a declaration with its assignments"},
	{"DELETE", V1 "/declarations/{identifier}", API_OPERATOR, API_DRY | API_NOTED,
	 "declaration-remove", api_declaration_remove, NULL, NULL,
	 "remove a declaration, from devices too"},
	{"POST", V1 "/declarations/{identifier}/assign", API_OPERATOR,
	 API_SCOPED | API_DRY | API_NOTED, "assign", api_declaration_assign, assign, NULL,
	 "give a declaration to devices"},
	{"POST", V1 "/declarations/{identifier}/unassign", API_OPERATOR,
	 API_SCOPED | API_DRY | API_NOTED, "unassign", api_declaration_unassign, assign, NULL,
	 "take a declaration from devices"},

	/* groups */
	{"GET", V1 "/groups", API_VIEWER, 0, NULL, api_group_list, NULL, event_query,
	 "groups with the number of their members"},
	{"PUT", V1 "/groups/{name}", API_OPERATOR, API_NOTED, "group-make", api_group_put, NULL,
	 NULL, "make a group"},
	{"DELETE", V1 "/groups/{name}", API_OPERATOR, API_DRY | API_NOTED, "group-remove",
	 api_group_remove, NULL, NULL, "remove a group with its assignments"},
	{"POST", V1 "/groups/{name}/add", API_OPERATOR, API_DRY | API_NOTED, "group-join",
	 api_group_add, members, NULL, "put devices into a group"},
	{"POST", V1 "/groups/{name}/take", API_OPERATOR, API_DRY | API_NOTED, "group-leave",
	 api_group_take, members, NULL, "take devices out of a group"},

	/* enrolling */
	{"POST", V1 "/tickets", API_HELP_DESK, API_NOTED, "ticket-new", api_ticket_new, ticket,
	 NULL, "a link that enrolls one device"},
	{"GET", V1 "/identifiers", API_VIEWER, 0, NULL, api_identifier_list, NULL, item_query,
	 "corporate identifiers"},
	{"POST", V1 "/identifiers", API_OPERATOR, API_DRY | API_NOTED, "identifier-import",
	 api_identifier_add, identifiers, NULL, "devices that count as corporate when they enroll"},
	{"DELETE", V1 "/identifiers/{identifier}", API_OPERATOR, API_NOTED, "identifier-remove",
	 api_identifier_remove, NULL, NULL, "remove a corporate identifier"},

	/* administration */
	{"GET", V1 "/tokens", API_ADMINISTRATOR, 0, NULL, api_token_list, NULL, event_query,
	 "tokens"},
	{"POST", V1 "/tokens", API_ADMINISTRATOR, 0, "token-new", api_token_new, token, NULL,
	 "make a token; it is shown this once"},
	{"DELETE", V1 "/tokens/{id}", API_ADMINISTRATOR, 0, "token-revoke", api_token_revoke, NULL,
	 NULL, "revoke a token"},
	{"GET", V1 "/pushcert", API_VIEWER, 0, NULL, api_pushcert_show, NULL, NULL,
	 "topic and end of the push certificate"},
	{"PUT", V1 "/pushcert", API_ADMINISTRATOR, API_RAW | API_DRY, "pushcert-put",
	 api_pushcert_put, NULL, NULL, "the push certificate with its key, PEM"},
	{"GET", V1 "/events", API_VIEWER, 0, NULL, api_event_list, NULL, event_query,
	 "events, oldest first"},
	{"GET", V1 "/audit", API_OPERATOR, 0, NULL, api_audit_list, NULL, audit_query,
	 "who did what, newest first"},
	{"GET", V1 "/webhooks", API_ADMINISTRATOR, 0, NULL, api_webhook_list, NULL, NULL,
	 "webhooks and how they fare"},
	{"POST", V1 "/webhooks", API_ADMINISTRATOR, 0, "webhook-add", api_webhook_add, webhook,
	 NULL, "send events to an address; its secret is shown this once"},
	{"DELETE", V1 "/webhooks/{id}", API_ADMINISTRATOR, 0, "webhook-remove", api_webhook_remove,
	 NULL, NULL, "remove a webhook"},
	{"POST", V1 "/webhooks/{id}/replay", API_ADMINISTRATOR, 0, "webhook-replay",
	 api_webhook_replay, replay, NULL, "send events again"},

	/* the small API that other tools speak */
	{"GET", "/version", API_ANYBODY, API_BASIC, NULL, api_compat_version, NULL, NULL,
	 "the version of this program"},
	{"GET", "/v1/pushcert", API_VIEWER, API_BASIC, NULL, api_compat_pushcert_get, NULL,
	 topic_query, "topic and end of the push certificate"},
	{"PUT", "/v1/pushcert", API_ADMINISTRATOR, API_BASIC | API_RAW, "pushcert-put",
	 api_compat_pushcert_put, NULL, NULL, "the push certificate with its key, PEM"},
	{"GET", "/v1/push/{ids}", API_HELP_DESK, API_BASIC | API_SCOPED, "push", api_compat_push,
	 NULL, NULL, "push enrollments, ids with commas"},
	{"PUT", "/v1/push/{ids}", API_HELP_DESK, API_BASIC | API_SCOPED | API_RAW, "push",
	 api_compat_push, NULL, NULL, "push enrollments, ids with commas"},
	{"PUT", "/v1/enqueue/{ids}", API_OPERATOR, API_BASIC | API_SCOPED | API_RAW | API_NOTED,
	 "command-enqueue", api_compat_enqueue, NULL, enqueue_query,
	 "queue a raw command, ids with commas"},
	{"PUT", "/migration", API_ADMINISTRATOR, API_BASIC | API_RAW | API_NOTED, "migrate-in",
	 api_compat_migrate, NULL, migrate_query,
	 "a check-in message that another service received"},
	{0},
};
