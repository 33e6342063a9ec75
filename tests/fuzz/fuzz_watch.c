/* SPDX-License-Identifier: Apache-2.0
 *
 * A watch that is told nonsense: the input is what an API server says. Its first octet says to
 * which resource (2 bits), and whether it has streaming lists (1 bit); then come responses, each a
 * status in two digits ("20" is 200), its bytes, and a NUL. Whatever comes: the watch stays in a
 * state from which it goes on, what is published can be published again, and an empty list empties
 * the table.
 */
#include "../../src/kube/records.h"
#include "../../src/kube/watch.h"

#include <string.h>

#include "base/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kube_source_config config = {.is_api = true, .wants_pods = true};

struct server {
	bool is_asked;
	unsigned n_others;
};

static int on_get(void *arg, const struct watch_request *request, struct text *why)
{
	struct server *server = arg;

	CHECK(!server->is_asked && request->path[0] == '/');
	server->is_asked = true;
	return 0;
}

static void on_cancel(void *arg)
{
	((struct server *)arg)->is_asked = false;
}

static void on_other_cluster(void *arg)
{
	((struct server *)arg)->n_others++;
}

static const struct watch_calls calls = {on_get, on_cancel, on_other_cluster};

/* Until it has asked for something. */
static void wait_asked(struct watch *watch, const struct server *server, uint64_t *now_ms)
{
	while (!server->is_asked) {
		CHECK(watch->due_ms != UINT64_MAX);
		*now_ms = watch->due_ms > *now_ms ? watch->due_ms : *now_ms + 1;
		watch_on_time(watch, *now_ms);
	}
}

static unsigned digit(uint8_t octet)
{
	return octet % 10u;
}

static void answer(struct watch *watch, struct server *server, const uint8_t *bytes, size_t size,
		   uint64_t now_ms)
{
	unsigned status = size >= 2 ? digit(bytes[0]) * 100 + digit(bytes[1]) : 0;
	size_t at = size < 2 ? size : 2, step = 1 + size % 7;
	bool is_wanted = true;

	if (status >= 2)
		watch_on_head(watch, status, 0, now_ms);
	while (status >= 2 && is_wanted && at < size) {
		size_t n = step < size - at ? step : size - at;
		/* Memory of the chunk's own size, so that reading past its end is seen. */
		char *chunk = mem_alloc(n);

		memcpy(chunk, bytes + at, n);
		is_wanted = watch_on_data(watch, chunk, n, now_ms);
		free(chunk);
		at += n;
		step *= 2;
	}
	server->is_asked = false;
	watch_on_end(watch, is_wanted ? NULL : "not wanted", now_ms);
}

static void publish_twice(struct records *records, struct store *store)
{
	uint32_t serial;

	records_publish(records, store, 1000, true);
	serial = table_serial(records->table);
	CHECK(!store_is_dirty(store));
	records_publish(records, store, 2000, true);
	CHECK(table_serial(records->table) == serial);
}

/* Nothing is there any more. */
static void empty(struct store *store, struct watch *watch)
{
	watch->owner.generation++;
	watch->owner.is_complete = true;
	store_sweep(store);
	store_expire(store, UINT64_MAX);
	CHECK(watch->owner.n_entries == 0);
}

static void run(struct watch *watch, struct server *server, const uint8_t *data, size_t size)
{
	uint64_t now_ms = 1;

	watch_start(watch, now_ms);
	while (size > 0) {
		const uint8_t *end = memchr(data, 0, size);
		size_t n = end ? (size_t)(end - data) : size;

		wait_asked(watch, server, &now_ms);
		answer(watch, server, data, n, now_ms);
		n += end != NULL;
		data += n;
		size -= n;
	}
	wait_asked(watch, server, &now_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store store;
	struct server server = {0};
	struct text lines = {0}, dump = {0};
	struct watch watch = {.config = &config,
			      .calls = &calls,
			      .arg = &server,
			      .store = &store,
			      .lines = &lines};

	if (size == 0)
		return 0;
	rcu_register();
	store_init(&store);
	store.linger_ms = 300;

	struct records records = {.config = &config, .table = table_new()};

	watch.subject = (enum watch_subject)(data[0] & 3);
	watch_init(&watch);
	watch.has_streams = (data[0] & 4) == 0;
	run(&watch, &server, data + 1, size - 1);
	publish_twice(&records, &store);
	empty(&store, &watch);
	records_publish(&records, &store, 3000, true);
	rcu_enter();
	table_dump(records.table, &dump);
	rcu_leave();
	CHECK(dump.len == 0 && store.entries.n == 0);
	store_fini(&store);
	watch_fini(&watch);
	table_free(records.table);
	text_fini(&lines);
	text_fini(&dump);
	rcu_unregister();
	return 0;
}
