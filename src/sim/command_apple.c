/*
 * command_apple - Apple's services, simulated: the push service, and a push certificate for trials
 */
#include "sim/internal.h"

#include "crypto/identity.h"
#include "net/net.h"
#include "sim/apns.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { DAYS = 365, ADDRESS_LEN = 128, FOLDER_LEN = 4096 };

static const char help[] =
	"usage: rehome-sim apple --apns 127.0.0.1:PORT --folder DIR [OPTION]...\n"
	"       rehome-sim apple --push-certificate FILE --topic TOPIC\n"
	"\n"
	"The first form is Apple's push service over HTTP/2; port 0 chooses one.  It prints where "
	"it\n"
	"listens, then \"ready\".  Pushes wait in DIR for `rehome-sim run --apple DIR`; DIR/ca.pem "
	"is\n"
	"the certificate to trust.\n"
	"\n"
	"  --strict                      tokens that no device listens with are BadDeviceToken\n"
	"  --fault STATUS:REASON[:N]     answer the first N (1) requests so\n"
	"  --log                         a line for each request, on standard error\n"
	"\n"
	"The second form makes a push certificate with its key, as Apple's portal would, for "
	"TOPIC\n"
	"(com.apple.mgmt.External.UUID).\n";

/** struct asked - the command line */
struct asked {
	const char *address, *folder, *certificate, *topic;
	bool is_strict, logs;
	int fault_status;
	char fault_reason[64];
	unsigned fault_count;
};

static int parse_fault(struct asked *asked, const char *text, struct err *err)
{
	asked->fault_count = 1;
	if (sscanf(text, "%3d:%63[A-Za-z]:%9u", &asked->fault_status, asked->fault_reason,
		   &asked->fault_count) < 2 ||
	    asked->fault_status < 400 || asked->fault_status > 599)
		return err_set(err, ERR_USAGE, "--fault %.60s: it is 429:TooManyRequests:3", text);
	return 0;
}

static int parse(struct asked *asked, int argc, char **argv, struct err *err)
{
	static const struct option options[] = {{"apns", required_argument, NULL, 'a'},
						{"folder", required_argument, NULL, 'd'},
						{"strict", no_argument, NULL, 's'},
						{"fault", required_argument, NULL, 'f'},
						{"log", no_argument, NULL, 'l'},
						{"push-certificate", required_argument, NULL, 'p'},
						{"topic", required_argument, NULL, 't'},
						{0}};
	int option, r = 0;

	optind = 0;
	opterr = 0;
	while (r == 0 && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			asked->address = optarg;
			break;
		case 'd':
			asked->folder = optarg;
			break;
		case 's':
			asked->is_strict = true;
			break;
		case 'l':
			asked->logs = true;
			break;
		case 'f':
			r = parse_fault(asked, optarg, err);
			break;
		case 'p':
			asked->certificate = optarg;
			break;
		case 't':
			asked->topic = optarg;
			break;
		default:
			r = sim_option_refused("apple", argv, optind, err);
		}
	}
	if (r == 0 && (optind != argc ||
		       (asked->certificate ? !asked->topic : !asked->address || !asked->folder)))
		r = err_set(err, ERR_USAGE, "rehome-sim apple --help tells what is needed");
	return r;
}

/* ---- certificates ---- */

/* certificate and key, self-signed: an authority of one */
static int make_pair(struct crypto_cert_wish *wish, struct clock *clock, struct buf *cert_pem,
		     struct buf *key_pem, struct err *err)
{
	CLEANUP(crypto_key_free_p) struct crypto_key *key = NULL;
	CLEANUP(crypto_cert_free_p) struct crypto_cert *cert = NULL;
	CLEANUP(buf_clear) struct buf spki = BUF_INIT(CRYPTO_PEM_MAX);
	struct entropy *entropy = entropy_system();
	int r = crypto_key_make(&key, CRYPTO_KEY_RSA_2048, err);

	if (r == 0)
		r = crypto_key_spki(key, &spki, err);
	if (r == 0)
		r = entropy->fill(entropy, wish->serial_entropy, sizeof(wish->serial_entropy), err);
	wish->spki = buf_slice(&spki);
	wish->not_before = clock_wall_seconds(clock) - 3600;
	wish->days = DAYS;
	if (r == 0)
		r = crypto_cert_issue(&cert, wish, NULL, key, err);
	if (r == 0)
		r = crypto_cert_write(cert, cert_pem, err);
	return r < 0 ? r : crypto_key_write(key, key_pem, err);
}

static int make_push_certificate(struct sim_world *world, const struct asked *asked,
				 struct err *err)
{
	struct crypto_cert_wish wish = {
		.role = CRYPTO_ROLE_PUSH, .common_name = "APSP:simulated", .uid = asked->topic};
	CLEANUP(buf_clear) struct buf cert = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(CRYPTO_PEM_MAX);
	int r = make_pair(&wish, world->clock, &cert, &key, err);

	if (r == 0)
		r = buf_append_slice(&cert, buf_slice(&key), err);
	if (r == 0)
		r = fs_write_file(fs_system(), asked->certificate, buf_slice(&cert), 0600, err);
	buf_wipe(&cert); /* the key lies in it, too */
	return r;
}

/* ---- the push service ---- */

static int serve(struct sim_world *world, const struct asked *asked, struct err *err)
{
	static const char *const names[] = {"127.0.0.1", "::1", "localhost", "api.push.apple.com"};
	struct crypto_cert_wish wish = {.role = CRYPTO_ROLE_TLS,
					.common_name = "Simulated push service",
					.names = names,
					.name_count = ARRAY_COUNT(names)};
	CLEANUP(buf_clear) struct buf cert = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(buf_wipe) struct buf key = BUF_INIT(CRYPTO_PEM_MAX);
	CLEANUP(close_p) int fd = -1;
	struct apns_options options = {.folder = asked->folder,
				       .is_strict = asked->is_strict,
				       .fault_status = asked->fault_status,
				       .fault_reason = asked->fault_reason,
				       .fault_count = asked->fault_count,
				       .log = asked->logs ? world->err : NULL};
	struct apns_server *server = NULL;
	char path[FOLDER_LEN + 16], bound[ADDRESS_LEN];
	int r = make_pair(&wish, world->clock, &cert, &key, err);

	options.cert_pem = buf_slice(&cert);
	options.key_pem = buf_slice(&key);
	if (r == 0)
		r = apns_server_new(&server, &options, err);
	snprintf(path, sizeof(path), "%.*s/ca.pem", FOLDER_LEN, asked->folder);
	if (r == 0)
		r = fs_write_file(fs_system(), path, buf_slice(&cert), 0644, err);
	if (r == 0)
		r = net_listen(&fd, asked->address, bound, err);
	if (r == 0) {
		fprintf(world->out, "listening on %s\nready\n", bound);
		fflush(world->out);
		r = apns_server_run(server, fd, world->cancel, err);
	}
	apns_server_free(server);
	return r;
}

int sim_command_apple(struct sim_world *world, int argc, char **argv)
{
	struct asked asked = {0};
	struct err err = ERR_INIT;
	int r;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(help, world->out);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	r = parse(&asked, argc, argv, &err);
	if (r == 0)
		r = asked.certificate ? make_push_certificate(world, &asked, &err)
				      : serve(world, &asked, &err);
	return r < 0 ? sim_command_failed(world, r, &err) : 0;
}
