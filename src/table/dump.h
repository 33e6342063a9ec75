/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of table_dump. A reader; slow, for tests and support.
 */
#ifndef KANAME_TABLE_DUMP_H
#define KANAME_TABLE_DUMP_H

#include "index.h"

struct text;

void dump_indexes(const struct index *names, const struct index *addresses, struct text *out);

#endif
