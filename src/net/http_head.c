/*
 * The head of a request: from bytes to names and values
 *
 * Two parties that read the same bytes differently are how requests are smuggled, so there is one
 * reader, and it refuses whatever has two readings: bare line ends, folded lines, spaces before a
 * colon, lengths that are not digits or given twice, any Transfer-Encoding.  The text is cut up in
 * place.  RFC 9112 sections 2 to 7, RFC 3986 section 2.1.
 */
#include "net/http_internal.h"

#include <string.h>
#include <strings.h>

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{207, "Multi-Status"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < ARRAY_COUNT(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

size_t http_head_len(struct slice bytes, size_t from)
{
	const uint8_t *end;

	from = from < 3 ? 0 : from - 3; /* the empty line may have begun before */
	if (from >= bytes.len)
		return 0;
	end = memmem(bytes.bytes + from, bytes.len - from, "\r\n\r\n", 4);
	return end ? (size_t)(end - bytes.bytes) + 4 : 0;
}

/* the characters of names (RFC 9110, 5.6.2) */
static bool is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	if (!*text)
		return false;
	for (; *text; text++) {
		bool is_letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');

		if (!is_letter && (*text < '0' || *text > '9') && !strchr(others, *text))
			return false;
	}
	return true;
}

/** percent_decode - @in to @out, which may be the same; the length, or -1 on an escape that is
 * none, stands for NUL or one of @forbidden */
static ssize_t percent_decode(const char *in, size_t len, const char *forbidden, bool is_query,
			      char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		char c = in[i];

		if (c == '%') {
			int high, low;

			if (len - i < 3)
				return -1;
			high = hex_digit_value(in[i + 1]);
			low = hex_digit_value(in[i + 2]);
			if (high < 0 || low < 0)
				return -1;
			c = (char)(high << 4 | low);
			if (c == 0 || strchr(forbidden, c))
				return -1;
			i += 2;
		} else if (c == '+' && is_query) {
			c = ' ';
		}
		out[at++] = c;
	}
	return (ssize_t)at;
}

