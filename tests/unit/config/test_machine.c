/* SPDX-License-Identifier: Apache-2.0
 *
 * config_load on the real machine: files, folders and patterns in a temporary folder, environment,
 * interfaces; and the limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../src/config/machine.h"
#include "memory.h"

static const struct config_options options = {.default_port = 53, .n_cpus = 2};

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void write_text(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

/* A folder of its own as the working directory. */
static int enter_folder(void **state)
{
	char *folder = strdup("/tmp/kaname-config-XXXXXX");

	*state = folder;
	return folder && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	free(*state);
	return chdir("/") == 0 ? system(command) : -1;
}

/* The blocks and the log lines of the configuration, or the problems. */
static void check_load(const char *path, const char *want)
{
	struct config config;
	struct text problems = {0}, got = {0};

	if (config_load(&config, path, &options, &problems) == 0) {
		config_dump(&config, &got);

		char *blocks = strstr(got.bytes, "block 0\n");

		assert_non_null(blocks);
		assert_string_equal(blocks, want);
	} else {
		/* The limits may have more to say behind the first line. */
		if (strchr(want, '\n') == want + strlen(want) - 1)
			strchr(problems.bytes, '\n')[1] = '\0';
		assert_string_equal(problems.bytes, want);
	}
	config_free(&config);
	text_fini(&problems);
	text_fini(&got);
}

static void test_files(void **state)
{
	assert_int_equal(mkdir("c", 0755), 0);
	assert_int_equal(mkdir("c/custom", 0755), 0);
	assert_int_equal(mkdir("c/custom/folder", 0755), 0);
	assert_int_equal(mkfifo("c/pipe", 0644), 0);
	write_text("c/custom/b.override", "log b.test");
	write_text("c/custom/a.override", "log a.test");
	write_text("c/custom/.hidden.override", "wrong");
	write_text("c/custom/x.server", "x.test {\nimport ../../c/same\n}");
	write_text("c/same", "log {$KANAME_TEST_ZONE}");
	write_text("c/Corefile", ". {\n import custom/*.override\n}\nimport custom/*.server\n"
				 "import nothing/*.server\n");
	assert_int_equal(setenv("KANAME_TEST_ZONE", "env.test", 1), 0);
	check_load("c/Corefile", "block 0\n log a.test. classes 7\n log b.test. classes 7\n"
				 "block 1\n log env.test. classes 7\n");

	write_text("c/wrong", ". {\n import custom/*\n import pipe\n import custom/fold?r\n"
			      " import same\n}\n");
	check_load("c/wrong", "c/wrong:2: cannot import \"c/custom/folder\": Is a directory\n"
			      "c/wrong:3: cannot import \"c/pipe\": Invalid argument\n"
			      "c/wrong:4: cannot import \"c/custom/folder\": Is a directory\n"
			      "c/custom/x.server:1: unknown directive \"x.test\"\n");
	check_load("missing", "missing: cannot be read: No such file or directory\n");
	check_load("c", "c: cannot be read: Is a directory\n");
}

static void test_limits(void **state)
{
	struct text big = {0};

	write_file("zero", ". {\n err\0ors\n}", 13);
	check_load("zero", "zero:2: a byte is zero: this is not a text file\n");

	while (big.len <= CONFIG_FILE_MAX)
		text_puts(&big, "# a comment that fills the file\n");
	write_file("big", big.bytes, big.len);
	check_load("big", "big: cannot be read: larger than 1 MiB\n");

	big.len = 0;
	for (size_t i = 0; i < 100001; i++)
		text_puts(&big, "a\n");
	write_file("many", big.bytes, big.len);
	check_load("many", "many:100001: the configuration is too large\n");

	big.len = 0;
	text_puts(&big, "10.0.0.0/9 { # 128 zones\n}\n");
	for (size_t i = 0; i < 32; i++)
		text_printf(&big, "%zu.0.0.0/9:%zu {\n}\n", i, i + 1000);
	write_file("zones", big.bytes, big.len);
	check_load("zones", "zones:65: more than 4096 zones\n");
	text_fini(&big);
}

/* Problems without end are cut. */
static void test_problems(void **state)
{
	struct text many = {0}, problems = {0};
	struct config config;
	size_t n = 0;

	text_puts(&many, ". {\n");
	for (size_t i = 0; i < 500; i++)
		text_printf(&many, " wrong%zu\n", i);
	text_puts(&many, "}\n");
	write_file("problems", many.bytes, many.len);
	assert_int_not_equal(config_load(&config, "problems", &options, &problems), 0);
	for (const char *p = problems.bytes; (p = strchr(p, '\n')); p++)
		n++;
	assert_int_equal(n, 101);
	assert_non_null(strstr(problems.bytes, "\nthere are more problems than these\n"));
	config_free(&config);
	text_fini(&problems);
	text_fini(&many);
}

static void test_interfaces(void **state)
{
	struct config config;
	struct text problems = {0};

	write_text("lo", ". {\n bind lo\n kubernetes a.test {\n objects x\n }\n}\n");
	assert_int_equal(config_load(&config, "lo", &options, &problems), 0);
	assert_true(config.net.n_listeners >= 1);
	assert_true(config.query.n_own >= 1);
	config_free(&config);
	text_fini(&problems);
}

/* A file that is followed: read where it is another, also when it was replaced or written to within
 * the clock's tick. */
static void test_follow(void **state)
{
	struct config_stamp stamp = {0}, first;
	struct text content = {0};
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

	assert_int_equal(machine_follow(NULL, "hosts", 100, &stamp, &content), -ENOENT);
	assert_int_equal(machine_follow(NULL, ".", 100, &stamp, &content), -EISDIR);
	write_text("hosts", "one");
	assert_int_equal(machine_follow(NULL, "hosts", 2, &stamp, &content), -EFBIG);
	assert_int_equal(machine_follow(NULL, "hosts", 3, &stamp, &content), 0);
	assert_string_equal(content.bytes, "one");
	/* Just written: it is read again, since the next write may leave the same time. */
	assert_int_equal(machine_follow(NULL, "hosts", 3, &stamp, &content), 0);
	assert_int_equal(utimensat(AT_FDCWD, "hosts", old, 0), 0);
	content.len = 0;
	assert_int_equal(machine_follow(NULL, "hosts", 3, &stamp, &content), 0);
	assert_int_equal(stamp.mtime_ns, 1000000000000ull);
	assert_int_equal(machine_follow(NULL, "hosts", 3, &stamp, &content), -EALREADY);
	first = stamp;
	write_text("new", "two");
	assert_int_equal(utimensat(AT_FDCWD, "new", old, 0), 0);
	assert_int_equal(rename("new", "hosts"), 0);
	content.len = 0;
	assert_int_equal(machine_follow(NULL, "hosts", 3, &stamp, &content), 0);
	assert_string_equal(content.bytes, "two");
	assert_true(stamp.inode != first.inode && stamp.mtime_ns == first.mtime_ns);
	text_fini(&content);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(test_limits, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(test_problems, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(test_interfaces, enter_folder, leave_folder),
		cmocka_unit_test_setup_teardown(test_follow, enter_folder, leave_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
