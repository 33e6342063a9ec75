/* SPDX-License-Identifier: Apache-2.0
 *
 * Written for speed, since with `log` every query has a line: no printf, digits two at a time, and
 * a name is copied sixteen octets at a time where it has no octet that needs an escape, as nearly
 * all names have none. What a client can put into a line is a name alone, and there every octet
 * that is not a printable one of ASCII is escaped.
 */
#include "logline.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define CHUNK 16 /* octets; a constant lets the compiler take them at once */

static const char pairs[201] = "00010203040506070809101112131415161718192021222324"
			       "25262728293031323334353637383940414243444546474849"
			       "50515253545556575859606162636465666768697071727374"
			       "75767778798081828384858687888990919293949596979899";

_Static_assert(LOGLINE_SLACK >= QUERY_LOG_TEXT_SLACK, "a short text fits, whole");
_Static_assert(LOGLINE_SLACK >= INET6_ADDRSTRLEN + 4, "an address in brackets fits");

/* ---- primitives; these write within the slack ---- */

static inline void put_char(struct logline *line, char c)
{
	*line->at++ = c;
}

static inline void put_pair(struct logline *line, unsigned value)
{
	memcpy(line->at, pairs + (size_t)value * 2, 2);
	line->at += 2;
}

static void put_digits(struct logline *line, uint64_t value)
{
	char digits[20];
	size_t i = sizeof(digits);

	while (value >= 100) {
		i -= 2;
		memcpy(digits + i, pairs + value % 100 * 2, 2);
		value /= 100;
	}
	i -= 2;
	memcpy(digits + i, pairs + value * 2, 2);
	i += value < 10;
	memcpy(line->at, digits + i, sizeof(digits) - i);
	line->at += sizeof(digits) - i;
}

/* What has at most two digits. */
static inline void put_head(struct logline *line, unsigned value)
{
	if (value < 10)
		put_char(line, (char)('0' + value));
	else
		put_pair(line, value);
}

/* The values of 16 bits, which nearly all are, without a loop. */
static inline void put_number(struct logline *line, uint64_t value)
{
	unsigned small = (unsigned)value;

	if (UNLIKELY(value > UINT16_MAX)) {
		put_digits(line, value);
	} else if (small < 100) {
		put_head(line, small);
	} else if (small < 10000) {
		put_head(line, small / 100);
		put_pair(line, small % 100);
	} else {
		put_char(line, (char)('0' + small / 10000));
		put_pair(line, small / 100 % 100);
		put_pair(line, small % 100);
	}
}

/* Words are so short that a call to copy them would cost more. */
static inline void put_word(struct logline *line, const char *word)
{
	while (*word)
		put_char(line, *word++);
}

static bool has_room(struct logline *line)
{
	if (LIKELY(line->at < line->end))
		return true;
	line->is_cut = true;
	return false;
}

void logline_bytes(struct logline *line, const char *bytes, size_t len)
{
	size_t room = line->at < line->end ? (size_t)(line->end - line->at) : 0;

	if (UNLIKELY(len > room)) {
		line->is_cut = true;
		len = room;
	}
	memcpy(line->at, bytes, len);
	line->at += len;
}

void logline_number(struct logline *line, uint64_t value)
{
	if (has_room(line))
		put_digits(line, value);
}

/* ---- fields ---- */

static void put_v4(struct logline *line, const struct in_addr *address)
{
	const uint8_t *octets = (const uint8_t *)address;

	for (size_t i = 0; i < 4; i++) {
		put_number(line, octets[i]);
		put_char(line, '.');
	}
	line->at--;
}

static void put_address(struct logline *line, const struct sockaddr *address)
{
	if (UNLIKELY(address == NULL)) {
		put_char(line, '-');
	} else if (address->sa_family == AF_INET) {
		put_v4(line, &((const struct sockaddr_in *)address)->sin_addr);
	} else {
		char text[INET6_ADDRSTRLEN] = "";

		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text,
			  sizeof(text));
		put_char(line, '[');
		put_word(line, text);
		put_char(line, ']');
	}
}

