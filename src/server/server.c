/* server - the listener: reads the configuration, binds, starts the others, waits for signals */
#include "server/server.h"
#include "server/data.h"
#include "server/listen.h"
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, SETTINGS_MAX = 64, DESCRIPTORS_BESIDE = 256 };

/** struct words - what the command line says */
struct words {
	const char *config_path;
	bool is_check, is_help;
	struct {
		const char *keyword, *value;
	} settings[SETTINGS_MAX];
	unsigned setting_count;
};

struct service {
	struct words words;
	struct config *config, *next; /* two, so that a reload leaves the old one in place */
	struct listening listening;
	char url[CONFIG_TEXT_MAX + 1];
	struct counts *counts;
	struct processes *processes;
	int lock, signals;
};

/* ---- words and configuration ---- */

static int help(const char *name)
{
	struct buf text CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);

	config_manual(&text, NULL);
	printf("usage: %s [--config FILE] [--KEYWORD VALUE]...\n"
	       "       %s check-config [FILE] [--KEYWORD VALUE]...\n\n"
	       "The MDM service. Without a configuration it serves on this machine alone and "
	       "keeps\n"
	       "everything in the user's data folder. check-config prints the effective\n"
	       "configuration in the form that it reads. SIGHUP reads the configuration again.\n\n"
	       "keywords, in a file \"KEYWORD VALUE\" (defaults in brackets):\n%s",
	       name, name, buf_text(&text));
	return 0;
}

static int words_read(int argc, char **argv, struct words *words, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
			words->is_help = true;
		} else if (!strcmp(word, "check-config") && i == 1) {
			words->is_check = true;
		} else if (!strncmp(word, "--", 2) && i + 1 < argc) {
			if (!strcmp(word, "--config")) {
				words->config_path = argv[++i];
				continue;
			}
			if (words->setting_count == SETTINGS_MAX)
				return err_set(err, ERR_USAGE, "too many words");
			words->settings[words->setting_count].keyword = word + 2;
			words->settings[words->setting_count++].value = argv[++i];
		} else if (words->is_check && !words->config_path && *word != '-') {
			words->config_path = word;
		} else {
			return err_set(err, ERR_USAGE, "\"%.60s\" has no meaning here", word);
		}
	}
	return 0;
}

/* data_default - where systemd says, else among the user's data */
static void data_default(char out[CONFIG_TEXT_MAX + 1])
{
	const char *state = getenv("STATE_DIRECTORY"), *data = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");

	if (state && *state)
		snprintf(out, CONFIG_TEXT_MAX + 1, "%s", state);
	else if (data && *data)
		snprintf(out, CONFIG_TEXT_MAX + 1, "%s/rehome/service", data);
	else
		snprintf(out, CONFIG_TEXT_MAX + 1, "%s/.local/share/rehome/service",
			 home && *home ? home : "");
}

/* config_load - defaults, then the file, then the command line */
static int config_load(const struct words *words, struct config *config, struct err *err)
{
	struct buf text CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);
	char data[CONFIG_TEXT_MAX + 1];
	int r = 0;

	data_default(data);
	config_default(config, data);
	if (words->config_path) {
		r = fs_read_file(fs_system(), words->config_path, &text, err);
		if (r < 0)
			return r;
		r = config_read(config, buf_slice(&text), err);
		if (r < 0)
			return err_wrap(err, r, "%s", words->config_path);
	}
	config_list_restart(config);
	for (unsigned i = 0; i < words->setting_count && r == 0; i++)
		r = config_set(config, words->settings[i].keyword, words->settings[i].value, err);
	return r;
}

/* ---- start ---- */

/* lock_take - one service per data folder: two would answer with different halves of the truth */
static int lock_take(struct service *service, struct err *err)
{
	char path[DATA_PATH_MAX], text[16];
	int r, n;

	r = fs_mkdirs(fs_system(), service->config->data, 0700, err);
	if (r < 0)
		return r;
	data_path(service->config, "service.pid", path);
	service->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (service->lock < 0)
		return err_set_errno(err, errno, "%s", path);
	if (flock(service->lock, LOCK_EX | LOCK_NB) < 0)
		return err_set(
			err, ERR_BUSY,
			"another service runs on %s (its process stands in %s): stop that, or "
			"choose another --data",
			service->config->data, path);
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(service->lock, 0) < 0 || pwrite(service->lock, text, (size_t)n, 0) < 0)
		return err_set_errno(err, errno, "%s", path);
	return 0;
}

