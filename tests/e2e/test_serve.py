"""The MDM service as a whole: first start, devices, what its processes may, kills, reload, hostile clients."""
import base64
import contextlib
import ctypes
import http.client
import itertools
import json
import os
import pathlib
import plistlib
import re
import resource
import signal
import stat
import subprocess
import threading
import time

import postgres
from harness import Skip, case, case_on_stores, check
from mdm_device import CHECKIN, Device
from receivers import Receiver
from serving import Apple, Service, stores, wait_for

UDID = '0000FE5A-0000000000000E2E'
IDLE = plistlib.dumps({'UDID': UDID, 'Status': 'Idle'})
TOKEN_UPDATE = {'Token': b'\x01' * 32, 'PushMagic': 'MAGIC'}


def migrated(service, udid=UDID, name='device'):
    return Device(service, udid, name).move_in()


def enqueue(service, udid=UDID, kind='DeviceInformation'):
    """UUID of a command that the service acknowledged, None if it was away."""
    try:
        status, got = service.call('POST', '/commands', {'ids': [udid], 'type': kind, 'keys': {'Queries': ['UDID']}})
    except (OSError, http.client.HTTPException):
        return None
    check(status in (200, 503), f'enqueue: {status} {got}')
    return got['uuid'] if status == 200 else None


@case('the first start makes what it needs, for its owner alone, and later ones use it again')
def first_start(world):
    with Service(world) as service:
        check(service.ask('GET', '/healthz')[0] == 200)
        said = '\n'.join(service.out.lines)
        check(str(service.data / 'administrator.token') in said and service.token not in said, said)
        check(all(step in said for step in ('1. export', '2. rehome mdm', '3. rehome mdm')), said)
        check(service.token not in '\n'.join(service.log.lines))
        for path in [service.data, *service.data.rglob('*')]:
            mode = stat.S_IMODE(path.stat().st_mode)
            private = path.is_dir() or path.parent.name in ('keys', 'records') or path.name in ('key.pem', 'administrator.token')
            check(not private or mode & 0o077 == 0, f'{path} has mode {mode:o}')
        for name in ('ra', 'profile'):
            world.run(['openssl', 'verify', '-CAfile', service.ca, service.data / 'public' / f'{name}.pem'])
        taken = world.run([world.program, 'serve', '--data', service.data, '--listen', '127.0.0.1:0'], code=1,
                          env=world.service_env)
        check('another service runs' in taken.messages, taken.messages)
        token, ca, supervision = service.token, service.ca.read_bytes(), service.api('GET', '/ca')['supervision']
        check(supervision == (service.data / 'public' / 'supervision.pem').read_text())
        world.run(['openssl', 'verify', '-CAfile', service.data / 'public' / 'supervision.pem',
                   service.data / 'public' / 'supervision.pem'])
    again = Service(world).start()
    check(again.token == token and again.ca.read_bytes() == ca and again.api('GET', '/ca')['supervision'] == supervision)
    check(not again.out.find('Next:') and not again.log.find('supervision-identity-made'), again.out.lines)
    check(again.api('GET', '/devices')['devices'] == [])
    again.stop()


@case('a data folder from before there was a supervision identity gets one at the next start, which says so')
def supervision_later(world):
    with Service(world) as service:
        service.stop()
    for folder in ('keys', 'public'):
        (service.data / folder / 'supervision.pem').unlink()
    with Service(world) as service:
        check(service.log.find('supervision-identity-made certificate=public/supervision.pem'), service.log.lines)
        check('BEGIN CERTIFICATE' in service.api('GET', '/ca')['supervision'])


