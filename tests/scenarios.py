#!/usr/bin/env python3
"""Predicted against observed: what `rehome plan` says of stories, and what a device shows of them.

Each story is predicted by `rehome plan --facts` with everything known, and played by
`rehome-sim scenario` on a simulated device.  It is told again with each switch turned that the
prediction stands on, and with the doubts turned that `at_risk` stands for.  Stories of a real
service follow (scenarios_live.py).  A difference is somebody's mistake (docs/design/laboratory.md).
`make scenarios` runs this.
"""
import argparse
import collections
import csv
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from scenarios_facts import FIELDS, ROOT, candidate, choose, features, head, vectors
from scenarios_live import run_live
from scenarios_page import write_page

COMPARED = ('restore', 'setup_assistant', 'mgmt', 'then', 'content', 'supervised', 'locked')
CANDIDATES = 16000
FULL_COUNT = 500  # from here on, each rule, head and alternative must be shown

# refusals that nothing but the host stands for: it declines, and nothing may change
HOST_DECLINES = {'R-103', 'R-110', 'R-720'}

# rule: (the switch of `plan`, the switch of the device), each turned from its default
SWITCHES = {
    'R-154': ('os27_management=returns', 'os27_management=restored'),
    'R-152': ('flag26_profile=returns', 'flag26_mdm_profile=kept'),
    'R-801': ('plain_identity=lost', 'plain_identity=lost'),
    'R-802': ('server_uid=ignored', 'server_uid=ignored'),
    'R-803': ('account_driven=returns', 'account_enrollment=kept'),
    'R-804': ('hardware_identity=returns', 'hardware_identity=kept'),
    'R-805': ('orphan_record=returns', 'mandatory_without_mdm=kept'),
    'R-735': ('ade_without_profile=waits', 'without_profile=waits'),
}
# what at_risk warns of: the doubts of, and a service that changes its mind
DOUBTS = [({}, ('plain_identity=lost', 'profile_identity=lost', 'renewed_identity=refused')), ({'policy': 'refuse'}, ())]
# the alternative `none` is a Setup Assistant that does not go back to Remote Management
GOES_HOME = 'after_drop=home'
ENDS_IN_DOUBT = {'R-804', 'R-805'}

# what is compared with nothing; the number is asserted, so that none slips in or out unseen
WAITING = {
    'locked_replace': 'waits for ADE: only ADE leaves a locked profile of a service that the service enrolls over (R-809, R-204)',
    'owner_by_hand': 'waits for ADE: the switch is about a device that ADE assigns and that enrolls by hand (R-862)',
    'E-04, E-09': 'wait for ADE: Setup Assistant shows them (R-861)',
    'E-05, E-06, E-11': 'are of platform, OS range, device limit and licence, by which rehomed refuses nobody (L-10, L-11, L-20)',
    'directory': 'rehomed keeps no directory of users and devices (R-404, R-846)',
    'confidence': 'says how well something is known, and is nothing that a device shows',
}
WAITING_COUNT = 6
VECTOR_COUNT = 73
HEAD_COUNT, ALTERNATIVE_COUNT = 67, 17


class Run:
    """One telling of a story: as it is, with a switch turned, or in doubt."""

    def __init__(self, facts, kind='as told', switches=(), device=(), change=None):
        self.kind, self.switches, self.device = kind, tuple(switches), tuple(device)
        self.facts = {**facts, **(change or {})}
        self.change = change or {}
        self.predicted = self.observed = None
        self.differences = []


class Story:
    def __init__(self, name, facts):
        self.name, self.facts = name, facts
        self.runs = [Run(facts)]
        self.differences = []

    @property
    def told(self):
        return self.runs[0]


