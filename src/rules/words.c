/*
 * Outcomes in words: the sheets' codes and ours, and sentences for people.
 */
#include "rules/internal.h"

#include <assert.h>
#include <string.h>

/* struct said - a value in both vocabularies and as a sentence */
struct said {
	const char *code, *word, *sentence;
};

static const struct said restores[] = {
	[RULES_POSSIBLE] = {"possible", "possible", "The restore can be done."},
	[RULES_NOT_OFFERED] = {"not_offered", "not_offered",
			       "The device does not offer this restore."},
	[RULES_NOT_A_RESTORE] = {"not_a_restore", "not_a_restore",
				 "Signing in brings synced content, but restores no backup."},
	[RULES_UNSUPPORTED] = {"unsupported", "unsupported", "This restore is not supported."},
	[RULES_REFUSED_BY_POLICY] = {"refused_by_policy", "refused", "This is refused."},
	[RULES_BLOCKED] = {"blocked", "blocked", "Something must be cleared away first."},
	[RULES_INVALID] = {"invalid", "contradictory", "The facts contradict each other."},
};

static const struct said assistants[] = {
	[RULES_RESUMES_AT_RM] = {"RM", "resumes_at_remote_management",
				 "Setup Assistant goes on at Remote Management."},
	[RULES_RESUMES_WITHOUT_RM] = {"noRM", "resumes_without_remote_management",
				      "Setup Assistant goes on without Remote Management."},
	[RULES_ENDS_HOME] = {"HOME", "ends_home", "Setup Assistant ends at the home screen."},
	[RULES_NOT_INVOLVED] = {"NA", "not_involved", "Setup Assistant is not involved."},
	[RULES_WAITS] = {"WAITS", "waits", "Setup Assistant stops before the home screen."},
};

static const struct said mgmts[] = {
	[RULES_MGMT_NONE] = {"none", "none", "The device is not managed."},
	[RULES_MGMT_THIS] = {"this", "this", "Management by this service goes on."},
	[RULES_MGMT_THIS_NEW] = {"this_new", "this_new",
				 "The device enrolls afresh in this service."},
	[RULES_MGMT_STALE_THIS] =
		{"stale_this", "stale_this",
		 "This service's profile is back, but the service no longer accepts "
		 "the device."},
	[RULES_MGMT_OTHER] = {"other", "other", "The device is managed by the other service."},
	[RULES_MGMT_OTHER_NEW] = {"other_new", "other_new",
				  "The device enrolls afresh in the other service."},
	[RULES_MGMT_STALE_OTHER] =
		{"stale_other", "stale_other",
		 "The other service's profile is back, but that service has let the "
		 "device go."},
};

static const struct said thens[] = {
	[RULES_STAYS] = {"stays", "stays", "It stays so."},
	[RULES_DROPPED] = {"dropped", "dropped",
			   "At its next contact the old management is taken off it."},
	[RULES_RETIRED] = {"retired", "retired", "At its next contact the service retires it."},
	[RULES_WIPED] = {"wiped", "wiped", "At its next contact the service wipes it."},
};

static const struct said contents[] = {
	[RULES_KEPT] = {"kept", "kept", "The content comes back."},
	[RULES_KEPT_PARTLY] = {"kept_partly", "kept_partly", "Part of the content comes back."},
	[RULES_NOT_KEPT] = {"not_kept", "not_kept", "No content comes back."},
	[RULES_SYNCED_ONLY] = {"synced_only", "synced_only",
			       "Only what an account syncs comes back."},
};

static const struct said truths[] = {
	[RULES_FALSE] = {"no", "no", NULL},
	[RULES_TRUE] = {"yes", "yes", NULL},
	[RULES_MAYBE] = {"?", "unknown", NULL},
};

static const struct said owners[] = {
	[RULES_CORPORATE] = {"corporate", "corporate", NULL},
	[RULES_PERSONAL] = {"personal", "personal", NULL},
	[RULES_UNCHANGED] = {"unchanged", "unchanged", NULL},
	[RULES_NO_RECORD] = {"-", "no_record", NULL},
	[RULES_OWNER_OPEN] = {"?", "unknown", NULL},
};

static const struct said confidences[] = {
	[RULES_HIGH] = {"high", "high", NULL},
	[RULES_MEDIUM] = {"medium", "medium", NULL},
	[RULES_LOW] = {"low", "low", NULL},
};

static const char *const evidences[] = {
	[RULES_STATED] = "stated",         [RULES_DOCUMENTED] = "documented",
	[RULES_OBSERVED] = "observed",     [RULES_INFERRED] = "inferred",
	[RULES_UNVERIFIED] = "unverified",
};

