/*
 * fleet/testing - a fleet in memory, with devices that are a few words of messages
 *
 * SQLite in memory (and PostgreSQL, see testing_both), a clock that stands still, seeded entropy,
 * keys of this process.  Each call is a transaction of its own.  What fails ends the test with its
 * text.
 */
#ifndef REHOME_FLEET_TESTING_H
#define REHOME_FLEET_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/identity.h"
#include "fleet/internal.h"
#include "store/testing.h"

#define TESTING_UDID "0000FE5A-0011223344556677"
#define TESTING_OTHER "0000FE5A-8899AABBCCDDEEFF"
#define TESTING_TOPIC "com.apple.mgmt.External.test"
#define TESTING_PROFILE "test.rehome.enroll"

enum { TESTING_START = 1800000000 };

struct testing {
	struct store *store;
	struct clock_manual clock;
	struct entropy_seeded entropy;
	struct fleet_keys keys;
	struct crypto_key *ca_key, *device_key;
	struct crypto_cert *ca;
	struct buf spki;
	bool is_signing_broken;
	struct fleet_policy policy;
	struct fleet *fleet;
	struct plist_doc *doc;
	struct fleet_answer answer;
	struct err err;
	char uuid[FLEET_UUID_MAX + 1]; /* of the command that was handed out last */
	char type[64];                 /* its request type, "" if none was */
};

static inline void testing_check(struct testing *t, int r)
{
	if (r < 0)
		fail_msg("%s", t->err.text);
}

static inline int testing_seal(struct fleet_keys *keys, struct slice in, struct buf *out,
			       struct err *err)
{
	int r = buf_append_text(out, "sealed:", err);

	for (size_t i = 0; r == 0 && i < in.len; i++)
		r = buf_append_u8(out, in.bytes[i] ^ 0x5a, err);
	return r;
}

static inline int testing_unseal(struct fleet_keys *keys, const char *purpose, struct slice sealed,
				 struct buf *out, struct err *err)
{
	int r = 0;

	assert_memory_equal(sealed.bytes, "sealed:", 7);
	for (size_t i = 7; r == 0 && i < sealed.len; i++)
		r = buf_append_u8(out, sealed.bytes[i] ^ 0x5a, err);
	return r;
}

#define TESTING_OF(pointer) \
	((struct testing *)(void *)((char *)(pointer)-offsetof(struct testing, keys)))

static inline int testing_issue(struct fleet_keys *keys, struct slice spki, const char *common_name,
				unsigned days, struct buf *out, struct err *err)
{
	struct testing *t = TESTING_OF(keys);
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_DEVICE,
					.spki = spki,
					.common_name = common_name,
					.not_before = t->clock.wall_ns / 1000000000,
					.days = days};
	int r = t->entropy.entropy.fill(&t->entropy.entropy, wish.serial_entropy,
					sizeof(wish.serial_entropy), err);

	if (r == 0)
		r = crypto_cert_issue(&cert, &wish, t->ca, t->ca_key, err);
	return r != 0 ? r : buf_append_slice(out, crypto_cert_bytes(cert), err);
}

static inline int testing_sign(struct fleet_keys *keys, struct slice profile, struct buf *out,
			       struct err *err)
{
	if (TESTING_OF(keys)->is_signing_broken)
		return err_set(err, ERR_IO, "the key holder is away");
	return buf_append_slice(out, profile, err); /* unsigned, so that tests can read it */
}

static inline int testing_supervise(struct fleet_keys *keys, struct slice challenge,
				    struct buf *out, struct err *err)
{
	int r = buf_append_text(out, "signed:", err);

	return r < 0 ? r : buf_append_slice(out, challenge, err);
}

static inline void testing_begin(struct testing *t)
{
	t->err = ERR_INIT;
	testing_check(t, store_begin(t->store, &t->err));
}

/* ends the transaction; yields @r */
static inline int testing_end(struct testing *t, int r)
{
	if (r < 0)
		store_rollback(t->store);
	else
		testing_check(t, store_commit(t->store, &t->err));
	return r;
}

/* TESTING_DO - a call of fleet as a transaction; a failure ends the test, an outcome is yielded */
#define TESTING_DO(t, call)                        \
	({                                         \
		testing_begin(t);                  \
		int r_ = testing_end((t), (call)); \
		testing_check((t), r_);            \
		r_;                                \
	})

static inline int64_t testing_now(const struct testing *t)
{
	return t->clock.wall_ns / 1000000000;
}

