/* inventories: a configuration and an export, divided by the first zero byte; findings have words
 * and a line */
#include <stdlib.h>

#include "lists/lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(void *arg, const struct lists_finding *finding, struct err *err)
{
	if (!finding->line || !*finding->reason || !*finding->next || !*finding->rules ||
	    (!*finding->serial && !*finding->record))
		abort();
	return 0;
}

/* rows_add - the export, also as the directory's: its rows are then held against themselves */
static int rows_add(struct lists_inventory *inventory, struct slice text)
{
	CLEANUP(csv_reader_free_p) struct csv_reader *reader = NULL;
	char reason[LISTS_ISSUE_TEXT_MAX];
	struct csv_row row;
	int r;

	if (csv_reader_new(&reader, 0, true, NULL) < 0)
		abort();
	if (csv_feed(reader, text, NULL) < 0)
		return ERR_LIMIT;
	csv_feed_end(reader);
	while ((r = csv_next(reader, &row, NULL)) == 0) {
		*reason = 0;
		r = lists_inventory_add(inventory, &row, reason, NULL);
		if (r == LISTS_ROW_REFUSED && !*reason)
			abort();
		if (r == 0)
			r = lists_inventory_add_directory(inventory, &row, reason, NULL);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(lists_inventory_free_p) struct lists_inventory *inventory = NULL;
	size_t config_len = 0;

	while (config_len < size && data[config_len])
		config_len++;
	if (config_len == size)
		return 0;
	if (lists_inventory_new(&inventory, NULL) < 0)
		abort();
	if (lists_inventory_configure(inventory, slice_of(data, config_len), NULL) < 0)
		return 0;
	if (rows_add(inventory, slice_of(data + config_len + 1, size - config_len - 1)) == 0)
		lists_inventory_findings(inventory, 1793520000, look, NULL, NULL);
	return 0;
}
