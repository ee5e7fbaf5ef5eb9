/*
 * device_profile - what a device of a given size holds
 *
 * Counts, shares and sizes follow docs/format/ios-backup, "Size profile": S has the
 * histogram of a real, nearly idle phone; the others draw app and system files from its log-normal
 * fit and photos from the usual sizes of cameras, and are then scaled to the profile's payload.
 * Every draw is a function of (seed, purpose, number): no order of drawing is left to chance.
 */
#include "sim/device_nursery.h"

#include <math.h>
#include <string.h>

struct profile {
	const char *name;
	uint64_t rows;
	unsigned folder_percent; /* of the rows */
	uint64_t payload;        /* bytes */
	unsigned photo_percent;  /* of the files; they hold a third of the bytes */
	unsigned apps, plugins;
	uint32_t xattr_len; /* on every file: what makes large manifests large */
};

static const struct profile profiles[] = {
	{"S", 3721, 70, 182000000, 12, 12, 180, 0},
	{"M", 60000, 25, 80000000, 15, 60, 400, 0}, /* 8 GB, 1:100 */
	{"L", 300000, 15, 64000000000, 15, 120, 600, 64},
	{"XL", 1300000, 10, 86000000000, 10, 200, 800, 160},
	{"XL-test", 1300000, 10, 3800000000, 10, 200, 800, 160},
	{"fresh", 0, 0, 0, 0, 0, 0, 0}, /* just out of Setup Assistant */
};

enum purpose {
	FOR_PHOTO_SIZE = 1,
	FOR_PHOTO_TYPE,
	FOR_SIZE,
	FOR_NORMAL,
	FOR_KIND,
	/* 6: ages of files, device_nursery.c */
	FOR_NAME = 7,
	FOR_BUCKET
};

/** struct growth - a profile being filled in */
struct growth {
	struct sim_nursery base;
	const struct profile *profile;
	double photo_scale, app_scale;
};

static double unit(uint64_t mixed)
{
	return ((double)(mixed >> 11) + 0.5) / 9007199254740992.0;
}

/* ---- sizes ---- */

/** the real phone's histogram: files from @from bytes on, up to the next bucket */
static const struct {
	uint64_t from, to;
	unsigned files;
} buckets[] = {
	{0, 1, 24},
	{1, 512, 486},
	{512, 1024, 111},
	{1024, 4096, 121},
	{4096, 16384, 86},
	{16384, 65536, 124},
	{65536, 262144, 71},
	{262144, 1048576, 44},
	{1048576, 4194304, 15},
	{4194304, 16777216, 6},
	{16777216, 64000000, 1},
};
enum { BUCKET_FILES = 1089, SMALL_FILE = 1024, LARGEST_FILE = 256 << 20 };

static double size_by_histogram(uint64_t seed, uint64_t index)
{
	/* a golden-ratio walk meets each bucket in its share, whatever the seed */
	double at =
		fmod(unit(sim_mix(seed, 0, FOR_BUCKET)) + (double)index * 0.6180339887498949, 1) *
		BUCKET_FILES;
	size_t i = 0;

	while (i + 1 < ARRAY_COUNT(buckets) && at >= buckets[i].files)
		at -= buckets[i++].files;
	if (buckets[i].from == 0)
		return 0;
	return (double)buckets[i].from * pow((double)buckets[i].to / (double)buckets[i].from,
					     unit(sim_mix(seed, index, FOR_SIZE)) * 0.999);
}

static double size_by_fit(uint64_t seed, uint64_t index)
{
	double a = unit(sim_mix(seed, index, FOR_SIZE)), b = unit(sim_mix(seed, index, FOR_NORMAL));
	double size = exp(7.30 + 2.93 * sqrt(-2 * log(a)) * cos(2 * M_PI * b));

	return size > LARGEST_FILE ? LARGEST_FILE : size;
}

static double app_size_raw(const struct growth *growth, uint64_t index)
{
	return strcmp(growth->profile->name, "S") ? size_by_fit(growth->base.seed, index)
						  : size_by_histogram(growth->base.seed, index);
}

