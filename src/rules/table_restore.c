/*
 * Rules as data: what a restore does.
 */
#include "rules/internal.h"

#define SEED "Intune, backup and restore for iOS, 2021-01-14"
#define SEED22 "Intune, backup and restore for iOS, 2022-07-25"
#define SEED24 "Intune, backup and restore for iOS, 2024-08-28"

const struct rules_rule table_restore[] = {
	{RULES_ID('R', 101), RULES_DECIDES, RULES_STATED,
	 "A backup can be restored in Setup Assistant only, once per setup. Signing in with the "
	 "account later brings synced content, not the backup.",
	 SEED, NULL},
	{RULES_ID('R', 102), RULES_DECIDES, RULES_INFERRED,
	 "A computer can restore onto a device that is already set up. Setup Assistant has no part "
	 "in that.",
	 "inferred from the Intune restore document, 2024-08-28", NULL},
	{RULES_ID('R', 103), RULES_DECIDES, RULES_STATED,
	 "The device is managed and the backup is from a time when it was not: the restore could "
	 "damage the management that it has.",
	 SEED24, NULL},
	{RULES_ID('R', 104), RULES_DECIDES, RULES_OBSERVED,
	 "The target must run the backup's iOS version or a later one.",
	 "libimobiledevice issue 429", NULL},
	{RULES_ID('R', 105), RULES_DECIDES, RULES_DOCUMENTED,
	 "Configurator restores backups of supervised devices to supervised devices only, and the "
	 "others to the others.",
	 "Apple Configurator Help, glossary, 2026", NULL},
	{RULES_ID('R', 106), RULES_ADVISES, RULES_DOCUMENTED,
	 "What a backup holds: unencrypted ones lack passwords, call history, Health and Wi-Fi "
	 "settings; apps and synced media are in none.",
	 "Apple, Back up and restore managed devices, 2026",
	 "about content, not about management; printed as advice"},
	{RULES_ID('R', 107), RULES_ADVISES, RULES_DOCUMENTED,
	 "Policy can keep users from backing up, force encryption, refuse hosts and leave managed "
	 "apps out.",
	 "Apple, device management schema; Intune, set up ADE for iOS, 2026",
	 "its effects come in as facts: pairing, forced encryption, excluded apps"},
	{RULES_ID('R', 108), RULES_DECIDES, RULES_STATED,
	 "The enrollment profile hides the Restore pane: Setup Assistant offers no backup, and the "
	 "device enrolls without its content.",
	 SEED "; Apple, SkipKeys", NULL},
	{RULES_ID('R', 109), RULES_DECIDES, RULES_STATED,
	 "Direct transfer from another device is not supported for devices that ADE assigns.",
	 SEED22 "; Intune, ADE for iOS, 2026", NULL},
	{RULES_ID('R', 110), RULES_DECIDES, RULES_UNVERIFIED,
	 "From iOS 27 a computer's restore onto a supervised, set-up device was reported to end "
	 "with a reset device and lost data.",
	 "libimobiledevice issue 1746, 2026-08", NULL},
	{RULES_ID('R', 111), RULES_ADVISES, RULES_DOCUMENTED,
	 "Out of licences for the enrollment app, or without an enrollment profile, ADE enrollment "
	 "stops.",
	 "Intune, ADE for iOS, 2026", "comes in as what blocks ADE; R-861 and R-304 decide"},
	{RULES_ID('R', 150), RULES_ADVISES, RULES_INFERRED,
	 "The target's OS version decides whether a backup brings management back.",
	 "summary of R-151 to R-154", "premise: the OS ranges are data, their rules decide"},
	{RULES_ID('R', 151), RULES_ADVISES, RULES_STATED,
	 "Before iOS 26, and on 26 without the flag, the device's own backup brings back "
	 "management and supervision as they were.",
	 SEED "; " SEED22, "premise: holds wherever no other rule of the range speaks"},
	{RULES_ID('R', 152), RULES_DECIDES, RULES_OBSERVED,
	 "From iOS 26.0 to 26.3, with the flag, the device ignores the backup's ADE record and "
	 "management profile, and asks ADE anew.",
	 "Apple, ADE profile object, 2026; profile daemon of 26.0 and 26.3", NULL},
	{RULES_ID('R', 153), RULES_DECIDES, RULES_DOCUMENTED,
	 "From iOS 26.4 with the flag the restore removes all configuration profiles, and the "
	 "device asks ADE anew.",
	 "Apple, ADE profile object, 2026", NULL},
	{RULES_ID('R', 154), RULES_DECIDES, RULES_OBSERVED,
	 "From iOS 27 no restore brings back management, enrollment profile or supervision.",
	 "Apple, WWDC26 device management updates (pre-release page); Fleet, 2026-06-09; "
	 "libimobiledevice issue 1746",
	 NULL},
	{RULES_ID('R', 155), RULES_ADVISES, RULES_INFERRED,
	 "The service's interface has no property for the flag; whether it is ever sent is not "
	 "known.",
	 "Microsoft Graph, depIOSEnrollmentProfile, 2024-08",
	 "tells how the fact may be assumed; the fact decides"},
	{RULES_ID('R', 156), RULES_DECIDES, RULES_DOCUMENTED,
	 "A restore brings management back on the same device only. On another one it does not; "
	 "the service may refuse a restored device.",
	 "Apple, Managing connections, 2026-06-09", NULL},
	{RULES_ID('R', 157), RULES_ADVISES, RULES_INFERRED,
	 "That iOS 27 brings nothing back rests on a pre-release page and on third parties: the "
	 "older answer is kept as the alternative.",
	 "Apple, Managing connections, read 2026-08-18", "sets the confidence of R-154"},
	{RULES_ID('R', 158), RULES_ADVISES, RULES_DOCUMENTED,
	 "After a restore the push token, push magic and unlock token may change: a hint for the "
	 "service, no proof.",
	 "Apple, Token Update", "for the service that hears from the device"},
	{RULES_ID('R', 201), RULES_ADVISES, RULES_STATED,
	 "The device's own backup ends Setup Assistant at the home screen; the state is that of "
	 "the backup.",
	 SEED, "premise: goes with every outcome that ends at the home screen"},
	{RULES_ID('R', 202), RULES_DECIDES, RULES_STATED,
	 "Erased on the device and restored from its own backup, the device is managed as before; "
	 "there is nothing to do.",
	 SEED, NULL},
	{RULES_ID('R', 203), RULES_DECIDES, RULES_STATED,
	 "The service wiped the device, and released it before: the profile in the backup belongs "
	 "to nothing any more.",
	 SEED, NULL},
	{RULES_ID('R', 204), RULES_DECIDES, RULES_UNVERIFIED,
	 "The user cannot remove a locked left-over profile. The service can reject the device, or "
	 "the device is erased and not restored.",
	 "Apple, Managing connections; Apple, ErrorUnrecognizedDevice; unverified for Intune",
	 NULL},
	{RULES_ID('R', 205), RULES_DECIDES, RULES_STATED,
	 "The backup is from before management: the device comes up unmanaged although ADE assigns "
	 "it.",
	 SEED "; OpenRadar 26937206; IntuneDocs issue 2982", NULL},
	{RULES_ID('R', 206), RULES_DECIDES, RULES_STATED,
	 "The other service's profile comes back with the backup. Enrolling fails until it is "
	 "removed.",
	 SEED "; Apple, deploying enrollment profiles", NULL},
	{RULES_ID('R', 207), RULES_ADVISES, RULES_STATED,
	 "Another tenant of the same vendor is another service.", SEED,
	 "it tells which value the fact has"},
	{RULES_ID('R', 208), RULES_DECIDES, RULES_STATED,
	 "The other service's profile is locked: the user cannot remove it; that service must "
	 "release the device.",
	 SEED, NULL},
	{RULES_ID('R', 209), RULES_DECIDES, RULES_STATED,
	 "The device was retired at the old service before the backup: it comes up unmanaged, but "
	 "can be enrolled by hand without an error.",
	 SEED, NULL},
	{RULES_ID('R', 210), RULES_DECIDES, RULES_INFERRED,
	 "The old service no longer knows the device and may reject it: the device then drops the "
	 "old management by itself.",
	 "Apple, Managing connections", NULL},
	{RULES_ID('R', 211), RULES_DECIDES, RULES_INFERRED,
	 "ADE assigns another service today. That acts at the next erase only; until then the "
	 "device stays where the backup puts it.",
	 "inferred", NULL},
	{RULES_ID('R', 212), RULES_DECIDES, RULES_INFERRED,
	 "The enrollment was made by profile, not by ADE: it comes back, but its certificates have "
	 "been reported to be unusable.",
	 "Apple, Managing connections; Fleet, 2025-11-04", NULL},
	{RULES_ID('R', 213), RULES_DECIDES, RULES_OBSERVED,
	 "What the backup says of management is of no account: the device does what ADE says "
	 "today.",
	 "as R-152 to R-154", NULL},
	{RULES_ID('R', 214), RULES_ADVISES, RULES_DOCUMENTED,
	 "The Activation Lock bypass code stays the same after the device's own backup, and is new "
	 "otherwise.",
	 "Apple, Activation Lock bypass code", "changes no outcome; advice to keep the code"},
	{RULES_ID('R', 301), RULES_DECIDES, RULES_STATED,
	 "After the content Setup Assistant goes on at Remote Management, and the device enrolls "
	 "in the service that ADE names.",
	 SEED "; Apple, Managing connections", NULL},
	{RULES_ID('R', 302), RULES_DECIDES, RULES_INFERRED,
	 "ADE assigns no service: Setup Assistant goes on without Remote Management.", "inferred",
	 NULL},
	{RULES_ID('R', 303), RULES_DECIDES, RULES_INFERRED,
	 "ADE assigns another service: the device enrolls there.",
	 "inferred from the Intune restore document", NULL},
	{RULES_ID('R', 304), RULES_DECIDES, RULES_DOCUMENTED,
	 "ADE assigns this device, but no enrollment profile is set for it.",
	 "Intune, ADE for iOS, 2026", NULL},
	{RULES_ID('R', 305), RULES_ADVISES, RULES_INFERRED,
	 "The old device's record stays, and counts against its user's limit until it is removed.",
	 "Intune, device limit restrictions, 2025-05", "about the other device; printed as advice"},
	{RULES_ID('R', 306), RULES_ADVISES, RULES_STATED,
	 "Accounts of the authenticator app do not travel with a backup: save them in the app "
	 "first.",
	 SEED24, "about content; printed as advice"},
	{RULES_ID('R', 307), RULES_DECIDES, RULES_OBSERVED,
	 "The backup is of a device that was enrolled by profile: dead profiles and certificates "
	 "may come along.",
	 "Fleet, 2025-11-04", NULL},
	{RULES_ID('R', 308), RULES_ADVISES, RULES_INFERRED,
	 "On another device the Activation Lock bypass code is new.", "inferred from R-214",
	 "changes no outcome"},
};
const size_t table_restore_count = ARRAY_COUNT(table_restore);
