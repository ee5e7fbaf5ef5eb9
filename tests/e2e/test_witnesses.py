"""Debian's libimobiledevice tools, unmodified, against simulated devices: they decide what is right."""
import plistlib

from harness import case, check, same, tree


def over(world, mux):
    """The same tool over the Unix socket and over TCP."""
    return [lambda *words, **more: world.tool(mux, *words, **more),
            lambda *words, **more: world.tool(mux, *words, tcp=True, **more)]


@case('idevice_id, ideviceinfo and idevicename see the device over Unix socket and TCP')
def facts(world):
    ipad = world.small('ipad', '--name', 'Lab iPad', '--os', '18.6', '--product', 'iPad13,18', files=5)
    mux = world.simulator(ipad, tcp=True)
    udid = world.udid(ipad)
    world.person(ipad, 'trust')
    world.tool(mux, 'idevicepair', '-u', udid, 'pair')
    for tool in over(world, mux):
        check(tool('idevice_id', '-l').text.split() == [udid], 'idevice_id -l')
        plain = dict(line.split(': ', 1) for line in tool('ideviceinfo', '-u', udid).text.splitlines() if ': ' in line)
        check(plain['UniqueDeviceID'] == udid and plain['ProductVersion'] == '18.6', plain)
        check(plain['ProductType'] == 'iPad13,18' and plain['SerialNumber'] == world.facts(ipad)['serial'], plain)
        backup = tool('ideviceinfo', '-u', udid, '-q', 'com.apple.mobile.backup').text
        check('WillEncrypt: false' in backup, backup)
        check(tool('ideviceinfo', '-u', udid, '-k', 'DeviceName').text.strip() == 'Lab iPad')
        check(tool('idevicename', '-u', udid).text.strip() == 'Lab iPad')


@case('idevicepair pairs only after the person answered, validates and unpairs')
def pairing(world):
    ipad = world.small('ipad', files=5)
    mux = world.simulator(ipad, tcp=True)
    udid = world.udid(ipad)
    pending = world.tool(mux, 'idevicepair', '-u', udid, 'pair', code=None)
    check(pending.code != 0 and 'trust dialog' in pending.text + pending.messages, pending.text)
    world.person(ipad, 'deny')
    denied = world.tool(mux, 'idevicepair', '-u', udid, 'pair', code=None)
    check(denied.code != 0 and 'denied' in denied.text + denied.messages, denied.text)
    world.person(ipad, 'trust')
    check('SUCCESS' in world.tool(mux, 'idevicepair', '-u', udid, 'pair').text)
    for tool in over(world, mux):
        check('SUCCESS' in tool('idevicepair', '-u', udid, 'validate').text)
    check('SUCCESS' in world.tool(mux, 'idevicepair', '-u', udid, 'unpair').text)
    gone = world.tool(mux, 'idevicepair', '-u', udid, 'validate', code=None)
    check(gone.code != 0, 'an unpaired host still validates')


def back_up(world, mux, udid, into, *options, code=0, **more):
    into.mkdir(exist_ok=True)
    return world.tool(mux, 'idevicebackup2', '-u', udid, 'backup', *options, into, code=code, **more)


@case('idevicebackup2 backs up in full and again, and restores to the same and to another device')
def backup_and_restore(world):
    ipad, other = world.small('ipad', files=200), world.small('other', files=20, seed=2)
    mux = world.simulator(ipad, other, tcp=True)
    udid, other_udid = world.udid(ipad), world.udid(other)
    for device in (ipad, other):
        world.person(device, 'trust')
        world.tool(mux, 'idevicepair', '-u', world.udid(device), 'pair')
    folder = world.dir / 'theirs'
    check('Backup Successful' in back_up(world, mux, udid, folder, '--full').text)
    full = tree(folder / udid)
    world.sim('age', ipad, '--days', '2')
    again = back_up(world, mux, udid, folder, tcp=True)
    check('Backup Successful' in again.text, again.text[-300:])
    check(again.text.count('Receiving files') < 400, 'nothing was incremental')
    check(full != tree(folder / udid))
    world.rehome('verify', folder / udid)
    for target in (udid, other_udid):
        done = world.tool(mux, 'idevicebackup2', '-u', target, '-s', udid, 'restore', '--system', '--settings', folder)
        check('Restore Successful' in done.text, done.text[-500:])
    check(world.digest(ipad) == world.digest(other), 'restored content differs')


