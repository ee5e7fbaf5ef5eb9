/*
 * device_content - the bytes of a device's files, made when somebody reads them
 *
 * A file's content is a pure function of (device seed, content number, version, offset), made
 * in pages of 4 KiB: a device with 64 GB of files needs no disk, two copies of it agree on
 * every byte, and a database that ages changes a few pages in place.  Photos and movies are a
 * cipher's stream and do not compress; text, property lists and database pages do.
 * Stored contents (a backup's, restored ones) are read from blobs/; when such a file ages, the
 * pages that changed are made, the others stay.
 */
#include "sim/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	POOL_LEN = 256 << 10,
	LINE_LEN = 64,            /* of a made property list */
	CHANGED_PER_MILLE = 12,   /* of a database's pages, in each version */
	SQLITE_CELLS_AT = 512,    /* where a made database page's content begins */
	SQLITE_RANDOM_LEN = 1280, /* of it that does not compress */
	VERSION_SHIFT = 40, /* the stream of version v starts at v << 40: files are below 1 TB */
};

struct sim_content {
	struct sim_device *device;
	struct crypto_stream *stream;
	struct plist_doc *doc;
	struct buf xattrs;
	uint8_t key[CRYPTO_KEY_LEN];
	struct sim_file file; /* numbers only: its texts are not kept */
	int fd;               /* of pack @fd_pack, -1 if none */
	int64_t fd_pack;
};

/* ---- words to fill pages with ---- */

static uint8_t pool[POOL_LEN];
static pthread_once_t pool_once = PTHREAD_ONCE_INIT;

static void pool_make(void)
{
	static const char *const words[] = {
		"message",    "the",     "photo",   "of",      "and",      "account", "setting",
		"note",       "from",    "contact", "last",    "calendar", "a",       "to",
		"identifier", "value",   "enabled", "version", "light",    "home",    "is",
		"in",         "device",  "history", "score",   "read",     "album",   "water",
		"river",      "station", "morning", "we",      "will",
	};
	size_t at = 0;

	for (uint64_t i = 0; at < POOL_LEN; i++) {
		uint64_t mixed = sim_mix(i, 1, 7);
		const char *word = words[mixed % ARRAY_COUNT(words)];
		size_t len = strlen(word);

		for (size_t j = 0; j < len && at < POOL_LEN; j++)
			pool[at++] = (uint8_t)word[j];
		if (at < POOL_LEN)
			pool[at++] = mixed >> 60 == 0 ? '.' : ' ';
	}
}

static const uint8_t *pool_slice(uint64_t mixed, size_t len)
{
	return pool + mixed % (POOL_LEN - len);
}

static void hex16(uint64_t value, uint8_t *at)
{
	for (int i = 0; i < 16; i++)
		at[i] = (uint8_t) "0123456789abcdef"[value >> (60 - 4 * i) & 15];
}

/* ---- pages by kind: @at holds SIM_PAGE_LEN bytes of the cipher's stream already ---- */

static void page_text(uint64_t mixed, uint8_t *at)
{
	memcpy(at, pool_slice(mixed, SIM_PAGE_LEN), SIM_PAGE_LEN);
	hex16(mixed,
	      at); /* no two pages alike: deduplication must not gain from our small vocabulary */
	at[16] = at[SIM_PAGE_LEN - 1] = '\n';
}

static void page_sqlite_first(const struct sim_file *file, uint8_t *at)
{
	uint32_t changes = (uint32_t)file->version + 1;

	memset(at, 0, SIM_PAGE_LEN);
	memcpy(at, "SQLite format 3", 16);
	at[16] = SIM_PAGE_LEN >> 8;
	at[18] = at[19] = 1;
	at[21] = 64;
	at[22] = at[23] = 32;
	put_u32be(at + 24, changes);
	put_u32be(at + 28, (uint32_t)(file->row.size / SIM_PAGE_LEN));
	put_u32be(at + 40, 1);
	put_u32be(at + 44, 4);
	put_u32be(at + 56, 1);
	put_u32be(at + 92, changes);
	put_u32be(at + 96, 3039000);
	/* an empty schema: a leaf without cells */
	at[100] = 0x0d;
	at[105] = SIM_PAGE_LEN >> 8;
	hex16(file->content, at + 2048);
}

