/*
 * pair_supervised - be trusted by a device because its supervisor vouches for this host
 *
 * The device compares the certificate with those of its cloud configuration and sends a challenge;
 * the signature over its bytes is proof, and nobody is asked (docs/protocol/device-link, 4.4).  A
 * device does not say to strangers whether and by whom it is supervised: what it does with a
 * certificate that is not its supervisor's is all that tells.
 */
#include "job/pair.h"

static int not_ours(const struct lockdown *lockdown, int outcome, struct err *err)
{
	const char *udid = lockdown->device->udid;

	if (outcome == PAIR_FORBIDDEN)
		return err_set(err, ERR_POLICY,
			       "%s is supervised with another identity, and a profile forbids to "
			       "pair without it: use that identity (--supervision-identity)",
			       udid);
	return err_set(err, ERR_POLICY,
		       "%s is not supervised, or with another identity: it asks its person "
		       "instead. Decline there, and use its own identity "
		       "(--supervision-identity), or run `rehome pair %s` and answer Trust",
		       udid, udid);
}

/* signed_for - what @supervisor signs is looked at before the device sees it: a refusal of the
 * device could then only mean the device */
static int signed_for(const struct lockdown *lockdown, struct job_supervisor *supervisor,
		      struct slice challenge, struct buf *der, struct err *err)
{
	int r = supervisor->sign(supervisor, lockdown->device->udid, challenge, der, err);

	if (r < 0)
		return r;
	r = crypto_cms_verify(buf_slice(der), supervisor->cert, challenge, err);
	return r <= 0 ? r
		      : err_set(err, ERR_PROTOCOL,
				"the signature is not of the identity's certificate over the "
				"device's challenge");
}

int pair_supervised(struct pairing *pairing, struct lockdown *lockdown,
		    struct job_supervisor *supervisor, struct err *err)
{
	CLEANUP(buf_clear) struct buf cert = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_clear) struct buf der = BUF_INIT(2 * CRYPTO_PEM_MAX);
	struct pair_proof proof = {.key = "SupervisorCertificate"};
	int r = crypto_cert_der(supervisor->cert, &cert, err);

	if (r < 0)
		return err_wrap(err, r, "the supervision identity");
	proof.bytes = buf_slice(&cert);
	r = pair_ask(pairing, lockdown, &proof, err);
	if (r == PAIR_PENDING || r == PAIR_FORBIDDEN)
		return not_ours(lockdown, r, err);
	if (r != PAIR_CHALLENGED)
		return r;
	r = signed_for(lockdown, supervisor, buf_slice(&pairing->challenge), &der, err);
	if (r < 0)
		return err_wrap(err, r, "sign the device's challenge");
	proof = (struct pair_proof){"ChallengeResponse", buf_slice(&der)};
	r = pair_ask(pairing, lockdown, &proof, err);
	if (r <= 0 || r == PAIR_LOCKED)
		return r;
	return err_set(err, ERR_POLICY,
		       "%s refused the answer to its challenge, which is right: run the command "
		       "again",
		       lockdown->device->udid);
}

/* ---- an identity in a file ---- */

static int pem_sign(struct job_supervisor *base, const char *udid, struct slice challenge,
		    struct buf *der, struct err *err)
{
	const struct job_supervisor_pem *supervisor = (const struct job_supervisor_pem *)base;

	return crypto_cms_sign(challenge, supervisor->pem, supervisor->pem, der, err);
}

int job_supervisor_pem_init(struct job_supervisor_pem *supervisor, struct slice pem,
			    struct err *err)
{
	CLEANUP(buf_clear) struct buf der = BUF_INIT(2 * CRYPTO_PEM_MAX);

	*supervisor = (struct job_supervisor_pem){{pem, pem_sign}, pem};
	/* once for nothing: that it cannot sign is better known before a device is asked */
	return pem_sign(&supervisor->base, "", slice_text("rehome"), &der, err);
}
