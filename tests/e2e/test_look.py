"""Looking into backups: extract, diff, verify and mount, on snapshots and on any folder."""
import csv
import io
import os
import pathlib
import shutil
import stat

from harness import case, check, same, tree

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
