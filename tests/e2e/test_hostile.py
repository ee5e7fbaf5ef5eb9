"""A hostile device: each case ends in a clear error, nothing is written outside, nothing is lost."""
import shutil

from harness import case, check, same, tree

UDID = '%UDID%'
NAME_64 = 'a' * 64
# title, fault, what one of the messages must hold
CASES = [
    ('a name that climbs out', 'name:as=../../evil,nth=2', ('..',)),
    ('a name that climbs out of the device folder', f'name:as={UDID}/../../evil,nth=2', ('..',)),
    ('an absolute name', 'name:as=/tmp/rehome-evil,nth=2', ('absolute', 'outside', 'folder')),
    ('a name with a NUL', f'name:as={UDID}/a%00b,nth=2', ('NUL', 'name')),
    ('a name of 100 KB', f'name:as=a,len=100000,nth=2', ('name', 'long')),
    ('a name with a component of 300 bytes', f'name:as={UDID}/' + 'b' * 300 + ',nth=2', ('component', 'long', '255')),
    ('a name outside the device folder', 'name:as=OTHER/aa/bb,nth=2', ('outside', 'folder')),
    ('an empty component', f'name:as={UDID}//x,nth=2', ('empty',)),
    ('a dot component', f'name:as={UDID}/./x,nth=2', ('.',)),
    ('a name with a line break', f'name:as={UDID}/../a%0ab,nth=2', ('..', '\\x0a')),
    ('a block of 4 GiB that never comes', 'length:as=4294967295,nth=2', ('hung up', 'length', 'limit', 'larger')),
    ('a block of length 0', 'length:as=0,nth=2', ('block', 'length')),
    ('a name length of 4 GiB', 'length:as=4294967295,of=name,nth=2', ('name',)),
    ('a name length of 2 GiB', 'length:as=2147483648,of=name,nth=3', ('name',)),
    ('a name length of 5000', 'length:as=5000,of=name,nth=2', ('name',)),
    ('an endless file', 'endless:nth=2', ('larger', 'endless', 'limit', 'capacity')),
    ('the same file twice', 'duplicate:nth=2', ('twice', 'duplicate', 'again')),
    ('a short file', 'short-file:nth=3', ('short', 'bytes', 'size', 'digest')),
    ('a file that cannot be read', 'file-error:nth=3', ('deliver', 'file', 'error')),
    ('uploads before the folders are made', 'order:upload-before-mkdir', None),
    ('moves before the uploads', 'order:move-before-upload', ('move', 'not there', 'absent')),
    ('a response before anything', 'order:response-first', ('finished', 'Status', 'Manifest', 'without')),
    ('a second ready message', 'order:ready-first', None),
    ('a status from the wrong side', 'order:status-first', ('status', 'order', 'unexpected', 'expected')),
    ('an unknown message', 'order:unknown-message', None),
    ('a truncated plist', 'plist:truncated', ('plist', 'property list', 'malformed')),
    ('an XML entity bomb', 'plist:bomb-xml', ('plist', 'property list', 'entity', 'limit')),
    ('a binary reference bomb', 'plist:bomb-binary', ('plist', 'property list', 'limit', 'values')),
    ('a plist nested a thousand deep', 'plist:deep', ('deep', 'nest', 'depth')),
    ('a message that is no array', 'plist:not-an-array', ('array', 'message')),
    ('a frame of 4 GiB', 'plist:huge', ('limit', 'frame')),
    ('an empty frame', 'plist:empty', ('empty', 'frame')),
    ('another certificate than the paired one', 'certificate', ('certificate', 'key', 'paired')),
]


def stage(world):
    ipad = world.small('ipad', files=40)
    mux = world.simulator(ipad)
    world.init()
    world.paired(mux, ipad)
    first = world.rehome('backup', world.udid(ipad), mux=mux).text.strip()
    mux.stop()
    world.rehome('export', first, world.dir / 'first')
    world.sim('age', ipad, '--days', '5', '--changed', '50')
    shutil.copytree(ipad, world.dir / 'device-before')
    return ipad, first, tree(world.dir / 'first')


