/* client_do_settings - the command Settings: each item is answered by itself, in order */
#include "sim/client.h"

#include <string.h>

enum { RIGHT_NETWORK = 32 };

static int refuse(struct sim_chain *chain, const char *item)
{
	return sim_chain_add(chain, SIM_DOMAIN_SETTINGS, 28000, "“%.60s” is not a valid setting.",
			     item);
}

static int device_name(struct sim_turn *turn, const struct plist *item, struct sim_chain *chain,
		       struct err *err)
{
	const struct plist *value = plist_get(item, "DeviceName");

	if (!plist_text(value))
		return refuse(chain, "DeviceName");
	return sim_device_lockdown_set(turn->device, NULL, "DeviceName", value, err);
}

/* kept as it came, for DeviceInformation */
static int keep(struct sim_turn *turn, const struct plist *item, const char *key,
		struct sim_chain *chain, struct err *err)
{
	CLEANUP(plist_doc_free_p) struct plist_doc *doc = NULL;
	CLEANUP(buf_clear) struct buf bytes = BUF_INIT(1 << 16);
	const struct plist *value = plist_get_dict(item, key);
	char fact[64];
	int r;

	snprintf(fact, sizeof(fact), "mdm/set/%s", key);
	if (!value)
		return refuse(chain, key);
	r = plist_doc_new(&doc, err);
	if (r == 0)
		r = plist_write_binary(doc, plist_copy(doc, value), &bytes, err);
	return r < 0 ? r : sim_fact_put_blob(turn->device, fact, buf_slice(&bytes), err);
}

static int organization(struct sim_turn *turn, const struct plist *item, struct sim_chain *chain,
			struct err *err)
{
	return keep(turn, item, "OrganizationInfo", chain, err);
}

static int options(struct sim_turn *turn, const struct plist *item, struct sim_chain *chain,
		   struct err *err)
{
	bool allows = false;
	int r = keep(turn, item, "MDMOptions", chain, err);

	if (r != 0 || !plist_get_bool(plist_get_dict(item, "MDMOptions"),
				      "ActivationLockAllowedWhileSupervised", &allows))
		return r;
	return sim_fact_put_int(turn->device, "mdm/allows_activation_lock", allows, err);
}

static int time_zone(struct sim_turn *turn, const struct plist *item, struct sim_chain *chain,
		     struct err *err)
{
	const char *zone = plist_get_text(item, "TimeZone");

	if (!zone || !strchr(zone, '/') || strlen(zone) > 60)
		return refuse(chain, "TimeZone");
	return sim_fact_put(turn->device, "mdm/time_zone", zone, err);
}

/* what changes nothing that a backup or a service sees */
static int accept(struct sim_turn *turn, const struct plist *item, struct sim_chain *chain,
		  struct err *err)
{
	(void)turn, (void)item, (void)chain, (void)err;
	return 0;
}

static const struct row {
	const char *item;
	unsigned since;
	int64_t right;
	bool is_supervised;
	int (*run)(struct sim_turn *turn, const struct plist *item, struct sim_chain *chain,
		   struct err *err);
} rows[] = {
	{"DeviceName", 50000, 0, true, device_name},
	{"OrganizationInfo", 70000, 0, false, organization},
	{"MDMOptions", 70000, 0, true, options},
	{"TimeZone", 140000, 0, true, time_zone},
	{"Wallpaper", 80000, 0, true, accept},
	{"DataRoaming", 50000, RIGHT_NETWORK, false, accept},
	{"PersonalHotspot", 70000, RIGHT_NETWORK, false, accept},
	{"Bluetooth", 110300, RIGHT_NETWORK, true, accept},
};

static int set(struct sim_turn *turn, const struct plist *item, struct sim_chain *chain,
	       struct err *err)
{
	const char *name = plist_get_text(item, "Item");

	for (size_t i = 0; name && i < ARRAY_COUNT(rows); i++) {
		if (strcmp(rows[i].item, name) != 0 || turn->os < rows[i].since)
			continue;
		if (rows[i].is_supervised && !turn->state.is_supervised)
			return sim_chain_add(chain, "MCChaperoneErrorDomain", 29000,
					     "The device is not supervised.");
		if ((turn->relation->rights & rows[i].right) != rows[i].right)
			return sim_chain_add(chain, SIM_DOMAIN_MDM, 12007,
					     "The service may not set “%s”.", name);
		return rows[i].run(turn, item, chain, err);
	}
	return refuse(chain, name ? name : "?");
}

int sim_do_settings(struct sim_turn *turn, struct err *err)
{
	const struct plist *items = plist_get_array(turn->command, "Settings");
	struct plist *answers = plist_new_array(turn->doc);

	if (!items)
		return sim_chain_add(&turn->chain, SIM_DOMAIN_MDM, 12008,
				     "The request is malformed: Settings is missing.");
	for (const struct plist *item = items->as.items.first; item; item = item->next) {
		struct plist *answer = plist_new_dict(turn->doc);
		struct sim_chain chain = SIM_CHAIN_INIT;
		int r = set(turn, item, &chain, err);

		if (r < 0)
			return r;
		plist_set_text(turn->doc, answer, "Status", r ? "Error" : "Acknowledged");
		if (plist_get_text(item, "Item"))
			plist_set_text(turn->doc, answer, "Item", plist_get_text(item, "Item"));
		if (plist_get_text(item, "Identifier"))
			plist_set_text(turn->doc, answer, "Identifier",
				       plist_get_text(item, "Identifier"));
		if (r != 0)
			sim_chain_put(&chain, turn->doc, answer);
		plist_add(turn->doc, answers, answer);
	}
	plist_set(turn->doc, turn->reply, "Settings", answers);
	return 0;
}