class Programs:
    """Both sides as tables in and tables out."""

    def __init__(self, build):
        self.build = pathlib.Path(build)
        memory = pathlib.Path('/dev/shm')
        base = os.environ.get('TMPDIR') or (str(memory) if os.access(memory, os.W_OK) else None)
        self.folder = tempfile.TemporaryDirectory(prefix='rehome-scenarios-', dir=base)

    def plan(self, rows, switches):
        table = pathlib.Path(self.folder.name) / 'facts.csv'
        table.write_text(rows_to_csv(rows))
        options = [word for switch in switches for word in ('--switch', switch)]
        done = subprocess.run([self.build / 'rehome', 'plan', '--quiet', '--facts', table, *options], capture_output=True, text=True)
        outcomes = [{name[4:]: word for name, word in row.items() if name.startswith('out_')}
                    for row in csv.DictReader(io.StringIO(done.stdout))]
        if done.returncode or len(outcomes) != len(rows):
            raise SystemExit(f'plan: {len(rows)} rows, {len(outcomes)} outcomes: {done.stderr}')
        return outcomes

    def play(self, rows):
        """One process a core."""
        parts = [part for part in (rows[i::os.cpu_count()] for i in range(os.cpu_count())) if part]
        started = []
        for number, part in enumerate(parts):
            table = pathlib.Path(self.folder.name) / f'stories-{number}.csv'
            table.write_text(rows_to_csv(part))
            with open(table) as facts:
                started.append(subprocess.Popen([self.build / 'rehome-sim', 'scenario'], stdin=facts, stdout=subprocess.PIPE, text=True,
                                                stderr=subprocess.PIPE, env={**os.environ, 'TMPDIR': self.folder.name}))
        seen = [None] * len(rows)
        for number, process in enumerate(started):
            text, messages = process.communicate()
            observed = [{name[4:]: word for name, word in row.items() if name.startswith('obs_')}
                        for row in csv.DictReader(io.StringIO(text))]
            if len(observed) != len(parts[number]):
                raise SystemExit(f'scenario: {len(parts[number])} stories, {len(observed)} told: {messages}')
            seen[number::len(parts)] = observed
        return seen


def rows_to_csv(rows):
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator='\n')
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def row_of(facts, name):
    return {'id': name, **{'in_' + field: word for field, word in facts.items()}}


# ---- predicted and observed ----


def predict(programs, runs):
    groups = collections.defaultdict(list)
    for run in runs:
        groups[run.switches].append(run)
    for switches, group in groups.items():
        outcomes = programs.plan([row_of(run.facts, f'r{i}') for i, run in enumerate(group)], switches)
        for run, outcome in zip(group, outcomes):
            run.predicted = outcome


def host_declines(run):
    return run.facts['scenario'] == 'restore' and bool(HOST_DECLINES & set(run.predicted['rules'].split()))


def carry_out(run):
    return 'no' if host_declines(run) else 'yes'


def observe(programs, runs):
    rows = [{**row_of(run.facts, f'r{i}'), 'in_carry_out': carry_out(run), 'switches': ' '.join(run.device)}
            for i, run in enumerate(runs)]
    for run, observed in zip(runs, programs.play(rows)):
        run.observed = observed


def compare(run):
    """(column, predicted, observed) where they differ; what the rules leave open (`?`) may be either"""
    if run.observed['error']:
        return [('the story', 'can be played', run.observed['error'])]
    words = {'refused_by_policy': 'refused'}
    pairs = [(column, words.get(run.predicted[column], run.predicted[column]), run.observed[column]) for column in COMPARED]
    return [pair for pair in pairs if pair[1] != '?' and pair[1] != pair[2]]


def turned(run):
    """The same story with one switch more, for each that the prediction stands on"""
    for rule in run.predicted['rules'].split():
        engine, device = SWITCHES.get(rule, (None, None))
        if engine and engine not in run.switches:
            yield Run(run.facts, 'turned', (*run.switches, engine), (*run.device, device))


def doubted(run):
    rules = set(run.predicted['rules'].split())
    if run.predicted['mgmt'] == 'this':
        for change, device in DOUBTS:
            yield Run(run.facts, 'in doubt', run.switches, (*run.device, *device), change)
    if rules & ENDS_IN_DOUBT and run.predicted['setup_assistant'] != 'NA':
        yield Run(run.facts, 'goes home', run.switches, (*run.device, GOES_HOME))


