"""A running `rehomed` of a test's own, and a simulated APNs.

    with Service(world) as service:
        service.api('GET', '/status')
    with serving(world) as service:
        udid = service.enroll(folder)       # a simulated device; needs a push certificate
        poll(world, folder)

A device in Python is in mdm_device.py.  Ports are free ones, clocks are real, nothing leaves loopback.
"""
import contextlib
import http.client
import json
import plistlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import postgres
from harness import Skip, check

NOWHERE = 'https://127.0.0.1:9'  # nobody listens there
TOPIC = 'com.apple.mgmt.External.7b1a6f6e-0000-4000-8000-00000000e2e0'


def wait_for(what, limit=30):
    """Look again until it is so: the processes restart by themselves, in their own time."""
    late = time.monotonic() + limit
    while True:
        got = what()
        if got:
            return got
        check(time.monotonic() < late, f'waited {limit} s in vain')
        time.sleep(0.02)


class Lines:
    """What a program says, read in the background so that it never waits for us."""

    def __init__(self, stream):
        self.lines, self.stream = [], stream
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.stream:
            self.lines.append(line.rstrip('\n'))

    def find(self, pattern):
        return next((found for found in (re.search(pattern, line) for line in list(self.lines)) if found), None)

    def wait(self, pattern, process):
        def look():
            found = self.find(pattern)
            if not found and process.poll() is not None:
                self.thread.join(5)
                found = self.find(pattern)
                check(found, f'ended with {process.returncode}: ' + '\n'.join(self.lines[-20:]))
            return found
        return wait_for(look, 60)


class Apple:
    """`rehome-sim apple`: the push service, and a push certificate for it."""

    def __init__(self, world, *options):
        self.folder, self.certificate = world.dir / 'apple', world.dir / 'push.pem'
        world.sim('apple', '--push-certificate', self.certificate, '--topic', TOPIC)
        self.process = subprocess.Popen([world.sim_program, 'apple', '--apns', '127.0.0.1:0', '--folder', str(self.folder),
                                         *options], stdout=subprocess.PIPE, env=world.env, text=True)
        said = Lines(self.process.stdout)
        self.port = int(said.wait(r':(\d+)', self.process).group(1))
        said.wait('^ready$', self.process)

    def options(self):
        return ['--apns', f'https://127.0.0.1:{self.port}', '--apns-trust', str(self.folder / 'ca.pem')]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(20) == 0, 'rehome-sim apple did not end well')
        self.process.stdout.close()


