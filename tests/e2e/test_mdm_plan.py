"""The two halves meet: what the service keeps of a device goes into the plan of its restore."""
import time

from harness import case, check
from serving import poll, serving, wait_for


def asking(world, service):
    """How `rehome` finds the service."""
    token = world.dir / 'token'
    token.write_text(service.token + '\n')
    return {'REHOME_MDM_URL': service.url, 'REHOME_MDM_TOKEN_FILE': str(token), 'REHOME_MDM_CA': str(service.ca)}


def plan(world, service, *words):
    return world.rehome('plan', 'latest', *words, '--record', '--assume', '--fact', 'reset=erased_locally', '--json',
                        env=asking(world, service)).json()


def facts(answer):
    return {name: (fact['value'], fact['origin']) for name, fact in answer['facts'].items()}


@case('the record of a device decides a plan: active, about to be wiped, let go, not known')
def record(world):
    ipad = world.small('ipad', '--os', '18.6', files=5)
    udid, serial = world.udid(ipad), world.facts(ipad)['serial']
    stranger = world.facts(world.small('stranger', files=5, seed=2))['serial']
    with serving(world) as service:
        service.enroll(ipad)
        poll(world, ipad)
        mux = world.simulator(ipad)
        world.paired(mux, ipad)
        world.init()
        world.rehome('backup', udid, mux=mux)
        backed_up = time.time()
        mux.stop()
        told = plan(world, service, serial)
        found = facts(told)
        check(found['service_record'] == ('active', 'service'), found)
        check(found['identity_renewed'] == ('no', 'service') and found['identity_expired'][0] == 'no', found)
        check(found['record_generation'][0] == 'same', found)
        check(told['outcomes'][0]['management'] == 'this', told['outcomes'][0])
        check(facts(plan(world, service, stranger))['service_record'] == ('none', 'service'))
        service.act('wipe', udid)
        check(facts(plan(world, service, serial))['service_record'] == ('wipe_pending', 'service'))
        poll(world, ipad)
        wait_for(lambda: time.time() > backed_up + 2)  # dates are told in seconds
        service.enroll(ipad)
        poll(world, ipad)
        found = facts(plan(world, service, serial))
        check(found['record_generation'][0] == 'newer', found)
        service.act('retire', udid)
        check(facts(plan(world, service, serial))['service_record'] == ('retire_pending', 'service'))
        poll(world, ipad)
        check(facts(plan(world, service, serial))['service_record'] == ('deleted', 'service'))


@case('a plan that shall ask the service says where none answers')
def nobody(world):
    world.init()
    world.small('ipad', files=5)
    env = {'REHOME_MDM_URL': 'https://127.0.0.1:9', 'REHOME_MDM_TOKEN_FILE': str(world.secret('token', 'x'))}
    ipad = world.dir / 'ipad'
    mux = world.simulator(ipad)
    world.paired(mux, ipad)
    world.rehome('backup', world.udid(ipad), mux=mux)
    done = world.rehome('plan', 'latest', 'RHSIM0000000', '--record', env=env, code=None)
    check(done.code != 0 and '127.0.0.1:9' in done.messages and 'rehome serve' in done.messages, done.messages)


def listed(world, mux, *words, env=None):
    """`rehome devices --json`, by UDID."""
    return {row['udid']: row for row in world.rehome('devices', '--json', *words, mux=mux, env=env or {}).json()}


@case('a listing of devices tells what the service keeps of each, and does without the service')
def listing(world):
    ipad, stranger = world.small('ipad', '--os', '18.6', files=5), world.small('stranger', files=5, seed=2)
    udid, other = world.udid(ipad), world.udid(stranger)
    mux = world.simulator(ipad, stranger)
    world.paired(mux, ipad)
    before = world.rehome('devices', mux=mux).text
    check('THIS SERVICE' not in before and 'service' not in listed(world, mux)[udid], before)
    with serving(world) as service:
        named = asking(world, service)
        mux.stop()
        service.enroll(ipad)
        poll(world, ipad)
        mux = world.simulator(ipad, stranger)
        rows = listed(world, mux, env=named)
        told = rows[udid]['service']
        check(told['managed'] and told['record'] == 'active' and told['state'] == 'enabled', told)
        check(told['ownership'] == 'personal' and told['identity_end'].startswith('20'), told)
        check(rows[other]['service'] == {'managed': False, 'record': 'none', 'state': None, 'ownership': None,
                                         'last_contact': None, 'identity_end': None}, rows[other])
        text = world.rehome('devices', mux=mux, env=named).text
        line = next(line for line in text.splitlines() if udid in line)
        check('managed' in line and 'personal' in line and told['identity_end'] in line, text)
        check('not known' in next(line for line in text.splitlines() if other in line), text)
    # the service is gone: one line, and the listing as it was without it
    done = world.rehome('devices', mux=mux, env=named)
    check(done.text == world.rehome('devices', mux=mux).text, done.text)
    check(done.messages.count('\n') == 1 and service.url in done.messages, done.messages)
    check('service' not in listed(world, mux, env=named)[udid])


