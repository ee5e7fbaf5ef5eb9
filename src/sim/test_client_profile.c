/* which profiles install, and which may take another's place: bytes in, a chain of errors out */
#include "sim/testing_service.h"

/* the innermost code that @bytes are refused with; 0: they are fine */
static int code_of(struct slice bytes)
{
	struct sim_profile profile = SIM_PROFILE_INIT;
	struct sim_chain chain = SIM_CHAIN_INIT;
	int r = sim_profile_read(&profile, bytes, &chain, NULL);

	sim_profile_clear(&profile);
	assert_true(r == 0 || (r == SIM_REFUSED && chain.count > 0));
	return r == 0 ? 0 : chain.items[chain.count - 1].code;
}

static int code_of_paper(const struct paper *paper, const char *old, const char *new)
{
	struct buf bytes = BUF_INIT(SIM_MESSAGE_MAX);
	char *at;
	int code;

	paper_write(paper, &bytes);
	if (old) { /* one text in place of another of the same length */
		at = strstr(buf_text(&bytes), old);
		assert_non_null(at);
		assert_int_equal(strlen(old), strlen(new));
		memcpy(at, new, strlen(new));
	}
	code = code_of(buf_slice(&bytes));
	buf_clear(&bytes);
	return code;
}

static void a_profile_is_refused_by_the_field_that_it_lacks(void **state)
{
	const struct paper paper = {0};

	(void)state;
	assert_int_equal(code_of(slice_text("no property list")), 4007);
	assert_int_equal(code_of(slice_text("0 no CMS either")), 1004);
	assert_int_equal(code_of(slice_of("\x30\x03\x02\x01\x00", 5)), 1004);
	assert_int_equal(code_of_paper(&paper, NULL, NULL), 0);
	assert_int_equal(
		code_of_paper(&paper, "<key>PayloadIdentifier<", "<key>payloadidentifier<"), 1002);
	assert_int_equal(code_of_paper(&paper, "<integer>1</integer>", "<integer>2</integer>"),
			 1001);
	assert_int_equal(code_of_paper(&paper, "<key>Topic<", "<key>topic<"), 2002);
	assert_int_equal(code_of_paper(&paper, "<key>PayloadContent<", "<key>payloadcontent<"),
			 1002);
	assert_int_equal(
		code_of_paper(&(struct paper){.server = "http://mdm.example/mdm"}, NULL, NULL),
		2004);
}

/* the code of an update from @old to @new; 0: it may be installed */
static int update(const struct paper *old, const struct paper *new, struct sim_chain *chain)
{
	struct sim_profile first = SIM_PROFILE_INIT, second = SIM_PROFILE_INIT;
	struct buf one = BUF_INIT(SIM_MESSAGE_MAX), other = BUF_INIT(SIM_MESSAGE_MAX);
	struct sim_incumbent incumbent = {0};
	int r;

	*chain = SIM_CHAIN_INIT;
	paper_write(new, &other);
	assert_int_equal(sim_profile_read(&second, buf_slice(&other), chain, NULL), 0);
	if (old) {
		paper_write(old, &one);
		assert_int_equal(sim_profile_read(&first, buf_slice(&one), chain, NULL), 0);
		incumbent.identifier = first.identifier;
		incumbent.mdm = first.mdm;
	}
	r = sim_replace_check(&second, &incumbent, chain);
	sim_profile_clear(&first);
	sim_profile_clear(&second);
	buf_clear(&one);
	buf_clear(&other);
	return r == 0 ? 0 : chain->items[chain->count - 1].code;
}

