/* SPDX-License-Identifier: Apache-2.0
 *
 * NodeLocal DNSCache's flags, as its manifests have them. Main thread.
 */
#ifndef KANAME_OPTIONS_NODE_H
#define KANAME_OPTIONS_NODE_H

#include "options.h"

/* The flag in `word`, which ends at its end or "="; `value` is what stands behind that, or NULL;
 * `next` is the next word of the command line, or NULL. */
enum option_taken option_node(struct options *options, const char *word, const char *value,
			      const char *next);

#endif
