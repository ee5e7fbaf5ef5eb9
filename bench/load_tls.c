/*
 * load_tls - many clients with certificates, for measuring a server
 *
 *     load_tls PORT MODE COUNT THREADS POOL REQUEST [REPORT]
 *
 *     MODE     new       COUNT connections, each with a full handshake and one request
 *              resume    the same, each after the first one of its thread resuming the last session
 *              idle      COUNT connections with one request each stay open until stdin ends
 *              keep      THREADS connections are opened; then COUNT requests over them, each the
 *                        same number, for every line of stdin
 *              queue     as keep, but an answer that carries a command is followed by REPORT
 *     POOL     certificates and keys, PEM, in turns; connection i shows number i modulo their
 *              count. POOL.names has a line for each: its UDID
 *     REQUEST  file with a whole request; "@U@" in it becomes the UDID of the identity
 *     REPORT   the same; "@C@" in it becomes the UUID of the command
 *
 * Prints a line of JSON - with keep and queue one for each line of stdin, and "open" before: count,
 * failed (no answer, or not 2xx), resumed, commands (answers that carried one), wall seconds, p50
 * and p99 of a connection (with keep and queue: of a request) in microseconds.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "http_message.h"

enum mode { MODE_NEW, MODE_RESUME, MODE_KEEP, MODE_IDLE, MODE_QUEUE };

enum { IDENTITIES_MAX = 100000, UUID_MAX = 64 };

struct identity {
	X509 *cert;
	EVP_PKEY *key;
	char udid[64];
};

static struct {
	int port;
	enum mode mode;
	unsigned count, threads;
	struct identity *identities;
	unsigned identity_count;
	char *request, *report;
	SSL_CTX *ctx;
	atomic_uint next, failed, resumed, commands;
	uint32_t *times_us;
	pthread_barrier_t begin, end; /* of a round of keep or queue */
	bool is_over;
} load;

struct client {
	int fd;
	SSL *ssl;
	char command[UUID_MAX]; /* of the last answer; empty without */
};

static void die(const char *what)
{
	fprintf(stderr, "load_tls: %s\n", what);
	exit(1);
}

static uint64_t now_us(void)
{
	return (uint64_t)(clock_system()->mono_ns(clock_system()) / 1000);
}

static void read_pool(const char *path)
{
	char names_path[PATH_LEN_MAX];
	FILE *file = fopen(path, "r"), *names;

	snprintf(names_path, sizeof(names_path), "%s.names", path);
	names = fopen(names_path, "r");
	if (!file || !names)
		die("the pool cannot be read");
	load.identities = calloc(IDENTITIES_MAX, sizeof(*load.identities));
	while (load.identity_count < IDENTITIES_MAX) {
		struct identity *at = &load.identities[load.identity_count];

		at->cert = PEM_read_X509(file, NULL, NULL, NULL);
		at->key = at->cert ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
		if (!at->key || fscanf(names, "%63s", at->udid) != 1)
			break;
		load.identity_count++;
	}
	fclose(file);
	fclose(names);
	if (load.identity_count == 0)
		die("the pool has no identity");
}

static char *read_request(const char *path)
{
	struct buf text = BUF_INIT(HTTP_MESSAGE_MAX);
	char *copy;

	if (fs_read_file(fs_system(), path, &text, NULL) != 0)
		die("a request cannot be read");
	copy = strdup(buf_text(&text));
	buf_clear(&text);
	return copy;
}

/* ---- one client ---- */

static bool client_open(struct client *client, unsigned identity, SSL_SESSION *session)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)load.port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client->ssl = SSL_new(load.ctx);
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	SSL_set_fd(client->ssl, client->fd);
	SSL_use_certificate(client->ssl, load.identities[identity].cert);
	SSL_use_PrivateKey(client->ssl, load.identities[identity].key);
	if (session)
		SSL_set_session(client->ssl, session);
	return connect(client->fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       SSL_connect(client->ssl) == 1;
}

static void client_close(struct client *client)
{
	SSL_shutdown(client->ssl);
	SSL_free(client->ssl);
	close(client->fd);
}

static void replace(char text[HTTP_MESSAGE_MAX], const char *mark, const char *value)
{
	size_t mark_len = strlen(mark), len = strlen(value);
	char *at;

	while ((at = strstr(text, mark)) != NULL) {
		memmove(at + len, at + mark_len, strlen(at + mark_len) + 1);
		memcpy(at, value, len);
	}
}

static void note_command(struct client *client, const char *answer)
{
	const char *at = strstr(answer, "<key>CommandUUID</key>");
	size_t len;

	client->command[0] = 0;
	at = at ? strstr(at, "<string>") : NULL;
	if (!at)
		return;
	len = strcspn(at + 8, "<");
	if (len < UUID_MAX) {
		memcpy(client->command, at + 8, len);
		client->command[len] = 0;
	}
}

/** client_ask - send a request of @identity; true when all of an answer 2xx came */
static bool client_ask(struct client *client, unsigned identity)
{
	char text[HTTP_MESSAGE_MAX];
	bool reports = load.report && client->command[0];

	snprintf(text, sizeof(text), "%s", reports ? load.report : load.request);
	replace(text, "@U@", load.identities[identity].udid);
	replace(text, "@C@", client->command);
	if (SSL_write(client->ssl, text, (int)strlen(text)) <= 0 ||
	    !http_message_read(client->ssl, text))
		return false;
	note_command(client, text);
	if (client->command[0])
		load.commands++;
	return strncmp(text, "HTTP/1.1 2", 10) == 0;
}

