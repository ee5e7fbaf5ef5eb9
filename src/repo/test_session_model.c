/*
 * test_session_model.c - random operations on a session against a list in memory
 *
 * The seed is printed; REHOME_SEED repeats a run, REHOME_ROUNDS makes it longer.
 */
#include "repo/session.h"
#include "repo/testing.h"

#include <stdio.h>

enum { MODEL_MAX = 4096, PATH_MAX_LEN = 64 };

struct model_entry {
	char path[PATH_MAX_LEN];
	bool is_folder;
	uint64_t seed;
	size_t len;
};

struct model {
	struct model_entry list[MODEL_MAX];
	size_t count;
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct model_entry *)a)->path, ((const struct model_entry *)b)->path);
}

static struct model_entry *model_find(struct model *model, const char *path)
{
	for (size_t i = 0; i < model->count; i++)
		if (!strcmp(model->list[i].path, path))
			return &model->list[i];
	return NULL;
}

static bool is_beneath(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

static void model_put(struct model *model, const struct model_entry *entry)
{
	struct model_entry *old = model_find(model, entry->path);

	assert_true(model->count < MODEL_MAX);
	if (old)
		*old = *entry;
	else
		model->list[model->count++] = *entry;
}

static void model_remove(struct model *model, const char *path)
{
	for (size_t i = model->count; i-- > 0;)
		if (!strcmp(model->list[i].path, path) || is_beneath(model->list[i].path, path))
			model->list[i] = model->list[--model->count];
}

/* false if a parent is a file */
static bool model_parents(struct model *model, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct model_entry parent = {.is_folder = true};
		struct model_entry *known;

		snprintf(parent.path, sizeof(parent.path), "%.*s", (int)(slash - path), path);
		known = model_find(model, parent.path);
		if (known && !known->is_folder)
			return false;
		if (!known)
			model_put(model, &parent);
	}
	return true;
}

static bool model_transfer(struct model *model, const char *from, const char *to, bool is_move)
{
	struct model *before = malloc(sizeof(*before));

	if (!model_parents(model, to)) {
		free(before);
		return false;
	}
	model_remove(model, to);
	*before = *model;
	for (size_t i = 0; i < before->count; i++) {
		struct model_entry entry = before->list[i];

		if (strcmp(entry.path, from) != 0 && !is_beneath(entry.path, from))
			continue;
		snprintf(entry.path, sizeof(entry.path), "%s%s", to,
			 before->list[i].path + strlen(from));
		model_put(model, &entry);
	}
	if (is_move)
		model_remove(model, from);
	free(before);
	return true;
}

struct run {
	struct test_repo test;
	uint64_t random;
	struct model *model, *committed;
	struct repo_session *session;
	char last_id[REPO_ID_LEN + 1];
	char log[4096];
	size_t log_len;
};

static void random_path(struct run *run, char out[PATH_MAX_LEN])
{
	static const char *const names[] = {"a", "b", "ab", "a-", "U", "z.z"};
	unsigned depth = 1 + (unsigned)(test_random(&run->random) % 3);
	size_t len = 0;

	for (unsigned i = 0; i < depth; i++)
		len += (size_t)snprintf(out + len, PATH_MAX_LEN - len, "%s%s", i ? "/" : "",
					names[test_random(&run->random) % ARRAY_COUNT(names)]);
}

/* a path that exists, most of the time */
static void known_path(struct run *run, char out[PATH_MAX_LEN])
{
	if (run->model->count == 0 || test_random(&run->random) % 8 == 0)
		random_path(run, out);
	else
		strcpy(out, run->model->list[test_random(&run->random) % run->model->count].path);
}

/* ---- comparing ---- */

struct comparison {
	struct run *run;
	struct model *model;
	size_t at;
};

static int compare_entry(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct comparison *comparison = arg;
	const struct model_entry *wanted = &comparison->model->list[comparison->at++];

	assert_true(comparison->at <= comparison->model->count);
	assert_string_equal(entry->path, wanted->path);
	assert_int_equal(entry->is_directory, wanted->is_folder);
	assert_int_equal(entry->size, wanted->len);
	return 0;
}

