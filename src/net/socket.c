/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket options, and why each of them.
 *
 * The happy path is socket_open: create, options, bind, listen. An option that only makes things
 * better may fail (an old kernel, no privilege) and is then left out; one that changes what is
 * answered is a failure of the whole.
 */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define UDP_QUEUE_BYTES (4 << 20)
#define TCP_BACKLOG 4096
#define UNUSED_PORT 9 /* discard: nobody sends a query from it */

MUST_USE static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* For options that only make things better. */
static void try_option(int fd, int level, int name, int value)
{
	(void)!set_option(fd, level, name, value);
}

bool socket_is_wildcard(const union socket_address *address)
{
	if (address->any.sa_family == AF_INET)
		return address->v4.sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* A burst has to wait somewhere. The FORCE variant passes net.core.rmem_max and needs
 * CAP_NET_ADMIN. */
static void set_queue_sizes(int fd)
{
	if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, UDP_QUEUE_BYTES) != 0)
		try_option(fd, SOL_SOCKET, SO_RCVBUF, UDP_QUEUE_BYTES);
	if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, UDP_QUEUE_BYTES) != 0)
		try_option(fd, SOL_SOCKET, SO_SNDBUF, UDP_QUEUE_BYTES);
}

/*
 * OMIT: a forged "fragmentation needed" must not make us fragment answers, which is how fragments
 * are spoofed into caches. DONT where the kernel does not know it.
 */
static int set_udp_options(int fd, const union socket_address *address)
{
	bool is_wildcard = socket_is_wildcard(address);
	struct timespec at;

	set_queue_sizes(fd);
	(void)!socket_last_received(fd,
				    &at); /* who asks gets datagrams with the time from now on */
	if (address->any.sa_family == AF_INET) {
		if (set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT) != 0)
			try_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
		return is_wildcard ? set_option(fd, IPPROTO_IP, IP_PKTINFO, 1) : 0;
	}
	if (set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT) != 0)
		try_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
	return is_wildcard ? set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : 0;
}

/* Connections inherit both from the listening socket. SO_REUSEADDR: connections of a server that
 * ended must not hinder us. */
static int set_tcp_options(int fd)
{
	try_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	try_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
}

static int prepare(int fd, int type, const union socket_address *address, enum socket_way way)
{
	socklen_t size =
		address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
	int error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);

	if (error == 0 && address->any.sa_family == AF_INET6)
		error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (error == 0)
		error = type == SOCK_DGRAM ? set_udp_options(fd, address) : set_tcp_options(fd);
	if (error == 0 && bind(fd, &address->any, size) != 0)
		error = -errno;
	if (error == 0 && way == SOCKET_RECEIVES && type == SOCK_STREAM &&
	    listen(fd, TCP_BACKLOG) != 0)
		error = -errno;
	if (error == 0 && way == SOCKET_WAITS && type == SOCK_DGRAM)
		socket_leave_group(fd, address);
	return error;
}

int socket_open(int type, const union socket_address *address, enum socket_way way)
{
	int fd = socket(address->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = prepare(fd, type, address, way);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int socket_release(int fd, const union socket_address *address)
{
	int other = socket(address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (other < 0)
		return -errno;
	if (dup3(other, fd, O_CLOEXEC) < 0)
		error = -errno;
	close(other);
	return error;
}

int socket_join(int type, int fd, const union socket_address *address)
{
	if (type == SOCK_DGRAM)
		return prepare(fd, type, address, SOCKET_RECEIVES);
	return listen(fd, TCP_BACKLOG) == 0 ? 0 : -errno;
}

void socket_leave_group(int fd, const union socket_address *address)
{
	union socket_address unused = *address; /* an own address can always be reached */
	socklen_t size = sizeof(unused.v4);

	if (address->any.sa_family == AF_INET) {
		unused.v4.sin_port = htons(UNUSED_PORT);
		if (socket_is_wildcard(address))
			unused.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		size = sizeof(unused.v6);
		unused.v6.sin6_port = htons(UNUSED_PORT);
		if (socket_is_wildcard(address))
			unused.v6.sin6_addr = in6addr_loopback;
	}
	(void)!connect(fd, &unused.any, size);
}

/* The packet that a filter sees begins with the TCP header. */
void socket_refuse_connections(int fd)
{
	enum { FLAGS_AT = 13, SYN = 0x02, ACK = 0x10 };
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS_AT),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	(void)!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

uint64_t socket_inode(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

bool socket_is_same(const union socket_address *a, const union socket_address *b)
{
	if (a->any.sa_family != b->any.sa_family || a->v4.sin_port != b->v4.sin_port)
		return false; /* the port is at the same place in IPv6 */
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr) &&
	       a->v6.sin6_scope_id == b->v6.sin6_scope_id;
}

bool socket_has_unacknowledged(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCOUTQ, &n) == 0 && n > 0;
}

uint32_t socket_kernel_drops(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) != 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

/*
 * Beside it, SO_TIMESTAMPNS would add a control message to each datagram, which costs every query,
 * and room beside the one of the address.
 */
int socket_last_received(int fd, struct timespec *at)
{
	return ioctl(fd, SIOCGSTAMPNS, at) == 0 ? 0 : -errno;
}

void socket_reset_on_close(int fd)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	(void)!setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}
