"""A supervised device is paired without a question: the service's identity, or one in a file, vouches for the computer."""
import base64
import json

from harness import case, check
from serving import poll, serving, wait_for


def supervision(world, service):
    """The certificate of the service's identity, as `rehome mdm ca show` gives it, in a file."""
    path = world.dir / 'supervision.pem'
    path.write_text(world.rehome('mdm', 'ca', 'show', '--json', env=asking(world, service)).json()['supervision'])
    return path


def asking(world, service, token=None):
    """How `rehome` finds the service."""
    path = world.secret('token', token or service.token)
    return {'REHOME_MDM_URL': service.url, 'REHOME_MDM_TOKEN_FILE': str(path), 'REHOME_MDM_CA': str(service.ca)}


def identity(world, name):
    """Certificate and key of an identity that openssl makes: (both in one file, the certificate)."""
    cert, key, both = (world.dir / f'{name}.{kind}' for kind in ('cert', 'key', 'pem'))
    world.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '30', '-subj', f'/CN={name}',
               '-keyout', key, '-out', cert])
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    return both, cert


def barred(service, ipad, world):
    """No computer pairs with the device any more."""
    profile = service.api('PUT', '/backup-rules', bar_pairing=True)['identifier']
    service.api('POST', f'/profiles/{profile}/assign', all=True)
    wait_for(lambda: poll(world, ipad)['acknowledged'] > 0)


def corporate(service, udid):
    service.api('PATCH', f'/devices/{udid}', ownership='corporate')


@case('where a profile forbids to pair, the service that supervises the device vouches, and a backup follows')
def vouched(world):
    with serving(world) as service:
        cert = supervision(world, service)
        ipad = world.small('ipad', '--supervisor', cert, files=5)
        udid = world.udid(ipad)
        service.enroll(ipad)
        poll(world, ipad)
        barred(service, ipad, world)
        world.person(ipad, 'trust')  # a person who would answer is not asked
        mux = world.simulator(ipad)
        refused = world.tool(mux, 'idevicepair', '-u', udid, 'pair', code=None)
        check(refused.code != 0, refused.text)
        refused = world.rehome('pair', udid, mux=mux, code=4)
        check('rehome pair --supervised' in refused.messages, refused.messages)
        other, _ = identity(world, 'Fremd')
        refused = world.rehome('pair', '--supervision-identity', other, udid, mux=mux, code=4)
        check('with another identity, and a profile forbids' in refused.messages, refused.messages)
        personal = world.rehome('pair', '--supervised', udid, mux=mux, env=asking(world, service), code=4)
        check('personal' in personal.messages and '--ownership corporate' in personal.messages, personal.messages)
        corporate(service, udid)
        world.rehome('pair', '--supervised', udid, mux=mux, env=asking(world, service))
        world.tool(mux, 'idevicepair', '-u', udid, 'validate')
        world.init()
        world.rehome('backup', udid, mux=mux)
        rows = service.api('GET', f'/audit?subject={udid}')['audit']
        check([row['action'] for row in rows].count('pairing-sign') == 1, rows)
        again = world.rehome('pair', '--supervised', udid, mux=mux, env=asking(world, service), code=0)
        check('paired already' in again.messages, again.messages)


@case('what the service signs is CMS that openssl verifies, the challenge as it came and the certificate inside')
def witness(world):
    with serving(world) as service:
        cert = supervision(world, service)
        ipad = world.small('ipad', '--supervisor', cert, files=5)
        udid = world.udid(ipad)
        service.enroll(ipad)
        poll(world, ipad)
        corporate(service, udid)
        challenge, signed, content = world.dir / 'challenge', world.dir / 'signed', world.dir / 'content'
        for sent in (b'\n\r\n\x00\xff\r\n\n', bytes(range(64)), b'\n'):
            challenge.write_bytes(sent)
            answer = service.api('POST', f'/devices/{udid}/pairing', challenge=base64.b64encode(sent).decode())
            signed.write_bytes(base64.b64decode(answer['signature'], validate=True))
            world.run(['openssl', 'cms', '-verify', '-binary', '-inform', 'DER', '-in', signed, '-CAfile', cert, '-purpose', 'any',
                       '-out', content])
            check(content.read_bytes() == sent, content.read_bytes())
            said = world.run(['openssl', 'cms', '-cmsout', '-print', '-inform', 'DER', '-in', signed]).text
            check('sha256' in said and 'Rehome Supervision' in said, said)
        for wrong in (b'', bytes(65)):
            status, answer = service.call('POST', f'/devices/{udid}/pairing', {'challenge': base64.b64encode(wrong).decode()})
            check(status in (400, 409), answer)


