/* caller - the worker's pending calls in slots; a number names slot and generation */
#include "server/caller.h"

#include <stdlib.h>

/* flush - a failure shows in the watch too, which ends all calls alike */
static void flush(void *arg)
{
	struct caller *caller = arg;

	caller->is_flush_due = false;
	if (caller->link.fd >= 0 && link_flush(&caller->link, NULL) == LINK_NOTHING)
		http_watch_set(caller->watch, HTTP_READABLE | HTTP_WRITABLE);
}

static void slots_init(struct caller *caller)
{
	for (int i = 0; i < CALLER_SLOTS; i++)
		caller->slots[i].next_free = i + 1 < CALLER_SLOTS ? i + 1 : -1;
	caller->first_free = 0;
}

int caller_new(struct caller **out, struct http_server *server, struct err *err)
{
	struct caller *caller = calloc(1, sizeof(*caller));
	int r;

	if (!caller)
		return err_no_memory(err);
	caller->link = LINK_INIT;
	caller->server = server;
	slots_init(caller);
	r = http_timer_new(&caller->flush, server, flush, caller, err);
	if (r < 0) {
		free(caller);
		return r;
	}
	*out = caller;
	return 0;
}

/* finish - the slot is free before done() runs, which may begin another call */
static void finish(struct caller *caller, int index, int outcome, struct call_fields *fields)
{
	struct caller_slot *slot = &caller->slots[index];
	caller_done *done = slot->done;
	void *arg = slot->arg;

	slot->done = NULL;
	slot->generation++;
	slot->next_free = caller->first_free;
	caller->first_free = index;
	caller->pending--;
	done(arg, outcome, fields);
}

static void disconnect(struct caller *caller)
{
	http_watch_free(STEAL(caller->watch));
	link_close(&caller->link);
	for (int i = 0; i < CALLER_SLOTS; i++)
		if (caller->slots[i].done)
			finish(caller, i, ERR_CLOSED, NULL);
}

void caller_free(struct caller *caller)
{
	if (!caller)
		return;
	disconnect(caller);
	http_timer_free(caller->flush);
	free(caller);
}

static void take(struct caller *caller, struct frame *frame)
{
	unsigned index = frame->number & 0xffff;
	int outcome = (int)call_get_u32(&frame->fields);
	struct caller_slot *slot = &caller->slots[index % CALLER_SLOTS];

	/* the answer to a call that was given up */
	if (frame->op != CALL_ANSWER || index >= CALLER_SLOTS || !slot->done ||
	    slot->generation != frame->number >> 16)
		return;
	if (frame->fields.is_bad)
		finish(caller, (int)index, ERR_PROTOCOL, NULL);
	else
		finish(caller, (int)index, outcome, outcome < 0 ? NULL : &frame->fields);
}

static void ready(void *arg, unsigned events)
{
	struct caller *caller = arg;
	struct frame frame;
	int r = 0;

	if (events & HTTP_WRITABLE) {
		r = link_flush(&caller->link, NULL);
		if (r == 0)
			http_watch_set(caller->watch, HTTP_READABLE);
	}
	if (r >= 0 && events & HTTP_READABLE) {
		r = link_receive(&caller->link, NULL);
		while (r == 0 && (r = link_next(&caller->link, &frame, NULL)) == 0)
			take(caller, &frame);
		link_done(&caller->link);
	}
	if (r < 0)
		disconnect(caller);
}

int caller_connect(struct caller *caller, int fd, struct err *err)
{
	int r;

	disconnect(caller);
	link_open(&caller->link, fd);
	r = http_watch_new(&caller->watch, caller->server, fd, HTTP_READABLE, ready, caller, err);
	if (r < 0)
		link_close(&caller->link);
	return r;
}

int caller_begin(struct caller *caller, enum call_op op, struct call_writer *writer,
		 struct err *err)
{
	int index = caller->first_free;

	if (caller->link.fd < 0)
		return err_set(err, ERR_CLOSED, "the other process is away");
	if (index < 0)
		return err_set(err, ERR_LIMIT, "too many calls at once");
	caller->open = (uint32_t)caller->slots[index].generation << 16 | (uint32_t)index;
	*writer = call_begin(&caller->link.out, caller->open, op);
	return 0;
}

int caller_send(struct caller *caller, struct call_writer *writer, caller_done *done, void *arg,
		struct err *err)
{
	struct caller_slot *slot = &caller->slots[caller->open & 0xffff];
	int r = call_end(writer, err);

	if (r < 0)
		return r;
	caller->first_free = slot->next_free;
	caller->pending++;
	slot->done = done;
	slot->arg = arg;
	slot->deadline_ms = clock_mono_ms(clock_system()) + CALLER_WAIT_MS;
	if (!caller->is_flush_due)
		http_timer_set(caller->flush, 0);
	caller->is_flush_due = true;
	return 0;
}

void caller_expire(struct caller *caller)
{
	int64_t now = clock_mono_ms(clock_system());

	if (caller->pending == 0)
		return;
	for (int i = 0; i < CALLER_SLOTS; i++)
		if (caller->slots[i].done && caller->slots[i].deadline_ms <= now)
			finish(caller, i, ERR_TIMEOUT, NULL);
}
