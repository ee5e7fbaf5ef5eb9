/*
 * device_receive - contents of a restore coming in
 *
 * Asked for in batches, proved by their digests, decrypted on the way into a pack; their rows wait
 * in a table of their own.
 */
#include "sim/device_restore.h"

#include <string.h>

enum { BATCH_BYTES = 32 << 20 };

static int to_pack(void *arg, struct slice plain, struct err *err)
{
	struct sim_restore *restore = arg;

	return sim_pack_append(restore->pack, plain, err);
}

static int sink_begin(struct sim_sink *sink, const char *path, struct err *err)
{
	struct sim_restore *restore = (struct sim_restore *)sink;
	struct sim_wanted *wanted = &restore->batch[restore->at];

	if (restore->at >= restore->count || strcmp(path, wanted->name))
		return err_set(err, ERR_PROTOCOL,
			       "the host sends %.200s, which was not asked for next", path);
	restore->start = sim_pack_len(restore->pack);
	crypto_sha1_reset(restore->sha1);
	return wanted->has_key ? sim_decryptor_start(restore->decryptor, wanted->key, err) : 0;
}

static int sink_bytes(struct sim_sink *sink, struct slice bytes, struct err *err)
{
	struct sim_restore *restore = (struct sim_restore *)sink;
	struct sim_wanted *wanted = &restore->batch[restore->at];

	if (wanted->has_digest)
		crypto_sha1_update(restore->sha1, bytes);
	if (wanted->has_key)
		return sim_decryptor_update(restore->decryptor, bytes, err);
	return sim_pack_append(restore->pack, bytes, err);
}

static void trouble(struct sim_restore *restore, uint64_t *counter, const char *name,
		    const char *what)
{
	if (restore->missing + restore->wrong == 0)
		snprintf(restore->first_trouble, sizeof(restore->first_trouble), "%s: %.80s", name,
			 what);
	(*counter)++;
}

static int staged_finish(struct sim_restore *restore, int64_t id, struct err *err)
{
	struct sim_file file;
	int r = sim_files_get(restore->staged, id, &file, err);

	if (r != 0)
		return r < 0 ? r : err_set(err, ERR_CORRUPT, "a staged row vanished");
	file.offset = restore->start;
	file.row.size = file.stored_len = sim_pack_len(restore->pack) - restore->start;
	file.pack = file.stored_len > 0 ? sim_pack_number(restore->pack) : 0;
	restore->bytes_done += file.row.size;
	restore->files_done++;
	return sim_files_update(restore->staged, &file, err);
}

static int sink_end(struct sim_sink *sink, const char *path, const char *error, struct err *err)
{
	struct sim_restore *restore = (struct sim_restore *)sink;
	struct sim_wanted *wanted = &restore->batch[restore->at];
	uint8_t digest[CRYPTO_SHA1_LEN];
	int r = 0;

	if (restore->at >= restore->count || strcmp(path, wanted->name))
		return err_set(err, ERR_PROTOCOL, "the host ends %.200s, which did not begin",
			       path);
	restore->at++;
	if (error) {
		trouble(restore, &restore->missing, wanted->name, error);
		return 0;
	}
	if (wanted->has_key && sim_decryptor_finish(restore->decryptor, NULL) < 0) {
		trouble(restore, &restore->wrong, wanted->name, "not whole blocks");
		return 0;
	}
	if (wanted->has_digest) {
		crypto_sha1_final(restore->sha1, digest);
		if (memcmp(digest, wanted->digest, sizeof(digest)) != 0) {
			trouble(restore, &restore->wrong, wanted->name, "digest mismatch");
			return 0;
		}
	}
	r = staged_finish(restore, wanted->id, err);
	return r;
}

static int fetch_batch(struct sim_restore *restore, struct err *err)
{
	struct sim_run *run = &restore->run;
	int64_t status = 0;
	int r;

	if (restore->count == 0)
		return 0;
	restore->at = 0;
	run->progress = 100.0 * (double)restore->bytes_done / (double)(restore->bytes_total + 1);
	r = run->host->download(run->host, restore->names, restore->count, run->progress,
				&restore->sink, &status, err);
	if (r < 0) {
		run->is_gone = true;
		return r;
	}
	if (restore->missing > 0)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT,
				    "Multiple errors downloading files: %s",
				    restore->first_trouble);
	if (restore->wrong > 0)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT, "Backup is damaged: %s",
				    restore->first_trouble);
	if (r == SIM_HOST_ERROR || restore->at != restore->count)
		return sim_run_fail(run, err, SIM_CODE_INCONSISTENT,
				    "Multiple errors downloading files: the host answered %lld",
				    (long long)status);
	restore->count = 0;
	restore->bytes = 0;
	return 0;
}

static int batch_add(struct sim_restore *restore, const struct backup_file *row, int64_t id,
		     struct err *err)
{
	struct sim_wanted *wanted = &restore->batch[restore->count];
	int r;

	*wanted = (struct sim_wanted){.id = id};
	snprintf(wanted->name, sizeof(wanted->name), "%s/%.2s/%s", restore->run.folder,
		 row->file_id, row->file_id);
	if (restore->properties.is_encrypted && row->key.len > 0) {
		r = backup_keybag_file_key(restore->bag, row->key, wanted->key, err);
		if (r < 0)
			return sim_run_fail(&restore->run, err, SIM_CODE_INCONSISTENT,
					    "Invalid key of %s", wanted->name);
		wanted->has_key = true;
	}
	if (row->digest.len == sizeof(wanted->digest)) {
		memcpy(wanted->digest, row->digest.bytes, sizeof(wanted->digest));
		wanted->has_digest = true;
	}
	restore->names[restore->count++] = wanted->name;
	restore->bytes += row->size;
	if (restore->count == SIM_WANTED_COUNT || restore->bytes >= BATCH_BYTES)
		return fetch_batch(restore, err);
	return 0;
}

int sim_receive_row(struct sim_restore *restore, const struct backup_file *row, struct err *err)
{
	struct sim_file file = {.row = *row};
	int r;

	/* the row is borrowed from the manifest: stage it before the next question */
	if (backup_file_is_regular(row))
		file.kind = sim_kind_of_path(row->path);
	file.content = get_u64be(
		(const uint8_t *)row->file_id); /* what ages later needs a number of its own */
	r = sim_files_insert(restore->staged, &file, err);
	if (r < 0 || !backup_file_is_regular(row))
		return r;
	return batch_add(restore, row, file.id, err);
}

/* @each for every row that comes back */

int sim_receive_rest(struct sim_restore *restore, struct err *err)
{
	return fetch_batch(restore, err);
}

int sim_receive_open(struct sim_restore *restore, struct err *err)
{
	char path[SIM_FOLDER_MAX + 96];
	int r;

	restore->sink = (struct sim_sink){sink_begin, sink_bytes, sink_end};
	snprintf(path, sizeof(path), "%s/staged.db", restore->run.scratch);
	r = sim_files_open_at(&restore->staged, path, err);
	if (r == 0)
		r = sim_files_index(restore->staged, err);
	if (r == 0)
		r = sim_files_begin(restore->staged, true, err);
	if (r == 0)
		r = sim_pack_new(&restore->pack, restore->run.device, err);
	if (r == 0)
		r = sim_decryptor_new(&restore->decryptor, to_pack, restore, err);
	return r < 0 ? r : crypto_sha1_new(&restore->sha1, err);
}
