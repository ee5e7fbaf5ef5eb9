/* the identity of an enrollment: where its key is, whether it is kept, and when it ends */
#include "backup/testing_management.h"

#include "crypto/crypto.h"

static void the_payload_of_the_identity_tells_where_its_key_is(void **state)
{
	static const struct {
		const char *stub;
		enum backup_identity kind;
	} cases[] = {
		{SCEP, BACKUP_IDENTITY_SOFT},
		{ENROLLMENT(TEXT("PayloadType", "com.apple.security.pkcs12")),
		 BACKUP_IDENTITY_SOFT},
		{ENROLLMENT(TEXT("PayloadType", "com.apple.security.acme")), BACKUP_IDENTITY_SOFT},
		{ENROLLMENT(TEXT("PayloadType", "com.apple.security.acme") YES("HardwareBound")),
		 BACKUP_IDENTITY_HARDWARE},
		{ENROLLMENT(TEXT("PayloadType", "com.example.unheard-of")),
		 BACKUP_IDENTITY_UNKNOWN},
		{ENROLLMENT(""), BACKUP_IDENTITY_UNKNOWN},
		{NULL, BACKUP_IDENTITY_UNKNOWN},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct fake_file files[] = {{DOMAIN, FOLDER "MDM.plist", MDM},
						  {DOMAIN, STUB, cases[i].stub},
						  {NULL, NULL, NULL}};
		CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

		assert_int_equal(m->identity.kind, cases[i].kind);
		assert_int_equal(!m->identity.from, cases[i].kind == BACKUP_IDENTITY_UNKNOWN);
	}
}

static void an_identity_that_the_keychain_lacks_is_told(void **state)
{
	static const char item[] = "<dict><key>v_PersistentRef</key><data>Y2VydAcAAAAAAAAA</data>"
				   "</dict>";
	static const char other[] = "<dict><key>v_PersistentRef</key><data>AAAA</data></dict>";
	char same_row[512], other_rows[512];
	const struct {
		const char *keychain;
		enum backup_answer answer;
	} cases[] = {{same_row, BACKUP_YES},
		     {other_rows, BACKUP_UNKNOWN}, /* a form of reference that we do not know */
		     {LIST("genp", ""), BACKUP_NO},
		     {NULL, BACKUP_UNKNOWN}};
	size_t i;

	snprintf(same_row, sizeof(same_row), LIST("cert", "%s"), item);
	snprintf(other_rows, sizeof(other_rows), LIST("cert", "%s") LIST("keys", "%s"), other,
		 other);
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct fake_file files[] = {
			{DOMAIN, FOLDER "MDM.plist", MDM},
			{DOMAIN, STUB, SCEP},
			{"KeychainDomain", "keychain-backup.plist", cases[i].keychain},
			{NULL, NULL, NULL}};
		CLEANUP(backup_management_free_p) struct backup_management *m = read_fake(files);

		assert_int_equal(m->identity_is_kept.answer, cases[i].answer);
		assert_int_equal(has_remark(m, true, "holds no identity"),
				 cases[i].answer == BACKUP_NO);
	}
}

/* ---- until when ---- */

static void der_put(struct buf *out, uint8_t tag, struct slice content)
{
	const uint8_t head[] = {tag, 0x82, (uint8_t)(content.len >> 8), (uint8_t)content.len};

	assert_int_equal(buf_append(out, head, sizeof(head), NULL), 0);
	assert_int_equal(buf_append_slice(out, content, NULL), 0);
}

/* A certificate as the only attribute of an item: SET, SEQUENCE, name and value */
static void make_item(struct slice cert, struct buf *out)
{
	CLEANUP(buf_clear) struct buf pair = BUF_INIT(1 << 14), set = BUF_INIT(1 << 14);

	der_put(&pair, 0x0c, slice_text("v_Data"));
	der_put(&pair, 0x04, cert);
	der_put(&set, 0x30, buf_slice(&pair));
	der_put(out, 0x31, buf_slice(&set));
}

static void xor_stream(const uint8_t key[32], uint64_t first, uint8_t *text, size_t len)
{
	CLEANUP(free_p) uint8_t *stream = malloc(len);
	struct crypto_stream *made = NULL;
	size_t i;

	assert_non_null(stream);
	assert_int_equal(crypto_stream_new(&made, NULL), 0);
	assert_int_equal(crypto_stream_at(made, key, first * 16, stream, len, NULL), 0);
	for (i = 0; i < len; i++)
		text[i] ^= stream[i];
	crypto_stream_free(made);
}

