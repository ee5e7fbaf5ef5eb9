/*
 * journal.c - a few counters that tell the next session what an interrupted one had
 *
 * Written in place, not synced: it changes no outcome, it only tells bytes that have to be
 * sent again from bytes that were lost.  A torn or missing journal reads as absent.
 *
 * magic 8, version u32, base seq u32, salvaged u64, received u64, known u64, digest 8
 */
#include "repo/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { JOURNAL_LEN = 48, DIGEST_AT = 40 };
static const char MAGIC[8] = {'R', 'H', 's', 'e', 's', 's', 'n', '1'};

static void digest_of(const uint8_t *journal, uint8_t out[8])
{
	uint8_t digest[CRYPTO_SHA256_LEN];

	crypto_sha256(slice_of(journal, DIGEST_AT), digest);
	memcpy(out, digest, 8);
}

int repo_journal_read(const struct repo_domain *domain, uint32_t *base_seq, uint64_t *expected,
		      struct err *err)
{
	CLEANUP(buf_clear) struct buf file = BUF_INIT(JOURNAL_LEN);
	struct repo_name name;
	uint8_t digest[8];
	int r = fs_read_file(domain->fs, repo_domain_file(domain, &name, "session"), &file, err);

	if (r == ERR_NOT_FOUND || r == ERR_LIMIT)
		return REPO_ABSENT;
	if (r < 0)
		return r;
	if (file.len != JOURNAL_LEN || memcmp(file.bytes, MAGIC, sizeof(MAGIC)) != 0)
		return REPO_ABSENT;
	digest_of(file.bytes, digest);
	if (memcmp(digest, file.bytes + DIGEST_AT, sizeof(digest)) != 0)
		return REPO_ABSENT;
	*base_seq = get_u32le(file.bytes + 12);
	/* what it found, and what it received beyond what was there */
	*expected = get_u64le(file.bytes + 16) + get_u64le(file.bytes + 24) -
		    get_u64le(file.bytes + 32);
	return 0;
}

int repo_journal_note(struct repo_journal *journal, uint64_t received, uint64_t known,
		      struct err *err)
{
	uint8_t file[JOURNAL_LEN];
	int r;

	memcpy(file, MAGIC, sizeof(MAGIC));
	put_u32le(file + 8, REPO_VERSION);
	put_u32le(file + 12, journal->base_seq);
	put_u64le(file + 16, journal->salvaged);
	put_u64le(file + 24, received);
	put_u64le(file + 32, known);
	digest_of(file, file + DIGEST_AT);
	r = fs_pwrite_all(journal->fs, journal->fd, file, sizeof(file), 0, err);
	return r < 0 ? err_wrap(err, r, "session journal") : 0;
}

int repo_journal_open(struct repo_journal *journal, const struct repo_domain *domain,
		      uint32_t base_seq, uint64_t salvaged, struct err *err)
{
	struct repo_name name;

	*journal =
		(struct repo_journal){.fs = domain->fs, .base_seq = base_seq, .salvaged = salvaged};
	repo_domain_file(domain, &name, "session");
	journal->fd =
		domain->fs->open(domain->fs, name.text, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
	if (journal->fd < 0)
		return err_set_errno(err, -journal->fd, "%s", name.text);
	return repo_journal_note(journal, 0, 0, err);
}

void repo_journal_close(struct repo_journal *journal)
{
	if (journal->fs && journal->fd >= 0)
		journal->fs->close(journal->fs, journal->fd);
	journal->fd = -1;
}
