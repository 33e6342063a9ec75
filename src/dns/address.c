/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses as text, as reverse names and as dashed labels. Text goes through inet_pton, which is
 * strict: it refuses zones, masks and leading zeros. What may fail is said by the result; nothing
 * allocates.
 */
#include "dns/address.h"

#include <arpa/inet.h>
#include <errno.h>

bool address_is_link_local(const struct address *address)
{
	return address->family == ADDRESS_V6 && address->bytes[0] == 0xfe &&
	       (address->bytes[1] & 0xc0) == 0x80;
}

bool address_is_v4_mapped(const struct address *address)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return address->family == ADDRESS_V6 && memcmp(address->bytes, prefix, sizeof(prefix)) == 0;
}

struct sockaddr_storage address_to_sockaddr(const struct address *address, uint16_t port)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;

	if (address->family == ADDRESS_V4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, address->bytes, sizeof(in->sin_addr));
	} else {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, address->bytes, sizeof(in6->sin6_addr));
	}
	return storage;
}

int address_compare(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, address_size(a));
}

int address_from_text(struct address *address, const char *text, size_t len)
{
	struct address parsed = {0};
	char copy[ADDRESS_TEXT_MAX];

	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	parsed.family = memchr(copy, ':', len) ? ADDRESS_V6 : ADDRESS_V4;
	if (inet_pton(parsed.family == ADDRESS_V6 ? AF_INET6 : AF_INET, copy, parsed.bytes) != 1)
		return -EINVAL;
	*address = parsed;
	return 0;
}

/* The longest run of at least two zero groups (RFC 5952 4.2), the first of equals; *n is 0 when
 * there is none. */
static unsigned find_zeros(const uint16_t groups[8], unsigned *n)
{
	unsigned best = 0;

	*n = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned run = 0;

		while (i + run < 8 && groups[i + run] == 0)
			run++;
		if (run > *n) {
			*n = run;
			best = i;
		}
	}
	if (*n < 2)
		*n = 0;
	return best;
}

/* RFC 5952, but never with an embedded IPv4 address: labels cannot hold its dots. */
static size_t v6_to_text(const uint8_t bytes[16], char *out)
{
	uint16_t groups[8];
	unsigned n_zeros, zeros;
	size_t len = 0;

	for (unsigned i = 0; i < 8; i++)
		groups[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
	zeros = find_zeros(groups, &n_zeros);
	for (unsigned i = 0; i < 8; i++) {
		if (n_zeros > 0 && i == zeros) {
			len += (size_t)snprintf(out + len, ADDRESS_TEXT_MAX - len, "::");
			i += n_zeros - 1;
			continue;
		}
		len += (size_t)snprintf(out + len, ADDRESS_TEXT_MAX - len, "%s%x",
					len > 0 && out[len - 1] != ':' ? ":" : "", groups[i]);
	}
	return len;
}

static size_t put_decimal(char *out, uint8_t value)
{
	size_t n = 0;

	if (value >= 100)
		out[n++] = (char)('0' + value / 100);
	if (value >= 10)
		out[n++] = (char)('0' + value / 10 % 10);
	out[n++] = (char)('0' + value % 10);
	return n;
}

/* Each endpoint of a service is spelled whenever one of them changes: not by snprintf. */
static size_t v4_to_text(const uint8_t bytes[4], char *out)
{
	size_t len = 0;

	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			out[len++] = '.';
		len += put_decimal(out + len, bytes[i]);
	}
	out[len] = '\0';
	return len;
}

size_t address_to_text(const struct address *address, char *out)
{
	return address->family == ADDRESS_V6 ? v6_to_text(address->bytes, out)
					     : v4_to_text(address->bytes, out);
}

size_t address_to_label(const struct address *address, char *out)
{
	char text[ADDRESS_TEXT_MAX];
	size_t len = address_to_text(address, text), n = 0;

	if (text[0] == ':')
		out[n++] = '0';
	for (size_t i = 0; i < len; i++)
		out[n++] = text[i] == '.' || text[i] == ':' ? '-' : text[i];
	if (out[n - 1] == '-')
		out[n++] = '0';
	out[n] = '\0';
	return n;
}

bool address_from_pod_label(struct address *address, const uint8_t *label, size_t len)
{
	char text[DNS_LABEL_MAX + 1];
	unsigned n_dashes = 0;
	bool has_double = false;

	if (len == 0 || len > DNS_LABEL_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		n_dashes += label[i] == '-';
		has_double |= i > 0 && label[i] == '-' && label[i - 1] == '-';
		if (label[i] == '.' || label[i] == ':')
			return false;
	}

	char separator = n_dashes == 3 && !has_double ? '.' : ':';

	for (size_t i = 0; i < len; i++)
		text[i] = label[i] == '-' ? separator : (char)label[i];
	return address_from_text(address, text, len) == 0;
}

