/*
 * wire_server - the process: which devices are there, who listens, one thread a connection
 *
 * Threads are detached and counted; wire_free waits until the count is zero.  They end because
 * every wait in a conn looks at the world's cancel.  A device's folder is looked at several
 * times a second, since the person who holds the device acts through another process.
 */
#include "crypto/crypto.h"
#include "sim/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WATCH_MS = 100, DEVICES_MAX = 1024, ACCEPTORS_MAX = 8 };

struct wire {
	struct sim_world *world;
	struct wire_options options;
	struct wire_log *log;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t idle;
	struct wire_device *devices[DEVICES_MAX];
	size_t device_count;
	uint32_t last_id;
	unsigned last_connection, threads;
	struct wire_inbox *listeners;
};

/* ---- what others ask ---- */

const struct wire_options *wire_options(const struct wire *wire)
{
	return &wire->options;
}

struct clock *wire_clock(const struct wire *wire)
{
	return wire->world->clock;
}

const struct cancel *wire_cancel(const struct wire *wire)
{
	return wire->world->cancel;
}

struct wire_log *wire_log_of(const struct wire *wire)
{
	return wire->log;
}

struct wire_device *wire_device_at(struct wire *wire, size_t index)
{
	struct wire_device *device;

	pthread_mutex_lock(&wire->mutex);
	device = index < wire->device_count ? wire->devices[index] : NULL;
	pthread_mutex_unlock(&wire->mutex);
	return device;
}

struct wire_device *wire_device_find(struct wire *wire, uint32_t id)
{
	struct wire_device *device = NULL;

	pthread_mutex_lock(&wire->mutex);
	for (size_t i = 0; i < wire->device_count && !device; i++)
		if (wire->devices[i]->is_attached && wire->devices[i]->id == id)
			device = wire->devices[i];
	pthread_mutex_unlock(&wire->mutex);
	return device;
}

uint32_t wire_device_id(struct wire_device *device)
{
	uint32_t id;

	pthread_mutex_lock(&device->wire->mutex);
	id = device->is_attached ? device->id : 0;
	pthread_mutex_unlock(&device->wire->mutex);
	return id;
}

void wire_uuid(struct wire_device *device, const char *purpose, uint64_t counter, char out[37])
{
	uint8_t uuid[16];

	sim_device_derive(device->device, purpose, counter, uuid, sizeof(uuid));
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	uuid_format(uuid, out);
}

bool wire_os_is_at_least(const struct wire_device *device, int major, int minor)
{
	int have_major = 0, have_minor = 0;

	sscanf(sim_device_identity(device->device)->product_version, "%d.%d", &have_major,
	       &have_minor);
	return have_major > major || (have_major == major && have_minor >= minor);
}

/* ---- listeners ---- */

static void tell(struct wire *wire, enum wire_event event, uint32_t id)
{
	const struct wire_item item = {.event = event, .number = id};

	for (struct wire_inbox *inbox = wire->listeners; inbox; inbox = inbox->next)
		wire_inbox_put(inbox, &item);
}

void wire_broadcast(struct wire *wire, enum wire_event event, uint32_t id)
{
	pthread_mutex_lock(&wire->mutex);
	tell(wire, event, id);
	pthread_mutex_unlock(&wire->mutex);
}

void wire_listener_add(struct wire *wire, struct wire_inbox *inbox)
{
	pthread_mutex_lock(&wire->mutex);
	inbox->next = wire->listeners;
	wire->listeners = inbox;
	for (size_t i = 0; i < wire->device_count; i++)
		if (wire->devices[i]->is_attached)
			wire_inbox_put(inbox, &(struct wire_item){.event = WIRE_ATTACHED,
								  .number = wire->devices[i]->id});
	pthread_mutex_unlock(&wire->mutex);
}

void wire_listener_remove(struct wire *wire, struct wire_inbox *inbox)
{
	struct wire_inbox **at;

	pthread_mutex_lock(&wire->mutex);
	for (at = &wire->listeners; *at; at = &(*at)->next) {
		if (*at == inbox) {
			*at = inbox->next;
			break;
		}
	}
	pthread_mutex_unlock(&wire->mutex);
}

/* ---- devices ---- */

static void attach(struct wire_device *device)
{
	pthread_mutex_lock(&device->wire->mutex);
	device->id = ++device->wire->last_id;
	device->is_attached = true;
	tell(device->wire, WIRE_ATTACHED, device->id);
	pthread_mutex_unlock(&device->wire->mutex);
}

