/* SPDX-License-Identifier: Apache-2.0
 *
 * When two `forward` lines are the same: the upstreams of one can go on for the other. Nothing is
 * left out but the number of the group that comes next. No state, any thread.
 */
#include <string.h>

#include "forward/forward.h"

static bool is_same_target(const struct forward_target *a, const struct forward_target *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case FORWARD_TARGET_ADDRESS:
		return memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
	case FORWARD_TARGET_HOST:
		return a->port == b->port && dns_name_equal(&a->host, &b->host);
	case FORWARD_TARGET_RESOLV_CONF:
		return a->port == b->port && strcmp(a->path, b->path) == 0;
	}
	return false;
}

/* Their order counts: `policy sequential`. */
static bool are_same_targets(const struct forward_group_config *a,
			     const struct forward_group_config *b)
{
	if (a->n_targets != b->n_targets)
		return false;
	for (size_t i = 0; i < a->n_targets; i++) {
		if (!is_same_target(&a->targets[i], &b->targets[i]))
			return false;
	}
	return true;
}

static bool are_same_switches(const struct forward_group_config *a,
			      const struct forward_group_config *b)
{
	return a->policy == b->policy && a->has_force_tcp == b->has_force_tcp &&
	       a->has_prefer_udp == b->has_prefer_udp && a->is_failfast == b->is_failfast &&
	       a->has_loop_probe == b->has_loop_probe &&
	       a->has_health_no_rec == b->has_health_no_rec;
}

static bool are_same_numbers(const struct forward_group_config *a,
			     const struct forward_group_config *b)
{
	return a->expire_ms == b->expire_ms && a->max_fails == b->max_fails &&
	       a->max_connect_attempts == b->max_connect_attempts &&
	       a->max_concurrent == b->max_concurrent &&
	       a->health_interval_ms == b->health_interval_ms &&
	       a->failover_rcodes == b->failover_rcodes && a->next_rcodes == b->next_rcodes;
}

static bool has_next(const struct forward_group_config *group)
{
	return group->next_group != FORWARD_NO_GROUP;
}

bool forward_group_config_equal(const struct forward_group_config *a,
				const struct forward_group_config *b)
{
	return are_same_targets(a, b) && are_same_switches(a, b) && are_same_numbers(a, b) &&
	       strcmp(a->from_text, b->from_text) == 0 &&
	       dns_name_equal(&a->health_domain, &b->health_domain) && has_next(a) == has_next(b);
}
