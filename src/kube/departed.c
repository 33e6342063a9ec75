/* SPDX-License-Identifier: Apache-2.0
 *
 * Endpoints that have just left a slice, and are answered for a little longer: when the slices of a
 * service are packed anew, an endpoint leaves one before it comes in another, in two events.
 *
 * The happy path: store_put and store_remove tell what a slice was and is; endpoints that have left
 * it are kept as a packed slice of their own on the service's node until store_expire. Where the
 * service has this slice only, and new ones have come into it too, that is a change like any other,
 * and none of it lingers. The kube thread.
 */
#include "pack.h"
#include "store.h"

/* Endpoints: kube-apiserver takes no larger slices, and they are compared in pairs. */
#define SLICE_MAX 1000

/* A slice's content as it is walked: at its first endpoint, n_left of them. */
struct walk {
	struct wire_reader reader;
	size_t begin; /* of the endpoint at hand, behind the ports */
	uint32_t n_left;
};

/* Behind the ports, whose bytes are compared as they are. */
static struct walk walk_init(const void *bytes, size_t len)
{
	struct walk walk = {.reader = wire_reader_init(bytes, len)};
	uint16_t n_ports = wire_u16(&walk.reader);

	for (unsigned i = 0; i < n_ports; i++) {
		struct table_port port;

		unpack_port(&walk.reader, &port);
	}
	walk.begin = walk.reader.pos;
	walk.n_left = wire_u32(&walk.reader);
	return walk;
}

/* The next endpoint's bytes; NULL behind the last one. */
static const uint8_t *walk_next(struct walk *walk, size_t *len)
{
	struct pack_endpoint endpoint;
	size_t begin = walk->reader.pos;

	if (walk->n_left == 0)
		return NULL;
	walk->n_left--;
	unpack_endpoint(&walk->reader, &endpoint);
	CHECK(!walk->reader.failed);
	*len = walk->reader.pos - begin;
	return walk->reader.base + begin;
}

static bool has_same_ports(const struct walk *a, const struct walk *b)
{
	return a->begin == b->begin && memcmp(a->reader.base, b->reader.base, a->begin) == 0;
}

/* Is this endpoint in the slice? `next` is where it is when the order is the same. */
static bool has_endpoint(const struct text *slice, struct walk *next, const uint8_t *endpoint,
			 size_t len)
{
	struct walk walk = *next;

	/* There, or anywhere. */
	for (int i = 0; i < 2; i++) {
		const uint8_t *other;
		size_t other_len;

		while ((other = walk_next(&walk, &other_len))) {
			if (other_len == len && memcmp(other, endpoint, len) == 0) {
				*next = walk;
				return true;
			}
			if (i == 0)
				break;
		}
		walk = walk_init(slice->bytes, slice->len);
	}
	return false;
}

/* What of `before` is not in `now`, as a packed slice. False: nothing has left, or, but with
 * may_gain, something has come. */
static bool subtract(const struct store_bytes *before, const struct text *now, bool may_gain,
		     struct text *out)
{
	struct walk old = walk_init(before->bytes, before->len);
	struct walk new = walk_init(now->bytes, now->len);
	uint32_t n_new = new.n_left, n_kept = 0, n_left = 0;
	const uint8_t *endpoint;
	size_t len, mark;

	if (!has_same_ports(&old, &new) || old.n_left > SLICE_MAX || n_new > SLICE_MAX)
		return false;
	text_append(out, (const char *)old.reader.base, old.begin);
	mark = pack_endpoints_begin(out);
	while ((endpoint = walk_next(&old, &len))) {
		if (has_endpoint(now, &new, endpoint, len)) {
			n_kept++;
			continue;
		}
		text_append(out, (const char *)endpoint, len);
		n_left++;
	}
	pack_endpoints_end(out, mark, n_left);
	return n_left > 0 && (may_gain || n_kept == n_new);
}

static void keep(struct store *store, struct store_node *node, const void *bytes, size_t len)
{
	struct store_departed *departed = mem_alloc(sizeof(*departed) + len);

	*departed = (struct store_departed){.node = node,
					    .next_of_node = node->departed,
					    .until_ms = store->now_ms + store->linger_ms,
					    .len = (uint32_t)len};
	memcpy(departed->bytes, bytes, len);
	node->departed = departed;
	if (store->last_departed)
		store->last_departed->next = departed;
	else
		store->first_departed = departed;
	store->last_departed = departed;
}

void departed_note(struct store *store, struct store_node *node, const struct store_bytes *before,
		   const struct text *now)
{
	struct text left = {0};
	bool has_others = node && node->slices && node->slices->next;

	if (store->linger_ms == 0 || !node || !before)
		return;
	if (!now || now->len == 0)
		keep(store, node, before->bytes, before->len);
	else if (subtract(before, now, has_others, &left))
		keep(store, node, left.bytes, left.len);
	text_fini(&left);
}

static void unlink_departed(const struct store_departed *departed)
{
	struct store_departed **at = &departed->node->departed;

	while (*at != departed)
		at = &(*at)->next_of_node;
	*at = departed->next_of_node;
}

void store_expire(struct store *store, uint64_t now_ms)
{
	while (store->first_departed && store->first_departed->until_ms <= now_ms) {
		struct store_departed *departed = store->first_departed;

		store->first_departed = departed->next;
		if (!store->first_departed)
			store->last_departed = NULL;
		unlink_departed(departed);
		store_mark_node(store, departed->node);
		free(departed);
	}
}

uint64_t store_expiry_ms(const struct store *store)
{
	return store->first_departed ? store->first_departed->until_ms : UINT64_MAX;
}
