/* device - where a device speaks: check-in, reports, profiles of declarations */
#include "mdm/mdm.h"
#include "server/worker.h"

#include <string.h>

enum { SIGNATURE_MAX = 16 << 10 };

/* ---- who speaks ---- */

int worker_peer_of(struct worker *worker, struct slice der, struct fleet_peer *peer,
		   struct err *err)
{
	struct crypto_cert *cert CLEANUP(crypto_cert_free_p) = NULL;
	struct fleet_peer *known;
	int r;

	crypto_sha256(der, peer->sha256);
	known = &worker->peers[get_u32be(peer->sha256) % WORKER_PEERS];
	if (known->is_presented &&
	    crypto_equal(known->sha256, peer->sha256, sizeof(peer->sha256))) {
		*peer = *known;
		return 0;
	}
	r = crypto_cert_read(&cert, der, err);
	if (r < 0)
		return r;
	peer->is_presented = true;
	peer->not_after = crypto_cert_facts(cert)->not_after;
	*known = *peer;
	return 0;
}

/* signature_peer - the signer of the Mdm-Signature header over the body, as sent */
static int signature_peer(struct worker *worker, const struct http_request *request,
			  struct fleet_peer *peer, struct err *err)
{
	const char *header = http_request_field(request, "Mdm-Signature");
	struct buf der CLEANUP(buf_clear) = BUF_INIT(SIGNATURE_MAX);
	struct crypto_signed sig CLEANUP(crypto_signed_clear);
	int r;

	crypto_signed_init(&sig);
	if (!header)
		return err_set(err, ERR_POLICY, "neither certificate nor Mdm-Signature");
	r = crypto_base64_read(&der, slice_text(header), err);
	if (r == 0)
		r = crypto_signed_open(&sig, buf_slice(&der), request->body, CRYPTO_SIGNED_DETACHED,
				       err);
	if (r != 0)
		return err_set(err, ERR_PROTOCOL, "Mdm-Signature does not hold");
	return worker_peer_of(worker, buf_slice(&sig.signer), peer, err);
}

int worker_peer(struct worker *worker, const struct http_request *request, struct fleet_peer *peer,
		struct err *err)
{
	*peer = (struct fleet_peer){0};
	if (request->peer_cert.len > 0)
		return worker_peer_of(worker, request->peer_cert, peer, err);
	return signature_peer(worker, request, peer, err);
}

void worker_put_peer(struct call_writer *writer, const struct fleet_peer *peer)
{
	call_put(writer, slice_of(peer->sha256, sizeof(peer->sha256)));
	call_put_u64(writer, (uint64_t)peer->not_after);
}

/* peer_or_refuse - 400 and never 401 or 403: those two end an enrollment */
static bool peer_or_refuse(struct worker *worker, struct http_request *request,
			   struct fleet_peer *peer)
{
	struct err err = ERR_INIT;

	if (worker_peer(worker, request, peer, &err) == 0)
		return true;
	log_event(LOG_INFO, "device-refused", "peer=%s path=%s reason=\"%s\"", request->peer,
		  request->path, err.text);
	worker_answer(worker, request, 400, NULL, NULL, SLICE_EMPTY);
	return false;
}

/* ---- messages ---- */

/*
 * The records process reads only what our own writer wrote: a check-in as XML, for it is kept
 * and exported, a report in binary, for there are many.
 */
static int checkin_take(struct worker *worker, struct slice body, struct err *err)
{
	static const struct plist_limits limits = {MDM_CHECKIN_MAX, 1u << 12, 16};
	const struct plist *root;
	struct mdm_checkin checkin;
	int r = plist_parse(worker->doc, body, &limits, &root, err);

	if (r == 0)
		r = plist_write_xml(NULL, root, &worker->message, err);
	return r < 0 ? r
		     : mdm_checkin_parse(worker->doc, buf_slice(&worker->message), &checkin, err);
}

static int report_take(struct worker *worker, struct slice body, struct err *err)
{
	struct mdm_report report;
	int r = mdm_report_parse(worker->doc, body, &report, err);

	return r < 0 ? r : plist_write_binary(NULL, report.root, &worker->message, err);
}

static void message_forward(struct worker *worker, struct http_request *request, enum call_op op,
			    const struct fleet_peer *peer)
{
	struct exchange *exchange = exchange_new(worker, request);
	struct call_writer writer;

	if (!exchange)
		return;
	if (caller_begin(worker->records, op, &writer, NULL) < 0) {
		exchange_answered(exchange, ERR_CLOSED, NULL);
		return;
	}
	worker_put_peer(&writer, peer);
	call_put(&writer, buf_slice(&worker->message));
	exchange_call(exchange, worker->records, &writer);
}

static void message_serve(struct worker *worker, struct http_request *request, bool is_checkin)
{
	struct err err = ERR_INIT;
	struct fleet_peer peer;
	int r;

	if (!peer_or_refuse(worker, request, &peer))
		return;
	plist_doc_reset(worker->doc);
	buf_truncate(&worker->message, 0);
	r = is_checkin ? checkin_take(worker, request->body, &err)
		       : report_take(worker, request->body, &err);
	if (r == 0) {
		message_forward(worker, request, is_checkin ? CALL_CHECKIN : CALL_REPORT, &peer);
		return;
	}
	log_event(LOG_INFO, "message-refused", "peer=%s path=%s reason=\"%s\"", request->peer,
		  request->path, err.text);
	worker_answer(worker, request, r == ERR_NO_MEMORY ? 503 : 400, NULL, NULL, SLICE_EMPTY);
}

void device_message(struct worker *worker, struct http_request *request, const char *rest)
{
	static const char checkin[] = "application/x-apple-aspen-mdm-checkin";
	const char *type = http_request_field(request, "Content-Type");

	message_serve(worker, request, type && !strncmp(type, checkin, sizeof(checkin) - 1));
}

void device_checkin(struct worker *worker, struct http_request *request, const char *rest)
{
	message_serve(worker, request, true);
}

void device_profile(struct worker *worker, struct http_request *request, const char *rest)
{
	struct fleet_peer peer;
	struct exchange *exchange;
	struct call_writer writer;

	if (!peer_or_refuse(worker, request, &peer))
		return;
	exchange = exchange_new(worker, request);
	if (!exchange)
		return;
	if (caller_begin(worker->records, CALL_DOWNLOAD, &writer, NULL) < 0) {
		exchange_answered(exchange, ERR_CLOSED, NULL);
		return;
	}
	worker_put_peer(&writer, &peer);
	call_put_text(&writer, rest);
	exchange_call(exchange, worker->records, &writer);
}
