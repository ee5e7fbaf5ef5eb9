/*
 * The owner's own descriptors and times in the server's loop
 */
#include "net/http_internal.h"

struct http_watch {
	struct event_base *base;
	struct event *event;
	int fd;
	void (*ready)(void *arg, unsigned events);
	void *arg;
};

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct http_watch *watch = arg;
	unsigned events = 0;

	if (what & EV_READ)
		events |= HTTP_READABLE;
	if (what & EV_WRITE)
		events |= HTTP_WRITABLE;
	watch->ready(watch->arg, events); /* may free the watch */
}

void http_watch_set(struct http_watch *watch, unsigned events)
{
	short what = EV_PERSIST;

	if (events & HTTP_READABLE)
		what |= EV_READ;
	if (events & HTTP_WRITABLE)
		what |= EV_WRITE;
	event_del(watch->event);
	event_assign(watch->event, watch->base, watch->fd, what, on_ready, watch);
	if (events != 0)
		event_add(watch->event, NULL);
}

int http_watch_new(struct http_watch **out, struct http_server *server, int fd, unsigned events,
		   void (*ready)(void *arg, unsigned events), void *arg, struct err *err)
{
	struct http_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return err_no_memory(err);
	*watch = (struct http_watch){.base = server->base, .fd = fd, .ready = ready, .arg = arg};
	watch->event = event_new(server->base, fd, EV_PERSIST, on_ready, watch);
	if (!watch->event) {
		free(watch);
		return err_no_memory(err);
	}
	http_watch_set(watch, events);
	*out = watch;
	return 0;
}

void http_watch_free(struct http_watch *watch)
{
	if (!watch)
		return;
	event_free(watch->event);
	free(watch);
}

struct http_timer {
	struct event *event;
	void (*fire)(void *arg);
	void *arg;
};

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct http_timer *timer = arg;

	timer->fire(timer->arg); /* may free the timer */
}

int http_timer_new(struct http_timer **out, struct http_server *server, void (*fire)(void *arg),
		   void *arg, struct err *err)
{
	struct http_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return err_no_memory(err);
	*timer = (struct http_timer){.fire = fire, .arg = arg};
	timer->event = evtimer_new(server->base, on_time, timer);
	if (!timer->event) {
		free(timer);
		return err_no_memory(err);
	}
	*out = timer;
	return 0;
}

void http_timer_set(struct http_timer *timer, int64_t ms)
{
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (ms < 0)
		event_del(timer->event);
	else
		event_add(timer->event, &wait);
}

void http_timer_free(struct http_timer *timer)
{
	if (!timer)
		return;
	event_free(timer->event);
	free(timer);
}
