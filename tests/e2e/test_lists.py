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


HEADER = (b'id,serialNumber,deviceName,operatingSystem,managedDeviceOwnerType,deviceEnrollmentType,lastSyncDateTime,'
          b'managementCertificateExpirationDate,managementState,azureADRegistered')
FINE = b'company,appleBulkWithUser,2026-11-01T07:00:00Z,2027-06-01T00:00:00Z,managed,true'


def inventory(*rows):
    return b'\n'.join((HEADER, *rows)) + b'\n'


@case('hygiene finds what is wrong with records, with rules, reason and next step')
def hygiene(world):
    path = world.dir / 'inventory.csv'
    path.write_bytes(inventory(
        b'a,F9GOOD000001,=cmd|x,iOS,' + FINE,
        b'b,F9GOOD000001,Old,iOS,' + FINE.replace(b'2026-11-01T07', b'2026-10-31T07'),
        b'c,F9GOOD000002,"Anna, left",iOS,' + FINE.replace(b'2027-06-01', b'2026-11-20'),
        b'd,F9GOOD000003,Bob,iOS,' + FINE.replace(b'2027-06-01', b'2026-06-01'),
        b'e,F9GOOD000004,Cat,iOS,' + FINE.replace(b'2026-11-01', b'2026-08-01'),
        b'f,F9GOOD000005,Dan,iPadOS,' + FINE.replace(b'managed', b'wipePending'),
        b'g,F9GOOD000006,Eve,iPadOS,' + FINE.replace(b'company', b'personal'),
        b'h,F9GOOD000007,Fay,iPadOS,' + FINE.replace(b'true', b'false'),
        b'i,5CG0000000,Laptop,Windows,?,?,?,?,?,?'))
    done = world.rehome('hygiene', path, '--json', '--now', '2026-11-01T08:00:00Z', code=1).json()
    check([(one['line'], one['kind']) for one in done['findings']] ==
          [(3, 'serial_twice'), (4, 'certificate_ends'), (5, 'certificate_ended'), (6, 'silent'), (7, 'wipe_pending'),
           (8, 'owner_differs'), (9, 'no_directory_record')], done['findings'])
    check(all(one['rules'] and one['reason'] and one['next'] and one['serial'] for one in done['findings']))
    check((done['records'], done['others'], done['refused'], done['unchecked']) == (8, 1, 0, []), done)
    check(done['counts']['silent'] == 1 and sum(done['counts'].values()) == 7)
    words = world.rehome('hygiene', path, '--now', '2026-11-01T08:00:00Z', code=1)
    check(len(words.text.splitlines()) == 7 and 'R-405' in words.text and 'Next: ' in words.text, words.text)
    # seven months on everything is silent, and three more certificates have ended
    later = world.rehome('hygiene', path, '--json', '--now', '2027-06-01T00:00:00Z', code=1).json()['counts']
    check(later['silent'] == 8 and later['certificate_ended'] == 8, later)
    table = world.rehome('hygiene', path, '--csv', '--now', '2027-06-01T00:00:00Z', code=1)
    rows = list(csv.DictReader(io.StringIO(table.out.decode(), newline='')))
    check(len(rows) == sum(later.values()), len(rows))
    check(rows[0]['name'] == "'=cmd|x" and any(row['name'] == 'Anna, left' for row in rows), rows[0])


