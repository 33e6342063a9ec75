/* SPDX-License-Identifier: Apache-2.0
 *
 * The only code that walks packet bytes: a reader and a writer that cannot leave their bounds.
 *
 * Both have a sticky error: after one failure every read returns 0 and every put does nothing, and
 * the caller asks `failed` once at the end. Inline because a query crosses them some twenty times.
 * No allocation. Any thread.
 */
#ifndef KANAME_DNS_WIRE_H
#define KANAME_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct wire_reader {
	const uint8_t *base; /* borrowed: the message, from its header on */
	size_t pos;	     /* <= size, always */
	size_t size;
	bool failed;
};

static inline struct wire_reader wire_reader_init(const uint8_t *bytes, size_t size)
{
	return (struct wire_reader){.base = bytes, .size = size};
}

static inline size_t wire_left(const struct wire_reader *reader)
{
	return reader->size - reader->pos;
}

/* The next n bytes, or NULL and the sticky error when there are fewer. */
static inline const uint8_t *wire_take(struct wire_reader *reader, size_t n)
{
	const uint8_t *bytes;

	if (UNLIKELY(reader->failed || n > reader->size - reader->pos)) {
		reader->failed = true;
		return NULL;
	}
	bytes = reader->base + reader->pos;
	reader->pos += n;
	return bytes;
}

static inline uint8_t wire_u8(struct wire_reader *reader)
{
	const uint8_t *b = wire_take(reader, 1);

	return b ? b[0] : 0;
}

static inline uint16_t wire_u16(struct wire_reader *reader)
{
	const uint8_t *b = wire_take(reader, 2);

	return b ? (uint16_t)(b[0] << 8 | b[1]) : 0;
}

static inline uint32_t wire_u32(struct wire_reader *reader)
{
	const uint8_t *b = wire_take(reader, 4);

	return b ? (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3] : 0;
}

static inline void wire_skip(struct wire_reader *reader, size_t n)
{
	(void)wire_take(reader, n);
}

struct wire_writer {
	uint8_t *base; /* borrowed: the message, from its header on */
	size_t pos;    /* <= size, always */
	size_t size;   /* the limit of this message; may be lowered and raised within the buffer */
	bool failed;
};

static inline struct wire_writer wire_writer_init(uint8_t *bytes, size_t size)
{
	return (struct wire_writer){.base = bytes, .size = size};
}

/* Room for n bytes, to be filled by the caller, or NULL and the sticky error. */
static inline uint8_t *wire_room(struct wire_writer *writer, size_t n)
{
	uint8_t *bytes;

	if (UNLIKELY(writer->failed || n > writer->size - writer->pos)) {
		writer->failed = true;
		return NULL;
	}
	bytes = writer->base + writer->pos;
	writer->pos += n;
	return bytes;
}

static inline void wire_put(struct wire_writer *writer, const void *bytes, size_t n)
{
	uint8_t *room = wire_room(writer, n);

	if (LIKELY(room != NULL) && n > 0)
		memcpy(room, bytes, n);
}

static inline void wire_put_u8(struct wire_writer *writer, uint8_t value)
{
	wire_put(writer, &value, 1);
}

static inline void wire_put_u16(struct wire_writer *writer, uint16_t value)
{
	value = __builtin_bswap16(value);
	wire_put(writer, &value, 2);
}

static inline void wire_put_u32(struct wire_writer *writer, uint32_t value)
{
	value = __builtin_bswap32(value);
	wire_put(writer, &value, 4);
}

/* Overwrites two bytes that were written before, a count or a length. pos + 2 <= writer->pos is the
 * caller's duty. */
static inline void wire_patch_u16(struct wire_writer *writer, size_t pos, uint16_t value)
{
	CHECK(pos + 2 <= writer->pos);
	/* The analyzer takes base for NULL; something has been written there, as the CHECK says. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	writer->base[pos] = (uint8_t)(value >> 8);
	writer->base[pos + 1] = (uint8_t)value;
}

/* Back to a mark (an earlier pos), forgetting what was written since and the sticky error. */
static inline void wire_rewind(struct wire_writer *writer, size_t mark)
{
	CHECK(mark <= writer->pos);
	writer->pos = mark;
	writer->failed = false;
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "wire_put_u16 and wire_put_u32 are written for little-endian machines (amd64, arm64)"
#endif

#endif
