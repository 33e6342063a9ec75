/* SPDX-License-Identifier: Apache-2.0
 *
 * A wildcard is tried as one IPv6 socket that takes IPv4 as well; a kernel without IPv6 refuses the
 * socket or the bind, and 0.0.0.0 it is. The port is shared (SO_REUSEPORT), as those of DNS are:
 * with the process that takes over from this one, and in a reload with the address that this one
 * leaves. While two processes share it, the newer one answers: whoever asks whether the newer may
 * take over means that one, and of the older it is known.
 */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 256

/*
 * The kernel numbers those that listen here in their order, from 0, and asks this program of the
 * group which one a new connection is for: the second. Where there is none the program's answer is
 * void and the only one gets it. A third, beyond a hand-over, has to wait until one of the others
 * is gone. A kernel that refuses the program spreads connections over all.
 */
static void prefer_newer(int fd)
{
	struct sock_filter second = BPF_STMT(BPF_RET | BPF_K, 1);
	const struct sock_fprog program = {.len = 1, .filter = &second};

	(void)!setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
}

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
	prefer_newer(fd);
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
