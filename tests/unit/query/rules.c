/* SPDX-License-Identifier: Apache-2.0
 *
 * See rules.h: a machine with one file.
 */
#include "rules.h"

#include <errno.h>
#include <string.h>

#include "config/machine.h"

struct file {
	const char *bytes;
	size_t len;
};

static int read_file(void *arg, const char *path, struct text *content)
{
	const struct file *file = arg;

	if (strcmp(path, "Corefile") != 0)
		return -ENOENT;
	text_append(content, file->bytes, file->len);
	return 0;
}

static int list_none(void *arg, const char *pattern,
		     bool (*on_path)(void *on_arg, const char *path), void *on_arg)
{
	return 0;
}

static const char *env_none(void *arg, const char *name)
{
	return NULL;
}

bool rules_load(struct config *config, const char *bytes, size_t len)
{
	struct file file = {bytes, len};
	const struct config_machine machine = {
		.arg = &file, .read = read_file, .list = list_none, .env = env_none};
	const struct config_options options = {.default_port = 53, .n_cpus = 1};
	struct text problems = {0};
	bool is_fine = config_load_on(config, "Corefile", &machine, &options, &problems) == 0;

	text_fini(&problems);
	if (!is_fine)
		config_free(config);
	return is_fine;
}
