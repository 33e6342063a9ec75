/* SPDX-License-Identifier: Apache-2.0
 *
 * An open hash of rows, which are only ever added. A reader sees a row once its `is_used` is set,
 * which is the last thing that is written.
 */
#include "template_counts.h"

#include <stdbool.h>
#include <string.h>

#include "base/check.h"
#include "base/metrics.h"

#define SLOTS 256 /* a power of two, above TEMPLATE_ROWS_MAX */

struct row {
	bool is_used;
	uint8_t what; /* enum template_count */
	uint64_t n;
	char server[72], zone[256], class[12], type[16], section[12], template[160];
};

struct template_counts {
	size_t n_rows;
	uint64_t others[TEMPLATE_N_COUNTS];
	struct row rows[SLOTS];
};

/* FNV-1a */
static uint32_t hash(uint32_t h, const char *text, size_t max)
{
	for (size_t i = 0; i < max && text[i]; i++)
		h = (h ^ (uint8_t)text[i]) * 16777619u;
	return h * 31;
}

/* Is the row's text the label, as far as it has room for it? */
static bool is_same(const char *text, size_t size, const char *label)
{
	return strncmp(text, label, size - 1) == 0;
}

static bool has_labels(const struct row *row, const struct template_labels *labels)
{
	return row->what == labels->what && is_same(row->zone, sizeof(row->zone), labels->zone) &&
	       is_same(row->type, sizeof(row->type), labels->type) &&
	       is_same(row->server, sizeof(row->server), labels->server) &&
	       is_same(row->class, sizeof(row->class), labels->class) &&
	       is_same(row->section, sizeof(row->section), labels->section) &&
	       is_same(row->template, sizeof(row->template), labels->template);
}

static void set(char *text, size_t size, const char *label)
{
	size_t len = strnlen(label, size - 1);

	memcpy(text, label, len);
	text[len] = '\0';
}

static void fill(struct row *row, const struct template_labels *labels)
{
	row->what = (uint8_t)labels->what;
	set(row->server, sizeof(row->server), labels->server);
	set(row->zone, sizeof(row->zone), labels->zone);
	set(row->class, sizeof(row->class), labels->class);
	set(row->type, sizeof(row->type), labels->type);
	set(row->section, sizeof(row->section), labels->section);
	set(row->template, sizeof(row->template), labels->template);
	__atomic_store_n(&row->is_used, true, __ATOMIC_RELEASE);
}

/* The row with these labels, or the free slot where it would stand. Any thread. */
static const struct row *find(const struct template_counts *counts,
			      const struct template_labels *labels)
{
	uint32_t h = hash(2166136261u + (uint32_t)labels->what, labels->zone,
			  sizeof(((struct row *)0)->zone) - 1);
	const struct row *row;

	h = hash(h, labels->type, sizeof(row->type) - 1);
	h = hash(h, labels->template, sizeof(row->template) - 1);
	h ^= h >> 15;
	for (;; h++) {
		row = &counts->rows[h % SLOTS];
		if (!__atomic_load_n(&row->is_used, __ATOMIC_ACQUIRE) || has_labels(row, labels))
			return row;
	}
}

void template_counts_add(struct template_counts **counts, const struct template_labels *labels)
{
	struct template_counts *mine = *counts;
	struct row *row;

	if (UNLIKELY(!mine)) {
		mine = mem_zalloc(sizeof(*mine));
		__atomic_store_n(counts, mine, __ATOMIC_RELEASE);
	}
	/* Only the worker's own rows are found here, and they are its to change. */
	row = (struct row *)(uintptr_t)find(mine, labels);
	if (UNLIKELY(!row->is_used)) {
		if (mine->n_rows == TEMPLATE_ROWS_MAX) {
			counter_add(&mine->others[labels->what], 1);
			return;
		}
		mine->n_rows++;
		fill(row, labels);
	}
	counter_add(&row->n, 1);
}

void template_counts_free(struct template_counts *counts)
{
	free(counts);
}

/* ---- the page ---- */

static struct template_labels labels_of(const struct row *row)
{
	return (struct template_labels){(enum template_count)row->what,
					row->server,
					row->zone,
					row->class,
					row->type,
					row->section,
					row->template};
}

static void write_sample(struct text *page, const char *name, const struct template_labels *of,
			 uint64_t n)
{
	const struct metrics_label labels[] = {
		{"server", of->server},	   {"zone", of->zone}, {"view", ""},
		{"class", of->class},	   {"type", of->type}, {"section", of->section},
		{"template", of->template}};

	metrics_sample(page, name, labels, of->what == TEMPLATE_COUNT_MATCHES ? 5 : 7, (double)n);
}

/* The row at slot `at` of all workers', summed over them, where its worker is the first that has
 * it. */
static void write_row(struct text *page, const char *name, struct template_counts *const *counts,
		      size_t n, size_t at)
{
	size_t first = at / SLOTS;
	struct template_labels labels = labels_of(&counts[first]->rows[at % SLOTS]);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *same = counts[i] ? find(counts[i], &labels) : NULL;

		if (!same || !__atomic_load_n(&same->is_used, __ATOMIC_ACQUIRE))
			continue;
		if (i < first)
			return;
		sum += counter_read(&same->n);
	}
	write_sample(page, name, &labels, sum);
}

static void write_others(struct text *page, const char *name, enum template_count what,
			 struct template_counts *const *counts, size_t n)
{
	const struct template_labels labels = {what, "", "other", "other", "other", "", ""};
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += counts[i] ? counter_read(&counts[i]->others[what]) : 0;
	if (sum > 0)
		write_sample(page, name, &labels, sum);
}

void template_counts_write(struct template_counts *const *counts, size_t n, struct text *page)
{
	static const struct {
		const char *name, *help;
	} families[TEMPLATE_N_COUNTS] = {
		{"coredns_template_matches_total", "Counter of template regex matches."},
		{"coredns_template_template_failures_total", "Counter of go template failures."},
		{"coredns_template_rr_failures_total", "Counter of mis-templated RRs."},
	};

	for (size_t what = 0; what < TEMPLATE_N_COUNTS; what++) {
		metrics_family(page, families[what].name, "counter", families[what].help);
		for (size_t i = 0; i < n * SLOTS; i++) {
			const struct template_counts *from = counts[i / SLOTS];
			const struct row *row = from ? &from->rows[i % SLOTS] : NULL;

			if (row && __atomic_load_n(&row->is_used, __ATOMIC_ACQUIRE) &&
			    row->what == what)
				write_row(page, families[what].name, counts, n, i);
		}
		write_others(page, families[what].name, (enum template_count)what, counts, n);
	}
}