static void page_sqlite(uint64_t mixed, uint8_t *at)
{
	size_t text_at = SQLITE_CELLS_AT + SQLITE_RANDOM_LEN;

	memset(at, 0, SQLITE_CELLS_AT);
	at[0] = 0x0d;
	at[4] = 24; /* cells */
	at[5] = SQLITE_CELLS_AT >> 8;
	for (unsigned i = 0; i < 24; i++) {
		at[8 + 2 * i] = (uint8_t)((SQLITE_CELLS_AT + i * 149) >> 8);
		at[9 + 2 * i] = (uint8_t)(SQLITE_CELLS_AT + i * 149);
	}
	memcpy(at + text_at, pool_slice(mixed, SIM_PAGE_LEN - text_at), SIM_PAGE_LEN - text_at);
}

static const char plist_head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
				 "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
				 "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
				 "<plist version=\"1.0\">\n<dict>\n";
static const char plist_foot[] = "</dict>\n</plist>\n";
enum { PLIST_HEAD_LINES = 3, PLIST_LEN_MIN = PLIST_HEAD_LINES * LINE_LEN + sizeof(plist_foot) - 1 };
_Static_assert(sizeof(plist_head) - 1 <= PLIST_HEAD_LINES * LINE_LEN, "the head fits its lines");

static void plist_line(uint64_t mixed, uint8_t *at)
{
	memcpy(at, "\t<key>", 6);
	hex16(mixed, at + 6);
	memcpy(at + 14, "</key>\n\t<string>", 16);
	memcpy(at + 30, pool_slice(mixed, 24), 24);
	memcpy(at + 54, "</string>\n", 10);
}

static void page_plist(const struct sim_file *file, uint64_t page, uint64_t version, uint8_t *at)
{
	uint64_t foot_at = file->row.size - (sizeof(plist_foot) - 1);

	for (unsigned i = 0; i < SIM_PAGE_LEN / LINE_LEN; i++, at += LINE_LEN) {
		uint64_t line = page * (SIM_PAGE_LEN / LINE_LEN) + i, offset = line * LINE_LEN;

		if (line >= PLIST_HEAD_LINES && offset + LINE_LEN <= foot_at) {
			plist_line(sim_mix(file->content, line, version), at);
			continue;
		}
		for (unsigned j = 0; j < LINE_LEN; j++) {
			uint64_t where = offset + j;

			if (where < sizeof(plist_head) - 1)
				at[j] = (uint8_t)plist_head[where];
			else if (where >= foot_at && where - foot_at < sizeof(plist_foot) - 1)
				at[j] = (uint8_t)plist_foot[where - foot_at];
			else
				at[j] = '\n';
		}
	}
}

/* what a real device has most: the empty dictionary */
static const uint8_t empty_bplist[42] = {
	'b', 'p', 'l', 'i', 's', 't', '0', '0', 0xd0, 8, [16] = 1, [17] = 1, [25] = 1, [41] = 9,
};

static void page_head(const struct sim_file *file, uint8_t *at)
{
	static const uint8_t photo[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F',
					0,    1,    1,    0,    0, 72, 0,   72,  0,   0};
	static const uint8_t movie[] = {0,   0,   0, 20, 'f', 't', 'y', 'p', 'q', 't',
					' ', ' ', 0, 0,  0,   0,   'q', 't', ' ', ' '};

	if (file->kind == SIM_KIND_PHOTO)
		memcpy(at, photo, sizeof(photo));
	else if (file->kind == SIM_KIND_MOVIE)
		memcpy(at, movie, sizeof(movie));
}

/* turn a page of the stream into one of the file's kind; @at has room for a whole page */
static void page_shape(const struct sim_file *file, uint64_t page, uint64_t version, uint8_t *at)
{
	switch (file->kind) {
	case SIM_KIND_TEXT:
		page_text(sim_mix(file->content, page, version), at);
		break;
	case SIM_KIND_SQLITE:
		if (page == 0)
			page_sqlite_first(file, at);
		else
			page_sqlite(sim_mix(file->content, page, version), at);
		break;
	case SIM_KIND_PLIST:
		if (file->row.size == sizeof(empty_bplist))
			memcpy(at, empty_bplist, sizeof(empty_bplist));
		else if (file->row.size < PLIST_LEN_MIN)
			page_text(sim_mix(file->content, page, version), at);
		else
			page_plist(file, page, version, at);
		break;
	default:
		if (page == 0)
			page_head(file, at);
	}
}