/* A decimal octet without leading zeros. */
static bool parse_decimal(const uint8_t *label, uint8_t *value)
{
	unsigned n = 0;

	if (label[0] == 0 || label[0] > 3 || (label[0] > 1 && label[1] == '0'))
		return false;
	for (unsigned i = 1; i <= label[0]; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		n = n * 10 + label[i] - '0';
	}
	*value = (uint8_t)n;
	return n <= 255;
}

static bool parse_nibble(const uint8_t *label, uint8_t *value)
{
	uint8_t c = label[1];

	if (label[0] != 1)
		return false;
	if (c >= '0' && c <= '9')
		*value = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*value = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

static bool has_tail(const struct dns_name *name, const char *tail, size_t len)
{
	return name->n_labels >= 2 && name->len - name->offsets[name->n_labels - 2] == (int)len &&
	       memcmp(name->wire + name->offsets[name->n_labels - 2], tail, len) == 0;
}

static enum reverse_kind from_in_addr(struct address *address, unsigned *bits,
				      const struct dns_name *name)
{
	unsigned n = name->n_labels - 2u;

	if (n > 4)
		return REVERSE_NONE;
	for (unsigned i = 0; i < n; i++) {
		if (!parse_decimal(name->wire + name->offsets[n - 1 - i], &address->bytes[i]))
			return REVERSE_NONE;
	}
	address->family = ADDRESS_V4;
	*bits = n * 8;
	return n == 4 ? REVERSE_EXACT : REVERSE_PREFIX;
}

static enum reverse_kind from_ip6(struct address *address, unsigned *bits,
				  const struct dns_name *name)
{
	unsigned n = name->n_labels - 2u;

	if (n > 32)
		return REVERSE_NONE;
	for (unsigned i = 0; i < n; i++) {
		uint8_t nibble;

		if (!parse_nibble(name->wire + name->offsets[n - 1 - i], &nibble))
			return REVERSE_NONE;
		address->bytes[i / 2] |= (uint8_t)(i % 2 ? nibble : nibble << 4);
	}
	address->family = ADDRESS_V6;
	*bits = n * 4;
	return n == 32 ? REVERSE_EXACT : REVERSE_PREFIX;
}

enum reverse_kind address_from_reverse(struct address *address, unsigned *prefix_bits,
				       const struct dns_name *name)
{
	struct address parsed = {0};
	enum reverse_kind kind = REVERSE_NONE;
	unsigned bits = 0;

	if (has_tail(name, "\7in-addr\4arpa", 14))
		kind = from_in_addr(&parsed, &bits, name);
	else if (has_tail(name, "\3ip6\4arpa", 10))
		kind = from_ip6(&parsed, &bits, name);
	if (kind != REVERSE_NONE) {
		*address = parsed;
		*prefix_bits = bits;
	}
	return kind;
}

bool address_is_reverse_name(const struct dns_name *name)
{
	const uint8_t *tail = name->wire;

	if (name->n_labels < 2)
		return false;
	tail += name->offsets[name->n_labels - 2];
	return memcmp(tail, "\7in-addr\4arpa", 14) == 0 || memcmp(tail, "\3ip6\4arpa", 10) == 0;
}

unsigned address_reverse_zone(struct dns_name *zone, const struct address *address,
			      unsigned prefix_bits, unsigned index)
{
	unsigned step = address->family == ADDRESS_V4 ? 8 : 4;
	unsigned n_labels = (prefix_bits + step - 1) / step;
	unsigned n_zones = 1u << (n_labels * step - prefix_bits);
	char text[DNS_NAME_TEXT_MAX];
	size_t len = 0;

	CHECK(prefix_bits <= 8 * address_size(address) && index < n_zones);
	for (unsigned i = n_labels; i-- > 0;) {
		unsigned value = step == 8 ? address->bytes[i]
					   : address->bytes[i / 2] >> (i % 2 ? 0 : 4) & 15u;

		/* The last label given holds the index in its free low bits. */
		if (i == n_labels - 1)
			value = (value & ~(n_zones - 1)) | index;
		len += (size_t)snprintf(text + len, sizeof(text) - len, step == 8 ? "%u." : "%x.",
					value);
	}
	len += (size_t)snprintf(text + len, sizeof(text) - len,
				step == 8 ? "in-addr.arpa." : "ip6.arpa.");
	CHECK(dns_name_from_text(zone, text, len) == 0);
	return n_zones;
}
