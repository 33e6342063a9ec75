/* SPDX-License-Identifier: Apache-2.0
 *
 * A query module of the tests: it answers every query with its own octets and QR set. The octet
 * after the header asks for more: FAKE_BIG for an answer of FAKE_BIG_SIZE octets, FAKE_LOCAL for
 * the address that was asked (16 octets, IPv4 in the first four) after the header, FAKE_FORWARD to
 * wait for the upstream, whose reply's octets (or an F, when there was none) become the answer
 * behind its header, FAKE_WHO for the server's index and the configuration's tcp_keepalive_100ms,
 * which tells configurations apart, as two octets.
 *
 * What is forwarded is asked of the group that is the low octet of the configuration's probe_key; a
 * query that failed in another group is asked again.
 */
#ifndef KANAME_FAKE_QUERY_H
#define KANAME_FAKE_QUERY_H

#include "query/query.h"

#define FAKE_BIG 'B'
#define FAKE_LOCAL 'L'
#define FAKE_FORWARD 'F'
#define FAKE_WHO 'W'
#define FAKE_BIG_SIZE 60000

struct query_worker {
	const struct query_config *config; /* borrowed */
	const struct query_config *prepared;
	uint64_t n_prepared, n_switched;   /* counters */
	uint64_t n_run, n_finished, n_cut; /* counters */
	uint64_t n_learnt, n_failed;	   /* replies, and what was none; resumed with a failure */
	struct cache_question question;
};

#endif
