/* log - events for people who run the service, and progress for people who wait */
#include "base/base.h"

#include <stdarg.h>

static enum log_level lowest = LOG_WARNING;

void log_level_set(enum log_level level)
{
	lowest = level;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};
	char text[1024];
	va_list arguments;

	if (level < lowest)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* one call, so that lines of several threads do not mix */
	fprintf(stderr, "%s %s %s\n", names[level], event, text);
}

void progress_report(struct progress *progress, const struct progress_state *state)
{
	if (progress && progress->report)
		progress->report(progress, state);
}

void progress_note(struct progress *progress, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list arguments;

	if (!progress || !progress->note)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	progress->note(progress, text);
}
