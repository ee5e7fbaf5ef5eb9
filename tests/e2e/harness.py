"""What end-to-end tests stand on: a folder of their own, simulators, and tools.

A test module lists its tests with @case('a sentence').  Each gets a World: a temporary
folder, `world.born(...)` for devices, `world.simulator(...)` for a running mux,
`world.rehome(...)` and `world.tool(...)` to run things.  Nothing leaves loopback.
"""
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

NOW = '2026-11-01T08:00:00Z'
REPO_PASSWORD = 'a repository passphrase'


class Skip(Exception):
    pass


class Case:
    def __init__(self, run, title, level):
        self.run, self.title, self.level = run, title, level


def case(title, level='sample'):
    def mark(run):
        run.cases = [Case(run, title, level)]
        return run
    return mark


def case_on_stores(title):
    """Of run(world, on_postgresql): a case on each store of the service."""
    def mark(run):
        run.cases = [Case(functools.partial(run, on_postgresql=on), f'{title}, on {name}', 'sample')
                     for on, name in ((False, 'SQLite'), (True, 'PostgreSQL'))]
        return run
    return mark


def cases_of(module):
    return [one for value in vars(module).values() for one in getattr(value, 'cases', ())]


class Done:
    """A finished command."""

    def __init__(self, code, out, err, seconds):
        self.code, self.out, self.err, self.seconds = code, out, err, seconds

    @property
    def text(self):
        return self.out.decode(errors='replace')

    @property
    def messages(self):
        return self.err.decode(errors='replace')

    def json(self):
        return json.loads(self.out)


class Simulator:
    """A running `rehome-sim run` over Unix socket and TCP."""

    def __init__(self, world, folders, extra=(), tcp=False):
        self.world = world
        self.path = world.dir / f'mux-{len(world.simulators)}'
        command = [world.sim_program, 'run', '--socket', str(self.path), '--host-records',
                   str(world.dir / f'records-{pathlib.Path(folders[0]).name}')]
        if tcp:
            command += ['--tcp', '127.0.0.1:0']
        command += ['--now', NOW, *extra, *map(str, folders)]
        self.log_path = world.dir / f'mux-{len(world.simulators)}.log'
        self.log = open(self.log_path, 'wb')
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env=world.env)
        self.tcp_address = None
        lines = []
        while True:
            line = self.process.stdout.readline().decode()
            lines.append(line)
            if line.strip() == 'ready':
                break
            if not line:
                raise AssertionError(f'rehome-sim run ended: {self.said()} {lines}')
            for word in line.split():
                if word.startswith('127.0.0.1:'):
                    self.tcp_address = word.rstrip(',')
        self.address = f'UNIX:{self.path}'

    def said(self):
        return self.log_path.read_bytes().decode(errors='replace')

    def silent(self, run, limit=20):
        """Waits until a fault made the device fall silent, or `run` ended before it came to that."""
        late = time.monotonic() + limit
        while run.poll() is None and 'fault silence' not in self.said():
            if time.monotonic() > late:
                raise AssertionError(f'the device did not fall silent in {limit} s')
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError('rehome-sim run did not end on SIGTERM')
        self.process.stdout.close()
        code = self.process.returncode
        if 'Sanitizer' in self.said():
            raise AssertionError('the simulator broke a sanitizer rule:\n' + self.said()[-3000:])
        self.log.close()
        if code != 0:
            raise AssertionError(f'rehome-sim run ended with {code}')


