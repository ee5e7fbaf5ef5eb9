"""The small API that other tools speak, and the sequence that any MDM service must hold, from outside.

Everything goes over HTTPS; the device is mdm_device.Device.  Each case runs on SQLite and on PostgreSQL.
"""
import base64
import contextlib
import json
import plistlib
import re
import uuid

from harness import case_on_stores, check
from mdm_device import CHECKIN, REPORT, Device, openssl
from serving import NOWHERE, TOPIC, Service, stores


@contextlib.contextmanager
def services(world, on_postgresql, *names):
    """One service for each name, each on a store of its own."""
    with stores(on_postgresql, *names) as words, contextlib.ExitStack() as stack:
        # nothing listens there: pushes come to nothing, and no device may notice
        yield [stack.enter_context(Service(world, '--apns', NOWHERE, *own, name=name)) for name, own in zip(names, words)]


def push_certificate(world, topic=TOPIC, days='30'):
    key, cert = world.dir / 'push.key', world.dir / 'push.crt'
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-days', days,
            '-subj', f'/UID={topic}/CN=APSP')
    return cert.read_bytes() + key.read_bytes()


class Small:
    """A client of the small API."""

    def __init__(self, service, password=None):
        self.service = service
        self.password = password or service.token

    def ask(self, method, path, body=b'', user='nanomdm'):
        basic = base64.b64encode(f'{user}:{self.password}'.encode()).decode()
        status, headers, text = self.service.ask(method, path, body, {'Authorization': f'Basic {basic}'})
        return status, json.loads(text), headers

    def enqueue(self, ids, request_type='DeviceInformation', name=None, query='', **keys):
        name = name or str(uuid.uuid4()).upper()
        command = {'CommandUUID': name, 'Command': {'RequestType': request_type, **keys}}
        return (*self.ask('PUT', f'/v1/enqueue/{ids}{query}', plistlib.dumps(command))[:2], name)


def udid(number):
    return f'0000FE5A-{number:016X}'


def enrolled(service, name, number):
    device = Device(service, udid(number), name)
    device.install(service.link())
    check(device.authenticate() == 200 and device.token_update() == 200, name)
    return device


@case_on_stores('the small API and the whole sequence of an MDM service')
def whole_sequence(world, on_postgresql):
    with services(world, on_postgresql, 'one') as (service,):
        small = Small(service)

        # the version needs no key; anything else does, and there 401 is right
        status, _, body = service.ask('GET', '/version')
        check(status == 200 and json.loads(body)['version'], body)
        status, _, headers = Small(service, 'wrong').ask('GET', f'/v1/pushcert?topic={TOPIC}')
        check(status == 401 and 'realm=' in headers['WWW-Authenticate'], headers)
        check(small.ask('GET', '/v1/push/x', user='somebody')[0] == 401, 'another user')

        # the push certificate is stored and read; another topic is refused
        status, answer, _ = small.ask('PUT', '/v1/pushcert', push_certificate(world))
        check(status == 200 and answer['topic'] == TOPIC, answer)
        status, answer, _ = small.ask('GET', f'/v1/pushcert?topic={TOPIC}')
        check(status == 200 and answer['topic'] == TOPIC and answer['not_after'], answer)
        check(small.ask('PUT', '/v1/pushcert', push_certificate(world, 'com.apple.mgmt.other'))[0] == 409, 'another topic')

        # enrolling: a TokenUpdate before Authenticate is refused, twice, and nothing is unenrolled
        one = Device(service, udid(1), 'one')
        one.install(service.link())
        check(one.topic == TOPIC, one.topic)
        for _ in range(2):
            check(one.token_update() == 400, 'TokenUpdate before Authenticate')
        check(one.authenticate() == 200 and one.token_update() == 200, 'Authenticate, TokenUpdate')

        # a certificate and an id belong to each other
        fresh = Device(service, one.udid, 'fresh').install(service.link())
        check(fresh.report()[0] == 400 and fresh.token_update() == 400, 'another certificate for the same id')
        two = enrolled(service, 'two', 2)
        for other in (one.udid, udid(3)):
            two.udid = other
            check(two.report()[0] == 400, 'a bound certificate for another id')
            check(two.token_update() == 400 and two.authenticate() == 400, 'a bound certificate for another id')
        two.udid = udid(2)
        check(two.report()[0] == 200 and one.report()[0] == 200, 'its own id')

        # what the push service cannot use is no error of the device, and it gets its commands when it asks
        for token, magic in ((b'', ''), (b'x', 'm' * 255), (b'\0' * 100, ''), (b'\7' * 32, '')):
            check(two.token_update(token=token, magic=magic) == 200, f'unusable push data: {token}')
        two.drain()
        waiting = small.enqueue(two.udid)[2]
        check(waiting in two.drain(), 'without a push')
        check(two.token_update() == 200, 'usable again')

        # bootstrap token: none, set, got, and none after enrolling again
        check(one.checkin('GetBootstrapToken') in ((200, None), (200, {})), 'no bootstrap token yet')
        check(one.checkin('SetBootstrapToken', BootstrapToken=b'bootstrap')[0] == 200)
        check(one.checkin('GetBootstrapToken') == (200, {'BootstrapToken': b'bootstrap'}), 'the token that was set')
        check(one.authenticate() == 200 and one.token_update() == 200, 'enrolls again')
        check(one.checkin('GetBootstrapToken') in ((200, None), (200, {})), 'a token of an earlier life')

        commands(one, small)
        answers(one, two, small)
        pushes(one, two, small)
        identifiers(service, small)
        ended = re.findall(r'^info device .*status=40[13].*', service.said(), re.M)
        check(not ended, f'a device was told to leave: {ended}')


