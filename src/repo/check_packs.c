/*
 * check_packs.c - index files page by page, packs blob by blob
 *
 * A pack is walked from the front.  Where the walk stops before the end, the index tells
 * where the later blobs begin, so that each of them is judged by itself.
 */
#include "repo/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- index files ---- */

static int check_run(struct check *check, uint32_t number, struct err *err)
{
	struct repo_place places[REPO_PAGE_PLACES];
	uint8_t last[REPO_CHUNK_ID_LEN];
	struct err why = ERR_INIT;
	struct repo_name path;
	struct repo_run run;
	bool has_last = false;
	int r = repo_run_open(&run, &check->domain, number, &why);

	repo_domain_file(&check->domain, &path, "idx/%08x", number);
	if (r == ERR_NOT_FOUND) /* merged by a session meanwhile */
		return 0;
	if (r == ERR_CORRUPT) {
		check_problem(check, path.text, "%s: index file damaged: %s", check->domain.device,
			      why.text);
		return 0;
	}
	if (r < 0)
		return err_set(err, r, "%s", why.text);
	for (uint64_t page = 0; page < run.pages; page++) {
		int count = repo_run_page(&run, page, places, &why);

		if (count < 0) {
			check_problem(check, path.text, "%s: index damaged: %s",
				      check->domain.device, why.text);
			has_last = false;
			continue;
		}
		for (int i = 0; i < count; i++) {
			if (has_last && memcmp(last, places[i].id, sizeof(last)) >= 0)
				check_problem(check, path.text, "%s: index out of order",
					      check->domain.device);
			memcpy(last, places[i].id, sizeof(last));
			has_last = true;
		}
	}
	repo_run_clear(&run);
	return 0;
}

int check_runs(struct check *check, struct err *err)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers numbers = {0};
	struct repo_name path;
	int r = repo_numbers_read(&numbers, check->domain.fs,
				  repo_domain_file(&check->domain, &path, "idx"), "", err);

	for (size_t i = 0; i < numbers.count && r == 0; i++)
		r = check_run(check, numbers.list[i], err);
	return r;
}

/* ---- blobs ---- */

static void count_blob(struct check *check, const struct repo_place *place)
{
	struct progress_state state = {.phase = "reading chunks"};

	check->verdict->chunks++;
	check->verdict->bytes_read += REPO_BLOB_HEADER_LEN + place->stored;
	state.bytes = check->verdict->bytes_read;
	progress_report(check->progress, &state);
}

static int note_damage(struct check *check, const uint8_t *id, struct err *err)
{
	return buf_append(&check->damaged, id, REPO_CHUNK_ID_LEN, err);
}

static int check_blob(void *arg, const struct repo_scanned *blob, struct err *err)
{
	struct check *check = arg;
	uint8_t id[REPO_CHUNK_ID_LEN];
	struct repo_name path;
	int r = cancel_check(check->repo->env.cancel, err);

	if (r < 0)
		return r;
	count_blob(check, &blob->place);
	if (repo_unpack(check->unpacker, blob->header.codec, blob->payload, check->plain,
			blob->place.plain)) {
		r = crypto_mac_compute(blob->header.type == REPO_BLOB_DATA ? check->data_mac
									   : check->list_mac,
				       slice_of(check->plain, blob->place.plain), id, err);
		if (r < 0 || memcmp(id, blob->header.id, sizeof(id)) == 0)
			return r;
	}
	repo_domain_file(&check->domain, &path, "packs/%08x", blob->place.pack);
	check_problem(check, path.text, "%s: chunk at %u is not what its name says",
		      check->domain.device, blob->place.offset);
	return note_damage(check, blob->header.id, err);
}

/* index entries of one pack from an offset on */
struct rest {
	struct check *check;
	uint32_t pack;
	uint64_t from;
	bool is_all_lost;
	unsigned lost;
	struct err *err;
};

static int check_rest(void *arg, const struct repo_place *place)
{
	struct rest *rest = arg;
	struct check *check = rest->check;
	struct slice bytes;

	if (place->pack != rest->pack || place->offset < rest->from)
		return 0;
	if (!rest->is_all_lost) {
		count_blob(check, place);
		if (repo_reader_chunk(check->reader, place->type, place->id, &bytes, NULL) == 0)
			return 0;
	}
	rest->lost++;
	return note_damage(check, place->id, rest->err);
}

