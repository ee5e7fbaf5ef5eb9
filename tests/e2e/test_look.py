"""Looking into backups: extract, diff, verify and mount, on snapshots and on any folder."""
import csv
import errno
import io
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import threading
import time

from harness import Skip, case, check, same, tree

PASSPHRASE = 'Synthetic-Backup-1'
CP = 'SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles'


def own(world, form):
    """A copy of the project's own backup that a test may damage."""
    folder = world.dir / f'own-{form}-{len(list(world.dir.glob("own-*")))}'
    shutil.copytree(world.own('synthetic-ios-backup') / form, folder)
    return folder


def content(folder, file_id):
    return next(folder.rglob(file_id))


def look(world, *words, **more):
    password = ('--device-password-file', world.secret('synthetic', PASSPHRASE))
    return world.rehome(*password, *words, repo=world.dir / 'none', **more)


@case('extract restores modes, dates and extended attributes where asked')
def metadata(world):
    folder = own(world, 'encrypted')
    look(world, 'extract', folder, '--to', world.dir / 'bare')
    report = look(world, '--json', 'extract', folder, '--to', world.dir / 'dressed', '--metadata', '--xattrs').json()
    same(tree(world.dir / 'bare'), tree(world.dir / 'dressed'), 'contents do not depend on what else is kept')
    photo = world.dir / 'dressed' / 'CameraRollDomain/Media/DCIM/100APPLE/IMG_0001.JPG'
    listed = {f'{e["domain"]}/{e["path"]}'.rstrip('/'): e for e in look(world, '--json', 'ls', '-R', folder).json()}
    moments = {name: os.stat(world.dir / 'dressed' / name).st_mtime for name, e in listed.items() if e['type'] != 'link'}
    check(len(moments) == 45, len(moments))
    check(all(moment % 60 == int(listed[name]['modified'][17:19]) for name, moment in moments.items()), moments)
    check(stat.S_IMODE(os.stat(photo).st_mode) == 0o644, 'the mode of the record')
    bare = world.dir / 'bare' / photo.relative_to(world.dir / 'dressed')
    check(stat.S_IMODE(os.stat(bare).st_mode) == 0o600 and os.stat(bare).st_mtime == os.stat(photo).st_mtime, 'a bare one')
    check(report['attributes'] + report['attributes_lost'] == 2, report)
    if report['attributes']:
        check(sorted(os.listxattr(photo)) == ['user.com.apple.assetsd.favorite',
                                              'user.com.apple.assetsd.originalFilename'], os.listxattr(photo))


@case('extract picks by domain, path pattern and app, and lists what became of each')
def picks(world):
    folder = own(world, 'plain')
    rows = list(csv.DictReader(io.StringIO(look(world, 'extract', folder, '--to', world.dir / 'a', '--list', 'csv',
                                                '--match', '*.plist', '--match', '*/sms.db').text)))
    made = {f'{row["domain"]}/{row["path"]}' for row in rows if row['result'] == 'written'}
    check(made == set(tree(world.dir / 'a')) and len(made) == 16, sorted(made))
    check(all(name.endswith(('.plist', '/sms.db')) for name in made), made)
    items = look(world, 'extract', folder, 'HomeDomain/Library', '--to', world.dir / 'b', '--list', 'json',
                 '--match', '*CallHistory*').json()
    check([e['path'] for e in items if e['type'] == 'file'] ==
          ['Library/CallHistoryDB/CallHistory.storedata', 'Library/CallHistoryDB/CallHistory.storedata-wal'], items)
    report = look(world, '--json', 'extract', folder, '--to', world.dir / 'c', '--app', 'com.example.notes').json()
    check(report['files'] == 2 and set(os.listdir(world.dir / 'c')) == {'AppDomain-com.example.notes'}, report)
    nothing = look(world, 'extract', folder, '--to', world.dir / 'd', '--app', 'com.example', code=3)
    check('nothing in this backup' in nothing.messages and not (world.dir / 'd').exists(), nothing.messages)
    look(world, '--json', 'extract', folder, '--list', 'csv', code=2)
    look(world, 'extract', folder, '--list', 'xml', code=2)


