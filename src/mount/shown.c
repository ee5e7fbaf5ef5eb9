/*
 * shown - one backup: its domains, and the names of those that were looked into
 *
 * A domain's names are read when somebody looks into it, and forgotten, the longest unused
 * first, when too many are held.
 */
#include "mount/internal.h"

#include <stdlib.h>
#include <string.h>

struct domain {
	char *name;
	struct names *names; /* NULL: not read */
	uint64_t used;
};

struct shown {
	struct job_browse *browse;
	struct domain *domains; /* in order of their names */
	size_t count, cap;
	bool is_listed;
	uint64_t uses, nodes;
};

int shown_new(struct shown **out, struct job_browse *browse, struct err *err)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_no_memory(err);
	(*out)->browse = browse;
	return 0;
}

void shown_free(struct shown *shown)
{
	if (!shown)
		return;
	for (size_t i = 0; i < shown->count; i++) {
		names_free(shown->domains[i].names);
		free(shown->domains[i].name);
	}
	free(shown->domains);
	free(shown);
}

static bool is_usable(const char *name, size_t len_max)
{
	struct err ignored = ERR_INIT;
	size_t len = strlen(name);

	return len <= len_max && path_check_relative(name, len, &ignored) == 0;
}

static int domain_add(void *arg, const struct job_item *item, struct err *err)
{
	struct shown *shown = arg;
	size_t cap = shown->cap ? shown->cap * 2 : 64;
	struct domain *domains;

	if (strchr(item->domain, '/') || !is_usable(item->domain, PATH_COMPONENT_MAX))
		return 0;
	if (shown->count == MOUNT_DOMAINS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d domains", MOUNT_DOMAINS_MAX);
	if (shown->count == shown->cap) {
		domains = realloc(shown->domains, cap * sizeof(*domains));
		if (!domains)
			return err_no_memory(err);
		shown->domains = domains;
		shown->cap = cap;
	}
	shown->domains[shown->count] = (struct domain){.name = strdup(item->domain)};
	if (!shown->domains[shown->count].name)
		return err_no_memory(err);
	shown->count++;
	return 0;
}

static int domains_read(struct shown *shown, struct err *err)
{
	uint64_t damaged;
	int r;

	if (shown->is_listed)
		return 0;
	r = job_browse_list(shown->browse, JOB_LIST_DOMAINS, NULL, "", domain_add, shown, &damaged,
			    err);
	shown->is_listed = r == 0;
	return r;
}

struct reading {
	struct names *names;
	struct sizes sizes;
};

static int name_add(void *arg, const struct job_item *item, struct err *err)
{
	struct reading *reading = arg;
	const struct backup_file *file = item->file;
	struct mount_entry entry = {.type = 'd', .size = file->size, .modified = file->modified};
	uint32_t number;
	int r;

	if (*item->path && !is_usable(item->path, PATH_LEN_MAX))
		return 0;
	if (S_ISLNK(file->mode) || file->flags == 4) {
		entry.type = 'l';
		entry.target = file->target ? file->target : "";
	} else if (backup_file_is_regular(file)) {
		entry.type = '-';
	}
	r = names_add(reading->names, item->path, &entry, &number, err);
	return r == 0 && entry.type == '-' ? sizes_add(&reading->sizes, file, number, err) : r;
}

/* make_room - forget the longest unused domains, but never @but */
static void make_room(struct shown *shown, const struct domain *but)
{
	while (shown->nodes > MOUNT_NODES_KEPT) {
		struct domain *oldest = NULL;

		for (size_t i = 0; i < shown->count; i++) {
			struct domain *domain = &shown->domains[i];

			if (domain->names && domain != but &&
			    (!oldest || domain->used < oldest->used))
				oldest = domain;
		}
		if (!oldest)
			return;
		shown->nodes -= names_count(oldest->names);
		names_free_p(&oldest->names);
	}
}

static int names_read(struct shown *shown, struct domain *domain, struct err *err)
{
	CLEANUP(names_free_p) struct names *names = NULL;
	struct reading reading = {.names = NULL};
	uint64_t damaged;
	int r;

	domain->used = ++shown->uses;
	if (domain->names)
		return 0;
	r = names_new(&names, err);
	reading.names = names;
	if (r == 0)
		r = job_browse_list(shown->browse, JOB_LIST_UNSORTED, domain->name, "", name_add,
				    &reading, &damaged, err);
	if (r == 0)
		r = sizes_correct(&reading.sizes, shown->browse, names, err);
	sizes_clear(&reading.sizes);
	if (r < 0)
		return r;
	shown->nodes += names_count(names);
	domain->names = STEAL(names);
	make_room(shown, domain);
	return 0;
}

static int compare(const void *key, const void *member)
{
	return strcmp(key, ((const struct domain *)member)->name);
}

/* domain_of - the domain that @path begins with, its names read; *@rest: the path in it */
static int domain_of(struct shown *shown, const char *path, struct domain **out, const char **rest,
		     struct err *err)
{
	const char *slash = strchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : strlen(path);
	char name[PATH_COMPONENT_MAX + 1];
	int r = domains_read(shown, err);

	if (r < 0)
		return r;
	if (len > PATH_COMPONENT_MAX)
		return MOUNT_ABSENT;
	memcpy(name, path, len);
	name[len] = 0;
	*rest = slash ? slash + 1 : "";
	*out = shown->count ? bsearch(name, shown->domains, shown->count, sizeof(**out), compare)
			    : NULL;
	return *out ? 0 : MOUNT_ABSENT;
}

int shown_find(struct shown *shown, const char *path, struct mount_entry *entry, struct err *err)
{
	struct domain *domain;
	const char *rest;
	int r;

	*entry = (struct mount_entry){.type = 'd',
				      .modified = job_browse_about(shown->browse)->time};
	if (!*path)
		return 0;
	r = domain_of(shown, path, &domain, &rest, err);
	/* that a domain is there is known without its names: listing all of them reads none */
	if (r != 0 || !*rest)
		return r;
	r = names_read(shown, domain, err);
	return r < 0 ? r : names_find(domain->names, rest, entry);
}

int shown_list(struct shown *shown, const char *path, mount_each *each, void *arg, struct err *err)
{
	struct mount_entry entry = {.type = 'd', .modified = job_browse_about(shown->browse)->time};
	struct domain *domain;
	const char *rest;
	int r;

	if (*path) {
		r = domain_of(shown, path, &domain, &rest, err);
		if (r == 0)
			r = names_read(shown, domain, err);
		return r != 0 ? r : names_list(domain->names, rest, each, arg);
	}
	r = domains_read(shown, err);
	for (size_t i = 0; i < shown->count && r == 0; i++) {
		entry.name = shown->domains[i].name;
		r = each(arg, &entry);
	}
	return r;
}

int shown_open(struct shown *shown, const char *path, struct source **out, struct err *err)
{
	struct domain *domain;
	unsigned notes = 0;
	const char *rest;
	int r = domain_of(shown, path, &domain, &rest, err);

	return r != 0 ? r
		      : job_browse_open_file(shown->browse, domain->name, rest, out, &notes, err);
}
