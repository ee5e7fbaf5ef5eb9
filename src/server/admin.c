/* admin - what people and other tools ask: enrollment links, the REST API, health, figures */
#include "server/api.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { METRICS_MAX = 256 << 10 };

static const char *field_or_empty(const struct http_request *request, const char *name)
{
	const char *value = http_request_field(request, name);

	return value ? value : "";
}

/* begin - an exchange and the head of its call; NULL: answered already */
static struct exchange *begin(struct worker *worker, struct http_request *request, enum call_op op,
			      struct call_writer *writer)
{
	struct exchange *exchange = exchange_new(worker, request);

	if (exchange && caller_begin(worker->records, op, writer, NULL) < 0) {
		exchange_answered(exchange, ERR_CLOSED, NULL);
		return NULL;
	}
	return exchange;
}

void enroll_serve(struct worker *worker, struct http_request *request, const char *rest)
{
	struct call_writer writer;
	struct exchange *exchange;

	/* a look at the head (a chat that previews links) does not use the link up */
	if (strcmp(request->method, "GET") != 0) {
		worker_answer(worker, request, 200, "application/x-apple-aspen-config", NULL,
			      SLICE_EMPTY);
		return;
	}
	exchange = begin(worker, request, CALL_ENROLL, &writer);
	if (!exchange)
		return;
	call_put_text(&writer, rest);
	exchange_call(exchange, worker->records, &writer);
}

/* ---- the REST API ---- */

/* body_is_fine - strict where it says that it is JSON: the records process reads it again, but
 * only what passed here */
static bool body_is_fine(const struct http_request *request)
{
	static const char json_type[] = "application/json";
	const char *type = field_or_empty(request, "Content-Type");

	return request->body.len == 0 || strncasecmp(type, json_type, sizeof(json_type) - 1) != 0 ||
	       api_json_check(request->body, NULL) == 0;
}

static void api_put(struct call_writer *writer, const struct http_request *request)
{
	call_put_text(writer, request->method);
	call_put_text(writer, request->path);
	call_put_text(writer, request->query);
	call_put_text(writer, field_or_empty(request, "Authorization"));
	call_put_text(writer, field_or_empty(request, "Content-Type"));
	call_put_text(writer, request->peer);
	call_put(writer, request->body);
}

void admin_serve(struct worker *worker, struct http_request *request, const char *rest)
{
	struct call_writer writer;
	struct exchange *exchange;

	if (!body_is_fine(request)) {
		worker_answer(worker, request, 400, "application/json", NULL,
			      slice_text("{\"error\":{\"code\":\"bad_json\",\"message\":"
					 "\"the body is not strict JSON\",\"hint\":null}}\n"));
		return;
	}
	exchange = begin(worker, request, CALL_API, &writer);
	if (!exchange)
		return;
	api_put(&writer, request);
	exchange_call(exchange, worker->records, &writer);
}

/* ---- figures ---- */

static void metrics_answer(struct worker *worker, struct http_request *request)
{
	struct buf text CLEANUP(buf_clear) = BUF_INIT(METRICS_MAX);

	worker->counts->http = *http_server_counts(worker->server);
	if (counts_text(worker->env->counts, clock_wall_seconds(clock_system()), &text, NULL) < 0)
		worker_unavailable(worker, request);
	else
		worker_answer(worker, request, 200, "text/plain; version=0.0.4", NULL,
			      buf_slice(&text));
}

static void metrics_allowed(void *arg, int outcome, struct call_fields *fields)
{
	struct exchange *exchange = arg;
	struct call_fields look;

	if (outcome == 0) {
		look = *fields;
		if (call_get_u32(&look) == 200) {
			metrics_answer(exchange->worker, exchange->request);
			free(exchange);
			return;
		}
	}
	exchange_answered(exchange, outcome, fields);
}

void metrics_serve(struct worker *worker, struct http_request *request, const char *rest)
{
	struct call_writer writer;
	struct exchange *exchange;

	if (!request->is_tls) { /* its own address, on this machine */
		metrics_answer(worker, request);
		return;
	}
	exchange = begin(worker, request, CALL_API, &writer);
	if (!exchange)
		return;
	api_put(&writer, request);
	if (caller_send(worker->records, &writer, metrics_allowed, exchange, NULL) < 0)
		exchange_answered(exchange, ERR_CLOSED, NULL);
}

static void health_known(void *arg, int outcome, struct call_fields *fields)
{
	struct exchange *exchange = arg;

	worker_answer_text(exchange->worker, exchange->request, outcome == 0 ? 200 : 503,
			   outcome == 0 ? "ok" : "the records are away");
	free(exchange);
}

void health_serve(struct worker *worker, struct http_request *request, const char *rest)
{
	struct exchange *exchange = exchange_new(worker, request);
	struct call_writer writer;

	if (!exchange)
		return;
	if (caller_begin(worker->records, CALL_HEALTH, &writer, NULL) < 0 ||
	    caller_send(worker->records, &writer, health_known, exchange, NULL) < 0)
		health_known(exchange, ERR_CLOSED, NULL);
}
