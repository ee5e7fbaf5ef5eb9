/*
 * A connection of the HTTP server: handshake, request, answer, and again
 *
 * conn_advance does all that goes without waiting and then leaves the loop the event that it
 * waits for.  What a connection holds while idle is its struct and OpenSSL's; buffers live from
 * the first byte of a request to the last byte of the answer.
 */
#include "net/http_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void conn_advance(struct http_conn *conn);

/* ---- a request's life ---- */

static void request_free(struct request *request, struct http_server *server)
{
	server->bodies_len -= request->body.len;
	buf_wipe(&request->body);                         /* tokens and passwords travel here ... */
	explicit_bzero(request->text, request->text_len); /* ... and here */
	OPENSSL_free(request->cert_der);
	free(request);
}

/** conn_list - into the list of the idle ones, at its end, or into that of the busy ones */
static void conn_list(struct http_conn *conn, bool is_idle)
{
	struct http_server *server = conn->server;

	TAILQ_REMOVE(conn->is_idle ? &server->idle : &server->busy, conn, entry);
	if (is_idle)
		TAILQ_INSERT_TAIL(&server->idle, conn, entry);
	else
		TAILQ_INSERT_TAIL(&server->busy, conn, entry);
	conn->is_idle = is_idle;
}

/** put_answer - head and body into what is to be written; ERR_LIMIT, ERR_NO_MEMORY */
static int put_answer(struct http_conn *conn, int status, const char *content_type,
		      const struct http_field *extra, struct slice body, bool is_head)
{
	bool has_no_body = status == 204 || status == 304;
	struct buf *out = &conn->out;
	int r;

	r = buf_append_format(out, NULL, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status,
			      http_reason(status), http_server_date(conn->server));
	if (r == 0 && content_type)
		r = buf_append_format(out, NULL, "Content-Type: %s\r\n", content_type);
	for (; r == 0 && extra && extra->name; extra++)
		if (!strpbrk(extra->name, "\r\n") && !strpbrk(extra->value, "\r\n"))
			r = buf_append_format(out, NULL, "%s: %s\r\n", extra->name, extra->value);
	if (r == 0 && !has_no_body)
		r = buf_append_format(out, NULL, "Content-Length: %zu\r\n", body.len);
	if (r == 0)
		r = buf_append_format(out, NULL, "%s\r\n",
				      conn->closes ? "Connection: close\r\n" : "");
	if (r == 0 && !has_no_body && !is_head) {
		r = buf_append_slice(out, body, NULL);
		conn->server->counts.bytes_sent += body.len;
	}
	return r;
}

/** conn_answer - go over to writing; an answer that cannot be built ends the connection instead */
static void conn_answer(struct http_conn *conn, int status, const char *content_type,
			const struct http_field *extra, struct slice body, bool is_head)
{
	if (put_answer(conn, status, content_type, extra, body, is_head) != 0) {
		buf_clear(&conn->out);
		conn->closes = true;
	}
	conn->state = CONN_WRITING;
	conn->needs_time = true;
}

/** conn_refuse - answer in the handler's place. @is_over: what follows is not to be understood */
static void conn_refuse(struct http_conn *conn, int status, bool is_over)
{
	struct request *request = STEAL(conn->request);
	bool is_head = false;

	conn->server->counts.bad++;
	if (is_over) {
		conn->closes = conn->drains = true;
		buf_wipe(&conn->in);
	} else if (!request->head.is_keep_alive) {
		conn->closes = true;
	}
	if (request) {
		is_head = request->head.method && strcmp(request->head.method, "HEAD") == 0;
		request_free(request, conn->server);
	}
	conn_answer(conn, status, "text/plain", NULL, slice_text(http_reason(status)), is_head);
}

void http_answer(struct http_request *shown, int status, const char *content_type,
		 const struct http_field *extra, struct slice body)
{
	struct request *request = (struct request *)shown;
	struct http_conn *conn = request->conn;
	struct http_server *server = conn->server;
	bool is_head = strcmp(shown->method, "HEAD") == 0;

	server->counts.in_flight--;
	if (server->is_stopping || !request->head.is_keep_alive)
		conn->closes = true;
	conn_answer(conn, status, content_type, extra, body, is_head);
	request_free(request, server);
	conn->request = NULL;
	if (!conn->is_advancing)
		conn_advance(conn);
}

