/* SPDX-License-Identifier: Apache-2.0
 *
 * Services from text and back (spec.h). What does not parse is a bug of the test and aborts.
 */
#include "spec.h"

#include "base/rcu.h"

#define MAX 64

struct parsed {
	char *text; /* owned: the words point into it */
	struct table_service_in in;
	struct address addresses[MAX];
	struct table_port ports[MAX];
	struct table_endpoint_in endpoints[MAX];
	struct table_port_set_in sets[MAX];
	struct table_port set_ports[MAX];
	size_t n_set_ports;
	struct dns_name alias;
};

struct address spec_address(const char *text)
{
	struct address address;

	CHECK(address_from_text(&address, text, strlen(text)) == 0);
	return address;
}

struct dns_name spec_name(const char *text)
{
	struct dns_name name;

	CHECK(dns_name_from_text(&name, text, strlen(text)) == 0);
	return name;
}

static struct table_port parse_port(const char *word)
{
	const char *proto = strchr(word, '/');
	struct table_port port = {0};

	CHECK(proto && (size_t)(proto - word) < sizeof(port.name));
	memcpy(port.name, word, (size_t)(proto - word));
	port.proto = proto[1] == 't' ? TABLE_TCP : proto[1] == 'u' ? TABLE_UDP : TABLE_SCTP;
	port.port = (uint16_t)atoi(strchr(proto + 1, '/') + 1);
	return port;
}

static void parse_set(struct parsed *parsed, char *word)
{
	struct table_port_set_in *set = &parsed->sets[parsed->in.n_port_sets++];
	char *save;

	set->ports = &parsed->set_ports[parsed->n_set_ports];
	set->n = 0;
	for (char *port = strtok_r(word, "{,}", &save); port; port = strtok_r(NULL, "{,}", &save)) {
		CHECK(parsed->n_set_ports < MAX);
		parsed->set_ports[parsed->n_set_ports++] = parse_port(port);
		set->n++;
	}
}

static void parse_endpoint(struct parsed *parsed, char *word)
{
	struct table_endpoint_in *endpoint = &parsed->endpoints[parsed->in.n_endpoints++];
	char *value = strchr(word, '='), *set = strchr(word, '@');

	CHECK(parsed->in.n_endpoints < MAX);
	*endpoint = (struct table_endpoint_in){.label = word, .is_named = value[-1] == '!'};
	endpoint->label_len = (uint8_t)(value - word - endpoint->is_named);
	if (set) {
		*set = '\0';
		endpoint->port_set = (uint32_t)atoi(set + 1);
	}
	endpoint->address = spec_address(value + 1);
}

static void parse_word(struct parsed *parsed, char *word)
{
	struct table_service_in *in = &parsed->in;

	if (in->kind == TABLE_SERVICE_ALIAS) {
		parsed->alias = spec_name(word);
		in->alias = parsed->alias.wire;
		in->alias_len = parsed->alias.len;
	} else if (word[0] == '{') {
		parse_set(parsed, word);
	} else if (strchr(word, '=')) {
		parse_endpoint(parsed, word);
	} else if (strchr(word, '/')) {
		CHECK(in->n_ports < MAX);
		parsed->ports[in->n_ports++] = parse_port(word);
	} else {
		CHECK(in->n_addresses < MAX);
		parsed->addresses[in->n_addresses++] = spec_address(word);
	}
}

static void parse(struct parsed *parsed, const char *spec)
{
	char *save, *name, *kind, *word;

	*parsed = (struct parsed){.text = strdup(spec)};
	parsed->in.ports = parsed->ports;
	parsed->in.addresses = parsed->addresses;
	parsed->in.endpoints = parsed->endpoints;
	parsed->in.port_sets = parsed->sets;
	name = strtok_r(parsed->text, " ", &save);
	kind = strtok_r(NULL, " ", &save);
	parsed->in.service = name;
	*strchr(name, '.') = '\0';
	parsed->in.namespace = name + strlen(name) + 1;
	CHECK(!kind || strchr("cha", kind[0]));
	parsed->in.kind = !kind || kind[0] == 'c' ? TABLE_SERVICE_CLUSTER_IP
			  : kind[0] == 'h'	  ? TABLE_SERVICE_HEADLESS
						  : TABLE_SERVICE_ALIAS;
	while ((word = strtok_r(NULL, " ", &save)))
		parse_word(parsed, word);
	if (parsed->in.n_port_sets == 0)
		parsed->in.n_port_sets = 1; /* an empty one */
}

bool spec_put(struct table *table, const char *spec)
{
	struct parsed parsed;
	bool has_changed;

	parse(&parsed, spec);
	has_changed = table_put_service(table, &parsed.in);
	free(parsed.text);
	return has_changed;
}

bool spec_remove(struct table *table, const char *spec)
{
	struct parsed parsed;
	bool has_changed;

	parse(&parsed, spec);
	has_changed = table_remove_service(table, parsed.in.service, parsed.in.namespace);
	free(parsed.text);
	return has_changed;
}

char *spec_dump(const struct table *table)
{
	struct text out = {0};

	rcu_enter();
	table_dump(table, &out);
	rcu_leave();
	return out.bytes ? out.bytes : strdup("");
}

char *spec_pointers(const struct table *table, const char *text)
{
	struct address address = spec_address(text);
	struct text out = {0};
	const struct table_pointers *pointers;

	text_puts(&out, "");
	rcu_enter();
	pointers = table_find_address(table, &address);
	for (uint32_t i = 0; pointers && i < table_n_pointers(pointers); i++) {
		char name[DNS_NAME_TEXT_MAX];
		uint8_t wire[DNS_NAME_MAX] = {0};
		size_t len;
		const uint8_t *pointer = table_pointer(pointers, i, &len);

		memcpy(wire, pointer, len);
		len = dns_name_to_text(wire, len + 1, name);
		text_printf(&out, "%s%.*s", i > 0 ? " " : "", (int)len - 1, name);
	}
	rcu_leave();
	return out.bytes;
}