@case('check-config prints what it reads, names what makes no sense, and rehomed(8) has every keyword')
def configuration(world):
    file = world.dir / 'rehomed.conf'
    file.write_text('listen 127.0.0.1:1234\nlisten [::1]:1234\norganization Haus & Hof\nrestore ask\n')
    first = world.run([world.program, 'serve', 'check-config', file])
    file.write_text(first.text)
    check(world.run([world.build / 'rehomed', 'check-config', '--config', file]).text == first.text)
    check('organization Haus & Hof\n' in first.text and 'listen [::1]:1234\n' in first.text, first.text)
    page = (pathlib.Path(world.env['REHOME_SOURCE_ROOT']) / 'docs' / 'man' / 'rehomed.8').read_text().replace('\\-', '-')
    for keyword in {line.split()[0] for line in first.text.splitlines()} | {'name'}:
        check(f'.BI {keyword} ' in page, f'rehomed.8 lacks {keyword}')
    file.write_text('workers 2\nrestore never\n')
    refused = world.run([world.program, 'serve', '--config', file], code=2)
    check('line 2' in refused.messages and 'accept, ask, refuse' in refused.messages, refused.messages)


@case('a simulated iPad enrolls over SCEP, is pushed, and carries out what it is told')
def enrolled(world):
    with Service(world, with_push=True) as service:
        folder = world.small()
        world.sim('setup', folder)
        udid = service.enroll(folder)
        check([device['udid'] for device in service.api('GET', '/devices')['devices']] == [udid])
        service.api('POST', '/actions/lock', {'ids': [udid]})
        wait_for(lambda: service.metrics()['rehome_pushes_total'] >= 1)
        world.sim('mdm', folder, 'poll')
        history = service.api('GET', f'/enrollments/{udid}/commands')['history']
        check({'DeviceLock', 'DeviceInformation'} <= {row['type'] for row in history}, history)
        check(all(row['status'] == 'Acknowledged' for row in history), history)
        identity = service.api('GET', f'/enrollments/{udid}')['identities']
        check([row['state'] for row in identity] == ['current'], identity)


@case('what calls cost the store is counted, and the same call costs the same again')
def store_counted(world):
    with Service(world) as service:
        def costs():
            before = service.metrics()
            service.api('GET', '/tokens')
            after = service.metrics()
            return [after[name] - before[name] for name in sorted(after) if name.startswith('rehome_store_')]
        costs()    # prepares the statements
        first = costs()
        check(len(first) == 4 and all(count > 0 for count in first), first)
        check(costs() == first)


@case('rules for backups become a profile that is installed, is no news when said again, and is replaced by other rules')
def backup_rules(world):
    with Service(world, with_push=True) as service:
        folder = world.small()
        world.sim('setup', folder)
        udid = service.enroll(folder)
        for version in (1, 1):
            put = service.api('PUT', '/backup-rules', {'force_encryption': True, 'bar_cloud_backup': True})
            check(put == {'identifier': 'rehome.backup-rules', 'version': version}, put)
        service.api('POST', '/profiles/rehome.backup-rules/assign', {'all': True})
        check(service.api('PUT', '/backup-rules', {'force_encryption': True})['version'] == 2)
        service.api('POST', '/actions/reconcile', {'ids': [udid]})
        world.sim('mdm', folder, 'poll')
        history = service.api('GET', f'/enrollments/{udid}/commands')['history']
        check([row['status'] for row in history if row['type'] == 'InstallProfile'] == ['Acknowledged'], history)
        service.api('POST', '/actions/inventory', {'ids': [udid]})
        world.sim('mdm', folder, 'poll')
        headers = {'Authorization': f'Bearer {service.token}'}
        status, _, body = service.ask('GET', '/api/v1/profiles/rehome.backup-rules/content', None, headers)
        payload = plistlib.loads(body)['PayloadContent'][0]
        check(payload['forceEncryptedBackup'] is True and 'allowCloudBackup' not in payload, payload)
        listed = json.dumps(service.api('GET', f'/devices/{udid}/inventory'))
        check('rehome.backup-rules' in listed and plistlib.loads(body)['PayloadUUID'] in listed, listed)


