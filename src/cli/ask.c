/* ask - what only the person at the terminal can tell */
#include "cli/internal.h"

#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { TRIES = 3 };

static bool is_terminal(FILE *file)
{
	return fileno(file) >= 0 && isatty(fileno(file));
}

/* line_read - one line without its end; false at the end of input */
static bool line_read(FILE *in, char *line, size_t len)
{
	size_t n;

	if (!fgets(line, (int)len, in))
		return false;
	n = strlen(line);
	if (n && line[n - 1] == '\n')
		line[--n] = 0;
	return true;
}

/* secret_line - one line with the echo switched off, whatever happens switched on again */
static int secret_line(struct cli *cli, const char *prompt, char line[SECRET_LEN_MAX + 2],
		       struct err *err)
{
	FILE *in = cli->world->in, *out = cli->world->err;
	struct termios before, silent;
	bool has_read;

	if (tcgetattr(fileno(in), &before) < 0)
		return err_set(err, ERR_IO, "this terminal cannot hide what is typed");
	silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	cli_progress_end(&cli->progress);
	fprintf(out, "%s: ", prompt);
	fflush(out);
	tcsetattr(fileno(in), TCSAFLUSH, &silent);
	has_read = line_read(in, line, SECRET_LEN_MAX + 2);
	tcsetattr(fileno(in), TCSAFLUSH, &before);
	fputc('\n', out);
	if (cancel_check(cli->world->cancel, err) < 0)
		return ERR_CANCELED;
	return has_read ? 0 : err_set(err, ERR_PASSWORD, "no password was typed");
}

int cli_ask_secret(struct cli *cli, const char *prompt, const char *option, bool twice,
		   struct secret *secret, struct err *err)
{
	char first[SECRET_LEN_MAX + 2] = "", second[SECRET_LEN_MAX + 2] = "", again[200];
	int r = 0;

	if (!is_terminal(cli->world->in))
		return err_set(err, ERR_PASSWORD,
			       "%s: there is no terminal to ask on; give it in a file (%s)", prompt,
			       option);
	snprintf(again, sizeof(again), "%s, again", prompt);
	for (int i = 0; i < TRIES; i++) {
		r = secret_line(cli, prompt, first, err);
		if (r == 0 && twice && *first)
			r = secret_line(cli, again, second, err);
		if (r < 0)
			break;
		if (*first && (!twice || !strcmp(first, second))) {
			r = secret_set(secret, slice_text(first), err);
			break;
		}
		r = err_set(err, ERR_PASSWORD,
			    *first ? "the two are not the same" : "an empty password");
		cli_warn(cli, "%s", err->text);
	}
	explicit_bzero(first, sizeof(first));
	explicit_bzero(second, sizeof(second));
	return r;
}

int cli_ask_yes(struct cli *cli, const char *question, const char *switch_name, struct err *err)
{
	char line[64] = "";

	if (!is_terminal(cli->world->in))
		return err_set(err, ERR_USAGE, "nobody to ask: say --%s to go on without",
			       switch_name);
	fprintf(cli->world->err, "%s [y/N] ", question);
	fflush(cli->world->err);
	if (line_read(cli->world->in, line, sizeof(line)) &&
	    (!strcmp(line, "y") || !strcmp(line, "yes")))
		return 0;
	return err_set(err, ERR_CANCELED, "nothing was done");
}
