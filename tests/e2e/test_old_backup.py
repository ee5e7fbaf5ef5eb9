"""A backup of iOS 9 or older (Manifest.mbdb): looked at like a present one, and kept byte for byte."""
import pathlib
import plistlib
import shutil
import sqlite3
import struct

from harness import case, check, same, tree

UDID = '00008101-000A11112222001E'


def data(value):
    return b'\xff\xff' if value is None else struct.pack('>H', len(value)) + value


def record(domain, path, archive):
    """One row of Manifest.db as Manifest.mbdb has it (docs/format/ios-backup, 10)."""
    whole = plistlib.loads(archive)
    objects = whole['$objects']
    root = objects[whole['$top']['root'].data]
    target, digest = (objects[root[key].data] if key in root else None for key in ('Target', 'Digest'))
    strings = [domain.encode(), path.encode(), target and target.encode(), digest, None]
    return b''.join(map(data, strings)) + struct.pack(
        '>HQIIIIIQBB', root['Mode'], root['InodeNumber'], root['UserID'] & 0xffffffff, root['GroupID'] & 0xffffffff,
        root['LastModified'], 0, root['Birth'], root['Size'], root['ProtectionClass'], 0)


def make_old(source, folder):
    """The plain backup at @source in the old form: contents beside the manifest, without folders."""
    folder.mkdir(parents=True)
    for name in ('Info.plist', 'Manifest.plist', 'Status.plist'):
        shutil.copy(source / name, folder)
    for content in source.glob('??/*'):
        shutil.copy(content, folder)
    database = sqlite3.connect(f'file:{source / "Manifest.db"}?immutable=1', uri=True)
    rows = database.execute('SELECT domain, relativePath, file FROM Files').fetchall()
    (folder / 'Manifest.mbdb').write_bytes(b'mbdb\5\0' + b''.join(record(*row) for row in rows))
    return rows


@case('an old backup is verified, taken in, listed, read and given back as it was')
def old_backup(world):
    source = pathlib.Path(world.own('synthetic-ios-backup')) / 'plain' / UDID
    old = world.dir / 'old' / UDID
    make_old(source, old)
    world.init()
    verified = world.rehome('verify', old)
    check('0 problems' in verified.text, verified.text)
    taken = world.rehome('import', old).text.strip().split()[-1]
    check('https://mdm.example.com/server' in world.rehome('show', taken).text, 'its management')
    check('HomeDomain' in world.rehome('ls', taken).text)
    message = world.rehome('cat', taken, 'AppDomain-com.example.notes/Documents/seventeen.bin').out
    check(len(message) == 17, message)
    world.rehome('export', taken, world.dir / 'out')
    same(tree(old), tree(world.dir / 'out' / UDID), 'the folder and its export')
