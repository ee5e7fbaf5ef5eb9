/*
 * faults - the grammar of --fault, and when a fault may fire
 *
 *   SPEC   = NAME [ ":" PART { "," PART } ]
 *   PART   = KEY "=" VALUE | WORD
 *   NUMBER = DIGITS [ K | M | G ] [ ".." DIGITS [ K | M | G ] ]
 *
 * One table says which parts a fault understands; parser, error text and the manual page's list
 * follow it.  A range A..B is settled by the device's seed, so that a run can be repeated.
 * Faults that happen at a moment fire once in a process (the cable is put back in), conditions
 * that stand (a full disk, small records, another key) stay; "times=N" changes that, 0 = always.
 */
#include "sim/internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

enum part {
	PART_BYTES = 1u << 0,
	PART_MESSAGE = 1u << 1,
	PART_FILE = 1u << 2,
	PART_NTH = 1u << 3,
	PART_PATH = 1u << 4,
	PART_AS_TEXT = 1u << 5,
	PART_AS_NUMBER = 1u << 6,
	PART_LEN = 1u << 7,
	PART_OF = 1u << 8,
	PART_CODE = 1u << 9,
	PART_UDID = 1u << 10,
	PART_SERIAL = 1u << 11,
	PART_RECEIVED = 1u << 12,
};

/** struct form - one fault: what it is called, what it takes */
struct form {
	const char *name;
	enum sim_fault_kind kind;
	unsigned parts;    /* keys that it understands */
	unsigned required; /* at least one of these, unless 0 */
	const char *words; /* bare words, separated by blanks; NULL: none */
	bool needs_word;
	bool stands;         /* a condition, not a moment */
	uint64_t number;     /* when none is given */
	const char *example; /* the whole form, for the error text */
};

static const struct form forms[] = {
	{"cut", SIM_FAULT_CUT_BYTES, PART_BYTES | PART_MESSAGE | PART_RECEIVED,
	 PART_BYTES | PART_MESSAGE | PART_RECEIVED,
	 .example = "cut:bytes=N, cut:received=N or cut:message=N"},
	{"lock", SIM_FAULT_LOCK, PART_FILE, PART_FILE, .example = "lock:file=N"},
	{"no-space", SIM_FAULT_NO_SPACE, 0, 0, .stands = true, .example = "no-space"},
	{"file-error", SIM_FAULT_FILE_ERROR, PART_NTH | PART_PATH, PART_NTH | PART_PATH,
	 .example = "file-error:nth=N or file-error:path=P"},
	{"short-file", SIM_FAULT_SHORT_FILE, PART_NTH, 0, .example = "short-file:nth=N"},
	{"name", SIM_FAULT_NAME, PART_AS_TEXT | PART_NTH | PART_LEN, PART_AS_TEXT,
	 .example = "name:as=TEXT[,nth=N][,len=N]"},
	{"length", SIM_FAULT_LENGTH, PART_AS_NUMBER | PART_NTH | PART_OF, PART_AS_NUMBER,
	 .example = "length:as=N[,nth=N][,of=block|name]"},
	{"order", SIM_FAULT_ORDER, 0, 0,
	 .words = "upload-before-mkdir move-before-upload response-first ready-first status-first "
		  "unknown-message",
	 .needs_word = true, .example = "order:WHAT"},
	{"plist", SIM_FAULT_PLIST, PART_MESSAGE, 0,
	 .words = "truncated bomb-xml bomb-binary deep not-an-array huge empty", .needs_word = true,
	 .number = 4, .example = "plist:WHAT[,message=N]"},
	{"records", SIM_FAULT_RECORDS, PART_LEN, 0, .words = "per-field", .stands = true,
	 .example = "records:len=N or records:per-field"},
	{"silence", SIM_FAULT_SILENCE, PART_MESSAGE, PART_MESSAGE, .example = "silence:message=N"},
	{"endless", SIM_FAULT_ENDLESS, PART_NTH, 0, .example = "endless[:nth=N]"},
	{"duplicate", SIM_FAULT_DUPLICATE, PART_NTH, 0, .example = "duplicate:nth=N"},
	{"certificate", SIM_FAULT_CERTIFICATE, 0, 0, .stands = true, .example = "certificate"},
	{"claim", SIM_FAULT_CLAIM, PART_UDID | PART_SERIAL, PART_UDID | PART_SERIAL, .stands = true,
	 .example = "claim:udid=U or claim:serial=S"},
	{"error", SIM_FAULT_ERROR_CODE, PART_CODE, PART_CODE, .example = "error:code=N"},
};

