#!/usr/bin/env python3
"""HTTPS alone, and the whole service, against a bare accept loop with the same TLS settings.

CPU is the server's own, of all its processes, from the scheduler's account in nanoseconds: the least of
several rounds, the servers in turn.  See bench/README.md.
"""
import argparse
import base64
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import uuid

REQUEST = ('PUT /mdm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-apple-aspen-mdm\r\n'
           'User-Agent: MDM/1.0\r\nContent-Length: {length}\r\n\r\n{body}')
IDLE = ('<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" '
        '"http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n<plist version="1.0"><dict><key>Status</key>'
        '<string>Idle</string><key>UDID</key><string>@U@</string></dict></plist>\n')
REPORT = IDLE.replace('Idle', 'Acknowledged').replace('</dict></plist>', (
    '<key>CommandUUID</key><string>@C@</string><key>QueryResponses</key><dict><key>DeviceName</key>'
    '<string>iPad</string><key>OSVersion</key><string>18.6</string></dict></dict></plist>'))
COMMAND = ('<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict><key>CommandUUID</key><string>{uuid}</string>'
           '<key>Command</key><dict><key>RequestType</key><string>DeviceInformation</string><key>Queries</key>'
           '<array><string>DeviceName</string><string>OSVersion</string></array></dict></dict></plist>')
POOL = 16
DEVICES = 64


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
        self.port = self.read_port()

    def read_port(self):
        return int(self.process.stdout.readline())

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


class Service(Server):
    """rehome serve, with one worker: a client that comes back meets its session."""

    def __init__(self, build, data, wrapper=(), words=()):
        self.build, self.data = build, data
        super().__init__('service', [build / 'rehome', 'serve', '--data', data, '--listen', '127.0.0.1:0', '--workers', 1,
                                     '--idle-seconds', 3600, '--log', 'error', '--apns', 'https://127.0.0.1:1', *words], wrapper)
        self.token = (data / 'administrator.token').read_text().strip()
        self.identity = data / 'tls' / 'cert.pem', data / 'tls' / 'key.pem'

    def read_port(self):
        for line in self.process.stdout:
            if line.startswith('ready '):
                self.url = line.split()[1]
                return int(self.url.rsplit(':', 1)[1])
        raise SystemExit('rehome serve did not get ready')

    def enroll(self, folder, count):
        """Simulated devices, enrolled by profile: their folders."""
        env = {**os.environ, 'REHOME_MDM_URL': self.url, 'REHOME_MDM_TOKEN_FILE': str(self.data / 'administrator.token'),
               'REHOME_MDM_CA': str(self.data / 'public' / 'ca.pem')}

        def ours(*words):
            return subprocess.run([self.build / 'rehome', 'mdm', *words], env=env, check=True, capture_output=True, text=True).stdout

        def simulated(*words):
            subprocess.run([self.build / 'rehome-sim', *map(str, words)], check=True, stdout=subprocess.DEVNULL)

        simulated('apple', '--push-certificate', folder / 'push.pem', '--topic', 'com.apple.mgmt.External.bench')
        ours('pushcert', 'import', folder / 'push.pem')
        devices = [folder / f'sim{i}' for i in range(count)]
        for i, device in enumerate(devices):
            link = next(word for word in ours('link', 'new').split() if '/enroll/' in word)
            simulated('new', device, '--profile', 'fresh', '--seed', i + 1)
            simulated('mdm', device, 'install-profile', link, '--ca', self.data / 'public' / 'ca.pem')
            simulated('mdm', device, 'poll')
        return devices

    def enqueue(self, udids, count):
        """That many commands for each of the devices, by the small API that other tools speak."""
        context = ssl.create_default_context(cafile=self.data / 'public' / 'ca.pem')
        basic = base64.b64encode(f'nanomdm:{self.token}'.encode()).decode()
        for _ in range(count):
            body = COMMAND.format(uuid=uuid.uuid4()).encode()
            asked = urllib.request.Request(f'{self.url}/v1/enqueue/{",".join(udids)}?nopush=1', body, {'Authorization': f'Basic {basic}'}, method='PUT')
            urllib.request.urlopen(asked, context=context).close()


class Load:
    def __init__(self, build, folder):
        self.program, self.folder = build / 'bench' / 'load_tls', folder
        with (folder / 'pool.pem').open('w') as pool, (folder / 'pool.pem.names').open('w') as names:
            for i in range(POOL):
                pool.write(''.join(path.read_text() for path in certificate(folder, f'device{i}', 'rsa:2048')))
                names.write(f'0000FE5A-{i:016X}\n')
        self.requests_write()

    def requests_write(self):
        (self.folder / 'idle').write_text(request(IDLE))
        (self.folder / 'report').write_text(request(REPORT))

    def speak_as(self, devices):
        """From now on as these simulated devices; their UDIDs."""
        subprocess.run([self.program.parent / 'mdm_pool', self.folder / 'pool.pem', *devices], check=True)
        return (self.folder / 'pool.pem.names').read_text().split()

    def words(self, server, mode, count, threads):
        return [self.program, str(server.port), mode, str(count), str(threads), self.folder / 'pool.pem', self.folder / 'idle',
                self.folder / 'report']

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


