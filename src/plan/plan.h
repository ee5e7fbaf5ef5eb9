/*
 * plan - what a restore or a migration will lead to, told before anything is done
 *
 * Gathers facts for `rules` from what a backup, a device, a service's list or a person says,
 * remembers who said each, asks the engine, and writes the answer for a reader: text, JSON, CSV,
 * a page.  Knows no terminal, socket, repository or service: the faces hand it what they know.
 * Output goes piece by piece to a sink, so that a fleet of any size takes constant memory.
 *
 * One thread at a time for each object.
 */
#ifndef REHOME_PLAN_H
#define REHOME_PLAN_H

#include "backup/backup.h"
#include "base/base.h"
#include "rules/rules.h"

#include <jansson.h>

enum {
	PLAN_TEXT_MAX = 256, /* names, serials and the like, with their NUL; longer ones are cut */
	PLAN_CHANGES_MAX = 12, /* facts told under "would change" */
	PLAN_FROM_MAX = 256,   /* a domain and path */
	PLAN_MEMO_ANSWERS = 1024,
	PLAN_MEMO_OUTCOMES = 1 << 17,
};

/** struct plan_sink - takes what is written; returns 0 or a failure, which ends the writing */
struct plan_sink {
	int (*write)(void *arg, struct slice text, struct err *err);
	void *arg;
};

/* ---- one case: a source, a target, and the facts about both ------------------------ */

enum plan_origin {
	PLAN_NOBODY,  /* not known */
	PLAN_BACKUP,  /* read in the backup */
	PLAN_DEVICE,  /* the device says so */
	PLAN_SERVICE, /* a list of the service, or of Apple's, says so */
	PLAN_PERSON,  /* the person who asks says so */
	PLAN_USUAL    /* assumed, because asked to (--assume) */
};
/** plan_origin_word - "backup", "device", ... */
const char *plan_origin_word(enum plan_origin origin);

/** struct plan_server - how an MDM service is told apart; texts are "" when not known */
struct plan_server {
	char url[PLAN_TEXT_MAX], topic[PLAN_TEXT_MAX], organization[PLAN_TEXT_MAX];
};

/**
 * struct plan_case - zeroed, it knows nothing
 * @name, @serial, @udid: of the target, for people; "" when not known
 * @source: what would be restored, in words: "snapshot 931f85f5 of 2026-11-01"
 * @service: "this" service: a URL, its host, a topic or an organisation; "" means the one that
 *   manages the backup, or else the target
 * @origin, @from: who said each fact, and where: "HomeDomain/.../MDM.plist"
 */
struct plan_case {
	char name[PLAN_TEXT_MAX], serial[64], udid[64];
	char source[PLAN_TEXT_MAX], service[PLAN_TEXT_MAX];
	struct rules_facts facts;
	struct rules_dates dates;
	uint8_t origin[RULES_FIELD_COUNT];
	char from[RULES_FIELD_COUNT][PLAN_FROM_MAX];
	/* what plan_case_join compares */
	char backup_udid[64], backup_serial[64];
	struct plan_server backup_server, target_server, ade_server;
	bool is_ade_current; /* @ade_server is today's, not that of the target's last activation */
	enum backup_answer is_backup_managed, is_target_managed;
};

/** plan_case_set - @value is of the field's enum (RULES_UNKNOWN takes it back); @from may be NULL.
 * A later word replaces an earlier one. */
void plan_case_set(struct plan_case *kase, enum rules_field field, uint16_t value,
		   enum plan_origin origin, const char *from);
/**
 * plan_case_word - a fact or a date by name, in neutral words
 * @name: a field ("reset", "backup_management"), or restore_date, backup_date, identity_end,
 *   record_identity_end, record_enrolled (2026-11-01 or 2026-11-01T08:00:00Z), or cleanup_days
 * Returns 0; ERR_USAGE with the words that exist.
 */
int plan_case_word(struct plan_case *kase, const char *name, const char *word,
		   enum plan_origin origin, struct err *err);
/** plan_case_assignment - the same from "NAME=WORD", said by a person */
int plan_case_assignment(struct plan_case *kase, const char *assignment, struct err *err);

