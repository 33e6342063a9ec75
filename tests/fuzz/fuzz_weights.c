/* SPDX-License-Identifier: Apache-2.0
 *
 * A weight file of any bytes: it is refused with a line and a reason, or every name that its words
 * spell has weights from 1 to 255.
 */
#include <stdint.h>

#include "../../src/query/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	uint32_t name_number = WEIGHTS_NO_NAME;
	struct text why = {0};
	struct weights *weights;

	if (size > WEIGHTS_FILE_MAX)
		return 0;
	weights = weights_build(at, size, &why);
	CHECK(!weights == (why.len > 0));
	while (weights && at < end) {
		size_t len = 0;
		struct address address;
		struct dns_name name;

		while (at + len < end && (unsigned char)at[len] > ' ')
			len++;
		if (address_from_text(&address, at, len) == 0) {
			uint32_t weight = weights_find(weights, name_number, &address);

			CHECK(weight >= 1 && weight <= 255);
		} else if (dns_name_from_text(&name, at, len) == 0) {
			name_number = weights_find_name(weights, &name);
		}
		at += len + 1;
	}
	weights_free(weights);
	text_fini(&why);
	return 0;
}