const char *http_request_field(const struct http_request *shown, const char *name)
{
	return http_head_field(&((const struct request *)shown)->head, name);
}

/** conn_hand_over - the request is complete: to the handler with it, unless there are too many */
static void conn_hand_over(struct http_conn *conn)
{
	struct http_server *server = conn->server;
	struct request *request = conn->request;
	X509 *cert = conn->ssl ? SSL_get0_peer_certificate(conn->ssl) : NULL;
	int cert_len = cert ? i2d_X509(cert, &request->cert_der) : 0;

	if (server->counts.in_flight >= server->config.requests_max) {
		server->counts.refused++;
		conn_refuse(conn, 503, false);
		return;
	}
	if (cert_len < 0) {
		conn_refuse(conn, 500, false);
		return;
	}
	request->shown = (struct http_request){
		.method = request->head.method,
		.path = request->head.path,
		.query = request->head.query,
		.body = slice_of(request->body.bytes, request->body.len),
		.peer_cert = slice_of(request->cert_der, (size_t)cert_len),
		.peer = conn->peer,
		.is_tls = conn->ssl != NULL,
		.tag = conn->tag,
	};
	server->counts.requests++;
	server->counts.in_flight++;
	conn->state = CONN_HANDLING;
	server->config.handle(server->config.arg, &request->shown);
}

/* ---- steps ---- */

static void drop_front(struct buf *buf, size_t len)
{
	size_t left = buf->len - len;

	if (left == 0) {
		buf_wipe(buf);
		return;
	}
	memmove(buf->bytes, buf->bytes + len, left);
	explicit_bzero(buf->bytes + left, len);
	buf_truncate(buf, left);
}

static enum step step_handshake(struct http_conn *conn)
{
	int r = SSL_do_handshake(conn->ssl);

	if (r != 1)
		return http_tls_step(conn, r);
	conn->server->counts.handshakes++;
	if (SSL_session_reused(conn->ssl))
		conn->server->counts.resumed++;
	conn->state = CONN_READING;
	return STEP_ON;
}

/** begin_request - the first @head_len bytes that came are a head */
static enum step begin_request(struct http_conn *conn, size_t head_len)
{
	struct http_server *server = conn->server;
	struct request *request = calloc(1, sizeof(*request) + head_len + 1);
	size_t body_max = server->config.body_len_max;
	int status;

	if (!request)
		return STEP_END;
	memcpy(request->text, conn->in.bytes, head_len);
	request->text_len = head_len;
	request->conn = conn;
	conn->request = request;
	drop_front(&conn->in, head_len);
	conn->in_searched = 0;
	status = http_head_parse(&request->head, request->text, head_len);
	if (status == 0) {
		if (server->config.body_max)
			body_max = server->config.body_max(server->config.arg, request->head.method,
							   request->head.path);
		if (request->head.content_length > body_max)
			status = 413;
	}
	if (status != 0) {
		conn_refuse(conn, status, true);
		return STEP_ON;
	}
	request->body = BUF_INIT((size_t)request->head.content_length);
	if (request->head.expects_continue && conn->in.len == 0 &&
	    request->head.content_length > 0) {
		if (buf_append_format(&conn->out, NULL, "HTTP/1.1 100 Continue\r\n\r\n") != 0)
			return STEP_END;
		conn->state = CONN_WRITING; /* and back to reading, since there is a request */
	}
	return STEP_ON;
}

/** conn_take - use @bytes that came: of a body what belongs to it, the rest for later */
static int conn_take(struct http_conn *conn, struct slice bytes)
{
	struct http_server *server = conn->server;
	struct request *request = conn->request;
	size_t wanted = request ? request->body.max - request->body.len : 0;
	size_t len = bytes.len < wanted ? bytes.len : wanted;
	int r;

	if (len > 0) {
		if (server->bodies_len + len > HTTP_BODIES_MAX)
			return ERR_LIMIT;
		r = buf_append(&request->body, bytes.bytes, len, NULL);
		if (r != 0)
			return r;
		server->bodies_len += len;
		server->counts.bytes_received += len;
	}
	if (len == bytes.len)
		return 0;
	return buf_append(&conn->in, bytes.bytes + len, bytes.len - len, NULL);
}

