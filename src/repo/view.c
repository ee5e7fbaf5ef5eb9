/* view.c - finished snapshots: listing them, finding one by id, reading what it holds */
#include "repo/directory.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- listing ---- */

struct listing {
	struct repo *repo;
	const char *device;
	int (*each)(void *arg, const struct repo_snapshot *snapshot, struct err *err);
	void *arg;
	unsigned damaged;
	char (*devices)[REPO_DEVICE_LEN_MAX];
	size_t count, cap;
};

/* devices first, since folders are in the order of their hashes */
static int collect_device(void *arg, const char *folder, struct err *err)
{
	struct listing *listing = arg;
	struct repo_domain domain;
	struct err why = ERR_INIT;
	int r = repo_domain_open_folder(&domain, listing->repo, folder, &why);

	if (r == ERR_CORRUPT || r == ERR_UNSUPPORTED) {
		listing->damaged++;
		return 0;
	}
	if (r == REPO_ABSENT)
		return 0;
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	if (listing->count == listing->cap) {
		size_t cap = listing->cap ? listing->cap * 2 : 16;
		void *devices = realloc(listing->devices, cap * sizeof(*listing->devices));

		if (!devices) {
			repo_domain_clear(&domain);
			return err_no_memory(err);
		}
		listing->devices = devices;
		listing->cap = cap;
	}
	memcpy(listing->devices[listing->count++], domain.device, REPO_DEVICE_LEN_MAX);
	repo_domain_clear(&domain);
	return 0;
}

struct dated {
	int64_t time;
	uint32_t seq;
};

