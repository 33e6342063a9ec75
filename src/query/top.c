/* SPDX-License-Identifier: Apache-2.0
 *
 * Space-saving sketches (Metwally, Agrawal, El Abbadi 2005): ENTRIES counters; a key without one
 * takes that of the least, and its count. So a key that has more than 1/ENTRIES of all is in, and
 * its count is too high by at most the least one. Entries are found by a scan of their tags, which
 * are a keyed hash of 32 bits each: half a kilobyte, a few dozen instructions, and nobody outside
 * can make them collide.
 *
 * At first every query of a second is counted, then one of about SKIP, by chance, for as many: the
 * cost per query goes to nothing where there are many.
 *
 * Two windows run for each of names, clients and names that do not exist. What a reader sees is a
 * copy that the worker makes once a second, under a lock that the worker only tries to take: where
 * a reader has it, the next second will do. A copy is made while the window is older than half its
 * length, or nothing was shown yet, and when it ends; so what is shown is never empty for long.
 */
#include "top.h"

#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/random.h"
#include "dns/address.h"
#include "worker.h"

#define ENTRIES 128
#define KEY_MAX 112	 /* octets of a name that are kept: its end */
#define EXACT_PER_S 1000 /* queries of a second that are all counted */
#define SKIP 64		 /* beyond, one of 1 .. 2 * SKIP - 1 */
#define SHOWN 20	 /* lines of a list */

enum top_kind { TOP_NAMES, TOP_CLIENTS, TOP_MISSING, TOP_N_KINDS };
enum top_window { TOP_SHORT, TOP_LONG, TOP_N_WINDOWS };

static const uint64_t window_ns[TOP_N_WINDOWS] = {10000000000ull, 300000000000ull};
static const char *const window_texts[TOP_N_WINDOWS] = {"10 s", "5 min"};
static const char *const kind_texts[TOP_N_KINDS] = {"names", "clients",
						    "names that do not exist (NXDOMAIN)"};

/* A name's wire octets, or an address's; longer names lose their beginning. */
struct key {
	uint8_t len; /* of octets */
	bool is_cut;
	uint8_t octets[KEY_MAX];
};

struct sketch {
	uint64_t total;	 /* of all counts */
	uint32_t n;	 /* entries in use */
	uint32_t cursor; /* of find_least */
	uint64_t least;
	uint32_t tags[ENTRIES];
	uint64_t counts[ENTRIES];
	struct key keys[ENTRIES];
};

struct window {
	uint64_t start_ns, length_ns; /* length: of what is shown */
	struct sketch sketches[TOP_N_KINDS];
};

struct sketches {
	struct top top;	    /* what the others see */
	uint32_t in_second; /* counted since the last tick */
	struct random random;
	uint64_t seed;
	struct window running[TOP_N_WINDOWS];
	pthread_mutex_t lock; /* of shown */
	struct window shown[TOP_N_WINDOWS];
};

static struct sketches *sketches_of(struct top *top)
{
	return (struct sketches *)(void *)top; /* its first member */
}

struct top *top_new(void)
{
	struct sketches *sketches = mem_zalloc(sizeof(*sketches));

	random_init(&sketches->random);
	sketches->seed = random_next(&sketches->random);
	sketches->top = (struct top){1, 1};
	CHECK(pthread_mutex_init(&sketches->lock, NULL) == 0);
	return &sketches->top;
}

void top_free(struct top *top)
{
	if (!top)
		return;
	pthread_mutex_destroy(&sketches_of(top)->lock);
	free(sketches_of(top));
}

/* ---- counting ---- */

/* Eight tags at once; the compiler has four in one register on amd64 and arm64. */
struct lanes {
	uint32_t tags __attribute__((vector_size(16)));
};

#define LANES 8

/* Is the tag one of these LANES? */
static bool has_tag(const uint32_t *tags, uint32_t tag)
{
	const struct lanes wanted = {{tag, tag, tag, tag}};
	struct lanes found[2];
	uint64_t halves[2];

	memcpy(found, tags, sizeof(found));
	found[0].tags = (found[0].tags == wanted.tags) | (found[1].tags == wanted.tags);
	memcpy(halves, &found[0], sizeof(halves));
	return (halves[0] | halves[1]) != 0;
}

/* Where the tag is; ENTRIES: nowhere. Entries that are not in use yet have the tag 0 and no count.
 */
