"""Hostile clients of a running service: what is slow, huge, ambiguous, malicious or replayed is refused or contained."""
import base64
import copy
import json
import pathlib
import plistlib
import re
import socket
import ssl
import threading
import time
import urllib.parse

from harness import case, case_on_stores, check
from mdm_device import CHECKIN, REPORT, Device, openssl
from serving import NOWHERE, Service, serving, stores

# one of each kind of route, with the first line of a request that its handler would serve
ROUTES = ['PUT /mdm', 'PUT /checkin', 'POST /scep?operation=PKIOperation', 'GET /scep?operation=GetCACert', 'GET /enroll/x',
          'GET /profiles/x', 'POST /api/v1/tickets', 'GET /api/v1/devices', 'PUT /v1/enqueue/x', 'PUT /v1/pushcert',
          'PUT /migration', 'GET /version', 'GET /healthz', 'GET /metrics', 'GET /nothing']
EVIL = ['x\'; DROP TABLE device; --"\\%_$1 ?1 {key} %s%n \u00e9\U0001f600', "' OR '1'='1", '%', "')); DELETE FROM device; --"]

STRANGE = ['_', '\\', '../../etc/passwd', '$(reboot)', '<script>alert(1)</script>', '\u202e', 'x' * 255]


def udid_of(number):
    return f'0000FE5A-{number:016X}'


def heard(link, seconds):
    """What arrives within that time; None if nothing did, b'' if it was closed."""
    link.settimeout(seconds)
    try:
        return link.recv(4096)
    except TimeoutError:
        return None
    except (ssl.SSLError, ConnectionError):
        return b''


def whole_answer(link):
    """All that comes until the other end closes."""
    said = b''
    while piece := heard(link, 20):
        said += piece
    check(piece is not None, f'the connection stays open after {said[:100]}')
    return said


def drip(link, byte, limit):
    """Says a byte now and then until the service answers or closes: (what it answered, seconds)"""
    begun = time.monotonic()
    while time.monotonic() - begun < limit:
        try:
            link.sendall(byte)
        except (ssl.SSLError, ConnectionError):
            return b'', time.monotonic() - begun
        said = heard(link, 0.2)
        if said is not None:
            return said, time.monotonic() - begun
    raise AssertionError(f'{byte} is waited for, for {limit} s')


def in_threads(work, items):
    """[work(item)], all at the same time; the first failure is raised."""
    results, failures = [None] * len(items), []

    def run(number):
        try:
            results[number] = work(items[number])
        except Exception as failure:
            failures.append(failure)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(items))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


@case('a head, a body or a handshake that comes in drops is cut off on every route, and others are served meanwhile')
def slow(world):
    with Service(world, '--request-seconds', '2') as service:
        def slow_handshake(_):
            with socket.create_connection((service.address.hostname, service.port)) as plain:
                plain.sendall(b'\x16\x03\x01\x10\x00\x01\x00\x0f\xfc\x03\x03')  # a ClientHello of 4,096 bytes
                return drip(plain, b'a', 12)

        def slow_head(route):
            with service.raw() as link:
                link.sendall(f'{route} HTTP/1.1\r\nHost: x\r\nX: '.encode())
                return drip(link, b'a', 12)

        def slow_body(route):
            with service.raw() as link:
                link.sendall(f'{route} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n'.encode())
                return drip(link, b'<', 12)

        ended, waits = threading.Event(), []

        def others():
            while not ended.is_set():
                begun = time.monotonic()
                check(service.ask('GET', '/healthz')[0] == 200)
                waits.append(time.monotonic() - begun)
        watcher = threading.Thread(target=others)
        watcher.start()
        try:
            for attack in (slow_handshake, slow_head, slow_body):
                for route, (said, seconds) in zip(ROUTES, in_threads(attack, ROUTES)):
                    check(not said.startswith(b'HTTP/1.1 2') and seconds > 1, f'{attack.__name__} {route}: {said} {seconds}')
        finally:
            ended.set()
            watcher.join()
        check(len(waits) > 20 and max(waits) < 2, f'others waited: {len(waits)} {max(waits)}')


