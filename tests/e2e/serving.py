"""A running `rehomed` of a test's own, a simulated APNs, and a device in a few lines of Python.

    with Service(world) as service:
        service.api('GET', 'status')
        udid = service.enroll(folder)       # a simulated device; needs the push certificate
        Device(service, UDID).report()      # in Python, after /migration introduced its identity

Ports are free ones, clocks are real, nothing leaves loopback.
"""
import http.client
import json
import pathlib
import plistlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

from harness import check

TOPIC = 'com.apple.mgmt.External.7b1a6f6e-0000-4000-8000-00000000e2e0'
CHECKIN = 'application/x-apple-aspen-mdm-checkin'
REPORT = 'application/x-apple-aspen-mdm'


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


class Service:
    def __init__(self, world, *words, name='service', sandbox='try', with_push=False, program=None):
        self.world, self.data = world, world.dir / name
        self.words = [str(word) for word in words]
        self.sandbox, self.with_push, self.program = sandbox, with_push, program
        self.process = self.apns = None

    # ---- life

    def start(self):
        words = [self.program or str(self.world.build / 'rehomed'), '--data', str(self.data), '--listen', '127.0.0.1:0',
                 '--metrics', '127.0.0.1:0', '--sandbox', self.sandbox, '--log', 'debug', *self.words]
        if self.with_push:
            words += self.apns_start()
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.world.service_env,
                                        text=True)
        self.out, self.log = Lines(self.process.stdout), Lines(self.process.stderr)
        try:
            self.url = self.out.wait(r'^ready (\S+)', self.process).group(1)
        except AssertionError as why:
            raise AssertionError(f'{why}\n' + '\n'.join(self.log.lines[-20:])) from why
        self.metrics_address = self.out.find(r'^metrics http://(\S+)/metrics').group(1)
        self.address = urllib.parse.urlsplit(self.url)
        return self

    def apns_start(self):
        self.certificate = self.world.dir / 'push.pem'
        if not self.apns:
            folder = self.world.dir / 'apns'
            self.world.sim('apple', '--push-certificate', self.certificate, '--topic', TOPIC)
            self.apns = subprocess.Popen([self.world.sim_program, 'apple', '--apns', '127.0.0.1:0', '--folder', str(folder)],
                                         stdout=subprocess.PIPE, env=self.world.env, text=True)
            said = Lines(self.apns.stdout)
            self.apns_port = said.wait(r':(\d+)', self.apns).group(1)
            said.wait('^ready$', self.apns)
        return ['--apns', f'https://127.0.0.1:{self.apns_port}', '--apns-trust', str(self.world.dir / 'apns' / 'ca.pem')]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        check(code == 0, f'the service ended with {code}: ' + '\n'.join(self.log.lines[-20:]))
        for lines in (self.out, self.log):
            lines.thread.join(10)
        said = '\n'.join(self.log.lines)
        check('Sanitizer' not in said, said[-3000:])
        return said

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, why, trace):
        if kind:
            self.world.lines.append('rehomed said:\n' + '\n'.join(self.log.lines[-40:]))
        if self.process.poll() is None:
            self.stop()
        if self.apns:
            self.apns.terminate()
            self.apns.wait(20)

    def processes(self, role):
        """pids of that role that run now, by the log."""
        alive = []
        for line in list(self.log.lines):
            found = re.search(r'process-(started|ended) process=(\w+) pid=(\d+)', line)
            if found and found.group(2) == role:
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
        plain = socket.create_connection((self.address.hostname, self.address.port), timeout=timeout)
        return self.context(identity).wrap_socket(plain, server_hostname=self.address.hostname)

    def ask(self, method, path, body=None, headers=None, identity=None, timeout=30):
        """(status, headers, body) over a connection of its own."""
        client = http.client.HTTPSConnection(self.address.hostname, self.address.port, timeout=timeout,
                                             context=self.context(identity))
        try:
            client.request(method, path, body=body, headers=headers or {})
            answer = client.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            client.close()

    def api(self, method, path, value=None, code=200, raw=None):
        headers = {'Authorization': f'Bearer {self.token}'}
        if value is not None:
            headers['Content-Type'] = 'application/json'
        body = raw if raw is not None else json.dumps(value) if value is not None else None
        status, _, got = self.ask(method, f'/api/v1/{path}', body, headers)
        check(status == code, f'{method} {path}: {status} {got[:500]}')
        return json.loads(got) if got else None

    def metrics(self):
        client = http.client.HTTPConnection(*self.metrics_address.rsplit(':', 1), timeout=30)
        client.request('GET', '/metrics')
        text = client.getresponse().read().decode()
        client.close()
        return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if line and line[0] != '#'}

    # ---- devices

    def push_certificate(self):
        self.api('PUT', 'pushcert', raw=self.certificate.read_bytes())

    def link(self, **wish):
        return self.api('POST', 'tickets', wish)['url']

    def enroll(self, folder):
        self.world.sim('mdm', folder, 'install-profile', self.link(), '--ca', self.ca, '--now', now())
        return self.world.udid(folder)


def now():
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())


def message(kind, udid, **keys):
    return plistlib.dumps({'MessageType': kind, 'UDID': udid, 'Topic': TOPIC, **keys})


def idle(udid):
    return plistlib.dumps({'UDID': udid, 'Status': 'Idle'})


class Device:
    """A device in Python, with a certificate that openssl made and /migration introduced."""

    def __init__(self, service, udid, name='device'):
        self.service, self.udid = service, udid
        folder = pathlib.Path(service.world.dir)
        self.identity = (str(folder / f'{name}.cert'), str(folder / f'{name}.key'))
        service.world.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                           '-days', '30', '-subj', f'/CN={name}', '-out', self.identity[0], '-keyout', self.identity[1]])

    def say(self, path, body, kind):
        return self.service.ask('PUT', path, body, {'Content-Type': kind}, self.identity)

    def checkin(self, kind, **keys):
        return self.say('/checkin', message(kind, self.udid, **keys), CHECKIN)

    def report(self, status='Idle', **keys):
        return self.say('/mdm', plistlib.dumps({'UDID': self.udid, 'Status': status, **keys}), REPORT)
