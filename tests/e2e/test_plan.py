"""What management a device will have: told before a restore, refused where it would be lost."""
import csv
import io
import json

from harness import case, check

VECTORS = ('rules', 'vectors.csv')
SWITCHES = ('os27_management', 'server_uid')


def attached(world, *devices):
    """A mux with paired devices; the devices' UDIDs come with it."""
    mux = world.simulator(*devices)
    for device in devices:
        world.paired(mux, device)
    return (mux, *(world.udid(device) for device in devices))


def backed_up(world, *options, os='18.6', init=True, **more):
    """A device of another vendor's, backed up and still attached."""
    ipad = world.small('ipad', '--os', os, '--managed-by', 'other', '--enrolled', 'ade', '--supervised', '--locked',
                       *options, files=20)
    mux, udid = attached(world, ipad)
    if init:
        world.init()
    world.rehome('backup', udid, mux=mux)
    return ipad, mux, udid


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


# ---- what a device tells

@case('an attached device tells whether it is managed; where its answers do not carry that far, it is unknown')
def devices(world):
    ours = [world.small('managed', '--managed-by', 'other', '--enrolled', 'ade', '--supervised', '--locked', files=5),
            world.small('free', files=5, seed=2),
            world.small('by-profile', '--managed-by', 'other', '--enrolled', 'profile', files=5, seed=3)]
    mux, *udids = attached(world, *ours)
    told = {device['udid']: device for device in world.rehome('devices', '--json', mux=mux).json()}
    check([told[udid]['managed'] for udid in udids] == ['yes', 'no', 'unknown'], told)
    check([told[udid]['supervised'] for udid in udids] == ['yes', 'no', 'no'], told)
    text = world.rehome('devices', mux=mux).text
    check('MANAGED' in text.splitlines()[0] and 'not predicted' not in text, text)


@case('a device that answers nothing about itself is listed all the same')
def locked_device(world):
    ipad = world.small('ipad', '--managed-by', 'other', '--enrolled', 'ade', '--locked', '--passcode', files=5)
    mux = world.simulator(ipad)
    told, = world.rehome('devices', '--json', mux=mux).json()
    check(told['pairing'] == 'not paired' and told['managed'] == 'unknown', told)
    world.paired(mux, ipad)
    world.person(ipad, 'lock')
    told, = world.rehome('devices', '--json', mux=mux).json()
    check(told['pairing'] == 'paired' and told['managed'] in ('yes', 'unknown'), told)
    check('trouble' not in told, told)


# ---- what a snapshot tells

@case('the backup of a device that nobody manages says so, with or without a life before')
def nobody(world):
    ipad = world.small('ipad', files=5)
    mux, udid = attached(world, ipad)
    world.init()
    for _ in range(2):
        world.rehome('backup', udid, mux=mux)
        mux.stop()
        world.person(ipad, 'erase', 'finish-setup')
        mux, _ = attached(world, ipad)
    check([row['managed'] for row in world.rehome('snapshots', '--json').json()] == ['no', 'no'])
    answer = world.rehome('plan', 'latest', world.facts(ipad)['serial'], '--assume', '--json').json()
    found = {name: (answer['facts'][name]['value'], answer['facts'][name]['origin']) for name in ('backup_management', 'backup_supervised')}
    check(found == {'backup_management': ('none', 'backup'), 'backup_supervised': ('no', 'backup')}, found)


@case('the list of snapshots says whether a device was managed, and unknown where its contents were locked')
def snapshots(world):
    secret = world.secret('device', 'a backup password')
    _, mux, udid = backed_up(world, '--backup-password-file', secret)
    world.rehome('--device-password-file', secret, 'backup', udid, mux=mux)
    listed = world.rehome('snapshots', '--json').json()
    check([snapshot['managed'] for snapshot in listed] == ['unknown', 'yes'], listed)
    text = world.rehome('snapshots').text.splitlines()
    check('MANAGED' in text[0] and 'unknown' in text[1] and ' yes' in text[2], text)
    # an import says it as well
    world.rehome('export', listed[1]['id'], 'exported')
    other = world.dir / 'other'
    world.init(repo=other)
    world.rehome('--device-password-file', secret, 'import', f'exported/{udid}', repo=other)
    imported, = world.rehome('snapshots', '--json', repo=other).json()
    check(imported['managed'] == 'yes' and imported['imported'], imported)