@case('what has two lengths, or none that is one, or is too large, is refused on every route, and nothing behind it is read')
def ambiguous(world):
    smuggled = b'GET /version HTTP/1.1\r\nHost: x\r\n\r\n'
    wrong = [('Content-Length: 1\r\nContent-Length: 2', 400), ('Content-Length: 1\r\nContent-Length: 1', 400),
             ('Content-Length: 0\r\ncontent-length: 34', 400), ('Content-Length: 0, 34', 400),
             ('Content-Length: +1', 400), ('Content-Length: 0x1', 400), ('Content-Length: -1', 400), ('Content-Length:', 400),
             ('Content-Length: 18446744073709551617', 413), ('Content-Length : 1', 400),
             ('Content-Length: 0\r\nTransfer-Encoding: chunked', 400), ('Transfer-Encoding: chunked', 411),
             ('Content-Length: 99999999', 413), ('X: ' + 'a' * 70000, 431)]
    with Service(world) as service:
        def attack(route):
            for header, code in wrong:
                with service.raw() as link:
                    try:
                        link.sendall(f'{route} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n'.encode() + smuggled)
                    except (ssl.SSLError, ConnectionError):
                        pass  # it has refused the first part
                    said = whole_answer(link)
                codes = re.findall(rb'HTTP/1\.1 (\d+)', said)
                check(len(codes) == 1 and codes[0][:1] == b'4', f'{route} {header[:60]}: {said[:200]}')
                check(int(codes[0]) == code, f'{route} {header[:60]}: {codes[0]} instead of {code}')
        in_threads(attack, ROUTES)
        check(service.metrics()['rehome_restarts_total'] == 0, 'a process died')


def bombs():
    """Property lists that grow when read, or that nest without end."""
    # each array holds the one before twice: 2^40 nodes
    doubled = b''.join(bytes([0xa2, number + 1, number + 1]) for number in range(40)) + b'\x51x'
    offsets = bytes(8 + 3 * number for number in range(41))
    trailer = bytes(6) + bytes([1, 1]) + (41).to_bytes(8, 'big') + bytes(8) + (8 + len(doubled)).to_bytes(8, 'big')
    itself = b'bplist00\xa1\x00\x08' + bytes(6) + bytes([1, 1]) + (1).to_bytes(8, 'big') + bytes(8) + (10).to_bytes(8, 'big')
    entities = b''.join(b'<!ENTITY %c "%s">' % (98 + number, b'&%c;' % (97 + number) * 10) for number in range(20))
    return {'doubled': b'bplist00' + doubled + offsets + trailer, 'itself': itself,
            'nested': b'<plist version="1.0">' + b'<array>' * 100000,
            'nested dictionaries': b'<plist version="1.0">' + b'<dict><key>UDID</key>' * 50000,
            'entities': b'<!DOCTYPE x [<!ENTITY a "aaaa">' + entities + b']><plist version="1.0"><string>&u;</string></plist>',
            'outside': b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><plist version="1.0"><string>&a;</string></plist>',
            'objects': b'bplist00' + bytes(8) + bytes(6) + bytes([8, 8]) + b'\xff' * 8 + bytes(8) + (8).to_bytes(8, 'big'),
            'ampersands': b'<plist version="1.0"><string>' + b'&amp;' * 200000 + b'</string></plist>', 'nothing': b'',
            'zeros': bytes(1000)}


