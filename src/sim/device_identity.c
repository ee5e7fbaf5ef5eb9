/*
 * device_identity - the certificate and key by which a service knows the device, as keychain items
 *
 * Real in form, so that any reader of keychains and certificates finds who issued it and until
 * when it lasts.  Key and signature follow from the seed: nobody in this laboratory verifies
 * them yet; an identity that a service issues will come over SCEP or ACME.
 */
#include "sim/management.h"

#include <string.h>
#include <time.h>

enum {
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_BYTES = 0x04,
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_UTC_TIME = 0x17,
	DER_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_VERSION = 0xa0,
	ITEM_LEN_MAX = 1 << 14,
	MADE_UP_KEY_LEN = 32, /* of an identity that no service issued */
};

/* ---- writing DER; the first failure stays in *r ---- */

static void put(struct buf *out, uint8_t tag, struct slice content, int *r, struct err *err)
{
	uint8_t head[4] = {tag};
	size_t len = 2;

	if (content.len < 0x80) {
		head[1] = (uint8_t)content.len;
	} else {
		head[1] = 0x82;
		head[2] = (uint8_t)(content.len >> 8);
		head[3] = (uint8_t)content.len;
		len = 4;
	}
	if (*r == 0)
		*r = buf_append(out, head, len, err);
	if (*r == 0)
		*r = buf_append_slice(out, content, err);
}

/* wrap all of @inner into an element of @tag behind @out, and empty it */
static void close_into(struct buf *out, uint8_t tag, struct buf *inner, int *r, struct err *err)
{
	put(out, tag, buf_slice(inner), r, err);
	buf_truncate(inner, 0);
}

static void put_name(struct buf *out, const char *common_name, int *r, struct err *err)
{
	static const uint8_t oid[] = {0x55, 0x04, 0x03};
	CLEANUP(buf_clear)
	struct buf pair = BUF_INIT(ITEM_LEN_MAX), set = BUF_INIT(ITEM_LEN_MAX),
		   name = BUF_INIT(ITEM_LEN_MAX);

	put(&pair, DER_OID, slice_of(oid, sizeof(oid)), r, err);
	put(&pair, DER_UTF8, slice_text(common_name), r, err);
	close_into(&set, DER_SEQUENCE, &pair, r, err);
	close_into(&name, DER_SET, &set, r, err);
	close_into(out, DER_SEQUENCE, &name, r, err);
}

static void put_time(struct buf *out, int64_t seconds, int *r, struct err *err)
{
	time_t time = (time_t)seconds;
	struct tm tm;
	char text[32];
	bool is_short;

	gmtime_r(&time, &tm);
	is_short = tm.tm_year < 150; /* RFC 5280, 4.1.2.5: from 2050 on, with the century */
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	put(out, is_short ? DER_UTC_TIME : DER_TIME, slice_text(text + (is_short ? 2 : 0)), r, err);
}

static void put_algorithm(struct buf *out, int *r, struct err *err)
{
	static const uint8_t ed25519[] = {0x2b, 0x65, 0x70};
	CLEANUP(buf_clear) struct buf inner = BUF_INIT(64);

	put(&inner, DER_OID, slice_of(ed25519, sizeof(ed25519)), r, err);
	close_into(out, DER_SEQUENCE, &inner, r, err);
}

static void put_bits(struct buf *out, const uint8_t *bytes, size_t len, int *r, struct err *err)
{
	uint8_t bits[65] = {0}; /* first: no unused bits */

	memcpy(bits + 1, bytes, len);
	put(out, DER_BITS, slice_of(bits, len + 1), r, err);
}

static int certificate(struct sim_device *device, const struct sim_enrollment *enrollment,
		       uint64_t number, struct buf *der, struct err *err)
{
	static const uint8_t version3[] = {DER_INTEGER, 1, 2};
	CLEANUP(buf_clear)
	struct buf tbs = BUF_INIT(ITEM_LEN_MAX), all = BUF_INIT(ITEM_LEN_MAX),
		   part = BUF_INIT(ITEM_LEN_MAX);
	uint8_t made[8 + 32 + 64];
	char host[SIM_SERVER_LEN], issuer[SIM_SERVER_LEN + 16];
	int r = 0;

	sim_device_derive(device, "mdm-identity", number, made, sizeof(made));
	made[0] = (made[0] & 0x7f) | 1; /* a serial number is positive and has no leading zero */
	snprintf(issuer, sizeof(issuer), "Device CA of %s",
		 sim_server_host(enrollment->server, host));
	put(&tbs, DER_VERSION, slice_of(version3, sizeof(version3)), &r, err);
	put(&tbs, DER_INTEGER, slice_of(made, 8), &r, err);
	put_algorithm(&tbs, &r, err);
	put_name(&tbs, issuer, &r, err);
	put_time(&part, enrollment->since, &r, err);
	put_time(&part, enrollment->identity_until, &r, err);
	close_into(&tbs, DER_SEQUENCE, &part, &r, err);
	put_name(&tbs, device->identity.udid, &r, err);
	put_algorithm(&part, &r, err);
	put_bits(&part, made + 8, 32, &r, err);
	close_into(&tbs, DER_SEQUENCE, &part, &r, err);
	close_into(&all, DER_SEQUENCE, &tbs, &r, err);
	put_algorithm(&all, &r, err);
	put_bits(&all, made + 40, 64, &r, err);
	close_into(der, DER_SEQUENCE, &all, &r, err);
	return r;
}

