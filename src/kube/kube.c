/* SPDX-License-Identifier: Apache-2.0
 *
 * The kube thread: one loop, with the timer that polls the source's files, or the requests that
 * watch its API server, and one async that stops it.
 *
 * The happy path: kube_open starts the thread. Files are read at once, then looked at every
 * FILES_POLL_MS; API servers are listed and watched, and what one turn of the loop has brought is
 * published at its end, as one batch. kube_close wakes the thread, it closes its handles, the loop
 * ends, and the thread is joined.
 */
#include "kube_private.h"

#include <malloc.h>
#include <signal.h>

#include "base/clock.h"
#include "base/rcu.h"
#include "source.h"

#define TRIM_DROPPED 1000 /* objects removed or replaced in a batch that leave holes worth it */
#define LOG_RING_BYTES (64 * 1024)

/* ---- a source ---- */

/* 0, or -errno with the reason in *why. */
static int init_source(struct source *source, const struct kube_source_config *config,
		       struct table *table, struct log_channel *channel, struct text *why)
{
	store_init(&source->store);
	source->config = config;
	source->table = table;
	source->serial = table_serial(table);
	source->reader = (struct reader){.config = config, .store = &source->store, .log = channel};
	source->records = (struct records){.config = config, .table = table};
	text_puts(&source->missing, "kubernetes: nothing is read yet\n");
	if (config->is_api)
		return api_init(&source->api, config, &source->store, channel, why);
	files_init(&source->files, config, &source->reader, &source->records);
	return 0;
}

static void fini_source(struct source *source)
{
	store_fini(&source->store);
	if (source->config && source->config->is_api)
		api_fini(&source->api);
	else if (source->config)
		files_fini(&source->files);
	text_fini(&source->missing);
}

static void count_source(struct source *source, uint64_t unix_ms)
{
	for (int kind = 0; kind < OBJECT_N_KINDS; kind++)
		counter_set(&source->counters.n_objects[kind], source->store.n_objects[kind]);
	if (table_serial(source->table) == source->serial)
		return;
	source->serial = table_serial(source->table);
	counter_set(&source->counters.last_change_unix_ms, unix_ms);
}

/* Not synced, or only now. */
static void tell_status(struct kube *kube, struct source *source)
{
	pthread_mutex_lock(&kube->status_lock);
	text_fini(&source->missing);
	if (!source->is_synced && source->config->is_api)
		api_tell_missing(&source->api, &source->missing);
	else if (!source->is_synced)
		files_tell_missing(&source->files, &source->missing);
	pthread_mutex_unlock(&kube->status_lock);
}

static void poll_files(struct kube *kube, struct source *source)
{
	bool is_first = !source->files.is_polled;
	bool was_synced = source->is_synced;
	uint64_t n_dropped = source->store.n_dropped;
	uint64_t unix_ms = clock_unix_ms();

	if (files_poll(&source->files, clock_monotonic_ns() / 1000000u, unix_ms))
		count_source(source, unix_ms);
	source->is_synced = source->files.is_synced;
	if (!was_synced)
		tell_status(kube, source);
	/* Decoding and what is dropped leave holes that are not needed again. */
	if (is_first || source->store.n_dropped - n_dropped > TRIM_DROPPED)
		malloc_trim(0);
}

/* A turn of the loop is over. Before the first full set nothing is published; ready is told when it
 * is. */
static void publish_api(struct kube *kube, struct source *source)
{
	bool was_synced = source->is_synced;
	uint64_t n_dropped = source->store.n_dropped - source->n_trimmed;
	bool is_partial;

	api_settle(&source->api);
	is_partial = api_is_partial(&source->api);
	source->is_synced = was_synced || (api_is_synced(&source->api) && !is_partial);
	if (source->is_synced && (!was_synced || store_is_dirty(&source->store)) && !is_partial) {
		uint64_t unix_ms = clock_unix_ms();

		records_publish(&source->records, &source->store, unix_ms, true);
		count_source(source, unix_ms);
	}
	/* Ready is told when the names are there. */
	if (!was_synced)
		tell_status(kube, source);
	if (source->is_synced == was_synced && n_dropped <= TRIM_DROPPED)
		return;
	malloc_trim(0);
	source->n_trimmed = source->store.n_dropped;
}

/* ---- the thread ---- */

