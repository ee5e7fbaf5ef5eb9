"""Servers to be measured and the clients that load them, for bench_mdm.py."""
import base64
import contextlib
import json
import os
import pathlib
import ssl
import subprocess
import time
import typing
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


class Cpu(typing.NamedTuple):
    """Microseconds of a server, and of the database that is no part of it."""
    own: float
    beside: float

    def since(self, before, count):
        return Cpu((self.own - before.own) / count, (self.beside - before.beside) / count)


class Server:
    """A program that prints its port and serves."""

    def __init__(self, name, command, wrapper=()):
        self.name = name
        self.process = subprocess.Popen([*map(str, wrapper), *map(str, command)], stdout=subprocess.PIPE, text=True)
        self.port = self.read_port()

    def read_port(self):
        return int(self.process.stdout.readline())

    beside = None    # a database's process: its CPU is told apart

    @staticmethod
    def pids(process):
        found, todo = [], [process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
                todo += map(int, (task / 'children').read_text().split())
        return found

    def cpu_us(self):
        """Of its processes, and of the database beside it."""
        return Cpu(*(sum(int((task / 'schedstat').read_text().split()[0]) / 1000
                         for pid in self.pids(process) for task in pathlib.Path(f'/proc/{pid}/task').iterdir()) if process else 0
                     for process in (self.process, self.beside)))

    def memory(self, kind='Pss_Anon', process=None):
        total = 0
        for pid in self.pids(process or self.process):
            for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
                if line.startswith(f'{kind}:'):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, why, trace):
        self.stop()


class Service(Server):
    """rehome serve, with one worker: a client that comes back meets its session."""

    def __init__(self, build, data, wrapper=(), words=(), store='sqlite', beside=None):
        self.build, self.data, self.beside = build, data, beside
        super().__init__('service', [build / 'rehome', 'serve', '--data', data, '--listen', '127.0.0.1:0', '--metrics', '127.0.0.1:0',
                                     '--workers', 1, '--idle-seconds', 3600, '--log', 'error', '--apns', 'https://127.0.0.1:1',
                                     '--store', store, *words], wrapper)
        self.token = (data / 'administrator.token').read_text().strip()
        self.identity = data / 'tls' / 'cert.pem', data / 'tls' / 'key.pem'

    def read_port(self):
        for line in self.process.stdout:
            if line.startswith('metrics '):
                self.metrics_url = line.split()[1]
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

    def ask(self, method, path, body, authorization, kind):
        context = ssl.create_default_context(cafile=self.data / 'public' / 'ca.pem')
        asked = urllib.request.Request(f'{self.url}{path}', body, {'Authorization': authorization, 'Content-Type': kind}, method=method)
        with urllib.request.urlopen(asked, context=context) as answer:
            return answer.read()

    def enqueue(self, udids, count):
        """That many commands for each of the devices, by the small API that other tools speak."""
        basic = base64.b64encode(f'nanomdm:{self.token}'.encode()).decode()
        for _ in range(count):
            body = COMMAND.format(uuid=uuid.uuid4()).encode()
            self.ask('PUT', f'/v1/enqueue/{",".join(udids)}?nopush=1', body, f'Basic {basic}', 'application/xml')

    def enqueue_to_all(self):
        """One command for every device, by the REST API: how many got it, and seconds."""
        body = json.dumps({'all': True, 'type': 'DeviceInformation'}).encode()
        start = time.monotonic()
        said = json.loads(self.ask('POST', '/api/v1/commands', body, f'Bearer {self.token}', 'application/json'))
        return said['queued'], time.monotonic() - start

    def store_counts(self):
        """What calls cost the store so far: statements, rows, steps, pages."""
        with urllib.request.urlopen(self.metrics_url) as answer:
            lines = [line.split() for line in answer.read().decode().splitlines() if line.startswith('rehome_store_')]
        return {name.removeprefix('rehome_store_').removesuffix('_total'): int(value) for name, value in lines}


def show(mode, name, cpu, seen):
    beside = f' (the database: {cpu.beside:.1f})' if cpu.beside else ''
    print(f'  {mode:7} {name:12} {cpu.own:8.1f} us CPU{beside}   p50 {seen["p50_us"]} us   p99 {seen["p99_us"]} us', flush=True)


class Load:
    def __init__(self, build, folder):
        self.program, self.folder, self.pool = build / 'bench' / 'load_tls', folder, folder / 'pool.pem'
        (folder / 'idle').write_text(request(IDLE))
        (folder / 'report').write_text(request(REPORT))

    def speak_as_anybody(self):
        """From now on as devices that no service knows."""
        folder = self.folder
        with (folder / 'pool.pem').open('w') as pool, (folder / 'pool.pem.names').open('w') as names:
            for i in range(POOL):
                pool.write(''.join(path.read_text() for path in certificate(folder, f'device{i}', 'rsa:2048')))
                names.write(f'0000FE5A-{i:016X}\n')

    def speak_as(self, devices):
        """From now on as these simulated devices; their UDIDs."""
        subprocess.run([self.program.parent / 'mdm_pool', self.folder / 'pool.pem', *devices], check=True)
        return (self.folder / 'pool.pem.names').read_text().split()

    def words(self, server, mode, count, threads):
        return [self.program, str(server.port), mode, str(count), str(threads), self.pool, self.folder / 'idle',
                self.folder / 'report']

    @contextlib.contextmanager
    def kept(self, server, mode, count, threads):
        """Open connections; calling what this gives sends the next @count requests over them, and returns as run() does."""
        with subprocess.Popen(self.words(server, mode, count, threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as clients:
            if clients.stdout.readline() != 'open\n':
                raise SystemExit(f'{server.name}: not all connections could be opened')

            def go_on():
                before = server.cpu_us()
                clients.stdin.write('\n')
                clients.stdin.flush()
                seen = json.loads(clients.stdout.readline())
                if seen['failed']:
                    raise SystemExit(f'{server.name}: {seen["failed"]} of {seen["count"]} requests failed')
                return server.cpu_us().since(before, seen['count']), seen

            yield go_on
            clients.stdin.close()

    def run(self, server, mode, count, threads):
        """CPU microseconds of the server per request, and what the clients saw."""
        before = server.cpu_us()
        out = subprocess.run(self.words(server, mode, count, threads), check=True, capture_output=True, text=True).stdout
        seen = json.loads(out)
        if mode == 'resume' and seen['resumed'] < count - threads:
            raise SystemExit(f'{server.name}: only {seen["resumed"]} of {count} sessions were resumed')
        return server.cpu_us().since(before, count), seen

    def least(self, servers, mode, count, threads, rounds):
        best = {}
        for _ in range(rounds):
            for server in servers:
                cpu, seen = self.run(server, mode, count, threads)
                if server.name not in best or cpu < best[server.name][0]:
                    best[server.name] = cpu, seen
        for name, (cpu, seen) in best.items():
            show(mode, name, cpu, seen)
        return {name: cpu.own for name, (cpu, _) in best.items()}

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
