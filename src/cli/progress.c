/*
 * progress - what a long run says of itself
 *
 * A job reports with every buffer that it takes in; people read ten times a second at most
 * and log files every few seconds.  The rate limit sits here, so that no job counts time.
 */
#include "cli/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	TERMINAL_EVERY_MS = 100,
	LINE_EVERY_MS = 10000,
	SAMPLE_MS = 1000,
};

static double percent_of(const struct progress_state *state)
{
	if (state->bytes_total)
		return 100.0 * (double)state->bytes / (double)state->bytes_total;
	return state->device_percent;
}

int64_t cli_progress_left(const struct progress_state *state, double rate, int64_t elapsed_ms)
{
	if (state->bytes_total > state->bytes && rate > 1)
		return (int64_t)((double)(state->bytes_total - state->bytes) / rate);
	/* the device's percentage jumps: with little of it behind us it predicts nothing */
	if (!state->bytes_total && state->device_percent >= 5 && state->device_percent < 100)
		return (int64_t)((double)elapsed_ms / 1000 * (100 - state->device_percent) /
				 state->device_percent);
	return -1;
}

void cli_progress_format(char *out, size_t len, const struct progress_state *state, double rate,
			 int64_t left_seconds)
{
	char size[16], phase[160];
	double percent = percent_of(state);
	size_t at;

	at = (size_t)snprintf(out, len, "%s",
			      cli_clean(state->phase ? state->phase : "", phase, sizeof(phase)));
	if (state->bytes && at < len)
		at += (size_t)snprintf(out + at, len - at, "  %s", size_format(state->bytes, size));
	if (state->files && at < len)
		at += (size_t)snprintf(out + at, len - at, "  %llu file%s",
				       (unsigned long long)state->files,
				       state->files == 1 ? "" : "s");
	if (percent > 0 && at < len)
		at += (size_t)snprintf(out + at, len - at, "  %.0f%%",
				       percent > 100 ? 100 : percent);
	if (rate >= 1 && at < len)
		at += (size_t)snprintf(out + at, len - at, "  %s/s",
				       size_format((uint64_t)rate, size));
	if (left_seconds >= 0 && at < len)
		snprintf(out + at, len - at, "  %lld:%02lld left", (long long)left_seconds / 60,
			 (long long)left_seconds % 60);
}

static void sample(struct cli_progress *self, const struct progress_state *state, int64_t now)
{
	double rate;

	if (state->bytes < self->sample_bytes) { /* another count: the old rate is not its own */
		self->rate = 0;
		self->sample_ms = now;
		self->sample_bytes = state->bytes;
	}
	if (now - self->sample_ms < SAMPLE_MS)
		return;
	rate = (double)(state->bytes - self->sample_bytes) * 1000 / (double)(now - self->sample_ms);
	self->rate = self->rate > 0 ? 0.7 * self->rate + 0.3 * rate : rate;
	self->sample_ms = now;
	self->sample_bytes = state->bytes;
}

static void on_report(struct progress *progress, const struct progress_state *state)
{
	struct cli_progress *self = (struct cli_progress *)progress;
	int64_t now = clock_mono_ms(self->clock);
	bool is_new = strncmp(state->phase ? state->phase : "", self->phase,
			      sizeof(self->phase) - 1) != 0;
	char line[240];

	/* hundreds of small batches change the phase to and fro: even a new one waits its short
	 * turn */
	if (self->is_quiet || now < self->printed_ms + TERMINAL_EVERY_MS ||
	    (!is_new && now < self->next_ms))
		return;
	if (is_new)
		snprintf(self->phase, sizeof(self->phase), "%s", state->phase ? state->phase : "");
	self->printed_ms = now;
	sample(self, state, now);
	cli_progress_format(line, sizeof(line), state, self->rate,
			    cli_progress_left(state, self->rate, now - self->began_ms));
	if (self->is_terminal) {
		fprintf(self->out, "\r\033[K%s", line);
		fflush(self->out);
		self->has_line = true;
		self->next_ms = now;
	} else {
		fprintf(self->out, "%s\n", line);
		self->next_ms = now + LINE_EVERY_MS;
	}
}

static void on_note(struct progress *progress, const char *text)
{
	struct cli_progress *self = (struct cli_progress *)progress;
	char line[ERR_TEXT_MAX];

	if (self->is_quiet)
		return;
	cli_progress_end(self);
	fprintf(self->out, "%s\n", cli_clean(text, line, sizeof(line)));
}

void cli_progress_init(struct cli_progress *progress, struct clock *clock, FILE *out, bool is_quiet)
{
	*progress = (struct cli_progress){
		.progress = {.report = on_report, .note = on_note},
		.clock = clock,
		.out = out,
		.is_quiet = is_quiet,
		.is_terminal = fileno(out) >= 0 && isatty(fileno(out)),
	};
	progress->began_ms = progress->sample_ms = clock_mono_ms(clock);
}

void cli_progress_end(struct cli_progress *progress)
{
	if (progress->has_line) {
		fprintf(progress->out, "\r\033[K");
		fflush(progress->out);
	}
	progress->has_line = false;
}
