/* command_new_managed - the options of `rehome-sim new` that say how the device is managed */
#include "sim/command_new.h"

#include <string.h>

static int take_time(const char *text, int64_t *out, struct err *err)
{
	return time_parse_utc(text, out, err);
}

static int take_yes_no(const char *option, const char *text, bool *out, struct err *err)
{
	if (strcmp(text, "yes") && strcmp(text, "no"))
		return err_set(err, ERR_USAGE, "%s is yes or no", option);
	*out = text[0] == 'y';
	return 0;
}

static int take_server(struct sim_managed_wish *wish, const char *text, struct err *err)
{
	if (!*text || strlen(text) > 200)
		return err_set(err, ERR_USAGE, "--managed-by: a name or URL of at most 200 bytes");
	sim_server_url(text, wish->management.enrollment.server);
	return 0;
}

static int take_word(struct sim_managed_wish *wish, int option, const char *text, struct err *err)
{
	struct sim_enrollment *enrollment = &wish->management.enrollment;

	if (option == OPTION_ENROLLED && !sim_enrollment_parse(text, &enrollment->kind))
		return err_set(err, ERR_USAGE,
			       "--enrolled is ade, profile, adde, user or configurator");
	if (option == OPTION_IDENTITY && !sim_identity_parse(text, &enrollment->identity))
		return err_set(err, ERR_USAGE, "--identity is scep, pkcs12, acme or acme-hardware");
	return 0;
}

static int take_supervisor(struct sim_supervisor *supervisor, const char *path, struct err *err)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf der = BUF_INIT(SIM_SUPERVISOR_MAX);
	int r = fs_read_file(fs_system(), path, &text, err);

	if (r == 0)
		r = crypto_cert_der(buf_slice(&text), &der, err);
	if (r < 0)
		return err_wrap(err, r, "--supervisor %s", path);
	memcpy(supervisor->der, der.bytes, der.len);
	supervisor->len = der.len;
	return 0;
}

int sim_managed_take(struct sim_managed_wish *wish, int option, const char *text, struct err *err)
{
	struct sim_management *management = &wish->management;

	if (option == OPTION_SWITCH) {
		if (wish->switch_count == ARRAY_COUNT(wish->switches))
			return err_set(err, ERR_USAGE, "too many switches");
		wish->switches[wish->switch_count++] = text;
		return sim_switch_check(text, err);
	}
	wish->is_asked = true;
	switch (option) {
	case OPTION_MANAGED_BY:
		return take_server(wish, text, err);
	case OPTION_ENROLLED:
	case OPTION_IDENTITY:
		return take_word(wish, option, text, err);
	case OPTION_SUPERVISED:
		wish->has_supervised = true;
		return take_yes_no("--supervised", text ? text : "yes", &management->is_supervised,
				   err);
	case OPTION_SUPERVISOR:
		return take_supervisor(&management->supervisor, text, err);
	case OPTION_LOCKED:
		management->enrollment.is_locked = true;
		return 0;
	case OPTION_ADE_RECORD:
		wish->has_record = true;
		if (strcmp(text, "none") && strcmp(text, "mandatory"))
			return err_set(err, ERR_USAGE, "--ade-record is none or mandatory");
		management->has_ade_record = text[0] == 'm';
		return 0;
	case OPTION_SERVER_UID:
		management->server_uid = text;
		return 0;
	case OPTION_PROVISIONAL:
		return take_time(text, &management->provisional_until, err);
	case OPTION_ENROLLED_SINCE:
		return take_time(text, &management->enrollment.since, err);
	case OPTION_IDENTITY_UNTIL:
		return take_time(text, &management->enrollment.identity_until, err);
	default:
		management->app_not_backed_up = text;
		return strlen(text) > 200 ? err_set(err, ERR_USAGE, "--app-not-backed-up: too long")
					  : 0;
	}
}

/* a record and supervision follow from how the device was enrolled unless said otherwise */
void sim_managed_settle(struct sim_managed_wish *wish)
{
	struct sim_management *management = &wish->management;
	enum sim_kind_of_enrollment kind = management->enrollment.kind;

	if (!wish->has_record)
		management->has_ade_record = kind == SIM_ENROLLED_ADE;
	if (!wish->has_supervised)
		management->is_supervised = management->has_ade_record ||
					    kind == SIM_ENROLLED_CONFIGURATOR ||
					    management->supervisor.len > 0;
}
