/* test_wire_services - AFC, notifications, apps, MCInstall and the small services, through TLS */
#include "sim/testing_wire.h"

static int set_up(void **state)
{
	static struct wire_stage stage;

	stage_open(&stage,
		   (struct sim_birth){.seed = 1, .os = "18.6", .apps = 3, .setup_is_pending = true},
		   NULL);
	*state = &stage;
	return 0;
}

static int tear_down(void **state)
{
	stage_close(*state);
	return 0;
}

/* ---- AFC ---- */

/* one operation; the answer's op, its first number in @number, its payload in @payload */
static uint64_t afc(struct line *line, uint64_t op, struct slice arguments, struct slice payload,
		    uint64_t *number, struct slice *data)
{
	CLEANUP(buf_clear) struct buf packet = BUF_INIT(1 << 20);
	struct link_afc answer;
	struct reader in, first;
	int r = LINK_NEED_MORE;

	MUST(link_afc_write(&packet, 5, op, arguments, payload, &err));
	MUST(conn_write(line->conn, buf_slice(&packet), &err));
	MUST(conn_flush(line->conn, &err));
	buf_truncate(&line->bytes, 0);
	while (r == LINK_NEED_MORE) {
		in = reader_of(buf_slice(&line->bytes));
		r = link_afc_parse(&in, &answer, NULL);
		assert_true(r >= 0);
		if (r == LINK_NEED_MORE) {
			MUST(conn_fill(line->conn, 1, &err));
			MUST(buf_append(&line->bytes, conn_view(line->conn).at,
					conn_view(line->conn).left, &err));
			conn_consume(line->conn, conn_view(line->conn).left);
		}
	}
	assert_int_equal(answer.number, 5);
	first = reader_of(answer.arguments);
	*number = UINT64_MAX;
	reader_u64le(&first, number);
	if (data)
		*data = answer.payload;
	return answer.op;
}

static struct slice words(uint8_t out[1024], size_t count, const uint64_t *numbers,
			  const char *path)
{
	size_t len = 8 * count;

	for (size_t i = 0; i < count; i++)
		for (int j = 0; j < 8; j++)
			out[8 * i + j] = (uint8_t)(numbers[i] >> (8 * j));
	if (path) {
		strcpy((char *)out + len, path);
		len += strlen(path) + 1;
	}
	return slice_of(out, len);
}

static uint64_t afc_status(struct line *line, uint64_t op, size_t count, const uint64_t *numbers,
			   const char *path)
{
	uint8_t bytes[1024];
	uint64_t status;

	assert_int_equal(
		afc(line, op, words(bytes, count, numbers, path), SLICE_EMPTY, &status, NULL),
		AFC_STATUS);
	return status;
}

static uint64_t afc_open(struct line *line, uint64_t mode, const char *path)
{
	uint8_t bytes[1024];
	uint64_t handle;

	assert_int_equal(
		afc(line, AFC_FILE_OPEN, words(bytes, 1, &mode, path), SLICE_EMPTY, &handle, NULL),
		AFC_FILE_OPEN_RESULT);
	return handle;
}

