/*
 * wire - the half of the simulator that speaks: what its files share
 *
 * One thread per connection.  A connection starts as a usbmux command socket; after Connect the
 * same socket is lockdown or a service of one device, so a struct wire_peer lives through all of
 * it.  Nothing here decides what a device would do: that is asked of struct sim_device.
 */
#ifndef REHOME_SIM_WIRE_H
#define REHOME_SIM_WIRE_H

#include "link/link.h"
#include "net/net.h"
#include "plist/plist.h"
#include "sim/internal.h"

#include <pthread.h>

enum { WIRE_END = 1 }; /* the peer hung up between two messages: no failure */

/** struct wire_options - what `run` was told; texts are borrowed for the wire's life */
struct wire_options {
	enum net_tls_version tls_max;
	int64_t devicelink; /* version that the device offers: 400, 300, 100, 401 ... */
	bool old_behaviour; /* Info, List, Unback, Extract answered as devices before iOS 9.3 did */
	bool services_are_clear;    /* EnableServiceSSL false */
	bool trusts_everyone;       /* no trust question: every Pair is accepted (benchmarks) */
	int64_t passcode_limit_ms;  /* how long the passcode prompt stays */
	const char *records_folder; /* the host's pair records */
	const char *log_path;       /* JSON lines of every message; NULL: none */
};

struct wire;
struct wire_peer;

/* ---- wire_server.c: devices, listeners, threads ---- */

/** wire_new - a wire without devices. @world and what @options points to are borrowed for its life.
 */
int wire_new(struct wire **out, struct sim_world *world, const struct wire_options *options,
	     struct err *err);
/** wire_settle - wait up to @limit_ms for every connection's thread to end; false if one still
 * runs: the wire may not be freed then */
bool wire_settle(struct wire *wire, int64_t limit_ms);
/** wire_free - waits for every connection's thread (the world's cancel must be requested, or all
 * peers gone) */
void wire_free(struct wire *wire);
void wire_free_p(struct wire **wire);
/** wire_add_device - take over @device; @folder is for messages. The device is attached from now
 * on. */
int wire_add_device(struct wire *wire, struct sim_device *device, const char *folder,
		    struct err *err);
/** wire_serve - a new connection on @fd (taken over, also on failure), in a thread of its own */
int wire_serve(struct wire *wire, int fd, struct err *err);
/** wire_run - accept on @listeners until the world's cancel is requested; watches the devices'
 * folders meanwhile */
int wire_run(struct wire *wire, const int *listeners, size_t count, struct err *err);
/** wire_watch - look once at every device's folder: cable, trust answer, cancel (wire_run does it
 * several times a second) */
void wire_watch(struct wire *wire);

/** struct wire_port - a service that waits to be connected to */
struct wire_port {
	uint16_t number; /* 0 = free */
	const struct wire_service *service;
	bool is_tls, is_escrowed;
	char host_id[64];
};
enum { WIRE_PORTS_MAX = 64, WIRE_FIRST_PORT = 49152 };

/** struct wire_device - one device on the wire; @mutex guards all below it */
struct wire_device {
	struct wire *wire;
	struct sim_device *device;
	struct sim_faults *faults;
	const char *folder;
	char udid[41], serial[24]; /* as claimed on the wire (a fault may claim another's) */
	uint32_t id;               /* DeviceID; changes when the cable is put back */
	bool is_attached;          /* guarded by the wire's mutex, like id */

	pthread_mutex_t mutex;
	struct wire_port ports[WIRE_PORTS_MAX];
	size_t next_slot;
	uint16_t next_port;
	uint64_t session_count, challenge_count, prompt_count;
	struct wire_inbox *observers;     /* notification proxies */
	struct wire_peer *peers;          /* connections, to cut them when the cable goes */
	struct buf other_key, other_cert; /* fault "certificate": made on first use */
	struct sim_state seen;            /* by wire_watch, its own thread only */
};

