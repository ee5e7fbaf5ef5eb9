/*
 * Many lives at random, seeded: whatever happens in whatever order, nobody is unenrolled without an
 * operator, no command crosses into another generation, an erase goes out once, and no command is
 * lost without a word in the history.
 */
#include "fleet/testing.h"

enum { DEVICES = 8, STEPS = 6000, COMMANDS = 4096 };

struct command {
	char uuid[FLEET_UUID_MAX + 1];
	int device;
	int64_t generation;
	bool is_erase, was_out;
};

struct life {
	char id[32];
	struct fleet_peer peer, other; /* other: of another life, or of nobody */
	char last[FLEET_UUID_MAX + 1];
	unsigned token;
	int64_t generation; /* as this test counts it */
	bool is_unenrolled;
};

struct lives {
	struct testing *t;
	uint64_t random;
	struct life lives[DEVICES];
	struct command commands[COMMANDS];
	size_t count;
};

static unsigned dice(struct lives *all, unsigned sides)
{
	return (unsigned)(splitmix64(&all->random) % sides);
}

static void enroll(struct lives *all, struct life *life)
{
	life->other = life->peer;
	life->peer = testing_new_identity(all->t, life->id);
	if (testing_authenticate(all->t, &life->peer, life->id) != 200)
		fail_msg("a fresh ticket did not enroll");
	life->generation++;
	life->is_unenrolled = false;
	life->last[0] = '\0';
	testing_token(all->t, &life->peer, life->id, "AAAA", "magic", "BBBB");
}

static void tell_token(struct lives *all, struct life *life, const struct fleet_peer *peer)
{
	char token[16];

	snprintf(token, sizeof(token), "%04u", life->token++ % 10000);
	testing_token(all->t, peer, life->id, token, "magic", NULL);
}

static void queue(struct lives *all, int device)
{
	static const char *const types[] = {"SecurityInfo", "ProfileList", "DeviceLock",
					    "EraseDevice"};
	struct life *life = &all->lives[device];
	const char *type = types[dice(all, ARRAY_COUNT(types))];

	if (all->count == COMMANDS || testing_enqueue(all->t, life->id, type) != 0)
		return;
	struct command *command = &all->commands[all->count++];
	*command = (struct command){.device = device, .generation = life->generation};
	memcpy(command->uuid, all->t->uuid, sizeof(command->uuid));
	command->is_erase = strcmp(type, "EraseDevice") == 0;
}

static void check_delivery(struct lives *all, int device)
{
	for (size_t i = 0; i < all->count; i++) {
		struct command *command = &all->commands[i];

		if (strcmp(command->uuid, all->t->uuid) != 0)
			continue;
		if (command->device != device ||
		    command->generation != all->lives[device].generation)
			fail_msg("a command of another life was delivered");
		if (command->is_erase && command->was_out)
			fail_msg("an erase was delivered twice");
		command->was_out = true;
	}
}

/* a device that answers NotNow has not done it: then it may go out again */
static void note_not_now(struct lives *all, const char *uuid)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->commands[i].uuid, uuid) == 0)
			all->commands[i].was_out = false;
}

static void report(struct lives *all, int device, const char *status)
{
	struct life *life = &all->lives[device];

	if (strcmp(status, "NotNow") == 0)
		note_not_now(all, life->last);
	testing_report(all->t, &life->peer, life->id, status,
		       strcmp(status, "Idle") != 0 ? life->last : NULL);
	check_delivery(all, device);
	memcpy(life->last, all->t->uuid, sizeof(life->last));
}

static void session(struct lives *all, int device)
{
	static const char *const answers[] = {"Acknowledged", "Acknowledged", "NotNow", "Error"};
	struct life *life = &all->lives[device];

	report(all, device, "Idle");
	for (unsigned n = dice(all, 6); n > 0 && life->last[0]; n--) /* or the connection breaks */
		report(all, device, answers[dice(all, ARRAY_COUNT(answers))]);
}

