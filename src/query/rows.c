/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of counters, one for each (server, zone) that is or was served, over all configurations.
 * Main makes a row before a worker is told of it, and frees none while the worker lives: so its
 * metrics page reads rows of either configuration at any time. A row that no running configuration
 * uses is given to another (server, zone) and begins at 0; what it had goes into the sum of all.
 * Main thread.
 */
#include "worker.h"

/* How long its queries took stays in the sum over all rows, which may not go back. */
static void reset(struct query_worker *worker, struct view_metrics *row)
{
	uint64_t *counters = (uint64_t *)(void *)row;

	_Static_assert(sizeof(*row) % sizeof(*counters) == 0, "a row is all counters");
	histogram_merge(&worker->former_ns, &row->duration_ns);
	for (size_t i = 0; i < sizeof(*row) / sizeof(*counters); i++)
		counter_set(&counters[i], 0);
}

static void prepare(struct query_worker *worker, size_t at, uint64_t id)
{
	struct view_metrics *row;

	CHECK(at < QUERY_METRICS_MAX);
	row = worker->metrics[at];
	if (!row) {
		row = mem_zalloc(sizeof(*row));
		worker->metrics[at] = row;
	} else if (row->id != id) {
		reset(worker, row);
	}
	row->id = id;
	if (at >= worker->n_rows)
		worker->n_rows = at + 1;
}

void rows_prepare(struct query_worker *worker, const struct query_config *config)
{
	if (!worker->metrics)
		worker->metrics = mem_zalloc(QUERY_METRICS_MAX * sizeof(*worker->metrics));
	for (size_t s = 0; s < config->n_servers; s++) {
		const struct query_server_config *server = &config->servers[s];

		prepare(worker, server->dropped, server->dropped_id);
		for (size_t v = 0; v < server->n_views; v++)
			prepare(worker, server->views[v].metrics, server->views[v].metrics_id);
	}
}

void rows_free(struct query_worker *worker)
{
	for (size_t i = 0; i < worker->n_rows; i++)
		free(worker->metrics[i]);
	free(worker->metrics);
}
