/*
 * libcurl's multi handles behind one epoll
 *
 * libcurl tells which sockets it wants watched, and when it wants to be called again; see
 * libcurl-multi(3), "MULTI_SOCKET".
 */
#include "net/http_multi.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	SHARDS_MAX = 512,
	SHARD_CONNECTIONS = 32,
	EVENTS_MAX = 64, /* taken in one round */
};

struct shard {
	struct http_multi *owner;
	CURLM *handle;
	int64_t due_ms; /* when libcurl wants to be called; < 0: never */
	bool has_news;  /* was called: transfers may have ended */
};

struct http_multi {
	int epoll_fd;
	unsigned count;
	struct shard shards[];
};

static int64_t now_ms(void)
{
	return clock_mono_ms(clock_system());
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *is_known)
{
	struct shard *shard = arg;
	struct http_multi *multi = shard->owner;
	struct epoll_event event = {
		.events = (what & CURL_POLL_IN && what != CURL_POLL_REMOVE ? EPOLLIN : 0u) |
			  (what & CURL_POLL_OUT && what != CURL_POLL_REMOVE ? EPOLLOUT : 0u),
		.data.u64 = (uint64_t)(shard - multi->shards) << 32 | (uint32_t)fd,
	};

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(multi->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		curl_multi_assign(shard->handle, fd, NULL);
		return 0;
	}
	if (epoll_ctl(multi->epoll_fd, is_known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
		return -1;
	curl_multi_assign(shard->handle, fd, shard);
	return 0;
}

static int on_time(CURLM *handle, long wait_ms, void *arg)
{
	struct shard *shard = arg;

	shard->due_ms = wait_ms < 0 ? -1 : now_ms() + wait_ms;
	return 0;
}

static bool shard_init(struct shard *shard, struct http_multi *multi, long connections,
		       enum http_version version)
{
	*shard = (struct shard){.owner = multi, .handle = curl_multi_init(), .due_ms = -1};
	if (!shard->handle)
		return false;
	curl_multi_setopt(shard->handle, CURLMOPT_SOCKETFUNCTION, on_watch);
	curl_multi_setopt(shard->handle, CURLMOPT_SOCKETDATA, shard);
	curl_multi_setopt(shard->handle, CURLMOPT_TIMERFUNCTION, on_time);
	curl_multi_setopt(shard->handle, CURLMOPT_TIMERDATA, shard);
	curl_multi_setopt(shard->handle, CURLMOPT_MAXCONNECTS, connections);
	/* with HTTP/2 a call waits for a stream instead of opening one more */
	if (version == HTTP_2)
		curl_multi_setopt(shard->handle, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
	return true;
}

int http_multi_new(struct http_multi **out, unsigned connections_max, enum http_version version,
		   struct err *err)
{
	unsigned count = version == HTTP_2 ? 1 : 1 + connections_max / SHARD_CONNECTIONS;
	unsigned each;
	struct http_multi *multi;

	if (count > SHARDS_MAX)
		count = SHARDS_MAX;
	each = (connections_max + count - 1) / count;
	if (count > 1)
		each += each / 2; /* chance does not spread evenly */
	multi = calloc(1, sizeof(*multi) + count * sizeof(multi->shards[0]));
	if (!multi)
		return err_no_memory(err);
	multi->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (multi->epoll_fd < 0) {
		http_multi_free(multi);
		return err_set(err, ERR_IO, "no descriptor for waiting");
	}
	for (; multi->count < count; multi->count++)
		if (!shard_init(&multi->shards[multi->count], multi, (long)each, version)) {
			http_multi_free(multi);
			return err_no_memory(err);
		}
	*out = multi;
	return 0;
}

void http_multi_free(struct http_multi *multi)
{
	if (!multi)
		return;
	for (unsigned i = 0; i < multi->count; i++)
		curl_multi_cleanup(multi->shards[i].handle);
	close_p(&multi->epoll_fd);
	free(multi);
}

CURLM *http_multi_of(struct http_multi *multi, struct slice cert_pem)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < cert_pem.len && multi->count > 1; i++)
		hash = (hash ^ cert_pem.bytes[i]) * 16777619u;
	return multi->shards[hash % multi->count].handle;
}

/** wait_of - how long until the first handle wants to be called, at most @wait_ms */
static int wait_of(const struct http_multi *multi, int64_t wait_ms)
{
	int64_t now = now_ms();

	for (unsigned i = 0; i < multi->count; i++) {
		int64_t due_ms = multi->shards[i].due_ms;

		if (due_ms >= 0 && due_ms - now < wait_ms)
			wait_ms = due_ms < now ? 0 : due_ms - now;
	}
	return wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms;
}

static int act(struct shard *shard, curl_socket_t fd, int what, struct err *err)
{
	int running;
	CURLMcode code = curl_multi_socket_action(shard->handle, fd, what, &running);

	shard->has_news = true;
	if (code == CURLM_OK || code == CURLM_BAD_SOCKET) /* one that was closed meanwhile */
		return 0;
	return err_set(err, code == CURLM_OUT_OF_MEMORY ? ERR_NO_MEMORY : ERR_IO, "%s",
		       curl_multi_strerror(code));
}

static int act_on_sockets(struct http_multi *multi, struct err *err)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(multi->epoll_fd, events, EVENTS_MAX, 0), r = 0;

	for (int i = 0; i < count && r == 0; i++) {
		uint32_t got = events[i].events;
		int what = (got & EPOLLIN ? CURL_CSELECT_IN : 0) |
			   (got & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (got & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		r = act(&multi->shards[events[i].data.u64 >> 32],
			(curl_socket_t)(uint32_t)events[i].data.u64, what, err);
	}
	return r;
}

static int act_on_time(struct http_multi *multi, struct err *err)
{
	int64_t now = now_ms();
	int r = 0;

	for (unsigned i = 0; i < multi->count && r == 0; i++) {
		struct shard *shard = &multi->shards[i];

		if (shard->due_ms < 0 || shard->due_ms > now)
			continue;
		shard->due_ms = -1; /* unless it says so again */
		r = act(shard, CURL_SOCKET_TIMEOUT, 0, err);
	}
	return r;
}

static void tell(struct http_multi *multi, void (*ended)(CURL *easy, CURLcode result))
{
	for (unsigned i = 0; i < multi->count; i++) {
		struct shard *shard = &multi->shards[i];
		CURLMsg *message;
		int left;

		if (!shard->has_news)
			continue;
		shard->has_news = false;
		while ((message = curl_multi_info_read(shard->handle, &left)) != NULL)
			if (message->msg == CURLMSG_DONE)
				ended(message->easy_handle, message->data.result);
	}
}

int http_multi_poll(struct http_multi *multi, struct pollfd *fds, unsigned count, int64_t wait_ms,
		    void (*ended)(CURL *easy, CURLcode result), struct err *err)
{
	struct pollfd wait[HTTP_POLL_MAX + 1] = {{.fd = multi->epoll_fd, .events = POLLIN}};
	int r;

	if (count > HTTP_POLL_MAX)
		return err_set(err, ERR_USAGE, "too many descriptors to wait for");
	for (unsigned i = 0; i < count; i++)
		wait[i + 1] = fds[i];
	if (poll(wait, count + 1, wait_of(multi, wait_ms)) < 0 && errno != EINTR)
		return err_set_errno(err, errno, "poll");
	for (unsigned i = 0; i < count; i++)
		fds[i].revents = wait[i + 1].revents;
	r = act_on_sockets(multi, err);
	if (r == 0)
		r = act_on_time(multi, err);
	tell(multi, ended);
	return r;
}
