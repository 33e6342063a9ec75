/* SPDX-License-Identifier: Apache-2.0 */
#include "net_address.h"

#include <errno.h>
#include <unistd.h>

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
		text_puts(why, " (a port below 1024 needs CAP_NET_BIND_SERVICE: add it to the "
			       "capabilities of the container, or serve a port above 1024 that "
			       "the Service names as its targetPort)");
	else if (error == -EADDRINUSE)
		text_puts(why, " (by a server that does not share it)");
	else if (error == -EADDRNOTAVAIL)
		text_puts(why, " (no interface of this machine has it)");
}

static bool is_absent(const struct net_listener *config, int error)
{
	return config->is_optional && (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL);
}

/* 0 with *listener NULL: optional, and this machine cannot have it. */
static int open_listener(struct listener **listener, const struct net_listener *config,
			 enum socket_way way, struct text *why)
{
	const union socket_address *address = (const union socket_address *)&config->address;
	int udp_fd = socket_open(SOCK_DGRAM, address, way);
	int tcp_fd;

	if (udp_fd < 0) {
		if (is_absent(config, udp_fd))
			return 0;
		explain(why, "udp", address, udp_fd);
		return udp_fd;
	}
	tcp_fd = socket_open(SOCK_STREAM, address, way);
	if (tcp_fd < 0) {
		close(udp_fd);
		if (is_absent(config, tcp_fd))
			return 0;
		explain(why, "tcp", address, tcp_fd);
		return tcp_fd;
	}
	*listener = listener_new(address, udp_fd, tcp_fd, config->server);
	(*listener)->is_waiting = way == SOCKET_WAITS;
	return 0;
}

int net_address_open(struct net_address *address, const struct net_listener *config,
		     unsigned n_workers, enum socket_way way, struct text *why)
{
	struct net_address opened = {
		.address = *(const union socket_address *)&config->address,
		.server = config->server,
		.listeners = mem_zalloc(n_workers * sizeof(opened.listeners[0])),
		.is_new = true,
	};

	for (unsigned i = 0; i < n_workers; i++) {
		int error = open_listener(&opened.listeners[i], config, way, why);

		if (error != 0 || !opened.listeners[i]) {
			net_address_fini(&opened, n_workers);
			*address = opened;
			return error;
		}
	}
	*address = opened;
	return 0;
}

int net_address_check(const struct net_listener *config, struct text *why)
{
	const union socket_address *address = (const union socket_address *)&config->address;
	union socket_address without_port = *address;
	int fd;

	without_port.v4.sin_port = 0; /* any: at the same place in IPv6 */
	fd = socket_open(SOCK_DGRAM, &without_port, SOCKET_RECEIVES);
	if (fd < 0 && !is_absent(config, fd)) {
		explain(why, "udp", address, fd);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

void net_address_fini(struct net_address *address, unsigned n_workers)
{
	for (unsigned i = 0; address->listeners && i < n_workers; i++)
		listener_free(address->listeners[i]);
	free(address->listeners);
	address->listeners = NULL;
}

void net_addresses_fini(struct net_addresses *addresses, unsigned n_workers)
{
	for (size_t i = 0; i < addresses->n; i++)
		net_address_fini(&addresses->items[i], n_workers);
	free(addresses->items);
	*addresses = (struct net_addresses){0};
}

struct net_address *net_addresses_find(const struct net_addresses *addresses,
				       const union socket_address *address)
{
	for (size_t i = 0; i < addresses->n; i++) {
		if (addresses->items[i].listeners &&
		    socket_is_same(&addresses->items[i].address, address))
			return &addresses->items[i];
	}
	return NULL;
}

bool net_addresses_cover(const struct net_addresses *addresses, const union socket_address *address)
{
	for (size_t i = 0; i < addresses->n; i++) {
		const union socket_address *wide = &addresses->items[i].address;

		if (addresses->items[i].listeners &&
		    wide->any.sa_family == address->any.sa_family &&
		    wide->v4.sin_port == address->v4.sin_port && socket_is_wildcard(wide))
			return true;
	}
	return false;
}
