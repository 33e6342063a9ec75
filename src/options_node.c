/* SPDX-License-Identifier: Apache-2.0
 *
 * NodeLocal DNSCache's flags are read as it reads them. Its interface is made by --setup-interface,
 * and no iptables rules and no Corefile from its template: what asks the serving process for them
 * is accepted, and a line on stderr says so. What only says not to make them is accepted without a
 * word.
 */
#include "options_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dns/address.h"

enum kind { NODE_BOOL, NODE_TEXT, NODE_NUMBER, NODE_ADDRESSES, NODE_INTERFACE, NODE_COREFILE };

struct node_flag {
	const char *name;
	enum kind kind;
	const char *warning; /* of a bool: when it is true; NULL: none */
};

#define NO_INTERFACE                                                                  \
	"no interface is made by the process that serves: `kaname --setup-interface " \
	"-localip ...` makes it before the start"
#define NO_RULES "no rules are made: pods ask the address of -localip itself"
#define NO_TEMPLATE "no template is filled in: -conf names the Corefile that is read"

static const struct node_flag flags[] = {
	{"localip", NODE_ADDRESSES, NULL},
	{"setupinterface", NODE_BOOL, NO_INTERFACE},
	{"setupiptables", NODE_BOOL, NO_RULES},
	{"setupebtables", NODE_BOOL, NO_RULES},
	{"skipteardown", NODE_BOOL, NULL},
	{"interfacename", NODE_INTERFACE, NULL},
	{"syncinterval", NODE_TEXT, NULL},
	{"initialdelay", NODE_TEXT, NULL},
	{"metrics-listen-address", NODE_TEXT,
	 "no errors of a set-up are to be counted; metrics are where `prometheus` says"},
	{"basecorefile", NODE_TEXT, NO_TEMPLATE},
	{"corefile", NODE_COREFILE, NULL},
	{"kubednscm", NODE_TEXT, NO_TEMPLATE},
	{"upstreamsvc", NODE_TEXT, NULL},
	{"health-port", NODE_NUMBER, NO_TEMPLATE},
};

static const struct node_flag *find(const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (strlen(flags[i].name) == len && memcmp(flags[i].name, word, len) == 0)
			return &flags[i];
	}
	return NULL;
}

/* As Go's strconv.ParseBool; -1 when it is neither. */
static int read_bool(const char *value)
{
	static const char *const words[] = {"false", "0", "f", "F", "FALSE", "False",
					    "true",  "1", "t", "T", "TRUE",  "True"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(value, words[i]) == 0)
			return i >= ARRAY_LEN(words) / 2;
	}
	return -1;
}

/* Addresses with commas between them. */
static bool are_addresses(const char *value)
{
	for (;;) {
		size_t len = strcspn(value, ",");
		struct address address;

		if (address_from_text(&address, value, len) != 0)
			return false;
		if (value[len] == '\0')
			return true;
		value += len + 1;
	}
}

/* Is this a value that the flag may have? *is_said gets whether its warning is due. */
static bool check_value(const struct node_flag *flag, const char *value, bool *is_said)
{
	size_t len = strlen(value);

	*is_said = true;
	switch (flag->kind) {
	case NODE_BOOL:
		*is_said = read_bool(value) == 1;
		return read_bool(value) >= 0;
	case NODE_NUMBER:
		return len > 0 && strspn(value, "0123456789") == len;
	case NODE_ADDRESSES:
		return are_addresses(value);
	case NODE_TEXT:
	case NODE_INTERFACE:
	case NODE_COREFILE:
		return true;
	}
	return false;
}

/* What is not only accepted. */
static void keep(struct options *options, enum kind kind, const char *value)
{
	if (kind == NODE_COREFILE && !options->corefile)
		options->corefile = value;
	else if (kind == NODE_ADDRESSES)
		options->localip = value;
	else if (kind == NODE_INTERFACE)
		options->interface_name = value;
}

enum option_taken option_node(struct options *options, const char *word, const char *value,
			      const char *next)
{
	const struct node_flag *flag = find(word);
	enum option_taken taken = OPTION_TAKEN;
	bool is_said;

	if (!flag)
		return OPTION_UNKNOWN;
	if (!value && flag->kind == NODE_BOOL) {
		value = "true";
	} else if (!value) {
		value = next;
		taken = OPTION_TAKEN_WITH_NEXT;
	}
	if (!value) {
		fprintf(stderr, "kaname: -%s takes a value\n", flag->name);
		return OPTION_WRONG;
	}
	if (!check_value(flag, value, &is_said)) {
		fprintf(stderr, "kaname: -%s cannot be \"%s\"\n", flag->name, value);
		return OPTION_WRONG;
	}
	if (flag->warning && is_said)
		fprintf(stderr, "kaname: -%s: %s\n", flag->name, flag->warning);
	keep(options, flag->kind, value);
	return taken;
}
