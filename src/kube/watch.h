/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps the store equal to one resource of the API server: list, then watch, for ever. Bytes, ends
 * of requests and times go in; requests come out through struct watch_calls. No libuv, no libcurl,
 * no clock: an hour of silence is a test's argument.
 *
 * The happy path: watch_start asks for a list (as a stream of events where the server has that,
 * else in pages) and puts every object; then it follows the changes from the list's version, each
 * event and bookmark advancing it. What the server ends is taken up again from that version, at
 * once when it was time, else after a backoff and after asking whether the version is still one of
 * the server's. Only when it is not (expired, of the future, another cluster) the list is asked
 * for again: mark and sweep, so what still exists never stops answering.
 *
 * What may fail: everything outside; it is told once in the log, in watch_tell and in the counters,
 * and tried again. The kube thread; counters are read by any.
 */
#ifndef KANAME_KUBE_WATCH_H
#define KANAME_KUBE_WATCH_H

#include "base/random.h"
#include "message.h"
#include "resource.h"
#include "split.h"
#include "store.h"

enum watch_subject { WATCH_SERVICES, WATCH_ENDPOINTS, WATCH_NAMESPACES, WATCH_PODS };
#define WATCH_N_SUBJECTS 4

#define WATCH_PARTIAL_MS 30000

enum watch_state {
	WATCH_IDLE,	   /* not started */
	WATCH_DISCOVERING, /* which versions of EndpointSlices are there? */
	WATCH_LISTING,
	WATCH_FOLLOWING,
	WATCH_VERIFYING, /* is our version one of the server's? */
	WATCH_WAITING,	 /* then on with `next` */
};

enum watch_relist {
	WATCH_RELIST_FIRST,	/* the first list, and again until it was whole */
	WATCH_RELIST_EXPIRED,	/* 410: the server has forgotten our version */
	WATCH_RELIST_TOO_LARGE, /* the server has not reached our version: another etcd */
	WATCH_RELIST_CLUSTER,	/* another cluster answers */
	WATCH_RELIST_GONE,	/* 404: the resource is not served any more */
	WATCH_RELIST_REFUSED,	/* 400, 422, or errors and garbage again and again */
};
#define WATCH_N_RELISTS 6

struct watch_request {
	const char *path; /* with its query; borrowed for the call */
	bool is_list;	  /* worth compressing */
	bool is_fresh;	  /* not on a connection that is there */
	bool is_denied;	  /* the last answer was 401: read the credentials anew */
};

/* What the watch asks of its owner; `arg` is watch->arg. */
struct watch_calls {
	/* Begins a GET, whose progress is told by watch_on_head, _data and _end, never from within
	 * this call. 0, or -errno with *why: nothing will be told. */
	int (*get)(void *arg, const struct watch_request *request, struct text *why);
	/* Ends the request; nothing more is told of it. Never called from within watch_on_data. */
	void (*cancel)(void *arg);
	/* Another cluster answers: watch_relist for the others. */
	void (*on_other_cluster)(void *arg);
};

/* Read by any thread. */
struct watch_counters {
	uint64_t last_event_ms; /* monotonic: the last event or bookmark, or end of a list; 0: none
				 */
	uint64_t version;	/* the resourceVersion as a number; 0 when it is none */
	uint64_t relists[WATCH_N_RELISTS];
	uint64_t reconnects; /* requests that took up a watch again */
	uint64_t events;
	uint64_t decode_errors;
	uint64_t is_complete;
};

struct watch {
	/* Set before watch_init; borrowed. */
	const struct kube_source_config *config;
	enum watch_subject subject;
	const struct watch_calls *calls;
	void *arg;
	struct store *store;
	struct log_channel *log;
	struct text *lines; /* not NULL: log lines go here (tests) */

	/* Results. */
	bool is_complete; /* a whole list was there once; stays */
	uint64_t due_ms;  /* when watch_on_time is wanted; UINT64_MAX: never */
	struct watch_counters counters;

	/* Its own. */
	enum watch_state state, next;
	enum watch_relist reason;	 /* of the list that is under way or next */
	const struct resource *resource; /* NULL: to be discovered */
	struct store_owner owner;
	struct random random;
	struct split split;
	struct object object; /* scratch */
	struct text why;      /* scratch */
	struct text body;     /* of a response that is not streamed */
	struct text fault;    /* why it is not complete, or does not follow; empty: all is well */
	struct text logged;   /* the last fault that was logged */
	uint64_t logged_ms;
	struct log_limit complaints;
	uint64_t now_ms; /* of the data at hand */
	char version[MESSAGE_VERSION_MAX + 1];
	char cluster_uid[OBJECT_UID_MAX + 1]; /* of namespace kube-system; of WATCH_NAMESPACES */
	struct message_list page;
	unsigned http_status; /* of the request; 0: no answer yet */
	unsigned retry_after_s;
	unsigned n_failures;	  /* since something went well */
	unsigned n_relists;	  /* likewise: a series of their own */
	unsigned n_bad_streams;	  /* garbage or errors, one after another */
	unsigned n_expired_pages; /* lists that expired between pages, one after another */
	uint64_t began_ms;	  /* the request */
	uint64_t timeout_ms;	  /* after which the server ends the watch */
	uint32_t n_unnamed;	  /* objects of this list of which not even the name is known */
	bool has_streams;	  /* lists may be asked for as streams, as far as is known */
	bool is_streaming;	  /* this list is */
	bool is_page_whole;
	bool is_partial; /* see watch_is_partial */
	uint64_t partial_since_ms;
	bool is_denied; /* for the next request: the last answer was 401 */
	bool is_fresh; /* until it follows again: a connection that is there may be the one that was
			  silent */
	enum watch_state
		after_data; /* what the response itself said comes next; WATCH_IDLE: nothing */
};

/* The fields that are the caller's are set; the rest is zero. */
void watch_init(struct watch *watch);
/* The store, which points to the watch, is freed before. No request is under way. */
void watch_fini(struct watch *watch);

void watch_start(struct watch *watch, uint64_t now_ms);

/* The response's head. retry_after_s: 0 for none. */
void watch_on_head(struct watch *watch, unsigned http_status, unsigned retry_after_s,
		   uint64_t now_ms);
/* False: nothing more is wanted of this response; end it, and tell watch_on_end. */
MUST_USE bool watch_on_data(struct watch *watch, const char *bytes, size_t len, uint64_t now_ms);
/* The request has ended: fault NULL, or what was wrong with the connection. */
void watch_on_end(struct watch *watch, const char *fault, uint64_t now_ms);
/* now_ms >= due_ms. Earlier calls change nothing. */
void watch_on_time(struct watch *watch, uint64_t now_ms);

/* Another cluster answers: everything is listed again. */
void watch_relist(struct watch *watch, uint64_t now_ms);

/*
 * Has a list replaced a part of what there was? An endpoint that has moved to a slice further down,
 * or an address to another pod, is then missing from the store until the list is whole: nothing is
 * to be published before. Not for ever: after WATCH_PARTIAL_MS of lists that break off what is new
 * elsewhere counts for more.
 */
bool watch_is_partial(const struct watch *watch, uint64_t now_ms);

/* Appends the resource and why it is not complete. */
void watch_tell(const struct watch *watch, struct text *why);

/* "endpointslices", or "endpoints" where those are watched. Any thread. */
const char *watch_name(const struct watch *watch);

#endif
