/* SPDX-License-Identifier: Apache-2.0
 *
 * A ConfigMap of kube-dns of any bytes: three keys, with a 0xff between them. It is accepted, and
 * then the Corefile that it becomes is one that the parser takes; or it is refused with at least
 * one problem.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "config/kubedns.h"

#define KEYS_MAX 3
#define SIZE_MAX_INPUT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const char *keys[KEYS_MAX];
	size_t sizes[KEYS_MAX];
	size_t n;
};

static void split(struct input *input, const char *data, size_t size)
{
	while (input->n < KEYS_MAX) {
		const char *end = memchr(data, 0xff, size);
		size_t len = end ? (size_t)(end - data) : size;

		input->keys[input->n] = data;
		input->sizes[input->n++] = len;
		if (!end)
			return;
		data += len + 1;
		size -= len + 1;
	}
}

static int read_input(void *arg, const char *path, struct text *content)
{
	static const char *const names[KEYS_MAX] = {"cm/stubDomains", "cm/upstreamNameservers",
						    "cm/federations"};
	const struct input *input = arg;

	if (strcmp(path, "cm") == 0)
		return -EISDIR;
	if (strcmp(path, "/etc/resolv.conf") == 0) {
		text_puts(content, "nameserver 10.0.0.1\n");
		return 0;
	}
	for (size_t i = 0; i < KEYS_MAX && i < input->n; i++) {
		if (strcmp(path, names[i]) == 0) {
			text_append(content, input->keys[i], input->sizes[i]);
			return 0;
		}
	}
	return -ENOENT;
}

static int list_input(void *arg, const char *pattern,
		      bool (*on_path)(void *on_arg, const char *path), void *on_arg)
{
	on_path(on_arg, "cm/stubDomain");
	return 0;
}

static const char *get_env(void *arg, const char *name)
{
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {0};
	const struct config_machine machine = {
		.arg = &input, .read = read_input, .list = list_input, .env = get_env};
	const struct config_options options = {.default_port = 53, .n_cpus = 1};
	struct kubedns_options flags;
	struct text corefile = {0}, notes = {0}, problems = {0};
	struct config config;

	if (size > SIZE_MAX_INPUT)
		return 0;
	split(&input, (const char *)data, size);
	kubedns_options_init(&flags);
	flags.config_dir = "cm";
	if (config_kubedns_corefile(&flags, &machine, &corefile, &notes, &problems) == 0) {
		CHECK(problems.len == 0 && corefile.len > 0);
		CHECK(config_load_kubedns_on(&config, &flags, &machine, &options, &problems) == 0);
		CHECK(config.n_paths > 0 && config.kube.n_sources == 1);
		config_free(&config);
	} else {
		CHECK(corefile.len == 0);
		CHECK(problems.len > 0 && problems.bytes[problems.len - 1] == '\n');
	}
	text_fini(&corefile);
	text_fini(&notes);
	text_fini(&problems);
	return 0;
}
