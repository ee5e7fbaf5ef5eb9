/* lists: whatever the input, what is written is in the form, reads back whole, and is written again
 * the same */
#include <stdlib.h>

#include "lists/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int list_read(struct lists **list, struct slice text, char separator, bool drops_details)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	struct lists_options options = {.drops_details = drops_details};
	struct csv_row row;
	int r;

	if (lists_new(list, &options, NULL) < 0 ||
	    csv_reader_new(&reader, separator, true, NULL) < 0)
		abort();
	if (csv_feed(reader, text, NULL) < 0)
		return ERR_LIMIT;
	csv_feed_end(reader);
	while ((r = csv_next(reader, &row, NULL)) == 0)
		if ((r = lists_add(*list, &row, NULL)) < 0)
			return r;
	return r < 0 ? r : lists_end(*list, NULL);
}

static void issues_read(const struct lists *list)
{
	char text[LISTS_ISSUE_TEXT_MAX];
	const struct lists_issue *issue;

	for (size_t i = 0; (issue = lists_issue_at(list, i)); i++)
		if (!*lists_issue_text(list, issue, text))
			abort();
}

static void round_trip(const struct lists *list, enum lists_form form)
{
	CLEANUP(buf_clear)
	struct buf once = BUF_INIT(LISTS_TEXT_MAX), twice = BUF_INIT(LISTS_TEXT_MAX);
	CLEANUP(lists_free_p) struct lists *again = NULL;
	uint64_t line = 1;
	size_t at = 0;

	if (lists_write(list, form, &at, SIZE_MAX, &once, NULL) != 0)
		return;
	if (list_read(&again, buf_slice(&once), ',', form == LISTS_OWNERSHIP) < 0 ||
	    lists_refused(again) || lists_count(again) != lists_count(list))
		abort();
	at = 0;
	if (lists_write(again, form, &at, SIZE_MAX, &twice, NULL) != 0 ||
	    !slice_equal(buf_slice(&once), buf_slice(&twice)))
		abort();
	if (lists_count(list) <= LISTS_FILE_ROWS_MAX &&
	    (lists_form_check(again, form, buf_slice(&once), &line, NULL) < 0 || line))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(lists_free_p) struct lists *list = NULL;

	if (list_read(&list, slice_of(data, size), 0, false) < 0)
		return 0;
	issues_read(list);
	round_trip(list, LISTS_IDENTIFIERS);
	round_trip(list, LISTS_OWNERSHIP);
	return 0;
}