static uint64_t app_size(const struct growth *growth, uint64_t index)
{
	double size = app_size_raw(growth, index);

	/* small files are small on every device: the payload is in the large ones */
	if (size > SMALL_FILE && size * growth->app_scale > SMALL_FILE)
		size *= growth->app_scale;
	else if (size > SMALL_FILE)
		size = SMALL_FILE;
	return (uint64_t)size;
}

/* thumbnails, photos, Live Photo movies, videos */
static double photo_size_raw(uint64_t seed, uint64_t index, enum sim_kind *kind)
{
	uint64_t type = sim_mix(seed, index, FOR_PHOTO_TYPE) % 1000;
	double at = unit(sim_mix(seed, index, FOR_PHOTO_SIZE));

	*kind = type >= 930 ? SIM_KIND_MOVIE : SIM_KIND_PHOTO;
	if (type < 700)
		return 5e3 + 55e3 * at;
	if (type < 930)
		return 1.5e6 + 2.5e6 * at;
	if (type < 998)
		return 2e6 + 4e6 * at;
	return 20e6 * pow(200, at);
}

static void scales_find(struct growth *growth, uint64_t apps, uint64_t photos)
{
	double total = 0, part = (double)growth->profile->payload / 3,
	       known_bytes = (double)sim_nursery_known_bytes();
	enum sim_kind kind;

	for (uint64_t i = 0; i < photos; i++)
		total += photo_size_raw(growth->base.seed, i, &kind);
	growth->photo_scale = total > 0 ? part / total : 1;
	/* small files keep their size, so the scale of the others is approached */
	growth->app_scale = 1;
	for (unsigned round = 0; round < 6; round++) {
		total = 0;
		for (uint64_t i = 0; i < apps; i++)
			total += (double)app_size(growth, i);
		if (total > 0)
			growth->app_scale *= (2 * part - known_bytes) / total;
	}
}

/* ---- photos ---- */

static int add_photo(struct growth *growth, uint64_t index, struct err *err)
{
	enum sim_kind kind;
	double raw = photo_size_raw(growth->base.seed, index, &kind);
	bool is_thumbnail = raw < 1e6;
	uint64_t folder = index / 1000 + 100;
	char path[256];
	int r = 0;

	if (index % 1000 == 0) {
		snprintf(path, sizeof(path), "Media/DCIM/%lluAPPLE", (unsigned long long)folder);
		r = sim_nursery_folder(&growth->base, "CameraRollDomain", path, err);
		snprintf(path, sizeof(path), "Media/PhotoData/Thumbnails/%llu",
			 (unsigned long long)folder);
		if (r == 0)
			r = sim_nursery_folder(&growth->base, "CameraRollDomain", path, err);
	}
	snprintf(path, sizeof(path),
		 is_thumbnail             ? "Media/PhotoData/Thumbnails/%llu/%04llu.JPG"
		 : kind == SIM_KIND_PHOTO ? "Media/DCIM/%lluAPPLE/IMG_%04llu.JPG"
					  : "Media/DCIM/%lluAPPLE/IMG_%04llu.MOV",
		 (unsigned long long)folder, (unsigned long long)(index % 1000));
	return r < 0 ? r
		     : sim_nursery_file(&growth->base, "CameraRollDomain", path, kind,
					(uint64_t)(raw * growth->photo_scale) + 256, err);
}

/* ---- apps ---- */

static const char *container_name(const struct growth *growth, uint64_t index, char out[128])
{
	uint64_t apps = growth->profile->apps;
	uint64_t owner = apps ? index % apps + 1 : 1;

	if (index == 0)
		snprintf(out, 128, "HomeDomain");
	else if (index <= apps)
		snprintf(out, 128, "AppDomain-org.example.app%03llu", (unsigned long long)index);
	else if (index <= 2 * apps)
		snprintf(out, 128, "AppDomainGroup-group.org.example.app%03llu",
			 (unsigned long long)(index - apps));
	else
		snprintf(out, 128, "AppDomainPlugin-org.example.app%03llu.extension%03llu",
			 (unsigned long long)owner, (unsigned long long)(index - 2 * apps));
	return out;
}

