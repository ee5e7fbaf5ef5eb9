/*
 * The tables, and the way from each version of them to the next.
 *
 * A step is never changed once it was released: a database anywhere may stand at any version. Every
 * column is NOT NULL, so there is one kind of nothing: 0, '' and empty bytes.
 */
#include "store/internal.h"

#include <string.h>

enum { SCHEMA_SQL_MAX = 16 << 10 };

static const char *word_of(const struct words *words, const char *name, size_t len)
{
	const struct {
		const char *name, *word;
	} all[] = {{"key", words->key},
		   {"number", words->number},
		   {"text", words->text},
		   {"bytes", words->bytes},
		   {"keyed", words->keyed}};

	for (size_t i = 0; i < ARRAY_COUNT(all); i++)
		if (strlen(all[i].name) == len && !memcmp(all[i].name, name, len))
			return all[i].word;
	return NULL;
}

int schema_exec(struct store *store, const char *sql, struct err *err)
{
	struct buf text CLEANUP(buf_clear) = BUF_INIT(SCHEMA_SQL_MAX);
	int r = 0;

	while (*sql && !r) {
		size_t plain = strcspn(sql, "{");

		r = buf_append(&text, sql, plain, err);
		sql += plain;
		if (*sql && !r) {
			size_t len = strcspn(++sql, "}");
			const char *word = word_of(&store->driver->words, sql, len);

			if (!word || !sql[len])
				return err_set(err, ERR_USAGE, "schema: no word {%.*s}", (int)len,
					       sql);
			r = buf_append_text(&text, word, err);
			sql += len + 1;
		}
	}
	return r ? r : store->driver->exec(store->connection, buf_text(&text), err);
}

/* due times are few among many enrollments, ended certificates many among few that are current:
 * hence the partial indexes */