class World:
    def __init__(self, build, level, seed, env, name):
        self.build, self.level, self.seed = build, level, seed
        self.random = random.Random(f'{seed} {name}')
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='rehome-e2e-'))
        self.env = {key: value for key, value in env.items() if not key.startswith('USBMUXD')}
        self.env['HOME'] = str(self.dir)
        self.env['XDG_DATA_HOME'] = str(self.dir / 'data')
        self.program = str(build / 'rehome')
        self.sim_program = str(build / 'rehome-sim')
        self.simulators, self.lines = [], []
        self.repo = self.dir / 'repo'
        self.password_file = self.secret('repository', REPO_PASSWORD)

    # ---- small things

    def secret(self, name, text):
        path = self.dir / f'secret-{name}'
        path.write_text(text + '\n')
        path.chmod(0o600)
        return path

    def fixture(self, name):
        base = self.env.get('REHOME_FIXTURES')
        if not base or not os.path.isdir(os.path.join(base, name)):
            raise Skip(f'fixture {name} is not here (REHOME_FIXTURES)')
        return pathlib.Path(base) / name

    def own(self, name):
        return pathlib.Path(self.env['REHOME_SOURCE_ROOT']) / 'tests' / 'data' / name

    def trail(self):
        parts = ['\n'.join(self.lines[-6:])]
        for simulator in self.simulators:
            if not simulator.log.closed:
                parts.append('simulator: ' + simulator.said()[-1500:])
        return '\n'.join(parts)

    # ---- running things

    def run(self, command, env=None, input=None, timeout=300, code=0):
        """Run; `code` is the expected exit status (None: any)."""
        started = time.monotonic()
        done = subprocess.run([str(word) for word in command], env={**self.env, **(env or {})},
                              input=input, stdin=subprocess.DEVNULL if input is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, cwd=self.dir)
        result = Done(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
        if 'show' not in map(str, command[1:2]):
            self.lines.append(f'$ {" ".join(str(word) for word in command)}  -> {result.code}\n'
                              f'{result.text[-800:]}{result.messages[-800:]}')
        if 'Sanitizer' in result.messages or result.code < 0:
            raise AssertionError(f'{command[0]} crashed ({result.code}):\n{result.messages[-3000:]}')
        if code is not None and result.code != code:
            raise AssertionError(f'{" ".join(map(str, command))}\nexit {result.code}, expected {code}\n'
                                 f'{result.text[-1500:]}{result.messages[-1500:]}')
        return result

    @property
    def service_env(self):
        """For the service: its processes may not be traced, so that no sanitizer can look for their leaks."""
        options = self.env.get('ASAN_OPTIONS', '').replace('detect_leaks=1', 'detect_leaks=0')
        return {**self.env, 'ASAN_OPTIONS': options}

    def rehome(self, *words, mux=None, repo=None, **more):
        env = {'REHOME_REPO': str(repo or self.repo), 'REHOME_PASSWORD_FILE': str(self.password_file)}
        if mux:
            env['USBMUXD_SOCKET_ADDRESS'] = mux.address
        return self.run([self.program, *words], env={**env, **more.pop('env', {})}, **more)

    def sim(self, *words, **more):
        return self.run([self.sim_program, *words], **more)

    def tool(self, mux, *words, tcp=False, **more):
        """An unmodified client, pointed at the simulated mux."""
        if not shutil.which(words[0]):
            raise Skip(f'{words[0]} is not installed')
        address = mux.tcp_address if tcp else mux.address
        return self.run(words, env={'USBMUXD_SOCKET_ADDRESS': address, **more.pop('env', {})}, **more)

    # ---- devices

    def born(self, name='ipad', *options, profile='S', seed=1):
        folder = self.dir / name
        shape = [] if '--from' in options or '--files' in options else ['--profile', profile]
        self.sim('new', folder, *shape, '--seed', str(seed), '--now', NOW, '--kdf-rounds', '1000', *options)
        return folder

    def small(self, name='ipad', *options, files=300, size=3000, seed=1):
        """A device that is quick to back up."""
        return self.born(name, '--files', str(files), '--file-size', str(size), *options, seed=seed)

    def facts(self, folder):
        return self.sim('show', folder, '--json').json()

    def udid(self, folder):
        return self.facts(folder)['udid']

    def digest(self, folder):
        return self.sim('show', folder, '--digest').text.split()[-1]

    def simulator(self, *folders, extra=(), tcp=False):
        started = Simulator(self, folders, extra, tcp)
        self.simulators.append(started)
        return started

    def person(self, folder, *words):
        return self.sim('person', folder, *words)

    @contextlib.contextmanager
    def passcode_entered(self, folder):
        """The person enters the passcode each time the device asks."""
        ended = threading.Event()

        def watch():
            while not ended.wait(0.1):
                if self.facts(folder)['passcode_is_wanted']:
                    ended.wait(1.2)  # a person types
                    self.person(folder, 'passcode')

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    def paired(self, mux, folder):
        """The person taps Trust; then `rehome pair`."""
        self.person(folder, 'trust')
        self.rehome('pair', self.udid(folder), mux=mux)

    def init(self, repo=None):
        self.rehome('init', repo=repo)

    def close(self):
        for simulator in self.simulators:
            if not simulator.log.closed:
                try:
                    simulator.stop()
                except AssertionError as why:
                    print('     ' + str(why)[-2000:])
        shutil.rmtree(self.dir, ignore_errors=True)


def tree(folder, leave_out=()):
    """{relative path: SHA-256} of every regular file."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob('*')):
        name = str(path.relative_to(folder))
        if path.is_file() and not path.is_symlink() and name not in leave_out:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def same(one, other, what):
    if one != other:
        only = sorted(set(one) - set(other))[:5], sorted(set(other) - set(one))[:5]
        differ = sorted(name for name in set(one) & set(other) if one[name] != other[name])[:5]
        raise AssertionError(f'{what}: only left {only[0]}, only right {only[1]}, differ {differ}')


def check(truth, text='expected otherwise'):
    if not truth:
        raise AssertionError(text)
