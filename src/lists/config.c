/* config - which column of an export holds what, and what its words mean (docs/format/lists.md) */
#include "lists/inventory.h"

#include <stdlib.h>
#include <string.h>

/* the names are those of Microsoft Graph's managedDevice and device */
static const struct {
	const char *key, *column;
} fields[FIELD_COUNT] = {
	[FIELD_SERIAL] = {"serial", "serialNumber"},
	[FIELD_RECORD] = {"record", "id"},
	[FIELD_NAME] = {"name", "deviceName"},
	[FIELD_OS] = {"os", "operatingSystem"},
	[FIELD_OWNER] = {"owner", "managedDeviceOwnerType"},
	[FIELD_ENROLLMENT] = {"enrollment", "deviceEnrollmentType"},
	[FIELD_LAST_CONTACT] = {"last_contact", "lastSyncDateTime"},
	[FIELD_ENROLLED] = {"enrolled", "enrolledDateTime"},
	[FIELD_CERTIFICATE_END] = {"certificate_end", "managementCertificateExpirationDate"},
	[FIELD_STATE] = {"state", "managementState"},
	[FIELD_DIRECTORY] = {"directory", "azureADRegistered"},
	[FIELD_DIRECTORY_ID] = {"directory_id", "azureADDeviceId"},
	[FIELD_FILE_ID] = {"directory_file.id", "deviceId"},
	[FIELD_FILE_ENABLED] = {"directory_file.enabled", "accountEnabled"},
};

/* words, folded; the first of each meaning is ours and may stand in a configuration */
static const struct {
	enum field field;
	int meaning;
	const char *words[8];
} known[] = {
	{FIELD_OWNER, OWNER_UNKNOWN, {"unknown"}},
	{FIELD_OWNER, OWNER_CORPORATE, {"corporate", "company", "corporateowned"}},
	{FIELD_OWNER, OWNER_PERSONAL, {"personal", "personallyowned", "byod"}},
	{FIELD_ENROLLMENT, ENROLLMENT_UNKNOWN, {"unknown"}},
	{FIELD_ENROLLMENT, ENROLLMENT_ADE, {"ade", "applebulkwithuser", "applebulkwithoutuser"}},
	{FIELD_ENROLLMENT, ENROLLMENT_CONFIGURATOR, {"configurator"}},
	{FIELD_ENROLLMENT, ENROLLMENT_MANAGER, {"manager", "deviceenrollmentmanager"}},
	{FIELD_ENROLLMENT, ENROLLMENT_BY_HAND, {"byhand", "userenrollment"}},
	{FIELD_ENROLLMENT,
	 ENROLLMENT_USER,
	 {"user", "appleuserenrollment", "appleuserenrollmentwithserviceaccount"}},
	{FIELD_STATE, STATE_UNKNOWN, {"unknown"}},
	/* R-845; what failed is active and to be looked after */
	{FIELD_STATE,
	 STATE_ACTIVE,
	 {"active", "managed", "wipecanceled", "retirecanceled", "retirefailed", "wipefailed",
	  "unhealthy"}},
	{FIELD_STATE, STATE_RETIRE_PENDING, {"retirepending", "retireissued", "deletepending"}},
	{FIELD_STATE, STATE_WIPE_PENDING, {"wipepending", "wipeissued"}},
	{FIELD_STATE, STATE_NONE, {"none", "discovered"}},
	{FIELD_DIRECTORY, DIRECTORY_UNKNOWN, {"unknown"}},
	{FIELD_DIRECTORY, DIRECTORY_PRESENT, {"present", "true", "yes", "registered", "1"}},
	{FIELD_DIRECTORY, DIRECTORY_MISSING, {"missing", "false", "no", "notregistered", "0"}},
	{FIELD_DIRECTORY, DIRECTORY_DISABLED, {"disabled"}},
	{FIELD_FILE_ENABLED, DIRECTORY_UNKNOWN, {"unknown"}},
	{FIELD_FILE_ENABLED, DIRECTORY_PRESENT, {"present", "true", "yes", "enabled", "1"}},
	{FIELD_FILE_ENABLED, DIRECTORY_DISABLED, {"disabled", "false", "no", "0"}},
};

void config_init(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < FIELD_COUNT; i++)
		memcpy(config->columns[i], fields[i].column, strlen(fields[i].column) + 1);
	/* cleanup rules hide records after 30 to 270 days; renewal begins 120 days before
	 * the end, so that with 30 left it has failed for long */
	config->silent_days = 30;
	config->certificate_days = 30;
}

const char *field_key(enum field field)
{
	return fields[field].key;
}

static int known_meaning(enum field field, const char *folded)
{
	for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
		if (known[i].field != field)
			continue;
		for (size_t k = 0; k < ARRAY_COUNT(known[i].words) && known[i].words[k]; k++)
			if (!strcmp(known[i].words[k], folded))
				return known[i].meaning;
	}
	return -1;
}