static int add_container(struct growth *growth, uint64_t index, struct err *err)
{
	static const char *const folders[] = {"", "Documents", "Library", "Library/Preferences",
					      "Library/Application Support"};
	char domain[128];
	int r = 0;

	container_name(growth, index, domain);
	if (index == 0)
		return sim_nursery_folder(&growth->base, domain, "Library/Application Support",
					  err);
	for (size_t i = 0; r == 0 && i < ARRAY_COUNT(folders); i++)
		if (i != 4 ||
		    index <= 2 * growth->profile->apps) /* an extension supports nothing */
			r = sim_nursery_folder(&growth->base, domain, folders[i], err);
	return r;
}

static void app_file_name(uint64_t mixed, uint64_t index, uint64_t size, bool is_plugin,
			  char path[256], enum sim_kind *kind)
{
	unsigned die = (unsigned)(mixed % 100);
	unsigned long long number = index;

	if (size < 16384 && die < 62) {
		snprintf(path, 256, "Library/Preferences/org.example.%05llu.plist", number);
		*kind = SIM_KIND_PLIST;
	} else if (size < 16384 || is_plugin) {
		snprintf(path, 256, "%s/%05llu%s",
			 is_plugin ? "Library/Preferences" : "Library/Application Support", number,
			 die < 82 ? ".json" : "");
		*kind = die < 82 ? SIM_KIND_TEXT : SIM_KIND_OPAQUE;
	} else if (die < 60) {
		snprintf(path, 256, "Library/Application Support/store%05llu.sqlite", number);
		*kind = SIM_KIND_SQLITE;
	} else if (die < 85) {
		snprintf(path, 256, "Library/Application Support/notes%05llu.txt", number);
		*kind = SIM_KIND_TEXT;
	} else {
		snprintf(path, 256, "Library/Application Support/image%05llu.png", number);
		*kind = SIM_KIND_OPAQUE;
	}
}

/* a fifth of them are the system's, a few the extensions', the rest the apps' */
static uint64_t container_of(const struct growth *growth, uint64_t mixed)
{
	uint64_t apps = growth->profile->apps, die = mixed % 100;

	if (die < 20)
		return 0;
	if (die < 93)
		return 1 + mixed / 100 % (2 * apps);
	return 1 + 2 * apps + mixed / 100 % growth->profile->plugins;
}

static int add_app_file(struct growth *growth, uint64_t index, struct err *err)
{
	uint64_t mixed = sim_mix(growth->base.seed, index, FOR_NAME),
		 size = app_size(growth, index);
	uint64_t container = container_of(growth, mixed);
	enum sim_kind kind;
	char domain[128], path[256];

	container_name(growth, container, domain);
	app_file_name(sim_mix(growth->base.seed, index, FOR_KIND), index, size,
		      container > 2 * growth->profile->apps, path, &kind);
	return sim_nursery_file(&growth->base, domain, path, kind, size, err);
}

static int add_spare_folder(struct growth *growth, uint64_t index, struct err *err)
{
	uint64_t containers = 2 * growth->profile->apps + growth->profile->plugins;
	char domain[128], path[64];

	container_name(growth, 1 + index % containers, domain);
	snprintf(path, sizeof(path), "Documents/folder%05llu",
		 (unsigned long long)(index / containers));
	return sim_nursery_folder(&growth->base, domain, path, err);
}

/* ---- the doors ---- */

static const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(profiles); i++)
		if (!strcmp(profiles[i].name, name ? name : "S"))
			return &profiles[i];
	return NULL;
}

int sim_birth_check(const struct sim_birth *birth, struct err *err)
{
	if (!birth->from && !profile_find(birth->profile))
		return err_set(err, ERR_USAGE,
			       "profile %s: there are S, M, L, XL, XL-test and fresh",
			       birth->profile);
	if (birth->files > 10000000 || birth->file_size >> 39)
		return err_set(err, ERR_USAGE, "at most 10,000,000 files of less than 512 GB");
	if (birth->apps > 5000)
		return err_set(err, ERR_USAGE, "at most 5000 apps");
	return 0;
}

