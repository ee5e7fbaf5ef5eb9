/* item - one line of a listing in words and JSON, for every command that lists what a backup holds
 */
#include "cli/internal.h"

const char *cli_item_type(const struct job_item *item)
{
	const struct backup_file *file = item->file;

	if (!file || S_ISDIR(file->mode) || file->flags == 2)
		return "folder";
	return S_ISLNK(file->mode) || file->flags == 4 ? "link" : "file";
}

json_t *cli_json_item(const struct job_item *item)
{
	const struct backup_file *file = item->file;
	json_t *object = json_pack("{s:o, s:o, s:s}", "domain", cli_json_text(item->domain), "path",
				   cli_json_text(item->path), "type", cli_item_type(item));
	char time[21];

	if (object && file) {
		json_object_set_new(object, "bytes", json_integer((json_int_t)file->size));
		json_object_set_new(object, "modified",
				    json_string(time_format_utc(file->modified, time)));
		json_object_set_new(object, "file_id", json_string(file->file_id));
		if (file->target)
			json_object_set_new(object, "target", cli_json_text(file->target));
	}
	return object;
}