uint64_t sim_content_page_version(enum sim_kind kind, uint64_t content, uint64_t page,
				  uint64_t version)
{
	/* only databases change in place; their first page counts the changes and so is in all of
	 * them */
	if (kind != SIM_KIND_SQLITE || page == 0)
		return version;
	for (uint64_t v = version; v > 0; v--)
		if (sim_mix(content, page, v ^ (1ull << 63)) % 1000 < CHANGED_PER_MILLE)
			return v;
	return 0;
}

/* ---- the reader ---- */

int sim_content_new(struct sim_content **out, struct sim_device *device, struct err *err)
{
	CLEANUP(sim_content_free_p) struct sim_content *content = calloc(1, sizeof(*content));
	int r;

	if (!content)
		return err_no_memory(err);
	pthread_once(&pool_once, pool_make);
	content->device = device;
	content->fd = -1;
	content->xattrs = BUF_INIT(2 * SIM_XATTR_LEN_MAX);
	r = crypto_stream_new(&content->stream, err);
	if (r == 0)
		r = plist_doc_new(&content->doc, err);
	if (r < 0)
		return r;
	*out = STEAL(content);
	return 0;
}

void sim_content_free_p(struct sim_content **pointer)
{
	struct sim_content *content = *pointer;

	if (!content)
		return;
	crypto_stream_free(content->stream);
	plist_doc_free(content->doc);
	buf_clear(&content->xattrs);
	close_p(&content->fd);
	free(content);
	*pointer = NULL;
}

static int pack_open(struct sim_content *content, int64_t pack, struct err *err)
{
	char name[64], path[SIM_FOLDER_MAX + 64];

	if (content->fd >= 0 && content->fd_pack == pack)
		return 0;
	close_p(&content->fd);
	snprintf(name, sizeof(name), "blobs/%06lld.pack", (long long)pack);
	content->fd = open(sim_device_path(content->device, name, path), O_RDONLY | O_CLOEXEC);
	if (content->fd < 0)
		return err_set_errno(err, errno, "open %s", path);
	content->fd_pack = pack;
	return 0;
}

int sim_content_open(struct sim_content *content, const struct sim_file *file, struct err *err)
{
	content->file = *file;
	content->file.row.domain = content->file.row.path = content->file.row.target = NULL;
	content->file.row.xattrs = SLICE_EMPTY;
	if (file->row.size >> VERSION_SHIFT)
		return err_set(err, ERR_LIMIT, "a simulated file of %llu bytes",
			       (unsigned long long)file->row.size);
	if (!file->pack || file->version > 0)
		sim_device_derive(content->device, "content", file->content, content->key,
				  sizeof(content->key));
	return file->pack ? pack_open(content, file->pack, err) : 0;
}

/* @len bytes that all have version @version; only the last page may be partial */
static int run_make(struct sim_content *content, uint64_t page, uint64_t version, uint8_t *at,
		    size_t len, struct err *err)
{
	bool has_random =
		content->file.kind != SIM_KIND_TEXT && content->file.kind != SIM_KIND_PLIST;
	uint64_t offset = (version << VERSION_SHIFT) + page * SIM_PAGE_LEN;
	uint8_t last[SIM_PAGE_LEN];
	int r = has_random ? crypto_stream_at(content->stream, content->key, offset, at, len, err)
			   : 0;

	if (r < 0)
		return r;
	for (; len >= SIM_PAGE_LEN; len -= SIM_PAGE_LEN, at += SIM_PAGE_LEN)
		page_shape(&content->file, page++, version, at);
	if (len > 0) {
		memcpy(last, at, len);
		memset(last + len, 0, sizeof(last) - len);
		page_shape(&content->file, page, version, last);
		memcpy(at, last, len);
	}
	return 0;
}

