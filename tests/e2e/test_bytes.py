"""Two copies of one device, same seed and clock: idevicebackup2 and rehome must hold the same bytes."""
import shutil

from harness import case, check, same, tree


def twins(world, name, *options, files=250):
    ours = world.small(f'{name}-ours', *options, files=files)
    theirs = world.dir / f'{name}-theirs'
    shutil.copytree(ours, theirs)
    return ours, theirs


def compare(world, ours, our_mux, theirs, their_mux, step, *options):
    udid = world.udid(ours)
    folder = world.dir / 'theirs'
    folder.mkdir(exist_ok=True)
    world.tool(their_mux, 'idevicebackup2', '-u', udid, 'backup', *options, folder)
    snapshot = world.rehome('backup', udid, *options, mux=our_mux).text.strip()
    out = world.dir / f'ours-{step}'
    world.rehome('export', snapshot, out)
    same(tree(out / udid, {'Info.plist'}), tree(folder / udid, {'Info.plist'}), step)
    return out, folder


def both(world, name, *options):
    ours, theirs = twins(world, name, *options)
    our_mux, their_mux = world.simulator(ours), world.simulator(theirs)
    world.init()
    world.paired(our_mux, ours)
    world.person(theirs, 'trust')
    world.tool(their_mux, 'idevicepair', '-u', world.udid(theirs), 'pair')
    compare(world, ours, our_mux, theirs, their_mux, 'full', '--full')
    for device in (ours, theirs):
        world.sim('age', device, '--days', '1')
    compare(world, ours, our_mux, theirs, their_mux, 'a day later')
    for device in (ours, theirs):
        world.sim('age', device, '--days', '30')
    compare(world, ours, our_mux, theirs, their_mux, 'a month later')
    return compare(world, ours, our_mux, theirs, their_mux, 'full again', '--full')


@case('plain: full, incremental and full again are the same files with the same bytes')
def plain(world):
    both(world, 'plain')


@case('encrypted: full, incremental and full again are the same files with the same bytes')
def encrypted(world):
    both(world, 'encrypted', '--backup-password-file', world.secret('device', 'geheim'))


@case('idevicebackup2 restores our export onto a fresh device, and we restore what it made')
def crosswise(world):
    ours, theirs = twins(world, 'cross')
    fresh_a, fresh_b = world.small('a', files=5, seed=7), world.small('b', files=5, seed=8)
    mux, their_mux = world.simulator(ours, fresh_a, fresh_b), world.simulator(theirs)
    udid = world.udid(ours)
    world.init()
    for device in (ours, fresh_a, fresh_b):
        world.paired(mux, device)
    world.person(theirs, 'trust')
    world.tool(their_mux, 'idevicepair', '-u', udid, 'pair')
    out, folder = compare(world, ours, mux, theirs, their_mux, 'full', '--full')
    done = world.tool(mux, 'idevicebackup2', '-u', world.udid(fresh_a), '-s', udid, 'restore', '--system', '--settings', out)
    check('Restore Successful' in done.text, done.text[-500:])
    world.init(world.dir / 'repo2')
    taken = world.rehome('import', folder / udid, repo=world.dir / 'repo2').text.strip().split()[-1]
    world.rehome('restore', taken, world.udid(fresh_b), '--yes', '--system', '--settings', mux=mux, repo=world.dir / 'repo2')
    digests = {world.digest(device) for device in (ours, fresh_a, fresh_b)}
    check(len(digests) == 1, f'contents differ: {digests}')