static int step_1(struct store *store, struct err *err)
{
	static const char *const tables[] = {
		"CREATE TABLE device (no {key}, udid {text}, serial {text}, imei {text},"
		" name {text}, product {text}, os {text}, build {text}, ownership {number},"
		" record {number}, is_supervised {number}, created {number},"
		" last_contact {number}, flags {number}, note {text});"
		"CREATE UNIQUE INDEX device_udid ON device (udid) WHERE record <> 3;"
		"CREATE INDEX device_serial ON device (serial);"
		"CREATE TABLE kept (kind {number}, owner {number}, name {text}, bytes {bytes},"
		" at {number}, PRIMARY KEY (kind, owner, name));",

		"CREATE TABLE enrollment (no {key}, id {text} UNIQUE, device {number},"
		" generation {number}, state {number}, kind {number}, topic {text},"
		" push_magic {text}, push_token {bytes}, is_awaiting {number}, created {number},"
		" authenticated {number}, enrolled {number}, left_at {number},"
		" token_changes {number}, restore {number}, restore_at {number},"
		" unenroll_by {text}, unenroll_at {number}, push_failures {number},"
		" push_sent {number}, declarations_token {text}, flags {number},"
		" due_push {number}, due_renewal {number}, due_inventory {number},"
		" due_reconcile {number});"
		"CREATE INDEX enrollment_device ON enrollment (device);"
		"CREATE INDEX enrollment_push ON enrollment (due_push) WHERE due_push > 0;"
		"CREATE INDEX enrollment_renewal ON enrollment (due_renewal)"
		" WHERE due_renewal > 0;"
		"CREATE INDEX enrollment_inventory ON enrollment (due_inventory)"
		" WHERE due_inventory > 0;"
		"CREATE INDEX enrollment_reconcile ON enrollment (due_reconcile)"
		" WHERE due_reconcile > 0;",

		"CREATE TABLE ticket (no {key}, hash {bytes} UNIQUE, purpose {number},"
		" kind {number}, udid {text}, serial {text}, enrollment {number},"
		" generation {number}, created {number}, ends {number}, used {number},"
		" author {text});"
		"CREATE INDEX ticket_unused ON ticket (ends) WHERE used = 0;"
		"CREATE TABLE certificate (no {key}, sha256 {bytes} UNIQUE, serial {text},"
		" ticket {number}, enrollment {number}, generation {number}, state {number},"
		" not_before {number}, not_after {number}, issued {number}, seen {number});"
		"CREATE INDEX certificate_enrollment ON certificate (enrollment);"

		"CREATE TABLE command (no {key}, uuid {text} UNIQUE, request_type {text},"
		" lane {number}, created {number}, not_before {number}, ends {number},"
		" author {text}, subject {text}, version {number}, flags {number},"
		" is_dangerous {number}, payload {bytes});"
		"CREATE INDEX command_ends ON command (ends) WHERE ends > 0;"
		/* the next command is the first row that fits */
		"CREATE TABLE queue (enrollment {number}, lane {number}, command {number},"
		" generation {number}, state {number}, tries {number}, at {number},"
		" PRIMARY KEY (enrollment, lane, command)) {keyed};"
		"CREATE INDEX queue_command ON queue (command);"
		"CREATE TABLE history (enrollment {number}, seq {number}, generation {number},"
		" uuid {text}, request_type {text}, subject {text}, status {text}, error {text},"
		" result {bytes}, at {number}, author {text},"
		" PRIMARY KEY (enrollment, seq)) {keyed};",

		"CREATE TABLE device_group (no {key}, name {text} UNIQUE, created {number});"
		"CREATE TABLE member (grp {number}, device {number},"
		" PRIMARY KEY (grp, device)) {keyed};"
		"CREATE INDEX member_device ON member (device);"
		"CREATE TABLE profile (no {key}, identifier {text}, version {number}, uuid {text},"
		" name {text}, created {number}, author {text}, bytes {bytes},"
		" UNIQUE (identifier, version));"
		"CREATE TABLE declaration (no {key}, identifier {text} UNIQUE, kind {number},"
		" type {text}, token {text}, created {number}, author {text}, bytes {bytes});"
		"CREATE TABLE assignment (what {number}, identifier {text},"
		" target_kind {number}, target {number}, at {number}, author {text},"
		" PRIMARY KEY (what, identifier, target_kind, target)) {keyed};"
		"CREATE INDEX assignment_target ON assignment (target_kind, target);"
		"CREATE TABLE installed (enrollment {number}, identifier {text},"
		" version {number}, state {number}, at {number}, uuid {text},"
		" PRIMARY KEY (enrollment, identifier)) {keyed};"
		"CREATE TABLE declared (enrollment {number}, identifier {text}, token {text},"
		" valid {text}, reasons {text}, is_active {number}, at {number},"
		" PRIMARY KEY (enrollment, identifier)) {keyed};",

		"CREATE TABLE identifier (identifier {text} PRIMARY KEY, details {text},"
		" author {text}, at {number});"
		"CREATE TABLE token (no {key}, id {text} UNIQUE, hash {bytes}, role {number},"
		" scope {text}, name {text}, created {number}, ends {number}, revoked {number});"
		"CREATE TABLE setting (name {text} PRIMARY KEY, value {bytes});"
		"CREATE TABLE audit (no {key}, at {number}, who {text}, action {text},"
		" subject {text}, detail {text});"
		"CREATE INDEX audit_subject ON audit (subject, no);"
		"CREATE TABLE event (no {key}, at {number}, kind {text}, subject {text},"
		" body {text});"
		"CREATE TABLE webhook (no {key}, id {text} UNIQUE, url {text}, secret {bytes},"
		" kinds {text}, next_event {number}, failures {number}, retry_at {number},"
		" created {number}, is_paused {number});",
	};

	for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
		int r = schema_exec(store, tables[i], err);

		if (r)
			return r;
	}
	return 0;
}

static int up(struct store *store, schema_step *const *steps, size_t count, struct err *err)
{
	int64_t version = 0;
	int r = schema_exec(store, "CREATE TABLE IF NOT EXISTS schema_version (version {number})",
			    err);

	if (r)
		return r;
	r = run_number(store, "SELECT version FROM schema_version", NULL, 0, &version, err);
	if (r == STORE_NO_ROW)
		r = schema_exec(store, "INSERT INTO schema_version (version) VALUES (0)", err);
	if (r)
		return r;
	if (version < 0 || (size_t)version > count)
		return err_set(err, ERR_UNSUPPORTED,
			       "its schema has version %lld, this program knows versions up to "
			       "%zu: run the newer program that made it",
			       (long long)version, count);
	if ((size_t)version == count)
		return 0;
	for (size_t i = (size_t)version; i < count; i++) {
		r = steps[i](store, err);
		if (r)
			return err_wrap(err, r, "schema version %zu: ", i + 1);
	}
	return run(store, "UPDATE schema_version SET version = $1", PARAMS(NUMBER((int64_t)count)),
		   NULL, err);
}

int schema_up(struct store *store, schema_step *const *steps, size_t count, struct err *err)
{
	int r = store->driver->exec(store->connection, store->driver->begin_schema, err);

	if (r)
		return r;
	store->is_in_transaction = true;
	r = up(store, steps, count, err);
	if (r) {
		store_rollback(store);
		return r;
	}
	return store_commit(store, err);
}

int schema_current(struct store *store, struct err *err)
{
	static schema_step *const steps[STORE_SCHEMA] = {step_1};

	return schema_up(store, steps, ARRAY_COUNT(steps), err);
}
