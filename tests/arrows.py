#!/usr/bin/env python3
"""Print the includes between rooms and fail on one that points the wrong way.

Layers as in docs/design/rooms.md; an arrow goes to a lower layer or stays in the room.
A room shows others one header, ROOM/ROOM.h; `sim` must learn about the host over the wire.
What measures goes by these doors, too, and by headers made for it; a fuzz target may look into
the one room that it is for, as a unit test does.
"""
import collections
import pathlib
import re
import sys

LAYER = {'base': 0, 'plist': 1, 'csv': 1, 'crypto': 1, 'net': 1, 'link': 2, 'backup': 2, 'repo': 2, 'rules': 2, 'lists': 2, 'mdm': 2, 'store': 2,
         'job': 3, 'mount': 3, 'plan': 3, 'fleet': 3, 'cli': 4, 'sim': 4, 'server': 4, 'bin': 5}
# a room of two subjects has a second door
SECOND_DOORS = {'crypto/identity.h', 'net/http.h'}
# what tests of other rooms may stand on
TEST_DOORS = {'store/testing.h'}
# what programs that measure may stand on, beside ROOM/bench_*.h
BENCH_DOORS = {'net/http_tls.h'}
# what a room of the same layer may still look at
SAME_LAYER = {('net', 'crypto'), ('mount', 'job')}
FORBIDDEN = {('sim', 'repo'), ('sim', 'rules'), ('sim', 'job'), ('sim', 'cli'), ('sim', 'plan'), ('sim', 'mount'),
             ('sim', 'store'), ('sim', 'fleet')}


def includes(path):
    return re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)


def is_door(name):
    room, _, header = name.partition('/')
    return header == f'{room}.h' or name in SECOND_DOORS


def outside(top):
    """What is no room, and looks past a door"""
    rooms = dict(line.split() for line in (top / 'fuzz' / 'targets.txt').read_text().splitlines() if line)
    for path in sorted([*top.glob('bench/*.[ch]'), *top.glob('fuzz/*.c')]):
        own = rooms.get(path.stem.removeprefix('fuzz_'))
        for name in includes(path):
            room, _, header = name.partition('/')
            is_open = room == own or name in BENCH_DOORS | TEST_DOORS or header.startswith('bench_')
            if header and not is_door(name) and not is_open:
                yield f'{path.parent.name}/{path.name}: {name} is not the door of {room}'


def main():
    root = pathlib.Path(__file__).resolve().parent.parent / 'src'
    arrows = collections.Counter()
    wrong = list(outside(root.parent))
    for path in sorted(root.glob('*/*.[ch]')):
        room = path.parent.name
        if room not in LAYER:
            wrong.append(f'{path.name}: room {room} has no layer')
            continue
        for name in includes(path):
            target, _, header = name.partition('/')
            if not header:
                wrong.append(f'{room}/{path.name}: "{name}" does not name its room')
                continue
            if target == room:
                continue
            arrows[room, target] += 1
            is_test = path.name.startswith(('test_', 'testing'))
            if not is_door(name) and not (is_test and name in TEST_DOORS):
                wrong.append(f'{room}/{path.name}: {name} is not the door of {target}')
            if (room, target) in FORBIDDEN or (
                    LAYER[target] >= LAYER[room] and (room, target) not in SAME_LAYER and not is_test):
                wrong.append(f'{room}/{path.name}: {room} -> {target} points the wrong way')
    for room in sorted(LAYER, key=lambda name: (LAYER[name], name)):
        to = sorted(target for source, target in arrows if source == room)
        if to:
            print(f'  {LAYER[room]} {room:7} -> ' + ', '.join(f'{name} ({arrows[room, name]})' for name in to))
    for line in wrong:
        print('wrong: ' + line)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
