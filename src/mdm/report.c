/* Command reports: what became of a command, or that the device has time */
#include "mdm/internal.h"
#include "mdm/json.h"

#include <string.h>

static const char *const names[] = {
	[MDM_IDLE] = "Idle",      [MDM_ACKNOWLEDGED] = "Acknowledged",
	[MDM_ERROR] = "Error",    [MDM_COMMAND_FORMAT_ERROR] = "CommandFormatError",
	[MDM_NOT_NOW] = "NotNow",
};

const char *mdm_status_name(enum mdm_status status)
{
	return names[status];
}

/* The chain is for people: a link that is not as it should be is left out, not refused. */
static void read_errors(const struct plist *chain, struct mdm_report *report)
{
	const struct plist *link;
	struct mdm_error error;

	if (!chain)
		return;
	for (link = chain->as.items.first; link && report->error_count < MDM_ERRORS_MAX;
	     link = link->next) {
		error = (struct mdm_error){0, plist_get_text(link, "ErrorDomain"), NULL};
		if (!error.domain || !plist_get_int(link, "ErrorCode", &error.code))
			continue;
		error.text = plist_get_text(link, "USEnglishDescription");
		if (!error.text)
			error.text = plist_get_text(link, "LocalizedDescription");
		report->errors[report->error_count++] = error;
	}
}

int mdm_report_parse(struct plist_doc *doc, struct slice bytes, struct mdm_report *report,
		     struct err *err)
{
	const char *status;
	char quoted[400];
	size_t i;
	int r;

	memset(report, 0, sizeof(*report));
	report->raw = bytes;
	r = mdm_open(doc, bytes, MDM_REPORT_MAX, "command report", &report->root, err);
	if (!r)
		r = mdm_read_text(report->root, "Status", MDM_TEXT_MAX, true, &status, err);
	if (r < 0)
		return r;
	for (i = 0; i < ARRAY_COUNT(names) && strcmp(names[i], status) != 0; i++)
		;
	if (i == ARRAY_COUNT(names))
		return err_set(err, ERR_PROTOCOL, "Status is %s",
			       text_quote(status, strlen(status), quoted));
	report->status = (enum mdm_status)i;
	r = mdm_sender_read(report->root, &report->from, err);
	if (!r)
		r = mdm_read_text(report->root, "CommandUUID", MDM_UUID_MAX,
				  report->status != MDM_IDLE, &report->uuid, err);
	if (r < 0)
		return err_wrap(err, r, "command report");
	read_errors(plist_get_array(report->root, "ErrorChain"), report);
	return 0;
}

/* at most @max bytes of what a device wrote, cut between characters; NULL is "" */
static json_t *bounded(const char *text, size_t max)
{
	char line[MDM_TEXT_MAX + 1];
	size_t i, len = text ? strlen(text) : 0;

	if (len > max)
		for (len = max; ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	for (i = 0; i < len; i++)
		line[i] = (char)((unsigned char)text[i] < 0x20 ? ' ' : text[i]);
	return json_stringn(line, len);
}

int mdm_errors_json(const struct mdm_report *report, struct buf *out, struct err *err)
{
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < report->error_count; i++) {
		const struct mdm_error *error = &report->errors[i];

		failed |= json_array_append_new(
			list, json_pack("{s:I,s:o,s:o}", "code", (json_int_t)error->code, "domain",
					bounded(error->domain, 255), "text",
					bounded(error->text, MDM_TEXT_MAX)));
	}
	if (failed) {
		json_decref(list);
		return err_no_memory(err);
	}
	return mdm_json_dump(list, out, err);
}
