/* the configuration: what is dumped is read back, and what makes no sense is refused with its place
 */
#include "server/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int configs_make(void **state)
{
	struct config *configs = calloc(2, sizeof(*configs));

	assert_non_null(configs);
	config_default(&configs[0], "/srv/a");
	config_default(&configs[1], "/srv/b");
	*state = configs;
	return 0;
}

static int configs_free(void **state)
{
	free(*state);
	return 0;
}

static void a_dump_reads_back_as_the_same_configuration(void **state)
{
	static const char given[] = "# a service for the office\n"
				    "  listen 192.0.2.1:443\nlisten [2001:db8::1]:443\r\n"
				    "organization  Ünser Haus & Söhne \nrestore ask\nworkers 3\n"
				    "weak-scep yes\n\nstore postgresql://h/d\n";
	struct buf first CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);
	struct buf second CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);
	struct config *configs = *state;

	assert_int_equal(config_read(&configs[0], slice_text(given), NULL), 0);
	assert_int_equal(config_dump(&configs[0], &first, NULL), 0);
	assert_int_equal(config_read(&configs[1], buf_slice(&first), NULL), 0);
	assert_int_equal(config_dump(&configs[1], &second, NULL), 0);
	assert_string_equal(buf_text(&first), buf_text(&second));
	assert_string_equal(configs[1].organization, "Ünser Haus & Söhne");
	assert_int_equal(configs[1].listen.count, 2);
	assert_string_equal(configs[1].listen.words[1], "[2001:db8::1]:443");
	assert_int_equal(configs[1].restore, 1);
	assert_int_equal(configs[1].workers, 3);
	assert_true(configs[1].is_weak_scep);
	assert_string_equal(configs[1].data, "/srv/a");
}

static void what_makes_no_sense_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"workers 2\nworkers many\n", "line 2"},
		{"workers 65\n", "from 0 to 64"},
		{"colour blue\n", "no keyword"},
		{"restore perhaps\n", "accept, ask, refuse"},
		{"organization\n", "has no value"},
		{"organization    \n", "has no value"},
		{"organization \xff\xfe\n", "not UTF-8"},
		{"workers 1 2\n", "takes a number"},
	};
	struct config *configs = *state;

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct err err = ERR_INIT;
		int r = config_read(configs, slice_text(cases[i].text), &err);

		assert_int_equal(r, ERR_USAGE);
		assert_non_null(strstr(err.text, cases[i].reason));
	}
}

static void the_command_line_replaces_the_lists_of_a_file(void **state)
{
	struct config *config = *state;

	assert_int_equal(config_read(config, slice_text("listen 127.0.0.1:1\n"), NULL), 0);
	config_list_restart(config);
	assert_int_equal(config_set(config, "listen", "127.0.0.1:2", NULL), 0);
	assert_int_equal(config_set(config, "listen", "127.0.0.1:3", NULL), 0);
	assert_int_equal(config->listen.count, 2);
	assert_string_equal(config->listen.words[0], "127.0.0.1:2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_dump_reads_back_as_the_same_configuration,
						configs_make, configs_free),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused_with_its_line,
						configs_make, configs_free),
		cmocka_unit_test_setup_teardown(the_command_line_replaces_the_lists_of_a_file,
						configs_make, configs_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
