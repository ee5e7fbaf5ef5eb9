/*
 * fleet/enroll_profile - the profile by which a device enrolls and renews its identity
 */
#ifndef REHOME_FLEET_ENROLL_PROFILE_H
#define REHOME_FLEET_ENROLL_PROFILE_H

#include "fleet/fleet.h"

/**
 * fleet_enroll_profile_make - append the profile as XML, not signed yet
 * @challenge: one-time, for the SCEP payload; @random: for the UUIDs that must be new each time
 *
 * A renewal sends it again: the same identifiers, topic and URLs, else the device refuses it
 * (12012); the same UUIDs of the payloads that stay, so that they are updated in place; another
 * UUID of the SCEP payload, so that the device fetches a new identity.  docs/protocol/mdm.
 */
int fleet_enroll_profile_make(struct buf *out, const struct fleet_policy *policy,
			      const char *challenge, const uint8_t random[32], struct err *err);

#endif