struct chunk {
	uint8_t octets __attribute__((vector_size(CHUNK)));
};

/* Notes in *bad where octets need an escape in dns_name_to_text. */
static inline void find_bad(struct chunk *bad, const uint8_t *octets)
{
	struct chunk c;

	memcpy(&c, octets, CHUNK);
	bad->octets |= ((c.octets - '!') > '~' - '!') | (c.octets == '.') | (c.octets == '\\') |
		       (c.octets == '"');
}

static inline bool is_zero(const struct chunk *chunk)
{
	uint64_t halves[2];

	memcpy(halves, chunk, CHUNK);
	return (halves[0] | halves[1]) == 0;
}

/* The name in out, which has room for DNS_NAME_TEXT_MAX octets and a chunk; its length. */
static size_t name_text(char *out, const struct dns_name *name)
{
	uint8_t *to = (uint8_t *)out;
	size_t len = name->len - 1u;
	struct chunk bad = {0};

	if (UNLIKELY(len == 0)) {
		out[0] = '.';
		return 1;
	}
	/* Label by label behind each length octet; the octet that follows is the next length. */
	for (size_t i = 0; i < len; i += CHUNK)
		memcpy(to + i, name->wire + 1 + i, CHUNK);
	for (size_t i = 1; i <= name->n_labels; i++)
		to[name->offsets[i] - 1] = 'x';
	memset(to + len, 'x', CHUNK - 1);
	for (size_t i = 0; i < len; i += CHUNK)
		find_bad(&bad, to + i);
	if (UNLIKELY(!is_zero(&bad)))
		return dns_name_to_text(name->wire, name->len, out);
	for (size_t i = 1; i <= name->n_labels; i++)
		to[name->offsets[i] - 1] = '.';
	return len;
}

static void put_name(struct logline *line, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_MAX + CHUNK];

	if (LIKELY(line->end - line->at >= (ptrdiff_t)sizeof(text)))
		line->at += name_text(line->at, name);
	else
		logline_bytes(line, text, name_text(text, name));
}

/* Seconds to the nanosecond: "0.000012345s". */
static void put_duration(struct logline *line, uint64_t ns)
{
	uint32_t part = (uint32_t)(ns % 1000000000);

	put_number(line, ns / 1000000000);
	put_char(line, '.');
	put_char(line, (char)('0' + part / 100000000));
	put_pair(line, part / 1000000 % 100);
	put_pair(line, part / 10000 % 100);
	put_pair(line, part / 100 % 100);
	put_pair(line, part % 100);
	put_char(line, 's');
}

/* "qr,aa,rd" */
static void put_flags(struct logline *line, uint16_t flags)
{
	static const struct {
		uint16_t flag;
		char text[4];
	} all[] = {{DNS_FLAG_QR, "qr,"}, {DNS_FLAG_AA, "aa,"}, {DNS_FLAG_TC, "tc,"},
		   {DNS_FLAG_RD, "rd,"}, {DNS_FLAG_RA, "ra,"}, {DNS_FLAG_AD, "ad,"},
		   {DNS_FLAG_CD, "cd,"}};

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (flags & all[i].flag) {
			memcpy(line->at, all[i].text, 4);
			line->at += 3;
		}
	}
	line->at--; /* QR is always set: there is a comma */
}

static void put_rcode(struct logline *line, uint16_t rcode)
{
	char buf[16];

	put_word(line, dns_rcode_text(rcode, buf, sizeof(buf)));
}

static void put_type(struct logline *line, uint16_t type)
{
	char buf[16];

	put_word(line, dns_type_text(type, buf, sizeof(buf)));
}

static void put_class(struct logline *line, uint16_t class)
{
	char buf[16];

	put_word(line, dns_class_text(class, buf, sizeof(buf)));
}

