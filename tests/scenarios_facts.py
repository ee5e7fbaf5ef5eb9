"""Stories for tests/scenarios.py: facts by chance, with every branch of the rules in mind.

Candidate n of a seed is a function of both, so that a story can be told again by its number alone.
Chance alone would tell the common stories over and over: each candidate begins with a theme that
leads to a part of the evaluation, and `choose` keeps those by which something new is decided.
"""
import collections
import csv
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parent.parent
VECTORS = ROOT / 'tests' / 'data' / 'rules' / 'vectors.csv'

OSES = ['13.7', '16', '17', '18.6', '26.0', '26.2', '26.3', '26.4', '26.5', '27', '27.1']

# each field: what is usual, then the rest
FIELDS = {
    'scenario': ['restore', 'migrate_no_wipe'],
    'goal': ['this', 'keep'],
    'os': OSES,
    'backup_os': OSES,
    'flag': ['no', 'yes'],
    'source': ['local_encrypted', 'local_plain', 'icloud', 'direct_transfer', 'account_signin'],
    'tool': ['finder', 'configurator'],
    'system_files': ['yes', 'no'],
    'password': ['known', 'lost'],
    'dev': ['same', 'diff'],
    'reset': ['local_erase', 'remote_wipe', 'retire_then_erase', 'brand_new', 'not_reset', 'return_to_service'],
    'wiped_by': ['this', 'other'],
    'bm': ['this', 'other', 'none'],
    'kind': ['ade', 'profile', 'adde', 'user', 'configurator', '-'],
    'identity': ['soft', 'hardware'],
    'removable': ['yes', 'no'],
    'bsup': ['yes', 'no'],
    'ade_record': ['mandatory', 'none'],
    'server_uid': ['absent', 'equal', 'different'],
    'migrated': ['no', 'yes'],
    'expired': ['no', 'yes'],
    'revoked': ['no', 'yes'],
    'record': ['active', 'hidden_by_cleanup', 'deleted', 'retire_pending', 'wipe_pending', 'none'],
    'generation': ['same', 'newer'],
    'renewed': ['no', 'yes'],
    'directory': ['present', 'missing', 'disabled'],
    'other_response': ['accepts', 'rejects'],
    'policy': ['refuse', 'accept'],
    'ade': ['this', 'other', 'none'],
    'profile': ['yes', 'no'],
    'locked': ['yes', 'no'],
    'hidden': ['no', 'yes'],
    'shared': ['no', 'yes'],
    'provisional': ['no', 'yes'],
    'ade_block': ['none', 'platform', 'licence', 'push', 'limit'],
    'now': ['none', 'this', 'other'],
    'now_sup': ['no', 'yes'],
    'find_my': ['no', 'yes'],
    'pairing': ['yes', 'no'],
    'force_enc': ['no', 'yes'],
    'act_lock': ['off', 'owner_known', 'bypass_known', 'blocked'],
    'board': ['same', 'replaced'],
    'os_range_ok': ['yes', 'no'],
    'personal_blocked': ['no', 'yes'],
    'imported': ['no', 'yes'],
    'platform_blocked': ['no', 'yes'],
    'limit_left': ['yes', 'no'],
    'managed_nobackup': ['no', 'yes'],
}

# what a theme holds fast; a list is chosen from
COMES_BACK = {'dev': 'same', 'board': 'same', 'identity': 'soft', 'hidden': 'no', 'shared': 'no',
              'os': OSES[:9], 'password': 'known', 'act_lock': 'off', 'migrated': 'no', 'server_uid': ['absent', 'equal'],
              'source': ['local_encrypted', 'local_plain', 'icloud'], 'kind': ['ade', 'profile', 'configurator'],
              'reset': ['local_erase', 'remote_wipe', 'retire_then_erase'], 'flag': 'no'}
