"""Predicted against observed with a real service: `rehome plan --record`, and devices that enroll with `rehomed`.

Each story has a service of its own and a simulated device.  `rehome` backs it up; something happens to the device or to its
record; `rehome plan` predicts with what the service then says; `rehome` restores; the device calls.  Compared are what it shows,
whom the record says it belongs to, the words that a person reads, and whether each action that the prediction names leads to the
goal.  No fact of the relation is told in words (docs/design/laboratory.md).
"""
import concurrent.futures
import contextlib
import copy
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'e2e'))
import harness  # noqa: E402
from serving import poll, serving, wait_for  # noqa: E402

OS = '18.6'
# what neither backup nor service tells, and no story is about; ADE comes with Apple's services
FACTS = {'reset': 'erased_locally', 'goal': 'this', 'ade_assigned': 'none', 'directory_record': 'present'}
SETUP = {'home': 'ends_home', 'remote_management': 'resumes_at_remote_management',
         'no_remote_management': 'resumes_without_remote_management'}
STALE = ('refused', 'unreachable')


class Story:
    """`steps`: methods of Stage, with `back_up` among them; `rule`: what the prediction must rest on.  `is_held`: the service holds what would end the relation until an
    operator has looked at the restore; what comes then is what counts.  `in_doubt`: shows what `at_risk` warns of"""

    def __init__(self, name, rule, title, steps, facts=(), options=(), born=(), to_other_device=False, is_held=False, in_doubt=False):
        self.name, self.rule, self.title, self.steps, self.facts = name, rule, title, steps, dict(facts)
        self.options, self.born, self.to_other_device = options, born, to_other_device
        self.is_held, self.in_doubt = is_held, in_doubt
        self.differences, self.predicted, self.observed, self.shown = [], {}, {}, set()

    def differ(self, what, predicted, observed):
        if predicted != observed:
            self.differences.append((what, predicted, observed))


