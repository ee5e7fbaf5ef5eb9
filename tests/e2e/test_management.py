"""Managed devices, backed up and restored by Debian's unmodified tools: what becomes of management."""
import contextlib
import csv
import io
import plistlib
import sqlite3

from harness import case, check

PROFILES = 'SysSharedContainerDomain-systemgroup.com.apple.configurationprofiles/Library/ConfigurationProfiles'
PASSWORD = 'a backup password'


def pair(world, mux, device):
    world.person(device, 'trust')
    world.tool(mux, 'idevicepair', '-u', world.udid(device), 'pair')


def round_trip(world, *options, assign=(), os=None, erase=(), password=None):
    """Back a managed device up, erase it, restore it at Apps & Data, and end Setup Assistant."""
    ipad = world.small('ipad', *options, files=20)
    udid, folder = world.udid(ipad), world.dir / 'theirs'
    folder.mkdir()
    mux = world.simulator(ipad)
    pair(world, mux, ipad)
    world.tool(mux, 'idevicebackup2', '-u', udid, 'backup', '--full', folder)
    mux.stop()
    world.sim('erase', ipad, *erase, *(('--os', os) if os else ()))
    if assign:
        world.sim('assign', ipad, *assign)
    check(world.sim('setup', ipad, '--until', 'apps-and-data').text.strip() == 'apps-and-data')
    mux = world.simulator(ipad)
    pair(world, mux, ipad)
    secret = ('--password', password) if password else ()
    done = world.tool(mux, 'idevicebackup2', '-u', udid, 'restore', '--system', '--settings', *secret, folder)
    check('Restore Successful' in done.text, done.text[-500:])
    mux.stop()
    world.sim('setup', ipad)
    return ipad, world.facts(ipad)


def expect(facts, **wanted):
    for name, value in wanted.items():
        check(facts[name] == value, f'{name} is {facts[name]!r}, expected {value!r}')


@case('a device enrolled by another vendor has its management back after idevicebackup2 restored it')
def same_device(world):
    ipad, facts = round_trip(world, '--os', '18.6', '--managed-by', 'other', '--enrolled', 'ade', '--locked',
                             assign=('--ade-server', 'this'))
    expect(facts, management='other', management_is_fresh=False, management_is_stale=False, setup='home',
           is_locked_in=True, is_supervised=True, next_contact='accepted', content='kept', mechanism='as-backed-up')
    refused = world.sim('enroll', ipad, 'this', code=4)
    check('does not match the old payload' in refused.messages, refused.messages)


@case('an identity in an encrypted backup returns to its hardware, and a restored device calls its service')
def encrypted(world):
    secret = world.secret('device', PASSWORD)
    ipad, facts = round_trip(world, '--os', '18.6', '--managed-by', 'this', '--enrolled', 'ade',
                             '--backup-password-file', secret, password=PASSWORD)
    expect(facts, management='this', management_is_stale=False, next_contact='accepted', setup='home')
    check(world.sim('contact', ipad).text.split() == ['accepted,', 'stays'])


@case('with do_not_use_profile_from_backup a device of 26.4 enrolls afresh after idevicebackup2 restored it')
def ignored(world):
    _, facts = round_trip(world, '--os', '26.4', '--managed-by', 'other', '--enrolled', 'ade', '--locked',
                          assign=('--ade-server', 'this', '--ignore-backup', 'yes'))
    expect(facts, management='this', management_is_fresh=True, setup='remote_management',
           mechanism='ignore-backup-26.4', content='kept', is_locked_in=True)


@case('a device of 27 restores no management, whatever the backup holds')
def os27(world):
    _, facts = round_trip(world, '--os', '26.4', '--managed-by', 'other', '--enrolled', 'ade', os='27.0',
                          assign=('--ade-server', 'this'))
    expect(facts, management='this', management_is_fresh=True, setup='remote_management', mechanism='os-27')


@case('a device that its service wiped is stale after the restore of its own backup')
def wiped(world):
    _, facts = round_trip(world, '--os', '18.6', '--managed-by', 'this', '--enrolled', 'ade',
                          erase=('--by', 'this'))
    expect(facts, management='this', management_is_stale=True, next_contact='refused', setup='home')