static void compare_state(struct run *run)
{
	struct comparison comparison = {run, run->model, 0};
	struct repo_session *session = run->session;

	qsort(run->model->list, run->model->count, sizeof(run->model->list[0]), by_path);
	must(&run->test,
	     repo_session_walk(session, "", compare_entry, &comparison, &run->test.err));
	assert_int_equal(comparison.at, run->model->count);
}

static void compare_snapshot(struct run *run, const char *id, struct model *model)
{
	struct comparison comparison = {run, model, 0};
	struct repo_view *view;

	must(&run->test, repo_view_open(&view, run->test.repo, id, &run->test.err));
	qsort(model->list, model->count, sizeof(model->list[0]), by_path);
	must(&run->test, repo_view_walk(view, "", compare_entry, &comparison, &run->test.err));
	assert_int_equal(comparison.at, model->count);
	for (size_t i = 0; i < model->count; i++)
		if (!model->list[i].is_folder)
			assert_true(test_view_holds(view, model->list[i].path, model->list[i].seed,
						    model->list[i].len, &run->test.err));
	repo_view_close(view);
}

/* children of a folder, by the model and by the session */
struct children {
	char text[8192];
	size_t len;
};

static int child(void *arg, const struct repo_entry *entry, struct err *err)
{
	struct children *children = arg;

	children->len +=
		(size_t)snprintf(children->text + children->len,
				 sizeof(children->text) - children->len, "%s ", entry->path);
	return 0;
}

static void compare_list(struct run *run, const char *path)
{
	struct children got = {.len = 0}, wanted = {.len = 0};
	const struct model_entry *folder = model_find(run->model, path);
	char prefix[PATH_MAX_LEN];
	int r = repo_session_list(run->session, path, child, &got, &run->test.err);

	if (!folder || !folder->is_folder) {
		assert_int_equal(r, REPO_ABSENT);
		return;
	}
	assert_int_equal(r, 0);
	snprintf(prefix, sizeof(prefix), "%s", path);
	qsort(run->model->list, run->model->count, sizeof(run->model->list[0]), by_path);
	for (size_t i = 0; i < run->model->count; i++) {
		const char *entry = run->model->list[i].path;

		if (is_beneath(entry, prefix) && !strchr(entry + strlen(prefix) + 1, '/'))
			wanted.len += (size_t)snprintf(wanted.text + wanted.len,
						       sizeof(wanted.text) - wanted.len, "%s ",
						       entry + strlen(prefix) + 1);
	}
	assert_string_equal(got.text, wanted.text);
}

/* ---- steps ---- */

static void step_upload(struct run *run)
{
	struct model_entry entry = {.seed = test_random(&run->random) % 40};
	struct model_entry *old;
	int r;

	random_path(run, entry.path);
	entry.len =
		(size_t)(test_random(&run->random) % 12 == 0 ? test_random(&run->random) % 1500000
							     : test_random(&run->random) % 5000);
	r = test_put(run->session, entry.path, entry.seed, entry.len, &run->test.err);
	old = model_find(run->model, entry.path);
	if (r == ERR_EXISTS) {
		repo_upload_drop(run->session);
		assert_true((old && old->is_folder) || !model_parents(run->model, entry.path));
		return;
	}
	assert_int_equal(r, 0);
	assert_true(model_parents(run->model, entry.path));
	model_put(run->model, &entry);
}

