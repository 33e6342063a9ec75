/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at a file: stamp, content, hash of the content, then build and publish. Each failure is
 * told once, until it is another.
 */
#include "followed.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/metrics.h"
#include "machine.h"

struct followed *followed_add(struct draft *draft, const char *path)
{
	struct followed *followed = arena_alloc(draft->arena, sizeof(*followed));

	followed->path = arena_strndup(draft->arena, path, strlen(path));
	followed->next = draft->followed;
	draft->followed = followed;
	return followed;
}

static const char *directive_of(const struct followed *followed)
{
	return followed->hosts ? "hosts" : "loadbalance";
}

static struct hosts_data *build_hosts(const struct followed *followed, const struct text *content,
				      struct text *log)
{
	struct text skipped = {0};
	const struct hosts_input input = {
		.zones = &followed->hosts->zones,
		.has_reverse = followed->has_reverse,
		.file = content->bytes,
		.file_len = content->len,
		.lines = followed->lines,
		.lines_len = strlen(followed->lines),
	};
	struct hosts_data *data = hosts_build(&input, &skipped);

	if (skipped.len > 0)
		text_printf(log, "hosts: %s:%s\n", followed->path, skipped.bytes);
	text_fini(&skipped);
	return data;
}

/* Builds what the content says and gives it to the workers. False: it is refused. */
static bool apply(struct followed *followed, const struct text *content, struct text *log)
{
	struct text why = {0};
	struct weights *weights;

	if (followed->hosts) {
		hosts_publish(followed->hosts, build_hosts(followed, content, log));
		return true;
	}
	weights = weights_build(content->bytes, content->len, &why);
	if (weights)
		weights_publish(followed->balance, weights);
	else
		text_printf(log, "loadbalance: %s:%s%s\n", followed->path, why.bytes,
			    followed->is_read ? ": the weights stay as they were" : "");
	text_fini(&why);
	return weights != NULL;
}

static void tell(const struct followed *followed, int error, struct text *log)
{
	text_printf(log, "%s: %s: %s: %s\n", directive_of(followed), followed->path,
		    strerror(-error),
		    followed->is_read ? "what was read of it before stays"
				      : "nothing of it is known until it can be read");
}

/* Content that is not known yet: returns whether the workers got something new. */
static bool take(struct followed *followed, const struct text *content, struct text *log)
{
	uint64_t hash = XXH3_64bits(content->bytes ? content->bytes : "", content->len);

	if ((followed->is_read || followed->is_refused) && hash == followed->hash)
		return false;
	followed->hash = hash;
	followed->is_refused = !apply(followed, content, log);
	followed->is_read |= !followed->is_refused;
	return !followed->is_refused;
}

static bool look(struct followed *followed, const struct config_machine *machine, struct text *log)
{
	struct text content = {0};
	bool is_new = false;
	int error = -ENOENT;

	if (machine->follow)
		error = machine->follow(machine->arg, followed->path,
					followed->hosts ? HOSTS_FILE_MAX : WEIGHTS_FILE_MAX,
					&followed->stamp, &content);
	if (error == 0)
		is_new = take(followed, &content, log);
	else if (error == -EALREADY)
		error = 0;
	else if (error != followed->error)
		tell(followed, error, log);
	followed->error = error;
	text_fini(&content);
	return is_new;
}

void followed_open(struct followed *followed, const struct config_machine *machine,
		   struct text *log)
{
	const struct text nothing = {0};

	look(followed, machine, log);
	if (followed->hosts && !followed->hosts->data)
		apply(followed, &nothing, log);
}

bool config_refresh_on(struct config *config, const struct config_machine *machine, uint64_t now_ms,
		       struct text *log)
{
	bool is_new = false;

	for (struct followed *f = config->followed; f; f = f->next) {
		if (f->reload_ms == 0)
			continue;
		if (f->due_ms == 0) {
			f->due_ms = now_ms + f->reload_ms;
			continue;
		}
		if (now_ms < f->due_ms)
			continue;
		f->due_ms = now_ms + f->reload_ms;
		is_new |= look(f, machine, log);
	}
	return is_new;
}

bool config_refresh(struct config *config, uint64_t now_ms, struct text *log)
{
	struct config_machine machine = {.follow = machine_follow};

	return config_refresh_on(config, &machine, now_ms, log);
}

/* Of all `hosts` that read this file; 0 when one before has told it. */
static size_t count_entries(const struct config *config, const struct followed *followed)
{
	size_t n = 0;

	for (const struct followed *f = config->followed; f; f = f->next) {
		if (!f->hosts || strcmp(f->path, followed->path) != 0)
			continue;
		n += hosts_n_entries(f->hosts->data);
	}
	return n;
}

static bool is_first_of_path(const struct config *config, const struct followed *followed)
{
	const struct followed *f = config->followed;

	while (!f->hosts || strcmp(f->path, followed->path) != 0)
		f = f->next;
	return f == followed;
}

void config_metrics_write(const struct config *config, struct text *page)
{
	uint64_t newest_ns = 0;
	bool has_hosts = false;

	for (const struct followed *f = config->followed; f; f = f->next) {
		const struct metrics_label label = {"hostsfile", f->path};

		if (!f->hosts)
			continue;
		if (!has_hosts)
			metrics_family(page, "coredns_hosts_entries", "gauge",
				       "The combined number of entries in hosts and Corefile.");
		has_hosts = true;
		if (is_first_of_path(config, f))
			metrics_sample(page, "coredns_hosts_entries", &label, 1,
				       (double)count_entries(config, f));
		if (f->stamp.mtime_ns > newest_ns)
			newest_ns = f->stamp.mtime_ns;
	}
	metrics_family(page, "coredns_hosts_reload_timestamp_seconds", "gauge",
		       "The timestamp of the last reload of hosts file.");
	metrics_sample(page, "coredns_hosts_reload_timestamp_seconds", NULL, 0,
		       (double)newest_ns / 1e9);
}
