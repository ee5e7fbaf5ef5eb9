"""The main job as a user meets it: pair, back up, look, export, restore; and what it says when it cannot."""
import json
import os

from harness import case, check, same, tree


@case('a device is paired, backed up twice, listed, exported, verified and restored to another')
def main_job(world):
    ipad = world.small('ipad', '--name', "Anna's iPad")
    other = world.small('other', seed=2, files=10)
    mux = world.simulator(ipad, other)
    world.init()
    world.paired(mux, ipad)
    world.paired(mux, other)

    devices = world.rehome('--json', 'devices', mux=mux).json()
    check({d['udid'] for d in devices} == {world.udid(ipad), world.udid(other)}, devices)

    by_udid, by_serial = (json.loads(world.rehome('pair', next(d[key] for d in devices if d['name'] == "Anna's iPad"), '--json',
                                                  mux=mux).text) for key in ('udid', 'serial'))
    check(by_udid == by_serial, 'a serial number finds another device than its UDID')
    first = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
    check(len(first) == 16, f'not a snapshot id: {first}')
    world.sim('age', ipad, '--days', '1')
    second = world.rehome('--json', 'backup', world.udid(ipad), mux=mux).json()
    check(second['parent'] == first, second)
    check(second['received_bytes'] < second['bytes'], 'the second run was no incremental one')

    listed = world.rehome('--json', 'snapshots').json()
    check([s['id'] for s in listed] == [first, second['id']], listed)
    for key in ('id', 'device', 'serial', 'name', 'os', 'time', 'files', 'bytes', 'encrypted', 'managed'):
        check(key in listed[0], f'snapshots --json lacks {key}')
    check(listed[0]['name'] == "Anna's iPad" and listed[0]['encrypted'] is False)

    shown = world.rehome('show', second['id']).text
    check('Managed' in shown and 'unknown' in shown, shown)

    world.rehome('export', second['id'], world.dir / 'out')
    folder = world.dir / 'out' / world.udid(ipad)
    check((folder / 'Manifest.db').is_file())
    world.rehome('verify', folder)
    world.rehome('verify', second['id'])
    world.rehome('check', '--data')

    world.rehome('restore', second['id'], world.udid(other), '--yes', '--system', '--settings', mux=mux)
    check(world.digest(ipad) == world.digest(other), 'the restored device holds other content')


@case('ls, cat and extract show what the device holds, plain and encrypted')
def browse(world):
    for name, options in (('plain', ()), ('locked', ('--backup-password-file', world.secret('device', 'geheim')))):
        ipad = world.small(name, *options, files=60)
        mux = world.simulator(ipad)
        repo = world.dir / f'repo-{name}'
        world.init(repo)
        world.paired(mux, ipad)
        snapshot = world.rehome('backup', world.udid(ipad), mux=mux, repo=repo).text.strip()
        password = ('--device-password-file', world.secret('device', 'geheim')) if options else ()
        listed = world.rehome(*password, '--json', 'ls', '-R', snapshot, repo=repo).json()
        files = [entry for entry in listed if entry['type'] == 'file']
        check(len(files) >= 60, f'{len(files)} files listed')
        for entry in world.random.sample(files, 5):
            ours = world.rehome(*password, 'cat', snapshot, f'{entry["domain"]}/{entry["path"]}', repo=repo).out
            theirs = world.sim('cat', ipad, f'{entry["domain"]}/{entry["path"]}').out
            check(ours == theirs, f'{entry["path"]} differs')
            check(len(ours) == entry['bytes'], f'{entry["path"]}: size {entry["bytes"]}, real {len(ours)}')
        world.rehome(*password, 'extract', snapshot, '--to', world.dir / f'out-{name}', repo=repo)
        found = [path for path in (world.dir / f'out-{name}').rglob('*') if path.is_file()]
        check(len(found) == len(files), f'{len(found)} extracted of {len(files)}')
        folder = world.dir / f'folder-{name}'
        world.rehome('export', snapshot, folder, repo=repo)
        same({'ls': world.rehome('--json', *password, 'ls', '-R', snapshot, repo=repo).out},
             {'ls': world.rehome('--json', *password, 'ls', '-R', folder, repo=world.dir / 'none').out}, 'a folder')
        check(world.rehome(*password, 'cat', folder, f'{entry["domain"]}/{entry["path"]}', repo=world.dir / 'none').out
              == ours, 'cat from a folder')
        if options:
            world.rehome('--device-password-file', world.secret('wrong', 'falsch'), 'ls', snapshot, repo=repo, code=1)
            locked = world.rehome('ls', folder, repo=world.dir / 'none', code=1)
            check('--device-password-file' in locked.messages, locked.messages)
        mux.stop()


@case('export, import and export again give the same bytes, Info.plist included')
def there_and_back(world):
    ipad = world.small('ipad', files=80)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    first = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
    world.rehome('export', first, world.dir / 'a')
    world.init(world.dir / 'repo2')
    again = world.rehome('import', world.dir / 'a', repo=world.dir / 'repo2').text.strip().split()[-1]
    world.rehome('export', again, world.dir / 'b', repo=world.dir / 'repo2')
    same(tree(world.dir / 'a'), tree(world.dir / 'b'), 'two exports')