/** path_is_safe - UTF-8 without controls and without "." or ".." between its slashes? */
static bool path_is_safe(const char *path, size_t len)
{
	if (!text_is_utf8(path, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
			return false;
	for (const char *at = path; at; at = strchr(at, '/')) {
		size_t dots;

		at++; /* the slash */
		dots = strspn(at, ".");
		if ((dots == 1 || dots == 2) && (at[dots] == 0 || at[dots] == '/'))
			return false;
	}
	return true;
}

/** parse_target - "/path?query" */
static int parse_target(struct http_head *head, char *target)
{
	char *query = strchr(target, '?');
	ssize_t len;

	if (target[0] != '/' || strchr(target, '#'))
		return 400;
	head->query = "";
	if (query) {
		*query = 0;
		head->query = query + 1;
	}
	/* a slash that is escaped would be a separator for one reader and none for another */
	len = percent_decode(target, strlen(target), "/", false, target);
	if (len < 0)
		return 400;
	target[len] = 0;
	if (!path_is_safe(target, (size_t)len))
		return 400;
	head->path = target;
	return 0;
}

static int parse_request_line(struct http_head *head, char *line)
{
	static const char *const methods[] = {"GET",    "HEAD",  "POST",   "PUT",
					      "DELETE", "PATCH", "OPTIONS"};
	char *target = strchr(line, ' '), *version;

	if (!target)
		return 400;
	*target++ = 0;
	version = strchr(target, ' ');
	if (!version)
		return 400;
	*version++ = 0;
	for (const char *at = target; *at; at++)
		if (*at < 0x21 || *at > 0x7e)
			return 400;
	if (!is_token(line) || strncmp(version, "HTTP/", 5) != 0)
		return 400;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return 505;
	head->is_keep_alive = version[7] == '1';
	for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
		if (strcmp(methods[i], line) == 0)
			head->method = methods[i];
	return head->method ? parse_target(head, target) : 501;
}

static int parse_field(struct http_head *head, char *line)
{
	char *value = strchr(line, ':'), *end;

	if (!value)
		return 400;
	*value++ = 0;
	if (!is_token(line)) /* refuses a folded line too, and a space before the colon */
		return 400;
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = 0;
	for (const char *at = value; *at; at++)
		if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
			return 400;
	if (head->field_count == HTTP_FIELDS_MAX)
		return 431;
	head->fields[head->field_count++] = (struct http_field){line, value};
	return 0;
}

/** has_word - is @word among the comma-separated ones of @list? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (;;) {
		list += strspn(list, ", \t");
		if (!*list)
			return false;
		if (strncasecmp(list, word, len) == 0 && strchr(", \t", list[len]))
			return true;
		list += strcspn(list, ",");
	}
}

static int parse_length(struct http_head *head, const char *digits)
{
	size_t len = strlen(digits);

	if (len == 0 || strspn(digits, "0123456789") != len)
		return 400;
	if (len > 18)
		return 413;
	for (; *digits; digits++)
		head->content_length = head->content_length * 10 + (uint64_t)(*digits - '0');
	return 0;
}

/** check_fields - the headers that this room itself acts on */
static int check_fields(struct http_head *head)
{
	size_t hosts = 0, lengths = 0, codings = 0;
	int r = 0;

	for (size_t i = 0; i < head->field_count; i++) {
		const char *name = head->fields[i].name, *value = head->fields[i].value;

		if (strcasecmp(name, "Host") == 0) {
			hosts++;
		} else if (strcasecmp(name, "Content-Length") == 0) {
			if (lengths++ > 0)
				return 400;
			r = parse_length(head, value);
			if (r != 0)
				return r;
		} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
			codings++;
		} else if (strcasecmp(name, "Connection") == 0) {
			if (has_word(value, "close"))
				head->is_keep_alive = false;
		} else if (strcasecmp(name, "Expect") == 0) {
			if (strcasecmp(value, "100-continue") != 0)
				return 417;
			head->expects_continue = true;
		}
	}
	if (hosts != 1 || (codings > 0 && lengths > 0))
		return 400;
	return codings > 0 ? 411 : 0;
}

int http_head_parse(struct http_head *head, char *text, size_t len)
{
	char *line = text, *end = text + len - 2; /* before the last empty line */
	int r;

	*head = (struct http_head){0};
	if (memchr(text, 0, len))
		return 400;
	while (line < end) {
		char *line_end = strchr(line, '\r');

		/* the head ends in CR LF CR LF, so there is a CR */
		if (line_end[1] != '\n' || memchr(line, '\n', (size_t)(line_end - line)))
			return 400;
		*line_end = 0;
		r = line == text ? parse_request_line(head, line) : parse_field(head, line);
		if (r != 0)
			return r;
		line = line_end + 2;
	}
	return head->method ? check_fields(head) : 400;
}

const char *http_head_field(const struct http_head *head, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < head->field_count; i++) {
		if (strcasecmp(head->fields[i].name, name) != 0)
			continue;
		if (found)
			return NULL;
		found = head->fields[i].value;
	}
	return found;
}

int http_query_value(const char *query, const char *name, struct buf *out, struct err *err)
{
	size_t name_len = strlen(name);

	while (*query) {
		size_t len = strcspn(query, "&");
		const char *value = query + name_len + 1;

		if (len > name_len && strncmp(query, name, name_len) == 0 &&
		    query[name_len] == '=') {
			size_t value_len = len - name_len - 1;
			CLEANUP(free_p) char *decoded = malloc(value_len + 1);
			ssize_t decoded_len;

			if (!decoded)
				return err_no_memory(err);
			decoded_len = percent_decode(value, value_len, "", true, decoded);
			if (decoded_len < 0)
				return err_set(err, ERR_PROTOCOL, "the query has a bad escape");
			return buf_append(out, decoded, (size_t)decoded_len, err);
		}
		query += len;
		query += *query == '&';
	}
	return err_set(err, ERR_NOT_FOUND, "the query has no %s", name);
}
