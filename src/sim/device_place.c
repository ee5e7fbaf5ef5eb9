/*
 * device_place - a backup that has arrived becomes the backup
 *
 * The unsafe window of the protocol: contents move from Snapshot/ into place, what is no longer
 * referenced goes, and the manifests follow last.  Then the device reads back what the host really
 * stored.
 */
#include "sim/device_backup.h"

#include <string.h>

/* ---- names in batches ---- */

static int flush_moves(struct sim_backup *backup, struct err *err)
{
	size_t count = backup->count;

	backup->count = 0;
	return count == 0 ? 0 : sim_ask_move(&backup->run, backup->pointers, count / 2, err);
}

static int flush_removals(struct sim_backup *backup, struct err *err)
{
	size_t count = backup->count;

	backup->count = 0;
	return count == 0 ? 0 : sim_ask_remove(&backup->run, backup->pointers, count, err);
}

static void name_add(struct sim_backup *backup, const char *part, const char *file_id)
{
	char *name = backup->names[backup->count];

	if (file_id)
		snprintf(name, SIM_BACKUP_NAME_LEN, "%s/%s%.2s/%s", backup->run.folder, part,
			 file_id, file_id);
	else
		snprintf(name, SIM_BACKUP_NAME_LEN, "%s/%s", backup->run.folder, part);
	backup->pointers[backup->count++] = name;
}

/* ---- 10, 11: into place ---- */

static int make_folder(struct sim_backup *backup, uint8_t first, struct err *err)
{
	char path[1024];

	if (backup->stage.has_folder[first / 8] & (1u << first % 8))
		return 0;
	backup->stage.has_folder[first / 8] |= (uint8_t)(1u << first % 8);
	return sim_ask_mkdir(&backup->run, sim_run_path(&backup->run, path, "%02x", first), err);
}

static int move_contents(struct sim_backup *backup, struct err *err)
{
	struct sim_item item;
	char file_id[41];
	int r = sim_list_rewind(backup->stage.sent, err);

	while (r == 0 && (r = sim_list_next(backup->stage.sent, &item, err)) == 0) {
		if (item.action & SIM_ITEM_FAILED)
			continue;
		hex_encode(item.file_id, sizeof(item.file_id), file_id);
		r = make_folder(backup, item.file_id[0], err);
		if (r < 0)
			return r;
		name_add(backup, "Snapshot/", file_id);
		name_add(backup, "", file_id);
		if (backup->count == 2 * SIM_BACKUP_MOVE_COUNT)
			r = flush_moves(backup, err);
	}
	return r < 0 ? r : flush_moves(backup, err);
}

static int removal_add(struct sim_backup *backup, const char *file_id, struct err *err)
{
	name_add(backup, "", file_id);
	return backup->count == SIM_BACKUP_MOVE_COUNT ? flush_removals(backup, err) : 0;
}

/** struct leftovers - file names of one hh folder that the new manifest does not name */
struct leftovers {
	struct sim_backup *backup;
	struct sim_list *list;
	struct err *err;
	int failure;
};

static int note_leftover(void *arg, const struct sim_entry *entry)
{
	struct leftovers *leftovers = arg;
	struct sim_item item = {0};
	struct sim_file file;
	int r;

	if (!backup_file_id_is_valid(entry->name))
		return 0;
	r = sim_files_find(leftovers->backup->run.files, entry->name, &file, leftovers->err);
	if (r == 0 && backup_file_is_regular(&file.row))
		return 0;
	hex_decode(entry->name, item.file_id, sizeof(item.file_id));
	item.action = SIM_ITEM_SEND;
	leftovers->failure = r < 0 ? r : sim_list_add(leftovers->list, &item, leftovers->err);
	return leftovers->failure;
}

/* a full run over an older backup: whatever the host has and the new manifest lacks must go */
static int find_leftovers(struct sim_backup *backup, const uint8_t had_folder[32], struct err *err)
{
	struct leftovers leftovers = {backup, backup->stage.gone, err, 0};
	char path[1024];
	int r = 0;

	for (unsigned first = 0; r == 0 && first < 256; first++) {
		if (!(had_folder[first / 8] & (1u << first % 8)))
			continue;
		r = sim_ask_contents(&backup->run, sim_run_path(&backup->run, path, "%02x", first),
				     note_leftover, &leftovers, err);
		if (leftovers.failure < 0) {
			backup->run.is_gone = false; /* our own trouble, not the host's */
			return leftovers.failure;
		}
	}
	return r;
}

