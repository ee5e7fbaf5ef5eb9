"""Devices born from real and synthetic backups: everything that the folder held comes back with its bytes."""
import hashlib
import sqlite3

from harness import case, check


def round_trip(world, source, *options, device_password=None):
    device = world.born('device', '--from', source, *options)
    mux = world.simulator(device)
    world.init()
    world.paired(mux, device)
    snapshot = world.rehome('backup', world.udid(device), mux=mux).text.strip()
    password = ('--device-password-file', device_password) if device_password else ()
    world.rehome('export', snapshot, world.dir / 'out')
    world.rehome(*password, 'verify', world.dir / 'out' / world.udid(device))
    return device, snapshot


def rows_of(manifest):
    database = sqlite3.connect(f'file:{manifest}?immutable=1', uri=True)
    try:
        return database.execute('SELECT fileID, domain, relativePath, flags FROM Files').fetchall()
    finally:
        database.close()


@case('the real manifest of mvt-ios-backup becomes a device; its files come back byte for byte')
def mvt(world):
    source = world.fixture('mvt-ios-backup')
    manifest = world.dir / 'Manifest.db'
    manifest.write_bytes((source / 'Manifest.db').read_bytes()[:-16])
    rows = rows_of(manifest)
    check(len(rows) == 3721, f'{len(rows)} rows')
    device, snapshot = round_trip(world, source)
    out = world.dir / 'out' / world.udid(device)
    ours = rows_of(out / 'Manifest.db')
    check({row[1:] for row in ours} >= {row[1:] for row in rows}, 'rows were lost')
    check(len({row[1] for row in ours}) >= 562)
    held = [row for row in rows if row[3] == 1 and (source / row[0][:2] / row[0]).is_file()]
    # an eleventh content file (e794f6ff..., WhatsApp's LID.sqlite) has no row: no device could have sent it
    check(len(held) == 10, f'{len(held)} held files')
    for file_id, domain, path, _ in held:
        check((out / file_id[:2] / file_id).read_bytes() == (source / file_id[:2] / file_id).read_bytes(), path)
        check(world.rehome('cat', snapshot, f'{domain}/{path}').out == (source / file_id[:2] / file_id).read_bytes(), path)
    made = (device / 'made-by-seed.txt').read_text().splitlines()
    check(len([line for line in made if line and not line.startswith('#')]) == 1089 - 10, f'{len(made)} made by seed')


def synthetic(world, kind, *options, device_password=None):
    source = next(world.own(f'synthetic-ios-backup/{kind}').iterdir())
    plain = next(world.own('synthetic-ios-backup/plain').iterdir())
    device, snapshot = round_trip(world, source, *options, device_password=device_password)
    password = ('--device-password-file', device_password) if device_password else ()
    for file_id, domain, path, flags in rows_of(plain / 'Manifest.db'):
        if flags != 1:
            continue
        ours = world.rehome(*password, 'cat', snapshot, f'{domain}/{path}').out
        theirs = (plain / file_id[:2] / file_id).read_bytes()
        check(hashlib.sha256(ours).digest() == hashlib.sha256(theirs).digest(), f'{domain}/{path}')


@case('the plain synthetic set becomes a device and comes back')
def synthetic_plain(world):
    synthetic(world, 'plain')


@case('the encrypted synthetic set becomes a device (given its password) and comes back')
def synthetic_encrypted(world):
    synthetic(world, 'encrypted', '--device-password-file', world.secret('source', 'Synthetic-Backup-1'),
              '--backup-password-file', world.secret('device', 'its own'), device_password=world.secret('device', 'its own'))


@case('a born device always has an identity of its own')
def own_identity(world):
    source = next(world.own('synthetic-ios-backup/plain').iterdir())
    device = world.born('device', '--from', source)
    facts = world.facts(device)
    check(facts['udid'] != source.name and facts['udid'].startswith('0000FE5A-'), facts)
    check(facts['serial'].startswith('RHSIM'), facts)
    refused = world.sim('new', world.dir / 'other', '--profile', 'S', '--serial', 'F9FXK0ABCDEF', code=None)
    check(refused.code != 0 and 'RHSIM' in refused.messages, refused.messages)
