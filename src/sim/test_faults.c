/* test_faults - the grammar of --fault: what is understood, what is refused and how */
#include "sim/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct sim_fault parse(const char *spec)
{
	struct sim_faults faults = {.count = 0};
	struct err err = ERR_INIT;

	if (sim_faults_parse(&faults, spec, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(faults.count, 1);
	return faults.list[0];
}

static void refused(const char *spec, const char *words)
{
	struct sim_faults faults = {.count = 0};
	struct err err = ERR_INIT;

	assert_int_equal(sim_faults_parse(&faults, spec, &err), ERR_USAGE);
	assert_int_equal(faults.count, 0);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void each_fault_of_the_manual_is_understood(void **state)
{
	static const struct {
		const char *spec;
		enum sim_fault_kind kind;
		uint64_t number, nth;
		const char *text;
	} cases[] = {
		{"cut:bytes=4096", SIM_FAULT_CUT_BYTES, 4096, 0, ""},
		{"cut:bytes=4M", SIM_FAULT_CUT_BYTES, 4 << 20, 0, ""},
		{"cut:received=10", SIM_FAULT_CUT_BYTES, 10, 0, "received"},
		{"cut:message=7", SIM_FAULT_CUT_MESSAGE, 7, 0, ""},
		{"lock:file=3", SIM_FAULT_LOCK, 3, 0, ""},
		{"no-space", SIM_FAULT_NO_SPACE, 0, 0, ""},
		{"file-error:nth=2", SIM_FAULT_FILE_ERROR, 0, 2, ""},
		{"file-error:path=HomeDomain/Library/x", SIM_FAULT_FILE_ERROR, 0, 0,
		 "HomeDomain/Library/x"},
		{"short-file:nth=1", SIM_FAULT_SHORT_FILE, 0, 1, ""},
		{"name:as=../../x,nth=5", SIM_FAULT_NAME, 0, 5, "../../x"},
		{"name:as=a,len=100K", SIM_FAULT_NAME, 100 << 10, 0, "a"},
		{"length:as=4G", SIM_FAULT_LENGTH, UINT64_C(4) << 30, 0, ""},
		{"length:as=2147483648,of=name,nth=2", SIM_FAULT_LENGTH, UINT64_C(1) << 31, 2,
		 "name"},
		{"order:response-first", SIM_FAULT_ORDER, 0, 0, "response-first"},
		{"plist:bomb-xml", SIM_FAULT_PLIST, 4, 0, "bomb-xml"},
		{"plist:deep,message=9", SIM_FAULT_PLIST, 9, 0, "deep"},
		{"records:len=100", SIM_FAULT_RECORDS, 100, 0, ""},
		{"records:per-field", SIM_FAULT_RECORDS, 0, 0, "per-field"},
		{"silence:message=5", SIM_FAULT_SILENCE, 5, 0, ""},
		{"endless", SIM_FAULT_ENDLESS, 0, 0, ""},
		{"duplicate:nth=3", SIM_FAULT_DUPLICATE, 0, 3, ""},
		{"certificate", SIM_FAULT_CERTIFICATE, 0, 0, ""},
		{"claim:serial=F1X", SIM_FAULT_CLAIM, SIM_CLAIM_SERIAL, 0, "F1X"},
		{"error:code=205", SIM_FAULT_ERROR_CODE, 205, 0, ""},
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct sim_fault fault = parse(cases[i].spec);

		assert_int_equal(fault.kind, cases[i].kind);
		assert_int_equal(fault.number, cases[i].number);
		assert_int_equal(fault.nth, cases[i].nth);
		assert_string_equal(fault.text, cases[i].text);
	}
}

static void a_text_is_decoded_and_keeps_its_placeholder(void **state)
{
	struct sim_fault fault = parse("name:as=%UDID%/a%00b%2Cc%");

	assert_int_equal(fault.text_len, strlen("%UDID%/a") + 1 + strlen("b,c%"));
	assert_memory_equal(fault.text, "%UDID%/a\0b,c%", fault.text_len);
}

static void a_moment_fires_once_and_a_condition_always(void **state)
{
	assert_int_equal(parse("cut:message=1").times, 1);
	assert_int_equal(parse("no-space").times, 0);
	assert_int_equal(parse("cut:message=1,times=3").times, 3);
	assert_int_equal(parse("endless:times=0").times, 0);
}

static void nonsense_is_refused_with_the_form(void **state)
{
	refused("cutt:bytes=1", "there are cut, lock");
	refused("", "no such fault");
	refused("cut", "cut:bytes=N");
	refused("cut:bytes=", "makes no sense");
	refused("cut:bytes=1x", "makes no sense");
	refused("cut:bytes=-1", "makes no sense");
	refused("cut:bytes=99999999999999999999", "makes no sense");
	refused("cut:bytes=18446744073709551615K", "makes no sense");
	refused("cut:bytes=9..3", "makes no sense");
	refused("cut:bytes=1,bytes=2", "twice");
	refused("cut:message=0", "makes no sense");
	refused("cut:sideways", "a word it does not know");
	refused("order:", "a word it does not know");
	refused("order", "its word is missing");
	refused("plist:bomb", "bomb-binary");
	refused("records:len=5,per-field", "one of the two");
	refused("records", "one of the two");
	refused("lock:nth=1", "a key it does not know");
	refused("cut:bytes=1,times=x", "times=");
}

static void a_text_over_its_limit_is_refused(void **state)
{
	char spec[1024] = "name:as=";

	memset(spec + 8, 'a', 600);
	spec[608] = 0;
	refused(spec, "makes no sense");
}

static void the_list_of_faults_has_an_end(void **state)
{
	struct sim_faults faults = {.count = 0};
	struct err err = ERR_INIT;

	for (int i = 0; i < SIM_FAULTS_MAX; i++)
		assert_int_equal(sim_faults_parse(&faults, "endless", &err), 0);
	assert_int_equal(sim_faults_parse(&faults, "endless", &err), ERR_USAGE);
}

static void keep_text(void *arg, const char *text)
{
	snprintf(arg, 64, "%s", text);
}

static void taking_a_fault_counts_and_tells(void **state)
{
	char told[64] = "";
	struct sim_faults faults = {.fired = keep_text, .arg = told};
	struct err err = ERR_INIT;
	const struct sim_fault *fault;

	assert_int_equal(sim_faults_parse(&faults, "cut:message=4,times=2", &err), 0);
	fault = sim_faults_find(&faults, SIM_FAULT_CUT_MESSAGE);
	assert_non_null(fault);
	assert_true(sim_faults_take(&faults, fault, "cut before message %d", 4));
	assert_string_equal(told, "cut before message 4");
	assert_true(sim_faults_take(&faults, fault, "again"));
	assert_false(sim_faults_take(&faults, fault, "never"));
	assert_string_equal(told, "again");
	assert_null(sim_faults_find(&faults, SIM_FAULT_LOCK));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_of_the_manual_is_understood),
		cmocka_unit_test(a_text_is_decoded_and_keeps_its_placeholder),
		cmocka_unit_test(a_moment_fires_once_and_a_condition_always),
		cmocka_unit_test(nonsense_is_refused_with_the_form),
		cmocka_unit_test(a_text_over_its_limit_is_refused),
		cmocka_unit_test(the_list_of_faults_has_an_end),
		cmocka_unit_test(taking_a_fault_counts_and_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
