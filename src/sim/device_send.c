/*
 * device_send - contents on their way to the host
 *
 * Made, encrypted and digested in the room that the wire lends, block by block: nothing is copied
 * and no file is in memory.
 */
#include "sim/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH_COUNT = 512,      /* files in an upload message */
	BATCH_BYTES = 32 << 20, /* and bytes, unless one file alone is larger */
};

bool sim_domain_has_digest(const char *domain)
{
	static const char *const without[] = {"CameraRollDomain", "MediaDomain", "TonesDomain"};

	for (size_t i = 0; i < ARRAY_COUNT(without); i++)
		if (!strcmp(domain, without[i]))
			return false;
	return !strchr(domain, '-'); /* containers carry their name behind a hyphen */
}

/** struct pump - one stream of stored bytes: plain source, cipher, digest, room */
struct pump {
	struct sim_run *run;
	struct crypto_cbc *cipher;
	struct crypto_sha1 *sha1;
	bool is_encrypting, is_digesting;
	/* @len bytes at @offset; @offset is a multiple of SIM_BLOCK_LEN */
	int (*read)(struct pump *pump, uint64_t offset, uint8_t *at, size_t len, struct err *err);
	int fd;
};

static int pump_init(struct pump *pump, struct sim_run *run, struct err *err)
{
	int r;

	*pump = (struct pump){.run = run, .fd = -1};
	r = crypto_cbc_new(&pump->cipher, err);
	return r < 0 ? r : crypto_sha1_new(&pump->sha1, err);
}

static void pump_clear(struct pump *pump)
{
	crypto_cbc_free(pump->cipher);
	crypto_sha1_free(pump->sha1);
}

static int gone(struct sim_run *run, int r)
{
	if (r < 0)
		run->is_gone = true;
	return r;
}

static int read_content(struct pump *pump, uint64_t offset, uint8_t *at, size_t len,
			struct err *err)
{
	return sim_content_read(pump->run->content, offset, at, len, err);
}

static int read_fd(struct pump *pump, uint64_t offset, uint8_t *at, size_t len, struct err *err)
{
	return fs_pread_all(fs_system(), pump->fd, at, len, offset, err);
}

/*
 * One block: @len plain bytes at @offset, of @size in all.  When encrypting, the last block gets
 * the padding: a file that is a multiple of 16 long ends with a whole block of it.
 */
static int pump_block(struct pump *pump, uint64_t offset, size_t len, bool is_last, struct err *err)
{
	struct sim_host *host = pump->run->host;
	size_t pad = pump->is_encrypting && is_last ? CRYPTO_BLOCK_LEN - len % CRYPTO_BLOCK_LEN : 0;
	uint8_t *at;
	int r = gone(pump->run, host->upload_room(host, len + pad, &at, err));

	if (r < 0)
		return r;
	r = len ? pump->read(pump, offset, at, len, err) : 0;
	if (r < 0)
		return r;
	memset(at + len, (int)pad, pad);
	if (pump->is_encrypting) {
		r = crypto_cbc_update(pump->cipher, at, len + pad, at, err);
		if (r < 0)
			return r;
	}
	if (pump->is_digesting)
		crypto_sha1_update(pump->sha1, slice_of(at, len + pad));
	return gone(pump->run, host->upload_filled(host, len + pad, err));
}

/* a whole file of @size plain bytes; @key NULL: stored as it is */
static int pump_file(struct pump *pump, uint64_t size, const uint8_t *key, uint8_t *digest,
		     struct err *err)
{
	static const uint8_t zero[CRYPTO_BLOCK_LEN];
	uint64_t offset = 0;
	int r;

	pump->is_encrypting = key != NULL;
	pump->is_digesting = digest != NULL;
	if (key && (r = crypto_cbc_start(pump->cipher, true, key, zero, err)) < 0)
		return r;
	if (digest)
		crypto_sha1_reset(pump->sha1);
	/* room for the padding is kept free in every block, so that offsets stay multiples of a
	 * page */
	for (;;) {
		uint64_t left = size - offset;
		size_t most = SIM_BLOCK_LEN - SIM_PAGE_LEN, len = left < most ? (size_t)left : most;
		bool is_last = len == left;

		if (len == 0 && !(key && offset == size))
			break;
		r = pump_block(pump, offset, len, is_last, err);
		if (r < 0)
			return r;
		offset += len;
		if (is_last)
			break;
	}
	if (digest)
		crypto_sha1_final(pump->sha1, digest);
	return 0;
}

/* ---- single files ---- */

static int batch_end(struct sim_run *run, struct err *err)
{
	int64_t status = 0;
	int r = gone(run, run->host->upload_end(run->host, &status, err));

	if (r == SIM_HOST_ERROR && status != 0)
		return sim_run_fail(
			run, err, status == -15 ? SIM_CODE_NO_SPACE : SIM_CODE_TRANSFER,
			status == -15 ? "Insufficient free disk space on drive to back up: the "
					"host answered %lld"
				      : "Multiple errors uploading files: the host answered %lld",
			(long long)status);
	return r < 0 ? r : 0;
}