def outside(world):
    """What lies beside the repository and the device: nothing may be added to it."""
    skip = {'repo', 'ipad', 'device-before', 'records-ipad'}
    return {str(path.relative_to(world.dir)) for path in world.dir.rglob('*')
            if path.relative_to(world.dir).parts[0] not in skip and not path.name.startswith('mux-')}


@case('33 named hostile cases each end in a clear error and cost nothing')
def hostile(world):
    ipad, first, before = stage(world)
    udid = world.udid(ipad)
    wrong = []
    for title, fault, words in CASES:
        shutil.rmtree(ipad)
        shutil.copytree(world.dir / 'device-before', ipad)
        beside = outside(world)
        mux = world.simulator(ipad, extra=('--fault', fault))
        done = world.rehome('backup', '--full', udid, mux=mux, code=None, timeout=120)
        said = mux.said()
        mux.stop()
        if 'fault' not in said:
            wrong.append(f'{title}: the fault did not fire')
        if words is None and done.code == 0:
            # harmless to a host that makes parents and answers everything: then the result must be right
            world.rehome('verify', done.text.strip())
        elif words is None:
            if done.code in (2, 7) or not done.messages:
                wrong.append(f'{title}: exit {done.code}')
        elif done.code in (0, 2, 7) or not any(word.lower() in done.messages.lower() for word in words):
            wrong.append(f'{title}: exit {done.code}: {done.messages[-600:]}')
        if len(done.messages) > 20000:
            wrong.append(f'{title}: {len(done.messages)} bytes of messages')
        if outside(world) != beside or (world.dir.parent / 'evil').exists():
            wrong.append(f'{title}: written outside: {outside(world) - beside}')
        world.rehome('check')
    check(not wrong, '\n'.join(wrong))
    world.rehome('export', first, world.dir / 'again')
    same(before, tree(world.dir / 'again'), 'the first snapshot')
    world.rehome('check', '--data')
    shutil.rmtree(ipad)
    shutil.copytree(world.dir / 'device-before', ipad)
    mux = world.simulator(ipad)
    world.rehome('verify', world.rehome('backup', udid, mux=mux).text.strip())


@case('what idevicebackup2 1.3.0 gets wrong is right here: a climbing name, a full disk called success')
def wrong_elsewhere(world):
    ipad = world.small('ipad', files=40)
    mux = world.simulator(ipad, extra=('--fault', 'name:as=../escaped,nth=2,times=0'))
    udid = world.udid(ipad)
    world.init()
    world.paired(mux, ipad)
    theirs = world.dir / 'theirs' / 'deep'
    theirs.mkdir(parents=True)
    world.tool(mux, 'idevicebackup2', '-u', udid, 'backup', '--full', theirs, code=None)
    check((world.dir / 'theirs' / 'escaped').exists(), 'the witness no longer writes outside: update this test')
    (world.dir / 'theirs' / 'escaped').unlink()
    done = world.rehome('backup', '--full', udid, mux=mux, code=None)
    check(done.code not in (0, 2), done.messages)
    check(not list(world.dir.rglob('escaped')), 'written outside')
    mux.stop()
    full = world.build / 'tests' / 'rehome-faulty'
    mux = world.simulator(ipad)
    run = world.run([full, 'backup', udid], code=None, env={
        'REHOME_REPO': str(world.repo), 'REHOME_PASSWORD_FILE': str(world.password_file),
        'USBMUXD_SOCKET_ADDRESS': mux.address, 'REHOME_TEST_FULL_AFTER': '10'})
    check(run.code != 0 and 'space' in run.messages, f'{run.code}: {run.messages}')
    check(world.rehome('--json', 'snapshots').json() == [], 'a snapshot was made on a full disk')


@case('a hostile restore source is refused on the host, before the device is touched')
def hostile_source(world):
    ipad, first, _ = stage(world)
    target = world.small('target', '--name', 'target', files=5, seed=5)
    mux = world.simulator(target)
    world.paired(mux, target)
    digest = world.digest(target)
    folder = world.dir / 'first' / world.udid(ipad)
    content = next(path for path in sorted(folder.glob('??/*')) if path.stat().st_size > 100)
    content.unlink()
    refused = world.rehome('import', folder, code=None)
    check(refused.code == 6 and content.name in refused.text + refused.messages, f'{refused.code} {refused.messages}')
    check(world.digest(target) == digest)