@case('extract goes on without what is missing or damaged, names it, and ends with 6')
def left_out(world):
    folder = own(world, 'encrypted')
    listed = {e['path']: e for e in look(world, '--json', 'ls', '-R', folder).json()}
    content(folder, listed['Library/SMS/sms.db']['file_id']).unlink()
    photo = content(folder, listed['Media/DCIM/100APPLE/IMG_0001.JPG']['file_id'])
    photo.write_bytes(photo.read_bytes()[:-16])
    done = look(world, '--json', 'extract', folder, '--to', world.dir / 'out', code=6)
    report = done.json()
    check(report['files'] == 21 and report['doubtful'] == 1, report)
    check(report['left_out'] == {'link': 1, 'name': 0, 'missing': 1, 'damaged': 0, 'rows': 0}, report)
    check('missing: HomeDomain/Library/SMS/sms.db: ' in done.messages and 'doubtful: CameraRoll' in done.messages,
          done.messages)
    whole = look(world, 'extract', own(world, 'plain'), '--to', world.dir / 'whole')
    check('1 left out: links' in whole.messages, whole.messages)


@case('extract leaves names out that this disk cannot hold, and ends with 1')
def names(world):
    import sqlite3
    folder = own(world, 'plain')
    manifest = next(folder.rglob('Manifest.db'))
    db = sqlite3.connect(manifest)
    db.execute("update Files set relativePath = 'a/../../../sms.db' where relativePath = 'Library/SMS/sms.db'")
    db.execute("update Files set relativePath = ? where relativePath like '%IMG_0001.JPG'", ('x' * 300,))
    db.commit()
    db.close()
    done = look(world, '--json', 'extract', folder, '--to', world.dir / 'out', code=1)
    check(done.json()['left_out']['name'] == 2 and done.json()['files'] == 20, done.text)
    check('.. component' in done.messages and 'component over 255 bytes' in done.messages, done.messages)
    check(not list(world.dir.glob('sms.db')) and not list(world.dir.parent.glob('sms.db')), 'something left the folder')


@case('the real manifest without most of its contents extracts what is there')
def real(world):
    folder = world.fixture('mvt-ios-backup')
    report = look(world, '--json', 'extract', folder, '--to', world.dir / 'out', code=6).json()
    # of its 11 content files one has no row in the manifest
    check(report['files'] == 10 and report['left_out']['missing'] == 1079 and report['left_out']['link'] == 14, report)
    contents = {path.name: path.read_bytes() for path in pathlib.Path(folder).glob('??/*')}
    found = [path.read_bytes() for path in (world.dir / 'out').rglob('*') if path.is_file()]
    check(len(contents) == 11 and all(each in contents.values() for each in found), 'other bytes')


@case('diff tells what was added, removed and changed between two snapshots, and between folders')
def differences(world):
    ipad = world.small('ipad', files=200)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    first = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
    world.sim('age', ipad, '--days', '3')
    second = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()

    def rows(snapshot):
        return {(e['domain'], e['path']): (e['type'], e['bytes'], e['modified'] if e['type'] != 'folder' else '')
                for e in world.rehome('--json', 'ls', '-R', snapshot).json()}

    before, after = rows(first), rows(second)
    found = world.rehome('--json', 'diff', first, second, code=1).json()
    told = {change: {(e['domain'], e['path']) for e in found if e['change'] == change}
            for change in ('added', 'removed', 'changed')}
    check(told['added'] == set(after) - set(before) and told['added'], told['added'])
    check(told['removed'] == set(before) - set(after), told['removed'])
    check(told['changed'] >= {name for name in set(before) & set(after) if before[name] != after[name]}, told['changed'])
    check(told['changed'] and all(e['differs'] for e in found if e['change'] == 'changed'), found)
    check(found == sorted(found, key=lambda e: (e['domain'].encode(), e['path'].encode())), 'the order')
    sums = world.rehome('--json', 'diff', '--summary', first, second, code=1).json()
    check(sum(e['added'] for e in sums) == len(told['added']), sums)
    check(world.rehome('--json', 'diff', first, first).json() == [], 'a snapshot differs from itself')
    world.rehome('export', first, world.dir / 'out')
    check(world.rehome('diff', first, world.dir / 'out', '--contents').text == '', 'an export differs')
    backwards = world.rehome('diff', world.dir / 'out', second, code=1)
    check(f'{len(told["added"])} added' in backwards.messages, backwards.messages)