@case('each likely mistake has its own exit status and a message with a next step')
def mistakes(world):
    ipad = world.small('ipad', files=5)
    mux = world.simulator(ipad)
    udid = world.udid(ipad)
    check('rehome init' in world.rehome('snapshots', code=3).messages, 'no repository: the next step is missing')
    world.init()
    world.rehome('init', code=1)
    world.rehome('nonsense', code=2)
    world.rehome('backup', code=2)
    world.rehome('backup', '--nonsense', udid, mux=mux, code=2)
    world.rehome('backup', 'no-such-device', mux=mux, code=3)
    not_paired = world.rehome('backup', udid, mux=mux, code=5)
    check('rehome pair' in not_paired.messages, not_paired.messages)
    world.rehome('show', 'ffffffffffffffff', code=3)
    world.rehome('verify', world.dir / 'nowhere', code=3)
    (world.dir / 'full').mkdir()
    (world.dir / 'full' / 'thing').write_text('x')
    world.rehome('init', repo=world.dir / 'full', code=1)
    wrong = world.rehome('snapshots', env={'REHOME_PASSWORD_FILE': str(world.secret('no', 'wrong one'))}, code=None)
    check(wrong.code != 0 and 'does not open' in wrong.messages, wrong.messages)
    check('wrong one' not in wrong.messages, 'a secret was printed')


@case('a damaged snapshot file is found, named, and other snapshots still read')
def damage(world):
    ipad = world.small('ipad', files=50)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    world.rehome('backup', world.udid(ipad), mux=mux)
    packs = sorted((p for p in world.repo.rglob('*') if p.is_file()), key=lambda p: p.stat().st_size)
    with open(packs[-1], 'r+b') as pack:
        pack.seek(packs[-1].stat().st_size // 2)
        byte = pack.read(1)
        pack.seek(-1, os.SEEK_CUR)
        pack.write(bytes([byte[0] ^ 0x40]))
    found = world.rehome('check', '--data', code=6)
    check(packs[-1].name[:8] in found.text + found.messages, 'the damaged file is not named')


@case('passcode, passwords and forced encryption each have their own words')
def states(world):
    ipad = world.small('ipad', '--passcode', '--os', '18.6', files=20)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    old, new = world.secret('old', 'first one'), world.secret('new', 'second one')
    udid = world.udid(ipad)
    with world.passcode_entered(ipad):
        done = world.rehome('backup', udid, mux=mux)
        check('passcode' in done.messages, 'the wait for the passcode is not shown')
        world.rehome('encryption', 'on', udid, '--new-device-password-file', old, mux=mux)
        check(world.facts(ipad)['will_encrypt'] is True)
        wrong = world.rehome('--device-password-file', new, 'encryption', 'off', udid, mux=mux, code=None)
        check(wrong.code in (1, 5) and 'password' in wrong.messages, wrong.messages)
        world.rehome('--device-password-file', old, 'encryption', 'change', udid, '--new-device-password-file', new, mux=mux)
        snapshot = world.rehome('backup', udid, mux=mux).text.strip()
        world.rehome('--device-password-file', new, 'verify', snapshot)
        world.rehome('--device-password-file', new, 'encryption', 'off', udid, mux=mux)
        check(world.facts(ipad)['will_encrypt'] is False)


@case('a file that the device cannot deliver is named, the run is no success, and the next one brings it')
def undelivered(world):
    ipad = world.small('ipad', files=20)
    mux = world.simulator(ipad, extra=('--fault', 'file-error:nth=5'))
    world.init()
    world.paired(mux, ipad)
    udid = world.udid(ipad)
    run = world.rehome('--quiet', 'backup', udid, mux=mux, code=5)
    first = run.text.strip()
    for words in ('could not deliver', 'Operation not permitted', 'no success', first, 'Next:'):
        check(words in run.messages, f'"{words}" is not said: {run.messages}')
    listed = world.rehome('--json', 'snapshots').json()
    check([(s['id'], s['problems']) for s in listed] == [(first, 1)], listed)
    check('1 while it was made' in world.rehome('show', first).text)
    world.rehome('verify', first)
    again = world.rehome('--json', 'backup', udid, mux=mux).json()
    check(again['problems'] == 0 and again['files'] == listed[0]['files'] + 1, again)


@case('secrets appear in no output, log or file outside the vault')
def secrets(world):
    password = world.secret('device', 'Tr0ub4dor-unseen')
    ipad = world.small('ipad', '--backup-password-file', password, files=20)
    mux = world.simulator(ipad, extra=('--log', world.dir / 'messages.log'))
    world.init()
    world.paired(mux, ipad)
    outputs = [world.rehome('--device-password-file', password, 'backup', world.udid(ipad), mux=mux)]
    outputs.append(world.rehome('--device-password-file', password, '--json', 'ls', '-R', outputs[0].text.strip()))
    for done in outputs:
        check(b'Tr0ub4dor' not in done.out + done.err, 'a device password was printed')
    for path in [world.dir / 'messages.log', *world.repo.rglob('*'), *ipad.rglob('*')]:
        if path.is_file():
            check(b'Tr0ub4dor' not in path.read_bytes(), f'a device password lies in {path.name}')
    json.loads(outputs[1].out)
