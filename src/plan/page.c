/*
 * The report: one HTML file, offline, printable, without scripts.
 *
 * Written as it comes, whatever the size of the fleet: the counts, known only at the end, stand at
 * the end of the file and are shown at the top (flex order).  Every text from outside is escaped.
 */
#include "plan/internal.h"

#include <stdlib.h>
#include <string.h>

enum { KINDS = 8 };

struct plan_page {
	struct plan_sink sink;
	uint64_t rows, open;           /* open: more than one outcome is possible */
	uint64_t counts[KINDS][KINDS]; /* by restore and management */
};

static const char style[] =
	"body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
	"color:#1b1f24;background:#fff}"
	"main{display:flex;flex-direction:column}"
	"h1{font-size:1.4rem;margin:0 0 .2rem}h2{font-size:1rem;margin:.9rem 0 .2rem}"
	"header{order:-2}.counts{order:-1;border-collapse:collapse;margin:1rem 0}"
	".counts td,.counts th{padding:.2rem .8rem .2rem 0;text-align:left}"
	".counts .n{text-align:right;font-variant-numeric:tabular-nums}"
	"details{border-top:1px solid #d0d7de;padding:.35rem 0}"
	"summary{cursor:pointer;display:grid;grid-template-columns:1.1rem 11rem 9rem 1fr;gap:.6rem}"
	"summary::before{content:'\\25B8'}details[open] summary::before{content:'\\25BE'}"
	".w{font-weight:600}.good{color:#116329}.care{color:#7d4e00}.stop{color:#a40e26}"
	".dim{color:#57606a}dl{display:grid;grid-template-columns:10rem 1fr;gap:.1rem "
	".8rem;margin:.3rem 0}"
	"dt{color:#57606a}dd{margin:0}ol,ul{margin:.2rem 0;padding-left:1.4rem}"
	".box{margin:.2rem 0 .8rem 1.7rem}q{font-style:italic}"
	"@media print{body{margin:0;max-width:none}details{break-inside:avoid}"
	"details::details-content{content-visibility:visible;display:block;height:auto}}";

/* ---- escaped writing ------------------------------------------------------------- */

struct out {
	const struct plan_sink *sink;
	struct err *err;
	int r;
};

static void raw(struct out *out, const char *html)
{
	if (out->r == 0)
		out->r = plan_sink_text(out->sink, html, out->err);
}

static void text(struct out *out, const char *value)
{
	while (*value && out->r == 0) {
		size_t plain = strcspn(value, "&<>\"'");

		if (plain > 0)
			out->r = out->sink->write(out->sink->arg, slice_of(value, plain), out->err);
		value += plain;
		switch (*value) {
		case '&':
			raw(out, "&amp;");
			break;
		case '<':
			raw(out, "&lt;");
			break;
		case '>':
			raw(out, "&gt;");
			break;
		case '"':
			raw(out, "&quot;");
			break;
		case '\'':
			raw(out, "&#39;");
			break;
		default:
			continue;
		}
		value++;
	}
}

static void number(struct out *out, uint64_t value)
{
	if (out->r == 0)
		out->r = plan_sink_format(out->sink, out->err, "%llu", (unsigned long long)value);
}

static void term(struct out *out, const char *name, const char *value)
{
	raw(out, "<dt>");
	text(out, name);
	raw(out, "</dt><dd>");
	text(out, value);
	raw(out, "</dd>");
}

/* ---- one device ---------------------------------------------------------------------- */

/* how much a reader should worry: the colour of a row */
static const char *mood(const struct rules_set *set)
{
	const char *worst = "good";

	for (size_t i = 0; i < set->count; i++) {
		const struct rules_outcome *outcome = &set->outcomes[i];

		if (outcome->restore != RULES_POSSIBLE || outcome->mgmt == RULES_MGMT_STALE_THIS ||
		    outcome->mgmt == RULES_MGMT_STALE_OTHER || outcome->mgmt == RULES_MGMT_NONE)
			return "stop";
		if (set->count > 1 || outcome->is_at_risk || outcome->errors[0] ||
		    outcome->mgmt == RULES_MGMT_OTHER || outcome->mgmt == RULES_MGMT_OTHER_NEW)
			worst = "care";
	}
	return worst;
}

