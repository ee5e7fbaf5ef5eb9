"""A device made of Python's ssl and plistlib and of openssl: a second opinion on what the service says.

Nothing of this tree is used: the identity comes over SCEP (RFC 8894) with messages that openssl envelopes and
signs, so that a mistake that both of our own ends make would show.
"""
import hashlib
import os
import plistlib
import subprocess
import urllib.parse

from harness import check
from serving import TOPIC

CHECKIN = 'application/x-apple-aspen-mdm-checkin'
REPORT = 'application/x-apple-aspen-mdm'


def path_of(url):
    place = urllib.parse.urlsplit(url)
    return place.path + (f'?{place.query}' if place.query else '')


def openssl(*words, input=b''):
    done = subprocess.run(['openssl', *map(str, words)], input=input, capture_output=True, check=False)
    check(done.returncode == 0, f'openssl {words}: {done.stderr.decode(errors="replace")}')
    return done.stdout


def der(tag, *parts):
    body = b''.join(parts)
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(size)]) + size + body


def oid(text):
    first, second, *rest = map(int, text.split('.'))
    out = bytearray([first * 40 + second])
    for number in rest:
        septets = [number & 127]
        while number := number >> 7:
            septets.append(number & 127 | 128)
        out += bytes(reversed(septets))
    return der(6, bytes(out))


SHA256 = der(0x30, oid('2.16.840.1.101.3.4.2.1'), der(5))
DATA, SIGNED_DATA = oid('1.2.840.113549.1.7.1'), oid('1.2.840.113549.1.7.2')


def issuer_and_serial(cert):
    """Of a certificate in DER: its second and fourth fields."""
    def head(at):
        size = cert[at + 1]
        if size < 128:
            return at + 2, at + 2 + size
        count = size & 127
        size = int.from_bytes(cert[at + 2:at + 2 + count], 'big')
        return at + 2 + count, at + 2 + count + size
    at = head(head(0)[0])[0]
    at = head(at)[1]  # version
    serial = cert[at:head(at)[1]]
    at = head(at)[1]
    at = head(at)[1]  # algorithm
    return der(0x30, cert[at:head(at)[1]], serial)


def pki_message(folder, content):
    """A PKCSReq: SignedData over the EnvelopedData @content."""
    cert = openssl('x509', '-in', folder / 'self.pem', '-outform', 'DER')

    def attribute(name, value):
        return der(0x30, oid(name), der(0x31, value))
    attributes = sorted([
        attribute('1.2.840.113549.1.9.3', DATA),
        attribute('1.2.840.113549.1.9.4', der(4, hashlib.sha256(content).digest())),
        attribute('2.16.840.1.113733.1.9.2', der(0x13, b'19')),
        attribute('2.16.840.1.113733.1.9.5', der(4, os.urandom(16))),
        attribute('2.16.840.1.113733.1.9.7', der(0x13, os.urandom(16).hex().encode())),
    ])
    signature = openssl('dgst', '-sha256', '-sign', folder / 'key.pem', input=der(0x31, *attributes))
    signer = der(0x30, der(2, b'\1'), issuer_and_serial(cert), SHA256, der(0xa0, *attributes),
                 der(0x30, oid('1.2.840.113549.1.1.1'), der(5)), der(4, signature))
    signed = der(0x30, der(2, b'\1'), der(0x31, SHA256), der(0x30, DATA, der(0xa0, der(4, content))),
                 der(0xa0, cert), der(0x31, signer))
    return der(0x30, SIGNED_DATA, der(0xa0, signed))