/* the cable is pulled: listeners hear of it, and what runs breaks off in the middle */
static void detach(struct wire_device *device)
{
	pthread_mutex_lock(&device->wire->mutex);
	device->is_attached = false;
	tell(device->wire, WIRE_DETACHED, device->id);
	pthread_mutex_unlock(&device->wire->mutex);
	pthread_mutex_lock(&device->mutex);
	for (struct wire_peer *peer = device->peers; peer; peer = peer->next)
		shutdown(conn_fd(peer->conn), SHUT_RDWR);
	pthread_mutex_unlock(&device->mutex);
}

void wire_device_reboot(struct wire_device *device)
{
	pthread_mutex_lock(&device->wire->mutex);
	if (device->is_attached) {
		tell(device->wire, WIRE_DETACHED, device->id);
		tell(device->wire, WIRE_ATTACHED, device->id);
	}
	pthread_mutex_unlock(&device->wire->mutex);
}

static void fault_fired(void *arg, const char *text)
{
	const struct wire_device *device = arg;

	wire_log_text(wire_log_of(device->wire), device->udid, "fault", text);
}

/* identity as seen by hosts: the device's own, unless a fault claims another */
static void claim(struct wire_device *device)
{
	const struct sim_identity *identity = sim_device_identity(device->device);

	snprintf(device->udid, sizeof(device->udid), "%s", identity->udid);
	snprintf(device->serial, sizeof(device->serial), "%s", identity->serial);
	for (size_t i = 0; i < device->faults->count; i++) {
		const struct sim_fault *fault = &device->faults->list[i];

		if (fault->kind != SIM_FAULT_CLAIM ||
		    !sim_faults_take(device->faults, fault, "%s claims to be %s", device->folder,
				     fault->text))
			continue;
		if (fault->number == SIM_CLAIM_UDID)
			snprintf(device->udid, sizeof(device->udid), "%.40s", fault->text);
		else
			snprintf(device->serial, sizeof(device->serial), "%.23s", fault->text);
	}
}

static void device_free(struct wire_device *device)
{
	sim_device_close(device->device);
	buf_wipe(&device->other_key);
	buf_clear(&device->other_cert);
	pthread_mutex_destroy(&device->mutex);
	free(device);
}

int wire_add_device(struct wire *wire, struct sim_device *device, const char *folder,
		    struct err *err)
{
	struct wire_device *added = calloc(1, sizeof(*added));
	int r;

	if (!added) {
		sim_device_close(device);
		return err_no_memory(err);
	}
	added->wire = wire;
	added->device = device;
	added->folder = folder;
	added->other_key = BUF_INIT(64 << 10);
	added->other_cert = BUF_INIT(64 << 10);
	pthread_mutex_init(&added->mutex, NULL);
	added->faults = sim_device_faults(device);
	added->faults->fired = fault_fired;
	added->faults->arg = added;
	sim_faults_settle(added->faults, device);
	claim(added);
	r = sim_device_state(device, &added->seen, err);
	if (r == 0 && wire->device_count == DEVICES_MAX)
		r = err_set(err, ERR_LIMIT, "more than %d devices in one process", DEVICES_MAX);
	if (r < 0) {
		device_free(added);
		return r;
	}
	pthread_mutex_lock(&wire->mutex);
	wire->devices[wire->device_count++] = added;
	pthread_mutex_unlock(&wire->mutex);
	if (!added->seen.is_unplugged)
		attach(added);
	return 0;
}

/* ---- the person acts through the folder ---- */

static void watch(struct wire_device *device)
{
	struct err ignored =
		ERR_INIT; /* a folder that cannot be read now is looked at again soon */
	struct sim_state state;

	if (sim_device_state(device->device, &state, &ignored) < 0)
		return;
	if (state.is_unplugged && !device->seen.is_unplugged)
		detach(device);
	else if (!state.is_unplugged && device->seen.is_unplugged)
		attach(device);
	if (state.cancels != device->seen.cancels)
		wire_notify(device, "com.apple.itunes-client.syncCancelRequest");
	if (state.trust_answer == 1 && device->seen.trust_answer != 1)
		wire_notify(device, "com.apple.mobile.lockdown.request_pair");
	device->seen = state;
}

void wire_watch(struct wire *wire)
{
	struct wire_device *device;

	for (size_t i = 0; (device = wire_device_at(wire, i)); i++)
		watch(device);
}

/* ---- threads ---- */

