/* counts - the shared page, and its text for Prometheus */
#include "server/counts.h"

#include <sys/mman.h>

struct counts *counts_new(void)
{
	void *at = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/** struct line - one figure: a field of all workers summed up, or one of the service */
struct line {
	const char *name, *kind, *help;
	size_t worker_offset; /* into struct http_counts */
};

static const struct line worker_lines[] = {
	{"connections", "gauge", "connections that are open",
	 offsetof(struct http_counts, connections)},
	{"in_flight", "gauge", "requests that are being answered",
	 offsetof(struct http_counts, in_flight)},
	{"accepted_total", "counter", "connections that were accepted",
	 offsetof(struct http_counts, accepted)},
	{"refused_total", "counter", "connections and requests beyond the limits",
	 offsetof(struct http_counts, refused)},
	{"handshakes_total", "counter", "TLS handshakes", offsetof(struct http_counts, handshakes)},
	{"handshakes_resumed_total", "counter", "of those: resumed sessions",
	 offsetof(struct http_counts, resumed)},
	{"requests_total", "counter", "HTTP requests", offsetof(struct http_counts, requests)},
	{"requests_bad_total", "counter", "requests refused before they reached a route",
	 offsetof(struct http_counts, bad)},
	{"requests_timed_out_total", "counter", "clients that were too slow",
	 offsetof(struct http_counts, timed_out)},
	{"received_bytes_total", "counter", "bodies of requests",
	 offsetof(struct http_counts, bytes_received)},
	{"sent_bytes_total", "counter", "bodies of answers",
	 offsetof(struct http_counts, bytes_sent)},
};

static int figure(struct buf *out, const char *name, const char *kind, const char *help,
		  uint64_t value, struct err *err)
{
	return buf_append_format(out, err,
				 "# HELP rehome_%s %s\n# TYPE rehome_%s %s\nrehome_%s %llu\n", name,
				 help, name, kind, name, (unsigned long long)value);
}

static int worker_figures(const struct counts *counts, struct buf *out, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_COUNT(worker_lines) && r == 0; i++) {
		const struct line *line = &worker_lines[i];
		uint64_t sum = 0;

		for (size_t k = 0; k < COUNTS_WORKERS_MAX; k++) {
			const char *http = (const char *)&counts->workers[k].http;
			const uint64_t *value = (const uint64_t *)(http + line->worker_offset);

			sum += *value;
		}
		r = figure(out, line->name, line->kind, line->help, sum, err);
	}
	return r;
}

static int answer_figures(const struct counts *counts, struct buf *out, struct err *err)
{
	uint64_t unavailable = 0;
	int r = buf_append_text(out,
				"# HELP rehome_answers_total HTTP answers of the routes\n"
				"# TYPE rehome_answers_total counter\n",
				err);

	for (size_t hundred = 2; hundred < 6 && r == 0; hundred++) {
		uint64_t sum = 0;

		for (size_t k = 0; k < COUNTS_WORKERS_MAX; k++)
			sum += counts->workers[k].answers[hundred];
		r = buf_append_format(out, err, "rehome_answers_total{status=\"%zuxx\"} %llu\n",
				      hundred, (unsigned long long)sum);
	}
	for (size_t k = 0; k < COUNTS_WORKERS_MAX; k++)
		unavailable += counts->workers[k].unavailable;
	return r < 0 ? r
		     : figure(out, "unavailable_total", "counter",
			      "requests that another process could not answer", unavailable, err);
}

int counts_text(const struct counts *counts, int64_t now, struct buf *out, struct err *err)
{
	const struct {
		const char *name, *kind, *help;
		uint64_t value;
	} own[] = {
		{"uptime_seconds", "gauge", "since the start", (uint64_t)(now - counts->started)},
		{"restarts_total", "counter", "processes that were started again",
		 counts->restarts},
		{"calls_total", "counter", "calls that the records answered", counts->calls},
		{"calls_failed_total", "counter", "of those: failed inside", counts->calls_failed},
		{"commits_total", "counter", "transactions", counts->commits},
		{"commits_failed_total", "counter", "transactions that failed",
		 counts->commits_failed},
		{"store_statements_total", "counter", "statements that calls ran",
		 counts->store_statements},
		{"store_rows_total", "counter", "rows that they received", counts->store_rows},
		{"store_steps_total", "counter", "steps of SQLite for them; 0 with PostgreSQL",
		 counts->store_steps},
		{"store_pages_total", "counter",
		 "pages of the database looked at for them; 0 with PostgreSQL",
		 counts->store_pages},
		{"keys_calls_total", "counter", "requests to the key holder", counts->keys_calls},
		{"keys_refused_total", "counter", "of those: refused", counts->keys_refused},
		{"keys_opened_total", "counter", "sealed values that were opened",
		 counts->keys_opened},
		{"pushes_total", "counter", "pushes that APNs took", counts->pushes},
		{"pushes_failed_total", "counter", "pushes that it did not", counts->pushes_failed},
		{"webhooks_total", "counter", "events delivered", counts->webhooks},
		{"webhooks_failed_total", "counter", "deliveries that failed",
		 counts->webhooks_failed},
		{"push_certificate_end_seconds", "gauge", "its end, since 1970; 0: none",
		 (uint64_t)counts->push_cert_ends},
	};
	int r = worker_figures(counts, out, err);

	if (r == 0)
		r = answer_figures(counts, out, err);
	for (size_t i = 0; i < ARRAY_COUNT(own) && r == 0; i++)
		r = figure(out, own[i].name, own[i].kind, own[i].help, own[i].value, err);
	return r;
}
