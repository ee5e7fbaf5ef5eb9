"""The administration of the MDM service: who may do what, what is refused, what is told to whom."""
import contextlib
import hashlib
import json
import os
import pty
import shutil
import socket
import ssl
import subprocess
import time

from harness import Skip, case, check
from mdm_device import Device
from receivers import Endless, Receiver, signature_holds
from serving import NOWHERE, Service, wait_for

ROLES = ['viewer', 'help_desk', 'operator', 'administrator']


def service_of(world, **more):
    return Service(world, '--apns', NOWHERE, **more)


def token_of(service, role, scope=None, **more):
    wish = {'name': f'{role} of the test', 'role': role, **({'scope': scope} if scope else {}), **more}
    return service.api('POST', '/tokens', **wish)['token']


def moved_in(service, number):
    """A device's record, without a device: it came from another service."""
    udid = f'0000FE5A-{number:016X}'
    service.move_in(udid, hashlib.sha256(udid.encode()).hexdigest(), SerialNumber=f'RHSIM{number:07d}', DeviceName='iPad')
    return udid


def filled(path):
    """A route's path with names that mean nothing."""
    return path.replace('{udid}', 'nobody').replace('{id}', 'nobody').replace('{ids}', 'nobody').replace(
        '{uuid}', 'none').replace('{identifier}', 'none').replace('{name}', 'none')


@case('each route refuses those below its role, everybody without a token, and nobody else')
def roles(world):
    with service_of(world) as service:
        tokens = {role: token_of(service, role) for role in ROLES}
        routes = service.api('GET', '/routes')['routes']
        check(len(routes) > 60, len(routes))
        for route in routes:
            path, least = filled(route['path']), route['role']
            if least == 'anybody':
                check(service.ask_as(None, route['method'], path)[0] == 200, path)
                continue
            status, answer = service.ask_as(None, route['method'], path)
            check(status == 401, f'{route["method"]} {path} without a token: {status} {answer}')
            for role in ROLES:
                status, answer = service.ask_as(tokens[role], route['method'], path)
                if ROLES.index(role) < ROLES.index(least):
                    check(status == 403 and answer['error']['code'] == 'role', f'{role} {route["method"]} {path}: {status}')
                else:
                    check(status not in (401, 403, 405, 503), f'{role} {route["method"]} {path}: {status} {answer}')
        # what a token opens ends with its revocation, at once
        mine = service.api('GET', '/tokens')['tokens']
        viewer = next(row for row in mine if row['role'] == 'viewer')
        check('token' not in viewer and 'hash' not in viewer, viewer)
        service.api('DELETE', f'/tokens/{viewer["id"]}')
        check(service.ask_as(tokens['viewer'], 'GET', '/api/v1/devices')[0] == 401, 'a revoked token')
        # one of another's id with a secret of its own opens nothing
        forged = 'rehome-' + viewer['id'] + tokens['operator'][tokens['operator'].rindex('-'):]
        check(service.ask_as(forged, 'GET', '/api/v1/devices')[0] == 401, 'a forged token')


