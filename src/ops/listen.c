/* SPDX-License-Identifier: Apache-2.0
 *
 * A wildcard is tried as one IPv6 socket that takes IPv4 as well; a kernel without IPv6 refuses the
 * socket or the bind, and 0.0.0.0 it is. The port is shared (SO_REUSEPORT), as those of DNS are:
 * with the process that takes over from this one, and in a reload with the address that this one
 * leaves.
 */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 256

static int listen_at(const struct sockaddr_storage *address, bool is_wildcard)
{
	bool is_v6 = address->ss_family == AF_INET6;
	socklen_t len = is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, is_v6_only = !is_wildcard;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    (is_v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only, sizeof(int)) < 0) ||
	    bind(fd, (const struct sockaddr *)address, len) < 0 || listen(fd, BACKLOG) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

int listen_open(const struct ops_endpoint *endpoint, struct text *why)
{
	const struct sockaddr_storage *address = &endpoint->address;
	int result = listen_at(address, endpoint->is_wildcard);

	if ((result == -EAFNOSUPPORT || result == -EADDRNOTAVAIL) && endpoint->is_wildcard &&
	    address->ss_family == AF_INET6) {
		struct sockaddr_storage v4 = {0};
		struct sockaddr_in *in = (struct sockaddr_in *)&v4;

		in->sin_family = AF_INET;
		in->sin_port = ((const struct sockaddr_in6 *)address)->sin6_port;
		result = listen_at(&v4, true);
	}
	return result < 0 ? listen_explain(endpoint, result, why) : result;
}

int listen_explain(const struct ops_endpoint *endpoint, int error, struct text *why)
{
	char ip[INET6_ADDRSTRLEN] = "?";
	const struct sockaddr_in *in = (const struct sockaddr_in *)&endpoint->address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&endpoint->address;
	bool is_v6 = endpoint->address.ss_family == AF_INET6;

	inet_ntop(is_v6 ? AF_INET6 : AF_INET,
		  is_v6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, ip,
		  sizeof(ip));
	text_printf(why, is_v6 ? "http [%s]:%u%s: %s" : "http %s:%u%s: %s", ip,
		    ntohs(is_v6 ? in6->sin6_port : in->sin_port), endpoint->path,
		    uv_strerror(error));
	return error;
}
