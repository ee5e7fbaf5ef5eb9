/*
 * device_stage - what of the device the host has, and what it must get
 *
 * An incremental run compares each row of the device with the host's own manifest: what the device
 * remembers of earlier runs does not count, because it cannot know what became of them.  A row that
 * differs goes into the new manifest; the content travels only if it may have changed.
 */
#include "sim/management.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct plan - the comparison in progress
 *
 * The host's manifest was written in the order of the device's table, so the two are walked side by
 * side; a row that is out of step is looked up.  (Looking up each of a million costs a minute of
 * random reads.)
 */
struct plan {
	struct sim_run *run;
	struct sim_stage *stage;
	struct backup_manifest *host; /* NULL when all is sent */
	struct backup_file row;       /* where the walk through the host's rows stands */
	char row_id[41];              /* its fileID; row itself is stale after a look-up */
	bool has_row, is_stale, is_damaged, is_used;
};

static bool has_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && !strcmp(a, b));
}

static bool same_row(const struct backup_file *a, const struct backup_file *b,
		     struct slice own_xattrs)
{
	return a->flags == b->flags && a->mode == b->mode && a->inode == b->inode &&
	       a->uid == b->uid && a->gid == b->gid && a->modified == b->modified &&
	       a->changed == b->changed && a->born == b->born && a->size == b->size &&
	       a->protection_class == b->protection_class && a->bsd_flags == b->bsd_flags &&
	       has_text(a->target, b->target) && slice_equal(a->xattrs, own_xattrs);
}

/* could the host's stored bytes be other than what would be sent? */
static int content_changed(struct plan *plan, const struct backup_file *host,
			   const struct sim_file *file, bool *is_changed, struct err *err)
{
	uint8_t key[BACKUP_KEY_LEN], blob[BACKUP_FILE_KEY_LEN];
	int r;

	*is_changed = !backup_file_is_regular(host) || host->size != file->row.size ||
		      host->modified != file->row.modified || host->inode != file->row.inode ||
		      (host->digest.len == 0) != !sim_domain_has_digest(file->row.domain);
	if (*is_changed || !plan->stage->is_encrypted)
		return 0;
	r = sim_keys_file(&plan->run->keys, file, key, blob, err);
	explicit_bzero(key, sizeof(key));
	*is_changed = !slice_equal(host->key, slice_of(blob, sizeof(blob)));
	return r;
}

static int plan_add(struct plan *plan, const struct sim_file *file, struct sim_item *item,
		    bool is_sent, struct err *err)
{
	item->id = file->id;
	hex_decode(file->row.file_id, item->file_id, sizeof(item->file_id));
	if (is_sent) {
		item->action |= SIM_ITEM_SEND;
		item->stored_len = plan->stage->is_encrypted ? backup_stored_len(file->row.size)
							     : file->row.size;
		plan->stage->upload_bytes += item->stored_len;
		plan->stage->upload_files++;
	}
	return sim_list_add(plan->stage->todo, item, err);
}

/* the next row of the host that names a file; has_row false behind the last */
static int host_advance(struct plan *plan, struct err *err)
{
	int r;

	plan->is_used = plan->is_stale = false;
	do {
		plan->row = (struct backup_file){0};
		r = backup_manifest_next(plan->host, &plan->row, err);
	} while (r == BACKUP_DAMAGED && !backup_file_id_is_valid(plan->row.file_id));
	plan->has_row = r == 0 || r == BACKUP_DAMAGED;
	plan->is_damaged = r == BACKUP_DAMAGED;
	memcpy(plan->row_id, plan->row.file_id, sizeof(plan->row_id));
	return r < 0 ? r : 0;
}

/* the walk's row again, if a look-up has overwritten it */
static int host_refresh(struct plan *plan, struct err *err)
{
	int r;

	if (!plan->is_stale)
		return 0;
	r = backup_manifest_find_id(plan->host, plan->row_id, &plan->row, err);
	plan->is_stale = false;
	plan->is_damaged = r != 0;
	return r < 0 ? r : 0;
}

static int host_look_up(struct plan *plan, const char *file_id, struct backup_file *row,
			struct err *err)
{
	plan->is_stale = plan->has_row;
	return backup_manifest_find_id(plan->host, file_id, row, err);
}