@case('a token with a scope sees and touches the devices of its group alone')
def scopes(world):
    with service_of(world) as service:
        mine, other = moved_in(service, 1), moved_in(service, 2)
        service.api('PUT', '/groups/school')
        service.api('PUT', '/groups/office')
        service.api('POST', '/groups/school/add', ids=[mine])
        service.api('POST', '/groups/office/add', ids=[other])
        token = token_of(service, 'operator', 'school')

        def scoped(method, path, body=None):
            return service.ask_as(token, method, f'/api/v1{path}', body)
        listed = scoped('GET', '/devices')[1]['devices']
        check([row['udid'] for row in listed] == [mine], listed)
        check(scoped('GET', '/devices?group=office')[0] == 404, 'the list of another group')
        check(scoped('GET', f'/devices/{mine}')[0] == 200)
        for path in (f'/devices/{other}', f'/devices/{other}/inventory', f'/enrollments/{other}',
                     f'/enrollments/{other}/commands', f'/enrollments/{other}/commands/none'):
            check(scoped('GET', path)[0] == 404, path)
        for action in ('lock', 'wipe', 'retire', 'unenroll', 'delete', 'hide', 'push', 'inventory', 'confirm'):
            status, answer = scoped('POST', f'/actions/{action}', {'ids': [other]})
            check(status == 404, f'{action}: {status} {answer}')
            check(scoped('POST', f'/actions/{action}', {'group': 'office', 'count': 1})[0] == 404, action)
        for target, status in (({'ids': [mine, other]}, 404), ({'all': True}, 403), ({'group': 'office'}, 404),
                               ({'ids': [mine]}, 200), ({'group': 'school'}, 200)):
            got = scoped('POST', '/commands', {'type': 'DeviceInformation', 'keys': {'Queries': ['DeviceName']}, **target})
            check(got[0] == status, f'{target}: {got}')
        check(scoped('PATCH', f'/devices/{other}', {'ownership': 'corporate'})[0] == 404)
        for path in ('/groups', '/audit', '/events', '/status', '/identifiers'):
            status, answer = scoped('GET', path)
            check(status == 403 and answer['error']['code'] == 'scope', f'{path}: {status} {answer}')
        check(scoped('POST', '/tickets', {})[0] == 403, 'a link brings in devices of no group')
        # the small API keeps to the scope too
        status, answer = service.ask_as(token, 'PUT', f'/v1/push/{mine},{other}')
        check(status == 207 and 'push_error' in answer['status'][other], answer)
        queue = service.api('GET', f'/enrollments/{other}/commands')['queue']
        check(all(row['by'] is None or 'operator of the test' not in row['by'] for row in queue), queue)


@case('every change leaves its row in the audit, a refusal too, and no secret')
def audit(world):
    with service_of(world) as service:
        udid = moved_in(service, 3)
        token = token_of(service, 'help_desk')
        service.api('PUT', '/groups/audited')
        service.act('lock', udid, message='Please bring it back')
        check(service.ask_as(token, 'POST', '/api/v1/actions/wipe', {'ids': [udid]})[0] == 403)
        before = service.api('GET', '/audit')['audit']
        check(service.ask_as(None, 'POST', '/api/v1/actions/wipe', {'ids': [udid]})[0] == 401)
        check(service.ask_as('rehome-x-y', 'POST', '/api/v1/actions/wipe', {'ids': [udid]})[0] == 401)
        hook = service.api('POST', '/webhooks', url='https://127.0.0.1:9/hook')
        rows = service.api('GET', '/audit?limit=1000')['audit']
        check(len(rows) == len(before) + 1, 'somebody without a token left a row')
        actions = {(row['action'], row['subject']) for row in rows}
        for wanted in (('group-make', 'audited'), ('lock', udid), ('refused', '/api/v1/actions/wipe'), ('migrate-in', udid),
                       ('webhook-add', hook['id'])):
            check(wanted in actions, f'{wanted} is not in {actions}')
        refused = next(row for row in rows if row['action'] == 'refused')
        check(refused['who'].startswith('help_desk of the test ('), refused)
        text = json.dumps(rows)
        for secret in (token, hook['secret'], service.token):
            check(secret not in text and secret[-20:] not in text, 'a secret in the audit')
            check(secret not in service.said(), 'a secret in the log')
        check([row['no'] for row in rows] == sorted((row['no'] for row in rows), reverse=True), 'newest first')
        page = service.api('GET', '/audit?limit=2')
        following = service.api('GET', f'/audit?limit=2&before={page["next"]}')
        check([row['no'] for row in page['audit'] + following['audit']] == [row['no'] for row in rows[:4]], 'pages')


