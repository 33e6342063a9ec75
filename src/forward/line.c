/* SPDX-License-Identifier: Apache-2.0
 *
 * The upstreams of a `forward` line: addresses as they are, the nameserver lines of a file as of
 * its last change (looked at every second), the addresses of a host name until its TTL is over.
 *
 * When one of these changes, line_refresh makes the list anew: an upstream that is still in it
 * keeps its ports and all that is known of it; one that is not gets no more questions and is freed
 * when nothing can be on its way any more. A file that cannot be read, or a name that cannot be
 * resolved, leaves what was there. What leads back to this server is left out, with a log line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forward_private.h"
#include "resolv.h"

#define MS 1000ull
#define SECOND (1000 * MS)
#define FILE_MAX 65536u
#define TTL_MIN_S 5u
#define TTL_MAX_S 3600u
#define RETRY_S 5u
#define RESOLVE_MS 5000u

/* What a stat tells of a file's content; zeroed before it is filled, compared as bytes. */
struct version {
	uint64_t device, inode, size, mtime_s, mtime_ns;
	int64_t error;
};

struct target {
	struct forward_waiter waiters[2]; /* first: of A and AAAA */
	struct line *line;		  /* borrowed */
	const struct forward_target *config;
	struct resolv_addresses addresses; /* in use */
	struct resolv_addresses found;	   /* HOST: while it is resolved */
	unsigned n_waiting, n_failed;
	uint64_t again_us; /* HOST: when to resolve it again */
	struct version version;
	bool is_read; /* RESOLV_CONF: once at least, or failed to */
};

bool forward_has_hosts(const struct forward_config *config)
{
	for (size_t g = 0; g < config->n_groups; g++) {
		for (size_t i = 0; i < config->groups[g].n_targets; i++) {
			if (config->groups[g].targets[i].kind == FORWARD_TARGET_HOST)
				return true;
		}
	}
	return false;
}

/* ---- resolv.conf ---- */

static void look_at(const char *path, struct version *version)
{
	struct stat st;

	memset(version, 0, sizeof(*version));
	if (stat(path, &st) != 0) {
		version->error = errno;
		return;
	}
	version->device = st.st_dev;
	version->inode = st.st_ino;
	version->size = (uint64_t)st.st_size;
	version->mtime_s = (uint64_t)st.st_mtim.tv_sec;
	version->mtime_ns = (uint64_t)st.st_mtim.tv_nsec;
}

/* Octets read, at most FILE_MAX; or -errno. */
static ssize_t read_file(const char *path, char *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n = 0;

	if (fd == -1)
		return -errno;
	while (len < FILE_MAX && (n = read(fd, out + len, FILE_MAX - len)) > 0)
		len += (size_t)n;
	n = n < 0 ? -errno : (ssize_t)len;
	close(fd);
	return n;
}

static void say_unreadable(const struct target *target, int error)
{
	forward_log(target->line->forward, LOG_ERROR, "forward %s: cannot read %s: %s; %s",
		    target->line->config->from_text, target->config->path, strerror(error),
		    target->addresses.n > 0 ? "what it said before stays" : "it gives no upstream");
}

static void read_resolv_conf(struct target *target)
{
	const char *path = target->config->path;
	struct version version;
	char *content;
	ssize_t len;
	size_t n_bad = 0;

	look_at(path, &version);
	if (target->is_read && memcmp(&version, &target->version, sizeof(version)) == 0)
		return;
	target->version = version;
	target->is_read = true;
	content = mem_alloc(FILE_MAX);
	len = read_file(path, content);
	if (len < 0) {
		say_unreadable(target, (int)-len);
	} else {
		resolv_parse(&target->addresses, content, (size_t)len, target->config->port,
			     &n_bad);
		target->line->is_stale = true;
		if (n_bad > 0 || target->addresses.n == 0)
			forward_log(
				target->line->forward, LOG_WARNING,
				"forward %s: %s names %zu nameservers, %zu lines are no address",
				target->line->config->from_text, path, target->addresses.n, n_bad);
	}
	free(content);
}

/* ---- host names ---- */