@case('diff names what changed, and reads contents where keys differ or no digest is there')
def kinds_of_change(world):
    import sqlite3
    plain, encrypted, changed = own(world, 'plain'), own(world, 'encrypted'), own(world, 'plain')
    check(look(world, 'diff', plain, encrypted, '--contents').text == '', 'plain and encrypted differ')
    db = sqlite3.connect(next(changed.rglob('Manifest.db')))
    blob = db.execute("select file from Files where relativePath = 'Library/SMS/sms.db'").fetchone()[0]
    db.execute("update Files set file = ? where relativePath = 'Library/SMS/sms.db'",
               (blob.replace(b'\x81\xa4', b'\x81\x80'),))
    db.execute("delete from Files where relativePath = 'Documents/seventeen.bin'")
    db.commit()
    db.close()
    stub = content(changed, next(e['file_id'] for e in look(world, '--json', 'ls', '-R', plain).json()
                                 if e['path'].endswith('/MDM.plist')))
    stub.write_bytes(b'x' + stub.read_bytes()[1:])
    check('MDM.plist' not in look(world, 'diff', plain, changed, code=1).text, 'only records were compared')
    lines = look(world, 'diff', plain, changed, '--contents', code=1).text.splitlines()
    check('- AppDomain-com.example.notes/Documents/seventeen.bin' in lines, lines)
    check('~ HomeDomain/Library/SMS/sms.db  (mode 644 -> 600)' in lines, lines)
    check(f'~ {CP}/Library/ConfigurationProfiles/MDM.plist  (content)' in lines and len(lines) == 3, lines)
    only = look(world, 'diff', changed, plain, 'AppDomain-com.example.notes', code=1).text
    check(only == '+ AppDomain-com.example.notes/Documents/seventeen.bin\n', only)


@case('encryption rewrap changes the password of a folder and nothing else')
def rewrap(world):
    folder = own(world, 'encrypted')
    before = tree(folder)
    new = ('--new-device-password-file', world.secret('new', 'ein neues Wort'))
    wrong = ('--device-password-file', world.secret('wrong', 'falsch'))
    refused = world.rehome(*wrong, 'encryption', 'rewrap', folder, *new, repo=world.dir / 'none', code=1)
    check('does not open' in refused.messages and tree(folder) == before, refused.messages)
    look(world, 'encryption', 'rewrap', folder, *new)
    after = tree(folder)
    changed = [name for name in after if after[name] != before.get(name)]
    check(set(after) == set(before) and [pathlib.Path(name).name for name in changed] == ['Manifest.plist'], changed)
    look(world, 'ls', folder, code=1)
    check(look(world, 'diff', own(world, 'encrypted'), folder, '--contents', '--other-password-file', new[1]).text == '',
          'other contents')
    look(world, 'encryption', 'rewrap', own(world, 'plain'), *new, code=2)
    look(world, 'encryption', 'rewrap', folder, *new, '--keep', code=2)


