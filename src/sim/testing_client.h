/* testing_client - a device, a service, and the line between them */
#ifndef REHOME_SIM_TESTING_CLIENT_H
#define REHOME_SIM_TESTING_CLIENT_H

#include "sim/testing_service.h"

/** struct stage - a device, a service, and the line between them */
struct stage {
	struct sim_device *device;
	struct service service;
	struct sim_client client;
	struct sim_session session;
};

static inline void stage_set(struct stage *stage, void **state, bool is_supervised)
{
	struct sim_management management = {.is_supervised = is_supervised};
	struct sim_birth birth = {.seed = 5, .profile = "fresh", .management = &management};

	stage->device = device_born(*state, "device", birth);
	service_init(&stage->service);
	stage->client = (struct sim_client){.device = stage->device,
					    .line = &stage->service.line,
					    .clock = &stage->service.clock};
}

static inline void stage_end(struct stage *stage)
{
	sim_device_close(stage->device);
	service_clear(&stage->service);
}

/* 0, or the innermost code */
static inline int install(struct stage *stage, const struct paper *paper, bool by_service)
{
	struct buf bytes = BUF_INIT(SIM_MESSAGE_MAX);
	struct sim_chain chain = SIM_CHAIN_INIT;
	struct err err = ERR_INIT;
	int r;

	paper_write(paper, &bytes);
	r = sim_client_install(&stage->client, buf_slice(&bytes), by_service, &chain, &err);
	buf_clear(&bytes);
	if (r < 0)
		fail_msg("%s", err.text);
	return r == 0 ? 0 : chain.items[chain.count - 1].code;
}

static inline void polls(struct stage *stage)
{
	struct err err = ERR_INIT;

	service_forget(&stage->service);
	if (sim_client_poll(&stage->client, &stage->session, &err) != 0)
		fail_msg("%s", err.text);
}

#endif
