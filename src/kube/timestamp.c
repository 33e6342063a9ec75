/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 3339 5.6.
 */
#include "timestamp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Two digits at text, or -1. */
static int two_digits(const char *text)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -1;
	return (text[0] - '0') * 10 + (text[1] - '0');
}

/* ".123456": milliseconds; *text moves behind it. */
static int64_t take_fraction(const char **text)
{
	int64_t ms = 0;
	int64_t unit = 100;

	if (**text != '.')
		return 0;
	for ((*text)++; **text >= '0' && **text <= '9'; (*text)++) {
		ms += (**text - '0') * unit;
		unit /= 10;
	}
	return ms;
}

/* "Z", "+02:00": false if it is neither and the text's end. */
static bool take_zone(const char *text, int64_t *offset_s)
{
	*offset_s = 0;
	if (strcmp(text, "Z") == 0)
		return true;
	if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':')
		return false;

	int hours = two_digits(text + 1);
	int minutes = two_digits(text + 4);

	*offset_s = (text[0] == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return hours >= 0 && minutes >= 0;
}

int timestamp_from_text(uint64_t *unix_ms, const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t offset_s;

	if (!rest)
		return -EINVAL;

	int64_t ms = take_fraction(&rest);

	if (!take_zone(rest, &offset_s))
		return -EINVAL;
	ms += ((int64_t)timegm(&tm) - offset_s) * 1000;
	if (ms < 0)
		return -EINVAL;
	*unix_ms = (uint64_t)ms;
	return 0;
}
