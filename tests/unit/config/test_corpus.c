/* SPDX-License-Identifier: Apache-2.0
 *
 * Corefiles after those of real clusters, tests/corefiles: what is in accepted/ is read with
 * exactly the notes that its "# note:" lines begin to tell, what is in refused/ with exactly the
 * problems of its "# want:" lines; both in their order, each a part of its line. A case is a file,
 * or a folder with a Corefile and what that imports. root/ is the root of absolute paths.
 *
 *     test_config_corpus tests/corefiles
 */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory.h"

#define ROOT "root"
#define N_LEAST 200 /* cases: fewer are not what this test is for */

static const char *folder; /* the corpus */

/* Where a path of the Corefile's machine is. */
static void real_path(const char *path, char out[4096])
{
	snprintf(out, 4096, "%s%s", path[0] == '/' ? ROOT : "", path);
}

static int read_file(void *arg, const char *path, struct text *content)
{
	char real[4096], bytes[4096];
	size_t n;
	FILE *file;

	real_path(path, real);
	file = fopen(real, "rb");
	if (!file)
		return -errno;
	while ((n = fread(bytes, 1, sizeof(bytes), file)) > 0)
		text_append(content, bytes, n);
	fclose(file);
	return 0;
}

/* What a directive reads again when it changes: read once here. */
static int follow_file(void *arg, const char *path, size_t most, struct config_stamp *stamp,
		       struct text *content)
{
	int err = read_file(arg, path, content);

	return err == 0 && content->len > most ? -EFBIG : err;
}

static int list_files(void *arg, const char *pattern,
		      bool (*on_path)(void *on_arg, const char *path), void *on_arg)
{
	size_t skip = pattern[0] == '/' ? strlen(ROOT) : 0;
	char real[4096];
	glob_t found = {0};

	real_path(pattern, real);
	(void)glob(real, 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (!on_path(on_arg, found.gl_pathv[i] + skip))
			break;
	}
	globfree(&found);
	return 0;
}

/* Do the lines, one by one, have what the Corefile's "# MARK: " lines say? */
static bool check_lines(const char *corefile, const char *mark, const char *lines)
{
	const char *at = lines ? lines : "";
	char *copy = strdup(corefile), *rest = copy;
	bool is_good = true;

	for (char *line; is_good && (line = strsep(&rest, "\n"));) {
		size_t len = strcspn(at, "\n");
		char *have = strndup(at, len);

		if (strncmp(line, mark, strlen(mark)) == 0) {
			is_good = strstr(have, line + strlen(mark)) != NULL;
			at += len + (at[len] == '\n');
		}
		free(have);
	}
	free(copy);
	return is_good && *at == '\0';
}

static bool check_case(const char *path, bool is_accepted)
{
	const char *mark = is_accepted ? "# note: " : "# want: ";
	struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct config_machine machine;
	struct config config;
	struct text problems = {0}, corefile = {0};

	memory_machine(&machine, NULL);
	machine.read = read_file;
	machine.list = list_files;
	machine.follow = follow_file;
	if (read_file(NULL, path, &corefile) != 0)
		fail_msg("%s: cannot be read", path);

	const char *said = corefile.bytes ? corefile.bytes : "";
	int err = config_load_on(&config, path, &machine, &options, &problems);
	bool is_good = (err == 0) == is_accepted && strncmp(said, "# ", 2) == 0 &&
		       check_lines(said, mark, is_accepted ? config.notes.bytes : problems.bytes);

	if (!is_good)
		print_error("%s: %s\n%s%s", path, err == 0 ? "accepted" : "refused",
			    problems.bytes ? problems.bytes : "",
			    err == 0 && config.notes.bytes ? config.notes.bytes : "");
	config_free(&config);
	text_fini(&problems);
	text_fini(&corefile);
	return is_good;
}

static int is_case(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Runs the cases of a folder; returns how many went wrong, and counts all. */
static size_t check_folder(const char *kind, size_t *n_all)
{
	struct dirent **entries;
	int n = scandir(kind, &entries, is_case, alphasort);
	size_t n_bad = 0;

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char path[1024];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", kind, entries[i]->d_name);
		assert_int_equal(stat(path, &st), 0);
		if (S_ISDIR(st.st_mode))
			snprintf(path, sizeof(path), "%s/%s/Corefile", kind, entries[i]->d_name);
		n_bad += !check_case(path, strcmp(kind, "accepted") == 0);
		free(entries[i]);
	}
	free(entries);
	*n_all += (size_t)n;
	return n_bad;
}

static void test_corpus(void **state)
{
	size_t n_all = 0, n_bad;

	assert_int_equal(chdir(folder), 0);
	n_bad = check_folder("accepted", &n_all);
	n_bad += check_folder("refused", &n_all);
	assert_int_equal(n_bad, 0);
	assert_true(n_all >= N_LEAST);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: test_config_corpus FOLDER\n");
		return 2;
	}
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
