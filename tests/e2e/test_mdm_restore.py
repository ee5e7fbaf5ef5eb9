"""What a restore does to an enrollment, with a real service, a real backup and Debian's unmodified tools."""
from harness import case, check
from serving import poll, serving, wait_for

PASSWORD = 'a backup password'


def pair(world, mux, device):
    world.person(device, 'trust')
    world.tool(mux, 'idevicepair', '-u', world.udid(device), 'pair')


def born(world, *options):
    return world.small('ipad', '--os', '18.6', '--backup-password-file', world.secret('device', PASSWORD), *options, files=10)


def back_up(world, ipad):
    folder = world.dir / 'theirs'
    folder.mkdir(exist_ok=True)
    mux = world.simulator(ipad)
    pair(world, mux, ipad)
    world.tool(mux, 'idevicebackup2', '-u', world.udid(ipad), 'backup', '--full', folder)
    mux.stop()
    return folder


def restore(world, ipad, folder, source=None):
    """At Apps & Data of an erased device; then to the home screen, where it speaks. What `setup` printed."""
    check(world.sim('setup', ipad, '--until', 'apps-and-data').text.strip() == 'apps-and-data')
    mux = world.simulator(ipad)
    pair(world, mux, ipad)
    more = ('--source', source) if source else ()
    done = world.tool(mux, 'idevicebackup2', '-u', world.udid(ipad), *more, 'restore', '--system', '--settings', '--password',
                      PASSWORD, folder)
    check('Restore Successful' in done.text, done.text[-500:])
    mux.stop()
    return world.sim('setup', ipad).text.split('\n')


def identity(world, ipad):
    return world.sim('mdm', ipad, 'show', '--json').json()


@case('a device restored with its present identity goes on, with a new push token, and the service notices')
def current(world):
    ipad = born(world)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        poll(world, ipad)
        before = identity(world, ipad)
        folder = back_up(world, ipad)
        world.person(ipad, 'erase')
        poll(world, ipad, code=3)
        wipe = service.send(udid, 'EraseDevice')
        check(restore(world, ipad, folder)[:2] == ['home', 'accepted, stays'])
        after = identity(world, ipad)
        check(after['certificate_sha256'] == before['certificate_sha256'])
        check(after['push_magic'] == before['push_magic'] and after['push_token'] != before['push_token'])
        record = service.enrollment(udid)
        check(record['restore'] == 'noticed' and record['generation'] == 1 and record['state'] == 'enabled', record)
        # what would destroy it is held until an operator has looked
        check(service.result(udid, wipe)['state'] == 'held', service.result(udid, wipe))
        check(not poll(world, ipad)['erased'])
        service.act('confirm', udid)
        check(poll(world, ipad)['erased'])


@case('a backup older than the last renewal brings the superseded identity, and the service takes it back')
def superseded(world):
    ipad = born(world)
    udid = world.udid(ipad)
    # an identity that is due for renewal from its first day
    with serving(world, '--certificate-days', '365', '--renew-days', '400') as service:
        service.enroll(ipad)
        before = identity(world, ipad)['certificate_sha256']
        folder = back_up(world, ipad)
        service.stop()  # it looks for what is due once a minute, and at its start
        service.start()
        wait_for(lambda: poll(world, ipad) and identity(world, ipad)['certificate_sha256'] != before, 90)
        check(service.enrollment(udid)['generation'] == 1, 'a renewal is no new life')
        world.person(ipad, 'erase')
        check(restore(world, ipad, folder)[:2] == ['home', 'accepted, stays'])
        record = service.enrollment(udid)
        check(record['restore'] == 'noticed' and record['generation'] == 1, record)
        check(poll(world, ipad)['status'] == 200)


@case('an identity of an earlier life is refused without being unenrolled; a profile enrolls the device again')
def ended(world):
    ipad = born(world)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        folder = back_up(world, ipad)
        world.person(ipad, 'erase', 'finish-setup')
        service.enroll(ipad)
        check(service.enrollment(udid)['generation'] == 2)
        world.person(ipad, 'erase')
        check(restore(world, ipad, folder)[:2] == ['home', 'refused, stays'])
        check(world.sim('contact', ipad).text.strip() == 'refused, stays')
        seen = world.facts(ipad)  # only a call finds out what the service says
        check(seen['next_contact'] == 'not_asked' and 'management_is_stale' not in seen and 'then' not in seen, seen)
        check(world.facts(ipad)['management'] != 'none', 'nobody but an operator ends an enrollment')
        service.enroll(ipad)
        check(poll(world, ipad)['status'] == 200 and service.enrollment(udid)['generation'] == 3)


@case('a device that the service wiped, restored from its own backup, is refused until it enrolls again')
def wiped(world):
    ipad = born(world)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        poll(world, ipad)
        folder = back_up(world, ipad)
        service.act('wipe', udid)
        check(poll(world, ipad)['erased'])
        check(service.device(udid)['record'] == 'wiped', service.device(udid))
        check(restore(world, ipad, folder)[:2] == ['home', 'refused, stays'])
        service.enroll(ipad)
        check(service.device(udid)['record'] == 'active' and poll(world, ipad)['status'] == 200)


@case('a device whose record was deleted is told so, and only then leaves')
def deleted(world):
    ipad = born(world)
    udid = world.udid(ipad)
    with serving(world) as service:
        service.enroll(ipad)
        poll(world, ipad)
        folder = back_up(world, ipad)
        world.person(ipad, 'erase')
        service.act('delete', udid)
        said = restore(world, ipad, folder)
        # it is heard once more, so that its own profile goes, too: the operator's word
        check(said[:2] == ['home', 'accepted, retired'], said)
        check(world.facts(ipad)['management'] == 'none')


@case('another device gets the content of the backup and no management')
def other_device(world):
    ipad = born(world)
    with serving(world) as service:
        service.enroll(ipad)
        folder = back_up(world, ipad)
        other = world.small('other', '--os', '18.6', files=1, seed=9)
        world.person(other, 'erase')
        check(restore(world, other, folder, source=world.udid(ipad)) == ['home', ''], 'it spoke with the service')
        check(world.facts(other)['management'] == 'none')
        check(world.sim('mdm', other, 'poll', code=3).messages)


@case('another vendor\'s enrollment in the backup refuses ours with 12012, until the person removes it')
def other_vendor(world):
    ipad = born(world, '--managed-by', 'other', '--enrolled', 'profile')
    with serving(world) as service:
        folder = back_up(world, ipad)
        world.person(ipad, 'erase')
        restore(world, ipad, folder)
        check(world.facts(ipad)['management'] == 'other')
        refused = world.sim('mdm', ipad, 'install-profile', service.link(), '--ca', service.ca, code=4)
        check('Profile Installation Failed (4001) The new MDM payload does not match the old payload. (12012)'
              in refused.messages, refused.messages)
        world.sim('unmanage', ipad)
        service.enroll(ipad)
        check(poll(world, ipad)['status'] == 200)
