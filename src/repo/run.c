/*
 * run.c - one index file: sorted entries in pages that each carry a tag
 *
 * header | pages of 85 entries and a 16-byte tag | first ids | filter | trailer
 * A lookup costs one page read: the first 8 bytes of every page's first id are in memory,
 * and ids are evenly spread.  The tag keeps a damaged entry from being taken for true:
 * an upload that trusted it would refer to a chunk that is not there.
 */
#include "repo/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static const char MAGIC[] = "RHindex1";
enum {
	PLACE_LEN = 48,
	PAGE_CLEAR_LEN = REPO_PAGE_PLACES * PLACE_LEN, /* 4080 */
	TAG_LEN = 16,
	TRAILER_LEN =
		64, /* magic 8, count 8, pages 8, filter 8, pack limit 4, reserved 12, tag 16 */
	WRITE_PAGES = 64,
};
static const uint64_t COUNT_MAX = 1u << 31; /* 2^31 chunks of one device: 48 GiB of index */

void repo_place_encode(const struct repo_place *place, uint8_t out[48])
{
	memcpy(out, place->id, REPO_CHUNK_ID_LEN);
	put_u32le(out + 32, place->pack);
	put_u32le(out + 36, place->offset);
	put_u32le(out + 40, place->stored);
	put_u32le(out + 44, place->plain | (uint32_t)place->type << 24);
}

void repo_place_decode(const uint8_t in[48], struct repo_place *place)
{
	memcpy(place->id, in, REPO_CHUNK_ID_LEN);
	place->pack = get_u32le(in + 32);
	place->offset = get_u32le(in + 36);
	place->stored = get_u32le(in + 40);
	place->plain = get_u32le(in + 44) & 0xffffff;
	place->type = in[47];
}

/* tag of a page: over its entries and its number, which stands where the tag will */
static int page_tag(struct crypto_mac *mac, uint8_t page[REPO_PAGE_LEN], uint64_t number,
		    uint8_t tag[TAG_LEN], struct err *err)
{
	uint8_t full[CRYPTO_SHA256_LEN];
	int r;

	put_u64le(page + PAGE_CLEAR_LEN, number);
	r = crypto_mac_compute(mac, slice_of(page, PAGE_CLEAR_LEN + 8), full, err);
	memcpy(tag, full, TAG_LEN);
	return r;
}

static int file_mac(const struct repo_domain *domain, const uint8_t *header,
		    struct crypto_mac **out, struct err *err)
{
	uint8_t key[CRYPTO_KEY_LEN];
	int r = crypto_hkdf(slice_of(domain->key, sizeof(domain->key)), slice_of(header + 16, 32),
			    "rehome index tags", key, sizeof(key), err);

	if (r == 0)
		r = crypto_mac_new(out, key, err);
	explicit_bzero(key, sizeof(key));
	return r;
}

/* ---- reading ---- */

static int read_trailer(struct repo_run *run, uint64_t len, uint8_t trailer[TRAILER_LEN],
			struct err *err)
{
	uint64_t filter_len;

	if (len < REPO_HEADER_LEN + TRAILER_LEN)
		return err_set(err, ERR_CORRUPT, "cut short");
	if (fs_pread_all(run->fs, run->fd, trailer, TRAILER_LEN, len - TRAILER_LEN, err) < 0)
		return err ? err->code : ERR_IO;
	run->count = get_u64le(trailer + 8);
	run->pages = get_u64le(trailer + 16);
	filter_len = get_u64le(trailer + 24);
	run->pack_limit = get_u32le(trailer + 32);
	if (memcmp(trailer, MAGIC, 8) != 0 || run->count == 0 || run->count > COUNT_MAX ||
	    run->pages != (run->count + REPO_PAGE_PLACES - 1) / REPO_PAGE_PLACES ||
	    filter_len == 0 || filter_len > repo_filter_len(COUNT_MAX) ||
	    len != REPO_HEADER_LEN + run->pages * (REPO_PAGE_LEN + 8) + filter_len + TRAILER_LEN)
		return err_set(err, ERR_CORRUPT, "damaged");
	run->filter.len = (size_t)filter_len;
	return 0;
}

