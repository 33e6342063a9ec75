/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of keys, each a file. The kubelet replaces all of them at once by a link; who reads just
 * then may see one key of the old map and one of the new, and reads again, since the link has
 * changed.
 */
#include "kubedns_map.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "zone.h"

#define UPSTREAMS_MAX 3 /* as in kube-dns */
#define SUBDOMAIN_MAX 253

const char *const kubedns_keys[N_KUBEDNS_KEYS] = {"stubDomains", "upstreamNameservers",
						  "federations"};

/* ---- words ---- */

bool kubedns_is_subdomain(const char *text)
{
	if (strlen(text) > SUBDOMAIN_MAX)
		return false;
	for (;;) {
		size_t len = strcspn(text, ".");

		if (!dns_label_is_1123(text, len))
			return false;
		if (text[len] == '\0')
			return true;
		text += len + 1;
	}
}

static bool is_address(const char *text, size_t len)
{
	struct address address;

	return address_from_text(&address, text, len) == 0;
}

/* [ADDRESS]:PORT or IPV4:PORT, told by `colon` before the port; NULL where there is none. */
static const char *port_fault(const char *text, const char *colon)
{
	bool is_bracketed = text[0] == '[';
	const char *host = text + is_bracketed;

	if (!colon || (is_bracketed && (colon < text + 2 || colon[-1] != ']')))
		return "an IPv6 address with a port is written [ADDRESS]:PORT";
	if (!is_address(host, (size_t)(colon - host) - is_bracketed))
		return is_bracketed ? "there is no address in the brackets"
				    : "only an address may have a port";
	return port_read(colon + 1) != 0 ? NULL : "a port is a number from 1 to 65535";
}

const char *kubedns_server_fault(const char *text, bool is_host_allowed)
{
	const char *colon = strrchr(text, ':');

	if (is_address(text, strlen(text)))
		return NULL;
	if (text[0] == '[')
		return port_fault(text, colon);
	if (colon && strchr(text, ':') != colon)
		return "neither an address nor an address with a port";
	if (colon)
		return port_fault(text, colon);
	if (!is_host_allowed)
		return "neither an address nor an address with a port; a host name cannot stand "
		       "here";
	if (!kubedns_is_subdomain(text) || text[strspn(text, "0123456789.")] == '\0')
		return "neither an address nor a host name in lower case";
	return NULL;
}

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && strchr(" \t\r\n", **text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && strchr(" \t\r\n", (*text)[*len - 1]))
		(*len)--;
}

/* NAME=DOMAIN */
static const char *federation_fault(const char *text, size_t len)
{
	char domain[SUBDOMAIN_MAX + 1];
	const char *equals = memchr(text, '=', len), *value;
	size_t name_len, value_len;

	if (!equals)
		return "NAME=DOMAIN is what it takes, with commas between";
	value = equals + 1;
	value_len = (size_t)(text + len - value);
	name_len = (size_t)(equals - text);
	trim(&text, &name_len);
	trim(&value, &value_len);
	if (!dns_label_is_1123(text, name_len))
		return "a federation's name is a DNS label in lower case";
	if (value_len > SUBDOMAIN_MAX)
		return "a federation's domain is too long";
	memcpy(domain, value, value_len);
	domain[value_len] = '\0';
	return kubedns_is_subdomain(domain) ? NULL : "a federation's domain is a domain name";
}

const char *kubedns_federations_fault(const char *text)
{
	const char *fault = NULL;

	if (text[strspn(text, " \t\r\n")] == '\0')
		return NULL;
	while (!fault) {
		const char *part = text;
		size_t len = strcspn(text, ",");

		text += len;
		trim(&part, &len);
		fault = federation_fault(part, len);
		if (*text++ == '\0')
			break;
	}
	return fault;
}

/* ---- keys ---- */

/* The name of a key's file, for messages. */
static const char *path_of(const struct kubedns_reader *reader, const char *folder, const char *key)
{
	return arena_printf(reader->arena, "%s/%s", folder, key);
}

static bool add_stub(struct kubedns_map *map, const char *path,
		     const struct kube_named_strings *from, const struct kubedns_reader *reader)
{
	struct kubedns_stub *stub = &map->stubs[map->n_stubs];

	if (!kubedns_is_subdomain(from->name) ||
	    dns_name_from_text(&stub->name, from->name, strlen(from->name)) != 0) {
		problem_with_file(reader->problems, path,
				  "\"%s\" is no domain name in lower case without a final dot",
				  from->name);
		return false;
	}
	for (size_t i = 0; i < from->strings.n; i++) {
		const char *fault = kubedns_server_fault(from->strings.items[i], true);

		if (fault)
			problem_with_file(reader->problems, path, "%s[%zu]: \"%s\": %s", from->name,
					  i, from->strings.items[i], fault);
	}
	if (from->strings.n > FORWARD_UPSTREAMS_MAX)
		problem_with_file(reader->problems, path, "%s: more than %d servers", from->name,
				  FORWARD_UPSTREAMS_MAX);
	stub->domain = from->name;
	stub->servers = from->strings;
	if (stub->servers.n == 0)
		text_printf(reader->notes, "%s: %s: no servers, so it is no stub domain\n", path,
			    from->name);
	return stub->servers.n > 0;
}

static int compare_stubs(const void *p, const void *q)
{
	const struct kubedns_stub *a = p, *b = q;

	if (a->name.n_labels != b->name.n_labels)
		return a->name.n_labels > b->name.n_labels ? -1 : 1;
	return strcmp(a->domain, b->domain);
}