int word_meaning(const struct config *config, enum field field, struct slice cell)
{
	char folded[64];
	int meaning;

	if (!cell.len)
		return 0;
	word_fold(cell, folded, sizeof(folded));
	meaning = known_meaning(field, folded);
	for (size_t i = 0; i < config->word_count && meaning < 0; i++)
		if (!strcmp(config->words[i].word, folded))
			meaning = known_meaning(field, config->words[i].meaning);
	return meaning;
}

/* ---- the configuration's text ---- */

static bool is_key(struct slice key, const char *prefix, struct slice *rest)
{
	size_t len = strlen(prefix);

	if (key.len <= len || memcmp(key.bytes, prefix, len) != 0)
		return false;
	*rest = slice_of(key.bytes + len, key.len - len);
	return true;
}

static int column_set(struct config *config, struct slice name, struct slice value, struct err *err)
{
	char quoted[400];

	if (value.len > LISTS_NAME_MAX)
		return err_set(err, ERR_LIMIT, "a column's name has %d bytes at most",
			       LISTS_NAME_MAX);
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!slice_equal(name, slice_text(fields[i].key)))
			continue;
		memcpy(config->columns[i], value.bytes, value.len);
		config->columns[i][value.len] = 0;
		config->is_configured[i] = true;
		return 0;
	}
	return err_set(err, ERR_USAGE, "no column is called %s",
		       text_quote((const char *)name.bytes, name.len, quoted));
}

static int days_set(struct config *config, struct slice name, struct slice value, struct err *err)
{
	int64_t *days = slice_equal(name, slice_text("silent"))        ? &config->silent_days
			: slice_equal(name, slice_text("certificate")) ? &config->certificate_days
								       : NULL;
	int64_t number = 0;

	for (size_t i = 0; i < value.len && number <= 9999; i++)
		number = value.bytes[i] >= '0' && value.bytes[i] <= '9'
				 ? number * 10 + (value.bytes[i] - '0')
				 : 10000;
	if (!days)
		return err_set(err, ERR_USAGE, "days are those of silent and certificate");
	if (number < 1 || number > 9999)
		return err_set(err, ERR_USAGE, "a number of days is 1 to 9999");
	*days = number;
	return 0;
}

static int explain(struct config *config, struct slice word, struct slice meaning, struct err *err)
{
	struct explained *explained = &config->words[config->word_count];
	char folded[32], quoted[400];
	bool is_ours = false;

	if (config->word_count == LISTS_WORDS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d words", LISTS_WORDS_MAX);
	if (word.len >= sizeof(explained->word))
		return err_set(err, ERR_LIMIT, "a word has %zu bytes at most",
			       sizeof(explained->word) - 1);
	word_fold(meaning, folded, sizeof(folded));
	for (size_t i = 0; i < ARRAY_COUNT(known); i++)
		is_ours = is_ours || !strcmp(known[i].words[0], folded);
	if (!is_ours)
		return err_set(err, ERR_USAGE, "no word means %s",
			       text_quote((const char *)meaning.bytes, meaning.len, quoted));
	word_fold(word, explained->word, sizeof(explained->word));
	memcpy(explained->meaning, folded, sizeof(folded));
	config->word_count++;
	return 0;
}

static int line_read(struct config *config, struct slice line, struct err *err)
{
	const uint8_t *equals;
	struct slice key, value, rest;

	line = slice_trim(line);
	if (!line.len || line.bytes[0] == '#')
		return 0;
	equals = memchr(line.bytes, '=', line.len);
	if (!equals)
		return err_set(err, ERR_USAGE, "not KEY = VALUE");
	key = slice_trim(slice_of(line.bytes, (size_t)(equals - line.bytes)));
	value = slice_trim(slice_of(equals + 1, (size_t)(line.bytes + line.len - equals - 1)));
	if (!value.len || !text_is_utf8((const char *)line.bytes, line.len))
		return err_set(err, ERR_USAGE, value.len ? "not UTF-8" : "no value");
	if (is_key(key, "column.", &rest))
		return column_set(config, rest, value, err);
	if (is_key(key, "days.", &rest))
		return days_set(config, rest, value, err);
	if (is_key(key, "word.", &rest))
		return explain(config, rest, value, err);
	return err_set(err, ERR_USAGE, "a key begins with column., days. or word.");
}

int lists_inventory_configure(struct lists_inventory *inventory, struct slice text, struct err *err)
{
	if (text.len > LISTS_CONFIG_LEN_MAX)
		return err_set(err, ERR_LIMIT, "over %d bytes", LISTS_CONFIG_LEN_MAX);
	if (text.len >= 3 && !memcmp(text.bytes, "\xef\xbb\xbf", 3))
		text = slice_of(text.bytes + 3, text.len - 3);
	for (unsigned number = 1; text.len; number++) {
		int r = line_read(&inventory->config, line_take(&text), err);

		if (r < 0)
			return err_wrap(err, r, "line %u", number);
	}
	return 0;
}