@case('idevicebackup2 turns encryption on, changes the password and turns it off; a wrong one is refused')
def encryption(world):
    ipad = world.small('ipad', files=60)
    mux = world.simulator(ipad, tcp=True)
    udid = world.udid(ipad)
    world.person(ipad, 'trust')
    world.tool(mux, 'idevicepair', '-u', udid, 'pair')
    folder = world.dir / 'theirs'
    folder.mkdir()

    # version 1.3.0 takes passwords from its arguments alone
    def switch(*words, code=0):
        return world.tool(mux, 'idevicebackup2', '-u', udid, *words, folder, code=code)

    switch('encryption', 'on', 'eins')
    check('WillEncrypt: true' in world.tool(mux, 'ideviceinfo', '-u', udid, '-q', 'com.apple.mobile.backup').text)
    back_up(world, mux, udid, folder, '--full')
    world.rehome('--device-password-file', world.secret('one', 'eins'), 'verify', folder / udid)
    refused = switch('changepw', 'falsch', 'zwei', code=None)
    check(refused.code != 0 and 'password' in (refused.text + refused.messages).lower(), refused.text)
    switch('changepw', 'eins', 'zwei')
    back_up(world, mux, udid, folder)
    world.rehome('--device-password-file', world.secret('two', 'zwei'), 'verify', folder / udid)
    wrong = world.tool(mux, 'idevicebackup2', '-u', udid, 'restore', '--system', '--password', 'falsch', folder, code=None)
    check(wrong.code == -207 & 255, f'exit {wrong.code}')
    right = world.tool(mux, 'idevicebackup2', '-u', udid, 'restore', '--system', '--settings', '--password', 'zwei', folder)
    check('Restore Successful' in right.text)
    switch('encryption', 'off', 'zwei')
    check('WillEncrypt: false' in world.tool(mux, 'ideviceinfo', '-u', udid, '-q', 'com.apple.mobile.backup').text)


@case('info and list are answered with text by an old device and with an error by a new one')
def info_and_list(world):
    ipad = world.small('ipad', files=10)
    folder = world.dir / 'theirs'
    for extra, succeeds in (((), False), (('--old-behaviour',), True)):
        mux = world.simulator(ipad, extra=extra, tcp=True)
        udid = world.udid(ipad)
        world.person(ipad, 'trust')
        world.tool(mux, 'idevicepair', '-u', udid, 'pair')
        back_up(world, mux, udid, folder, '--full')
        for word in ('info', 'list'):
            done = world.tool(mux, 'idevicebackup2', '-u', udid, word, folder, code=None)
            if succeeds:
                check(done.code == 0, f'{word}: exit {done.code}')
                check('Manifest' in done.text or udid in done.text or 'Domain' in done.text, done.text[-400:])
            else:
                check(done.code != 0, f'{word} against a new device ended with 0')
                check('rror' in done.text + done.messages, done.text[-400:])
        mux.stop()


@case('plistutil and plistlib read every property list that a backup holds')
def property_lists(world):
    ipad = world.small('ipad', '--backup-password-file', world.secret('device', 'x y z'), files=20)
    mux = world.simulator(ipad, tcp=True)
    world.init()
    world.paired(mux, ipad)
    snapshot = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
    world.rehome('export', snapshot, world.dir / 'out')
    folder = world.dir / 'out' / world.udid(ipad)
    for name in ('Info.plist', 'Manifest.plist', 'Status.plist'):
        text = world.run(['plistutil', '-i', folder / name, '-f', 'xml']).out
        check(plistlib.loads(text).keys() == plistlib.loads((folder / name).read_bytes()).keys(), name)
    check(plistlib.loads((folder / 'Manifest.plist').read_bytes())['IsEncrypted'] is True)
    check(plistlib.loads((folder / 'Info.plist').read_bytes())['Unique Identifier'] == world.udid(ipad).upper())


@case('an export is the same for sqlite3, and the content is what its manifest says')
def databases(world):
    ipad = world.small('ipad', files=100)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    world.rehome('export', world.rehome('backup', world.udid(ipad), mux=mux).text.strip(), world.dir / 'out')
    folder = world.dir / 'out' / world.udid(ipad)
    before = tree(folder)
    uri = f'file:{folder}/Manifest.db?immutable=1'
    check(world.run(['sqlite3', uri, 'PRAGMA integrity_check']).text.strip() == 'ok')
    rows = world.run(['sqlite3', uri, 'SELECT fileID FROM Files WHERE flags = 1']).text.split()
    check(len(rows) >= 100 and all((folder / name[:2] / name).is_file() for name in rows), 'a content file is missing')
    same(before, tree(folder), 'reading changed the folder')
