/*
 * All outcomes that unknown facts leave possible, without trying every combination of them.
 *
 * A run that is short of a fact is split in two by just the question that it asked.  Stages are
 * done one after the other for all runs; where two runs enter a stage with the same outcome so far,
 * and the same knowledge of everything that is still to be read, only one goes on.  Each keeps, per
 * fact, the values by which it can have been reached: that gives the question afterwards, without
 * running anything again.
 */
#include "rules/internal.h"

#include <stdlib.h>
#include <string.h>

/* struct run - one state, or several that have come to the same */
struct run {
	struct eval eval;
	struct known reached_by; /* per fact, every value with which it is reached */
};

/* struct runs - distinct runs that wait for a stage; a table of places + 1 finds them */
struct runs {
	struct run *runs;
	size_t count, cap;
	uint32_t *table;
	size_t table_len, table_cap; /* powers of two; the part that is in use, and all of it */
};

enum { OS_VALUES_MAX = 8, TABLE_LEN_MIN = 64, RUNS_MAX = 1 << 21 };

struct rules_work {
	struct runs stages[STAGE_DONE + 1];
	uint16_t os_values[OS_VALUES_MAX]; /* one of each range, while the target's is unknown */
	size_t os_count;
	struct group *groups;
	size_t group_cap;
	uint8_t key[sizeof(struct rules_outcome) + RULES_FIELD_COUNT + 8];
	size_t key_len;
};

/* ---- what is still to be read ------------------------------------------------------ */

#define BIT FIELD_BIT

static const uint64_t done_after_gates =
	BIT(RULES_SCENARIO) | BIT(RULES_ACTIVATION_LOCK) | BIT(RULES_SHARED) | BIT(RULES_PASSWORD) |
	BIT(RULES_TOOL) | BIT(RULES_PAIRING) | BIT(RULES_FIND_MY) | BIT(RULES_FORCE_ENCRYPTED) |
	BIT(RULES_NOW) | BIT(RULES_SYSTEM_FILES) | BIT(RULES_BACKUP_OS);
static const uint64_t done_after_keep =
	BIT(RULES_DEVICE) | BIT(RULES_BOARD) | BIT(RULES_SERVER_UID) | BIT(RULES_MIGRATED) |
	BIT(RULES_OS) | BIT(RULES_IDENTITY) | BIT(RULES_NOW_SUPERVISED) | BIT(RULES_ADE_BLOCK) |
	BIT(RULES_LOCKED);
static const uint64_t read_in_tail = BIT(RULES_MANAGED_NOBACKUP) | BIT(RULES_PLATFORM_BLOCKED) |
				     BIT(RULES_PERSONAL_BLOCKED) | BIT(RULES_IMPORTED) |
				     BIT(RULES_OS_RANGE_OK) | BIT(RULES_LIMIT_LEFT);

static uint64_t still_read(const struct eval *eval)
{
	switch (eval->stage) {
	case STAGE_GATES:
		return ~0ULL;
	case STAGE_KEEP:
		return ~done_after_gates;
	case STAGE_LEGACY:
		return ~(done_after_gates | done_after_keep);
	case STAGE_TAIL:
		return read_in_tail |
		       (eval->switches.is_turned[RULES_SWITCH_HAND_OWNER] ? BIT(RULES_ADE) : 0);
	case STAGE_DONE:
		break;
	}
	return 0;
}

/* of the source, only one thing is still asked after the gates, and of the kind after that */
static uint8_t knowledge(const struct eval *eval, enum rules_field field)
{
	uint8_t may = eval->known.may[field], mask = 0;

	if (field == RULES_SOURCE)
		mask = VALUE_BIT(RULES_LOCAL_PLAIN);
	else if (field == RULES_KIND && eval->stage == STAGE_LEGACY)
		mask = VALUE_BIT(RULES_KIND_PROFILE);
	if (!mask)
		return may;
	return (uint8_t)(((may & mask) != 0) | ((may & ~mask) != 0) << 1);
}

static void make_key(struct rules_work *work, const struct eval *eval)
{
	uint64_t fields = still_read(eval) & (FIELD_BIT(RULES_FIELD_COUNT) - 1);

	work->key_len = offsetof(struct rules_outcome, after);
	memcpy(work->key, &eval->out, work->key_len);
	work->key[work->key_len++] =
		eval->stage == STAGE_LEGACY
			? (uint8_t)(eval->is_unsure | eval->has_fresh_record << 1)
			: 0;
	for (; fields; fields &= fields - 1)
		work->key[work->key_len++] =
			knowledge(eval, (enum rules_field)__builtin_ctzll(fields));
}

/* ---- a set of runs --------------------------------------------------------------------- */

static uint64_t hash(const uint8_t *bytes, size_t len)
{
	uint64_t h = 0x9e3779b97f4a7c15ULL, word;

	for (; len; bytes += sizeof(word), len -= sizeof(word)) {
		word = 0;
		memcpy(&word, bytes, len < sizeof(word) ? len : sizeof(word));
		h = (h ^ word) * 0xff51afd7ed558ccdULL;
		h ^= h >> 32;
		if (len < sizeof(word))
			break;
	}
	return h;
}

