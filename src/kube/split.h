/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts a stream of JSON into Kubernetes objects: chunks of bytes go in, whole objects come out one
 * at a time, so that a list of any length needs the memory of its largest object. A document is a
 * JSON object: a list (its `items` come out one by one), or a single object. Documents follow one
 * another with or without white space, as `kubectl` and a watch write them.
 *
 * The happy path: split_feed a chunk; split_next until SPLIT_MORE; again with the next chunk;
 * split_end. What lies inside an emitted object is checked for balanced brackets (of which kind: up
 * to 64 levels) and strings only: who decodes it checks the rest.
 *
 * What may fail: anything but the expected character, nesting deeper than SPLIT_DEPTH_MAX, an
 * object over SPLIT_OBJECT_MAX bytes, the end in the middle of a document. The first failure is
 * final and is told with its place. One thread at a time.
 */
#ifndef KANAME_KUBE_SPLIT_H
#define KANAME_KUBE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/text.h"

/* Bytes. etcd takes 1.5 MiB, of which each byte may be written as six ("<" as \u003c): whoever may
 * create one object is not to stop the list of all. */
#define SPLIT_OBJECT_MAX (12u << 20)
#define SPLIT_DEPTH_MAX 10000 /* open brackets inside a list item or a value; Go's limit */
#define SPLIT_WORD_MAX 64 /* kind and apiVersion; longer ones are cut: no kind that we know is */
#define SPLIT_METADATA_MAX \
	(64 * 1024) /* bytes of a document's metadata; a longer one is not kept */

enum split_event {
	SPLIT_MORE,	/* the chunk is used up */
	SPLIT_OBJECT,	/* split->object is one object */
	SPLIT_DOCUMENT, /* a document has ended; kind and apiVersion are final */
	SPLIT_ERROR,	/* see split->error; it stays */
};

struct split_object {
	const char *bytes; /* borrowed until the next call */
	size_t len;
	uint64_t offset, line; /* of its first byte; lines count from 1 */
	bool is_item;	       /* of a list; else a document of its own */
};

struct split_error {
	uint64_t offset, line;
	char why[128];
};

struct split {
	/* Results. */
	struct split_object object;
	struct split_error error;
	uint64_t document_offset;  /* where the current or last document begins */
	char kind[SPLIT_WORD_MAX]; /* of the document, "" while unknown: keys come in any order */
	char api_version[SPLIT_WORD_MAX]; /* likewise */
	bool is_null;			  /* the document's items are null, in place of a list */
	struct text metadata; /* the document's, as JSON; empty: none so far, or too long */

	/* Its own. */
	int state;
	bool is_list, in_string, in_escape, is_emitted, in_metadata;
	uint32_t n_documents;
	unsigned depth;
	uint64_t brackets; /* a bit for each of the 64 outermost open brackets, the innermost
			      lowest: 1 is [ */
	const char *chunk, *at, *end; /* borrowed until SPLIT_MORE */
	const char *counted;	      /* newlines are counted up to here */
	uint64_t chunk_offset, line;  /* of chunk[0]; at `counted` */
	const char *start;	      /* of the object being captured in this chunk, or NULL */
	bool is_capturing;
	struct text held;	   /* what earlier chunks hold of it */
	char key[SPLIT_WORD_MAX];  /* of the value that is read, at the document's first level */
	char word[SPLIT_WORD_MAX]; /* the key, string or literal that is read */
	size_t word_len;
	char hint_kind[SPLIT_WORD_MAX];
	char hint_api_version[SPLIT_WORD_MAX];
};

/* A zeroed struct split is ready; this one also knows what kind the documents are until they say so
 * themselves: for the second reading of a list whose kind came after its items. Cut to
 * SPLIT_WORD_MAX - 1 bytes. */
void split_init(struct split *split, const char *kind, const char *api_version);
void split_fini(struct split *split);

/* bytes[0..len) are borrowed until split_next says SPLIT_MORE. Only after SPLIT_MORE, or at first.
 */
void split_feed(struct split *split, const char *bytes, size_t len);
MUST_USE enum split_event split_next(struct split *split);

/* The stream has ended. False, and split->error, if that was in the middle of a document, before
 * the first one, or after an error. */
MUST_USE bool split_end(struct split *split);

#endif
