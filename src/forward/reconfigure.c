/* SPDX-License-Identifier: Apache-2.0
 *
 * From one configuration to the next while questions are in flight.
 *
 * The happy path: every line of the old configuration is found to be equal to the one of its index
 * in the new, and refers to that from now on; nothing else happens. A line that is gone or differs
 * is dropped: its questions leave the tables, its upstreams go where those go that leave a line
 * (forward->gone, until nothing of theirs can be on its way), and only when the new lines stand are
 * the waiters told, since they ask again at once. Nothing can fail.
 */
#include "forward_private.h"
#include "resolv.h"

static bool is_hole(const struct forward_config *config, size_t group)
{
	return group >= config->n_groups || config->groups[group].n_targets == 0;
}

static bool is_equal(const struct line *line, const struct forward_config *config, size_t group)
{
	return !is_hole(config, group) &&
	       line->config->next_group == config->groups[group].next_group &&
	       forward_group_config_equal(line->config, &config->groups[group]);
}

/* Does it lead to a line that goes, though it is equal itself? */
static bool leads_away(const struct forward *forward, const struct line *line)
{
	const struct line *next = line_of(forward, line->config->next_group);

	return line->config->next_group != FORWARD_NO_GROUP && (!next || next->is_dropped);
}

static void mark_groups(struct forward *forward, const struct forward_config *config)
{
	bool has_changed = true;

	for (size_t i = 0; i < forward->n_lines; i++) {
		if (forward->lines[i])
			forward->lines[i]->is_dropped = !is_equal(forward->lines[i], config, i);
	}
	while (has_changed) {
		has_changed = false;
		for (size_t i = 0; i < forward->n_lines; i++) {
			struct line *line = forward->lines[i];

			if (!line || line->is_dropped || !leads_away(forward, line))
				continue;
			line->is_dropped = has_changed = true;
		}
	}
}

static bool is_same_path(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void mark_resolver(struct forward *forward, const struct forward_config *config)
{
	const struct forward_config *old = forward->config;

	if (forward->resolver)
		forward->resolver->is_dropped =
			!forward_has_hosts(config) ||
			!is_same_path(old->resolv_conf, config->resolv_conf) ||
			old->resolver_port != config->resolver_port;
}

/* Is it the same that must not be taken for an upstream? */
static bool is_same_self(const struct forward_config *a, const struct forward_config *b)
{
	if (a->n_own != b->n_own || a->n_own_addresses != b->n_own_addresses)
		return false;
	for (size_t i = 0; i < a->n_own; i++) {
		if (!resolv_is_same(&a->own[i].address, &b->own[i].address))
			return false;
	}
	for (size_t i = 0; i < a->n_own_addresses; i++) {
		if (address_compare(&a->own_addresses[i], &b->own_addresses[i]) != 0)
			return false;
	}
	return true;
}

static void drop_line(struct line **line)
{
	if (!*line || !(*line)->is_dropped)
		return;
	line_empty(*line);
	line_free(*line);
	*line = NULL;
}

static void drop_lines(struct forward *forward)
{
	/* Names that are being resolved by a line that goes. */
	for (size_t i = 0; i < forward->n_lines; i++) {
		if (forward->lines[i] && forward->resolver && forward->resolver->is_dropped)
			line_stop_resolving(forward->lines[i]);
	}
	for (size_t i = 0; i < forward->n_lines; i++)
		drop_line(&forward->lines[i]);
	drop_line(&forward->resolver);
}

static void look_again(struct line *line)
{
	line->is_stale = true;
	line_refresh(line);
}

static void set_lines(struct forward *forward, bool is_same)
{
	const struct forward_config *config = forward->config;
	struct line **lines = mem_zalloc((config->n_groups + 1) * sizeof(struct line *));

	for (size_t i = 0; i < config->n_groups; i++) {
		lines[i] = line_of(forward, i);
		if (lines[i])
			line_rebase(lines[i], &config->groups[i]);
	}
	free(forward->lines);
	forward->lines = lines;
	forward->n_lines = config->n_groups;
	for (size_t i = 0; i < config->n_groups; i++) {
		if (lines[i] && !is_same)
			look_again(lines[i]);
		if (!lines[i] && !is_hole(config, i))
			lines[i] = line_new(forward, &config->groups[i]);
	}
	forward_set_resolver(forward);
	if (forward->resolver && !is_same)
		look_again(forward->resolver);
}

void forward_reconfigure(struct forward *forward, const struct forward_config *config)
{
	bool is_same = is_same_self(forward->config, config);
	struct cds_list_head dropped;

	CHECK(!forward->is_closing);
	forward_now(forward);
	CDS_INIT_LIST_HEAD(&dropped);
	mark_groups(forward, config);
	mark_resolver(forward, config);
	asked_drop(forward, &dropped);
	drop_lines(forward);
	forward->config = config;
	forward_set_bounds(forward);
	set_lines(forward, is_same);
	forward_set_tick(forward);
	asked_tell_dropped(&dropped);
}
