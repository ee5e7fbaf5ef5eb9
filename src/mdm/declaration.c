/* Declarative management, the service's side: what is asked, and what is handed out */
#include "crypto/crypto.h"
#include "mdm/internal.h"
#include "mdm/json.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;  /* in an endpoint */
	const char *list;  /* in declaration-items */
	const char *start; /* of the types of this kind */
} kinds[] = {
	[MDM_ACTIVATION] = {"activation", "Activations", "com.apple.activation."},
	[MDM_ASSET] = {"asset", "Assets", "com.apple.asset."},
	[MDM_CONFIGURATION] = {"configuration", "Configurations", "com.apple.configuration."},
	[MDM_MANAGEMENT] = {"management", "Management", "com.apple.management."},
};

int mdm_json_load(json_t **out, struct slice bytes, size_t max, struct err *err)
{
	json_error_t why;
	json_t *json;

	if (bytes.len > max)
		return err_set(err, ERR_LIMIT, "JSON of %zu bytes, limit %zu", bytes.len, max);
	json = json_loadb((const char *)bytes.bytes, bytes.len, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return err_set(err, ERR_PROTOCOL, "line %d: %s", why.line, why.text);
	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(err, ERR_PROTOCOL, "it is no JSON object");
	}
	*out = json;
	return 0;
}

/* ---- endpoints ---- */

/* One percent-decoded path component into @to; false: too long, or no character of an identifier */
static bool decode(const char *text, char to[MDM_DECLARATION_ID_MAX + 1])
{
	size_t len = 0;
	int high, low;
	char c;

	for (; *text; text++) {
		c = *text;
		if (c == '%') {
			high = hex_digit_value(text[1]);
			low = high < 0 ? -1 : hex_digit_value(text[2]);
			if (low < 0)
				return false;
			c = (char)(high * 16 + low);
			text += 2;
		} else if (c == '/') {
			return false;
		}
		if (len == MDM_DECLARATION_ID_MAX || (unsigned char)c < 0x20 || c == 0x7f)
			return false;
		to[len++] = c;
	}
	to[len] = '\0';
	return len && text_is_utf8(to, len);
}

int mdm_endpoint_parse(const char *text, struct mdm_endpoint *endpoint, struct err *err)
{
	struct mdm_endpoint read = {.kind = MDM_ENDPOINT_TOKENS};
	char quoted[400];
	size_t i, len;

	if (!strcmp(text, "declaration-items"))
		read.kind = MDM_ENDPOINT_ITEMS;
	else if (!strcmp(text, "status"))
		read.kind = MDM_ENDPOINT_STATUS;
	else if (strcmp(text, "tokens") != 0)
		read.kind = MDM_ENDPOINT_DECLARATION;
	if (read.kind != MDM_ENDPOINT_DECLARATION) {
		*endpoint = read;
		return 0;
	}
	for (i = 0; !strncmp(text, "declaration/", 12) && i < ARRAY_COUNT(kinds); i++) {
		len = strlen(kinds[i].word);
		if (strncmp(text + 12, kinds[i].word, len) != 0 || text[12 + len] != '/')
			continue;
		read.declaration = (enum mdm_declaration_kind)i;
		if (!decode(text + 12 + len + 1, read.identifier))
			break;
		*endpoint = read;
		return 0;
	}
	return err_set(err, ERR_PROTOCOL, "no such endpoint: %s",
		       text_quote(text, strlen(text), quoted));
}

/* ---- what an operator stores ---- */

static int copy_text(json_t *json, const char *key, size_t max, char *to, struct err *err)
{
	json_t *value = json_object_get(json, key);
	size_t i, len = json_string_length(value);

	if (!json_is_string(value) || !len)
		return err_set(err, ERR_PROTOCOL, "%s is missing or no text", key);
	if (len > max)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes, limit %zu", key, len, max);
	memcpy(to, json_string_value(value), len);
	to[len] = '\0';
	for (i = 0; i < len; i++)
		if ((unsigned char)to[i] < 0x20 || to[i] == 0x7f)
			return err_set(err, ERR_PROTOCOL, "%s has control characters", key);
	return 0;
}

static int find_kind(const char *type, enum mdm_declaration_kind *kind, struct err *err)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++)
		if (!strncmp(type, kinds[i].start, strlen(kinds[i].start))) {
			*kind = (enum mdm_declaration_kind)i;
			return 0;
		}
	return err_set(err, ERR_PROTOCOL, "Type %s is of no kind of declarations", type);
}

/* Equal content has an equal token, whoever stored it: sorted keys, then the digest. */
static int content_token(const char *type, json_t *payload, char token[MDM_DECLARATION_ID_MAX + 1],
			 struct err *err)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(8 * MDM_DECLARATION_MAX); /* escaped */
	uint8_t digest[CRYPTO_SHA256_LEN];
	int r = mdm_json_dump_sorted(json_pack("[s,O]", type, payload), &text, err);

	if (r < 0)
		return r;
	crypto_sha256(buf_slice(&text), digest);
	hex_encode(digest, sizeof(digest), token);
	return 0;
}