@case('plist bombs are refused at once wherever a property list is taken, and take no memory')
def plist_bombs(world):
    with Service(world) as service:
        device = Device(service, udid_of(1)).move_in()
        administrator = {'Authorization': f'Bearer {service.token}'}
        for name, bomb in bombs().items():
            for method, path, identity in (('PUT', '/mdm', device.identity), ('PUT', '/checkin', device.identity),
                                           ('PUT', '/migration', None), ('PUT', f'/v1/enqueue/{device.udid}', None),
                                           ('POST', '/api/v1/profiles', None)):
                begun = time.monotonic()
                status = service.ask(method, path, bomb, {} if identity else administrator, identity)[0]
                code = 500 if path.startswith('/v1/') else 400  # there 500 is right: no command was queued
                check(status == code or not identity and status == 409, f'{name} on {path}: {status}')
                check(time.monotonic() - begun < 2, f'{name} on {path} took {time.monotonic() - begun}')
        for pid in service.processes('worker', 'records'):
            peak = int(re.search(r'VmHWM:\s+(\d+) kB', pathlib.Path(f'/proc/{pid}/status').read_text()).group(1))
            check(peak < 150_000, f'a process grew to {peak} kB')
        check(device.report()[0] == 200 and service.metrics()['rehome_restarts_total'] == 0, 'a process died')


def signed_by(device, message):
    """(body, headers) with an Mdm-Signature: whoever stands between can say it again."""
    body, path = plistlib.dumps(message), device.folder / 'message'
    path.write_bytes(body)
    signature = openssl('cms', '-sign', '-binary', '-signer', device.identity[0], '-inkey', device.identity[1], '-in', path,
                        '-outform', 'DER')
    return body, {'Mdm-Signature': base64.b64encode(signature).decode()}


def earlier_life(device):
    """What somebody between could have recorded: [(path, body, headers)]"""
    own = {'UDID': device.udid, 'Topic': device.topic}
    said = [('/checkin', {'MessageType': 'Authenticate', 'SerialNumber': 'RHSIMEARLIER', 'OSVersion': '9.9', **own}),
            ('/checkin', {'MessageType': 'TokenUpdate', 'Token': b'\x09' * 32, 'PushMagic': 'EARLIER', **own}),
            ('/checkin', {'MessageType': 'SetBootstrapToken', 'BootstrapToken': b'earlier', **own}),
            ('/checkin', {'MessageType': 'GetBootstrapToken', **own}),
            ('/mdm', {'Status': 'Idle', 'UDID': device.udid}),
            ('/checkin', {'MessageType': 'CheckOut', **own})]
    return [(path, *signed_by(device, message)) for path, message in said]


@case_on_stores('check-ins and reports of an earlier life, said again under its identity, are refused and change nothing')
def replayed(world, on_postgresql):
    with stores(on_postgresql, 'one') as (words,), serving(world, *words) as service:
        device = Device(service, udid_of(2), 'earlier').install(service.link())
        for path, body, headers in earlier_life(device):
            check(service.ask('PUT', path, body, headers)[0] == 200, 'in its own time it is taken')
        recorded, earlier = earlier_life(device), copy.copy(device)
        later = Device(service, device.udid, 'later').install(service.link())
        check(later.authenticate() == 200 and later.token_update() == 200, 'enrolls again')
        check(later.checkin('SetBootstrapToken', BootstrapToken=b'later')[0] == 200)
        waiting = service.send(device.udid, 'ProfileList')

        def looked_at():
            enrollment, record = service.enrollment(device.udid), service.device(device.udid)
            kept = {name: enrollment[name] for name in ('generation', 'state', 'restore', 'identities')}
            return kept, record['serial'], record['os'], service.result(device.udid, waiting)['state']
        before = looked_at()
        check(before[0]['state'] == 'enabled' and before[0]['generation'] == 2, before)
        for path, body, headers in recorded:
            check(service.ask('PUT', path, body, headers)[0] == 400, f'signature on {path}: {body[:300]}')
            check(service.ask('PUT', path, body, {}, earlier.identity)[0] == 400, f'certificate on {path}: {body[:300]}')
            check(service.ask('PUT', path, body)[0] == 400, f'nobody on {path}')
        check(looked_at() == before, f'{looked_at()} {before}')
        check(later.checkin('GetBootstrapToken') == (200, {'BootstrapToken': b'later'}), 'the token was replaced')
        check(waiting in later.drain(), 'the command did not arrive')