SET_UP = {**COMES_BACK, 'reset': 'not_reset', 'source': ['local_encrypted', 'local_plain'], 'pairing': 'yes', 'find_my': 'no'}
ALIKE = [{'now': side, 'bm': side} for side in ('this', 'other')]
THEMES = [
    {},
    {'reset': 'not_reset'},
    {**COMES_BACK, 'bm': 'this'},
    {**COMES_BACK, 'bm': 'this', 'generation': 'same', 'record': ['active', 'hidden_by_cleanup', 'retire_pending', 'wipe_pending'],
     'expired': 'no', 'revoked': 'no', 'reset': 'local_erase'},
    {**COMES_BACK, 'bm': 'this', 'policy': 'accept'},
    {**COMES_BACK, 'bm': 'other'},
    {**COMES_BACK, 'bm': 'other', 'wiped_by': 'other'},
    {**COMES_BACK, 'bm': 'none'},
    {**COMES_BACK, 'bm': 'none', 'ade_record': 'mandatory', 'os': ['26.4', '26.5']},
    {**COMES_BACK, 'flag': 'yes', 'os': OSES[4:]},
    {**COMES_BACK, 'os': OSES[4:9], 'server_uid': 'different', 'ade_record': 'mandatory'},
    {**COMES_BACK, 'os': OSES[4:9], 'migrated': 'yes'},
    {**COMES_BACK, 'os': ['27', '27.1']},
    {**COMES_BACK, 'kind': ['adde', 'user']},
    {**COMES_BACK, 'identity': 'hardware'},
    {**COMES_BACK, 'identity': 'hardware', 'kind': ['adde', 'user'], 'ade_record': 'mandatory', 'profile': 'yes'},
    {'dev': 'diff', 'act_lock': 'off'},
    {'dev': 'same', 'board': 'replaced', 'hidden': 'no', 'shared': 'no'},
    *[{**SET_UP, **alike} for alike in ALIKE],
    *[{**SET_UP, **alike, 'flag': 'yes', 'server_uid': ['equal', 'different']} for alike in ALIKE],
    {**SET_UP, 'now': 'none'},
    {**SET_UP, 'dev': 'diff', 'now': 'none', 'tool': 'finder'},
    {**SET_UP, 'now': 'none', 'os': OSES[4:], 'bsup': 'no', 'ade_record': 'none', 'kind': ['profile', 'user', '-'], 'now_sup': 'no'},
    {**SET_UP, 'system_files': 'no', 'tool': 'finder'},
    {**SET_UP, 'tool': 'configurator'},
    {**SET_UP, 'bm': 'none', 'now': ['this', 'other'], 'system_files': 'yes'},
    {**SET_UP, 'now': ['this', 'other'], 'pairing': ['yes', 'no'], 'find_my': ['no', 'yes']},
    {**SET_UP, 'bm': 'this', 'now': 'this', 'record': ['retire_pending', 'wipe_pending'], 'generation': 'same', 'expired': 'no',
     'revoked': 'no', 'system_files': 'yes', 'tool': 'finder', 'os': OSES[:9], 'force_enc': 'no'},
    {**SET_UP, 'bm': 'other', 'now': 'other', 'other_response': 'rejects', 'system_files': 'yes', 'tool': 'finder', 'os': OSES[:9]},
    {'reset': 'not_reset', 'now': ['this', 'other', 'none'], 'source': ['icloud', 'direct_transfer', 'account_signin'], 'shared': 'no'},
    {'source': 'account_signin', 'act_lock': 'off', 'reset': ['local_erase', 'brand_new']},
    {'reset': 'local_erase', 'hidden': 'yes', 'act_lock': 'off', 'source': ['local_plain', 'icloud']},
    {'scenario': 'migrate_no_wipe'},
    {'scenario': 'migrate_no_wipe', 'now': 'other', 'platform_blocked': 'no', 'os_range_ok': 'yes', 'limit_left': 'yes',
     'personal_blocked': 'no'},
]


def version(text):
    return tuple(int(part) for part in (text + '.0').split('.')[:2])