@case('a dry run tells what would happen and does nothing; a group is taken by its number of devices')
def dry_run(world):
    with service_of(world) as service:
        udids = [moved_in(service, number) for number in (4, 5, 6)]
        service.api('PUT', '/groups/returned')
        service.api('POST', '/groups/returned/add', ids=udids)
        before = service.api('GET', '/audit')['audit'][0]['no']
        answer = service.api('POST', '/actions/wipe', group='returned', dry_run=True)
        check(answer['dry_run'] and answer['would_be_done'] == 3 and 'done' not in answer and 'lost' in answer['will'], answer)
        answer = service.api('DELETE', '/groups/returned?dry_run=1')
        check(answer['dry_run'], answer)
        check(service.api('GET', '/audit')['audit'][0]['no'] == before, 'a dry run left a row')
        for udid in udids:
            check(not [row for row in service.api('GET', f'/enrollments/{udid}/commands')['queue']
                       if row['type'] == 'EraseDevice'], 'a dry run queued a wipe')
        status, answer = service.call('POST', '/actions/wipe', {'group': 'returned'})
        check(status == 409 and '3 devices' in answer['error']['message'], answer)
        check(service.call('POST', '/actions/wipe', {'group': 'returned', 'count': 2})[0] == 409)
        check(service.call('POST', '/actions/wipe', {'ids': udids, 'group': 'returned', 'count': 3})[0] == 400)
        answer = service.api('POST', '/actions/wipe', group='returned', count=3)
        check(answer['done'] == 3 and answer['failed'] == 0, answer)
        check(any(row['type'] == 'EraseDevice'
                  for row in service.api('GET', f'/enrollments/{udids[0]}/commands')['queue']), 'no wipe')
        lock = {'group': 'returned', 'type': 'DeviceLock'}
        status, answer = service.call('POST', '/commands', lock)
        check(status == 409 and '3 devices' in answer['error']['message'], answer)
        check(not any(row['type'] == 'DeviceLock'
                      for row in service.api('GET', f'/enrollments/{udids[0]}/commands')['queue']), 'refused, and queued')
        check(service.api('POST', '/commands', count=3, **lock)['queued'] == 3)
        status, answer = service.call('POST', '/actions/lock', {'ids': [udids[0], 'nobody']})
        check(status == 207 and answer['failed'] == 1 and answer['results'][1]['error']['code'] == 'not_found', answer)


@case('JSON that is not strict, too deep, too large or has other fields is refused with a reason')
def hostile_json(world):
    with service_of(world) as service:
        deep = b'{"name": ' + b'[' * 100000 + b']' * 100000 + b'}'
        cases = {
            'twice': b'{"name": "a", "role": "viewer", "role": "administrator"}',
            'unknown': b'{"name": "a", "role": "viewer", "is_admin": true}',
            'missing': b'{"name": "a"}',
            'wrong type': b'{"name": 5, "role": "viewer"}',
            'empty text': b'{"name": "", "role": "viewer"}',
            'long text': b'{"name": "' + b'a' * 256 + b'", "role": "viewer"}',
            'no such role': b'{"name": "a", "role": "root"}',
            'list': b'[]', 'text': b'"viewer"', 'nothing': b'null', 'cut': b'{"name": "a"', 'behind': b'{} {}',
            'deep': deep, 'NUL': b'{"name": "a\\u0000b", "role": "viewer"}',
            'surrogate': b'{"name": "\\ud800", "role": "viewer"}', 'not UTF-8': b'{"name": "\xff\xfe", "role": "viewer"}',
            'negative': b'{"name": "a", "role": "viewer", "days": -1}', 'fraction': b'{"name": "a", "role": "viewer", "days": 1.5}',
            'too big': b'{"name": "a", "role": "viewer", "days": 9223372036854775808}',
            'exponent': b'{"name": "a", "role": "viewer", "days": 1e999}', 'comment': b'{"name": "a", /* */ "role": "viewer"}',
            'comma': b'{"name": "a", "role": "viewer",}', 'quotes': b"{'name': 'a'}",
        }
        tokens = len(service.api('GET', '/tokens')['tokens'])
        for name, raw in cases.items():
            for content_type in ('application/json', 'text/plain'):
                status, answer = service.ask_as(service.token, 'POST', '/api/v1/tokens', raw=raw, content_type=content_type)
                check(status == 400 and answer['error']['message'], f'{name}: {status} {answer}')
        answer = service.ask_as(service.token, 'POST', '/api/v1/tokens', raw=cases['unknown'])[1]
        check('is_admin' in answer['error']['message'], answer)
        # sizes: a body beyond the limit is cut off before it is read
        try:
            status = service.ask_as(service.token, 'POST', '/api/v1/tokens', raw=b'{"name": "' + b'a' * (5 << 20))[0]
            check(status == 413, status)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass
        many = {'ids': [f'nobody{number}' for number in range(1001)]}
        check(service.ask_as(service.token, 'POST', '/api/v1/actions/push', many)[0] == 400, '1001 ids')
        check(service.call('GET', '/devices?limit=1&bogus=1')[0] == 400, 'another parameter')
        check(service.call('GET', '/nothing')[0] == 404 and service.call('PUT', '/devices')[0] == 405)
        check(len(service.api('GET', '/tokens')['tokens']) == tokens, 'a refused body made a token')


