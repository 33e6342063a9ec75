/* SPDX-License-Identifier: Apache-2.0
 *
 * Descends through libyaml's events by tables of keys, and skips what they do not name. The first
 * error is sticky: from then on every event is YAML_NO_EVENT, which ends every loop.
 *
 * libyaml's own buffers are freed without being overwritten; it has no call for that.
 */
#include "kubeconfig_tree.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

enum field_kind {
	FIELD_WORD,	/* a line of text */
	FIELD_DATA,	/* text of any length and form */
	FIELD_PRESENCE, /* whatever it is, it is only asked for being there */
};

struct field {
	const char *name;
	enum field_kind kind;
};

static const struct field cluster_fields[] = {
	[CLUSTER_SERVER] = {"server", FIELD_WORD},
	[CLUSTER_CA] = {"certificate-authority", FIELD_WORD},
	[CLUSTER_CA_DATA] = {"certificate-authority-data", FIELD_DATA},
	[CLUSTER_INSECURE] = {"insecure-skip-tls-verify", FIELD_WORD},
	[CLUSTER_TLS_SERVER_NAME] = {"tls-server-name", FIELD_WORD},
	[CLUSTER_PROXY_URL] = {"proxy-url", FIELD_WORD},
};

static const struct field context_fields[] = {
	[CONTEXT_CLUSTER] = {"cluster", FIELD_WORD},
	[CONTEXT_USER] = {"user", FIELD_WORD},
};

static const struct field user_fields[] = {
	[USER_CERT] = {"client-certificate", FIELD_WORD},
	[USER_CERT_DATA] = {"client-certificate-data", FIELD_DATA},
	[USER_KEY] = {"client-key", FIELD_WORD},
	[USER_KEY_DATA] = {"client-key-data", FIELD_DATA},
	[USER_TOKEN] = {"token", FIELD_DATA},
	[USER_TOKEN_FILE] = {"tokenFile", FIELD_WORD},
	[USER_USERNAME] = {"username", FIELD_WORD},
	[USER_PASSWORD] = {"password", FIELD_WORD},
	[USER_EXEC] = {"exec", FIELD_PRESENCE},
	[USER_AUTH_PROVIDER] = {"auth-provider", FIELD_PRESENCE},
	[USER_AS] = {"as", FIELD_PRESENCE},
	[USER_AS_UID] = {"as-uid", FIELD_PRESENCE},
	[USER_AS_GROUPS] = {"as-groups", FIELD_PRESENCE},
	[USER_AS_USER_EXTRA] = {"as-user-extra", FIELD_PRESENCE},
};

static const struct {
	const char *name, *inner; /* "clusters" is a list of {name, "cluster"} */
	const struct field *fields;
	unsigned n_fields;
} lists[KUBECONFIG_LISTS] = {
	[KUBECONFIG_CLUSTERS] = {"clusters", "cluster", cluster_fields, ARRAY_LEN(cluster_fields)},
	[KUBECONFIG_CONTEXTS] = {"contexts", "context", context_fields, ARRAY_LEN(context_fields)},
	[KUBECONFIG_USERS] = {"users", "user", user_fields, ARRAY_LEN(user_fields)},
};

struct reading {
	struct kubeconfig_tree *tree;
	yaml_parser_t parser;
	yaml_event_t event; /* the one at hand */
	unsigned depth;
	bool is_failed;
	struct text *why;
};

/* ---- events ---- */

static void drop_event(struct reading *reading)
{
	if (reading->event.type == YAML_SCALAR_EVENT)
		explicit_bzero(reading->event.data.scalar.value, reading->event.data.scalar.length);
	yaml_event_delete(&reading->event); /* zeroes it: YAML_NO_EVENT */
}

