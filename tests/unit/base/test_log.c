/* SPDX-License-Identifier: Apache-2.0
 *
 * The log writes into a pipe, and the test reads it: what arrived, in which order, and what was
 * dropped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

#define RING_MIN 4096

struct pipe_ends {
	int read_fd, write_fd;
};

static struct pipe_ends open_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	return (struct pipe_ends){fds[0], fds[1]};
}

static void set_nonblocking(int fd, bool is_nonblocking)
{
	int flags = fcntl(fd, F_GETFL);

	assert_int_equal(
		fcntl(fd, F_SETFL, is_nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), 0);
}

/* Fills the pipe to the last byte; returns how many went in. */
static size_t fill_pipe(int fd)
{
	size_t filled = 0;

	set_nonblocking(fd, true);
	while (write(fd, "#", 1) == 1)
		filled++;
	set_nonblocking(fd, false);
	return filled;
}

static void read_exactly(int fd, size_t len)
{
	char byte;

	while (len-- > 0)
		assert_int_equal(read(fd, &byte, 1), 1);
}

/* Appends the next line to *text. */
static void read_line(int fd, struct text *text)
{
	char byte;

	do {
		assert_int_equal(read(fd, &byte, 1), 1);
		text_append(text, &byte, 1);
	} while (byte != '\n');
}

/* Closes the writing end and reads what is left. */
static void read_rest(struct pipe_ends ends, struct text *text)
{
	char bytes[4096];
	ssize_t n;

	close(ends.write_fd);
	text_puts(text, "");
	while ((n = read(ends.read_fd, bytes, sizeof(bytes))) > 0)
		text_append(text, bytes, (size_t)n);
	close(ends.read_fd);
}