@case('curl drives the API')
def curl(world):
    if not shutil.which('curl'):
        raise Skip('curl is not installed')
    with service_of(world) as service:
        udid = moved_in(service, 10)
        header = world.secret('header', f'Authorization: Bearer {service.token}')

        def run(*words):
            done = world.run(['curl', '-sS', '--cacert', service.ca, '-H', f'@{header}', '-w', '\n%{http_code}', *words])
            text, _, status = done.text.rpartition('\n')
            return int(status), json.loads(text) if text.strip() else None
        url = f'{service.url}/api/v1'
        check(run(f'{url}/devices')[1]['devices'][0]['udid'] == udid)
        check(run('-X', 'PUT', f'{url}/groups/curl') == (200, {'done': True}))
        check(run('--json', json.dumps({'ids': [udid]}), f'{url}/groups/curl/add')[0] == 200)
        status, answer = run('--json', json.dumps({'group': 'curl', 'type': 'SecurityInfo'}), f'{url}/commands')
        check(status == 200 and answer['queued'] == 1, answer)
        status, answer = run(f'{url}/enrollments/{udid}/commands/{answer["uuid"]}')
        check(status == 200 and answer['type'] == 'SecurityInfo' and answer['state'] == 'queued', answer)
        check(run('--json', '{}', f'{url}/tickets')[1]['url'].startswith(f'{service.url}/enroll/'))
        check(run('-X', 'DELETE', f'{url}/groups/curl')[0] == 200)
        bad = world.run(['curl', '-sS', '--cacert', service.ca, '-i', f'{url}/devices'])
        check(' 401' in bad.text.splitlines()[0] and 'Bearer realm' in bad.text, bad.text)


@case('at a terminal a dangerous command is told and asked about; a no ends with 7, and others are not asked about')
def asked(world):
    with service_of(world) as service:
        udid = moved_in(service, 11)
        place = {'REHOME_MDM_URL': service.url, 'REHOME_MDM_TOKEN_FILE': str(world.secret('token', service.token)),
                 'REHOME_MDM_CA': str(service.ca)}

        def send(kind, answer):
            person, terminal = pty.openpty()
            os.write(person, answer)
            done = subprocess.run([world.program, 'mdm', 'command', 'send', kind, udid], env={**world.env, **place},
                                  stdin=terminal, capture_output=True, text=True, timeout=60)
            os.close(person)
            os.close(terminal)
            return done

        def queued():
            return [row['type'] for row in service.commands(udid)['queue'] if row['type'] in ('EraseDevice', 'SecurityInfo')]
        told = send('EraseDevice', b'n\n')
        check(told.returncode == 7 and '1 device: EraseDevice: erase everything.' in told.stderr, told)
        check(not queued(), queued())
        told = send('SecurityInfo', b'n\n')
        check(told.returncode == 0 and 'Go on?' not in told.stderr, told)
        check(send('EraseDevice', b'y\n').returncode == 0)
        check(sorted(queued()) == ['EraseDevice', 'SecurityInfo'], queued())