# ---- the forms of a plan

@case('a plan for a device of another vendor is told as text, JSON, CSV and HTML, and all agree')
def forms(world):
    _, mux, udid = backed_up(world)
    words = ('plan', 'latest', udid, '--fact', 'reset=erased_locally', '--assume')
    text = world.rehome(*words, mux=mux).text
    check('goes on' in text and 'R-202' in text and 'https://other.example/mdm' in text, text)
    told = world.rehome(*words, '--json', mux=mux).json()
    row, = table(world.rehome(*words, '--csv', '--html', 'plan.html', mux=mux).text)
    outcome, = told['outcomes']
    check(outcome['management'] == row['management'] == 'this', (outcome, row))
    check(outcome['rules'][0]['id'] == row['rules'].split()[0] == 'R-202', (outcome['rules'], row))
    check(row['udid'] == udid and row['restore'] == 'possible', row)
    page = (world.dir / 'plan.html').read_text()
    check(udid in page or row['serial'] in page, 'the page does not name the device')
    check('(null)' not in page + text, 'a sentence is missing')
    check('R-202' in page and '<script' not in page and 'http://' not in page.replace('http://www.w3.org', ''), page[:500])
    refused = world.rehome(*words, '--html', 'plan.html', mux=mux, code=1)
    check('plan.html is there already, and is not overwritten' in refused.messages, refused.messages)
    shown = world.rehome('show', 'latest', '--json', mux=mux).json()['management']
    check(shown['managed']['value'] == 'yes' and shown['locked']['value'] == 'yes', shown)


@case('seen from the new service the same backup brings the other vendor back, and the plan says what to do')
def seen_from_the_new_service(world):
    _, mux, udid = backed_up(world)
    words = ('plan', 'latest', udid, '--service', 'this.example', '--assume', '--csv')
    same, = table(world.rehome(*words, '--fact', 'reset=erased_locally', mux=mux).text)
    check(same['management'] == 'other' and same['actions'], same)
    another, = table(world.rehome(*words, '--fact', 'reset=erased_locally', '--fact', 'device=different',
                                  '--fact', 'ade_assigned=this', mux=mux).text)
    check(another['management'] == 'this_new', another)


@case('a plan warns of a service that nobody here goes by, and of a latest snapshot that is of another device')
def warnings(world):
    _, mux, udid = backed_up(world)
    words = ('plan', 'latest', udid, '--assume', '--service')
    said = world.rehome(*words, 'anna', mux=mux).messages
    check('"anna" is none of the services' in said and 'https://other.example/mdm' in said, said)
    for known in ('other.example', 'https://other.example/mdm'):
        check('none of the services' not in world.rehome(*words, known, mux=mux).messages)
    mux.stop()
    other = world.small('other', files=5, seed=2)
    mux = world.simulator(other)
    world.paired(mux, other)
    for word, is_warned in (('latest', True), (f'latest:{udid}', False)):
        said = world.rehome('plan', word, world.udid(other), '--assume', mux=mux).messages
        check(('another device than' in said) == is_warned, said)
        check(not is_warned or f'latest:{world.udid(other)}' in said, said)


