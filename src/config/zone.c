/* SPDX-License-Identifier: Apache-2.0
 *
 * Zone words. A / makes a prefix only behind an address, since RFC 2317 zones
 * (0/25.2.0.192.in-addr.arpa) have one, too.
 */
#include "zone.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/array.h"

/* A decimal number of at most four digits, else max + 1. */
static unsigned read_bits(const char *text, size_t len, unsigned max)
{
	unsigned n = 0;

	if (len == 0 || len > 4)
		return max + 1;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return max + 1;
		n = n * 10 + (unsigned)(text[i] - '0');
	}
	return n <= max ? n : max + 1;
}

/* The bits of the address behind the prefix are no part of the zone. */
static void mask_address(struct address *address, unsigned bits)
{
	for (unsigned i = bits; i < address_size(address) * 8; i++)
		address->bytes[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
}

/* A colon, white space or a brace in a name is a mistake in the Corefile, whatever a DNS name may
 * hold. */
static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' || strchr(":{}", text[i]))
			return false;
	}
	return true;
}

int zone_read(const char *text, size_t len, struct zones *zones, struct text *why)
{
	const char *slash = len > 0 ? memchr(text, '/', len) : NULL;
	struct address address;
	struct dns_name zone;

	if (!slash || address_from_text(&address, text, (size_t)(slash - text)) != 0) {
		if (!is_plain(text, len) || dns_name_from_text(&zone, text, len) != 0) {
			text_puts(why, "is not a domain name");
			return -EINVAL;
		}
		ARRAY_PUSH(zones, zone);
		return 0;
	}

	unsigned max = (unsigned)address_size(&address) * 8;
	unsigned bits = read_bits(slash + 1, (size_t)(text + len - slash - 1), max);

	if (bits > max) {
		text_printf(why, "is not a prefix: its length has to be 0 to %u", max);
		return -EINVAL;
	}
	mask_address(&address, bits);

	unsigned n = address_reverse_zone(&zone, &address, bits, 0);

	for (unsigned i = 0; i < n; i++) {
		address_reverse_zone(&zone, &address, bits, i);
		ARRAY_PUSH(zones, zone);
	}
	return 0;
}

/* Takes the scheme off; only dns:// is served. */
static int split_scheme(const char **key, struct text *why)
{
	static const char *const others[] = {"tls", "https", "https3", "quic", "grpc"};
	const char *end = strstr(*key, "://");

	if (!end)
		return 0;

	size_t len = (size_t)(end - *key);

	if (len == 3 && memcmp(*key, "dns", 3) == 0) {
		*key = end + 3;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (len == strlen(others[i]) && memcmp(*key, others[i], len) == 0) {
			text_printf(why, "is not served: %s:// is not there yet, only dns://",
				    others[i]);
			return -EINVAL;
		}
	}
	text_puts(why, "has an unknown scheme: only dns:// is served");
	return -EINVAL;
}

uint16_t port_read(const char *text)
{
	unsigned number = 0;

	for (const char *p = text; *p; p++) {
		if (!isdigit((unsigned char)*p))
			return 0;
		number = number * 10 + (unsigned)(*p - '0');
		if (number > UINT16_MAX)
			return 0;
	}
	return (uint16_t)number;
}

int zone_key_split(const char *key, const char **zone, size_t *zone_len, uint16_t *port,
		   struct text *why)
{
	if (split_scheme(&key, why) != 0)
		return -EINVAL;

	const char *colon = strrchr(key, ':');
	size_t len = strlen(key);
	uint16_t number = 0;

	if (colon && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		number = port_read(colon + 1);
		if (number == 0) {
			text_puts(why, "has no port from 1 to 65535 behind its colon");
			return -EINVAL;
		}
		len = (size_t)(colon - key);
	}
	if (len == 0) {
		text_printf(why, "has no zone: write \".%s\" for all names", key);
		return -EINVAL;
	}
	if (key[len - 1] == '{') {
		text_puts(why, "needs a space before \"{\"");
		return -EINVAL;
	}
	*zone = key;
	*zone_len = len;
	*port = number;
	return 0;
}
