"""Lists for a fleet: one messy table becomes the forms that services read, and every line that cannot is named."""
import csv
import io
import os

from harness import case, check

# each kind of malformed line, with the words that name its reason; %s is a serial number of its own
MALFORMED = [
    (b'%s,"open', 'a quote is opened'),
    (b'%s,a"b', 'a quote inside a cell'),
    (b'%s,"a"b', 'text between a closing quote'),
    (b'%s,a\0b', 'zero byte'),
    (b'%s,caf\xe9', 'not UTF-8'),
    (b'%s,a,b', 'more cells than columns'),
    (b'Microsoft,Surface,%s', 'more cells than columns'),
    (b',%s', 'no identifier'),
    (b' , ', 'no identifier'),
    (b'SerialNumber,', 'a header among the entries'),
    (b'unknown,%s', 'stands for no value'),
    (b'N/A,', 'stands for no value'),
    (b'00008110-0001AABBCCDDEEFF,', 'a UDID'),
    (b'3.56938E+14,', 'rounded by a spreadsheet'),
    (b'"3,56938E+14",', 'rounded by a spreadsheet'),
    (b'%s x,', 'letters A to Z and digits only'),
    (b'%s-1,', 'letters A to Z and digits only'),
    (b'S\xc3\x89RIE%s,', 'letters A to Z and digits only'),
    (b'356938035643809,', 'an IMEI in a list of serial numbers'),
    (b'35 693803 564380 9,', 'an IMEI in a list of serial numbers'),
    (b'%s' + b'0' * 60 + b',', 'longer than any identifier'),
    (b'%s,' + b'd' * 129, 'more than 128 characters'),
    (b'%s,"one, two"', 'a comma in the details'),
    (b'%s,"say ""no"""', 'a quote in the details'),
    (b'F9GOOD000000,other details', 'the same identifier with other details'),
]


def serial(number):
    return b'F9T%09d' % number


def good_lines(count):
    return [(b'F9GOOD%06d' % number, b'floor %d' % number) for number in range(count)]


def table(count=200, end=b'\n'):
    """`count` malformed lines of every kind, a good one before each; returns the bytes, {line: words}, the good ones."""
    good, lines, reasons = good_lines(count), [], {}
    for number in range(count):
        form, words = MALFORMED[number % len(MALFORMED)]
        lines.append(b'%s,%s' % good[number])
        lines.append(form.replace(b'%s', serial(number)))
        reasons[len(lines)] = words
    return end.join(lines) + end, reasons, good


def form_of(good):
    return b''.join(b'%s,%s\n' % entry for entry in good)


@case('each of 200 malformed lines is refused with its number and reason, and nothing is written')
def malformed(world):
    for name, end in (('lf', b'\n'), ('crlf', b'\r\n')):
        text, reasons, good = table(end=end)
        path = world.dir / f'{name}.csv'
        path.write_bytes(text)
        done = world.rehome('identifiers', 'check', path, '--json', code=6)
        told = done.json()
        refused = {line['line']: line['text'] for line in told['lines'] if line['severity'] == 'refused'}
        check(told['refused'] == len(reasons) == 200 and set(refused) == set(reasons),
              sorted(set(refused) ^ set(reasons)))
        for line, words in reasons.items():
            check(words in refused[line], f'line {line}: {refused[line]} lacks {words}')
        check(all(line['rule'].startswith('C-') for line in told['lines']))
        words = world.rehome('identifiers', 'check', path, code=6).messages
        for line in reasons:
            check(f'line {line}: refused: ' in words, f'line {line} is not named')
        folder = world.dir / f'{name}-split'
        for command in (('identifiers', 'split', path, folder), ('identifiers', 'convert', path),
                        ('identifiers', 'convert', path, '--to', world.dir / 'new.csv')):
            done = world.rehome(*command, code=6)
            check(done.out == b'' and '--skip-refused' in done.messages, done.text[:200])
            check('line 400: refused: ' in done.messages)
        check(not folder.exists() and not (world.dir / 'new.csv').exists(), sorted(os.listdir(world.dir)))
        done = world.rehome('identifiers', 'convert', path, '--skip-refused')
        check(done.out == form_of(good), 'with --skip-refused the good lines are written, all of them')


@case('an ownership list is refused whole for one malformed line')
def ownership_refused(world):
    path = world.dir / 'list.csv'
    path.write_bytes(b'SerialNumber\nF9GOOD000001\nF9 GOOD\nF9GOOD000002\n')
    done = world.rehome('ownership', 'make', path, '--to', world.dir / 'made.csv', code=6)
    check('line 3: refused: ' in done.messages and not (world.dir / 'made.csv').exists(), done.messages)
    check(world.rehome('ownership', 'make', path, code=6).out == b'')
    world.rehome('ownership', 'make', path, '--to', world.dir / 'made.csv', '--skip-refused')
    check((world.dir / 'made.csv').read_bytes() == b'SerialNumber\nF9GOOD000001\nF9GOOD000002\n')
    world.rehome('ownership', 'make', path, '--to', world.dir / 'made.csv', '--skip-refused', code=1)


