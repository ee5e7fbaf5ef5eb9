/* devices - which device a person means, and what it says of itself */
#include "job/internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { UDID_PREFIX_MIN = 4 };

/* without_dash - a UDID as its digits alone, so that both spellings compare equal */
static void without_dash(const char *udid, char out[JOB_UDID_MAX])
{
	size_t at = 0;

	for (; *udid && at < JOB_UDID_MAX - 1; udid++)
		if (*udid != '-')
			out[at++] = *udid;
	out[at] = 0;
}

static size_t fit_by_udid(const struct job_device *list, size_t count, const char *wanted,
			  size_t *found)
{
	char ours[JOB_UDID_MAX], theirs[JOB_UDID_MAX];
	size_t fits = 0;

	without_dash(wanted, ours);
	if (strlen(ours) < UDID_PREFIX_MIN)
		return 0;
	for (size_t i = 0; i < count; i++) {
		without_dash(list[i].udid, theirs);
		if (!strncasecmp(theirs, ours, strlen(ours))) {
			*found = i;
			fits++;
		}
	}
	return fits;
}

/* is_called - is @wanted its name, or its serial number as it is printed on it? */
static bool is_called(const struct job_env *env, const struct job_device *device,
		      const char *wanted)
{
	CLEANUP(lockdown_close) struct lockdown lockdown;
	struct err ignored = ERR_INIT; /* one device in trouble does not hide another */
	char text[JOB_TEXT_MAX];

	lockdown_init(&lockdown);
	if (lockdown_open(&lockdown, env, device, &ignored) < 0)
		return false;
	if (lockdown_get_text(&lockdown, "DeviceName", text, sizeof(text), &ignored) == 0 &&
	    !strcmp(text, wanted))
		return true;
	return lockdown_get_text(&lockdown, "SerialNumber", text, sizeof(text), &ignored) == 0 &&
	       !strcasecmp(text, wanted);
}

static size_t fit_by_name(const struct job_env *env, const struct job_device *list, size_t count,
			  const char *wanted, size_t *found)
{
	size_t fits = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_called(env, &list[i], wanted))
			continue;
		*found = i;
		fits++;
	}
	return fits;
}

int job_device_find(const struct job_env *env, const char *wanted, struct job_device *out,
		    struct err *err)
{
	CLEANUP(free_p) struct job_device *list = NULL;
	size_t count = 0, found = 0, fits;
	int r;

	r = job_devices(&list, &count, err);
	if (r < 0)
		return r;
	fits = fit_by_udid(list, count, wanted, &found);
	if (!fits)
		fits = fit_by_name(env, list, count, wanted, &found);
	if (fits > 1)
		return err_set(err, ERR_USAGE, "\"%.80s\" fits %zu devices: give more of the UDID",
			       wanted, fits);
	if (!fits)
		return err_set(
			err, ERR_NOT_FOUND,
			"no device \"%.80s\" among the %zu attached: `rehome devices` lists them",
			wanted, count);
	*out = list[found];
	return 0;
}

int job_device_facts(const struct job_env *env, const struct job_device *device,
		     struct job_facts *facts, struct err *err)
{
	CLEANUP(lockdown_close) struct lockdown lockdown;
	int r;

	*facts = (struct job_facts){0};
	text_copy(facts->udid, sizeof(facts->udid), device->udid);
	lockdown_init(&lockdown);
	r = lockdown_open(&lockdown, env, device, err);
	if (r < 0)
		return r;
	r = lockdown_session(&lockdown, err);
	if (r == LOCKDOWN_UNKNOWN_HOST)
		facts->pairing = JOB_PAIRING_REJECTED;
	if (r < 0)
		return r;
	r = lockdown_facts(&lockdown, facts, err);
	if (r == 0 && lockdown.has_session)
		r = managed_facts(&lockdown, facts, err);
	return r;
}
