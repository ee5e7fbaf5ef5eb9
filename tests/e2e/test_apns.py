"""The simulated push service, asked by clients that nobody here wrote: curl and nghttp."""
import re
import shutil

from harness import Skip, case, check
from serving import TOPIC, Apple

TOKEN = 'ab' * 32


class Apns(Apple):
    """A running `rehome-sim apple`, and who pushes there."""

    def __init__(self, world, *options):
        super().__init__(world, *options)
        self.world = world

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self, token=TOKEN):
        return f'https://127.0.0.1:{self.port}/3/device/{token}'

    def push(self, *options, token=TOKEN, body='{"mdm":"MAGIC"}'):
        """(status, body) by curl over HTTP/2."""
        done = self.world.run(['curl', '-s', '--http2', '--cacert', self.folder / 'ca.pem', '--cert', self.certificate,
                               '-H', f'apns-topic: {TOPIC}', '-H', 'apns-push-type: mdm', *options, '-d', body,
                               '-w', '\n%{http_code} %{http_version}', self.url(token)])
        said, last = done.text.rsplit('\n', 1)
        status, version = last.split()
        check(version == '2', f'HTTP/{version}')
        return int(status), said


def waiting(apns, token=TOKEN):
    return (apns.folder / 'pushes' / token).read_text().splitlines()


@case('curl pushes over HTTP/2: the newest push of a token waits, and wrong ones are refused by their reason')
def by_curl(world):
    with Apns(world) as apns:
        check(apns.push() == (200, ''))
        check(apns.push(body='{"mdm":"NEWER"}') == (200, ''))
        check(waiting(apns) == [TOPIC, '-1', '{"mdm":"NEWER"}'], waiting(apns))
        check(apns.push('-H', 'apns-priority: 7') == (400, '{"reason":"BadPriority"}'))
        check(apns.push('-H', 'apns-expiration: soon') == (400, '{"reason":"BadExpirationDate"}'))
        check(apns.push(token='12') == (400, '{"reason":"BadDeviceToken"}'))
        check(apns.push(body='x' * 5000)[0] == 413)
        check(apns.push('-X', 'GET') == (405, '{"reason":"MethodNotAllowed"}'))
        # one try, and nobody listens
        (apns.folder / 'pushes' / TOKEN).unlink()
        check(apns.push('-H', 'apns-expiration: 0')[0] == 200)
        check(not (apns.folder / 'pushes' / TOKEN).exists())
        # its device has another token now
        (apns.folder / 'gone' / TOKEN).write_text('')
        status, said = apns.push()
        check(status == 410 and '"Unregistered"' in said and '"timestamp"' in said, said)


@case('a certificate of another topic, and none at all, push nothing')
def by_others(world):
    with Apns(world) as apns:
        world.sim('apple', '--push-certificate', apns.certificate, '--topic', TOPIC + '2')
        check(apns.push() == (400, '{"reason":"TopicDisallowed"}'))
        done = world.run(['curl', '-s', '--http2', '--cacert', apns.folder / 'ca.pem', '-d', '{"mdm":"M"}', apns.url()])
        check(done.text == '{"reason":"BadCertificate"}', done.text)


@case('nghttp pushes, and faults that were asked for come first')
def by_nghttp(world):
    if not shutil.which('nghttp'):
        raise Skip('nghttp is not installed')
    body = world.dir / 'body'
    body.write_text('{"mdm":"MAGIC"}')
    with Apns(world, '--fault', '503:ServiceUnavailable:2') as apns:
        command = ['nghttp', '-v', '--no-dep', f'--cert={apns.certificate}', f'--key={apns.certificate}', '-d', body,
                   '-H', f'apns-topic: {TOPIC}', apns.url()]
        answers = [re.search(r':status: (\d+)', world.run(command, code=None).text).group(1) for _ in range(3)]
        check(answers == ['503', '503', '200'], answers)
        check(waiting(apns)[2] == '{"mdm":"MAGIC"}')
