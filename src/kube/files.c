/* SPDX-License-Identifier: Apache-2.0
 *
 * A poll scans the paths into a sorted list of what is there, and merges that with the list of
 * files that are known:
 *
 *     file    unknown -seen-> pending -still-> (batch) -> read -stat changes-> pending ...
 *                                                            -not there----> pending -still->
 * (batch) -> forgotten
 *
 * A file that could not be read for want of a resource stays pending.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

#define FILE_GONE (-1)
#define SHADOW_ROUNDS_MAX 8
#define TICK_MS 50 /* well above the resolution of a file's times */

/* What a stat tells of a file's content. Compared as bytes: zeroed before it is filled. */
struct version {
	uint64_t device, inode, size, mtime_ns, ctime_ns;
	int64_t error; /* errno, or FILE_GONE */
};

struct file {
	struct store_owner owner; /* name is the path, owned */
	size_t path_index;
	struct version seen; /* at the last poll */
	struct version told; /* whose faults have been logged */
	bool is_pending;     /* seen has not been read yet */
	bool is_still;	     /* it was the same at the last two polls */
	uint64_t pending_since_ms;
	struct reader_result result; /* of the last reading */
};

struct found {
	size_t path_index;
	char *path; /* owned */
	struct version version;
};

struct scan {
	ARRAY(struct found) list;
};

/* ---- what is there ---- */

static void fill_version(struct version *version, const struct stat *st)
{
	version->device = st->st_dev;
	version->inode = st->st_ino;
	version->size = (uint64_t)st->st_size;
	version->mtime_ns = clock_ns_of(&st->st_mtim);
	version->ctime_ns = clock_ns_of(&st->st_ctim);
}

static bool is_same_version(const struct version *a, const struct version *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Takes `path`. A file that cannot be looked at is there all the same: reading it tells why. */
static void add_found(struct scan *scan, size_t path_index, char *path)
{
	struct found found = {.path_index = path_index, .path = path};
	struct stat st;

	if (stat(path, &st) == 0)
		fill_version(&found.version, &st);
	else
		found.version.error = errno;
	ARRAY_PUSH(&scan->list, found);
}

static bool is_json_name(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".json") == 0;
}

static char *join(const char *folder, const char *name)
{
	struct text path = {0};
	size_t len = strlen(folder);

	text_printf(&path, "%s%s%s", folder, len > 0 && folder[len - 1] == '/' ? "" : "/", name);
	return path.bytes;
}

/* 0 or errno. */
static int scan_folder(struct scan *scan, size_t path_index, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return errno;
	errno = 0;
	while ((entry = readdir(dir))) {
		if (is_json_name(entry->d_name))
			add_found(scan, path_index, join(folder, entry->d_name));
		errno = 0;
	}

	int error = errno;

	closedir(dir);
	return error;
}

static int scan_path(struct scan *scan, size_t path_index, struct files_path *path)
{
	struct stat st;

	if (stat(path->path, &st) != 0)
		return errno;
	path->is_folder = S_ISDIR(st.st_mode);
	if (path->is_folder)
		return scan_folder(scan, path_index, path->path);
	add_found(scan, path_index, strdup(path->path));
	return 0;
}

static int compare_places(size_t a_index, const char *a, size_t b_index, const char *b)
{
	if (a_index != b_index)
		return a_index < b_index ? -1 : 1;
	return strcmp(a, b);
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return compare_places(x->path_index, x->path, y->path_index, y->path);
}

static void scan_paths(struct files *files, struct scan *scan)
{
	for (size_t i = 0; i < files->config->n_objects; i++) {
		struct files_path *path = &files->paths[i];
		int error = scan_path(scan, i, path);

		if (error != 0 && error != path->error)
			reader_log(files->reader, LOG_ERROR, "%s: %s", path->path, strerror(error));
		path->error = error;
	}
	if (scan->list.len > 0)
		qsort(scan->list.items, scan->list.len, sizeof(scan->list.items[0]), compare_found);
}

/* ---- merging with what is known ---- */

