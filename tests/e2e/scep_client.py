"""certmonger's SCEP client as a witness, and what it needs around it.

The client runs as its own daemon without D-Bus: `certmonger-session -L -c SCRIPT` listens on a socket
of its own, runs the script with that address in its environment, and ends with it.
"""
import base64
import http.client
import http.server
import os
import shlex
import shutil
import ssl
import threading
import urllib.parse

from harness import Skip, check

DAEMON = '/usr/lib/certmonger/certmonger-session'


class Relay:
    """HTTP on loopback in front of the service's HTTPS; remembers what went through.

    certmonger 0.79 verifies TLS with the CA it was given (-R) for GetCACaps and GetCACert only; the
    connection for PKIOperation trusts the system's bundle and nothing else, so it refuses any service
    with its own CA.  SCEP does not need TLS: its messages are signed and enveloped.
    """

    def __init__(self, port, ca_file):
        relay = self
        context = ssl.create_default_context(cafile=str(ca_file))
        self.asked = []  # (operation, message, status, content type, reply)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service = http.client.HTTPSConnection('127.0.0.1', port, context=context, timeout=30)
                service.request('GET', self.path)
                reply = service.getresponse()
                body = reply.read()
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                relay.asked.append((query['operation'][0], query.get('message', [''])[0], reply.status,
                                    reply.getheader('Content-Type'), body))
                self.send_response(reply.status)
                self.send_header('Content-Type', reply.getheader('Content-Type') or 'text/plain')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                service.close()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server.server_port}/scep'

    def exchanges(self):
        """(request, reply) of each PKIOperation, in DER."""
        return [(base64.b64decode(message), reply) for operation, message, _, _, reply in self.asked
                if operation == 'PKIOperation']

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *why):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Certmonger:
    """One client with its requests, kept in a folder of the world from run to run."""

    def __init__(self, world, name):
        if not os.path.exists(DAEMON) or not shutil.which('getcert'):
            raise Skip('certmonger is not installed')
        self.world = world
        self.home = world.dir / f'certmonger-{name}'
        self.home.mkdir()
        self.key, self.cert = self.home / 'key.pem', self.home / 'cert.pem'

    def run(self, *lines):
        """Runs `getcert` once per line of words; the text of all of them."""
        script, said = self.home / 'script', self.home / 'said'
        script.write_text(f'exec >{shlex.quote(str(said))} 2>&1\n' +
                          ''.join('getcert ' + ' '.join(shlex.quote(str(word)) for word in line) + '\n' for line in lines))
        self.world.run([DAEMON, '-L', '-P', self.home / 'socket', '-n', '-c', f'sh {script}'],
                       env={'HOME': str(self.home)}, timeout=120, code=None)
        text = said.read_text()
        self.world.lines.append(text[-1500:])
        return text

    def enroll(self, url, name, challenge, wait=30):
        """True if a certificate came; else the client must have understood that it was refused."""
        text = self.run(['add-scep-ca', '-c', 'Rehome', '-u', url],
                        ['request', '-c', 'Rehome', '-I', 'device', '-k', self.key, '-f', self.cert, '-N', f'CN={name}',
                         '-L', challenge, '-g', '2048', '-w', '--wait-timeout', str(wait), '-v'])
        check(self.cert.exists() or 'CA_REJECTED' in text, text)
        return self.cert.exists()

    def renew(self):
        """With a new key; the request is signed by the certificate that is there."""
        before = self.cert.read_text()
        self.run(['rekey', '-i', 'device', '-w', '-v'])
        return self.cert.read_text() != before