static void test_lines(void **state)
{
	static const struct {
		const char *name;
		enum log_level least, level;
		const char *input, *want;
	} cases[] = {
		{"debug", LOG_DEBUG, LOG_DEBUG, "text", "[DEBUG] text\n"},
		{"info", LOG_DEBUG, LOG_INFO, "text", "[INFO] text\n"},
		{"warning", LOG_DEBUG, LOG_WARNING, "text", "[WARNING] text\n"},
		{"error", LOG_DEBUG, LOG_ERROR, "text", "[ERROR] text\n"},
		{"below the least level", LOG_INFO, LOG_DEBUG, "text", ""},
		{"the least level itself", LOG_WARNING, LOG_WARNING, "text", "[WARNING] text\n"},
		{"empty", LOG_INFO, LOG_INFO, "", "[INFO] \n"},
		{"a forged line", LOG_INFO, LOG_INFO, "a\n[ERROR] b", "[INFO] a\\012[ERROR] b\n"},
		{"control bytes", LOG_INFO, LOG_INFO, "\r\t\x1b[1m\x7f\x01",
		 "[INFO] \\015\\011\\033[1m\\177\\001\n"},
		{"UTF-8", LOG_INFO, LOG_INFO, "\xe8\xa6\x81", "[INFO] \xe8\xa6\x81\n"},
		{"a percent sign", LOG_INFO, LOG_INFO, "100%s", "[INFO] 100%s\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pipe_ends ends = open_pipe();
		struct text got = {0};
		struct log *log;

		assert_int_equal(log_open(&log, ends.write_fd, cases[i].least), 0);
		log_printf(log_channel_new(log, RING_MIN), cases[i].level, "%s", cases[i].input);
		log_close(log);
		read_rest(ends, &got);
		if (strcmp(got.bytes, cases[i].want) != 0)
			fail_msg("%s: got %s", cases[i].name, got.bytes);
		text_fini(&got);
	}
}

static void test_long_lines_are_cut(void **state)
{
	static const struct {
		const char *name, *start;
		char filler;
		bool is_raw;
		size_t len, want_len; /* of what follows "[INFO] ", or of the raw line */
		const char *want_end;
	} cases[] = {
		{"the longest", "", 'x', false, LOG_LINE_MAX - 7, LOG_LINE_MAX, "xxx\n"},
		{"one too long", "", 'x', false, LOG_LINE_MAX - 6, LOG_LINE_MAX, "xx...\n"},
		{"much too long", "", 'x', false, 5000, LOG_LINE_MAX, "xx...\n"},
		{"escapes, none is cut in two", "", '\n', false, 2000, LOG_LINE_MAX - 2,
		 "\\012...\n"},
		{"escapes, a bit later", "xx", '\n', false, 2000, LOG_LINE_MAX, "\\012...\n"},
		{"the longest raw line", "", 'x', true, LOG_LINE_MAX, LOG_LINE_MAX, "xxx\n"},
		{"a raw line too long", "", 'x', true, LOG_LINE_MAX + 1, LOG_LINE_MAX, "xx...\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pipe_ends ends = open_pipe();
		struct text got = {0}, input = {0};
		struct log *log;

		text_puts(&input, cases[i].start);
		while (input.len < cases[i].len)
			text_append(&input, &cases[i].filler, 1);
		assert_int_equal(log_open(&log, ends.write_fd, LOG_INFO), 0);
		if (cases[i].is_raw)
			log_line(log_channel_new(log, 0), input.bytes, input.len);
		else
			log_printf(log_channel_new(log, 0), LOG_INFO, "%s", input.bytes);
		log_close(log);
		read_rest(ends, &got);
		if (got.len != cases[i].want_len + 1 ||
		    strcmp(got.bytes + got.len - strlen(cases[i].want_end), cases[i].want_end) != 0)
			fail_msg("%s: got %zu bytes: %s", cases[i].name, got.len, got.bytes);
		text_fini(&got);
		text_fini(&input);
	}
}

static void test_raw_lines(void **state)
{
	struct pipe_ends ends = open_pipe();
	struct text got = {0};
	struct log *log;

	assert_int_equal(log_open(&log, ends.write_fd, LOG_ERROR), 0);

	struct log_channel *channel = log_channel_new(log, RING_MIN);

	log_line(channel, "[INFO] a\tb", 10);
	log_line(channel, NULL, 0);
	log_line(channel, "c", 1);
	log_close(log);
	read_rest(ends, &got);
	assert_string_equal(got.bytes, "[INFO] a\tb\n\nc\n");
	text_fini(&got);
}

/* 64 lines of 64 bytes fill the ring of a stuck pipe exactly; all others are counted, and told of
 * once: after what the writer had in hand when it got stuck. */
static void test_a_full_ring_drops_and_tells(void **state)
{
	static const char line[] =
		"[INFO] a line that is sixty-three bytes long without its newline";
	struct pipe_ends ends = open_pipe();
	size_t filled = fill_pipe(ends.write_fd);
	struct text got = {0};
	struct log *log;
	int n_told = 0;

	assert_int_equal(log_open(&log, ends.write_fd, LOG_INFO), 0);

	struct log_channel *channel = log_channel_new(log, RING_MIN);

	for (int i = 0; i < 100; i++)
		log_line(channel, line, 63);
	assert_int_equal(log_dropped(log), 100 - RING_MIN / 64);
	read_exactly(ends.read_fd, filled);
	for (int i = 0; i < RING_MIN / 64 + 1; i++) {
		text_fini(&got);
		read_line(ends.read_fd, &got);
		if (strcmp(got.bytes, "[WARNING] 36 log lines were dropped\n") == 0)
			n_told++;
		else if (got.len != 64 || strncmp(got.bytes, line, 63) != 0)
			fail_msg("got %s", got.bytes);
	}
	assert_int_equal(n_told, 1);

	/* And once only. */
	log_line(channel, "after", 5);
	log_close(log);
	text_fini(&got);
	read_rest(ends, &got);
	assert_string_equal(got.bytes, "after\n");
	text_fini(&got);
}

/* Returns at all, with the pipe full and nobody reading. */
static void test_close_with_a_stuck_pipe(void **state)
{
	struct pipe_ends ends = open_pipe();
	size_t filled = fill_pipe(ends.write_fd);
	struct text got = {0};
	struct log *log;

	assert_int_equal(log_open(&log, ends.write_fd, LOG_INFO), 0);

	struct log_channel *channel = log_channel_new(log, 1 << 20);

	for (int i = 0; i < 1000; i++)
		log_printf(channel, LOG_INFO, "line %d", i);
	log_close(log);
	read_rest(ends, &got);
	assert_int_equal(got.len, filled);
	text_fini(&got);
}

static void wait_for_dropped(const struct log *log, uint64_t want)
{
	while (log_dropped(log) < want)
		sched_yield();
	assert_int_equal(log_dropped(log), want);
}

/* Neither SIGPIPE nor a busy writer; what cannot be written is counted. */
static void test_a_broken_descriptor(void **state)
{
	struct pipe_ends ends = open_pipe();
	int fds[] = {ends.write_fd, dup(ends.write_fd)};

	close(ends.read_fd);
	close(fds[1]);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		struct log *log;

		assert_int_equal(log_open(&log, fds[i], LOG_INFO), 0);

		struct log_channel *channel = log_channel_new(log, RING_MIN);

		for (uint64_t n = 1; n <= 100; n++) {
			log_printf(channel, LOG_INFO, "line");
			if (n % 10 == 0)
				wait_for_dropped(log, n);
		}
		log_close(log);
	}
	close(ends.write_fd);
}

static int full_fd = -1; /* writes to this one are counted */
static int n_full_writes;

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	if (fd == __atomic_load_n(&full_fd, __ATOMIC_RELAXED))
		__atomic_fetch_add(&n_full_writes, 1, __ATOMIC_RELAXED);
	return __real_write(fd, bytes, len);
}

