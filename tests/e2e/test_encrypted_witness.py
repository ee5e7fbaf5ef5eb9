"""Encrypted backups read by software that is not ours: hashlib, cryptography, plistlib, openssl and sqlite3.

Nothing here calls Rehome to read: the keybag is taken apart, its keys unwrapped and every file deciphered with
Debian's Python and openssl, on what the simulated device wrote by way of idevicebackup2, and on our export.
"""
import hashlib
import plistlib
import sqlite3

from harness import Skip, case, check

PASSWORD = 'correct horse'


def keybag(blob):
    """(attributes of the bag, {protection class: its attributes})"""
    bag, classes, current, at = {}, {}, None, 0
    while at + 8 <= len(blob):
        tag, length = blob[at:at + 4].decode(), int.from_bytes(blob[at + 4:at + 8], 'big')
        value = blob[at + 8:at + 8 + length]
        check(len(value) == length, f'{tag} is cut')
        at += 8 + length
        if tag == 'UUID' and 'UUID' in bag:
            current = {}
        if current is not None:
            current[tag] = value
            if tag == 'CLAS':
                classes[int.from_bytes(value, 'big')] = current
        else:
            bag[tag] = value
    check(at == len(blob), 'bytes after the bag')
    return bag, classes


def class_keys(blob, password):
    """Opened keys of the classes that a backup password opens, by the two derivations one after the other."""
    from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
    bag, classes = keybag(blob)
    number = lambda tag: int.from_bytes(bag[tag], 'big')
    first = hashlib.pbkdf2_hmac('sha256', password.encode(), bag['DPSL'], number('DPIC'), 32)
    key = hashlib.pbkdf2_hmac('sha1', first, bag['SALT'], number('ITER'), 32)
    return {number_: aes_key_unwrap(key, entry['WPKY']) for number_, entry in classes.items()
            if int.from_bytes(entry['WRAP'], 'big') == 2}


def decipher(world, path, key):
    """openssl's word for the content: AES-256-CBC, IV of zeros; the padding is openssl's to check."""
    return world.run(['openssl', 'enc', '-d', '-aes-256-cbc', '-K', key.hex(), '-iv', '0' * 32, '-in', path]).out


def unwrap(wrapped, keys):
    from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
    return aes_key_unwrap(keys[int.from_bytes(wrapped[:4], 'little')], wrapped[4:])


def record(blob):
    """The MBFile of a row, by its own archiver's rules."""
    archive = plistlib.loads(blob)
    objects = archive['$objects']
    return objects[archive['$top']['root'].data], objects


def read(world, folder):
    """{domain/path: SHA-256 of the plain content} of every file, from an encrypted folder."""
    properties = plistlib.loads((folder / 'Manifest.plist').read_bytes())
    check(properties['IsEncrypted'], 'the backup is not encrypted')
    keys = class_keys(properties['BackupKeyBag'], PASSWORD)
    plain = world.dir / 'witness.db'
    plain.write_bytes(decipher(world, folder / 'Manifest.db', unwrap(properties['ManifestKey'], keys)))
    database = sqlite3.connect(f'file:{plain}?immutable=1', uri=True)
    check(database.execute('PRAGMA integrity_check').fetchone()[0] == 'ok', 'integrity_check')
    found = {}
    for file_id, domain, path, blob in database.execute('SELECT fileID, domain, relativePath, file FROM Files WHERE flags = 1'):
        check(file_id == hashlib.sha1(f'{domain}-{path}'.encode()).hexdigest(), f'{path}: fileID')
        root, objects = record(blob)
        size = root['Size']
        content = b''
        if size:
            wrapped = objects[root['EncryptionKey'].data]['NS.data']
            content = decipher(world, folder / file_id[:2] / file_id, unwrap(wrapped, keys))
        check(len(content) == size, f'{path}: {len(content)} bytes instead of {size}')
        found[f'{domain}/{path}'] = hashlib.sha256(content).hexdigest()
    database.close()
    return found


@case('an encrypted backup opens for hashlib, cryptography, openssl and sqlite3, and holds what the device holds')
def encrypted(world):
    try:
        import cryptography  # noqa: F401
    except ImportError as why:
        raise Skip('python3-cryptography is not installed') from why
    ipad = world.small('ipad', '--backup-password-file', world.secret('device', PASSWORD), files=60)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    udid = world.udid(ipad)
    ours, theirs = world.dir / 'ours', world.dir / 'theirs'
    password = ('--device-password-file', world.secret('device', PASSWORD))
    world.rehome('export', world.rehome(*password, 'backup', udid, mux=mux).text.strip(), ours)
    theirs.mkdir()
    world.tool(mux, 'idevicebackup2', '-u', udid, 'backup', '--full', theirs)
    found = read(world, ours / udid)
    check(len(found) >= 60, f'{len(found)} files')
    check(found == read(world, theirs / udid), 'our export and the folder of idevicebackup2 differ in content')
    for name, digest in world.random.sample(sorted(found.items()), 8):
        check(hashlib.sha256(world.sim('cat', ipad, name).out).hexdigest() == digest, f'{name}: not what the device holds')
    mux.stop()
