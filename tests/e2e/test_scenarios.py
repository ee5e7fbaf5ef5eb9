"""Predicted against observed, a sample: what plan says of stories, and what simulated devices do."""
import contextlib
import html.parser
import io
import pathlib
import re
import sys

from harness import case, check, same

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import scenarios  # noqa: E402
import scenarios_live  # noqa: E402


def told(stories):
    return [f'{story.name}: {scenarios.difference_text(difference)}' for story in stories for difference in story.differences]


@case('what plan predicts is what devices do: every named story, and some by chance')
def sample(world):
    seed = world.random.randrange(1 << 24)
    stories, missing = scenarios.run_scenarios(world.build, seed, 500 if world.level == 'soak' else 40)
    same([], told(stories), f'differences (seed {seed})')
    same([], missing, f'what was to be shown (seed {seed})')
    check(len(stories) >= 73 + 40, len(stories))
    kinds = {run.kind for story in stories for run in story.runs}
    same({'as told', 'turned', 'in doubt', 'goes home'}, kinds, 'ways in which stories are told')


@case('a difference between prediction and observation is told, and stands first on a page without scripts')
def a_difference(world):
    stories, _ = scenarios.run_scenarios(world.build, 1, 0, ['T01', 'T41'])
    same([], told(stories), 'differences')
    story = stories[0]
    story.told.observed['mgmt'] = '<b>none</b>'
    story.differences = scenarios.compare(story.told)
    same([('mgmt', 'this', '<b>none</b>')], story.differences, 'a difference is seen')
    page = world.dir / 'page.html'
    scenarios.write_page(page, stories, [], scenarios.WAITING, 1, scenarios.COMPARED, scenarios.replay_line)
    text = page.read_text()
    html.parser.HTMLParser().feed(text)
    check('<b>none</b>' not in text and '&lt;b&gt;none&lt;/b&gt;' in text, 'what devices say is escaped')
    check(not re.search(r'<script|https?://|src=|@import|url\(', text), 'nothing is run or fetched')
    check(text.index('id="T01"') < text.index('id="T41"') and 'make scenarios SEED=1 ID=T41' in text, 'how to tell it again')


@case('one story is told again by its number and seed alone')
def again(world):
    told = []
    for _ in range(2):
        with contextlib.redirect_stdout(io.StringIO()) as text:
            scenarios.tell_one(scenarios.run_scenarios(world.build, 7, 0, ['g12'])[0][0])
        told.append(text.getvalue())
    same(told[0], told[1], 'twice the same')
    check('as told' in told[0] and 'rehome-sim scenario' in told[0], told[0])


@case('what plan predicts from the record of a running service is what comes of it: identities, words and next steps')
def by_service(world):
    stories, _ = scenarios_live.run_live(world.build, ['L-superseded', 'L-deleted', 'L-barred', 'L-other-service'], world.env)
    same([], told(stories), 'differences')
    shown = set().union(*(story.shown for story in stories))
    check({('error', 'E-01'), ('error', 'E-02'), ('ownership', 'corporate'), ('relation', 'this', 'retired')} <= shown, shown)


@case('a story of a running service tells where it differs')
def service_difference(world):
    story = scenarios_live.Story('L-ended', 'R-841', 'none', ['enroll', 'back_up', 'erase'], {'record_generation': 'newer'})
    scenarios_live.tell_safely(world.build, story, world.env)
    check(('management', 'stale_this', 'this') in story.differences, story.differences)
