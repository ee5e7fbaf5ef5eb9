"""Tests keep documents true: every command, option, exit status and fault has its line in a manual page."""
import pathlib
import re

from harness import case, check


def manual(world, name):
    page = pathlib.Path(world.env['REHOME_SOURCE_ROOT']) / 'docs' / 'man' / name
    # mdoc writes --name as "Fl -name"
    return page.read_text().replace('\\-', '-').replace('\\&', '').replace('Fl -', '--')


def commands_of(text):
    return re.findall(r'^  ([a-z][a-z-]+)(?: {2,}|$)', text, re.M)


@case('each command of rehome and each of its options is in rehome.1')
def rehome_page(world):
    page = manual(world, 'rehome.1')
    commands = commands_of(world.run([world.program, '--help']).text)
    check(len(commands) >= 15, f'--help lists {commands}')
    for command in commands:
        check(re.search(rf'\b{command}\b', page), f'rehome.1 lacks the command {command}')
        helped = world.run([world.program, 'help', command]).text
        check(helped == world.run([world.program, command, '--help']).text, f'{command}: two help texts')
        own = manual(world, 'rehome-mdm.1') if command == 'mdm' else page
        for option in set(re.findall(r'--[a-z][a-z-]+', helped)):
            check(option in own + page, f'the manual pages lack {option} of {command}')
    for variable in ('REHOME_REPO', 'REHOME_PASSWORD_FILE', 'USBMUXD_SOCKET_ADDRESS'):
        check(variable in page, f'rehome.1 lacks {variable}')


@case('each noun and verb of rehome mdm, with the options that it takes, is in rehome-mdm.1')
def mdm_page(world):
    page = manual(world, 'rehome-mdm.1')
    lines = world.run([world.program, 'mdm', 'help']).text.splitlines()
    check(len(lines) > 50, lines)
    for line in lines:
        noun, verb = line.split()[:2]
        told = re.search(rf'^\.BI? "?{noun} {verb}\b.*\n.*\n(Takes .*)?', page, re.M)
        check(told, f'rehome-mdm.1 lacks {noun} {verb}')
        for option in re.findall(r'--[a-z-]+', line):
            check(option in (told.group(1) or ''), f'rehome-mdm.1 lacks {option} of {noun} {verb}')
    for variable in ('REHOME_MDM_URL', 'REHOME_MDM_TOKEN_FILE', 'REHOME_MDM_CA'):
        check(variable in page, f'rehome-mdm.1 lacks {variable}')


@case('each command, option and fault of rehome-sim is in rehome-sim.1')
def sim_page(world):
    page = manual(world, 'rehome-sim.1')
    commands = commands_of(world.sim('--help').text)
    check(set(commands) >= {'new', 'run', 'age', 'person', 'show', 'ls', 'cat', 'bench'}, commands)
    for command in commands:
        check(re.search(rf'\b{command}\b', page), f'rehome-sim.1 lacks the command {command}')
        for option in set(re.findall(r'--[a-z][a-z-]+', world.sim(command, '--help').text)):
            check(option in page, f'rehome-sim.1 lacks {option} of {command}')
    refused = world.sim('run', '--fault', 'nonsense', world.dir / 'none', code=None)
    check(refused.code != 0)
    faults = re.search(r'there are ([a-z, -]+)', refused.messages)
    check(faults, refused.messages)
    for fault in faults.group(1).split(', '):
        check(fault.strip() in page, f'rehome-sim.1 lacks the fault {fault}')


@case('the README names two commands, and both exist')
def readme(world):
    root = pathlib.Path(world.env['REHOME_SOURCE_ROOT'])
    text = (root / 'README.md').read_text()
    makefile = (root / 'Makefile').read_text()
    for target in re.findall(r'`make ([a-z]+)`', text):
        check(re.search(rf'^{target}:', makefile, re.M), f'make {target} does not exist')
    check('make demo' in text and 'make test' in text)
    for link in re.findall(r'\]\(([^)#]+)\)', text):
        check((root / link).exists(), f'README points to {link}')


@case('each room has a README, a header named like it, and a place in the table of layers')
def rooms(world):
    root = pathlib.Path(world.env['REHOME_SOURCE_ROOT'])
    layers = (root / 'docs' / 'design' / 'rooms.md').read_text()
    for room in sorted(path for path in (root / 'src').iterdir() if path.is_dir() and path.name != 'bin'):
        check((room / 'README.md').is_file(), f'{room.name} has no README.md')
        check((room / f'{room.name}.h').is_file(), f'{room.name} has no header of its name')
        check(f'`{room.name}`' in layers, f'{room.name} is not in docs/design/rooms.md')


@case('each table of the service with each of its columns is in docs/design/service.md, and no other')
def rows_page(world):
    root = pathlib.Path(world.env['REHOME_SOURCE_ROOT'])
    source = ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', (root / 'src' / 'store' / 'schema.c').read_text()))
    tables = {name: re.findall(r'(\w+) \{\w+\}', columns)
              for name, columns in re.findall(r'CREATE TABLE (\w+) \((.*?)\)(?: \{keyed\})?;', source)}
    check(len(tables) > 15, tables)
    section = (root / 'docs' / 'design' / 'service.md').read_text().split('## Rows')[1].split('\n## ')[0]
    told = {line.split('|')[1].strip(): line for line in section.splitlines() if line.startswith('| ')}
    del told['table']
    check(set(told) == set(tables), f'tables: {set(told) ^ set(tables)}')
    for name, columns in tables.items():
        for column in columns:
            check(re.search(rf'\b{column}\b', told[name]), f'service.md lacks {column} of {name}')
