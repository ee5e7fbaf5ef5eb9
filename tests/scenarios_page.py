"""The page of tests/scenarios.py: one file, no scripts, nothing fetched."""
import html

STYLE = """
body { font: 15px/1.45 sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100%; margin: .5em 0 1.5em } th, td { text-align: left; padding: .2em .6em; vertical-align: top }
th { border-bottom: 1px solid #888 } tr { border-bottom: 1px solid #ddd } code { font-size: 12px; overflow-wrap: anywhere }
.bad { color: #a00; font-weight: bold } .good { color: #060 } summary { cursor: pointer } details { border-bottom: 1px solid #ddd; padding: .2em 0 }
@media print { details { display: none } }
"""


def cell(text, tag='td', kind=''):
    return f'<{tag}{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{html.escape(str(text))}</{tag}>'


def table(names, rows):
    body = '\n'.join('<tr>' + ''.join(row) + '</tr>' for row in rows)
    return f'<table>\n<tr>{"".join(cell(name, "th") for name in names)}</tr>\n{body}\n</table>'


def differences(stories):
    rows = [[cell(story.name), cell(column), cell(predicted), cell(observed, kind='bad')]
            for story in stories for column, predicted, observed in story.differences]
    return table(['story', 'what', 'predicted', 'observed'], rows) if rows else '<p class="good">None.</p>'


def telling(run, compared, replay_line):
    how = ', '.join([*run.device, *(f'{field}={word}' for field, word in run.change.items())])
    is_free = run.kind in ('in doubt', 'goes home')
    rows = [[cell(column), cell(run.predicted[column]),
             cell(run.observed[column], kind='bad' if any(d[0] == column for d in run.differences) else '')] for column in compared]
    rows += [[cell('at_risk'), cell(run.predicted['at_risk']), cell('')], [cell('alt'), cell(run.predicted['alt']), cell('')],
             [cell('rules'), cell(run.predicted['rules']), cell(run.observed['row'])]]
    title = html.escape(run.kind + (f': {how}' if how else ''))
    note = ' (shows what the prediction warns of)' if is_free else ''
    return f'<p><b>{title}</b>{note}<br><code>{html.escape(replay_line(run))}</code></p>' + table(['', 'predicted', 'observed'], rows)


def story_part(story, seed, compared, replay_line):
    mark = '<span class="bad">differs</span>' if story.differences else '<span class="good">as predicted</span>'
    told = story.told.predicted
    line = html.escape(f'{told["restore"]}, {told["setup_assistant"]}, {told["mgmt"]}, {told["content"]}')
    facts = html.escape(' '.join(f'{field}={word}' for field, word in story.facts.items()))
    again = html.escape(f'make scenarios SEED={seed} ID={story.name}')
    runs = '\n'.join(telling(run, compared, replay_line) for run in story.runs)
    return (f'<details id="{html.escape(story.name)}"><summary>{html.escape(story.name)} {mark}: {line}</summary>\n'
            f'<p>Again: <code>{again}</code></p><p>Facts: <code>{facts}</code></p>\n{runs}\n</details>')


def live_rows(live):
    return [[cell(story.name), cell(story.title), cell(', '.join(f'{what} {story.predicted.get(what, "")}' for what in story.observed)),
             cell('; '.join(' '.join(what) for what in sorted(story.shown))),
             cell('differs' if story.differences else 'as predicted', kind='bad' if story.differences else 'good')] for story in live]


def write_page(path, stories, missing, waiting, seed, compared, replay_line, live=()):
    """Counts, differences first, then each story with its facts, both answers, and how to play it again; @live: those of a
    real service"""
    failed = [story for story in stories if story.differences]
    tellings = sum(len(story.runs) for story in stories)
    named = sum(1 for story in stories if story.name[0] == 'T')
    counts = [[cell('stories'), cell(f'{len(stories)}: {named} named, {len(stories) - named} generated')],
              [cell('stories of a real service'), cell(len(live))],
              [cell('tellings, with switches turned'), cell(tellings)], [cell('stories that differ'), cell(len(failed) + sum(1 for story in live if story.differences))],
              [cell('not shown'), cell('; '.join(missing) or 'nothing')], [cell('seed'), cell(seed)]]
    waits = [[cell(name), cell(why)] for name, why in waiting.items()]
    parts = '\n'.join(story_part(story, seed, compared, replay_line) for story in failed + [s for s in stories if not s.differences])
    path.write_text(f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Predicted against observed</title><style>{STYLE}</style></head><body>
<h1>Predicted against observed</h1>
<p>What <code>rehome plan</code> says of a story, and what a simulated device shows of it.</p>
{table(['', ''], counts)}
<h2>Differences</h2>
{differences([*failed, *(story for story in live if story.differences)])}
<h2>With a real service</h2>
{table(['story', 'what happened', 'predicted', 'shown', ''], live_rows(live))}
<h2>Compared with nothing</h2>
{table(['what', 'why'], waits)}
<h2>Stories</h2>
{parts}
</body></html>
""")