/* first ids and filter, checked with the trailer's tag */
static int read_footer(struct repo_run *run, const uint8_t trailer[TRAILER_LEN], struct err *err)
{
	size_t firsts_len = (size_t)run->pages * 8;
	CLEANUP(buf_clear) struct buf footer = BUF_INIT(SIZE_MAX);
	size_t len = firsts_len + run->filter.len + TRAILER_LEN - TAG_LEN;
	uint8_t tag[CRYPTO_SHA256_LEN];
	int r = buf_reserve(&footer, len, err);

	if (r == 0)
		r = fs_pread_all(run->fs, run->fd, footer.bytes, len,
				 REPO_HEADER_LEN + run->pages * REPO_PAGE_LEN, err);
	if (r == 0)
		r = crypto_mac_compute(run->mac, slice_of(footer.bytes, len), tag, err);
	if (r < 0)
		return r;
	if (!crypto_equal(tag, trailer + TRAILER_LEN - TAG_LEN, TAG_LEN))
		return err_set(err, ERR_CORRUPT, "damaged");
	run->firsts = malloc(firsts_len);
	run->filter.bits = malloc(run->filter.len);
	if (!run->firsts || !run->filter.bits)
		return err_no_memory(err);
	for (uint64_t i = 0; i < run->pages; i++)
		run->firsts[i] = get_u64be(footer.bytes + i * 8);
	memcpy(run->filter.bits, footer.bytes + firsts_len, run->filter.len);
	return 0;
}

static int run_load(struct repo_run *run, const struct repo_domain *domain, uint64_t len,
		    struct err *err)
{
	uint8_t header[REPO_HEADER_LEN], trailer[TRAILER_LEN];
	struct repo_seal seal = {0};
	int r = fs_pread_all(run->fs, run->fd, header, sizeof(header), 0, err);

	if (r == 0)
		r = repo_seal_open(&seal, domain, MAGIC, run->number, header, err);
	repo_seal_clear(&seal);
	if (r == 0)
		r = file_mac(domain, header, &run->mac, err);
	if (r == 0)
		r = read_trailer(run, len, trailer, err);
	return r < 0 ? r : read_footer(run, trailer, err);
}

int repo_run_open(struct repo_run *run, const struct repo_domain *domain, uint32_t number,
		  struct err *err)
{
	struct repo_name name;
	struct stat st;
	int r;

	*run = (struct repo_run){.fs = domain->fs, .number = number};
	repo_domain_file(domain, &name, "idx/%08x", number);
	run->fd = domain->fs->open(domain->fs, name.text, O_RDONLY | O_NOFOLLOW, 0);
	if (run->fd < 0)
		return err_set_errno(err, -run->fd, "%s", name.text);
	r = domain->fs->stat(domain->fs, name.text, &st);
	r = r < 0 ? err_set_errno(err, -r, "stat")
		  : run_load(run, domain, (uint64_t)st.st_size, err);
	if (r < 0) {
		repo_run_clear(run);
		return err_wrap(err, r, "%s", name.text);
	}
	return 0;
}

void repo_run_clear(struct repo_run *run)
{
	if (run->fs && run->fd >= 0)
		run->fs->close(run->fs, run->fd);
	free(run->firsts);
	repo_filter_clear(&run->filter);
	crypto_mac_free(run->mac);
	*run = (struct repo_run){.fd = -1};
}

/* reads and proves page @number into @page; returns how many entries it holds */
static int load_page(struct repo_run *run, uint64_t number, uint8_t page[REPO_PAGE_LEN],
		     struct err *err)
{
	uint8_t stored[TAG_LEN], tag[TAG_LEN];
	int r = fs_pread_all(run->fs, run->fd, page, REPO_PAGE_LEN,
			     REPO_HEADER_LEN + number * REPO_PAGE_LEN, err);

	if (r < 0)
		return r;
	memcpy(stored, page + PAGE_CLEAR_LEN, TAG_LEN);
	r = page_tag(run->mac, page, number, tag, err);
	if (r == 0 && !crypto_equal(stored, tag, TAG_LEN))
		r = err_set(err, ERR_CORRUPT, "idx/%08x: page %llu damaged", run->number,
			    (unsigned long long)number);
	if (r < 0)
		return r;
	return number + 1 < run->pages ? REPO_PAGE_PLACES
				       : (int)(run->count - number * REPO_PAGE_PLACES);
}