class Mounted:
    """A running `rehome mount`; leaving it is Ctrl-C."""

    def __init__(self, world, *words, repo=None):
        if not os.access('/dev/fuse', os.R_OK | os.W_OK) or not shutil.which('fusermount3'):
            raise Skip('no FUSE here (/dev/fuse, fusermount3)')
        self.at = world.dir / f'mnt-{len(list(world.dir.glob("mnt-*")))}'
        self.at.mkdir()
        self.said = world.dir / f'{self.at.name}.log'
        env = {**world.env, 'REHOME_REPO': str(repo or world.repo), 'REHOME_PASSWORD_FILE': str(world.password_file)}
        with open(self.said, 'wb') as log:
            self.process = subprocess.Popen([world.program, *map(str, words), str(self.at)], env=env,
                                            stdout=subprocess.PIPE, stderr=log, cwd=world.dir)

    def __enter__(self):
        if not self.process.stdout.readline():
            self.process.wait(60)
            said = self.said.read_text()
            raise Skip(f'this system refuses to mount: {said}') if 'cannot be mounted on' in said else AssertionError(said)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self.process.stdout.close()
        said = self.said.read_text()
        check(code == 0 and 'Sanitizer' not in said, f'mount ended with {code}: {said}')
        check(not os.path.ismount(self.at), 'still mounted')

    def cpu_seconds(self):
        words = pathlib.Path(f'/proc/{self.process.pid}/stat').read_text().rpartition(')')[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


@case('mount shows the plain contents of a folder, read-only, with true lengths, until Ctrl-C')
def mount_folder(world):
    for form in ('plain', 'encrypted'):
        folder = own(world, form)
        before = tree(folder)
        look(world, 'extract', folder, '--to', world.dir / f'out-{form}')
        with Mounted(world, '--device-password-file', world.secret('synthetic', PASSPHRASE), 'mount', folder) as mounted:
            same(tree(world.dir / f'out-{form}'), tree(mounted.at), 'what is extracted')
            for path in mounted.at.rglob('*'):
                check(path.is_symlink() or path.is_dir() or path.stat().st_size == len(path.read_bytes()), path)
            check((mounted.at / 'HomeDomain/Library/CallHistoryDB/CallHistory.storedata').stat().st_size == 16384,
                  'the size of the record instead of the content')
            check(os.readlink(mounted.at / 'DatabaseDomain/timezone/localtime') ==
                  'device:/var/db/timezone/zoneinfo/Europe/London', 'the link')
            for act in (lambda: (mounted.at / 'new').write_text(''), (mounted.at / 'HomeDomain').rmdir,
                        lambda: (mounted.at / 'KeychainDomain/keychain-backup.plist').write_text('')):
                try:
                    act()
                except OSError as why:
                    check(why.errno == errno.EROFS, why)
                else:
                    raise AssertionError('something was written')
        same(before, tree(folder), 'the backup was touched')


@case('mount reads on where contents are damaged or names are hostile, and tells what it could not read')
def mount_damaged(world):
    import sqlite3
    folder = own(world, 'plain')
    listed = {e['path']: e for e in look(world, '--json', 'ls', '-R', folder).json()}
    content(folder, listed['Library/SMS/sms.db']['file_id']).unlink()
    db = sqlite3.connect(next(folder.rglob('Manifest.db')))
    db.execute("update Files set relativePath = '../../out' where relativePath like '%seventeen.bin'")
    db.execute("update Files set domain = 'a/b' where domain = 'WirelessDomain'")
    db.commit()
    db.close()
    with Mounted(world, 'mount', folder) as mounted:
        try:
            (mounted.at / 'HomeDomain/Library/SMS/sms.db').read_bytes()
        except OSError as why:
            check(why.errno == errno.EIO, why)
        else:
            raise AssertionError('a missing content was read')
        check(len((mounted.at / 'CameraRollDomain/Media/DCIM/100APPLE/IMG_0001.JPG').read_bytes()) == 100003)
        check([p.name for p in (mounted.at / 'AppDomain-com.example.notes/Documents').iterdir()] ==
              ['Résumé – draft.txt'], 'a climbing name')
        check('WirelessDomain' not in os.listdir(mounted.at) and 'a' not in os.listdir(mounted.at), 'a domain with a slash')
    check('the content of HomeDomain/Library/SMS/sms.db is missing' in mounted.said.read_text(), mounted.said.read_text())


@case('mount shows every snapshot of a repository, and a new one as soon as a backup that runs has ended')
def mount_repository(world):
    plain = world.small('plain', files=40)
    locked = world.small('locked', '--backup-password-file', world.secret('device', 'geheim'), files=40, seed=2)
    mux = world.simulator(plain, locked)
    world.init()
    first = {}
    for ipad in (plain, locked):
        world.paired(mux, ipad)
        first[ipad] = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
    with Mounted(world, 'mount') as mounted:
        check(set(os.listdir(mounted.at)) == {world.udid(plain), world.udid(locked)}, os.listdir(mounted.at))
        [moment] = os.listdir(mounted.at / world.udid(plain))
        world.rehome('extract', first[plain], '--to', world.dir / 'out')
        same(tree(world.dir / 'out'), tree(mounted.at / world.udid(plain) / moment), 'what is extracted')
        [shut] = (mounted.at / world.udid(locked)).iterdir()
        try:
            os.listdir(shut)
        except PermissionError:
            pass
        else:
            raise AssertionError('a snapshot opened without its password')
        world.sim('age', plain, '--days', '1')
        # reading goes on while a backup runs
        found = next(p for p in sorted((mounted.at / world.udid(plain) / moment).rglob('*')) if p.is_file())
        whole, ended = found.read_bytes(), threading.Event()
        other = threading.Thread(target=lambda: (world.rehome('backup', world.udid(plain), mux=mux), ended.set()))
        other.start()
        while not ended.is_set():
            check(found.read_bytes() == whole, 'other bytes while a backup runs')
            other.join(0.01)
        times = sorted(os.listdir(mounted.at / world.udid(plain)))
        check(len(times) == 2 and times[0] == moment, times)
        check(len(tree(mounted.at / world.udid(plain) / times[1])) >= 40, 'the new one')


@case('a snapshot of 60,000 files is mounted and listed within one second, compared and extracted')
def large(world):
    ipad = world.small('ipad', '--backup-password-file', world.secret('device', 'geheim'), files=60000, size=40)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    snapshot = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
    with Mounted(world, '--device-password-file', world.secret('device', 'geheim'), 'mount', snapshot) as mounted:
        before, began = mounted.cpu_seconds(), time.monotonic()
        found = sum(len(files) for _, _, files in os.walk(mounted.at))
        spent, took = mounted.cpu_seconds() - before, time.monotonic() - began
        check(found >= 60000, found)
        print(f'     60,000 files listed in {took:.2f} s, of which rehome {spent:.2f} s of CPU')
        # its own seconds: what else runs on this computer does not count
        check(spent <= 1 or b'__asan_init' in pathlib.Path(world.program).read_bytes(), f'{spent} s')
    given = ('--device-password-file', world.secret('device', 'geheim'))
    compared = world.rehome('diff', *given, snapshot, snapshot)
    check(compared.text == '', compared.text[:500])
    part = world.rehome('--json', 'extract', *given, snapshot, '--to', world.dir / 'out', '--metadata', '--xattrs',
                        '--match', '*0.*')
    report = part.json()
    check(report['files'] > 1000 and report['files'] == len(tree(world.dir / 'out')), report)
    print(f'     compared with itself in {compared.seconds:.2f} s, '
          f'{report["files"]} files extracted with metadata in {part.seconds:.2f} s')


@case('contents of a personal device open with its backup password alone, and each opening is recorded')
def personal(world):
    plain = world.small('plain', files=30)
    locked = world.small('locked', '--backup-password-file', world.secret('device', 'geheim'), files=30, seed=2)
    mux = world.simulator(plain, locked)
    given = ('--device-password-file', world.secret('device', 'geheim'))
    world.init()
    snapshot = {}
    for ipad in (plain, locked):
        world.paired(mux, ipad)
        snapshot[ipad] = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
        world.rehome('ls', *given, snapshot[ipad])
    # a kept password opens as long as nobody says whose the device is
    world.rehome('encryption', 'change', *given, '--new-device-password-file', given[1], '--keep', world.udid(locked),
                 mux=mux)
    world.rehome('ls', snapshot[locked])
    for ipad in (plain, locked):
        check(world.rehome('--json', 'show', snapshot[ipad]).json()['ownership'] == 'unknown')
        world.rehome('ownership', 'set', world.udid(ipad), 'personal')
    for words in (('ls', snapshot[plain]), ('extract', snapshot[plain]), ('export', snapshot[plain], world.dir / 'out'),
                  ('diff', snapshot[plain], snapshot[plain]), ('cat', snapshot[plain], 'HomeDomain/x')):
        refused = world.rehome(*words, code=4)
        check('personally owned' in refused.messages, refused.messages)
    check(not (world.dir / 'out').exists(), 'an export was made')
    kept = world.rehome('ls', snapshot[locked], code=1)
    check('--device-password-file' in kept.messages, kept.messages)
    world.rehome('ls', '--device-password-file', world.secret('wrong', 'falsch'), snapshot[locked], code=1)
    shown = world.rehome('--json', 'show', snapshot[locked]).json()
    check(shown['openings'] == [] and shown['ownership'] == 'personal', shown)
    world.rehome('ls', *given, snapshot[locked])
    world.rehome('diff', *given, snapshot[locked], snapshot[locked])
    shown = world.rehome('--json', 'show', snapshot[locked]).json()
    check([(e['command'], e['snapshot'], e['uid']) for e in shown['openings']] ==
          [(command, snapshot[locked], os.getuid()) for command in ('ls', 'diff', 'diff')], shown['openings'])
    check('by user' in world.rehome('show', snapshot[locked]).text, 'show')
    world.rehome('check')
    world.rehome('ownership', 'set', world.udid(plain), 'corporate')
    world.rehome('ls', snapshot[plain])
    world.rehome('ownership', 'set', world.udid(plain), 'mine', code=2)
    world.rehome('ownership', 'set', 'nobody', 'personal', code=3)


@case('openings of a personal device by several at once are all recorded')
def personal_together(world):
    locked = world.small('locked', '--backup-password-file', world.secret('device', 'geheim'), files=10)
    mux = world.simulator(locked)
    world.init()
    world.paired(mux, locked)
    snapshot = world.rehome('backup', world.udid(locked), mux=mux).text.strip()
    world.rehome('ownership', 'set', world.udid(locked), 'personal')
    failed = []

    def look_in():
        try:
            world.rehome('ls', '--device-password-file', world.secret('device', 'geheim'), snapshot)
        except AssertionError as why:
            failed.append(why)

    people = [threading.Thread(target=look_in) for _ in range(6)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    check(not failed, failed)
    check(len(world.rehome('--json', 'show', snapshot).json()['openings']) == 6, 'an opening is missing')


@case('the exit status of verify tells fine, broken, not fully checked and not there apart')
def verify_status(world):
    def damaged(form, change):
        folder = next(path.parent for path in own(world, form).rglob('Manifest.plist'))
        change(folder)
        return folder

    def flip(path, at):
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    sms = '3d/3d0d7e5fb2ce288813306e4d4636395e047a3d28'
    for form in ('plain', 'encrypted'):
        look(world, 'verify', own(world, form))
    locked = world.rehome('verify', own(world, 'encrypted'), repo=world.dir / 'none', code=1)
    check('--device-password-file' in locked.messages, locked.messages)
    wrong = ('--device-password-file', world.secret('wrong', 'falsch'))
    world.rehome(*wrong, 'verify', own(world, 'encrypted'), repo=world.dir / 'none', code=1)
    look(world, 'verify', world.dir / 'nowhere/at/all', code=3)
    for form, change, promise in (
            ('plain', lambda f: flip(f / sms, 100), 'digest'),
            ('encrypted', lambda f: flip(f / sms, 100), 'digest'),
            ('encrypted', lambda f: flip(f / sms, -20), 'padding'),
            ('plain', lambda f: (f / sms).unlink(), 'content-present'),
            ('encrypted', lambda f: (f / sms).write_bytes((f / sms).read_bytes()[:-1]), 'content-blocks'),
            ('plain', lambda f: (f / 'Snapshot').mkdir() or (f / 'Snapshot/x').touch(), 'no-snapshot-folder'),
            ('plain', lambda f: (f / 'Manifest.db-wal').write_bytes(b'x'), 'no-side-files'),
            ('plain', lambda f: (f / 'Status.plist').unlink(), 'status-plist'),
            ('plain', lambda f: (f / 'Manifest.plist').write_bytes(b'x'), 'manifest-plist')):
        done = look(world, '--json', 'verify', damaged(form, change), code=6)
        check(promise in {e['promise'] for e in done.json()['findings'] if e['severity'] == 'problem'},
              f'{form} {promise}: {done.text}')
