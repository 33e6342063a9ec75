/* SPDX-License-Identifier: Apache-2.0
 *
 * A Corefile of any bytes, on a machine without a file system: importing "self" gives the same
 * bytes again, other names are missing. It is accepted and then holds together, or refused with at
 * least one problem; it is never both, and always ends.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "config/machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *bytes;
	size_t size;
};

static int read_input(void *arg, const char *path, struct text *content)
{
	const struct input *input = arg;

	if (strcmp(path, "Corefile") != 0 && strcmp(path, "self") != 0)
		return -ENOENT;
	text_append(content, input->bytes, input->size);
	return 0;
}

static int list_input(void *arg, const char *pattern,
		      bool (*on_path)(void *on_arg, const char *path), void *on_arg)
{
	if (pattern[0] == 's')
		on_path(on_arg, "self");
	return 0;
}

static const char *get_env(void *arg, const char *name)
{
	return name[0] == 'X' ? "x.test" : NULL;
}

static void check_query(const struct query_config *query, size_t n_sources)
{
	for (size_t s = 0; s < query->n_servers; s++) {
		const struct query_server_config *server = &query->servers[s];

		CHECK(server->n_views > 0);
		for (size_t i = 0; i < server->n_views; i++) {
			CHECK(server->views[i].block < query->n_blocks);
			CHECK(server->views[i].metrics < query->n_metrics);
			CHECK(i == 0 ||
			      server->views[i].zone.n_labels <= server->views[i - 1].zone.n_labels);
			CHECK(strncmp(server->views[i].server_text, "dns://", 6) == 0);
		}
	}
	for (size_t b = 0; b < query->n_blocks; b++) {
		const struct query_block_config *block = &query->blocks[b];

		CHECK(block->udp_answer_max >= 512 &&
		      block->udp_answer_max <= QUERY_UDP_ANSWER_MAX);
		for (size_t i = 0; i < block->n_clusters; i++) {
			CHECK(block->clusters[i].zones.n > 0 && block->clusters[i].primary);
			CHECK(block->clusters[i].source < n_sources);
			CHECK(block->clusters[i].ttl_s <= 3600);
		}
		for (size_t i = 0; i < block->n_logs; i++)
			CHECK(block->logs[i].names.n > 0 && block->logs[i].classes != 0);
	}
}

static void check_source(const struct kube_source_config *source)
{
	const struct kube_access_config *access = &source->access;

	CHECK(source->is_api == (source->n_objects == 0));
	CHECK(source->is_api || (!access->endpoint && !access->kubeconfig));
	CHECK(!access->endpoint || !access->kubeconfig);
	CHECK(!access->tls_cert == !access->tls_key && !access->tls_cert == !access->tls_ca);
	CHECK(!access->tls_cert || access->endpoint);
	CHECK(!access->context || access->kubeconfig);
}

static void check_config(const struct config *config)
{
	CHECK(config->query.n_servers > 0 && config->query.n_blocks > 0);
	CHECK(config->net.n_listeners >= config->query.n_servers && config->net.n_workers > 0);
	for (size_t i = 0; i < config->net.n_listeners; i++)
		CHECK(config->net.listeners[i].server < config->query.n_servers);
	for (size_t i = 0; i < config->kube.n_sources; i++)
		check_source(&config->kube.sources[i]);
	check_query(&config->query, config->kube.n_sources);
}

/* The same file again: everything has the number that it had. */
static void check_again(const struct config *config, const struct config_machine *machine)
{
	const struct config_options options = {.default_port = 53, .n_cpus = 2, .previous = config};
	const struct query_config *old = &config->query;
	struct config again;
	struct text problems = {0};

	CHECK(config_load_on(&again, "Corefile", machine, &options, &problems) == 0);
	CHECK(again.query.last_id == old->last_id && again.query.n_metrics == old->n_metrics &&
	      again.query.n_groups == old->n_groups &&
	      again.query.cache.n_policies == old->cache.n_policies);
	for (size_t i = 0; i < old->n_groups; i++)
		CHECK(again.query.group_ids[i] == old->group_ids[i]);
	for (size_t i = 0; i < old->cache.n_policies; i++)
		CHECK(again.query.cache.policies[i].id == old->cache.policies[i].id);
	config_free(&again);
	text_fini(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_interface interfaces[] = {
		{"lo", {ADDRESS_V4, {127, 0, 0, 1}}},
		{"eth0", {ADDRESS_V6, {0xfd, [15] = 1}}},
	};
	struct input input = {(const char *)data, size};
	struct config_machine machine = {.arg = &input,
					 .read = read_input,
					 .list = list_input,
					 .env = get_env,
					 .interfaces = interfaces,
					 .n_interfaces = ARRAY_LEN(interfaces)};
	struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct config config;
	struct text problems = {0};

	if (size > CONFIG_FILE_MAX)
		return 0;
	if (config_load_on(&config, "Corefile", &machine, &options, &problems) == 0) {
		CHECK(problems.len == 0);
		check_config(&config);
		check_again(&config, &machine);
	} else {
		CHECK(problems.len > 0 && problems.bytes[problems.len - 1] == '\n');
	}
	config_free(&config);
	text_fini(&problems);
	return 0;
}