@case('a hidden pane refuses a restore, and the device enrolls without its content')
def hidden(world):
    ipad = world.small('ipad', '--os', '18.6', '--managed-by', 'other', '--enrolled', 'ade', files=20)
    udid, folder = world.udid(ipad), world.dir / 'theirs'
    folder.mkdir()
    mux = world.simulator(ipad)
    pair(world, mux, ipad)
    world.tool(mux, 'idevicebackup2', '-u', udid, 'backup', '--full', folder)
    world.sim('erase', ipad)
    world.sim('assign', ipad, '--ade-server', 'this', '--hide-restore', 'yes')
    pair(world, mux, ipad)
    done = world.tool(mux, 'idevicebackup2', '-u', udid, 'restore', '--system', '--settings', folder, code=None)
    check('Restore Successful' not in done.text, done.text[-300:])
    world.sim('setup', ipad)
    expect(world.facts(ipad), management='this', management_is_fresh=True, setup='remote_management',
           restore='not_offered', content='not_kept')


@case('a backup of a managed device holds its management files, and no file that devices keep back')
def files(world):
    ipad = world.small('ipad', '--managed-by', 'this', '--enrolled', 'ade', '--locked', '--identity', 'acme-hardware',
                       '--server-uid', 'UID-1', files=20)
    folder = world.dir / 'theirs'
    folder.mkdir()
    mux = world.simulator(ipad)
    pair(world, mux, ipad)
    world.tool(mux, 'idevicebackup2', '-u', world.udid(ipad), 'backup', '--full', folder)
    with contextlib.closing(sqlite3.connect(folder / world.udid(ipad) / 'Manifest.db')) as manifest:
        listed = ' '.join(path for path, in manifest.execute('SELECT relativePath FROM Files'))
    for name in ('MDM.plist', 'CloudConfigurationDetails.plist', 'PayloadManifest.plist', 'profile-'):
        check(name in listed, f'{name} is not in the backup')
    check('SetAside' not in listed, 'the set-aside copy is in the backup')
    mdm = plistlib.loads(world.sim('cat', ipad, f'{PROFILES}/MDM.plist').out)
    check(mdm['ServerURL'] == 'https://this.example/mdm' and mdm['IsProfileLocked'] and mdm['IsADEProfile'], mdm)
    cloud = plistlib.loads(world.sim('cat', ipad, f'{PROFILES}/CloudConfigurationDetails.plist').out)
    check(cloud['ConfigurationSource'] == 1 and cloud['MDMServerUID'] == 'UID-1', cloud)


@case('a host is told of management what the device holds, and no more once it left')
def told(world):
    ipad = world.small('ipad', '--managed-by', 'this', '--enrolled', 'ade', '--locked', files=5)
    mux = world.simulator(ipad)
    world.paired(mux, ipad)
    for managed in ('yes', 'no'):
        device, = world.rehome('devices', '--json', mux=mux).json()
        check(device['managed'] == managed and device['supervised'] == 'yes', device)
        chaperone = world.tool(mux, 'ideviceinfo', '-u', world.udid(ipad), '-q', 'com.apple.mobile.chaperone').text
        check('DeviceIsChaperoned: true' in chaperone, chaperone)
        if managed == 'yes':
            check('locked' in world.sim('unmanage', ipad, code=4).messages)
            world.sim('unmanage', ipad, '--by-service')


@case('settings of Apple and of services are told, refused where they make no sense, and taken back')
def settings(world):
    ipad = world.small('ipad', files=5)
    world.sim('assign', ipad, '--ade-server', 'other', '--locked', 'no')
    told = dict(line.split(None, 1) for line in world.sim('assign', ipad).text.splitlines() if len(line.split()) > 1)
    check(told['ade-server'] == 'other' and told['locked'] == 'no' and told['profile'] == 'yes', told)
    check('active|' in world.sim('world', ipad, '--record', 'lost', code=2).messages)
    check('returns|lost' in world.sim('world', ipad, '--switch', 'plain_identity=gone', code=2).messages)
    world.sim('assign', ipad, '--colour', 'red', code=2)
    world.sim('assign', ipad, '--clear')
    check('other' not in world.sim('assign', ipad).text)


