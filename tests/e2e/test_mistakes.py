"""The likeliest mistakes of a new user: each message names the thing, the place and the next step, and has its status."""
from harness import case, check


def ends(done, *fragments):
    """The last thing said is one line that holds all @fragments."""
    lines = done.messages.strip().splitlines()
    check(lines, 'nothing was said')
    for fragment in fragments:
        check(fragment in done.messages, f'"{fragment}" is missing in: {done.messages}')


def tell_each(run, rows):
    for words, code, *fragments in rows:
        ends(run(*words, code=code), *fragments)


@case('a command line that makes no sense is told what does')
def usage(world):
    tell_each(world.rehome, [
        (('nonsense',), 2, 'nonsense', 'rehome help'),
        (('',), 2, 'rehome help'),
        (('help', 'nonsense'), 3, 'nonsense', 'rehome help'),
        (('backup', '--nonsense', 'x'), 2, '--nonsense', 'rehome help backup'),
        (('backup',), 2, 'rehome backup DEVICE'),
        (('devices', 'extra'), 2, 'too many', 'rehome devices'),
        (('export', 'latest'), 2, 'rehome export SNAPSHOT DIR'),
        (('snapshots', '--json=1'), 2, '--json'),
        (('snapshots', '--repo'), 2, '--repo', 'DIR'),
        (('snapshots', '--repo', ''), 2, 'path'),
        (('encryption', 'maybe', 'x'), 2, 'maybe', 'change'),
        (('restore', '--reboot', '--no-reboot', 'a', 'b'), 2, '--reboot', '--no-reboot'),
    ])


@case('repository and password mistakes name the file and what to do')
def repository(world):
    missing = world.dir / 'nowhere'
    empty = world.secret('empty', '')
    no_file = {'REHOME_PASSWORD_FILE': ''}
    ends(world.rehome('snapshots', code=3), str(world.repo), 'rehome init')
    # nobody is asked for the password of what is not there
    ends(world.rehome('snapshots', env=no_file, code=3), 'rehome init')
    ends(world.rehome('init', env=no_file, code=1), 'terminal', '--password-file')
    tell_each(world.rehome, [
        (('init', '--password-file', missing), 3, str(missing)),
        (('init', '--password-file', empty), 1, str(empty), 'empty'),
        (('init', '--password-file', world.dir), 1, str(world.dir), 'directory'),
        (('init', '--repo', empty), 1, str(empty)),
    ])
    world.init()
    ends(world.rehome('init', env=no_file, code=1), 'already')
    wrong = world.secret('wrong', 'not this one')
    tell_each(world.rehome, [
        (('init',), 1, str(world.repo), 'already'),
        (('snapshots', '--password-file', wrong), 1, str(world.repo), 'password'),
        (('show', 'latest'), 3, 'rehome backup'),
        (('snapshots', 'nobody'), 3, 'nobody', 'rehome snapshots'),
        (('snapshots',), 0, 'rehome backup'),
        (('show', 'abc'), 2, 'abc', 'latest'),
        (('show', 'abcdef'), 3, 'abcdef', 'rehome snapshots'),
        (('show', 'latest:nobody'), 3, 'nobody', 'rehome snapshots'),
        (('verify', missing), 3, str(missing)),
        (('verify', world.dir), 3, str(world.dir), 'Manifest.db'),
        (('import', missing), 3, str(missing)),
        (('import', world.dir), 3, str(world.dir), 'Manifest.db'),
    ])


@case('without a mux the message says where it was looked for')
def no_mux(world):
    for address in (f'UNIX:{world.dir}/nothing', '127.0.0.1:1', 'nonsense'):
        ends(world.rehome('devices', env={'USBMUXD_SOCKET_ADDRESS': address}, code=5), address,
             'USBMUXD_SOCKET_ADDRESS')


