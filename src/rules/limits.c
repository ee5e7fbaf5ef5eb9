/*
 * Numbers as data: the OS ranges in which a behaviour holds, the limits that services and Apple
 * set, and the switches for what nobody has verified.  A correction is made here and nowhere else.
 */
#include "rules/internal.h"

#include <string.h>

#define NO_END RULES_OS_VERSION(655, 0)

static const struct rules_regime regimes[REGIME_COUNT] = {
	[REGIME_OS27] = {RULES_ID('R', 154), RULES_OS_VERSION(27, 0), NO_END, RULES_SWITCH_OS27,
			 "Apple, WWDC26 device management updates (pre-release page); Fleet, "
			 "2026-06-09; libimobiledevice issue 1746, 2026-08"},
	[REGIME_FLAG26] = {RULES_ID('R', 152), RULES_OS_VERSION(26, 0), RULES_OS_VERSION(26, 4),
			   RULES_SWITCH_FLAG26,
			   "Apple, ADE profile object (key since 26.0), read 2026-08; the device's "
			   "profile daemon of 26.0 and 26.3"},
	[REGIME_FLAG264] = {RULES_ID('R', 153), RULES_OS_VERSION(26, 4), NO_END, -1,
			    "Apple, ADE profile object, read 2026-08; the profile daemon of 26.4"},
	[REGIME_SERVER_UID] = {RULES_ID('R', 802), RULES_OS_VERSION(26, 0), RULES_OS_VERSION(27, 0),
			       RULES_SWITCH_SERVER_UID,
			       "the device's profile daemon of 26.0, 26.3 and 26.4; no document"},
	[REGIME_ACCOUNT_DRIVEN] =
		{RULES_ID('R', 803), RULES_OS_MIN, NO_END, RULES_SWITCH_ACCOUNT_DRIVEN,
		 "the device's profile daemon of 18, 26.0, 26.3 and 26.4; assumed "
		 "for older ones"},
	[REGIME_HARDWARE_KEY] = {RULES_ID('R', 804), RULES_OS_MIN, NO_END,
				 RULES_SWITCH_HARDWARE_KEY,
				 "Apple, WWDC22 session 10143 (summary); the profile daemon of 18 "
				 "and 26"},
	[REGIME_ORPHAN_RECORD] = {RULES_ID('R', 805), RULES_OS_VERSION(26, 4),
				  RULES_OS_VERSION(27, 0), RULES_SWITCH_ORPHAN_RECORD,
				  "strings of the device's profile daemon of 26.4; no document"},
	[REGIME_SUPERVISED_USB] = {RULES_ID('R', 110), RULES_OS_VERSION(27, 0), NO_END, -1,
				   "libimobiledevice issue 1746, 2026-08"},
};

const struct rules_regime *rules_regime_at(size_t index)
{
	return index < ARRAY_COUNT(regimes) ? &regimes[index] : NULL;
}

static const struct rules_limit limits[] = {
	{"certificate_days", 365, RULES_ID('R', 408),
	 "Intune sample of expiring certificates, 2022"},
	{"renewal_days", 120, RULES_ID('R', 408), "the same, 2022 and 2024; unverified in 2026"},
	{"record_removed_days", 180, RULES_ID('R', 407),
	 "Intune documents, 2020; unverified in 2026"},
	{"cleanup_days_min", 30, RULES_ID('X', 20), "Intune, device cleanup rules, 2026"},
	{"cleanup_days_max", 270, RULES_ID('X', 20), "Intune, device cleanup rules, 2026"},
	{"checkin_hours", 8, RULES_ID('X', 22), "Intune, device actions, 2020"},
	{"verify_hours", 24, RULES_ID('R', 406), "three check-ins of 8 hours"},
	{"provisional_days", 30, RULES_ID('D', 5),
	 "Intune and Apple, devices added by Configurator"},
	{"device_limit_max", 15, RULES_ID('L', 20), "Intune, device limit restrictions, 2025-05"},
	{"limit_contact_days", 90, RULES_ID('L', 20), "Intune, device limit restrictions, 2025-05"},
	{"retires_per_day", 1000, RULES_ID('X', 6), "Intune, retire action, 2026-08-06"},
	{"bulk_devices", 100, RULES_ID('X', 6), "Intune, device actions, 2026-04"},
	{"push_certificate_days", 365, RULES_ID('D', 11), "Apple push certificates, 2026"},
	{"push_grace_days", 30, RULES_ID('D', 11), "Intune, Apple push certificate, 2026"},
	{"migration_deadline_days", 90, RULES_ID('M', 42), "Applivery and ASBMUtil, 2026"},
	{"stolen_device_delay_hours", 1, RULES_ID('M', 17), "EBF Onboarder manual; iOS 17.3"},
	{"identifier_rows", 5000, RULES_ID('C', 3), "Intune, corporate identifiers, 2025"},
	{"identifier_details", 128, RULES_ID('C', 2), "Intune, corporate identifiers, 2025"},
};