@case('one messy table becomes both forms, and python reads what is written')
def both_forms(world):
    messy = ('\ufeffName;Serial Number;Details\r\n'
             'Anna; F9FXK0AAJCL1 ;"second floor; left"\r\n'
             '"Bob ""B""";"DMPV.20AAH.G7F";\r\n'
             'Zoë;c02xk0aahg7f;\u00a0Büro 3 \r\n'
             'Anna again;F9FXK0AAJCL1;"second floor; left"\r\n'
             ' \r\n')
    path = world.dir / 'messy.csv'
    path.write_bytes(messy.encode())
    done = world.rehome('identifiers', 'convert', path)
    check(list(csv.reader(io.StringIO(done.out.decode(), newline=''))) ==
          [['F9FXK0AAJCL1', 'second floor; left'], ['DMPV20AAHG7F', ''], ['C02XK0AAHG7F', 'Büro 3']], done.text)
    check(b'"' not in done.out and b'\r' not in done.out and not done.out.startswith(b'\xef\xbb\xbf'))
    check('line 5: remark: ' in done.messages and 'repeats an entry' in done.messages, done.messages)
    made = world.rehome('ownership', 'make', path)
    check(list(csv.DictReader(io.StringIO(made.text, newline=''))) ==
          [{'SerialNumber': name} for name in ('F9FXK0AAJCL1', 'DMPV20AAHG7F', 'C02XK0AAHG7F')], made.text)
    # each form, given back, is ready as it stands and converts to the other
    for form, other, out in (('identifiers', 'ownership', done.out), ('ownership', 'identifiers', made.out)):
        stands = world.dir / f'{form}.csv'
        stands.write_bytes(out)
        check(world.rehome(form, 'check', stands, '--json').json()['ready'] is True)
        check(world.rehome(other, 'check', stands, '--json').json()['ready'] is False)
        world.rehome('identifiers', 'convert', stands, '--form', other)
    # the standard input is a table too
    check(world.rehome('identifiers', 'convert', '-', input=path.read_bytes()).out == done.out)


@case('a list is split into files of 5,000 rows, and together they are the list')
def split(world):
    path, folder = world.dir / 'rows.csv', world.dir / 'rows'
    text = b''.join(b'%s,x\n' % serial(number) for number in range(12001))
    path.write_bytes(text)
    files = world.rehome('identifiers', 'split', path, folder, '--json').json()['files']
    check([file['rows'] for file in files] == [5000, 5000, 2001], files)
    check(b''.join((folder / file['path']).read_bytes() for file in files) == text)
    check(sorted(os.listdir(folder)) == [file['path'] for file in files])
    world.rehome('identifiers', 'split', path, folder, code=1)  # what is there stays
    rows = world.rehome('identifiers', 'split', path, world.dir / 'small', '--rows', '4500', '--json').json()['files']
    check([file['rows'] for file in rows] == [4500, 4500, 3001])
    refused = world.rehome('identifiers', 'convert', path, code=2)
    check('split' in refused.messages and refused.out == b'', refused.messages)
    check(world.rehome('ownership', 'make', path).out.count(b'\n') == 12002)


@case('two lists are compared: missing, extra, differing')
def compare(world):
    old, new = world.dir / 'old.csv', world.dir / 'new.csv'
    old.write_bytes(b'F9GOOD000001,a\nF9GOOD000002,b\nF9GOOD000003,\n')
    new.write_bytes(b'Serial;Details\nf9good000003;\nF9GOOD000002;c\nF9GOOD000004;d\n')
    done = world.rehome('identifiers', 'compare', old, new, code=1)
    check(done.text == 'missing   F9GOOD000001\ndiffers   F9GOOD000002  "b" -> "c"\nextra     F9GOOD000004\n', done.text)
    told = world.rehome('identifiers', 'compare', old, new, '--json', code=1).json()
    check((told['missing'], told['extra'], told['differing']) == (1, 1, 1), told)
    check(told['differences'][1] == {'difference': 'differs', 'identifier': 'F9GOOD000002', 'old': 'b', 'new': 'c'})
    check(world.rehome('identifiers', 'compare', old, old).text == '')
    old.write_bytes(b'F9GOOD000001,a\n"\n')
    world.rehome('identifiers', 'compare', old, new, code=6)


@case('IMEIs make lists of their own, and no ownership list')
def imeis(world):
    path = world.dir / 'imei.csv'
    path.write_bytes(b'Name,IMEI\nAnna,35 693803 564380 9\nBob,35693803564380\n')
    done = world.rehome('identifiers', 'convert', path)
    check(done.out == b'356938035643809,\n35693803564380,\n', done.text)
    check('line 3: remark: ' in done.messages and '14 or 16 digits' in done.messages, done.messages)
    world.rehome('identifiers', 'convert', path, '--form', 'ownership', code=2)
    world.rehome('identifiers', 'convert', path, '--kind', 'serial', code=3)


@case('a list of 100,000 lines is checked, split and made in a few seconds')
def speed(world):
    count = 100000
    path = world.dir / 'large.csv'
    path.write_bytes(b'Serial Number;Details\r\n' + b''.join(b'"%s"; floor %d\r\n' % (serial(n), n) for n in range(count)))
    for command in (('identifiers', 'check', path), ('identifiers', 'split', path, world.dir / 'large'),
                    ('identifiers', 'compare', path, path), ('ownership', 'make', path)):
        done = world.rehome(*command)
        print(f'     {" ".join(command[:2])}: {count / done.seconds:,.0f} rows/s')
        check(done.seconds < 30, f'{command[:2]} took {done.seconds:.1f} s')
