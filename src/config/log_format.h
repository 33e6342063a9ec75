/* SPDX-License-Identifier: Apache-2.0
 *
 * A format of `log`, taken apart. Main thread.
 */
#ifndef KANAME_CONFIG_LOG_FORMAT_H
#define KANAME_CONFIG_LOG_FORMAT_H

#include "base/arena.h"
#include "query/log.h"

/* The pieces of `format` to *log. {common} and {combined} stand for their formats, {json} for the
 * query as an object; what is in braces and no placeholder is text. False when its own text is
 * longer than QUERY_LOG_TEXT_MAX. */
MUST_USE bool log_format_read(struct arena *arena, const char *format,
			      struct query_log_config *log);

#endif
