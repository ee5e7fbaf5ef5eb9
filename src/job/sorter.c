/* sorter - see sorter.h */
#include "job/sorter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1024 }; /* records read ahead from each run */

/* struct run - a sorted stretch, in memory or in the file */
struct run {
	uint64_t next, end; /* record numbers in the file; of the memory run: indexes */
	struct sorter_record *window;
	size_t at, have;
};

struct sorter {
	struct sorter_record *memory;
	size_t count;
	FILE *file;
	struct run runs[SORTER_RUNS_MAX];
	size_t run_count;
	struct run *least; /* the run that holds the smallest record, NULL at the end */
};

int sorter_new(struct sorter **out, struct err *err)
{
	struct sorter *sorter = calloc(1, sizeof(*sorter));

	if (!sorter)
		return err_no_memory(err);
	*out = sorter;
	return 0;
}

void sorter_free(struct sorter *sorter)
{
	if (!sorter)
		return;
	for (size_t i = 0; i < sorter->run_count; i++)
		if (sorter->file)
			free(sorter->runs[i].window);
	if (sorter->file)
		fclose(sorter->file);
	free(sorter->memory);
	free(sorter);
}

void sorter_free_p(struct sorter **sorter)
{
	sorter_free(*sorter);
	*sorter = NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(((struct sorter_record *)NULL)->id));
}

/* spill - the memory's records become a run of the file */
static int spill(struct sorter *sorter, struct err *err)
{
	struct run *run;

	if (sorter->run_count == SORTER_RUNS_MAX)
		return err_set(err, ERR_LIMIT, "a manifest of more than %d rows",
			       SORTER_RUN * SORTER_RUNS_MAX);
	if (!sorter->file && !(sorter->file = tmpfile()))
		return err_set_errno(err, errno, "make a temporary file");
	qsort(sorter->memory, sorter->count, sizeof(*sorter->memory), compare);
	if (fwrite(sorter->memory, sizeof(*sorter->memory), sorter->count, sorter->file) !=
	    sorter->count)
		return err_set_errno(err, errno, "write a temporary file");
	run = &sorter->runs[sorter->run_count];
	run->next = sorter->run_count ? sorter->runs[sorter->run_count - 1].end : 0;
	run->end = run->next + sorter->count;
	sorter->run_count++;
	sorter->count = 0;
	return 0;
}

int sorter_add(struct sorter *sorter, const struct sorter_record *record, struct err *err)
{
	int r;

	/* grown once, to the full size: pages that are not touched cost nothing */
	if (!sorter->memory && !(sorter->memory = malloc(SORTER_RUN * sizeof(*sorter->memory))))
		return err_no_memory(err);
	if (sorter->count == SORTER_RUN) {
		r = spill(sorter, err);
		if (r < 0)
			return r;
	}
	sorter->memory[sorter->count++] = *record;
	return 0;
}

static int refill(struct sorter *sorter, struct run *run, struct err *err)
{
	uint64_t want = run->end - run->next;

	run->at = run->have = 0;
	if (!sorter->file || want == 0)
		return 0;
	if (want > WINDOW)
		want = WINDOW;
	if (fseeko(sorter->file, (off_t)(run->next * sizeof(*run->window)), SEEK_SET) < 0 ||
	    fread(run->window, sizeof(*run->window), want, sorter->file) != want)
		return err_set(err, ERR_IO, "read a temporary file");
	run->next += want;
	run->have = want;
	return 0;
}

static void find_least(struct sorter *sorter)
{
	sorter->least = NULL;
	for (size_t i = 0; i < sorter->run_count; i++) {
		struct run *run = &sorter->runs[i];

		if (run->at < run->have &&
		    (!sorter->least ||
		     compare(&run->window[run->at], &sorter->least->window[sorter->least->at]) < 0))
			sorter->least = run;
	}
}

int sorter_sort(struct sorter *sorter, struct err *err)
{
	int r = 0;

	if (!sorter->file) {
		if (sorter->count)
			qsort(sorter->memory, sorter->count, sizeof(*sorter->memory), compare);
		sorter->runs[0] = (struct run){.window = sorter->memory, .have = sorter->count};
		sorter->run_count = 1;
		find_least(sorter);
		return 0;
	}
	if (sorter->count)
		r = spill(sorter, err);
	free(sorter->memory);
	sorter->memory = NULL;
	for (size_t i = 0; r == 0 && i < sorter->run_count; i++) {
		sorter->runs[i].window = malloc(WINDOW * sizeof(struct sorter_record));
		if (!sorter->runs[i].window)
			return err_no_memory(err);
		r = refill(sorter, &sorter->runs[i], err);
	}
	find_least(sorter);
	return r;
}

const struct sorter_record *sorter_peek(const struct sorter *sorter)
{
	return sorter->least ? &sorter->least->window[sorter->least->at] : NULL;
}

int sorter_take(struct sorter *sorter, struct err *err)
{
	struct run *run = sorter->least;
	int r = 0;

	run->at++;
	if (run->at == run->have)
		r = refill(sorter, run, err);
	find_least(sorter);
	return r;
}
