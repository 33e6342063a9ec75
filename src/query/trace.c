/* SPDX-License-Identifier: Apache-2.0
 *
 * What --explain prints: a line for each step that says what it made of the query.
 */
#include <stdarg.h>

#include "worker.h"

void query_trace(struct query_worker *worker, struct text *trace)
{
	worker->trace = trace;
}

void answer_trace(struct answer *answer, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vprintf(answer->worker->trace, format, args);
	va_end(args);
	text_puts(answer->worker->trace, "\n");
}
