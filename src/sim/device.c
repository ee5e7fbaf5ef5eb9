/* device - an opened device folder: identity, state, clock, and what the device makes up */
#include "sim/device.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int identity_load(struct sim_device *device, struct err *err)
{
	struct sim_identity *identity = &device->identity;
	char number[32] = "";

	if (!sim_fact_get(device, "udid", identity->udid, sizeof(identity->udid)) ||
	    !sim_fact_get(device, "serial", identity->serial, sizeof(identity->serial)) ||
	    !sim_fact_get(device, "seed", number, sizeof(number)))
		return err_set(err, ERR_CORRUPT, "%s is not a whole device folder", device->folder);
	identity->seed = strtoull(number, NULL, 10);
	/* a folder edited by hand must not become a real device's double */
	if (!udid_is_reserved(identity->udid) || !serial_is_reserved(identity->serial))
		return err_set(err, ERR_POLICY,
			       "%s: identity outside the range of simulated devices",
			       device->folder);
	sim_fact_get(device, "name", identity->name, sizeof(identity->name));
	sim_fact_get(device, "product", identity->product_type, sizeof(identity->product_type));
	sim_fact_get(device, "os", identity->product_version, sizeof(identity->product_version));
	sim_fact_get(device, "build", identity->build, sizeof(identity->build));
	sim_fact_get(device, "class", identity->device_class, sizeof(identity->device_class));
	sim_fact_get(device, "wifi_mac", identity->wifi_mac, sizeof(identity->wifi_mac));
	if (sim_fact_get(device, "chip_id", number, sizeof(number)))
		identity->unique_chip_id = strtoull(number, NULL, 10);
	return 0;
}

int sim_device_root_load(struct sim_device *device, struct err *err)
{
	uint8_t bytes[18 + 8] = "rehome-sim, seed: ";

	put_u64be(bytes + 18, device->identity.seed);
	crypto_sha256(slice_of(bytes, sizeof(bytes)), device->root);
	return crypto_mac_new(&device->mac, device->root, err);
}

static int fault_load(void *arg, const char *key, struct slice value, struct err *err)
{
	struct sim_device *device = arg;
	char spec[1024];

	(void)key;
	snprintf(spec, sizeof(spec), "%.*s", (int)value.len, (const char *)value.bytes);
	return sim_faults_parse(&device->faults, spec, err);
}

static int device_load(struct sim_device *device, struct err *err)
{
	char path[SIM_FOLDER_MAX + 64];
	int r;

	r = sim_store_open(&device->db, sim_device_path(device, "device.db", path), true, err);
	if (r == ERR_NOT_FOUND)
		return err_set(err, ERR_NOT_FOUND,
			       "%s is not a device folder: `rehome-sim new` makes one",
			       device->folder);
	if (r == 0)
		r = identity_load(device, err);
	if (r == 0)
		r = sim_device_root_load(device, err);
	if (r == 0)
		r = sim_fact_each(device, "fault/", fault_load, device, err);
	if (r < 0)
		return r;
	device->now = -1;
	sim_fact_get(device, "kept_out", device->kept_out, sizeof(device->kept_out));
	sim_faults_settle(&device->faults, device);
	return 0;
}

int sim_device_open(struct sim_device **out, const char *folder, struct err *err)
{
	struct sim_device *device;
	int r;

	if (strlen(folder) >= SIM_FOLDER_MAX)
		return err_set(err, ERR_USAGE, "the device folder's name is too long");
	device = calloc(1, sizeof(*device));
	if (!device)
		return err_no_memory(err);
	pthread_mutex_init(&device->lock, NULL);
	device->private_pem = BUF_INIT(CRYPTO_PEM_MAX);
	device->public_pem = BUF_INIT(CRYPTO_PEM_MAX);
	snprintf(device->folder, sizeof(device->folder), "%s", folder);
	snprintf(device->media, sizeof(device->media), "%s/media", folder);
	r = device_load(device, err);
	if (r < 0) {
		sim_device_close(device);
		return r;
	}
	*out = device;
	return 0;
}

void sim_device_close(struct sim_device *device)
{
	if (!device)
		return;
	sim_store_close_p(&device->db);
	crypto_mac_free(device->mac);
	buf_wipe(&device->private_pem);
	buf_clear(&device->public_pem);
	pthread_mutex_destroy(&device->lock);
	free(device);
}