static void an_update_that_changes_what_must_not_change_does_not_match(void **state)
{
	static const struct paper changed[] = {
		{.server = "https://other.example/mdm"},
		{.checkin = "https://mdm.example/checkin"},
		{.topic = "com.apple.mgmt.External.2"},
		{.extra = "<key>EnrollmentMode</key><string>ADDE</string>"},
		{.extra = "<key>AssignedManagedAppleID</key><string>a@b.example</string>"},
		{.extra = "<key>RequiredAppIDForMDM</key><integer>7</integer>"},
		{.extra = "<key>ServerCapabilities</key><array><string>"
			  "com.apple.mdm.per-user-connections</string></array>"},
		{.identifier = "other.enrollment", .server = "https://other.example/mdm"},
	};
	const struct paper old = {.rights = 4095}, more = {.rights = 8191}, less = {.rights = 1};
	struct sim_chain chain;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(changed); i++) {
		struct paper new = changed[i];

		new.rights = 4095;
		assert_int_equal(update(&old, &new, &chain), 12012);
		assert_string_equal(chain.items[0].text, "Profile Installation Failed");
		assert_int_equal(chain.items[0].code, 4001);
		assert_string_equal(chain.items[1].text,
				    "The new MDM payload does not match the old payload.");
	}
	assert_int_equal(update(&old, &more, &chain), 12012);
	assert_int_equal(update(&old, &less, &chain), 0);
	assert_int_equal(
		update(&old, &(struct paper){.rights = 4095, .scep_uuid = "SCEP-2"}, &chain), 0);
}

static void a_replacement_needs_an_mdm_payload_and_the_same_identifier(void **state)
{
	const struct paper old = {0};
	struct sim_chain chain;

	(void)state;
	assert_int_equal(update(&old, &(struct paper){.lacks_mdm = true}, &chain), 4015);
	assert_int_equal(update(&old, &(struct paper){.identifier = "other"}, &chain), 12001);
	/* beside the enrollment, any other profile */
	assert_int_equal(
		update(&old, &(struct paper){.identifier = "other", .lacks_mdm = true}, &chain), 0);
}

static void rights_topic_and_identity_are_asked_of_every_enrollment(void **state)
{
	struct sim_chain chain;

	(void)state;
	assert_int_equal(update(NULL, &(struct paper){0}, &chain), 0);
	assert_int_equal(update(NULL, &(struct paper){.rights = 2}, &chain), 12000);
	assert_int_equal(update(NULL, &(struct paper){.rights = 128}, &chain), 12000);
	assert_int_equal(update(NULL, &(struct paper){.rights = 8192}, &chain), 12000);
	assert_int_equal(update(NULL, &(struct paper){.topic = "com.example.push"}, &chain), 12022);
}

static void an_error_chain_is_written_outermost_first(void **state)
{
	struct sim_chain chain = SIM_CHAIN_INIT;
	struct err err = ERR_INIT;
	struct plist_doc *doc = NULL;
	struct plist *reply;
	const struct plist *items;
	int64_t code = 0;

	(void)state;
	sim_chain_add(&chain, SIM_DOMAIN_MDM, 12012, "inner %d", 1);
	sim_chain_wrap(&chain, SIM_DOMAIN_INSTALL, 4001, "outer");
	assert_int_equal(plist_doc_new(&doc, NULL), 0);
	reply = plist_new_dict(doc);
	sim_chain_put(&chain, doc, reply);
	items = plist_get_array(reply, "ErrorChain");
	assert_int_equal(items->as.items.count, 2);
	assert_true(plist_get_int(plist_at(items, 0), "ErrorCode", &code) && code == 4001);
	assert_string_equal(plist_get_text(plist_at(items, 1), "ErrorDomain"), SIM_DOMAIN_MDM);
	assert_string_equal(plist_get_text(plist_at(items, 1), "LocalizedDescription"), "inner 1");
	assert_int_equal(sim_chain_err(&chain, &err), ERR_POLICY);
	assert_string_equal(err.text, "outer (4001) inner 1 (12012)");
	plist_doc_free(doc);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_profile_is_refused_by_the_field_that_it_lacks),
		cmocka_unit_test(an_update_that_changes_what_must_not_change_does_not_match),
		cmocka_unit_test(a_replacement_needs_an_mdm_payload_and_the_same_identifier),
		cmocka_unit_test(rights_topic_and_identity_are_asked_of_every_enrollment),
		cmocka_unit_test(an_error_chain_is_written_outermost_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
