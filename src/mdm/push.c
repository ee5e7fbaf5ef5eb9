/* Apple's push service: what is sent, and what its answers mean (docs/protocol/mdm.md, "Push") */
#include "mdm/internal.h"
#include "mdm/json.h"

#include <string.h>

static const struct {
	const char *reason;
	enum mdm_push_reaction reaction;
} reasons[] = {
	{"BadDeviceToken", MDM_PUSH_BAD_TOKEN},
	{"DeviceTokenNotForTopic", MDM_PUSH_BAD_TOKEN},
	{"MissingDeviceToken", MDM_PUSH_BAD_TOKEN},
	{"Unregistered", MDM_PUSH_GONE},
	{"ExpiredToken", MDM_PUSH_GONE},
	{"BadTopic", MDM_PUSH_CERTIFICATE},
	{"TopicDisallowed", MDM_PUSH_CERTIFICATE},
	{"MissingTopic", MDM_PUSH_CERTIFICATE},
	{"BadCertificate", MDM_PUSH_CERTIFICATE},
	{"BadCertificateEnvironment", MDM_PUSH_CERTIFICATE},
	{"Forbidden", MDM_PUSH_CERTIFICATE},
	{"IdleTimeout", MDM_PUSH_RETRY},
	{"TooManyRequests", MDM_PUSH_RETRY},
	{"InternalServerError", MDM_PUSH_RETRY},
	{"ServiceUnavailable", MDM_PUSH_RETRY},
	{"Shutdown", MDM_PUSH_RETRY},
};

enum mdm_push_reaction mdm_push_reaction(int status, const char *reason)
{
	size_t i;

	if (status == 200)
		return MDM_PUSH_SENT;
	for (i = 0; reason && i < ARRAY_COUNT(reasons); i++)
		if (!strcmp(reasons[i].reason, reason))
			return reasons[i].reaction;
	if (status == 410)
		return MDM_PUSH_GONE;
	if (status == 403)
		return MDM_PUSH_CERTIFICATE;
	return status == 0 || status == 429 || status >= 500 ? MDM_PUSH_RETRY : MDM_PUSH_BUG;
}

void mdm_push_reason(struct slice body, char reason[64])
{
	struct err err = ERR_INIT;
	json_t *json;

	reason[0] = '\0';
	if (mdm_json_load(&json, body, 4096, &err) < 0)
		return;
	snprintf(reason, 64, "%s", json_string_value(json_object_get(json, "reason")) ?: "");
	json_decref(json);
}

int mdm_push_body(const char *magic, struct buf *out, struct err *err)
{
	return mdm_json_dump(json_pack("{s:s}", "mdm", magic), out, err);
}