static void runs_reset(struct runs *runs)
{
	runs->count = 0;
	runs->table_len = runs->table_cap < TABLE_LEN_MIN ? runs->table_cap : TABLE_LEN_MIN;
	if (runs->table)
		memset(runs->table, 0, runs->table_len * sizeof(*runs->table));
}

/* the table's place of the run that equals the key under way, or a free one */
static uint32_t *runs_find(struct rules_work *work, struct runs *runs)
{
	uint8_t key[sizeof(work->key)];
	size_t len = work->key_len, at;

	memcpy(key, work->key, len);
	at = hash(key, len) & (runs->table_len - 1);
	for (; runs->table[at]; at = (at + 1) & (runs->table_len - 1)) {
		make_key(work, &runs->runs[runs->table[at] - 1].eval);
		if (work->key_len == len && !memcmp(work->key, key, len))
			break;
	}
	return &runs->table[at];
}

static int runs_grow(struct rules_work *work, struct runs *runs, struct err *err)
{
	size_t len = runs->table_len ? runs->table_len * 2 : TABLE_LEN_MIN, i;

	if (runs->count >= RUNS_MAX)
		return err_set(err, ERR_LIMIT, "too little is known: over %d ways it could go",
			       RUNS_MAX);
	if (len > runs->table_cap) {
		uint32_t *table = realloc(runs->table, len * sizeof(*table));

		if (!table)
			return err_no_memory(err);
		runs->table = table;
		runs->table_cap = len;
	}
	runs->table_len = len;
	memset(runs->table, 0, len * sizeof(*runs->table));
	for (i = 0; i < runs->count; i++) {
		make_key(work, &runs->runs[i].eval);
		*runs_find(work, runs) = (uint32_t)i + 1;
	}
	return 0;
}

static int runs_add(struct rules_work *work, const struct run *run, struct err *err)
{
	struct runs *runs = &work->stages[run->eval.stage];
	uint32_t *place;
	size_t field;
	int r;

	if (runs->count * 2 >= runs->table_len) {
		r = runs_grow(work, runs, err);
		if (r < 0)
			return r;
	}
	if (runs->count == runs->cap) {
		size_t cap = runs->cap ? runs->cap * 2 : 16;
		struct run *more = realloc(runs->runs, cap * sizeof(*more));

		if (!more)
			return err_no_memory(err);
		runs->runs = more;
		runs->cap = cap;
	}
	make_key(work, &run->eval);
	place = runs_find(work, runs);
	if (!*place) {
		runs->runs[runs->count++] = *run;
		*place = (uint32_t)runs->count;
		return 0;
	}
	for (field = 0; field < RULES_FIELD_COUNT; field++)
		runs->runs[*place - 1].reached_by.may[field] |= run->reached_by.may[field];
	if (runs->runs[*place - 1].eval.out.after.owner != run->eval.out.after.owner)
		runs->runs[*place - 1].eval.out.after.owner = RULES_OWNER_OPEN;
	return 0;
}

/* ---- splitting ------------------------------------------------------------------------------ */

static int advance(struct rules_work *work, const struct run *run, struct err *err);

/* go on with the part of @run in which the missing fact is among @mask */
static int narrow(struct rules_work *work, const struct run *run, enum rules_field field,
		  uint8_t mask, struct err *err)
{
	struct run part = *run;

	part.eval.known.may[field] &= mask;
	part.reached_by.may[field] &= mask;
	if (!known_settle(&part.eval.known))
		return 0;
	known_settle(&part.reached_by);
	return advance(work, &part, err);
}

static int split_os(struct rules_work *work, const struct run *run, struct err *err)
{
	struct run part = *run;
	size_t i;
	int r = 0;

	for (i = 0; i < work->os_count && r == 0; i++) {
		part.eval.known.os = work->os_values[i];
		r = narrow(work, &part, RULES_OS, (uint8_t)(1u << i), err);
	}
	return r;
}

/* only one thing is ever asked of it: is it later than the target's? */
static int split_backup_os(struct rules_work *work, const struct run *run, struct err *err)
{
	struct run part = *run;
	int r;

	part.eval.known.backup_os = run->eval.known.os;
	r = narrow(work, &part, RULES_BACKUP_OS, 1, err);
	part.eval.known.backup_os = run->eval.known.os + 1;
	return r < 0 ? r : narrow(work, &part, RULES_BACKUP_OS, 2, err);
}

/* do the stage that is next; where a fact is short, do it with either answer */
static int advance(struct rules_work *work, const struct run *run, struct err *err)
{
	struct run after = *run;
	enum rules_field field;
	int r;

	eval_step(&after.eval);
	field = after.eval.missing;
	if (!after.eval.is_short)
		return runs_add(work, &after, err);
	if (field == RULES_OS)
		return split_os(work, run, err);
	if (field == RULES_BACKUP_OS)
		return split_backup_os(work, run, err);
	r = narrow(work, run, field, after.eval.missing_mask, err);
	return r < 0 ? r : narrow(work, run, field, (uint8_t)~after.eval.missing_mask, err);
}