static int by_time(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int tell_snapshot(struct listing *listing, const struct repo_domain *domain, uint32_t seq,
			 struct err *err)
{
	CLEANUP(buf_clear) struct buf note = BUF_INIT(REPO_NOTE_LEN_MAX + CRYPTO_GCM_TAG_LEN);
	struct repo_snapshot snapshot;
	struct err why = ERR_INIT;
	struct repo_head head;
	int r = repo_head_read(domain, seq, &head, &note, &why);

	if (r < 0) { /* its fields were whole a moment ago: the note is not */
		listing->damaged++;
		return 0;
	}
	repo_head_describe(domain, &head, &snapshot);
	snapshot.note = buf_slice(&note);
	return listing->each(listing->arg, &snapshot, err);
}

static int list_device(struct listing *listing, const char *device, struct err *err)
{
	CLEANUP(repo_domain_clear) struct repo_domain domain = {0};
	CLEANUP(repo_numbers_clear) struct repo_numbers numbers = {0};
	CLEANUP(free_p) struct dated *dated = NULL;
	struct repo_name name;
	struct repo_head head;
	size_t count = 0;
	int r = repo_domain_open(&domain, listing->repo, device, false, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = repo_numbers_read(&numbers, domain.fs, repo_domain_file(&domain, &name, "snap"), "",
			      err);
	if (r < 0 || numbers.count == 0)
		return r;
	dated = calloc(numbers.count, sizeof(*dated));
	if (!dated)
		return err_no_memory(err);
	for (size_t i = 0; i < numbers.count; i++) {
		if (repo_head_read(&domain, numbers.list[i], &head, NULL, NULL) < 0) {
			listing->damaged++;
			continue;
		}
		dated[count++] = (struct dated){head.time, numbers.list[i]};
	}
	qsort(dated, count, sizeof(*dated), by_time);
	for (size_t i = 0; i < count && r == 0; i++)
		r = tell_snapshot(listing, &domain, dated[i].seq, err);
	return r;
}

static int by_device(const void *a, const void *b)
{
	return strcmp(a, b);
}

int repo_snapshots(struct repo *repo, const char *device,
		   int (*each)(void *arg, const struct repo_snapshot *snapshot, struct err *err),
		   void *arg, unsigned *damaged, struct err *err)
{
	struct listing listing = {.repo = repo, .each = each, .arg = arg};
	int r = 0;

	if (device) {
		r = list_device(&listing, device, err);
	} else {
		r = repo_domain_each(repo, collect_device, &listing, err);
		if (listing.count > 1)
			qsort(listing.devices, listing.count, sizeof(*listing.devices), by_device);
		for (size_t i = 0; i < listing.count && r == 0; i++)
			r = list_device(&listing, listing.devices[i], err);
		free(listing.devices);
	}
	if (damaged)
		*damaged = listing.damaged;
	return r;
}

/* ---- finding ---- */

struct search {
	struct repo *repo;
	char prefix[REPO_ID_LEN + 1];
	unsigned found, damaged;
	char folder[33];
	uint32_t seq;
};

static int search_folder(void *arg, const char *folder, struct err *err)
{
	struct search *search = arg;
	CLEANUP(repo_domain_clear) struct repo_domain domain = {0};
	CLEANUP(repo_numbers_clear) struct repo_numbers numbers = {0};
	struct repo_name name;
	struct repo_head head;
	char id[REPO_ID_LEN + 1];
	int r;

	if (repo_domain_open_folder(&domain, search->repo, folder, NULL) != 0)
		return 0;
	r = repo_numbers_read(&numbers, domain.fs, repo_domain_file(&domain, &name, "snap"), "",
			      err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < numbers.count; i++) {
		if (repo_head_read(&domain, numbers.list[i], &head, NULL, NULL) < 0) {
			search->damaged++;
			continue;
		}
		hex_encode(head.id, sizeof(head.id), id);
		if (strncmp(id, search->prefix, strlen(search->prefix)) != 0)
			continue;
		search->found++;
		search->seq = numbers.list[i];
		snprintf(search->folder, sizeof(search->folder), "%s", folder);
	}
	return 0;
}

static int find_snapshot(struct search *search, const char *id, struct err *err)
{
	size_t len = strlen(id);
	int r;

	if (len < 4 || len > REPO_ID_LEN)
		return err_set(err, ERR_USAGE, "a snapshot id has 4 to %d digits", REPO_ID_LEN);
	for (size_t i = 0; i < len; i++) {
		if (!isxdigit((unsigned char)id[i]))
			return err_set(err, ERR_USAGE, "a snapshot id is made of hex digits");
		search->prefix[i] = (char)tolower((unsigned char)id[i]);
	}
	r = repo_domain_each(search->repo, search_folder, search, err);
	if (r < 0)
		return r;
	if (search->found > 1)
		return err_set(err, ERR_USAGE, "snapshot %s: %u begin so, give more digits", id,
			       search->found);
	if (search->found == 0)
		return err_set(err, ERR_NOT_FOUND, "no snapshot %s%s", id,
			       search->damaged ? " (some heads are damaged: see `rehome check`)"
					       : "");
	return 0;
}

/* ---- the view ---- */

struct repo_view {
	struct repo_domain domain;
	struct repo_snapshot snapshot;
	struct buf note;
	struct repo_table table;
	struct repo_index *index;
	struct repo_reader *reader;
	struct repo_block_cache *cache;
};

void repo_view_close(struct repo_view *view)
{
	if (!view)
		return;
	repo_reader_free(view->reader);
	repo_block_cache_free(view->cache);
	repo_index_free(view->index);
	repo_table_clear(&view->table);
	repo_domain_clear(&view->domain);
	buf_clear(&view->note);
	free(view);
}

void repo_view_close_p(struct repo_view **view)
{
	repo_view_close(*view);
}

static int view_load(struct repo_view *view, uint32_t seq, struct err *err)
{
	struct repo_head head;
	int r = repo_head_read(&view->domain, seq, &head, &view->note, err);

	if (r < 0)
		return r;
	repo_head_describe(&view->domain, &head, &view->snapshot);
	view->snapshot.note = buf_slice(&view->note);
	r = repo_table_open(&view->table, &view->domain, &head.table, err);
	if (r == 0)
		r = repo_block_cache_new(&view->cache, 4, err);
	/* the index after the head: what a head refers to was in an index before it */
	if (r == 0)
		r = repo_index_open(&view->index, &view->domain, false, NULL, NULL, err);
	if (r == 0)
		r = repo_reader_new(&view->reader, &view->domain, view->index, err);
	return r < 0 ? err_wrap(err, r, "snapshot %s", view->snapshot.id) : 0;
}

int repo_view_open(struct repo_view **out, struct repo *repo, const char *id, struct err *err)
{
	CLEANUP(repo_view_close_p) struct repo_view *view = NULL;
	struct search search = {.repo = repo};
	int r = find_snapshot(&search, id, err);

	if (r < 0)
		return r;
	view = calloc(1, sizeof(*view));
	if (!view)
		return err_no_memory(err);
	view->table.fd = -1;
	view->note = BUF_INIT(REPO_NOTE_LEN_MAX + CRYPTO_GCM_TAG_LEN);
	r = repo_domain_open_folder(&view->domain, repo, search.folder, err);
	if (r == REPO_ABSENT)
		return err_set(err, ERR_NOT_FOUND, "no snapshot %s", id);
	if (r == 0)
		r = view_load(view, search.seq, err);
	if (r < 0)
		return r;
	*out = STEAL(view);
	return 0;
}

const struct repo_snapshot *repo_view_snapshot(const struct repo_view *view)
{
	return &view->snapshot;
}

static int view_get(struct repo_view *view, const char *path, struct repo_value *value,
		    struct err *err)
{
	int r = repo_table_get(&view->table, view->cache, slice_text(path), NULL, value, err);

	return r < 0 ? err_wrap(err, r, "snapshot %s", view->snapshot.id) : r;
}

int repo_view_stat(struct repo_view *view, const char *path, struct repo_entry *entry,
		   struct err *err)
{
	struct repo_value value;
	int r = view_get(view, path, &value, err);

	if (r == 0)
		*entry = (struct repo_entry){.path = path,
					     .is_directory = value.kind == REPO_FOLDER,
					     .size = value.size,
					     .modified = value.modified};
	return r;
}

int repo_view_read(struct repo_view *view, const char *path, struct source **out, struct err *err)
{
	char name[REPO_PATH_LEN_MAX + 64];
	struct repo_value value;
	struct repo_refs refs;
	int r = view_get(view, path, &value, err);

	if (r != 0)
		return r;
	if (value.kind != REPO_FILE)
		return REPO_ABSENT;
	if (!repo_refs_decode(value.content, value.size, &refs))
		return err_set(err, ERR_CORRUPT, "%s: table entry damaged", path);
	snprintf(name, sizeof(name), "snapshot %s: %s", view->snapshot.id, path);
	return repo_reader_source(out, view->reader, name, value.size, &refs, err);
}

int repo_view_walk(struct repo_view *view, const char *prefix,
		   int (*each)(void *arg, const struct repo_entry *entry, struct err *err),
		   void *arg, struct err *err)
{
	CLEANUP(repo_cursor_clear) struct repo_cursor cursor = {0};
	char start[REPO_PATH_LEN_MAX + 2], text[REPO_PATH_LEN_MAX + 1];
	size_t len = strlen(prefix);
	struct repo_value value;
	struct slice path;
	int r;

	if (len > REPO_PATH_LEN_MAX)
		return 0;
	snprintf(start, sizeof(start), "%s%s", prefix, len > 0 ? "/" : "");
	len = strlen(start);
	r = repo_cursor_new(&cursor, &view->table, err);
	if (r == 0)
		r = repo_cursor_seek(&cursor, slice_text(start), err);
	while (r == 0 && (r = repo_cursor_get(&cursor, &path, &value, err)) == 0) {
		struct repo_entry entry = {.path = text,
					   .is_directory = value.kind == REPO_FOLDER,
					   .size = value.size,
					   .modified = value.modified};

		if (path.len < len || memcmp(path.bytes, start, len) != 0)
			return 0;
		memcpy(text, path.bytes, path.len);
		text[path.len] = 0;
		r = each(arg, &entry, err);
		repo_cursor_next(&cursor);
		if (r != 0)
			return r;
	}
	if (r == REPO_ABSENT)
		return 0;
	return r < 0 ? err_wrap(err, r, "snapshot %s", view->snapshot.id) : r;
}
