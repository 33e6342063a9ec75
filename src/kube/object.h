/* SPDX-License-Identifier: Apache-2.0
 *
 * Decodes one Kubernetes object from JSON to what DNS needs of it: v1 Service, discovery.k8s.io/v1
 * (v1beta1) EndpointSlice, v1 Endpoints, v1 Namespace, v1 Pod. Everything that is kept is
 * validated. The filters of the source that look at one object only (namespaces, labels) are
 * applied here, so that nothing later needs labels.
 *
 * The happy path: object_decode gives OBJECT_DECODED; object->content is in the form of pack.h. One
 * thread at a time.
 */
#ifndef KANAME_KUBE_OBJECT_H
#define KANAME_KUBE_OBJECT_H

#include "base/arena.h"
#include "kube/kube.h"

enum object_kind {
	OBJECT_SERVICE,
	OBJECT_SLICE,
	OBJECT_ENDPOINTS,
	OBJECT_NAMESPACE,
	OBJECT_POD,
};
#define OBJECT_N_KINDS 5

#define OBJECT_NAME_MAX 253	   /* DNS subdomain, RFC 1123 */
#define OBJECT_UID_MAX 63	   /* octets; longer ones are cut */
#define OBJECT_PORTS_MAX 1024	   /* of one object */
#define OBJECT_ENDPOINTS_MAX 20000 /* addresses of one slice or Endpoints object, ready or not */
#define OBJECT_ADDRESSES_MAX 64	   /* cluster IPs of a service, addresses of a pod */

struct object {
	enum object_kind kind;
	char namespace[DNS_LABEL_MAX + 1]; /* "" of a Namespace */
	char name[OBJECT_NAME_MAX + 1];
	char service[DNS_LABEL_MAX +
		     1]; /* of a slice or Endpoints: in the same namespace; "" for none */
	char uid[OBJECT_UID_MAX + 1]; /* of a Namespace; "" for none */
	bool is_hidden;		      /* exists, but a selector leaves it out; content is empty */
	uint64_t trigger_unix_ms; /* annotation endpoints.kubernetes.io/last-change-trigger-time; 0
				     for none */
	struct text content;	  /* owned, pack.h; reused from one decode to the next */
	uint32_t n_left_out;	  /* bad ports and endpoints; the rest is in order */
	struct text left_out;	  /* owned, reused: path and reason of the first */
	struct arena tree;	  /* owned, reused: of the decoder */
};

enum object_outcome {
	OBJECT_DECODED,
	OBJECT_IGNORED,	 /* of a kind, version or namespace that does not concern us */
	OBJECT_BROKEN,	 /* kind, namespace and name are known; *why has path and reason */
	OBJECT_NAMELESS, /* it cannot be told which object this is; likewise */
	OBJECT_UNTYPED,	 /* a list item without kind, and the list has not told its kind yet */
	OBJECT_NOT_JSON, /* *fault_offset says where */
};

struct object_input {
	const char *bytes;
	size_t len;
	bool is_item; /* of a list with this kind and apiVersion, "" while unknown */
	const char *list_kind;
	const char *list_api_version;
};

/* Decodes to *object, which is zeroed or was decoded to before, and is freed with object_fini.
 * *fault_offset is set with OBJECT_NOT_JSON: bytes from input->bytes. */
MUST_USE enum object_outcome object_decode(struct object *object, const struct object_input *input,
					   const struct kube_source_config *config,
					   struct text *why, size_t *fault_offset);
void object_fini(struct object *object);

/* The same from a tree that is parsed already, borrowed: input's bytes are not looked at, and the
 * outcome is never OBJECT_NOT_JSON. */
struct cJSON;
MUST_USE enum object_outcome object_decode_tree(struct object *object, const struct cJSON *tree,
						const struct object_input *input,
						const struct kube_source_config *config,
						struct text *why);

/* "EndpointSlice shop/web-1", for messages; at most OBJECT_TEXT_MAX octets are written. */
#define OBJECT_TEXT_MAX (OBJECT_NAME_MAX + DNS_LABEL_MAX + 32)
void object_name(const struct object *object, char *out, size_t size);

/* "EndpointSlice" */
const char *object_kind_text(enum object_kind kind);

/* The content of each kind, from its whole tree; faults go to the place's struct json_fault.
 * (object_service.c, object_endpoints.c) */
struct json;
void object_decode_service(struct object *object, const struct json *root);
void object_decode_slice(struct object *object, const struct json *root, bool endpoint_pod_names);
void object_decode_endpoints(struct object *object, const struct json *root,
			     bool endpoint_pod_names);
void object_decode_pod(struct object *object, const struct json *root);

/* For these: an address in text form (010.0.0.1 and ::ffff:10.0.0.1 are 10.0.0.1); a list of ports,
 * packed without exact duplicates and bad ones; is_slice: a port without number means "all ports"
 * and is left out. */
void object_address(const struct json *at, struct address *address);
void object_ports(const struct json *list, bool is_slice, struct text *content);

#endif