static void on_timer(uv_timer_t *timer)
{
	struct kube *kube = timer->data;

	poll_files(kube, &kube->source);
}

/* Before the loop sleeps, whatever has brought something: sockets, or curl's timers. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct kube *kube = prepare->data;

	if (kube->source.config->is_api)
		publish_api(kube, &kube->source);
}

static void on_stop(uv_async_t *stop)
{
	struct kube *kube = stop->data;

	if (kube->source.config->is_api)
		api_close(&kube->source.api);
	http_close(kube->http);
	uv_close((uv_handle_t *)&kube->timer, NULL);
	uv_close((uv_handle_t *)&kube->prepare, NULL);
	uv_close((uv_handle_t *)&kube->stop, NULL);
}

static void run_thread(void *data)
{
	struct kube *kube = data;

	rcu_register();
	uv_run(&kube->loop, UV_RUN_DEFAULT);
	rcu_unregister();
}

/* Signals are the main thread's. */
static int start_thread(struct kube *kube)
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = uv_thread_create(&kube->thread, run_thread, kube);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

/* 0 or -errno. */
static int open_loop(struct kube *kube)
{
	int error = uv_loop_init(&kube->loop);

	if (error != 0)
		return error;
	error = http_open(&kube->http, &kube->loop);
	if (error == 0) {
		error = uv_async_init(&kube->loop, &kube->stop, on_stop);
		if (error != 0)
			http_close(kube->http);
	}
	if (error != 0) {
		uv_run(&kube->loop, UV_RUN_DEFAULT);
		CHECK(uv_loop_close(&kube->loop) == 0);
		return error;
	}
	kube->stop.data = kube->timer.data = kube->prepare.data = kube;
	CHECK(uv_timer_init(&kube->loop, &kube->timer) == 0);
	CHECK(uv_prepare_init(&kube->loop, &kube->prepare) == 0);
	return 0;
}

static void open_source(struct kube *kube)
{
	if (kube->source.config->is_api)
		api_open(&kube->source.api, &kube->loop, kube->http, &kube->status_lock);
	else
		CHECK(uv_timer_start(&kube->timer, on_timer, 0, FILES_POLL_MS) == 0);
	CHECK(uv_prepare_start(&kube->prepare, on_prepare) == 0);
}

static void free_kube(struct kube *kube)
{
	fini_source(&kube->source);
	http_free(kube->http);
	pthread_mutex_destroy(&kube->status_lock);
	arena_fini(&kube->arena);
	log_channel_release(kube->channel);
	free(kube);
}

/* With the source there. 0 or -errno; then nothing is left open. */
static int run(struct kube *kube)
{
	int error = open_loop(kube);

	if (error != 0)
		return error;
	open_source(kube);
	error = start_thread(kube);
	if (error == 0)
		return 0;
	on_stop(&kube->stop);
	uv_run(&kube->loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&kube->loop) == 0);
	return error;
}

int kube_open(struct kube **kube, const struct kube_source_config *config, struct table *table,
	      struct log *log, struct text *why)
{
	struct kube *opened = mem_zalloc(sizeof(*opened));
	int error;

	pthread_mutex_init(&opened->status_lock, NULL);
	opened->channel = log ? log_channel_new(log, LOG_RING_BYTES) : NULL;
	error = init_source(&opened->source, source_copy(config, &opened->arena), table,
			    opened->channel, why);
	if (error == 0) {
		error = run(opened);
		if (error != 0)
			text_puts(why, uv_strerror(error));
	}
	if (error != 0) {
		free_kube(opened);
		return error;
	}
	*kube = opened;
	return 0;
}

void kube_close(struct kube *kube)
{
	if (!kube)
		return;
	CHECK(uv_async_send(&kube->stop) == 0);
	CHECK(uv_thread_join(&kube->thread) == 0);
	CHECK(uv_loop_close(&kube->loop) == 0);
	free_kube(kube);
}

bool kube_status(struct kube *kube, struct text *why)
{
	const struct text *missing = &kube->source.missing;
	bool is_synced;

	pthread_mutex_lock(&kube->status_lock);
	is_synced = missing->len == 0;
	if (!is_synced)
		text_append(why, missing->bytes, missing->len);
	pthread_mutex_unlock(&kube->status_lock);
	return is_synced;
}
