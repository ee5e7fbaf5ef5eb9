#!/usr/bin/env python3
"""A PostgreSQL of a test's own: a folder under /tmp, a Unix socket, no port, gone afterwards.

    with postgres.running() as server:      # Skip where Debian's postgresql is not installed
        url = server.database('one')        # a fresh database

As a program it serves tests in C (src/store/testing.h): it prints the URL of a fresh database and ends when
its standard input does, so that a test that crashes leaves no server behind.  `--sync` is for measurements.
"""
import contextlib
import glob
import os
import pathlib
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile


class Missing(Exception):
    """PostgreSQL's programs are not installed."""


def programs():
    folders = sorted(glob.glob('/usr/lib/postgresql/*/bin'), key=lambda name: int(name.split('/')[4]))
    if not folders:
        raise Missing('no /usr/lib/postgresql/*/bin/postgres (apt-get install postgresql)')
    return pathlib.Path(folders[-1])


def own_user():
    """PostgreSQL refuses root: then it runs as `postgres`, which its package makes."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam('postgres')
    except KeyError as trouble:
        raise Missing('no user "postgres" to run as') from trouble


class Server:
    def __init__(self, folder, bin_folder, user, sync):
        self.folder, self.bin, self.user = folder, bin_folder, user
        self.settings = ['-c', 'listen_addresses=', '-c', f'unix_socket_directories={folder}',
                         '-c', 'max_connections=40', '-c', 'shared_buffers=64MB', '-c', 'deadlock_timeout=100ms']
        if not sync:
            self.settings += ['-c', 'fsync=off']
        self.process = None

    def drop(self):
        return {'user': self.user.pw_uid, 'group': self.user.pw_gid, 'extra_groups': []} if self.user else {}

    def run(self, name, *arguments):
        done = subprocess.run([self.bin / name, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              env={'LC_ALL': 'C.UTF-8', 'PATH': '/usr/bin:/bin'}, check=False, **self.drop())
        if done.returncode:
            raise RuntimeError(f'{name}: {done.stderr.decode()}')

    def start(self):
        """Also again, after kill(): then it recovers from its log."""
        log = open(self.folder / 'log', 'ab')
        # as leader of a group of its own, so that ^C ends the test first
        self.process = subprocess.Popen([self.bin / 'postgres', '-D', self.folder / 'data', *self.settings],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                        start_new_session=True, **self.drop())
        log.close()
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError('postgres: ' + (self.folder / 'log').read_text())
            ready = subprocess.run([self.bin / 'pg_isready', '-q', '-h', self.folder, '-t', '1'], check=False)
            if ready.returncode == 0:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)
        raise RuntimeError('postgres does not get ready')

    def stop(self, number=signal.SIGINT):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()

    def kill(self):
        """As if its machine lost power: nothing is written any more, and nothing answered.

        Each process of a server is the leader of a group of its own, and some answer for a while after
        the first one is gone.
        """
        self.process.send_signal(signal.SIGSTOP)  # it starts no further ones
        children = pathlib.Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split()
        ends = [os.pidfd_open(int(pid)) for pid in children]
        for end in ends:
            signal.pidfd_send_signal(end, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        for end in ends:
            select.select([end], [], [])
            os.close(end)

    def database(self, name):
        self.run('createdb', '-h', self.folder, '-U', 'rehome', name)
        return f'postgresql://rehome@/{name}?host={self.folder}'


@contextlib.contextmanager
def running(sync=False):
    bin_folder, user = programs(), own_user()
    folder = pathlib.Path(tempfile.mkdtemp(prefix='rehome-pg-', dir='/tmp'))
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    server = Server(folder, bin_folder, user, sync)
    try:
        server.run('initdb', '-D', folder / 'data', '-U', 'rehome', '-A', 'trust', '-E', 'UTF8',
                   '--locale=C.UTF-8', '--no-sync')
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    try:
        with running(sync='--sync' in sys.argv) as server:
            print(server.database('rehome'), flush=True)
            sys.stdin.read()
    except Missing as reason:
        print(f'skip {reason}', flush=True)


if __name__ == '__main__':
    main()