@case('rehome mdm administers a service: lists, questions, dry runs, exit statuses')
def command_line(world):
    with service_of(world) as service:
        udid = moved_in(service, 11)
        secret = world.secret('token', service.token)
        place = {'REHOME_MDM_URL': service.url, 'REHOME_MDM_TOKEN_FILE': str(secret), 'REHOME_MDM_CA': str(service.ca)}

        def mdm(*words, code=0):
            return world.run([world.program, 'mdm', *words], env=place, code=code)
        check(mdm('device', 'list', '--json').json()['devices'][0]['udid'] == udid)
        check(udid in mdm('device', 'list', '--text', 'rhsim').text)
        mdm('group', 'add', 'desk')
        mdm('group', 'join', 'desk', udid)
        check('desk' in mdm('device', 'show', udid).text)
        mdm('group', 'join', 'dsek', udid, code=3)
        check('dsek' not in mdm('group', 'list').text, 'a slip of the pen made a group')
        # the token goes to nobody in clear, and a CA that is none is told as such
        for server in (service.url.replace('https:', 'http:'), service.url.removeprefix('https://')):
            told = mdm('--server', server, 'device', 'list', code=2)
            check('https://HOST[:PORT]' in told.messages, told.messages)
        told = mdm('--ca', str(secret), 'device', 'list', code=2)
        check('holds no certificate in PEM' in told.messages, told.messages)
        sent = mdm('command', 'send', 'DeviceInformation', '--group', 'desk', '--keys', '{"Queries": ["DeviceName"]}',
                   '--json').json()
        check(sent['queued'] == 1, sent)
        check(mdm('command', 'show', udid, sent['uuid'], '--json').json()['state'] == 'queued')
        mdm('command', 'cancel', sent['uuid'])
        told = mdm('device', 'lock', code=2)
        check('which devices? usage: rehome mdm device lock [ID]..., or --group NAME' in told.messages, told.messages)
        # nobody at the terminal: what destroys is not done without --yes
        told = mdm('device', 'wipe', udid, code=2)
        check('lost' in told.messages and '--yes' in told.messages, told.messages)
        told = mdm('device', 'wipe', '--group', 'desk', '--dry-run')
        check('dry_run: true' in told.text and 'would be done: 1' in told.text, told.text)
        check('EraseDevice' not in mdm('command', 'list', udid).text)
        # a command that destroys is asked about like the verb; a slip of the pen is not queued
        told = mdm('command', 'send', 'EraseDevice', udid, code=2)
        check('erase everything' in told.messages and '--yes' in told.messages, told.messages)
        told = mdm('command', 'send', 'DeviceInfo', udid, code=2)
        check('DeviceInformation? Next: ' in told.messages and '--force' in told.messages, told.messages)
        check('EraseDevice' not in mdm('command', 'list', udid).text)
        told = mdm('command', 'send', 'DeviceLock', '--group', 'desk', '--yes')
        check('queued: 1' in told.text and 'next contact' in told.text, told.text)
        mdm('device', 'wipe', '--group', 'desk', '--yes')
        check('EraseDevice' in mdm('command', 'list', udid).text)
        mdm('device', 'show', 'nobody', code=3)
        mdm('device', 'nonsense', code=2)
        mdm('device', 'list', '--role', 'viewer', code=2)
        desk = world.secret('desk', token_of(service, 'help_desk'))
        refused = world.run([world.program, 'mdm', 'token', 'list', '--token-file', desk], env=place, code=4)
        check('administrator' in refused.messages, refused.messages)
        check('http' in mdm('link', 'new', '--serial', 'RHSIM0000012').text)
        away = world.run([world.program, 'mdm', 'device', 'list', '--server', 'https://127.0.0.1:9'], env=place, code=5)
        check('rehome serve' in away.messages, away.messages)
        # what is wrong is named, and what helps
        told = mdm('profile', 'add', '/etc/hostname', code=4).messages
        check('/etc/hostname: expected is a configuration profile' in told, told)
        world.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                   '-subj', '/CN=another', '-out', world.dir / 'another.pem', '-keyout', world.dir / 'another.key'])
        told = mdm('device', 'list', '--ca', world.dir / 'another.pem', code=4).messages
        check('another.pem' in told and '--ca' in told and 'public/ca.pem' in told, told)
        taken = world.run([world.build / 'rehomed', '--data', world.dir / 'second', '--listen', service.address.netloc],
                          env=world.service_env, code=1)
        check('--listen' in taken.messages and 'REHOME_MDM_URL' in taken.messages, taken.messages)
        # a page after the other
        for number in range(101):
            service.api('PUT', f'/groups/group-{number}')
        check(len(mdm('group', 'list', '--json').json()['groups']) == 102, 'pages')


