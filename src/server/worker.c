/* worker - ends TLS and parses what comes from outside, in a sandbox without a way to files or keys
 */
#include "server/worker.h"
#include "server/api.h"
#include "server/data.h"
#include "server/sandbox.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- routes ---- */

enum { GET = 1u << 0, PUT = 1u << 1, POST = 1u << 2, OTHERS = 1u << 3 };

struct route {
	const char *path; /* with a '/' at its end: all below it */
	unsigned methods;
	size_t body_max;
	void (*serve)(struct worker *worker, struct http_request *request, const char *rest);
	bool is_on_metrics; /* on that address too; nothing else is */
};

static const struct route routes[] = {
	{"/mdm", PUT, WORKER_REPORT_MAX, device_message, false},
	{"/checkin", PUT, WORKER_REPORT_MAX, device_checkin, false},
	{"/scep", GET | POST, WORKER_SCEP_MAX, scep_serve, false},
	{"/enroll/", GET, WORKER_SMALL_MAX, enroll_serve, false},
	{"/profiles/", GET, WORKER_SMALL_MAX, device_profile, false},
	{"/api/v1/", GET | PUT | POST | OTHERS, API_BODY_MAX, admin_serve, false},
	{"/v1/", GET | PUT | POST | OTHERS, API_BODY_MAX, admin_serve, false},
	{"/migration", PUT, API_BODY_MAX, admin_serve, false},
	{"/version", GET, WORKER_SMALL_MAX, admin_serve, false},
	{"/healthz", GET, WORKER_SMALL_MAX, health_serve, true},
	{"/metrics", GET, WORKER_SMALL_MAX, metrics_serve, true},
};

static const struct route *route_find(const char *path, const char **rest)
{
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		const char *own = routes[i].path;
		size_t len = strlen(own);

		*rest = path + len;
		if (own[len - 1] == '/' ? !strncmp(path, own, len) : !strcmp(path, own))
			return &routes[i];
	}
	return NULL;
}

static unsigned method_bit(const char *method)
{
	return !strcmp(method, "GET") || !strcmp(method, "HEAD") ? GET
	       : !strcmp(method, "PUT")                          ? PUT
	       : !strcmp(method, "POST")                         ? POST
								 : OTHERS;
}

static size_t body_max(void *arg, const char *method, const char *path)
{
	const char *rest;
	const struct route *route = route_find(path, &rest);

	return route ? route->body_max : WORKER_SMALL_MAX;
}

static void handle(void *arg, struct http_request *request)
{
	struct worker *worker = arg;
	const struct listening *listening = worker->env->listening;
	bool is_metrics =
		listening->has_metrics && request->tag == listening->bound[listening->count - 1];
	const char *rest;
	const struct route *route = route_find(request->path, &rest);

	if (!route || (is_metrics && !route->is_on_metrics))
		worker_answer_text(worker, request, 404, "nothing here");
	else if (!(route->methods & method_bit(request->method)))
		worker_answer_text(worker, request, 405, "not with this method");
	else
		route->serve(worker, request, rest);
}

/* ---- answers ---- */

void worker_answer(struct worker *worker, struct http_request *request, int status,
		   const char *type, const struct http_field *extra, struct slice body)
{
	if (status >= 200 && status < 600)
		counts_add(&worker->counts->answers[status / 100]);
	http_answer(request, status, type, extra, body);
}

void worker_answer_text(struct worker *worker, struct http_request *request, int status,
			const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "%s\n", text);
	worker_answer(worker, request, status, "text/plain; charset=utf-8", NULL, slice_text(line));
}

void worker_unavailable(struct worker *worker, struct http_request *request)
{
	counts_add(&worker->counts->unavailable);
	worker_answer(worker, request, 503, NULL, NULL, SLICE_EMPTY);
}

struct exchange *exchange_new(struct worker *worker, struct http_request *request)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange) {
		worker_unavailable(worker, request);
		return NULL;
	}
	exchange->worker = worker;
	exchange->request = request;
	return exchange;
}

void exchange_answered(void *arg, int outcome, struct call_fields *fields)
{
	struct exchange *exchange = arg;
	struct http_field extra[2] = {{0}};
	char type[128], challenge[128];
	struct slice body;
	unsigned status;

	if (outcome != 0) {
		worker_unavailable(exchange->worker, exchange->request);
		free(exchange);
		return;
	}
	status = call_get_u32(fields);
	call_get_text(fields, type, sizeof(type));
	body = call_get(fields);
	call_get_text(fields, challenge, sizeof(challenge));
	if (*challenge)
		extra[0] = (struct http_field){"WWW-Authenticate", challenge};
	if (!call_get_done(fields) || status < 200 || status > 599)
		worker_unavailable(exchange->worker, exchange->request);
	else
		worker_answer(exchange->worker, exchange->request, (int)status, *type ? type : NULL,
			      extra, body);
	free(exchange);
}

void exchange_call(struct exchange *exchange, struct caller *caller, struct call_writer *writer)
{
	if (caller_send(caller, writer, exchange_answered, exchange, NULL) == 0)
		return;
	worker_unavailable(exchange->worker, exchange->request);
	free(exchange);
}

/* ---- control ---- */

