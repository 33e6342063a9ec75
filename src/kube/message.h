/* SPDX-License-Identifier: Apache-2.0
 *
 * What the API server writes around objects: watch events, Status (the body of a failed request,
 * and of an ERROR event), a list's metadata, the versions of an API group. Untrusted bytes in,
 * bounded values out; strings that are too long are cut, but for a version or token, which is then
 * a fault, since a part of it means something else. One thread at a time.
 */
#ifndef KANAME_KUBE_MESSAGE_H
#define KANAME_KUBE_MESSAGE_H

#include "object.h"

#define MESSAGE_VERSION_MAX 63	   /* octets of a resourceVersion */
#define MESSAGE_CONTINUE_MAX 16384 /* octets of a list's continue token */

struct message_status {
	uint32_t code;		/* HTTP's; 0: not told */
	char reason[64];	/* "Expired", "Forbidden"; "" for none */
	char message[512];	/* "" for none */
	bool is_too_large;	/* the resourceVersion that was asked for is not reached yet: of the
				   future, or of another etcd */
	uint32_t retry_after_s; /* 0: not told */
};

enum message_type {
	MESSAGE_PUT, /* ADDED, MODIFIED */
	MESSAGE_DELETED,
	MESSAGE_BOOKMARK,
	MESSAGE_ERROR,
	MESSAGE_UNKNOWN, /* of a type that we do not know; `why` names it */
	MESSAGE_BROKEN,	 /* no event at all; `why` tells */
};

struct message_event {
	enum message_type type;
	enum object_outcome outcome;	       /* of PUT and DELETED: never OBJECT_NOT_JSON */
	char version[MESSAGE_VERSION_MAX + 1]; /* the object's resourceVersion; "" for none */
	bool is_initial_end; /* of BOOKMARK: the objects that there were have all been told */
	struct message_status status; /* of ERROR */
};

/* A whole event. Decodes its object to *object as object_decode does; `like` tells the kind and
 * version of objects that do not say so themselves. */
void message_decode_event(struct message_event *event, struct object *object,
			  const struct object_input *like, const struct kube_source_config *config,
			  struct text *why);

/* A response's body. What is no Status gives zeros and a message that is its beginning. */
void message_decode_status(struct message_status *status, const char *bytes, size_t len);

struct message_list {
	char version[MESSAGE_VERSION_MAX + 1];
	struct text token; /* owned: of the next page; len 0: this was the last */
};

/* The metadata of a list. 0, or -EINVAL with a reason appended to *why. */
MUST_USE int message_decode_list(struct message_list *list, const char *bytes, size_t len,
				 struct text *why);

/* Does an APIGroup have this version ("discovery.k8s.io/v1")? -EINVAL: it is no APIGroup. */
MUST_USE int message_group_has(const char *bytes, size_t len, const char *api_version);

/* What a list of one tells of its server. */
struct message_probe {
	char version[MESSAGE_VERSION_MAX + 1]; /* "" for none */
	char uid[OBJECT_UID_MAX + 1];	       /* of the first item; "" for none */
};

/* -EINVAL: no list. */
MUST_USE int message_decode_probe(struct message_probe *probe, const char *bytes, size_t len);

#endif
