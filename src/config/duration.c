/* SPDX-License-Identifier: Apache-2.0
 *
 * Durations as Go's time.ParseDuration reads them, but for signs.
 */
#include <string.h>

#include "directive.h"

struct duration_unit {
	const char *name;
	double ms;
};

/* The unit at the head of text; its length goes to *len. */
static double read_unit(const char *text, size_t *len)
{
	static const struct duration_unit units[] = {
		{"ns", 1e-6}, {"us", 1e-3},	 {"\xc2\xb5s", 1e-3}, {"\xce\xbcs", 1e-3},
		{"ms", 1},    {"h", 3600 * 1e3}, {"m", 60e3},	      {"s", 1e3},
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		*len = strlen(units[i].name);
		if (strncmp(text, units[i].name, *len) == 0)
			return units[i].ms;
	}
	return -1;
}

/* A duration as Go writes it: 5s, 1m30s, 1.5h, 300ms, 0. Negative when it is none. */
static double read_duration(const char *text)
{
	double total = 0;

	if (strcmp(text, "0") == 0)
		return 0;
	if (!*text)
		return -1;
	while (*text) {
		size_t digits = strspn(text, "0123456789."), unit_len;
		char number[32], *end;

		if (digits == 0 || digits >= sizeof(number))
			return -1;
		memcpy(number, text, digits);
		number[digits] = '\0';

		double value = strtod(number, &end);
		double unit = read_unit(text + digits, &unit_len);

		if (end == number || *end || unit < 0)
			return -1;
		total += value * unit;
		text += digits + unit_len;
	}
	return total;
}

bool duration_read(struct draft *draft, const struct statement *statement, uint64_t *ms)
{
	const struct token *word = &statement->words[1];
	double total = read_duration(word->text);

	if (total < 0 || total > (double)DURATION_MAX_MS) {
		problem_at(&draft->problems, word,
			   "\"%s\" is not a duration of at most a day, as in 5s or 1m30s",
			   word->text);
		return false;
	}
	*ms = (uint64_t)total;
	return true;
}

bool word_duration(struct draft *draft, const char *owner, const struct token *word,
		   uint64_t max_ms, uint64_t *ms)
{
	double total = read_duration(word->text);

	if (total < 0 || total > (double)max_ms) {
		problem_at(&draft->problems, word,
			   "%s: \"%s\" is not a duration of at most %llus, as in 5s or 1m30s",
			   owner, word->text, (unsigned long long)max_ms / 1000);
		return false;
	}
	*ms = (uint64_t)total;
	return true;
}

bool config_duration(const char *text, uint64_t *ms)
{
	double total = read_duration(text);

	if (total < 0 || total > (double)UINT32_MAX)
		return false;
	*ms = (uint64_t)total;
	return true;
}