class Stage:
    """A story under way."""

    def __init__(self, world, service, story):
        self.world, self.service, self.story = world, service, story
        self.ipad = world.small('ipad', '--os', OS, *story.born, files=5)
        self.target = world.small('target', '--os', OS, files=1, seed=2) if story.to_other_device else self.ipad
        self.udid = world.udid(self.ipad)

    # ---- what happens to the device and to its record

    def enroll(self, folder=None):
        self.service.enroll(folder or self.ipad)
        poll(self.world, folder or self.ipad)

    def poll(self):
        poll(self.world, self.ipad)

    def erase(self):
        self.world.person(self.target, 'erase')

    def set_up(self):
        self.world.person(self.ipad, 'finish-setup')

    def renew(self):
        before = self.certificate()
        self.restart()  # it looks for what is due once a minute, and at its start
        wait_for(lambda: poll(self.world, self.ipad) and self.certificate() != before, 90)

    def certificate(self):
        return self.world.sim('mdm', self.ipad, 'show', '--json').json()['certificate_sha256']

    def restart(self, *options):
        self.service.stop()
        self.service.words += options
        self.service.start()

    def bar_personal(self):
        self.restart('--personal-blocked', 'yes')

    def retire(self):
        self.service.act('retire', self.udid)

    def wipe(self):
        self.service.act('wipe', self.udid)

    def cancel(self):
        for row in self.service.api('GET', f'/enrollments/{self.udid}/commands')['queue']:
            self.service.api('DELETE', f'/commands/{row["uuid"]}')
        self.story.shown.add(('action', 'cancel_pending_action'))

    def note_contacts(self):
        """They are written once a minute, and at its end; whoever was heard since is not hidden for long."""
        self.restart()

    def hide(self):
        self.service.act('hide', self.udid)

    def delete(self):
        self.service.act('delete', self.udid)

    def import_identifier(self):
        self.service.api('POST', '/identifiers', identifiers=[{'identifier': self.world.facts(self.ipad)['serial']}])

    # ---- backup, plan, restore

    def back_up(self):
        self.world.init()
        mux = self.world.simulator(self.ipad)
        self.world.paired(mux, self.ipad)
        self.world.rehome('backup', self.udid, mux=mux)
        mux.stop()
        late = time.time() + 1
        wait_for(lambda: time.time() > late)  # dates are told in seconds

    def predict(self):
        token = self.world.dir / 'token'
        token.write_text(self.service.token + '\n')
        env = {'REHOME_MDM_URL': self.service.url, 'REHOME_MDM_TOKEN_FILE': str(token), 'REHOME_MDM_CA': str(self.service.ca)}
        facts = [word for name, value in {**FACTS, **self.story.facts}.items() for word in ('--fact', f'{name}={value}')]
        answer = self.world.rehome('plan', 'latest', self.world.facts(self.target)['serial'], '--record', '--assume', '--json',
                                   *facts, env=env).json()
        outcome, = answer['outcomes']
        return outcome

    def restore(self):
        """At Apps & Data; then to the home screen, where the device calls: (end of Setup Assistant, what came of the call)"""
        self.world.sim('setup', self.target, '--until', 'apps-and-data')
        mux = self.world.simulator(self.target)
        self.world.paired(mux, self.target)
        self.world.rehome('restore', 'latest', self.world.udid(self.target), '--yes', '--system', '--settings', mux=mux)
        mux.stop()
        lines = self.world.sim('setup', self.target).text.split('\n')
        return lines[0], lines[1]

    def observe(self, ended, said):
        """As `rehome plan` words it."""
        self.world.sim('world', self.target, '--this', self.service.url)
        seen = self.world.facts(self.target)
        if self.story.is_held:
            self.service.act('confirm', self.udid)
            said = self.world.sim('contact', self.target).text.strip()
        reply, _, then = said.partition(', ')
        management = 'this' if then in ('retired', 'wiped') else seen['management']  # it was there when it called
        return {'restore': seen['restore'], 'setup_assistant': SETUP.get(seen['setup'], ended), 'content': seen['content'],
                'management': ('stale_' if reply in STALE else '') + management, 'then': then or 'stays',
                'supervised': 'yes' if seen['is_supervised'] else 'no', 'locked': 'yes' if seen['is_locked_in'] else 'no'}

    def ownership(self):
        status, device = self.service.call('GET', f'/devices/{self.world.udid(self.target)}')
        return device['ownership'] if status == 200 else 'no_record'

    def copy(self, name):
        return pathlib.Path(shutil.copytree(self.target, self.world.dir / name))


# ---- what a person does next: each leads to the goal by itself, on a copy of the restored device


def enroll_by_hand(stage, folder):
    stage.enroll(folder)


def remove_then_enroll(stage, folder):
    stage.world.sim('unmanage', folder)
    stage.enroll(folder)


def erase_then_enroll(stage, folder):
    stage.world.person(folder, 'erase', 'finish-setup')
    stage.enroll(folder)


def look_into_the_record(stage, _folder):
    noticed = stage.service.enrollment(stage.udid)['restore']
    if noticed == 'refused':
        stage.service.act('confirm', stage.udid)
    stage.story.differ('restore', 'refused' if stage.story.in_doubt else 'confirmed' if stage.story.is_held else 'noticed', noticed)
    if stage.service.device(stage.udid)['record'] == 'hidden':
        stage.note_contacts()
    harness.check(stage.service.device(stage.udid)['record'] == 'active', 'the record is not active')


ACTIONS = {'enroll_by_hand': enroll_by_hand, 'remove_profile_then_enroll_by_hand': remove_then_enroll,
           'erase_without_restore': erase_then_enroll, 'verify_check_in': look_into_the_record}
# done before the restore, in stories of their own; a deleted record does not come back by it
BEFORE_RESTORE = {'cancel_pending_action'}

