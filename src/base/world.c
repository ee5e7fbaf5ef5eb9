/* world - clock, entropy, cancellation, secrets: what comes from outside without being a file */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t which)
{
	struct timespec now;

	clock_gettime(which, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t system_wall_ns(struct clock *clock)
{
	return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono_ns(struct clock *clock)
{
	return read_clock(CLOCK_MONOTONIC);
}

static void system_sleep_ms(struct clock *clock, int64_t ms)
{
	struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&wait, NULL);
}

struct clock *clock_system(void)
{
	static struct clock clock = {system_wall_ns, system_mono_ns, system_sleep_ms};

	return &clock;
}

static int64_t manual_wall_ns(struct clock *clock)
{
	return ((struct clock_manual *)clock)->wall_ns;
}

static int64_t manual_mono_ns(struct clock *clock)
{
	return ((struct clock_manual *)clock)->mono_ns;
}

static void manual_sleep_ms(struct clock *clock, int64_t ms)
{
	struct clock_manual *manual = (struct clock_manual *)clock;

	manual->wall_ns += ms * 1000000;
	manual->mono_ns += ms * 1000000;
}

void clock_manual_init(struct clock_manual *manual, int64_t wall_seconds)
{
	*manual = (struct clock_manual){
		.clock = {manual_wall_ns, manual_mono_ns, manual_sleep_ms},
		.wall_ns = wall_seconds * 1000000000,
	};
}

static int system_fill(struct entropy *entropy, void *bytes, size_t len, struct err *err)
{
	uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = getrandom(at, len > 256 ? 256 : len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(err, errno, "getrandom");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

struct entropy *entropy_system(void)
{
	static struct entropy entropy = {system_fill};

	return &entropy;
}

uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int seeded_fill(struct entropy *entropy, void *bytes, size_t len, struct err *err)
{
	struct entropy_seeded *seeded = (struct entropy_seeded *)entropy;
	uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(splitmix64(&seeded->state) >> 56);
	return 0;
}

void entropy_seeded_init(struct entropy_seeded *seeded, uint64_t seed)
{
	*seeded = (struct entropy_seeded){{seeded_fill}, seed};
}

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler sets it");

int cancel_check(const struct cancel *cancel, struct err *err)
{
	if (!cancel || !cancel->is_requested)
		return 0;
	return err_set(err, ERR_CANCELED, "stopped on request");
}

void secret_clear(struct secret *secret)
{
	explicit_bzero(secret->bytes, sizeof(secret->bytes));
	secret->len = 0;
}

int secret_set(struct secret *secret, struct slice slice, struct err *err)
{
	secret_clear(secret);
	if (slice.len > SECRET_LEN_MAX)
		return err_set(err, ERR_LIMIT, "a password of %zu bytes, the limit is %d",
			       slice.len, SECRET_LEN_MAX);
	if (slice.len > 0)
		memcpy(secret->bytes, slice.bytes, slice.len);
	secret->len = slice.len;
	return 0;
}

int secret_read_file(struct secret *secret, const char *path, struct err *err)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(secret_clear) struct secret read_in = SECRET_INIT;
	size_t len = 0;
	uint8_t *end;
	ssize_t n;

	if (fd < 0)
		return err_set_errno(err, errno, "file %s", path);
	while (len < SECRET_LEN_MAX &&
	       (n = read(fd, read_in.bytes + len, SECRET_LEN_MAX - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, errno, "file %s", path);
		len += (size_t)n;
	}
	end = memchr(read_in.bytes, '\n', len);
	if (!end && len == SECRET_LEN_MAX)
		return err_set(err, ERR_LIMIT,
			       "file %s: its first line does not end within %d bytes", path,
			       SECRET_LEN_MAX);
	if (end)
		len = (size_t)(end - read_in.bytes);
	if (len > 0 && read_in.bytes[len - 1] == '\r')
		len--;
	if (len == 0)
		return err_set(err, ERR_PASSWORD, "file %s: its first line is empty", path);
	return secret_set(secret, slice_of(read_in.bytes, len), err);
}