/* ---- versions ----------------------------------------------------------------------------- */

static void os_value(struct rules_work *work, uint16_t version)
{
	size_t i;

	if (version > RULES_OS_MAX)
		return;
	for (i = 0; i < work->os_count; i++)
		if (work->os_values[i] == version)
			return;
	if (work->os_count < OS_VALUES_MAX)
		work->os_values[work->os_count++] = version;
}

/* one version of each range that the rules, or the backup's version, tell apart */
static void os_values(struct rules_work *work, uint16_t backup_os)
{
	const struct rules_regime *regime;
	size_t i;

	work->os_count = 0;
	os_value(work, RULES_OS_MIN);
	if (backup_os)
		os_value(work, backup_os);
	for (i = 0; (regime = rules_regime_at(i)); i++) {
		os_value(work, regime->first);
		os_value(work, regime->end);
	}
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int run_stages(struct rules_work *work, const struct rules_facts *facts,
		      const struct rules_switches *switches, struct err *err)
{
	struct run first;
	struct known known;
	size_t stage, i;
	int r = 0;

	known_from_facts(&known, facts);
	os_values(work, known.backup_os);
	known.may[RULES_OS] = known.os ? 1 : (uint8_t)((1u << work->os_count) - 1);
	known.may[RULES_BACKUP_OS] = known.backup_os ? 1 : 3;
	for (stage = 0; stage <= STAGE_DONE; stage++)
		runs_reset(&work->stages[stage]);
	if (!known_settle(&known))
		return rules_facts_check(facts, err);
	eval_begin(&first.eval, &known, switches);
	first.reached_by = known;
	r = advance(work, &first, err);
	for (stage = STAGE_KEEP; stage < STAGE_DONE && r == 0; stage++)
		for (i = 0; i < work->stages[stage].count && r == 0; i++) {
			struct run run = work->stages[stage].runs[i];

			r = advance(work, &run, err);
		}
	return r;
}

static int ask(struct rules_set *set, const struct rules_facts *facts, struct err *err)
{
	struct rules_work *work = set->work;
	const struct runs *done = &work->stages[STAGE_DONE];
	size_t i;

	if (done->count > work->group_cap) {
		struct group *more = realloc(work->groups, done->count * sizeof(*more));

		if (!more)
			return err_no_memory(err);
		work->groups = more;
		work->group_cap = done->count;
	}
	for (i = 0; i < done->count; i++) {
		work->groups[i].outcome = &set->outcomes[i];
		memcpy(work->groups[i].may, done->runs[i].reached_by.may, RULES_FIELD_COUNT);
	}
	question_find(set, facts, work->groups, done->count);
	return 0;
}

static int take_outcomes(struct rules_set *set, struct err *err)
{
	const struct runs *done = &set->work->stages[STAGE_DONE];
	size_t i;

	if (done->count > set->cap) {
		struct rules_outcome *outcomes =
			realloc(set->outcomes, done->count * sizeof(*outcomes));
		struct rules_facts *examples;

		if (!outcomes)
			return err_no_memory(err);
		set->outcomes = outcomes;
		examples = realloc(set->examples, done->count * sizeof(*examples));
		if (!examples)
			return err_no_memory(err);
		set->examples = examples;
		set->cap = done->count;
	}
	for (i = 0; i < done->count; i++) {
		set->outcomes[i] = done->runs[i].eval.out;
		known_to_facts(&done->runs[i].eval.known, &set->examples[i]);
	}
	set->count = done->count;
	return 0;
}

int rules_outcomes(struct rules_set *set, const struct rules_facts *facts,
		   const struct rules_switches *switches, struct err *err)
{
	int r;

	set->count = 0;
	set->open = 0;
	set->question = RULES_FIELD_COUNT;
	if (!set->work) {
		set->work = calloc(1, sizeof(*set->work));
		if (!set->work)
			return err_no_memory(err);
	}
	r = run_stages(set->work, facts, switches, err);
	if (r < 0)
		return r;
	r = take_outcomes(set, err);
	if (r == 0 && set->count > 1)
		r = ask(set, facts, err);
	if (r < 0)
		set->count = 0;
	return r;
}

int rules_set_copy(struct rules_set *to, const struct rules_set *from, struct err *err)
{
	struct rules_outcome *outcomes = NULL;

	if (from->count > 0) {
		outcomes = malloc(from->count * sizeof(*outcomes));
		if (!outcomes)
			return err_no_memory(err);
		memcpy(outcomes, from->outcomes, from->count * sizeof(*outcomes));
	}
	*to = (struct rules_set){
		.outcomes = outcomes,
		.count = from->count,
		.open = from->open,
		.question = from->question,
	};
	return 0;
}

void rules_set_clear(struct rules_set *set)
{
	size_t stage;

	for (stage = 0; set->work && stage <= STAGE_DONE; stage++) {
		free(set->work->stages[stage].runs);
		free(set->work->stages[stage].table);
	}
	if (set->work)
		free(set->work->groups);
	free(set->work);
	free(set->outcomes);
	free(set->examples);
	*set = RULES_SET_INIT;
}
