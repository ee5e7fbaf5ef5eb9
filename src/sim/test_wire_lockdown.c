/* test_wire_lockdown - values, pairing with and without a person, sessions, services */
#include "sim/testing_wire.h"

static int set_up(void **state)
{
	static struct wire_stage stage;

	stage_open(&stage, (struct sim_birth){.seed = 1, .name = "Lab iPad", .has_passcode = true},
		   NULL);
	*state = &stage;
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	return 0;
}

static const struct plist *get(struct line *line, const char *domain, const char *key)
{
	struct plist *request = line_dict(line, "Request", "GetValue");

	if (domain)
		plist_set_text(line->out, request, "Domain", domain);
	if (key)
		plist_set_text(line->out, request, "Key", key);
	return ask(line, request);
}

/* ---- values ---- */

static void a_stranger_reads_a_small_set_only(void **state)
{
	struct line line;
	const struct plist *all;
	struct slice key;

	lockdown_open(&line, *state);
	assert_string_equal(plist_get_text(get(&line, NULL, "DeviceName"), "Value"), "Lab iPad");
	assert_true(plist_get_data(get(&line, NULL, "DevicePublicKey"), "Value", &key));
	assert_memory_equal(key.bytes, "-----BEGIN RSA PUBLIC KEY-----", 30);
	assert_string_equal(lockdown_error(get(&line, NULL, "PhoneNumber")), "GetProhibited");
	assert_string_equal(lockdown_error(get(&line, "com.apple.mobile.backup", "WillEncrypt")),
			    "GetProhibited");
	all = plist_get_dict(get(&line, NULL, NULL), "Value");
	assert_non_null(plist_get(all, "ProductVersion"));
	assert_null(plist_get(all, "PhoneNumber"));
	line_close(&line);
}

static void a_paired_host_reads_and_sets(void **state)
{
	struct plist *request;
	struct line line;
	bool value = true;

	lockdown_open(&line, *state);
	pair_trusted(&line);
	start_session(&line, NULL);
	assert_true(plist_get_bool(get(&line, "com.apple.mobile.backup", "WillEncrypt"), "Value",
				   &value));
	assert_false(value);
	assert_string_equal(lockdown_error(get(&line, NULL, "NoSuchKey")), "MissingValue");
	request = line_dict(&line, "Request", "SetValue");
	plist_set_text(line.out, request, "Key", "DeviceName");
	plist_set_text(line.out, request, "Value", "Renamed");
	assert_null(lockdown_error(ask(&line, request)));
	assert_string_equal(plist_get_text(get(&line, NULL, "DeviceName"), "Value"), "Renamed");
	request = line_dict(&line, "Request", "SetValue");
	plist_set_text(line.out, request, "Key", "SerialNumber");
	plist_set_text(line.out, request, "Value", "F1");
	assert_string_equal(lockdown_error(ask(&line, request)), "SetProhibited");
	line_close(&line);
}

static void a_request_that_nobody_knows_is_refused_and_the_connection_lives(void **state)
{
	struct line line;

	lockdown_open(&line, *state);
	assert_non_null(lockdown_error(ask(&line, line_dict(&line, "Request", "Dance"))));
	assert_null(lockdown_error(ask(&line, line_dict(&line, "Request", "QueryType"))));
	line_close(&line);
}

static void a_frame_over_the_limit_ends_the_connection(void **state)
{
	struct line line;

	lockdown_open(&line, *state);
	MUST(buf_append_u32be(&line.bytes, LINK_REQUEST_LEN_MAX + 1, &err));
	line_send_bytes(&line);
	assert_true(is_over(&line));
	line_close(&line);
}

/* ---- pairing ---- */

static void pairing_waits_for_the_person(void **state)
{
	struct line line;
	struct slice bag;

	lockdown_open(&line, *state);
	assert_string_equal(lockdown_error(ask(&line, pair_request(&line))),
			    "PairingDialogResponsePending");
	assert_string_equal(lockdown_error(ask(&line, pair_request(&line))),
			    "PairingDialogResponsePending");
	person(*state, "trust_answer", "2");
	assert_string_equal(lockdown_error(ask(&line, pair_request(&line))), "UserDeniedPairing");
	/* the answer is used up: the question stands again */
	assert_string_equal(lockdown_error(ask(&line, pair_request(&line))),
			    "PairingDialogResponsePending");
	person(*state, "trust_answer", "1");
	assert_true(plist_get_data(ask(&line, pair_request(&line)), "EscrowBag", &bag));
	assert_int_equal(bag.len, 32);
	line_close(&line);
}

