/* device_run - one request of a host: how it starts, asks, fails and ends */
#include "sim/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

enum {
	SMALL_LEN_MAX = 64 << 20,  /* Status.plist, Manifest.plist of a host */
	SPACE_RESERVE = 128 << 20, /* what a device wants free beyond its upload */
	PURGE_URGENCY = 4,
	STATUS_EXISTS = -7, /* DeviceLink's EEXIST */
	FOLDER_LEN_MAX = 100,
};

int sim_run_open(struct sim_run *run, struct sim_device *device, struct sim_host *host,
		 const char *folder, struct sim_answer *answer, struct err *err)
{
	int r;

	*run = (struct sim_run){.device = device, .host = host, .answer = answer};
	*answer = (struct sim_answer){0};
	run->folder = folder && *folder ? folder : device->identity.udid;
	run->now = sim_device_now(device);
	sim_device_path(device, "scratch", run->scratch);
	pthread_mutex_lock(&device->lock);
	run->has_device = !device->is_busy;
	device->is_busy = true;
	pthread_mutex_unlock(&device->lock);
	if (!run->has_device)
		return sim_run_fail(run, err, SIM_CODE_GENERIC,
				    "Another backup or restore is running");
	r = path_check_relative(run->folder, strlen(run->folder), err);
	if (r == 0 && strlen(run->folder) > FOLDER_LEN_MAX)
		r = err_set(err, ERR_LIMIT, "the backup folder's name is too long");
	if (r < 0)
		return r;
	/* what an interrupted run left behind */
	r = fs_remove_tree(fs_system(), run->scratch, err);
	if (r == 0)
		r = fs_mkdirs(fs_system(), run->scratch, 0700, err);
	if (r == 0)
		r = sim_files_open(&run->files, device, err);
	if (r == 0)
		r = sim_content_new(&run->content, device, err);
	if (r == 0)
		r = sim_keys_load(&run->keys, device, err);
	return r;
}

int sim_run_fail(struct sim_run *run, struct err *err, int64_t code, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(run->answer->text, sizeof(run->answer->text) - 32, format, args);
	va_end(args);
	len = strlen(run->answer->text);
	snprintf(run->answer->text + len, sizeof(run->answer->text) - len, " (MBErrorDomain/%lld)",
		 (long long)code);
	run->answer->code = code;
	run->is_answered = true;
	return err_set(err, ERR_DEVICE, "%s", run->answer->text);
}

int sim_run_close(struct sim_run *run, int r, struct err *err)
{
	char text[256];

	sim_files_close_p(&run->files);
	sim_content_free_p(&run->content);
	sim_keys_wipe(&run->keys);
	if (run->has_device) {
		fs_remove_tree(fs_system(), run->scratch, NULL);
		pthread_mutex_lock(&run->device->lock);
		run->device->is_busy = false;
		pthread_mutex_unlock(&run->device->lock);
	}
	if (r >= 0 || run->is_gone)
		return r < 0 ? r : 0;
	if (!run->is_answered) { /* the simulator's own trouble, told as a device tells its own */
		snprintf(text, sizeof(text), "%.255s", err ? err->text : "internal error");
		sim_run_fail(run, err, r == ERR_NO_SPACE ? SIM_CODE_NO_SPACE : SIM_CODE_INTERNAL,
			     "%s", text);
	}
	return 0;
}

const char *sim_run_path(const struct sim_run *run, char out[1024], const char *format, ...)
{
	int used = snprintf(out, 1024, "%s/", run->folder);
	va_list args;

	va_start(args, format);
	if (used > 0 && used < 1024)
		vsnprintf(out + used, 1024 - (size_t)used, format, args);
	va_end(args);
	return out;
}

/* ---- questions ---- */

/* how a question ended: @r and @status as struct sim_host gives them */
static int settle(struct sim_run *run, int r, int64_t status, const char *what, struct err *err)
{
	if (r < 0) {
		run->is_gone = true;
		return r;
	}
	if (r == SIM_HOST_ERROR && status != 0)
		return sim_run_fail(run, err, status == -15 ? SIM_CODE_NO_SPACE : SIM_CODE_TRANSFER,
				    "%s: the host answered %lld", what, (long long)status);
	return 0;
}

int sim_ask_mkdir(struct sim_run *run, const char *path, struct err *err)
{
	int64_t status = 0;
	int r = run->host->mkdir(run->host, path, &status, err);

	if (r == SIM_HOST_ERROR && status == STATUS_EXISTS)
		return 0;
	return settle(run, r, status, "Error creating directory", err);
}

int sim_ask_move(struct sim_run *run, const char *const *pairs, size_t count, struct err *err)
{
	int64_t status = 0;
	int r = run->host->move(run->host, pairs, count, run->progress, &status, err);

	return settle(run, r, status, "Error moving snapshot items", err);
}

int sim_ask_remove(struct sim_run *run, const char *const *paths, size_t count, struct err *err)
{
	int64_t status = 0;
	int r = run->host->remove(run->host, paths, count, run->progress, &status, err);

	return settle(run, r, status, "Error removing items", err);
}

