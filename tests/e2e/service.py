"""The running MDM service for end-to-end tests: its address, CA, administrator's token and API."""
import http.client
import json
import re
import signal
import ssl
import subprocess
import urllib.parse

from harness import check


class Service:
    """`rehome serve` with a folder of its own, on a free port; `settings` are further words for it."""

    def __init__(self, world, *settings):
        self.world = world
        self.data = world.dir / 'service'
        self.log = open(world.dir / 'service.log', 'wb')
        self.process = subprocess.Popen(
            [world.program, 'serve', '--data', str(self.data), '--listen', '127.0.0.1:0', *settings],
            stdout=subprocess.PIPE, stderr=self.log, env=world.env)
        lines = []
        while not lines or not lines[-1].startswith('ready '):
            line = self.process.stdout.readline().decode()
            check(line, f'the service ended: {lines} {self.said()}')
            lines.append(line)
        self.port = urllib.parse.urlparse(lines[-1].split()[1]).port
        token_file = re.search(r'token: (\S+)', ''.join(lines)).group(1)
        with open(token_file) as file:
            self.token = file.read().strip()
        self.ca = self.data / 'public' / 'ca.pem'
        self.tls = ssl.create_default_context(cafile=str(self.ca))

    def said(self):
        return (self.world.dir / 'service.log').read_bytes().decode(errors='replace')[-3000:]

    def ask(self, method, path, body=None, content_type='application/json', status=200):
        connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=self.tls, timeout=30)
        headers = {'Authorization': f'Bearer {self.token}'}
        if body is not None:
            headers['Content-Type'] = content_type
            body = json.dumps(body) if content_type == 'application/json' else body
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        answer = reply.read()
        connection.close()
        check(reply.status == status, f'{method} {path}: {reply.status} {answer[:300]} {self.said()}')
        return answer

    def ticket(self, kind):
        return json.loads(self.ask('POST', '/api/v1/tickets', {'kind': kind}))

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        if why[0] is None:
            check(code == 0 and 'Sanitizer' not in self.said(), f'the service ended with {code}: {self.said()}')
