"""A simulated device's backup never reaches a real one: nothing lifts that."""
import plistlib
import shutil

from harness import case, check


def refused(world, mux, snapshot, target, repo=None):
    before = world.facts(target)
    digest = world.digest(target)
    for options in ((), ('--system', '--settings', '--remove')):
        done = world.rehome('restore', snapshot, 'target', '--yes', *options, mux=mux, repo=repo, code=4)
        check('simulated' in done.messages, done.messages)
    check(world.facts(target)['free_bytes'] == before['free_bytes'] and world.digest(target) == digest)


@case('a marked snapshot is refused for a target whose UDID or serial lies outside the range')
def outside(world):
    ipad = world.small('ipad', files=20)
    for number, claim in enumerate(('claim:udid=00008110-000A11112222001E', 'claim:serial=F9FXK0ABCDEF')):
        target = world.small(f'target{number}', '--name', 'target', files=5, seed=3 + number)
        mux = world.simulator(ipad)
        repo = world.dir / f'repo{number}'
        world.init(repo)
        world.paired(mux, ipad)
        snapshot = world.rehome('backup', world.udid(ipad), mux=mux, repo=repo).text.strip()
        mux.stop()
        mux = world.simulator(target, extra=('--fault', claim))
        world.person(target, 'trust')
        world.rehome('pair', 'target', mux=mux)
        refused(world, mux, snapshot, target, repo)
        mux.stop()


@case('export keeps the mark, import recognises it by either mark or identity')
def travels(world):
    ipad = world.small('ipad', files=20)
    mux = world.simulator(ipad)
    udid = world.udid(ipad)
    world.init()
    world.paired(mux, ipad)
    snapshot = world.rehome('backup', udid, mux=mux).text.strip()
    mux.stop()
    world.rehome('export', snapshot, world.dir / 'out')
    folder = world.dir / 'out' / udid
    properties = plistlib.loads((folder / 'Manifest.plist').read_bytes())
    check(properties['com.rehome.simulated'] is True, 'the mark is not in the export')
    # with the mark taken out the identity still tells; with the identity replaced the mark still does
    unmarked, renamed = world.dir / 'unmarked' / udid, world.dir / 'renamed' / '00008110-000A11112222001E'
    shutil.copytree(folder, unmarked)
    without = dict(properties)
    del without['com.rehome.simulated']
    (unmarked / 'Manifest.plist').write_bytes(plistlib.dumps(without, fmt=plistlib.FMT_BINARY))
    shutil.copytree(folder, renamed)
    other = dict(properties)
    other['Lockdown'] = {**properties['Lockdown'], 'UniqueDeviceID': renamed.name, 'SerialNumber': 'F9FXK0ABCDEF'}
    (renamed / 'Manifest.plist').write_bytes(plistlib.dumps(other, fmt=plistlib.FMT_BINARY))
    info = plistlib.loads((renamed / 'Info.plist').read_bytes())
    info.update({'Unique Identifier': renamed.name, 'Target Identifier': renamed.name, 'Serial Number': 'F9FXK0ABCDEF'})
    (renamed / 'Info.plist').write_bytes(plistlib.dumps(info))
    target = world.small('target', '--name', 'target', files=5, seed=9)
    mux = world.simulator(target, extra=('--fault', 'claim:udid=00008110-000A11112222001F',
                                         '--fault', 'claim:serial=F9FXK0ABCDEE'))
    world.person(target, 'trust')
    world.rehome('pair', 'target', mux=mux)
    for number, where in enumerate((unmarked, renamed)):
        repo = world.dir / f'repo{number}'
        world.init(repo)
        taken = world.rehome('import', where, repo=repo).text.strip().split()[-1]
        refused(world, mux, taken, target, repo)
