/* SPDX-License-Identifier: Apache-2.0
 *
 * A running net on loopback with the fake query module, and clients for it. Everything fails the
 * test by itself; a read that gets nothing within RIG_PATIENCE_S fails too, so that a lost answer
 * is not a hanging test.
 */
#ifndef KANAME_TEST_RIG_H
#define KANAME_TEST_RIG_H

#include "net/net.h"

#define RIG_PATIENCE_S 20

struct rig_options {
	const char *const *addresses; /* NULL-terminated; NULL: 127.0.0.1 */
	unsigned n_workers;	      /* 0: 1 */
	unsigned tcp_max, tcp_max_per_client, tcp_idle_ms, tcp_stall_ms; /* 0: plenty */
	size_t tcp_buffer_bytes;
	bool has_forward; /* fake_forward.h */
	size_t pending_max;
	unsigned drain_ms;	   /* 0: 5000 */
	uint8_t generation, group; /* of the configuration (fake_query.h) */
};

/* A configuration: the server of an address is its place in options.addresses. */
struct rig_setup {
	struct net_listener listeners[4];
	struct net_config config;
	struct forward_config forward;
	struct query_view_config view;
	struct query_server_config servers[4];
	struct query_config query;
};

struct rig {
	struct rig_setup setups[2]; /* the one that runs, and another */
	unsigned n_setups;	    /* so far: setups[n_setups % 2] is free */
	struct log *log;
	struct net *net;
	uv_loop_t loop;
	uint16_t port;
	bool is_switched, is_drained;
};

void rig_open(struct rig *rig, const struct rig_options *options);
/* net_reconfigure to these options, with the same port; does not wait. *why is NULL or to be ended
 * by the caller. */
int rig_reconfigure(struct rig *rig, const struct rig_options *options, struct text *why);
/* Until on_switched. */
void rig_wait_switched(struct rig *rig);
/* Asks for the drain and returns at once; the workers run on their own. */
void rig_drain(struct rig *rig);
/* Drains if that was not asked before, waits and frees. */
void rig_close(struct rig *rig);

/* The value of a line of net_metrics_write: "fake_run", "kaname_tcp_closed_total{reason=\"idle\"}".
 */
unsigned rig_metric(const struct rig *rig, const char *sample);

/* A client socket, connected; from another own address when `from` is not NULL. */
int rig_connect(const struct rig *rig, int type, const char *to, const char *from);

void rig_send(int fd, const void *bytes, size_t len);
/* recv() until it was not interrupted: with SO_RCVTIMEO the kernel gives EINTR where no signal
 * handler ran too (signal(7)), after a stop as after the end of an io_uring, which libuv from 1.45
 * on has in the loop that this thread closed last. */
ssize_t rig_read(int fd, void *bytes, size_t len);
void rig_receive(int fd, void *bytes, size_t len);
/* The server closed: end of stream, or a reset. */
void rig_expect_end(int fd);

/* A query of `size` octets with this id and wish (fake_query.h); on TCP with its prefix. Returns
 * the octets written. */
size_t rig_query(uint8_t *out, bool is_tcp, uint16_t id, size_t size, char wish);
/* Reads an answer of `size` octets on TCP and checks the id. */
void rig_answer(int fd, uint16_t id, size_t size);

#endif
