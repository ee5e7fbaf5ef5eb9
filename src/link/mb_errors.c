/*
 * The codes of MBErrorDomain (14.1) in plain words, each with a next step.
 *
 * Texts complete "the device ended the run: <meaning>; <next step>".
 */
#include "link/link.h"

#define SAME_AGAIN "run the same command again"

static const struct link_mb_error mb_errors[] = {
	{0, "done", "nothing needs to be done"},
	{1, "the device reports a general failure (often a keychain or encryption setting)",
	 "unlock the device and " SAME_AGAIN
	 "; if it is managed, ask its organization whether a profile governs backup encryption"},
	{3, "the device could not make a snapshot of its files (an earlier one is still mounted)",
	 "restart the device and " SAME_AGAIN},
	{4, "a file on the device vanished while it was read",
	 SAME_AGAIN ", and leave the device alone while it runs"},
	{11, "the device could not read a state file of the backup (empty or malformed)",
	 "check the snapshot (rehome check), then make a full backup (rehome backup --full)"},
	{22, "a profile on the device requires encrypted backups",
	 "leave encryption on; only the organization that manages the device can lift this"},
	{100, "the device failed to read or write a file",
	 "restart the device, make sure that it has free space, and " SAME_AGAIN},
	{101, "the transfer between device and computer failed",
	 "check the cable or the network and " SAME_AGAIN},
	{102, "an earlier restore left its unfinished folder on the device",
	 "restart the device and " SAME_AGAIN},
	{103, "the device could not read the backup's status",
	 "check the snapshot (rehome check), then make a full backup (rehome backup --full)"},
	{104, "several files could not be transferred (the device was locked, or files vanished)",
	 "unlock the device, keep its screen on, and " SAME_AGAIN},
	{105, "there is not enough free space",
	 "for a backup free space on this computer, for a restore on the device, and " SAME_AGAIN},
	{107, "a path is too long for the device", "report the path named above"},
	{203, "the device does not know this version of backup",
	 "update the device's iOS, or choose a backup of the same or an older iOS"},
	{205, "the backup is incomplete or damaged",
	 "verify the snapshot (rehome verify) and choose one that is whole"},
	{207, "the backup password is wrong",
	 "enter the password that was set when encryption was turned on; if it is lost, older "
	 "encrypted backups stay closed, and Reset All Settings on the device clears it for new "
	 "ones"},
	{208, "the device is locked, or its passcode was not entered in time",
	 "unlock the device, enter its passcode when it asks, and " SAME_AGAIN},
	{211, "Find My is on",
	 "turn it off on the device under Settings, Apple ID, Find My, and " SAME_AGAIN},
	{212, "the device's setup is not finished",
	 "finish the setup assistant, or erase the device and start over, and " SAME_AGAIN},
	{213, "the device takes this restore in the background only",
	 "finish setup on the device and let it restore by itself"},
};

static const struct link_mb_error mb_error_unknown = {
	-1, "the device ended the run with a code that this program does not know",
	"unlock the device, restart it, and " SAME_AGAIN
	"; if it stays, report the code and the device's words"};

const struct link_mb_error *link_mb_explain(int64_t code)
{
	for (size_t i = 0; i < ARRAY_COUNT(mb_errors); i++) {
		if (mb_errors[i].code == code)
			return &mb_errors[i];
	}
	return &mb_error_unknown;
}
