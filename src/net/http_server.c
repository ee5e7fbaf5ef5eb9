/*
 * The HTTP server: listeners, maxima over all connections, counting, stopping
 */
#include "net/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ACCEPT_PAUSE_MS = 100 };

static struct timeval time_of(int64_t ms)
{
	return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

const char *http_server_date(struct http_server *server)
{
	int64_t now = clock_wall_seconds(clock_system());
	time_t seconds = (time_t)now;
	struct tm tm;

	if (now != server->date_at && gmtime_r(&seconds, &tm)) {
		strftime(server->date, sizeof(server->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		server->date_at = now;
	}
	return server->date;
}

/* ---- accepting ---- */

/** make_room - close the connection that is idle for longest; false if all are busy */
static bool make_room(struct http_server *server)
{
	struct http_conn *oldest = TAILQ_FIRST(&server->idle);

	if (!oldest)
		return false;
	http_conn_free(oldest);
	return true;
}

static const char *address_text(const struct sockaddr_storage *address, char text[INET6_ADDRSTRLEN])
{
	const void *at = NULL;

	text[0] = 0;
	if (address->ss_family == AF_INET)
		at = &((const struct sockaddr_in *)address)->sin_addr;
	else if (address->ss_family == AF_INET6)
		at = &((const struct sockaddr_in6 *)address)->sin6_addr;
	if (at)
		inet_ntop(address->ss_family, at, text, INET6_ADDRSTRLEN);
	return text;
}

/** pause_accepting - the waiting client cannot be accepted, for want of descriptors, and would wake
 * the loop for ever */
static void pause_accepting(struct http_server *server)
{
	struct timeval pause = time_of(ACCEPT_PAUSE_MS);
	struct http_listener *listener;

	LIST_FOREACH(listener, &server->listeners, entry)
	event_del(listener->event);
	event_add(server->accept_timer, &pause);
}

static void on_accept_pause_end(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;
	struct http_listener *listener;

	LIST_FOREACH(listener, &server->listeners, entry)
	event_add(listener->event, NULL);
}

static void on_client(evutil_socket_t listen_fd, short what, void *arg)
{
	struct http_listener *listener = arg;
	struct http_server *server = listener->server;

	for (int i = 0; i < HTTP_ACCEPT_BATCH; i++) {
		struct sockaddr_storage address = {0};
		socklen_t len = sizeof(address);
		char peer[INET6_ADDRSTRLEN];
		int fd = accept4(listen_fd, (struct sockaddr *)&address, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 &&
		    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			if (!make_room(server))
				pause_accepting(server);
			return;
		}
		if (fd < 0)
			return; /* nobody there, or gone again */
		server->counts.accepted++;
		if (server->counts.connections >= server->config.connections_max &&
		    !make_room(server)) {
			server->counts.refused++;
			close(fd);
			continue;
		}
		http_conn_new(server, listener, fd, address_text(&address, peer));
	}
}

static void listener_free(struct http_listener *listener)
{
	if (listener->event)
		event_free(listener->event);
	close(listener->fd);
	free(listener);
}

int http_server_listen(struct http_server *server, int fd, bool is_tls, const void *tag,
		       struct err *err)
{
	struct http_listener *listener = calloc(1, sizeof(*listener));
	int on = 1;

	if (!listener) {
		close(fd);
		return err_no_memory(err);
	}
	*listener =
		(struct http_listener){.server = server, .fd = fd, .is_tls = is_tls, .tag = tag};
	if (is_tls && !server->tls) {
		listener_free(listener);
		return err_set(err, ERR_USAGE, "listen: TLS needs a certificate");
	}
	/* accepted sockets inherit it: an answer must not wait for the client's acknowledgement.
	   A socket in the file system has no such option, and no such wait. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	listener->event = event_new(server->base, fd, EV_READ | EV_PERSIST, on_client, listener);
	if (!listener->event || evutil_make_socket_nonblocking(fd) != 0 ||
	    event_add(listener->event, NULL) != 0) {
		listener_free(listener);
		return err_set(err, ERR_IO, "listen: the descriptor cannot be watched");
	}
	LIST_INSERT_HEAD(&server->listeners, listener, entry);
	return 0;
}

/* ---- stopping ---- */

static void close_listeners(struct http_server *server)
{
	struct http_listener *listener;

	event_del(server->accept_timer);
	while ((listener = LIST_FIRST(&server->listeners)) != NULL) {
		LIST_REMOVE(listener, entry);
		listener_free(listener);
	}
}

static void on_stop_end(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;

	event_base_loopbreak(server->base);
}

void http_server_conn_gone(struct http_server *server)
{
	if (server->is_stopping && server->counts.connections == 0)
		event_base_loopbreak(server->base);
}

void http_server_stop(struct http_server *server, int64_t within_ms)
{
	struct timeval patience = time_of(within_ms < 0 ? 0 : within_ms);
	struct http_conn *conn, *next;

	server->is_stopping = true;
	event_add(server->stop_timer, &patience);
	close_listeners(server);
	for (conn = TAILQ_FIRST(&server->idle); conn; conn = next) {
		next = TAILQ_NEXT(conn, entry);
		if (!conn->is_advancing) /* else it calls us from its handler */
			http_conn_free(conn);
	}
	http_server_conn_gone(server);
}

/* ---- the server ---- */

static void set_defaults(struct http_server_config *config)
{
	config->cert_pem = config->key_pem = SLICE_EMPTY; /* borrowed for the call only */
	if (config->body_len_max == 0)
		config->body_len_max = 1 << 20;
	if (config->header_len_max == 0)
		config->header_len_max = 16384;
	if (config->header_len_max > HTTP_HEADER_LEN_MAX)
		config->header_len_max = HTTP_HEADER_LEN_MAX;
	if (config->connections_max == 0)
		config->connections_max = 12000;
	if (config->requests_max == 0)
		config->requests_max = 1024;
	if (config->sessions_max == 0)
		config->sessions_max = 10000;
	if (config->request_ms == 0)
		config->request_ms = 30000;
	if (config->idle_ms == 0)
		config->idle_ms = 60000;
}

static int start_loop(struct http_server *server, struct err *err)
{
	struct timeval request_time = time_of(server->config.request_ms);
	struct timeval idle_time = time_of(server->config.idle_ms);

	server->base = event_base_new();
	if (!server->base)
		return err_set(err, ERR_IO, "the event loop cannot begin");
	/* timers of one length stand in a queue instead of a heap */
	server->request_time = event_base_init_common_timeout(server->base, &request_time);
	server->idle_time = event_base_init_common_timeout(server->base, &idle_time);
	server->stop_timer = evtimer_new(server->base, on_stop_end, server);
	server->accept_timer = evtimer_new(server->base, on_accept_pause_end, server);
	if (!server->request_time || !server->idle_time || !server->stop_timer ||
	    !server->accept_timer)
		return err_no_memory(err);
	return 0;
}

int http_server_new(struct http_server **out, const struct http_server_config *config,
		    struct err *err)
{
	CLEANUP(http_server_free_p) struct http_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return err_no_memory(err);
	TAILQ_INIT(&server->idle);
	TAILQ_INIT(&server->busy);
	LIST_INIT(&server->listeners);
	server->config = *config;
	set_defaults(&server->config);
	server->date_at = -1;
	http_server_date(server); /* the C library reads the time zone's file once, now */
	signal(SIGPIPE, SIG_IGN);
	if (config->cert_pem.len > 0) {
		r = http_tls_new(&server->tls, config->cert_pem, config->key_pem,
				 server->config.sessions_max, err);
		if (r != 0)
			return r;
	}
	r = start_loop(server, err);
	if (r != 0)
		return r;
	*out = STEAL(server);
	return 0;
}

void http_server_free(struct http_server *server)
{
	struct http_conn *conn;

	if (!server)
		return;
	while ((conn = TAILQ_FIRST(&server->idle)) || (conn = TAILQ_FIRST(&server->busy)))
		http_conn_free(conn);
	if (server->accept_timer)
		close_listeners(server);
	if (server->stop_timer)
		event_free(server->stop_timer);
	if (server->accept_timer)
		event_free(server->accept_timer);
	if (server->base)
		event_base_free(server->base);
	SSL_CTX_free(server->tls);
	free(server);
}

void http_server_free_p(struct http_server **server)
{
	http_server_free(*server);
}

int http_server_run(struct http_server *server, struct err *err)
{
	if (event_base_loop(server->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		return err_set(err, ERR_IO, "the event loop failed");
	return 0;
}

const struct http_counts *http_server_counts(const struct http_server *server)
{
	return &server->counts;
}
