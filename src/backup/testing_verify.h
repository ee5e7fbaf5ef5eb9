/*
 * testing_verify - verifying a folder and counting what it says
 */
#ifndef REHOME_BACKUP_TESTING_VERIFY_H
#define REHOME_BACKUP_TESTING_VERIFY_H

#include "backup/testing.h"

enum { FOUND_MAX = 64 };

/** struct verdicts - what a verification said: promises by name, and how often */
struct verdicts {
	struct {
		char promise[40];
		unsigned times;
	} list[FOUND_MAX];
	size_t count;
};

static inline void collect(void *arg, const struct backup_finding *finding)
{
	struct verdicts *verdicts = arg;
	size_t i;

	assert_true(finding->severity != BACKUP_OK);
	assert_true(finding->text[0]);
	for (i = 0; i < verdicts->count; i++)
		if (!strcmp(verdicts->list[i].promise, finding->promise))
			break;
	if (i == verdicts->count) {
		assert_true(verdicts->count < FOUND_MAX);
		snprintf(verdicts->list[i].promise, sizeof(verdicts->list[i].promise), "%s",
			 finding->promise);
		verdicts->list[i].times = 0;
		verdicts->count++;
	}
	verdicts->list[i].times++;
}

static inline unsigned times(const struct verdicts *verdicts, const char *promise)
{
	size_t i;

	for (i = 0; i < verdicts->count; i++)
		if (!strcmp(verdicts->list[i].promise, promise))
			return verdicts->list[i].times;
	return 0;
}

static inline void print_verdicts(const struct verdicts *verdicts)
{
	size_t i;

	for (i = 0; i < verdicts->count; i++)
		print_error("  %s x%u\n", verdicts->list[i].promise, verdicts->list[i].times);
}

static inline int verify_tree(struct backup_tree *tree, const char *password,
			      struct verdicts *verdicts, struct backup_verdict *verdict)
{
	struct secret secret = SECRET_INIT;
	struct err err = ERR_INIT;
	int r;

	memset(verdicts, 0, sizeof(*verdicts));
	memset(verdict, 0, sizeof(*verdict));
	if (password)
		testing_password(&secret, password);
	r = backup_verify(tree, password ? &secret : NULL, collect, verdicts, NULL, NULL, verdict,
			  &err);
	if (r < 0)
		assert_true(err.text[0]);
	return r;
}

static inline int verify_folder(const char *path, const char *password, struct verdicts *verdicts,
				struct backup_verdict *verdict)
{
	CLEANUP(backup_tree_close_p) struct backup_tree *tree = NULL;
	struct err err = ERR_INIT;

	assert_done(backup_tree_folder(&tree, path, &err), err);
	return verify_tree(tree, password, verdicts, verdict);
}

#endif
