/* SPDX-License-Identifier: Apache-2.0
 *
 * A source's configuration, copied, so that it outlives the Corefile that it came from. Main
 * thread.
 */
#ifndef KANAME_KUBE_SOURCE_H
#define KANAME_KUBE_SOURCE_H

#include "base/arena.h"
#include "kube/kube.h"

/* A copy in the arena, which owns its selectors, too. */
const struct kube_source_config *source_copy(const struct kube_source_config *config,
					     struct arena *arena);

#endif