def instructions(load, name, start, folder):
    """Instructions of a new connection with its request: the difference of two runs, so that starting does not count."""
    totals = []
    for connections in (20, 220):
        out = folder / f'callgrind.{name.replace(" ", "-")}.{connections}'
        server = start(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}.%p', '-q'])
        load.run(server, 'new', connections, 1)
        server.stop()
        totals.append(sum(int(line.split()[1]) for path in folder.glob(f'{out.name}.*') for line in path.read_text().splitlines()
                          if line.startswith('totals:')))
    count = (totals[1] - totals[0]) / 200
    print(f'  new     {name:12} {count / 1e6:8.2f} M instructions')
    return count


def measure(load, bare, server, args):
    """The figures that both sections have, against their bars."""
    new = load.least([bare, server], 'new', args.count, 4, args.rounds)
    resumed = load.least([bare, server], 'resume', args.count, 4, args.rounds)
    load.least([server], 'keep', args.count * 20, 64, args.rounds)
    bar('new connection, CPU against bare', new[server.name] / new['bare'], 1.25)
    bar('resumed against new', resumed[server.name] / new[server.name], 0.6)
    bar('an idle connection', load.idle_bytes(server, args.idle) / 1000, 26, ' kB')


def alone(build, folder, args):
    print('the HTTPS server alone, with a handler that answers 200')
    load = Load(build, folder)
    identity = certificate(folder, 'server', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
    starts = {name: lambda wrapper=(), name=name, program=program: Server(name, [build / 'bench' / program, *identity], wrapper)
              for name, program in (('bare', 'bench_tls_accept'), ('http alone', 'bench_http'))}
    servers = [start() for start in starts.values()]
    try:
        measure(load, *servers, args)
    finally:
        for server in servers:
            server.stop()
    if not args.no_callgrind:
        bare, ours = (instructions(load, name, start, folder) for name, start in starts.items())
        bar('new connection, instructions against bare', ours / bare, 1.08)


def service_instructions(build, folder, load):
    """On a data folder of its own: what is left of other sections would be swept meanwhile."""
    folder.mkdir()
    data = folder / 'quiet'
    server = Service(build, data)
    try:
        load.speak_as(server.enroll(folder, 8))
    finally:
        server.stop()
    bare = instructions(load, 'bare', lambda wrapper: Server('bare', [build / 'bench' / 'bench_tls_accept', *server.identity], wrapper), folder)
    ours = instructions(load, 'service', lambda wrapper: Service(build, data, wrapper, ['--sandbox', 'off']), folder)
    bar('new connection, instructions against bare', ours / bare, 1.08)


def service(build, folder, args):
    print(f'the service on SQLite, {DEVICES} devices, all its processes')
    load = Load(build, folder)
    data = folder / 'service'
    server = Service(build, data)
    bare = Server('bare', [build / 'bench' / 'bench_tls_accept', *server.identity])
    try:
        udids = load.speak_as(server.enroll(folder, DEVICES))
        measure(load, bare, server, args)
        costs = []
        for _ in range(args.rounds):
            server.enqueue(udids, args.commands)
            cpu, seen = load.run(server, 'queue', args.commands * DEVICES, DEVICES)
            costs.append(cpu)
            if seen['commands'] < seen['count'] * 0.9:
                raise SystemExit(f'only {seen["commands"]} of {seen["count"]} answers carried a command')
            print(f'  queue   service      {cpu:8.1f} us CPU   p50 {seen["p50_us"]} us   p99 {seen["p99_us"]} us')
        bar('acknowledge and next command', min(costs), 120, ' us')
    finally:
        server.stop()
        bare.stop()
    if not args.no_callgrind:
        service_instructions(build, folder / 'more', load)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default='build')
    parser.add_argument('--only', choices=['alone', 'service'])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--count', type=int, default=1000, help='connections of a round')
    parser.add_argument('--commands', type=int, default=200, help='for each device, in a round')
    parser.add_argument('--idle', type=int, default=10000, help='idle connections')
    parser.add_argument('--no-callgrind', action='store_true')
    args = parser.parse_args()
    build = pathlib.Path(args.build).resolve()
    for section in (alone, service):
        if args.only in (None, section.__name__):
            with tempfile.TemporaryDirectory() as name:
                section(build, pathlib.Path(name), args)


if __name__ == '__main__':
    sys.exit(main())