static inline void testing_pass(struct testing *t, int64_t seconds)
{
	t->clock.wall_ns += seconds * 1000000000;
}

/* testing_open_at - over the store at @where */
static inline struct testing *testing_open_at(const char *where)
{
	struct testing *t = calloc(1, sizeof(*t));
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_CA,
					.common_name = "Test CA",
					.not_before = TESTING_START - 1000,
					.days = 20000};
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(4096);

	t->err = ERR_INIT;
	clock_manual_init(&t->clock, TESTING_START);
	entropy_seeded_init(&t->entropy, 7);
	t->keys = (struct fleet_keys){testing_seal, testing_unseal, testing_issue, testing_sign,
				      testing_supervise};
	testing_check(t, crypto_key_make(&t->ca_key, CRYPTO_KEY_EC_P256, &t->err));
	testing_check(t, crypto_key_spki(t->ca_key, &spki, &t->err));
	wish.spki = buf_slice(&spki);
	memset(wish.serial_entropy, 9, sizeof(wish.serial_entropy));
	testing_check(t, crypto_cert_issue(&t->ca, &wish, NULL, t->ca_key, &t->err));
	t->spki = BUF_INIT(4096);
	testing_check(t, crypto_key_make(&t->device_key, CRYPTO_KEY_EC_P256, &t->err));
	testing_check(t, crypto_key_spki(t->device_key, &t->spki, &t->err));
	fleet_policy_default(&t->policy);
	t->policy.organization = "Test";
	t->policy.profile_identifier = TESTING_PROFILE;
	t->policy.server_url = "https://localhost/mdm";
	t->policy.scep_url = "https://localhost/scep";
	t->policy.topic = TESTING_TOPIC;
	t->policy.inventory_days = 0;
	t->policy.is_declarative = false;
	testing_check(t, store_open(&t->store, where, &t->err));
	testing_check(t, fleet_new(&t->fleet, t->store, &t->clock.clock, &t->entropy.entropy,
				   &t->keys, &t->policy, &t->err));
	testing_check(t, plist_doc_new(&t->doc, &t->err));
	fleet_answer_init(&t->answer);
	return t;
}

/* the one of the present round; its url is "" while that is SQLite's */
static struct testing_postgres testing_server = {.life = -1};

static inline struct testing *testing_open(void)
{
	if (!*testing_server.url)
		return testing_open_at("sqlite::memory:");
	testing_postgres_empty(&testing_server);
	return testing_open_at(testing_server.url);
}

static inline void testing_close(struct testing *t)
{
	fleet_answer_clear(&t->answer);
	plist_doc_free(t->doc);
	fleet_free(t->fleet);
	store_free(t->store);
	crypto_cert_free(t->ca);
	crypto_key_free(t->ca_key);
	crypto_key_free(t->device_key);
	buf_clear(&t->spki);
	free(t);
}

static inline int testing_set_up(void **state)
{
	*state = testing_open();
	return 0;
}

static inline int testing_tear_down(void **state)
{
	testing_close(*state);
	return 0;
}

struct testing_group {
	const struct CMUnitTest *tests;
	size_t count;
	CMFixtureFunction before;
};

static inline int testing_round(const char *name, void *arg)
{
	const struct testing_group *group = arg;

	return _cmocka_run_group_tests(name, group->tests, group->count, group->before, NULL);
}

/* testing_both - all tests on SQLite and on PostgreSQL; @before each round, may be NULL */
static inline int testing_both(const struct CMUnitTest *tests, size_t count,
			       CMFixtureFunction before)
{
	struct testing_group group = {tests, count, before};

	return testing_rounds(&testing_server, testing_round, &group);
}

static inline void testing_policy(struct testing *t)
{
	assert_int_equal(fleet_policy_set(t->fleet, &t->policy, false, &t->err), 0);
}

/* ---- identities ---- */

static inline struct fleet_peer testing_peer_of(struct testing *t, const struct buf *der)
{
	struct fleet_peer peer = {.is_presented = true};

	crypto_sha256(buf_slice(der), peer.sha256);
	return peer;
}

/* testing_identity - what SCEP does with @challenge */
static inline struct fleet_peer testing_identity(struct testing *t, const char *challenge)
{
	CLEANUP(buf_clear) struct buf der = BUF_INIT(8192);

	assert_int_equal(TESTING_DO(t, fleet_identity_issue(t->fleet, challenge,
							    buf_slice(&t->spki), &der, &t->err)),
			 0);
	return testing_peer_of(t, &der);
}

