/* apns_rules - one push request judged, as Apple documents it (docs/protocol/mdm-device, "Push") */
#include "sim/apns.h"

#include <stdlib.h>
#include <string.h>

enum { TOKEN_MIN = 64 };
#define PREFIX "/3/device/"

static void judge(struct apns_verdict *verdict, int status, const char *reason)
{
	verdict->status = status;
	verdict->reason = reason;
}

static bool is_number(const char *text)
{
	return *text && strlen(text) <= 18 && strspn(text, "0123456789") == strlen(text);
}

static bool is_uuid(const char *text)
{
	for (size_t i = 0; i < 36; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' : hex_digit_value(text[i]) < 0)
			return false;
	}
	return text[36] == 0;
}

static bool is_token(const char *text)
{
	size_t len = strlen(text);

	return len >= TOKEN_MIN && len <= APNS_TOKEN_MAX && len % 2 == 0 &&
	       strspn(text, "0123456789abcdefABCDEF") == len;
}

static void judge_headers(const struct apns_request *request, struct apns_verdict *verdict)
{
	const char *priority = request->priority;

	if (request->has_duplicate)
		judge(verdict, 400, "DuplicateHeaders");
	else if (request->topic[0] && strncmp(request->topic, "com.apple.mgmt.", 15) != 0)
		judge(verdict, 400, "BadTopic");
	else if (request->topic[0] && strcmp(request->topic, request->cert_topic) != 0)
		judge(verdict, 400, "TopicDisallowed");
	else if (request->push_type[0] && strcmp(request->push_type, "mdm") != 0)
		judge(verdict, 400, "InvalidPushType");
	else if (request->expiration[0] && !is_number(request->expiration))
		judge(verdict, 400, "BadExpirationDate");
	else if (priority[0] && strcmp(priority, "10") && strcmp(priority, "5") &&
		 strcmp(priority, "1"))
		judge(verdict, 400, "BadPriority");
	else if (request->id[0] && !is_uuid(request->id))
		judge(verdict, 400, "BadMessageId");
	else if (request->body_len == 0)
		judge(verdict, 400, "PayloadEmpty");
	else if (request->body_len > APNS_BODY_MAX)
		judge(verdict, 413, "PayloadTooLarge");
}

void apns_judge(const struct apns_request *request, struct apns_verdict *verdict)
{
	const char *token = request->path + sizeof(PREFIX) - 1;

	*verdict = (struct apns_verdict){.status = 200, .expiration = -1};
	if (!request->cert_topic[0] || request->cert_is_expired) {
		judge(verdict, 403, "BadCertificate");
		return;
	}
	if (strcmp(request->method, "POST") != 0) {
		judge(verdict, 405, "MethodNotAllowed");
		return;
	}
	if (strncmp(request->path, PREFIX, sizeof(PREFIX) - 1) != 0) {
		judge(verdict, 404, "BadPath");
		return;
	}
	if (!*token || !is_token(token)) {
		judge(verdict, 400, *token ? "BadDeviceToken" : "MissingDeviceToken");
		return;
	}
	for (size_t i = 0; token[i]; i++)
		verdict->token[i] = "0123456789abcdef"[hex_digit_value(token[i])];
	if (is_number(request->expiration))
		verdict->expiration = strtoll(request->expiration, NULL, 10);
	judge_headers(request, verdict);
}

void apns_judge_token(struct apns_verdict *verdict, enum apns_presence presence, bool is_strict)
{
	if (verdict->status != 200)
		return;
	if (presence == APNS_GONE)
		judge(verdict, 410, "Unregistered");
	else if (presence == APNS_UNKNOWN && is_strict)
		judge(verdict, 400, "BadDeviceToken");
}