/* Each line through another log takes both threads their turns. */
static void let_writers_run(void)
{
	struct pipe_ends ends = open_pipe();
	struct text got = {0};
	struct log *log;

	assert_int_equal(log_open(&log, ends.write_fd, LOG_INFO), 0);

	struct log_channel *channel = log_channel_new(log, RING_MIN);

	for (int i = 0; i < 300; i++) {
		log_line(channel, "x", 1);
		read_line(ends.read_fd, &got);
	}
	log_close(log);
	close(ends.read_fd);
	close(ends.write_fd);
	text_fini(&got);
}

/* Neither the line nor the notice of its loss can be written; the writer does not insist. */
static void test_a_full_disk(void **state)
{
	struct log *log;
	int fd = open("/dev/full", O_WRONLY);

	assert_true(fd >= 0);
	__atomic_store_n(&full_fd, fd, __ATOMIC_RELAXED);
	assert_int_equal(log_open(&log, fd, LOG_INFO), 0);
	log_line(log_channel_new(log, RING_MIN), "line", 4);
	wait_for_dropped(log, 1);
	let_writers_run();
	log_close(log);
	__atomic_store_n(&full_fd, -1, __ATOMIC_RELAXED);
	assert_in_range(n_full_writes, 2, 50);
	close(fd);
}

/* ---- Many producers ---- */

#define PRODUCERS 4
#define LINES 20000

struct producer {
	struct log_channel *channel;
	int number;
	pthread_t thread;
};

static void *produce(void *arg)
{
	struct producer *producer = arg;

	for (int i = 0; i < LINES; i++)
		log_printf(producer->channel, LOG_INFO, "%d %d %.*s", producer->number, i, i % 50,
			   "..................................................");
	return NULL;
}

struct tally {
	uint64_t n_lines; /* may be read by another thread */
	uint64_t n_dropped;
	int last[PRODUCERS];
	bool is_wrong;
};

static void tally_line(struct tally *tally, const char *line)
{
	char want[128];
	int number = 0, i = 0, end = 0;
	unsigned long long dropped;

	if (sscanf(line, "[WARNING] %llu log lines were dropped", &dropped) == 1) {
		tally->n_dropped += dropped;
		return;
	}
	__atomic_fetch_add(&tally->n_lines, 1, __ATOMIC_RELAXED);
	if (sscanf(line, "[INFO] %d %d %n", &number, &i, &end) != 2 || number < 0 ||
	    number >= PRODUCERS || i < tally->last[number]) {
		tally->is_wrong = true;
		return;
	}
	tally->last[number] = i + 1;
	snprintf(want, sizeof(want), "[INFO] %d %d %.*s", number, i, i % 50,
		 "..................................................");
	tally->is_wrong |= strcmp(line, want) != 0;
}

struct reader {
	int fd;
	struct tally tally;
};

static void *read_lines(void *arg)
{
	struct reader *reader = arg;
	FILE *stream = fdopen(reader->fd, "r");
	char line[4096];

	while (stream && fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		tally_line(&reader->tally, line);
	}
	fclose(stream);
	return NULL;
}

/* Every line arrives whole and in its producer's order, or is counted. */
static void run_producers(size_t ring_bytes, bool is_nonblocking)
{
	struct pipe_ends ends = open_pipe();
	struct reader reader = {.fd = ends.read_fd};
	struct producer producers[PRODUCERS];
	pthread_t reading;
	struct log *log;

	set_nonblocking(ends.write_fd, is_nonblocking);
	assert_int_equal(log_open(&log, ends.write_fd, LOG_INFO), 0);
	assert_int_equal(pthread_create(&reading, NULL, read_lines, &reader), 0);
	for (int i = 0; i < PRODUCERS; i++) {
		producers[i] = (struct producer){log_channel_new(log, ring_bytes), i, 0};
		assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]),
				 0);
	}
	for (int i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i].thread, NULL);

	uint64_t dropped = log_dropped(log);

	/* log_close gives up after a second, in which a slow machine may not have read all. */
	while (__atomic_load_n(&reader.tally.n_lines, __ATOMIC_RELAXED) + dropped <
	       (uint64_t)PRODUCERS * LINES)
		sched_yield();
	log_close(log);
	close(ends.write_fd);
	pthread_join(reading, NULL);
	assert_false(reader.tally.is_wrong);
	assert_int_equal(reader.tally.n_dropped, dropped);
	assert_int_equal(reader.tally.n_lines + dropped, PRODUCERS * LINES);
	assert_true(reader.tally.n_lines > 0);
}

