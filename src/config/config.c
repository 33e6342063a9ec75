/* SPDX-License-Identifier: Apache-2.0
 *
 * A Corefile's way: files -> tokens -> statements -> draft -> config. Each step adds its problems;
 * the config is given out when there are none.
 */
#include "config/config.h"

#include <errno.h>
#include <string.h>

#include "directive.h"
#include "import.h"
#include "machine.h"
#include "watched.h"

/* Tokens -> statements -> draft -> config. */
static void translate(struct draft *draft, const char *path, const struct tokens *tokens,
		      struct config *config)
{
	struct arena scratch = {0};

	draft_read(draft, statements_read(tokens->items, tokens->len, &scratch, &draft->problems));
	if (draft->blocks.len == 0 && draft->problems.n == 0)
		problem_with_file(&draft->problems, path,
				  "empty: a server block is needed, as in \".:53 { ... }\"");
	draft_translate(draft, config);
	draft_fini(draft);
	arena_fini(&scratch);
}

/* Of a configuration that is not wanted: where it came from. */
static void keep_origin(struct config *config, struct config *found, struct arena *origin)
{
	const char *hash = found->hash;
	const char *const *files = found->files;
	size_t n_files = found->n_files;

	config_free(found);
	*config =
		(struct config){.arena = *origin, .hash = hash, .files = files, .n_files = n_files};
}

int config_load_on(struct config *config, const char *path, const struct config_machine *machine,
		   const struct config_options *options, struct text *problems)
{
	struct config found = {0};
	struct arena origin = {0}, words = {0};
	struct tokens tokens = {0};
	struct watched watched;
	struct draft draft = {.arena = &found.arena,
			      .options = options,
			      .machine = machine,
			      .problems = {.lines = problems, .notes = &found.notes}};
	int error = 0;

	CHECK(options->n_cpus > 0 && options->default_port > 0);
	watched_init(&watched, machine, &origin);
	import_read(path, &words, &watched.machine, &draft.problems, &tokens);
	found.files = watched_take(&watched, &found.n_files);
	found.hash = words_hash(&tokens, &origin);
	if (draft.problems.n == 0 && options->known_hash &&
	    strcmp(found.hash, options->known_hash) == 0)
		error = -EALREADY;
	else
		translate(&draft, path, &tokens, &found);
	if (draft.problems.n > 0)
		error = -EINVAL;
	if (error == 0 && options->wants_flat)
		words_print(&tokens, &found.flat);
	ARRAY_FINI(&tokens);
	arena_fini(&words);
	if (error != 0) {
		keep_origin(config, &found, &origin);
		return error;
	}
	arena_take(&found.arena, &origin);
	*config = found;
	return 0;
}

const char config_default_corefile[] = ".:53 {\n"
				       "    errors\n"
				       "    health {\n"
				       "       lameduck 5s\n"
				       "    }\n"
				       "    ready\n"
				       "    kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
				       "       pods insecure\n"
				       "       fallthrough in-addr.arpa ip6.arpa\n"
				       "       ttl 30\n"
				       "    }\n"
				       "    prometheus :9153\n"
				       "    forward . /etc/resolv.conf {\n"
				       "       max_concurrent 1000\n"
				       "    }\n"
				       "    cache 30 {\n"
				       "       disable success cluster.local\n"
				       "       disable denial cluster.local\n"
				       "    }\n"
				       "    loop\n"
				       "    reload\n"
				       "    loadbalance\n"
				       "}\n";

#define USUAL_PATH "Corefile"
#define DEFAULT_PATH "(kubeadm's Corefile)"

/* The real machine, and on it the Corefile that is nowhere. */
struct machine_with_default {
	const struct config_machine *real;
};

static int read_with_default(void *arg, const char *path, struct text *content)
{
	const struct machine_with_default *with = arg;

	if (strcmp(path, DEFAULT_PATH) != 0)
		return with->real->read(with->real->arg, path, content);
	text_puts(content, config_default_corefile);
	return 0;
}

static int load_default(struct config *config, const struct config_machine *real,
			const struct config_options *options, struct text *problems)
{
	struct machine_with_default with = {real};
	struct config_machine machine = *real;

	machine.arg = &with;
	machine.read = read_with_default;
	return config_load_on(config, DEFAULT_PATH, &machine, options, problems);
}

static bool is_there(const struct config_machine *machine, const char *path)
{
	struct text content = {0};
	bool is_found = machine->read(machine->arg, path, &content) != -ENOENT;

	text_fini(&content);
	return is_found;
}

int config_load(struct config *config, const char *path, const struct config_options *options,
		struct text *problems)
{
	struct machine machine = {0};

	machine_init(&machine);

	int err;

	if (!path && !is_there(&machine.config, USUAL_PATH))
		err = load_default(config, &machine.config, options, problems);
	else
		err = config_load_on(config, path ? path : USUAL_PATH, &machine.config, options,
				     problems);

	machine_fini(&machine);
	return err;
}

void config_free(struct config *config)
{
	arena_fini(&config->arena);
	text_fini(&config->notes);
	text_fini(&config->corefile);
	text_fini(&config->flat);
	*config = (struct config){0};
}
