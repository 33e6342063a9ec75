/* SPDX-License-Identifier: Apache-2.0
 *
 * A server block's directives as text, for tests and fuzz targets of the steps that config/ makes.
 */
#ifndef KANAME_TESTS_RULES_H
#define KANAME_TESTS_RULES_H

#include "config/config.h"

/* Reads bytes[0..len) as a whole Corefile. False, and nothing to free, when it is wrong. */
bool rules_load(struct config *config, const char *bytes, size_t len);

#endif
