/*
 * lockdown (3): the shape of a request, and whether a reply is the good one.
 *
 * The words for its error strings stand in lockdown_errors.c.
 */
#include <string.h>

#include "link/internal.h"

struct plist *link_lockdown_request(struct plist_doc *doc, const char *request, const char *label)
{
	struct plist *dict = plist_new_dict(doc);

	if (label)
		plist_set_text(doc, dict, "Label", label);
	plist_set_text(doc, dict, "Request", request);
	return dict;
}

static int refuse(const char *error_name, const char *request, struct err *err)
{
	const struct lockdown_error *known = lockdown_error_find(error_name);
	char quoted[400];

	text_quote(error_name, strlen(error_name), quoted);
	return err_set(err, known->err_code, "%s (the device answered %s to %s)", known->text,
		       quoted, request);
}

int link_lockdown_check(const struct plist *reply, const char *request, const char **error_name,
			struct err *err)
{
	const struct plist *error = plist_get(reply, "Error");
	const char *name = plist_text(error), *result, *answered;
	char quoted[400];

	if (error_name)
		*error_name = NULL;
	if (!reply || reply->type != PLIST_DICT)
		return err_set(err, ERR_PROTOCOL, "the answer to %s is not a dictionary", request);
	if (error && !name)
		return err_set(err, ERR_PROTOCOL, "the answer to %s has an error that is no text",
			       request);
	if (name) {
		if (error_name)
			*error_name = name;
		return refuse(name, request, err);
	}

	/* before iOS 5 a refusal had no reason */
	result = plist_get_text(reply, "Result");
	if (result && !strcmp(result, "Failure"))
		return err_set(err, ERR_DEVICE,
			       "the device answered Failure to %s and gave no reason", request);

	answered = plist_get_text(reply, "Request");
	if (answered && !strcmp(answered, request))
		return 0;
	/* some devices answer Unpair under another name */
	if (answered && !strcmp(request, "Unpair"))
		return 0;
	if (!answered)
		return err_set(err, ERR_PROTOCOL, "the answer to %s does not say what it answers",
			       request);
	text_quote(answered, strlen(answered), quoted);
	return err_set(err, ERR_PROTOCOL, "asked %s, got the answer to %s", request, quoted);
}

int link_lockdown_challenge(const struct plist *reply, struct slice *challenge, struct err *err)
{
	const struct plist *extended = plist_get_dict(reply, "ExtendedResponse");
	struct slice bytes;

	if (!plist_get_data(extended, "PairingChallenge", &bytes) || bytes.len == 0)
		return err_set(err, ERR_PROTOCOL,
			       "the device wants an answer to a challenge and sent none");
	if (bytes.len > LINK_CHALLENGE_MAX)
		return err_set(err, ERR_LIMIT, "a pairing challenge of %zu bytes, limit %d",
			       bytes.len, LINK_CHALLENGE_MAX);
	*challenge = bytes;
	return 0;
}
