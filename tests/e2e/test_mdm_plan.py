"""The two halves meet: what the service keeps of a device goes into the plan of its restore."""
import time

from harness import case, check
from mdm_service import enroll, poll, serving, until


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
        enroll(world, service, ipad)
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
        until(lambda: time.time() > backed_up + 2, world)  # dates are told in seconds
        enroll(world, service, ipad)
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
        enroll(world, service, ipad)
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
