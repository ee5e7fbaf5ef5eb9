/* config - the one table of keywords; parser, defaults, dump and help come from it */
#include "server/config.h"

#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_LIST, KIND_NUMBER, KIND_WORD };

/** struct keyword - @words of KIND_WORD end with NULL; min and max belong to KIND_NUMBER */
struct keyword {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *fallback;
	const char *help;
	int64_t min, max;
	const char *const *words;
};

static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const restores[] = {"accept", "ask", "refuse", NULL};
static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const sandboxes[] = {"try", "require", "off", NULL};

#define TEXT(name, field, fallback, help)                                                   \
	{                                                                                   \
		name, KIND_TEXT, offsetof(struct config, field), fallback, help, 0, 0, NULL \
	}
#define LIST(name, field, fallback, help)                                                   \
	{                                                                                   \
		name, KIND_LIST, offsetof(struct config, field), fallback, help, 0, 0, NULL \
	}
#define NUMBER(name, field, fallback, min, max, help)                                             \
	{                                                                                         \
		name, KIND_NUMBER, offsetof(struct config, field), fallback, help, min, max, NULL \
	}
#define WORD(name, field, words, fallback, help)                                             \
	{                                                                                    \
		name, KIND_WORD, offsetof(struct config, field), fallback, help, 0, 0, words \
	}

static const struct keyword keywords[] = {
	TEXT("data", data, NULL, "folder of keys, records and the administrator's token"),
	LIST("listen", listen, "127.0.0.1:8443", "ADDRESS:PORT for devices and administration"),
	TEXT("metrics", metrics, "none",
	     "ADDRESS:PORT on this machine where /metrics is served in clear, or none"),
	TEXT("url", url, "auto", "what devices call, https://NAME[:PORT]; auto: the first address"),
	LIST("name", names, "auto", "names in the TLS certificate that the first start makes"),
	TEXT("tls-certificate", tls_certificate, "auto",
	     "PEM chain; auto: made by the first start"),
	TEXT("tls-key", tls_key, "auto", "its key, PEM"),
	TEXT("store", store, "sqlite", "sqlite, or postgresql://... as libpq takes it"),
	NUMBER("workers", workers, "0", 0, 64, "processes that talk to clients; 0: one per core"),
	NUMBER("connections", connections, "12000", 8, 100000, "open at once, of each worker"),
	NUMBER("request-seconds", request_seconds, "30", 1, 600, "for a whole request to arrive"),
	NUMBER("idle-seconds", idle_seconds, "60", 1, 3600, "between requests of a connection"),
	NUMBER("stop-seconds", stop_seconds, "10", 1, 600,
	       "that requests in flight have at a stop or reload"),
	TEXT("organization", organization, "Rehome", "shown on devices"),
	TEXT("identifier", identifier, "org.rehome.enrollment",
	     "of the enrollment profile; changing it means enrolling every device again"),
	NUMBER("access-rights", access_rights, "8191", 1, 8191, "of the enrollment profile"),
	NUMBER("certificate-days", certificate_days, "365", 1, 825, "life of an identity"),
	NUMBER("renew-days", renew_days, "90", 0, 800, "before its end it is renewed"),
	NUMBER("grace-days", grace_days, "0", 0, 365, "after its end it may still be renewed"),
	NUMBER("ticket-hours", ticket_hours, "24", 1, 8760, "life of an enrollment link"),
	NUMBER("command-days", command_days, "30", 1, 365, "life of a command"),
	NUMBER("inventory-days", inventory_days, "7", 0, 365, "between inventories; 0: never"),
	WORD("restore", restore, restores, "accept", "what to do when a restore is noticed"),
	WORD("personal-blocked", is_personal_blocked, no_yes, "no",
	     "enroll only devices that an imported identifier names"),
	WORD("declarative", is_declarative, no_yes, "yes", "switch declarative management on"),
	WORD("weak-scep", is_weak_scep, no_yes, "no", "accept single DES and SHA-1 in SCEP"),
	WORD("topic-change", is_topic_change_allowed, no_yes, "no",
	     "accept a push certificate of another topic"),
	TEXT("apns", apns, "off", "where pushes go; Apple's is https://api.push.apple.com:443"),
	TEXT("apns-trust", apns_trust, "auto",
	     "PEM certificates that APNs is trusted by; auto: the system's"),
	TEXT("webhook-trust", webhook_trust, "auto",
	     "PEM certificates that webhooks are trusted by; auto: the system's"),
	WORD("log", log, levels, "info", "lowest level that is logged"),
	WORD("sandbox", sandbox, sandboxes, "try",
	     "try: say what could not be had; require: then do not start; off"),
};