@case('the service vouches for no device that is not its own and supervised, and for nobody below an operator')
def not_vouched(world):
    with serving(world) as service:
        cert = supervision(world, service)
        plain, stranger = world.small('plain', files=5), world.small('stranger', '--supervisor', cert, files=5, seed=2)
        ours = world.small('ours', '--supervisor', cert, files=5, seed=3)
        for device in (plain, ours):
            service.enroll(device)
            poll(world, device)
            corporate(service, world.udid(device))
        mux = world.simulator(plain, stranger, ours)

        def refused(device, code, *words, token=None, env=None):
            said = world.rehome('pair', '--supervised', '--no-wait', world.udid(device), mux=mux, code=code,
                                env=env or asking(world, service, token)).messages
            check(all(word in said for word in words), said)

        refused(plain, 4, 'not supervised', 'mdm device refresh')
        check(not world.facts(plain)['dialog_is_pending'], 'its person was asked')
        refused(stranger, 3, world.udid(stranger))
        desk = service.api('POST', '/tokens', name='desk', role='help_desk')['token']
        refused(ours, 4, 'needs the role operator', 'help_desk', token=desk)
        service.api('PUT', '/groups/school')
        part = service.api('POST', '/tokens', name='part', role='operator', scope='school')['token']
        service.api('POST', '/groups/school/add', ids=[world.udid(ours)])
        refused(ours, 4, 'for the group "school" only', token=part)
        nobody = {**asking(world, service), 'REHOME_MDM_URL': 'https://127.0.0.1:9'}
        refused(ours, None, 'no service at https://127.0.0.1:9', env=nobody)
        check(not any(world.facts(device)['dialog_is_pending'] for device in (plain, stranger, ours)))


@case('an identity in a file serves as well; another one, a broken or a locked one does not, and what it led to is told')
def by_file(world):
    (good, cert), (other, _) = identity(world, 'Haus'), identity(world, 'Fremd')
    ipad = world.small('ipad', '--supervisor', cert, files=5)
    plain = world.small('plain', files=5, seed=2)
    udid = world.udid(ipad)
    mux = world.simulator(ipad, plain)

    def refused(device, file, code, *words):
        said = world.rehome('pair', '--supervision-identity', file, world.udid(device), mux=mux, code=code).messages
        check(all(word in said for word in words), said)

    refused(ipad, other, 4, 'with another identity', 'Decline')
    refused(plain, good, 4, 'is not supervised', 'Decline')
    mixed, locked = world.dir / 'mixed.pem', world.dir / 'locked.pem'
    mixed.write_bytes(cert.read_bytes() + (world.dir / 'Fremd.key').read_bytes())
    refused(ipad, mixed, None, 'mixed.pem', 'certificate and RSA key')
    refused(ipad, cert, None, 'certificate and RSA key')
    world.run(['openssl', 'rsa', '-aes256', '-in', world.dir / 'Haus.key', '-passout', 'pass:secret', '-out', locked])
    locked.write_bytes(cert.read_bytes() + locked.read_bytes())
    refused(ipad, locked, None, 'without a passphrase')
    refused(ipad, world.dir / 'none.pem', 3, 'none.pem')
    both = world.rehome('pair', '--supervised', '--supervision-identity', good, udid, mux=mux, code=2)
    check('one of' in both.messages)
    told = json.loads(world.rehome('pair', '--supervision-identity', good, udid, '--json', mux=mux).text)
    check(told == {'udid': udid, 'already': False}, told)
    check(world.rehome('devices', '--json', mux=mux).json()[0]['pairing'] == 'paired')