static void stop(struct worker *worker)
{
	http_server_stop(worker->server, worker->env->config->stop_seconds * 1000);
}

static void control_ready_now(void *arg, unsigned events)
{
	struct worker *worker = arg;
	struct control control CLEANUP(control_clear) = CONTROL_INIT;
	int r;

	while ((r = control_receive(worker->env->control, &control, NULL)) == 0) {
		if (control.kind == CONTROL_STOP)
			stop(worker);
		if (control.kind != CONTROL_PEER || control.fd < 0)
			continue;
		caller_connect(control.peer == ROLE_KEYS ? worker->keys : worker->records,
			       control.fd, NULL);
		control.fd = -1;
	}
	if (r == ERR_CLOSED) /* the listener is gone, and so should we */
		_exit(1);
}

static void second_fire(void *arg)
{
	struct worker *worker = arg;

	worker->counts->http = *http_server_counts(worker->server);
	caller_expire(worker->records);
	caller_expire(worker->keys);
	http_timer_set(worker->second, 1000);
}

/* ---- start ---- */

static int cert_read(const struct config *config, const char *name, struct crypto_cert **out,
		     struct err *err)
{
	struct buf pem CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);
	int r = data_read(config, name, &pem, err);

	return r < 0 ? r : crypto_cert_read(out, buf_slice(&pem), err);
}

static int server_start(struct worker *worker, struct err *err)
{
	const struct config *config = worker->env->config;
	struct buf cert CLEANUP(buf_clear) = BUF_INIT(CRYPTO_PEM_MAX);
	struct buf key CLEANUP(buf_wipe) = BUF_INIT(CRYPTO_PEM_MAX);
	struct http_server_config want = {
		.handle = handle,
		.body_max = body_max,
		.arg = worker,
		.header_len_max = WORKER_HEADER_MAX,
		.connections_max = (unsigned)config->connections,
		.request_ms = config->request_seconds * 1000,
		.idle_ms = config->idle_seconds * 1000,
	};
	int r = data_tls_read(config, &cert, &key, err);

	if (r < 0)
		return err_wrap(err, r, "TLS certificate");
	want.cert_pem = buf_slice(&cert);
	want.key_pem = buf_slice(&key);
	return http_server_new(&worker->server, &want, err);
}

/* listen_to - called inside the sandbox: the first client waits until we can answer */
static int listen_to(struct worker *worker, struct err *err)
{
	struct listening *listening = worker->env->listening;
	int r = 0;

	for (unsigned i = 0; i < listening->count && r == 0; i++) {
		bool is_metrics = listening->has_metrics && i + 1 == listening->count;

		r = http_server_listen(worker->server, listening->fds[i], !is_metrics,
				       listening->bound[i], err);
	}
	return r;
}

static int parts_make(struct worker *worker, struct err *err)
{
	const struct process_env *env = worker->env;
	int r = cert_read(env->config, "public/ca.pem", &worker->ca, err);

	if (r == 0)
		r = cert_read(env->config, "public/ra.pem", &worker->ra, err);
	if (r == 0)
		r = crypto_scep_ca_reply(&worker->ca_reply, worker->ra, worker->ca, err);
	if (r == 0)
		r = plist_doc_new(&worker->doc, err);
	if (r == 0)
		r = server_start(worker, err);
	if (r == 0)
		r = caller_new(&worker->records, worker->server, err);
	if (r == 0)
		r = caller_new(&worker->keys, worker->server, err);
	if (r == 0)
		r = http_watch_new(&worker->control, worker->server, env->control, HTTP_READABLE,
				   control_ready_now, worker, err);
	if (r == 0)
		r = http_timer_new(&worker->second, worker->server, second_fire, worker, err);
	worker->peers = calloc(WORKER_PEERS, sizeof(*worker->peers));
	if (r == 0 && !worker->peers)
		r = err_no_memory(err);
	return r;
}

static void worker_free_p(struct worker **at)
{
	struct worker *worker = *at;

	if (!worker)
		return;
	caller_free(worker->records);
	caller_free(worker->keys);
	http_watch_free(worker->control);
	http_timer_free(worker->second);
	http_server_free(worker->server);
	plist_doc_free(worker->doc);
	crypto_cert_free(worker->ca);
	crypto_cert_free(worker->ra);
	buf_clear(&worker->ca_reply);
	buf_wipe(&worker->message);
	free(worker->peers);
	free(worker);
}

int worker_run(const struct process_env *env, struct err *err)
{
	struct worker *worker CLEANUP(worker_free_p) = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return err_no_memory(err);
	worker->env = env;
	worker->counts = &env->counts->workers[env->index];
	worker->counts->pid = getpid();
	worker->message = BUF_INIT(WORKER_REPORT_MAX);
	worker->ca_reply = BUF_INIT(CRYPTO_PEM_MAX);
	r = crypto_start(err);
	if (r == 0)
		r = parts_make(worker, err);
	if (r == 0)
		r = sandbox_enter(env->role, false, NULL, (enum config_sandbox)env->config->sandbox,
				  err);
	if (r == 0)
		r = listen_to(worker, err);
	if (r < 0)
		return r;
	second_fire(worker);
	control_ready(env->control);
	return http_server_run(worker->server, err);
}