@case('device, path and folder mistakes name what was looked for and how to find what is there')
def devices(world):
    anna, ben = world.small('anna', '--name', "Anna's iPad", files=5), world.small('ben', files=5, seed=2)
    mux = world.simulator(anna, ben)
    udid = world.udid(anna)

    def rehome(*words, **more):
        return world.rehome(*words, mux=mux, **more)

    ends(rehome('backup', udid, code=3), 'rehome init')
    world.init()
    tell_each(rehome, [
        (('backup', 'nobody'), 3, 'nobody', 'rehome devices'),
        (('backup', ''), 3, 'rehome devices'),
        (('pair', '0000'), 2, '0000', '2 devices'),
        (('backup', "Anna's iPad"), 5, f'rehome pair {udid}'),
        (('encryption', 'on', udid), 1, 'terminal', '--new-device-password-file'),
    ])
    world.paired(mux, anna)
    domain = 'CameraRollDomain'
    world.rehome('backup', udid, mux=mux)
    full = world.dir / 'full'
    full.mkdir()
    (full / 'thing').write_text('x')
    tell_each(rehome, [
        (('ls', 'latest', 'NoDomain'), 3, 'NoDomain', 'rehome ls'),
        (('ls', 'latest', '/' + domain), 2, domain, 'DOMAIN/PATH'),
        (('cat', 'latest', domain), 2, domain),
        (('cat', 'latest', domain + '/no/such'), 3, domain + '/no/such', 'rehome ls'),
        (('extract', 'latest', 'NoDomain', '--to', world.dir / 'made'), 3, 'NoDomain'),
        (('extract', 'latest', '--to', full), 1, str(full), 'another folder'),
        (('extract', 'latest', '--to', ''), 2, 'folder'),
        (('export', 'latest', ''), 2, 'folder'),
        (('export', 'latest', full / 'thing'), 1, str(full / 'thing')),
        (('restore', 'latest', 'nobody'), 3, 'nobody', 'rehome devices'),
        (('restore', udid, 'latest'), 3, udid, 'rehome snapshots'),
        (('restore', 'latest', udid), 2, '--yes'),
    ])
    check(not (world.dir / 'made').exists(), 'a folder was made for nothing')
    world.rehome('export', 'latest', full)
    ends(world.rehome('export', 'latest', full, code=1), f'{full}/{udid}', 'not empty')


@case('the kept password follows the device, and a stale one is told as the kept one')
def kept_password(world):
    ipad = world.small('ipad', files=5)
    mux = world.simulator(ipad)
    udid = world.udid(ipad)
    first, second = world.secret('first', 'first one'), world.secret('second', 'second one')
    world.init()
    world.paired(mux, ipad)
    world.rehome('encryption', 'on', udid, '--new-device-password-file', first, '--keep', mux=mux)
    # neither the old password nor --keep: the kept one serves, and the new one takes its place
    changed = world.rehome('encryption', 'change', udid, '--new-device-password-file', second, mux=mux)
    check('keeps the new password' in changed.messages, changed.messages)
    world.rehome('backup', udid, mux=mux)
    world.rehome('ls', 'latest')
    world.tool(mux, 'idevicebackup2', '-u', udid, 'changepw', 'second one', 'third one', world.dir)
    world.rehome('backup', udid, mux=mux)
    ends(world.rehome('ls', 'latest', code=1), 'kept in the repository', '--device-password-file')
    third = world.secret('third', 'third one')
    off = world.rehome('encryption', 'off', udid, '--device-password-file', third, mux=mux)
    check('keeps no password' in off.messages, off.messages)
    ends(world.rehome('ls', 'latest', code=1), '--device-password-file')


@case('a device password is changed without any repository')
def no_repository(world):
    ipad = world.small('ipad', files=5)
    mux = world.simulator(ipad)
    world.paired(mux, ipad)
    password = world.secret('device', 'a device password')
    on = world.rehome('encryption', 'on', world.udid(ipad), '--device-password-file', password, mux=mux)
    check('repository' not in on.messages, on.messages)
    ends(world.rehome('encryption', 'on', world.udid(ipad), '--device-password-file', password, '--keep', mux=mux,
                      code=3), 'rehome init')


