/* SPDX-License-Identifier: Apache-2.0
 *
 * All workers together.
 *
 * The happy path: net_open makes the workers and gives each its sockets; net_start runs their
 * threads; net_drain asks all to end; the last one to end wakes the main loop, which joins the
 * threads, closes its handle and calls on_drained. What may fail is net_open alone: a port in use,
 * no privilege, no descriptors.
 */
#include "net_private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOG_RING_BYTES (1 << 20)
#define RESERVED_DESCRIPTORS 128 /* for sockets, files and the operator's endpoints */
#define TCP_LEAST 32		 /* connections, however few descriptors there are */

static void explain(struct text *why, const char *protocol, const union socket_address *address,
		    int error)
{
	bool is_v6 = address->any.sa_family == AF_INET6;
	unsigned port = ntohs(address->v4.sin_port); /* at the same place in IPv6 */
	char host[INET6_ADDRSTRLEN] = "?";

	(void)!uv_ip_name(&address->any, host, sizeof(host));
	text_printf(why, is_v6 ? "%s [%s]:%u: %s" : "%s %s:%u: %s", protocol, host, port,
		    uv_strerror(error));
	if ((error == -EACCES || error == -EPERM) && port < 1024)
		text_puts(why, " (a port below 1024 needs CAP_NET_BIND_SERVICE)");
	else if (error == -EADDRINUSE)
		text_puts(why, " (by a server that does not share it)");
	else if (error == -EADDRNOTAVAIL)
		text_puts(why, " (no interface of this machine has it)");
}

/* 0 also for an optional listener that this machine cannot have. */
static int listen_on(struct worker *worker, const struct net_listener *listener, struct text *why)
{
	const union socket_address *address = (const union socket_address *)&listener->address;
	const char *protocol = "udp";
	int udp_fd = socket_open(SOCK_DGRAM, address);
	int tcp_fd = -EBADF;
	int error = udp_fd < 0 ? udp_fd : 0;

	if (error == 0) {
		protocol = "tcp";
		tcp_fd = socket_open(SOCK_STREAM, address);
		error = tcp_fd < 0 ? tcp_fd : 0;
		if (error != 0)
			close(udp_fd);
	}
	if (listener->is_optional && (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL))
		return 0;
	if (error == 0)
		error = worker_listen(worker, udp_fd, tcp_fd, listener);
	if (error != 0)
		explain(why, protocol, address, error);
	return error;
}

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
	for (size_t i = 0; i < net->config.n_listeners && error == 0; i++)
		error = listen_on(worker, &net->config.listeners[i], why);
	return error;
}

/* Connections need descriptors: what the hard limit allows is ours to take, and no more connections
 * are promised than it carries. */
static void fit_descriptor_limit(struct net_config *config, struct log_channel *log)
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
	fit_descriptor_limit(&net->config, log_channel_new(log, 0));
	for (unsigned i = 0; i < config->n_workers && error == 0; i++)
		error = open_worker(net, log, why);
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

static void on_all_ended(uv_async_t *ended)
{
	struct net *net = ended->data;

	for (unsigned i = 0; i < net->n_workers; i++)
		worker_join(net->workers[i]);
	net->is_running = false;
	uv_close((uv_handle_t *)ended, on_main_closed);
}

/* On each worker's thread, at its end. */
static void on_worker_ended(void *arg)
{
	struct net *net = arg;

	if (__atomic_add_fetch(&net->n_ended, 1, __ATOMIC_ACQ_REL) == net->n_workers)
		CHECK(uv_async_send(&net->ended) == 0);
}

void net_start(struct net *net, uv_loop_t *loop, void (*on_drained)(void *arg), void *arg)
{
	sigset_t all, before;

	net->on_drained = on_drained;
	net->arg = arg;
	net->ended.data = net;
	CHECK(uv_async_init(loop, &net->ended, on_all_ended) == 0);
	net->is_running = true;
	sigfillset(&all);
	CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0); /* signals are the main thread's */
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_start(net->workers[i], on_worker_ended, net);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

void net_drain(struct net *net)
{
	if (!net->is_running || net->is_draining)
		return;
	net->is_draining = true;
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_drain(net->workers[i]);
}

void net_free(struct net *net)
{
	CHECK(!net->is_running);
	for (unsigned i = 0; i < net->n_workers; i++)
		worker_free(net->workers[i]);
	free(net->workers);
	free(net->query_workers);
	free(net);
}