static void fail_at(struct reading *reading, size_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The line counts from 1. */
static void fail_at(struct reading *reading, size_t line, const char *format, ...)
{
	va_list args;

	if (!reading->is_failed) {
		text_printf(reading->why, "line %zu: ", line);
		va_start(args, format);
		text_vprintf(reading->why, format, args);
		va_end(args);
	}
	reading->is_failed = true;
	drop_event(reading);
}

static size_t line_of(const struct reading *reading)
{
	return reading->event.start_mark.line + 1;
}

/* Where libyaml gave up. */
static void fail_syntax(struct reading *reading)
{
	const yaml_parser_t *parser = &reading->parser;
	const char *problem = parser->problem ? parser->problem : "this is no YAML";
	const yaml_mark_t *mark =
		parser->error == YAML_READER_ERROR ? &parser->mark : &parser->problem_mark;

	CHECK(parser->error != YAML_MEMORY_ERROR);
	if (parser->context)
		fail_at(reading, mark->line + 1, "%s, %s", parser->context, problem);
	else
		fail_at(reading, mark->line + 1, "%s", problem);
}

/* The next event's type; YAML_NO_EVENT after a failure. */
static yaml_event_type_t next(struct reading *reading)
{
	drop_event(reading);
	if (reading->is_failed)
		return YAML_NO_EVENT;
	if (!yaml_parser_parse(&reading->parser, &reading->event)) {
		fail_syntax(reading);
		return YAML_NO_EVENT;
	}

	yaml_event_type_t type = reading->event.type;

	if (type == YAML_ALIAS_EVENT)
		fail_at(reading, line_of(reading),
			"an alias is not followed: write out what it stands for");
	else if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
		reading->depth++;
	else if (type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT)
		reading->depth--;
	if (reading->depth > KUBECONFIG_DEPTH_MAX)
		fail_at(reading, line_of(reading), "nested deeper than %d levels",
			KUBECONFIG_DEPTH_MAX);
	return reading->event.type;
}

/* Of the value at hand, to its last event; returns whether it was an empty collection. */
static bool skip(struct reading *reading)
{
	yaml_event_type_t type = reading->event.type;
	unsigned outer = reading->depth - 1;

	if (type != YAML_MAPPING_START_EVENT && type != YAML_SEQUENCE_START_EVENT)
		return false;
	next(reading);

	bool is_empty = reading->depth == outer;

	while (reading->depth > outer && !reading->is_failed)
		next(reading);
	return is_empty;
}

/* null, in one of its forms, or nothing. */
static bool is_null(const yaml_event_t *event)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (event->type != YAML_SCALAR_EVENT)
		return false;
	if (event->data.scalar.length == 0)
		return true;
	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++) {
		if (strcmp((const char *)event->data.scalar.value, nulls[i]) == 0)
			return true;
	}
	return false;
}

/* ---- values ---- */

static bool has_control(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < ' ' || bytes[i] == 0x7f)
			return true;
	}
	return false;
}

/* The scalar at hand. */
static void take_scalar(struct reading *reading, const struct field *field,
			struct kubeconfig_value *value)
{
	const uint8_t *bytes = reading->event.data.scalar.value;
	size_t len = reading->event.data.scalar.length;

	if (is_null(&reading->event))
		return;
	if (field->kind == FIELD_WORD && len > KUBECONFIG_WORD_MAX)
		fail_at(reading, value->line, "\"%s\" is longer than %d bytes", field->name,
			KUBECONFIG_WORD_MAX);
	else if (field->kind == FIELD_WORD ? has_control(bytes, len)
					   : memchr(bytes, '\0', len) != NULL)
		fail_at(reading, value->line, "\"%s\" has a control character in it", field->name);
	else
		value->text = blob_copy(bytes, len);
}

/* The value that follows the key of this field. */
static void read_value(struct reading *reading, const struct field *field,
		       struct kubeconfig_value *value)
{
	size_t line = line_of(reading); /* the key's */
	yaml_event_type_t type = next(reading);

	if (type == YAML_NO_EVENT)
		return;
	if (value->line != 0) {
		fail_at(reading, line, "\"%s\" stands at line %u already", field->name,
			value->line);
		return;
	}
	value->line = (unsigned)line;
	if (field->kind == FIELD_PRESENCE) {
		if (!is_null(&reading->event) && !skip(reading))
			value->text = blob_copy("...", 3);
	} else if (type == YAML_SCALAR_EVENT) {
		take_scalar(reading, field, value);
	} else {
		fail_at(reading, line, "\"%s\" is no text", field->name);
	}
}

/* Is the value at hand the start of this kind of collection? Null is taken for an empty one. */
static bool enter(struct reading *reading, yaml_event_type_t type, const char *what)
{
	if (reading->event.type == type)
		return true;
	if (!reading->is_failed && !is_null(&reading->event))
		fail_at(reading, line_of(reading), "\"%s\" is no %s", what,
			type == YAML_MAPPING_START_EVENT ? "mapping" : "list");
	return false;
}

/* The key of a mapping that was entered, to which `next` goes; false at its end. */
static bool next_key(struct reading *reading)
{
	yaml_event_type_t type = next(reading);

	if (type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT)
		fail_at(reading, line_of(reading), "a key is no text");
	return reading->event.type == YAML_SCALAR_EVENT;
}

static bool is_key(const struct reading *reading, const char *name)
{
	size_t len = strlen(name);

	return reading->event.data.scalar.length == len &&
	       memcmp(reading->event.data.scalar.value, name, len) == 0;
}

static void skip_value(struct reading *reading)
{
	next(reading);
	skip(reading);
}

/* ---- the file ---- */

/* The inner mapping of an entry, after its key. */
static void read_fields(struct reading *reading, enum kubeconfig_list list,
			struct kubeconfig_entry *entry)
{
	next(reading);
	if (!enter(reading, YAML_MAPPING_START_EVENT, lists[list].inner))
		return;
	while (next_key(reading)) {
		unsigned i = 0;

		while (i < lists[list].n_fields && !is_key(reading, lists[list].fields[i].name))
			i++;
		if (i < lists[list].n_fields)
			read_value(reading, &lists[list].fields[i], &entry->fields[i]);
		else
			skip_value(reading);
	}
}