static int remove_gone(struct sim_backup *backup, struct err *err)
{
	struct sim_item item;
	char file_id[41];
	int r;

	if (sim_list_count(backup->stage.gone) == 0)
		return 0;
	r = sim_backup_send_status(backup, BACKUP_REMOVING, err);
	if (r == 0)
		r = sim_list_rewind(backup->stage.gone, err);
	while (r == 0 && (r = sim_list_next(backup->stage.gone, &item, err)) == 0) {
		if (!(item.action & SIM_ITEM_SEND))
			continue; /* a folder or link has no content file */
		hex_encode(item.file_id, sizeof(item.file_id), file_id);
		r = removal_add(backup, file_id, err);
	}
	return r < 0 ? r : flush_removals(backup, err);
}

/* ---- 12, 13: the new backup becomes the backup ---- */

static int publish(struct sim_backup *backup, struct err *err)
{
	int r = sim_backup_send_status(backup, BACKUP_FINISHED, err);

	if (r < 0)
		return r;
	name_add(backup, "Snapshot/Manifest.plist", NULL);
	name_add(backup, "Manifest.plist", NULL);
	name_add(backup, "Snapshot/Manifest.db", NULL);
	name_add(backup, "Manifest.db", NULL);
	r = flush_moves(backup, err);
	if (r < 0)
		return r;
	name_add(backup, "Snapshot/Status.plist", NULL);
	name_add(backup, "Status.plist", NULL);
	r = flush_moves(backup, err);
	if (r < 0)
		return r;
	name_add(backup, "Snapshot", NULL);
	return flush_removals(backup, err);
}

/* ---- 14: what did the host really store? ---- */

static int verify_bytes(struct sim_backup *backup, const char *name, const struct buf *sent,
			struct err *err)
{
	CLEANUP(buf_clear) struct buf stored = BUF_INIT(SIM_BACKUP_PLIST_MAX);
	bool is_there = false;
	char path[1024];
	int r = sim_ask_small(&backup->run, sim_run_path(&backup->run, path, "%s", name), &stored,
			      &is_there, err);

	if (r < 0)
		return r;
	if (!is_there || !slice_equal(buf_slice(&stored), buf_slice(sent)))
		return sim_run_fail(
			&backup->run, err, is_there ? SIM_CODE_INCONSISTENT : SIM_CODE_STATUS,
			"Error reading backup properties: %s is not what was sent", name);
	return 0;
}

static int verify(struct sim_backup *backup, struct err *err)
{
	uint8_t digest[BACKUP_DIGEST_LEN];
	bool is_there = false;
	char path[1024];
	int r = verify_bytes(backup, "Status.plist", &backup->status_plist, err);

	if (r == 0)
		r = verify_bytes(backup, "Manifest.plist", &backup->manifest_plist, err);
	if (r == 0)
		r = sim_ask_digest(&backup->run, sim_run_path(&backup->run, path, "Manifest.db"),
				   digest, &is_there, err);
	if (r < 0)
		return r;
	if (!is_there || memcmp(digest, backup->manifest_digest, sizeof(digest)) != 0)
		return sim_run_fail(
			&backup->run, err, SIM_CODE_INCONSISTENT,
			"Error reading backup properties: Manifest.db is not what was sent");
	return 0;
}

int sim_backup_place(struct sim_backup *backup, struct err *err)
{
	uint8_t had_folder[32];
	int r = sim_backup_send_status(backup, BACKUP_MOVING, err);

	memcpy(had_folder, backup->stage.has_folder, sizeof(had_folder));
	backup->run.progress = 96;
	if (r == 0)
		r = move_contents(backup, err);
	if (r == 0 && backup->stage.is_full)
		r = find_leftovers(backup, had_folder, err);
	if (r == 0)
		r = remove_gone(backup, err);
	backup->run.progress = 98;
	if (r == 0)
		r = publish(backup, err);
	backup->run.progress = 100;
	return r < 0 ? r : verify(backup, err);
}
