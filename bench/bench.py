#!/usr/bin/env python3
"""rehome against idevicebackup2 in one run on the same simulated device: wall, CPU, memory, ratios.

CPU seconds are the figure; wall seconds on a busy machine are upper bounds.  See bench/README.md.
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'e2e'))
import fleets  # noqa: E402
import harness  # noqa: E402


class Measured:
    """One finished command: wall and CPU seconds, peak memory in MiB."""

    def __init__(self, command, env, cwd, allowed=(0,)):
        started = time.monotonic()
        pid = os.posix_spawnp(command[0], command, env, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, '/dev/null', os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, f'{cwd}/bench.out', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, f'{cwd}/bench.err', os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
        _, status, usage = os.wait4(pid, 0)
        self.wall = time.monotonic() - started
        self.user, self.system = usage.ru_utime, usage.ru_stime
        self.cpu = self.user + self.system
        self.peak = usage.ru_maxrss / 1024
        with open(f'{cwd}/bench.out', errors='replace') as out:
            self.out = out.read(1 << 20)
        code = os.waitstatus_to_exitcode(status)
        if code not in allowed:
            raise SystemExit(f'{" ".join(command)}: exit {code}\n{self.out[-500:]}'
                             + pathlib.Path(cwd, 'bench.err').read_text(errors='replace')[-2000:])


def folder_bytes(path):
    return sum(p.stat().st_blocks * 512 for p in pathlib.Path(path).rglob('*') if p.is_file())


class Bench:
    def __init__(self, world, repeats):
        self.world, self.repeats, self.failed = world, repeats, []
        self.env = {**world.env, 'REHOME_REPO': str(world.repo), 'REHOME_PASSWORD_FILE': str(world.password_file)}

    def ours(self, mux, *words):
        return Measured([self.world.program, *map(str, words)],
                        {**self.env, 'USBMUXD_SOCKET_ADDRESS': mux.address}, self.world.dir)

    def theirs(self, mux, *words):
        return Measured(['idevicebackup2', *map(str, words)],
                        {**self.env, 'USBMUXD_SOCKET_ADDRESS': mux.address}, self.world.dir)

    def row(self, who, m):
        print(f'  {who:16} wall {m.wall:7.2f} s   cpu {m.cpu:6.2f} s (user {m.user:.2f}, system {m.system:.2f})   peak {m.peak:6.1f} MiB')

    def bar(self, what, value, limit, unit='x'):
        verdict = 'met' if value <= limit else 'MISSED'
        print(f'  {what}: {value:.2f}{unit} (bar {limit}{unit}) {verdict}')
        if value > limit:
            self.failed.append(f'{what}: {value:.2f}{unit}, bar {limit}{unit}')

    def pair_up(self, device, extra=()):
        mux = self.world.simulator(device, extra=extra)
        self.world.paired(mux, device)
        return mux

    def fresh(self):
        for path in (self.world.repo, self.world.dir / 'theirs'):
            shutil.rmtree(path, ignore_errors=True)
        (self.world.dir / 'theirs').mkdir()
        self.world.init()

    def full(self, title, device, extra=(), cpu=None, wall=None):
        """A first backup by both, in turn; the best of each by CPU counts."""
        print(f'\n{title}')
        udid = self.world.udid(device)
        mux = self.pair_up(device, extra)
        ours, theirs = [], []
        for _ in range(self.repeats):
            self.fresh()
            theirs.append(self.theirs(mux, '-u', udid, 'backup', '--full', self.world.dir / 'theirs'))
            ours.append(self.ours(mux, '--quiet', 'backup', '--full', udid))
        best, peer = min(ours, key=lambda m: m.cpu), min(theirs, key=lambda m: m.cpu)
        self.row('rehome', best)
        self.row('idevicebackup2', peer)
        if cpu:
            self.bar('cpu', best.cpu / peer.cpu, cpu)
        if wall:
            self.bar('wall', min(m.wall for m in ours) / min(m.wall for m in theirs), wall)
        mux.stop()
        return best

    def next_day(self, title, device):
        print(f'\n{title}')
        udid = self.world.udid(device)
        self.fresh()
        mux = self.pair_up(device)
        self.theirs(mux, '-u', udid, 'backup', '--full', self.world.dir / 'theirs')
        self.ours(mux, '--quiet', 'backup', '--full', udid)
        full_bytes = folder_bytes(self.world.dir / 'theirs')
        mux.stop()
        self.world.sim('age', device, '--days', '1', '--changed', '1')
        mux = self.world.simulator(device)
        before = folder_bytes(self.world.repo)
        peer = self.theirs(mux, '-u', udid, 'backup', self.world.dir / 'theirs')
        best = self.ours(mux, '--quiet', 'backup', udid)
        grown = folder_bytes(self.world.repo) - before
        self.row('rehome', best)
        self.row('idevicebackup2', peer)
        print(f'  repository grew by {grown / 1e6:.1f} MB; a full copy is {full_bytes / 1e6:.0f} MB')
        self.bar('wall', best.wall / peer.wall, 0.5)
        self.bar('written', 100 * grown / full_bytes, 5, ' %')
        mux.stop()

    def start_up(self):
        print('\nfrom start to the Backup message, 30 apps')
        device = self.world.small('apps', '--apps', '30', files=5)
        udid = self.world.udid(device)
        mux = self.pair_up(device, ('--log', str(self.world.dir / 'messages.log')))
        self.fresh()
        ours = self.ours(mux, '--quiet', 'backup', '--full', udid)
        theirs = self.theirs(mux, '-u', udid, 'backup', '--full', self.world.dir / 'theirs')
        mux.stop()
        print(f'  whole run: rehome {ours.wall:.2f} s, idevicebackup2 {theirs.wall:.2f} s (five files; see the message log for the parts)')
        self.bar('start to end, upper bound of start to Backup', ours.wall, 0.4, ' s')

    def memory(self, base):
        print('\nmemory: 10,000 and 500,000 files')
        peaks = []
        for count in (10000, 500000):
            device = self.world.small(f'm{count}', files=count, size=512)
            self.fresh()
            mux = self.pair_up(device)
            peaks.append(self.ours(mux, '--quiet', 'backup', '--full', self.world.udid(device)))
            mux.stop()
            self.row(f'{count} files', peaks[-1])
            shutil.rmtree(device)
        print(f'  opening the repository alone (Argon2id): {base:.1f} MiB')
        self.bar('above Argon2id, 500,000 files', peaks[1].peak - base, 64, ' MiB')
        self.bar('growth from 10,000 to 500,000', peaks[1].peak - peaks[0].peak, 16, ' MiB')

    def plan(self):
        print('\nplan: fleets of 10,000 and 1,000,000 devices')
        peaks = {}
        for count, limit in ((10000, 1), (1000000, 60)):
            for option, write, more in (('--facts', fleets.facts, ()), ('--devices', fleets.devices, ('--csv', '--assume'))):
                path = self.world.dir / 'fleet.csv'
                write(path, count)
                done = Measured([self.world.program, '--quiet', 'plan', option, str(path), *more], self.env, self.world.dir)
                path.unlink()
                self.row(f'{count} {option}', done)
                self.bar(f'cpu, {count} rows, {option}', done.cpu, limit, ' s')
                peaks.setdefault(option, []).append(done.peak)
        # our own pages before the exec count too, and grow a little; 8 MiB are 8 bytes a row
        for option, (few, many) in peaks.items():
            self.bar(f'growth of memory, {option}', many - few, 8, ' MiB')


def main():
    words = argparse.ArgumentParser()
    words.add_argument('--build', type=pathlib.Path, required=True)
    words.add_argument('--repeats', type=int, default=2)
    words.add_argument('--where', help='folder on the disk to measure (default: a temporary one)')
    words.add_argument('--only', default='', help='net, device, large, small, day, start, memory or plan; several with commas')
    words = words.parse_args()
    if words.where:
        tempfile.tempdir = words.where
    env = {**os.environ, 'REHOME_SOURCE_ROOT': str(ROOT)}
    world = harness.World(words.build.resolve(), 'sample', 1, env, 'bench')
    bench = Bench(world, words.repeats)
    wanted = lambda name: not words.only or name in words.only.split(',')
    try:
        world.init()
        base = bench.ours(type('NoMux', (), {'address': 'UNIX:/nonexistent'}), 'snapshots').peak
        if wanted('device'):
            print('the device alone, towards a null client:')
            print(world.sim('bench', timeout=600).text, end='')
        if wanted('net'):
            print('\none connection alone, between two threads:')
            print(world.run([words.build.resolve() / 'bench' / 'bench_net'], timeout=600).text, end='')
        if wanted('large'):
            bench.full('2 GiB in large files', world.born('large', '--files', '16', '--file-size', str(128 << 20)), cpu=1.0, wall=0.9)
        if wanted('small'):
            small = world.small('many', files=50000, size=8192)
            bench.full('50,000 files of 8 KiB, records coalesced', small, cpu=0.9, wall=0.7)
            bench.full('50,000 files of 8 KiB, one TLS record a field', small, ('--fault', 'records:per-field'), cpu=0.6, wall=0.7)
        if wanted('day'):
            bench.next_day('a day later, 1 % changed of 60,000 files / 4.2 GB', world.small('day', files=60000, size=70000))
        if wanted('start'):
            bench.start_up()
        if wanted('memory'):
            bench.memory(base)
        if wanted('plan'):
            bench.plan()
    finally:
        world.close()
    for line in bench.failed:
        print('missed: ' + line)
    return 1 if bench.failed else 0


if __name__ == '__main__':
    sys.exit(main())
