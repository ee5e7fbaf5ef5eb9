"""The swarm against a service that is disturbed: restarts, killed processes, a database that cannot be written."""
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

from harness import case, check
from serving import serving
from test_mdm_devices import judged, lines_of, queue_while_running


def restart(service, chosen):
    service.stop()
    service.start()


def kill_a_process(service, chosen):
    """One of the children; the listener starts another."""
    os.kill(chosen.choice(service.processes()), signal.SIGKILL)


def lock_the_database(service, chosen):
    """Somebody else writes: no transaction can begin."""
    path, = service.data.glob('records/*.db')
    other = sqlite3.connect(path, isolation_level=None, timeout=20)
    try:
        other.execute('BEGIN IMMEDIATE')
        time.sleep(2)
        other.execute('ROLLBACK')
    finally:
        other.close()


class Disturbances(threading.Thread):
    def __init__(self, service, every, seed):
        super().__init__()
        self.service, self.every, self.random, self.ended = service, every, random.Random(seed), threading.Event()
        self.done, self.failure = {}, None

    def run(self):
        while not self.ended.wait(self.every):
            disturb = self.random.choice([restart, kill_a_process, lock_the_database])
            try:
                disturb(self.service, self.random)
            except Exception as failure:
                self.failure = f'{disturb.__name__}: {failure}'
                return
            self.done[disturb.__name__] = self.done.get(disturb.__name__, 0) + 1

    def stop(self):
        self.ended.set()
        self.join()
        check(not self.failure, self.failure)


def play(world, count, spare, requests, every, limit):
    seed = world.random.randrange(1000)
    # an identity that is due for renewal from its first day
    with serving(world, '--certificate-days', '365', '--renew-days', '400') as service:
        tickets, journal = world.dir / 'tickets', world.dir / 'journal'
        tickets.write_text(''.join(service.link() + '\n' for _ in range(count + spare)))
        options = ['swarm', '--tickets', tickets, '--ca', service.ca, '--count', count, '--keys', min(count // 10, 1000),
                   '--parallel', 32, '--again', 5, '--foreign', 10, '--malformed', 50, '--journal', journal,
                   '--requests', requests, '--seed', seed, '--json']
        process = subprocess.Popen([world.sim_program, *map(str, options)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=world.env, text=True)
        disturbances = Disturbances(service, every, seed)
        disturbances.start()
        try:
            queued = queue_while_running(service, process, journal, count)
            out, messages = process.communicate(timeout=limit)
        finally:
            process.kill()
            disturbances.stop()
        print(f'     seed {seed}: {out.strip()[:1500]} disturbed: {disturbances.done}')
        counts = judged(process.returncode, out, messages, journal, queued)
        check('401' not in counts['statuses'] and counts['statuses'].get('200', 0) > requests // 2, counts)
        latest = {index: generation for index, generation, _ in lines_of(journal, 'enrolled')}
        answered = {uuid for _, _, uuid in lines_of(journal, 'answer')}
        lost = [uuid for uuid, (index, generation) in queued.items()
                if latest[index] == generation and uuid not in answered]
        check(queued and not lost, f'{len(queued)} queued, lost {lost[:10]}')
        check(sum(disturbances.done.values()) > 0, 'nothing was disturbed')
    return counts


@case('a disturbed service loses no command and lets no device go')
def sample(world):
    play(world, count=40, spare=10, requests=8000, every=1, limit=200)


@case('a million requests while the service is disturbed: no command lost, no device let go', level='soak')
def million(world):
    counts = play(world, count=2000, spare=2000, requests=1_000_000, every=20, limit=5400)
    check(counts['renewed'] > 1000, 'renewals took part')
