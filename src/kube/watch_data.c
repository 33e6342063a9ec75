/* SPDX-License-Identifier: Apache-2.0
 *
 * What the responses hold: objects into the store, versions, ends of lists, and the server's own
 * words of failure.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/counter.h"
#include "watch_private.h"

#define BAD_STREAMS_MAX 3
#define COMPLAINTS_PER_SECOND 20 /* log lines about objects */

/* ---- telling ---- */

__attribute__((format(printf, 3, 4))) void watch_say(struct watch *watch, enum log_level level,
						     const char *format, ...)
{
	struct text line = {0};
	va_list args;

	va_start(args, format);
	text_vprintf(&line, format, args);
	va_end(args);
	if (watch->lines)
		text_printf(watch->lines, "%s: %s\n", watch_name(watch), line.bytes);
	else
		log_printf(watch->log, level, "kubernetes: %s: %s", watch_name(watch), line.bytes);
	text_fini(&line);
}

const char *watch_verb(const struct watch *watch)
{
	switch (watch->state) {
	case WATCH_DISCOVERING:
		return "discover";
	case WATCH_LISTING:
		return watch->is_streaming ? "watch" : "list";
	case WATCH_VERIFYING:
		return "list";
	case WATCH_IDLE:
	case WATCH_FOLLOWING:
	case WATCH_WAITING:
		break;
	}
	return "watch";
}

void watch_end_fault(struct watch *watch)
{
	if (watch->logged.len > 0)
		watch_say(watch, LOG_INFO, "watched again");
	watch->fault.len = watch->logged.len = 0;
}

void watch_tell_status(struct watch *watch, unsigned code, const struct message_status *status)
{
	watch->fault.len = 0;
	text_printf(&watch->fault, "%s %s: HTTP %u%s%s%s%s", watch_verb(watch), watch_name(watch),
		    code, *status->reason ? " " : "", status->reason, *status->message ? ": " : "",
		    status->message);
	if (code != 403 || !watch->resource)
		return;
	text_puts(&watch->fault, "; the ClusterRole lacks the rule ");
	resource_rule(watch->resource, &watch->fault);
}

/* ---- objects ---- */

void watch_set_version(struct watch *watch, const char *version)
{
	if (!*version)
		return;
	memcpy(watch->version, version, sizeof(watch->version));
	counter_set(&watch->counters.version, strtoull(version, NULL, 10));
}

/* One that is not in order, or not in full: named, counted, and the watch goes on. */
static void complain(struct watch *watch, enum object_outcome outcome, const char *why)
{
	char name[OBJECT_TEXT_MAX] = "an object without a name";
	uint32_t suppressed;

	counter_add(&watch->counters.decode_errors, 1);
	if (!log_limit_pass(&watch->complaints, watch->now_ms * 1000000u, COMPLAINTS_PER_SECOND,
			    &suppressed))
		return;
	if (outcome != OBJECT_NAMELESS)
		object_name(&watch->object, name, sizeof(name));
	watch_say(watch, LOG_WARNING, "%s%s: %s", name,
		  outcome == OBJECT_DECODED ? ": left out" : " is skipped", why);
	if (suppressed > 0)
		watch_say(watch, LOG_WARNING, "%u more lines like this were left out", suppressed);
}

/* A namespace that tells which cluster this is. */
static void note_cluster(struct watch *watch)
{
	const struct object *object = &watch->object;
	bool is_other;

	if (object->kind != OBJECT_NAMESPACE || strcmp(object->name, "kube-system") != 0 ||
	    !*object->uid)
		return;
	is_other = *watch->cluster_uid && strcmp(watch->cluster_uid, object->uid) != 0;
	memcpy(watch->cluster_uid, object->uid, sizeof(watch->cluster_uid));
	if (is_other)
		watch->calls->on_other_cluster(watch->arg);
}

/* Something else than what was asked for? */
static bool is_stranger(struct watch *watch, enum object_outcome outcome)
{
	bool is_named = outcome == OBJECT_DECODED || outcome == OBJECT_BROKEN;

	if (!is_named || watch->object.kind == watch->resource->kind)
		return false;
	complain(watch, OBJECT_BROKEN, "another kind than what was asked for");
	return true;
}