@case('a fleet is planned from a table, a row a device, with the snapshot of each')
def fleet(world):
    _, mux, udid = backed_up(world)
    (world.dir / 'fleet.csv').write_text('\ufeffserial;name;snapshot;target_os;device;reset;room\r\n'
                                         'S1;"Anna; 2nd";latest;18.6;same;erased_locally;7\r\n'
                                         f'S2;Ben;latest:{udid};18.6;different;brand_new;8\r\n'
                                         'S3;Cem;;;;;\r\n', encoding='utf-8')
    done = world.rehome('plan', '--devices', 'fleet.csv', '--csv', '--assume', '--html', 'fleet.html')
    rows = table(done.text)
    check([row['serial'] for row in rows] == ['S1', 'S2', 'S3'] and rows[0]['name'] == 'Anna; 2nd', rows)
    check(rows[0]['management'] == 'this' and rows[1]['management'] != 'this', rows)
    check('column "room" is not used' in done.messages and '3 devices' in done.messages, done.messages)
    check('Anna; 2nd' in (world.dir / 'fleet.html').read_text(), 'the page lacks a device')
    # a page that came to nothing leaves none behind, which the next run would stumble over
    (world.dir / 'broken.csv').write_text('serial,snapshot\nS1,latest\nS2,nothing-of-that-name\n')
    world.rehome('plan', '--devices', 'broken.csv', '--assume', '--html', 'broken.html', code=3)
    check(not (world.dir / 'broken.html').exists(), 'half a page')
    told = world.rehome('plan', '--facts', 'fleet.csv', code=2).messages
    check('--devices' in told, told)
    told = world.rehome('plan', '--explain', 'nonsense', code=3).messages
    check('R-202' in told and '--long' in told, told)
    lines = world.rehome('plan', '--devices', 'fleet.csv', '--json', '--assume').text.splitlines()
    check([json.loads(line)['device']['serial'] for line in lines] == ['S1', 'S2', 'S3'], lines)


@case('the plain door gives every vector its outcome')
def door(world):
    path = world.own(VECTORS[0]) / VECTORS[1]
    if not path.exists():
        path = world.fixture(VECTORS[0]) / VECTORS[1]
    wanted = table(path.read_text())
    found = table(world.rehome('plan', '--facts', path).text)
    check(len(found) == len(wanted) >= 73, f'{len(found)} rows of {len(wanted)}')
    for ours, theirs in zip(found, wanted):
        differ = {name: (ours[name], cell) for name, cell in theirs.items()
                  if name.startswith('out_') and ours[name] != cell}
        check(ours['out_n'] == '1' and not differ, (theirs, differ))


@case('a rule is explained with its sources, and every fact and switch is listed')
def explained(world):
    text = world.rehome('plan', '--explain', 'R-206').text
    check(text.startswith('R-206') and 'sources:' in text and 'evidence:' in text, text)
    check('"' in world.rehome('plan', '--explain', 'E-02').text)
    check('no rule' in world.rehome('plan', '--explain', 'R-999', code=None).messages)
    listed = world.rehome('plan', '--list-facts').text
    for word in ('reset', 'erased_locally', 'management_now', 'restore_date', *SWITCHES):
        check(word in listed, f'{word} is not listed')


# ---- mistakes

MISTAKES = [
    ('--devices', 'serial,target_os\nS1,18.x\n', 'line 2, column target_os: '),
    ('--devices', 'serial,reset\nS1,\nS2,sideways\n', 'line 3, column reset: '),
    ('--devices', 'serial,target_os\nS1,18.6,7\n', 'line 2 has 3 cells'),
    ('--devices', 'serial,name\nS1,"Anna\n', 'line 2, column 2: '),
    ('--devices', 'serial,snapshot\nS1,' + 'x' * 300 + '\n', 'line 2, column snapshot: '),
    ('--facts', 'in_os,x\n18,\n,\n', 'line 3, column in_os: '),
    ('--facts', 'in_os,in_reset\n18,sideways\n', 'line 2, column in_reset: '),
    ('--facts', 'in_os,in_colour\n18,red\n', 'line 1, column 2: '),
    ('--facts', 'in_os,in_os\n18,18\n', 'line 1, column 2: '),
    ('--facts', 'in_os\n"18"x\n', 'line 2, column 1: '),
    ('--facts', 'in_os\n1\x008\n', 'line 2, column 1: '),
    ('--facts', '', 'the table is empty'),
]


