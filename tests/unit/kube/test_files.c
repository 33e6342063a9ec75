/* SPDX-License-Identifier: Apache-2.0
 *
 * Following files, in a folder of its own and in virtual time: each scenario is a list of steps
 * (change a file, poll, expect).
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/rcu.h"
#include "files.h"

#define SERVICE(name, address)                                                              \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"namespace\":\"shop\"," \
	"\"name\":\"" name "\"},\"spec\":{\"clusterIP\":\"" address "\"}}"
#define BARE(name, address)                                      \
	"{\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name \
	"\"},\"spec\":{\"clusterIP\":\"" address "\"}}"
#define LIST(items) "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" items "]}\n"
#define A(name, address) name "=" address " "

enum action {
	END,
	WRITE,	/* replaces the file `name` by what is in `text` */
	REMOVE, /* the file `name` */
	LINK,	/* makes `name` a symlink to `text`, in place of what was there */
	FOLDER, /* makes a folder */
	POLL,	/* FILES_POLL_MS later; `text` is what the services are then */
	LINES,	/* `text` is what was logged since the last time, the folder as "@" */
	STATUS, /* `text` is why it is not synced, likewise; "" when it is */
	SAME,	/* the serial is that of the last SAME or POLL that changed the services */
	NEW_SERIAL,
};

struct step {
	enum action action;
	const char *name;
	const char *text;
};

#define STEPS_MAX 40
#define PATHS_MAX 3

static const struct {
	const char *name;
	const char *paths[PATHS_MAX]; /* below the folder; "" is the folder itself */
	struct step steps[STEPS_MAX];
} scenarios[] = {
#include "files_scenarios.h"
};

struct follower {
	char folder[64];
	char *paths[PATHS_MAX];
	struct kube_source_config config;
	struct store store;
	struct reader reader;
	struct records records;
	struct files files;
	struct text lines;
	uint64_t now_ms;
	uint32_t serial;
};

static char *path_in(const struct follower *follower, const char *name)
{
	struct text path = {0};

	text_printf(&path, "%s%s%s", follower->folder, *name ? "/" : "", name);
	return path.bytes;
}

static void follower_init(struct follower *follower, const char *const *paths)
{
	*follower = (struct follower){.folder = "/tmp/kaname-files-XXXXXX", .now_ms = 1000};
	assert_non_null(mkdtemp(follower->folder));
	while (follower->config.n_objects < PATHS_MAX && paths[follower->config.n_objects]) {
		size_t i = follower->config.n_objects++;

		follower->paths[i] = path_in(follower, paths[i]);
	}
	follower->config.objects = (const char *const *)follower->paths;
	store_init(&follower->store);
	follower->records.config = &follower->config;
	follower->records.table = table_new();
	follower->reader = (struct reader){
		.config = &follower->config, .store = &follower->store, .lines = &follower->lines};
	files_init(&follower->files, &follower->config, &follower->reader, &follower->records);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	return remove(path);
}

