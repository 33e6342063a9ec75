/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking up the weight of an address of a name. Any thread.
 */
#ifndef KANAME_QUERY_WEIGHTS_H
#define KANAME_QUERY_WEIGHTS_H

#include "query/balance.h"

#define WEIGHTS_NO_NAME UINT32_MAX

/* The number of a name that the file has, or WEIGHTS_NO_NAME. */
uint32_t weights_find_name(const struct weights *weights, const struct dns_name *name);

/* The weight of an address of the name with this number, 1 where the file gives none. */
uint32_t weights_find(const struct weights *weights, uint32_t name, const struct address *address);

#endif
