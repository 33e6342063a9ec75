/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines that never block who writes them. Each producing thread has a channel: a
 * single-producer single-consumer ring of bytes. One writer thread drains all channels to a file
 * descriptor (stdout). When the descriptor does not take more (a stopped reader of a pipe), rings
 * fill up and further lines are dropped and counted, never waited for.
 *
 * Happy path: log_open, log_channel_new per thread, log_printf ..., log_close flushes what the
 * descriptor takes within a second and joins. Lines look as CoreDNS's: "[INFO] text". A newline or
 * control byte inside a line is written as \ooo, so that nobody outside can forge a line.
 */
#ifndef KANAME_BASE_LOG_H
#define KANAME_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

#define LOG_LINE_MAX 2048 /* bytes; longer lines are cut and end in "..." */

struct log;
struct log_channel;

/* Starts the writer thread. `fd` is borrowed and outlives the log; lines below `least` are not
 * written. 0 or -errno. Main thread. */
MUST_USE int log_open(struct log **log, int fd, enum log_level least);

/* Flushes for at most a second, stops the writer, frees the log and its channels. NULL is allowed.
 * Main thread. */
void log_close(struct log *log);

/* Lines below `least` are not written from now on. Main thread. */
void log_set_least(struct log *log, enum log_level least);

/* A channel for one thread, freed with the log. ring_bytes is rounded up to a power of two. Main
 * thread, before the producing thread starts. */
struct log_channel *log_channel_new(struct log *log, size_t ring_bytes);

/* Its thread has ended: log_channel_new may give the channel to another. NULL is allowed. Main
 * thread.
 */
void log_channel_release(struct log_channel *channel);

/* Any of these: the channel's thread only. A NULL channel writes to stderr at once (tests,
 * --check). */
void log_printf(struct log_channel *channel, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A finished line without its newline, level prefix included; for the query log. Bytes are written
 * as they are. */
void log_line(struct log_channel *channel, const char *bytes, size_t len);

/* Lines dropped because a ring was full, all channels together. Any thread. */
uint64_t log_dropped(const struct log *log);

/* A line that a client can cause passes at most `burst` times a second: returns true when it may be
 * written, and then sets *suppressed to how many were not since the last that was. Zeroed memory is
 * a fresh limit. One thread. */
struct log_limit {
	uint64_t window_start_ns;
	uint32_t in_window;
	uint32_t suppressed;
};
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint32_t burst, uint32_t *suppressed);

#endif