static uint32_t clamp_ttl(uint32_t ttl_s)
{
	if (ttl_s < TTL_MIN_S)
		return TTL_MIN_S;
	return ttl_s > TTL_MAX_S ? TTL_MAX_S : ttl_s;
}

static void finish_host(struct target *target)
{
	struct forward *forward = target->line->forward;
	char text[DNS_NAME_TEXT_MAX];

	if (target->found.n > 0) {
		target->addresses = target->found;
		target->line->is_stale = true;
		target->again_us =
			forward->channels.now_us + clamp_ttl(target->found.ttl_s) * SECOND;
		return;
	}
	target->again_us = forward->channels.now_us + RETRY_S * SECOND;
	dns_name_to_text(target->config->host.wire, target->config->host.len, text);
	forward_log(forward, LOG_WARNING, "forward %s: upstream %s %s; %s",
		    target->line->config->from_text, text,
		    target->n_failed > 0 ? "cannot be resolved" : "has no address",
		    target->addresses.n > 0 ? "its last addresses stay" : "it gives no upstream");
}

static void end_host_question(struct target *target, const struct forward_result *result)
{
	if (result && result->wire)
		resolv_read_reply(&target->found, result->wire, result->len, target->config->port);
	else
		target->n_failed++;
	if (--target->n_waiting == 0 && !target->line->forward->is_closing)
		finish_host(target);
}

static void on_a(struct forward_waiter *waiter, const struct forward_result *result)
{
	end_host_question((struct target *)(void *)waiter, result);
}

static void on_aaaa(struct forward_waiter *waiter, const struct forward_result *result)
{
	end_host_question((struct target *)(void *)(waiter - 1), result);
}

static void resolve_host(struct target *target)
{
	struct forward *forward = target->line->forward;
	struct forward_question question = {
		.group = RESOLVER_GROUP,
		.name = target->config->host,
		.class = DNS_CLASS_IN,
	};
	static const uint16_t types[2] = {DNS_TYPE_A, DNS_TYPE_AAAA};
	uint64_t deadline_ms = forward->channels.now_us / MS + RESOLVE_MS;

	if (target->n_waiting > 0 || target->again_us > forward->channels.now_us)
		return;
	target->found = (struct resolv_addresses){.ttl_s = TTL_MAX_S};
	target->n_failed = 0;
	target->n_waiting = 2;
	target->waiters[0].on_done = on_a;
	target->waiters[1].on_done = on_aaaa;
	for (int i = 0; i < 2; i++) {
		question.type = types[i];
		if (forward_ask(forward, &question, &target->waiters[i], deadline_ms) ==
		    FORWARD_REFUSED)
			end_host_question(target, NULL);
	}
}

/* ---- the list ---- */

struct list {
	struct sockaddr_storage items[FORWARD_UPSTREAMS_MAX];
	size_t n;
};

static void add(struct line *line, struct list *list, const struct sockaddr_storage *address)
{
	char text[PEER_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++) {
		if (resolv_is_same(&list->items[i], address))
			return;
	}
	if (resolv_is_own(line->forward->config, address)) {
		peer_text(text, address);
		line->group.n_own++;
		forward_log(line->forward, LOG_ERROR,
			    "forward %s: upstream %s is this server itself; it is not used",
			    line->config->from_text, text);
		return;
	}
	if (list->n < FORWARD_UPSTREAMS_MAX)
		list->items[list->n++] = *address;
}

static void collect(struct line *line, struct list *list)
{
	list->n = line->group.n_own = 0;
	for (size_t i = 0; i < line->config->n_targets; i++) {
		const struct target *target = &line->targets[i];

		if (target->config->kind == FORWARD_TARGET_ADDRESS)
			add(line, list, &target->config->address);
		for (size_t k = 0; k < target->addresses.n; k++)
			add(line, list, &target->addresses.items[k]);
	}
}

/* Takes the peer of this address out of peers[0..n); NULL: it has none. */
static struct peer *take_peer(struct peer **peers, size_t n, const struct sockaddr_storage *address)
{
	for (size_t i = 0; i < n; i++) {
		struct peer *peer = peers[i];

		if (peer && resolv_is_same(&peer->to.address, address)) {
			peers[i] = NULL;
			return peer;
		}
	}
	return NULL;
}