const struct sim_identity *sim_device_identity(const struct sim_device *device)
{
	return &device->identity;
}

const char *sim_device_path(const struct sim_device *device, const char *name,
			    char out[SIM_FOLDER_MAX + 64])
{
	snprintf(out, SIM_FOLDER_MAX + 64, "%s/%s", device->folder, name);
	return out;
}

const char *sim_device_media_path(struct sim_device *device)
{
	return device->media;
}

struct sim_faults *sim_device_faults(struct sim_device *device)
{
	return &device->faults;
}

/* ---- state ---- */

enum value_type { VALUE_BOOL, VALUE_ANSWER, VALUE_NUMBER, VALUE_TEXT };

/** the fields of struct sim_state by name: one table for reading and writing */
static const struct {
	const char *key;
	enum value_type type;
	size_t offset, len;
} fields[] = {
#define FIELD(type, name)                                      \
	{                                                      \
#name, type, offsetof(struct sim_state, name), \
			sizeof(((struct sim_state *)0)->name)  \
	}
	FIELD(VALUE_BOOL, has_passcode),       FIELD(VALUE_BOOL, is_locked),
	FIELD(VALUE_BOOL, will_encrypt),       FIELD(VALUE_BOOL, encryption_is_forced),
	FIELD(VALUE_BOOL, find_my_is_on),      FIELD(VALUE_BOOL, setup_is_done),
	FIELD(VALUE_BOOL, is_supervised),      FIELD(VALUE_BOOL, wifi_is_enabled),
	FIELD(VALUE_BOOL, dialog_is_pending),  FIELD(VALUE_ANSWER, trust_answer),
	FIELD(VALUE_BOOL, passcode_is_wanted), FIELD(VALUE_NUMBER, passcode_answers),
	FIELD(VALUE_NUMBER, cancels),          FIELD(VALUE_NUMBER, free_bytes),
	FIELD(VALUE_NUMBER, total_bytes),      FIELD(VALUE_BOOL, is_unplugged),
	FIELD(VALUE_BOOL, cloud_backup_is_on), FIELD(VALUE_TEXT, activation),
	FIELD(VALUE_TEXT, language),           FIELD(VALUE_TEXT, locale),
#undef FIELD
};

static void field_load(struct sim_state *state, size_t index, const char *text)
{
	char *at = (char *)state + fields[index].offset;

	switch (fields[index].type) {
	case VALUE_BOOL:
		*(bool *)at = text[0] == '1';
		break;
	case VALUE_ANSWER:
		*(int *)(void *)at = atoi(text);
		break;
	case VALUE_NUMBER:
		*(uint64_t *)(void *)at = strtoull(text, NULL, 10);
		break;
	case VALUE_TEXT:
		snprintf(at, fields[index].len, "%s", text);
		break;
	}
}

static int state_load(void *arg, const char *key, struct slice value, struct err *err)
{
	char text[64];

	(void)err;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		if (!strcmp(key + strlen("state/"), fields[i].key)) {
			snprintf(text, sizeof(text), "%.*s", (int)value.len,
				 (const char *)value.bytes);
			field_load(arg, i, text);
		}
	return 0;
}

int sim_device_state(struct sim_device *device, struct sim_state *state, struct err *err)
{
	*state = (struct sim_state){0};
	return sim_fact_each(device, "state/", state_load, state, err);
}

/* another process may count at the same moment: the addition is the database's */
static int raise_counter(struct sim_device *device, const char *key, struct err *err)
{
	sqlite3_stmt *statement = NULL;
	int r;

	pthread_mutex_lock(&device->lock);
	r = sim_store_prepare(device->db, &statement,
			      "INSERT INTO facts VALUES(?1, '1') ON CONFLICT(key) DO UPDATE SET "
			      "value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)",
			      err);
	if (r == 0) {
		sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
		r = sim_store_run(statement, err);
	}
	sim_store_finalize_p(&statement);
	pthread_mutex_unlock(&device->lock);
	return r;
}

static bool is_decimal(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 19;
}

