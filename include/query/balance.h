/* SPDX-License-Identifier: Apache-2.0
 *
 * The `loadbalance` directive beyond what always happens (addresses are shuffled): a file of
 * weights, which say how often an address is the first, and networks whose addresses come first.
 *
 * The happy path: the main thread reads the file (weights_build), gives the result to the workers
 * (weights_publish), who look it up inside RCU; the one before is freed when no worker can hold it.
 * A file with a fault is refused whole. Main thread.
 */
#ifndef KANAME_QUERY_BALANCE_H
#define KANAME_QUERY_BALANCE_H

#include "base/text.h"
#include "dns/address.h"
#include "query/query.h"

#define WEIGHTS_FILE_MAX (1u << 20) /* octets that weights_build takes of a file */
#define BALANCE_NETWORKS_MAX 256    /* of `prefer` */

struct weights;

struct balance_network {
	struct address address;
	uint8_t bits; /* of the address, 0..32 or 0..128; the others are zero */
};

struct query_balance {
	const char *place;		      /* "Corefile:12" */
	const struct balance_network *prefer; /* the first comes first */
	size_t n_prefer;		      /* at most BALANCE_NETWORKS_MAX */
	struct weights *weights;	      /* owned; NULL: none; workers read it inside RCU */
};

/* Of a file's bytes: names on lines of their own, each followed by lines "ADDRESS WEIGHT" with a
 * weight from 1 to 255; empty lines, and lines that begin with #. NULL with the line and what is
 * wrong in *why: `12: "0" is not a weight from 1 to 255`. */
struct weights *weights_build(const char *bytes, size_t len, struct text *why);

/* NULL is allowed. */
void weights_free(struct weights *weights);

/* As hosts_publish. */
void weights_publish(struct query_balance *balance, struct weights *weights);

#endif