/* The first object of a list that replaces another. */
static void note_partial(struct watch *watch)
{
	if (watch->state != WATCH_LISTING || !watch->is_complete || watch->is_partial)
		return;
	watch->is_partial = true;
	watch->partial_since_ms = watch->now_ms;
}

static void put_object(struct watch *watch, enum object_outcome outcome)
{
	struct store_owner *other;

	if (is_stranger(watch, outcome))
		return;
	note_partial(watch);
	switch (outcome) {
	case OBJECT_DECODED:
		(void)store_put(watch->store, &watch->owner, &watch->object, &other);
		note_cluster(watch);
		if (watch->object.n_left_out > 0)
			complain(watch, outcome, watch->object.left_out.bytes);
		return;
	case OBJECT_BROKEN:
		complain(watch, outcome, watch->why.bytes);
		store_touch(watch->store, &watch->owner, &watch->object);
		return;
	case OBJECT_NAMELESS:
	case OBJECT_UNTYPED:
	case OBJECT_NOT_JSON:
		complain(watch, OBJECT_NAMELESS, watch->why.len ? watch->why.bytes : "not JSON");
		watch->n_unnamed++;
		return;
	case OBJECT_IGNORED:
		return;
	}
}

static void remove_object(struct watch *watch, enum object_outcome outcome)
{
	if (is_stranger(watch, outcome))
		return;
	switch (outcome) {
	case OBJECT_DECODED:
	case OBJECT_BROKEN:
		store_remove(watch->store, &watch->owner, &watch->object);
		return;
	case OBJECT_NAMELESS:
	case OBJECT_UNTYPED:
	case OBJECT_NOT_JSON:
		complain(watch, OBJECT_NAMELESS, watch->why.bytes);
		return;
	case OBJECT_IGNORED:
		return;
	}
}

static struct object_input input_of(const struct watch *watch)
{
	return (struct object_input){
		.bytes = watch->split.object.bytes,
		.len = watch->split.object.len,
		.is_item = true,
		.list_kind = watch->resource->list_kind,
		.list_api_version = watch->resource->api_version,
	};
}

static void take_item(struct watch *watch)
{
	const struct object_input input = input_of(watch);
	size_t offset;

	watch->why.len = 0;
	put_object(watch,
		   object_decode(&watch->object, &input, watch->config, &watch->why, &offset));
}

/* ---- a whole list ---- */

/* What the list had not is swept, unless something in it could not be told by name. */
void watch_end_list(struct watch *watch, uint64_t now_ms)
{
	watch->owner.is_complete = watch->n_unnamed == 0;
	if (watch->owner.is_complete)
		store_sweep(watch->store);
	if (!watch->is_complete)
		watch_say(watch, LOG_INFO, "%lu objects listed, %s",
			  (unsigned long)watch->owner.n_entries,
			  watch->is_streaming ? "as a stream" : "in pages");
	watch->is_complete = true;
	watch->is_partial = false;
	watch->n_expired_pages = 0;
	counter_set(&watch->counters.is_complete, 1);
	counter_set(&watch->counters.last_event_ms, now_ms);
	watch_end_fault(watch);
}

/* ---- events ---- */

/* The response says itself what is wrong: it is ended, and then goes on with `next`. */
static bool end_data(struct watch *watch, enum watch_state next, enum watch_relist reason)
{
	watch->after_data = next;
	watch->reason = next == WATCH_LISTING ? reason : watch->reason;
	return false;
}

/* The same place is bad each time it comes: get past it by a list. */
static bool end_bad_stream(struct watch *watch)
{
	if (++watch->n_bad_streams % BAD_STREAMS_MAX == 0)
		return end_data(watch, WATCH_LISTING, WATCH_RELIST_REFUSED);
	return end_data(watch, watch_again(watch), watch->reason);
}