static void what_is_written_is_read_back(void **state)
{
	uint8_t bytes[1024];
	struct slice data;
	struct line line;
	uint64_t handle, status;

	service_open(&line, *state, "com.apple.afc");
	assert_int_equal(afc_status(&line, AFC_MAKE_DIR, 0, NULL, "/iTunesRestore/deep/er"),
			 AFC_OK);
	handle = afc_open(&line, 3, "/iTunesRestore/RestoreApplications.plist");
	assert_int_equal(afc(&line, AFC_FILE_WRITE, words(bytes, 1, &handle, NULL),
			     slice_text("forty-two"), &status, NULL),
			 AFC_STATUS);
	assert_int_equal(status, AFC_OK);
	assert_int_equal(afc_status(&line, AFC_FILE_CLOSE, 1, &handle, NULL), AFC_OK);
	assert_int_equal(afc_status(&line, AFC_FILE_CLOSE, 1, &handle, NULL), AFC_BAD_ARGUMENT);
	handle = afc_open(&line, 1, "/iTunesRestore/RestoreApplications.plist");
	assert_int_equal(afc(&line, AFC_FILE_READ, words(bytes, 2, (uint64_t[]){handle, 100}, NULL),
			     SLICE_EMPTY, &status, &data),
			 AFC_DATA);
	assert_true(slice_equal(data, slice_text("forty-two")));
	assert_int_equal(afc(&line, AFC_GET_FILE_INFO,
			     words(bytes, 0, NULL, "/iTunesRestore/RestoreApplications.plist"),
			     SLICE_EMPTY, &status, &data),
			 AFC_DATA);
	assert_memory_equal(data.bytes, "st_size\0009", 10);
	assert_int_equal(afc(&line, AFC_READ_DIR, words(bytes, 0, NULL, "/iTunesRestore"),
			     SLICE_EMPTY, &status, &data),
			 AFC_DATA);
	assert_memory_equal(data.bytes, ".\0..\0RestoreApplications.plist\0deep", 35);
	assert_int_equal(afc_status(&line, AFC_REMOVE_PATH, 0, NULL, "/iTunesRestore"),
			 AFC_NOT_EMPTY);
	assert_int_equal(afc_status(&line, AFC_REMOVE_ALL, 0, NULL, "/iTunesRestore"), AFC_OK);
	assert_int_equal(afc_status(&line, AFC_GET_FILE_INFO, 0, NULL, "/iTunesRestore"),
			 AFC_NOT_FOUND);
	line_close(&line);
}

static void no_path_leads_out_of_the_media_folder(void **state)
{
	struct wire_stage *stage = *state;
	char link[256];
	struct line line;

	snprintf(link, sizeof(link), "%s/way-out", sim_device_media_path(stage->device));
	assert_int_equal(symlink("/etc", link), 0);
	service_open(&line, stage, "com.apple.afc");
	assert_int_equal(afc_status(&line, AFC_GET_FILE_INFO, 0, NULL, "/../../../../etc/passwd"),
			 AFC_NOT_FOUND);
	assert_int_equal(afc_status(&line, AFC_FILE_OPEN, 1, (uint64_t[]){1}, "/way-out/passwd"),
			 AFC_NOT_FOUND);
	assert_int_equal(afc_status(&line, AFC_REMOVE_ALL, 0, NULL, "/.."), AFC_BAD_ARGUMENT);
	assert_int_equal(afc_status(&line, AFC_REMOVE_ALL, 0, NULL, "/"), AFC_BAD_ARGUMENT);
	line_close(&line);
}

static void a_lock_excludes_others_and_ends_with_its_connection(void **state)
{
	static const char path[] = "/com.apple.itunes.lock_sync";
	struct line one, other;
	uint64_t mine, theirs;

	service_open(&one, *state, "com.apple.afc");
	service_open(&other, *state, "com.apple.afc");
	mine = afc_open(&one, 2, path);
	theirs = afc_open(&other, 2, path);
	assert_int_equal(afc_status(&one, AFC_FILE_LOCK, 2, (uint64_t[]){mine, 6}, NULL), AFC_OK);
	assert_int_equal(afc_status(&other, AFC_FILE_LOCK, 2, (uint64_t[]){theirs, 6}, NULL),
			 AFC_WOULD_BLOCK);
	assert_int_equal(afc_status(&one, AFC_FILE_LOCK, 2, (uint64_t[]){mine, 12}, NULL), AFC_OK);
	assert_int_equal(afc_status(&other, AFC_FILE_LOCK, 2, (uint64_t[]){theirs, 6}, NULL),
			 AFC_OK);
	line_close(&other);
	/* the device notices the end in its own time; a lock that blocks here would be a failure */
	while (afc_status(&one, AFC_FILE_LOCK, 2, (uint64_t[]){mine, 6}, NULL) == AFC_WOULD_BLOCK)
		;
	line_close(&one);
}

static void an_unknown_operation_is_not_supported(void **state)
{
	struct line line;

	service_open(&line, *state, "com.apple.afc");
	assert_int_equal(afc_status(&line, 0x77, 0, NULL, "/"), AFC_NOT_SUPPORTED);
	line_close(&line);
}

