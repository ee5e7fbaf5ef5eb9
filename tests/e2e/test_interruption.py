"""Runs that stop in the middle: killed, cut off, out of space.  Earlier snapshots stay, the next run equals an undisturbed one."""
import shutil
import signal
import subprocess

from harness import case, check, same, tree

FILES = 240


class Stage:
    """A repository with one finished snapshot, a day's changes waiting, and what an undisturbed run makes of them."""

    def __init__(self, world, *options):
        self.world = world
        self.device = world.small('ipad', *options, files=FILES, size=9000)
        mux = world.simulator(self.device)
        world.init()
        world.paired(mux, self.device)
        self.udid = world.udid(self.device)
        self.first = world.rehome('backup', self.udid, mux=mux).text.strip()
        mux.stop()
        world.sim('age', self.device, '--days', '3', '--changed', '40')
        self.device_before = world.dir / 'device-before'
        shutil.copytree(self.device, self.device_before)
        self.repo_before = world.dir / 'repo-before'
        shutil.copytree(world.repo, self.repo_before)
        mux = world.simulator(self.device)
        undisturbed = world.rehome('backup', self.udid, mux=mux).text.strip()
        self.messages = mux.said()
        mux.stop()
        self.expected = self.export(undisturbed, 'undisturbed')
        self.before = self.export(self.first, 'first')
        self.runs_before = self.runs(self.device_before)

    def runs(self, device):
        """How many backups the device itself counts as finished."""
        return self.world.facts(device)['backups_done']

    def reset(self):
        for now, before in ((self.device, self.device_before), (self.world.repo, self.repo_before)):
            shutil.rmtree(now)
            shutil.copytree(before, now)

    def start(self, mux):
        """`rehome backup`, left running."""
        env = {**self.world.env, 'REHOME_REPO': str(self.world.repo), 'REHOME_PASSWORD_FILE': str(self.world.password_file),
               'USBMUXD_SOCKET_ADDRESS': mux.address}
        return subprocess.Popen([self.world.program, 'backup', self.udid], env=env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def export(self, snapshot, name):
        out = self.world.dir / f'export-{name}'
        self.world.rehome('export', snapshot, out)
        found = tree(out / self.udid, {'Info.plist'})
        shutil.rmtree(out)
        return found

    def afterwards(self, what):
        """Earlier snapshots whole, check clean, next run equal to an undisturbed one."""
        world = self.world
        found = [s['id'] for s in world.rehome('--json', 'snapshots').json()]
        check(found[:1] == [self.first] and len(found) <= 2, f'{what}: snapshots changed: {found}')
        if len(found) == 2:
            # killed between its commit and its last word: the snapshot is finished, and must be whole
            same(self.expected, self.export(found[1], 'committed'), f'{what}: the snapshot it finished')
        same(self.before, self.export(self.first, 'first-again'), f'{what}: the earlier snapshot')
        world.rehome('check', '--data')
        # where the device had finished and only the commit failed, its next run has a UUID of its own
        leave_out = {'Status.plist'} if self.runs(self.device) > self.runs_before else set()
        mux = world.simulator(self.device)
        again = world.rehome('--json', 'backup', self.udid, mux=mux).json()
        mux.stop()
        found = self.export(again['id'], 'again')
        check('Status.plist' in found, what)
        same({k: v for k, v in self.expected.items() if k not in leave_out},
             {k: v for k, v in found.items() if k not in leave_out}, f'{what}: the next run')
        world.rehome('check', '--data')
        return again


def counts(world, full, sample):
    return full if world.level == 'soak' else sample


@case('kill -9 at any point leaves earlier snapshots whole and the next run right')
def killed(world):
    stage = Stage(world)
    resumed = 0
    for number in range(counts(world, 200, 5)):
        stage.reset()
        # half of the points are messages (the device falls silent there), half are moments of the run
        by_message = number % 2 == 0
        point = world.random.randint(2, 30)
        delay = world.random.uniform(0.05, 0.9)
        mux = world.simulator(stage.device, extra=('--fault', f'silence:message={point}') if by_message else ())
        run = stage.start(mux)
        try:
            if by_message:
                mux.silent(run)
            else:
                run.wait(delay)
        except subprocess.TimeoutExpired:
            pass
        run.kill()
        out, _ = run.communicate()
        mux.stop()
        if run.returncode == 0:
            # it was faster than the kill: the snapshot stands, and that is right too
            snapshot = out.decode().strip()
            same(stage.expected, stage.export(snapshot, 'won'), f'kill {number}: a finished run')
            continue
        again = stage.afterwards(f'kill {number} at ' + (f'message {point}' if by_message else f'{delay:.3f} s'))
        resumed += again['sent_again_bytes'] > 0
    world.lines.append(f'{resumed} runs found chunks of the killed one')


@case('a cut cable at any point is told as such, and what arrived is not stored again')
def cut(world):
    stage = Stage(world)
    for number in range(counts(world, 200, 5)):
        stage.reset()
        fault = world.random.choice([f'cut:bytes={world.random.randint(100, 900000)}', f'cut:message={world.random.randint(1, 30)}'])
        mux = world.simulator(stage.device, extra=('--fault', fault))
        run = world.rehome('backup', stage.udid, mux=mux, code=None)
        mux.stop()
        if run.code == 0:
            same(stage.expected, stage.export(run.text.strip(), 'won'), f'{fault}: a finished run')
            continue
        check(run.code == 5, f'{fault}: exit {run.code}')
        check('hung up' in run.messages, run.messages)
        again = stage.afterwards(fault)
        check(again['stored_again_bytes'] == 0, f'{fault}: {again["stored_again_bytes"]} bytes were stored again')


@case('a full disk at any operation is no success, and leaves earlier snapshots whole')
def full_disk(world):
    faulty = world.build / 'tests' / 'rehome-faulty'
    stage = Stage(world)
    points = counts(world, 50, 5)
    top = 400
    for number in range(points):
        stage.reset()
        nth = world.random.randint(0, top)
        mux = world.simulator(stage.device)
        run = world.run([faulty, 'backup', stage.udid], code=None, env={
            'REHOME_REPO': str(world.repo), 'REHOME_PASSWORD_FILE': str(world.password_file),
            'USBMUXD_SOCKET_ADDRESS': mux.address, 'REHOME_TEST_FULL_AFTER': str(nth)})
        mux.stop()
        if run.code == 0:
            # after the commit only the session's own traces are removed: the snapshot stands and is whole
            same(stage.expected, stage.export(run.text.strip(), 'won'), f'disk full at operation {nth}: a finished run')
            world.rehome('check', '--data')
            top = max(10, nth)
            continue
        check('space' in run.messages, f'operation {nth}: {run.messages}')
        stage.afterwards(f'disk full at operation {nth}')


@case('Ctrl-C ends a run cleanly with its own exit status')
def interrupted(world):
    stage = Stage(world)
    stage.reset()
    mux = world.simulator(stage.device, extra=('--fault', 'silence:message=6'))
    run = stage.start(mux)
    mux.silent(run)
    run.send_signal(signal.SIGINT)
    _, messages = run.communicate(timeout=20)
    mux.stop()
    check(run.returncode == 7, f'exit {run.returncode}: {messages.decode()}')
    stage.afterwards('Ctrl-C')


@case('two runs on one device: the second is told who holds it')
def busy(world):
    stage = Stage(world)
    stage.reset()
    mux = world.simulator(stage.device, extra=('--fault', 'silence:message=6'))
    run = stage.start(mux)
    mux.silent(run)
    second = world.rehome('backup', stage.udid, mux=mux, code=None)
    check(second.code not in (0, 2), f'exit {second.code}')
    check('another' in second.messages or 'already' in second.messages, second.messages)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=20)
    mux.stop()
    check(run.returncode == 7, f'the first run ended with {run.returncode}')