static int note_gone(struct plan *plan, struct err *err)
{
	struct sim_item item = {0};
	int r = host_refresh(plan, err);

	if (r < 0 || !hex_decode(plan->row_id, item.file_id, sizeof(item.file_id)))
		return r;
	item.action = plan->is_damaged || backup_file_is_regular(&plan->row) ? SIM_ITEM_SEND : 0;
	return sim_list_add(plan->stage->gone, &item, err);
}

/* the host's row of @file into @row: 0, BACKUP_ABSENT, BACKUP_DAMAGED */
static int host_find(struct plan *plan, const struct sim_file *file, struct backup_file *row,
		     struct err *err)
{
	struct sim_file own;
	int r = plan->is_used ? host_advance(plan, err) : 0;

	while (r == 0 && plan->has_row) {
		if (!strcmp(plan->row_id, file->row.file_id)) {
			r = host_refresh(plan, err);
			*row = plan->row;
			plan->is_used = true;
			return r < 0 ? r : plan->is_damaged ? BACKUP_DAMAGED : 0;
		}
		r = sim_files_find(plan->run->files, plan->row_id, &own, err);
		if (r < 0)
			return r;
		if (r == 0 && own.id > file->id)
			break; /* its turn comes */
		r = r == SIM_FILES_ABSENT ? note_gone(plan, err) : 0;
		if (r == 0)
			r = host_advance(plan, err);
	}
	return r < 0 ? r : host_look_up(plan, file->row.file_id, row, err);
}

/* rows of the host behind the device's last one */
static int host_rest(struct plan *plan, struct err *err)
{
	struct sim_file own;
	int r = plan->is_used ? host_advance(plan, err) : 0;

	while (r == 0 && plan->has_row) {
		r = sim_files_find(plan->run->files, plan->row_id, &own, err);
		if (r == SIM_FILES_ABSENT)
			r = note_gone(plan, err);
		if (r == 0)
			r = host_advance(plan, err);
	}
	return r;
}

static int plan_row(struct plan *plan, const struct sim_file *file, struct err *err)
{
	bool is_regular = backup_file_is_regular(&file->row), is_changed = is_regular;
	struct sim_item item = {0};
	struct backup_file host;
	struct slice xattrs;
	int r;

	if (!plan->host) /* the new manifest takes every row; only contents need a plan */
		return is_regular ? plan_add(plan, file, &item, true, err) : 0;
	r = host_find(plan, file, &host, err);
	if (r < 0)
		return r;
	if (r == BACKUP_ABSENT || r == BACKUP_DAMAGED)
		return plan_add(plan, file, &item, is_regular, err);
	r = is_regular ? content_changed(plan, &host, file, &is_changed, err) : 0;
	if (r == 0)
		r = sim_content_xattrs(plan->run->content, file, &xattrs, err);
	if (r < 0 || (!is_changed && same_row(&host, &file->row, xattrs)))
		return r;
	if (!is_changed && host.digest.len == sizeof(item.digest)) {
		memcpy(item.digest, host.digest.bytes, sizeof(item.digest));
		item.action |= SIM_ITEM_DIGEST;
	}
	return plan_add(plan, file, &item, is_changed, err);
}

static int open_host(struct sim_stage *stage, struct backup_manifest **out, struct err *err)
{
	struct source *source = NULL;
	int r = source_file_open(&source, stage->manifest, err);

	return r < 0 ? r : backup_manifest_open(out, source, err);
}

int sim_stage_plan(struct sim_run *run, struct sim_stage *stage, struct err *err)
{
	CLEANUP(backup_manifest_close_p) struct backup_manifest *host = NULL;
	struct plan plan = {.run = run, .stage = stage};
	struct sim_file file;
	int r = 0;

	if (!stage->is_full) {
		r = open_host(stage, &host, err);
		if (r == 0)
			r = backup_manifest_rewind(host, BACKUP_ORDER_STORED, NULL, err);
		plan.host = host;
		if (r == 0)
			r = host_advance(&plan, err);
	}
	if (r == 0)
		r = sim_files_rewind(run->files, SIM_FILES_BORN, err);
	while (r == 0 && (r = sim_files_next(run->files, &file, err)) == 0)
		if (sim_file_is_backed_up(run->device, &file.row))
			r = plan_row(&plan, &file, err);
	if (r < 0)
		return r;
	return host ? host_rest(&plan, err) : 0;
}