def tell(programs, stories):
    """Play every story, and its tellings with switches turned until none is left to turn."""
    new = [(story, story.told) for story in stories]
    while new:
        predict(programs, [run for _, run in new])
        doubts = [(story, run, doubt) for story, run in new for doubt in doubted(run)]
        for _, run, doubt in doubts:
            doubt.predicted = run.predicted
        observe(programs, [run for _, run in new] + [doubt for _, _, doubt in doubts])
        for _, run in new:
            run.differences = compare(run)
        for story, run, doubt in doubts:
            story.runs.append(doubt)
            if doubt.observed['error']:
                doubt.differences = [('the story', 'can be played', doubt.observed['error'])]
        check_risk(new, doubts)
        seen = {(id(story), frozenset(run.switches)) for story in stories for run in story.runs if run.kind in ('as told', 'turned')}
        fresh = []
        for story, run in new:
            for more in turned(run):
                if (id(story), frozenset(more.switches)) not in seen:
                    seen.add((id(story), frozenset(more.switches)))
                    story.runs.append(more)
                    fresh.append((story, more))
        new = fresh
    for story in stories:
        check_alternatives(story)
        story.differences = [difference for run in story.runs for difference in run.differences]


def check_risk(new, doubts):
    """at_risk says that the relation may be stale after all: it must be so with a doubt turned, or not at all"""
    stale = collections.defaultdict(bool)
    for _, run, doubt in doubts:
        stale[id(run)] |= doubt.kind == 'in doubt' and doubt.observed['mgmt'] == 'stale_this'
    for _, run in new:
        observed = 'yes' if stale[id(run)] else 'no'
        if observed != run.predicted['at_risk']:
            run.differences.append(('at_risk', run.predicted['at_risk'], observed))


def check_alternatives(story):
    """What a weaker source says (alt) must be produced with some switch turned"""
    shown = {run.observed['mgmt'] for run in story.runs}
    for other in story.told.predicted['alt'].split():
        if other not in shown:
            story.told.differences.append(('alt', other, 'never'))


# ---- which stories ----


def generated(programs, seed, count):
    facts = [candidate(seed, number) for number in range(CANDIDATES)]
    outcomes = programs.plan([row_of(one, f'g{number}') for number, one in enumerate(facts)], ())
    possible = [None if outcome['restore'] == 'invalid' else outcome for outcome in outcomes]
    return [Story(f'g{number}', facts[number]) for number in choose(possible, count)]


def one(name, seed):
    named = dict(vectors())
    if name in named:
        return Story(name, named[name])
    if name[:1] == 'g' and name[1:].isdigit():
        return Story(name, candidate(seed, int(name[1:])))
    raise SystemExit(f'{name} is no vector (T01 ...), generated story (g0 ...), or story of a service (L-current ...)')


def rules_of_design():
    """Every rule that decides: those of the table in docs/design/rules.md"""
    text = (ROOT / 'docs' / 'design' / 'rules.md').read_text()
    order = text[text.index('## Order of evaluation'):text.index('## Unknown facts')]
    return set(re.findall(r'[RML]-\d+', order)) - {'R-711'}  # a contradiction is no story


def shortfall(stories):
    """What ought to be shown by a full run, and was not"""
    shown = {feature for story in stories for feature in features(story.told.predicted)}
    heads = {feature for feature in shown if feature[0] == 'head'}
    alternatives = {feature for feature in shown if feature[0] == 'alt'}
    missing = [f'no story is decided by {rule}' for rule in sorted(rules_of_design() - {f[1] for f in shown if f[0] == 'rule'})]
    if len(heads) != HEAD_COUNT:
        missing.append(f'{len(heads)} kinds of outcome, not {HEAD_COUNT}')
    if len(alternatives) != ALTERNATIVE_COUNT:
        missing.append(f'{len(alternatives)} kinds of alternative, not {ALTERNATIVE_COUNT}')
    return missing


def run_scenarios(build, seed, count, names=()):
    """Returns (stories told, what was to be shown and was not)"""
    programs = Programs(build)
    if names:
        stories = [one(name, seed) for name in names]
    else:
        stories = [Story(name, facts) for name, facts in vectors()]
        assert len(stories) == VECTOR_COUNT, f'{len(stories)} vectors, not {VECTOR_COUNT}'
        if count:
            stories += generated(programs, seed, count)
    tell(programs, stories)
    return stories, shortfall(stories) if count >= FULL_COUNT and not names else []


# ---- the command ----


