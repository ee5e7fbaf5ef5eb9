"""Targets of webhooks on loopback: one that listens and may fail, one whose answer never ends."""
import contextlib
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

from harness import check


class Receiver:
    """A webhook's target on loopback; @answers: statuses to give before 200."""

    def __init__(self, *answers):
        receiver = self
        self.got, self.answers, self.changed = [], list(answers), threading.Condition()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                with receiver.changed:
                    status = receiver.answers.pop(0) if receiver.answers else 200
                    receiver.got.append((status, self.headers['Rehome-Signature'], body))
                    receiver.changed.notify_all()
                self.send_response(status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *words):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}/events'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, count, limit=60):
        late = time.monotonic() + limit
        with self.changed:
            while len(self.good()) < count:
                left = late - time.monotonic()
                check(left > 0, f'{len(self.good())} of {count} events in {limit} s: {self.got}')
                self.changed.wait(left)

    def good(self):
        return [json.loads(body) for status, _, body in self.got if status == 200]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Endless:
    """A receiver whose answer never ends."""

    def __init__(self):
        self.listening, self.sent = socket.create_server(('127.0.0.1', 0)), []  # bytes of each answer
        self.url = f'http://127.0.0.1:{self.listening.getsockname()[1]}/endless'
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                asking, _ = self.listening.accept()
                self.answer(asking)

    def answer(self, asking):
        count = 0
        with asking, contextlib.suppress(OSError):
            asking.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n')
            while count < 1 << 30:
                asking.sendall(bytes(1 << 16))
                count += 1 << 16
        self.sent.append(count)

    def close(self):
        self.listening.close()


def signature_holds(secret, header, body):
    parts = dict(part.split('=') for part in header.split(','))
    wanted = hmac.new(secret.encode(), parts['t'].encode() + b'.' + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, parts['v1']) and abs(time.time() - int(parts['t'])) < 300