@case('hygiene reads any export by a configuration, and says what it could not look for')
def hygiene_configured(world):
    path, config = world.dir / 'export.csv', world.dir / 'hygiene.conf'
    path.write_bytes('\ufeffSeriennummer;Kontakt;Besitz\r\nF9GOOD000001;2026-10-25 08:00;Firma\r\n'
                     'F9GOOD000002;2026-10-31;Privat\r\n'.encode())
    config.write_bytes(b'column.serial = Seriennummer\ncolumn.last_contact = Kontakt\ncolumn.owner = Besitz\n'
                       b'word.Firma = corporate\nword.Privat = personal\ndays.silent = 7\n')
    corporate = world.dir / 'corporate.csv'
    corporate.write_bytes(b'F9GOOD000002,\n')
    done = world.rehome('hygiene', path, '--config', config, '--corporate', corporate, '--json',
                        '--now', '2026-11-01T08:00:00Z', code=1).json()
    check([(one['line'], one['kind']) for one in done['findings']] == [(2, 'silent'), (3, 'owner_differs')], done)
    check(len(done['unchecked']) == 4, done['unchecked'])
    quiet = world.rehome('hygiene', path, '--config', config, '--now', '2026-11-01T07:59:59Z')
    check(quiet.text == '' and 'not looked for: pending wipes' in quiet.messages, quiet.messages)
    path.write_bytes(b'')
    world.rehome('hygiene', path, code=3)
    check(world.rehome('identifiers', 'check', path, '--json').json()['ready'] is False)
    config.write_bytes(b'column.serial = Seriennummer\ncolour = red\n')
    check('line 2: ' in world.rehome('hygiene', path, '--config', config, code=2).messages)


@case('each of 200 malformed rows of an inventory is refused with its line, and nothing is looked for')
def hygiene_malformed(world):
    forms = [(b'x,%s 1,n,iOS,' + FINE, 'letters A to Z and digits only'),
             (b'x,%s,n,iOS,' + FINE.replace(b'company', b'kompany'), 'not a known word'),
             (b'x,%s,n,iOS,' + FINE.replace(b'appleBulkWithUser', b'magic'), 'not a known word'),
             (b'x,%s,n,iOS,' + FINE.replace(b'2027-06-01T00:00:00Z', b'6/1/2027'), 'not a date'),
             (b'x,%s,n,iOS,' + FINE.replace(b'2027-06-01', b'2027-06-31'), 'not a date'),
             (b'x,%s,n,iOS,' + FINE + b',more', 'cells under a header of'),
             (b',,%s,iOS,' + FINE, 'neither serial number nor record id'),
             (b'x,%s,n\xff,iOS,' + FINE, 'not UTF-8'),
             (b'x,%s,"n,iOS,' + FINE, 'a quote is opened'),
             (b'x,%s,n\0,iOS,' + FINE, 'zero byte')]
    rows, reasons = [], {}
    for number in range(200):
        form, words = forms[number % len(forms)]
        rows += [b'x,F9GOOD%06d,n,iOS,' % number + FINE, form.replace(b'%s', serial(number))]
        reasons[len(rows) + 1] = words
    path = world.dir / 'inventory.csv'
    path.write_bytes(inventory(*rows))
    done = world.rehome('hygiene', path, '--json', '--now', '2026-11-01T08:00:00Z', code=6).json()
    told = {line['line']: line['text'] for line in done['lines']}
    check(set(told) == set(reasons), sorted(set(told) ^ set(reasons)))
    for line, words in reasons.items():
        check(words in told[line], f'line {line}: {told[line]} lacks {words}')
    check(done['findings'] == [] and done['refused'] == 200)
    words = world.rehome('hygiene', path, code=6)
    check(words.text == '' and all(f'line {line}: refused: ' in words.messages for line in reasons))
    skipped = world.rehome('hygiene', path, '--json', '--skip-refused', '--now', '2026-11-01T08:00:00Z').json()
    check(skipped['records'] == 200 and skipped['findings'] == [], skipped['records'])


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
    path.write_bytes(inventory(*(b'%d,%s,n,iOS,' % (n, serial(n % 90000)) + FINE for n in range(count))))
    done = world.rehome('hygiene', path, '--now', '2026-11-01T08:00:00Z', code=1)
    print(f'     hygiene: {count / done.seconds:,.0f} rows/s, {done.text.count(chr(10))} findings')
    check(done.seconds < 30, f'hygiene took {done.seconds:.1f} s')