def difference_text(difference):
    column, predicted, observed = difference
    return f'{column}: predicted {predicted or "nothing"}, observed {observed or "nothing"}'


def tell_one(story):
    usual = {field: words[0] for field, words in FIELDS.items()}
    print(f'{story.name}: ' + ' '.join(f'{field}={word}' for field, word in story.facts.items() if word != usual[field]))
    for run in story.runs:
        how = ' '.join([*run.device, *(f'{field}={word}' for field, word in run.change.items())])
        print(f'\n  {run.kind}{": " + how if how else ""}   (rules {run.predicted["rules"]})')
        for column in COMPARED:
            print(f'    {column:16} {run.predicted[column]:18} {run.observed[column]}')
        for difference in run.differences:
            print(f'    differs: {difference_text(difference)}')
        print('    ' + replay_line(run))


def tell_live(story):
    print(f'\n{story.name}: {story.title} ({", ".join(story.steps)})')
    for column, observed in story.observed.items():
        print(f'    {column:16} {story.predicted[column]:34} {observed}')
    print('    shown: ' + '; '.join(' '.join(what) for what in sorted(story.shown)))
    for difference in story.differences:
        print(f'    differs: {difference_text(difference)}')


def replay_line(run):
    """The command that plays this telling by hand"""
    words = [f'{field}={word}' for field, word in run.facts.items() if field not in ('goal', 'directory')]
    switches = [word for switch in run.device for word in ('--switch', switch)]
    declined = ['carry_out=no'] if host_declines(run) else []
    return ' '.join(['rehome-sim scenario', *switches, *words, *declined])


def main():
    words = argparse.ArgumentParser(description='predicted against observed: stories told by both sides')
    words.add_argument('--build', type=pathlib.Path, default=pathlib.Path('build'))
    words.add_argument('--seed', type=int, help='of the generated stories; printed where not given')
    words.add_argument('--count', type=int, default=520, help='generated stories beside the vectors')
    words.add_argument('--id', action='append', default=[], metavar='ID', help='only this story, told in full: T01 ..., g0 ..., L-current ...')
    words.add_argument('--page', type=pathlib.Path, help='the HTML page (default: BUILD/scenarios.html)')
    words = words.parse_args()
    seed = words.seed if words.seed is not None else int.from_bytes(os.urandom(3), 'big')
    if not (words.build / 'rehome-sim').exists():
        raise SystemExit(f'{words.build} holds no rehome-sim: run make first')
    print(f'seed {seed} (repeat with SEED={seed}, one story with ID=...)', flush=True)
    by_service = [name for name in words.id if name.startswith('L-')]
    in_words = [name for name in words.id if name not in by_service]
    stories, missing, live = [], [], []
    if in_words or not words.id:
        stories, missing = run_scenarios(words.build, seed, words.count, in_words)
    if by_service or not words.id:
        live, not_shown = run_live(words.build, by_service)
        missing += not_shown
    for story in stories if words.id else ():
        tell_one(story)
    for story in live if words.id else ():
        tell_live(story)
    failed = [story for story in [*stories, *live] if story.differences]
    for story in failed:
        print(f'FAIL {story.name}: ' + '; '.join(difference_text(difference) for difference in story.differences[:4]))
    for text in missing:
        print(f'FAIL {text}')
    if not words.id:
        assert len(WAITING) == WAITING_COUNT, 'a skip was added or taken away: say so in WAITING_COUNT'
        print('\ncompared with nothing:')
        for name, why in WAITING.items():
            print(f'  {name}: {why}')
        kinds = collections.Counter(run.kind for story in stories for run in story.runs)
        print(f'stories of a service: {len(live)}')
        print('tellings: ' + ', '.join(f'{count} {kind}' for kind, count in kinds.items()))
        print(f'kinds of outcome: {len({head(story.told.predicted) for story in stories})}')
        page = words.page or words.build / 'scenarios.html'
        write_page(page, stories, missing, WAITING, seed, COMPARED, replay_line, live)
        print(f'page: {page}')
    print(f'{len(stories) + len(live) - len(failed)} passed, {len(failed) + len(missing)} failed, {0 if words.id else WAITING_COUNT} skipped')
    return 1 if failed or missing else 0


if __name__ == '__main__':
    sys.exit(main())
