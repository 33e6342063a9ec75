/* SPDX-License-Identifier: Apache-2.0
 *
 * A compiled template: a tree of nodes in an arena, and the values that its expansion meets.
 * Built by template_parse.c, walked by template_expand.c. Any thread.
 */
#ifndef KANAME_QUERY_TEMPLATE_NODE_H
#define KANAME_QUERY_TEMPLATE_NODE_H

#include "query/template.h"

#define TEMPLATE_DEPTH_MAX 16 /* of if, with and parentheses in each other */
#define TEMPLATE_ARGS_MAX 16  /* of a function */

enum node_kind {
	NODE_TEXT,    /* text[0..len) as it is */
	NODE_ACTION,  /* first: a pipe */
	NODE_IF,      /* first: a pipe; body, other */
	NODE_WITH,    /* likewise */
	NODE_PIPE,    /* first: its commands */
	NODE_COMMAND, /* first: operands */
	NODE_FIELD, /* field, of the dot or, with number 1, of $; GROUP: text is the key or NULL */
	NODE_DOT,
	NODE_ROOT, /* $ */
	NODE_STRING,
	NODE_NUMBER,
	NODE_BOOL,
	NODE_FUNCTION, /* number: of template_function_find */
};

enum template_field {
	FIELD_ZONE,
	FIELD_NAME,
	FIELD_CLASS,
	FIELD_TYPE,
	FIELD_REMOTE,
	FIELD_MATCH,
	FIELD_GROUP,
	FIELD_META,
	FIELD_QUESTION_NAME,
	FIELD_QUESTION_QTYPE,
	FIELD_QUESTION_QCLASS,
	FIELD_MESSAGE_ID,
	FIELD_MESSAGE_RD,
};

struct node {
	enum node_kind kind;
	enum template_field field;
	const char *text;
	size_t len;
	int64_t number;
	struct node *first, *next; /* children; siblings */
	struct node *body, *other;
	struct node *next_key; /* the next field .Group.KEY of the template */
};

struct template_text {
	struct node *nodes;
	struct node *keys; /* fields .Group.KEY */
	bool has_branches;
};

enum value_kind {
	VALUE_NONE, /* "<no value>" */
	VALUE_STRING,
	VALUE_INT,
	VALUE_UINT, /* in `number`, too */
	VALUE_BOOL,
	VALUE_MATCH,
	VALUE_GROUP,
	VALUE_ROOT,
};

struct value {
	enum value_kind kind;
	const char *text; /* STRING: borrowed from the data, the template, or the pool */
	size_t len;
	int64_t number; /* INT and BOOL; UINT's bits */
};

struct expansion {
	const struct template_data *data;
	struct template_buffer *buffer;
	struct value dot;
	const char *why; /* it failed: a constant */
};

/* Returns false. */
static inline bool expansion_fail(struct expansion *expansion, const char *why)
{
	if (!expansion->why)
		expansion->why = why;
	return false;
}

/* As Go's `if` sees it. */
bool value_is_true(const struct value *value, const struct template_data *data);

/* Group number i of the match; empty when it took no part. */
struct value value_of_match(const struct template_data *data, size_t i);

/* A group by its name or number; NONE when there is no such group. */
struct value value_of_group(const struct template_data *data, const char *key, size_t len);

/* ---- template_functions.c ---- */

enum function_order { FUNCTION_PLAIN, FUNCTION_AND, FUNCTION_OR };

struct template_function {
	const char *name;
	enum function_order order; /* AND and OR stop at the first argument that decides */
	size_t min, max;	   /* arguments */
	bool (*call)(struct expansion *expansion, const struct value *args, size_t n,
		     struct value *result);
};

/* The number of a function, or -1. */
int template_function_find(const char *name, size_t len);
const struct template_function *template_function(int64_t number);

/* "and, or, ...": all names, for messages. */
void template_functions_list(struct text *text);

/* ---- template_print.c ---- */

/* Text into the pool while it is made. */
struct pool_writer {
	struct expansion *expansion;
	size_t start;
};

struct pool_writer pool_begin(struct expansion *expansion);
bool pool_put(struct pool_writer *pool, const char *text, size_t len);
struct value pool_end(const struct pool_writer *pool);

/* A value as Go prints it, into a buffer of at least 32 octets where it is no string. False: it
 * cannot be printed here (.Match as a whole). */
bool value_to_text(const struct value *value, char *buf, const char **text, size_t *len);

bool template_print(struct expansion *expansion, const struct value *args, size_t n,
		    struct value *result);
bool template_printf(struct expansion *expansion, const struct value *args, size_t n,
		     struct value *result);

#endif