static int signals_take(struct service *service, struct err *err)
{
	static const int numbers[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	service->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return service->signals < 0 ? err_set_errno(err, errno, "signalfd") : 0;
}

static void next_steps_print(const struct service *service)
{
	char token[DATA_PATH_MAX], ca[DATA_PATH_MAX];

	data_path(service->config, "administrator.token", token);
	data_path(service->config, "public/ca.pem", ca);
	printf("Administrator token: %s\n\nNext:\n"
	       "  1. export REHOME_MDM_URL=%s REHOME_MDM_TOKEN_FILE=%s REHOME_MDM_CA=%s\n"
	       "  2. rehome mdm pushcert import FILE   (the push certificate with its key; for a "
	       "trial\n"
	       "     `rehome-sim apple --push-certificate FILE --topic "
	       "com.apple.mgmt.External.trial`)\n"
	       "  3. rehome mdm link new               (a link that enrolls one device)\n\n",
	       token, service->url, token, ca);
}

static void places_print(const struct service *service)
{
	const struct listening *listening = &service->listening;
	unsigned last = listening->count - 1;

	if (listening->has_metrics)
		printf("metrics http://%s/metrics\n", listening->bound[last]);
	printf("ready %s (data in %s)\n", service->url, service->config->data);
	fflush(stdout);
}

/* descriptors_raise - as many as the workers' connections need, if the system lets us */
static void descriptors_raise(const struct config *config)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)config->connections + DESCRIPTORS_BESIDE;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < want)
		log_event(LOG_WARNING, "few-descriptors", "have=%llu want=%llu",
			  (unsigned long long)limit.rlim_cur, (unsigned long long)want);
}

static int start(struct service *service, struct err *err)
{
	bool has_new_token = false;
	int r = lock_take(service, err);

	descriptors_raise(service->config);

	if (r == 0)
		r = signals_take(service, err);
	if (r == 0)
		r = listen_all(service->config, &service->listening, err);
	if (r < 0)
		return r;
	listen_url(service->config, &service->listening, service->url);
	service->counts = counts_new();
	if (!service->counts)
		return err_no_memory(err);
	service->counts->started = clock_wall_seconds(clock_system());
	r = data_prepare(service->config, service->url, &has_new_token, err);
	if (r == 0)
		r = processes_new(&service->processes, service->config, service->url,
				  &service->listening, service->counts, err);
	if (r == 0)
		r = processes_start(service->processes, err);
	if (r < 0)
		return r;
	if (has_new_token)
		next_steps_print(service);
	places_print(service);
	return 0;
}

/* ---- running ---- */

/* reload - what cannot change while the service runs is refused as a whole */
static void reload(struct service *service)
{
	struct config *config = service->next;
	struct err err = ERR_INIT;
	bool has_new_token;
	int r = config_load(&service->words, config, &err);

	if (r == 0 && (strcmp(config->data, service->config->data) != 0 ||
		       strcmp(config->store, service->config->store) != 0 ||
		       strcmp(config->url, service->config->url) != 0 ||
		       strcmp(config->metrics, service->config->metrics) != 0 ||
		       !config_list_equal(&config->listen, &service->config->listen)))
		r = err_set(&err, ERR_USAGE,
			    "data, store, url, listen and metrics change with a restart only");
	if (r == 0)
		r = data_prepare(config, service->url, &has_new_token, &err);
	if (r == 0)
		r = processes_reload(service->processes, config, &err);
	if (r < 0) {
		log_event(LOG_ERROR, "reload-refused", "reason=\"%s\"", err.text);
		return;
	}
	log_level_set((enum log_level)config->log);
	service->next = service->config;
	service->config = config;
	log_event(LOG_INFO, "reloaded", "%s", service->url);
}

/* signals_hear - true: stop */
static bool signals_hear(struct service *service)
{
	struct signalfd_siginfo info;
	bool is_stop = false, is_reload = false;

	while (read(service->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		is_stop |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
		is_reload |= info.ssi_signo == SIGHUP;
	}
	if (is_reload && !is_stop)
		reload(service);
	return is_stop;
}

static int run(struct service *service, struct err *err)
{
	struct pollfd wait = {service->signals, POLLIN, 0};
	int64_t wait_ms;

	while (!signals_hear(service)) {
		int r = processes_tend(service->processes, &wait_ms, err);

		if (r < 0)
			return r;
		poll(&wait, 1, (int)wait_ms);
	}
	log_event(LOG_INFO, "stopping", "%s", service->url);
	return 0;
}

static void service_clear(struct service *service)
{
	if (service->processes)
		processes_stop(service->processes);
	processes_free(service->processes);
	for (unsigned i = 0; i < service->listening.count; i++)
		close_p(&service->listening.fds[i]);
	close_p(&service->lock);
	close_p(&service->signals);
	free(service->config);
	free(service->next);
}

static int serve(struct service *service, struct err *err)
{
	int r = config_load(&service->words, service->config, err);

	if (r < 0)
		return r;
	if (service->words.is_check) {
		struct buf text CLEANUP(buf_clear) = BUF_INIT(CONFIG_FILE_MAX);

		r = config_dump(service->config, &text, err);
		if (r == 0)
			fputs(buf_text(&text), stdout);
		return r;
	}
	log_level_set((enum log_level)service->config->log);
	r = start(service, err);
	return r < 0 ? r : run(service, err);
}

int server_main(int argc, char **argv)
{
	struct service service CLEANUP(service_clear) = {
		.config = calloc(1, sizeof(struct config)),
		.next = calloc(1, sizeof(struct config)),
		.lock = -1,
		.signals = -1,
	};
	struct err err = ERR_INIT;
	int r = words_read(argc, argv, &service.words, &err);

	if (r == 0 && service.words.is_help)
		return help(argv[0]);
	if (r == 0 && (!service.config || !service.next))
		r = err_no_memory(&err);
	if (r == 0)
		r = serve(&service, &err);
	if (r == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", argv[0], err.text);
	return r == ERR_USAGE ? EXIT_USAGE : 1;
}
