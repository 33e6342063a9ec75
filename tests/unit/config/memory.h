/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine in memory for the tests: files by name, two environment variables, four interface
 * addresses; and a configuration as text.
 */
#ifndef TEST_CONFIG_MEMORY_H
#define TEST_CONFIG_MEMORY_H

#include "config/machine.h"

struct memory_file {
	const char *path;
	const char *content;
};

/* A machine with these files, the last with a NULL path. Patterns match a file when they are equal
 * up to the * and behind it. */
void memory_machine(struct config_machine *machine, const struct memory_file *files);

/* What the configuration says, a line for each thing, without what every configuration has. */
void config_dump(const struct config *config, struct text *out);

#endif