static void test_producers_with_small_rings(void **state)
{
	run_producers(RING_MIN, false);
	run_producers(RING_MIN + 1, true);
}

static void test_producers_with_large_rings(void **state)
{
	run_producers(1 << 16, true);
	run_producers(1 << 18, false);
}

/* A line wakes a writer that sleeps: each is read before the next is written. */
static void test_every_line_arrives_alone(void **state)
{
	struct pipe_ends ends = open_pipe();
	struct log *log;

	assert_int_equal(log_open(&log, ends.write_fd, LOG_INFO), 0);

	struct log_channel *channel = log_channel_new(log, RING_MIN);

	for (int i = 0; i < 300; i++) {
		struct text got = {0};

		log_printf(channel, LOG_INFO, "%d", i);
		read_line(ends.read_fd, &got);
		assert_int_equal(atoi(got.bytes + strlen("[INFO] ")), i);
		text_fini(&got);
	}
	log_close(log);
	close(ends.read_fd);
	close(ends.write_fd);
}

static void test_without_a_channel_to_stderr(void **state)
{
	struct pipe_ends ends = open_pipe();
	int saved = dup(STDERR_FILENO);
	struct text got = {0};

	dup2(ends.write_fd, STDERR_FILENO);
	log_printf(NULL, LOG_ERROR, "a\n%d", 1);
	log_line(NULL, "b", 1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	read_rest(ends, &got);
	assert_string_equal(got.bytes, "[ERROR] a\\0121\nb\n");
	text_fini(&got);
}

static void test_no_descriptors_left(void **state)
{
	struct rlimit old, none;
	struct log *log = NULL;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);

	int result = log_open(&log, STDOUT_FILENO, LOG_INFO);

	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(result, -EMFILE);
	assert_null(log);
	log_close(NULL);
}

/* ---- Limits ---- */

static void test_limit(void **state)
{
	static const struct {
		uint64_t now_ms;
		bool want;
		uint32_t want_suppressed;
	} steps[] = {
		{5, true, 0},	 {5, true, 0},	   {6, false, 0},    {999, false, 0},
		{1005, true, 2}, {1006, true, 0},  {1007, false, 0}, {9000, true, 1},
		{9999, true, 0}, {9999, false, 0}, {10000, true, 1}, {10001, true, 0},
	};
	struct log_limit limit = {0};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		uint32_t suppressed = 0;
		bool got = log_limit_pass(&limit, steps[i].now_ms * 1000000, 2, &suppressed);

		if (got != steps[i].want || suppressed != steps[i].want_suppressed)
			fail_msg("step %zu: %d, %u suppressed", i, got, suppressed);
	}
}

/* A channel whose thread has ended serves the next one; the level can be changed. */
static void test_channels_are_used_again(void **state)
{
	struct pipe_ends ends = open_pipe();
	struct text got = {0};
	struct log_channel *first, *second;
	struct log *log;

	assert_int_equal(log_open(&log, ends.write_fd, LOG_INFO), 0);
	first = log_channel_new(log, RING_MIN);
	log_printf(first, LOG_INFO, "1");
	log_channel_release(first);
	log_channel_release(NULL);
	second = log_channel_new(log, 4 * RING_MIN);
	assert_ptr_not_equal(second, first);
	assert_ptr_equal(log_channel_new(log, RING_MIN), first);
	assert_ptr_not_equal(log_channel_new(log, RING_MIN), first);
	log_printf(first, LOG_DEBUG, "not yet");
	log_set_least(log, LOG_DEBUG);
	log_printf(first, LOG_DEBUG, "2");
	log_close(log);
	read_rest(ends, &got);
	assert_string_equal(got.bytes, "[INFO] 1\n[DEBUG] 2\n");
	text_fini(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines_are_cut),
		cmocka_unit_test(test_raw_lines),
		cmocka_unit_test(test_a_full_ring_drops_and_tells),
		cmocka_unit_test(test_close_with_a_stuck_pipe),
		cmocka_unit_test(test_a_broken_descriptor),
		cmocka_unit_test(test_a_full_disk),
		cmocka_unit_test(test_producers_with_small_rings),
		cmocka_unit_test(test_producers_with_large_rings),
		cmocka_unit_test(test_every_line_arrives_alone),
		cmocka_unit_test(test_without_a_channel_to_stderr),
		cmocka_unit_test(test_no_descriptors_left),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_channels_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
