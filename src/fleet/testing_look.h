/*
 * fleet/testing_look - what a record holds, datum by datum, as texts that can be compared
 *
 * The rows of the table in docs/design/enrollment.md, in its order.
 */
#ifndef REHOME_FLEET_TESTING_LOOK_H
#define REHOME_FLEET_TESTING_LOOK_H

#include "fleet/testing.h"

enum { VALUE_MAX = 256 };

struct look {
	struct testing *t;
	struct store_enrollment row;
	struct store_device device;
	struct slice identity; /* SHA-256 of the certificate that was current before */
};

static inline void look_queue(struct look *look, char *out)
{
	struct store_queue *rows;
	size_t count;

	testing_check(look->t, store_queue_list(look->t->store, look->row.no, 0, 1000, &rows,
						&count, &look->t->err));
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].what.author, "anna") == 0 && !rows[i].what.is_dangerous)
			strcat(out, rows[i].what.uuid);
}

static inline void look_held(struct look *look, char *out)
{
	struct store_queue *rows;
	size_t count;

	testing_check(look->t, store_queue_list(look->t->store, look->row.no, 0, 1000, &rows,
						&count, &look->t->err));
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].what.author, "anna") == 0 && rows[i].what.is_dangerous)
			strcpy(out, rows[i].state == STORE_HELD ? "held" : "queued");
}

static inline void look_history(struct look *look, char *out)
{
	struct store_history *rows;
	size_t count;

	testing_check(look->t, store_history_list(look->t->store, look->row.no, 0, 1000, &rows,
						  &count, &look->t->err));
	/* the oldest: what an event ends comes after it */
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].status, "Acknowledged") == 0 &&
		    strcmp(rows[i].request_type, "DeviceInformation") == 0)
			snprintf(out, VALUE_MAX, "%s", rows[i].uuid);
}

static inline void look_sealed(struct look *look, enum store_owner kind, const char *name,
			       char *out)
{
	CLEANUP(buf_clear) struct buf plain = BUF_INIT(4096);
	int64_t owner = kind == STORE_OF_DEVICE ? look->device.no : look->row.no;
	int r = fleet_open(look->t->fleet, kind, owner, name, &plain, &look->t->err);

	testing_check(look->t, r);
	if (r == 0)
		hex_encode(plain.bytes, plain.len, out);
}

static inline void look_unlock(struct look *look, char *out)
{
	look_sealed(look, STORE_OF_ENROLLMENT, "unlock-token", out);
}

static inline void look_bootstrap(struct look *look, char *out)
{
	look_sealed(look, STORE_OF_ENROLLMENT, "bootstrap-token", out);
}

static inline void look_bypass(struct look *look, char *out)
{
	look_sealed(look, STORE_OF_DEVICE, "bypass-code", out);
}

static inline void look_password(struct look *look, char *out)
{
	look_sealed(look, STORE_OF_DEVICE, "backup-password", out);
}

static inline void look_token(struct look *look, char *out)
{
	hex_encode(look->row.push_token.bytes, look->row.push_token.len, out);
}

static inline void look_magic(struct look *look, char *out)
{
	snprintf(out, VALUE_MAX, "%s", look->row.push_magic ? look->row.push_magic : "");
}

static inline void look_certificate(struct look *look, char *out)
{
	static const char *const states[] = {"free", "next", "current", "previous", "ended"};
	struct store_certificate row;

	strcpy(out, "none");
	if (look->identity.len == 0)
		return;
	testing_check(look->t,
		      store_certificate_find(look->t->store, look->identity, &row, &look->t->err));
	strcpy(out, row.not_after < testing_now(look->t) ? "ended" : states[row.state]);
}

static inline void look_inventory(struct look *look, char *out)
{
	struct store_kept kept;
	int r = store_kept_get(look->t->store, STORE_OF_DEVICE, look->device.no,
			       "inventory/DeviceInformation", &kept, &look->t->err);

	testing_check(look->t, r);
	if (r == 0)
		snprintf(out, VALUE_MAX, "%.*s", (int)kept.bytes.len,
			 (const char *)kept.bytes.bytes);
}

static inline void look_installed(struct look *look, char *out)
{
	struct store_installed *rows;
	size_t count;

	testing_check(look->t,
		      store_installed_compare(look->t->store, look->row.no, look->device.no, &rows,
					      &count, &look->t->err));
	for (size_t i = 0; i < count; i++)
		if (rows[i].is_known && rows[i].state == STORE_INSTALLED)
			strcat(out, rows[i].identifier);
}

static inline void look_declared(struct look *look, char *out)
{
	struct store_declared *rows;
	size_t count;

	testing_check(look->t, store_declared_list(look->t->store, look->row.no, &rows, &count,
						   &look->t->err));
	for (size_t i = 0; i < count; i++)
		strcat(out, rows[i].identifier);
}

static inline void look_ownership(struct look *look, char *out)
{
	if (look->device.no)
		strcpy(out, look->device.ownership == STORE_CORPORATE ? "corporate" : "personal");
}

static inline void look_groups(struct look *look, char *out)
{
	struct store_group *rows;
	size_t count = 0;

	if (look->device.no)
		testing_check(look->t, store_group_list(look->t->store, look->device.no, 0, 1000,
							&rows, &count, &look->t->err));
	for (size_t i = 0; i < count; i++)
		strcat(out, rows[i].name);
}

static inline void look_record(struct look *look, char *out)
{
	static const char *const states[] = {"active", "hidden", "retired", "deleted", "wiped"};

	if (look->device.no)
		strcpy(out, states[look->device.record]);
}

static inline void look_generation(struct look *look, char *out)
{
	snprintf(out, VALUE_MAX, "%d", (int)look->row.generation);
}

static const struct datum {
	const char *name;
	void (*look)(struct look *look, char *out);
	bool is_told; /* the cell says what is there afterwards, not what became of it */
} data[] = {
	{"queue", look_queue, false},
	{"held commands", look_held, false},
	{"history", look_history, false},
	{"unlock token", look_unlock, false},
	{"bootstrap token", look_bootstrap, false},
	{"bypass code", look_bypass, false},
	{"backup password", look_password, false},
	{"push token", look_token, false},
	{"push magic", look_magic, false},
	{"certificate before", look_certificate, true},
	{"inventory", look_inventory, false},
	{"installed profiles", look_installed, false},
	{"declarations status", look_declared, false},
	{"ownership", look_ownership, false},
	{"group membership", look_groups, false},
	{"record state", look_record, true},
	{"generation", look_generation, true},
};
enum { DATA_COUNT = ARRAY_COUNT(data) };

typedef char values[DATA_COUNT][VALUE_MAX];

static inline void look_at_all(struct testing *t, const struct fleet_peer *peer, values out)
{
	struct look look = {.t = t};
	int r;

	memset(out, 0, sizeof(values));
	testing_begin(t);
	if (peer)
		look.identity = slice_of(peer->sha256, sizeof(peer->sha256));
	r = store_enrollment_find(t->store, TESTING_UDID, &look.row, &t->err);
	testing_check(t, r);
	if (r == STORE_NO_ROW)
		look.row = (struct store_enrollment){.no = 0};
	else
		testing_check(t,
			      store_device_get(t->store, look.row.device, &look.device, &t->err));
	for (size_t i = 0; i < DATA_COUNT; i++)
		data[i].look(&look, out[i]);
	testing_end(t, 0);
}

#endif
