/*
 * exchange_wait - while the device is silent: who waits for what, and for how long
 *
 * A device says nothing while it prepares, while it asks for its passcode, and when it has
 * fallen asleep.  The person who holds it is told what it may be waiting for, can cancel here
 * or there, and is not left waiting for ever.
 */
#include "job/internal.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	QUIET_HINT_MS = 2000,
	/* for the rest of a message, and for a device that is slow to take bytes */
	BUSY_WAIT_MS = 2 * 60 * 1000,
};

void exchange_phase(struct exchange *exchange, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(exchange->phase, sizeof(exchange->phase), format, arguments);
	va_end(arguments);
	exchange->state.phase = exchange->phase;
	progress_report(exchange->env->progress, &exchange->state);
}

const char *exchange_device_name(const struct exchange *exchange)
{
	return exchange->device_name && *exchange->device_name ? exchange->device_name
							       : "the device";
}

int exchange_pulse(struct exchange *exchange, struct err *err)
{
	int64_t now = clock_mono_ms(exchange->env->clock);
	int r;

	if (now < exchange->next_pulse_ms)
		return 0;
	exchange->next_pulse_ms = now + JOB_PULSE_MS;
	r = cancel_check(exchange->env->cancel, err);
	if (r < 0)
		return r;
	for (int i = 0; i < 16; i++) { /* a proxy that never falls silent does not stop the run */
		switch (notify_poll(exchange->notify)) {
		case NOTIFY_CANCEL:
			return err_set(err, ERR_CANCELED, "canceled on %s",
				       exchange_device_name(exchange));
		case NOTIFY_PASSCODE_SHOWN:
			exchange->is_asking_passcode = true;
			progress_note(exchange->env->progress,
				      "%s asks for its passcode: enter it there",
				      exchange_device_name(exchange));
			exchange_phase(exchange, "waiting for the passcode on %s",
				       exchange_device_name(exchange));
			continue;
		case NOTIFY_PASSCODE_GONE:
			exchange->is_asking_passcode = false;
			exchange_phase(exchange, "waiting for %s to prepare",
				       exchange_device_name(exchange));
			continue;
		case NOTIFY_OTHER:
			continue;
		case NOTIFY_NONE:
			break;
		}
		break;
	}
	progress_report(exchange->env->progress, &exchange->state);
	return 0;
}

static int quiet_timeout(struct exchange *exchange, struct err *err)
{
	if (exchange->is_asking_passcode)
		return err_set(err, ERR_TIMEOUT, "nobody entered the passcode on %s",
			       exchange_device_name(exchange));
	return err_set(err, ERR_TIMEOUT,
		       "%s said nothing for %d minutes: is it asleep or out of reach?",
		       exchange_device_name(exchange), JOB_PASSCODE_WAIT_MS / 60000);
}

/* quiet_look - the device has been silent for a pulse: look about, tell the person, mind the limit
 */
static int quiet_look(struct exchange *exchange, struct err *err)
{
	int64_t now = clock_mono_ms(exchange->env->clock), quiet;
	int r;

	if (!exchange->quiet_since_ms)
		exchange->quiet_since_ms = now - JOB_PULSE_MS;
	quiet = now - exchange->quiet_since_ms;
	r = exchange_pulse(exchange, err);
	if (r < 0)
		return r;
	if (exchange->failure.code && quiet > JOB_ANSWER_WAIT_MS)
		return err_set(err, exchange->failure.code, "%s", exchange->failure.text);
	if (quiet > JOB_PASSCODE_WAIT_MS)
		return quiet_timeout(exchange, err);
	/* not every version says that it shows the prompt */
	if (!exchange->has_begun && !exchange->is_asking_passcode && quiet >= QUIET_HINT_MS)
		exchange_phase(exchange,
			       "waiting for %s (unlock it; enter the passcode if it asks)",
			       exchange_device_name(exchange));
	return 0;
}

int exchange_hung_up(const struct exchange *exchange, int r, struct err *err)
{
	if (r != ERR_CLOSED)
		return r;
	return err_set(err, r, "%s hung up: was it unplugged, did it fall asleep or restart?",
		       exchange_device_name(exchange));
}

int exchange_fill(struct exchange *exchange, size_t want, struct err *err)
{
	struct conn *conn = exchange->wire.conn;
	int r;

	conn_set_deadline(conn, JOB_PULSE_MS);
	for (;;) {
		r = want ? conn_fill(conn, want, err) : conn_fill_more(conn, err);
		if (r != ERR_TIMEOUT)
			break;
		if (err)
			*err = ERR_INIT;
		r = quiet_look(exchange, err);
		if (r < 0)
			return r;
	}
	exchange->quiet_since_ms = 0;
	conn_set_deadline(conn, BUSY_WAIT_MS);
	return r < 0 ? exchange_hung_up(exchange, r, err) : exchange_pulse(exchange, err);
}
