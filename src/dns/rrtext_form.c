/* SPDX-License-Identifier: Apache-2.0
 *
 * The rdata of each type, from text and as it has to be on the wire. The happy path: a word for
 * each field, written behind what is there. What may fail is a word that is not of the field's
 * kind, or a word too many or too few.
 */
#include "rrtext.h"

#include <strings.h>

#include "dns/address.h"

static const struct rr_form forms[] = {
	{DNS_TYPE_A, false, "a", "A"},
	{DNS_TYPE_AAAA, false, "A", "AAAA"},
	{DNS_TYPE_CNAME, true, "n", "CNAME"},
	{DNS_TYPE_TXT, false, "S", "TXT"},
	{DNS_TYPE_PTR, true, "n", "PTR"},
	{DNS_TYPE_SRV, false, "222n", "SRV"},
	{DNS_TYPE_MX, true, "2n", "MX"},
	{DNS_TYPE_NS, true, "n", "NS"},
	{DNS_TYPE_SOA, true, "nn4TTTT", "SOA"},
	{DNS_TYPE_HINFO, false, "ss", "HINFO"},
	{257, false, "1tv", "CAA"},
	{35, false, "22sssn", "NAPTR"},
	{39, false, "n", "DNAME"},
	{99, false, "S", "SPF"},
	{17, false, "nn", "RP"},
	{18, false, "2n", "AFSDB"},
	{36, false, "2n", "KX"},
	{DNS_TYPE_DS, false, "211x", "DS"},
	{44, false, "11x", "SSHFP"},
	{52, false, "111x", "TLSA"},
	{256, false, "22v", "URI"},
};

const struct rr_form *rr_form_find(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (forms[i].type == type)
			return &forms[i];
	}
	return NULL;
}

const struct rr_form *rr_form_named(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		if (strlen(forms[i].name) == len && strncasecmp(forms[i].name, name, len) == 0)
			return &forms[i];
	}
	return NULL;
}

bool rr_number(const char *text, size_t len, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (value > max)
		return false;
	*number = value;
	return true;
}

static uint64_t unit_of(char c)
{
	switch (c | 0x20) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 604800;
	default:
		return 0;
	}
}

bool rr_ttl(const char *text, size_t len, uint32_t *ttl_s)
{
	uint64_t sum = 0, value = 0;

	if (len == 0 || len > 20 || text[0] < '0' || text[0] > '9')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			value = value * 10 + (uint64_t)(text[i] - '0');
		} else if (unit_of(text[i]) != 0) {
			sum += value * unit_of(text[i]);
			value = 0;
		} else {
			return false;
		}
		if (value > INT32_MAX || sum > INT32_MAX)
			return false;
	}
	sum += value;
	if (sum > INT32_MAX)
		return false;
	*ttl_s = (uint32_t)sum;
	return true;
}

static bool read_number(struct rr_words *words, struct wire_writer *rdata, unsigned octets)
{
	uint64_t number;

	if (!rr_number(words->word, words->word_len, UINT64_MAX >> (64 - 8 * octets), &number))
		return rr_words_fail(words, octets == 1	  ? "is not a number from 0 to 255"
					    : octets == 2 ? "is not a number from 0 to 65535"
							  : "is not a number of 32 bits");
	for (unsigned i = octets; i-- > 0;)
		wire_put_u8(rdata, (uint8_t)(number >> 8 * i));
	return true;
}

static bool read_time(struct rr_words *words, struct wire_writer *rdata)
{
	uint32_t ttl_s;

	if (!rr_ttl(words->word, words->word_len, &ttl_s))
		return rr_words_fail(words, "is not a time in seconds");
	wire_put_u32(rdata, ttl_s);
	return true;
}

static bool read_address(struct rr_words *words, struct wire_writer *rdata,
			 enum address_family family)
{
	struct address address;

	if (address_from_text(&address, words->word, words->word_len) != 0 ||
	    address.family != family)
		return rr_words_fail(words, family == ADDRESS_V4 ? "is not an IPv4 address"
								 : "is not an IPv6 address");
	wire_put(rdata, address.bytes, address_size(&address));
	return true;
}

static bool read_name(struct rr_words *words, struct wire_writer *rdata)
{
	struct dns_name name = {0};

	/* "@" is the origin, which is the root. */
	bool is_origin = words->word_len == 1 && words->word[0] == '@';

	if (dns_name_from_text(&name, is_origin ? "." : words->word, words->word_len) != 0)
		return rr_words_fail(words, "is not a domain name");
	wire_put(rdata, name.wire, name.len);
	return true;
}

