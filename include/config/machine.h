/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Corefile can reach on the machine it is read on: files, environment variables and network
 * interfaces. config_load gives the real ones; tests and the fuzz target give their own, so that a
 * Corefile can be read from memory. Main thread.
 */
#ifndef KANAME_CONFIG_MACHINE_H
#define KANAME_CONFIG_MACHINE_H

#include "config/config.h"

#define CONFIG_FILE_MAX (1u << 20) /* bytes of one file */

struct config_interface {
	const char *name;
	struct address address;
};

struct config_machine {
	void *arg;
	/* Appends the file to *content: 0 or -errno; -EFBIG when it has more than CONFIG_FILE_MAX
	 * bytes, -EISDIR for a folder. */
	int (*read)(void *arg, const char *path, struct text *content);
	/* Calls on_path for each path that the pattern matches, sorted, until it returns false. 0
	 * or -errno; no match is 0. */
	int (*list)(void *arg, const char *pattern, bool (*on_path)(void *on_arg, const char *path),
		    void *on_arg);
	/* The variable's value, or NULL; borrowed. */
	const char *(*env)(void *arg, const char *name);
	const char *hostname;			   /* NULL: not known */
	const struct config_interface *interfaces; /* one for each address */
	size_t n_interfaces;
};

/* config_load on a machine of the caller's, which is used during the call only. */
MUST_USE int config_load_on(struct config *config, const char *path,
			    const struct config_machine *machine,
			    const struct config_options *options, struct text *problems);

#endif