def corporate(world, service, ipad):
    """The service has it as a corporate, supervised device."""
    udid = world.udid(ipad)
    service.enroll(ipad)
    service.api('PATCH', f'/devices/{udid}', ownership='corporate')
    service.act('inventory', udid)
    poll(world, ipad)
    check(service.device(udid)['supervised'], service.device(udid))
    return udid


def audited(service, udid, action):
    return [row for row in service.api('GET', f'/audit?subject={udid}')['audit'] if row['action'] == action]


def no_secret(world, service, word, *outputs):
    """Neither a log nor a file nor anything printed has it."""
    texts = [done.text + done.messages for done in outputs] + [service.said()]
    check(all(word not in text for text in texts), 'the password was printed')
    for path in [*world.repo.rglob('*'), *service.data.rglob('*')]:
        check(not path.is_file() or word.encode() not in path.read_bytes(), f'the password lies in {path}')


@case('a backup password is set once in the service; encryption, backup and restore get it there, and each time is noted')
def password(world):
    ipad = world.small('ipad', '--supervised', '--os', '18.6', files=10)
    with serving(world) as service:
        named = asking(world, service)
        udid = corporate(world, service, ipad)
        mdm = ('mdm', 'device', 'backup-password')
        done = [world.rehome(*mdm, 'set', udid, env=named)]
        done.append(world.rehome(*mdm, 'set', udid, env=named, code=4))
        check('--replace' in done[1].messages, done[1].messages)
        asked = world.rehome(*mdm, 'show', udid, env=named, code=2)
        check('--yes' in asked.messages and not audited(service, udid, 'backup-password-get'), asked.messages)
        word = world.rehome(*mdm, 'show', udid, '--yes', env=named).text.strip()
        check(len(word) == 29 and word.count('-') == 4, 'no generated password')
        mux = world.simulator(ipad)
        world.paired(mux, ipad)
        world.init()
        done.append(world.rehome('encryption', 'on', udid, mux=mux, env=named))
        check('MDM service at' in done[-1].messages and world.facts(ipad)['will_encrypt'], done[-1].messages)
        done.append(world.rehome('backup', udid, '--json', mux=mux, env=named))
        check(done[-1].json()['checked'] and 'MDM service at' in done[-1].messages, done[-1].messages)
        count = len(audited(service, udid, 'backup-password-get'))
        check(count == 3, audited(service, udid, 'backup-password-get'))  # shown, encryption on, backup
        done.append(world.rehome('restore', 'latest', udid, '--yes', '--fact', 'reset=erased_locally', mux=mux, env=named))
        check(len(audited(service, udid, 'backup-password-get')) == count + 1, 'read more than once in a run')
        for words in (('verify', 'latest'), ('ls', 'latest'), ('show', 'latest')):
            done.append(world.rehome(*words, env=named))
        check('management   unknown' not in done[-1].text, done[-1].text)
        no_secret(world, service, word, *done)
        # what this repository knows as personal opens with what its owner gives
        count = len(audited(service, udid, 'backup-password-get'))
        world.rehome('ownership', 'set', udid, 'personal')
        world.rehome('ls', 'latest', env=named, code=1)
        check(len(audited(service, udid, 'backup-password-get')) == count, 'read for a personal device')
        world.rehome('ownership', 'set', udid, 'unknown')
        # without the service it opens with what a person gives, and with that alone
        world.rehome('ls', 'latest', code=1)
        world.rehome('ls', 'latest', '--device-password-file', world.secret('shown', word))
        # another one: what is older does not open with it, and that is told with where it is from
        world.rehome(*mdm, 'set', udid, '--replace', '--value-file', '-', env=named, input=b'quokka\n')
        wrong = world.rehome('ls', 'latest', env=named, code=1)
        check('kept by the MDM service' in wrong.messages and 'quokka' not in wrong.messages, wrong.messages)
    gone = world.rehome('ls', 'latest', env=named, code=1)
    check(service.url in gone.messages and '--device-password-file' in gone.messages, gone.messages)