static bool take_error(struct watch *watch, const struct message_status *status)
{
	watch_tell_status(watch, status->code, status);
	if (status->code == 410)
		return end_data(watch, WATCH_LISTING, WATCH_RELIST_EXPIRED);
	if (status->is_too_large)
		return end_data(watch, WATCH_LISTING, WATCH_RELIST_TOO_LARGE);
	watch->retry_after_s = watch_retry_after(status->retry_after_s);
	if (watch->retry_after_s > 0)
		return end_data(watch, watch_again(watch), watch->reason);
	return end_bad_stream(watch);
}

static void take_bookmark(struct watch *watch, const struct message_event *event, uint64_t now_ms)
{
	if (!event->is_initial_end || watch->state != WATCH_LISTING || !*event->version)
		return;
	watch_end_list(watch, now_ms);
	watch->state = WATCH_FOLLOWING;
}

static void note_progress(struct watch *watch, uint64_t now_ms)
{
	bool is_following = watch->state == WATCH_FOLLOWING;

	counter_add(&watch->counters.events, 1);
	if (is_following) {
		watch->n_bad_streams = 0;
		counter_set(&watch->counters.last_event_ms, now_ms);
		watch_end_fault(watch);
	}
	watch->due_ms = watch_deadline(watch, now_ms);
}

/* False: nothing more is wanted of this response. */
static bool take_event(struct watch *watch, uint64_t now_ms)
{
	const struct object_input input = input_of(watch);
	struct message_event event;

	watch->why.len = 0;
	message_decode_event(&event, &watch->object, &input, watch->config, &watch->why);
	switch (event.type) {
	case MESSAGE_PUT:
		put_object(watch, event.outcome);
		break;
	case MESSAGE_DELETED:
		remove_object(watch, event.outcome);
		break;
	case MESSAGE_BOOKMARK:
		take_bookmark(watch, &event, now_ms);
		break;
	case MESSAGE_ERROR:
		return take_error(watch, &event.status);
	case MESSAGE_UNKNOWN:
	case MESSAGE_BROKEN:
		complain(watch, OBJECT_NAMELESS, watch->why.bytes);
		watch->n_unnamed++;
		return true;
	}
	/* The initial events come by name, not by version: none of theirs is a place to resume. */
	if (watch->state == WATCH_FOLLOWING)
		watch_set_version(watch, event.version);
	note_progress(watch, now_ms);
	return true;
}

/* The document is a list of ours, whole: fills in watch->page. 0, or -EINVAL with the reason in
 * watch->why. */
static int read_page_end(struct watch *watch)
{
	const char *kind = watch->resource->list_kind;

	watch->why.len = 0;
	if (watch->split.is_list && strcmp(watch->split.kind, kind) == 0)
		return message_decode_list(&watch->page, watch->split.metadata.bytes,
					   watch->split.metadata.len, &watch->why);
	text_printf(&watch->why, "the answer is no %s", kind);
	return -EINVAL;
}

static bool take_page_end(struct watch *watch)
{
	if (read_page_end(watch) == 0) {
		watch->is_page_whole = true;
		return true;
	}
	watch->fault.len = 0;
	text_printf(&watch->fault, "list %s: %s", watch_name(watch), watch->why.bytes);
	return end_data(watch, WATCH_LISTING, watch->reason);
}

static bool take_garbage(struct watch *watch)
{
	counter_add(&watch->counters.decode_errors, 1);
	watch->fault.len = 0;
	text_printf(&watch->fault, "%s %s: line %lu of the response: %s", watch_verb(watch),
		    watch_name(watch), (unsigned long)watch->split.error.line,
		    watch->split.error.why);
	return end_bad_stream(watch);
}

bool watch_take(struct watch *watch, uint64_t now_ms)
{
	watch->now_ms = watch->store->now_ms = now_ms;

	bool is_page = watch->state == WATCH_LISTING && !watch->is_streaming;

	for (;;) {
		switch (split_next(&watch->split)) {
		case SPLIT_MORE:
			return true;
		case SPLIT_OBJECT:
			if (is_page)
				take_item(watch);
			else if (!take_event(watch, now_ms))
				return false;
			break;
		case SPLIT_DOCUMENT:
			if (is_page && !take_page_end(watch))
				return false;
			break;
		case SPLIT_ERROR:
			return take_garbage(watch);
		}
	}
}