@case('a signature hides nothing: a signed profile is stored and installed, one that would manage the device is refused')
def signed_profiles(world):
    def signed(kind):
        payload = {'PayloadType': kind, 'PayloadVersion': 1, 'PayloadIdentifier': f'org.{kind}.x', 'PayloadUUID': 'X'}
        (world.dir / 'plain').write_bytes(plistlib.dumps({**payload, 'PayloadType': 'Configuration', 'PayloadUUID': 'U',
                                                          'PayloadIdentifier': f'org.{kind}', 'PayloadContent': [payload]}))
        world.run(['openssl', 'cms', '-sign', '-nodetach', '-binary', '-outform', 'DER', '-in', world.dir / 'plain',
                   '-signer', world.dir / 's.pem', '-inkey', world.dir / 's.key', '-out', world.dir / 'signed'])
        return (world.dir / 'signed').read_bytes()
    world.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=anybody', '-days', '9',
               '-keyout', world.dir / 's.key', '-out', world.dir / 's.pem'])
    with Service(world, with_push=True) as service:
        folder = world.small()
        world.sim('setup', folder)
        udid = service.enroll(folder)
        fine, mdm = signed('com.apple.applicationaccess'), signed('com.apple.mdm')
        put = service.api('POST', '/profiles', raw=fine)
        check(put['identifier'] == 'org.com.apple.applicationaccess', put)
        service.api('POST', '/profiles', raw=mdm, code=409)
        service.api('POST', '/profiles', raw=fine[:-1] + bytes([fine[-1] ^ 1]), code=409)
        keys = {'Payload': {'$data': base64.b64encode(mdm).decode()}}
        service.api('POST', '/commands', {'ids': [udid], 'type': 'InstallProfile', 'keys': keys}, code=409)
        service.api('POST', '/profiles/org.com.apple.applicationaccess/assign', {'ids': [udid]})
        service.api('POST', '/actions/reconcile', {'ids': [udid]})
        world.sim('mdm', folder, 'poll')
        history = service.api('GET', f'/enrollments/{udid}/commands')['history']
        check([row['status'] for row in history if row['type'] == 'InstallProfile'] == ['Acknowledged'], history)


@case('an enrollment link is signed, works once, and leaves the next one alone')
def link(world):
    with Service(world, with_push=True) as service:
        path = service.link().split(service.address.netloc)[1]
        check(service.ask('HEAD', path)[0] == 200)
        status, headers, body = service.ask('GET', path)
        check((status, headers['Content-Type']) == (200, 'application/x-apple-aspen-config'), headers)
        (world.dir / 'profile.cms').write_bytes(body)
        plain = world.run(['openssl', 'cms', '-verify', '-inform', 'DER', '-in', world.dir / 'profile.cms', '-CAfile',
                           service.ca, '-purpose', 'any'])
        payloads = {row['PayloadType'] for row in plistlib.loads(plain.out)['PayloadContent']}
        check({'com.apple.mdm', 'com.apple.security.scep'} <= payloads, payloads)
        check(service.ask('GET', path)[0] == 404)
        check(service.ask('GET', '/enroll/' + 'x' * 3000)[0] == 404)
        check(service.ask('GET', "/enroll/'%20OR%20'1'='1")[0] == 404)


@case('a device is known by its certificate: by no other, by none, and not by a copy')
def known(world):
    with Service(world) as service:
        device = migrated(service)
        check(device.checkin('TokenUpdate', **TOKEN_UPDATE)[0] == 200)
        uuid = enqueue(service)
        check(uuid in device.drain())
        check(service.api('GET', f'/enrollments/{UDID}/commands/{uuid}')['status'] == 'Acknowledged')
        stranger = Device(service, UDID, 'stranger').self_signed()
        copy = Device(service, UDID[:-1] + 'F', 'copy')
        copy.identity = device.identity
        for other in (stranger, copy):
            check(other.report()[0] == 400, 'a foreign certificate was taken')
            check(other.checkin('TokenUpdate', **TOKEN_UPDATE)[0] == 400)
        check(service.ask('PUT', '/mdm', IDLE, {'Content-Type': CHECKIN})[0] == 400)
        check(service.ask('PUT', '/mdm', IDLE)[0] == 400)
        (world.dir / 'idle').write_bytes(IDLE)
        world.run(['openssl', 'cms', '-sign', '-binary', '-signer', device.identity[0], '-inkey', device.identity[1],
                   '-in', world.dir / 'idle', '-outform', 'DER', '-out', world.dir / 'signature'])
        header = base64.b64encode((world.dir / 'signature').read_bytes()).decode()
        check(service.ask('PUT', '/mdm', IDLE, {'Mdm-Signature': header})[0] == 200, 'Mdm-Signature')
        check(service.ask('PUT', '/mdm', IDLE + b'\n', {'Mdm-Signature': header})[0] == 400, 'a changed body')


