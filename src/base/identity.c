/* identity - the range that only simulated devices live in */
#include "base/base.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

bool udid_is_reserved(const char *udid)
{
	static const char chip[] = "0000FE5A";
	size_t digits = 0;

	if (strncasecmp(udid, chip, sizeof(chip) - 1) != 0)
		return false;
	udid += sizeof(chip) - 1;
	if (*udid == '-')
		udid++;
	while (isxdigit((unsigned char)udid[digits]))
		digits++;
	return digits == 16 && udid[digits] == 0;
}

bool serial_is_reserved(const char *serial)
{
	static const char prefix[] = "RHSIM";
	size_t len = 0;

	if (strncmp(serial, prefix, sizeof(prefix) - 1) != 0)
		return false;
	serial += sizeof(prefix) - 1;
	while (isupper((unsigned char)serial[len]) || isdigit((unsigned char)serial[len]))
		len++;
	return len == 7 && serial[len] == 0;
}