int sim_birth_profile(struct sim_device *device, struct sim_files *files,
		      const struct sim_birth *birth, struct err *err)
{
	struct growth growth = {0};
	const struct profile *profile = profile_find(birth->profile);
	uint64_t folders = profile->rows * profile->folder_percent / 100,
		 regular = profile->rows - folders;
	uint64_t photos = regular * profile->photo_percent / 100,
		 containers = 1 + 2 * profile->apps + profile->plugins;
	int r;

	sim_nursery_open(&growth.base, device, files);
	growth.profile = profile;
	growth.base.xattr_len = profile->xattr_len;
	growth.base.has_files = profile->rows > 0;
	r = sim_nursery_known(&growth.base, err);
	if (r < 0 || profile->rows == 0)
		return r < 0 ? r : sim_nursery_close(&growth.base, err);
	regular -= photos + growth.base.regular;
	scales_find(&growth, regular, photos);
	for (uint64_t i = 0; r == 0 && i < containers; i++)
		r = add_container(&growth, i, err);
	for (uint64_t i = 0; r == 0 && i < regular; i++)
		r = add_app_file(&growth, i, err);
	for (uint64_t i = 0; r == 0 && i < photos; i++)
		r = add_photo(&growth, i, err);
	for (uint64_t i = 0; r == 0 && growth.base.folders < folders; i++)
		r = add_spare_folder(&growth, i, err);
	for (uint64_t i = 1; r == 0 && birth->apps == 0 && i <= profile->apps && i <= 30; i++) {
		struct sim_app app = {.version = "1.0"};

		snprintf(app.bundle, sizeof(app.bundle), "org.example.app%03llu",
			 (unsigned long long)i);
		snprintf(app.name, sizeof(app.name), "Example %llu", (unsigned long long)i);
		r = sim_app_put(device, &app, err);
	}
	return r < 0 ? r : sim_nursery_close(&growth.base, err);
}

int sim_birth_shape(struct sim_device *device, struct sim_files *files,
		    const struct sim_birth *birth, struct err *err)
{
	static const struct {
		const char *domain, *folder, *suffix;
		enum sim_kind kind;
	} forms[] = {
		{"CameraRollDomain", "Media/DCIM", "JPG", SIM_KIND_PHOTO},
		{"AppDomain-org.example.app001", "Documents", "sqlite", SIM_KIND_SQLITE},
		{"CameraRollDomain", "Media/DCIM", "JPG", SIM_KIND_PHOTO},
		{"AppDomain-org.example.app001", "Documents", "txt", SIM_KIND_TEXT},
	};
	struct sim_nursery nursery;
	char path[256];
	int r = 0;

	sim_nursery_open(&nursery, device, files);
	r = sim_nursery_folder(&nursery, "CameraRollDomain", "", err);
	if (r == 0)
		r = sim_nursery_folder(&nursery, "CameraRollDomain", "Media", err);
	if (r == 0)
		r = sim_nursery_folder(&nursery, "CameraRollDomain", "Media/DCIM", err);
	if (r == 0)
		r = sim_nursery_folder(&nursery, "AppDomain-org.example.app001", "", err);
	if (r == 0)
		r = sim_nursery_folder(&nursery, "AppDomain-org.example.app001", "Documents", err);
	for (uint64_t i = 0; r == 0 && i < birth->files; i++) {
		size_t form = i % ARRAY_COUNT(forms);

		/* the size is exact: a database's last page may be a part of one */
		snprintf(path, sizeof(path), "%s/%03llu", forms[form].folder,
			 (unsigned long long)(i / 1000));
		if (i % 1000 == 0) {
			char other[256];

			snprintf(other, sizeof(other), "%s/%03llu", forms[1].folder,
				 (unsigned long long)(i / 1000));
			r = sim_nursery_folder(&nursery, forms[0].domain, path, err);
			if (r == 0)
				r = sim_nursery_folder(&nursery, forms[1].domain, other, err);
		}
		snprintf(path, sizeof(path), "%s/%03llu/%06llu.%s", forms[form].folder,
			 (unsigned long long)(i / 1000), (unsigned long long)i, forms[form].suffix);
		if (r == 0)
			r = sim_nursery_exact(&nursery, forms[form].domain, path, forms[form].kind,
					      birth->file_size, err);
	}
	return r < 0 ? r : sim_nursery_close(&nursery, err);
}
