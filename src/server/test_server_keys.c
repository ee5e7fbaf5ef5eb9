/* the process that holds the keys: run as a child with a folder of its own, asked over links */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "crypto/identity.h"
#include "server/call.h"
#include "server/control.h"
#include "server/data.h"
#include "server/issue.h"

enum { WAIT_MS = 20000 };

struct scene {
	struct config config;
	char folder[64];
	pid_t pid;
	int control;
	struct link link;
	uint32_t number;
};

static void keys_child(const struct scene *scene, int control)
{
	struct process_env env = {.config = &scene->config,
				  .url = "https://localhost",
				  .counts = counts_new(),
				  .role = ROLE_KEYS,
				  .control = control};
	struct err err = ERR_INIT;

	_exit(keys_run(&env, &err) == 0 ? 0 : 1);
}

/* peer - a fresh link; what was told through the control socket before is known when it answers */
static void peer(struct scene *scene, enum role role)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	control_send(scene->control, CONTROL_PEER, role, fds[1], SLICE_EMPTY);
	close(fds[1]);
	link_open(&scene->link, fds[0]);
}

static int scene_open(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct err err = ERR_INIT;
	char path[DATA_PATH_MAX];
	int fds[2];

	snprintf(scene->folder, sizeof(scene->folder), "/tmp/rehome-keys-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	config_default(&scene->config, scene->folder);
	scene->config.sandbox = CONFIG_SANDBOX_OFF;
	for (size_t i = 0; i < 3; i++) {
		data_path(&scene->config, (const char *[]){"keys", "public", "tls"}[i], path);
		assert_int_equal(fs_mkdirs(fs_system(), path, 0700, &err), 0);
	}
	assert_int_equal(issue_all(&scene->config, "https://localhost", &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	scene->pid = fork();
	assert_true(scene->pid >= 0);
	if (scene->pid == 0) {
		close(fds[0]);
		keys_child(scene, fds[1]);
	}
	close(fds[1]);
	scene->control = fds[0];
	scene->link = LINK_INIT;
	peer(scene, ROLE_WORKER);
	*state = scene;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *scene = *state;
	int status;

	link_close(&scene->link);
	control_send(scene->control, CONTROL_STOP, ROLE_KEYS, -1, SLICE_EMPTY);
	assert_int_equal(waitpid(scene->pid, &status, 0), scene->pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(scene->control);
	assert_int_equal(fs_remove_tree(fs_system(), scene->folder, NULL), 0);
	free(scene);
	return 0;
}

static void reload(struct scene *scene)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(CONFIG_FILE_MAX);

	assert_int_equal(config_dump(&scene->config, &text, NULL), 0);
	control_send(scene->control, CONTROL_CONFIG, ROLE_KEYS, -1, buf_slice(&text));
	peer(scene, ROLE_WORKER);
}

/* single DES only lives on as triple DES with one key three times */
static const uint8_t des_key[8] = "k.e.y.1", des_iv[8] = "initial";

static void des(ASN1_OCTET_STRING *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t three[24], text[64];
	int first, last;

	for (size_t i = 0; i < sizeof(three); i++)
		three[i] = des_key[i % 8];
	assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_des_ede3_cbc(), NULL, three, des_iv), 1);
	assert_int_equal(EVP_EncryptUpdate(ctx, text, &first, (const uint8_t *)"by DES", 6), 1);
	assert_int_equal(EVP_EncryptFinal_ex(ctx, text + first, &last), 1);
	ASN1_STRING_set(out, text, first + last);
	EVP_CIPHER_CTX_free(ctx);
}

static void wrap(X509 *to, ASN1_OCTET_STRING *out)
{
	EVP_PKEY_CTX *rsa = EVP_PKEY_CTX_new(X509_get0_pubkey(to), NULL);
	uint8_t wrapped[512];
	size_t len = sizeof(wrapped);

	assert_int_equal(EVP_PKEY_encrypt_init(rsa), 1);
	assert_int_equal(EVP_PKEY_encrypt(rsa, wrapped, &len, des_key, sizeof(des_key)), 1);
	ASN1_STRING_set(out, wrapped, (int)len);
	EVP_PKEY_CTX_free(rsa);
}

static X509 *ra_read(const struct scene *scene)
{
	CLEANUP(buf_clear) struct buf pem = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	const uint8_t *at;
	X509 *ra;

	assert_int_equal(data_read(&scene->config, "public/ra.pem", &pem, NULL), 0);
	assert_int_equal(crypto_cert_read(&cert, buf_slice(&pem), NULL), 0);
	at = crypto_cert_bytes(cert).bytes;
	ra = d2i_X509(NULL, &at, (long)crypto_cert_bytes(cert).len);
	assert_non_null(ra);
	return ra;
}

/* encipher - EnvelopedData for the RA with single DES */
static void encipher(const struct scene *scene, struct buf *out)
{
	PKCS7 *enveloped = PKCS7_new();
	X509 *ra = ra_read(scene);
	ASN1_OCTET_STRING *iv = ASN1_OCTET_STRING_new();
	PKCS7_ENC_CONTENT *content;
	PKCS7_RECIP_INFO *to;
	uint8_t *der = NULL;
	int len;

	assert_int_equal(PKCS7_set_type(enveloped, NID_pkcs7_enveloped), 1);
	to = PKCS7_add_recipient(enveloped, ra);
	assert_non_null(to);
	wrap(ra, to->enc_key);
	content = enveloped->d.enveloped->enc_data;
	ASN1_STRING_set(iv, des_iv, sizeof(des_iv));
	X509_ALGOR_set0(content->algorithm, OBJ_nid2obj(NID_des_cbc), V_ASN1_OCTET_STRING, iv);
	content->enc_data = ASN1_OCTET_STRING_new();
	des(content->enc_data);
	len = i2d_PKCS7(enveloped, &der);
	assert_true(len > 0);
	assert_int_equal(buf_append_slice(out, slice_of(der, (size_t)len), NULL), 0);
	OPENSSL_free(der);
	PKCS7_free(enveloped);
	X509_free(ra);
}

/* opened - the outcome of CALL_SCEP_OPEN */
static int opened(struct scene *scene, const struct buf *enveloped)
{
	struct call_writer writer = call_begin(&scene->link.out, ++scene->number, CALL_SCEP_OPEN);
	struct frame frame;

	call_put(&writer, buf_slice(enveloped));
	assert_int_equal(call_end(&writer, NULL), 0);
	assert_int_equal(link_wait(&scene->link, scene->number, WAIT_MS, &frame, NULL), 0);
	return (int)call_get_u32(&frame.fields);
}

static void weak_requests_are_opened_by_the_configuration_that_was_read_last(void **state)
{
	struct scene *scene = *state;
	CLEANUP(buf_clear) struct buf enveloped = BUF_INIT(CRYPTO_SCEP_MAX);

	encipher(scene, &enveloped);
	assert_int_equal(opened(scene, &enveloped), CRYPTO_BAD_ALGORITHM);
	scene->config.is_weak_scep = true;
	reload(scene);
	assert_int_equal(opened(scene, &enveloped), 0);
	scene->config.is_weak_scep = false;
	reload(scene);
	assert_int_equal(opened(scene, &enveloped), CRYPTO_BAD_ALGORITHM);
}

/* supervised - CALL_SUPERVISE: the outcome, and what it yields appended to @der */
static int supervised(struct scene *scene, struct slice challenge, struct buf *der)
{
	struct call_writer writer = call_begin(&scene->link.out, ++scene->number, CALL_SUPERVISE);
	struct frame frame;
	int r;

	call_put(&writer, challenge);
	assert_int_equal(call_end(&writer, NULL), 0);
	assert_int_equal(link_wait(&scene->link, scene->number, WAIT_MS, &frame, NULL), 0);
	r = (int)call_get_u32(&frame.fields);
	if (r == 0)
		assert_int_equal(buf_append_slice(der, call_get(&frame.fields), NULL), 0);
	return r;
}

static void only_records_have_a_challenge_signed_and_nothing_longer(void **state)
{
	struct scene *scene = *state;
	CLEANUP(buf_clear) struct buf cert = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf der = BUF_INIT(CRYPTO_PEM_MAX);
	uint8_t challenge[CALL_CHALLENGE_MAX + 1];
	struct slice whole = slice_of(challenge, CALL_CHALLENGE_MAX);

	for (size_t i = 0; i < sizeof(challenge); i++)
		challenge[i] = (uint8_t)i; /* line ends among them: text mode would change those */
	assert_int_equal(supervised(scene, whole, &der), ERR_POLICY);
	peer(scene, ROLE_COURIER);
	assert_int_equal(supervised(scene, whole, &der), ERR_POLICY);
	peer(scene, ROLE_RECORDS);
	assert_int_equal(supervised(scene, SLICE_EMPTY, &der), ERR_PROTOCOL);
	assert_int_equal(supervised(scene, slice_of(challenge, sizeof(challenge)), &der),
			 ERR_PROTOCOL);
	assert_int_equal(der.len, 0);
	assert_int_equal(supervised(scene, whole, &der), 0);
	assert_int_equal(data_read(&scene->config, "public/supervision.pem", &cert, NULL), 0);
	assert_int_equal(crypto_cms_verify(buf_slice(&der), buf_slice(&cert), whole, NULL), 0);
	buf_truncate(&cert, 0);
	assert_int_equal(data_read(&scene->config, "public/profile.pem", &cert, NULL), 0);
	assert_int_equal(crypto_cms_verify(buf_slice(&der), buf_slice(&cert), whole, NULL),
			 CRYPTO_BAD_TAG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(weak_requests_are_opened_by_the_configuration_that_was_read_last),
		TEST(only_records_have_a_challenge_signed_and_nothing_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
