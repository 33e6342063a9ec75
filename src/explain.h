/* SPDX-License-Identifier: Apache-2.0
 *
 * `kaname -conf F --explain NAME [TYPE] [--from IP]`: which server block and which of its steps
 * would answer a query, and why. Main thread.
 */
#ifndef KANAME_EXPLAIN_H
#define KANAME_EXPLAIN_H

#include "config/config.h"
#include "options.h"

/* Prints to stdout; returns the exit code. `config` stays the caller's. */
int explain_run(const struct options *options, struct config *config);

#endif
