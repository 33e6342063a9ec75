/* SPDX-License-Identifier: Apache-2.0
 *
 * Services as text, for the tests of the table:
 *
 *   "web.shop cluster 10.0.0.1 fd00::1 http/tcp/80 /udp/53 {http/tcp/8080} a=10.1.0.3
 * b!=10.1.0.4@0"
 *
 * NAME.NAMESPACE and cluster, headless or alias come first, then in any order addresses (of an
 * alias its target), ports as name/proto/number, port sets as {port,port}, and endpoints as
 * label=address with "!" when it is named and "@N" for its port set (0 unless told; without sets it
 * is empty).
 */
#ifndef KANAME_TESTS_TABLE_SPEC_H
#define KANAME_TESTS_TABLE_SPEC_H

#include "table/table.h"

struct address spec_address(const char *text);
struct dns_name spec_name(const char *text);

/* Puts the service. Whether something changed. */
bool spec_put(struct table *table, const char *spec);

/* Removes the service with the name that the spec begins with. */
bool spec_remove(struct table *table, const char *spec);

/* table_dump; the caller frees. Never NULL. */
char *spec_dump(const struct table *table);

/* The PTR targets in their order, as "web.shop db-0.db.shop"; "" for none. The caller frees. */
char *spec_pointers(const struct table *table, const char *address);

#endif
