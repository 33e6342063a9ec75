/* SPDX-License-Identifier: Apache-2.0
 *
 * Fields of /proc/self/stat (proc(5)) are counted from behind the command's name, which may hold
 * anything. Descriptors are counted by listing them, as other clients do.
 */
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/metrics.h"

#define FILE_MAX ((size_t)8192) /* the files but /proc/stat are shorter */
#define PATH_SIZE 256

/* Fields of stat, as proc(5) numbers them. */
enum stat_field {
	STAT_UTIME = 14,
	STAT_STIME = 15,
	STAT_THREADS = 20,
	STAT_START = 22,
	STAT_VSIZE = 23,
	STAT_RSS = 24,
	STAT_N = 25
};

struct process {
	double stat[STAT_N];
	double boot_s; /* Unix time; 0: not known */
};

/* The file's beginning in buf[0..size), NUL-terminated. False when it cannot be read. */
static bool read_file(const char *proc, const char *name, char *buf, size_t size)
{
	char path[PATH_SIZE];
	size_t len = 0;
	ssize_t n = 1;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", proc, name) >= sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (n > 0 && len < size - 1) {
		n = read(fd, buf + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	close(fd);
	buf[len] = '\0';
	return n >= 0 && len > 0;
}

static bool read_stat(const char *proc, struct process *process)
{
	char buf[FILE_MAX];
	char *at;

	if (!read_file(proc, "self/stat", buf, sizeof(buf)))
		return false;
	at = strrchr(buf, ')');
	if (!at || strlen(at) < 4)
		return false;
	at += 4; /* ") S" is field 3 */
	for (size_t i = 4; i < STAT_N; i++) {
		char *end;

		process->stat[i] = strtod(at, &end);
		if (end == at)
			return false;
		at = end;
	}
	return true;
}

/* The line "btime N" may stand behind a line for each interrupt, thousands of bytes long. */
static double boot_time(const char *proc)
{
	size_t size = 1u << 20;
	char *buf = mem_alloc(size), *line;
	double time_s = 0;

	if (read_file(proc, "stat", buf, size) && (line = strstr(buf, "\nbtime ")) != NULL)
		time_s = strtod(line + 7, NULL);
	free(buf);
	return time_s;
}

/* How many descriptors are open; negative when that cannot be told. */
static double count_fds(const char *proc)
{
	char path[PATH_SIZE];
	double n = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/self/fd", proc);
	folder = opendir(path);
	if (!folder)
		return -1;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		n += entry->d_name[0] != '.';
	closedir(folder);
	return n - 1; /* the folder's own */
}

/* A soft limit; negative when it cannot be told. "unlimited" is 2^64 - 1, as in Go's client. */
static double read_limit(const char *proc, const char *name)
{
	char buf[FILE_MAX];
	const char *line;

	if (!read_file(proc, "self/limits", buf, sizeof(buf)) || !(line = strstr(buf, name)))
		return -1;
	line += strlen(name);
	line += strspn(line, " ");
	return strncmp(line, "unlimited", 9) == 0 ? 18446744073709551615.0 : strtod(line, NULL);
}

/* Octets that came in or went out, loopback included, by /proc/self/net/dev. */
static void sum_network(const char *proc, double *received, double *sent)
{
	char buf[1u << 16];
	const char *line = buf;

	*received = *sent = -1;
	if (!read_file(proc, "self/net/dev", buf, sizeof(buf)))
		return;
	*received = *sent = 0;
	while ((line = strchr(line, ':')) != NULL) {
		char *at;

		*received += strtod(++line, &at);
		for (int i = 0; i < 7; i++) /* packets errs drop fifo frame compressed multicast */
			strtod(at, &at);
		*sent += strtod(at, NULL);
		line += strcspn(line, "\n");
	}
}

struct value {
	const char *name, *type, *help;
	double value; /* negative: not known */
};

static void write_values(struct text *page, const struct value *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (values[i].value < 0)
			continue;
		metrics_family(page, values[i].name, values[i].type, values[i].help);
		metrics_sample(page, values[i].name, NULL, 0, values[i].value);
	}
}

static void write_stat(struct text *page, const struct process *process)
{
	double ticks = (double)sysconf(_SC_CLK_TCK), page_bytes = (double)sysconf(_SC_PAGESIZE);
	const double *stat = process->stat;
	const struct value values[] = {
		{"process_cpu_seconds_total", "counter",
		 "Total user and system CPU time spent in seconds.",
		 (stat[STAT_UTIME] + stat[STAT_STIME]) / ticks},
		{"process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
		 stat[STAT_VSIZE]},
		{"process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
		 stat[STAT_RSS] * page_bytes},
		{"process_start_time_seconds", "gauge",
		 "Start time of the process since unix epoch in seconds.",
		 process->boot_s > 0 ? process->boot_s + stat[STAT_START] / ticks : -1},
		{"go_goroutines", "gauge",
		 "Threads of this process: kaname is written in C and has no goroutines.",
		 stat[STAT_THREADS]},
		{"go_threads", "gauge", "Threads of this process.", stat[STAT_THREADS]},
	};

	write_values(page, values, ARRAY_LEN(values));
}

void process_metrics_write(struct text *page, const char *proc)
{
	struct process process = {.boot_s = boot_time(proc)};
	struct value values[] = {
		{"process_open_fds", "gauge", "Number of open file descriptors.", count_fds(proc)},
		{"process_max_fds", "gauge", "Maximum number of open file descriptors.",
		 read_limit(proc, "Max open files")},
		{"process_virtual_memory_max_bytes", "gauge",
		 "Maximum amount of virtual memory available in bytes.",
		 read_limit(proc, "Max address space")},
		{"process_network_receive_bytes_total", "counter",
		 "Number of bytes received by the process over the network.", -1},
		{"process_network_transmit_bytes_total", "counter",
		 "Number of bytes sent by the process over the network.", -1},
		{"kaname_node_boot_time_seconds", "gauge",
		 "Start of the node since unix epoch in seconds: restarts with it are no fault.",
		 process.boot_s > 0 ? process.boot_s : -1},
	};

	sum_network(proc, &values[3].value, &values[4].value);
	if (read_stat(proc, &process))
		write_stat(page, &process);
	write_values(page, values, ARRAY_LEN(values));
}
