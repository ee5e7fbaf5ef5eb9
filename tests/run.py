#!/usr/bin/env python3
"""Build, then run every test: arrows between rooms, unit tests, end-to-end tests.

Closes with "N passed, N failed, N skipped"; says what was skipped and why.
"""
import argparse
import importlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'e2e'))
import harness  # noqa: E402


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = [], [], []

    def take(self, name, outcome, text='', seconds=None):
        getattr(self, outcome).append((name, text))
        took = f' ({seconds:.1f} s)' if seconds is not None and seconds >= 0.1 else ''
        word = {'passed': 'ok  ', 'failed': 'FAIL', 'skipped': 'skip'}[outcome]
        print(f'{word} {name}{took}' + (f': {text}' if text and outcome == 'skipped' else ''), flush=True)
        if outcome == 'failed' and text:
            print('     ' + text.strip().replace('\n', '\n     '), flush=True)

    def close(self):
        if self.skipped:
            print('\nskipped:')
            for name, text in self.skipped:
                print(f'  {name}: {text}')
        if self.failed:
            print('\nfailed:')
            for name, _ in self.failed:
                print(f'  {name}')
        print(f'{len(self.passed)} passed, {len(self.failed)} failed, {len(self.skipped)} skipped', flush=True)
        return 1 if self.failed or not self.passed else 0


def build(where, sanitize):
    options = ['-Dtests=true', '-Dwerror=true']
    if sanitize:
        options += ['-Db_sanitize=address,undefined', '-Db_lundef=false']
    if not (where / 'build.ninja').exists():
        command = ['meson', 'setup', str(where), *options]
    else:
        command = ['meson', 'configure', str(where), *options]
    for step in (command, ['ninja', '-C', str(where)]):
        done = subprocess.run(step, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            print(done.stdout[-6000:])
            return False
    return True


def unit_tests(where, tally, only, env):
    listing = subprocess.run(['meson', 'introspect', '--tests', str(where)], capture_output=True, text=True, check=True)
    for test in sorted(json.loads(listing.stdout), key=lambda entry: entry['name']):
        if only and not re.search(only, test['name']):
            continue
        started = time.monotonic()
        try:
            done = subprocess.run(test['cmd'], env={**env, **test['env']}, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=600, cwd=where)
            text, code = done.stdout.decode(errors='replace'), done.returncode
        except subprocess.TimeoutExpired as late:
            text, code = (late.stdout or b'').decode(errors='replace'), 'time-out'
        seconds = time.monotonic() - started
        good = re.findall(r'^\[ +OK \] (\w+)', text, re.M)
        bad = set(re.findall(r'^\[ +(?:FAILED|ERROR) +\] (\w+)(?:$| )', text, re.M)) - {'tests'}
        skipped = re.findall(r'^\[ +SKIPPED +\] (\w+)$', text, re.M)
        reasons = re.findall(r'^SKIP: (.*)$', text, re.M)
        for name in good:
            tally.passed.append((f'{test["name"]}: {name}', ''))
        for name in dict.fromkeys(skipped):
            tally.take(f'{test["name"]}: {name}', 'skipped', '; '.join(dict.fromkeys(reasons)) or 'no reason given')
        if code != 0 or bad or not (good or skipped):
            tally.take(f'{test["name"]} (exit {code})', 'failed', text[-4000:])
        else:
            print(f'ok   {test["name"]}: {len(good)} tests ({seconds:.1f} s)', flush=True)


def end_to_end(where, tally, only, level, seed, env):
    for path in sorted((ROOT / 'tests' / 'e2e').glob('test_*.py')):
        module = importlib.import_module(path.stem)
        for case in harness.cases_of(module):
            name = f'{path.stem}: {case.title}'
            if only and not re.search(only, name):
                continue
            if case.level == 'soak' and level != 'soak':
                continue
            started = time.monotonic()
            world = harness.World(where, level, seed, env, name)
            try:
                case.run(world)
            except harness.Skip as why:
                tally.take(name, 'skipped', str(why))
            except Exception:
                tally.take(name, 'failed', f'seed {seed}\n' + traceback.format_exc()[-3000:] + world.trail())
            else:
                tally.take(name, 'passed', seconds=time.monotonic() - started)
            finally:
                world.close()


def main():
    words = argparse.ArgumentParser()
    words.add_argument('--build', type=pathlib.Path, required=True)
    words.add_argument('--level', choices=['sample', 'soak'], default='sample')
    words.add_argument('--seed', type=int, default=None)
    words.add_argument('--sanitize', action='store_true')
    words.add_argument('--only', help='regular expression on names')
    words.add_argument('--no-build', action='store_true')
    words.add_argument('--part', choices=['unit', 'e2e', 'all'], default='all')
    words = words.parse_args()
    where = words.build.resolve()
    seed = words.seed if words.seed is not None else int.from_bytes(os.urandom(3), 'big')
    tally = Tally()
    if not words.no_build and not build(where, words.sanitize):
        tally.take('build', 'failed')
        return tally.close()
    fixtures = os.environ.get('REHOME_FIXTURES') or str(ROOT.parent / 'shared' / 'fixtures')
    env = {**os.environ, 'REHOME_SOURCE_ROOT': str(ROOT), 'REHOME_SEED': str(seed), 'LC_ALL': 'C.UTF-8',
           'ASAN_OPTIONS': 'abort_on_error=1:detect_leaks=1', 'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1'}
    if words.level == 'soak':
        env.setdefault('REHOME_RULES_SAMPLES', '10000000')
    if os.path.isdir(fixtures):
        env['REHOME_FIXTURES'] = fixtures
    print(f'seed {seed} (repeat with SEED={seed}); fixtures: {fixtures if os.path.isdir(fixtures) else "none"}', flush=True)
    if words.part != 'e2e' and not words.only:
        print('arrows between rooms:')
        done = subprocess.run([sys.executable, str(ROOT / 'tests' / 'arrows.py')], capture_output=True, text=True)
        print(done.stdout, end='')
        tally.take('arrows point to lower layers', 'failed' if done.returncode else 'passed')
    if words.part != 'e2e':
        unit_tests(where, tally, words.only, env)
    if words.part != 'unit':
        end_to_end(where, tally, words.only, words.level, seed, env)
    return tally.close()


if __name__ == '__main__':
    sys.exit(main())