static void summary(struct out *out, const struct rules_set *set, const struct plan_case *kase)
{
	char line[PLAN_TEXT_MAX * 2];

	raw(out, "<details><summary><span class=w>");
	text(out, kase->name[0] ? kase->name : kase->serial[0] ? kase->serial : "a device");
	raw(out, "</span><span class=dim>");
	text(out, kase->serial);
	raw(out, "</span><span class=");
	raw(out, mood(set));
	raw(out, ">");
	if (set->count == 1)
		text(out, plan_headline(&set->outcomes[0], line));
	else
		text(out, "depends on what is not known yet");
	raw(out, "</span></summary><div class=box>");
}

static void actions(struct out *out, const struct rules_outcome *outcome)
{
	if (!outcome->first[0] && !outcome->actions[0])
		return;
	raw(out, "<h2>What to do</h2><ol>");
	for (int i = 0; i < RULES_ACTIONS_MAX * 2; i++) {
		bool is_first = i < RULES_ACTIONS_MAX;
		int at = is_first ? i : i - RULES_ACTIONS_MAX;
		uint8_t action = is_first ? outcome->first[at] : outcome->actions[at];
		const struct rules_action_row *row;

		if (!action)
			continue;
		row = rules_action((enum rules_action)action);
		raw(out, "<li>");
		if (!is_first && at > 0 && outcome->is_choice)
			raw(out, "<span class=dim>If that fails or is not wanted:</span> ");
		text(out, row->sentence);
		if (row->price) {
			raw(out, " <span class=dim>Costs: ");
			text(out, row->price);
			raw(out, "</span>");
		}
		raw(out, "</li>");
	}
	raw(out, "</ol>");
}

static void errors(struct out *out, const struct rules_outcome *outcome)
{
	for (int i = 0; i < RULES_ERRORS_MAX && outcome->errors[i]; i++) {
		const struct rules_error_row *row = rules_error(outcome->errors[i]);

		raw(out, i == 0 ? "<h2>What the user will see</h2><ul><li><q>" : "<li><q>");
		text(out, row->text);
		raw(out, "</q> <span class=dim>");
		text(out, row->where);
		raw(out, "</span></li>");
		if (i + 1 == RULES_ERRORS_MAX || !outcome->errors[i + 1])
			raw(out, "</ul>");
	}
}

static void why(struct out *out, const struct rules_outcome *outcome)
{
	char id[8];

	raw(out, "<h2>Why</h2><ul>");
	for (int i = 0; i < RULES_WHY_MAX && outcome->rules[i]; i++) {
		const struct rules_rule *rule = rules_rule(outcome->rules[i]);

		raw(out, "<li><span class=dim>");
		text(out, rules_id_text(rule->id, id));
		raw(out, "</span> ");
		text(out, rule->sentence);
		raw(out, "</li>");
	}
	raw(out, "</ul>");
}

static void outcome_block(struct out *out, const struct rules_outcome *outcome)
{
	char words[RULES_TEXT_MAX];

	raw(out, "<dl>");
	term(out, "Restore", rules_restore_sentence((enum rules_restore)outcome->restore));
	term(out, "Setup Assistant",
	     rules_assistant_sentence((enum rules_assistant)outcome->assistant));
	term(out, "Management", rules_mgmt_sentence((enum rules_mgmt)outcome->mgmt));
	if (outcome->then != RULES_STAYS)
		term(out, "Later", rules_then_sentence((enum rules_then)outcome->then));
	term(out, "Content", rules_content_sentence((enum rules_content)outcome->content));
	term(out, "Afterwards", rules_state_text(&outcome->before, words));
	if (outcome->after.supervised)
		term(out, "Once enrolled by hand", rules_state_text(&outcome->after, words));
	term(out, "How sure",
	     rules_outcome_text(outcome, RULES_OUT_CONFIDENCE, RULES_WORDS, words));
	term(out, "Weakest evidence", rules_evidence_word(rules_outcome_evidence(outcome)));
	for (int i = 0; i < RULES_ALTERNATIVES_MAX && outcome->alternatives[i]; i++)
		term(out, "A weaker source says",
		     rules_mgmt_sentence((enum rules_mgmt)outcome->alternatives[i]));
	raw(out, "</dl>");
	actions(out, outcome);
	errors(out, outcome);
	why(out, outcome);
}