static void a_locked_device_pairs_with_nobody(void **state)
{
	struct line line;

	lockdown_open(&line, *state);
	person(*state, "is_locked", "true");
	person(*state, "trust_answer", "1");
	assert_string_equal(lockdown_error(ask(&line, pair_request(&line))), "PasswordProtected");
	person(*state, "is_locked", "false");
	assert_null(lockdown_error(ask(&line, pair_request(&line))));
	line_close(&line);
}

static void a_bad_pair_record_is_refused(void **state)
{
	struct plist *request, *record;
	struct line line;

	lockdown_open(&line, *state);
	person(*state, "trust_answer", "1");
	assert_string_equal(lockdown_error(ask(&line, line_dict(&line, "Request", "Pair"))),
			    "MissingPairRecord");
	request = line_dict(&line, "Request", "Pair");
	record = plist_new_dict(line.out);
	plist_set_text(line.out, record, "HostID", "HOST-1");
	plist_set_data(line.out, record, "DeviceCertificate", slice_text("no certificate"));
	plist_set(line.out, request, "PairRecord", record);
	assert_string_equal(lockdown_error(ask(&line, request)), "InvalidPairRecord");
	line_close(&line);
}

static void an_unpaired_host_is_a_stranger_again(void **state)
{
	struct plist *request, *record;
	struct line line;

	lockdown_open(&line, *state);
	pair_trusted(&line);
	request = line_dict(&line, "Request", "Unpair");
	record = plist_new_dict(line.out);
	plist_set_text(line.out, record, "HostID", "HOST-1");
	plist_set(line.out, request, "PairRecord", record);
	assert_null(lockdown_error(ask(&line, request)));
	assert_string_equal(lockdown_error(ask(&line, session_request(&line, "HOST-1"))),
			    "InvalidHostID");
	line_close(&line);
}

/* ---- supervised pairing ---- */

struct supervisor {
	struct buf key, cert, der;
};

static void supervise(struct wire_stage *stage, struct supervisor *supervisor, bool allows_pairing)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *configuration, *certs;

	*supervisor = (struct supervisor){BUF_INIT(CRYPTO_PEM_MAX), BUF_INIT(CRYPTO_PEM_MAX),
					  BUF_INIT(CRYPTO_PEM_MAX)};
	MUST(crypto_self_signed("Supervisor", 1793520000, &supervisor->key, &supervisor->cert,
				&err));
	MUST(crypto_cert_der(buf_slice(&supervisor->cert), &supervisor->der, &err));
	MUST(plist_doc_new(&doc, &err));
	configuration = plist_new_dict(doc);
	certs = plist_new_array(doc);
	plist_add(doc, certs, plist_new_data(doc, buf_slice(&supervisor->der)));
	plist_set_bool(doc, configuration, "IsSupervised", true);
	plist_set_bool(doc, configuration, "AllowPairing", allows_pairing);
	plist_set(doc, configuration, "SupervisorHostCertificates", certs);
	MUST(sim_device_cloud_configuration_put(stage->device, configuration, &err));
}

static void supervisor_clear(struct supervisor *supervisor)
{
	buf_wipe(&supervisor->key);
	buf_clear(&supervisor->cert);
	buf_clear(&supervisor->der);
}

static struct plist *supervised_request(struct line *line, const char *key, struct slice value)
{
	struct plist *request = pair_request(line), *options = plist_new_dict(line->out);

	plist_set_data(line->out, options, key, value);
	plist_set_bool(line->out, options, "ExtendedPairingErrors", true);
	plist_set(line->out, request, "PairingOptions", options);
	return request;
}

static void take_challenge(struct line *line, const struct supervisor *supervisor,
			   struct buf *challenge)
{
	const struct plist *reply = ask(line, supervised_request(line, "SupervisorCertificate",
								 buf_slice(&supervisor->der)));
	struct slice bytes;

	assert_string_equal(lockdown_error(reply), "MCChallengeRequired");
	assert_true(plist_get_data(plist_get_dict(reply, "ExtendedResponse"), "PairingChallenge",
				   &bytes));
	buf_truncate(challenge, 0);
	MUST(buf_append_slice(challenge, bytes, &err));
}

static void a_supervisor_pairs_by_signature_and_nobody_is_asked(void **state)
{
	CLEANUP(supervisor_clear) struct supervisor supervisor;
	CLEANUP(buf_clear) struct buf challenge = BUF_INIT(1024), signature = BUF_INIT(1 << 16);
	struct line line;

	supervise(*state, &supervisor, false);
	lockdown_open(&line, *state);
	/* a host that is not the supervisor may not even ask */
	person(*state, "trust_answer", "1");
	assert_string_equal(lockdown_error(ask(&line, pair_request(&line))), "MCProtected");
	take_challenge(&line, &supervisor, &challenge);
	MUST(crypto_cms_sign(buf_slice(&challenge), buf_slice(&supervisor.cert),
			     buf_slice(&supervisor.key), &signature, &err));
	assert_null(lockdown_error(
		ask(&line, supervised_request(&line, "ChallengeResponse", buf_slice(&signature)))));
	start_session(&line, NULL);
	line_close(&line);
}