/* @from: where the walk stopped, or 0 if the pack cannot be opened at all */
static int check_pack_rest(struct check *check, uint32_t number, uint64_t from, struct err *err)
{
	struct rest rest = {
		.check = check, .pack = number, .from = from, .is_all_lost = from == 0, .err = err};
	struct repo_name path;
	int r = repo_index_each(check->index, check_rest, &rest, err);

	if (r == ERR_CORRUPT) /* told already by check_runs */
		r = 0;
	repo_domain_file(&check->domain, &path, "packs/%08x", number);
	if (from == 0)
		check_problem(check, path.text, "%s: pack cannot be opened, %u chunks lost",
			      check->domain.device, rest.lost);
	else
		check_problem(check, path.text, "%s: pack damaged at %llu, %u chunks lost",
			      check->domain.device, (unsigned long long)from, rest.lost);
	return r;
}

static int check_pack(struct check *check, struct check_pack *entry, struct err *err)
{
	struct err why = ERR_INIT;
	struct repo_pack pack;
	uint64_t good_len, file_len;
	int r = repo_pack_open(&pack, &check->domain, entry->number, false, &why);

	check->verdict->packs++;
	if (r < 0 && r != ERR_CORRUPT)
		return err_set(err, r, "%s", why.text);
	if (r < 0)
		return check_pack_rest(check, entry->number, 0, err);
	entry->is_readable = true;
	if (check->reads_data) {
		r = repo_pack_scan(&pack, &check->domain, &good_len, &file_len, check_blob, check,
				   err);
		if (r == 0 && file_len > good_len)
			r = check_pack_rest(check, entry->number, good_len, err);
	}
	repo_pack_close(&pack, check->domain.fs);
	return r;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, REPO_CHUNK_ID_LEN);
}

int check_packs(struct check *check, struct err *err)
{
	CLEANUP(repo_numbers_clear) struct repo_numbers numbers = {0};
	struct fs *fs = check->domain.fs;
	struct repo_name path;
	struct stat st;
	int r = repo_numbers_read(&numbers, fs, repo_domain_file(&check->domain, &path, "packs"),
				  "", err);

	if (r < 0)
		return r;
	check->packs = calloc(numbers.count > 0 ? numbers.count : 1, sizeof(*check->packs));
	if (!check->packs)
		return err_no_memory(err);
	for (size_t i = 0; i < numbers.count && r == 0; i++) {
		struct check_pack *entry = &check->packs[check->pack_count++];

		entry->number = numbers.list[i];
		repo_domain_file(&check->domain, &path, "packs/%08x", entry->number);
		if (fs->stat(fs, path.text, &st) == 0)
			entry->len = (uint64_t)st.st_size;
		r = check_pack(check, entry, err);
	}
	if (check->damaged.len > 0)
		qsort(check->damaged.bytes, check->damaged.len / REPO_CHUNK_ID_LEN,
		      REPO_CHUNK_ID_LEN, by_id);
	return r;
}

bool check_is_damaged(const struct check *check, const uint8_t id[REPO_CHUNK_ID_LEN])
{
	return check->damaged.len > 0 &&
	       bsearch(id, check->damaged.bytes, check->damaged.len / REPO_CHUNK_ID_LEN,
		       REPO_CHUNK_ID_LEN, by_id) != NULL;
}

struct check_pack *check_pack_find(const struct check *check, uint32_t number)
{
	size_t low = 0, high = check->pack_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (check->packs[middle].number == number)
			return &check->packs[middle];
		if (check->packs[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void check_unneeded(struct check *check)
{
	struct repo_name path;
	uint64_t bytes = 0;
	size_t count = 0;
	char size[16];

	for (size_t i = 0; i < check->pack_count; i++) {
		if (check->packs[i].is_needed)
			continue;
		bytes += check->packs[i].len;
		count++;
	}
	if (count == 0)
		return;
	check->verdict->unneeded_bytes += bytes;
	check_remark(check, repo_domain_file(&check->domain, &path, "packs"),
		     "%s: no snapshot needs %zu of the packs, %s: left by interrupted or running "
		     "sessions; the next one reuses what it can",
		     check->domain.device, count, size_format(bytes, size));
}