/* ---- the manifest ---- */

/** struct filling - Manifest.db being brought up to date; sent is walked beside the rows, both in
 * order of id */
struct filling {
	struct sim_run *run;
	struct sim_stage *stage;
	struct backup_manifest_writer *writer;
	struct sim_item sent;
	bool has_sent;
};

static int sent_advance(struct filling *filling, struct err *err)
{
	int r = sim_list_next(filling->stage->sent, &filling->sent, err);

	filling->has_sent = r == 0;
	return r < 0 ? r : 0;
}

static int put_row(struct filling *filling, const struct sim_file *file,
		   const struct sim_item *item, struct err *err)
{
	uint8_t key[BACKUP_KEY_LEN], blob[BACKUP_FILE_KEY_LEN];
	struct backup_file row = file->row;
	int r = sim_content_xattrs(filling->run->content, file, &row.xattrs, err);

	if (r < 0)
		return r;
	if (backup_file_is_regular(&row) && filling->stage->is_encrypted) {
		r = sim_keys_file(&filling->run->keys, file, key, blob, err);
		explicit_bzero(key, sizeof(key));
		row.key = slice_of(blob, sizeof(blob));
	}
	if (item && (item->action & SIM_ITEM_DIGEST))
		row.digest = slice_of(item->digest, sizeof(item->digest));
	return r < 0 ? r : backup_manifest_put(filling->writer, &row, err);
}

/* @planned: what the plan knew of the row (a kept digest), NULL for a new manifest */
static int fill_row(struct filling *filling, const struct sim_file *file,
		    const struct sim_item *planned, struct err *err)
{
	int r;

	if (!filling->has_sent || filling->sent.id != file->id)
		return put_row(filling, file, planned, err);
	r = filling->sent.action & SIM_ITEM_FAILED ? 0
						   : put_row(filling, file, &filling->sent, err);
	return r < 0 ? r : sent_advance(filling, err);
}

static int fill_all(struct filling *filling, struct err *err)
{
	struct sim_file file;
	int r = sim_files_rewind(filling->run->files, SIM_FILES_BORN, err);

	while (r == 0 && (r = sim_files_next(filling->run->files, &file, err)) == 0)
		if (sim_file_is_backed_up(filling->run->device, &file.row))
			r = fill_row(filling, &file, NULL, err);
	return r < 0 ? r : 0;
}

static int fill_changes(struct filling *filling, struct err *err)
{
	struct sim_stage *stage = filling->stage;
	struct sim_item item;
	struct sim_file file;
	char file_id[41];
	int r = sim_list_rewind(stage->todo, err);

	while (r == 0 && (r = sim_list_next(stage->todo, &item, err)) == 0) {
		r = sim_files_get(filling->run->files, item.id, &file, err);
		if (r == SIM_FILES_ABSENT)
			return err_set(err, ERR_CORRUPT, "a file vanished from the device's table");
		if (r == 0)
			r = fill_row(filling, &file, &item, err);
	}
	if (r < 0)
		return r;
	r = sim_list_rewind(stage->gone, err);
	while (r == 0 && (r = sim_list_next(stage->gone, &item, err)) == 0) {
		hex_encode(item.file_id, sizeof(item.file_id), file_id);
		r = backup_manifest_remove(filling->writer, file_id, err);
	}
	return r < 0 ? r : 0;
}

int sim_stage_manifest(struct sim_run *run, struct sim_stage *stage, struct err *err)
{
	struct filling filling = {.run = run, .stage = stage};
	int r;

	if (stage->is_full)
		r = backup_manifest_create(&filling.writer, stage->manifest, err);
	else
		r = backup_manifest_edit(&filling.writer, stage->manifest, err);
	if (r < 0)
		return r;
	r = sim_list_rewind(stage->sent, err);
	if (r == 0)
		r = sent_advance(&filling, err);
	if (r == 0)
		r = stage->is_full ? fill_all(&filling, err) : fill_changes(&filling, err);
	if (r < 0) {
		backup_manifest_abandon(filling.writer);
		return r;
	}
	return backup_manifest_finish(filling.writer, err);
}