static void count(struct plan_page *page, const struct rules_set *set)
{
	page->rows++;
	if (set->count == 1)
		page->counts[set->outcomes[0].restore % KINDS][set->outcomes[0].mgmt % KINDS]++;
	else
		page->open++;
}

int plan_page_row(struct plan_page *page, const struct plan_answer *answer,
		  const struct plan_case *kase, struct err *err)
{
	struct out out = {&page->sink, err, 0};
	struct plan_groups groups;

	count(page, &answer->set);
	plan_groups_make(&groups, &answer->set);
	summary(&out, &answer->set, kase);
	if (kase->source[0]) {
		raw(&out, "<p class=dim>From ");
		text(&out, kase->source);
		raw(&out, "</p>");
	}
	for (size_t i = 0; i < groups.count; i++) {
		if (groups.count > 1) {
			raw(&out, "<h2>Possible outcome ");
			number(&out, i + 1);
			raw(&out, "</h2>");
		}
		outcome_block(&out, &answer->set.outcomes[groups.first[i]]);
	}
	if (answer->set.question != RULES_FIELD_COUNT) {
		raw(&out, "<h2>To know more, ask</h2><p>");
		text(&out, rules_field_question(answer->set.question));
		raw(&out, "</p>");
	}
	raw(&out, "</div></details>\n");
	return out.r;
}

/* ---- the page ---------------------------------------------------------------------------- */

int plan_page_new(struct plan_page **out, const char *title, int64_t now,
		  const struct plan_sink *sink, struct err *err)
{
	CLEANUP(plan_page_free_p) struct plan_page *page = calloc(1, sizeof(*page));
	struct out to = {sink, err, 0};
	char date[21];

	if (!page)
		return err_no_memory(err);
	page->sink = *sink;
	raw(&to, "<!doctype html><html lang=en><head><meta charset=utf-8>"
		 "<meta name=viewport content=\"width=device-width\">"
		 "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
		 "style-src 'unsafe-inline'\"><title>");
	text(&to, title);
	raw(&to, "</title><style>");
	raw(&to, style);
	raw(&to, "</style></head><body><main><header><h1>");
	text(&to, title);
	raw(&to, "</h1><span class=dim>planned by Rehome on ");
	text(&to, time_format_utc(now, date));
	raw(&to, "; nothing has been done to any device</span></header>\n");
	if (to.r == 0)
		*out = STEAL(page);
	return to.r;
}

static void count_row(struct out *out, uint64_t devices, const char *label)
{
	if (devices == 0)
		return;
	raw(out, "<tr><td class=n>");
	number(out, devices);
	raw(out, "</td><td>");
	text(out, label);
	raw(out, "</td></tr>");
}

int plan_page_end(struct plan_page *page, struct err *err)
{
	struct out out = {&page->sink, err, 0};
	char label[PLAN_TEXT_MAX * 2];

	raw(&out, "<table class=counts><tr><th class=n>Devices</th><th>Outcome</th></tr>");
	for (int restore = 1; restore < KINDS; restore++)
		for (int mgmt = 1; mgmt < KINDS; mgmt++) {
			if (page->counts[restore][mgmt] == 0)
				continue;
			snprintf(label, sizeof(label), "%s%s%s",
				 restore == RULES_POSSIBLE
					 ? ""
					 : rules_restore_sentence((enum rules_restore)restore),
				 restore == RULES_POSSIBLE ? "" : " ",
				 rules_mgmt_sentence((enum rules_mgmt)mgmt));
			count_row(&out, page->counts[restore][mgmt], label);
		}
	count_row(&out, page->open, "depends on what is not known yet");
	raw(&out, "<tr><td class=n>");
	number(&out, page->rows);
	raw(&out, "</td><td>in all</td></tr></table></main></body></html>\n");
	return out.r;
}

void plan_page_free_p(struct plan_page **page)
{
	free(*page);
	*page = NULL;
}