static size_t find_tag(const struct sketch *sketch, uint32_t tag)
{
	for (size_t i = 0; i < ENTRIES; i += LANES) {
		if (!has_tag(sketch->tags + i, tag))
			continue;
		while (sketch->tags[i] != tag)
			i++;
		return i < sketch->n ? i : ENTRIES;
	}
	return ENTRIES;
}

/* An entry with the least count. Counts only grow, and many have the least one: it is looked for
 * from where the last was found, and computed anew only when none is left. */
static size_t find_least(struct sketch *sketch)
{
	for (size_t k = 0; k < ENTRIES; k++) {
		size_t i = (sketch->cursor + k) % ENTRIES;

		if (sketch->counts[i] == sketch->least) {
			sketch->cursor = (uint32_t)i + 1;
			return i;
		}
	}

	size_t least = 0;

	for (size_t i = 1; i < ENTRIES; i++) {
		if (sketch->counts[i] < sketch->counts[least])
			least = i;
	}
	sketch->least = sketch->counts[least];
	sketch->cursor = (uint32_t)least + 1;
	return least;
}

static bool key_equal(const struct key *a, const struct key *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

/* Tags that are equal by chance make an entry of two keys: once in billions. */
static void add(struct sketch *sketch, const struct key *key, uint32_t tag, uint64_t weight)
{
	size_t i = find_tag(sketch, tag);

	sketch->total += weight;
	if (i == ENTRIES) {
		i = sketch->n < ENTRIES ? sketch->n++ : find_least(sketch);
		sketch->tags[i] = tag;
		sketch->keys[i] = *key;
	}
	sketch->counts[i] += weight;
}

static void add_to_windows(struct sketches *top, enum top_kind kind, const struct key *key,
			   uint64_t hash)
{
	for (size_t i = 0; i < TOP_N_WINDOWS; i++)
		add(&top->running[i].sketches[kind], key, (uint32_t)hash, top->top.weight);
}

static void add_name(struct sketches *top, const struct dns_name *name, bool is_missing)
{
	uint64_t hash = XXH3_64bits_withSeed(name->wire, name->len, top->seed);
	struct key key = {0};
	size_t label = 0;

	while (name->len - name->offsets[label] > KEY_MAX)
		label++;
	key.is_cut = label > 0;
	key.len = (uint8_t)(name->len - name->offsets[label]);
	memcpy(key.octets, name->wire + name->offsets[label], key.len);
	add_to_windows(top, TOP_NAMES, &key, hash);
	if (is_missing)
		add_to_windows(top, TOP_MISSING, &key, hash);
}

static void add_client(struct sketches *top, const struct sockaddr *source)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)source;
	bool is_v6 = source->sa_family == AF_INET6;
	struct key key = {.len = is_v6 ? 16 : 4};

	if (is_v6)
		memcpy(key.octets, &v6->sin6_addr, 16);
	else
		memcpy(key.octets, &v4->sin_addr, 4);
	add_to_windows(top, TOP_CLIENTS, &key,
		       XXH3_64bits_withSeed(key.octets, key.len, top->seed));
}

void top_sample(struct top *top, const struct query_input *input, const struct query_output *output)
{
	struct sketches *sketches = sketches_of(top);
	uint32_t skip = 1;

	/* A question that could not be read has no name. */
	if (output->query.name.len > 0 && output->query.type != 0)
		add_name(sketches, &output->query.name, output->rcode == DNS_RCODE_NXDOMAIN);
	add_client(sketches, input->source);
	if (++sketches->in_second > EXACT_PER_S)
		skip = 1 + random_below(&sketches->random, 2 * SKIP - 1);
	*top = (struct top){skip, skip};
}

/* ---- windows ---- */

static void show(struct sketches *top, size_t i, uint64_t age_ns)
{
	struct window *shown = &top->shown[i];

	memcpy(shown, &top->running[i], sizeof(*shown));
	shown->length_ns = age_ns;
}

static void tick_window(struct sketches *top, size_t i, uint64_t now_ns)
{
	struct window *running = &top->running[i], *shown = &top->shown[i];
	uint64_t age_ns;

	if (running->start_ns == 0)
		running->start_ns = now_ns;
	age_ns = now_ns - running->start_ns;
	if (age_ns >= window_ns[i] / 2 || shown->start_ns == 0 ||
	    shown->start_ns == running->start_ns)
		show(top, i, age_ns);
	if (age_ns >= window_ns[i]) {
		memset(running, 0, sizeof(*running));
		running->start_ns = now_ns;
	}
}