static void note_version(struct file *file, const struct version *version, uint64_t now_ms)
{
	if (is_same_version(&file->seen, version)) {
		file->is_still = true;
		return;
	}
	if (!file->is_pending)
		file->pending_since_ms = now_ms;
	file->seen = *version;
	file->is_pending = true;
	file->is_still = false;
}

static struct file *new_file(struct found *found, uint64_t now_ms)
{
	struct file *file = mem_zalloc(sizeof(*file));

	file->owner.name = found->path;
	found->path = NULL;
	file->path_index = found->path_index;
	file->seen = found->version;
	file->is_pending = true;
	file->pending_since_ms = now_ms;
	return file;
}

/* A file that the scan did not find. A folder that cannot be read, other than not being there,
 * tells nothing about its files. */
static void note_missing(struct files *files, struct file *file, uint64_t now_ms)
{
	int error = files->paths[file->path_index].error;
	const struct version gone = {.error = FILE_GONE};

	if (error == 0 || error == ENOENT || error == ENOTDIR)
		note_version(file, &gone, now_ms);
}

/* Which comes first, the next known file or the next one found: as strcmp; either may be at its
 * end. */
static int compare_heads(const struct file *file, const struct found *found)
{
	if (!file || !found)
		return file ? -1 : 1;
	return compare_places(file->path_index, file->owner.name, found->path_index, found->path);
}

static void merge(struct files *files, struct scan *scan, uint64_t now_ms)
{
	struct file **known = files->list.items;
	size_t n_known = files->list.len;
	size_t i = 0, j = 0;

	files->list.items = NULL;
	files->list.len = files->list.cap = 0;
	while (i < n_known || j < scan->list.len) {
		struct found *found = j < scan->list.len ? &scan->list.items[j] : NULL;
		struct file *file = i < n_known ? known[i] : NULL;
		int order = compare_heads(file, found);

		if (found && order > 0)
			file = new_file(found, now_ms);
		else if (found && order == 0)
			note_version(file, &found->version, now_ms);
		else
			note_missing(files, file, now_ms);
		i += order <= 0;
		j += order >= 0;
		file->owner.rank = (uint32_t)files->list.len;
		ARRAY_PUSH(&files->list, file);
	}
	free(known);
}

static void scan_fini(struct scan *scan)
{
	for (size_t i = 0; i < scan->list.len; i++)
		free(scan->list.items[i].path);
	ARRAY_FINI(&scan->list);
}

/* Everything that has changed keeps still, or has been waited for long enough. */
static bool is_batch_due(const struct files *files, uint64_t now_ms)
{
	bool has_pending = false;
	bool is_still = true;

	for (size_t i = 0; i < files->list.len; i++) {
		const struct file *file = files->list.items[i];

		if (!file->is_pending)
			continue;
		has_pending = true;
		is_still = is_still && file->is_still;
		if (now_ms - file->pending_since_ms >= FILES_SETTLE_MAX_MS)
			return true;
	}
	return has_pending && is_still;
}

/* ---- a batch ---- */

/* Written so lately that another write may leave the same stat: it is read once more. */
static bool is_fresh(const struct file *file, uint64_t unix_ms)
{
	uint64_t written_ms = file->seen.ctime_ns / 1000000u;

	return written_ms + TICK_MS > unix_ms && written_ms < unix_ms + TICK_MS;
}

static void read_one(struct files *files, struct file *file)
{
	/* The same version is read again when another file gives up an object. */
	bool is_quiet = is_same_version(&file->seen, &file->told);

	bool was_temporary = is_quiet && file->result.is_temporary;

	file->owner.is_due = false;
	reader_read(files->reader, &file->owner, is_quiet, &file->result);
	/* Told was only that it could not be read: now for what it holds. */
	if (was_temporary && !file->result.is_temporary)
		reader_read(files->reader, &file->owner, false, &file->result);
	file->told = file->seen;
	if (file->result.is_temporary)
		file->is_pending = true;
}

