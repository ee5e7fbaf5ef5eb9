#!/usr/bin/env python3
"""HTTPS alone, and the whole service, against a bare accept loop with the same TLS settings; and a large fleet.

CPU is the server's own, of all its processes, from the scheduler's account in nanoseconds: the least of
several rounds, the servers in turn.  See bench/README.md.
"""
import argparse
import contextlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

from mdm_load import Load, Server, Service, certificate, show

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'tests' / 'e2e'))
import postgres  # noqa: E402

DEVICES = 64      # that speak at once
COMMANDS = 10     # that wait for each device of the fleet
HISTORY = 100     # rows that each of them has already
FEW = 256         # devices of the small store: some are left when those that speak are served
# how often acknowledge and next command goes down a tree of the store; some statements go down twice
DESCENTS = {'certificate': 1, 'sqlite_autoindex_certificate_1': 1, 'enrollment': 1, 'queue': 5, 'queue_command': 2, 'history': 2,
            'kept': 2, 'sqlite_autoindex_kept_1': 1, 'device': 1}


def bar(what, value, limit, unit='x'):
    print(f'  {what}: {value:.2f}{unit} (bar {limit}{unit}) {"met" if value <= limit else "MISSED"}', flush=True)


def instructions(load, name, start, folder):
    """Instructions of a new connection with its request: the difference of two runs, so that starting does not count."""
    totals = []
    for connections in (20, 220):
        out = folder / f'callgrind.{name.replace(" ", "-")}.{connections}'
        server = start(['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}.%p', '-q'])
        load.run(server, 'new', connections, 1)
        server.stop()
        totals.append(sum(int(line.split()[1]) for path in folder.glob(f'{out.name}.*') for line in path.read_text().splitlines()
                          if line.startswith('totals:')))
    count = (totals[1] - totals[0]) / 200
    print(f'  new     {name:12} {count / 1e6:8.2f} M instructions')
    return count