int sim_ask_contents(struct sim_run *run, const char *path,
		     int (*each)(void *arg, const struct sim_entry *entry), void *arg,
		     struct err *err)
{
	int64_t status = 0;
	int r = run->host->contents(run->host, path, each, arg, &status, err);

	if (r < 0)
		run->is_gone = true;
	return r < 0 ? r : 0; /* some hosts refuse to list what is not there */
}

/** struct small - a sink into memory, a digest, or a local file, through a decryptor if there is
 * one */
struct small {
	struct sim_sink sink;
	struct buf *bytes;        /* or NULL: */
	struct crypto_sha1 *sha1; /* or NULL: */
	int fd;
	uint64_t len;
	struct sim_decryptor *decryptor;
	bool is_there;
};

static int small_write(void *arg, struct slice plain, struct err *err)
{
	struct small *small = arg;
	int r = fs_pwrite_all(fs_system(), small->fd, plain.bytes, plain.len, small->len, err);

	small->len += plain.len;
	return r;
}

static int small_begin(struct sim_sink *sink, const char *path, struct err *err)
{
	(void)sink;
	(void)path;
	(void)err;
	return 0;
}

static int small_bytes(struct sim_sink *sink, struct slice bytes, struct err *err)
{
	struct small *small = (struct small *)sink;

	if (small->decryptor)
		return sim_decryptor_update(small->decryptor, bytes, err);
	if (small->bytes)
		return buf_append_slice(small->bytes, bytes, err);
	if (!small->sha1)
		return small_write(small, bytes, err);
	crypto_sha1_update(small->sha1, bytes);
	return 0;
}

static int small_end(struct sim_sink *sink, const char *path, const char *error, struct err *err)
{
	struct small *small = (struct small *)sink;

	(void)path;
	(void)err;
	/* a torn cipher text leaves a file that will not open as a manifest: that says enough */
	if (!error && small->decryptor)
		sim_decryptor_finish(small->decryptor, NULL);
	small->is_there = !error;
	return 0;
}

static int download_one(struct sim_run *run, const char *path, struct small *small, struct err *err)
{
	int64_t status = 0;
	int r;

	small->sink = (struct sim_sink){small_begin, small_bytes, small_end};
	r = run->host->download(run->host, &path, 1, run->progress, &small->sink, &status, err);
	if (r < 0)
		run->is_gone = true;
	/* an absent file has told so in its own end; the status only repeats it */
	return r < 0 ? r : 0;
}

int sim_ask_small(struct sim_run *run, const char *path, struct buf *out, bool *is_there,
		  struct err *err)
{
	struct small small = {.bytes = out, .fd = -1};
	int r = download_one(run, path, &small, err);

	*is_there = small.is_there;
	return r;
}

int sim_ask_file(struct sim_run *run, const char *path, const char *into, const uint8_t *key,
		 bool *is_there, struct err *err)
{
	struct small small = {.fd = open(into, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
	int r = 0;

	if (small.fd < 0)
		return err_set_errno(err, errno, "create %s", into);
	if (key) {
		r = sim_decryptor_new(&small.decryptor, small_write, &small, err);
		if (r == 0)
			r = sim_decryptor_start(small.decryptor, key, err);
	}
	if (r == 0)
		r = download_one(run, path, &small, err);
	*is_there = small.is_there;
	sim_decryptor_free_p(&small.decryptor);
	close(small.fd);
	return r;
}

int sim_ask_digest(struct sim_run *run, const char *path, uint8_t digest[BACKUP_DIGEST_LEN],
		   bool *is_there, struct err *err)
{
	struct small small = {.fd = -1};
	int r = crypto_sha1_new(&small.sha1, err);

	if (r == 0) {
		crypto_sha1_reset(small.sha1);
		r = download_one(run, path, &small, err);
		crypto_sha1_final(small.sha1, digest);
	}
	*is_there = small.is_there;
	crypto_sha1_free(small.sha1);
	return r;
}

static int ask_free(struct sim_run *run, uint64_t *bytes, struct err *err)
{
	int64_t status = 0;
	int r = run->host->free_space(run->host, bytes, &status, err);

	return settle(run, r, status, "Error getting free disk space", err);
}

int sim_ask_space(struct sim_run *run, uint64_t needed, struct err *err)
{
	uint64_t have = 0;
	int64_t status = 0;
	int r = ask_free(run, &have, err);

	needed += SPACE_RESERVE;
	if (r < 0 || have > needed)
		return r;
	if (sim_version_number(run->device->identity.product_version) >= 140000) {
		r = run->host->purge(run->host, needed - have + (2ull << 30), PURGE_URGENCY,
				     &status, err);
		if (r < 0) {
			run->is_gone = true;
			return r;
		}
		r = ask_free(run, &have, err); /* whatever it answered: only the space counts */
		if (r < 0 || have > needed)
			return r;
	}
	return sim_run_fail(
		run, err, SIM_CODE_NO_SPACE,
		"Insufficient free disk space on drive to back up: %llu bytes needed, %llu free",
		(unsigned long long)needed, (unsigned long long)have);
}
