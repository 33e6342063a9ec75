/* SPDX-License-Identifier: Apache-2.0
 *
 * The yardstick of kaname's start: parses each file once, whole, with cJSON, and prints what that
 * took.
 *
 *     cjson_parse FILE...      prints "parse_ms 312.4 cpu_ms 311.9 files_bytes 48214335 peak_kib
 * 321576"
 *
 * The time is that of cJSON_ParseWithLength alone: reading the file and freeing the tree are not in
 * it. Exit 1 where a file cannot be read or parsed.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

static double read_ms(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The whole file, owned by the caller; NULL where it cannot be read or is empty. */
static char *read_file(const char *path, size_t *size_bytes)
{
	struct stat stat;
	char *text = NULL;
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &stat) == 0 && stat.st_size > 0)
		text = malloc((size_t)stat.st_size);
	if (text != NULL && fread(text, 1, (size_t)stat.st_size, file) != (size_t)stat.st_size) {
		free(text);
		text = NULL;
	}
	fclose(file);
	if (text != NULL)
		*size_bytes = (size_t)stat.st_size;
	return text;
}

int main(int argc, char **argv)
{
	double parse_ms = 0, cpu_ms = 0;
	size_t files_bytes = 0;
	for (int i = 1; i < argc; i++) {
		size_t size_bytes = 0;
		char *text = read_file(argv[i], &size_bytes);
		if (text == NULL) {
			perror(argv[i]);
			return 1;
		}
		const double start_ms = read_ms(CLOCK_MONOTONIC);
		const double start_cpu_ms = read_ms(CLOCK_PROCESS_CPUTIME_ID);
		cJSON *tree = cJSON_ParseWithLength(text, size_bytes);
		cpu_ms += read_ms(CLOCK_PROCESS_CPUTIME_ID) - start_cpu_ms;
		parse_ms += read_ms(CLOCK_MONOTONIC) - start_ms;
		files_bytes += size_bytes;
		if (tree == NULL) {
			fprintf(stderr, "%s: not JSON\n", argv[i]);
			return 1;
		}
		cJSON_Delete(tree);
		free(text);
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("parse_ms %.1f cpu_ms %.1f files_bytes %zu peak_kib %ld\n", parse_ms, cpu_ms,
	       files_bytes, usage.ru_maxrss);
	return 0;
}
