/* SPDX-License-Identifier: Apache-2.0
 *
 * The happy path: the interface is looked up, made where it is missing (kind dummy, or a bridge
 * without ports where the kernel has no dummy: both only hold addresses), set up, and its addresses
 * become those that are wanted. Each step finds what an earlier run, or one at the same time, has
 * done; a run that was broken off is finished by the next.
 *
 * What may fail: no CAP_NET_ADMIN, an interface of that name of another kind, which is not touched,
 * and no address that can be had.
 */
#include "node/interface.h"

#include <errno.h>
#include <string.h>

#include "net/net.h"
#include "netlink.h"

#define ADDRESSES_MAX 16

struct interface {
	const char *name;
	uint16_t port;
	struct netlink netlink;
	struct netlink_link link;
	struct address wanted[ADDRESSES_MAX];
	size_t n_wanted;
};

/* ---- What is wanted ---- */

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	/* The kernel would make "x%d" one of x0, x1, ..., another each time. */
	return len > 0 && len < IFNAMSIZ && strcspn(name, "%/: \t\n\v\f\r") == len &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* One that a host may have, and that is not each host's own. */
static bool is_unicast(const struct address *address)
{
	static const uint8_t zeros[15];
	const uint8_t *bytes = address->bytes;

	if (address->family == ADDRESS_V4)
		return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
	return bytes[0] != 0xff && !address_is_v4_mapped(address) &&
	       !address_is_link_local(address) &&
	       (memcmp(bytes, zeros, sizeof(zeros)) != 0 || bytes[15] > 1);
}

static bool has_address(const struct address *items, size_t n, const struct address *address)
{
	for (size_t i = 0; i < n; i++) {
		if (address_compare(&items[i], address) == 0)
			return true;
	}
	return false;
}

static bool read_list(struct interface *interface, const char *list)
{
	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");
		struct address address;

		if (address_from_text(&address, at, len) != 0 || !is_unicast(&address)) {
			fprintf(stderr,
				"kaname: -localip: \"%.*s\" is no address for an interface\n",
				(int)len, at);
			return false;
		}
		if (!has_address(interface->wanted, interface->n_wanted, &address)) {
			if (interface->n_wanted == ADDRESSES_MAX) {
				fprintf(stderr, "kaname: -localip: more than %d addresses\n",
					ADDRESSES_MAX);
				return false;
			}
			interface->wanted[interface->n_wanted++] = address;
		}
		at += len;
		if (*at == '\0')
			return true;
	}
}

/* ---- What is done ---- */

/* Says what failed, and what to do; returns the error. */
static int explain(const struct interface *interface, const char *what, int error)
{
	fprintf(stderr, "kaname: interface %s: %s: %s", interface->name, what, strerror(-error));
	if (error == -EPERM)
		fputs(" (it takes CAP_NET_ADMIN, in the network namespace of the node: run it in "
		      "an init container with `capabilities: {add: [NET_ADMIN]}` and runAsUser 0, "
		      "and `hostNetwork: true`)",
		      stderr);
	else if (error == -EOPNOTSUPP)
		fputs(" (the kernel has no such interfaces: load its module on the node, `modprobe "
		      "dummy`)",
		      stderr);
	fputc('\n', stderr);
	return error;
}

static int make(struct interface *interface)
{
	static const char *const kinds[] = {"dummy", "bridge"};
	int error = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		error = netlink_add(&interface->netlink, interface->name, kinds[i]);
		if (error == 0)
			printf("kaname: interface %s: made, of kind %s\n", interface->name,
			       kinds[i]);
		if (error != -EOPNOTSUPP)
			break;
	}
	if (error != 0 && error != -EEXIST) /* another run's */
		return explain(interface, "it cannot be made", error);
	error = netlink_get(&interface->netlink, interface->name, &interface->link);
	return error == 0 ? 0 : explain(interface, "it cannot be looked up", error);
}

/* Looks the interface up; is there one that we may change? 0, -ENODEV without a word, or -errno. */
static int find(struct interface *interface)
{
	const char *kind = interface->link.kind;
	int error = netlink_get(&interface->netlink, interface->name, &interface->link);

	if (error == -ENODEV)
		return error;
	if (error != 0)
		return explain(interface, "it cannot be looked up", error);
	if (strcmp(kind, "dummy") == 0 || strcmp(kind, "bridge") == 0)
		return 0;
	fprintf(stderr,
		"kaname: interface %s: there is one of that name, but of kind %s: it is not "
		"touched (-interfacename takes another name)\n",
		interface->name, *kind ? kind : "none");
	return -EEXIST;
}

static bool is_without_ipv6(const struct address *address, int error)
{
	return address->family == ADDRESS_V6 &&
	       (error == -EACCES || error == -EOPNOTSUPP || error == -EAFNOSUPPORT);
}

