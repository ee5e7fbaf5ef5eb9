"""Simulated devices as clients of the service itself: enrolled by profile, commanded, pushed, let go."""
import base64
import http.client
import json
import pathlib
import re
import subprocess
import time

from harness import case, check
from serving import Service, poll, serving, wait_for

RESTRICTIONS = '''<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>example.restrictions</string><key>PayloadUUID</key><string>8C6A9D9E-0000-4000-8000-000000000001</string>
<key>PayloadDisplayName</key><string>Restrictions</string>
<key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.applicationaccess</string>
<key>PayloadVersion</key><integer>1</integer><key>PayloadIdentifier</key><string>example.restrictions.keys</string>
<key>PayloadUUID</key><string>8C6A9D9E-0000-4000-8000-000000000002</string>
<key>forceEncryptedBackup</key><true/></dict></array></dict></plist>'''
OTHER = '''<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
<key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>
<key>PayloadIdentifier</key><string>other.enrollment</string><key>PayloadUUID</key><string>OTHER-1</string>
<key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.mdm</string>
<key>PayloadVersion</key><integer>1</integer><key>PayloadIdentifier</key><string>other.mdm</string>
<key>PayloadUUID</key><string>OTHER-2</string><key>IdentityCertificateUUID</key><string>OTHER-3</string>
<key>Topic</key><string>com.apple.mgmt.External.other</string><key>ServerURL</key><string>https://other.example/mdm</string>
<key>AccessRights</key><integer>8191</integer></dict></array></dict></plist>'''


def state(service, udid):
    return service.enrollment(udid)['state']


@case('a device enrolls by profile, answers commands with changes of its own, and is erased')
def life(world):
    ipad = world.small('ipad', '--os', '18.6', files=5)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        check(state(service, udid) == 'enabled', service.enrollment(udid))
        # by the serial number too, and the last contact is there at once
        record = service.device(world.facts(ipad)['serial'])
        check(record['udid'] == udid and record['last_contact'] and record['record'] == 'active', record)
        profile = world.dir / 'restrictions.mobileconfig'
        profile.write_text(RESTRICTIONS)
        asked = service.send(udid, 'DeviceInformation', {'Queries': ['OSVersion', 'SerialNumber']})
        installed = service.send(udid, 'InstallProfile',
                                 {'Payload': {'$data': base64.b64encode(RESTRICTIONS.encode()).decode()}})
        listed = service.send(udid, 'ProfileList')
        usual = service.send(udid, 'DeviceInformation')
        poll(world, ipad)
        check(service.result(udid, usual)['response']['QueryResponses']['SerialNumber'] == world.facts(ipad)['serial'])
        check(service.result(udid, asked)['response']['QueryResponses']['OSVersion'] == '18.6')
        check(service.result(udid, installed)['status'] == 'Acknowledged', service.result(udid, installed))
        check('example.restrictions' in json.dumps(service.result(udid, listed)))
        check(world.facts(ipad)['encryption_is_forced'])
        removed = service.send(udid, 'RemoveProfile', {'Identifier': 'example.restrictions'})
        service.act('lock', udid)
        poll(world, ipad)
        check(service.result(udid, removed)['status'] == 'Acknowledged')
        check(world.facts(ipad)['is_locked'] and not world.facts(ipad)['encryption_is_forced'])
        service.act('wipe', udid)
        check(poll(world, ipad)['erased'])
        facts = world.facts(ipad)
        check(not facts['setup_is_done'] and facts['management'] == 'none', facts)
        poll(world, ipad, code=3)
        check(service.device(udid)['record'] == 'wiped', service.device(udid))
        check(service.api('GET', '/status')['devices']['wiped'] == 1)