/* One octet at words->word[*at], escapes undone; -1: a broken escape. */
static int take_octet(const struct rr_words *words, size_t *at)
{
	const char *p = words->word + *at;
	size_t left = words->word_len - *at;
	uint64_t value;

	if (p[0] != '\\') {
		*at += 1;
		return (uint8_t)p[0];
	}
	if (left < 2)
		return -1;
	if (p[1] < '0' || p[1] > '9') {
		*at += 2;
		return (uint8_t)p[1];
	}
	if (left < 4 || !rr_number(p + 1, 3, 255, &value))
		return -1;
	*at += 4;
	return (int)value;
}

/* The word's octets; behind length octets, in pieces of 255, where it is a character string. */
static bool read_string(struct rr_words *words, struct wire_writer *rdata, bool has_length,
			bool may_split)
{
	size_t at = 0, n = 0, length_pos = rdata->pos;

	if (has_length)
		wire_put_u8(rdata, 0);
	while (at < words->word_len) {
		int octet = take_octet(words, &at);

		if (octet < 0)
			return rr_words_fail(words, "has a broken escape");
		if (has_length && n == 255) {
			if (!may_split)
				return rr_words_fail(words, "is longer than 255 octets");
			length_pos = rdata->pos;
			wire_put_u8(rdata, 0);
			n = 0;
		}
		wire_put_u8(rdata, (uint8_t)octet);
		n++;
		if (has_length && !rdata->failed)
			rdata->base[length_pos] = (uint8_t)n;
	}
	return true;
}

static bool read_tag(struct rr_words *words, struct wire_writer *rdata)
{
	for (size_t i = 0; i < words->word_len; i++) {
		char c = words->word[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9'))
			return rr_words_fail(words, "is not a tag of letters and digits");
	}
	if (words->word_len == 0 || words->word_len > 255)
		return rr_words_fail(words, "is not a tag of letters and digits");
	wire_put_u8(rdata, (uint8_t)words->word_len);
	wire_put(rdata, words->word, words->word_len);
	return true;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static bool read_hex(struct rr_words *words, struct wire_writer *rdata)
{
	if (words->word_len % 2 != 0)
		return rr_words_fail(words, "has an odd number of hex digits");
	for (size_t i = 0; i < words->word_len; i += 2) {
		int high = hex_value(words->word[i]), low = hex_value(words->word[i + 1]);

		if (high < 0 || low < 0)
			return rr_words_fail(words, "is not made of hex digits");
		wire_put_u8(rdata, (uint8_t)(high << 4 | low));
	}
	return true;
}

static bool read_field(char field, struct rr_words *words, struct wire_writer *rdata)
{
	switch (field) {
	case '1':
	case '2':
	case '4':
		return read_number(words, rdata, (unsigned)(field - '0'));
	case 'T':
		return read_time(words, rdata);
	case 'a':
		return read_address(words, rdata, ADDRESS_V4);
	case 'A':
		return read_address(words, rdata, ADDRESS_V6);
	case 'n':
		return read_name(words, rdata);
	case 's':
		return read_string(words, rdata, true, false);
	case 'S':
		return read_string(words, rdata, true, true);
	case 't':
		return read_tag(words, rdata);
	case 'v':
		return read_string(words, rdata, false, false);
	default:
		return read_hex(words, rdata);
	}
}

bool rr_form_read(const struct rr_form *form, struct rr_words *words, struct wire_writer *rdata)
{
	for (const char *field = form->fields; *field; field++) {
		bool goes_on = *field == 'S' || *field == 'x';

		if (words->is_end)
			return rr_words_fail(words, "the record ends too early");
		do {
			if (!read_field(*field, words, rdata))
				return false;
		} while (rr_words_next(words) && goes_on);
		if (words->error->what)
			return false;
	}
	return words->is_end || rr_words_fail(words, "is a word too many");
}

/* ---- on the wire ---- */

static void check_field(char field, struct wire_reader *reader)
{
	struct dns_name name;

	switch (field) {
	case '1':
		wire_skip(reader, 1);
		break;
	case '2':
		wire_skip(reader, 2);
		break;
	case '4':
	case 'T':
	case 'a':
		wire_skip(reader, 4);
		break;
	case 'A':
		wire_skip(reader, 16);
		break;
	case 'n':
		dns_name_read(&name, reader, false);
		break;
	case 's':
	case 't':
		wire_skip(reader, wire_u8(reader));
		break;
	case 'S':
		do
			wire_skip(reader, wire_u8(reader));
		while (!reader->failed && wire_left(reader) > 0);
		break;
	default:
		wire_skip(reader, wire_left(reader));
	}
}

bool rr_form_check(const struct rr_form *form, const uint8_t *rdata, size_t len)
{
	struct wire_reader reader = wire_reader_init(rdata, len);

	for (const char *field = form->fields; *field; field++)
		check_field(*field, &reader);
	return !reader.failed && wire_left(&reader) == 0;
}
