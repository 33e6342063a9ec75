/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads one file of objects into the store, in chunks: splitter, decoder, store. What is wrong is
 * logged by file, object and reason; the first fault of the JSON itself ends the reading, a broken
 * object does not. The kube thread.
 */
#ifndef KANAME_KUBE_READER_H
#define KANAME_KUBE_READER_H

#include "store.h"

#define READER_CHUNK (64 * 1024)
#define READER_LINES_MAX 20 /* log lines about the objects of one reading; the rest is a number */

struct reader_counters {
	uint64_t object_errors; /* objects not decoded, or not in full, each time they are read */
	uint64_t file_errors;	/* files whose reading ended early */
};

struct reader {
	const struct kube_source_config *config; /* borrowed */
	struct store *store;			 /* borrowed */
	struct log_channel *log;		 /* borrowed; NULL: stderr */
	struct text *lines;		 /* borrowed; not NULL: lines go here instead (tests) */
	struct reader_counters counters; /* read by any thread */
};

struct reader_result {
	bool is_whole;	    /* the file was read to its end, and each document could be objects */
	bool is_temporary;  /* not whole for want of a resource: to be read again */
	uint64_t n_objects; /* that concern us and are in order */
	char fault[256];    /* why it is not whole: "line 3: expected ..." */
};

/* Puts the file's objects under a new generation of the owner, whose is_complete says whether it
 * gave all that it has: read to its end, and every object known by name. owner->name is the path.
 * is_quiet: what is wrong was logged before. */
void reader_read(struct reader *reader, struct store_owner *owner, bool is_quiet,
		 struct reader_result *result);

/* A line of the source: "kubernetes: objects ...". */
__attribute__((format(printf, 3, 4))) void reader_log(struct reader *reader, enum log_level level,
						      const char *format, ...);

#endif