static enum step step_read(struct http_conn *conn)
{
	struct http_server *server = conn->server;
	size_t got = 0, head_len;
	enum step step;

	if (!conn->request && conn->in.len > 0) {
		head_len = http_head_len(slice_of(conn->in.bytes, conn->in.len), conn->in_searched);
		conn->in_searched = conn->in.len;
		if ((head_len > 0 ? head_len : conn->in.len) > server->config.header_len_max) {
			conn_refuse(conn, 431, true);
			return STEP_ON;
		}
		if (head_len > 0) {
			step = begin_request(conn, head_len);
			if (step != STEP_ON || conn->state != CONN_READING)
				return step;
		}
	}
	if (conn->request && conn->in.len > 0) {
		struct buf early = conn->in; /* came together with the head */
		int r;

		conn->in = BUF_INIT(early.max);
		r = conn_take(conn, slice_of(early.bytes, early.len));
		buf_wipe(&early);
		if (r != 0) {
			conn_refuse(conn, 503, true);
			return STEP_ON;
		}
	}
	if (conn->request && conn->request->body.len == conn->request->body.max) {
		conn_hand_over(conn);
		return STEP_ON;
	}
	step = http_conn_receive(conn, server->scratch, sizeof(server->scratch), &got);
	if (step != STEP_ON)
		return step;
	if (conn_take(conn, slice_of(server->scratch, got)) != 0)
		conn_refuse(conn, 503, true);
	return STEP_ON;
}

static enum step step_write(struct http_conn *conn)
{
	size_t sent = 0;
	enum step step;

	while (conn->out_sent < conn->out.len) {
		step = http_conn_transmit(conn, conn->out.bytes + conn->out_sent,
					  conn->out.len - conn->out_sent, &sent);
		if (step != STEP_ON)
			return step;
		conn->out_sent += sent;
	}
	buf_wipe(&conn->out);
	conn->out_sent = 0;
	if (!conn->closes) {
		conn->state = CONN_READING;
		if (!conn->request) /* there is one after "100 Continue" */
			conn->needs_time = true;
		return STEP_ON;
	}
	if (!conn->drains)
		return STEP_END;
	/* closing with bytes unread would reset the connection, and the refusal with it */
	if (conn->ssl)
		SSL_shutdown(conn->ssl);
	shutdown(conn->fd, SHUT_WR);
	conn->state = CONN_DRAINING;
	return STEP_ON;
}

