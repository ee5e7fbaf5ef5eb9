/*
 * wire_inbox - hand a short message to the thread that owns a connection
 *
 * A TLS object is not for two threads: who wants to say something to a connection puts it into
 * the connection's inbox, and the owner, who waits on the socket and on the inbox's event,
 * says it.
 */
#include "sim/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wire_inbox_init(struct wire_inbox *inbox, struct err *err)
{
	*inbox = (struct wire_inbox){.event_fd = -1};
	inbox->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (inbox->event_fd < 0)
		return err_set_errno(err, errno, "eventfd");
	pthread_mutex_init(&inbox->mutex, NULL);
	return 0;
}

void wire_inbox_clear(struct wire_inbox *inbox)
{
	if (inbox->event_fd < 0)
		return;
	close(inbox->event_fd);
	inbox->event_fd = -1;
	plist_doc_free(inbox->names_doc);
	pthread_mutex_destroy(&inbox->mutex);
}

void wire_inbox_put(struct wire_inbox *inbox, const struct wire_item *item)
{
	uint64_t one = 1;

	pthread_mutex_lock(&inbox->mutex);
	if (inbox->count == ARRAY_COUNT(inbox->items)) {
		inbox->first = (inbox->first + 1) % ARRAY_COUNT(inbox->items);
		inbox->count--;
	}
	inbox->items[(inbox->first + inbox->count++) % ARRAY_COUNT(inbox->items)] = *item;
	pthread_mutex_unlock(&inbox->mutex);
	/* the counter cannot overflow: the reader empties it whenever it looks */
	if (write(inbox->event_fd, &one, sizeof(one)) < 0)
		return;
}

bool wire_inbox_take(struct wire_inbox *inbox, struct wire_item *item)
{
	bool is_there;

	pthread_mutex_lock(&inbox->mutex);
	is_there = inbox->count > 0;
	if (is_there) {
		*item = inbox->items[inbox->first];
		inbox->first = (inbox->first + 1) % ARRAY_COUNT(inbox->items);
		inbox->count--;
	}
	pthread_mutex_unlock(&inbox->mutex);
	return is_there;
}

int wire_inbox_wait(struct wire_inbox *inbox, struct wire_peer *peer, struct err *err)
{
	const struct cancel *cancel = wire_cancel(peer->wire);
	struct pollfd fds[3] = {
		{.fd = conn_fd(peer->conn), .events = POLLIN},
		{.fd = inbox->event_fd, .events = POLLIN},
		{.fd = cancel ? cancel->wake_fd : -1, .events = POLLIN},
	};
	uint64_t count;
	int r;

	for (;;) {
		r = cancel_check(cancel, err);
		if (r < 0)
			return r;
		pthread_mutex_lock(&inbox->mutex);
		r = inbox->count > 0;
		pthread_mutex_unlock(&inbox->mutex);
		if (r || conn_is_readable(peer->conn))
			return 0;
		if (poll(fds, ARRAY_COUNT(fds), -1) < 0 && errno != EINTR)
			return err_set_errno(err, errno, "poll");
		if (read(inbox->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
			return err_set_errno(err, errno, "eventfd");
	}
}