int sim_device_set_state(struct sim_device *device, const char *key, const char *value,
			 struct err *err)
{
	char fact[64];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(fields); i++)
		if (!strcmp(key, fields[i].key))
			break;
	if (i == ARRAY_COUNT(fields))
		return err_set(err, ERR_USAGE, "a device has no state named %s", key);
	snprintf(fact, sizeof(fact), "state/%s", key);
	switch (fields[i].type) {
	case VALUE_BOOL:
		if (strcmp(value, "true") && strcmp(value, "false"))
			return err_set(err, ERR_USAGE, "%s is true or false", key);
		return sim_fact_put(device, fact, value[0] == 't' ? "1" : "0", err);
	case VALUE_ANSWER:
	case VALUE_NUMBER:
		if (!strcmp(value, "+1"))
			return raise_counter(device, fact, err);
		if (!is_decimal(value))
			return err_set(err, ERR_USAGE, "%s is a number", key);
		return sim_fact_put(device, fact, value, err);
	default:
		if (strlen(value) >= fields[i].len)
			return err_set(err, ERR_USAGE, "%s: too long", key);
		return sim_fact_put(device, fact, value, err);
	}
}

/* ---- time ---- */

int64_t sim_device_now(struct sim_device *device)
{
	int64_t now;

	if (device->now >= 0) /* this process was told */
		return device->now;
	now = sim_fact_int(device, "now", -1);
	if (now >= 0)
		return now;
	return clock_wall_seconds(clock_system()) + sim_fact_int(device, "clock_offset", 0);
}

void sim_device_set_now(struct sim_device *device, int64_t now_seconds)
{
	device->now = now_seconds;
}

/* ---- what the device makes up ---- */

void sim_device_derive(struct sim_device *device, const char *purpose, uint64_t counter,
		       uint8_t *out, size_t len)
{
	uint8_t input[256 + 13], block[CRYPTO_SHA256_LEN];
	size_t purpose_len = strlen(purpose);

	if (purpose_len > 256)
		purpose_len = 256;
	memcpy(input, purpose, purpose_len);
	input[purpose_len] = 0;
	put_u64be(input + purpose_len + 1, counter);
	for (uint32_t index = 0; len > 0; index++) {
		size_t part = len < sizeof(block) ? len : sizeof(block);

		put_u32be(input + purpose_len + 9, index);
		pthread_mutex_lock(&device->lock);
		if (crypto_mac_compute(device->mac, slice_of(input, purpose_len + 13), block,
				       NULL) < 0)
			abort(); /* HMAC over a few bytes cannot fail, and made-up bytes must never
				    be left unset */
		pthread_mutex_unlock(&device->lock);
		memcpy(out, block, part);
		out += part;
		len -= part;
	}
}

uint64_t sim_mix(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u + b * 0xc2b2ae3d27d4eb4fu + c * 0x165667b19e3779f9u +
		     0x27d4eb2f165667c5u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static int key_make(struct sim_device *device, struct err *err)
{
	uint8_t seed[32];
	int r;

	r = sim_fact_blob(device, "rsa_private", &device->private_pem, err);
	if (r == 0)
		r = sim_fact_blob(device, "rsa_public", &device->public_pem, err);
	if (r != BACKUP_ABSENT)
		return r;
	buf_truncate(&device->private_pem, 0);
	sim_device_derive(device, "rsa", 0, seed, sizeof(seed));
	r = crypto_rsa_derive(seed, &device->private_pem, &device->public_pem, err);
	if (r == 0)
		r = sim_fact_put_blob(device, "rsa_private", buf_slice(&device->private_pem), err);
	if (r == 0)
		r = sim_fact_put_blob(device, "rsa_public", buf_slice(&device->public_pem), err);
	return r;
}

int sim_device_key(struct sim_device *device, struct slice *private_pem, struct slice *public_pem,
		   struct err *err)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	int r = 0;

	pthread_mutex_lock(&one_at_a_time);
	if (device->public_pem.len == 0)
		r = key_make(device, err);
	pthread_mutex_unlock(&one_at_a_time);
	if (r < 0)
		return r;
	*private_pem = buf_slice(&device->private_pem);
	*public_pem = buf_slice(&device->public_pem);
	return 0;
}

uint32_t sim_version_number(const char *version)
{
	unsigned major = 0, minor = 0, patch = 0;

	sscanf(version, "%3u.%2u.%2u", &major, &minor, &patch);
	return major * 10000 + minor * 100 + patch;
}
