/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that may be a secret: overwritten before their memory is freed. Zeroed memory is an empty
 * blob. Any thread, one at a time.
 */
#ifndef KANAME_KUBE_BLOB_H
#define KANAME_KUBE_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
	uint8_t *bytes; /* owned; a NUL follows the last one; NULL when len is 0 */
	size_t len;
};

#endif