static const char *say(const struct said *said, enum rules_spelling spelling)
{
	return spelling == RULES_CODES ? said->code : said->word;
}

const char *rules_mgmt_word(enum rules_mgmt mgmt, enum rules_spelling spelling)
{
	return say(&mgmts[mgmt], spelling);
}

const char *rules_owner_word(enum rules_owner owner, enum rules_spelling spelling)
{
	return say(&owners[owner], spelling);
}

const char *rules_truth_word(enum rules_truth truth)
{
	return truths[truth].word;
}

const char *rules_evidence_word(enum rules_evidence evidence)
{
	return evidences[evidence];
}

const char *rules_mgmt_sentence(enum rules_mgmt mgmt)
{
	return mgmts[mgmt].sentence;
}

const char *rules_restore_sentence(enum rules_restore restore)
{
	return restores[restore].sentence;
}

const char *rules_assistant_sentence(enum rules_assistant assistant)
{
	return assistants[assistant].sentence;
}

const char *rules_then_sentence(enum rules_then then)
{
	return thens[then].sentence;
}

const char *rules_content_sentence(enum rules_content content)
{
	return contents[content].sentence;
}

const char *rules_state_text(const struct rules_state *state, char out[RULES_TEXT_MAX])
{
	static const char *const supervised[] = {
		[RULES_FALSE] = "not supervised",
		[RULES_TRUE] = "supervised",
		[RULES_MAYBE] = "perhaps supervised",
	};
	static const char *const locked[] = {
		[RULES_FALSE] = "its user may remove management",
		[RULES_TRUE] = "its user cannot remove management",
		[RULES_MAYBE] = "perhaps its user cannot remove management",
	};
	static const char *const owner[] = {
		[RULES_CORPORATE] = "this service has it as corporate",
		[RULES_PERSONAL] = "this service has it as personal",
		[RULES_UNCHANGED] = "this service has it as before",
		[RULES_NO_RECORD] = "this service does not know it",
		[RULES_OWNER_OPEN] = "corporate or personal, depending",
	};

	snprintf(out, RULES_TEXT_MAX, "%s; %s; %s", supervised[state->supervised],
		 locked[state->locked], owner[state->owner]);
	return out;
}

/* ---- columns -------------------------------------------------------------------- */

static const struct {
	const char *code, *word;
	bool is_list;
} columns[RULES_COLUMN_COUNT] = {
	[RULES_OUT_RESTORE] = {"restore", "restore", false},
	[RULES_OUT_SETUP_ASSISTANT] = {"setup_assistant", "setup_assistant", false},
	[RULES_OUT_MGMT] = {"mgmt", "management", false},
	[RULES_OUT_THEN] = {"then", "then", false},
	[RULES_OUT_AT_RISK] = {"at_risk", "at_risk", false},
	[RULES_OUT_CONTENT] = {"content", "content", false},
	[RULES_OUT_SUPERVISED] = {"supervised", "supervised", false},
	[RULES_OUT_LOCKED] = {"locked", "locked", false},
	[RULES_OUT_OWNERSHIP] = {"ownership", "ownership", false},
	[RULES_OUT_ALSO] = {"also", "also", true},
	[RULES_OUT_ACTIONS] = {"actions", "actions", true},
	[RULES_OUT_ERROR] = {"error", "error", true},
	[RULES_OUT_CONFIDENCE] = {"confidence", "confidence", false},
	[RULES_OUT_ALT] = {"alt", "alternatives", true},
	[RULES_OUT_RULES] = {"rules", "rules", true},
};

const char *rules_column_name(enum rules_column column, enum rules_spelling spelling)
{
	return spelling == RULES_CODES ? columns[column].code : columns[column].word;
}

bool rules_column_is_list(enum rules_column column)
{
	return columns[column].is_list;
}

/* a list under way: words with one space between them; the longest lists fit (test_rules_words.c)
 */
struct line {
	char *text;
	size_t len;
};

static void line_add(struct line *line, const char *word)
{
	size_t len = strlen(word), gap = line->len > 0;

	assert(line->len + gap + len < RULES_TEXT_MAX);
	if (gap)
		line->text[line->len++] = ' ';
	memcpy(line->text + line->len, word, len + 1);
	line->len += len;
}

static void add_ids(struct line *line, const uint16_t *ids, size_t max)
{
	char text[8];
	size_t i;

	for (i = 0; i < max && ids[i]; i++)
		line_add(line, rules_id_text(ids[i], text));
}

