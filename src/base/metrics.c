/* SPDX-License-Identifier: Apache-2.0
 *
 * The text format as Prometheus' own Go client prints it, so that series keep their identity
 * (le="0.00025") when this server replaces one written in Go; only whole numbers are always printed
 * out in full.
 */
#include "base/metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53 */

/* The shortest digits that read back as the same value, with an exponent below 1e-4 and from 1e6
 * on, as Go does. */
static void put_number(struct text *page, double value)
{
	char number[32] = "";
	int digits = 0;

	if (isnan(value) || isinf(value)) {
		text_puts(page, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	while (digits < 17) {
		snprintf(number, sizeof(number), "%.*e", digits++, value);
		if (strtod(number, NULL) == value)
			break;
	}

	int exponent = atoi(strchr(number, 'e') + 1);

	if (exponent < -4 || exponent >= 6)
		text_puts(page, number);
	else
		text_printf(page, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, value);
}

static void put_value(struct text *page, double value)
{
	if (value >= -EXACT_MAX && value <= EXACT_MAX && value == (double)(int64_t)value)
		text_printf(page, "%.0f", value);
	else
		put_number(page, value);
}

/* Length of the UTF-8 sequence (RFC 3629, section 4) at s, which ends in NUL; 0 when it is none. */
static size_t utf8_len(const unsigned char *s)
{
	unsigned least = 0x80, most = 0xbf; /* of the second byte */
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	if (len < 2)
		return len;
	if (s[0] == 0xe0)
		least = 0xa0;
	else if (s[0] == 0xed)
		most = 0x9f;
	else if (s[0] == 0xf0)
		least = 0x90;
	else if (s[0] == 0xf4)
		most = 0x8f;
	if (s[1] < least || s[1] > most)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	}
	return len;
}

static void put_label_value(struct text *page, const char *value)
{
	while (*value) {
		size_t len = utf8_len((const unsigned char *)value);

		if (len == 0)
			text_puts(page, "\xef\xbf\xbd"); /* U+FFFD */
		else if (*value == '\n')
			text_puts(page, "\\n");
		else if (*value == '\\' || *value == '"')
			text_printf(page, "\\%c", *value);
		else
			text_append(page, value, len);
		value += len ? len : 1;
	}
}

static void put_labels(struct text *page, const struct metrics_label *labels, size_t n_labels)
{
	for (size_t i = 0; i < n_labels; i++) {
		text_printf(page, "%s%s=\"", i ? "," : "", labels[i].name);
		put_label_value(page, labels[i].value);
		text_puts(page, "\"");
	}
}

/* name + suffix, and the labels in braces if there are any. */
static void put_series(struct text *page, const char *name, const char *suffix,
		       const struct metrics_label *labels, size_t n_labels)
{
	text_printf(page, "%s%s%s", name, suffix, n_labels ? "{" : "");
	put_labels(page, labels, n_labels);
	text_puts(page, n_labels ? "} " : " ");
}

void metrics_family(struct text *page, const char *name, const char *type, const char *help)
{
	text_printf(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_sample(struct text *page, const char *name, const struct metrics_label *labels,
		    size_t n_labels, double value)
{
	put_series(page, name, "", labels, n_labels);
	put_value(page, value);
	text_puts(page, "\n");
}

void metrics_histogram(struct text *page, const struct metrics_histogram_in *in,
		       const struct histogram *histogram)
{
	const struct histogram_bounds *bounds = in->bounds;
	uint64_t count = 0;

	for (size_t i = 0; i <= bounds->n; i++) {
		count += histogram->counts[i];
		text_printf(page, "%s_bucket{", in->name);
		put_labels(page, in->labels, in->n_labels);
		text_puts(page, in->n_labels ? ",le=\"" : "le=\"");
		put_number(page, i < bounds->n ? (double)bounds->le[i] / in->unit : INFINITY);
		text_printf(page, "\"} %llu\n", (unsigned long long)count);
	}
	put_series(page, in->name, "_sum", in->labels, in->n_labels);
	put_value(page, (double)histogram->sum / in->unit);
	text_puts(page, "\n");
	put_series(page, in->name, "_count", in->labels, in->n_labels);
	text_printf(page, "%llu\n", (unsigned long long)count);
}
