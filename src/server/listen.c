/* listen - numeric addresses only: a start does not depend on a name service */
#include "server/listen.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

/* split - "ADDRESS:PORT" or "[ADDRESS]:PORT" */
static bool split(const char *text, char host[CONFIG_WORD_MAX + 1], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (!colon || colon == text || !colon[1])
		return false;
	*port = colon + 1;
	len = (size_t)(colon - text);
	if (*text == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len > CONFIG_WORD_MAX)
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

static int bound_name(int fd, char out[CONFIG_WORD_MAX + 1], bool *is_loopback)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char host[128], port[16];

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return -1;
	snprintf(out, CONFIG_WORD_MAX + 1, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	*is_loopback = !strncmp(host, "127.", 4) || !strcmp(host, "::1");
	return 0;
}

/* listen_one - at @text; @next: what to do when the place is taken */
static int listen_one(struct listening *listening, const char *text, const char *next,
		      bool *is_loopback, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	char host[CONFIG_WORD_MAX + 1];
	struct addrinfo *found = NULL;
	const char *port;
	int fd CLEANUP(close_p) = -1, one = 1;

	if (!split(text, host, &port) || getaddrinfo(host, port, &hints, &found) != 0)
		return err_set(err, ERR_USAGE, "%s: not of the form ADDRESS:PORT", text);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		int number = errno;

		freeaddrinfo(found);
		return number == EADDRINUSE
			       ? err_set(err, ERR_BUSY, "%s: somebody listens there%s", text, next)
			       : err_set_errno(err, number, "listen on %s", text);
	}
	freeaddrinfo(found);
	if (bound_name(fd, listening->bound[listening->count], is_loopback) < 0)
		return err_set(err, ERR_IO, "%s: no name", text);
	listening->fds[listening->count++] = fd;
	fd = -1;
	return 0;
}

int listen_all(const struct config *config, struct listening *listening, struct err *err)
{
	bool is_loopback;
	int r = 0;

	for (unsigned i = 0; i < config->listen.count && r == 0; i++)
		r = listen_one(listening, config->listen.words[i],
			       ". `--listen ADDRESS:PORT` takes another place, which `rehome mdm` "
			       "finds by REHOME_MDM_URL=https://ADDRESS:PORT",
			       &is_loopback, err);
	if (r < 0 || !strcmp(config->metrics, "none"))
		return r;
	r = listen_one(listening, config->metrics, ". `--metrics ADDRESS:PORT` takes another place",
		       &is_loopback, err);
	if (r == 0 && !is_loopback)
		return err_set(err, ERR_POLICY, "metrics: %s is not on this machine",
			       config->metrics);
	listening->has_metrics = r == 0;
	return r;
}

void listen_url(const struct config *config, const struct listening *listening,
		char out[CONFIG_TEXT_MAX + 1])
{
	size_t len;

	if (!strcmp(config->url, "auto"))
		snprintf(out, CONFIG_TEXT_MAX + 1, "https://%s", listening->bound[0]);
	else
		snprintf(out, CONFIG_TEXT_MAX + 1, "%s", config->url);
	for (len = strlen(out); len > 0 && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
}