def lives(device, count):
    """Each of them leaves events."""
    for _ in range(count):
        check(device.authenticate() == 200 and device.token_update() == 200, 'enrolls')


@case('webhooks get signed events in order, again after a failure, and again on demand; a target that hangs, or answers '
      'without end, delays no other')
def webhooks(world):
    receiver, hanging = Receiver(500), socket.create_server(('127.0.0.1', 0))  # which accepts, and says nothing
    endless = Endless()
    try:
        with service_of(world) as service:
            service.api('POST', '/webhooks', url=f'http://127.0.0.1:{hanging.getsockname()[1]}/hangs')
            service.api('POST', '/webhooks', url=endless.url)
            service.api('POST', '/webhooks', url=f'{NOWHERE}/word-of-the-receiver')  # nobody is there
            hook = service.api('POST', '/webhooks', url=receiver.url)
            device = Device(service, '0000FE5A-0000000000000014')
            device.scep(service.api('POST', '/tickets', kind='challenge')['challenge'])
            # one that hangs holds nobody up: it still does when another has got its event
            prompt = Receiver()
            quick = service.api('POST', '/webhooks', url=prompt.url)
            lives(device, 1)
            hung, _ = hanging.accept()
            prompt.wait(1)
            hung.settimeout(0)
            with hung, contextlib.suppress(BlockingIOError):
                while hung.recv(65536):  # what it was sent; behind that its connection is still open
                    pass
                raise AssertionError('the event came when the hanging target had been given up')
            service.api('DELETE', f'/webhooks/{quick["id"]}')
            prompt.close()
            lives(device, 4)
            events = service.api('GET', '/events?limit=1000')['events']
            check(len(events) >= 4, events)
            receiver.wait(len(events))
            check(receiver.got[0][0] == 500 and receiver.got[0][2] == receiver.got[1][2], 'the first is sent again')
            good = receiver.good()
            check([event['no'] for event in good] == [event['no'] for event in events], f'{good} {events}')
            check([event['kind'] for event in good] == [event['kind'] for event in events])
            for _, header, body in receiver.got:
                check(signature_holds(hook['secret'], header, body), f'{header} {body}')
            check(not signature_holds('another secret', receiver.got[0][1], receiver.got[0][2]))
            wait_for(lambda: endless.sent)
            check(max(endless.sent) < 64 << 20, f'it read {max(endless.sent)} bytes of an answer')
            wait_for(lambda: service.log.find(r'webhook=\S+ event=\d+ status=0 reason="\S'))
            check('word-of-the-receiver' not in service.said(), 'a path that serves as a password stands in the log')
            check(device.report()[0] == 200 and service.metrics()['rehome_restarts_total'] == 0)

            # on demand, from the third on
            service.api('POST', f'/webhooks/{hook["id"]}/replay', after=events[1]['no'])
            receiver.wait(2 * len(events) - 2)
            check([event['no'] for event in receiver.good()[len(events):]] == [event['no'] for event in events[2:]])
            rows = {row['id']: row for row in service.api('GET', '/webhooks')['webhooks']}
            check(rows[hook['id']]['failures'] == 0 and 'secret' not in rows[hook['id']], rows)

            # chosen kinds, and none after its removal
            chosen = Receiver()
            other = service.api('POST', '/webhooks', url=chosen.url, kinds=['no-such-kind'], after=0)
            service.api('DELETE', f'/webhooks/{hook["id"]}')
            count = len(receiver.got)
            lives(device, 2)
            late = time.monotonic() + 20
            last = service.api('GET', '/events?limit=1000')['next']
            while service.api('GET', '/webhooks')['webhooks'][-1]['next_event'] <= last:
                check(time.monotonic() < late, service.api('GET', '/webhooks'))
                time.sleep(0.05)
            check(not chosen.got and len(receiver.got) == count, 'events for nobody')
            check(other['id'] in {row['id'] for row in service.api('GET', '/webhooks')['webhooks']})
            chosen.close()
            for url in ('ftp://127.0.0.1/', 'http://example.org/', 'http://127.0.0.1@example.org/', 'https://', 'x'):
                check(service.call('POST', '/webhooks', {'url': url})[0] == 400, url)
    finally:
        receiver.close()
        endless.close()
        hanging.close()