const struct wire_options *wire_options(const struct wire *wire);
struct clock *wire_clock(const struct wire *wire);
const struct cancel *wire_cancel(const struct wire *wire);
/** wire_device_at - the @index-th device, or NULL behind the last */
struct wire_device *wire_device_at(struct wire *wire, size_t index);
/** wire_device_find - an attached device by its DeviceID, or NULL; stays valid for the wire's life
 */
struct wire_device *wire_device_find(struct wire *wire, uint32_t id);
/** wire_device_id - its DeviceID, or 0 while it is not attached */
uint32_t wire_device_id(struct wire_device *device);
/** wire_device_reboot - listeners see the device go and come back */
void wire_device_reboot(struct wire_device *device);
/** wire_uuid - made-up UUID of the device: a function of its seed, @purpose and @counter */
void wire_uuid(struct wire_device *device, const char *purpose, uint64_t counter, char out[37]);

/* ---- wire_inbox.c: what other threads want a connection to say ---- */

struct wire_item {
	int event;       /* enum wire_event, for listeners */
	uint32_t number; /* DeviceID, for listeners */
	char text[256];  /* name of the notification, for proxies */
};
struct wire_inbox {
	pthread_mutex_t mutex;
	int event_fd;
	struct wire_item items[64]; /* a ring; the oldest is lost when it overflows */
	size_t first, count;
	struct plist_doc
		*names_doc; /* notification proxies: what they observe, an array of texts */
	struct plist *names;
	struct wire_inbox *next;
};
int wire_inbox_init(struct wire_inbox *inbox, struct err *err);
void wire_inbox_clear(struct wire_inbox *inbox);
void wire_inbox_put(struct wire_inbox *inbox, const struct wire_item *item);
/** wire_inbox_take - false if it is empty */
bool wire_inbox_take(struct wire_inbox *inbox, struct wire_item *item);
/** wire_inbox_wait - until there is an item or @peer has something to read; ERR_CANCELED */
int wire_inbox_wait(struct wire_inbox *inbox, struct wire_peer *peer, struct err *err);

/* ---- wire_mux.c ---- */

enum wire_event { WIRE_ATTACHED, WIRE_DETACHED, WIRE_PAIRED };
/** wire_speak_mux - the life of a connection, from its first packet on */
int wire_speak_mux(struct wire_peer *peer, struct err *err);
/** wire_broadcast - tell every listener; the wire's mutex must not be held */
void wire_broadcast(struct wire *wire, enum wire_event event, uint32_t id);
void wire_listener_add(struct wire *wire,
		       struct wire_inbox *inbox); /* queues Attached for what is there */
void wire_listener_remove(struct wire *wire, struct wire_inbox *inbox);

/* ---- wire_records.c: the host's side of a pairing, as usbmuxd keeps it ---- */

/** wire_records_buid - the host's SystemBUID, made on first use and kept */
int wire_records_buid(struct wire *wire, char out[37], struct err *err);
/** each returns 0 or an errno for the Result; < 0 is a failure of ours. @udid:
 * link_udid_normalize'd */
int wire_records_read(struct wire *wire, const char *udid, struct buf *record, struct err *err);
int wire_records_save(struct wire *wire, const char *udid, struct slice record, struct err *err);
int wire_records_delete(struct wire *wire, const char *udid, struct err *err);

/* ---- wire_peer.c: a connection ---- */

struct wire_peer {
	struct wire *wire;
	struct wire_device *device; /* NULL before Connect */
	struct conn *conn;
	unsigned number;             /* of the connection, for the log */
	const char *service;         /* "usbmux", "lockdown", a service's name */
	enum link_encoding encoding; /* of what we send */
	bool is_tls, is_escrowed;
	struct sim_pairing pairing; /* of the session or of the port; host_id "" = none */
	struct plist_doc *in, *out; /* message being read, reply being built */
	struct buf frame, reply;
	struct wire_peer *next;
};
int wire_peer_new(struct wire_peer **out, struct wire *wire, int fd, struct err *err);
void wire_peer_free(struct wire_peer *peer);
/** wire_peer_join - @peer now belongs to @device and is cut with its cable */
void wire_peer_join(struct wire_peer *peer, struct wire_device *device);
/**
 * wire_receive - next plist frame
 * @root borrows from peer->in until the next call. Returns 0; WIRE_END; < 0.
 */
