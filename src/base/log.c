/* SPDX-License-Identifier: Apache-2.0
 *
 * A channel's ring holds finished lines, newline included, as one stream of bytes; a line goes in
 * whole or not at all, so the writer hands pieces of the ring to write(2) as they lie there and
 * never copies.
 *
 * Waking: the writer says how deeply it waits before it looks at the rings a last time, a producer
 * moves its head before it looks at that word, both sequentially consistent: one of them sees the
 * other. After each pass the writer lingers a moment, during which only a half full ring wakes it:
 * under load there is no system call per line, and none at all while idle.
 *
 * Nothing blocks for good: the writer polls before each write, and writes at most what a pipe that
 * polled writable takes at once (PIPE_BUF). The rest of a piece that cannot be written (error,
 * closing deadline) is dropped and counted. A notice of that which cannot be written either is
 * tried again with the next line or after RETRY_MS: a full disk costs no time.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define LINGER_MS 2
#define CLOSE_MS 1000
#define RETRY_MS 1000
#define CACHE_LINE 64
#define RING_MIN_BYTES \
	((size_t)4096) /* more than a line: a full ring always holds something to drain */

enum writer_state { WRITER_AWAKE, WRITER_LINGERING, WRITER_ASLEEP };

/* head and tail count bytes since the start; size_bytes is a power of two. */
struct log_channel {
	struct log_channel *next; /* owned by the log */
	struct log *log;	  /* borrowed: outlives the channel */
	size_t size_bytes;
	bool is_released; /* no thread has it; the main thread's */
	/* Each side has what it stores in a cache line of its own. */
	_Alignas(CACHE_LINE) size_t head; /* stored by the producer */
	uint64_t dropped;		  /* stored by the producer */
	size_t known_tail;		  /* the producer's: what it last saw of the tail */
	_Alignas(CACHE_LINE) size_t tail; /* stored by the writer */
	_Alignas(CACHE_LINE) char spare[LOG_LINE_MAX + 1]; /* the producer's, for a line that may
							      not fit before the ring's end */
	char bytes[];
};

struct log {
	int fd; /* borrowed */
	int wake_fd;
	enum log_level least;
	pthread_t writer;
	struct log_channel *channels; /* owned; stored by the main thread */
	int state;		      /* enum writer_state; producers may set it to awake */
	uint64_t deadline_ns; /* 0 until log_close, then when to give up; stored by the main thread
			       */

	/* The writer's own, but for `discarded`, which log_dropped reads. */
	size_t piece_bytes;
	uint64_t discarded;  /* lines that were taken from a ring and could not be written */
	uint64_t reported;   /* dropped lines that a notice told of */
	bool is_notice_late; /* it could not be written: with the next line, or in a while */
	bool is_dead;	     /* nobody will ever read the descriptor again */
};

_Static_assert(LOG_LINE_MAX < RING_MIN_BYTES, "a ring holds the longest line");

/* ---- The writer thread ---- */

static struct log_channel *first_channel(const struct log *log)
{
	return __atomic_load_n(&log->channels, __ATOMIC_ACQUIRE);
}

static void clear_wake(const struct log *log)
{
	uint64_t count;
	ssize_t n = read(log->wake_fd, &count, sizeof(count));

	(void)n; /* EAGAIN when there was nothing to clear */
}

/* Until the descriptor takes something, or is broken; false when closing and the time is up. */
static bool wait_writable(struct log *log)
{
	for (;;) {
		uint64_t deadline_ns = __atomic_load_n(&log->deadline_ns, __ATOMIC_SEQ_CST);
		int timeout_ms = -1;
		struct pollfd fds[] = {
			{.fd = log->fd, .events = POLLOUT},
			{.fd = log->wake_fd, .events = POLLIN},
		};

		if (deadline_ns > 0) {
			uint64_t now_ns = clock_monotonic_ns();

			if (now_ns >= deadline_ns)
				return false;
			timeout_ms = (int)((deadline_ns - now_ns) / 1000000u) + 1;
		}
		if (poll(fds, deadline_ns > 0 ? 1 : 2, timeout_ms) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents != 0)
			return true;
		if (fds[1].revents != 0)
			clear_wake(log); /* log_close has set a deadline, or a late wake */
	}
}