static int read_declaration(json_t *json, enum mdm_declaration_kind *kind, char *identifier,
			    char *type, char *token, struct buf *out, struct err *err)
{
	json_t *payload = json_object_get(json, "Payload");
	int r = copy_text(json, "Type", 128, type, err);

	if (!r)
		r = find_kind(type, kind, err);
	if (!r)
		r = copy_text(json, "Identifier", MDM_DECLARATION_ID_MAX, identifier, err);
	if (!r && !json_is_object(payload))
		r = err_set(err, ERR_PROTOCOL, "Payload is missing or no object");
	if (!r)
		r = content_token(type, payload, token, err);
	if (r < 0)
		return r;
	return mdm_json_dump(json_pack("{s:s,s:s,s:s,s:O}", "Type", type, "Identifier", identifier,
				       "ServerToken", token, "Payload", payload),
			     out, err);
}

int mdm_declaration_read(struct slice json, enum mdm_declaration_kind *kind,
			 char identifier[MDM_DECLARATION_ID_MAX + 1], char type[129],
			 char token[MDM_DECLARATION_ID_MAX + 1], struct buf *out, struct err *err)
{
	json_t *loaded;
	int r = mdm_json_load(&loaded, json, MDM_DECLARATION_MAX, err);

	if (!r) {
		r = read_declaration(loaded, kind, identifier, type, token, out, err);
		json_decref(loaded);
	}
	return r < 0 ? err_wrap(err, r, "declaration") : 0;
}

/* ---- sets ---- */

static int compare(const void *a, const void *b)
{
	const struct mdm_declaration *const *one = a, *const *other = b;
	int order = strcmp((*one)->identifier, (*other)->identifier);

	return order ? order : strcmp((*one)->token, (*other)->token);
}

/* A chain of digests, so that no two sets read the same; without memory for the order it is zero,
 * which no set has, and the device asks again. */
void mdm_declarations_token(const struct mdm_declaration *set, size_t count, char token[65])
{
	const struct mdm_declaration **sorted = calloc(count + 1, sizeof(*sorted));
	uint8_t digest[CRYPTO_SHA256_LEN] = {0};
	uint8_t item[3 * CRYPTO_SHA256_LEN];
	size_t i;

	for (i = 0; sorted && i < count; i++)
		sorted[i] = &set[i];
	if (sorted) {
		crypto_sha256(SLICE_EMPTY, digest);
		qsort(sorted, count, sizeof(*sorted), compare);
	}
	for (i = 0; sorted && i < count; i++) {
		memcpy(item, digest, CRYPTO_SHA256_LEN);
		crypto_sha256(slice_text(sorted[i]->identifier), item + CRYPTO_SHA256_LEN);
		crypto_sha256(slice_text(sorted[i]->token), item + 2 * CRYPTO_SHA256_LEN);
		crypto_sha256(slice_of(item, sizeof(item)), digest);
	}
	free(sorted);
	hex_encode(digest, CRYPTO_SHA256_LEN, token);
}

int mdm_tokens_json(const char *token, int64_t now, struct buf *out, struct err *err)
{
	char time[21];

	return mdm_json_dump(json_pack("{s:{s:s,s:s}}", "SyncTokens", "DeclarationsToken", token,
				       "Timestamp", time_format_utc(now, time)),
			     out, err);
}

int mdm_items_json(const struct mdm_declaration *set, size_t count, const char *token,
		   struct buf *out, struct err *err)
{
	json_t *lists = json_object();
	int failed = 0;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(kinds); i++)
		failed |= json_object_set_new(lists, kinds[i].list, json_array());
	for (i = 0; i < count; i++)
		failed |= json_array_append_new(json_object_get(lists, kinds[set[i].kind].list),
						json_pack("{s:s,s:s}", "Identifier",
							  set[i].identifier, "ServerToken",
							  set[i].token));
	/* never a shorter list: the device would delete what is not in it */
	if (failed) {
		json_decref(lists);
		return err_set(err, ERR_NO_MEMORY, "declaration-items of %zu declarations", count);
	}
	return mdm_json_dump(
		json_pack("{s:o,s:s}", "Declarations", lists, "DeclarationsToken", token), out,
		err);
}

int mdm_subscriptions_json(struct buf *out, struct err *err)
{
	static const char *const items[] = {
		"device.identifier.serial-number",
		"device.identifier.udid",
		"device.model.family",
		"device.model.identifier",
		"device.model.marketing-name",
		"device.operating-system.version",
		"device.operating-system.build-version",
		"device.operating-system.family",
		"passcode.is-present",
		"passcode.is-compliant",
		"softwareupdate.install-state",
	};
	json_t *list = json_array();
	int failed = 0;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(items); i++)
		failed |= json_array_append_new(list, json_pack("{s:s}", "Name", items[i]));
	if (failed) {
		json_decref(list);
		return err_no_memory(err);
	}
	return mdm_json_dump(json_pack("{s:s,s:s,s:{s:o}}", "Type",
				       "com.apple.configuration.management.status-subscriptions",
				       "Identifier", "rehome.status-subscriptions", "Payload",
				       "StatusItems", list),
			     out, err);
}