@case('a backup password is kept of a corporate and supervised device only, and read by an operator at least')
def password_whose(world):
    ipad, plain = world.small('ipad', '--supervised', files=5), world.small('plain', files=5, seed=2)
    with serving(world) as service:
        named = asking(world, service)
        udid = corporate(world, service, ipad)
        service.enroll(plain)
        path = f'/devices/{udid}/secrets/backup-password'
        status, told = service.call('PUT', f'/devices/{world.udid(plain)}/secrets/backup-password', {'value': 'x'})
        check(status == 409 and 'not supervised' in told['error']['message'], told)
        world.rehome('mdm', 'device', 'backup-password', 'set', udid, '--value-file', world.secret('own', 'a word'), env=named)
        check(service.device(udid)['has_backup_password'], service.device(udid))
        for role, code in (('help_desk', 403), ('operator', 200)):
            token = service.api('POST', '/tokens', name=role, role=role)['token']
            check(service.ask_as(token, 'GET', f'/api/v1{path}')[0] == code, role)
        named['REHOME_MDM_TOKEN_FILE'] = str(world.secret('help', service.api('POST', '/tokens', name='h', role='help_desk')['token']))
        mux = world.simulator(ipad)
        world.paired(mux, ipad)
        refused = world.rehome('encryption', 'on', udid, mux=mux, env=named, code=1)
        check('does not give it' in refused.messages and 'operator' in refused.messages, refused.messages)
        check(not world.facts(ipad)['will_encrypt'])
        service.api('PATCH', f'/devices/{udid}', ownership='personal')
        status, told = service.call('GET', path)
        check(status == 409 and 'personal' in told['error']['message'], told)
        check(not service.device(udid)['has_backup_password'])


@case('a snapshot is bound to the enrollment and identity of then, and told what became of both')
def bound(world):
    ipad = world.small('ipad', '--os', '18.6', files=5)
    udid = world.udid(ipad)
    world.init()
    with serving(world) as service:
        named = asking(world, service)
        service.enroll(ipad)
        poll(world, ipad)
        current = next(one for one in service.enrollment(udid)['identities'] if one['state'] == 'current')
        mux = world.simulator(ipad)
        world.paired(mux, ipad)
        alone = world.rehome('backup', udid, mux=mux).text.strip()  # without the service
        said = world.rehome('backup', udid, '--full', '--json', mux=mux, env=named)
        noted, backed_up = said.json()['id'], time.time()
        mux.stop()
        check('enrollment\n  Service' in world.rehome('show', noted).text)
        check('enrollment\n' not in world.rehome('show', alone).text)
        check(world.rehome('show', alone, '--json').json()['enrollment'] is None)

        def shown(snapshot, env=named):
            return world.rehome('show', snapshot, '--json', env=env).json()['enrollment']

        for snapshot, origin in ((noted, 'backup'), (alone, 'record')):
            told = shown(snapshot)
            check(told['from'] == told['identity_from'] == origin and told['service'] == service.url, told)
            check(told['id'] == udid and told['generation'] == 1, told)
            check(told['identity_sha256'] == current['sha256'], (told, current))
            check(told['now'] == {'service': service.url, 'record': 'active', 'state': 'enabled', 'generation': 'same',
                                  'identity': 'current', 'identity_end': current['not_after']}, told)
        text = world.rehome('show', noted, env=named).text
        check('the same generation' in text and f'current, until {current["not_after"]}' in text, text)
        # another life: the identity of then has ended, and the note alone still knows its generation
        service.act('wipe', udid)
        poll(world, ipad)
        wait_for(lambda: time.time() > backed_up + 2)  # dates are told in seconds
        service.enroll(ipad)
        poll(world, ipad)
        told = shown(noted)
        check(told['generation'] == 1 and told['identity_sha256'] == current['sha256'], told)
        check(told['now']['generation'] == 'newer' and told['now']['identity'] == 'ended', told)
        check(shown(alone)['generation'] is None and shown(alone)['now']['generation'] == 'newer', shown(alone))
        service.act('delete', udid)
        poll(world, ipad)
        told = shown(noted)
        check(told['identity_sha256'] == current['sha256'] and told['now']['generation'] == 'none', told)
        check('a stranger to the service' in world.rehome('show', noted, env=named).text)
        check(shown(alone) is None)
    told = shown(noted)  # nobody answers: what was noted is told all the same
    check(told['id'] == udid and told['now'] is None, told)


@case('a device that another service manages is bound to no enrollment of this one')
def bound_elsewhere(world):
    ipad = world.small('ipad', files=5)
    udid = world.udid(ipad)
    world.init()
    with serving(world) as service:
        named = asking(world, service)
        service.enroll(ipad)
        poll(world, ipad)
        # erased by its person and enrolled elsewhere: the record knows nothing of it
        world.sim('erase', ipad)
        world.sim('setup', ipad)
        world.sim('enroll', ipad, 'other')
        check(service.enrollment(udid)['state'] == 'enabled')
        mux = world.simulator(ipad)
        world.paired(mux, ipad)
        world.rehome('backup', udid, mux=mux, env=named)
        check(world.rehome('show', 'latest', '--json').json()['enrollment'] is None)
        check(world.rehome('show', 'latest', '--json', env=named).json()['enrollment'] is None)
        text = world.rehome('show', 'latest', env=named).text
        check('the push topic of the backup is not its own' in text, text)
