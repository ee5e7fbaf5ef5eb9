/* control - messages between the listener and a process, with descriptors */
#include "server/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONTROL_HEAD_LEN = 2 }; /* kind, peer */

const char *role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = {"keys", "records", "courier", "worker"};

	return names[role];
}

union descriptor_room {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

void control_clear(struct control *control)
{
	close_p(&control->fd);
	control->fd = -1;
	buf_clear(&control->text);
}

void control_send(int fd, enum control_kind kind, enum role peer, int passed, struct slice text)
{
	uint8_t head[CONTROL_HEAD_LEN] = {(uint8_t)kind, (uint8_t)peer};
	struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)text.bytes, text.len}};
	union descriptor_room room = {0};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_COUNT(parts)};

	if (passed >= 0) {
		struct cmsghdr *field = &room.align;

		message.msg_control = room.bytes;
		message.msg_controllen = sizeof(room.bytes);
		field->cmsg_level = SOL_SOCKET;
		field->cmsg_type = SCM_RIGHTS;
		field->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(field), &passed, sizeof(passed));
	}
	while (sendmsg(fd, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

void control_ready(int fd)
{
	control_send(fd, CONTROL_READY, ROLE_KEYS, -1, SLICE_EMPTY);
}

int control_receive(int fd, struct control *out, struct err *err)
{
	uint8_t head[CONTROL_HEAD_LEN];
	union descriptor_room room;
	struct iovec parts[2] = {{head, sizeof(head)}, {NULL, CONFIG_FILE_MAX}};
	struct msghdr message = {.msg_iov = parts,
				 .msg_iovlen = ARRAY_COUNT(parts),
				 .msg_control = room.bytes,
				 .msg_controllen = sizeof(room.bytes)};
	struct cmsghdr *field;
	ssize_t n;
	int r;

	control_clear(out);
	r = buf_reserve(&out->text, CONFIG_FILE_MAX, err);
	if (r < 0)
		return r;
	parts[1].iov_base = out->text.bytes;
	do
		n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return CONTROL_NOTHING;
	if (n < CONTROL_HEAD_LEN)
		return err_set(err, ERR_CLOSED, "the listener is gone");
	field = CMSG_FIRSTHDR(&message);
	if (field && field->cmsg_level == SOL_SOCKET && field->cmsg_type == SCM_RIGHTS &&
	    field->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&out->fd, CMSG_DATA(field), sizeof(out->fd));
	out->text.len = (size_t)n - CONTROL_HEAD_LEN;
	out->kind = (enum control_kind)head[0];
	out->peer = head[1] < ROLE_COUNT ? (enum role)head[1] : ROLE_KEYS;
	return 0;
}
