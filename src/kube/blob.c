/* SPDX-License-Identifier: Apache-2.0
 *
 * Secrets: reading, base64, checks.
 */
#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

struct blob blob_copy(const void *bytes, size_t len)
{
	struct blob blob = {0};

	if (len == 0)
		return blob;
	blob.bytes = mem_alloc(len + 1);
	memcpy(blob.bytes, bytes, len);
	blob.bytes[len] = '\0';
	blob.len = len;
	return blob;
}

void blob_fini(struct blob *blob)
{
	if (blob->bytes)
		explicit_bzero(blob->bytes, blob->len);
	free(blob->bytes);
	*blob = (struct blob){0};
}

bool blob_equal(const struct blob *a, const struct blob *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

void blob_free_string(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* ---- files ---- */

static struct blob_version version_of(const struct stat *st)
{
	return (struct blob_version){.device = st->st_dev,
				     .inode = st->st_ino,
				     .size = (uint64_t)st->st_size,
				     .mtime_ns = clock_ns_of(&st->st_mtim),
				     .ctime_ns = clock_ns_of(&st->st_ctim)};
}

bool blob_is_version(const char *path, const struct blob_version *version)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;

	struct blob_version now = version_of(&st);

	return now.device == version->device && now.inode == version->inode &&
	       now.size == version->size && now.mtime_ns == version->mtime_ns &&
	       now.ctime_ns == version->ctime_ns;
}

/* Up to `size` bytes; how many, or -errno. */
static ssize_t read_bytes(int fd, uint8_t *bytes, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, bytes + len, size - len);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

/* 0 or -errno; -EINVAL when it is no regular file, -EFBIG when it is larger than that. */
static int read_open(int fd, size_t max_bytes, struct blob *blob, struct blob_version *version)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;

	uint8_t *bytes = mem_alloc(max_bytes + 1);
	ssize_t n = read_bytes(fd, bytes, max_bytes + 1);
	size_t len = n > 0 ? (size_t)n : 0;

	if (n >= 0 && len <= max_bytes) {
		*blob = blob_copy(bytes, len);
		*version = version_of(&st);
	}
	explicit_bzero(bytes, len);
	free(bytes);
	if (n < 0)
		return (int)n;
	return len <= max_bytes ? 0 : -EFBIG;
}

int blob_read(struct blob *blob, const struct blob_file *file, struct blob_version *version,
	      struct text *why)
{
	/* Not to wait for the other end of a FIFO, nor to become the terminal's process. */
	int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	int error = fd >= 0 ? read_open(fd, file->max_bytes, blob, version) : -errno;

	if (fd >= 0)
		close(fd);
	if (error == 0)
		return 0;
	text_printf(why, "%s %s: ", file->what, file->path);
	if (error == -EINVAL)
		text_puts(why, "is no regular file");
	else if (error == -EFBIG)
		text_printf(why, "is larger than %zu bytes", file->max_bytes);
	else
		text_puts(why, strerror(-error));
	return error;
}

/* ---- base64 ---- */

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* 0..63, or -1. */
static int digit_value(char c)
{
	const char *at = c != '\0' ? strchr(base64_digits, c) : NULL;

	return at ? (int)(at - base64_digits) : -1;
}

struct base64 {
	uint32_t bits; /* of the digits whose bytes are not out yet */
	unsigned n_digits, n_pads;
	uint8_t *bytes;
	size_t len;
};

/* A digit or a pad; false when it cannot stand here. */
static bool take_digit(struct base64 *base64, char c)
{
	int value = digit_value(c);

	if (c == '=') {
		base64->n_pads++;
		return base64->n_digits >= 2 && base64->n_digits + base64->n_pads <= 4;
	}
	if (value < 0 || base64->n_pads > 0)
		return false;
	base64->bits = base64->bits << 6 | (uint32_t)value;
	if (++base64->n_digits == 4) {
		base64->bytes[base64->len++] = (uint8_t)(base64->bits >> 16);
		base64->bytes[base64->len++] = (uint8_t)(base64->bits >> 8);
		base64->bytes[base64->len++] = (uint8_t)base64->bits;
		base64->n_digits = 0;
		base64->bits = 0;
	}
	return true;
}

/* The bytes of an incomplete group of four, which pads have to fill. */
static bool take_rest(struct base64 *base64)
{
	if (base64->n_digits == 0)
		return base64->n_pads == 0;
	if (base64->n_digits + base64->n_pads != 4)
		return false;

	unsigned n_bytes = base64->n_digits - 1;
	uint32_t bits = base64->bits << 6 * base64->n_pads;

	for (unsigned i = 0; i < n_bytes; i++)
		base64->bytes[base64->len++] = (uint8_t)(bits >> (16 - 8 * i));
	return (bits & (n_bytes == 1 ? 0xffffu : 0xffu)) == 0;
}

int blob_from_base64(struct blob *blob, const char *text, size_t len)
{
	struct base64 base64 = {.bytes = mem_alloc(len / 4 * 3 + 3)};
	bool is_good = true;

	for (size_t i = 0; i < len && is_good; i++)
		is_good = is_space(text[i]) || take_digit(&base64, text[i]);
	is_good = is_good && take_rest(&base64);
	if (is_good)
		*blob = blob_copy(base64.bytes, base64.len);
	explicit_bzero(base64.bytes, base64.len);
	free(base64.bytes);
	return is_good ? 0 : -EINVAL;
}

char *blob_to_base64(const char *prefix, const struct blob *blob)
{
	size_t prefix_len = strlen(prefix);
	char *text = mem_alloc(prefix_len + (blob->len + 2) / 3 * 4 + 1);
	char *out = text + prefix_len;

	memcpy(text, prefix, prefix_len);
	for (size_t i = 0; i < blob->len; i += 3) {
		size_t n = blob->len - i < 3 ? blob->len - i : 3;
		uint32_t bits = (uint32_t)blob->bytes[i] << 16;

		if (n > 1)
			bits |= (uint32_t)blob->bytes[i + 1] << 8;
		if (n > 2)
			bits |= blob->bytes[i + 2];
		for (size_t k = 0; k < 4; k++)
			*out++ = k <= n ? base64_digits[bits >> (18 - 6 * k) & 63] : '=';
	}
	*out = '\0';
	return text;
}

/* ---- checks ---- */

bool blob_is_pem(const struct blob *blob)
{
	static const char begin[] = "-----BEGIN ";

	return blob->len > 0 && memmem(blob->bytes, blob->len, begin, sizeof(begin) - 1) != NULL;
}

int blob_trim_token(struct blob *token, struct text *why)
{
	while (token->len > 0 && is_space((char)token->bytes[token->len - 1]))
		token->bytes[--token->len] = '\0';
	if (token->len == 0) {
		text_puts(why, "is empty");
		return -EINVAL;
	}
	if (token->len > BLOB_TOKEN_MAX) {
		text_printf(why, "is longer than %u bytes", BLOB_TOKEN_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < token->len; i++) {
		if (token->bytes[i] <= ' ' || token->bytes[i] > '~') {
			text_puts(why, "has a byte in it that is not visible ASCII");
			return -EINVAL;
		}
	}
	return 0;
}