/* the last page whose first id is not above @first */
static uint64_t page_for(const struct repo_run *run, uint64_t first)
{
	uint64_t low = 0, high = run->pages;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (run->firsts[middle] <= first)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool find_in_page(const uint8_t *page, int count, const uint8_t *id,
			 struct repo_place *place)
{
	int low = 0, high = count;

	while (low < high) {
		int middle = (low + high) / 2;
		int order = memcmp(page + middle * PLACE_LEN, id, REPO_CHUNK_ID_LEN);

		if (order == 0) {
			repo_place_decode(page + middle * PLACE_LEN, place);
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

int repo_run_find(struct repo_run *run, const uint8_t id[REPO_CHUNK_ID_LEN],
		  struct repo_place *place, struct err *err)
{
	uint8_t page[REPO_PAGE_LEN];
	uint64_t hash[2], first = get_u64be(id);

	repo_filter_id_hash(id, hash);
	if (!repo_filter_may_hold(&run->filter, hash))
		return REPO_ABSENT;
	for (uint64_t at = page_for(run, first);; at--) {
		int count = load_page(run, at, page, err);

		if (count < 0)
			return count;
		if (find_in_page(page, count, id, place))
			return 0;
		/* equal beginnings may spill over a page's edge */
		if (at == 0 || run->firsts[at] != first)
			return REPO_ABSENT;
	}
}

int repo_run_page(struct repo_run *run, uint64_t number, struct repo_place *places, struct err *err)
{
	uint8_t page[REPO_PAGE_LEN];
	int count = load_page(run, number, page, err);

	for (int i = 0; i < count; i++)
		repo_place_decode(page + i * PLACE_LEN, &places[i]);
	return count;
}

/* ---- writing ---- */

struct repo_run_writer {
	const struct repo_domain *domain;
	int fd;
	struct repo_name name;
	struct crypto_mac *mac;
	uint8_t salt[32];
	uint8_t *pages;         /* WRITE_PAGES of them */
	size_t in_page, filled; /* entries of the page being made; whole pages before it */
	uint64_t count, written_pages;
	struct buf firsts;
	struct repo_filter filter;
};

int repo_run_writer_new(struct repo_run_writer **out, const struct repo_domain *domain,
			const uint8_t salt[32], uint64_t count_max, struct err *err)
{
	CLEANUP(repo_run_writer_free_p)
	struct repo_run_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return err_no_memory(err);
	*writer =
		(struct repo_run_writer){.domain = domain, .fd = -1, .firsts = BUF_INIT(SIZE_MAX)};
	memcpy(writer->salt, salt, sizeof(writer->salt));
	writer->pages = malloc(WRITE_PAGES * REPO_PAGE_LEN);
	if (!writer->pages)
		return err_no_memory(err);
	r = repo_filter_new(&writer->filter, count_max, err);
	if (r < 0)
		return r;
	repo_domain_file(domain, &writer->name, "idx/new.tmp");
	writer->fd = domain->fs->open(domain->fs, writer->name.text,
				      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (writer->fd < 0)
		return err_set_errno(err, -writer->fd, "create %s", writer->name.text);
	*out = STEAL(writer);
	return 0;
}

void repo_run_writer_free_p(struct repo_run_writer **pointer)
{
	struct repo_run_writer *writer = *pointer;

	if (!writer)
		return;
	if (writer->fd >= 0) {
		writer->domain->fs->close(writer->domain->fs, writer->fd);
		writer->domain->fs->unlink(writer->domain->fs, writer->name.text);
	}
	free(writer->pages);
	buf_clear(&writer->firsts);
	repo_filter_clear(&writer->filter);
	crypto_mac_free(writer->mac);
	free(writer);
}

static int flush_pages(struct repo_run_writer *writer, struct err *err)
{
	int r = fs_pwrite_all(writer->domain->fs, writer->fd, writer->pages,
			      writer->filled * REPO_PAGE_LEN,
			      REPO_HEADER_LEN + writer->written_pages * REPO_PAGE_LEN, err);

	writer->written_pages += writer->filled;
	writer->filled = 0;
	return r < 0 ? err_wrap(err, r, "%s", writer->name.text) : 0;
}

static int end_page(struct repo_run_writer *writer, struct err *err)
{
	uint8_t *page = writer->pages + writer->filled * REPO_PAGE_LEN, tag[TAG_LEN];
	size_t used = writer->in_page * PLACE_LEN;
	int r;

	memset(page + used, 0, PAGE_CLEAR_LEN + TAG_LEN - used);
	r = page_tag(writer->mac, page, writer->written_pages + writer->filled, tag, err);
	if (r < 0)
		return r;
	memcpy(page + PAGE_CLEAR_LEN, tag, TAG_LEN);
	writer->in_page = 0;
	return ++writer->filled == WRITE_PAGES ? flush_pages(writer, err) : 0;
}

int repo_run_writer_put(struct repo_run_writer *writer, const struct repo_place *place,
			struct err *err)
{
	uint64_t hash[2];
	int r;

	if (!writer->mac) {
		/* the tags' key comes from the salt alone, the header is written at the end */
		uint8_t header[REPO_HEADER_LEN] = {0};

		memcpy(header + 16, writer->salt, 32);
		r = file_mac(writer->domain, header, &writer->mac, err);
		if (r < 0)
			return r;
	}
	if (writer->in_page == 0) {
		r = buf_append(&writer->firsts, place->id, 8, err);
		if (r < 0)
			return r;
	}
	repo_place_encode(place, writer->pages + writer->filled * REPO_PAGE_LEN +
					 writer->in_page * PLACE_LEN);
	repo_filter_id_hash(place->id, hash);
	repo_filter_add(&writer->filter, hash);
	writer->count++;
	return ++writer->in_page == REPO_PAGE_PLACES ? end_page(writer, err) : 0;
}

/* first ids, filter and trailer in one piece, then the header */
static int write_footer(struct repo_run_writer *writer, uint32_t number, uint32_t pack_limit,
			uint64_t *len, struct err *err)
{
	struct buf *footer = &writer->firsts;
	uint8_t header[REPO_HEADER_LEN], trailer[TRAILER_LEN] = {0}, tag[CRYPTO_SHA256_LEN];
	struct fs *fs = writer->domain->fs;
	struct repo_seal seal = {0};
	uint64_t at = REPO_HEADER_LEN + writer->written_pages * REPO_PAGE_LEN;
	int r = repo_seal_new(&seal, writer->domain, MAGIC, number, writer->salt, header, err);

	repo_seal_clear(&seal);
	memcpy(trailer, MAGIC, 8);
	put_u64le(trailer + 8, writer->count);
	put_u64le(trailer + 16, writer->written_pages);
	put_u64le(trailer + 24, writer->filter.len);
	put_u32le(trailer + 32, pack_limit);
	if (r == 0)
		r = buf_append(footer, writer->filter.bits, writer->filter.len, err);
	if (r == 0)
		r = buf_append(footer, trailer, TRAILER_LEN - TAG_LEN, err);
	if (r == 0)
		r = crypto_mac_compute(writer->mac, buf_slice(footer), tag, err);
	if (r == 0)
		r = buf_append(footer, tag, TAG_LEN, err);
	if (r == 0)
		r = fs_pwrite_all(fs, writer->fd, footer->bytes, footer->len, at, err);
	if (r == 0)
		r = fs_pwrite_all(fs, writer->fd, header, sizeof(header), 0, err);
	*len = at + footer->len;
	return r;
}

int repo_run_writer_finish(struct repo_run_writer *writer, uint32_t number, uint32_t pack_limit,
			   uint64_t *written, struct err *err)
{
	struct fs *fs = writer->domain->fs;
	struct repo_name name;
	uint64_t len = 0;
	int r = writer->in_page > 0 ? end_page(writer, err) : 0, s;

	if (r == 0 && writer->filled > 0)
		r = flush_pages(writer, err);
	if (r == 0)
		r = write_footer(writer, number, pack_limit, &len, err);
	if (r == 0 && (s = fs->sync(fs, writer->fd)) < 0)
		r = err_set_errno(err, -s, "sync");
	repo_domain_file(writer->domain, &name, "idx/%08x", number);
	if (r == 0 && (s = fs->rename_new(fs, writer->name.text, name.text)) < 0)
		r = err_set_errno(err, -s, "rename");
	if (r < 0)
		return err_wrap(err, r, "%s", name.text);
	fs->close(fs, writer->fd);
	writer->fd = -1;
	*written += len;
	repo_domain_file(writer->domain, &name, "idx");
	s = fs->dir_sync(fs, name.text);
	return s < 0 ? err_set_errno(err, -s, "sync folder %s", name.text) : 0;
}