/* ---- notifications ---- */

static void observe(struct line *line, const char *name)
{
	struct plist *request = line_dict(line, "Command", "ObserveNotification");

	plist_set_text(line->out, request, "Name", name);
	say(line, request);
}

static void post(struct line *line, const char *name)
{
	struct plist *request = line_dict(line, "Command", "PostNotification");

	plist_set_text(line->out, request, "Name", name);
	say(line, request);
}

static void assert_relayed(struct line *line, const char *name)
{
	const struct plist *event = hear(line);

	assert_string_equal(plist_get_text(event, "Command"), "RelayNotification");
	assert_string_equal(plist_get_text(event, "Name"), name);
}

static void a_notification_reaches_those_who_observe_it(void **state)
{
	struct line line, other;

	service_open(&line, *state, "com.apple.mobile.notification_proxy");
	service_open(&other, *state, "com.apple.mobile.notification_proxy");
	observe(&line, "one");
	observe(&line, "two");
	post(&line, "two"); /* its own come back too: and so it is known that both are observed */
	assert_relayed(&line, "two");
	post(&other, "three");
	post(&other, "one");
	assert_relayed(&line, "one");
	assert_string_equal(
		plist_get_text(ask(&other, line_dict(&other, "Command", "Shutdown")), "Command"),
		"ProxyDeath");
	line_close(&other);
	line_close(&line);
}

static void the_persons_cancel_is_relayed(void **state)
{
	struct wire_stage *stage = *state;
	struct line line;

	service_open(&line, stage, "com.apple.mobile.notification_proxy");
	observe(&line, "com.apple.itunes-client.syncCancelRequest");
	post(&line, "com.apple.itunes-client.syncCancelRequest"); /* the device has heard what is
								     observed */
	assert_relayed(&line, "com.apple.itunes-client.syncCancelRequest");
	person(stage, "cancels", "+1");
	wire_watch(stage->wire);
	assert_relayed(&line, "com.apple.itunes-client.syncCancelRequest");
	line_close(&line);
}

/* ---- apps ---- */

static void apps_are_browsed_with_what_is_asked_for(void **state)
{
	struct plist *request, *options, *wanted;
	const struct plist *reply, *app;
	char bundle[256];
	struct line line;
	struct slice png;

	service_open(&line, *state, "com.apple.mobile.installation_proxy");
	request = line_dict(&line, "Command", "Browse");
	options = plist_new_dict(line.out);
	wanted = plist_new_array(line.out);
	plist_add(line.out, wanted, plist_new_text(line.out, "CFBundleIdentifier"));
	plist_add(line.out, wanted, plist_new_text(line.out, "ApplicationSINF"));
	plist_set_text(line.out, options, "ApplicationType", "User");
	plist_set(line.out, options, "ReturnAttributes", wanted);
	plist_set(line.out, request, "ClientOptions", options);
	reply = ask(&line, request);
	assert_string_equal(plist_get_text(reply, "Status"), "BrowsingApplications");
	assert_int_equal(plist_get_array(reply, "CurrentList")->as.items.count, 3);
	app = plist_at(plist_get_array(reply, "CurrentList"), 0);
	assert_int_equal(app->as.items.count, 2);
	snprintf(bundle, sizeof(bundle), "%s", plist_get_text(app, "CFBundleIdentifier"));
	assert_string_equal(plist_get_text(hear(&line), "Status"), "Complete");
	line_close(&line);
	service_open(&line, *state, "com.apple.springboardservices");
	request = line_dict(&line, "command", "getIconPNGData");
	plist_set_text(line.out, request, "bundleId", bundle);
	assert_true(plist_get_data(ask(&line, request), "pngData", &png));
	assert_memory_equal(png.bytes, "\x89PNG", 4);
	line_close(&line);
}

/* ---- MCInstall ---- */

static const char *mc(struct line *line, const struct plist *request, const struct plist **reply)
{
	*reply = ask(line, request);
	return plist_get_text(*reply, "Status");
}

