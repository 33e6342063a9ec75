/* SPDX-License-Identifier: Apache-2.0
 *
 * NodeLocal DNSCache's flags, as its manifests have them. Main thread.
 */
#ifndef KANAME_OPTIONS_NODE_H
#define KANAME_OPTIONS_NODE_H

#include "options.h"

enum node_taken {
	NODE_UNKNOWN,
	NODE_WRONG, /* the reason has gone to stderr */
	NODE_TAKEN,
	NODE_TAKEN_WITH_NEXT /* the word behind it was its value */
};

/* The flag in `word`, which ends at its end or "="; `value` is what stands behind that, or NULL;
 * `next` is the next word of the command line, or NULL. */
enum node_taken option_node(struct options *options, const char *word, const char *value,
			    const char *next);

#endif
