/* SPDX-License-Identifier: Apache-2.0
 *
 * A template and a name: the template's text up to the first newline, then the name. Whatever the
 * text, it is refused with a reason, or expanded within its bounds, the same each time, or fails
 * with a reason; what it expands to may be any text for the parser of records.
 */
#include "query/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct regex_scratch *scratch;

static void expand(const struct template_text *text, const struct regex *regex, const char *name)
{
	static struct template_buffer buffer, again;
	static struct dns_rr rr;
	struct template_data data = {.zone = "test.",
				     .name = name,
				     .spelled = name,
				     .class = "IN",
				     .type = "A",
				     .remote = "192.0.2.1",
				     .id = 7,
				     .flags = DNS_FLAG_RD,
				     .qtype = DNS_TYPE_A,
				     .qclass = DNS_CLASS_IN};
	struct dns_rr_error error;
	const char *why;

	if (regex_match(regex, scratch, name, strlen(name), &data.match) == REGEX_YES)
		data.regex = regex;
	why = template_text_expand(text, &data, &buffer);
	CHECK(template_text_expand(text, &data, &again) == why);
	CHECK(buffer.len <= TEMPLATE_TEXT_MAX && buffer.text[buffer.len] == '\0');
	CHECK(buffer.len == again.len && memcmp(buffer.text, again.text, buffer.len) == 0);
	if (!why && dns_rr_from_text(&rr, buffer.text, buffer.len, &error) != 0)
		CHECK(error.what && error.at + error.len <= buffer.len);
	if (template_text_is_constant(text))
		CHECK(!why && !template_text_has_branches(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char expression[] = "^(?P<a>[^.]*)[.](?P<b>.*)$";
	const uint8_t *newline = memchr(data, '\n', size);
	size_t len = newline ? (size_t)(newline - data) : size;
	const struct template_text *text = NULL;
	const struct regex *regex = NULL;
	struct arena arena = {0};
	struct text why = {0};
	char *source = arena_strndup(&arena, (const char *)data, len);
	char *name = newline ? arena_strndup(&arena, (const char *)newline + 1, size - len - 1)
			     : arena_strndup(&arena, "a.b.", 4);

	if (!scratch)
		scratch = regex_scratch_new();
	CHECK(regex_compile(&regex, &arena, expression, sizeof(expression) - 1, &why) == 0);
	if (template_text_compile(&text, &arena, source, &why) == 0) {
		CHECK(text && why.len == 0);
		(void)template_text_lacks(text, &regex, 1);
		expand(text, regex, name);
	} else {
		CHECK(!text && why.len > 0);
	}
	text_fini(&why);
	arena_fini(&arena);
	return 0;
}