static void add_actions(struct line *line, const uint8_t *list, enum rules_spelling spelling)
{
	size_t i;

	for (i = 0; i < RULES_ACTIONS_MAX && list[i]; i++)
		line_add(line, spelling == RULES_CODES ? rules_action(list[i])->code
						       : rules_action(list[i])->word);
}

static void add_alternatives(struct line *line, const uint8_t *list, enum rules_spelling spelling)
{
	size_t i;

	for (i = 0; i < RULES_ALTERNATIVES_MAX && list[i]; i++)
		line_add(line, rules_mgmt_word(list[i], spelling));
}

/* the columns that hold one word; NULL for the others */
static const char *single(const struct rules_outcome *outcome, enum rules_column column,
			  enum rules_spelling spelling)
{
	switch (column) {
	case RULES_OUT_RESTORE:
		return say(&restores[outcome->restore], spelling);
	case RULES_OUT_SETUP_ASSISTANT:
		return say(&assistants[outcome->assistant], spelling);
	case RULES_OUT_MGMT:
		return say(&mgmts[outcome->mgmt], spelling);
	case RULES_OUT_THEN:
		return say(&thens[outcome->then], spelling);
	case RULES_OUT_AT_RISK:
		return outcome->is_at_risk ? "yes" : "no";
	case RULES_OUT_CONTENT:
		return say(&contents[outcome->content], spelling);
	case RULES_OUT_SUPERVISED:
		return say(&truths[outcome->before.supervised], spelling);
	case RULES_OUT_LOCKED:
		return say(&truths[outcome->before.locked], spelling);
	case RULES_OUT_OWNERSHIP:
		return say(&owners[outcome->before.owner], spelling);
	case RULES_OUT_CONFIDENCE:
		return say(&confidences[outcome->confidence], spelling);
	default:
		return NULL;
	}
}

const char *rules_outcome_text(const struct rules_outcome *outcome, enum rules_column column,
			       enum rules_spelling spelling, char out[RULES_TEXT_MAX])
{
	const char *word = single(outcome, column, spelling);
	struct line line = {.text = out};

	out[0] = '\0';
	if (word)
		line_add(&line, word);
	else if (column == RULES_OUT_ALSO)
		add_actions(&line, outcome->first, spelling);
	else if (column == RULES_OUT_ACTIONS)
		add_actions(&line, outcome->actions, spelling);
	else if (column == RULES_OUT_ERROR)
		add_ids(&line, outcome->errors, RULES_ERRORS_MAX);
	else if (column == RULES_OUT_ALT)
		add_alternatives(&line, outcome->alternatives, spelling);
	else if (column == RULES_OUT_RULES)
		add_ids(&line, outcome->rules, RULES_WHY_MAX);
	return out;
}

/* ---- numbers of rules and errors ------------------------------------------------------ */

const char *rules_id_text(uint16_t id, char out[8])
{
	snprintf(out, 8, "%c-%02d", 'A' + id / 1000 - 1, id % 1000);
	return out;
}

uint16_t rules_id_parse(const char *text)
{
	char letter = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A') : text[0];
	unsigned number = 0;
	size_t digits;

	if (letter < 'A' || letter > 'Z' || text[1] != '-')
		return 0;
	for (digits = 0; text[2 + digits] >= '0' && text[2 + digits] <= '9' && digits < 4; digits++)
		number = number * 10 + (unsigned)(text[2 + digits] - '0');
	if (digits < 2 || digits > 3 || text[2 + digits])
		return 0;
	return RULES_ID(letter, number);
}

/* ---- comparing -------------------------------------------------------------------------- */

bool rules_outcome_equal(const struct rules_outcome *a, const struct rules_outcome *b)
{
	return !memcmp(a, b, offsetof(struct rules_outcome, after));
}

bool rules_outcome_same_head(const struct rules_outcome *a, const struct rules_outcome *b)
{
	return a->restore == b->restore && a->assistant == b->assistant && a->mgmt == b->mgmt &&
	       a->then == b->then;
}

enum rules_evidence rules_outcome_evidence(const struct rules_outcome *outcome)
{
	enum rules_evidence weakest = RULES_STATED;
	size_t i;

	for (i = 0; i < RULES_WHY_MAX && outcome->rules[i]; i++) {
		const struct rules_rule *rule = rules_rule(outcome->rules[i]);

		if (rule && rule->evidence > weakest)
			weakest = rule->evidence;
	}
	return weakest;
}
