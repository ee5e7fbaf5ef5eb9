/*
 * client_online - devices that are on: they listen for pushes and speak with their service
 *
 * One thread looks at each device in turn, a few times a second.  A device calls its service when a
 * push with its magic arrives, when its token changed, when it said NotNow and has been unlocked
 * since, and again, after a growing while, when that failed.
 */
#include "sim/client_online.h"

#include "sim/apns.h"
#include "sim/client.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 200, WAIT_FIRST_MS = 1000, WAIT_MAX_MS = 60000 };

/** struct listener - one device */
struct listener {
	struct sim_client client;
	char token[2 * SIM_TOKEN_LEN + 1]; /* that it listens with */
	bool is_due, waits_for_unlock;
	int64_t wait_ms, not_before_ms; /* after a failure */
};

struct sim_online {
	struct sim_world *world;
	const char *apple;
	struct listener *listeners;
	size_t count;
	pthread_t thread;
	bool is_running;
	_Atomic bool is_ending;
};

/* ---- pushes ---- */

static bool has_magic(struct slice body, const char *magic)
{
	json_t *root = json_loadb((const char *)body.bytes, body.len, 0, NULL);
	const char *said = json_string_value(json_object_get(root, "mdm"));
	bool fits = said && !strcmp(said, magic);

	json_decref(root);
	return fits;
}

static void look_for_push(const struct sim_online *online, struct listener *listener,
			  const struct sim_relation *relation)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(APNS_BODY_MAX);
	struct sim_device *device = listener->client.device;
	uint8_t token[SIM_TOKEN_LEN];
	char hex[2 * SIM_TOKEN_LEN + 1], topic[APNS_TOPIC_MAX];

	sim_push_token(device, token);
	hex_encode(token, sizeof(token), hex);
	if (strcmp(hex, listener->token) != 0 &&
	    apns_folder_listen(online->apple, hex, listener->token, NULL) == 0)
		memcpy(listener->token, hex, sizeof(hex));
	if (apns_folder_take(online->apple, hex, clock_wall_seconds(online->world->clock), topic,
			     &body, NULL) < 0)
		return;
	if (strcmp(topic, relation->topic) != 0 || !has_magic(buf_slice(&body), relation->magic)) {
		fprintf(online->world->err, "push rejected device=%s\n",
			sim_device_identity(device)->udid);
		return;
	}
	listener->is_due = true;
	listener->not_before_ms = 0;
}

/* ---- calls ---- */

static void put_off(struct listener *listener, int64_t now_ms)
{
	listener->wait_ms = listener->wait_ms ? 2 * listener->wait_ms : WAIT_FIRST_MS;
	if (listener->wait_ms > WAIT_MAX_MS)
		listener->wait_ms = WAIT_MAX_MS;
	listener->not_before_ms = now_ms + listener->wait_ms;
}

static void call(const struct sim_online *online, struct listener *listener, int64_t now_ms)
{
	struct sim_session session;
	struct err err = ERR_INIT;
	int r = sim_client_poll(&listener->client, &session, &err);

	if (r < 0)
		fprintf(online->world->err, "session failed device=%s: %s\n",
			sim_device_identity(listener->client.device)->udid, err.text);
	if (r < 0 ||
	    (r == 0 && session.status / 100 != 2 && !session.was_let_go && !session.was_erased)) {
		put_off(listener, now_ms);
		return;
	}
	listener->wait_ms = 0;
	listener->is_due = false;
	/* only a NotNow that was the last word makes a device ask again by itself */
	listener->waits_for_unlock = session.ended_not_now;
}

static void look(const struct sim_online *online, struct listener *listener)
{
	CLEANUP(sim_relation_clear) struct sim_relation relation;
	int64_t now_ms = clock_mono_ms(online->world->clock);
	struct sim_state state;

	sim_relation_init(&relation);
	if (sim_relation_load(listener->client.device, &relation, NULL) != 0)
		return;
	look_for_push(online, listener, &relation);
	listener->is_due |= sim_token_is_due(listener->client.device, &relation);
	if (listener->waits_for_unlock &&
	    sim_device_state(listener->client.device, &state, NULL) == 0 && !state.is_locked)
		listener->is_due = true;
	if (listener->is_due && now_ms >= listener->not_before_ms)
		call(online, listener, now_ms);
}

static void *run(void *arg)
{
	struct sim_online *online = arg;
	struct pollfd wait = {.fd = online->world->cancel->wake_fd, .events = POLLIN};

	while (!online->is_ending && cancel_check(online->world->cancel, NULL) == 0) {
		for (size_t i = 0; i < online->count; i++)
			look(online, &online->listeners[i]);
		poll(&wait, 1, LOOK_MS);
	}
	crypto_thread_end();
	return NULL;
}

/* ---- from start to end ---- */

static int listener_open(struct listener *listener, struct sim_world *world, const char *folder,
			 int64_t now, struct err *err)
{
	struct sim_client *client = &listener->client;
	int r = sim_device_open(&client->device, folder, err);

	if (r < 0)
		return r;
	if (now >= 0)
		sim_device_set_now(client->device, now);
	client->clock = world->clock;
	return sim_line_new(&client->line, sim_device_now(client->device), world->cancel, err);
}

int sim_online_start(struct sim_online **out, struct sim_world *world, const char *apple,
		     char *const *folders, size_t count, int64_t now, struct err *err)
{
	struct sim_online *online = calloc(1, sizeof(*online));
	int r = apns_folder_make(apple, err);

	if (!online)
		return err_no_memory(err);
	online->world = world;
	online->apple = apple;
	online->listeners = calloc(count, sizeof(*online->listeners));
	if (!online->listeners)
		r = err_no_memory(err);
	for (; r == 0 && online->count < count; online->count++)
		r = listener_open(&online->listeners[online->count], world, folders[online->count],
				  now, err);
	if (r == 0 && pthread_create(&online->thread, NULL, run, online) != 0)
		r = err_no_memory(err);
	online->is_running = r == 0;
	if (r < 0)
		sim_online_stop(online);
	else
		*out = online;
	return r;
}

void sim_online_stop(struct sim_online *online)
{
	if (!online)
		return;
	online->is_ending = true;
	if (online->is_running)
		pthread_join(online->thread, NULL);
	for (size_t i = 0; i < online->count; i++) {
		sim_line_free_p(&online->listeners[i].client.line);
		sim_device_close(online->listeners[i].client.device);
	}
	free(online->listeners);
	free(online);
}