/* How much of bytes[0..len) was written: all of it unless the descriptor is broken or the time is
 * up. */
static size_t write_bytes(struct log *log, const char *bytes, size_t len)
{
	size_t done = 0;

	while (done < len && !log->is_dead && wait_writable(log)) {
		ssize_t n = write(log->fd, bytes + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno != EINTR && errno != EAGAIN) {
			log->is_dead = errno == EPIPE || errno == EBADF;
			break; /* a full disk may have room for the next piece */
		}
	}
	return done;
}

static void count_discarded(struct log *log, const char *bytes, size_t len)
{
	const char *end = bytes + len;

	while ((bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
		__atomic_fetch_add(&log->discarded, 1, __ATOMIC_RELAXED);
		bytes++;
	}
}

/* Writes what the channel holds now, which ends with a whole line; true when there was something.
 */
static bool drain_channel(struct log *log, struct log_channel *channel)
{
	size_t head = __atomic_load_n(&channel->head, __ATOMIC_ACQUIRE);
	size_t tail = channel->tail;
	bool any = tail != head;

	while (tail != head) {
		size_t at = tail & (channel->size_bytes - 1);
		size_t len = head - tail;

		if (len > channel->size_bytes - at)
			len = channel->size_bytes - at;
		if (len > log->piece_bytes)
			len = log->piece_bytes;

		size_t done = write_bytes(log, channel->bytes + at, len);

		count_discarded(log, channel->bytes + at + done, len - done);
		tail += len;
		__atomic_store_n(&channel->tail, tail, __ATOMIC_RELEASE);
	}
	return any;
}

static void report_dropped(struct log *log)
{
	char line[80];
	uint64_t dropped = log_dropped(log);

	if (dropped == log->reported)
		return;

	int len = snprintf(line, sizeof(line), "[WARNING] %llu log lines were dropped\n",
			   (unsigned long long)(dropped - log->reported));

	/* Once the descriptor is broken there is nobody to tell. */
	log->is_notice_late = write_bytes(log, line, (size_t)len) < (size_t)len && !log->is_dead;
	if (!log->is_notice_late)
		log->reported = dropped;
}

/* One pass over all channels; true when there was something. */
static bool drain(struct log *log)
{
	bool any = false;

	for (struct log_channel *c = first_channel(log); c; c = c->next)
		any |= drain_channel(log, c);
	report_dropped(log);
	return any;
}

/* Is there a reason not to wait in this state? */
static bool has_work(const struct log *log, enum writer_state state)
{
	if (__atomic_load_n(&log->deadline_ns, __ATOMIC_SEQ_CST) > 0)
		return true;
	for (const struct log_channel *c = first_channel(log); c; c = c->next) {
		size_t used = __atomic_load_n(&c->head, __ATOMIC_SEQ_CST) - c->tail;

		if (used > (state == WRITER_ASLEEP ? 0 : c->size_bytes / 2))
			return true;
	}
	return state == WRITER_ASLEEP && !log->is_notice_late && log_dropped(log) != log->reported;
}

static void wait_for_work(struct log *log, enum writer_state state)
{
	struct pollfd fds[] = {{.fd = log->wake_fd, .events = POLLIN}};
	int asleep_ms = log->is_notice_late ? RETRY_MS : -1;

	__atomic_store_n(&log->state, state, __ATOMIC_SEQ_CST);
	if (!has_work(log, state)) {
		poll(fds, 1, state == WRITER_ASLEEP ? asleep_ms : LINGER_MS);
		clear_wake(log);
	}
	__atomic_store_n(&log->state, WRITER_AWAKE, __ATOMIC_SEQ_CST);
}

static void *run_writer(void *arg)
{
	struct log *log = arg;

	for (;;) {
		bool is_closing = __atomic_load_n(&log->deadline_ns, __ATOMIC_SEQ_CST) > 0;
		bool any = drain(log);

		if (!any && is_closing)
			return NULL;
		if (!is_closing)
			wait_for_work(log, any ? WRITER_LINGERING : WRITER_ASLEEP);
	}
}

/* ---- The main thread ---- */

/* Signals are for the main thread; a broken pipe is an error code here. */
static int start_writer(struct log *log)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);

	int error = pthread_create(&log->writer, NULL, run_writer, log);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -error;
}

