/*
 * device_transfer - restores that need no computer: from iCloud, and straight from another device
 *
 * The source is a device's folder: what its backup in iCloud holds is what a folder held when it
 * was copied.  Rows and contents come as a computer's restore brings them, and the same mechanism
 * decides about management.  Keychain items travel under the hardware's key.
 */
#include "sim/device_restore.h"
#include "sim/mechanism.h"

#include <stdlib.h>
#include <string.h>

enum { PART_LEN = 64 << 10 };

/** struct transfer - rows on their way */
struct transfer {
	struct sim_restore restore; /* for its rules about rows */
	struct sim_device *target, *source;
	struct sim_files *from, *to;
	struct sim_content *content;
	struct sim_pack *pack;
	struct buf part;
};

/* ---- may it be? ---- */

static int refuse(struct sim_device *device, const char *outcome, struct err *err)
{
	int r = sim_restore_note(device, outcome, "not_kept", err);

	return r < 0 ? r : SIM_DEVICE_PROHIBITED;
}

static int check(struct sim_device *target, const struct sim_device *source, bool is_direct,
		 struct err *err)
{
	struct sim_cloud fresh;
	int r = sim_setup_to_pane(target, err);

	if (r < 0)
		return r;
	if (r == SIM_SETUP_WAITS)
		return refuse(target, "blocked", err);
	if (r == SIM_SETUP_IS_DONE) /* only once for each erase, and only on the way */
		return refuse(target, "not_offered", err);
	/* a device that ADE knows is given no device to transfer from */
	if (is_direct && !sim_fact_int(target, "setup/return_to_service", 0) &&
	    sim_cloud_load(target, SIM_SET_ASIDE_PATH, &fresh, err) == 0 && !fresh.is_multi_user)
		return refuse(target, "unsupported", err);
	if (r == SIM_SETUP_NOT_OFFERED)
		return refuse(target, "not_offered", err);
	if (sim_version_number(source->identity.product_version) >
	    sim_version_number(target->identity.product_version))
		return refuse(target, "unsupported", err);
	return 0;
}

/* ---- rows ---- */

static int copy_content(struct transfer *transfer, const struct sim_file *file, struct err *err)
{
	int r = sim_content_open(transfer->content, file, err);

	for (uint64_t offset = 0; r == 0 && offset < file->row.size; offset += PART_LEN) {
		uint64_t left = file->row.size - offset;

		transfer->part.len = left < PART_LEN ? (size_t)left : PART_LEN;
		r = sim_content_read(transfer->content, offset, transfer->part.bytes,
				     transfer->part.len, err);
		if (r == 0)
			r = sim_pack_append(transfer->pack, buf_slice(&transfer->part), err);
	}
	return r;
}

static int copy_row(struct transfer *transfer, const struct sim_file *file, struct err *err)
{
	struct sim_file row = *file, own;
	int r;

	row.version = 0;
	row.xattr_len = 0;
	row.offset = sim_pack_len(transfer->pack);
	row.stored_len = 0;
	row.pack = 0;
	r = sim_content_xattrs(transfer->content, file, &row.row.xattrs, err);
	if (r == 0 && backup_file_is_regular(&file->row) && file->row.size > 0) {
		row.pack = sim_pack_number(transfer->pack);
		row.stored_len = file->row.size;
		r = copy_content(transfer, file, err);
	}
	if (r == 0)
		r = sim_files_find(transfer->to, file->row.file_id, &own, err);
	if (r == SIM_FILES_ABSENT)
		return sim_files_insert(transfer->to, &row, err);
	row.id = own.id;
	row.revision = own.revision + 1;
	return r < 0 ? r : sim_files_update(transfer->to, &row, err);
}

static int copy_all(struct transfer *transfer, struct err *err)
{
	struct sim_file file;
	int r = sim_files_rewind(transfer->from, SIM_FILES_BORN, err);

	while (r == 0 && (r = sim_files_next(transfer->from, &file, err)) == 0)
		if (sim_file_is_backed_up(transfer->source, &file.row) &&
		    sim_restore_row_comes(&transfer->restore, &file.row))
			r = copy_row(transfer, &file, err);
	return r < 0 ? r : 0;
}

static int transfer_open(struct transfer *transfer, struct err *err)
{
	int r = sim_keychain_export(transfer->source, false, err);

	transfer->part = BUF_INIT(PART_LEN);
	if (r == 0)
		r = buf_reserve(&transfer->part, PART_LEN, err);
	if (r == 0)
		r = sim_files_open(&transfer->from, transfer->source, err);
	if (r == 0)
		r = sim_files_open(&transfer->to, transfer->target, err);
	if (r == 0)
		r = sim_content_new(&transfer->content, transfer->source, err);
	if (r == 0)
		r = sim_pack_new(&transfer->pack, transfer->target, err);
	return r < 0 ? r : sim_files_begin(transfer->to, true, err);
}

static int transfer_run(struct transfer *transfer, struct err *err)
{
	int r = transfer_open(transfer, err);

	if (r == 0)
		r = copy_all(transfer, err);
	if (r == 0)
		r = sim_pack_finish(&transfer->pack, err);
	if (r == 0)
		r = sim_files_commit(transfer->to, err);
	return r < 0 ? r : sim_packs_sweep(transfer->target, transfer->to, err);
}

int sim_transfer(struct sim_device *target, struct sim_device *source, bool is_direct,
		 struct err *err)
{
	static const struct sim_restore_options all = {.system_files = true};
	struct transfer *transfer;
	struct sim_restored restored = {.system_files = true};
	int r = check(target, source, is_direct, err);

	if (r != 0)
		return r;
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return err_no_memory(err);
	restored.is_same_hardware = !strcmp(source->identity.udid, target->identity.udid);
	transfer->target = target;
	transfer->source = source;
	transfer->restore.options = &all;
	transfer->restore.is_same_device = restored.is_same_hardware;
	r = transfer_run(transfer, err);
	sim_pack_abandon_p(&transfer->pack);
	sim_content_free_p(&transfer->content);
	sim_files_close_p(&transfer->from);
	sim_files_close_p(&transfer->to);
	buf_clear(&transfer->part);
	free(transfer);
	if (r == 0)
		r = sim_fact_put_int(target, "setup/pane_is_used", 1, err);
	return r < 0 ? r : sim_mechanism_run(target, &restored, err);
}