@case('a table of facts is played, a line a story, and handed on with what was observed')
def stories(world):
    table = 'id,in_os,in_bm,in_flag,in_reset,switches,out_mgmt\n' \
            'A,17,other,no,local_erase,,other\n' \
            'B,26.2,other,yes,local_erase,,this_new\n' \
            'C,26.2,other,yes,local_erase,flag26_mdm_profile=kept,other\n' \
            'D,17,other,no,brand_new,,none\n'
    out = world.sim('scenario', input=table.encode()).text.splitlines()
    names = out[0].split(',')
    check('out_mgmt' not in names and names[0] == 'id', names)
    rows = [dict(zip(names, line.split(','))) for line in out[1:]]
    check([row['obs_mgmt'] for row in rows] == ['other', 'this_new', 'other', ''], rows)
    check(rows[3]['obs_error'].startswith('cannot be'), rows[3])
    kept = world.dir / 'kept'
    world.sim('scenario', '--keep', kept, 'bm=other')
    check((kept / 'story' / 'target' / 'device.db').is_file())
    world.sim('scenario', 'os=none', code=2)


# Refusals of the tool, for the safety of data: a device would do it.
TOOL_REFUSES = ('T27', 'T28', 'T65')
# Which switch brings the answer that the weaker source gives.
SWITCHES = {'T10': 'os27_management=restored', 'T11': 'os27_management=restored', 'T12': 'os27_management=restored',
            'T13': 'os27_management=restored', 'T15': 'flag26_mdm_profile=kept', 'T20': 'renewed_identity=refused',
            'T41': 'plain_identity=lost', 'T42': 'account_enrollment=kept', 'T43': 'account_enrollment=kept',
            'T44': 'after_drop=home', 'T45': 'after_drop=home', 'T47': 'profile_identity=lost',
            'T48': 'server_uid=ignored', 'T49': 'server_uid=ignored', 'T50': 'server_uid=ignored',
            'T51': 'mandatory_without_mdm=kept', 'T55': 'renewed_identity=refused', 'T74': 'after_drop=home'}


def vectors(world):
    with open(world.own('rules') / 'vectors.csv', newline='') as file:
        return list(csv.DictReader(file))


def played(world, rows):
    """{id: what was observed} of stories."""
    table = io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    done = world.sim('scenario', input=table.getvalue().encode())
    return {row['id']: row for row in csv.DictReader(io.StringIO(done.text))}


@case('each vector of the rules is observed on devices as it says')
def each_vector(world):
    rows = [{**row, 'in_carry_out': 'no' if row['id'] in TOOL_REFUSES else 'yes'} for row in vectors(world)]
    seen = played(world, rows)
    for row in rows:
        found = seen[row['id']]
        check(not found['obs_error'], f"{row['id']}: {found['obs_error']}")
        for name in ('restore', 'setup_assistant', 'mgmt', 'then', 'content', 'supervised', 'locked'):
            expected = row[f'out_{name}'].replace('refused_by_policy', 'refused')
            check(expected in ('?', found[f'obs_{name}']),
                  f"{row['id']}: {name} is {found[f'obs_{name}']}, expected {expected}")


@case('each answer of a weaker source is observed with its switch turned')
def each_alternative(world):
    rows = [{**row, 'switches': SWITCHES[row['id']]} for row in vectors(world) if row['id'] in SWITCHES]
    seen = played(world, rows)
    for row in rows:
        check(seen[row['id']]['obs_mgmt'] == row['out_alt'],
              f"{row['id']}: {seen[row['id']]['obs_mgmt']}, expected {row['out_alt']}")
    # the service's own change of mind is T40's: it says accept, and refuses all the same
    rest = {row['id'] for row in vectors(world) if row['out_alt']} - set(SWITCHES)
    check(rest == {'T40'}, f'no switch for {rest}')