@case('mistakes at the simulator name the option, the folder or the socket')
def simulator(world):
    ipad = world.small('ipad', files=5)
    missing, plain = world.dir / 'nowhere', world.secret('plain', 'x')
    sock, long = world.dir / 'sock', '/tmp/' + 'x' * 200
    new = ('new', world.dir / 'other')
    tell_each(world.sim, [
        (('nonsense',), 2, 'nonsense', 'usage'),
        (('new',), 2, 'new --help'),
        ((*new, '--nonsense'), 2, '--nonsense', 'new --help'),
        ((*new, '--seed'), 2, '--seed', 'new --help'),
        ((*new, '--seed', 'x'), 2, '--seed x'),
        ((*new, '--profile', 'Q'), 2, 'Q', 'fresh'),
        ((*new, '--now', 'yesterday'), 2, 'yesterday', '2026-11-01T08:00:00Z'),
        ((*new, '--now', '2026-13-01T00:00:00Z'), 2, '2026-13-01'),
        ((*new, '--os', 'new'), 2, '--os new', '18.6'),
        ((*new, '--name', ''), 2, '--name'),
        ((*new, '--serial', 'ABC'), 4, 'ABC', 'RHSIM'),
        ((*new, '--files', '3', '--profile', 'S'), 2, '--files', '--profile'),
        ((*new, '--fault', 'nonsense'), 2, 'nonsense', 'cut'),
        ((*new, '--fault', 'cut:bytes=x'), 2, 'cut:bytes=N'),
        ((*new, '--from', missing), 3, str(missing)),
        ((*new, '--from', world.dir), 6, 'Manifest.db'),
        ((*new, '--device-password-file', plain), 2, '--from'),
        ((*new, '--backup-password-file', missing), 3, str(missing)),
        (('new', ipad), 1, str(ipad), 'not empty'),
        (('show', missing), 3, str(missing), 'rehome-sim new'),
        (('cat', ipad, 'nothing'), 2, 'DOMAIN/PATH'),
        (('cat', ipad, 'HomeDomain/nothing'), 3, 'HomeDomain/nothing'),
        (('age', ipad), 2, '--days N'),
        (('age', ipad, '--days'), 2, '--days', 'age --help'),
        (('age', ipad, '--days', 'x'), 2, '--days x'),
        (('age', missing, '--days', '1'), 3, str(missing)),
        (('person', ipad, 'dance'), 2, 'dance', 'trust'),
        (('person', missing, 'trust'), 3, str(missing)),
        (('scenario', '--nonsense'), 2, '--nonsense', 'scenario --help'),
        (('run',), 2, 'run --help'),
        (('run', ipad), 2, '--socket', '--tcp'),
        (('run', '--nonsense', ipad), 2, '--nonsense', 'run --help'),
        (('run', '--socket', sock, missing), 3, str(missing)),
        (('run', '--socket', sock, ipad, f'{world.dir}/./ipad'), 2, 'ipad', 'twice'),
        (('run', '--socket', sock, '--host-records', plain, ipad), 2, '--host-records', str(plain)),
        (('run', '--socket', plain, ipad), 1, str(plain), 'no socket'),
        (('run', '--socket', world.dir / 'no' / 'sock', ipad), 3, '/no/sock'),
        (('run', '--socket', long, ipad), 2, '107'),
        (('run', '--tcp', '8000', ipad), 2, '8000', '127.0.0.1:PORT'),
        (('run', '--tcp', '127.0.0.1', ipad), 2, '127.0.0.1:PORT'),
        (('run', '--tcp', '127.0.0.1:x', ipad), 2, '127.0.0.1:x'),
        (('run', '--tcp', '0.0.0.0:0', ipad), 4, '0.0.0.0', 'loopback'),
        (('run', '--socket', sock, '--tls', '9', ipad), 2, '9', '1.3'),
        (('run', '--socket', sock, '--log', missing / 'log', ipad), 3, str(missing / 'log')),
    ])
    mux = world.simulator(ipad)
    ends(world.sim('run', '--socket', mux.path, ipad, code=1), str(mux.path), 'listens')
    check(mux.path.exists(), 'a refused simulator removed the socket of the one that runs')
    mux.stop()
    check(not mux.path.exists(), 'the socket stayed behind')
