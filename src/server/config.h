/*
 * server/config - the configuration: one table of keywords
 *
 * A file holds lines "keyword value"; '#' begins a comment line.  The table in config.c gives the
 * parser, the defaults, the dump (which the parser reads back) and what the manual must explain.
 * No file is needed for a trial on this machine.
 */
#ifndef REHOME_SERVER_CONFIG_H
#define REHOME_SERVER_CONFIG_H

#include "base/base.h"

enum {
	CONFIG_TEXT_MAX = 1023, /* bytes of a value */
	CONFIG_WORD_MAX = 255,  /* bytes of one value of a list */
	CONFIG_LIST_MAX = 16,
	CONFIG_FILE_MAX = 64 << 10,
};

/** struct config_list - a keyword that may be repeated; the first one replaces the default */
struct config_list {
	char words[CONFIG_LIST_MAX][CONFIG_WORD_MAX + 1];
	unsigned count;
	bool is_given;
};

/** struct config - every value is valid by its form; what fits together is checked where it is used
 */
struct config {
	char data[CONFIG_TEXT_MAX + 1];
	struct config_list listen, names;
	char metrics[CONFIG_TEXT_MAX + 1];
	char url[CONFIG_TEXT_MAX + 1];
	char store[CONFIG_TEXT_MAX + 1];
	char tls_certificate[CONFIG_TEXT_MAX + 1], tls_key[CONFIG_TEXT_MAX + 1];
	char organization[CONFIG_TEXT_MAX + 1];
	char identifier[CONFIG_TEXT_MAX + 1];
	char apns[CONFIG_TEXT_MAX + 1], apns_trust[CONFIG_TEXT_MAX + 1];
	char webhook_trust[CONFIG_TEXT_MAX + 1];
	int64_t workers, connections, request_seconds, idle_seconds;
	int64_t certificate_days, renew_days, grace_days, ticket_hours, command_days,
		inventory_days, access_rights;
	int64_t stop_seconds;
	unsigned restore, log, sandbox; /* index of the word in the table */
	unsigned is_personal_blocked, is_declarative, is_weak_scep, is_topic_change_allowed;
};

enum config_sandbox { CONFIG_SANDBOX_TRY, CONFIG_SANDBOX_REQUIRE, CONFIG_SANDBOX_OFF };

/** config_default - the defaults; @data is the data folder of this user */
void config_default(struct config *config, const char *data);
/** config_read - take in the text of a file; ERR_USAGE names the line */
int config_read(struct config *config, struct slice text, struct err *err);
/** config_set - one keyword; ERR_USAGE for an unknown one or a bad value */
int config_set(struct config *config, const char *keyword, const char *value, struct err *err);
/** config_list_restart - lists that were given so far are replaced by what comes next */
void config_list_restart(struct config *config);
/** config_list_equal - the same words in the same order? */
bool config_list_equal(const struct config_list *a, const struct config_list *b);
/** config_has_push - is there a service that pushes go to? */
bool config_has_push(const struct config *config);
/** config_of_dump - what config_dump wrote, as a reload brings it to a process; the caller frees it
 */
int config_of_dump(struct config **out, struct slice text, struct err *err);
/** config_dump - append the effective configuration in the syntax that config_read takes */
int config_dump(const struct config *config, struct buf *out, struct err *err);
/** config_manual - append every keyword with its values, default and meaning, for people */
int config_manual(struct buf *out, struct err *err);

#endif