static void step_transfer(struct run *run, bool is_move)
{
	char from[PATH_MAX_LEN], to[PATH_MAX_LEN];
	int r;

	known_path(run, from);
	random_path(run, to);
	r = is_move ? repo_session_move(run->session, from, to, &run->test.err)
		    : repo_session_copy(run->session, from, to, &run->test.err);
	if (!model_find(run->model, from)) {
		assert_int_equal(r, REPO_ABSENT);
	} else if (!strcmp(from, to)) {
		assert_int_equal(r, 0);
	} else if (is_beneath(from, to) || is_beneath(to, from)) {
		assert_int_equal(r, ERR_USAGE);
	} else {
		/* a file among the parents: folders made before it was met may stay */
		bool can = model_transfer(run->model, from, to, is_move);

		assert_int_equal(r, can ? 0 : ERR_EXISTS);
	}
}

static void step_read(struct run *run)
{
	char path[PATH_MAX_LEN];
	struct model_entry *entry;
	struct source *source;
	int r;

	known_path(run, path);
	entry = model_find(run->model, path);
	r = repo_session_read(run->session, path, &source, &run->test.err);
	if (!entry || entry->is_folder) {
		assert_int_equal(r, REPO_ABSENT);
		return;
	}
	assert_int_equal(r, 0);
	assert_true(test_holds(source, entry->seed, entry->len, &run->test.err));
}

static void begin(struct run *run)
{
	bool is_empty = test_random(&run->random) % 5 == 0;

	must(&run->test, repo_session_begin(&run->session, run->test.repo, TEST_DEVICE, is_empty,
					    NULL, &run->test.err));
	*run->model = *run->committed;
	if (is_empty)
		run->model->count = 0;
}

static void step_end(struct run *run)
{
	if (test_random(&run->random) % 3 == 0) {
		repo_session_free(run->session);
	} else {
		assert_int_equal(repo_session_commit(run->session, 1790000000, SLICE_EMPTY,
						     run->last_id, &run->test.err),
				 0);
		repo_session_free(run->session);
		*run->committed = *run->model;
	}
	if (test_random(&run->random) % 4 == 0) {
		test_close(&run->test);
		test_open(&run->test);
	}
	if (run->last_id[0])
		compare_snapshot(run, run->last_id, run->committed);
	begin(run);
}

/* what happens by itself when the memory part is full */
static void step_spill(struct run *run)
{
	must(&run->test, repo_pipe_drain(run->session->pipe, false, &run->test.err));
	must(&run->test, repo_overlay_spill(run->session->overlay, &run->test.err));
	run->session->generation++;
}

static void step(struct run *run)
{
	char path[PATH_MAX_LEN];

	switch (test_random(&run->random) % 20) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
		step_upload(run);
		break;
	case 6:
	case 7:
	case 8:
		step_transfer(run, true);
		break;
	case 9:
		step_transfer(run, false);
		break;
	case 10:
		known_path(run, path);
		must(&run->test, repo_session_remove(run->session, path, &run->test.err));
		model_remove(run->model, path);
		break;
	case 11:
	case 12:
		step_read(run);
		break;
	case 13:
	case 14:
		known_path(run, path);
		compare_list(run, path);
		break;
	case 15:
	case 16:
		step_spill(run);
		break;
	case 17:
		if (test_random(&run->random) % 4 == 0)
			step_end(run);
		break;
	default:
		compare_state(run);
		break;
	}
}

static void a_session_behaves_like_a_list_in_memory(void **state)
{
	const char *seed = getenv("REHOME_SEED"), *rounds = getenv("REHOME_ROUNDS");
	struct run run = {.random = seed ? strtoull(seed, NULL, 0) : 20261124};
	struct repo_verdict verdict;
	int count = rounds ? atoi(rounds) : 3000;

	print_message("seed %llu\n", (unsigned long long)run.random);
	test_begin(&run.test);
	run.model = calloc(1, sizeof(*run.model));
	run.committed = calloc(1, sizeof(*run.committed));
	begin(&run);
	for (int i = 0; i < count; i++)
		step(&run);
	repo_session_free(run.session);
	must(&run.test, repo_check(run.test.repo, true, NULL, NULL, NULL, &verdict, &run.test.err));
	assert_int_equal(verdict.problems, 0);
	test_end(&run.test);
	free(run.model);
	free(run.committed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_behaves_like_a_list_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