static unsigned port_of(const struct sockaddr *address)
{
	/* sin_port and sin6_port are the same two octets. */
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static uint16_t flags_of(const struct query_output *output)
{
	return (uint16_t)(output->bytes[2] << 8 | output->bytes[3]);
}

/* All but TEXT, NAME and JSON. */
static inline void put_small(struct logline *line, enum query_log_field field,
			     const struct logline_in *in)
{
	const struct query_input *input = in->input;
	const struct query_output *output = in->output;
	const struct dns_query *query = &output->query;

	switch (field) {
	case QUERY_LOG_TYPE:
		put_type(line, query->type);
		break;
	case QUERY_LOG_QCLASS:
		put_class(line, query->class);
		break;
	case QUERY_LOG_PROTO:
		memcpy(line->at, input->is_tcp ? "tcp" : "udp", 3);
		line->at += 3;
		break;
	case QUERY_LOG_REMOTE:
		put_address(line, input->source);
		break;
	case QUERY_LOG_LOCAL:
		put_address(line, input->local);
		break;
	case QUERY_LOG_PORT:
		put_number(line, port_of(input->source));
		break;
	case QUERY_LOG_SIZE:
		put_number(line, input->size);
		break;
	case QUERY_LOG_RCODE:
		put_rcode(line, output->rcode);
		break;
	case QUERY_LOG_RSIZE:
		put_number(line, output->size);
		break;
	case QUERY_LOG_DURATION:
		put_duration(line, in->duration_ns);
		break;
	case QUERY_LOG_ID:
		put_number(line, query->id);
		break;
	case QUERY_LOG_OPCODE:
		put_number(line, query->flags >> DNS_OPCODE_SHIFT & 15);
		break;
	case QUERY_LOG_DO:
		put_word(line, query->has_do ? "true" : "false");
		break;
	case QUERY_LOG_BUFSIZE:
		put_number(line, input->is_tcp ? DNS_MESSAGE_MAX : query->udp_size);
		break;
	case QUERY_LOG_RFLAGS:
		put_flags(line, flags_of(output));
		break;
	case QUERY_LOG_TEXT:
	case QUERY_LOG_EMPTY:
	case QUERY_LOG_NAME:
	case QUERY_LOG_JSON:
		put_char(line, '-');
		break;
	}
}

static inline void put_field(struct logline *line, enum query_log_field field,
			     const struct logline_in *in)
{
	if (field == QUERY_LOG_NAME)
		put_name(line, &in->output->query.name);
	else if (field == QUERY_LOG_JSON)
		logline_json(line, in);
	else if (has_room(line))
		put_small(line, field, in);
}

void logline_field(struct logline *line, enum query_log_field field, const struct logline_in *in)
{
	put_field(line, field, in);
}

static inline void put_piece(struct logline *line, const struct query_log_piece *piece,
			     const struct logline_in *in)
{
	if (piece->field != QUERY_LOG_TEXT) {
		put_field(line, piece->field, in);
	} else if (LIKELY(piece->len <= QUERY_LOG_TEXT_SLACK && line->at < line->end)) {
		memcpy(line->at, piece->text, QUERY_LOG_TEXT_SLACK);
		line->at += piece->len;
	} else {
		logline_bytes(line, piece->text, piece->len);
	}
}

size_t logline_write(char *out, size_t size, const struct query_log_config *log,
		     const struct logline_in *in)
{
	struct logline line = {.at = out, .end = out + size - LOGLINE_SLACK};

	if (!log->is_bare)
		logline_bytes(&line, "[INFO] ", 7);
	for (size_t i = 0; i < log->n_pieces && !line.is_cut; i++)
		put_piece(&line, &log->pieces[i], in);
	if (UNLIKELY(line.is_cut && size >= LOGLINE_SLACK + 3)) {
		if (line.at > out + size - 3)
			line.at = out + size - 3;
		put_word(&line, "...");
	}
	return (size_t)(line.at - out);
}