def kernel_has_landlock():
    """Asked of the kernel: what the service says of itself is what the test is about."""
    return ctypes.CDLL(None).syscall(444, None, 0, 1) >= 1


def descriptors(pid):
    return [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')]


@case_on_stores('no process but records has the database open, none the keys, and all live behind filters')
def confined(world, on_postgresql):
    with stores(on_postgresql, 'one') as (words,), Service(world, *words) as service:
        if not kernel_has_landlock():
            raise Skip('this kernel lacks Landlock')
        migrated(service).drain()  # all of them have worked
        sockets = {}
        for role in ('keys', 'records', 'courier', 'worker'):
            pids = service.processes(role)
            check(pids, f'no process {role}')
            check(service.log.find(rf'sandbox process={role} landlock=[1-9]\d* seccomp=yes'), f'{role} is in no sandbox')
            for pid in pids:
                status = pathlib.Path(f'/proc/{pid}/status').read_text()
                check(re.search(r'^Seccomp:\t2$', status, re.M) and re.search(r'^NoNewPrivs:\t1$', status, re.M), role)
                opened = descriptors(pid)
                inside = [name for name in opened if str(service.data) in name]
                if role == 'records':
                    check(on_postgresql or inside and all('/records/' in name for name in inside), inside)
                else:
                    check(not inside, f'{role} has {inside}')
                check(not any('/keys/' in name for name in opened))
                sockets.setdefault(role, set()).update(name for name in opened if name.startswith('socket:'))
        # a connection to the database, or to another's peer, would be one that two of them have
        for one, other in itertools.combinations(sockets, 2):
            check(not sockets[one] & sockets[other], f'{one} and {other} share {sockets[one] & sockets[other]}')
        required = Service(world, name='strict', sandbox='require').start()
        required.stop()


def memory_of(pid):
    """What the process holds, mapping by mapping, but for the stack, which the next call writes over.

    A mapping larger than any memory is a sanitizer's shadow: marks, and none of what the program holds.
    """
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb') as memory:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split('-'))
            if line.split()[1].startswith('rw') and '[stack]' not in line and end - start < 1 << 36:
                memory.seek(start)
                yield memory.read(end - start)


@case('a token that a device was given back stays in the memory of neither records nor courier')
def forgotten(world):
    token = b'correct horse battery staple'
    with Service(world) as service:
        device = migrated(service)
        check(device.checkin('SetBootstrapToken', BootstrapToken=token)[0] == 200)
        check(device.checkin('GetBootstrapToken')[1]['BootstrapToken'] == token)
        for pid in service.processes('records') + service.processes('courier'):
            try:
                kept = [word for piece in memory_of(pid) for word in (token, base64.b64encode(token)) if word in piece]
            except PermissionError as why:
                raise Skip('the memory of a process is not for this user to read') from why
            check(not kept, f'{kept} in process {pid}')


class Load:
    """Clients that go on while processes die, and note what was acknowledged to them."""

    def __init__(self, service):
        self.service, self.ended, self.wrong = service, threading.Event(), []
        self.device, self.reborn = migrated(service), Device(service, UDID[:-1] + '0', 'reborn').move_in()
        self.device.drain()
        self.queued, self.answered, self.groups, self.lives, self.tries, self.kept = [], [], [], 0, 0, None
        works = (self.enqueue, self.answer, self.live, self.group)
        self.threads = [threading.Thread(target=self.run, args=(work,)) for work in works]
        for thread in self.threads:
            thread.start()

    def run(self, work):
        while not self.ended.is_set():
            try:
                status = work()
            except (OSError, http.client.HTTPException):
                self.ended.wait(0.1)  # it is away: there is no hurry to find it so again
                continue
            except Exception as failure:
                self.wrong.append((work.__name__, failure))
                return
            if status not in (200, 503):
                self.wrong.append((work.__name__, status))

    def enqueue(self):
        status, got = self.service.call('POST', '/commands', {'ids': [UDID], 'type': 'SecurityInfo'})
        if status == 200:
            self.queued.append(got['uuid'])
        return status

    def answer(self):
        status, uuid = self.device.report()
        while uuid:
            done = uuid
            status, uuid = self.device.report('Acknowledged', done)
            if status == 200:
                self.answered.append(done)
        return status

    def live(self):
        """Enrolls again; then what that life keeps must be there as soon as it was acknowledged."""
        self.tries += 1
        status = self.reborn.authenticate()
        if status != 200:
            return status
        self.lives, self.kept = self.lives + 1, None
        status = self.reborn.token_update()
        for number in range(3 if status == 200 else 0):
            word = f'{self.lives} {number}'.encode()
            self.kept = None  # until it was acknowledged, either may be there
            status = self.reborn.checkin('SetBootstrapToken', BootstrapToken=word)[0]
            if status == 200:
                self.kept = word
                status, got = self.reborn.checkin('GetBootstrapToken')
                check(status != 200 or got == {'BootstrapToken': word}, f'{word} was acknowledged, and it has {got}')
        return status

    def group(self):
        name = f'group-{self.tries}-{len(self.groups)}'
        status = self.service.call('PUT', f'/groups/{name}')[0]
        if status == 200:
            self.groups.append(name)
        return status

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        check(not self.wrong, f'a client got {self.wrong[:5]}')

    def nothing_is_lost(self):
        self.answered += self.device.drain()
        history = {row['uuid']: row['status'] for row in self.service.commands(UDID)['history']}
        check(len(self.queued) > 3 and len(self.groups) > 3 and self.lives > 3, f'{self.queued} {self.groups} {self.lives}')
        for uuid in self.queued[-150:]:
            check(history.get(uuid) == 'Acknowledged', f'{uuid}: {history.get(uuid)}')
        check(len(set(self.answered)) == len(self.answered), 'a command was acknowledged twice and delivered again')
        generation = self.service.enrollment(self.reborn.udid)['generation']
        check(self.lives <= generation - 1 <= self.tries, f'{self.lives} lives of {self.tries}, generation {generation}')
        if self.kept:
            got = self.reborn.checkin('GetBootstrapToken')
            check(got == (200, {'BootstrapToken': self.kept}), f'{self.kept} was acknowledged last, and it has {got}')
        there, after = set(), 0
        while after is not None:
            page = self.service.api('GET', f'/groups?limit=1000&after={after}')
            there, after = there | {row['name'] for row in page['groups']}, page['next']
        check(set(self.groups) <= there, f'lost: {set(self.groups) - there}')


def kill_in_turn(service, load, kills):
    """Each process in turn, with its life on it: the next one only when the killed one is back."""
    turn = ['worker', 'records', 'keys', 'courier']
    for number in range(kills):
        role = turn[number % len(turn)]
        pid, name = service.processes(role)[0], f'just-before-{number}'
        wait_for(lambda: service.call('PUT', f'/groups/{name}')[0] == 200)
        os.kill(pid, signal.SIGKILL)  # nothing comes between the acknowledgement and this
        load.groups.append(name)
        wait_for(lambda: pid not in service.processes(role) and service.processes(role))
        time.sleep(0.1)  # some load in between, no condition to wait for


@case_on_stores('whichever process is killed, it comes back, and nothing that was acknowledged is lost')
def killed(world, on_postgresql):
    receiver, kills = Receiver(), 40 if world.level == 'soak' else 8
    with stores(on_postgresql, 'one') as (words,), Service(world, *words) as service, contextlib.closing(receiver):
        service.api('POST', '/webhooks', url=receiver.url)
        load = Load(service)
        try:
            kill_in_turn(service, load, kills)
            restarts = service.metrics()['rehome_restarts_total']
            service.process.kill()  # the listener: all of it is gone, and a new start has what was acknowledged
            service.process.wait()
            service.start()
            wait_for(lambda: service.ask('GET', '/healthz')[0] == 200)
        finally:
            load.end()
        check(restarts >= kills, f'{restarts} restarts')
        load.nothing_is_lost()
        numbers, after = [], 0
        while after is not None:
            page = service.api('GET', f'/events?limit=1000&after={after}')
            numbers, after = numbers + [event['no'] for event in page['events']], page['next'] if page['events'] else None
        check(len(numbers) >= load.lives, numbers)
        # an event may come twice (its delivery was not noted in time), none is left out, and first times are in order
        wait_for(lambda: {event['no'] for event in receiver.good()} >= set(numbers), 60)
        first_times = list(dict.fromkeys(event['no'] for event in receiver.good()))
        check(first_times == sorted(first_times), first_times)


@case('a database that cannot be written makes 503 and nothing else, and loses nothing')
def full(world):
    with Service(world) as service:
        device, records = migrated(service), service.processes('records')[0]
        kept = [enqueue(service), enqueue(service)]
        before = resource.prlimit(records, resource.RLIMIT_FSIZE)
        resource.prlimit(records, resource.RLIMIT_FSIZE, (4096, before[1]))
        check(enqueue(service) is None, 'a command was acknowledged that is not on the disk')
        statuses = {device.checkin('TokenUpdate', Token=b'\x03' * 32, PushMagic='M')[0]}
        statuses |= {device.report('Acknowledged', uuid=kept[0])[0] for _ in range(3)}
        check(statuses == {503}, statuses)
        resource.prlimit(records, resource.RLIMIT_FSIZE, before)
        check(device.drain()[-2:] == kept)
        check(service.processes('records') == [records], 'the process died of it')


@case('SIGHUP takes a new configuration, refuses a broken one, and drops no request')
def reload(world):
    file = world.dir / 'rehomed.conf'
    file.write_text('organization Before\n')
    with Service(world, '--config', file) as service:
        pids = service.processes('worker')
        slow = service.raw()
        slow.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n')
        file.write_text('organization After\nworkers 1\n')
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: service.log.find('info reloaded'))
        check(service.ask('GET', '/healthz')[0] == 200)
        slow.sendall(b'\r\n')
        check(slow.recv(100).startswith(b'HTTP/1.1 200'), 'the request in flight was dropped')
        slow.close()
        wait_for(lambda: len(service.processes('worker')) == 1 and service.processes('worker')[0] not in pids)
        file.write_text('organization After\nworkers lots\n')
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: service.log.find('reload-refused.*line 2'))
        check(service.ask('GET', '/healthz')[0] == 200)
        check(not service.log.find('sandbox process=\\w+ off'))


