/* a device's side of a backup: what it says is answered or refused, and the run comes to its end */
#include "job/testing_exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* answers are not read: after as many as a socket surely holds, the device hangs up */
enum { ANSWERS_MAX = 128, ANSWERED_MAX = 64 << 10 };

struct unread {
	struct conn_tap tap;
	size_t count, len;
};

static size_t answered(struct conn_tap *tap, const uint8_t *bytes, size_t len)
{
	struct unread *unread = (struct unread *)tap; /* its first member */

	(void)bytes;
	unread->len += len;
	return ++unread->count > ANSWERS_MAX || unread->len > ANSWERED_MAX ? 0 : len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stage stage;
	struct unread unread = {.tap = {.out = answered}};
	struct mb_response response;
	struct err err = ERR_INIT;

	if (size > 64 << 10 || stage_open(&stage, &err) < 0)
		return 0;
	conn_set_tap(stage.exchange.wire.conn, &unread.tap);
	if (link_stream_new(&stage.exchange.stream, true, &err) == 0 &&
	    stage_say(&stage, slice_of(data, size)) &&
	    exchange_serve(&stage.exchange, &response, &err) < 0 && !*err.text)
		abort(); /* a failure without words */
	stage_close(&stage);
	return 0;
}
