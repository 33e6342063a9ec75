/* SPDX-License-Identifier: Apache-2.0
 *
 * kube-dns's flags, as its manifests have them, with those of glog; what options.c hands on. Main
 * thread.
 */
#ifndef KANAME_OPTIONS_KUBEDNS_H
#define KANAME_OPTIONS_KUBEDNS_H

#include "options.h"

/* The flag in `word`, which ends at its end or "="; `value` is what stands behind that, or NULL;
 * `next` is the next word of the command line, or NULL. '_' and '-' are the same in a name. */
enum option_taken option_kubedns(struct options *options, const char *word, const char *value,
				 const char *next);

/* kube-dns's flag nearest to the name, or NULL. */
const char *option_kubedns_nearest(const char *name);

/* A port, for any flag. False, with the reason on stderr, when it is none. */
bool option_port(const char *value, uint16_t *port);

#endif
