/* words - exit statuses, and texts from outside made harmless for a terminal */
#include "cli/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum cli_exit cli_exit_of(int code)
{
	switch (code) {
	case ERR_USAGE:
		return CLI_BAD_USAGE;
	case ERR_NOT_FOUND:
		return CLI_NOT_FOUND;
	case ERR_POLICY:
		return CLI_REFUSED;
	case ERR_DEVICE:
	case ERR_PROTOCOL:
	case ERR_TIMEOUT:
	case ERR_CLOSED:
		return CLI_DEVICE_TROUBLE;
	case ERR_CORRUPT:
	case ERR_LIMIT:
		return CLI_DAMAGED;
	case ERR_CANCELED:
		return CLI_INTERRUPTED;
	default:
		return CLI_FAILED;
	}
}

const char *cli_clean(const char *text, char *out, size_t len)
{
	size_t at = 0;

	for (const unsigned char *in = (const unsigned char *)text; *in && at + 2 < len; in++) {
		/* control characters, and their second set, which UTF-8 spells C2 80..9F */
		if (*in < 0x20 || *in == 0x7f) {
			out[at++] = '?';
		} else if (*in == 0xc2 && in[1] >= 0x80 && in[1] <= 0x9f) {
			out[at++] = '?';
			in++;
		} else {
			out[at++] = (char)*in;
		}
	}
	out[at] = 0;
	return out;
}

PRINTF_LIKE(2, 0)
static void say(struct cli *cli, const char *format, va_list arguments)
{
	char raw[ERR_TEXT_MAX + 256], line[ERR_TEXT_MAX + 256];

	vsnprintf(raw, sizeof(raw), format, arguments);
	cli_progress_end(&cli->progress);
	fprintf(cli->world->err, "%s\n", cli_clean(raw, line, sizeof(line)));
}

void cli_say(struct cli *cli, const char *format, ...)
{
	va_list arguments;

	if (cli->is_quiet)
		return;
	va_start(arguments, format);
	say(cli, format, arguments);
	va_end(arguments);
}

void cli_warn(struct cli *cli, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(cli, format, arguments);
	va_end(arguments);
}

const char *cli_answer(enum job_answer answer)
{
	return answer == JOB_YES ? "yes" : answer == JOB_NO ? "no" : "unknown";
}

const char *cli_age(int64_t now, int64_t then, char out[32])
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = {{365 * 86400, "year"},
		     {86400, "day"},
		     {3600, "hour"},
		     {60, "minute"},
		     {1, "second"}};
	int64_t age = now > then ? now - then : 0;

	for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
		int64_t n = age / units[i].seconds;

		if (n > 0) {
			snprintf(out, 32, "%lld %s%s ago", (long long)n, units[i].name,
				 n == 1 ? "" : "s");
			return out;
		}
	}
	snprintf(out, 32, "just now");
	return out;
}
