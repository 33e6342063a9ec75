/* SPDX-License-Identifier: Apache-2.0
 *
 * A request is one message with a number of its own; what comes back for it is read until the
 * kernel's acknowledgement, its error, or the end of a list.
 */
#include "netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define LIST_RETRIES 100
#define BUFFER_BYTES 32768 /* the kernel fills no more with a part of a list */

int netlink_open(struct netlink *netlink)
{
	int on = 1;

	*netlink = (struct netlink){.socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)};
	if (!netlink->socket)
		return -errno;
	/* Since Linux 4.20: the kernel lists what is asked for, and not what all interfaces have.
	 */
	(void)!mnl_socket_setsockopt(netlink->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) == 0)
		return 0;

	int error = -errno;

	netlink_close(netlink);
	return error;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		(void)!mnl_socket_close(netlink->socket);
	netlink->socket = NULL;
}

/* Sends the message, and gives each answer to on_answer. */
static int ask(struct netlink *netlink, struct nlmsghdr *message, mnl_cb_t on_answer, void *arg)
{
	char buffer[BUFFER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned port = mnl_socket_get_portid(netlink->socket);
	int result = MNL_CB_OK;

	message->nlmsg_seq = ++netlink->sequence;
	if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (result > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(netlink->socket, buffer, sizeof(buffer));

		if (n < 0)
			return -errno;
		result = mnl_cb_run(buffer, (size_t)n, netlink->sequence, port, on_answer, arg);
	}
	return result < 0 ? -errno : 0;
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	return message;
}

static struct nlmsghdr *begin_link(char *buffer, uint16_t type, uint16_t flags, int index)
{
	struct nlmsghdr *message = begin(buffer, type, flags);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));

	info->ifi_family = AF_UNSPEC;
	info->ifi_index = index;
	return message;
}

/* ---- Interfaces ---- */

static int on_kind(const struct nlattr *attr, void *arg)
{
	struct netlink_link *link = arg;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
	    mnl_attr_validate(attr, MNL_TYPE_STRING) == 0)
		snprintf(link->kind, sizeof(link->kind), "%.*s",
			 (int)mnl_attr_get_payload_len(attr), mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int on_link_attribute(const struct nlattr *attr, void *arg)
{
	if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
		return mnl_attr_parse_nested(attr, on_kind, arg);
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *message, void *arg)
{
	struct netlink_link *link = arg;
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*info))
		return MNL_CB_OK;
	link->index = info->ifi_index;
	link->is_up = (info->ifi_flags & IFF_UP) != 0;
	return mnl_attr_parse(message, sizeof(*info), on_link_attribute, link);
}

int netlink_get(struct netlink *netlink, const char *name, struct netlink_link *link)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = begin_link(buffer, RTM_GETLINK, 0, 0);
	struct netlink_link found = {0};
	int error;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	error = ask(netlink, message, on_link, &found);
	if (error == 0)
		*link = found;
	return error;
}

int netlink_add(struct netlink *netlink, const char *name, const char *kind)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = begin_link(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
	struct nlattr *info;

	mnl_attr_put_strz(message, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(message, info);
	return ask(netlink, message, NULL, NULL);
}

int netlink_up(struct netlink *netlink, int index)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = begin_link(buffer, RTM_NEWLINK, 0, index);
	struct ifinfomsg *info = mnl_nlmsg_get_payload(message);

	info->ifi_flags = info->ifi_change = IFF_UP;
	return ask(netlink, message, NULL, NULL);
}

int netlink_delete(struct netlink *netlink, int index)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));

	return ask(netlink, begin_link(buffer, RTM_DELLINK, 0, index), NULL, NULL);
}

/* ---- Addresses ---- */

struct list {
	int index;
	struct netlink_addresses *addresses;
};

static int on_address_attribute(const struct nlattr *attr, void *arg)
{
	struct address *address = arg;
	unsigned type = mnl_attr_get_type(attr);

	/* IFA_LOCAL is IPv4's, where IFA_ADDRESS may be the peer's. */
	if (type == (address->family == ADDRESS_V4 ? IFA_LOCAL : IFA_ADDRESS) &&
	    mnl_attr_get_payload_len(attr) == address_size(address))
		memcpy(address->bytes, mnl_attr_get_payload(attr), address_size(address));
	return MNL_CB_OK;
}

static int on_address(const struct nlmsghdr *message, void *arg)
{
	const struct list *list = arg;
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
	struct address address = {0};

	if (message->nlmsg_type != RTM_NEWADDR ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*info) ||
	    info->ifa_index != (unsigned)list->index ||
	    (info->ifa_family == AF_INET6 && info->ifa_scope == RT_SCOPE_LINK) ||
	    (info->ifa_family != AF_INET && info->ifa_family != AF_INET6))
		return MNL_CB_OK;
	address.family = info->ifa_family == AF_INET ? ADDRESS_V4 : ADDRESS_V6;
	if (list->addresses->n == NETLINK_ADDRESSES_MAX ||
	    mnl_attr_parse(message, sizeof(*info), on_address_attribute, &address) < 0)
		return MNL_CB_OK;
	list->addresses->items[list->addresses->n++] = address;
	return MNL_CB_OK;
}

static int list_addresses(struct netlink *netlink, int index, struct netlink_addresses *addresses)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message = begin(buffer, RTM_GETADDR, NLM_F_DUMP);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	struct netlink_addresses found = {0};
	struct list list = {index, &found};
	int error;

	info->ifa_family = AF_UNSPEC;
	info->ifa_index = (unsigned)index;
	error = ask(netlink, message, on_address, &list);
	if (error == 0)
		*addresses = found;
	return error;
}

/* A list that changed while it was read may lack some (NLM_F_DUMP_INTR), and the rest of it is
 * still to come on this socket. On a node where pods come and go, and have many addresses, that
 * happens with a kernel that lists all of them. */
int netlink_addresses(struct netlink *netlink, int index, struct netlink_addresses *addresses)
{
	int error = list_addresses(netlink, index, addresses);

	for (unsigned i = 0; error == -EINTR && i < LIST_RETRIES; i++) {
		netlink_close(netlink);
		error = netlink_open(netlink);
		if (error == 0)
			error = list_addresses(netlink, index, addresses);
	}
	return error;
}

static int change_address(struct netlink *netlink, uint16_t type, int index,
			  const struct address *address)
{
	char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *message =
		begin(buffer, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	bool is_v6 = address->family == ADDRESS_V6;

	info->ifa_family = is_v6 ? AF_INET6 : AF_INET;
	info->ifa_prefixlen = (uint8_t)(8 * address_size(address));
	info->ifa_flags = is_v6 ? IFA_F_NODAD : 0;
	info->ifa_scope = RT_SCOPE_UNIVERSE;
	info->ifa_index = (unsigned)index;
	mnl_attr_put(message, IFA_LOCAL, address_size(address), address->bytes);
	mnl_attr_put(message, IFA_ADDRESS, address_size(address), address->bytes);
	return ask(netlink, message, NULL, NULL);
}

int netlink_add_address(struct netlink *netlink, int index, const struct address *address)
{
	return change_address(netlink, RTM_NEWADDR, index, address);
}

int netlink_delete_address(struct netlink *netlink, int index, const struct address *address)
{
	return change_address(netlink, RTM_DELADDR, index, address);
}