/** struct plan_backup - what is restored, as far as it could be opened; texts may be NULL */
struct plan_backup {
	const char *udid, *serial, *os;
	int64_t time; /* when it was made, seconds since 1970; 0: not known */
	bool is_encrypted, is_password_known;
	const struct backup_management *management; /* NULL: could not be read */
};
/** plan_case_backup - set what @backup tells; it is restored from this host, over a cable */
void plan_case_backup(struct plan_case *kase, const struct plan_backup *backup);

/** struct plan_target - a device as it answers; texts may be NULL */
struct plan_target {
	const char *name, *udid, *serial, *os;
	enum backup_answer is_set_up; /* no: it waits in Setup Assistant */
	enum backup_answer is_supervised, is_managed, has_find_my, accepts_host, forces_encryption;
	const char *server_url, *organization; /* of its management, where it tells */
	/* what it got from Apple when it was activated; today's only while it is not set up */
	bool has_ade;
	struct {
		enum backup_answer is_unremovable, ignores_backup, hides_restore, is_shared;
		const char *url, *organization;
	} ade;
};
/** plan_case_target - set what the device tells */
void plan_case_target(struct plan_case *kase, const struct plan_target *target);
/**
 * plan_case_join - what follows from backup and target together; call it last
 * @now: seconds since 1970, taken for the day of the restore unless that was given
 *
 * The same device or another one (R-734: by UDID, by serial only when a UDID is missing), whose
 * management each has, and what dates tell of the identity. Facts that are known already stay.
 */
void plan_case_join(struct plan_case *kase, int64_t now);
/** plan_case_service_is_known - does a server of the backup, of the target or of its ADE record go
 * by the word for "this" service? True also without a word, or when no server is named. */
bool plan_case_service_is_known(const struct plan_case *kase);

/* ---- the answer ---------------------------------------------------------------------- */

/** struct plan_answer - PLAN_ANSWER_INIT, plan_answer_clear; may be made again and again */
struct plan_answer {
	struct rules_set set;
	struct rules_change changes[PLAN_CHANGES_MAX];
	size_t change_count;
	enum rules_age age;
	int64_t age_next; /* the date on which the age's verdict changes; 0: none */
	uint64_t assumed; /* fields that were assumed, bit 1 << field */
	/* the outcome if what is not known is as usual; only when there are several outcomes */
	struct rules_outcome usual;
	bool has_usual;
};
#define PLAN_ANSWER_INIT ((struct plan_answer){.set = RULES_SET_INIT})
void plan_answer_clear(struct plan_answer *answer);
/**
 * plan_answer_make - ask the engine
 * @switches: NULL = defaults
 * @assumes: give unknown facts their usual value first, and mark them in @kase
 * Returns 0; ERR_USAGE when the facts contradict each other.
 */
int plan_answer_make(struct plan_answer *answer, struct plan_case *kase,
		     const struct rules_switches *switches, bool assumes, struct err *err);

/**
 * struct plan_memo - answers for a fleet, in which many devices have the same facts
 *
 * Holds the answers of at most PLAN_MEMO_ANSWERS different facts with PLAN_MEMO_OUTCOMES outcomes
 * together (about 15 MB), and starts anew when it is full.
 */
struct plan_memo;
/** plan_memo_new - @switches: NULL = defaults; they hold for all of its answers; copied */
int plan_memo_new(struct plan_memo **out, const struct rules_switches *switches, struct err *err);
void plan_memo_free_p(struct plan_memo **memo);
/** plan_memo_answer - as plan_answer_make; @out is borrowed until the next call */
int plan_memo_answer(struct plan_memo *memo, struct plan_case *kase, bool assumes,
		     const struct plan_answer **out, struct err *err);

enum plan_gate {
	PLAN_GOES,     /* every reachable outcome lets the restore happen */
	PLAN_DEPENDS,  /* some do: a fact is missing */
	PLAN_STOPPED,  /* none does; a person may override it in so many words */
	PLAN_FORBIDDEN /* none does, and nothing of a command line may force it */
};
/** plan_answer_gate - may a restore be carried out on this answer? @why: the first refusing
 * outcome, borrowed from @answer; NULL for PLAN_GOES */
enum plan_gate plan_answer_gate(const struct plan_answer *answer, const struct plan_case *kase,
				const struct rules_switches *switches,
				const struct rules_outcome **why);