int wire_receive(struct wire_peer *peer, size_t len_max, const struct plist **root,
		 struct err *err);
/** wire_reply - a new dict in peer->out (emptied) */
struct plist *wire_reply(struct wire_peer *peer);
/** wire_send - @root of peer->out as a frame, flushed */
int wire_send(struct wire_peer *peer, const struct plist *root, struct err *err);
/** wire_peer_tls - be the TLS server with peer->pairing's certificates */
int wire_peer_tls(struct wire_peer *peer, struct err *err);

/* ---- wire_log.c ---- */

struct wire_log;
/** wire_log_new - @path NULL: a log that keeps nothing */
int wire_log_new(struct wire_log **out, const char *path, struct clock *clock, struct err *err);
void wire_log_free(struct wire_log *log);
struct wire_log *wire_log_of(const struct wire *wire);
bool wire_log_is_on(const struct wire_log *log);
/** wire_log_plist - one message; data as length and digest, passwords not at all. @direction "in"
 * or "out" */
void wire_log_plist(struct wire_peer *peer, const char *direction, const struct plist *root);
/** wire_log_text - an event of @device (may be NULL): "fault", "warning" */
void wire_log_text(struct wire_log *log, const char *udid, const char *event, const char *text);
/** wire_log_file - a file of a raw stream; @error NULL when whole */
void wire_log_file(struct wire_peer *peer, const char *direction, const char *name, uint64_t len,
		   const uint8_t sha1[20], const char *error);
/** wire_warn - one line on standard error and in the log: what a host does wrong but may */
void wire_warn(struct wire_peer *peer, const char *format, ...) PRINTF_LIKE(2, 3);

/* ---- wire_services.c ---- */

struct wire_service {
	const char *name;
	int (*speak)(struct wire_peer *peer,
		     struct err *err); /* returns WIRE_END, 0 or < 0 at its end */
	enum link_encoding encoding;
	bool needs_no_session; /* usbmuxd's preflight starts it before there is a pairing */
};
const struct wire_service *wire_service_find(const char *name);
/** wire_port_open - a fresh port for @service; the oldest waiting one gives way when there are too
 * many */
uint16_t wire_port_open(struct wire_device *device, const struct wire_service *service,
			const char *host_id, bool is_tls, bool is_escrowed);
/** wire_port_take - the service behind @number, used up; false if none waits there */
bool wire_port_take(struct wire_device *device, uint16_t number, struct wire_port *port);

int wire_speak_lockdown(struct wire_peer *peer, struct err *err);      /* wire_lockdown.c */
int wire_speak_backup(struct wire_peer *peer, struct err *err);        /* wire_backup.c */
int wire_speak_afc(struct wire_peer *peer, struct err *err);           /* wire_afc.c */
int wire_speak_notifications(struct wire_peer *peer, struct err *err); /* wire_notify.c */
int wire_speak_apps(struct wire_peer *peer, struct err *err);          /* wire_apps.c */
int wire_speak_springboard(struct wire_peer *peer, struct err *err);
int wire_speak_profiles(struct wire_peer *peer, struct err *err);    /* wire_profiles.c */
int wire_speak_diagnostics(struct wire_peer *peer, struct err *err); /* wire_small.c */
int wire_speak_activation(struct wire_peer *peer, struct err *err);
int wire_speak_heartbeat(struct wire_peer *peer, struct err *err);