int log_open(struct log **log, int fd, enum log_level least)
{
	struct log *new = mem_zalloc(sizeof(*new));
	struct stat status;
	bool is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
	int result;

	new->fd = fd;
	new->least = least;
	new->piece_bytes = is_file ? (size_t)1 << 20 : PIPE_BUF;
	new->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = new->wake_fd < 0 ? -errno : start_writer(new);
	if (result < 0) {
		if (new->wake_fd >= 0)
			close(new->wake_fd);
		free(new);
		return result;
	}
	*log = new;
	return 0;
}

static void wake_writer(struct log *log)
{
	uint64_t one = 1;
	ssize_t n = write(log->wake_fd, &one, sizeof(one));

	(void)n; /* cannot fail but by overflow, and then it is readable already */
}

void log_close(struct log *log)
{
	struct timespec until;

	if (!log)
		return;
	__atomic_store_n(&log->deadline_ns, clock_monotonic_ns() + CLOSE_MS * (uint64_t)1000000,
			 __ATOMIC_SEQ_CST);
	wake_writer(log);

	/* A stopped terminal can swallow the writer in spite of poll. The process ends now: rather
	 * leak than hang. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2 * CLOSE_MS / 1000;
	if (pthread_timedjoin_np(log->writer, NULL, &until) != 0)
		return;
	while (log->channels) {
		struct log_channel *channel = log->channels;

		log->channels = channel->next;
		free(channel);
	}
	close(log->wake_fd);
	free(log);
}

struct log_channel *log_channel_new(struct log *log, size_t ring_bytes)
{
	size_t size = RING_MIN_BYTES;

	CHECK(ring_bytes <= SIZE_MAX / 4);
	while (size < ring_bytes)
		size *= 2;

	struct log_channel *channel = log->channels;

	while (channel && (!channel->is_released || channel->size_bytes != size))
		channel = channel->next;
	if (channel) {
		channel->is_released = false;
		return channel;
	}
	channel = aligned_alloc(CACHE_LINE, sizeof(*channel) + size);

	CHECK(channel != NULL);
	*channel = (struct log_channel){.log = log, .size_bytes = size, .next = log->channels};
	__atomic_store_n(&log->channels, channel, __ATOMIC_RELEASE);
	return channel;
}

void log_channel_release(struct log_channel *channel)
{
	if (channel)
		channel->is_released = true;
}

void log_set_least(struct log *log, enum log_level least)
{
	__atomic_store_n(&log->least, least, __ATOMIC_RELAXED);
}

uint64_t log_dropped(const struct log *log)
{
	uint64_t sum = __atomic_load_n(&log->discarded, __ATOMIC_RELAXED);

	for (const struct log_channel *c = first_channel(log); c; c = c->next)
		sum += __atomic_load_n(&c->dropped, __ATOMIC_SEQ_CST);
	return sum;
}

/* ---- Producers ---- */

static void wake_if_waiting(struct log_channel *channel, size_t used)
{
	struct log *log = channel->log;
	int state = __atomic_load_n(&log->state, __ATOMIC_SEQ_CST);

	if (state == WRITER_AWAKE || (state == WRITER_LINGERING && used <= channel->size_bytes / 2))
		return;
	if (__atomic_exchange_n(&log->state, WRITER_AWAKE, __ATOMIC_SEQ_CST) != WRITER_AWAKE)
		wake_writer(log);
}

static void copy_in(struct log_channel *channel, size_t position, const char *bytes, size_t len)
{
	size_t at = position & (channel->size_bytes - 1);
	size_t first = len < channel->size_bytes - at ? len : channel->size_bytes - at;

	memcpy(channel->bytes + at, bytes, first);
	memcpy(channel->bytes, bytes + first, len - first);
}

/* Bytes of the ring that are not written yet. The writer's word is looked at only when what it last
 * said makes the ring half full: it lies in another processor's cache. */
static size_t used_bytes(struct log_channel *channel)
{
	if (channel->head - channel->known_tail > channel->size_bytes / 2)
		channel->known_tail = __atomic_load_n(&channel->tail, __ATOMIC_ACQUIRE);
	return channel->head - channel->known_tail;
}

/* A line of len bytes lies behind the head. */
static void publish(struct log_channel *channel, size_t len)
{
	__atomic_store_n(&channel->head, channel->head + len, __ATOMIC_SEQ_CST);
	wake_if_waiting(channel, used_bytes(channel));
}

/* bytes[0..len) end in a newline. */
static void push(struct log_channel *channel, const char *bytes, size_t len)
{
	size_t used = used_bytes(channel);

	if (len <= channel->size_bytes - used) {
		copy_in(channel, channel->head, bytes, len);
		publish(channel, len);
	} else {
		__atomic_fetch_add(&channel->dropped, 1, __ATOMIC_SEQ_CST);
		wake_if_waiting(channel, used);
	}
}

char *log_reserve(struct log_channel *channel)
{
	size_t at;

	if (!channel)
		return mem_alloc(LOG_LINE_MAX + 1);
	at = channel->head & (channel->size_bytes - 1);
	if (at + LOG_LINE_MAX + 1 <= channel->size_bytes &&
	    used_bytes(channel) + LOG_LINE_MAX + 1 <= channel->size_bytes)
		return channel->bytes + at;
	return channel->spare;
}

void log_commit(struct log_channel *channel, char *line, size_t len)
{
	CHECK(len <= LOG_LINE_MAX);
	line[len++] = '\n';
	if (!channel) {
		fwrite(line, 1, len, stderr);
		free(line);
	} else if (line == channel->spare) {
		push(channel, line, len);
	} else {
		publish(channel, len);
	}
}

/* Ends line[0..len), which has room for a newline behind LOG_LINE_MAX. */
static void finish_line(struct log_channel *channel, char *line, size_t len)
{
	line[len++] = '\n';
	if (channel)
		push(channel, line, len);
	else
		fwrite(line, 1, len, stderr);
}

/* Appends text to line[0..len), control bytes escaped; a cut parts neither an escape nor a
 * character of UTF-8. */
static size_t append_escaped(char *line, size_t len, const char *text)
{
	size_t keep = len;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_control = c < ' ' || c == 0x7f;

		if (len <= LOG_LINE_MAX - 3 && (c & 0xc0) != 0x80)
			keep = len;
		if (len + (is_control ? 4 : 1) > LOG_LINE_MAX) {
			memcpy(line + keep, "...", 3);
			return keep + 3;
		}
		if (is_control)
			len += (size_t)sprintf(line + len, "\\%03o", (unsigned)c);
		else
			line[len++] = (char)c;
	}
	return len;
}