/* Those that are missing. *n gets how many of the wanted ones it has then. */
static int add_missing(struct interface *interface, const struct netlink_addresses *present,
		       size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < interface->n_wanted; i++) {
		const struct address *address = &interface->wanted[i];
		char text[ADDRESS_TEXT_MAX];
		int error;

		if (has_address(present->items, present->n, address)) {
			++*n;
			continue;
		}
		address_to_text(address, text);
		error = netlink_add_address(&interface->netlink, interface->link.index, address);
		if (is_without_ipv6(address, error)) {
			fprintf(stderr,
				"kaname: interface %s: IPv6 is off on this node: it goes "
				"without %s\n",
				interface->name, text);
			continue;
		}
		if (error != 0 && error != -EEXIST)
			return explain(interface, text, error);
		printf("kaname: interface %s: %s added\n", interface->name, text);
		++*n;
	}
	return 0;
}

static bool is_served(const struct address *address, uint16_t port)
{
	struct sockaddr_storage bound = address_to_sockaddr(address, port);

	return net_is_served(&bound);
}

/* What another set-up has left: NodeLocal DNSCache, say, had the Service's own address here, and
 * when it is killed that stays, a black hole. One that is served is another's still: it may be the
 * process that this one's takes over from, and pods ask there. */
static int take_off_others(struct interface *interface, const struct netlink_addresses *present)
{
	for (size_t i = 0; i < present->n; i++) {
		const struct address *address = &present->items[i];
		char text[ADDRESS_TEXT_MAX];
		int error;

		if (has_address(interface->wanted, interface->n_wanted, address))
			continue;
		address_to_text(address, text);
		if (is_served(address, interface->port)) {
			fprintf(stderr,
				"kaname: interface %s: %s is not in -localip, but is served: "
				"it stays\n",
				interface->name, text);
			continue;
		}
		error = netlink_delete_address(&interface->netlink, interface->link.index, address);
		if (error != 0 && error != -EADDRNOTAVAIL)
			return explain(interface, text, error);
		printf("kaname: interface %s: %s, which is not in -localip, taken off\n",
		       interface->name, text);
	}
	return 0;
}

static int set_up(struct interface *interface)
{
	struct netlink_addresses present = {0};
	size_t n;
	int error = find(interface);

	if (error == -ENODEV)
		error = make(interface);
	if (error != 0)
		return error;
	if (!interface->link.is_up) {
		error = netlink_up(&interface->netlink, interface->link.index);
		if (error != 0)
			return explain(interface, "it cannot be set up", error);
	}
	error = netlink_addresses(&interface->netlink, interface->link.index, &present);
	if (error != 0)
		return explain(interface, "its addresses cannot be listed", error);
	error = add_missing(interface, &present, &n);
	if (error == 0 && n == 0)
		error = explain(interface, "it has no address", -EADDRNOTAVAIL);
	if (error == 0)
		error = take_off_others(interface, &present);
	if (error == 0)
		printf("kaname: interface %s: is up, with %zu of %zu addresses\n", interface->name,
		       n, interface->n_wanted);
	return error;
}

static int take_away(struct interface *interface)
{
	int error = find(interface);

	if (error == -ENODEV) {
		printf("kaname: interface %s: there is none\n", interface->name);
		return 0;
	}
	if (error != 0)
		return error;
	error = netlink_delete(&interface->netlink, interface->link.index);
	if (error != 0)
		return explain(interface, "it cannot be removed", error);
	printf("kaname: interface %s: removed\n", interface->name);
	return 0;
}

static enum interface_outcome run(struct interface *interface, int (*act)(struct interface *))
{
	int error;

	if (!is_name(interface->name)) {
		fprintf(stderr, "kaname: -interfacename: \"%s\" is no name for an interface\n",
			interface->name);
		return INTERFACE_MISTAKEN;
	}
	error = netlink_open(&interface->netlink);
	if (error != 0)
		explain(interface, "netlink", error);
	else
		error = act(interface);
	netlink_close(&interface->netlink);
	return error == 0 ? INTERFACE_DONE : INTERFACE_FAILED;
}

enum interface_outcome interface_setup(const char *name, const char *list, uint16_t port)
{
	struct interface interface = {.name = name, .port = port};

	if (!list) {
		fputs("kaname: --setup-interface takes the addresses from -localip A[,B...]\n",
		      stderr);
		return INTERFACE_MISTAKEN;
	}
	if (!read_list(&interface, list))
		return INTERFACE_MISTAKEN;
	return run(&interface, set_up);
}

enum interface_outcome interface_remove(const char *name)
{
	struct interface interface = {.name = name};

	return run(&interface, take_away);
}