@case_on_stores('of many who come with one SCEP challenge at the same time, one gets a certificate')
def one_challenge(world, on_postgresql):
    with stores(on_postgresql, 'one') as (words,), Service(world, *words) as service:
        challenge = service.api('POST', '/tickets', kind='challenge')['challenge']
        devices = [Device(service, udid_of(number), f'{number}') for number in range(3, 9)]
        got = in_threads(lambda device: device.certified(challenge), devices)
        check(got.count(True) == 1, got)
        check(not Device(service, udid_of(9), 'late').certified(challenge), 'used again')
        check(Device(service, udid_of(9), 'fair').certified(service.api('POST', '/tickets', kind='challenge')['challenge']))


# ---- SQL

def known_of(service, device):
    """What the service knows of a device, without what it sends by itself."""
    record = service.device(device.udid)
    for enrollment in record['enrollments']:
        del enrollment['waiting'], enrollment['push_due']
    return device, record, service.enrollment(device.udid)['identities']


def untouched(service, before):
    check(known_of(service, before[0]) == before, f'{known_of(service, before[0])} {before}')
    queue = service.commands(before[0].udid)['queue']
    check(all(row['by'] == 'service' for row in queue), f'somebody sent a bystander {queue}')


REQUIRED = {'ownership': 'personal', 'value': 'kept', 'challenge': 'AAAA', 'Type': 'com.apple.configuration.management.test',
            'Identifier': 'org.test.sample', 'Payload': {'Echo': 'x'}, 'identifiers': [{'identifier': 'SAMPLE', 'details': 'x'}],
            'name': 'sample', 'role': 'viewer', 'url': 'http://127.0.0.1:9/', 'after': 0, 'new_udid': udid_of(99)}


def requests_with(route, evil, udid):
    """(path, query, body): one request for each place of that route that takes a value, with @evil there and nowhere else."""
    usual = {'udid': udid, 'id': udid, 'ids': udid, 'uuid': 'none', 'identifier': 'org.test.sample', 'name': 'sample'}
    body = {field['name']: REQUIRED[field['name']] if field['name'] in REQUIRED else [udid]
            for field in route['body'] if field['required']}
    names = [field['name'] for field in route['body']]
    if 'type' in names:
        body['type'] = 'ProfileList'

    def path(**own):
        return re.sub(r'\{(\w+)\}', lambda found: urllib.parse.quote({**usual, **own}[found.group(1)], safe=''), route['path'])
    for name in re.findall(r'\{(\w+)\}', route['path']):
        yield path(**{name: evil}), '', body
    for field in route['query']:
        yield path(), '?' + urllib.parse.urlencode({field['name']: evil}), body
    for field in route['body']:
        name, kind = field['name'], field['type']
        whole = dict(body)
        if 'ids' in names and name not in ('ids', 'group', 'all'):
            whole['ids'] = [udid]
        yield path(), '', {**whole, name: [evil] if kind == 'array' else {evil: evil} if kind == 'object' else evil}
        if kind == 'array':
            yield path(), '', {**whole, name: [{'identifier': evil, 'details': evil}]}


def every_api_field(service, udid, evil):
    """How many requests; none may fail inside."""
    count = 0
    for route in service.api('GET', '/routes')['routes']:
        for path, query, body in requests_with(route, evil, udid):
            has_body = route['body'] and route['method'] != 'GET'
            status, answer = service.ask_as(service.token, route['method'], path + query, body if has_body else None)
            # of the small API 500 tells that nothing was queued
            check(status < 500 or path.startswith('/v1/') and b'status' in json.dumps(answer).encode(),
                  f'{route["method"]} {path}{query} {body}: {status} {answer}')
            count += 1
    return count