void log_printf(struct log_channel *channel, enum log_level level, const char *format, ...)
{
	static const char *const prefixes[] = {"[DEBUG] ", "[INFO] ", "[WARNING] ", "[ERROR] "};
	char raw[LOG_LINE_MAX + 1], line[LOG_LINE_MAX + 1];
	size_t len = strlen(prefixes[level]);
	va_list args;

	if (level < (channel ? __atomic_load_n(&channel->log->least, __ATOMIC_RELAXED) : LOG_INFO))
		return;
	va_start(args, format);
	if (vsnprintf(raw, sizeof(raw), format, args) < 0)
		raw[0] = '\0';
	va_end(args);
	memcpy(line, prefixes[level], len);
	finish_line(channel, line, append_escaped(line, len, raw));
}

void log_line(struct log_channel *channel, const char *bytes, size_t len)
{
	char line[LOG_LINE_MAX + 1];
	size_t whole = len <= LOG_LINE_MAX ? len : LOG_LINE_MAX - 3;

	if (whole > 0)
		memcpy(line, bytes, whole);
	if (whole < len) {
		memcpy(line + whole, "...", 3);
		whole += 3;
	}
	finish_line(channel, line, whole);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns, uint32_t burst, uint32_t *suppressed)
{
	if (now_ns - limit->window_start_ns >= 1000000000u) {
		limit->window_start_ns = now_ns;
		limit->in_window = 0;
	}
	if (limit->in_window >= burst) {
		if (limit->suppressed < UINT32_MAX)
			limit->suppressed++;
		return false;
	}
	limit->in_window++;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