class Service:
    """`with` starts and stops it. A second start() listens where the first did, so that devices find it again.

    @with_push: pushes go to an Apple of its own, for which it has the certificate.
    """

    def __init__(self, world, *words, name='service', sandbox='try', with_push=False):
        if not (world.build / 'rehomed').exists():
            raise Skip('rehomed is not built')
        self.world, self.data = world, world.dir / name
        self.words, self.sandbox, self.with_push = [str(word) for word in words], sandbox, with_push
        self.listen, self.earlier = '127.0.0.1:0', []
        self.process = self.log = self.apple = None

    # ---- life

    def start(self):
        words = [str(self.world.build / 'rehomed'), '--data', str(self.data), '--listen', self.listen,
                 '--metrics', '127.0.0.1:0', '--sandbox', self.sandbox, '--log', 'debug', *self.words]
        if self.with_push and not self.apple:
            self.apple = Apple(self.world)
        if self.apple:
            words += self.apple.options()
        if self.log:
            self.earlier += self.log.lines
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.world.service_env,
                                        text=True)
        self.out, self.log = Lines(self.process.stdout), Lines(self.process.stderr)
        try:
            self.url = self.out.wait(r'^ready (\S+)', self.process).group(1)
        except AssertionError as why:
            raise AssertionError(f'{why}\n' + '\n'.join(self.log.lines[-20:])) from why
        self.metrics_address = self.out.find(r'^metrics http://(\S+)/metrics').group(1)
        self.address = urllib.parse.urlsplit(self.url)
        self.port, self.listen = self.address.port, self.address.netloc
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        check(code == 0, f'the service ended with {code}: ' + '\n'.join(self.log.lines[-20:]))
        for lines in (self.out, self.log):
            lines.thread.join(10)
            lines.stream.close()
        check('Sanitizer' not in self.said(), self.said()[-3000:])

    def __enter__(self):
        try:
            self.start()
            if self.with_push:
                self.push_certificate(self.apple.certificate)
        except BaseException as failure:
            self.__exit__(type(failure), failure, None)
            raise
        return self

    def __exit__(self, kind, why, trace):
        if kind and self.log:
            self.world.lines.append('rehomed said:\n' + '\n'.join(self.log.lines[-40:]))
        if self.process and self.process.poll() is None:
            self.stop()
        if self.apple:
            self.apple.stop()

    def said(self):
        """The log, since the first start."""
        return '\n'.join([*self.earlier, *self.log.lines])

    def processes(self, *roles):
        """pids of these roles, or of all, that run now, by the log."""
        alive = []
        for line in list(self.log.lines):
            found = re.search(r'process-(started|ended) process=(\w+) pid=(\d+)', line)
            if found and (found.group(2) in roles or not roles):
                pid = int(found.group(3))
                alive = alive + [pid] if found.group(1) == 'started' else [one for one in alive if one != pid]
        return alive

    # ---- speaking

    @property
    def token(self):
        return (self.data / 'administrator.token').read_text().strip()

    @property
    def ca(self):
        return self.data / 'public' / 'ca.pem'

    def context(self, identity=None):
        context = ssl.create_default_context(cafile=str(self.ca))
        if identity:
            context.load_cert_chain(*identity)
        return context

    def raw(self, identity=None, timeout=30):
        """A TLS socket."""
        plain = socket.create_connection((self.address.hostname, self.port), timeout=timeout)
        return self.context(identity).wrap_socket(plain, server_hostname=self.address.hostname)

    def ask(self, method, path, body=None, headers=None, identity=None, timeout=60):
        """(status, headers, body) over a connection of its own."""
        client = http.client.HTTPSConnection(self.address.hostname, self.port, timeout=timeout, context=self.context(identity))
        try:
            client.request(method, path, body=body, headers=headers or {})
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            client.close()

    def ask_as(self, token, method, path, body=None, raw=None, content_type=None):
        """(status, answer, parsed if it is JSON) to somebody with that token, or with none; @body: JSON, @raw: bytes."""
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        headers = {'Authorization': f'Bearer {token}'} if token else {}
        if data is not None:
            headers['Content-Type'] = content_type or ('application/json' if raw is None else 'application/octet-stream')
        status, got, text = self.ask(method, path, data, headers)
        return status, json.loads(text) if text and got['Content-Type'] == 'application/json' else text or None

    def call(self, method, path, body=None, raw=None):
        """The administrator asks the API: (status, parsed answer)."""
        if method == 'POST' and body is None and raw is None:
            body = {}
        return self.ask_as(self.token, method, f'/api/v1{path}', body, raw)

    def api(self, method, path, value=None, code=200, raw=None, **fields):
        """The parsed answer, if its status is @code; the body is @value, or an object of @fields, or bytes."""
        status, answer = self.call(method, path, fields or value, raw)
        check(status == code, f'{method} {path}: {status} {str(answer)[:500]}')
        return answer

    def metrics(self):
        client = http.client.HTTPConnection(*self.metrics_address.rsplit(':', 1), timeout=30)
        client.request('GET', '/metrics')
        text = client.getresponse().read().decode()
        client.close()
        return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line and line[0] != '#'}

    # ---- devices

    def push_certificate(self, path):
        """Without one nobody enrolls: its topic is in each profile."""
        self.api('PUT', '/pushcert', raw=path.read_bytes())

    def link(self, **wish):
        return self.api('POST', '/tickets', wish)['url']

    def enroll(self, folder):
        """The simulated device installs the enrollment profile; its UDID."""
        self.world.sim('mdm', folder, 'install-profile', self.link(), '--ca', self.ca)
        return self.world.udid(folder)

    def move_in(self, udid, sha256, days=30, **keys):
        """Another service's record of a device, whose identity has that digest."""
        known = {'UDID': udid, 'Topic': TOPIC}
        for message in ({'MessageType': 'Authenticate', 'OSVersion': '18.6', 'ProductName': 'iPad13,18',
                         'SerialNumber': 'RHSIM' + udid[-7:], **known, **keys},
                        {'MessageType': 'TokenUpdate', 'Token': b'\x01' * 32, 'PushMagic': 'MAGIC', **known}):
            path = f'/migration?identity={sha256}&identity_ends={int(time.time()) + 86400 * days}'
            status, answer = self.ask_as(self.token, 'PUT', path, raw=plistlib.dumps(message))
            check(status == 200, f'/migration: {status} {answer}')

    def device(self, udid):
        return self.api('GET', f'/devices/{udid}')

    def enrollment(self, udid):
        return self.api('GET', f'/enrollments/{udid}')

    def send(self, udid, request_type, keys=None):
        """Queue a command; its UUID."""
        return self.api('POST', '/commands', ids=[udid], type=request_type, **({'keys': keys} if keys else {}))['uuid']

    def result(self, udid, uuid):
        return self.api('GET', f'/enrollments/{udid}/commands/{uuid}')

    def commands(self, udid):
        """{'queue': [...], 'history': [...]}"""
        return self.api('GET', f'/enrollments/{udid}/commands?limit=1000')

    def act(self, action, *udids, **more):
        return self.api('POST', f'/actions/{action}', ids=list(udids), **more)


@contextlib.contextmanager
def stores(on_postgresql, *names):
    """For each name the words that give a service a store of its own; one server of PostgreSQL has them all."""
    if not on_postgresql:
        yield [() for _ in names]
        return
    try:
        with postgres.running() as server:
            yield [('--store', server.database(name)) for name in names]
    except postgres.Missing as reason:
        raise Skip(str(reason)) from reason


@contextlib.contextmanager
def serving(world, *words, **more):
    """A service that devices can enroll with, and whose pushes go nowhere."""
    certificate = world.dir / 'push.pem'
    world.sim('apple', '--push-certificate', certificate, '--topic', TOPIC)
    with Service(world, '--apns', NOWHERE, *words, **more) as service:
        service.push_certificate(certificate)
        yield service


def poll(world, folder, code=0):
    """The simulated device asks for commands and carries them out; what it tells, or the failed run."""
    done = world.sim('mdm', folder, 'poll', '--json', code=code)
    return done.json() if code == 0 else done