@case_on_stores('SQL, format letters and strange characters in every field of the API are texts like others')
def sql_from_operators(world, on_postgresql):
    with stores(on_postgresql, 'one') as (words,), Service(world, '--apns', NOWHERE, *words) as service:
        other, bystander = Device(service, udid_of(10), 'other').move_in(), Device(service, udid_of(11), 'bystander').move_in()
        service.api('PUT', '/groups/kept')
        service.api('POST', '/groups/kept/add', ids=[bystander.udid])
        before = known_of(service, bystander)
        for evil in EVIL:
            check(every_api_field(service, other.udid, evil) > 120, 'the routes tell of few fields')
            quoted = urllib.parse.quote(evil, safe='')
            listed = service.api('GET', f'/devices?text={quoted}')['devices']
            check(evil in json.dumps(listed, ensure_ascii=False) or not listed, f'{evil} found {listed}')
            service.call('PUT', f'/groups/{quoted}')
            check(evil in [row['name'] for row in service.api('GET', '/groups?limit=1000')['groups']], 'the group')
            check(evil in [row['name'] for row in service.api('GET', '/tokens?limit=1000')['tokens']], 'the name of a token')
            rows = service.api('GET', '/audit?limit=1000')['audit']
            check(any(row['action'] == 'group-make' and row['subject'] == evil for row in rows), 'the audit')
        for strange in STRANGE:
            every_api_field(service, other.udid, strange)
        untouched(service, before)
        check([row['udid'] for row in service.api('GET', '/devices?group=kept')['devices']] == [bystander.udid])
        check(service.api('GET', '/whoami')['role'] == 'administrator' and bystander.report()[0] == 200)
        check(service.metrics()['rehome_restarts_total'] == 0, 'a process died')


def every_device_field(service, device, evil):
    """Says @evil in each field of each message. What is no id or word of the protocol is taken as it is."""
    taken = [('Authenticate', {name: evil}) for name in ('OSVersion', 'BuildVersion', 'ProductName', 'SerialNumber', 'IMEI', 'MEID',
                                                         'DeviceName', 'Model', 'ModelName', evil)]
    taken += [('TokenUpdate', {'Token': b'\x01' * 32, 'PushMagic': evil}),
              ('TokenUpdate', {'Token': evil.encode(), 'PushMagic': 'MAGIC', 'UnlockToken': evil.encode()}),
              ('SetBootstrapToken', {'BootstrapToken': evil.encode()})]
    for kind, keys in taken:
        check(device.checkin(kind, **keys)[0] == 200, f'{kind} {keys}')
    check(device.checkin('GetBootstrapToken') == (200, {'BootstrapToken': evil.encode()}), 'the bootstrap token')
    status = {'StatusItems': {'device': {'identifier': {evil: evil}}}, 'Errors': [{'Reasons': [{'Code': evil}]}]}
    other = [('TokenUpdate', {'UserID': evil, 'UserShortName': evil, 'UserLongName': evil, 'Token': b'\1' * 32, 'PushMagic': 'M'}),
             ('Authenticate', {'EnrollmentID': evil}), ('Authenticate', {'Topic': evil}), ('Authenticate', {'UDID': evil}),
             ('GetToken', {'TokenServiceType': evil}), ('DeclarativeManagement', {'Endpoint': evil}),
             ('DeclarativeManagement', {'Endpoint': f'declaration/configuration/{evil}'}),
             ('DeclarativeManagement', {'Endpoint': 'status', 'Data': json.dumps(status).encode()}), (evil, {})]
    for kind, keys in other:
        body = plistlib.dumps({'MessageType': kind, 'UDID': device.udid, 'Topic': device.topic, **keys})
        code = device.say('/checkin', body, CHECKIN)[0]
        check(code in (200, 400, 404), f'{kind} {keys}: {code}')
    for keys in ({'Status': evil}, {'Status': 'Acknowledged', 'CommandUUID': evil}, {'Status': 'Error', 'CommandUUID': evil},
                 {'Status': 'Idle', 'UDID': evil}, {'Status': 'Idle', 'UserID': evil}, {'Status': 'NotNow', 'CommandUUID': evil}):
        code = device.say('/mdm', plistlib.dumps({'UDID': device.udid, **keys}), REPORT)[0]
        check(code in (200, 400), f'{keys}: {code}')
    quoted = urllib.parse.quote(evil, safe='')
    for path in (f'/enroll/{quoted}', f'/profiles/{quoted}', f'/scep?operation={quoted}',
                 f'/scep?operation=PKIOperation&message={quoted}', f'/scep?operation=GetCACert&message={quoted}'):
        code = service.ask('GET', path, identity=device.identity)[0]
        check(code in (200, 400, 404), f'{path}: {code}')
    check(not Device(service, device.udid, f'scep-{EVIL.index(evil)}').certified(evil), 'a challenge')


