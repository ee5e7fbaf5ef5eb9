"""Identities of the running service, judged by programs that we did not write.

certmonger's SCEP client enrolls and renews; `openssl` verifies the chains that the service issues and
the profile that it signs; `plistlib` reads what was signed.
"""
import plistlib
import re
import shutil
import ssl
import urllib.parse

from harness import Skip, case, check
from scep_client import Certmonger, Relay
from serving import TOPIC, Service, serving


def ask(service, method, path, body=None, status=200):
    got, _, answer = service.ask(method, path, body)
    check(got == status, f'{method} {path[:80]}: {got} {answer[:300]}')
    return answer


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
    """Through a relay: its PKIOperation does not take the CA that it was given for TLS (scep_client.Relay says more)."""
    with Service(world) as service, Relay(service.port, service.ca) as relay:
        client = Certmonger(world, 'one')
        challenge = service.api('POST', '/tickets', kind='challenge')['challenge']
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
        challenge = service.api('POST', '/tickets', kind='challenge')['challenge']
        check(Certmonger(world, 'one').enroll(relay.url, 'RHSIM000001', challenge), service.said())
        check(not Certmonger(world, 'two').enroll(relay.url, 'RHSIM000001', challenge), 'used twice')
        check(not Certmonger(world, 'three').enroll(relay.url, 'RHSIM000001', 'guessed'), 'for a guess')
        # refused inside SCEP: the HTTP status says nothing
        check([status for _, _, status, _, _ in relay.asked].count(200) == len(relay.asked), relay.asked)


@case('openssl accepts the chains of the service and the signature of its enrollment profile')
def profile(world):
    with serving(world) as service:
        tls = world.dir / 'tls.pem'
        tls.write_text(ssl.get_server_certificate(('127.0.0.1', service.port), ca_certs=str(service.ca)))
        good_for(world, service, tls, 'sslserver')
        openssl(world, 'verify', '-x509_strict', '-verify_ip', '127.0.0.1', '-CAfile', service.ca, tls)

        certs = openssl(world, 'pkcs7', '-inform', 'DER', '-print_certs',
                        input=ask(service, 'GET', '/scep?operation=GetCACert')).text
        ra = world.dir / 'ra.pem'
        ra.write_text(certs[:certs.index('-----END CERTIFICATE-----') + 26])
        good_for(world, service, ra, 'smimeencrypt')

        link = urllib.parse.urlparse(service.link()).path
        signed = ask(service, 'GET', link)
        content = openssl(world, 'cms', '-verify', '-binary', '-inform', 'DER', '-CAfile', service.ca, input=signed)
        profile = plistlib.loads(content.out)
        mdm = [payload for payload in profile['PayloadContent'] if payload['PayloadType'] == 'com.apple.mdm']
        check(len(mdm) == 1 and mdm[0]['Topic'] == TOPIC, profile)
        ask(service, 'GET', link, status=404)


@case('what is no SCEP is a bad request, whatever it is, and the service goes on')
def no_scep(world):
    with Service(world) as service:
        caps = ask(service, 'GET', '/scep?operation=GetCACaps').split()
        check({b'AES', b'SHA-256', b'POSTPKIOperation', b'Renewal'} <= set(caps) and b'SHA-1' not in caps, caps)
        for query in ('', '?operation=', '?operation=GetNothing', '?operation=PKIOperation',
                      '?operation=PKIOperation&message=%00', '?operation=PKIOperation&message=MIAA'):
            ask(service, 'GET', '/scep' + query, status=400)
        for body in (b'0', b'\x30\x80', ask(service, 'GET', '/scep?operation=GetCACert'), world.random.randbytes(3000)):
            ask(service, 'POST', '/scep?operation=PKIOperation', body, status=400)
        ask(service, 'POST', '/scep?operation=PKIOperation', bytes(20000), status=413)
        ask(service, 'GET', '/scep?operation=PKIOperation&message=' + 'M' * 70000, status=431)
        check(ask(service, 'GET', '/scep?operation=GetCACaps').split() == caps, 'it went on')
