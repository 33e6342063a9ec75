/* SPDX-License-Identifier: Apache-2.0
 *
 * Label selectors: whatever the text, the parser either refuses it with a reason, or gives a
 * selector of which exactly one of "matches" and "does not match" holds for any labels, the same
 * each time.
 */
#include "../../src/kube/selector.h"

#include <string.h>

#include "kube/kube.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct selector_label labels[] = {{"app", "web"}, {"tier", ""}};
	struct kube_selector *selector = NULL;
	struct text why = {0};
	char *text = mem_alloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (kube_selector_parse(&selector, text, &why) == 0) {
		CHECK(selector && why.len == 0);

		bool once = selector_matches(selector, labels, ARRAY_LEN(labels));

		CHECK(selector_matches(selector, labels, ARRAY_LEN(labels)) == once);
		(void)selector_matches(selector, NULL, 0);
	} else {
		CHECK(!selector && why.len > 0);
	}
	kube_selector_free(selector);
	text_fini(&why);
	free(text);
	return 0;
}