def make_possible(facts, chance):
    """Change what cannot be beside the rest, and little else: what contradicts itself (R-711), and states
    that no device comes into: preparing it with Configurator supervises it and replaces its ADE record,
    nothing but ADE and Configurator supervises, and a lock comes with supervision by ADE (D-05)
    """
    if facts['scenario'] == 'migrate_no_wipe':
        facts['reset'] = 'not_reset'
    if facts['reset'] != 'not_reset':
        facts['now'] = 'none'
    if facts['reset'] == 'brand_new' or facts['source'] == 'direct_transfer':
        facts['dev'] = 'diff'
    if facts['source'] in ('icloud', 'direct_transfer'):
        facts['tool'] = 'finder'
    if facts['bm'] == 'none':
        facts['kind'], facts['identity'] = '-', 'soft'
    elif facts['kind'] == '-':
        facts['kind'] = 'ade'
    if facts['kind'] == 'configurator':
        facts['ade_record'], facts['server_uid'], facts['bsup'] = 'none', 'absent', 'yes'
    if facts['kind'] == 'ade' or facts['server_uid'] != 'absent':
        facts['ade_record'] = 'mandatory'
    if facts['kind'] == 'profile' and facts['ade_record'] == 'none':
        facts['bsup'] = 'no'
    if facts['kind'] != 'ade' or facts['bsup'] == 'no':
        facts['removable'] = 'yes'
    if version(facts['backup_os']) > version(facts['os']) and chance.random() < 0.9:
        facts['backup_os'] = facts['os']
    return facts


def candidate(seed, number):
    """Story g<number> of a seed: {field: word}"""
    chance = random.Random(f'{seed}:{number}')
    theme = THEMES[number % len(THEMES)]
    rate = chance.choice([0.06, 0.15, 0.35])
    facts = {}
    for field, words in FIELDS.items():
        if field in theme:
            held = theme[field]
            facts[field] = held if isinstance(held, str) else chance.choice(held)
        elif field in ('os', 'backup_os', 'bm', 'ade'):
            facts[field] = chance.choice(words)
        else:
            facts[field] = chance.choice(words[1:]) if chance.random() < rate else words[0]
    if 'ade_record' not in theme and facts['kind'] in ('user', 'adde', '-', 'profile'):
        facts['ade_record'] = chance.choice(['none', 'none', 'mandatory'])
    if 'bsup' not in theme and facts['ade_record'] == 'none':
        facts['bsup'] = chance.choice(['no', 'no', 'yes'])
    return make_possible(facts, chance)


def vectors():
    """The named cases: [(id, facts)]"""
    with open(VECTORS, newline='') as table:
        rows = list(csv.DictReader(table))
    return [(row['id'], {field: row['in_' + field] for field in FIELDS}) for row in rows]


def head(outcome):
    """What an outcome is in short: restore, end of Setup Assistant, management, what then, content"""
    return tuple(outcome[column] for column in ('restore', 'setup_assistant', 'mgmt', 'then', 'content'))


def features(outcome):
    """What a story may be the first to show."""
    named = [('rule', rule) for rule in outcome['rules'].split()]
    alternatives = [('alt', outcome['mgmt'], other) for other in outcome['alt'].split()]
    return [('head', *head(outcome)), *named, *alternatives]


def choose(outcomes, count):
    """Of @outcomes (None: cannot be) the places of @count stories: first those by which every rule,
    head and alternative is shown three times, then one for each way to an outcome, then the rest."""
    shown = collections.Counter()
    ways = set()
    chosen = {}
    possible = [place for place, outcome in enumerate(outcomes) if outcome]

    def take(place):
        chosen[place] = True
        shown.update(features(outcomes[place]))
        ways.add(outcomes[place]['rules'])

    for wanted in (1, 2, 3):
        for place in possible:
            if len(chosen) < count and place not in chosen and any(shown[f] < wanted for f in features(outcomes[place])):
                take(place)
    for is_new_way in (True, False):
        for place in possible:
            if len(chosen) < count and place not in chosen and (not is_new_way or outcomes[place]['rules'] not in ways):
                take(place)
    return sorted(chosen)