static const struct {
	const char *key;
	unsigned part;
} keys[] = {
	{"bytes", PART_BYTES},     {"received", PART_RECEIVED},
	{"message", PART_MESSAGE}, {"file", PART_FILE},
	{"nth", PART_NTH},         {"path", PART_PATH},
	{"len", PART_LEN},         {"of", PART_OF},
	{"code", PART_CODE},       {"udid", PART_UDID},
	{"serial", PART_SERIAL},   {"as", PART_AS_TEXT | PART_AS_NUMBER},
};

static const struct form *form_find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
		if (slice_equal(name, slice_text(forms[i].name)))
			return &forms[i];
	return NULL;
}

static int refuse(const char *spec, const struct form *form, const char *why, struct err *err)
{
	char names[512] = "";

	if (form)
		return err_set(err, ERR_USAGE, "fault \"%s\": %s; the form is %s%s%s", spec, why,
			       form->example, form->words ? ", words: " : "",
			       form->words ? form->words : "");
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++) {
		strcat(names, i ? ", " : "");
		strcat(names, forms[i].name);
	}
	return err_set(err, ERR_USAGE, "fault \"%s\": %s; there are %s", spec, why, names);
}

/* digits with an optional binary suffix; false if there are none or they overflow */
static bool take_digits(struct slice *in, uint64_t *value)
{
	static const char suffixes[] = "KMG";
	uint64_t number = 0;
	size_t used = 0;

	while (used < in->len && in->bytes[used] >= '0' && in->bytes[used] <= '9') {
		unsigned digit = in->bytes[used++] - '0';

		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (used == 0)
		return false;
	if (used < in->len && in->bytes[used]) {
		const char *suffix = strchr(suffixes, in->bytes[used]);

		if (suffix) {
			unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);

			if (number > UINT64_MAX >> shift)
				return false;
			number <<= shift;
			used++;
		}
	}
	*in = slice_of(in->bytes + used, in->len - used);
	*value = number;
	return true;
}

/* NUMBER or NUMBER..NUMBER, nothing behind it */
static bool take_range(struct slice in, uint64_t *from, uint64_t *to)
{
	*to = 0;
	if (!take_digits(&in, from))
		return false;
	if (in.len == 0)
		return true;
	if (in.len < 3 || in.bytes[0] != '.' || in.bytes[1] != '.')
		return false;
	in = slice_of(in.bytes + 2, in.len - 2);
	return take_digits(&in, to) && in.len == 0 && *to >= *from;
}

/* %XX becomes a byte; a % that no two hex digits follow stays ("%UDID%" is filled in later) */
static bool take_text(struct slice in, struct sim_fault *fault)
{
	fault->text_len = 0;
	for (size_t i = 0; i < in.len; i++) {
		uint8_t byte = in.bytes[i];
		char pair[3] = "";

		if (byte == '%' && i + 2 < in.len) {
			memcpy(pair, in.bytes + i + 1, 2);
			if (hex_decode(pair, &byte, 1))
				i += 2;
			else
				byte = '%';
		}
		if (fault->text_len + 1 >= sizeof(fault->text))
			return false;
		fault->text[fault->text_len++] = (char)byte;
	}
	fault->text[fault->text_len] = 0;
	return true;
}

static bool is_word_of(const char *words, struct slice word)
{
	while (words && *words) {
		size_t len = strcspn(words, " ");

		if (slice_equal(word, slice_of(words, len)))
			return true;
		words += len + strspn(words + len, " ");
	}
	return false;
}

static unsigned key_part(const struct form *form, struct slice key)
{
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		if (slice_equal(key, slice_text(keys[i].key)))
			return keys[i].part & form->parts;
	return 0;
}

/* put one KEY=VALUE where it belongs; false: the value makes no sense */
static bool store(struct sim_fault *fault, unsigned part, struct slice value)
{
	switch (part) {
	case PART_BYTES:
	case PART_FILE:
	case PART_AS_NUMBER:
	case PART_LEN:
	case PART_CODE:
		return take_range(value, &fault->number, &fault->number_to);
	case PART_RECEIVED:
		strcpy(fault->text, "received");
		fault->text_len = strlen(fault->text);
		return take_range(value, &fault->number, &fault->number_to);
	case PART_MESSAGE:
		if (fault->kind == SIM_FAULT_CUT_BYTES)
			fault->kind = SIM_FAULT_CUT_MESSAGE;
		return take_range(value, &fault->number, &fault->number_to) && fault->number > 0;
	case PART_NTH:
		return take_range(value, &fault->nth, &fault->nth_to) && fault->nth > 0;
	case PART_OF:
		return is_word_of("block name", value) && take_text(value, fault);
	case PART_UDID:
	case PART_SERIAL:
		fault->number = part == PART_UDID ? SIM_CLAIM_UDID : SIM_CLAIM_SERIAL;
		return value.len > 0 && take_text(value, fault);
	default:
		return take_text(value, fault);
	}
}