static void a_wrong_signature_does_not_pair(void **state)
{
	CLEANUP(supervisor_clear) struct supervisor supervisor, stranger;
	CLEANUP(buf_clear) struct buf challenge = BUF_INIT(1024), signature = BUF_INIT(1 << 16);
	struct line line;

	supervise(*state, &stranger, false);
	supervise(*state, &supervisor, false); /* replaces it: the first is a stranger now */
	lockdown_open(&line, *state);
	take_challenge(&line, &supervisor, &challenge);
	MUST(crypto_cms_sign(buf_slice(&challenge), buf_slice(&stranger.cert),
			     buf_slice(&stranger.key), &signature, &err));
	assert_string_equal(lockdown_error(ask(&line, supervised_request(&line, "ChallengeResponse",
									 buf_slice(&signature)))),
			    "MCProtected");
	/* a good signature, but of bytes that are not this challenge */
	take_challenge(&line, &supervisor, &challenge);
	challenge.bytes[0] ^= 1;
	buf_truncate(&signature, 0);
	MUST(crypto_cms_sign(buf_slice(&challenge), buf_slice(&supervisor.cert),
			     buf_slice(&supervisor.key), &signature, &err));
	assert_string_equal(lockdown_error(ask(&line, supervised_request(&line, "ChallengeResponse",
									 buf_slice(&signature)))),
			    "MCProtected");
	/* and a challenge serves once */
	challenge.bytes[0] ^= 1;
	buf_truncate(&signature, 0);
	MUST(crypto_cms_sign(buf_slice(&challenge), buf_slice(&supervisor.cert),
			     buf_slice(&supervisor.key), &signature, &err));
	assert_string_equal(lockdown_error(ask(&line, supervised_request(&line, "ChallengeResponse",
									 buf_slice(&signature)))),
			    "MCProtected");
	line_close(&line);
}

static void sign(const struct supervisor *supervisor, const struct buf *challenge,
		 struct buf *signature)
{
	buf_truncate(signature, 0);
	MUST(crypto_cms_sign(buf_slice(challenge), buf_slice(&supervisor->cert),
			     buf_slice(&supervisor->key), signature, &err));
}

static void an_answer_serves_on_the_connection_of_its_challenge_alone(void **state)
{
	CLEANUP(supervisor_clear) struct supervisor supervisor;
	CLEANUP(buf_clear) struct buf challenge = BUF_INIT(1024), signature = BUF_INIT(1 << 16);
	struct line line;

	supervise(*state, &supervisor, false);
	lockdown_open(&line, *state);
	take_challenge(&line, &supervisor, &challenge);
	line_close(&line);
	sign(&supervisor, &challenge, &signature);
	lockdown_open(&line, *state);
	assert_string_equal(lockdown_error(ask(&line, supervised_request(&line, "ChallengeResponse",
									 buf_slice(&signature)))),
			    "MCProtected");
	/* nor to the next challenge: it is another */
	take_challenge(&line, &supervisor, &challenge);
	assert_string_equal(lockdown_error(ask(&line, supervised_request(&line, "ChallengeResponse",
									 buf_slice(&signature)))),
			    "MCProtected");
	take_challenge(&line, &supervisor, &challenge);
	sign(&supervisor, &challenge, &signature);
	assert_null(lockdown_error(
		ask(&line, supervised_request(&line, "ChallengeResponse", buf_slice(&signature)))));
	line_close(&line);
}

static void another_certificate_gets_no_challenge(void **state)
{
	CLEANUP(supervisor_clear) struct supervisor supervisor, stranger;
	struct line line;

	supervise(*state, &stranger, true);
	supervise(*state, &supervisor, true);
	lockdown_open(&line, *state);
	assert_string_equal(
		lockdown_error(ask(&line, supervised_request(&line, "SupervisorCertificate",
							     buf_slice(&stranger.der)))),
		"PairingDialogResponsePending");
	line_close(&line);
}

/* ---- sessions and services ---- */

static void a_session_wants_a_known_host(void **state)
{
	struct plist *request;
	struct line line;

	lockdown_open(&line, *state);
	assert_string_equal(lockdown_error(ask(&line, line_dict(&line, "Request", "StartSession"))),
			    "MissingHostID");
	assert_string_equal(lockdown_error(ask(&line, session_request(&line, "HOST-1"))),
			    "InvalidHostID");
	assert_string_equal(lockdown_error(ask(&line, line_dict(&line, "Request", "StopSession"))),
			    "SessionInactive");
	request = line_dict(&line, "Request", "StartService");
	plist_set_text(line.out, request, "Service", "com.apple.afc");
	assert_string_equal(lockdown_error(ask(&line, request)), "SessionInactive");
	line_close(&line);
}