static void read_pending(struct files *files, uint64_t monotonic_ms, uint64_t unix_ms)
{
	for (size_t i = 0; i < files->list.len; i++)
		files->list.items[i]->owner.is_due = files->list.items[i]->is_pending;
	for (size_t i = 0; i < files->list.len; i++) {
		struct file *file = files->list.items[i];

		if (!file->is_pending)
			continue;
		file->is_pending = false;
		if (file->seen.error == FILE_GONE) {
			file->owner.generation++;
			file->owner.is_complete = true;
			file->owner.has_shadowed = false;
			file->owner.is_due = false;
			file->result = (struct reader_result){0};
		} else {
			read_one(files, file);
			file->is_pending = file->is_pending || is_fresh(file, unix_ms);
			file->is_still = false;
			file->pending_since_ms = monotonic_ms;
		}
	}
}

/* Objects are gone: another file may have had one of them all along. */
static void read_shadowed(struct files *files)
{
	for (size_t i = 0; i < files->list.len; i++) {
		struct file *file = files->list.items[i];

		if (file->owner.has_shadowed)
			read_one(files, file);
	}
}

static void forget_gone(struct files *files)
{
	size_t n = 0;

	for (size_t i = 0; i < files->list.len; i++) {
		struct file *file = files->list.items[i];

		if (file->seen.error != FILE_GONE || file->is_pending) {
			files->list.items[n++] = file;
			continue;
		}
		CHECK(file->owner.n_entries == 0);
		free((char *)(uintptr_t)file->owner.name);
		free(file);
	}
	files->list.len = n;
}

static bool is_path_good(const struct files *files, size_t path_index)
{
	if (files->paths[path_index].error != 0)
		return false;
	for (size_t i = 0; i < files->list.len; i++) {
		const struct file *file = files->list.items[i];

		if (file->path_index == path_index &&
		    (file->result.is_whole || file->result.n_objects > 0))
			return true;
	}
	return false;
}

static bool are_paths_good(const struct files *files)
{
	for (size_t i = 0; i < files->config->n_objects; i++) {
		if (!is_path_good(files, i))
			return false;
	}
	return true;
}

bool files_poll(struct files *files, uint64_t monotonic_ms, uint64_t unix_ms)
{
	struct scan scan = {0};

	scan_paths(files, &scan);
	merge(files, &scan, monotonic_ms);
	scan_fini(&scan);
	if (files->is_polled && !is_batch_due(files, monotonic_ms) &&
	    (files->is_synced || !are_paths_good(files)))
		return false;
	files->is_polled = true;
	read_pending(files, monotonic_ms, unix_ms);
	for (int i = 0; i < SHADOW_ROUNDS_MAX && store_sweep(files->reader->store) > 0; i++)
		read_shadowed(files);
	forget_gone(files);
	files->is_synced = files->is_synced || are_paths_good(files);
	records_publish(files->records, files->reader->store, unix_ms, files->is_synced);
	return true;
}

void files_tell_missing(const struct files *files, struct text *why)
{
	for (size_t i = 0; i < files->config->n_objects; i++) {
		const struct files_path *path = &files->paths[i];
		const char *reason = path->is_folder ? "no *.json file there yet" : "not read yet";

		if (is_path_good(files, i))
			continue;
		if (path->error != 0)
			reason = strerror(path->error);
		for (size_t j = 0; j < files->list.len && path->error == 0; j++) {
			const struct file *file = files->list.items[j];

			if (file->path_index == i && *file->result.fault)
				reason = file->result.fault;
		}
		text_printf(why, "kubernetes: objects %s: %s\n", path->path, reason);
	}
}

void files_init(struct files *files, const struct kube_source_config *config, struct reader *reader,
		struct records *records)
{
	*files = (struct files){.config = config, .reader = reader, .records = records};
	files->paths = mem_zalloc(config->n_objects * sizeof(files->paths[0]));
	for (size_t i = 0; i < config->n_objects; i++)
		files->paths[i].path = config->objects[i];
}

/* The store, which points to the files, is freed before. */
void files_fini(struct files *files)
{
	for (size_t i = 0; i < files->list.len; i++) {
		free((char *)(uintptr_t)files->list.items[i]->owner.name);
		free(files->list.items[i]);
	}
	ARRAY_FINI(&files->list);
	free(files->paths);
	files->paths = NULL;
}
