/* SPDX-License-Identifier: Apache-2.0
 *
 * All workers together.
 *
 * The happy path: net_open makes the workers and gives each its sockets; net_start runs their
 * threads; net_drain asks all to end; the last one to end wakes the main loop, which joins the
 * threads, closes its handle and calls on_drained. What may fail is net_open alone: a port in use,
 * no privilege, no descriptors. net_reconfigure: net_reconfigure.c.
 */
#include "net_private.h"
#include "sharing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define LOG_RING_BYTES (1 << 20)
#define RESERVED_DESCRIPTORS 128 /* for sockets, files and the operator's endpoints */
#define TCP_LEAST 32		 /* connections, however few descriptors there are */

static int open_worker(struct net *net, struct log *log, struct text *why)
{
	struct log_channel *channel = log_channel_new(log, LOG_RING_BYTES);
	struct query_worker *query = query_worker_new(net->query, channel);
	int error;
	struct worker *worker =
		worker_new(&net->config, query, channel, net->n_workers == 0, &error);

	if (worker == NULL) {
		text_printf(why, "event loop: %s", uv_strerror(error));
		return error;
	}
	net->workers[net->n_workers] = worker;
	net->query_workers[net->n_workers] = query;
	net->n_workers++;
	return 0;
}

static int open_address(struct net *net, const struct net_listener *listener, enum socket_way way,
			struct text *why)
{
	struct net_address *address = &net->addresses.items[net->addresses.n];
	int error = net_address_open(address, listener, net->n_workers, way, why);

	if (error != 0)
		return error;
	net->addresses.n++;
	address->is_new = false;
	for (unsigned i = 0; address->listeners && i < net->n_workers && error == 0; i++)
		error = listener_attach(address->listeners[i], net->workers[i]);
	if (error != 0)
		text_printf(why, "event loop: %s", uv_strerror(error));
	return error;
}

/* Where another process serves an address, we do not before net_join. All are looked at before the
 * first is ours. */
static int open_addresses(struct net *net, struct text *why)
{
	const struct net_config *config = &net->config;
	enum socket_way *ways = mem_zalloc(config->n_listeners * sizeof(ways[0]));
	int error = 0;

	for (size_t i = 0; i < config->n_listeners; i++) {
		const void *address = &config->listeners[i].address;

		if (sharing_has_other(address, NULL, 0)) {
			ways[i] = SOCKET_WAITS;
			net->has_waiting = true;
		}
	}
	for (size_t i = 0; i < config->n_listeners && error == 0; i++)
		error = open_address(net, &config->listeners[i], ways[i], why);
	free(ways);
	return error;
}

/* Connections need descriptors: what the hard limit allows is ours to take, and no more connections
 * are promised than it carries. */
void net_fit_descriptors(struct net_config *config, struct log_channel *log)
{
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	most = limit.rlim_cur > RESERVED_DESCRIPTORS + TCP_LEAST
		       ? limit.rlim_cur - RESERVED_DESCRIPTORS
		       : TCP_LEAST;
	if (config->tcp_max <= most)
		return;
	log_printf(log, LOG_WARNING,
		   "tcp: at most %llu connections instead of %u, since the limit of open files is "
		   "%llu",
		   (unsigned long long)most, config->tcp_max, (unsigned long long)limit.rlim_cur);
	config->tcp_max = (unsigned)most;
}

int net_open(struct net **net_out, const struct net_config *config,
	     const struct query_config *query, struct log *log, struct text *why)
{
	struct net *net = mem_zalloc(sizeof(*net));
	int error = 0;

	CHECK(config->n_workers > 0);
	net->config = *config;
	net->query = query;
	net->workers = mem_zalloc(config->n_workers * sizeof(net->workers[0]));
	net->query_workers = mem_zalloc(config->n_workers * sizeof(net->query_workers[0]));
	net->addresses.items = mem_zalloc(config->n_listeners * sizeof(net->addresses.items[0]));
	net->past_drops = mem_zalloc(query->n_servers * sizeof(net->past_drops[0]));
	net->log = log_channel_new(log, 0);
	net_fit_descriptors(&net->config, net->log);
	for (unsigned i = 0; i < config->n_workers && error == 0; i++)
		error = open_worker(net, log, why);
	if (error == 0)
		error = open_addresses(net, why);
	if (error != 0) {
		net_free(net);
		return error;
	}
	*net_out = net;
	return 0;
}

static void on_main_closed(uv_handle_t *handle)
{
	struct net *net = handle->data;

	net->on_drained(net->arg);
}