/* ---- modes ---- */

static _Thread_local SSL_SESSION *last_session;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION_free(last_session);
	last_session = session;
	return 1;
}

static void one_connection(unsigned at, unsigned identity)
{
	SSL_SESSION *session = load.mode == MODE_RESUME ? STEAL(last_session) : NULL;
	uint64_t start = now_us();
	struct client client = {.fd = -1};

	if (!client_open(&client, identity, session) || !client_ask(&client, identity))
		load.failed++;
	else if (SSL_session_reused(client.ssl))
		load.resumed++;
	client_close(&client);
	load.times_us[at] = (uint32_t)(now_us() - start);
	SSL_SESSION_free(session);
}

static void *work(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg, at;

	while ((at = load.next++) < load.count)
		/* a session belongs to one identity */
		one_connection(at, (load.mode == MODE_RESUME ? thread : at) % load.identity_count);
	SSL_SESSION_free(last_session);
	return NULL;
}

static void *work_kept(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg, share = load.count / load.threads;
	unsigned identity = thread % load.identity_count;
	struct client client = {.fd = -1};

	if (!client_open(&client, identity, NULL))
		die("no connection");
	pthread_barrier_wait(&load.end);
	while (pthread_barrier_wait(&load.begin), !load.is_over) {
		for (unsigned i = 0; i < share; i++) {
			uint64_t start = now_us();

			if (!client_ask(&client, identity))
				load.failed++;
			load.times_us[thread * share + i] = (uint32_t)(now_us() - start);
		}
		pthread_barrier_wait(&load.end);
	}
	client_close(&client);
	SSL_SESSION_free(last_session);
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_seen(uint64_t took_us)
{
	qsort(load.times_us, load.count, sizeof(*load.times_us), by_time);
	printf("{\"count\": %u, \"failed\": %u, \"resumed\": %u, \"commands\": %u, \"wall_s\": "
	       "%.3f,"
	       " \"p50_us\": %u, \"p99_us\": %u}\n",
	       load.count, load.failed, load.resumed, load.commands, (double)took_us / 1e6,
	       load.times_us[load.count / 2], load.times_us[load.count * 99 / 100]);
	fflush(stdout);
}

/* a round of requests over all kept connections for each line of stdin */
static void lead_rounds(void)
{
	char line[16];

	pthread_barrier_wait(&load.end);
	puts("open");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t start = now_us();

		load.failed = load.commands = 0;
		pthread_barrier_wait(&load.begin);
		pthread_barrier_wait(&load.end);
		print_seen(now_us() - start);
	}
	load.is_over = true;
	pthread_barrier_wait(&load.begin);
}

static void run_threads(void)
{
	bool is_kept = load.mode == MODE_KEEP || load.mode == MODE_QUEUE;
	pthread_t *threads = calloc(load.threads, sizeof(*threads));

	pthread_barrier_init(&load.begin, NULL, load.threads + 1);
	pthread_barrier_init(&load.end, NULL, load.threads + 1);
	for (unsigned i = 0; i < load.threads; i++)
		if (pthread_create(&threads[i], NULL, is_kept ? work_kept : work,
				   (void *)(uintptr_t)i) != 0)
			die("no thread");
	if (is_kept)
		lead_rounds();
	for (unsigned i = 0; i < load.threads; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void hold_idle(void)
{
	for (unsigned i = 0; i < load.count; i++) {
		struct client client = {.fd = -1};
		uint64_t start = now_us();

		if (!client_open(&client, i % load.identity_count, NULL) ||
		    !client_ask(&client, i % load.identity_count))
			load.failed++;
		load.times_us[i] = (uint32_t)(now_us() - start);
	}
}

static enum mode mode_of(const char *name)
{
	static const char *const names[] = {"new", "resume", "keep", "idle", "queue"};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			return (enum mode)i;
	die("no such mode");
	return MODE_NEW;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	uint64_t start;

	if (argc != 7 && argc != 8)
		die("PORT MODE COUNT THREADS POOL REQUEST [REPORT]");
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	signal(SIGPIPE, SIG_IGN);
	load.port = atoi(argv[1]);
	load.mode = mode_of(argv[2]);
	load.count = (unsigned)atoi(argv[3]);
	load.threads = (unsigned)atoi(argv[4]);
	if (load.mode == MODE_KEEP || load.mode == MODE_QUEUE)
		load.count -= load.count % load.threads;
	read_pool(argv[5]);
	load.request = read_request(argv[6]);
	load.report = argc == 8 ? read_request(argv[7]) : NULL;
	load.times_us = calloc(load.count + 1, sizeof(*load.times_us));
	load.ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_mode(load.ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(load.ctx,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(load.ctx, on_session);
	start = now_us();
	if (load.mode == MODE_IDLE)
		hold_idle();
	else
		run_threads();
	if (load.mode != MODE_KEEP && load.mode != MODE_QUEUE)
		print_seen(now_us() - start);
	if (load.mode == MODE_IDLE)
		while (getchar() != EOF)
			;
	return load.failed > 0;
}