WIPED = {'reset': 'wiped_by_service', 'wiped_by': 'this'}
RETIRED = {'reset': 'retired_then_erased', 'wiped_by': 'this'}
STORIES = [
    Story('L-current', 'R-202', 'restored with its present identity', ['enroll', 'back_up', 'erase']),
    Story('L-doubt', 'R-212', 'the same, by a service that takes nobody back unasked', ['enroll', 'back_up', 'erase'],
          options=('--restore', 'refuse'), in_doubt=True),
    Story('L-superseded', 'R-406', 'restored with the identity before the last renewal', ['enroll', 'back_up', 'renew', 'erase'],
          options=('--certificate-days', '365', '--renew-days', '400')),
    Story('L-ended', 'R-841', 'enrolled again since the backup', ['enroll', 'back_up', 'erase', 'set_up', 'enroll', 'erase']),
    Story('L-hidden', 'R-403', 'its record was hidden', ['enroll', 'back_up', 'erase', 'note_contacts', 'hide']),
    Story('L-deleted', 'R-409', 'its record was deleted, and it has not heard of that', ['enroll', 'back_up', 'erase', 'delete']),
    Story('L-gone', 'R-402', 'its record was deleted, and it left', ['enroll', 'back_up', 'delete', 'poll', 'erase']),
    Story('L-wiped', 'R-203', 'wiped by the service', ['enroll', 'back_up', 'wipe', 'poll'], WIPED),
    Story('L-retired', 'R-725', 'retired by the service, then erased', ['enroll', 'back_up', 'retire', 'poll', 'erase'], RETIRED),
    Story('L-wipe-waits', 'R-409', 'erased while a wipe waited for it', ['enroll', 'back_up', 'wipe', 'erase'], is_held=True),
    Story('L-wipe-cancelled', 'R-202', 'the same, and the wipe was cancelled', ['enroll', 'back_up', 'wipe', 'erase', 'cancel'], is_held=True),
    Story('L-retire-waits', 'R-409', 'erased while a retirement waited for it', ['enroll', 'back_up', 'retire', 'erase'], is_held=True),
    Story('L-barred', 'L-22', 'wiped by the service, which bars personal devices now', ['enroll', 'back_up', 'wipe', 'poll', 'bar_personal'],
          {**WIPED, 'personal_blocked': 'yes'}),
    Story('L-unmanaged', 'R-807', 'not managed when it was backed up', ['back_up', 'erase']),
    Story('L-corporate', 'R-807', 'the same, its serial number imported', ['back_up', 'import_identifier', 'erase'],
          {'identifier_imported': 'yes'}),
    Story('L-other-device', 'R-156', 'its backup goes to another device', ['enroll', 'back_up', 'erase'], to_other_device=True),
    Story('L-other-service', 'R-206', 'managed by another service', ['back_up', 'erase'], born=('--managed-by', 'other', '--enrolled', 'profile')),
]
# what all of them together must have shown
TO_SHOW = {*(('action', action) for action in (*ACTIONS, *BEFORE_RESTORE, 'import_identifier_first')), ('error', 'E-01'), ('error', 'E-02'),
           *(('ownership', word) for word in ('unchanged', 'personal', 'corporate')),
           *(('relation', *words) for words in (('this', 'stays'), ('this', 'retired'), ('this', 'wiped'), ('stale_this', 'stays'),
                                                ('other', 'stays'), ('none', 'stays')))}


def plain(text):
    """Without the codes of an error chain"""
    return re.sub(r' \(\d+\)', '', text).replace('Profile Installation Failed ', 'Profile Installation Failed. ').strip()


