/*
 * ownership - whose a device is, as far as known, and who opened what of a personal one
 *
 * Contents of a personally owned device belong to its owner: they open with the backup password
 * that the owner gives, never with one that the repository keeps and never from a plain backup,
 * and each opening is written down.  Both stand in the vault, sealed under the device's own key.
 */
#include "job/internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWNERSHIP "ownership"

static const char *const words[] = {
	[JOB_OWNER_UNKNOWN] = "unknown",
	[JOB_OWNER_PERSONAL] = "personal",
	[JOB_OWNER_CORPORATE] = "corporate",
};

const char *job_ownership_word(enum job_ownership ownership)
{
	return words[ownership];
}

bool job_ownership_parse(const char *word, enum job_ownership *ownership)
{
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (!strcmp(word, words[i])) {
			*ownership = (enum job_ownership)i;
			return true;
		}
	return false;
}

/* value_text - a vault value as a text, NUL-terminated */
static int value_text(struct repo *repo, const char *udid, const char *name, char out[JOB_TEXT_MAX],
		      struct err *err)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	int r = repo_vault_get(repo, udid, name, &value, err);

	if (r != 0)
		return r;
	if (value.len >= JOB_TEXT_MAX)
		return err_set(err, ERR_CORRUPT, "the value %s is too long", name);
	memcpy(out, value.bytes, value.len);
	out[value.len] = 0;
	return 0;
}

int job_ownership_get(struct repo *repo, const char *udid, enum job_ownership *ownership,
		      struct err *err)
{
	char text[JOB_TEXT_MAX];
	int r = value_text(repo, udid, OWNERSHIP, text, err);

	*ownership = JOB_OWNER_UNKNOWN;
	if (r != 0)
		return r < 0 ? r : 0;
	/* what cannot be read must not open what it closes */
	return job_ownership_parse(text, ownership)
		       ? 0
		       : err_set(err, ERR_CORRUPT, "the ownership of %s is no word of this version",
				 udid);
}

int job_ownership_set(struct repo *repo, const char *udid, enum job_ownership ownership,
		      struct err *err)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	int r;

	if (ownership == JOB_OWNER_UNKNOWN)
		return repo_vault_remove(repo, udid, OWNERSHIP, err);
	r = secret_set(&value, slice_text(words[ownership]), err);
	return r < 0 ? r : repo_vault_put(repo, udid, OWNERSHIP, &value, err);
}

int job_opening_admit(struct repo *repo, const struct job_snapshot *snapshot, bool *is_personal,
		      struct err *err)
{
	enum job_ownership ownership;
	int r = job_ownership_get(repo, snapshot->udid, &ownership, err);

	if (r < 0)
		return r;
	*is_personal = ownership == JOB_OWNER_PERSONAL;
	if (*is_personal && !snapshot->is_encrypted)
		return err_set(err, ERR_POLICY,
			       "%s is personally owned and this snapshot of it is not encrypted: "
			       "nothing shows that its owner lets you in. Contents of a personal "
			       "device open with its backup password only",
			       *snapshot->name ? snapshot->name : snapshot->udid);
	return 0;
}

/* ---- the record: values "opening 0", "opening 1" ... ---- */

static const char *opening_name(uint64_t number, char out[32])
{
	snprintf(out, 32, "opening %" PRIu64, number);
	return out;
}

/* opening_is_there - also a damaged one, which `check` names */
static int opening_is_there(struct repo *repo, const char *udid, uint64_t number, bool *is_there,
			    struct err *err)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	char name[32];
	int r = repo_vault_get(repo, udid, opening_name(number, name), &value, err);

	*is_there = r != REPO_ABSENT;
	return r < 0 && r != ERR_CORRUPT ? r : 0;
}

/* opening_free - a free number behind the last, by halves: a long record costs no more to extend */
static int opening_free(struct repo *repo, const char *udid, uint64_t *number, struct err *err)
{
	uint64_t taken = 0,
		 absent = 1; /* all below @taken are there; the one before @absent is not */
	bool is_there = true;
	int r = 0;

	while (r == 0 && is_there) {
		r = opening_is_there(repo, udid, absent - 1, &is_there, err);
		if (r == 0 && is_there) {
			taken = absent;
			absent *= 2;
		}
	}
	while (r == 0 && taken + 1 < absent) {
		uint64_t middle = taken + (absent - taken) / 2;

		r = opening_is_there(repo, udid, middle - 1, &is_there, err);
		if (r == 0 && is_there)
			taken = middle;
		else
			absent = middle;
	}
	*number = taken;
	return r;
}

int job_opening_record(const struct job_env *env, struct repo *repo,
		       const struct job_snapshot *snapshot, const char *command, struct err *err)
{
	CLEANUP(secret_clear) struct secret value = SECRET_INIT;
	char text[JOB_TEXT_MAX], name[32];
	uint64_t number = 0;
	int r;

	snprintf(text, sizeof(text), "%lld %s %u %.30s", (long long)clock_wall_seconds(env->clock),
		 snapshot->id, (unsigned)getuid(), command);
	r = secret_set(&value, slice_text(text), err);
	if (r == 0)
		r = opening_free(repo, snapshot->udid, &number, err);
	if (r < 0)
		return r;
	do { /* others may open it at the same moment */
		r = repo_vault_add(repo, snapshot->udid, opening_name(number++, name), &value, err);
	} while (r == REPO_CONFLICT);
	return r < 0 ? err_wrap(err, r, "record that contents of a personal device are opened") : 0;
}

static bool opening_parse(const char *text, struct job_opening *opening)
{
	char snapshot[REPO_ID_LEN + 1], command[sizeof(opening->command)];
	long long time;
	unsigned uid;

	if (sscanf(text, "%lld %16s %u %31s", &time, snapshot, &uid, command) != 4)
		return false;
	*opening = (struct job_opening){.time = time, .uid = uid};
	memcpy(opening->snapshot, snapshot, sizeof(snapshot));
	memcpy(opening->command, command, sizeof(command));
	return true;
}

int job_openings(struct repo *repo, const char *udid,
		 int (*each)(void *arg, const struct job_opening *opening, struct err *err),
		 void *arg, struct err *err)
{
	char text[JOB_TEXT_MAX], name[32];
	struct job_opening opening;
	int r = 0;

	for (uint64_t number = 0; r == 0; number++) {
		r = value_text(repo, udid, opening_name(number, name), text, err);
		if (r == 0 && opening_parse(text, &opening))
			r = each(arg, &opening, err);
		else if (r == ERR_CORRUPT)
			r = 0;
	}
	return r < 0 ? r : 0;
}