static void say_upstreams(const struct line *line)
{
	struct text text = {0};

	text_printf(&text, "forward %s: upstreams:", line->config->from_text);
	for (size_t i = 0; i < line->group.n_upstreams; i++)
		text_printf(&text, " %s", line->peers[i]->to.text);
	if (line->group.n_upstreams == 0)
		text_puts(&text, " none");
	forward_log(line->forward, LOG_INFO, "%s", text.bytes);
	text_fini(&text);
}

void line_refresh(struct line *line)
{
	struct peer *old[FORWARD_UPSTREAMS_MAX];
	size_t n_old = line->group.n_upstreams;
	bool is_other = !line->is_told;
	struct list list;

	if (!line->is_stale)
		return;
	line->is_stale = false;
	line->is_told = true;
	memcpy(old, line->peers, sizeof(old));
	collect(line, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct peer *peer = take_peer(old, n_old, &list.items[i]);

		line->peers[i] = peer ? peer : peer_new(line, &list.items[i]);
		line->group.upstreams[i] = &line->peers[i]->upstream;
		is_other |= peer == NULL;
	}
	line->group.n_upstreams = list.n;
	for (size_t i = 0; i < n_old; i++) {
		is_other |= old[i] != NULL;
		if (old[i])
			peer_retire(old[i]);
	}
	if (is_other)
		say_upstreams(line);
}

void line_tick(struct line *line)
{
	for (size_t i = 0; i < line->config->n_targets; i++) {
		struct target *target = &line->targets[i];

		switch (target->config->kind) {
		case FORWARD_TARGET_ADDRESS:
			break;
		case FORWARD_TARGET_RESOLV_CONF:
			read_resolv_conf(target);
			break;
		case FORWARD_TARGET_HOST:
			resolve_host(target);
			break;
		}
	}
	for (size_t i = 0; i < line->group.n_upstreams; i++)
		peer_tick(line->peers[i]);
}

struct line *line_new(struct forward *forward, const struct forward_group_config *config)
{
	struct line *line = mem_zalloc(sizeof(*line));

	line->forward = forward;
	line->config = config;
	line->is_stale = true;
	group_init(&line->group, config, &forward->random, forward->channels.now_us,
		   &forward->counts.broken);
	line->targets = mem_zalloc(config->n_targets * sizeof(line->targets[0]));
	for (size_t i = 0; i < config->n_targets; i++) {
		line->targets[i].line = line;
		line->targets[i].config = &config->targets[i];
		if (config->targets[i].kind == FORWARD_TARGET_RESOLV_CONF)
			read_resolv_conf(&line->targets[i]);
	}
	line_refresh(line);
	return line;
}

void line_free(struct line *line)
{
	for (size_t i = 0; i < line->group.n_upstreams; i++)
		peer_free(line->peers[i]);
	free(line->targets);
	free(line);
}

/* ---- another configuration ---- */

void line_rebase(struct line *line, const struct forward_group_config *config)
{
	CHECK(config->n_targets == line->config->n_targets);
	line->config = line->group.config = config;
	for (size_t i = 0; i < config->n_targets; i++)
		line->targets[i].config = &config->targets[i];
}

void line_stop_resolving(struct line *line)
{
	for (size_t i = 0; i < line->config->n_targets; i++) {
		struct target *target = &line->targets[i];

		if (target->n_waiting == 0)
			continue;
		forward_cancel(line->forward, &target->waiters[0]);
		forward_cancel(line->forward, &target->waiters[1]);
		target->n_waiting = 0;
		target->again_us = 0;
	}
}

void line_empty(struct line *line)
{
	struct forward *forward = line->forward;
	struct peer *peer;

	line_stop_resolving(line);
	for (size_t i = 0; i < line->group.n_upstreams; i++)
		peer_retire(line->peers[i]);
	line->group.n_upstreams = 0;
	cds_list_for_each_entry(peer, &forward->gone, link)
	{
		if (peer->line == line)
			peer->line = &forward->departed;
	}
}
