/*
 * mux - discovery, pair records and raw connections, by libusbmuxd
 *
 * The only file that includes its header.  What comes back is a socket, which a conn
 * takes over, or bytes of a pair record, which our own parser reads.
 */
#include "job/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <usbmuxd.h>

enum {
	FAMILY_BSD_INET = 0x02,
	FAMILY_BSD_INET6 = 0x1e,
	CONNECT_WAIT_MS = 10000,
};

static int no_mux(struct err *err)
{
	const char *address = getenv("USBMUXD_SOCKET_ADDRESS");

	if (address && *address)
		return err_set(err, ERR_DEVICE,
			       "no usbmuxd answers at %.200s: is USBMUXD_SOCKET_ADDRESS right?",
			       address);
	return err_set(err, ERR_DEVICE,
		       "no usbmuxd answers at /var/run/usbmuxd: is it installed, and the service "
		       "usbmuxd running?");
}

static void device_fill(struct job_device *device, const usbmuxd_device_info_t *info)
{
	*device = (struct job_device){.mux_handle = info->handle};
	if (!link_udid_normalize(info->udid, device->udid))
		text_copy(device->udid, sizeof(device->udid), info->udid);
	device->is_network = info->conn_type == CONNECTION_TYPE_NETWORK;
	memcpy(device->address, info->conn_data, sizeof(device->address));
}

static const struct job_device *device_known(const struct job_device *list, size_t count,
					     const char *udid)
{
	for (size_t i = 0; i < count; i++)
		if (!strcasecmp(list[i].udid, udid))
			return &list[i];
	return NULL;
}

int job_devices(struct job_device **out, size_t *count, struct err *err)
{
	CLEANUP(free_p) struct job_device *list = NULL;
	usbmuxd_device_info_t *infos = NULL;
	size_t found = 0;
	int total;

	total = usbmuxd_get_device_list(&infos);
	if (total < 0)
		return no_mux(err);
	list = calloc((size_t)total + 1, sizeof(*list));
	if (!list) {
		usbmuxd_device_list_free(&infos);
		return err_no_memory(err);
	}
	/* a device on the cable and on the network is one device, and the cable is faster */
	for (int network = 0; network < 2; network++)
		for (int i = 0; i < total; i++) {
			struct job_device device;

			device_fill(&device, &infos[i]);
			if (device.is_network != (network == 1) ||
			    device_known(list, found, device.udid))
				continue;
			list[found++] = device;
		}
	usbmuxd_device_list_free(&infos);
	*out = STEAL(list);
	*count = found;
	return 0;
}

/* network_address - the BSD sockaddr of a network device as this system spells it */
static int network_address(const struct job_device *device, uint16_t port,
			   struct sockaddr_storage *out, socklen_t *len, struct err *err)
{
	const uint8_t *at = device->address;

	memset(out, 0, sizeof(*out));
	if (at[1] == FAMILY_BSD_INET) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)out;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, at + 4, 4);
		*len = sizeof(*v4);
		return 0;
	}
	if (at[1] == FAMILY_BSD_INET6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, at + 8, 16);
		v6->sin6_scope_id = get_u32le(at + 24);
		*len = sizeof(*v6);
		return 0;
	}
	return err_set(err, ERR_PROTOCOL, "usbmuxd names an address of unknown family %u for %s",
		       at[1], device->udid);
}

static int network_connect(const struct job_device *device, uint16_t port, struct err *err)
{
	CLEANUP(close_p) int fd = -1;
	struct sockaddr_storage address;
	socklen_t len = 0, number_len = sizeof(int);
	int number = 0, one = 1, r;

	r = network_address(device, port, &address, &len, err);
	if (r < 0)
		return r;
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "make a socket");
	/* a device that leaves the network says nothing: let the kernel ask now and then */
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&address, len) < 0 && errno != EINPROGRESS)
		return err_set_errno(err, errno, "connect to %s over the network", device->udid);

	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	r = poll(&wait, 1, CONNECT_WAIT_MS);
	if (r == 0)
		return err_set(err, ERR_TIMEOUT, "%s does not answer on the network", device->udid);
	if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &number_len) < 0)
		return err_set_errno(err, errno, "connect to %s over the network", device->udid);
	if (number)
		return err_set_errno(err, number, "connect to %s over the network", device->udid);
	r = fd;
	fd = -1;
	return r;
}

int mux_connect(const struct job_env *env, const struct job_device *device, uint16_t port,
		struct conn **out, struct err *err)
{
	struct conn *conn = NULL;
	int fd, r;

	r = cancel_check(env->cancel, err);
	if (r < 0)
		return r;
	if (device->is_network) {
		fd = network_connect(device, port, err);
		if (fd < 0)
			return fd;
	} else {
		fd = usbmuxd_connect(device->mux_handle, port);
		if (fd < 0)
			return err_set(err, ERR_DEVICE, "%s refuses a connection to port %u: %s",
				       device->udid, port,
				       fd == -ENODEV ? "it is gone" : strerror(-fd));
	}
	r = conn_new(&conn, fd, env->clock, env->cancel, err);
	if (r < 0)
		return r;
	conn_set_deadline(conn, JOB_ANSWER_WAIT_MS);
	*out = conn;
	return 0;
}

int mux_pair_record_read(const char *udid, struct buf *out, struct err *err)
{
	char *bytes = NULL;
	uint32_t len = 0;
	int r;

	if (usbmuxd_read_pair_record(udid, &bytes, &len) < 0 || !bytes)
		return JOB_ABSENT;
	if (len > JOB_PAIR_RECORD_MAX)
		r = err_set(err, ERR_LIMIT, "pair record of %s: %u bytes, limit %d", udid, len,
			    JOB_PAIR_RECORD_MAX);
	else
		r = buf_append(out, bytes, len, err);
	explicit_bzero(bytes, len);
	free(bytes);
	return r;
}

int mux_pair_record_save(const struct job_device *device, struct slice record, struct err *err)
{
	if (usbmuxd_save_pair_record_with_device_id(device->udid, device->mux_handle,
						    (const char *)record.bytes,
						    (uint32_t)record.len) < 0)
		return err_set(
			err, ERR_IO,
			"usbmuxd does not keep the pair record of %s (may it write its folder?)",
			device->udid);
	return 0;
}

int mux_pair_record_remove(const char *udid, struct err *err)
{
	int r = usbmuxd_delete_pair_record(udid);

	if (r < 0 && r != -ENOENT)
		return err_set(err, ERR_IO, "usbmuxd does not remove the pair record of %s", udid);
	return 0;
}

int mux_buid(char out[64], struct err *err)
{
	char *buid = NULL;

	if (usbmuxd_read_buid(&buid) < 0 || !buid)
		return no_mux(err);
	text_copy(out, 64, buid);
	free(buid);
	return 0;
}
