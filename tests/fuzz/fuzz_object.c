/* SPDX-License-Identifier: Apache-2.0
 *
 * From bytes to records: the splitter's objects are decoded, stored and published. Each outcome
 * keeps its promise, a second decoding gives the same bytes, putting it twice changes nothing, and
 * an emptied store leaves an empty table.
 */
#include "../../src/kube/records.h"
#include "../../src/kube/split.h"

#include <string.h>

#include "base/rcu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kube_source_config config = {.endpoint_pod_names = true, .wants_pods = true};

static void check_decoded(const struct object *object)
{
	size_t name_len = strlen(object->name);

	CHECK(name_len > 0 && name_len <= OBJECT_NAME_MAX);
	CHECK(object->kind == OBJECT_NAMESPACE ||
	      dns_label_is_1123(object->namespace, strlen(object->namespace)));
	CHECK(!*object->service || dns_label_is_1123(object->service, strlen(object->service)));
	if (object->kind == OBJECT_SERVICE || object->kind == OBJECT_NAMESPACE)
		CHECK(dns_label_is_1123(object->name, name_len));
}

static void put_twice(struct store *store, struct store_owner *owner, const struct object *object)
{
	struct store_owner *other;
	size_t n_entries;

	CHECK(store_put(store, owner, object, &other) == STORE_PUT);
	n_entries = store->entries.n;
	CHECK(store_put(store, owner, object, &other) == STORE_PUT && !other);
	CHECK(store->entries.n == n_entries);
}

static void take_object(struct store *store, struct store_owner *owner, const struct split *split)
{
	const struct object_input input = {split->object.bytes, split->object.len,
					   split->object.is_item, split->kind, split->api_version};
	struct object object = {0}, again = {0};
	struct text why = {0}, why_again = {0};
	size_t offset = 0;
	enum object_outcome outcome = object_decode(&object, &input, &config, &why, &offset);

	CHECK(object_decode(&again, &input, &config, &why_again, &offset) == outcome);
	CHECK(why.len == why_again.len);
	CHECK(offset <= input.len);
	CHECK((why.len > 0) == (outcome == OBJECT_BROKEN || outcome == OBJECT_NAMELESS));
	if (outcome == OBJECT_DECODED) {
		CHECK(object.content.len == again.content.len);
		CHECK(object.content.len == 0 ||
		      memcmp(object.content.bytes, again.content.bytes, again.content.len) == 0);
		check_decoded(&object);
		put_twice(store, owner, &object);
	}
	object_fini(&object);
	object_fini(&again);
	text_fini(&why);
	text_fini(&why_again);
}

static void put_all(struct store *store, struct store_owner *owner, const uint8_t *data,
		    size_t size)
{
	struct split split = {0};
	enum split_event event;

	split_feed(&split, (const char *)data, size);
	while ((event = split_next(&split)) == SPLIT_OBJECT || event == SPLIT_DOCUMENT) {
		if (event == SPLIT_OBJECT)
			take_object(store, owner, &split);
	}
	split_fini(&split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store store;
	struct store_owner owner = {.name = "fuzz"};
	struct text dump = {0};

	rcu_register();
	store_init(&store);

	struct records records = {.config = &config, .table = table_new()};

	put_all(&store, &owner, data, size);
	CHECK(owner.n_entries == store.entries.n);
	records_publish(&records, &store, 1, true);

	uint32_t serial = table_serial(records.table);

	put_all(&store, &owner, data, size);
	records_publish(&records, &store, 2, true);
	/* An object that is there twice, with different contents, ends as it was. */
	CHECK(table_serial(records.table) == serial);
	owner.generation++;
	owner.is_complete = true;
	store_sweep(&store);
	records_publish(&records, &store, 3, true);
	rcu_enter();
	table_dump(records.table, &dump);
	rcu_leave();
	CHECK(dump.len == 0 && store.entries.n + store.nodes.n + store.namespaces.n == 0);
	text_fini(&dump);
	store_fini(&store);
	table_free(records.table);
	rcu_unregister();
	return 0;
}
