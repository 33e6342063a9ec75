/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target over every file of the folders and files given: the corpus in the normal test
 * run, without libFuzzer. Fails when a folder is missing or holds nothing, so that a corpus cannot
 * get lost unseen.
 */
#include <dirent.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	struct stat st;
	FILE *file = fopen(path, "rb");

	if (!file || fstat(fileno(file), &st) != 0) {
		fprintf(stderr, "replay: cannot read %s\n", path);
		return 1;
	}

	/* An allocation of the exact size lets AddressSanitizer see a read past the end. */
	uint8_t *bytes = mem_alloc((size_t)st.st_size);
	size_t size = fread(bytes, 1, (size_t)st.st_size, file);

	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 0;
}

static int replay_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[4096];
	int n = 0;

	if (!dir)
		return replay_file(folder);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (replay_file(path) != 0)
			return 1;
		n++;
	}
	closedir(dir);
	if (n == 0)
		fprintf(stderr, "replay: %s is empty\n", folder);
	return n == 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (replay_folder(argv[i]) != 0)
			return 1;
	}
	return 0;
}
