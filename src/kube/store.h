/* SPDX-License-Identifier: Apache-2.0
 *
 * The kube thread's memory of the objects of one source, in their packed form, and what of it is
 * yet to be published.
 *
 * Entries are objects. Entries about one service (the Service, its slices, its Endpoints) hang on a
 * node, which exists as soon as one of them does; nodes and pods hang on their namespace. A change
 * marks node, pod or namespace dirty; records.h publishes what is dirty from what the store then
 * holds, so that the order of changes cannot matter, and ends with store_clean.
 *
 * Each entry has an owner (a file; later a watch). Mark and sweep: the owner raises its generation,
 * puts all objects that it has, sets is_complete if those were all, and store_sweep removes what
 * was left behind. Of two owners of the same object the one with the lower rank has it.
 *
 * With a linger_ms, endpoints that have only left a slice stay on its node that long (departed.c).
 * One thread.
 */
#ifndef KANAME_KUBE_STORE_H
#define KANAME_KUBE_STORE_H

#include "base/array.h"
#include "hash.h"
#include "object.h"

struct store_owner {
	const char *name; /* borrowed: for messages */
	uint32_t rank;
	uint32_t generation;
	bool is_complete;  /* entries of an older generation are no longer there */
	bool is_due;	   /* will put its objects again before the next sweep */
	bool has_shadowed; /* has an object that another owner has too, and that is not its own */
	uint64_t n_entries;
};

struct store_bytes {
	uint32_t len;
	uint8_t bytes[];
};

struct store_entry {
	struct hash_link link;	   /* first */
	struct store_owner *owner; /* borrowed: outlives its entries */
	struct store_namespace *namespace;
	struct store_bytes *content; /* owned; NULL when empty */
	union {
		struct store_node
			*node; /* of services, slices, Endpoints; NULL: slice of no service */
		struct store_bytes *published; /* of a pod; owned: what the table has of it */
	};
	struct store_entry *next, **from; /* slices of the node, pods of the namespace */
	uint32_t generation;
	uint8_t kind; /* enum object_kind */
	bool is_hidden;
	bool is_dirty;	 /* a pod: in dirty_pods */
	bool is_removed; /* a pod: not in the store any more, kept until its addresses are
			    unpublished */
	char name[];
};

/* Endpoints that have just left a slice. */
struct store_departed {
	struct store_departed *next; /* of the store: the next to end */
	struct store_departed *next_of_node;
	struct store_node *node;
	uint64_t until_ms;
	uint32_t len;
	uint8_t bytes[]; /* as a slice's content */
};

struct store_node {
	struct hash_link link; /* first */
	struct store_namespace *namespace;
	struct store_node *next, **from; /* of the namespace */
	struct store_entry *service, *endpoints;
	struct store_entry *slices;
	struct store_departed *departed; /* owned; the latest first */
	uint64_t trigger_unix_ms; /* of the latest change of a slice that is not published yet; 0:
				     none */
	bool is_dirty;
	char name[];
};

struct store_namespace {
	struct hash_link link; /* first */
	struct store_entry *object;
	struct store_node *nodes;
	struct store_entry *pods;
	size_t n_entries;	   /* all that point here */
	size_t n_services, n_pods; /* that are not hidden */
	bool is_dirty;
	bool is_visible, is_published; /* for records.h */
	char name[];
};

struct store {
	struct hash entries, nodes, namespaces;
	uint64_t seed;
	uint32_t linger_ms; /* 0: what has left is gone at once */
	uint64_t now_ms;    /* set by the owners where linger_ms is set: monotonic */
	struct store_departed *first_departed, *last_departed; /* owned */
	uint64_t n_objects[OBJECT_N_KINDS];
	uint64_t n_dropped; /* objects or versions of one, ever: removed or replaced */
	ARRAY(struct store_node *) dirty_nodes;
	ARRAY(struct store_entry *) dirty_pods;
	ARRAY(struct store_namespace *) dirty_namespaces;
};

void store_init(struct store *store);
void store_fini(struct store *store);

enum store_put {
	STORE_PUT,	/* it is the owner's now; *other is NULL */
	STORE_TAKEN,	/* likewise; *other had it until now and has it too */
	STORE_SHADOWED, /* nothing is changed: *other has it and comes first */
};

/* A new or changed object, copied. Equal content marks nothing dirty. */
enum store_put store_put(struct store *store, struct store_owner *owner,
			 const struct object *object, struct store_owner **other);

/* The object is still there but cannot be decoded: what the owner gave before stays. */
void store_touch(struct store *store, struct store_owner *owner, const struct object *object);

/* The owner's object is no longer there. */
void store_remove(struct store *store, const struct store_owner *owner,
		  const struct object *object);

/* Removes what complete owners have left behind; returns how many. */
size_t store_sweep(struct store *store);

/* What has lingered long enough is gone. */
void store_expire(struct store *store, uint64_t now_ms);

/* When store_expire has something to do next; UINT64_MAX: nothing. */
uint64_t store_expiry_ms(const struct store *store);

/* For departed.c and store.c: the slice of the node had this content, and now has that (NULL: it
 * is gone); a node is to be published anew. */
void departed_note(struct store *store, struct store_node *node, const struct store_bytes *before,
		   const struct text *now);
void store_mark_node(struct store *store, struct store_node *node);

/* Marks all nodes and pods of a namespace dirty. */
void store_mark_namespace(struct store *store, struct store_namespace *namespace);

bool store_is_dirty(const struct store *store);

/* Everything is published: forgets what was dirty, frees what is empty. */
void store_clean(struct store *store);

#endif