def every_answer(service, device, evil):
    """Commands of each kind that the records read, answered with @evil."""
    answers = {'DeviceInformation': {'QueryResponses': {name: evil for name in (
                   'UDID', 'DeviceName', 'SerialNumber', 'OSVersion', 'BuildVersion', 'ProductName', 'Model', 'IMEI', evil)}},
               'SecurityInfo': {'SecurityInfo': {evil: evil, 'PasscodePresent': True}},
               'ProfileList': {'ProfileList': [{'PayloadIdentifier': evil, 'PayloadUUID': evil, 'PayloadDisplayName': evil}]},
               'CertificateList': {'CertificateList': [{'CommonName': evil, 'Data': evil.encode(), 'IsIdentity': True}]},
               'InstalledApplicationList': {'InstalledApplicationList': [{'Identifier': evil, 'Name': evil}]}}
    for kind, keys in answers.items():
        device.drain()
        uuid = service.send(device.udid, kind)
        check(device.report()[1] == uuid, f'{kind} was not given')
        check(device.report('Acknowledged', uuid, **keys)[0] == 200, kind)
        check(evil in json.dumps(service.result(device.udid, uuid), ensure_ascii=False) or '\\' in evil, f'the answer to {kind}')
        uuid = service.send(device.udid, kind)
        device.report()
        error = {'ErrorCode': 1, 'ErrorDomain': evil, 'USEnglishDescription': evil, 'LocalizedDescription': evil}
        check(device.report('Error', uuid, ErrorChain=[error], RejectionReason=evil)[0] == 200, kind)
        check(service.result(device.udid, uuid)['status'] == 'Error', kind)


@case_on_stores('SQL in every field of a device is a text like others')
def sql_from_devices(world, on_postgresql):
    with stores(on_postgresql, 'one') as (words,), Service(world, '--apns', NOWHERE, *words) as service:
        bystander = Device(service, udid_of(12), 'bystander').move_in()
        before = known_of(service, bystander)
        for number, evil in enumerate(EVIL):
            device = Device(service, udid_of(20 + number), f'evil-{number}').move_in()
            every_device_field(service, device, evil)
            service.api('PATCH', f'/devices/{device.udid}', ownership='corporate')
            check(device.authenticate() == 200 and device.token_update() == 200, 'enrolls as it should')
            every_answer(service, device, evil)
            check(device.checkin('Authenticate', SerialNumber=evil, DeviceName=evil, ProductName=evil, OSVersion=evil)[0] == 200)
            record = service.device(device.udid)
            check((record['serial'], record['name'], record['product'], record['os']) == (evil,) * 4, record)
            found = service.api('GET', f'/devices?text={urllib.parse.quote(evil, safe="")}')['devices']
            wanted = {udid_of(20 + other) for other in range(number + 1) if evil in EVIL[other]}
            check({row['udid'] for row in found} == wanted, f'{evil} found {found}')
        untouched(service, before)
        check(bystander.report()[0] == 200 and service.metrics()['rehome_restarts_total'] == 0, 'a process died')
        check(not re.search('^error ', service.said(), re.M), re.findall('^error .*', service.said(), re.M))