/* An entry's name is there, and no other entry's. */
static void check_name(struct reading *reading, enum kubeconfig_list list,
		       const struct kubeconfig_entry *entry, size_t line)
{
	const char *name = (const char *)entry->name.text.bytes;
	const struct kubeconfig_entry *first = NULL;

	if (name)
		first = kubeconfig_find(reading->tree, list, name);
	if (!name)
		fail_at(reading, line, "\"%s\" has an entry without a name", lists[list].name);
	else if (first != entry)
		fail_at(reading, line, "the %s \"%s\" stands at line %u already", lists[list].inner,
			name, first->name.line);
}

/* The entry whose mapping is at hand. */
static void read_entry(struct reading *reading, enum kubeconfig_list list)
{
	static const struct field name = {"name", FIELD_WORD};
	size_t line = line_of(reading), n = reading->tree->lists[list].len;
	struct kubeconfig_entry *entry;
	bool has_inner = false;

	if (!enter(reading, YAML_MAPPING_START_EVENT, lists[list].inner))
		return;
	if (n == KUBECONFIG_ENTRIES_MAX) {
		fail_at(reading, line, "more than %d %s", KUBECONFIG_ENTRIES_MAX, lists[list].name);
		return;
	}
	ARRAY_PUSH(&reading->tree->lists[list], (struct kubeconfig_entry){0});
	entry = &reading->tree->lists[list].items[n];
	while (next_key(reading)) {
		if (is_key(reading, "name")) {
			read_value(reading, &name, &entry->name);
		} else if (!is_key(reading, lists[list].inner)) {
			skip_value(reading);
		} else if (has_inner) {
			fail_at(reading, line_of(reading), "\"%s\" is given twice",
				lists[list].inner);
		} else {
			has_inner = true;
			read_fields(reading, list, entry);
		}
	}
	if (!reading->is_failed)
		check_name(reading, list, entry, line);
}

static void read_list(struct reading *reading, enum kubeconfig_list list)
{
	size_t line = line_of(reading);

	next(reading);
	if (reading->tree->lists[list].len > 0)
		fail_at(reading, line, "\"%s\" is given twice", lists[list].name);
	if (!enter(reading, YAML_SEQUENCE_START_EVENT, lists[list].name))
		return;
	while (next(reading) != YAML_SEQUENCE_END_EVENT && !reading->is_failed)
		read_entry(reading, list);
}

/* The mapping of the file. */
static void read_top(struct reading *reading)
{
	static const struct field current = {"current-context", FIELD_WORD};

	while (next_key(reading)) {
		unsigned list = 0;

		while (list < KUBECONFIG_LISTS && !is_key(reading, lists[list].name))
			list++;
		if (list < KUBECONFIG_LISTS)
			read_list(reading, (enum kubeconfig_list)list);
		else if (is_key(reading, current.name))
			read_value(reading, &current, &reading->tree->current_context);
		else
			skip_value(reading);
	}
}

int kubeconfig_tree_read(struct kubeconfig_tree *tree, const struct blob *file, struct text *why)
{
	struct reading reading = {.tree = tree, .why = why};

	CHECK(yaml_parser_initialize(&reading.parser) != 0); /* memory */
	yaml_parser_set_input_string(&reading.parser,
				     file->len > 0 ? file->bytes : (const uint8_t *)"", file->len);
	next(&reading); /* the stream's start */
	if (next(&reading) == YAML_STREAM_END_EVENT)
		fail_at(&reading, 1, "the file is empty");
	if (next(&reading) == YAML_MAPPING_START_EVENT)
		read_top(&reading);
	else if (!reading.is_failed)
		fail_at(&reading, line_of(&reading), "a kubeconfig is a mapping, and this is none");
	drop_event(&reading);
	yaml_parser_delete(&reading.parser);
	return reading.is_failed ? -EINVAL : 0;
}

void kubeconfig_tree_fini(struct kubeconfig_tree *tree)
{
	for (unsigned list = 0; list < KUBECONFIG_LISTS; list++) {
		for (size_t i = 0; i < tree->lists[list].len; i++) {
			struct kubeconfig_entry *entry = &tree->lists[list].items[i];

			blob_fini(&entry->name.text);
			for (unsigned k = 0; k < KUBECONFIG_FIELDS_MAX; k++)
				blob_fini(&entry->fields[k].text);
		}
		ARRAY_FINI(&tree->lists[list]);
	}
	blob_fini(&tree->current_context.text);
}

const char *kubeconfig_field_name(enum kubeconfig_list list, unsigned field)
{
	return lists[list].fields[field].name;
}

struct kubeconfig_entry *kubeconfig_find(struct kubeconfig_tree *tree, enum kubeconfig_list list,
					 const char *name)
{
	for (size_t i = 0; i < tree->lists[list].len; i++) {
		struct kubeconfig_entry *entry = &tree->lists[list].items[i];

		if (entry->name.text.len > 0 &&
		    strcmp((const char *)entry->name.text.bytes, name) == 0)
			return entry;
	}
	return NULL;
}