class Device:
    """Its identity comes from the service's SCEP, by install() or scep(), or from elsewhere, by move_in()."""

    def __init__(self, service, udid, name='device'):
        self.service, self.udid, self.topic = service, udid, TOPIC
        self.folder = service.world.dir / f'device-{name}'
        self.folder.mkdir()
        self.identity = None

    # ---- the way to an identity

    def self_signed(self):
        """An identity of nobody's."""
        self.identity = self.folder / 'cert.pem', self.folder / 'key.pem'
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                '-subj', '/CN=python device', '-out', self.identity[0], '-keyout', self.identity[1])
        return self

    def move_in(self):
        """From another service, which had its identity issued elsewhere; it is known at once."""
        self.self_signed()
        self.service.move_in(self.udid, self.sha256)
        return self

    def install(self, link):
        """Fetch the enrollment profile and the certificate that it asks for."""
        status, headers, signed = self.service.ask('GET', path_of(link))
        check(status == 200 and headers['Content-Type'] == 'application/x-apple-aspen-config', f'{status} {signed[:200]}')
        profile = plistlib.loads(openssl('cms', '-verify', '-inform', 'DER', '-CAfile', self.service.ca, '-purpose', 'any',
                                         input=signed))
        payloads = {payload['PayloadType']: payload for payload in profile['PayloadContent']}
        scep, mdm = payloads['com.apple.security.scep']['PayloadContent'], payloads['com.apple.mdm']
        self.topic = mdm['Topic']
        self.scep(scep['Challenge'], path_of(scep['URL']))
        return self

    def scep(self, challenge, path='/scep'):
        check(self.certified(challenge, path), 'the CertRep has no certificate')

    def certified(self, challenge, path='/scep'):
        """True if the challenge bought a certificate."""
        folder = self.folder
        config = folder / 'csr.conf'
        config.write_text('[req]\nprompt=no\ndistinguished_name=dn\nattributes=at\n[dn]\nCN=python device\n'
                          f'[at]\nchallengePassword={challenge}\n')
        openssl('genrsa', '-out', folder / 'key.pem', '2048')
        openssl('req', '-new', '-x509', '-key', folder / 'key.pem', '-subj', '/CN=python device', '-days', '2',
                '-out', folder / 'self.pem')
        csr = openssl('req', '-new', '-key', folder / 'key.pem', '-config', config, '-outform', 'DER')
        status, headers, ca = self.service.ask('GET', f'{path}?operation=GetCACert')
        check(status == 200 and headers['Content-Type'] == 'application/x-x509-ca-ra-cert', headers['Content-Type'])
        certs = openssl('pkcs7', '-inform', 'DER', '-print_certs', input=ca)
        (folder / 'ra.pem').write_bytes(certs)  # the RA stands first, and openssl takes the first
        enveloped = openssl('cms', '-encrypt', '-binary', '-aes-128-cbc', '-outform', 'DER', folder / 'ra.pem', input=csr)
        status, _, reply = self.service.ask('POST', f'{path}?operation=PKIOperation', pki_message(folder, enveloped),
                                            {'Content-Type': 'application/x-pki-message'})
        check(status == 200, f'PKIOperation: {status} {reply[:200]}')
        content = openssl('cms', '-verify', '-noverify', '-inform', 'DER', input=reply)
        if not content:
            return False
        plain = openssl('cms', '-decrypt', '-inform', 'DER', '-recip', folder / 'self.pem', '-inkey', folder / 'key.pem',
                        input=content)
        (folder / 'cert.pem').write_bytes(openssl('pkcs7', '-inform', 'DER', '-print_certs', input=plain))
        self.identity = folder / 'cert.pem', folder / 'key.pem'
        return True

    @property
    def sha256(self):
        return hashlib.sha256(openssl('x509', '-in', self.identity[0], '-outform', 'DER')).hexdigest()

    # ---- what it says

    def say(self, path, body, content_type):
        """(status, headers, body)"""
        return self.service.ask('PUT', path, body, {'Content-Type': content_type}, self.identity)

    def tell(self, path, message, content_type):
        """(status, the answer's property list or None)"""
        status, _, body = self.say(path, plistlib.dumps(message), content_type)
        return status, plistlib.loads(body) if body and status == 200 else None

    def checkin(self, message_type, **keys):
        return self.tell('/checkin', {'MessageType': message_type, 'UDID': self.udid, 'Topic': self.topic, **keys}, CHECKIN)

    def authenticate(self):
        return self.checkin('Authenticate', OSVersion='17.4', BuildVersion='21E219', ProductName='iPad14,1',
                            SerialNumber='RHSIM' + self.udid[-7:], DeviceName='Python')[0]

    def token_update(self, token=b'\7' * 32, magic='00000000-0000-4000-8000-00000000ABCD', **keys):
        return self.checkin('TokenUpdate', Token=token, PushMagic=magic, **keys)[0]

    def report(self, status='Idle', uuid=None, **keys):
        """(status, UUID of the next command or None)"""
        code, command = self.tell('/mdm', {'Status': status, 'UDID': self.udid, **({'CommandUUID': uuid} if uuid else {}),
                                           **keys}, REPORT)
        return code, command['CommandUUID'] if command else None

    def drain(self):
        """UUIDs of the commands that it gets, acknowledging each, until there are none."""
        got = []
        code, uuid = self.report()
        while uuid:
            got.append(uuid)
            check(len(got) < 1000, 'the queue does not end')
            code, uuid = self.report('Acknowledged', uuid)
        check(code == 200, f'a device got {code}')
        return got
