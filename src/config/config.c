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

static void free_sources(const struct kube_config *kube)
{
	for (size_t i = 0; i < kube->n_sources; i++)
		source_free(&kube->sources[i]);
}

int config_load_on(struct config *config, const char *path, const struct config_machine *machine,
		   const struct config_options *options, struct text *problems)
{
	struct config found = {0};
	struct arena scratch = {0};
	struct tokens tokens = {0};
	struct draft draft = {.arena = &found.arena,
			      .machine = machine,
			      .options = options,
			      .problems = {.lines = problems}};

	CHECK(options->n_cpus > 0 && options->default_port > 0);
	import_read(path, &scratch, machine, &draft.problems, &tokens);
	draft_read(&draft, statements_read(tokens.items, tokens.len, &scratch, &draft.problems));
	if (draft.blocks.len == 0 && draft.problems.n == 0)
		problem_with_file(&draft.problems, path,
				  "empty: a server block is needed, as in \".:53 { ... }\"");
	draft_translate(&draft, &found);
	draft_fini(&draft);
	ARRAY_FINI(&tokens);
	arena_fini(&scratch);
	if (draft.problems.n > 0) {
		config_free(&found);
		*config = found;
		return -EINVAL;
	}
	*config = found;
	return 0;
}

int config_load(struct config *config, const char *path, const struct config_options *options,
		struct text *problems)
{
	struct machine machine = {0};

	machine_init(&machine);

	int err = config_load_on(config, path, &machine.config, options, problems);

	machine_fini(&machine);
	return err;
}

void config_free(struct config *config)
{
	free_sources(&config->kube);
	arena_fini(&config->arena);
	*config = (struct config){0};
}
