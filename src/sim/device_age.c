/*
 * device_age - days pass
 *
 * Each day a share of the files is rewritten (four fifths of them databases, which change a few
 * pages in place, and property lists), some photos come, some files go; the clock moves on.
 * Who is hit is a function of (seed, day, row), and the counts are exact: of K candidates N are
 * chosen by selection sampling, so that small devices age too.
 */
#include "sim/device.h"

#include <math.h>
#include <string.h>

enum { CHANGED_DEFAULT = 3, DATABASE_SHARE = 80, BORN_PER_MILLE = 2, GONE_PER_MILLE = 1 };
enum purpose { FOR_DATABASE = 101, FOR_OTHER, FOR_GONE, FOR_TIME, FOR_SIZE, FOR_GROWTH };

/** struct lot - @wanted of the @left next candidates are to be chosen */
struct lot {
	uint64_t wanted, left;
};

/** struct day - one day of ageing */
struct day {
	struct sim_device *device;
	struct sim_files *files;
	uint64_t seed, number; /* of the day, since birth */
	int64_t morning;
	struct sim_list *chosen;
	struct lot databases, others, gone;
	uint64_t next_content;
};

static bool draw(const struct day *day, struct lot *lot, const struct sim_file *file,
		 enum purpose purpose)
{
	bool is_chosen;

	if (lot->left == 0)
		return false;
	is_chosen =
		sim_mix(day->seed ^ (day->number << 8), (uint64_t)file->id, purpose) % lot->left <
		lot->wanted;
	lot->left--;
	if (is_chosen)
		lot->wanted--;
	return is_chosen;
}

/* a device's management and keychain do not change by themselves */
static bool may_age(const struct sim_file *file)
{
	return backup_file_is_regular(&file->row) && strcmp(file->row.domain, "KeychainDomain") &&
	       strcmp(file->row.domain, "ManagedPreferencesDomain") &&
	       strcmp(file->row.domain,
		      "SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles");
}

static bool is_database(const struct sim_file *file)
{
	return file->kind == SIM_KIND_SQLITE || file->kind == SIM_KIND_PLIST;
}

static int count_candidates(struct day *day, double changed_percent, struct err *err)
{
	uint64_t databases = 0, others = 0, wanted;
	struct sim_file file;
	int r = sim_files_rewind(day->files, SIM_FILES_BORN, err);

	while (r == 0 && (r = sim_files_next(day->files, &file, err)) == 0)
		if (may_age(&file))
			(*(is_database(&file) ? &databases : &others))++;
	if (r < 0)
		return r;
	wanted = (uint64_t)llround((double)(databases + others) * changed_percent / 100);
	day->databases = (struct lot){wanted * DATABASE_SHARE / 100, databases};
	day->others = (struct lot){wanted - day->databases.wanted, others};
	day->gone = (struct lot){(others * GONE_PER_MILLE + 999) / 1000, others};
	if (day->databases.wanted > databases) { /* a device of photos rewrites what it has */
		day->others.wanted += day->databases.wanted - databases;
		day->databases.wanted = databases;
	}
	if (day->others.wanted > others)
		day->others.wanted = others;
	if (changed_percent == 0)
		day->gone.wanted = 0;
	return 0;
}

enum { CHOSEN_REWRITTEN = 1, CHOSEN_GONE = 2 };

static int choose(struct day *day, struct err *err)
{
	struct sim_file file;
	int r = sim_files_rewind(day->files, SIM_FILES_BORN, err);

	while (r == 0 && (r = sim_files_next(day->files, &file, err)) == 0) {
		struct sim_item item = {.id = file.id};
		bool is_rewritten;

		if (!may_age(&file))
			continue;
		is_rewritten = is_database(&file) ? draw(day, &day->databases, &file, FOR_DATABASE)
						  : draw(day, &day->others, &file, FOR_OTHER);
		item.action = is_rewritten ? CHOSEN_REWRITTEN : 0;
		if (!is_database(&file) && draw(day, &day->gone, &file, FOR_GONE))
			item.action = CHOSEN_GONE;
		if (item.action)
			r = sim_list_add(day->chosen, &item, err);
	}
	return r < 0 ? r : 0;
}

static void rewrite(const struct day *day, struct sim_file *file)
{
	uint64_t mixed = sim_mix(day->seed ^ (day->number << 8), (uint64_t)file->id, FOR_SIZE);

	file->version++;
	file->revision++;
	file->row.modified = file->row.changed =
		day->morning +
		(int64_t)(sim_mix(day->seed, (uint64_t)file->id, FOR_TIME) % SIM_DAY_SECONDS);
	if (is_database(file)) {
		/* a database grows by whole pages, and one that is stored must not read behind its
		 * stored bytes */
		if (file->kind == SIM_KIND_SQLITE && !file->pack && mixed % 10 == 0)
			file->row.size += SIM_PAGE_LEN * (1 + mixed / 10 % 4);
		return;
	}
	if (file->kind == SIM_KIND_TEXT || file->kind == SIM_KIND_OPAQUE)
		file->row.size = file->row.size * (95 + mixed % 11) / 100;
}

static int apply(struct day *day, struct sim_ageing *ageing, struct err *err)
{
	struct sim_item item;
	int r = sim_list_rewind(day->chosen, err);

	while (r == 0 && (r = sim_list_next(day->chosen, &item, err)) == 0) {
		struct sim_file file;

		if (item.action == CHOSEN_GONE) {
			r = sim_files_remove(day->files, item.id, err);
			ageing->gone++;
			continue;
		}
		r = sim_files_get(day->files, item.id, &file, err);
		if (r != 0)
			return r < 0 ? r
				     : err_set(err, ERR_CORRUPT,
					       "a file vanished from the device's table");
		rewrite(day, &file);
		r = sim_files_update(day->files, &file, err);
		ageing->rewritten++;
	}
	return r < 0 ? r : 0;
}