def measure(load, bare, server, args):
    """The figures that several sections have, against their bars."""
    new = load.least([bare, server], 'new', args.count, 4, args.rounds)
    resumed = load.least([bare, server], 'resume', args.count, 4, args.rounds)
    with load.kept(server, 'keep', args.count * 20 // DEVICES * DEVICES, DEVICES) as ask:
        show('keep', server.name, *min((ask() for _ in range(args.rounds)), key=lambda round_: round_[0]))
    bar('new connection, CPU against bare', new[server.name] / new['bare'], 1.25)
    bar('resumed against new', resumed[server.name] / new[server.name], 0.6)
    bar('an idle connection', load.idle_bytes(server, args.idle) / 1000, 26, ' kB')


def alone(build, folder, args):
    print('the HTTPS server alone, with a handler that answers 200')
    load = Load(build, folder)
    load.speak_as_anybody()
    identity = certificate(folder, 'server', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256')
    starts = {name: lambda wrapper=(), name=name, program=program: Server(name, [build / 'bench' / program, *identity], wrapper)
              for name, program in (('bare', 'bench_tls_accept'), ('http alone', 'bench_http'))}
    with contextlib.ExitStack() as stack:
        measure(load, *(stack.enter_context(start()) for start in starts.values()), args)
    if not args.no_callgrind:
        bare, ours = (instructions(load, name, start, folder) for name, start in starts.items())
        bar('new connection, instructions against bare', ours / bare, 1.08)


def bare_for(build, service, wrapper=()):
    """The accept loop with the service's own key."""
    return Server('bare', [build / 'bench' / 'bench_tls_accept', *service.identity], wrapper)


def service_instructions(build, folder):
    """On a data folder of its own: what is left of other sections would be swept meanwhile."""
    load = Load(build, folder)
    with Service(build, folder / 'quiet') as server:
        load.speak_as(server.enroll(folder, 8))
    bare = instructions(load, 'bare', lambda wrapper: bare_for(build, server, wrapper), folder)
    ours = instructions(load, 'service', lambda wrapper: Service(build, server.data, wrapper, ['--sandbox', 'off']), folder)
    bar('new connection, instructions against bare', ours / bare, 1.08)


def settle(server):
    """CPU microseconds of what is left to do when nobody asks any more: SQLite's log is moved into the database."""
    before = server.cpu_us()
    time.sleep(0.6)    # records.c: REST_MS
    return server.cpu_us().since(before, 1).own


def acknowledge(load, server, args):
    """Acknowledge and next command, over connections that stay: the least CPU of a request."""
    udids = (load.pool.parent / f'{load.pool.name}.names').read_text().split()
    best = None
    for _ in range(args.rounds):
        server.enqueue(udids, args.commands)
        with load.kept(server, 'queue', args.commands * DEVICES, DEVICES) as ask:
            cpu, seen = ask()
            rest = settle(server) / seen['count']
        if seen['commands'] != seen['count']:
            raise SystemExit(f'only {seen["commands"]} of {seen["count"]} answers carried a command')
        best = min(best or (cpu, seen, rest), (cpu, seen, rest), key=lambda round_: round_[0])
    show('queue', server.name, *best[:2])
    return best[0].own + best[2]


def service_on(build, folder, args, **where):
    """A service with its enrolled devices, on some database."""
    load = Load(build, folder)
    with Service(build, folder / 'service', **where) as server, bare_for(build, server) as bare:
        load.speak_as(server.enroll(folder, DEVICES))
        measure(load, bare, server, args)
        bar('acknowledge and next command', acknowledge(load, server, args), 120, ' us')


def service(build, folder, args):
    print(f'the service on SQLite, {DEVICES} devices, all its processes')
    service_on(build, folder, args)
    if not args.no_callgrind:
        (folder / 'more').mkdir()
        service_instructions(build, folder / 'more')


# ---- a fleet ----

def tree_levels(path):
    """Levels of each tree of a SQLite file, by its name: the way down to the left (sqlite.org/fileformat.html)."""
    with path.open('rb') as file:
        size = struct.unpack('>H', file.read(18)[16:])[0]
        roots = subprocess.run(['sqlite3', '-readonly', path, 'SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0'],
                               check=True, capture_output=True, text=True).stdout.split()

        def levels(number):
            file.seek((number - 1) * size)
            page = file.read(size)
            start = 100 if number == 1 else 0
            if page[start] not in (2, 5):    # a leaf
                return 1
            first = struct.unpack('>H', page[start + 12:start + 14])[0]
            return 1 + levels(struct.unpack('>I', page[first:first + 4])[0])

        return {name: levels(int(root)) for name, root in (row.split('|') for row in roots)}


class Fleet:
    """A service with many enrollments, filled while it does not run; a pool of identities for each DEVICES of some of them."""

    def __init__(self, build, folder, where, enrollments, history, pools):
        self.build, self.folder, self.where, self.pools = build, folder, where, pools
        folder.mkdir()
        self.database = folder / 'data' / 'records' / 'rehome.db'
        with self.start():    # makes keys, tokens and tables
            pass
        start = time.monotonic()
        subprocess.run([build / 'bench' / 'mdm_fill', where.get('store', f'sqlite:{self.database}'), str(enrollments), str(COMMANDS),
                        str(history), folder / 'pool', str(pools), str(DEVICES)], check=True)
        print(f'  {enrollments} enrollments, {enrollments * COMMANDS} commands in queues, {enrollments * history} rows of history:'
              f' made in {time.monotonic() - start:.0f} s', flush=True)
        self.levels = {} if where else tree_levels(self.database)

    def start(self):
        return Service(self.build, self.folder / 'data', **self.where)

    def session(self, server, pool):
        """Devices fetch all that waits for them: of each request of theirs CPU, what they saw, costs of the store.  And the CPU
        afterwards, of each of those requests."""
        load, done = Load(self.build, self.folder), []
        load.pool = self.folder / f'pool.{pool}'
        with load.kept(server, 'queue', DEVICES, DEVICES) as ask:
            for _ in range(COMMANDS):
                before = server.store_counts()
                cpu, seen = ask()
                if seen['commands'] != DEVICES:
                    raise SystemExit(f'only {seen["commands"]} of {DEVICES} answers carried a command')
                after = server.store_counts()
                done.append((cpu, seen, {name: (after[name] - before[name]) / DEVICES for name in after}))
            rest = settle(server) / DEVICES / COMMANDS
        return done, rest

    def measure(self, server, is_shown=True):
        """The least CPU of acknowledge and next command; costs of the store of the first of them, of the last, and their mean."""
        sessions = [self.session(server, pool) for pool in range(self.pools)]
        later = [round_ for done, _ in sessions for round_ in done[1:]]    # the first request acknowledges nothing
        best = min(later, key=lambda round_: round_[0])
        rest = min(rest for _, rest in sessions)
        if is_shown:
            show('queue', server.name, *best[:2])
            middle = sorted(round_[0] for round_ in later)[len(later) // 2]
            print(f'  {len(later)} rounds of {DEVICES} requests, median {middle.own:.1f} us; the first of a connection '
                  f'{min(done[0][0] for done, _ in sessions).own:.1f} us; moving the log afterwards {rest:.1f} us a request', flush=True)
        costs = [round_[2] for round_ in later]
        mean = {name: sum(cost[name] for cost in costs) / len(costs) for name in costs[0]}
        return best[0].own + rest, costs[0], costs[-1], mean


def fleet_on(build, folder, args, few_where, many_where):
    """What a large fleet costs, and how a large store compares with a small one."""
    few = Fleet(build, folder / 'few', few_where, FEW, 1, 1)
    with few.start() as server:
        *_, few_mean = few.measure(server, is_shown=False)
    many = Fleet(build, folder / 'many', many_where, args.enrollments, HISTORY, args.pools)
    with many.start() as server:
        cpu, first, last, mean = many.measure(server)
        bar('acknowledge and next command', cpu, 120, ' us')
        compare(first, last)
        grown(few_mean, mean, few.levels, many.levels)
        tries = []
        for _ in range(3):
            queued, seconds = server.enqueue_to_all()
            if queued != args.enrollments:
                raise SystemExit(f'a command for all reached {queued} of {args.enrollments}')
            tries.append(seconds)
        bar(f'one command for {args.enrollments} devices', min(tries), 3, ' s')
        bar('memory of the service (PSS of all its processes)', server.memory('Pss') / 2**20, 300, ' MiB')
        if server.beside:
            print(f'  memory of the database: {server.memory("Pss", server.beside) / 2**20:.0f} MiB')


def fleet(build, folder, args):
    print(f'a fleet on SQLite, {DEVICES} devices of it at a time')
    fleet_on(build, folder, args, {}, {})


def postgresql(build, folder, args):
    """The service and the fleet once more; PostgreSQL's own CPU is told apart."""
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(postgres.running(sync=True))
        except postgres.Missing as reason:
            print(f'PostgreSQL: skipped, {reason}')
            return

        def where(name):
            return {'store': database.database(name), 'beside': database.process}

        print(f'the service on PostgreSQL, {DEVICES} devices, all its processes')
        service_on(build, folder, args, **where('service'))
        print(f'a fleet on PostgreSQL, {DEVICES} devices of it at a time')
        fleet_on(build, folder, args, where('few'), where('many'))


def compare(first, last):
    """The last request against the first."""
    for name in first:
        print(f'  {name:10} a request: {first[name]:.2f} at first, {last[name]:.2f} at last')
    name = 'steps' if first['steps'] else 'rows'
    bar(f'{name}, the last request against the first', last[name] / first[name], 1.0)


def grown(few, many, few_levels, levels):
    """The mean request to the large store against that to the small one."""
    name = 'steps' if many['steps'] else 'rows'
    bar(f'{name}, the large store against that of {FEW} devices', many[name] / few[name], 1.0)
    if not levels:
        return
    deeper = sum(times * (levels[tree] - few_levels[tree]) for tree, times in DESCENTS.items())
    bar(f'pages, {many["pages"]:.1f} against {few["pages"]:.1f}; trees deeper by {deeper} on the ways of a request, 1 for what is split',
        many['pages'] - few['pages'], deeper + 1, '')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', default='build')
    parser.add_argument('--only', choices=[section.__name__ for section in SECTIONS])
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--count', type=int, default=1000, help='connections of a round')
    parser.add_argument('--commands', type=int, default=200, help='for each device, in a round')
    parser.add_argument('--idle', type=int, default=10000, help='idle connections')
    parser.add_argument('--enrollments', type=int, default=100000, help='of the fleet')
    parser.add_argument('--pools', type=int, default=16, help=f'of {DEVICES} devices of the fleet that speak')
    parser.add_argument('--no-callgrind', action='store_true')
    args = parser.parse_args()
    build = pathlib.Path(args.build).resolve()
    for section in SECTIONS:
        if args.only in (None, section.__name__):
            with tempfile.TemporaryDirectory() as name:
                section(build, pathlib.Path(name), args)


SECTIONS = [alone, service, fleet, postgresql]

if __name__ == '__main__':
    sys.exit(main())
