/* SPDX-License-Identifier: Apache-2.0
 *
 * An open hash of positions. Suffixes are hashed from the last label on, so that all of a name's
 * suffixes cost one walk. A slot tells its position only; the name is compared where it was
 * written.
 */
#include "suffixes.h"

#define POINTER_BITS 0xc0u
#define POINTER_POS_MAX 0x3fffu
#define PROBES_MAX 6
#define SUFFIXES_MAX (DNS_SUFFIXES_SLOTS / 4 * 3)

/* Is the label that is written at written[0..1 + label[0]) the same as `label`, which is
 * lower-case? */
static bool is_same_label(const uint8_t *written, const uint8_t *label)
{
	for (unsigned i = 0; i <= label[0]; i++) {
		uint8_t c = written[i];

		if (c != label[i] && !(c >= 'A' && c <= 'Z' && c + 0x20 == label[i]))
			return false;
	}
	return true;
}

bool suffix_is_at(const struct wire_writer *writer, size_t pos, const uint8_t *suffix)
{
	size_t least = pos;

	while (pos < writer->pos) {
		const uint8_t *at = writer->base + pos;

		if (at[0] >= POINTER_BITS) {
			if (writer->pos - pos < 2)
				return false;
			pos = (size_t)(at[0] & 0x3f) << 8 | at[1];
			if (pos >= least)
				return false;
			least = pos;
			continue;
		}
		if (writer->pos - pos <= suffix[0] || !is_same_label(at, suffix))
			return false;
		if (suffix[0] == 0)
			return true;
		pos += 1u + suffix[0];
		suffix += 1u + suffix[0];
	}
	return false;
}

void suffixes_init(struct dns_suffixes *suffixes)
{
	memset(suffixes, 0, sizeof(*suffixes));
}

static void hash_suffixes(const struct dns_name *name, uint32_t hashes[DNS_LABELS_MAX + 1])
{
	uint32_t hash = 2166136261u;

	for (unsigned i = name->n_labels; i-- > 0;) {
		const uint8_t *label = name->wire + name->offsets[i];

		for (unsigned k = 0; k <= label[0]; k++)
			hash = (hash ^ label[k]) * 16777619u;
		hashes[i] = hash ^ hash >> 15;
	}
}

/* Where the suffix was written, or 0. */
static size_t find(const struct dns_suffixes *suffixes, const struct wire_writer *writer,
		   uint32_t hash, const uint8_t *suffix)
{
	for (unsigned i = 0; i < PROBES_MAX; i++) {
		uint16_t pos = suffixes->slots[(hash + i) % DNS_SUFFIXES_SLOTS];

		if (pos == 0)
			return 0;
		if (suffix_is_at(writer, pos, suffix))
			return pos;
	}
	return 0;
}

static void remember(struct dns_suffixes *suffixes, uint32_t hash, size_t pos)
{
	if (suffixes->n == SUFFIXES_MAX || pos > POINTER_POS_MAX)
		return;
	for (unsigned i = 0; i < PROBES_MAX; i++) {
		uint16_t *slot = &suffixes->slots[(hash + i) % DNS_SUFFIXES_SLOTS];

		if (*slot == 0) {
			*slot = (uint16_t)pos;
			suffixes->n++;
			return;
		}
	}
}

void suffixes_learn(struct dns_suffixes *suffixes, const struct wire_writer *writer, size_t at,
		    const struct dns_name *name)
{
	uint32_t hashes[DNS_LABELS_MAX + 1];

	hash_suffixes(name, hashes);
	/* Behind a label with a pointer nothing stands of the name. */
	for (unsigned i = 0; i < name->n_labels; i++) {
		size_t pos = at + name->offsets[i];

		if (pos >= writer->pos || writer->base[pos] >= POINTER_BITS)
			return;
		if (find(suffixes, writer, hashes[i], name->wire + name->offsets[i]) == 0)
			remember(suffixes, hashes[i], pos);
	}
}

size_t suffixes_write(struct dns_suffixes *suffixes, struct wire_writer *writer,
		      const struct dns_name *name, const uint8_t *spelled)
{
	uint32_t hashes[DNS_LABELS_MAX + 1];
	size_t start = writer->pos, target = 0;
	unsigned label = 0;

	hash_suffixes(name, hashes);
	for (; label < name->n_labels; label++) {
		target = find(suffixes, writer, hashes[label], name->wire + name->offsets[label]);
		if (target != 0)
			break;
	}
	wire_put(writer, spelled, name->offsets[label]);
	if (target != 0)
		wire_put_u16(writer, 0xc000u | (uint16_t)target);
	else
		wire_put_u8(writer, 0);
	for (unsigned i = 0; !writer->failed && i < label; i++)
		remember(suffixes, hashes[i], start + name->offsets[i]);
	if (name->n_labels == 0)
		return 0;
	return label == 0 ? target : start;
}
