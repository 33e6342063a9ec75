/* SPDX-License-Identifier: Apache-2.0
 *
 * process_metrics_write of this process, and of a /proc that the test made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"

/* The value of a sample without labels; -1: there is none. */
static double value_of(const struct text *page, const char *name)
{
	char line[128];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", name);
	at = page->bytes ? strstr(page->bytes, line) : NULL;
	return at ? strtod(at + strlen(line), NULL) : -1;
}

static void test_self(void **state)
{
	struct text page = {0};
	double n_fds;
	int fd;

	process_metrics_write(&page, "/proc");
	assert_true(value_of(&page, "process_cpu_seconds_total") >= 0);
	assert_true(value_of(&page, "process_max_fds") == (double)sysconf(_SC_OPEN_MAX));
	assert_true(value_of(&page, "process_virtual_memory_max_bytes") > 0);
	assert_true(value_of(&page, "go_goroutines") == 1);
	n_fds = value_of(&page, "process_open_fds");
	fd = open("/dev/null", O_RDONLY);
	assert_true(fd >= 0);
	text_fini(&page);
	process_metrics_write(&page, "/proc");
	assert_true(value_of(&page, "process_open_fds") == n_fds + 1);
	close(fd);
	text_fini(&page);
}

static void test_own_stat(void **state)
{
	struct text page = {0};
	double resident, size, start;

	process_metrics_write(&page, "/proc");
	resident = value_of(&page, "process_resident_memory_bytes");
	size = value_of(&page, "process_virtual_memory_bytes");
	start = value_of(&page, "process_start_time_seconds");
	text_fini(&page);
	if (resident == 0) {
		print_message("no process is without memory: /proc/self/stat is an emulator's\n");
		skip();
	}
	assert_true(resident > 65536);
	assert_true(size > resident);
	assert_true(start > (double)time(NULL) - 600);
	assert_true(start < (double)time(NULL) + 60);
}

static void write_file(const char *folder, const char *name, const char *content)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void test_made(void **state)
{
	char folder[] = "/tmp/kaname-process-XXXXXX", command[128];
	struct text page = {0};

	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command), "%s/self", folder);
	assert_int_equal(mkdir(command, 0700), 0);
	process_metrics_write(&page, folder);
	assert_null(page.bytes); /* nothing is known */
	write_file(folder, "self/stat",
		   "7 (a) b) (c) S 1 7 7 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 200 8192 5 1\n");
	write_file(folder, "stat", "cpu 1 2\nintr 5 6\nbtime 1000\nprocesses 1\n");
	write_file(folder, "self/limits",
		   "Limit                     Soft Limit           Hard Limit           Units\n"
		   "Max open files            1024                 4096                 files\n"
		   "Max address space         unlimited            unlimited            bytes\n");
	process_metrics_write(&page, folder);
	assert_true(value_of(&page, "process_cpu_seconds_total") ==
		    200 / (double)sysconf(_SC_CLK_TCK));
	assert_true(value_of(&page, "process_start_time_seconds") ==
		    1000 + 200 / (double)sysconf(_SC_CLK_TCK));
	assert_true(value_of(&page, "kaname_node_boot_time_seconds") == 1000);
	assert_true(value_of(&page, "process_virtual_memory_bytes") == 8192);
	assert_true(value_of(&page, "process_resident_memory_bytes") ==
		    5 * (double)sysconf(_SC_PAGESIZE));
	assert_true(value_of(&page, "go_goroutines") == 3);
	assert_true(value_of(&page, "process_max_fds") == 1024);
	assert_true(value_of(&page, "process_open_fds") == -1);
	text_fini(&page);
	write_file(folder, "self/stat", "7 (a"); /* cut */
	process_metrics_write(&page, folder);
	assert_true(value_of(&page, "process_virtual_memory_bytes") == -1);
	text_fini(&page);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_self),
					   cmocka_unit_test(test_own_stat),
					   cmocka_unit_test(test_made)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