static void a_session_ends_with_its_own_id_inside_tls(void **state)
{
	struct plist *request;
	struct line line;
	char id[64];

	lockdown_open(&line, *state);
	pair_trusted(&line);
	start_session(&line, id);
	assert_string_equal(lockdown_error(ask(&line, session_request(&line, "HOST-1"))),
			    "SessionActive");
	request = line_dict(&line, "Request", "StopSession");
	plist_set_text(line.out, request, "SessionID", "another");
	assert_string_equal(lockdown_error(ask(&line, request)), "InvalidSessionID");
	request = line_dict(&line, "Request", "StopSession");
	plist_set_text(line.out, request, "SessionID", id);
	assert_string_equal(plist_get_text(ask(&line, request), "Result"), "Success");
	line_close(&line);
}

static void a_host_that_shows_another_certificate_is_not_admitted(void **state)
{
	struct wire_stage *stage = *state;
	struct crypto_pairing other;
	struct slice private_pem, public_pem;
	struct err refused = ERR_INIT;
	struct line line;

	lockdown_open(&line, stage);
	pair_trusted(&line);
	assert_null(lockdown_error(ask(&line, session_request(&line, "HOST-1"))));
	MUST(sim_device_key(stage->device, &private_pem, &public_pem, &err));
	crypto_pairing_init(&other);
	MUST(crypto_pairing_make(&other, public_pem, 1793520000, &err));
	crypto_pairing_clear(&stage->pairing);
	stage->pairing = other;
	/* with TLS 1.3 the refusal comes after the client's handshake: the first answer fails */
	if (line_tls(&line, true, &refused) == 0)
		assert_true(conn_fill(line.conn, 1, &refused) < 0);
	line_close(&line);
}

static void each_started_service_has_a_port_of_its_own_that_serves_once(void **state)
{
	struct line line, service;
	unsigned first, second;
	struct plist *request;

	lockdown_open(&line, *state);
	pair_trusted(&line);
	start_session(&line, NULL);
	request = line_dict(&line, "Request", "StartService");
	plist_set_text(line.out, request, "Service", "com.apple.nothing");
	assert_string_equal(lockdown_error(ask(&line, request)), "InvalidService");
	first = start_service(&line, "com.apple.mobilebackup2");
	second = start_service(&line, "com.apple.mobilebackup2");
	assert_int_not_equal(first, second);
	line_open(&service, *state);
	assert_int_equal(mux_connect(&service, 1, first), 0);
	line_close(&service);
	line_open(&service, *state);
	assert_int_equal(mux_connect(&service, 1, first), LINK_MUX_REFUSED);
	assert_int_equal(mux_connect(&service, 1, second), 0);
	line_close(&service);
	line_close(&line);
}

static void a_wrong_escrow_bag_starts_nothing(void **state)
{
	static const uint8_t wrong[32] = {1};
	struct plist *request;
	struct line line;

	lockdown_open(&line, *state);
	pair_trusted(&line);
	start_session(&line, NULL);
	request = line_dict(&line, "Request", "StartService");
	plist_set_text(line.out, request, "Service", "com.apple.mobilebackup2");
	plist_set_data(line.out, request, "EscrowBag", slice_of(wrong, sizeof(wrong)));
	assert_string_equal(lockdown_error(ask(&line, request)), "InvalidEscrowBag");
	line_close(&line);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STAGED(a_stranger_reads_a_small_set_only),
		STAGED(a_paired_host_reads_and_sets),
		STAGED(a_request_that_nobody_knows_is_refused_and_the_connection_lives),
		STAGED(a_frame_over_the_limit_ends_the_connection),
		STAGED(pairing_waits_for_the_person),
		STAGED(a_locked_device_pairs_with_nobody),
		STAGED(a_bad_pair_record_is_refused),
		STAGED(an_unpaired_host_is_a_stranger_again),
		STAGED(a_supervisor_pairs_by_signature_and_nobody_is_asked),
		STAGED(a_wrong_signature_does_not_pair),
		STAGED(an_answer_serves_on_the_connection_of_its_challenge_alone),
		STAGED(another_certificate_gets_no_challenge),
		STAGED(a_session_wants_a_known_host),
		STAGED(a_session_ends_with_its_own_id_inside_tls),
		STAGED(a_host_that_shows_another_certificate_is_not_admitted),
		STAGED(each_started_service_has_a_port_of_its_own_that_serves_once),
		STAGED(a_wrong_escrow_bag_starts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
