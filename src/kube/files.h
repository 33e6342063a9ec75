/* SPDX-License-Identifier: Apache-2.0
 *
 * Follows the `objects PATH...` of a source: files, and folders of *.json, symlinks followed.
 * files_poll, called every FILES_POLL_MS, looks at each file's stat; once whatever has changed
 * keeps still from one poll to the next, or after FILES_SETTLE_MAX_MS, it reads all that has
 * changed as one batch and publishes the difference in one commit.
 *
 * What may fail: a file that cannot be read whole keeps what it gave before; a file that is gone
 * gives up its objects. The same object in two files is that of the earlier path, then of the
 * earlier name. The kube thread; time is an argument.
 */
#ifndef KANAME_KUBE_FILES_H
#define KANAME_KUBE_FILES_H

#include "reader.h"
#include "records.h"

#define FILES_POLL_MS 200
#define FILES_SETTLE_MAX_MS 600

struct file; /* files.c */

struct files_path {
	const char *path; /* borrowed */
	bool is_folder;
	int error; /* errno of the path itself; 0: it is there */
};

struct files {
	const struct kube_source_config *config; /* borrowed */
	struct reader *reader;			 /* borrowed */
	struct records *records;		 /* borrowed */
	struct files_path *paths;		 /* owned, one for each config->objects */
	ARRAY(struct file *) list;		 /* owned, by path, then name */
	bool is_polled;				 /* the first batch is through */
	bool is_synced;				 /* see files_poll; stays */
};

void files_init(struct files *files, const struct kube_source_config *config, struct reader *reader,
		struct records *records);
void files_fini(struct files *files);

/* Returns whether a batch was applied. The first call reads everything at once. The source is
 * synced after the first batch in which every path, or in a folder at least one *.json file of it,
 * could be read whole or gave an object. */
bool files_poll(struct files *files, uint64_t monotonic_ms, uint64_t unix_ms);

/* Why it is not synced: "kubernetes: objects /path: No such file or directory" lines. */
void files_tell_missing(const struct files *files, struct text *why);

#endif
