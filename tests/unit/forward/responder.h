/* SPDX-License-Identifier: Apache-2.0
 *
 * An upstream server on the test's own loop: UDP and TCP on one port of 127.0.0.1, with a word for
 * how the next queries are answered. And a forwarder to ask it with. Nothing waits for a time to
 * pass; a guard ends a test that hangs.
 */
#ifndef KANAME_TEST_FORWARD_RESPONDER_H
#define KANAME_TEST_FORWARD_RESPONDER_H

#include <netinet/in.h>

#include "forward/forward.h"

enum responder_act {
	RESPOND, /* one A record, 192.0.2.1 */
	RESPOND_NEVER,
	RESPOND_TRUNCATED, /* TC by UDP; by TCP as RESPOND */
	RESPOND_LARGE,	   /* by TCP: 64 KiB of TXT; by UDP TC */
	RESPOND_RCODE,	   /* responder->rcode, no record */
	RESPOND_CLOSE,	   /* TCP: closes after half of the message */
	RESPOND_UPPER,	   /* the question in upper case */
	RESPOND_FORGED, /* before the answer: wrong ID, name, type, class, case, QR; empty, short */
	RESPOND_TWICE,
	RESPOND_EMPTY,	/* 0 octets, then the answer */
	RESPOND_PROOF,	/* HINFO with the loop's proof */
	RESPOND_BROKEN, /* 65,535 records, and none is there */
	RESPOND_HELD,	/* kept until responder_release, which answers in reverse */
};

#define RESPONDER_HELD_MAX 64

struct responder_held {
	struct sockaddr_storage from;
	uint8_t bytes[512];
	size_t len;
};

struct responder {
	uv_loop_t *loop;
	uv_udp_t udp;
	uv_tcp_t tcp;
	struct sockaddr_in address;
	enum responder_act act;
	uint8_t rcode;
	uint64_t probe_key;
	unsigned n_udp, n_tcp, n_connections; /* queries; accepted connections */
	uint16_t last_port;		      /* of a UDP query */
	bool had_upper;			      /* a letter of the last query was upper-case */
	bool had_edns, had_do, had_cd;	      /* the last query's */
	struct responder_held held[RESPONDER_HELD_MAX];
	unsigned n_held;
	bool has_tcp;	   /* listens on TCP */
	bool is_directory; /* answers with 127.0.0.3 */
};

void responder_open(struct responder *responder, uv_loop_t *loop, const char *ip);
void responder_close(struct responder *responder);
void responder_release(struct responder *responder);

struct asker {
	struct forward_waiter waiter; /* first */
	bool is_done;
	bool has_wire;
	uint8_t wire[70000];
	size_t len;
	enum dns_ede ede;
	char upstream[64];
};

struct rig {
	uv_loop_t loop;
	struct responder responders[3];
	unsigned n_responders;
	struct forward_target targets[3];
	struct forward_group_config groups[2];
	struct forward_config config;
	struct forward *forward;
	unsigned n_replies; /* on_reply's calls */
	bool is_closed;
};

/* n responders, group 0 with all of them in sequential order, nothing opened yet. */
void rig_init(struct rig *rig, unsigned n);
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);
/* Asks; returns forward_ask's word. deadline_ms from now. */
enum forward_ask rig_ask(struct rig *rig, struct asker *asker, const char *name,
			 unsigned deadline_ms);
/* Runs the loop until *is_done. */
void rig_run_until(struct rig *rig, const bool *is_done);
/* Asks and waits; the rcode, or -1 for a failure. */
int rig_resolve(struct rig *rig, struct asker *asker, const char *name);
/* The value of the metrics page's line that begins so; fails the test when there is none. */
double rig_metric(struct rig *rig, const char *start);

#endif