def commands(device, small):
    device.drain()  # what the service itself has queued: its inventory
    check(device.report() == (200, None), 'Idle without a command')
    ids = device.udid
    status, answer, first = small.enqueue(ids)
    check(status == 200 and answer['command_uuid'] == first and answer['request_type'] == 'DeviceInformation', answer)
    status, answer, second = small.enqueue(ids, 'SecurityInfo', query='?nopush=1')
    check(status == 200 and answer['no_push'] is True and 'push_result' not in answer['status'].get(ids, {}), answer)
    check(device.report() == (200, first), 'Idle gets A')
    check(device.report('Acknowledged', first) == (200, second), 'A acknowledged gets B')
    check(device.report('Acknowledged', second) == (200, None), 'B acknowledged gets nothing')
    third = small.enqueue(ids, 'ProfileList')[2]
    check(device.report() == (200, third), 'Idle gets C')
    check(device.report('NotNow', third) == (200, None), 'NotNow gets nothing in this session')
    check(device.report() == (200, third), 'the next session gets C again')
    check(device.report('Acknowledged', third) == (200, None), 'C acknowledged gets nothing')
    # a second answer to the same command changes nothing
    check(device.report('Acknowledged', third) == (200, None), 'C acknowledged twice')


def answers(device, other, small):
    """Statuses of enqueue: 200 all, 207 some, 500 none."""
    ids = device.udid
    status, answer, both = small.enqueue(f'{ids},{other.udid}', 'ProfileList')
    check(status == 200 and not any('command_error' in row for row in answer['status'].values()), f'all: {status} {answer}')
    check(both in device.drain() and both in other.drain(), 'one command for two')
    name = small.enqueue(ids)[2]
    status, answer, _ = small.enqueue(ids, name=name)
    check(status == 500 and answer['status'][ids]['command_error'], f'a UUID twice: {status} {answer}')
    status, answer, _ = small.ask('PUT', f'/v1/enqueue/{ids}', b'no property list')
    check(status == 500 and answer['status'][ids]['command_error'], f'no plist: {status} {answer}')
    status, answer, _ = small.enqueue(f'{ids},nobody')
    check(status == 207 and 'command_error' in answer['status']['nobody'], f'some: {status} {answer}')
    check('command_error' not in answer['status'].get(ids, {}), answer)
    status, answer, _ = small.enqueue('nobody')
    check(status == 500 and answer['status']['nobody']['command_error'], f'nobody: {status} {answer}')
    device.drain()


def pushes(device, other, small):
    for method in ('PUT', 'GET'):
        status, answer, _ = small.ask(method, f'/v1/push/{device.udid}')
        check(status == 200 and 'push_error' not in answer['status'][device.udid], f'{method}: {status} {answer}')
        check('push_result' in answer['status'][device.udid], answer)
        status, answer, _ = small.ask(method, f'/v1/push/{device.udid},nobody')
        check(status == 207 and 'push_error' in answer['status']['nobody'], f'{method}: {status} {answer}')
        check('push_error' not in answer['status'][device.udid], answer)
        status, answer, _ = small.ask(method, '/v1/push/nobody,neither')
        check(status == 500 and all('push_error' in row for row in answer['status'].values()), f'{method}: {status} {answer}')