static void end(struct net *net)
{
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_join(net->workers[i]);
	net->is_running = false;
	uv_close((uv_handle_t *)&net->told, on_main_closed);
}

static bool is_all(const struct net *net, const unsigned *n)
{
	return __atomic_load_n(n, __ATOMIC_ACQUIRE) == net->n_workers;
}

static void take_join_step(struct net *net, unsigned step)
{
	net->join_step = step;
	__atomic_store_n(&net->n_joined, 0, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_join_group(net->workers[i], step);
}

static void on_told(uv_async_t *told)
{
	struct net *net = told->data;

	if (net->join_step == 1 && is_all(net, &net->n_joined) && !net->is_draining)
		take_join_step(net, 2);
	if (net->is_switching && is_all(net, &net->n_switched))
		net_end_switch(net);
	if (is_all(net, &net->n_ended))
		end(net);
}

static void count_worker(struct net *net, unsigned *n)
{
	if (__atomic_add_fetch(n, 1, __ATOMIC_ACQ_REL) == net->n_workers)
		CHECK(uv_async_send(&net->told) == 0);
}

/* All on each worker's thread. */
static void on_worker_joined(void *arg)
{
	struct net *net = arg;

	count_worker(net, &net->n_joined);
}

static void on_worker_switched(void *arg)
{
	struct net *net = arg;

	count_worker(net, &net->n_switched);
}

static void on_worker_ended(void *arg)
{
	struct net *net = arg;

	count_worker(net, &net->n_ended);
}

void net_start(struct net *net, uv_loop_t *loop, void (*on_drained)(void *arg), void *arg)
{
	const struct worker_hook hook = {on_worker_switched, on_worker_joined, on_worker_ended,
					 net};
	sigset_t all, before;

	net->on_drained = on_drained;
	net->arg = arg;
	net->told.data = net;
	CHECK(uv_async_init(loop, &net->told, on_told) == 0);
	net->is_running = true;
	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0); /* signals are the main thread's */
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_start(net->workers[i], &hook);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

void net_join(struct net *net)
{
	if (!net->has_waiting || net->join_step > 0 || !net->is_running || net->is_draining)
		return;
	take_join_step(net, 1);
}

bool net_is_joined(const struct net *net)
{
	return !net->has_waiting || (net->join_step == 2 && is_all(net, &net->n_joined));
}

/* The inodes of our own UDP sockets; n is how many. Freed by the caller. */
static uint64_t *own_inodes(const struct net *net, size_t *n)
{
	uint64_t *inodes = mem_zalloc(net->addresses.n * net->n_workers * sizeof(inodes[0]));

	*n = 0;
	for (size_t i = 0; i < net->addresses.n; i++) {
		for (unsigned w = 0; net->addresses.items[i].listeners && w < net->n_workers; w++)
			inodes[(*n)++] =
				counter_read(&net->addresses.items[i].listeners[w]->udp_inode);
	}
	return inodes;
}

bool net_is_shared(const struct net *net)
{
	bool is_shared = true;
	size_t n_own;
	uint64_t *own = own_inodes(net, &n_own);

	for (size_t i = 0; i < net->addresses.n && is_shared; i++) {
		const struct net_address *address = &net->addresses.items[i];

		is_shared = !address->listeners || sharing_has_other(&address->address, own, n_own);
	}
	free(own);
	return is_shared;
}

bool net_is_served(const struct sockaddr_storage *address)
{
	return sharing_has_other((const union socket_address *)address, NULL, 0);
}

void net_drain(struct net *net)
{
	if (!net->is_running || net->is_draining)
		return;
	net->is_draining = true;
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_drain(net->workers[i]);
}

uint64_t net_queries(const struct net *net)
{
	static const enum net_drop no_queries[] = {NET_DROP_RESPONSE, NET_DROP_SHORT,
						   NET_DROP_PORT0};
	uint64_t n = 0;

	/* Dropped ones first: they were received before. */
	for (unsigned i = 0; i < net->n_workers; i++) {
		const struct net_counts *counts = &net->workers[i]->counts;

		for (size_t r = 0; r < ARRAY_LEN(no_queries); r++)
			n -= counter_read(&counts->dropped[no_queries[r]]);
	}
	for (unsigned i = 0; i < net->n_workers; i++)
		n += counter_read(&net->workers[i]->counts.received);
	return n;
}

void net_free(struct net *net)
{
	CHECK(!net->is_running);
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_free(net->workers[i]);
	net_addresses_fini(&net->addresses, net->n_workers);
	net_addresses_fini(&net->left, net->n_workers);
	free(net->past_drops);
	free(net->workers);
	free(net->query_workers);
	free(net);
}
