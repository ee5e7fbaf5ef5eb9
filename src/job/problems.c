/* problems - what went wrong without ending a run; the first of them with their words, all of them
 * counted */
#include "job/internal.h"

#include <stdarg.h>
#include <stdlib.h>

void job_problems_clear(struct job_problems *problems)
{
	free(problems->list);
	*problems = JOB_PROBLEMS_INIT;
}

void problem_add(struct job_problems *problems, const char *format, ...)
{
	va_list arguments;

	problems->count++;
	if (!problems->list)
		problems->list = calloc(JOB_PROBLEMS_KEPT, sizeof(*problems->list));
	/* without memory for its words the problem still counts */
	if (!problems->list || problems->kept == JOB_PROBLEMS_KEPT)
		return;
	va_start(arguments, format);
	vsnprintf(problems->list[problems->kept++].text, JOB_PROBLEM_TEXT_MAX, format, arguments);
	va_end(arguments);
}