def identifiers(service, small):
    """Who is meant: UDID, else EnrollmentID; the user of a device behind a colon."""
    device = Device(service, udid(4), 'named').install(service.link())
    both = {'UDID': device.udid, 'EnrollmentID': 'ENROLLMENT-4', 'Topic': device.topic}
    check(device.checkin('Authenticate', **both)[0] == 200 and device.token_update(**both) == 200, 'UDID and EnrollmentID')
    device.drain()
    name = small.enqueue(device.udid)[2]
    check(small.enqueue('ENROLLMENT-4')[0] == 500, 'the UDID wins')
    check(device.report() == (200, name) and device.report('Acknowledged', name) == (200, None))

    user = f'{device.udid}:USER-4'
    check(device.token_update(UserID='USER-4', UserShortName='four', UserLongName='User Four') == 200, 'a user of the device')
    status, answer, name = small.enqueue(user, 'ProfileList')
    check(status == 200 and user in answer['status'], f'{status} {answer}')
    check(name not in device.drain(), 'a command of the user for the device')
    check(device.report(UserID='USER-4') == (200, name), 'a command of the user')
    check(device.report('Acknowledged', name, UserID='USER-4')[0] == 200)

    # a personal device has no UDID for us, and says little else
    personal = Device(service, None, 'personal').install(service.link())
    own = {'EnrollmentID': 'ENROLLMENT-5', 'Topic': personal.topic}
    for message in ({'MessageType': 'Authenticate', **own},
                    {'MessageType': 'TokenUpdate', 'Token': b'\5' * 32, 'PushMagic': 'five', **own}):
        check(personal.tell('/checkin', message, CHECKIN)[0] == 200, message)
    status, answer, name = small.enqueue('ENROLLMENT-5', 'ProfileList')
    check(status == 200, f'{status} {answer}')
    got, seen = {'CommandUUID': None}, []
    while got:
        said = {'Status': 'Acknowledged', 'CommandUUID': got['CommandUUID']} if got['CommandUUID'] else {'Status': 'Idle'}
        status, got = personal.tell('/mdm', {'EnrollmentID': 'ENROLLMENT-5', **said}, REPORT)
        seen += [got['CommandUUID']] if got else []
    check(status == 200 and name in seen, f'{status} {seen}')


@case_on_stores('a device moves from one service to another and notices nothing')
def migration(world, on_postgresql):
    with services(world, on_postgresql, 'old', 'new') as (old, new):
        for service in (old, new):
            check(Small(service).ask('PUT', '/v1/pushcert', push_certificate(world))[0] == 200)
        device = enrolled(old, 'mover', 7)
        check(device.checkin('SetBootstrapToken', BootstrapToken=b'moved')[0] == 200)
        device.drain()
        messages = old.api('GET', f'/enrollments/{device.udid}/export')['messages']
        kinds = [plistlib.loads(row['message'].encode())['MessageType'] for row in messages]
        check(kinds == ['Authenticate', 'TokenUpdate', 'SetBootstrapToken'], kinds)
        check(all(row['identity'] == device.sha256 for row in messages), messages[0]['identity'])
        plain = enrolled(old, 'plain', 6)
        exported = old.api('GET', f'/enrollments/{plain.udid}/export')['messages']
        kinds = [plistlib.loads(row['message'].encode())['MessageType'] for row in exported]
        check(kinds == ['Authenticate', 'TokenUpdate'], f'without a bootstrap token: {kinds}')

        small = Small(new)
        check(small.ask('PUT', '/migration', b'no property list')[0] in (400, 409), 'no property list')
        status = small.ask('PUT', '/migration', messages[1]['message'].encode())[0]
        check(status in (400, 409), f'TokenUpdate before Authenticate: {status}')
        # without the identity's hash nobody's certificate is trusted
        device.service = new
        check(device.report()[0] == 400, 'unknown here')
        for row in messages:
            status, answer, _ = small.ask('PUT', f'/migration?identity={row["identity"]}', row['message'].encode())
            check(status == 200, f'{status} {answer}')
        check(device.report()[0] == 200, 'the device goes on under its old identity')
        check(device.checkin('GetBootstrapToken') == (200, {'BootstrapToken': b'moved'}), 'bootstrap token')
        device.drain()
        name = small.enqueue(device.udid)[2]
        check(device.report() == (200, name), 'a command of the new service')
        stranger = enrolled(new, 'stranger', 8)
        stranger.udid = device.udid
        check(stranger.report()[0] == 400, 'another certificate for the moved id')
