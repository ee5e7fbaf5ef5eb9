/* a configuration profile as a device reads it: property list or CMS, its payloads and anchors */
#include "sim/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sim_incumbent nobody = {.identifier = NULL};
	CLEANUP(sim_profile_clear) struct sim_profile profile = SIM_PROFILE_INIT;
	CLEANUP(buf_clear) struct buf anchors = BUF_INIT(1 << 20);
	struct sim_chain chain = SIM_CHAIN_INIT;

	if (sim_profile_read(&profile, slice_of(data, size), &chain, NULL) != 0)
		return 0;
	sim_profile_anchors(profile.root, &anchors, NULL);
	sim_replace_check(&profile, &nobody, &chain);
	return 0;
}