static int send_one(struct pump *pump, const char *device_name, const char *host_name,
		    uint64_t size, const uint8_t *key, uint8_t *digest, struct err *err)
{
	struct sim_run *run = pump->run;
	struct sim_host *host = run->host;
	int r = gone(run, host->upload_begin(host, run->progress,
					     key ? backup_stored_len(size) : size, err));

	if (r == 0)
		r = gone(run, host->upload_file(host, device_name, host_name, err));
	if (r == 0)
		r = pump_file(pump, size, key, digest, err);
	if (r == 0)
		r = gone(run, host->upload_file_end(host, err));
	return r < 0 ? r : batch_end(run, err);
}

int sim_send_file(struct sim_run *run, const char *device_name, const char *host_name,
		  const char *path, const uint8_t *key, uint8_t digest[BACKUP_DIGEST_LEN],
		  struct err *err)
{
	struct pump pump;
	struct stat st;
	int r = pump_init(&pump, run, err);

	pump.read = read_fd;
	pump.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r == 0 && (pump.fd < 0 || fstat(pump.fd, &st) < 0))
		r = err_set_errno(err, errno, "open %s", path);
	if (r == 0)
		r = send_one(&pump, device_name, host_name, (uint64_t)st.st_size, key, digest, err);
	close_p(&pump.fd);
	pump_clear(&pump);
	return r;
}

int sim_send_bytes(struct sim_run *run, const char *device_name, const char *host_name,
		   struct slice bytes, struct err *err)
{
	struct sim_host *host = run->host;
	uint8_t *at;
	int r = gone(run, host->upload_begin(host, run->progress, bytes.len, err));

	if (r == 0)
		r = gone(run, host->upload_file(host, device_name, host_name, err));
	while (r == 0 && bytes.len > 0) {
		size_t len = bytes.len < SIM_BLOCK_LEN ? bytes.len : SIM_BLOCK_LEN;

		r = gone(run, host->upload_room(host, len, &at, err));
		if (r < 0)
			break;
		memcpy(at, bytes.bytes, len);
		r = gone(run, host->upload_filled(host, len, err));
		bytes = slice_of(bytes.bytes + len, bytes.len - len);
	}
	if (r == 0)
		r = gone(run, host->upload_file_end(host, err));
	return r < 0 ? r : batch_end(run, err);
}

/* ---- the contents, in batches ---- */

/** struct sending - the walk over todo, one batch at a time */
struct sending {
	struct sim_run *run;
	struct sim_stage *stage;
	struct pump pump;
	struct sim_item batch[BATCH_COUNT];
	size_t count;
	uint64_t bytes;           /* of this batch */
	uint64_t done_bytes, nth; /* of all; nth counts files from 1, for faults */
	uint8_t made[32];         /* bit per hh: Snapshot/hh is made */
	bool screen_is_locked;
};

/* informational to the host, so this need only look like a device's */
static void device_name_of(const struct sim_file *file, char out[1400])
{
	const char *root = "/var/mobile/";

	if (!strncmp(file->row.domain, "AppDomain", 9))
		root = "/var/mobile/Containers/Data/Application/";
	else if (!strncmp(file->row.domain, "Sys", 3))
		root = "/var/containers/Shared/SystemGroup/";
	snprintf(out, 1400, "%s%s", root, file->row.path);
}

/* does the fault @kind hit this file? */
static const struct sim_fault *fault_for(struct sending *sending, enum sim_fault_kind kind,
					 const struct sim_file *file)
{
	struct sim_faults *faults = &sending->run->device->faults;
	const struct sim_fault *fault = sim_faults_find(faults, kind);
	char name[1600];

	if (!fault)
		return NULL;
	snprintf(name, sizeof(name), "%s/%s", file->row.domain, file->row.path);
	if (fault->text_len > 0 ? strcmp(fault->text, name) && strcmp(fault->text, file->row.path)
				: sending->nth != (fault->nth ? fault->nth : 1))
		return NULL;
	return sim_faults_take(faults, fault, "%s %s (file %llu)",
			       kind == SIM_FAULT_FILE_ERROR ? "cannot deliver" : "cuts short", name,
			       (unsigned long long)sending->nth)
		       ? fault
		       : NULL;
}

static bool is_unreadable(struct sending *sending, const struct sim_file *file)
{
	struct sim_faults *faults = &sending->run->device->faults;
	const struct sim_fault *fault = sim_faults_find(faults, SIM_FAULT_LOCK);

	if (fault && !sending->screen_is_locked && sending->nth >= fault->number &&
	    sim_faults_take(faults, fault, "the screen locks before file %llu",
			    (unsigned long long)sending->nth))
		sending->screen_is_locked = true;
	return sending->screen_is_locked && file->row.protection_class >= 1 &&
	       file->row.protection_class <= 3;
}