const struct rules_limit *rules_limit_at(size_t index)
{
	return index < ARRAY_COUNT(limits) ? &limits[index] : NULL;
}

const struct rules_limit *rules_limit(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(limits); i++)
		if (!strcmp(limits[i].name, name))
			return &limits[i];
	return NULL;
}

/* ---- switches ------------------------------------------------------------------- */

static const struct rules_switch_row switches[RULES_SWITCH_COUNT] = {
	[RULES_SWITCH_OS27] =
		{"os27_management",
		 {"gone", "returns"},
		 RULES_ID('R', 154),
		 "Apple has announced for 27, in a pre-release page only, that a restore "
		 "brings no management back"},
	[RULES_SWITCH_FLAG26] =
		{"flag26_profile",
		 {"gone", "returns"},
		 RULES_ID('R', 152),
		 "whether 26.0 to 26.3 drop the management profile too when the ADE "
		 "profile ignores backups"},
	[RULES_SWITCH_PLAIN_IDENTITY] =
		{"plain_identity",
		 {"returns", "lost"},
		 RULES_ID('R', 801),
		 "whether the management key in an unencrypted backup opens "
		 "again on the same device"},
	[RULES_SWITCH_SERVER_UID] =
		{"server_uid",
		 {"compared", "ignored"},
		 RULES_ID('R', 802),
		 "whether 26 compares the ADE server of the backup with today's"},
	[RULES_SWITCH_ACCOUNT_DRIVEN] =
		{"account_driven",
		 {"gone", "returns"},
		 RULES_ID('R', 803),
		 "whether account-driven enrollments are dropped even on the "
		 "same device"},
	[RULES_SWITCH_HARDWARE_KEY] = {"hardware_identity",
				       {"gone", "returns"},
				       RULES_ID('R', 804),
				       "whether an identity bound to the hardware is lost by every "
				       "restore"},
	[RULES_SWITCH_ORPHAN_RECORD] = {"orphan_record",
					{"dropped", "returns"},
					RULES_ID('R', 805),
					"whether 26.4 drops a mandatory ADE record that comes back "
					"without a management profile"},
	[RULES_SWITCH_LOCKED_REPLACE] =
		{"locked_replace",
		 {"works", "fails"},
		 RULES_ID('R', 809),
		 "whether a new enrollment may replace a locked profile of the "
		 "same service"},
	[RULES_SWITCH_NO_PROFILE] =
		{"ade_without_profile",
		 {"goes_on", "waits"},
		 RULES_ID('R', 735),
		 "whether Setup Assistant goes on when ADE assigns a service but "
		 "no profile"},
	[RULES_SWITCH_HAND_OWNER] =
		{"owner_by_hand",
		 {"personal", "corporate"},
		 RULES_ID('R', 862),
		 "whom a device belongs to that ADE assigns, but that was enrolled "
		 "by hand"},
};

const struct rules_switch_row *rules_switch(enum rules_switch number)
{
	return (size_t)number < RULES_SWITCH_COUNT ? &switches[number] : NULL;
}

int rules_switches_set(struct rules_switches *set, const char *name, const char *word,
		       struct err *err)
{
	char quoted[400];
	size_t i;

	for (i = 0; i < RULES_SWITCH_COUNT && strcmp(switches[i].name, name); i++)
		;
	if (i == RULES_SWITCH_COUNT)
		return err_set(err, ERR_USAGE, "there is no switch called %s",
			       text_quote(name, strlen(name), quoted));
	if (strcmp(word, switches[i].words[0]) && strcmp(word, switches[i].words[1]))
		return err_set(err, ERR_USAGE, "%s: %s is neither %s nor %s", name,
			       text_quote(word, strlen(word), quoted), switches[i].words[0],
			       switches[i].words[1]);
	set->is_turned[i] = !strcmp(word, switches[i].words[1]);
	return 0;
}
