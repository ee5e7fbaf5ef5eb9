/* err - failures as a code and a text that needs no memory */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void free_p(void *pointer_to_pointer)
{
	void **pointer = pointer_to_pointer;

	free(*pointer);
	*pointer = NULL;
}

void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list arguments;

	if (!err)
		return code;
	err->code = code;
	va_start(arguments, format);
	vsnprintf(err->text, sizeof(err->text), format, arguments);
	va_end(arguments);
	return code;
}

static int code_of_errno(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
	case ENOTEMPTY:
		return ERR_EXISTS;
	case ENOMEM:
		return ERR_NO_MEMORY;
	case EWOULDBLOCK:
		return ERR_BUSY;
	default:
		return ERR_IO;
	}
}

int err_set_errno(struct err *err, int number, const char *format, ...)
{
	char what[ERR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	return err_set(err, code_of_errno(number), "%.800s: %s", what, strerror(number));
}

int err_wrap(struct err *err, int code, const char *format, ...)
{
	char before[ERR_TEXT_MAX];
	char text[ERR_TEXT_MAX];
	va_list arguments;

	if (!err)
		return code;
	va_start(arguments, format);
	vsnprintf(before, sizeof(before), format, arguments);
	va_end(arguments);
	memcpy(text, err->text, sizeof(text));
	/* what happened matters more than where: cut the prefix, never the cause */
	snprintf(err->text, sizeof(err->text), "%.300s: %.720s", before, text);
	return code;
}

int err_no_memory(struct err *err)
{
	return err_set(err, ERR_NO_MEMORY, "out of memory");
}

const char *err_code_name(int code)
{
	static const char *const names[] = {
		[-ERR_IO] = "input/output error",
		[-ERR_NO_MEMORY] = "out of memory",
		[-ERR_PROTOCOL] = "protocol violation",
		[-ERR_CORRUPT] = "damaged data",
		[-ERR_LIMIT] = "over a limit",
		[-ERR_NOT_FOUND] = "not found",
		[-ERR_EXISTS] = "exists already",
		[-ERR_POLICY] = "refused",
		[-ERR_USAGE] = "usage",
		[-ERR_DEVICE] = "device trouble",
		[-ERR_TIMEOUT] = "time-out",
		[-ERR_CANCELED] = "canceled",
		[-ERR_NO_SPACE] = "no space",
		[-ERR_PASSWORD] = "password missing or wrong",
		[-ERR_BUSY] = "busy",
		[-ERR_UNSUPPORTED] = "not supported",
		[-ERR_CLOSED] = "connection closed",
	};

	if (code < 0 && (size_t)-code < ARRAY_COUNT(names) && names[-code])
		return names[-code];
	return "unknown";
}
