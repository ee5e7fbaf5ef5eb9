"""Power fails at any operation of a whole run: the recorded file operations are replayed up to there,
with unsynced data dropped or torn and unsynced names undone."""
import shutil
import subprocess

from harness import case, check, same, tree

FILES = 120


class Recorded:
    """`rehome` in a process that records what it does to the repository, and can replay any part of it."""

    def __init__(self, world):
        env = {**world.env, 'REHOME_REPO': str(world.repo), 'REHOME_PASSWORD_FILE': str(world.password_file)}
        world.repo.mkdir()
        self.log = open(world.dir / 'recorded.log', 'w+b')
        self.process = subprocess.Popen([world.build / 'tests' / 'rehome-recorded'], env=env, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)

    def order(self, *words):
        self.process.stdin.write('\t'.join(map(str, words)) + '\n')
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def run(self, mux, *words):
        """Run to success; the number of operations so far."""
        answer = self.order('run', mux.address if mux else '-', *words)
        self.log.seek(0)
        check(answer.startswith('exit 0 '), f'{words}: {answer}\n{self.log.read().decode()[-1000:]}')
        return int(answer.split()[2])

    def close(self):
        self.process.stdin.close()
        check(self.process.wait(20) == 0, 'rehome-recorded')
        self.process.stdout.close()
        self.log.close()


class Stage:
    """One finished snapshot, a second run on record, and a device before and after that run."""

    def __init__(self, world):
        self.world = world
        self.device = world.small('ipad', files=FILES, size=7000)
        self.udid = world.udid(self.device)
        self.recorded = Recorded(world)
        self.recorded.run(None, 'init')
        mux = world.simulator(self.device)
        world.paired(mux, self.device)
        self.begin = self.recorded.run(mux, 'backup', self.udid)
        mux.stop()
        self.first = self.snapshots()[0]
        self.first_content = self.export(self.first)
        world.sim('age', self.device, '--days', '3', '--changed', '30')
        self.copies = {'before': world.dir / 'device-before', 'after': world.dir / 'device-after'}
        shutil.copytree(self.device, self.copies['before'])
        mux = world.simulator(self.device)
        self.end = self.recorded.run(mux, 'backup', self.udid)
        mux.stop()
        shutil.copytree(self.device, self.copies['after'])
        self.second_content = self.export(self.snapshots()[1])

    def snapshots(self):
        return [s['id'] for s in self.world.rehome('--json', 'snapshots').json()]

    def export(self, snapshot):
        out = self.world.dir / 'exported'
        self.world.rehome('export', snapshot, out)
        found = tree(out / self.udid, {'Info.plist'})
        shutil.rmtree(out)
        return found

    def fail_at(self, count, seed):
        """The disk as it could be found after power failed at that operation."""
        shutil.rmtree(self.world.repo)
        self.world.repo.mkdir()
        answer = self.recorded.order('replay', count, seed, self.world.repo)
        check(answer == 'done', answer)

    def judge(self, what, device_state):
        world = self.world
        found = self.snapshots()
        check(found[:1] == [self.first] and len(found) <= 2, f'{what}: snapshots {found}')
        same(self.first_content, self.export(self.first), f'{what}: the earlier snapshot')
        if len(found) == 2:
            same(self.second_content, self.export(found[1]), f'{what}: the snapshot of that run')
        world.rehome('check', '--data')
        # a snapshot on the host means that the device had finished; without one it may or may not
        state = 'after' if len(found) == 2 else device_state
        shutil.rmtree(self.device)
        shutil.copytree(self.copies[state], self.device)
        mux = world.simulator(self.device)
        again = world.rehome('--json', 'backup', self.udid, mux=mux).json()
        mux.stop()
        # a run more on the device's side has a UUID of its own
        leave_out = {'Status.plist'} if state == 'after' else set()
        content = self.export(again['id'])
        same({k: v for k, v in self.second_content.items() if k not in leave_out},
             {k: v for k, v in content.items() if k not in leave_out}, f'{what}: the next run')
        world.rehome('check', '--data')
        return len(found)


@case('power loss at any operation of a run leaves earlier snapshots whole and the next run right')
def power_loss(world):
    stage = Stage(world)
    # what is lost at a point is drawn by seed: in the soak each point is drawn several times
    points = list(range(stage.begin, stage.end + 1)) * 4
    if world.level != 'soak':
        points = world.random.sample(points, 6)
    seen = set()
    for number, count in enumerate(points):
        stage.fail_at(count, world.seed * 1000 + number)
        device_state = world.random.choice(['before', 'after'])
        seen.add(stage.judge(f'operation {count} of {stage.end}, device {device_state}', device_state))
    # the last operation of the run makes its snapshot certain
    stage.fail_at(stage.end, world.seed)
    check(stage.judge('after the last operation', 'after') == 2, 'the finished snapshot is not certain')
    world.lines.append(f'{len(points)} losses over {stage.end - stage.begin} operations; snapshots found: {sorted(seen)}')
    stage.recorded.close()