/* ---- writing ----------------------------------------------------------------------------- */

/** plan_headline - on a line: what becomes of management, before it a restore that cannot be done
 * or behind it how Setup Assistant ends, and what the next contact changes; returns @out */
const char *plan_headline(const struct rules_outcome *outcome, char out[PLAN_TEXT_MAX * 2]);
/** plan_write_text - for people; @is_long: every fact with its origin, rules with sources */
int plan_write_text(const struct plan_answer *answer, const struct plan_case *kase, bool is_long,
		    const struct plan_sink *sink, struct err *err);
/** plan_json - the object of `plan --json`; NULL without memory. The caller releases it. */
json_t *plan_json(const struct plan_answer *answer, const struct plan_case *kase);
/** plan_write_rule - a rule with its sources and evidence. ERR_NOT_FOUND when there is none. */
int plan_write_rule(const char *id, const struct plan_sink *sink, struct err *err);

/** struct plan_page - a report being written: one HTML file, offline, printable, without scripts */
struct plan_page;
/** plan_page_new - @title: UTF-8; @now: seconds. The head is written at once. */
int plan_page_new(struct plan_page **out, const char *title, int64_t now,
		  const struct plan_sink *sink, struct err *err);
int plan_page_row(struct plan_page *page, const struct plan_answer *answer,
		  const struct plan_case *kase, struct err *err);
/** plan_page_end - counts and the end of the page; then free it */
int plan_page_end(struct plan_page *page, struct err *err);
void plan_page_free_p(struct plan_page **page);

/** plan_table_head, plan_table_row - a fleet as CSV, one row a device in neutral words */
int plan_table_head(const struct plan_sink *sink, struct err *err);
int plan_table_row(const struct plan_answer *answer, const struct plan_case *kase,
		   const struct plan_sink *sink, struct err *err);

/* ---- the plain door: a CSV of facts in, a CSV of outcomes out ------------------------------ */

/**
 * struct plan_door - reads `in_*` columns in the sheets' codes, writes `out_*` columns
 *
 * Other columns pass through, `out_*` ones of the input are dropped.  A row for each reachable
 * outcome, numbered in out_n from 1.  Absent columns and `unknown` mean unknown.  Facts that
 * contradict each other give a row with restore=invalid, and are counted.
 */
struct plan_door;
int plan_door_new(struct plan_door **out, const struct rules_switches *switches,
		  const struct plan_sink *sink, struct err *err);
void plan_door_free_p(struct plan_door **door);
/** plan_door_feed - at most CSV_PIECE_MAX bytes. ERR_USAGE "line 7, column in_os: ..." for an empty
 * or strange cell; rows before it have been written. */
int plan_door_feed(struct plan_door *door, struct slice piece, struct err *err);
/** plan_door_end - no more input. @rows, @invalid, @outcomes: counts, may be NULL */
int plan_door_end(struct plan_door *door, uint64_t *rows, uint64_t *invalid, uint64_t *outcomes,
		  struct err *err);

/* ---- a fleet: a row a device ----------------------------------------------------------------- */

/**
 * struct plan_fleet - reads a CSV in neutral words, hands out a case a row
 *
 * Columns: serial, udid, name, snapshot, and every name that plan_case_word takes; others are not
 * used, and told. An empty cell means unknown.
 */
struct plan_fleet;
/**
 * plan_fleet_new
 * @base: what holds for every row unless the row says otherwise; copied
 * @each: called for every row with a case that it may change; @snapshot is the cell of that column,
 *   "" when empty; @line is the row's. Returns 0 or a failure.
 * @unused: called for every column that is not understood, may be NULL
 */
int plan_fleet_new(struct plan_fleet **out, const struct plan_case *base,
		   int (*each)(void *arg, struct plan_case *kase, const char *snapshot,
			       uint64_t line, struct err *err),
		   void (*unused)(void *arg, const char *column), void *arg, struct err *err);
void plan_fleet_free_p(struct plan_fleet **fleet);
int plan_fleet_feed(struct plan_fleet *fleet, struct slice piece, struct err *err);
/** plan_fleet_end - @rows: how many, may be NULL */
int plan_fleet_end(struct plan_fleet *fleet, uint64_t *rows, struct err *err);

#endif