/* testing_new_identity - of a new ticket, for @udid or (NULL) any device */
static inline struct fleet_peer testing_new_identity(struct testing *t, const char *udid)
{
	struct fleet_ticket_wish wish = {.udid = udid, .by = "anna"};
	char challenge[FLEET_CHALLENGE_LEN + 1];

	TESTING_DO(t, fleet_ticket_new(t->fleet, &wish, challenge, &t->err));
	return testing_identity(t, challenge);
}

/* ---- messages ---- */

#define TESTING_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>"

static inline struct slice testing_wrap(const char *id, const char *keys, char out[4096])
{
	int len = snprintf(out, 4096,
			   TESTING_HEAD "<key>UDID</key><string>%s</string>%s</dict></plist>", id,
			   keys);

	assert_true(len < 4096);
	return slice_of(out, (size_t)len);
}

/* testing_checkin - yields the status */
static inline int testing_checkin(struct testing *t, const struct fleet_peer *peer, const char *id,
				  const char *message, const char *keys)
{
	struct mdm_checkin checkin;
	char body[3072], text[4096];

	snprintf(body, sizeof(body),
		 "<key>MessageType</key><string>%s</string>"
		 "<key>Topic</key><string>" TESTING_TOPIC "</string>%s",
		 message, keys);
	plist_doc_reset(t->doc);
	testing_check(t,
		      mdm_checkin_parse(t->doc, testing_wrap(id, body, text), &checkin, &t->err));
	TESTING_DO(t, fleet_checkin(t->fleet, &checkin, peer, &t->answer, &t->err));
	return t->answer.status;
}

static inline int testing_authenticate(struct testing *t, const struct fleet_peer *peer,
				       const char *id)
{
	return testing_checkin(t, peer, id, "Authenticate",
			       "<key>OSVersion</key><string>18.6</string>"
			       "<key>SerialNumber</key><string>RHSIM0000001</string>");
}

/* testing_token - TokenUpdate with this push token (text) and magic; @unlock may be NULL */
static inline int testing_token(struct testing *t, const struct fleet_peer *peer, const char *id,
				const char *token, const char *magic, const char *unlock)
{
	char keys[512];

	snprintf(keys, sizeof(keys),
		 "<key>Token</key><data>%s</data><key>PushMagic</key><string>%s</string>%s%s%s",
		 token, magic, unlock ? "<key>UnlockToken</key><data>" : "", unlock ? unlock : "",
		 unlock ? "</data>" : "");
	return testing_checkin(t, peer, id, "TokenUpdate", keys);
}

/* testing_report - yields the status; what was handed out stands in uuid and type */
static inline int testing_report_keys(struct testing *t, const struct fleet_peer *peer,
				      const char *id, const char *status, const char *uuid,
				      const char *keys)
{
	struct mdm_report report;
	struct mdm_command command;
	char body[3072], text[4096];

	snprintf(body, sizeof(body), "<key>Status</key><string>%s</string>%s%s%s%s", status,
		 uuid ? "<key>CommandUUID</key><string>" : "", uuid ? uuid : "",
		 uuid ? "</string>" : "", keys);
	plist_doc_reset(t->doc);
	testing_check(t, mdm_report_parse(t->doc, testing_wrap(id, body, text), &report, &t->err));
	TESTING_DO(t, fleet_report(t->fleet, &report, peer, &t->answer, &t->err));
	t->uuid[0] = t->type[0] = '\0';
	if (t->answer.body.len > 0 && t->answer.status == 200) {
		plist_doc_reset(t->doc);
		testing_check(t, mdm_command_parse(t->doc, buf_slice(&t->answer.body), &command,
						   &t->err));
		snprintf(t->uuid, sizeof(t->uuid), "%s", command.uuid);
		snprintf(t->type, sizeof(t->type), "%s", command.request_type);
	}
	return t->answer.status;
}

static inline int testing_report(struct testing *t, const struct fleet_peer *peer, const char *id,
				 const char *status, const char *uuid)
{
	char copy[FLEET_UUID_MAX + 1];

	snprintf(copy, sizeof(copy), "%s", uuid ? uuid : "");
	return testing_report_keys(t, peer, id, status, uuid ? copy : NULL, "");
}

static inline void testing_expect(struct testing *t, const char *type)
{
	assert_int_equal(t->answer.status, 200);
	assert_string_equal(t->type, type);
}

