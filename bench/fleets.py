"""Tables of devices for `bench.py --only plan`: the same every time, of any length."""
import csv
import itertools
import pathlib
import random

VECTORS = pathlib.Path(__file__).resolve().parent.parent / 'tests' / 'data' / 'rules' / 'vectors.csv'
WORDS = {
    'target_os': ['17.7', '18.6', '26.2', '26.4', '27.0'], 'backup_os': ['17.7'],
    'backup_source': ['local_encrypted', 'local_plain'], 'device': ['same', 'different'],
    'reset': ['erased_locally', 'wiped_by_service'], 'backup_management': ['this', 'other'],
    'backup_enrollment': ['automated'], 'backup_identity': ['software', 'hardware'], 'backup_supervised': ['yes'],
    'profile_removable': ['yes', 'no'], 'service_record': ['active', 'deleted', 'hidden_by_cleanup', 'none'],
    'ade_assigned': ['this', 'other'], 'ade_profile_set': ['yes'], 'ade_profile_locked': ['yes', 'no'],
    'ade_ignores_backup': ['yes', 'no'],
}


def facts(path, count):
    """For --facts: the vectors over and over, so that every fact is known."""
    with open(VECTORS) as file:
        rows = [{name: cell for name, cell in row.items() if name.startswith('in_')} for row in csv.DictReader(file)]
    with open(path, 'w', newline='') as out:
        table = csv.DictWriter(out, rows[0])
        table.writeheader()
        table.writerows(itertools.islice(itertools.cycle(rows), count))


def devices(path, count, known=WORDS):
    """For --devices: what an inventory tells, drawn anew for each of a thousand devices."""
    draw = random.Random(1)
    cells = [','.join(draw.choice(words) for words in known.values()) for _ in range(1000)]
    with open(path, 'w') as out:
        out.write(','.join(['serial', 'name', *known]) + '\n')
        out.writelines(f'RHSIM{i:07d},iPad {i},{cells[i % 1000]}\n' for i in range(count))
