/* rehome diff */
#include "cli/internal.h"

#include <string.h>

enum change { ADDED, REMOVED, CHANGED, CHANGE_COUNT };
static const char *const change_words[] = {"added", "removed", "changed"};

/* struct telling - differences as they come; one domain at a time is counted */
struct telling {
	struct cli *cli;
	bool is_summary, is_first;
	char domain[BACKUP_DOMAIN_LEN_MAX + 1];
	uint64_t in_domain[CHANGE_COUNT], all[CHANGE_COUNT];
};

static const struct {
	unsigned bit;
	const char *word;
} differences[] = {
	{JOB_DIFFERS_TYPE, "type"},         {JOB_DIFFERS_SIZE, "size"},
	{JOB_DIFFERS_MODIFIED, "modified"}, {JOB_DIFFERS_MODE, "mode"},
	{JOB_DIFFERS_TARGET, "target"},     {JOB_DIFFERS_CONTENT, "content"},
};

static json_t *difference_json(const struct job_difference *difference, enum change change)
{
	const struct backup_file *file = difference->after ? difference->after : difference->before;
	const struct job_item item = {file->domain, file->path, file};
	json_t *object = json_pack("{s:s}", "change", change_words[change]), *words, *before;

	if (!object || json_object_update_new(object, cli_json_item(&item)) < 0) {
		json_decref(object);
		return NULL;
	}
	if (change != CHANGED)
		return object;
	words = json_array();
	for (size_t i = 0; i < ARRAY_COUNT(differences); i++)
		if (difference->differs & differences[i].bit)
			json_array_append_new(words, json_string(differences[i].word));
	json_object_set_new(object, "differs", words);
	before = cli_json_item(&(struct job_item){file->domain, file->path, difference->before});
	json_object_del(before, "domain");
	json_object_del(before, "path");
	json_object_set_new(object, "before", before);
	return object;
}

static void print_line(FILE *out, const struct job_difference *difference, enum change change)
{
	const struct backup_file *before = difference->before, *after = difference->after;
	const struct backup_file *file = after ? after : before;
	const char *between = "  (";
	char name[2048];

	fprintf(out, "%c %s", "+-~"[change], cli_clean(file->domain, name, sizeof(name)));
	fprintf(out, "/%s", cli_clean(file->path, name, sizeof(name)));
	for (size_t i = 0; change == CHANGED && i < ARRAY_COUNT(differences); i++) {
		if (!(difference->differs & differences[i].bit))
			continue;
		fprintf(out, "%s%s", between, differences[i].word);
		if (differences[i].bit == JOB_DIFFERS_SIZE)
			fprintf(out, " %llu -> %llu", (unsigned long long)before->size,
				(unsigned long long)after->size);
		if (differences[i].bit == JOB_DIFFERS_MODE)
			fprintf(out, " %o -> %o", before->mode & 07777, after->mode & 07777);
		between = ", ";
	}
	fputs(change == CHANGED ? ")\n" : "\n", out);
}

/* domain_end - the line of a domain that is over */
static int domain_end(struct telling *telling, struct err *err)
{
	const uint64_t *count = telling->in_domain;
	char name[2048];
	int r = 0;

	if (!telling->is_summary || !(count[ADDED] || count[REMOVED] || count[CHANGED]))
		return 0;
	if (telling->cli->is_json)
		r = cli_json_next(telling->cli, &telling->is_first,
				  json_pack("{s:o, s:I, s:I, s:I}", "domain",
					    cli_json_text(telling->domain), "added",
					    (json_int_t)count[ADDED], "removed",
					    (json_int_t)count[REMOVED], "changed",
					    (json_int_t)count[CHANGED]),
				  err);
	else
		fprintf(telling->cli->world->out, "+%-7llu -%-7llu ~%-7llu %s\n",
			(unsigned long long)count[ADDED], (unsigned long long)count[REMOVED],
			(unsigned long long)count[CHANGED],
			cli_clean(telling->domain, name, sizeof(name)));
	memset(telling->in_domain, 0, sizeof(telling->in_domain));
	return r;
}

static int each(void *arg, const struct job_difference *difference, struct err *err)
{
	struct telling *telling = arg;
	const struct backup_file *file = difference->after ? difference->after : difference->before;
	enum change change = !difference->before ? ADDED : !difference->after ? REMOVED : CHANGED;
	int r = 0;

	if (strcmp(file->domain, telling->domain) != 0) {
		r = domain_end(telling, err);
		snprintf(telling->domain, sizeof(telling->domain), "%s", file->domain);
	}
	telling->in_domain[change]++;
	telling->all[change]++;
	if (r < 0 || telling->is_summary)
		return r;
	if (telling->cli->is_json)
		return cli_json_next(telling->cli, &telling->is_first,
				     difference_json(difference, change), err);
	print_line(telling->cli->world->out, difference, change);
	return 0;
}

static int finish(struct telling *telling, uint64_t damaged)
{
	struct cli *cli = telling->cli;
	const uint64_t *all = telling->all;
	int r = domain_end(telling, &cli->err);

	if (r < 0)
		return r;
	if (cli->is_json)
		cli_json_end(cli, telling->is_first);
	cli_say(cli, "%llu added, %llu removed, %llu changed", (unsigned long long)all[ADDED],
		(unsigned long long)all[REMOVED], (unsigned long long)all[CHANGED]);
	if (damaged) {
		cli_warn(cli, "%llu rows of the manifests are damaged and not compared",
			 (unsigned long long)damaged);
		return CLI_DAMAGED;
	}
	return all[ADDED] || all[REMOVED] || all[CHANGED] ? CLI_FAILED : CLI_DONE;
}

/* other_open - B: in the repository that A opened, with a password of its own if one is given */
static int other_open(struct cli *cli, const char *word, const char *password_file,
		      const struct cli_source *first, struct cli_source *source)
{
	const char *kept = cli->device_password_file;
	int r;

	source->repo = cli_is_folder(word) ? NULL : first->repo;
	if (password_file)
		cli->device_password_file = password_file;
	r = cli_source_open(cli, word, CLI_CONTENTS, source, &cli->err);
	cli->device_password_file = kept;
	return r;
}

int cli_run_diff(struct cli *cli, int argc, char **argv)
{
	struct telling telling = {.cli = cli, .is_first = true};
	struct job_diff_wish wish = {.each = each, .arg = &telling, .cancel = cli->world->cancel};
	const char *password_file = NULL;
	const struct cli_option options[] = {
		CLI_FLAG_OPTION("contents", 0, &wish.reads_contents,
				"read the contents that no digest tells apart"),
		CLI_FLAG_OPTION("summary", 0, &telling.is_summary, "a line for each domain"),
		CLI_TEXT_OPTION("other-password-file", &password_file, "FILE",
				"the backup password of B where it is another"),
		{0},
	};
	CLEANUP(cli_source_clear) struct cli_source before = {0}, after = {0};
	uint64_t damaged = 0;
	int r;

	r = cli_options(cli, &argc, argv, options, &cli->err);
	if (r != 0)
		return r < 0 ? r : 0;
	wish.domain = argc > 2 ? argv[2] : NULL;
	r = cli_source_open(cli, argv[0], CLI_CONTENTS, &before, &cli->err);
	if (r == 0)
		r = other_open(cli, argv[1], password_file, &before, &after);
	if (r == 0)
		r = job_browse_diff(before.browse, after.browse, &wish, &damaged, &cli->err);
	return r < 0 ? r : finish(&telling, damaged);
}
