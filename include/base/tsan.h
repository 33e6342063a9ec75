/* SPDX-License-Identifier: Apache-2.0
 *
 * ThreadSanitizer does not see the order that liburcu gives, and is told: TSAN_RELEASE before
 * something is published or a reader is out, TSAN_ACQUIRE where it is found or freed. Nothing in
 * other builds.
 */
#ifndef KANAME_BASE_TSAN_H
#define KANAME_BASE_TSAN_H

#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif

#ifdef HAS_TSAN
void __tsan_acquire(const void *address);
void __tsan_release(const void *address);
#define TSAN_ACQUIRE(address) __tsan_acquire(address)
#define TSAN_RELEASE(address) __tsan_release(address)
#else
#define TSAN_ACQUIRE(address) ((void)(address))
#define TSAN_RELEASE(address) ((void)(address))
#endif

#endif