/* Seal @item as keychains do, under a key that the bag's class 7 wraps. */
static void seal_item(const struct backup_keybag *bag, struct slice item, struct buf *out)
{
	static const uint8_t key[32] = {1, 2, 3}, iv[12];
	CLEANUP(free_p) uint8_t *text = malloc(item.len + 16), *sealed = malloc(item.len + 16);
	uint8_t wrapped[BACKUP_FILE_KEY_LEN];
	struct crypto_gcm *gcm = NULL;

	assert_true(text && sealed);
	memcpy(text, item.bytes, item.len);
	xor_stream(key, 1, text, item.len);
	/* the same ciphertext under an IV that libraries take, for its tag */
	memcpy(sealed, text, item.len);
	xor_stream(key, 2, sealed, item.len);
	assert_int_equal(crypto_gcm_new(&gcm, key, NULL), 0);
	assert_int_equal(
		crypto_gcm_seal(gcm, iv, SLICE_EMPTY, slice_of(sealed, item.len), sealed, NULL), 0);
	crypto_gcm_free(gcm);
	assert_memory_equal(sealed, text, item.len);
	xor_stream(key, 0, sealed + item.len, 16);
	xor_stream(key, 1, sealed + item.len, 16);
	assert_int_equal(backup_keybag_wrap_file_key(bag, 7, key, wrapped, NULL), 0);
	assert_int_equal(buf_append_u32le(out, 3, NULL), 0);
	assert_int_equal(buf_append(out, wrapped, 4, NULL), 0);
	assert_int_equal(buf_append_u32le(out, 40, NULL), 0);
	assert_int_equal(buf_append(out, wrapped + 4, 40, NULL), 0);
	assert_int_equal(buf_append(out, sealed, item.len + 16, NULL), 0);
}

static struct backup_keybag *open_bag(void)
{
	struct backup_keybag *bag = NULL;
	struct secret password = SECRET_INIT;
	struct err err = ERR_INIT;
	uint8_t bytes[4096];

	testing_password(&password, KAT_PASSWORD);
	assert_done(backup_keybag_parse(&bag, testing_hex(kat_keybag, bytes, sizeof(bytes)), &err),
		    err);
	assert_done(backup_keybag_unlock(bag, &password, &err), err);
	return bag;
}

/* @sha256 receives the digest of the certificate in it, hex */
static void make_keychain(const struct backup_keybag *bag, int64_t now, struct buf *out,
			  char sha256[2 * CRYPTO_SHA256_LEN + 1])
{
	uint8_t digest[CRYPTO_SHA256_LEN];
	CLEANUP(buf_clear) struct buf item = BUF_INIT(1 << 14), sealed = BUF_INIT(1 << 14);
	CLEANUP(buf_clear) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX), der = BUF_INIT(1 << 14);
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	struct plist *root, *table, *entry;
	struct err err = ERR_INIT;

	assert_done(crypto_self_signed("identity", now, &key, &pem, &err), err);
	assert_done(crypto_cert_der(buf_slice(&pem), &der, &err), err);
	crypto_sha256(buf_slice(&der), digest);
	hex_encode(digest, sizeof(digest), sha256);
	make_item(buf_slice(&der), &item);
	seal_item(bag, buf_slice(&item), &sealed);
	assert_done(plist_doc_new(&doc, &err), err);
	root = plist_new_dict(doc);
	table = plist_new_array(doc);
	entry = plist_new_dict(doc);
	plist_set_data(doc, entry, "v_Data", buf_slice(&sealed));
	plist_set_data(doc, entry, "v_PersistentRef", slice_of("cert\7\0\0\0\0\0\0\0", 12));
	plist_add(doc, table, entry);
	plist_set(doc, root, "cert", table);
	assert_done(plist_write_binary(doc, root, out, &err), err);
}

static void the_end_of_an_identity_that_opens_is_its_certificates(void **state)
{
	static const struct fake_file files[] = {
		{DOMAIN, FOLDER "MDM.plist", MDM}, {DOMAIN, STUB, SCEP}, {NULL, NULL, NULL}};
	CLEANUP(backup_keybag_free_p) struct backup_keybag *bag = open_bag();
	CLEANUP(backup_management_free_p) struct backup_management *m = NULL, *closed = NULL;
	CLEANUP(buf_clear) struct buf keychain = BUF_INIT(1 << 16);
	struct fake fake = {.lookup = {.read = fake_read, .list = fake_list, .bag = bag},
			    .files = files};
	char sha256[2 * CRYPTO_SHA256_LEN + 1];
	struct err err = ERR_INIT;

	make_keychain(bag, 1700000000, &keychain, sha256);
	fake.keychain = buf_slice(&keychain);
	assert_done(backup_management_read(&m, &fake.lookup, &err), err);
	assert_int_equal(m->identity_end.value, 1700000000 + (int64_t)3650 * 86400);
	assert_from(m->identity_end.from, BACKUP_KEYCHAIN_PATH);
	assert_from(m->identity_sha256.from, BACKUP_KEYCHAIN_PATH);
	assert_string_equal(m->identity_sha256.text, sha256);
	fake.lookup.bag = NULL;
	assert_done(backup_management_read(&closed, &fake.lookup, &err), err);
	assert_null(closed->identity_end.from);
	assert_null(closed->identity_sha256.from);
	assert_int_equal(closed->identity_is_kept.answer, BACKUP_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_payload_of_the_identity_tells_where_its_key_is),
		cmocka_unit_test(an_identity_that_the_keychain_lacks_is_told),
		cmocka_unit_test(the_end_of_an_identity_that_opens_is_its_certificates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