/* ---- photos of the day ---- */

static int add_row(struct day *day, const char *path, enum sim_kind kind, uint64_t size,
		   struct err *err)
{
	struct sim_file file = {.kind = kind,
				.content = day->next_content,
				.row = {.domain = "CameraRollDomain", .path = path}};
	struct sim_file known;
	int r;

	backup_file_id(file.row.domain, path, file.row.file_id);
	r = sim_files_find(day->files, file.row.file_id, &known, err);
	if (r != SIM_FILES_ABSENT)
		return r;
	file.row.flags = kind == SIM_KIND_NONE ? 2 : 1;
	file.row.mode = kind == SIM_KIND_NONE ? S_IFDIR | 0755 : S_IFREG | 0644;
	file.row.protection_class = kind == SIM_KIND_NONE ? 0 : 3;
	file.row.inode = 100000 + (int64_t)day->next_content;
	file.row.uid = file.row.gid = 501;
	file.row.size = size;
	file.row.born = file.row.modified = file.row.changed =
		day->morning +
		(int64_t)(sim_mix(day->seed, day->next_content, FOR_TIME) % SIM_DAY_SECONDS);
	day->next_content++;
	return sim_files_insert(day->files, &file, err);
}

/* sizes like those that are there: a device scaled down takes small photos */
static int photo_size(struct day *day, uint64_t *size, struct err *err)
{
	uint64_t rows = 0, regular = 0, bytes = 0;
	int r = sim_files_count(day->files, &rows, &regular, &bytes, err);

	*size = regular ? 2 * bytes / regular + 1000 : 2000000;
	if (*size > 3000000)
		*size = 3000000;
	return r;
}

static int take_photos(struct day *day, struct sim_ageing *ageing, struct err *err)
{
	static const char *const folders[] = {"", "Media", "Media/DCIM"};
	uint64_t rows = 0, regular = 0, bytes = 0, count, size = 0;
	char path[256];
	int r = sim_files_count(day->files, &rows, &regular, &bytes, err);

	count = (regular * BORN_PER_MILLE + 999) / 1000;
	if (r == 0)
		r = photo_size(day, &size, err);
	for (size_t i = 0; r == 0 && count > 0 && i < ARRAY_COUNT(folders); i++)
		r = add_row(day, folders[i], SIM_KIND_NONE, 0, err);
	snprintf(path, sizeof(path), "Media/DCIM/%lluAPPLE",
		 500ull + (unsigned long long)day->number);
	if (r == 0 && count > 0)
		r = add_row(day, path, SIM_KIND_NONE, 0, err);
	for (uint64_t i = 0; r == 0 && i < count; i++) {
		uint64_t mixed = sim_mix(day->seed, day->next_content, FOR_GROWTH);

		snprintf(path, sizeof(path), "Media/DCIM/%lluAPPLE/IMG_%05llu.JPG",
			 500ull + (unsigned long long)day->number, (unsigned long long)i);
		r = add_row(day, path, SIM_KIND_PHOTO, size * (50 + mixed % 100) / 100, err);
		ageing->born++;
	}
	return r;
}

static int pass_day(struct day *day, double changed_percent, struct sim_ageing *ageing,
		    struct err *err)
{
	int r = sim_list_new(&day->chosen, day->device, err);

	if (r == 0)
		r = count_candidates(day, changed_percent, err);
	if (r == 0)
		r = choose(day, err);
	if (r == 0)
		r = apply(day, ageing, err);
	if (r == 0 && changed_percent > 0)
		r = take_photos(day, ageing, err);
	sim_list_free_p(&day->chosen);
	return r;
}

static int clock_move(struct sim_device *device, int64_t now, uint64_t days, struct err *err)
{
	if (sim_fact_int(device, "now", -1) >= 0 || device->now >= 0)
		return sim_fact_put_int(device, "now", now + (int64_t)days * SIM_DAY_SECONDS, err);
	return sim_fact_put_int(
		device, "clock_offset",
		sim_fact_int(device, "clock_offset", 0) + (int64_t)days * SIM_DAY_SECONDS, err);
}

int sim_age(struct sim_device *device, uint64_t days, double changed_percent,
	    struct sim_ageing *ageing, struct err *err)
{
	CLEANUP(sim_files_close_p) struct sim_files *files = NULL;
	struct day day = {.device = device, .seed = device->identity.seed};
	uint64_t lived = (uint64_t)sim_fact_int(device, "days_lived", 0);
	int64_t now = sim_device_now(device);
	char path[SIM_FOLDER_MAX + 64];
	int r = sim_files_open(&files, device, err);

	*ageing = (struct sim_ageing){0};
	if (r == 0)
		r = fs_mkdirs(fs_system(), sim_device_path(device, "scratch", path), 0700, err);
	if (r == 0)
		r = sim_files_begin(files, true, err);
	if (r < 0)
		return r;
	day.files = files;
	day.next_content = (uint64_t)sim_fact_int(device, "content_next", 1);
	for (uint64_t i = 0; r == 0 && i < days; i++) {
		day.number = lived + i + 1;
		day.morning = now + (int64_t)i * SIM_DAY_SECONDS;
		r = pass_day(&day, changed_percent < 0 ? CHANGED_DEFAULT : changed_percent, ageing,
			     err);
	}
	if (r == 0)
		r = sim_files_commit(files, err);
	if (r == 0)
		r = sim_fact_put_int(device, "content_next", (int64_t)day.next_content, err);
	if (r == 0)
		r = sim_fact_put_int(device, "days_lived", (int64_t)(lived + days), err);
	return r < 0 ? r : clock_move(device, now, days, err);
}