def compare(stage, before):
    """What was observed, whom the device belongs to, and what a person reads"""
    story, predicted = stage.story, stage.story.predicted
    story.differ('rule', story.rule, next((rule['id'] for rule in predicted['rules'] if rule['id'] == story.rule), 'not applied'))
    for what, word in story.observed.items():
        story.differ(what, predicted[what], word)
    if predicted['ownership'] == 'unchanged':
        story.differ('ownership', before, stage.ownership())
        story.shown.add(('ownership', 'unchanged'))
    story.shown.add(('relation', predicted['management'], predicted['then']))
    for error in predicted['error']:
        refused = stage.world.sim('mdm', stage.copy(f'refused-{error["id"]}'), 'install-profile', stage.service.link(), '--ca',
                                  stage.service.ca, code=4)
        story.differ(f'error {error["id"]}', error['text'], plain(refused.messages.split('rehome-sim: ')[-1]))
        story.shown.add(('error', error['id']))


def carry_out(stage, action):
    """On a copy: is the device managed by this service then, with nothing left to do, and of the owner that was foretold?"""
    story = stage.story
    folder = stage.copy(action)
    stage.world.sim('world', folder, '--this', stage.service.url)
    ACTIONS[action](stage, folder)
    said = stage.world.sim('contact', folder).text.strip()
    story.differ(f'after {action}', ('this', 'accepted, stays'), (stage.world.facts(folder)['management'], said))
    owner = story.predicted.get('once_enrolled_by_hand', {}).get('ownership')
    if owner and action != 'verify_check_in':
        story.differ(f'ownership after {action}', owner, stage.ownership())
        story.shown.add(('ownership', owner))
    story.shown.add(('action', action))


def follow(stage):
    """What is to be done first, then each of the rest; nothing where the relation has ended by itself"""
    predicted = stage.story.predicted
    actions = [action for action in predicted['also'] + predicted['actions'] if action not in BEFORE_RESTORE]
    if 'import_identifier_first' in actions:
        actions.remove('import_identifier_first')
        stage.import_identifier()
        stage.story.shown.add(('action', 'import_identifier_first'))
    for action in actions if predicted['then'] == 'stays' else ():
        if action in ACTIONS:
            carry_out(stage, action)
        else:
            stage.story.differ('actions', action, 'nobody here knows how')


def tell(world, story):
    with serving(world, *story.options) as service:
        stage = Stage(world, service, story)
        for step in story.steps:
            getattr(stage, step)()
        before = stage.ownership()
        story.predicted = stage.predict()
        story.observed = stage.observe(*stage.restore())
        if story.in_doubt:  # at_risk: what else there may be, and then the action
            story.differ('in doubt', True, story.predicted['at_risk'] and story.observed['management'] in story.predicted['alternatives'])
        else:
            compare(stage, before)
        follow(stage)


def tell_safely(build, story, env=None):
    world = harness.World(build, 'sample', 1, {**(env or os.environ), 'REHOME_SOURCE_ROOT': str(ROOT)}, story.name)
    try:
        tell(world, story)
    except (AssertionError, OSError, KeyError, ValueError) as why:
        story.differences.append(('the story', 'can be played', f'{type(why).__name__}: {why}'[:1500]))
    finally:
        world.close()


@contextlib.contextmanager
def in_memory():
    """Stories wait for no disk."""
    before = tempfile.tempdir
    if not os.environ.get('TMPDIR') and os.access('/dev/shm', os.W_OK):
        tempfile.tempdir = '/dev/shm'
    try:
        yield
    finally:
        tempfile.tempdir = before


def run_live(build, names=(), env=None):
    """Returns (stories told, what was to be shown and was not)"""
    unknown = sorted(set(names) - {story.name for story in STORIES})
    if unknown:
        raise SystemExit(f'{" ".join(unknown)}: no such story; there are ' + ' '.join(story.name for story in STORIES))
    chosen = [copy.deepcopy(story) for story in STORIES if not names or story.name in names]
    with in_memory(), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda story: tell_safely(pathlib.Path(build).resolve(), story, env), chosen))
    shown = set().union(*(story.shown for story in chosen))
    return chosen, [] if names else [' '.join(what) + ' was not shown' for what in sorted(TO_SHOW - shown)]
