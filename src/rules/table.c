/*
 * The rules of all tables by number, and the error texts.
 *
 * Error texts are data: literally as the vendors print them, since users search for them.
 */
#include "rules/internal.h"

/* in the order of letters; each table is sorted by number */
static const struct {
	const struct rules_rule *rules;
	const size_t *count;
} tables[] = {
	{table_identifiers, &table_identifiers_count},
	{table_interfaces, &table_interfaces_count},
	{table_services, &table_services_count},
	{table_restore, &table_restore_count},
	{table_state, &table_state_count},
	{table_records, &table_records_count},
};

const struct rules_rule *rules_rule_at(size_t index)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(tables); i++) {
		if (index < *tables[i].count)
			return &tables[i].rules[index];
		index -= *tables[i].count;
	}
	return NULL;
}

const struct rules_rule *rules_rule(uint16_t id)
{
	size_t i, at;

	for (i = 0; i < ARRAY_COUNT(tables); i++)
		for (at = 0; at < *tables[i].count; at++)
			if (tables[i].rules[at].id == id)
				return &tables[i].rules[at];
	return NULL;
}

/* ---- error texts ------------------------------------------------------------------- */

#define PROFILE_FAILED "Intune, troubleshooting profile installation failed, 2024"
#define ENROLLMENT_ERRORS "Intune, troubleshooting iOS enrollment errors, 2025"

static const struct rules_error_row errors[] = {
	{RULES_ID('E', 1),
	 "Profile Installation Failed. The new MDM payload does not match the old payload.",
	 "on the device, installing the management profile",
	 "Another management profile is on the device.", PROFILE_FAILED},
	{RULES_ID('E', 2),
	 "Profile Installation Failed. Connection to the server could not be established.",
	 "on the device, installing the management profile",
	 "Personal devices are refused, or another user or service has the device, or a licence is "
	 "missing.",
	 PROFILE_FAILED},
	{RULES_ID('E', 3), "Profile Installation Failed. A Network Error Has Occurred.",
	 "on the device, installing the management profile",
	 "A fault of the device that is not told further.", PROFILE_FAILED},
	{RULES_ID('E', 4),
	 "The configuration for your iPhone/iPad could not be downloaded from <Company>: Invalid "
	 "Profile",
	 "on the device, in Setup Assistant", "The service refuses the platform as a whole.",
	 ENROLLMENT_ERRORS},
	{RULES_ID('E', 5), "Enrollment restriction not met",
	 "in the service's console, among enrollment failures",
	 "A restriction of the service refused the device.",
	 "Intune, identify corporate devices, 2025"},
	{RULES_ID('E', 6),
	 "Couldn't add your device. You have added the maximum number of devices allowed by your "
	 "IT "
	 "support. You must remove a device before you can add a new one.",
	 "on the device, in the service's app (code DeviceCapReached)",
	 "The user has as many devices as allowed.", "Intune, device limit restrictions, 2025-05"},
	{RULES_ID('E', 7), "The SCEP server returned an invalid response.",
	 "on the device, in Setup Assistant with a user",
	 "The certificate was fetched too late: 15 minutes are given.",
	 "Intune, ADE for iOS, 2026-04-15"},
	{RULES_ID('E', 8), "Couldn't map device record with a user",
	 "on an ADE device, signing in to the service's app",
	 "The OS version is outside the range, so that the directory has no record.",
	 "Intune, platform restrictions, 2024-07"},
	{RULES_ID('E', 9), "NoEnrollmentPolicy, APNSCertificateNotValid, AccountNotOnboarded",
	 "in the service's console", "The push certificate is missing or has ended.",
	 ENROLLMENT_ERRORS},
	{RULES_ID('E', 10),
	 "Sign-in Failed / Your Apple ID does not support the expected services on this device. "
	 "Contact your administrator to sign in.",
	 "on the device, signing in with the work account",
	 "The organisation's well-known file is missing or of the wrong type.",
	 "Intune, account-driven enrollment, 2025"},
	{RULES_ID('E', 11),
	 "User Name Not Recognized. This user account is not authorized to use Microsoft Intune.",
	 "on the device, enrolling (code UserLicenseTypeInvalid)", "The user has no licence.",
	 ENROLLMENT_ERRORS},
	{RULES_ID('E', 12), "Unable to sync", "on the device, in the service's app",
	 "The device has lost its contact with the service.",
	 "Intune, iOS devices that do not check in, 2025"},
};

const struct rules_error_row *rules_error_at(size_t index)
{
	return index < ARRAY_COUNT(errors) ? &errors[index] : NULL;
}

const struct rules_error_row *rules_error(uint16_t id)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(errors); i++)
		if (errors[i].id == id)
			return &errors[i];
	return NULL;
}
