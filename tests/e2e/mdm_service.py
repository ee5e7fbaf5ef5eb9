"""The MDM service of this tree, started for a test: `rehomed` with a folder of its own and a free port."""
import json
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request

from harness import Skip, check

TOPIC = 'com.apple.mgmt.External.7b1a6f6e-0000-4000-8000-000000000001'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Apple:
    """`rehome-sim apple`: the push service."""

    def __init__(self, world):
        self.folder = world.dir / 'apple'
        self.process = subprocess.Popen([world.sim_program, 'apple', '--apns', '127.0.0.1:0', '--folder', self.folder],
                                        stdout=subprocess.PIPE, env=world.env, text=True)
        self.port = int(re.search(r':(\d+)', self.process.stdout.readline()).group(1))
        check(self.process.stdout.readline().strip() == 'ready')

    def options(self):
        return ('--apns', f'https://127.0.0.1:{self.port}', '--apns-trust', str(self.folder / 'ca.pem'))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process.stdout.close()


class Service:
    """A running service; `with` stops it. Answers of the API come as parsed JSON."""

    def __init__(self, world, *options, name='service', apple=None, has_push_certificate=False):
        program = pathlib.Path(world.program).with_name('rehomed')
        if not program.exists():
            raise Skip('rehomed is not built')
        self.world, self.data, self.apple = world, world.dir / name, apple
        self.port = free_port()
        self.url = f'https://127.0.0.1:{self.port}'
        self.log_path = world.dir / f'{name}.log'
        self.command = [str(program), '--data', str(self.data), '--listen', f'127.0.0.1:{self.port}', '--workers', '1',
                        *options, *(apple.options() if apple else ())]
        self.start()
        if has_push_certificate:
            self.push_certificate()

    def start(self):
        self.log = open(self.log_path, 'ab')
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.log, env=self.world.service_env,
                                        text=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith('ready '):
                break
        else:
            raise AssertionError(f'the service did not start: {lines} {self.said()[-2000:]}')
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.ca = self.data / 'public' / 'ca.pem'
        self.token = (self.data / 'administrator.token').read_text().strip()

    def push_certificate(self):
        """Without one nobody enrolls: its topic is in each profile."""
        path = self.world.dir / 'push.pem'
        self.world.sim('apple', '--push-certificate', path, '--topic', TOPIC)
        self.api('PUT', '/pushcert', raw=path.read_bytes())

    def said(self):
        return self.log_path.read_bytes().decode(errors='replace')

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.stop()
        if self.apple:
            self.apple.stop()
        if failure[0]:
            print('     service: ' + self.said()[-3000:])

    # ---- the API

    def call(self, method, path, body=None):
        """(status, parsed answer)"""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f'{self.url}/api/v1{path}', method=method, data=data)
        request.add_header('Authorization', f'Bearer {self.token}')
        if body is not None:
            request.add_header('Content-Type', 'application/octet-stream' if data is body else 'application/json')
        trust = ssl.create_default_context(cafile=str(self.ca))
        try:
            with urllib.request.urlopen(request, context=trust, timeout=60) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            status, text = refusal.code, refusal.read()
        return status, json.loads(text) if text else None

    def api(self, method, path, raw=None, **body):
        status, answer = self.call(method, path, raw or (body if body or method == 'POST' else None))
        check(status // 100 == 2, f'{method} {path}: {status} {answer}')
        return answer

    def link(self):
        return self.api('POST', '/tickets')['url']

    def device(self, udid):
        return self.api('GET', f'/devices/{udid}')

    def enrollment(self, udid):
        return self.api('GET', f'/enrollments/{udid}')

    def send(self, udid, request_type, keys=None, **more):
        """Queue a command; its UUID."""
        answer = self.api('POST', '/commands', ids=[udid], type=request_type, **({'keys': keys} if keys else {}), **more)
        return answer['uuid']

    def result(self, udid, uuid):
        return self.api('GET', f'/enrollments/{udid}/commands/{uuid}')

    def act(self, action, *udids, **more):
        return self.api('POST', f'/actions/{action}', ids=list(udids), **more)


def serving(world, *options, **more):
    """A service that devices can enroll with; without a push service, pushes go nowhere."""
    nowhere = () if more.get('apple') else ('--apns', 'https://127.0.0.1:9')
    return Service(world, *nowhere, *options, has_push_certificate=True, **more)


def enroll(world, service, device, code=0):
    return world.sim('mdm', device, 'install-profile', service.link(), '--ca', service.ca, code=code)


def poll(world, device, code=0):
    done = world.sim('mdm', device, 'poll', '--json', code=code)
    return done.json() if code == 0 else done


def until(what, world, limit=30):
    """Wait for `what()` to be true: other processes are at work."""
    import time
    late = time.monotonic() + limit
    while not what():
        if time.monotonic() > late:
            raise AssertionError(f'nothing came of it in {limit} s')
        time.sleep(0.1)