/* testing_enroll - a device with a new identity, enrolled */
static inline struct fleet_peer testing_enroll(struct testing *t, const char *id)
{
	struct fleet_peer peer = testing_new_identity(t, id);

	assert_int_equal(testing_authenticate(t, &peer, id), 200);
	assert_int_equal(testing_token(t, &peer, id, "AAAA", "magic-1", "BBBB"), 200);
	return peer;
}

/* testing_challenge - the one in the InstallProfile that was just handed out */
static inline void testing_challenge(struct testing *t, char challenge[FLEET_CHALLENGE_LEN + 1])
{
	static const char key[] = "<key>Challenge</key>";
	struct mdm_command command;
	const char *at;

	testing_expect(t, "InstallProfile");
	plist_doc_reset(t->doc);
	testing_check(t, mdm_command_parse(t->doc, buf_slice(&t->answer.body), &command, &t->err));
	at = memmem(command.payload.bytes, command.payload.len, key, sizeof(key) - 1);
	assert_non_null(at);
	assert_int_equal(sscanf(at + sizeof(key) - 1, " <string>%40[0-9a-f]", challenge), 1);
}

/* testing_renewal - the identity that it leads to */
static inline struct fleet_peer testing_renewal(struct testing *t)
{
	char challenge[FLEET_CHALLENGE_LEN + 1];

	testing_challenge(t, challenge);
	return testing_identity(t, challenge);
}

/* testing_renew - sweep, session, new identity, Authenticate and TokenUpdate, as a device does */
static inline struct fleet_peer testing_renew(struct testing *t, const struct fleet_peer *old,
					      const char *id, const char *token)
{
	struct fleet_peer peer;
	unsigned count;
	char uuid[FLEET_UUID_MAX + 1];

	TESTING_DO(t, fleet_sweep_identities(t->fleet, 100, &count, &t->err));
	assert_int_equal(testing_report(t, old, id, "Idle", NULL), 200);
	memcpy(uuid, t->uuid, sizeof(uuid));
	peer = testing_renewal(t);
	assert_int_equal(testing_authenticate(t, &peer, id), 200);
	assert_int_equal(testing_token(t, &peer, id, token, "magic-1", NULL), 200);
	/* the answer to the renewal itself comes over the connection that was there before */
	assert_int_equal(testing_report(t, old, id, "Acknowledged", uuid), 200);
	return peer;
}

/* testing_enqueue - one plain command for @id; its UUID stays in t->uuid. Yields the outcome */
static inline int testing_enqueue(struct testing *t, const char *id, const char *type)
{
	struct fleet_target target = {.ids = &id, .count = 1};
	struct fleet_queued queued;
	char text[512];
	struct fleet_wish wish = {.lane = FLEET_LANE_NORMAL, .by = "anna"};
	int r;

	snprintf(text, sizeof(text),
		 TESTING_HEAD "<key>RequestType</key><string>%s</string></dict></plist>", type);
	wish.command = slice_text(text);
	r = TESTING_DO(
		t, fleet_command_enqueue(t->fleet, &wish, &target, &queued, NULL, NULL, &t->err));
	snprintf(t->uuid, sizeof(t->uuid), "%s", queued.uuid);
	return r ? r : queued.refused ? FLEET_REFUSED : 0;
}

static inline struct store_enrollment testing_row(struct testing *t, const char *id)
{
	static char magic[256];
	struct store_enrollment row;
	uint64_t none;

	testing_begin(t);
	testing_check(t, store_enrollment_find(t->store, id, &row, &t->err));
	snprintf(magic, sizeof(magic), "%s", row.push_magic);
	none = row.push_token.len; /* the rest of the texts is gone after the transaction */
	row.push_token = slice_of(NULL, none);
	row.push_magic = magic;
	row.id = row.topic = row.unenroll_by = row.declarations_token = NULL;
	testing_end(t, 0);
	return row;
}

/* testing_row_no - inside of a transaction: the number of an enrollment */
static inline int64_t testing_row_no(struct testing *t, const char *id)
{
	struct store_enrollment row;

	assert_int_equal(store_enrollment_find(t->store, id, &row, &t->err), 0);
	return row.no;
}

/* testing_events - how many events of @kind the outbox holds */
static inline unsigned testing_events(struct testing *t, const char *kind)
{
	struct store_event *rows;
	unsigned found = 0;
	size_t count;

	testing_begin(t);
	testing_check(t, store_event_list(t->store, 0, 1000, &rows, &count, &t->err));
	for (size_t i = 0; i < count; i++)
		found += strcmp(rows[i].kind, kind) == 0;
	testing_end(t, 0);
	return found;
}

#endif