@case("Apple's address comes with SIGHUP, and pushes go there from then on")
def reload_push(world):
    file = world.dir / 'rehomed.conf'
    file.write_text('')
    with Service(world, '--config', file) as service:
        service.apple = Apple(world)
        service.push_certificate(service.apple.certificate)
        migrated(service)
        enqueue(service)
        wait_for(lambda: service.log.find('push-off'))
        file.write_text('apns {1}\napns-trust {3}\n'.format(*service.apple.options()))
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: service.log.find(' pushed id='))


@case('with PostgreSQL two services serve the same devices, and a database that is away makes 503')
def on_postgresql(world):
    try:
        with postgres.running(sync=True) as server:
            url = server.database('serve')
            with Service(world, '--store', url) as first:
                device = migrated(first)
                uuid = enqueue(first)
                subprocess.run(['cp', '-r', str(first.data), str(world.dir / 'second')], check=True)
                with Service(world, '--store', url, name='second') as second:
                    other = Device(second, UDID, 'other')
                    other.identity = device.identity
                    check(uuid in other.drain())
                    check(enqueue(second) in device.drain())
                    uuid = enqueue(first)
                    server.kill()
                    check(device.report()[0] == 503 and device.checkin('TokenUpdate', **TOKEN_UPDATE)[0] == 503)
                    # a 404 here would make the device let the declaration go
                    asked = device.checkin('DeclarativeManagement', Endpoint='declaration/configuration/org.test')
                    check(asked[0] == 503, asked)
                    check(first.ask('GET', '/healthz')[0] == 503)
                    server.start()
                    for service in (first, second):
                        wait_for(lambda one=service: one.ask('GET', '/healthz')[0] == 200)
                    check(device.drain() == [uuid])
    except postgres.Missing as why:
        raise Skip(str(why)) from why
