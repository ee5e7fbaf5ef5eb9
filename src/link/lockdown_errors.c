/*
 * The error strings of lockdown (3.3) in plain words.
 *
 * Each text says what is the matter and, after a semicolon, what to do next: it is shown
 * to people who hold the device, not to people who know the protocol.
 */
#include <string.h>

#include "link/internal.h"

#define RECONNECT "disconnect the device, connect it again and run the same command once more"
#define PAIR_AGAIN "pair it again (rehome pair) and answer Trust on its screen"
#define UPDATE "update this program, or report the word in brackets"

static const struct lockdown_error lockdown_errors[] = {
	/* the person or the lock screen */
	{"PasswordProtected", ERR_DEVICE,
	 "the device is locked; unlock it with its passcode and run the same command again"},
	{"PairingDialogResponsePending", ERR_DEVICE,
	 "the device asks whether to trust this computer; tap Trust on its screen and enter its "
	 "passcode"},
	{"UserDeniedPairing", ERR_POLICY,
	 "the answer on the device was Don't Trust; to ask again, disconnect the device, connect "
	 "it again and tap Trust"},
	{"EscrowLocked", ERR_DEVICE,
	 "the device was not unlocked since it started; enter its passcode once and run the same "
	 "command again"},

	/* the pairing */
	{"InvalidHostID", ERR_DEVICE,
	 "the device does not know this computer any more (it was erased, or its trust settings "
	 "were reset); " PAIR_AGAIN},
	{"MissingHostID", ERR_DEVICE,
	 "this computer's pairing record names no host; delete the record and " PAIR_AGAIN},
	{"InvalidPairRecord", ERR_DEVICE,
	 "the device does not accept this computer's pairing record; " PAIR_AGAIN},
	{"MissingPairRecord", ERR_DEVICE,
	 "this computer and the device are not paired; connect it by cable, then " PAIR_AGAIN},
	{"SavePairRecordFailed", ERR_DEVICE,
	 "the device could not store the pairing; free some space on it, restart it, then "
	 "" PAIR_AGAIN},
	{"PairingProhibitedOverThisConnection", ERR_POLICY,
	 "the device pairs over a cable only; connect it by cable and pair it there (rehome "
	 "pair)"},

	/* rules of an organization or of Find My */
	{"MCProtected", ERR_POLICY,
	 "a profile on the device forbids pairing with this computer; its organization has to "
	 "allow it, or pair with the organization's supervision identity (rehome pair "
	 "--supervised)"},
	{"MCChallengeRequired", ERR_POLICY,
	 "the device is supervised and wants proof from its organization; pair with the "
	 "organization's supervision identity (rehome pair --supervised)"},
	{"FMiPProtected", ERR_POLICY,
	 "Find My is on and protects the device; turn it off under Settings, Apple ID, Find My, "
	 "and run the same command again"},
	{"ServiceProhibited", ERR_POLICY,
	 "a rule on the device forbids this service; ask the organization that manages it"},

	/* values */
	{"MissingKey", ERR_DEVICE, "the request named no value to read; " UPDATE},
	{"MissingValue", ERR_DEVICE,
	 "the device has no such value; it may depend on its model, its iOS or its settings: go "
	 "on without it"},
	{"GetProhibited", ERR_POLICY,
	 "the device does not tell this value now; unlock it, pair it, and run the same command "
	 "again"},
	{"SetProhibited", ERR_POLICY,
	 "the device does not let this value be changed; change it in the device's own "
	 "settings"},
	{"RemoveProhibited", ERR_POLICY,
	 "the device does not let this value be removed; change it in the device's own "
	 "settings"},
	{"ImmutableValue", ERR_POLICY,
	 "this value of the device never changes; nothing can be done about it"},

	/* the conversation */
	{"InvalidResponse", ERR_DEVICE,
	 "the device could not make sense of what it was told; " RECONNECT},
	{"InvalidConnection", ERR_DEVICE, "the connection to the device went stale; " RECONNECT},
	{"SessionActive", ERR_DEVICE, "a session with the device is open already; " RECONNECT},
	{"SessionInactive", ERR_DEVICE, "the device ended the session; " RECONNECT},
	{"MissingSessionID", ERR_DEVICE, "the request named no session; " RECONNECT},
	{"InvalidSessionID", ERR_DEVICE, "the device does not know the session; " RECONNECT},

	/* services */
	{"MissingService", ERR_DEVICE, "the request named no service; " UPDATE},
	{"InvalidService", ERR_DEVICE,
	 "the device does not offer this service; finish its setup, update its iOS, and run the "
	 "same command again"},
	{"ServiceLimit", ERR_DEVICE,
	 "too many copies of this service run on the device; close other programs that talk to "
	 "it, or restart it"},

	/* activation */
	{"InvalidActivationRecord", ERR_DEVICE,
	 "the device does not accept its activation; connect it to the internet and finish its "
	 "setup"},
	{"MissingActivationRecord", ERR_DEVICE,
	 "the device is not activated; connect it to the internet and finish its setup"},
};

static const struct lockdown_error lockdown_error_unknown = {
	NULL, ERR_DEVICE,
	"the device refused for a reason that this program does not know; unlock the device, "
	"connect it again and retry, then " UPDATE};

const struct lockdown_error *lockdown_error_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_COUNT(lockdown_errors); i++) {
		if (!strcmp(lockdown_errors[i].name, name))
			return &lockdown_errors[i];
	}
	return &lockdown_error_unknown;
}