@case('a table with a mistake is refused with its file, line and column')
def mistakes(world):
    for option, text, wanted in MISTAKES:
        (world.dir / 'table.csv').write_text(text)
        done = world.rehome('plan', option, 'table.csv', '--assume' if option == '--devices' else '-q', code=None)
        check(done.code not in (0, 4) and f'table.csv: {wanted}' in done.messages, (text, done.code, done.messages))
    for words in (('--fact', 'colour=red'), ('--fact', 'reset'), ('--fact', 'reset=sideways'), ('--switch', 'x=y'), ()):
        check(world.rehome('plan', *words, code=2).messages, words)
    world.rehome('plan', '--devices', 'absent.csv', code=None)


# ---- a restore that the plan refuses

REFUSED = [
    # a set-up device that is managed, and a backup of other management
    ('R-720', ('management_now=this', 'backup_management=other')),
    ('R-720', ('management_now=this', 'device=different')),
    # ... and a backup from a time when it had none
    ('R-103', ('management_now=this', 'backup_management=none', 'backup_enrollment=absent')),
    ('R-103', ('management_now=other', 'backup_management=none', 'backup_enrollment=absent')),
]


def set_up(*facts):
    return [word for fact in ('reset=not_reset', *facts) for word in ('--fact', fact)]


@case('a restore that would damage management is refused with its rule, and no option forces it')
def refused(world):
    ipad, mux, udid = backed_up(world)
    before = world.digest(ipad)
    for rule, facts in REFUSED:
        words = ('restore', 'latest', udid, '--yes', '--system', *set_up(*facts))
        done = world.rehome(*words, mux=mux, code=4)
        check(f'refused by {rule}' in done.messages and 'No option changes that' in done.messages, done.messages)
        for extra in (('--override', rule), ('--override', 'R-721')):
            done = world.rehome(*words, *extra, mux=mux, code=4)
            check(f'refused by {rule}' in done.messages, done.messages)
    check(world.digest(ipad) == before, 'a refused restore changed the device')
    done = world.rehome('restore', 'latest', udid, '--yes', *set_up('backup_management=none'), mux=mux, code=2)
    check('backup_enrollment=automated and backup_management=none cannot both hold' in done.messages, done.messages)
    # without system files only the data of apps is written: nothing is endangered
    done = world.rehome('restore', 'latest', udid, '--dry-run', *set_up(*REFUSED[0][1]), mux=mux)
    check('nothing was done' in done.messages, done.messages)


@case('a refusal for the safety of data yields to the words that name its rule, and to no others')
def overridden(world):
    ipad, mux, udid = backed_up(world, os='27.0')
    # what a service desk knows of a device that is set up, supervised by nobody, and to be filled again
    facts = ('goal=this', 'target_os=27', 'backup_os=27', 'ade_ignores_backup=no', 'device=same', 'wiped_by=this',
             'backup_supervised=yes', 'ade_server=absent', 'built_in_migration=no', 'identity_expired=no',
             'identity_revoked=no', 'service_record=active', 'record_generation=same', 'identity_renewed=no',
             'directory_record=present', 'old_service_answer=accepts', 'restored_device_policy=refuse',
             'ade_assigned=this', 'ade_profile_set=yes', 'ade_profile_locked=yes', 'restore_pane_hidden=no',
             'shared_ipad=no', 'ade_provisional=no', 'ade_block=none', 'management_now=none', 'supervised_now=no',
             'find_my=no', 'host_pairing_allowed=yes', 'encrypted_backups_forced=no', 'activation_lock=off',
             'board=same', 'os_range_ok=yes', 'personal_blocked=no', 'identifier_imported=no', 'platform_blocked=no',
             'device_limit_left=yes', 'managed_apps_excluded=no')
    words = ('restore', 'latest', udid, '--dry-run', '--system', *set_up(*facts))
    done = world.rehome(*words, mux=mux, code=4)
    check('refused by R-110' in done.messages and 'say --override R-110' in done.messages, done.messages)
    done = world.rehome(*words, '--override', 'R-720', mux=mux, code=4)
    check('refused by R-110' in done.messages, done.messages)
    done = world.rehome(*words, '--override', 'R-110', mux=mux)
    check('overridden by you: R-110' in done.messages and 'nothing was done' in done.messages, done.messages)
