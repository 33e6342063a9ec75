/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that may be a secret (keys, tokens, passwords): from a file, from base64, checked, and
 * overwritten before their memory is freed. Zeroed memory is an empty blob. Any thread, one at a
 * time.
 */
#ifndef KANAME_KUBE_BLOB_H
#define KANAME_KUBE_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/text.h"

#define BLOB_FILE_MAX (1u << 20)
#define BLOB_TOKEN_MAX (1u << 16)

struct blob {
	uint8_t *bytes; /* owned; a NUL follows the last one; NULL when len is 0 */
	size_t len;
};

/* What stat tells of a file's content. */
struct blob_version {
	uint64_t device, inode, size, mtime_ns, ctime_ns;
};

struct blob_file {
	const char *what; /* for messages: "token" */
	const char *path;
	size_t max_bytes; /* more is an error */
};

/* A blob of these bytes, copied. */
struct blob blob_copy(const void *bytes, size_t len);
void blob_fini(struct blob *blob);
bool blob_equal(const struct blob *a, const struct blob *b);

/* Overwrites and frees; NULL is allowed. */
void blob_free_string(char *secret);

/* Reads a regular file, symlinks followed, and what stat said of it. 0, or -errno, -EINVAL for what
 * is no regular file, -EFBIG, with "WHAT PATH: cause" appended to *why. */
MUST_USE int blob_read(struct blob *blob, const struct blob_file *file,
		       struct blob_version *version, struct text *why);

/* Has the file this version still? */
bool blob_is_version(const char *path, const struct blob_version *version);

/* RFC 4648 section 4, with padding and without stray bits; white space is left out. 0 or -EINVAL.
 */
MUST_USE int blob_from_base64(struct blob *blob, const char *text, size_t len);

/* prefix, then the bytes in base64: owned, free it with blob_free_string. */
char *blob_to_base64(const char *prefix, const struct blob *blob);

/* Does it look like PEM? What is in it is OpenSSL's to judge. */
bool blob_is_pem(const struct blob *blob);

/* Takes white space off the end of a token. It is to be visible ASCII, so that it ends no header.
 * 0, or -EINVAL with "is ..." appended to *why. */
MUST_USE int blob_trim_token(struct blob *token, struct text *why);

#endif
