/* SPDX-License-Identifier: Apache-2.0
 *
 * A line is "SL: ADDRESS:PORT ADDRESS:PORT STATE QUEUES TIMER RETRANSMITS UID TIMEOUT INODE ...",
 * an address 8 or 32 hexadecimal digits: words of 32 bits as they lie in memory.
 */
#include "sharing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_UNCONNECTED 7 /* TCP_CLOSE */
#define WORD_DIGITS 8
#define INODE_FIELD 6 /* after the state */

/* Exactly n digits; -1: there are others. */
static int64_t read_hex(const char **at, unsigned n)
{
	int64_t value = 0;

	for (unsigned i = 0; i < n; i++, (*at)++) {
		static const char digits[] = "0123456789ABCDEF";
		const char *digit = **at ? strchr(digits, **at) : NULL;

		if (!digit)
			return -1;
		value = value << 4 | (digit - digits);
	}
	return value;
}

static bool read_address(const char **at, union socket_address *address)
{
	size_t n_digits = strcspn(*at, ":");
	unsigned n_words = (unsigned)(n_digits / WORD_DIGITS);
	uint32_t words[4];
	int64_t port;

	if (n_digits != WORD_DIGITS && n_digits != (size_t)4 * WORD_DIGITS)
		return false;
	for (unsigned i = 0; i < n_words; i++) {
		int64_t word = read_hex(at, WORD_DIGITS);

		if (word < 0)
			return false;
		words[i] = (uint32_t)word;
	}
	if (*(*at)++ != ':')
		return false;
	port = read_hex(at, 4);
	if (port < 0)
		return false;
	memset(address, 0, sizeof(*address));
	address->any.sa_family = n_words == 1 ? AF_INET : AF_INET6;
	address->v4.sin_port = htons((uint16_t)port); /* at the same place in IPv6 */
	if (n_words == 1)
		memcpy(&address->v4.sin_addr, words, sizeof(address->v4.sin_addr));
	else
		memcpy(&address->v6.sin6_addr, words, sizeof(address->v6.sin6_addr));
	return true;
}

static void skip_field(const char **at)
{
	*at += strcspn(*at, " ");
	*at += strspn(*at, " ");
}

bool sharing_parse(const char *line, struct sharing_entry *entry)
{
	const char *at = line + strspn(line, " ");
	struct sharing_entry read = {0};
	int64_t state;
	char *end;

	skip_field(&at);
	if (!read_address(&at, &read.address))
		return false;
	skip_field(&at);
	skip_field(&at);
	state = read_hex(&at, 2);
	if (state < 0)
		return false;
	read.is_receiving = state == STATE_UNCONNECTED;
	for (unsigned i = 0; i < INODE_FIELD; i++)
		skip_field(&at);
	errno = 0;
	read.inode = strtoull(at, &end, 10);
	if (end == at || errno != 0)
		return false;
	*entry = read;
	return true;
}

static bool is_other(const struct sharing_entry *entry, const union socket_address *address,
		     const uint64_t *own, size_t n_own)
{
	union socket_address bound = entry->address;

	/* The list does not tell the interface of a link-local address. */
	if (bound.any.sa_family == AF_INET6 && address->any.sa_family == AF_INET6)
		bound.v6.sin6_scope_id = address->v6.sin6_scope_id;
	if (!entry->is_receiving || bound.any.sa_family != address->any.sa_family ||
	    bound.v4.sin_port != address->v4.sin_port ||
	    (!socket_is_same(&bound, address) && !socket_is_wildcard(&bound)))
		return false;
	for (size_t i = 0; i < n_own; i++) {
		if (own[i] == entry->inode)
			return false;
	}
	return true;
}

bool sharing_has_other(const union socket_address *address, const uint64_t *own, size_t n_own)
{
	FILE *list =
		fopen(address->any.sa_family == AF_INET ? "/proc/net/udp" : "/proc/net/udp6", "re");
	struct sharing_entry entry;
	bool has_other = false;
	char line[512];

	if (!list)
		return false;
	while (!has_other && fgets(line, sizeof(line), list))
		has_other = sharing_parse(line, &entry) && is_other(&entry, address, own, n_own);
	(void)!fclose(list);
	return has_other;
}