static void *field_of(struct config *config, const struct keyword *keyword)
{
	return (char *)config + keyword->offset;
}

static int text_set(char *out, size_t max, const struct keyword *keyword, const char *value,
		    struct err *err)
{
	size_t len = strlen(value);

	if (len == 0 || len > max)
		return err_set(err, ERR_USAGE, "%s takes 1 to %zu bytes", keyword->name, max);
	memcpy(out, value, len + 1);
	return 0;
}

static int list_add(struct config_list *list, const struct keyword *keyword, const char *value,
		    struct err *err)
{
	int r;

	if (!list->is_given)
		list->count = 0;
	if (list->count == CONFIG_LIST_MAX)
		return err_set(err, ERR_USAGE, "%s: more than %d", keyword->name, CONFIG_LIST_MAX);
	r = text_set(list->words[list->count], CONFIG_WORD_MAX, keyword, value, err);
	if (r < 0)
		return r;
	list->is_given = true;
	list->count++;
	return 0;
}

static int number_set(int64_t *out, const struct keyword *keyword, const char *value,
		      struct err *err)
{
	char *end;
	long long number = strtoll(value, &end, 10);

	if (end == value || *end || number < keyword->min || number > keyword->max)
		return err_set(err, ERR_USAGE, "%s takes a number from %lld to %lld", keyword->name,
			       (long long)keyword->min, (long long)keyword->max);
	*out = number;
	return 0;
}

static int word_set(unsigned *out, const struct keyword *keyword, const char *value,
		    struct err *err)
{
	char words[128] = "";

	for (unsigned i = 0; keyword->words[i]; i++) {
		if (!strcmp(keyword->words[i], value)) {
			*out = i;
			return 0;
		}
		if (i > 0)
			strcat(words, ", ");
		strcat(words, keyword->words[i]);
	}
	return err_set(err, ERR_USAGE, "%s takes one of %s", keyword->name, words);
}

static int keyword_set(struct config *config, const struct keyword *keyword, const char *value,
		       struct err *err)
{
	void *field = field_of(config, keyword);

	switch (keyword->kind) {
	case KIND_TEXT:
		return text_set(field, CONFIG_TEXT_MAX, keyword, value, err);
	case KIND_LIST:
		return list_add(field, keyword, value, err);
	case KIND_NUMBER:
		return number_set(field, keyword, value, err);
	default:
		return word_set(field, keyword, value, err);
	}
}

void config_default(struct config *config, const char *data)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < ARRAY_COUNT(keywords); i++) {
		const struct keyword *keyword = &keywords[i];
		const char *value = keyword->fallback ? keyword->fallback : data;

		/* the defaults are well-formed; a data folder of unheard-of length is found by use
		 */
		if (keyword_set(config, keyword, value, NULL) == 0 && keyword->kind == KIND_LIST)
			((struct config_list *)field_of(config, keyword))->is_given = false;
	}
}

int config_set(struct config *config, const char *name, const char *value, struct err *err)
{
	for (size_t i = 0; i < ARRAY_COUNT(keywords); i++)
		if (!strcmp(keywords[i].name, name))
			return keyword_set(config, &keywords[i], value, err);
	return err_set(err, ERR_USAGE, "no keyword \"%.60s\"", name);
}