/** wire_notify - relay @name to every proxy of @device that observes it */
void wire_notify(struct wire_device *device, const char *name);
/** wire_os_is_at_least - is the device's version @major.@minor or later? */
bool wire_os_is_at_least(const struct wire_device *device, int major, int minor);

/* ---- wire_pair.c: the requests of lockdown that make and end trust ---- */

/** struct wire_challenge - a supervised pairing that waits for its signature */
struct wire_challenge {
	struct buf cert; /* DER of the supervisor */
	uint8_t bytes[32];
	bool is_open;
};
/** each fills @reply with what is beyond Request; returns the error word for the host, or NULL;
 * failures of ours in @err and *r */
const char *wire_pair(struct wire_peer *peer, struct wire_challenge *challenge,
		      const struct plist *request, struct plist *reply, int *r, struct err *err);
const char *wire_unpair(struct wire_peer *peer, const struct plist *request, int *r,
			struct err *err);
const char *wire_validate_pair(struct wire_peer *peer, const struct plist *request, int *r,
			       struct err *err);
/** wire_is_supervisor - is @cert (DER or PEM) among the cloud configuration's
 * SupervisorHostCertificates? */
bool wire_is_supervisor(struct wire_device *device, struct slice cert);

/* ---- wire_host.c: struct sim_host over DeviceLink ---- */

struct wire_host;
int wire_host_new(struct wire_host **out, struct wire_peer *peer, struct err *err);
void wire_host_free(struct wire_host *host);
void wire_host_free_p(struct wire_host **host);
struct sim_host *wire_host_of(struct wire_host *host);
/** wire_host_begin - an empty message of the device: the array [@name] in peer->out, to be added to
 */
struct plist *wire_host_begin(struct wire_host *host, const char *name);
/** wire_host_say - send @message (of wire_host_begin); faults may strike here. ERR_CLOSED when one
 * cut the connection. */
int wire_host_say(struct wire_host *host, const struct plist *message, struct err *err);
/** wire_host_expect_order - the script of a request begins: "order" faults strike before its first
 * message */
void wire_host_expect_order(struct wire_host *host);
/** wire_host_hear - next control message of the host; borrowed from peer->in. WIRE_END when the
 * host went away or said Disconnect */
int wire_host_hear(struct wire_host *host, struct link_dl *message, struct err *err);

/* ---- wire_old.c: requests that devices stopped to answer with iOS 9.3, behind a switch ---- */

/**
 * wire_old_request - "Info", "List", "Unback", "Extract" of a plain backup at the host
 * @content receives the text that hosts print (Info, List). The answer's code is 0 or an
 * MBErrorDomain code.
 */
int wire_old_request(struct wire_host *host, const char *name, const struct plist *request,
		     struct buf *content, struct sim_answer *answer, struct err *err);

/* ---- wire_faults.c: what faults do to the bytes ---- */

/** struct wire_tap - counts what a connection carries and cuts it */
struct wire_tap {
	struct conn_tap tap;
	struct wire_peer *peer;
	uint64_t out_count, in_count;
};
void wire_tap_init(struct wire_tap *tap, struct wire_peer *peer);
/** wire_fault_at - does a fault of @kind strike at the @count-th of what it counts? NULL if none */
const struct sim_fault *wire_fault_at(const struct wire_peer *peer, enum sim_fault_kind kind,
				      uint64_t count);
/** wire_fault_order - the fault "order:@word", once; NULL if it is not asked for */
bool wire_fault_order(const struct wire_peer *peer, const char *word);
/** wire_fault_message - called before control message @count; 0 to go on, else the connection has
 * been dealt with (ERR_CLOSED) */
int wire_fault_message(struct wire_peer *peer, uint64_t count, struct err *err);
/** wire_silence - say nothing more, until the peer goes away */
int wire_silence(struct wire_peer *peer, struct err *err);
/** wire_fault_name - the name that a "name" fault makes of @udid into @out */
int wire_fault_name(const struct sim_fault *fault, const char *udid, struct buf *out,
		    struct err *err);

#endif
