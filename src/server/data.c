/* data - the data folder: paths, what is read from it, and the first start */
#include "server/data.h"
#include "server/api.h"
#include "server/issue.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_NEW_TOKEN = 10 }; /* exit status of the preparing process */

void data_path(const struct config *config, const char *name, char out[DATA_PATH_MAX])
{
	snprintf(out, DATA_PATH_MAX, "%s/%s", config->data, name);
}

int data_read(const struct config *config, const char *name, struct buf *out, struct err *err)
{
	char path[DATA_PATH_MAX];

	data_path(config, name, path);
	return fs_read_file(fs_system(), path, out, err);
}

static int file_read(const struct config *config, const char *given, const char *made,
		     struct buf *out, struct err *err)
{
	if (!strcmp(given, "auto"))
		return data_read(config, made, out, err);
	return fs_read_file(fs_system(), given, out, err);
}

int data_tls_read(const struct config *config, struct buf *cert, struct buf *key, struct err *err)
{
	int r = file_read(config, config->tls_certificate, "tls/cert.pem", cert, err);

	return r < 0 ? r : file_read(config, config->tls_key, "tls/key.pem", key, err);
}

void data_store_address(const struct config *config, char out[DATA_PATH_MAX])
{
	if (!strcmp(config->store, "sqlite"))
		snprintf(out, DATA_PATH_MAX, "sqlite:%s/records/rehome.db", config->data);
	else
		snprintf(out, DATA_PATH_MAX, "%s", config->store);
}

static int folders_make(const struct config *config, struct err *err)
{
	static const char *const names[] = {"", "keys", "tls", "public", "records"};
	char path[DATA_PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < ARRAY_COUNT(names) && r == 0; i++) {
		data_path(config, names[i], path);
		r = fs_mkdirs(fs_system(), path, 0700, err);
	}
	return r;
}

/* token_make - the file is written before the row is durable: a token that opens nothing is made
 * again, one that nobody can read would lock everybody out */
static int token_make(const struct config *config, bool *is_new, struct err *err)
{
	char address[DATA_PATH_MAX], path[DATA_PATH_MAX], token[API_TOKEN_MAX + 2] = "";
	struct store *store CLEANUP(store_free_p) = NULL;
	struct api_context context = {.clock = clock_system(), .entropy = entropy_system()};
	int r;

	data_store_address(config, address);
	data_path(config, "administrator.token", path);
	r = store_open(&store, address, err);
	if (r < 0)
		return err_wrap(err, r, "open the store");
	r = store_begin(store, err);
	if (r < 0)
		return r;
	context.store = store;
	r = api_token_first(&context, token, err);
	if (r == ERR_EXISTS) {
		store_rollback(store);
		return 0;
	}
	if (r < 0)
		return r;
	strcat(token, "\n");
	r = fs_write_file(fs_system(), path, slice_text(token), 0600, err);
	explicit_bzero(token, sizeof(token));
	if (r == 0)
		r = store_commit(store, err);
	*is_new = r == 0;
	return r > 0 ? err_set(err, ERR_BUSY, "another service writes to the store") : r;
}

static int prepare(const struct config *config, const char *url, bool *is_new, struct err *err)
{
	int r = folders_make(config, err);

	if (r == 0)
		r = issue_all(config, url, err);
	return r < 0 ? r : token_make(config, is_new, err);
}

int data_prepare(const struct config *config, const char *url, bool *has_new_token, struct err *err)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_set_errno(err, errno, "fork");
	if (pid == 0) {
		struct err mine = ERR_INIT;
		bool is_new = false;
		int r = prepare(config, url, &is_new, &mine);

		if (r < 0)
			log_event(LOG_ERROR, "prepare-failed", "data=%s reason=\"%s\"",
				  config->data, mine.text);
		_exit(r < 0 ? 1 : is_new ? STATUS_NEW_TOKEN : 0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set_errno(err, errno, "waitpid");
	if (WIFSIGNALED(status))
		return err_set(err, ERR_IO, "preparing %s ended with signal %d", config->data,
			       WTERMSIG(status));
	if (WEXITSTATUS(status) && WEXITSTATUS(status) != STATUS_NEW_TOKEN)
		return err_set(err, ERR_IO, "could not prepare %s: see above", config->data);
	*has_new_token = WEXITSTATUS(status) == STATUS_NEW_TOKEN;
	return 0;
}