static void follower_fini(struct follower *follower)
{
	store_fini(&follower->store);
	files_fini(&follower->files);
	table_free(follower->records.table);
	text_fini(&follower->lines);
	for (size_t i = 0; i < PATHS_MAX; i++)
		free(follower->paths[i]);
	nftw(follower->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* By a new file that takes the old one's place, so that the inode differs however fast this is. */
static void write_file(const struct follower *follower, const char *name, const char *text)
{
	char *path = path_in(follower, name);
	char *next = path_in(follower, ".next");
	FILE *file = fopen(next, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(next, path), 0);
	free(next);
	free(path);
}

static void make_link(const struct follower *follower, const char *name, const char *target)
{
	char *path = path_in(follower, name);
	char *next = path_in(follower, ".next");

	assert_int_equal(symlink(target, next), 0);
	assert_int_equal(rename(next, path), 0);
	free(next);
	free(path);
}

static void remove_file(const struct follower *follower, const char *name)
{
	char *path = path_in(follower, name);

	assert_int_equal(remove(path), 0);
	free(path);
}

static void make_folder(const struct follower *follower, const char *name)
{
	char *path = path_in(follower, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

/* The A lines of the dump: "web=10.0.0.1 db=10.0.0.2 ". The caller frees. */
static char *services(const struct follower *follower)
{
	struct text dump = {0}, out = {0};
	char *rest;

	text_puts(&out, "");
	text_puts(&dump, "");
	rcu_enter();
	table_dump(follower->records.table, &dump);
	rcu_leave();
	for (char *line = strtok_r(dump.bytes, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char name[64], address[64];

		if (sscanf(line, "%63[^.].shop.svc A %63s", name, address) == 2)
			text_printf(&out, "%s=%s ", name, address);
	}
	text_fini(&dump);
	return out.bytes;
}

/* The folder's own name is written as "@". The caller frees. */
static char *mask_folder(const struct follower *follower, const char *text)
{
	struct text out = {0};
	const char *hit;

	text_puts(&out, "");
	while ((hit = strstr(text, follower->folder))) {
		text_append(&out, text, (size_t)(hit - text));
		text_puts(&out, "@");
		text = hit + strlen(follower->folder);
	}
	text_puts(&out, text);
	return out.bytes;
}

static void expect(const char *scenario, size_t step, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s, step %zu: \"%s\" in place of \"%s\"", scenario, step, got, want);
}

static void expect_masked(const struct follower *follower, const char *scenario, size_t step,
			  struct text *got, const char *want)
{
	char *masked = mask_folder(follower, got->len > 0 ? got->bytes : "");

	expect(scenario, step, masked, want);
	free(masked);
	got->len = 0;
}

static void poll_and_expect(struct follower *follower, const char *scenario, size_t step,
			    const char *want)
{
	char *got;

	files_poll(&follower->files, follower->now_ms, 1000);
	follower->now_ms += FILES_POLL_MS;
	got = services(follower);
	expect(scenario, step, got, want);
	free(got);
}

static void run_step(struct follower *follower, const char *scenario, size_t i,
		     const struct step *step)
{
	struct text why = {0};
	uint32_t serial = table_serial(follower->records.table);

	switch (step->action) {
	case END:
		return;
	case WRITE:
		write_file(follower, step->name, step->text);
		return;
	case REMOVE:
		remove_file(follower, step->name);
		return;
	case LINK:
		make_link(follower, step->name, step->text);
		return;
	case FOLDER:
		make_folder(follower, step->name);
		return;
	case POLL:
		poll_and_expect(follower, scenario, i, step->text);
		return;
	case LINES:
		expect_masked(follower, scenario, i, &follower->lines, step->text);
		return;
	case STATUS:
		files_tell_missing(&follower->files, &why);
		expect_masked(follower, scenario, i, &why, step->text);
		assert_int_equal(table_is_synced(follower->records.table), !*step->text);
		text_fini(&why);
		return;
	case SAME:
		assert_int_equal(serial, follower->serial);
		return;
	case NEW_SERIAL:
		assert_int_not_equal(serial, follower->serial);
		follower->serial = serial;
		return;
	}
}

static void test_scenarios(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		struct follower follower;
		size_t j = 0;

		follower_init(&follower, scenarios[i].paths);
		for (; j < STEPS_MAX && scenarios[i].steps[j].action != END; j++)
			run_step(&follower, scenarios[i].name, j, &scenarios[i].steps[j]);
		assert_true(j > 0);
		follower_fini(&follower);
	}
}

/* Thirty broken objects: twenty lines, then how many more. */
static void test_bounded_lines(void **state)
{
	static const char *const paths[PATHS_MAX] = {"a.json"};
	struct follower follower;
	struct text text = {0};
	size_t n = 0;

	follower_init(&follower, paths);
	for (int i = 0; i < 30; i++)
		text_puts(&text, SERVICE("web", "10.0.0.300"));
	write_file(&follower, "a.json", text.bytes);
	files_poll(&follower.files, 0, 1000);
	for (const char *p = follower.lines.bytes; *p; p++)
		n += *p == '\n';
	assert_int_equal(n, READER_LINES_MAX + 1);
	assert_non_null(strstr(follower.lines.bytes, ": 10 more lines like these\n"));
	assert_int_equal(follower.reader.counters.object_errors, 30);
	text_fini(&text);
	follower_fini(&follower);
}

/* A file read within a tick of its last write is read once more: another write may have left the
 * same stat. */
static void test_fresh(void **state)
{
	static const char *const paths[PATHS_MAX] = {"a.json"};
	struct follower follower;
	struct stat st;
	uint64_t written_ms;

	follower_init(&follower, paths);
	write_file(&follower, "a.json", SERVICE("web", "10.0.0.1"));
	assert_int_equal(stat(follower.paths[0], &st), 0);
	written_ms = (uint64_t)st.st_ctim.tv_sec * 1000 + (uint64_t)st.st_ctim.tv_nsec / 1000000;
	assert_true(files_poll(&follower.files, 0, written_ms + 1));
	assert_true(files_poll(&follower.files, 200, written_ms + 201));
	assert_false(files_poll(&follower.files, 400, written_ms + 401));
	follower_fini(&follower);
}

/* Without a file descriptor the file is told once, tried at each poll, and read once there is one;
 * then what is wrong in it is told. */
static void test_no_descriptor(void **state)
{
	static const char *const paths[PATHS_MAX] = {"a.json"};
	struct follower follower;
	struct rlimit limit, none;

	follower_init(&follower, paths);
	write_file(&follower, "a.json", SERVICE("web", "10.0.0.1") SERVICE("db", "x"));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	poll_and_expect(&follower, "no descriptor", 0, "");
	poll_and_expect(&follower, "no descriptor", 1, "");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_masked(&follower, "no descriptor", 2, &follower.lines,
		      "@/a.json: Too many open files; what the file gave before stays\n");
	poll_and_expect(&follower, "no descriptor", 3, A("web", "10.0.0.1"));
	poll_and_expect(&follower, "no descriptor", 4, A("web", "10.0.0.1"));
	expect_masked(&follower, "no descriptor", 5, &follower.lines,
		      "@/a.json: Service shop/db: spec.clusterIP: not an address: \"x\"\n");
	assert_true(table_is_synced(follower.records.table));
	follower_fini(&follower);
}

static int enter(void **state)
{
	rcu_register();
	return 0;
}

static int leave(void **state)
{
	rcu_unregister();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_bounded_lines),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_no_descriptor),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