static int64_t error_code(const struct plist *reply)
{
	int64_t code = 0;

	plist_get_int(plist_at(plist_get_array(reply, "ErrorChain"), 0), "ErrorCode", &code);
	return code;
}

static struct plist *cloud_request(struct line *line, struct slice supervisor)
{
	struct plist *request = line_dict(line, "RequestType", "SetCloudConfiguration");
	struct plist *configuration = plist_new_dict(line->out),
		     *certs = plist_new_array(line->out);

	plist_add(line->out, certs, plist_new_data(line->out, supervisor));
	plist_set_bool(line->out, configuration, "IsSupervised", true);
	plist_set_bool(line->out, configuration, "IsMDMUnremovable", true);
	plist_set(line->out, configuration, "SupervisorHostCertificates", certs);
	plist_set(line->out, request, "CloudConfiguration", configuration);
	return request;
}

static struct plist *profile_request(struct line *line, const char *type, const char *payload_type,
				     struct buf *text)
{
	struct plist *request, *profile, *payloads, *payload;

	plist_doc_reset(line->out);
	profile = plist_new_dict(line->out);
	plist_set_text(line->out, profile, "PayloadType", "Configuration");
	plist_set_text(line->out, profile, "PayloadIdentifier", "org.example.wifi");
	plist_set_text(line->out, profile, "PayloadUUID", "7A4E0E5C-0000-4000-8000-000000000001");
	plist_set_int(line->out, profile, "PayloadVersion", 1);
	payloads = plist_new_array(line->out);
	payload = plist_new_dict(line->out);
	plist_set_text(line->out, payload, "PayloadType", payload_type);
	plist_add(line->out, payloads, payload);
	plist_set(line->out, profile, "PayloadContent", payloads);
	buf_truncate(text, 0);
	MUST(plist_write_xml(line->out, profile, text, &err));
	request = line_dict(line, "RequestType", type);
	plist_set_data(line->out, request, "Payload", buf_slice(text));
	return request;
}