static int send_content(struct sending *sending, const struct sim_file *file, struct sim_item *item,
			struct err *err)
{
	struct sim_run *run = sending->run;
	uint8_t key[BACKUP_KEY_LEN], blob[BACKUP_FILE_KEY_LEN];
	uint64_t size = file->row.size;
	bool has_digest = sim_domain_has_digest(file->row.domain);
	int r = sim_content_open(run->content, file, err);

	if (r == 0 && sending->stage->is_encrypted)
		r = sim_keys_file(&run->keys, file, key, blob, err);
	if (r < 0)
		return r;
	if (fault_for(sending, SIM_FAULT_SHORT_FILE, file))
		size /= 2;
	r = pump_file(&sending->pump, size, sending->stage->is_encrypted ? key : NULL,
		      has_digest ? item->digest : NULL, err);
	explicit_bzero(key, sizeof(key));
	if (has_digest)
		item->action |= SIM_ITEM_DIGEST;
	return r < 0 ? r : gone(run, run->host->upload_file_end(run->host, err));
}

static int send_file(struct sending *sending, struct sim_item *item, struct err *err)
{
	struct sim_run *run = sending->run;
	struct sim_host *host = run->host;
	char device_name[1400], host_name[1024];
	struct sim_file file;
	int r = sim_files_get(run->files, item->id, &file, err);

	if (r != 0)
		return r < 0 ? r
			     : err_set(err, ERR_CORRUPT, "a file vanished from the device's table");
	sending->nth++;
	device_name_of(&file, device_name);
	sim_run_path(run, host_name, "Snapshot/%.2s/%s", file.row.file_id, file.row.file_id);
	r = gone(run, host->upload_file(host, device_name, host_name, err));
	if (r < 0)
		return r;
	if (is_unreadable(sending, &file)) {
		item->action |= SIM_ITEM_FAILED;
		sending->stage->failures++;
		return gone(run, host->upload_file_error(host, "Operation not permitted", err));
	}
	if (fault_for(sending, SIM_FAULT_FILE_ERROR, &file)) {
		item->action |= SIM_ITEM_FAILED;
		return gone(run, host->upload_file_error(host, "Operation not permitted", err));
	}
	sending->done_bytes += file.row.size;
	return send_content(sending, &file, item, err);
}

/* Snapshot/hh for every file of the batch that has none yet */
static int make_folders(struct sending *sending, struct err *err)
{
	char path[1024];

	for (size_t i = 0; i < sending->count; i++) {
		uint8_t first = sending->batch[i].file_id[0];
		int r;

		if (sending->made[first / 8] & (1u << first % 8))
			continue;
		sending->made[first / 8] |= (uint8_t)(1u << first % 8);
		r = sim_ask_mkdir(sending->run,
				  sim_run_path(sending->run, path, "Snapshot/%02x", first), err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int send_batch(struct sending *sending, struct err *err)
{
	struct sim_run *run = sending->run;
	int r;

	if (sending->count == 0)
		return 0;
	r = make_folders(sending, err);
	run->progress =
		2 + 90.0 * (double)sending->done_bytes / (double)(sending->stage->upload_bytes + 1);
	if (r == 0)
		r = gone(run,
			 run->host->upload_begin(run->host, run->progress, sending->bytes, err));
	for (size_t i = 0; r == 0 && i < sending->count; i++) {
		r = send_file(sending, &sending->batch[i], err);
		if (r == 0)
			r = sim_list_add(sending->stage->sent, &sending->batch[i], err);
	}
	sending->count = 0;
	sending->bytes = 0;
	return r < 0 ? r : batch_end(run, err);
}

static int send_all(struct sending *sending, struct err *err)
{
	struct sim_stage *stage = sending->stage;
	struct sim_item item;
	int r = sim_list_rewind(stage->todo, err);

	while (r == 0 && (r = sim_list_next(stage->todo, &item, err)) == 0) {
		if (!(item.action & SIM_ITEM_SEND))
			continue;
		if (sending->count == BATCH_COUNT ||
		    (sending->count > 0 && sending->bytes + item.stored_len > BATCH_BYTES)) {
			r = send_batch(sending, err);
			if (r < 0)
				return r;
		}
		sending->batch[sending->count++] = item;
		sending->bytes += item.stored_len;
	}
	return r < 0 ? r : send_batch(sending, err);
}

int sim_stage_send(struct sim_run *run, struct sim_stage *stage, struct err *err)
{
	struct sending *sending = calloc(1, sizeof(*sending));
	int r;

	if (!sending)
		return err_no_memory(err);
	sending->run = run;
	sending->stage = stage;
	r = pump_init(&sending->pump, run, err);
	sending->pump.read = read_content;
	if (r == 0)
		r = send_all(sending, err);
	pump_clear(&sending->pump);
	free(sending);
	if (r == 0 && stage->failures > 0)
		return sim_run_fail(run, err, SIM_CODE_TRANSFER,
				    "Multiple errors uploading files: %llu files could not be read "
				    "(device locked?)",
				    (unsigned long long)stage->failures);
	return r;
}