static enum step step_drain(struct http_conn *conn)
{
	ssize_t got = recv(conn->fd, conn->server->scratch, sizeof(conn->server->scratch), 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return STEP_WAIT_READ;
	if (got <= 0)
		return STEP_END;
	conn->drained += (size_t)got;
	return conn->drained > HTTP_DRAIN_MAX ? STEP_END : STEP_ON;
}

static enum step conn_step(struct http_conn *conn)
{
	switch (conn->state) {
	case CONN_HANDSHAKE:
		return step_handshake(conn);
	case CONN_READING:
		return step_read(conn);
	case CONN_HANDLING:
		return STEP_WAIT_ANSWER;
	case CONN_WRITING:
		return step_write(conn);
	case CONN_DRAINING:
		return step_drain(conn);
	}
	return STEP_END;
}

/* ---- waiting ---- */

/** conn_watch - one of the two events, or none: a client that sends and does not read must not
 * keep the loop awake */
static void conn_watch(struct http_conn *conn, bool reads, bool writes)
{
	if (reads && !conn->is_reading)
		event_add(&conn->readable, NULL);
	else if (!reads && conn->is_reading)
		event_del(&conn->readable);
	if (writes && !conn->is_writing)
		event_add(&conn->writable, NULL);
	else if (!writes && conn->is_writing)
		event_del(&conn->writable);
	conn->is_reading = reads;
	conn->is_writing = writes;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *conn = arg;

	/* bytes, or the peer's end, while the handler is at work: look again after the answer */
	if (conn->state == CONN_HANDLING) {
		conn_watch(conn, false, false);
		return;
	}
	conn_advance(conn);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *conn = arg;

	if (conn->state == CONN_HANDLING)
		return; /* the time of the request was enough; the answer sets its own */
	if (!conn->is_idle)
		conn->server->counts.timed_out++;
	http_conn_free(conn);
}

/** conn_wait - leave the loop what wakes this connection, and when it is too late */
static void conn_wait(struct http_conn *conn, enum step step)
{
	struct http_server *server = conn->server;
	bool is_idle = conn->state == CONN_READING && !conn->request && conn->in.len == 0;

	if (is_idle && server->is_stopping) {
		http_conn_free(conn);
		return;
	}
	if (is_idle != conn->is_idle)
		conn->needs_time = true;
	if (conn->needs_time)
		conn_list(conn, is_idle);
	/* while the handler is at work events stay as they are: mostly nothing comes, and the next
	   request finds them set (see on_event) */
	if (step == STEP_WAIT_ANSWER)
		return;
	conn_watch(conn, step == STEP_WAIT_READ, step == STEP_WAIT_WRITE);
	if (conn->needs_time)
		event_add(&conn->timer, is_idle ? server->idle_time : server->request_time);
	conn->needs_time = false;
}

static void conn_advance(struct http_conn *conn)
{
	enum step step = STEP_ON;

	conn->is_advancing = true;
	for (int i = 0; step == STEP_ON && i < HTTP_STEPS_MAX; i++)
		step = conn_step(conn);
	conn->is_advancing = false;
	/* one that always has more to do goes on in the next round, once the others had their turn
	 */
	if (step == STEP_ON)
		step = STEP_WAIT_WRITE;
	if (step == STEP_END)
		http_conn_free(conn);
	else
		conn_wait(conn, step);
}

/* ---- birth and end ---- */

void http_conn_free(struct http_conn *conn)
{
	struct http_server *server = conn->server;

	event_del(&conn->readable);
	event_del(&conn->writable);
	event_del(&conn->timer);
	if (conn->request) {
		if (conn->state == CONN_HANDLING)
			server->counts.in_flight--;
		request_free(conn->request, server);
	}
	if (conn->ssl) {
		/* without a goodbye OpenSSL would drop the session from the cache */
		SSL_shutdown(conn->ssl);
		SSL_free(conn->ssl);
		ERR_clear_error();
	}
	close(conn->fd);
	buf_wipe(&conn->in);
	buf_wipe(&conn->out);
	TAILQ_REMOVE(conn->is_idle ? &server->idle : &server->busy, conn, entry);
	server->counts.connections--;
	free(conn);
	http_server_conn_gone(server);
}

int http_conn_new(struct http_server *server, const struct http_listener *listener, int fd,
		  const char *peer)
{
	struct http_conn *conn = calloc(1, sizeof(*conn));

	if (conn && listener->is_tls) {
		conn->ssl = SSL_new(server->tls);
		if (!conn->ssl || SSL_set_fd(conn->ssl, fd) != 1) {
			SSL_free(conn->ssl);
			free(conn);
			conn = NULL;
		}
	}
	if (!conn) {
		ERR_clear_error();
		close(fd);
		return ERR_NO_MEMORY;
	}
	if (conn->ssl)
		SSL_set_accept_state(conn->ssl);
	conn->server = server;
	conn->tag = listener->tag;
	conn->fd = fd;
	snprintf(conn->peer, sizeof(conn->peer), "%s", peer);
	conn->state = conn->ssl ? CONN_HANDSHAKE : CONN_READING;
	conn->in = BUF_INIT(server->config.header_len_max + HTTP_READ_LEN);
	conn->out = BUF_INIT(HTTP_ANSWER_MAX);
	conn->is_idle = !conn->ssl;
	TAILQ_INSERT_TAIL(conn->is_idle ? &server->idle : &server->busy, conn, entry);
	server->counts.connections++;
	event_assign(&conn->readable, server->base, fd, EV_READ | EV_PERSIST, on_event, conn);
	event_assign(&conn->writable, server->base, fd, EV_WRITE | EV_PERSIST, on_event, conn);
	event_assign(&conn->timer, server->base, -1, 0, on_timer, conn);
	conn->is_reading = event_add(&conn->readable, NULL) == 0;
	event_add(&conn->timer, conn->is_idle ? server->idle_time : server->request_time);
	return 0;
}