static void supervision_and_profiles_follow_the_rules(void **state)
{
	CLEANUP(buf_clear)
	struct buf key = BUF_INIT(CRYPTO_PEM_MAX), cert = BUF_INIT(CRYPTO_PEM_MAX),
		   der = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf signature = BUF_INIT(1 << 16), profile = BUF_INIT(1 << 16);
	CLEANUP(buf_clear) struct buf other = BUF_INIT(1 << 16);
	const struct plist *reply;
	struct plist *request;
	struct slice challenge;
	struct line line;
	bool value = true;

	MUST(crypto_self_signed("Supervisor", 1793520000, &key, &cert, &err));
	MUST(crypto_cert_der(buf_slice(&cert), &der, &err));
	service_open(&line, *state, "com.apple.mobile.MCInstall");
	assert_string_equal(mc(&line, cloud_request(&line, buf_slice(&der)), &reply),
			    "Acknowledged");
	assert_string_equal(mc(&line, cloud_request(&line, buf_slice(&der)), &reply), "Error");
	assert_int_equal(error_code(reply), 14002);
	assert_string_equal(
		mc(&line, line_dict(&line, "RequestType", "GetCloudConfiguration"), &reply),
		"Acknowledged");
	assert_true(plist_get_bool(plist_get_dict(reply, "CloudConfiguration"), "IsMDMUnremovable",
				   &value));
	assert_false(value); /* the device decides that */

	/* without escalation a profile needs a person */
	assert_string_equal(
		mc(&line,
		   profile_request(&line, "InstallProfile", "com.apple.wifi.managed", &profile),
		   &reply),
		"Error");
	assert_int_equal(error_code(reply), 4020);
	request = line_dict(&line, "RequestType", "InstallProfileSilent");
	plist_set_data(line.out, request, "Payload", buf_slice(&profile));
	assert_string_equal(mc(&line, request, &reply), "Error");

	request = line_dict(&line, "RequestType", "Escalate");
	plist_set_data(line.out, request, "SupervisorCertificate", slice_of("", 1));
	assert_string_equal(mc(&line, request, &reply), "CertificateRejected");
	request = line_dict(&line, "RequestType", "Escalate");
	plist_set_data(line.out, request, "SupervisorCertificate", buf_slice(&der));
	assert_string_equal(mc(&line, request, &reply), "Acknowledged");
	assert_true(plist_get_data(reply, "Challenge", &challenge));
	assert_int_equal(challenge.len, 8);
	MUST(crypto_cms_sign(challenge, buf_slice(&cert), buf_slice(&key), &signature, &err));
	request = line_dict(&line, "RequestType", "EscalateResponse");
	plist_set_data(line.out, request, "SignedRequest", buf_slice(&signature));
	assert_string_equal(mc(&line, request, &reply), "Acknowledged");
	/* the same signature once more: its challenge is used up */
	request = line_dict(&line, "RequestType", "EscalateResponse");
	plist_set_data(line.out, request, "SignedRequest", buf_slice(&signature));
	assert_string_equal(mc(&line, request, &reply), "SignedRequestRejected");
	assert_string_equal(
		mc(&line, line_dict(&line, "RequestType", "ProceedWithKeybagMigration"), &reply),
		"Acknowledged");

	request = line_dict(&line, "RequestType", "InstallProfileSilent");
	plist_set_data(line.out, request, "Payload", buf_slice(&profile));
	assert_string_equal(mc(&line, request, &reply), "Acknowledged");
	/* one that would enroll the device is for a person, whoever asks */
	request = profile_request(&line, "InstallProfileSilent", "com.apple.mdm", &other);
	assert_string_equal(mc(&line, request, &reply), "Error");
	assert_int_equal(error_code(reply), 4020);
	assert_string_equal(mc(&line, line_dict(&line, "RequestType", "GetProfileList"), &reply),
			    "Acknowledged");
	assert_string_equal(plist_text(plist_at(plist_get_array(reply, "OrderedIdentifiers"), 0)),
			    "org.example.wifi");
	request = line_dict(&line, "RequestType", "RemoveProfile");
	plist_set_data(line.out, request, "ProfileIdentifier",
		       buf_slice(&profile)); /* the form that is data */
	assert_string_equal(mc(&line, request, &reply), "Acknowledged");
	assert_string_equal(mc(&line, line_dict(&line, "RequestType", "Dance"), &reply), "Error");
	line_close(&line);
}

/* ---- small ones ---- */

static void the_small_services_answer(void **state)
{
	const struct plist *reply;
	struct line line;

	service_open(&line, *state, "com.apple.mobile.diagnostics_relay");
	reply = ask(&line, line_dict(&line, "Request", "MobileGestalt"));
	assert_string_equal(plist_get_text(plist_get_dict(plist_get_dict(reply, "Diagnostics"),
							  "MobileGestalt"),
					   "Status"),
			    "MobileGestaltDeprecated");
	assert_string_equal(
		plist_get_text(ask(&line, line_dict(&line, "Request", "Dance")), "Status"),
		"UnknownRequest");
	assert_string_equal(
		plist_get_text(ask(&line, line_dict(&line, "Request", "Goodbye")), "Status"),
		"Success");
	line_close(&line);
	service_open(&line, *state, "com.apple.mobileactivationd");
	assert_string_equal(
		plist_get_text(ask(&line, line_dict(&line, "Command", "GetActivationStateRequest")),
			       "Value"),
		"Activated");
	line_close(&line);
	service_open(&line, *state, "com.apple.mobile.heartbeat");
	assert_string_equal(plist_get_text(hear(&line), "Command"), "Marco");
	say(&line, line_dict(&line, "Command", "Polo"));
	line_close(&line);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STAGED(what_is_written_is_read_back),
		STAGED(no_path_leads_out_of_the_media_folder),
		STAGED(a_lock_excludes_others_and_ends_with_its_connection),
		STAGED(an_unknown_operation_is_not_supported),
		STAGED(a_notification_reaches_those_who_observe_it),
		STAGED(the_persons_cancel_is_relayed),
		STAGED(apps_are_browsed_with_what_is_asked_for),
		STAGED(supervision_and_profiles_follow_the_rules),
		STAGED(the_small_services_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
