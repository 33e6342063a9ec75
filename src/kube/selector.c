/* SPDX-License-Identifier: Apache-2.0
 *
 * Label selectors in kubectl's syntax (k8s.io/apimachinery/pkg/labels, without < and >):
 * requirements with commas between them, all of which must hold. An empty selector has none and
 * matches everything.
 *
 *     app=web   app==web   app!=web   app in (a, b)   app notin (a)   app   !app
 *
 * The parser is a cursor over the text with a sticky error; the first fault is told by what was
 * found and what was expected.
 */
#include "selector.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "kube/kube.h"

#define SELECTOR_REQUIREMENTS_MAX 256
#define SELECTOR_VALUES_MAX 1024
#define LABEL_PART_MAX 63
#define LABEL_PREFIX_MAX 253

enum relation { RELATION_IN, RELATION_NOT_IN, RELATION_EXISTS, RELATION_MISSING };

struct requirement {
	char *key; /* owned */
	enum relation relation;
	ARRAY(char *) values; /* owned; for IN and NOT_IN at least one */
};

struct kube_selector {
	ARRAY(struct requirement) requirements;
};

struct parser {
	const char *text;
	const char *at;
	struct text *why;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void fail(struct parser *parser, const char *format,
						       ...)
{
	va_list args;

	if (parser->failed)
		return;
	parser->failed = true;
	va_start(args, format);
	text_vprintf(parser->why, format, args);
	va_end(args);
}

/* Tells what stands at the cursor in place of what was expected. */
static void fail_expected(struct parser *parser, const char *expected)
{
	if (*parser->at == '\0')
		fail(parser, "expected %s at the end", expected);
	else
		fail(parser, "expected %s at \"%.20s\"", expected, parser->at);
}

static void skip_space(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t\r\n");
}

/* Takes the character c, with space around it, if it is next. */
static bool take(struct parser *parser, char c)
{
	skip_space(parser);
	if (parser->failed || *parser->at != c)
		return false;
	parser->at++;
	skip_space(parser);
	return true;
}

/* The next word: what is neither space nor an operator. May be empty. The caller frees. */
static char *take_word(struct parser *parser)
{
	skip_space(parser);

	size_t len = strcspn(parser->at, " \t\r\n=!,()<>");
	char *word = mem_alloc(len + 1);

	memcpy(word, parser->at, len);
	word[len] = '\0';
	parser->at += len;
	skip_space(parser);
	return word;
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The name part of a key, or a value that is not empty. */
static bool is_label_part(const char *text, size_t len)
{
	if (len == 0 || len > LABEL_PART_MAX)
		return false;
	if (!is_alphanumeric(text[0]) || !is_alphanumeric(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alphanumeric(text[i]) && !strchr("-_.", text[i]))
			return false;
	}
	return true;
}

/* "app", "app.kubernetes.io/name": an optional DNS subdomain before the slash. */
static bool is_label_key(const char *key)
{
	const char *slash = strchr(key, '/');
	const char *label = key;

	if (!slash)
		return is_label_part(key, strlen(key));
	if (slash - key > LABEL_PREFIX_MAX)
		return false;
	while (label <= slash) {
		size_t len = strcspn(label, "./");

		if (!dns_label_is_1123(label, len))
			return false;
		label += len + 1;
	}
	return is_label_part(slash + 1, strlen(slash + 1));
}

static void parse_value(struct parser *parser, struct requirement *requirement)
{
	char *value = take_word(parser);

	ARRAY_PUSH(&requirement->values, value);
	if (*value && !is_label_part(value, strlen(value)))
		fail(parser, "\"%.100s\" is not a label value", value);
	if (requirement->values.len > SELECTOR_VALUES_MAX)
		fail(parser, "more than %d values", SELECTOR_VALUES_MAX);
}

static void parse_values(struct parser *parser, struct requirement *requirement)
{
	if (!take(parser, '('))
		fail_expected(parser, "( after in or notin");
	if (*parser->at == ')')
		fail_expected(parser, "a value");
	do
		parse_value(parser, requirement);
	while (take(parser, ','));
	if (!take(parser, ')'))
		fail_expected(parser, ", or ) in a list of values");
}

static void parse_word_operator(struct parser *parser, struct requirement *requirement)
{
	const char *start = parser->at;
	char *word = take_word(parser);

	requirement->relation = strcmp(word, "in") == 0 ? RELATION_IN : RELATION_NOT_IN;
	if (strcmp(word, "in") != 0 && strcmp(word, "notin") != 0) {
		parser->at = start;
		fail_expected(parser, "one of = == != in notin or a comma");
	} else {
		parse_values(parser, requirement);
	}
	free(word);
}

static void parse_operator(struct parser *parser, struct requirement *requirement)
{
	if (*parser->at == '\0' || *parser->at == ',') {
		requirement->relation = RELATION_EXISTS;
	} else if (take(parser, '=')) {
		if (*parser->at == '=')
			parser->at++;
		requirement->relation = RELATION_IN;
		parse_value(parser, requirement);
	} else if (*parser->at == '!' && parser->at[1] == '=') {
		parser->at += 2;
		requirement->relation = RELATION_NOT_IN;
		parse_value(parser, requirement);
	} else {
		parse_word_operator(parser, requirement);
	}
}

static void parse_requirement(struct parser *parser, struct requirement *requirement)
{
	bool is_missing = take(parser, '!');
	const char *start = parser->at;

	requirement->key = take_word(parser);
	if (!*requirement->key) {
		fail_expected(parser, "a label key");
	} else if (!is_label_key(requirement->key)) {
		parser->at = start;
		fail(parser, "\"%.100s\" is not a label key", requirement->key);
	}
	if (parser->failed)
		return;
	if (is_missing)
		requirement->relation = RELATION_MISSING;
	else
		parse_operator(parser, requirement);
}

static void parse_requirements(struct parser *parser, struct kube_selector *selector)
{
	do {
		ARRAY_PUSH(&selector->requirements, ((struct requirement){0}));
		parse_requirement(parser,
				  &selector->requirements.items[selector->requirements.len - 1]);
		if (selector->requirements.len > SELECTOR_REQUIREMENTS_MAX)
			fail(parser, "more than %d requirements", SELECTOR_REQUIREMENTS_MAX);
	} while (take(parser, ','));
	if (*parser->at)
		fail_expected(parser, "a comma");
}

int kube_selector_parse(struct kube_selector **selector, const char *text, struct text *why)
{
	struct parser parser = {.text = text, .at = text, .why = why};
	struct kube_selector *parsed = mem_zalloc(sizeof(*parsed));

	skip_space(&parser);
	if (*parser.at)
		parse_requirements(&parser, parsed);
	if (parser.failed) {
		kube_selector_free(parsed);
		return -EINVAL;
	}
	*selector = parsed;
	return 0;
}

void kube_selector_free(struct kube_selector *selector)
{
	if (!selector)
		return;
	for (size_t i = 0; i < selector->requirements.len; i++) {
		struct requirement *requirement = &selector->requirements.items[i];

		for (size_t j = 0; j < requirement->values.len; j++)
			free(requirement->values.items[j]);
		ARRAY_FINI(&requirement->values);
		free(requirement->key);
	}
	ARRAY_FINI(&selector->requirements);
	free(selector);
}

static bool has_value(const struct requirement *requirement, const char *value)
{
	for (size_t i = 0; i < requirement->values.len; i++) {
		if (strcmp(requirement->values.items[i], value) == 0)
			return true;
	}
	return false;
}

static bool requirement_holds(const struct requirement *requirement, const char *value)
{
	switch (requirement->relation) {
	case RELATION_IN:
		return value && has_value(requirement, value);
	case RELATION_NOT_IN:
		return !value || !has_value(requirement, value);
	case RELATION_EXISTS:
		return value;
	case RELATION_MISSING:
		return !value;
	}
	return false;
}

bool selector_matches(const struct kube_selector *selector, const struct selector_label *labels,
		      size_t n_labels)
{
	for (size_t i = 0; selector && i < selector->requirements.len; i++) {
		const struct requirement *requirement = &selector->requirements.items[i];
		const char *value = NULL;

		for (size_t j = 0; j < n_labels; j++) {
			if (strcmp(labels[j].key, requirement->key) == 0)
				value = labels[j].value;
		}
		if (!requirement_holds(requirement, value))
			return false;
	}
	return true;
}
