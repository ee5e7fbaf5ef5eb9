/* cli/pair - with what a supervised device is paired: the MDM service's identity, or one in a file
 */
#ifndef REHOME_CLI_PAIR_H
#define REHOME_CLI_PAIR_H

#include "cli/mdm.h"

struct cli_pair_wish {
	bool no_wait, asks_service;
	const char *identity_file; /* or NULL */
};

struct cli_supervisor {
	struct job_supervisor base; /* the service's */
	struct job_supervisor_pem pem;
	struct mdm mdm;
	struct buf bytes; /* the certificate, or the file with its key; wiped */
};
/**
 * cli_supervisor_open - the identity that was wished for
 * @udid:   of the device; the service is asked first whether its record has it as supervised
 * @chosen: borrowed from @supervisor; NULL if none was wished for
 *
 * 0; ERR_POLICY: the service's record says otherwise; ERR_NOT_FOUND: it knows no such device. Clear
 * @supervisor in every case.
 */
int cli_supervisor_open(struct cli_supervisor *supervisor, struct cli *cli,
			const struct cli_pair_wish *wish, const char *udid,
			struct job_supervisor **chosen, struct err *err);
void cli_supervisor_clear(struct cli_supervisor *supervisor);

#endif