static int run_stored(struct sim_content *content, uint64_t offset, uint8_t *at, size_t len,
		      struct err *err)
{
	while (len > 0) {
		ssize_t got = pread(content->fd, at, len, (off_t)(content->file.offset + offset));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, errno, "read blobs of %s",
					     content->device->folder);
		if (got == 0)
			return err_set(err, ERR_CORRUPT,
				       "%s: a pack of blobs is shorter than its files",
				       content->device->folder);
		at += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	return 0;
}

static uint64_t page_version(const struct sim_file *file, uint64_t page)
{
	return sim_content_page_version(file->kind, file->content, page, file->version);
}

int sim_content_read(struct sim_content *content, uint64_t offset, uint8_t *at, size_t len,
		     struct err *err)
{
	const struct sim_file *file = &content->file;

	while (len > 0) {
		uint64_t page = offset / SIM_PAGE_LEN, version = page_version(file, page),
			 next = page + 1;
		size_t run = SIM_PAGE_LEN;
		bool is_stored = file->pack && version == 0;
		int r;

		/* one call for as many pages as share a version */
		while (run < len && page_version(file, next) == version) {
			run += SIM_PAGE_LEN;
			next++;
		}
		if (run > len)
			run = len;
		if (is_stored && offset + run > file->stored_len)
			return err_set(err, ERR_CORRUPT,
				       "%s: a stored content is shorter than its file",
				       content->device->folder);
		r = is_stored ? run_stored(content, offset, at, run, err)
			      : run_make(content, page, version, at, run, err);
		if (r < 0)
			return r;
		offset += run;
		at += run;
		len -= run;
	}
	return 0;
}

int sim_content_xattrs(struct sim_content *content, const struct sim_file *file,
		       struct slice *xattrs, struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN], value[SIM_XATTR_LEN_MAX];
	struct plist *dict;
	int r;

	*xattrs = file->row.xattrs;
	if (xattrs->len > 0 || file->xattr_len == 0)
		return 0;
	if (file->xattr_len > sizeof(value))
		return err_set(err, ERR_CORRUPT, "%s: extended attributes of %u bytes",
			       content->device->folder, file->xattr_len);
	sim_device_derive(content->device, "xattrs", file->content, key, sizeof(key));
	r = crypto_stream_at(content->stream, key, 0, value, file->xattr_len, err);
	if (r < 0)
		return r;
	plist_doc_reset(content->doc);
	dict = plist_new_dict(content->doc);
	plist_set_data(content->doc, dict, "com.apple.assetsd.UUID", slice_of(key, 16));
	plist_set_data(content->doc, dict, "com.apple.assetsd.customLocation",
		       slice_of(value, file->xattr_len));
	buf_truncate(&content->xattrs, 0);
	r = plist_write_binary(content->doc, dict, &content->xattrs, err);
	*xattrs = buf_slice(&content->xattrs);
	return r;
}

enum sim_kind sim_kind_of_path(const char *path)
{
	static const struct {
		const char *suffix;
		enum sim_kind kind;
	} suffixes[] = {
		{"plist", SIM_KIND_PLIST},      {"db", SIM_KIND_SQLITE},
		{"sqlite", SIM_KIND_SQLITE},    {"sqlitedb", SIM_KIND_SQLITE},
		{"storedata", SIM_KIND_SQLITE}, {"store", SIM_KIND_SQLITE},
		{"jpg", SIM_KIND_PHOTO},        {"jpeg", SIM_KIND_PHOTO},
		{"heic", SIM_KIND_OPAQUE},      {"png", SIM_KIND_OPAQUE},
		{"webp", SIM_KIND_OPAQUE},      {"mov", SIM_KIND_MOVIE},
		{"mp4", SIM_KIND_MOVIE},        {"m4a", SIM_KIND_OPAQUE},
		{"ithmb", SIM_KIND_OPAQUE},     {"txt", SIM_KIND_TEXT},
		{"json", SIM_KIND_TEXT},        {"log", SIM_KIND_TEXT},
	};
	const char *name = strrchr(path, '/'), *dot = strrchr(name ? name : path, '.');

	for (size_t i = 0; dot && i < ARRAY_COUNT(suffixes); i++)
		if (!strcasecmp(dot + 1, suffixes[i].suffix))
			return suffixes[i].kind;
	return SIM_KIND_OPAQUE;
}
