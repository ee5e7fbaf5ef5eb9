#!/usr/bin/env python3
"""The service against a bare accept loop with the same TLS settings: CPU, instructions, memory.

CPU is the server's own, of all its processes, from the scheduler's account in nanoseconds: the least of
several rounds, the servers in turn.  See bench/README.md.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

REQUEST = ('PUT /mdm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-apple-aspen-mdm\r\n'
           'User-Agent: MDM/1.0\r\nContent-Length: {length}\r\n\r\n{body}')
IDLE = ('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" '
        '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0"><dict><key>Status</key>'
        '<string>Idle</string><key>UDID</key><string>@U@</string></dict></plist>\n')
POOL = 16


def openssl(*words):
    subprocess.run(['openssl', *map(str, words)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def request(body):
    """A whole request; marks in it are replaced by what has a known length."""
    length = len(body.replace('@U@', 25 * 'U').replace('@C@', 36 * 'C'))
    return REQUEST.format(length=length, body=body)


def certificate(folder, name, *key):
    openssl('req', '-x509', '-nodes', '-days', 30, '-subj', f'/CN={name}', '-newkey', *key,
            '-keyout', folder / f'{name}.key', '-out', folder / f'{name}.pem')
    return folder / f'{name}.pem', folder / f'{name}.key'


class Server:
    """A program that prints its port and serves."""

    def __init__(self, name, command, wrapper=()):
        self.name = name
        self.process = subprocess.Popen([*map(str, wrapper), *map(str, command)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def pids(self):
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
                todo += map(int, (task / 'children').read_text().split())
        return found

    def cpu_ns(self):
        return sum(int((task / 'schedstat').read_text().split()[0])
                   for pid in self.pids() for task in pathlib.Path(f'/proc/{pid}/task').iterdir())

    def memory(self):
        total = 0
        for pid in self.pids():
            for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
                if line.startswith('Pss_Anon:'):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Load:
    def __init__(self, build, folder):
        self.program, self.folder = build / 'bench' / 'load_tls', folder
        with (folder / 'pool.pem').open('w') as pool, (folder / 'pool.pem.names').open('w') as names:
            for i in range(POOL):
                pool.write(''.join(path.read_text() for path in certificate(folder, f'device{i}', 'rsa:2048')))
                names.write(f'0000FE5A-{i:016X}\n')
        (folder / 'idle').write_text(request(IDLE))

    def words(self, server, mode, count, threads):
        return [self.program, str(server.port), mode, str(count), str(threads), self.folder / 'pool.pem', self.folder / 'idle']

    def run(self, server, mode, count, threads):
        """CPU microseconds of the server per request, and what the clients saw."""
        before = server.cpu_ns()
        out = subprocess.run(self.words(server, mode, count, threads), check=True, capture_output=True, text=True).stdout
        seen = json.loads(out)
        if mode == 'resume' and seen['resumed'] < count - threads:
            raise SystemExit(f'{server.name}: only {seen["resumed"]} of {count} sessions were resumed')
        return (server.cpu_ns() - before) / 1000 / count, seen

    def least(self, servers, mode, count, threads, rounds):
        best = {}
        for _ in range(rounds):
            for server in servers:
                cpu, seen = self.run(server, mode, count, threads)
                if server.name not in best or cpu < best[server.name][0]:
                    best[server.name] = cpu, seen
        for name, (cpu, seen) in best.items():
            print(f'  {mode:7} {name:12} {cpu:8.1f} us CPU   p50 {seen["p50_us"]} us   p99 {seen["p99_us"]} us')
        return {name: cpu for name, (cpu, _) in best.items()}

    def idle_bytes(self, server, count):
        """Memory that one more idle connection takes."""
        self.run(server, 'new', 200, 4)
        before = server.memory()
        words = self.words(server, 'idle', count, 1)
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
            json.loads(clients.stdout.readline())
            used = server.memory() - before
            clients.stdin.close()
        return used / count


def bar(what, value, limit, unit='x'):
    print(f'  {what}: {value:.2f}{unit} (bar {limit}{unit}) {"met" if value <= limit else "MISSED"}')


def instructions(load, commands, folder):
    """Instructions of a new connection with its request: the difference of two runs, so that starting does not count."""
    counts = {}
    for name, command in commands.items():
        totals = []
        for connections in (20, 120):
            out = folder / f'callgrind.{len(counts)}.{connections}'
            server = Server(name, command, ['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}', '-q'])
            load.run(server, 'new', connections, 1)
            server.stop()
            totals.append(next(int(line.split()[1]) for line in out.read_text().splitlines() if line.startswith('totals:')))
        counts[name] = (totals[1] - totals[0]) / 100
        print(f'  new     {name:12} {counts[name] / 1e6:8.2f} M instructions')
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default='build')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--count', type=int, default=1000, help='connections of a round')
    parser.add_argument('--idle', type=int, default=10000, help='idle connections')
    parser.add_argument('--no-callgrind', action='store_true')
    args = parser.parse_args()
    build = pathlib.Path(args.build).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        load = Load(build, folder)
        identity = certificate(folder, 'server', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
        commands = {'bare': [build / 'bench' / 'bench_tls_accept', *identity],
                    'http alone': [build / 'bench' / 'bench_http', *identity]}
        servers = [Server(name, command) for name, command in commands.items()]
        try:
            new = load.least(servers, 'new', args.count, 4, args.rounds)
            resumed = load.least(servers, 'resume', args.count, 4, args.rounds)
            load.least(servers[1:], 'keep', args.count * 20, 64, args.rounds)
            idle = load.idle_bytes(servers[1], args.idle)
        finally:
            for server in servers:
                server.stop()
        bar('new connection, CPU against bare', new['http alone'] / new['bare'], 1.25)
        bar('resumed against new', resumed['http alone'] / new['http alone'], 0.6)
        bar('an idle connection', idle / 1000, 26, ' kB')
        if not args.no_callgrind:
            counts = instructions(load, commands, folder)
            bar('new connection, instructions against bare', counts['http alone'] / counts['bare'], 1.08)


if __name__ == '__main__':
    sys.exit(main())
