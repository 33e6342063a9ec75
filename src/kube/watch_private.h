/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two halves of a watch know of each other: watch.c, requests and states; watch_data.c,
 * what the responses hold. The kube thread.
 */
#ifndef KANAME_KUBE_WATCH_PRIVATE_H
#define KANAME_KUBE_WATCH_PRIVATE_H

#include "watch.h"

#define WATCH_ANSWER_MS 15000 /* for a head, and between the pieces of a list */
#define WATCH_SILENCE_MS                                                        \
	75000 /* without event or bookmark; kube-apiserver sends one every 60 s \
	       */
#define WATCH_RETRY_AFTER_MAX_S 300

/* How long the server wants to be left alone, within reason. */
static inline unsigned watch_retry_after(uint32_t told_s)
{
	return told_s < WATCH_RETRY_AFTER_MAX_S ? told_s : WATCH_RETRY_AFTER_MAX_S;
}

/* A log line of this watch. */
__attribute__((format(printf, 3, 4))) void watch_say(struct watch *watch, enum log_level level,
						     const char *format, ...);

/* What the request at hand does, as RBAC names it. */
const char *watch_verb(const struct watch *watch);

/* watch->fault becomes what the server has said; for a 403 with the missing rule. */
void watch_tell_status(struct watch *watch, unsigned code, const struct message_status *status);

/* All is well. */
void watch_end_fault(struct watch *watch);

/* Where the watch is taken up again; "" changes nothing. */
void watch_set_version(struct watch *watch, const char *version);

/* The list that is under way is whole: sweeps what it had not, unless something in it could not be
 * told by name. */
void watch_end_list(struct watch *watch, uint64_t now_ms);

/* Until when something more of the request at hand is to come. */
uint64_t watch_deadline(const struct watch *watch, uint64_t now_ms);

/* What a failure in this state is followed by. */
enum watch_state watch_again(const struct watch *watch);

/* Takes what watch->split has been fed with. False: nothing more is wanted of this response. */
MUST_USE bool watch_take(struct watch *watch, uint64_t now_ms);

#endif
