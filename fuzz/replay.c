/* replay - runs a fuzz target over the files of its corpus, as a plain test */
#include "base/base.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *corpus;

static void the_corpus_is_read_without_a_finding(void **state)
{
	struct dirent **names = NULL;
	int count = scandir(corpus, &names, NULL, alphasort), run = 0;

	for (int i = 0; i < count; i++) {
		CLEANUP(buf_clear) struct buf bytes = BUF_INIT(16u << 20);
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s", corpus, names[i]->d_name);
		if (names[i]->d_name[0] != '.' &&
		    fs_read_file(fs_system(), path, &bytes, NULL) == 0) {
			LLVMFuzzerTestOneInput(bytes.bytes ? bytes.bytes : (const uint8_t *)"",
					       bytes.len);
			run++;
		}
		free(names[i]);
	}
	free(names);
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	assert_true(run > 0); /* a target without a corpus proves nothing */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_corpus_is_read_without_a_finding)};

	if (argc != 2)
		return 2;
	corpus = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
