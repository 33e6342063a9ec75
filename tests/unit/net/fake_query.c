/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_query.h"

#include <netinet/in.h>
#include <string.h>

#include "base/counter.h"

struct query_worker *query_worker_new(const struct query_config *config, struct log_channel *log)
{
	struct query_worker *worker = mem_zalloc(sizeof(*worker));

	worker->config = worker->prepared = config;
	return worker;
}

void query_worker_prepare(struct query_worker *worker, const struct query_config *config)
{
	__atomic_store_n(&worker->prepared, config, __ATOMIC_RELEASE);
	counter_add(&worker->n_prepared, 1);
}

void query_worker_switch(struct query_worker *worker, const struct query_config *config)
{
	CHECK(__atomic_load_n(&worker->prepared, __ATOMIC_ACQUIRE) == config);
	worker->config = config;
	counter_add(&worker->n_switched, 1);
}

void query_worker_free(struct query_worker *worker)
{
	free(worker);
}

static size_t group_of(const struct query_worker *worker)
{
	return worker->config->probe_key & 0xff;
}

static void write_local(uint8_t *out, const struct sockaddr *local)
{
	memset(out, 0, 16);
	if (local != NULL && local->sa_family == AF_INET)
		memcpy(out, &((const struct sockaddr_in *)(const void *)local)->sin_addr, 4);
	if (local != NULL && local->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *)(const void *)local)->sin6_addr, 16);
}

enum query_verdict query_run(struct query_worker *worker, const struct query_input *input,
			     struct query_output *output)
{
	char wish = input->size > DNS_HEADER_SIZE ? (char)input->packet[DNS_HEADER_SIZE] : 0;

	counter_add(&worker->n_run, 1);
	counter_add(&worker->n_cut, input->is_cut);
	if (input->size < DNS_HEADER_SIZE || (input->packet[2] & 0x80) != 0 ||
	    ((const struct sockaddr_in *)(const void *)input->source)->sin_port == 0)
		return QUERY_DROP;
	output->size = input->size < output->capacity ? input->size : output->capacity;
	memcpy(output->bytes, input->packet, output->size);
	output->bytes[2] |= 0x80;
	if (wish == FAKE_BIG && input->is_tcp) {
		memset(output->bytes + output->size, 'b', FAKE_BIG_SIZE - output->size);
		output->size = FAKE_BIG_SIZE;
	} else if (wish == FAKE_LOCAL) {
		write_local(output->bytes + DNS_HEADER_SIZE, input->local);
		output->size = DNS_HEADER_SIZE + 16;
	}
	CHECK(input->server < worker->config->n_servers);
	if (wish == FAKE_WHO) {
		output->bytes[DNS_HEADER_SIZE] = (uint8_t)input->server;
		output->bytes[DNS_HEADER_SIZE + 1] = (uint8_t)worker->config->tcp_keepalive_100ms;
		output->size = DNS_HEADER_SIZE + 2;
	}
	if (wish == FAKE_FORWARD) {
		/* What follows the wish tells questions apart. */
		worker->question = (struct cache_question){.group = group_of(worker),
							   .type = input->packet[13]};
		output->question = &worker->question;
		output->patience_ms = QUERY_PATIENCE_MS;
		return QUERY_FORWARD;
	}
	return QUERY_ANSWER;
}

bool query_check(struct query_worker *worker, const struct cache_question *question,
		 const uint8_t *wire, size_t size)
{
	return true;
}

void query_learn(struct query_worker *worker, struct query_external *external, const uint8_t *wire,
		 size_t size, uint64_t now_ms)
{
	static const struct dns_reply reply;

	counter_add(&worker->n_learnt, 1);
	external->reply = wire ? &reply : NULL;
}

enum query_verdict query_resume(struct query_worker *worker, const struct query_input *input,
				const struct query_external *external, struct query_output *output)
{
	(void)query_run(worker, input, output);
	if (!external->reply && external->rcode != DNS_RCODE_REFUSED &&
	    external->question->group != group_of(worker))
		return QUERY_FORWARD;
	counter_add(&worker->n_failed, external->reply == NULL);
	output->size = DNS_HEADER_SIZE + 8;
	output->bytes[DNS_HEADER_SIZE] = external->reply ? 'R' : 'F';
	output->bytes[DNS_HEADER_SIZE + 1] = external->reply ? 0 : (uint8_t)external->rcode;
	output->bytes[DNS_HEADER_SIZE + 2] = (uint8_t)external->question->type;
	output->bytes[DNS_HEADER_SIZE + 3] = (uint8_t)external->question->group;
	output->bytes[DNS_HEADER_SIZE + 4] = (uint8_t)input->server;
	output->wants_refresh = false;
	return QUERY_ANSWER;
}

void query_finish(struct query_worker *worker, const struct query_input *input,
		  const struct query_output *output, uint64_t duration_ns, uint64_t now_ns)
{
	counter_add(&worker->n_finished, 1);
}

void query_metrics_write(struct query_worker *const *workers, size_t n_workers,
			 const struct query_config *config, struct text *page)
{
	uint64_t run = 0, finished = 0, prepared = 0, switched = 0;

	for (size_t i = 0; i < n_workers; i++) {
		run += counter_read(&workers[i]->n_run);
		finished += counter_read(&workers[i]->n_finished);
		prepared += counter_read(&workers[i]->n_prepared);
		switched += counter_read(&workers[i]->n_switched);
	}
	text_printf(page, "fake_run %llu\nfake_finished %llu\n", (unsigned long long)run,
		    (unsigned long long)finished);
	text_printf(page, "fake_prepared %llu\nfake_switched %llu\n", (unsigned long long)prepared,
		    (unsigned long long)switched);
}