/* failures of one connection go to --log and end it alone; hosts that hang up are the rule */
static void tell_end(struct wire_peer *peer, int r, const struct err *err)
{
	if (r >= 0 || r == ERR_CLOSED || r == ERR_CANCELED) {
		wire_log_text(peer->wire->log, peer->device ? peer->device->udid : NULL, "closed",
			      peer->service);
		return;
	}
	wire_log_text(peer->wire->log, peer->device ? peer->device->udid : NULL, "failed",
		      err->text);
}

static void thread_done(struct wire *wire)
{
	pthread_mutex_lock(&wire->mutex);
	wire->threads--;
	pthread_cond_broadcast(&wire->idle);
	pthread_mutex_unlock(&wire->mutex);
}

static void *speak(void *arg)
{
	struct wire_peer *peer = arg;
	struct wire *wire = peer->wire;
	struct err err = ERR_INIT;
	int r = wire_speak_mux(peer, &err);

	tell_end(peer, r, &err);
	wire_peer_free(peer);
	crypto_thread_end();
	thread_done(wire);
	return NULL;
}

int wire_serve(struct wire *wire, int fd, struct err *err)
{
	struct wire_peer *peer;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	r = wire_peer_new(&peer, wire, fd, err);
	if (r < 0)
		return r;
	pthread_mutex_lock(&wire->mutex);
	wire->threads++;
	peer->number = ++wire->last_connection;
	pthread_mutex_unlock(&wire->mutex);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attr, speak, peer);
	pthread_attr_destroy(&attr);
	if (r != 0) {
		wire_peer_free(peer);
		thread_done(wire);
		return err_set_errno(err, r, "start a thread");
	}
	return 0;
}

int wire_run(struct wire *wire, const int *listeners, size_t count, struct err *err)
{
	const struct cancel *cancel = wire->world->cancel;
	struct pollfd fds[ACCEPTORS_MAX + 1];
	int64_t next_look_ms = 0;
	int r;

	if (count > ACCEPTORS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d listeners", ACCEPTORS_MAX);
	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
	fds[count] = (struct pollfd){.fd = cancel ? cancel->wake_fd : -1, .events = POLLIN};
	for (;;) {
		if (cancel && cancel->is_requested)
			return 0;
		r = poll(fds, count + 1, WATCH_MS);
		if (r < 0 && errno != EINTR)
			return err_set_errno(err, errno, "poll");
		if (clock_mono_ms(wire->world->clock) >= next_look_ms) {
			wire_watch(wire);
			next_look_ms = clock_mono_ms(wire->world->clock) + WATCH_MS;
		}
		for (size_t i = 0; r > 0 && i < count; i++) {
			int fd;

			if (!(fds[i].revents & POLLIN))
				continue;
			r = net_accept(listeners[i], cancel, &fd, err);
			if (r == 0)
				r = wire_serve(wire, fd, err);
			if (r < 0 && r != ERR_CANCELED)
				return r;
			r = 1;
		}
	}
}

/* ---- life ---- */

int wire_new(struct wire **out, struct sim_world *world, const struct wire_options *options,
	     struct err *err)
{
	struct wire *wire = calloc(1, sizeof(*wire));
	int r;

	if (!wire)
		return err_no_memory(err);
	wire->world = world;
	wire->options = *options;
	r = wire_log_new(&wire->log, options->log_path, world->clock, err);
	if (r < 0) {
		free(wire);
		return r;
	}
	pthread_mutex_init(&wire->mutex, NULL);
	pthread_cond_init(&wire->idle, NULL);
	*out = wire;
	return 0;
}

bool wire_settle(struct wire *wire, int64_t limit_ms)
{
	struct timespec until;
	bool is_idle;

	clock_gettime(CLOCK_REALTIME, &until); /* of the condition, not of any device: real time */
	until.tv_sec += limit_ms / 1000 + 1;
	pthread_mutex_lock(&wire->mutex);
	while (wire->threads > 0 && pthread_cond_timedwait(&wire->idle, &wire->mutex, &until) == 0)
		;
	is_idle = wire->threads == 0;
	pthread_mutex_unlock(&wire->mutex);
	return is_idle;
}

void wire_free(struct wire *wire)
{
	if (!wire)
		return;
	pthread_mutex_lock(&wire->mutex);
	while (wire->threads > 0)
		pthread_cond_wait(&wire->idle, &wire->mutex);
	pthread_mutex_unlock(&wire->mutex);
	for (size_t i = 0; i < wire->device_count; i++)
		device_free(wire->devices[i]);
	wire_log_free(wire->log);
	pthread_mutex_destroy(&wire->mutex);
	pthread_cond_destroy(&wire->idle);
	free(wire);
}

void wire_free_p(struct wire **wire)
{
	wire_free(*wire);
}