@case('rehome mdm installs a profile from a file and waits for what devices answer')
def waiting(world):
    ipad = world.small('ipad', '--os', '18.6', files=5)
    udid = world.udid(ipad)
    profile = world.dir / 'restrictions.mobileconfig'
    profile.write_text(RESTRICTIONS)
    with serving(world) as service:
        service.enroll(ipad)
        place = {'REHOME_MDM_URL': service.url, 'REHOME_MDM_TOKEN_FILE': str(world.secret('token', service.token)),
                 'REHOME_MDM_CA': str(service.ca)}

        def mdm(*words, code=0):
            return world.run([world.program, 'mdm', *words], env=place, code=code)

        def queued(kind):
            return [row['uuid'] for row in service.commands(udid)['queue'] if row['type'] == kind]
        poll(world, ipad)
        # nobody comes: that is told, and what was queued stays
        told = mdm('profile', 'install', profile, world.facts(ipad)['serial'], '--wait', '0', code=5)
        check('identifier: example.restrictions' in told.text and 'state: wanted' in told.text, told.text)
        check('1 of 1 did not answer in 0 s' in told.messages and 'wanted' in told.messages, told.messages)
        wait_for(lambda: queued('InstallProfile'))
        poll(world, ipad)
        done = mdm('profile', 'install', profile, udid, '--wait', '60', '--json').json()
        check(done['version'] == 1 and done['results'][0]['state'] == 'installed', done)
        check(world.facts(ipad)['encryption_is_forced'])
        # assigned, it survives the reconciliation that removes what is not
        mdm('device', 'reconcile', udid)
        poll(world, ipad)
        check(world.facts(ipad)['encryption_is_forced'])
        # commands while the device comes: each step is told as it happens, a failure is one
        def answered(*words):
            sent = subprocess.Popen([world.program, 'mdm', 'command', 'send', *words, udid, '--wait', '60', '--json'],
                                    env={**world.env, **place}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while not sent.stderr.readline().endswith(': queued\n'):
                check(sent.poll() is None, words)
            poll(world, ipad)
            out, messages = sent.communicate(timeout=60)
            result = json.loads(out)['results'][0]
            check(result['id'] == udid and f"{udid}: {result['status']}" in messages, messages)
            return sent.returncode, result
        code, result = answered('SecurityInfo')
        check(code == 0 and 'SecurityInfo' in result['response'], result)
        code, result = answered('RemoveProfile', '--keys', '{"Identifier": "not.there"}', '--yes')
        check(code == 1 and result['status'] == 'Error' and result['errors'], result)
        mdm('profile', 'install', '/etc/hostname', udid, code=4)
        mdm('command', 'send', 'SecurityInfo', '--all', '--wait', '5', code=2)


@case('the profile in rehome-mdm(1) is one that a device takes, by the steps that stand beneath it')
def worked_example(world):
    ipad = world.small('ipad', '--os', '18.6', files=5)
    page = (pathlib.Path(world.env['REHOME_SOURCE_ROOT']) / 'docs' / 'man' / 'rehome-mdm.1').read_text().replace('\\-', '-')
    profile = world.dir / 'backup.mobileconfig'
    profile.write_text(page[page.index('<?xml'):page.index('</plist>') + len('</plist>')])
    with serving(world) as service:
        service.enroll(ipad)
        serial = world.facts(ipad)['serial']
        place = {'REHOME_MDM_URL': service.url, 'REHOME_MDM_TOKEN_FILE': str(world.secret('token', service.token)),
                 'REHOME_MDM_CA': str(service.ca)}
        steps = re.findall(r'^rehome mdm (profile (?:add|assign|unassign) .*)$', page, re.M)
        check(len(steps) == 3, steps)

        def step(words):
            return world.run([world.program, 'mdm', *words.replace('DMPXK1ABCDEF', serial).split()], env=place).text
        step(steps[0])
        check('pushed now' in step(steps[1]))
        poll(world, ipad)
        check(world.facts(ipad)['encryption_is_forced'])
        check('state: installed' in step(f'device show {serial}'))
        step(steps[2])
        poll(world, ipad)
        check(not world.facts(ipad)['encryption_is_forced'])


@case('a locked device says NotNow; the screen unlocked, the same command is done')
def not_now(world):
    ipad = world.small('ipad', files=5)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        poll(world, ipad)
        world.person(ipad, 'set-passcode', 'lock')
        waiting = service.send(udid, 'CertificateList')
        said = poll(world, ipad)
        check(said['not_now'] >= 1, said)
        check(service.result(udid, waiting)['state'] == 'not_now', service.result(udid, waiting))
        world.person(ipad, 'unlock')
        poll(world, ipad)
        check(service.result(udid, waiting)['status'] == 'Acknowledged')


@case('another service\'s profile does not match, an operator\'s word lets a device go, and a person leaves')
def ends(world):
    ipad = world.small('ipad', files=5)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        poll(world, ipad)
        other = world.dir / 'other.mobileconfig'
        other.write_text(OTHER)
        refused = world.sim('mdm', ipad, 'install-profile', other, code=4)
        check('The new MDM payload does not match the old payload.' in refused.messages and '12012' in refused.messages,
              refused.messages)
        identifier = 'org.rehome.enrollment'
        world.sim('mdm', ipad, 'remove-profile', identifier)
        check(state(service, udid) == 'disabled', service.enrollment(udid))
        service.enroll(ipad)
        check(state(service, udid) == 'enabled' and service.enrollment(udid)['generation'] == 2)
        service.act('unenroll', udid)
        check(poll(world, ipad)['let_go'])
        check(world.facts(ipad)['management'] == 'none')


@case('a push makes a running device call; what it says of its token is believed')
def pushed(world):
    ipad = world.small('ipad', files=5)
    udid = world.udid(ipad)
    with Service(world, with_push=True) as service:
        service.enroll(ipad)
        mux = world.simulator(ipad, extra=('--apple', service.apple.folder))
        asked = service.send(udid, 'ProfileList')
        wait_for(lambda: service.result(udid, asked).get('status') == 'Acknowledged')
        mux.stop()


@case('a service that stops and starts again finds its devices, and they find it')
def restarted(world):
    ipad = world.small('ipad', files=5)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        waiting = service.send(udid, 'SecurityInfo')
        service.stop()
        check(poll(world, ipad, code=5).messages)
        service.start()
        poll(world, ipad)
        check(service.result(udid, waiting)['status'] == 'Acknowledged')


def lines_of(journal, word):
    return [line.split()[1:] for line in journal.read_text().splitlines() if line.startswith(word + ' ')]


def queue_while_running(service, process, journal, wanted):
    """Queue a marked command for each device as it enrolls; {uuid: (index, generation)}.

    One that was queued while its device began another life may rightly arrive there: it is left out.
    """
    queued, seen = {}, 0
    while process.poll() is None and len(queued) < wanted:
        enrolled = lines_of(journal, 'enrolled') if journal.exists() else []
        for index, generation, udid in enrolled[seen:]:
            uuid = f'SWARM-{index}-{generation}-1'
            try:
                status, answer = service.call('POST', '/commands', {'ids': [udid], 'type': 'ProfileList', 'uuid': uuid})
            except (OSError, http.client.HTTPException):
                continue  # the service is being disturbed: nobody promised this one anything
            begun = max(int(life) for device, life, _ in lines_of(journal, 'begins') if device == index)
            if status == 200 and answer['queued'] == 1 and begun == int(generation):
                queued[uuid] = (index, generation)
        seen = len(enrolled)
        time.sleep(0.05)
    return queued


def judged(code, out, messages, journal, queued):
    """The swarm's counts, if nothing happened that must never happen."""
    counts = json.loads(out) if out else {}
    astray = {uuid for _, _, uuid in lines_of(journal, 'another')}
    if code == 5 and astray and not astray & set(queued):
        others = ('unasked_401', 'unasked_403_unrecognized', 'enrollment_removals', 'declaration_404', 'commands_given_twice',
                  'foreign_taken')
        check(not any(counts[name] for name in others), counts)
    else:
        check(code == 0, f'{messages}{out} {astray}')
    return counts


@case('a swarm sees nothing that must never happen, and each command arrives at the generation it was meant for')
def swarm(world):
    count, spare = 30, 10
    with serving(world) as service:
        tickets, journal = world.dir / 'tickets', world.dir / 'journal'
        tickets.write_text(''.join(service.link() + '\n' for _ in range(count + spare)))
        options = ['swarm', '--tickets', tickets, '--ca', service.ca, '--count', count, '--keys', 2, '--parallel', 8,
                   '--again', 20, '--foreign', 30, '--malformed', 100, '--journal', journal, '--requests', 50 * count,
                   '--seed', world.random.randrange(1000), '--json']
        process = subprocess.Popen([world.sim_program, *map(str, options)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=world.env, text=True)
        queued = queue_while_running(service, process, journal, count)
        out, messages = process.communicate(timeout=120)
        counts = judged(process.returncode, out, messages, journal, queued)
        check(counts['enrolled'] >= count and counts['unanswered'] == 0, counts)
        check(counts['statuses'].get('400', 0) > 10 and '401' not in counts['statuses'], counts)
        latest = {index: generation for index, generation, _ in lines_of(journal, 'enrolled')}
        answered = {uuid for _, _, uuid in lines_of(journal, 'answer')}
        lost = [uuid for uuid, (index, generation) in queued.items()
                if latest[index] == generation and uuid not in answered]
        check(len(queued) >= count // 2 and not lost, f'{len(queued)} queued, lost {lost}')
