/* the certificate of an identity in a restored keychain item: the end of its validity, or none */
#include "sim/management.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	sim_identity_until(slice_of(data, size));
	return 0;
}
