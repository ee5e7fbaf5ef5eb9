#!/usr/bin/env python3
"""Are the scenarios able to fail?  Five changes in the rules, five in the mechanism, and eight in the
service and in what a plan reads of it, each made in a copy of the tree, must each make prediction and
observation differ.

`make scenarios-mutate`; some minutes, most of them for the first build.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

import scenarios
import scenarios_live

ROOT = pathlib.Path(__file__).resolve().parent.parent

# what is changed, in which file, from, to
CHANGES = [
    ('rule: OS 27 begins at 27.1', 'src/rules/limits.c',
     '[REGIME_OS27] = {RULES_ID(\'R\', 154), RULES_OS_VERSION(27, 0)', '[REGIME_OS27] = {RULES_ID(\'R\', 154), RULES_OS_VERSION(27, 1)'),
    ('rule: a UID is another server when it is absent', 'src/rules/keep.c',
     'eval_is(eval, RULES_SERVER_UID, RULES_UID_DIFFERENT)', 'eval_is(eval, RULES_SERVER_UID, RULES_UID_ABSENT)'),
    ('rule: who was retired before the erase was not let go', 'src/rules/legacy.c',
     'VALUE_BIT(RULES_REMOTE_WIPE) | VALUE_BIT(RULES_RETIRE_THEN_ERASE)', 'VALUE_BIT(RULES_REMOTE_WIPE)'),
    ('rule: a provisional device is locked', 'src/rules/enroll.c', '\t\tis_locked = false;\n', '\t\tis_locked = true;\n'),
    ('rule: an enrollment by profile bears no risk', 'src/rules/legacy.c',
     "\t\teval_why(eval, RULES_ID('R', 212));\n\t\tfound = true;\n", "\t\teval_why(eval, RULES_ID('R', 212));\n"),
    ('mechanism: servers are compared from 26.4 on only', 'src/sim/device_mechanism.c',
     '{"another-server", 260000,', '{"another-server", 260400,'),
    ('mechanism: account-driven enrollments stay', 'src/sim/device_mechanism.c',
     '{"account-driven", 0,', '{"account-driven", 990000,'),
    ('mechanism: a hidden Restore pane is offered', 'src/sim/device_setup.c', 'if (fresh.hides_restore || ', 'if ('),
    ('mechanism: the service takes back whom it enrolled anew', 'src/sim/device_contact.c',
     'world_is(device, "generation", "newer") ||', 'world_is(device, "generation", "older") ||'),
    ('mechanism: profiles move to other hardware', 'src/sim/device_mechanism.c',
     'is_other_hardware,\n\t DROPS_RECORD | DROPS_PROFILES,', 'is_other_hardware,\n\t DROPS_RECORD,'),
]
# the same, and the stories of a service that are told
SERVICE_CHANGES = [
    ('service: an identity of an earlier life counts', 'src/fleet/judge.c',
     '\tif (facts->identity == FLEET_IDENTITY_ENDED)\n\t\treturn refuse("identity was ended", "identity-ended");\n', '',
     ['L-ended', 'L-wiped']),
    ('service: a superseded identity is ended', 'src/fleet/scene.c', 'rows[i].state = STORE_CERT_PREVIOUS;',
     'rows[i].state = STORE_CERT_ENDED;', ['L-superseded']),
    ('service: a restore is not noticed', 'src/fleet/judge.c', 'return !facts->awaits_token;', 'return false;', ['L-current']),
    ('service: a wipe is not held after a restore', 'src/fleet/life.c', '\tif (!is_confirmed)\n', '\tif (is_confirmed)\n',
     ['L-wipe-waits']),
    ('service: a deleted record leaves the profile', 'src/fleet/operator.c',
     'if (r == 0 && enrollment->state == STORE_ENABLED)\n\t\tr = queue_retire(fleet, enrollment, true, by, err);',
     '(void)by;', ['L-deleted']),
    ('service: imported serial numbers do not count', 'src/fleet/life.c', 'device->ownership = STORE_CORPORATE;',
     'device->ownership = STORE_PERSONAL;', ['L-corporate']),
    ('service: personal devices are let in', 'src/fleet/life.c', 'if (fleet->policy.is_personal_blocked &&', 'if (false &&',
     ['L-barred']),
    ('plan: generations are not compared', 'src/cli/plan_record.c',
     'mdm_generation(identity) < mdm_generation(enrollment)', 'mdm_generation(identity) < 0', ['L-ended']),
]


def copy_tree(scratch):
    files = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, check=True).stdout.decode().split('\0')
    for name in filter(None, files):
        source, target = ROOT / name, scratch / name
        if source.is_file() and not (target.exists() and target.read_bytes() == source.read_bytes()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def build(scratch):
    where = scratch / 'build'
    commands = [] if (where / 'build.ninja').exists() else [['meson', 'setup', str(where), '-Dtests=false']]
    for command in [*commands, ['ninja', '-C', str(where), 'rehome', 'rehome-sim', 'rehomed']]:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stdout[-3000:] + done.stderr)
    return where


def differing(stories):
    return [story.name for story in stories if story.differences]


def in_words(scratch, seed, count):
    return differing(scenarios.run_scenarios(build(scratch), seed, count)[0])


def by_service(scratch, names):
    return differing(scenarios_live.run_live(build(scratch), names)[0])


def changed(scratch, name, before, after, tell):
    """What `tell` finds while `name` has `after` for `before`"""
    path = scratch / name
    text = path.read_text()
    if text.count(before) != 1:
        raise SystemExit(f'{name} holds {text.count(before)} times: {before}')
    path.write_text(text.replace(before, after))
    try:
        return tell()
    finally:
        path.write_text(text)


def main():
    words = argparse.ArgumentParser(description='are the scenarios able to fail?')
    words.add_argument('--seed', type=int, default=1)
    words.add_argument('--count', type=int, default=150, help='generated stories beside the vectors')
    words.add_argument('--only', default='', metavar='TEXT', help='changes whose name holds it, e.g. "service:"')
    words.add_argument('--scratch', type=pathlib.Path, help='the copy of the tree, kept (default: a temporary one)')
    words = words.parse_args()
    with tempfile.TemporaryDirectory(prefix='rehome-mutate-') as temporary:
        scratch = words.scratch or pathlib.Path(temporary)
        copy_tree(scratch)
        names = in_words(scratch, words.seed, words.count) + by_service(scratch, ())
        if names:
            raise SystemExit(f'they differ without any change: {" ".join(names)}')
        tellings = [(*change, lambda: in_words(scratch, words.seed, words.count)) for change in CHANGES]
        tellings += [(*change, lambda chosen=chosen: by_service(scratch, chosen)) for *change, chosen in SERVICE_CHANGES]
        tellings = [telling for telling in tellings if words.only in telling[0]]
        missed = 0
        for what, name, before, after, tell in tellings:
            names = changed(scratch, name, before, after, tell)
            missed += not names
            shown = ' '.join(names[:8]) + (f' and {len(names) - 8} more' if len(names) > 8 else '')
            print(f'{"caught" if names else "MISSED"}  {what:58} {shown}', flush=True)
        build(scratch)
    print(f'{len(tellings) - missed} passed, {missed} failed, 0 skipped')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
