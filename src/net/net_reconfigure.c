/* SPDX-License-Identifier: Apache-2.0
 *
 * net_reconfigure: another configuration for all workers, while they serve.
 *
 * The happy path: what the new configuration listens on is found among what is open, or opened, for
 * every worker; what is not found again is to go. The query workers get room for what is new, each
 * worker its plan (worker_switch.c), and when the last has switched, what they let go is freed and
 * on_switched called.
 *
 * What may fail is opening, before any worker is told; what was opened until then is closed, which
 * must not lose a datagram: the sockets of an address that nobody served have received none, and
 * those that take over a part of what a wildcard receives are opened last, when hardly anything can
 * still fail.
 */
#include "net_private.h"

#include <errno.h>
#include <string.h>

/* ---- opening -------------------------------------------------------------------------- */

enum pass { PASS_CHECK, PASS_APART, PASS_COVERED };
#define N_PASSES 3

static int open_address(struct net *net, struct net_address *address,
			const struct net_listener *config, enum pass pass, struct text *why)
{
	const union socket_address *wanted = (const union socket_address *)&config->address;
	const struct net_address *kept = net_addresses_find(&net->addresses, wanted);
	bool is_covered = net_addresses_cover(&net->addresses, wanted);

	if (kept) {
		*address = *kept;
		address->server = config->server;
		return 0;
	}
	if (is_covered && pass == PASS_CHECK)
		return net_address_check(config, why);
	if (pass == (is_covered ? PASS_COVERED : PASS_APART))
		return net_address_open(address, config, net->n_workers, why);
	return 0;
}

/* The addresses of the new configuration. On failure nothing has changed. */
static int open_addresses(struct net *net, struct net_addresses *next,
			  const struct net_config *config, struct text *why)
{
	int error = 0;

	next->n = config->n_listeners;
	next->items = mem_zalloc(next->n * sizeof(next->items[0]));
	for (enum pass pass = PASS_CHECK; pass < N_PASSES && error == 0; pass++) {
		for (size_t i = 0; i < next->n && error == 0; i++)
			error = open_address(net, &next->items[i], &config->listeners[i], pass,
					     why);
	}
	if (error == 0)
		return 0;
	for (size_t i = 0; i < next->n; i++) {
		if (next->items[i].is_new)
			net_address_fini(&next->items[i], net->n_workers);
	}
	free(next->items);
	return error;
}

/* ---- what goes ------------------------------------------------------------------------ */

const char *net_server_text(const struct query_config *query, size_t server)
{
	if (server >= query->n_servers || query->servers[server].n_views == 0)
		return "";
	return query->servers[server].views[0].server_text;
}

size_t net_server_of_text(const struct query_config *query, const char *text)
{
	for (size_t i = 0; i < query->n_servers; i++) {
		if (strcmp(net_server_text(query, i), text) == 0)
			return i;
	}
	return LISTENER_GOES;
}

/* Those of net->addresses that the new configuration does not have: their count of drops goes on
 * under the server of the same name. */
static void set_left(struct net *net, const struct net_addresses *next,
		     const struct query_config *query)
{
	net->left.items = mem_zalloc(net->addresses.n * sizeof(net->left.items[0]));
	for (size_t i = 0; i < net->addresses.n; i++) {
		struct net_address *address = &net->addresses.items[i];

		if (!address->listeners || net_addresses_find(next, &address->address))
			continue;
		address->server =
			net_server_of_text(query, net_server_text(net->query, address->server));
		net->left.items[net->left.n++] = *address;
	}
}

static void carry_drops(struct net *net, const struct query_config *query)
{
	uint64_t *drops = mem_zalloc(query->n_servers * sizeof(drops[0]));

	for (size_t i = 0; i < net->query->n_servers; i++) {
		size_t server = net_server_of_text(query, net_server_text(net->query, i));

		if (server != LISTENER_GOES)
			drops[server] += net->past_drops[i];
	}
	free(net->past_drops);
	net->past_drops = drops;
}

void net_end_switch(struct net *net)
{
	void (*on_switched)(void *arg) = net->on_switched;

	for (size_t i = 0; i < net->left.n; i++) {
		const struct net_address *address = &net->left.items[i];

		for (unsigned w = 0; w < net->n_workers && address->server != LISTENER_GOES; w++)
			net->past_drops[address->server] +=
				counter_read(&address->listeners[w]->kernel_drops);
	}
	net_addresses_fini(&net->left, net->n_workers);
	net->is_switching = false;
	on_switched(net->switched_arg);
}

/* ---- the plans ------------------------------------------------------------------------ */

static void tell_worker(struct net *net, unsigned i)
{
	struct worker_plan *plan = mem_zalloc(sizeof(*plan));

	plan->config = net->config;
	plan->query = net->query;
	plan->added = mem_zalloc(net->addresses.n * sizeof(plan->added[0]));
	for (size_t a = 0; a < net->addresses.n; a++) {
		const struct net_address *address = &net->addresses.items[a];

		if (!address->listeners)
			continue;
		address->listeners[i]->next_server = address->server;
		if (address->is_new)
			plan->added[plan->n_added++] = address->listeners[i];
	}
	for (size_t a = 0; a < net->left.n; a++)
		net->left.items[a].listeners[i]->next_server = LISTENER_GOES;
	worker_switch(net->workers[i], plan);
}

static void tell_workers(struct net *net)
{
	net->is_switching = true;
	__atomic_store_n(&net->n_switched, 0, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < net->n_workers; i++)
		query_worker_prepare(net->query_workers[i], net->query);
	for (unsigned i = 0; i < net->n_workers; i++)
		tell_worker(net, i);
	for (size_t i = 0; i < net->addresses.n; i++)
		net->addresses.items[i].is_new = false;
}

int net_reconfigure(struct net *net, const struct net_config *config,
		    const struct query_config *query, struct text *why,
		    void (*on_switched)(void *arg), void *arg)
{
	struct net_addresses next;
	int error;

	CHECK(!net->is_switching);
	if (!net->is_running || net->is_draining) {
		text_puts(why, "the server ends");
		return -EBUSY;
	}
	error = open_addresses(net, &next, config, why);
	if (error != 0)
		return error;
	set_left(net, &next, query);
	carry_drops(net, query);
	free(net->addresses.items);
	net->addresses = next;
	net->config = *config;
	net->config.n_workers = net->n_workers;
	net_fit_descriptors(&net->config, net->log);
	net->query = query;
	net->on_switched = on_switched;
	net->switched_arg = arg;
	tell_workers(net);
	return 0;
}