/* an item's content: SET OF SEQUENCE { UTF8String key, value } */
static void put_pair(struct buf *out, const char *key, uint8_t tag, struct slice value, int *r,
		     struct err *err)
{
	CLEANUP(buf_clear) struct buf pair = BUF_INIT(ITEM_LEN_MAX);

	put(&pair, DER_UTF8, slice_text(key), r, err);
	put(&pair, tag, value, r, err);
	close_into(out, DER_SEQUENCE, &pair, r, err);
}

static int item(const char *label, struct slice content, struct buf *der, struct err *err)
{
	CLEANUP(buf_wipe) struct buf pairs = BUF_INIT(ITEM_LEN_MAX);
	int r = 0;

	put_pair(&pairs, "agrp", DER_UTF8, slice_text("com.apple.identities"), &r, err);
	put_pair(&pairs, "labl", DER_UTF8, slice_text(label), &r, err);
	put_pair(&pairs, "v_Data", DER_BYTES, content, &r, err);
	close_into(der, DER_SET, &pairs, &r, err);
	return r;
}

int sim_identity_make(struct sim_device *device, const struct sim_enrollment *enrollment,
		      uint64_t row, struct err *err)
{
	CLEANUP(buf_wipe) struct buf content = BUF_INIT(ITEM_LEN_MAX), der = BUF_INIT(ITEM_LEN_MAX);
	uint8_t secret[MADE_UP_KEY_LEN];
	int r = certificate(device, enrollment, row, &content, err);

	if (r == 0)
		r = item("MDM Identity", buf_slice(&content), &der, err);
	if (r == 0)
		r = sim_keychain_put(device, "cert", row, buf_slice(&der), err);
	if (r < 0 || enrollment->identity == SIM_IDENTITY_ACME_HARDWARE)
		return r; /* its key never leaves the hardware, so the keychain has none */
	buf_truncate(&der, 0);
	sim_device_derive(device, "mdm-key", row, secret, sizeof(secret));
	r = item("MDM Identity", slice_of(secret, sizeof(secret)), &der, err);
	explicit_bzero(secret, sizeof(secret));
	return r < 0 ? r : sim_keychain_put(device, "keys", row, buf_slice(&der), err);
}

int sim_identity_keep(struct sim_device *device, uint64_t row, struct slice cert, struct slice key,
		      struct err *err)
{
	CLEANUP(buf_wipe) struct buf der = BUF_INIT(ITEM_LEN_MAX);
	int r = item("MDM Identity", cert, &der, err);

	if (r == 0)
		r = sim_keychain_put(device, "cert", row, buf_slice(&der), err);
	buf_truncate(&der, 0);
	if (r == 0)
		r = item("MDM Identity", key, &der, err);
	return r < 0 ? r : sim_keychain_put(device, "keys", row, buf_slice(&der), err);
}

/* ---- reading ---- */

static bool next(struct reader *in, uint8_t *tag, struct slice *content)
{
	uint8_t first, high = 0, low = 0;

	if (!reader_u8(in, tag) || !reader_u8(in, &first))
		return false;
	if (first < 0x80)
		low = first;
	else if (first > 0x82 || first < 0x81 || (first == 0x82 && !reader_u8(in, &high)) ||
		 !reader_u8(in, &low))
		return false; /* no certificate of this device is that long */
	return reader_slice(in, (size_t)high << 8 | low, content);
}

/* into the @count-th element from here */
static bool enter(struct reader *in, unsigned count)
{
	struct slice content = SLICE_EMPTY;
	uint8_t tag;

	for (unsigned i = 0; i <= count; i++)
		if (!next(in, &tag, &content))
			return false;
	*in = reader_of(content);
	return true;
}

static int64_t time_of(struct slice text)
{
	struct tm tm = {0};
	char zone, copy[32];
	int century = text.len == 13 ? 2000 : 0;

	snprintf(copy, sizeof(copy), "%.*s", (int)text.len, (const char *)text.bytes);
	if (sscanf(copy, century ? "%2d%2d%2d%2d%2d%2d%c" : "%4d%2d%2d%2d%2d%2d%c", &tm.tm_year,
		   &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &zone) != 7)
		return 0;
	tm.tm_year += century - 1900;
	tm.tm_mon--;
	return timegm(&tm);
}

int64_t sim_identity_until(struct slice der)
{
	struct reader in = reader_of(der);
	struct slice text;
	uint8_t tag;

	/* SET, third pair, its value, certificate, TBS, validity (fifth), notAfter */
	if (!enter(&in, 0) || !enter(&in, 2) || !enter(&in, 1) || !enter(&in, 0) ||
	    !enter(&in, 0) || !enter(&in, 4) || !next(&in, &tag, &text) || !next(&in, &tag, &text))
		return 0;
	return text.len < 32 ? time_of(text) : 0;
}

/* v_Data of an item: SET, third pair, its value */
static int read_item(struct sim_device *device, const char *table, uint64_t row, struct buf *out,
		     struct err *err)
{
	CLEANUP(buf_wipe) struct buf der = BUF_INIT(ITEM_LEN_MAX);
	int r = sim_keychain_get(device, table, row, &der, err);
	struct reader in = reader_of(buf_slice(&der));

	if (r != 0)
		return r;
	if (!enter(&in, 0) || !enter(&in, 2) || !enter(&in, 1) || in.left == MADE_UP_KEY_LEN)
		return BACKUP_ABSENT;
	return buf_append(out, in.at, in.left, err);
}

int sim_identity_read(struct sim_device *device, uint64_t row, struct buf *cert, struct buf *key,
		      struct err *err)
{
	int r = read_item(device, "keys", row, key, err);

	return r != 0 ? r : read_item(device, "cert", row, cert, err);
}
