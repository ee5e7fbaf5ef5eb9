"""Identities of the running service, judged by programs that we did not write.

certmonger's SCEP client enrolls and renews; `openssl` verifies the chains that the service issues and
the profile that it signs; `plistlib` reads what was signed.
"""
import http.client
import json
import plistlib
import re
import shutil
import signal
import ssl
import subprocess
import urllib.parse

from harness import Skip, case, check
from scep_client import Certmonger, Relay

TOPIC = 'com.apple.mgmt.External.9e7f0c1a-2f4e-4b52-9c0d-5f1f0b7a3c11'


class Service:
    """`rehome serve` with a folder of its own, on a free port."""

    def __init__(self, world):
        self.world = world
        self.data = world.dir / 'service'
        self.log = open(world.dir / 'service.log', 'wb')
        self.process = subprocess.Popen(
            [world.program, 'serve', '--data', str(self.data), '--listen', '127.0.0.1:0'],
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


def openssl(world, *words, input=None, code=0):
    if not shutil.which('openssl'):
        raise Skip('openssl is not installed')
    return world.run(['openssl', *words], input=input, code=code)


def field(world, cert, name):
    return openssl(world, 'x509', '-in', cert, '-noout', f'-{name}').text.strip()


def good_for(world, service, cert, purpose):
    openssl(world, 'verify', '-x509_strict', '-purpose', purpose, '-CAfile', service.ca, cert)


def algorithms(world, der):
    """Digests and content ciphers that a message names, the inner one too."""
    text = openssl(world, 'cms', '-cmsout', '-print', '-noout', '-inform', 'DER', input=der).text
    inner = openssl(world, 'cms', '-verify', '-noverify', '-nosigs', '-binary', '-inform', 'DER', input=der).out
    text += openssl(world, 'cms', '-cmsout', '-print', '-noout', '-inform', 'DER', input=inner).text
    return set(re.findall(r'algorithm: (\S+)', text))


def check_algorithms(world, exchange):
    for message in exchange:
        named = algorithms(world, message)
        check('sha256' in named and any(re.fullmatch(r'aes-(128|192|256)-cbc', name) for name in named), named)
        check(not named & {'sha1', 'md5', 'des-ede3-cbc', 'des-cbc'}, named)


@case("certmonger's SCEP client gets a certificate and renews it, over AES and SHA-256")
def certmonger(world):
    with Service(world) as service, Relay(service.port, service.ca) as relay:
        client = Certmonger(world, 'one')
        challenge = service.ticket('challenge')['challenge']
        check(client.enroll(relay.url, 'RHSIM000001', challenge), 'no certificate came: ' + service.said())
        good_for(world, service, client.cert, 'sslclient')
        first = field(world, client.cert, 'serial'), field(world, client.cert, 'pubkey')
        check(first[1] == openssl(world, 'pkey', '-in', client.key, '-pubout').text.strip(), 'of another key')

        check(client.renew(), 'no renewed certificate came: ' + service.said())
        good_for(world, service, client.cert, 'sslclient')
        second = field(world, client.cert, 'serial'), field(world, client.cert, 'pubkey')
        check(first[0] != second[0] and first[1] != second[1], 'the same certificate or key again')
        check(second[1] == openssl(world, 'pkey', '-in', client.key, '-pubout').text.strip(), 'of another key')

        exchanges = relay.exchanges()
        check(len(exchanges) == 2, f'{len(exchanges)} exchanges')
        for exchange in exchanges:
            check_algorithms(world, exchange)


@case('a challenge buys one certificate, and a wrong one none')
def challenges(world):
    with Service(world) as service, Relay(service.port, service.ca) as relay:
        challenge = service.ticket('challenge')['challenge']
        check(Certmonger(world, 'one').enroll(relay.url, 'RHSIM000001', challenge), service.said())
        check(not Certmonger(world, 'two').enroll(relay.url, 'RHSIM000001', challenge), 'used twice')
        check(not Certmonger(world, 'three').enroll(relay.url, 'RHSIM000001', 'guessed'), 'for a guess')
        # refused inside SCEP: the HTTP status says nothing
        check([status for _, _, status, _, _ in relay.asked].count(200) == len(relay.asked), relay.asked)


@case('openssl accepts the chains of the service and the signature of its enrollment profile')
def profile(world):
    with Service(world) as service:
        tls = world.dir / 'tls.pem'
        tls.write_text(ssl.get_server_certificate(('127.0.0.1', service.port), ca_certs=str(service.ca)))
        good_for(world, service, tls, 'sslserver')
        openssl(world, 'verify', '-x509_strict', '-verify_ip', '127.0.0.1', '-CAfile', service.ca, tls)

        certs = openssl(world, 'pkcs7', '-inform', 'DER', '-print_certs',
                        input=service.ask('GET', '/scep?operation=GetCACert')).text
        ra = world.dir / 'ra.pem'
        ra.write_text(certs[:certs.index('-----END CERTIFICATE-----') + 26])
        good_for(world, service, ra, 'smimeencrypt')

        push = world.dir / 'push.pem'
        world.sim('apple', '--push-certificate', push, '--topic', TOPIC)
        service.ask('PUT', '/api/v1/pushcert', push.read_bytes(), 'application/x-pem-file')
        link = urllib.parse.urlparse(service.ticket('link')['url']).path
        signed = service.ask('GET', link)
        content = openssl(world, 'cms', '-verify', '-binary', '-inform', 'DER', '-CAfile', service.ca, input=signed)
        profile = plistlib.loads(content.out)
        mdm = [payload for payload in profile['PayloadContent'] if payload['PayloadType'] == 'com.apple.mdm']
        check(len(mdm) == 1 and mdm[0]['Topic'] == TOPIC, profile)
        service.ask('GET', link, status=404)