void top_tick(struct top *top, uint64_t now_ns)
{
	struct sketches *sketches = sketches_of(top);

	sketches->in_second = 0;
	if (pthread_mutex_trylock(&sketches->lock) != 0)
		return;
	for (size_t i = 0; i < TOP_N_WINDOWS; i++)
		tick_window(sketches, i, now_ns);
	pthread_mutex_unlock(&sketches->lock);
}

/* ---- reading ---- */

struct line {
	const struct key *key;
	uint64_t count;
};

static int compare_keys(const void *p, const void *q)
{
	const struct key *a = ((const struct line *)p)->key, *b = ((const struct line *)q)->key;

	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->octets, b->octets, a->len);
}

static int compare_counts(const void *p, const void *q)
{
	const struct line *a = p, *b = q;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return compare_keys(p, q);
}

/* The same key of several workers becomes one line; returns how many there are. */
static size_t merge(struct line *lines, size_t n)
{
	size_t n_merged = 0;

	if (n > 0)
		qsort(lines, n, sizeof(*lines), compare_keys);
	for (size_t i = 0; i < n; i++) {
		if (n_merged > 0 && key_equal(lines[n_merged - 1].key, lines[i].key))
			lines[n_merged - 1].count += lines[i].count;
		else
			lines[n_merged++] = lines[i];
	}
	if (n_merged > 0)
		qsort(lines, n_merged, sizeof(*lines), compare_counts);
	return n_merged;
}

static void write_key(struct text *body, const struct key *key, bool is_client)
{
	char text[DNS_NAME_TEXT_MAX];
	struct address address = {.family = key->len == 4 ? ADDRESS_V4 : ADDRESS_V6};

	if (is_client) {
		memcpy(address.bytes, key->octets, key->len);
		address_to_text(&address, text);
	} else {
		dns_name_to_text(key->octets, key->len, text);
	}
	text_printf(body, "%s%s\n", key->is_cut ? "..." : "", text);
}

static void write_list(struct text *body, const struct window *windows, size_t n_windows,
		       enum top_kind kind)
{
	struct line *lines = mem_alloc(n_windows * ENTRIES * sizeof(*lines));
	uint64_t total = 0;
	size_t n = 0;

	for (size_t w = 0; w < n_windows; w++) {
		const struct sketch *sketch = &windows[w].sketches[kind];

		total += sketch->total;
		for (size_t i = 0; i < sketch->n; i++)
			lines[n++] = (struct line){&sketch->keys[i], sketch->counts[i]};
	}
	n = merge(lines, n);
	text_printf(body, "\n%s: %llu queries\n", kind_texts[kind], (unsigned long long)total);
	for (size_t i = 0; i < n && i < SHOWN; i++) {
		text_printf(body, "%10llu %5.1f%%  ", (unsigned long long)lines[i].count,
			    100 * (double)lines[i].count / (double)total);
		write_key(body, lines[i].key, kind == TOP_CLIENTS);
	}
	free(lines);
}

static void write_window(struct text *body, struct top *const *tops, size_t n_tops, size_t window)
{
	struct window *copies = mem_zalloc(n_tops * sizeof(*copies));
	uint64_t length_ns = 0;

	for (size_t i = 0; i < n_tops; i++) {
		struct sketches *from = sketches_of(tops[i]);

		pthread_mutex_lock(&from->lock);
		copies[i] = from->shown[window];
		pthread_mutex_unlock(&from->lock);
		if (copies[i].length_ns > length_ns)
			length_ns = copies[i].length_ns;
	}
	text_printf(body, "%s== of the last %s: a window of %.0f s\n", window > 0 ? "\n" : "",
		    window_texts[window], (double)length_ns / 1e9);
	for (size_t kind = 0; kind < TOP_N_KINDS; kind++)
		write_list(body, copies, n_tops, (enum top_kind)kind);
	free(copies);
}

void top_write(struct top *const *tops, size_t n_tops, struct text *body)
{
	for (size_t i = 0; i < TOP_N_WINDOWS; i++)
		write_window(body, tops, n_tops, i);
}

void query_top_write(struct query_worker *const *workers, size_t n_workers, struct text *body)
{
	struct top **tops = mem_zalloc(n_workers * sizeof(struct top *));

	for (size_t i = 0; i < n_workers; i++)
		tops[i] = workers[i]->top;
	top_write(tops, n_workers, body);
	free(tops);
}