static void decide(struct lives *all, struct life *life)
{
	struct fleet_erase how = {0};
	unsigned what = dice(all, 6);

	if (what == 0)
		TESTING_DO(all->t, fleet_retire(all->t->fleet, life->id, "anna", &all->t->err));
	else if (what == 1)
		TESTING_DO(all->t, fleet_wipe(all->t->fleet, life->id, &how, "anna", &all->t->err));
	else if (what == 2)
		TESTING_DO(all->t,
			   fleet_restore_confirm(all->t->fleet, life->id, "anna", &all->t->err));
	else if (what == 3)
		life->is_unenrolled |=
			TESTING_DO(all->t, fleet_unenroll(all->t->fleet, life->id, "anna",
							  &all->t->err)) == 0;
}

static void step(struct lives *all)
{
	int device = (int)dice(all, DEVICES);
	struct life *life = &all->lives[device];

	all->t->answer.status = 200; /* not all steps are messages */
	switch (dice(all, 24)) {
	case 0:
		enroll(all, life);
		break;
	case 1:
		tell_token(all, life, &life->peer);
		break;
	case 2: /* an identity of an earlier life, or another device's */
		tell_token(all, life,
			   dice(all, 2) ? &life->other : &all->lives[(device + 1) % DEVICES].peer);
		if (all->t->answer.status != 400 && !life->is_unenrolled)
			fail_msg("an identity that is not its own was accepted");
		break;
	case 3:
		if (testing_checkin(all->t, &life->peer, life->id, "CheckOut", "") == 200)
			life->last[0] = '\0';
		break;
	case 4:
		decide(all, life);
		return;
	case 5:
		testing_checkin(all->t, &life->peer, life->id, "DeclarativeManagement",
				"<key>Endpoint</key><string>tokens</string>");
		break;
	case 6:
		testing_pass(all->t, 1 + dice(all, 7200));
		return;
	default:
		if (dice(all, 2))
			queue(all, device);
		else
			session(all, device);
		break;
	}
	int status = all->t->answer.status;
	if (status != 200 && status != 400 && !(status == 403 && life->is_unenrolled))
		fail_msg("status %d", status);
}

/* every command is in its queue, or its end stands in the history */
static void check_nothing_is_lost(struct lives *all)
{
	struct testing *t = all->t;
	struct store_history old;
	struct store_queue row;

	testing_begin(t);
	for (size_t i = 0; i < all->count; i++) {
		const struct command *command = &all->commands[i];
		int64_t no = testing_row_no(t, all->lives[command->device].id);

		if (store_queue_find(t->store, no, command->uuid, &row, &t->err) == 0)
			assert_int_equal(row.generation, command->generation);
		else if (store_history_find(t->store, no, command->uuid, &old, &t->err) != 0)
			fail_msg("command %zu is lost", i);
	}
	testing_end(t, 0);
}

static void lives_at_random_keep_the_promises(void **state)
{
	/* PostgreSQL takes five times as long, and is there for the statements more than for the
	 * lives */
	uint64_t seeds = *testing_server.url ? 1 : 4;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct lives *all = calloc(1, sizeof(*all));

		print_message("seed %d\n", (int)seed);
		all->t = testing_open();
		all->t->policy.grace_days = 0;
		testing_policy(all->t);
		all->random = seed;
		for (int i = 0; i < DEVICES; i++) {
			snprintf(all->lives[i].id, sizeof(all->lives[i].id),
				 "0000FE5A-00000000000000%02d", i);
			enroll(all, &all->lives[i]);
		}
		for (int i = 0; i < STEPS; i++) {
			step(all);
			/* the history keeps 200 of an enrollment: look before they are too many */
			if (all->count > 180 * DEVICES / 4) {
				check_nothing_is_lost(all);
				all->count = 0;
			}
		}
		check_nothing_is_lost(all);
		testing_close(all->t);
		free(all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_at_random_keep_the_promises),
	};

	return testing_both(tests, ARRAY_COUNT(tests), NULL);
}