/* one PART of @form into @fault; @seen collects which keys came */
static int take_part(const struct form *form, struct slice part, struct sim_fault *fault,
		     unsigned *seen, const char *spec, struct err *err)
{
	const uint8_t *equals = memchr(part.bytes, '=', part.len);
	struct slice key, value;
	uint64_t unused;
	unsigned bit;

	if (!equals) {
		if (!is_word_of(form->words, part))
			return refuse(spec, form, "a word it does not know", err);
		fault->text_len = 0;
		return take_text(part, fault) ? 0 : refuse(spec, form, "text too long", err);
	}
	key = slice_of(part.bytes, (size_t)(equals - part.bytes));
	value = slice_of(equals + 1, part.len - key.len - 1);
	if (slice_equal(key, slice_text("times"))) {
		if (!take_range(value, &fault->times, &unused) || unused)
			return refuse(spec, form, "times= wants a number", err);
		return 0;
	}
	bit = key_part(form, key);
	if (!bit)
		return refuse(spec, form, "a key it does not know", err);
	if (*seen & bit)
		return refuse(spec, form, "a key twice", err);
	*seen |= bit;
	return store(fault, bit, value) ? 0
					: refuse(spec, form, "a value that makes no sense", err);
}

int sim_faults_parse(struct sim_faults *faults, const char *spec, struct err *err)
{
	const char *colon = strchr(spec, ':');
	const char *rest = colon ? colon + 1 : NULL;
	size_t name_len = colon ? (size_t)(colon - spec) : strlen(spec);
	const struct form *form = form_find(slice_of(spec, name_len));
	struct sim_fault fault;
	unsigned seen = 0;

	if (!form)
		return refuse(spec, NULL, "no such fault", err);
	if (faults->count == SIM_FAULTS_MAX)
		return err_set(err, ERR_USAGE, "more than %d faults", SIM_FAULTS_MAX);
	fault = (struct sim_fault){
		.kind = form->kind, .number = form->number, .times = form->stands ? 0 : 1};
	while (rest) {
		const char *comma = strchr(rest, ',');
		size_t len = comma ? (size_t)(comma - rest) : strlen(rest);
		int r = take_part(form, slice_of(rest, len), &fault, &seen, spec, err);

		if (r < 0)
			return r;
		rest = comma ? comma + 1 : NULL;
	}
	if (form->required && !(seen & form->required))
		return refuse(spec, form, "what it needs is missing", err);
	if (form->needs_word && fault.text_len == 0)
		return refuse(spec, form, "its word is missing", err);
	if (form->kind == SIM_FAULT_RECORDS && !fault.text_len == !fault.number)
		return refuse(spec, form, "one of the two", err);
	faults->list[faults->count++] = fault;
	return 0;
}

const struct sim_fault *sim_faults_find(const struct sim_faults *faults, enum sim_fault_kind kind)
{
	for (size_t i = 0; faults && i < faults->count; i++)
		if (faults->list[i].kind == kind)
			return &faults->list[i];
	return NULL;
}

bool sim_faults_take(struct sim_faults *faults, const struct sim_fault *fault, const char *format,
		     ...)
{
	struct sim_fault *mine = &faults->list[fault - faults->list];
	uint64_t before = __atomic_fetch_add(&mine->fired, 1, __ATOMIC_RELAXED);
	char text[512];
	va_list args;

	if (mine->times > 0 && before >= mine->times)
		return false;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "fault %s\n", text);
	if (faults->fired)
		faults->fired(faults->arg, text);
	return true;
}

static void settle(struct sim_device *device, uint64_t counter, uint64_t *from, uint64_t *to)
{
	uint8_t bytes[8];
	uint64_t span;

	if (*to == 0)
		return;
	sim_device_derive(device, "fault", counter, bytes, sizeof(bytes));
	span = *to - *from;
	*from += span < UINT64_MAX ? get_u64be(bytes) % (span + 1) : get_u64be(bytes);
	*to = 0;
}

void sim_faults_settle(struct sim_faults *faults, struct sim_device *device)
{
	for (size_t i = 0; i < faults->count; i++) {
		settle(device, 2 * i, &faults->list[i].number, &faults->list[i].number_to);
		settle(device, 2 * i + 1, &faults->list[i].nth, &faults->list[i].nth_to);
	}
}
