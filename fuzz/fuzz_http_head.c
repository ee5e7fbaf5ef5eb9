/* HTTP: whatever the head says, what is accepted has one length, one host and a path that stays
 * inside */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_query(const char *query)
{
	CLEANUP(buf_clear) struct buf value = BUF_INIT(HTTP_HEADER_LEN_MAX);

	if (http_query_value(query, "a", &value, NULL) == 0 && value.len > strlen(query))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(free_p) char *text = calloc(1, size + 1);
	struct http_head head;
	size_t len = http_head_len(slice_of(data, size), 0), hosts = 0;

	if (len == 0 || len > HTTP_HEADER_LEN_MAX)
		return 0;
	memcpy(text, data, len);
	if (http_head_parse(&head, text, len) != 0)
		return 0;
	if (head.path[0] != '/' || strstr(head.path, "/../") || !head.method || !head.query)
		abort();
	for (size_t i = 0; i < head.field_count; i++) {
		hosts += strcasecmp(head.fields[i].name, "Host") == 0;
		if (strcasecmp(head.fields[i].name, "Transfer-Encoding") == 0 ||
		    strpbrk(head.fields[i].value, "\r\n"))
			abort();
	}
	if (hosts != 1)
		abort();
	check_query(head.query);
	return 0;
}
