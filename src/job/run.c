/* run - see run.h.  The order is the one that devices know from other hosts, on one session instead
 * of six. */
#include "job/run.h"

int run_open(struct run *run, const struct job_env *env, const struct job_device *device,
	     bool takes_lock, struct err *err)
{
	int r;

	*run = (struct run){.env = env};
	run->exchange.env = env;
	run->exchange.notify = &run->notify;
	run->exchange.udid = device->udid;
	run->exchange.device_name = run->facts.name;
	exchange_phase(&run->exchange, "connecting");
	r = lockdown_open(&run->lockdown, env, device, err);
	if (r == 0)
		r = lockdown_session_required(&run->lockdown, err);
	if (r == 0)
		r = lockdown_facts(&run->lockdown, &run->facts, err);
	run->exchange.capacity = run->facts.capacity;
	if (r == 0)
		r = notify_open(&run->notify, &run->lockdown, err);
	if (r == 0)
		r = exchange_open(&run->exchange, &run->lockdown, err);
	if (r < 0 || !takes_lock)
		return r;
	r = afc_open(&run->afc, &run->lockdown, err);
	if (r == 0)
		r = sync_lock_take(&run->lock, env, &run->notify, &run->afc, err);
	return r;
}

void run_release(struct run *run)
{
	sync_lock_release(&run->lock);
	afc_close(&run->afc);
	exchange_close(&run->exchange);
	notify_close(&run->notify);
	lockdown_close(&run->lockdown);
}

int run_end(struct run *run, int r, const struct mb_response *response, const char *what,
	    struct err *err)
{
	const struct err *failure = &run->exchange.failure;

	/* what failed here explains whatever the device made of it, unless a person stopped the run
	 */
	if (failure->code && r != ERR_CANCELED) {
		*err = *failure;
		r = failure->code;
	} else if (r == 0 && response->code != 0) {
		return exchange_explain(response, what, err);
	}
	if (r == ERR_LIMIT) /* the limit was the device's to keep */
		r = err->code = ERR_PROTOCOL;
	return r < 0 ? err_wrap(err, r, "%s", what) : 0;
}
