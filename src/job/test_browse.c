/* test_browse - which domains belong to an app */
#include "job/browse.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void an_app_has_its_container_extensions_and_groups_by_name(void **state)
{
	static const char bundle[] = "com.example.notes";

	assert_true(browse_is_of_app("AppDomain-com.example.notes", bundle));
	assert_true(browse_is_of_app("AppDomainPlugin-com.example.notes", bundle));
	assert_true(browse_is_of_app("AppDomainPlugin-com.example.notes.share", bundle));
	assert_true(browse_is_of_app("AppDomainGroup-group.com.example.notes", bundle));
	assert_true(browse_is_of_app("AppDomainGroup-group.com.example.notes.shared", bundle));
	assert_true(browse_is_of_app("AppDomainGroup-AB12CD34EF.com.example.notes", bundle));
}

static void another_app_is_not_taken_for_it(void **state)
{
	static const char bundle[] = "com.example.notes";

	assert_false(browse_is_of_app("AppDomain-com.example.notes.pro", bundle));
	assert_false(browse_is_of_app("AppDomain-com.example", bundle));
	assert_false(browse_is_of_app("AppDomainPlugin-com.example.notespro.share", bundle));
	assert_false(browse_is_of_app("AppDomainGroup-group.com.example.notespro", bundle));
	assert_false(browse_is_of_app("AppDomainGroup-AB12CD34E.com.example.notes", bundle));
	assert_false(browse_is_of_app("AppDomainGroup-group", bundle));
	assert_false(browse_is_of_app("HomeDomain", bundle));
	assert_false(browse_is_of_app("SysContainerDomain-com.example.notes", bundle));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_app_has_its_container_extensions_and_groups_by_name),
		cmocka_unit_test(another_app_is_not_taken_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