/* line_take - one line without its end; false at the end of the text */
static bool line_take(struct slice *text, struct slice *line)
{
	const uint8_t *end;

	if (text->len == 0)
		return false;
	end = memchr(text->bytes, '\n', text->len);
	line->bytes = text->bytes;
	line->len = end ? (size_t)(end - text->bytes) : text->len;
	text->bytes += line->len + (end ? 1 : 0);
	text->len -= line->len + (end ? 1 : 0);
	return true;
}

static int line_read(struct config *config, struct slice line, struct err *err)
{
	char text[CONFIG_TEXT_MAX + 128], *value;

	if (line.len >= sizeof(text) || !text_is_utf8((const char *)line.bytes, line.len))
		return err_set(err, ERR_USAGE, "too long, or not UTF-8");
	memcpy(text, line.bytes, line.len);
	text[line.len] = '\0';
	for (size_t len = line.len; len > 0 && strchr(" \t\r", text[len - 1]); len--)
		text[len - 1] = '\0';
	value = text + strspn(text, " \t");
	if (*value == '#' || !*value)
		return 0;
	memmove(text, value, strlen(value) + 1);
	value = strpbrk(text, " \t");
	if (!value)
		return err_set(err, ERR_USAGE, "\"%.60s\" has no value", text);
	*value++ = '\0';
	return config_set(config, text, value + strspn(value, " \t"), err);
}

void config_list_restart(struct config *config)
{
	config->listen.is_given = config->names.is_given = false;
}

bool config_list_equal(const struct config_list *a, const struct config_list *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (strcmp(a->words[i], b->words[i]) != 0)
			return false;
	return true;
}

int config_read(struct config *config, struct slice text, struct err *err)
{
	struct slice line;

	if (text.len > CONFIG_FILE_MAX)
		return err_set(err, ERR_LIMIT, "longer than %d bytes", CONFIG_FILE_MAX);
	config_list_restart(config);
	for (unsigned number = 1; line_take(&text, &line); number++) {
		int r = line_read(config, line, err);

		if (r < 0)
			return err_wrap(err, r, "line %u", number);
	}
	return 0;
}

int config_of_dump(struct config **out, struct slice text, struct err *err)
{
	struct config *config CLEANUP(free_p) = malloc(sizeof(*config));
	int r;

	if (!config)
		return err_no_memory(err);
	config_default(config, "/");
	r = config_read(config, text, err);
	if (r < 0)
		return r;
	*out = STEAL(config);
	return 0;
}

bool config_has_push(const struct config *config)
{
	return strcmp(config->apns, "off") != 0;
}

int config_dump(const struct config *config, struct buf *out, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_COUNT(keywords) && r == 0; i++) {
		const struct keyword *keyword = &keywords[i];
		const void *field = (const char *)config + keyword->offset;
		const struct config_list *list = field;

		if (keyword->kind == KIND_TEXT)
			r = buf_append_format(out, err, "%s %s\n", keyword->name,
					      (const char *)field);
		else if (keyword->kind == KIND_NUMBER)
			r = buf_append_format(out, err, "%s %lld\n", keyword->name,
					      (long long)*(const int64_t *)field);
		else if (keyword->kind == KIND_WORD)
			r = buf_append_format(out, err, "%s %s\n", keyword->name,
					      keyword->words[*(const unsigned *)field]);
		else
			for (unsigned k = 0; k < list->count && r == 0; k++)
				r = buf_append_format(out, err, "%s %s\n", keyword->name,
						      list->words[k]);
	}
	return r;
}

int config_manual(struct buf *out, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_COUNT(keywords) && r == 0; i++)
		r = buf_append_format(
			out, err, "  %-18s %s (%s)\n", keywords[i].name, keywords[i].help,
			keywords[i].fallback ? keywords[i].fallback : "the user's data folder");
	return r;
}