/* Does the name come again? Then that counts, as in Go. */
static bool is_repeated(const struct kube_string_lists *lists, size_t i)
{
	for (size_t k = i + 1; k < lists->n; k++) {
		if (strcmp(lists->items[k].name, lists->items[i].name) == 0)
			return true;
	}
	return false;
}

static void read_stubs(struct kubedns_map *map, const char *path, const struct text *json,
		       const struct kubedns_reader *reader)
{
	struct kube_string_lists lists;
	struct text why = {0};

	if (kube_json_string_lists(&lists, reader->arena, json, &why) != 0) {
		problem_with_file(reader->problems, path, "%s", why.bytes);
	} else if (lists.n > STUBS_MAX) {
		problem_with_file(reader->problems, path, "more than %d stub domains", STUBS_MAX);
	} else {
		map->stubs = arena_alloc(reader->arena, (lists.n + 1) * sizeof(map->stubs[0]));
		for (size_t i = 0; i < lists.n; i++) {
			if (is_repeated(&lists, i))
				text_printf(reader->notes,
					    "%s: a domain stands there twice: the "
					    "last one counts\n",
					    path);
			else
				map->n_stubs += add_stub(map, path, &lists.items[i], reader);
		}
		qsort(map->stubs, map->n_stubs, sizeof(map->stubs[0]), compare_stubs);
	}
	text_fini(&why);
}

static void read_upstreams(struct kubedns_map *map, const char *path, const struct text *json,
			   const struct kubedns_reader *reader)
{
	struct text why = {0};

	if (kube_json_strings(&map->upstreams, reader->arena, json, &why) != 0)
		problem_with_file(reader->problems, path, "%s", why.bytes);
	else if (map->upstreams.n > UPSTREAMS_MAX)
		problem_with_file(reader->problems, path, "more than %d name servers",
				  UPSTREAMS_MAX);
	for (size_t i = 0; i < map->upstreams.n; i++) {
		const char *fault = kubedns_server_fault(map->upstreams.items[i], false);

		if (fault)
			problem_with_file(reader->problems, path, "[%zu]: \"%s\": %s", i,
					  map->upstreams.items[i], fault);
	}
	text_fini(&why);
}

static void read_federations(struct kubedns_map *map, const char *path, const struct text *content,
			     const struct kubedns_reader *reader)
{
	const char *text = content->bytes ? content->bytes : "";
	const char *fault =
		strlen(text) != content->len ? "has an octet 0" : kubedns_federations_fault(text);

	if (fault)
		problem_with_file(reader->problems, path, "%s", fault);
	else if (text[strspn(text, " \t\r\n")] != '\0')
		text_printf(reader->notes, "%s: " KUBEDNS_FEDERATIONS_NOTE "\n", path);
}

static void read_key(struct kubedns_map *map, const char *folder, size_t key,
		     const struct kubedns_reader *reader)
{
	static void (*const readers[N_KUBEDNS_KEYS])(
		struct kubedns_map *, const char *, const struct text *,
		const struct kubedns_reader *) = {read_stubs, read_upstreams, read_federations};
	const char *path = path_of(reader, folder, kubedns_keys[key]);
	struct text content = {0};
	int error = reader->machine->read(reader->machine->arg, path, &content);

	/* A folder is no key: kube-dns does not look into it either. */
	if (error == 0)
		readers[key](map, path, &content, reader);
	else if (error == -EFBIG)
		problem_with_file(reader->problems, path, "larger than 1 MiB");
	else if (error != -ENOENT && error != -EISDIR)
		problem_with_file(reader->problems, path, "%s", strerror(-error));
	text_fini(&content);
}

/* What the key of a ConfigMap may be: nothing else gets into messages. */
static bool is_key(const char *name)
{
	for (; *name; name++) {
		if (!isalnum((unsigned char)*name) && !strchr("-_.", *name))
			return false;
	}
	return true;
}

/* Another key has no effect, and may be a mistyped one. */
static bool on_path(void *arg, const char *path)
{
	const struct kubedns_reader *reader = arg;
	const char *slash = strrchr(path, '/'), *key = slash ? slash + 1 : path, *nearest;

	for (size_t i = 0; i < N_KUBEDNS_KEYS; i++) {
		if (strcmp(key, kubedns_keys[i]) == 0)
			return true;
	}
	nearest = text_nearest(key, kubedns_keys, N_KUBEDNS_KEYS);
	if (nearest && is_key(key))
		text_printf(reader->notes, "%s: no key of kube-dns: did you mean \"%s\"?\n", path,
			    nearest);
	return true;
}

void kubedns_map_read(struct kubedns_map *map, const char *folder,
		      const struct kubedns_reader *reader)
{
	const struct config_machine *machine = reader->machine;
	struct kubedns_reader noted = *reader;
	struct text content = {0};
	int error = machine->read(machine->arg, folder, &content);

	text_fini(&content);
	*map = (struct kubedns_map){0};
	if (error != -EISDIR) {
		problem_with_file(reader->problems, folder, "%s",
				  error == 0 ? "not a folder" : strerror(-error));
		return;
	}
	for (size_t key = 0; key < N_KUBEDNS_KEYS; key++)
		read_key(map, folder, key, reader);
	/* Its failure would be of no consequence. */
	machine->list(machine->arg, path_of(reader, folder, "*"), on_path, &noted);
}
