"""The service's HTTPS, spoken to by a client that nobody here wrote: curl."""
from harness import case, check
from serving import Service


def ask(world, service, *options, path='/version'):
    """What curl saw of each answer: status, version, and whether a new connection was made."""
    done = world.run(['curl', '-sS', '--cacert', service.data / 'public' / 'ca.pem', '-o', '/dev/null', '-w',
                      '%{http_code} %{http_version} %{num_connects}\n', *options, service.url + path])
    return [tuple(line.split()) for line in done.text.splitlines()]


def status(world, service, *options, path='/version'):
    return int(ask(world, service, *options, path=path)[-1][0])


@case('curl speaks with the service over TLS 1.2 and 1.3, keeps its connection, and gets HEAD right')
def spoken_to(world):
    with Service(world) as service:
        for version in ('1.2', '1.3'):
            check(status(world, service, f'--tlsv{version}', '--tls-max', version) == 200, f'TLS {version}')
        check(status(world, service, '-I', path='/healthz') == 200)
        check(status(world, service, '--http1.0') == 200)
        check(status(world, service, '--http2') == 200, 'a client that would like HTTP/2 is served by 1.1')
        url = service.url + '/version'
        twice = ask(world, service, url, '-o', '/dev/null')
        check([got[2] for got in twice] == ['1', '0'], f'the second request found the connection: {twice}')


@case('what curl can be made to send wrongly is refused by its own status, before the body is read')
def refused(world):
    large = world.dir / 'large'
    large.write_bytes(b'a' * 5_000_000)
    with Service(world) as service:
        for expected, options, path in (
                (404, (), '/nothing'),
                (405, ('-X', 'DELETE'), '/version'),
                (501, ('-X', 'BREW'), '/version'),
                (400, ('-H', 'Host:'), '/version'),
                (400, ('--path-as-is',), '/enroll/../version'),
                (411, ('-H', 'Transfer-Encoding: chunked', '-d', 'x'), '/mdm'),
                (400, ('-H', 'Content-Length: 1', '-H', 'Content-Length: 1', '-X', 'PUT'), '/mdm'),
                (400, ('-H', 'Content-Length: +1', '-X', 'PUT'), '/mdm'),
                (413, ('-T', large), '/mdm'),
                (413, ('-T', large, '-H', 'Expect:'), '/mdm'),
                (431, ('-H', 'X: ' + 30000 * 'a'), '/version')):
            got = status(world, service, *options, path=path)
            check(got == expected, f'{options} {path}: {got} instead of {expected}')
