/* SPDX-License-Identifier: Apache-2.0
 *
 * Directives and the options in their blocks: tables of words, each with what reads it. A word
 * without a `parse` is known and refused: it is not there yet, or kaname never has it and `instead`
 * says what to do. Main thread.
 */
#ifndef KANAME_CONFIG_DIRECTIVE_H
#define KANAME_CONFIG_DIRECTIVE_H

#include "draft.h"
#include "statement.h"

/* Reads one statement into what the table is for: a struct draft_block, or the options of a
 * directive. */
typedef void (*directive_parse)(struct draft *draft, void *into, const struct statement *statement);

struct directive {
	const char *name;
	directive_parse parse; /* NULL: refused */
	bool is_repeatable;    /* may stand in a block more than once */
	const char *instead;   /* what to do, where it never comes */
	const char *meanwhile; /* likewise, where it comes later: without parse one is not NULL */
};

#define DIRECTIVES_MAX 80 /* words in a table */

struct directives {
	const char
		*owner; /* the directive whose options they are; NULL for directives themselves */
	const struct directive *table;
	size_t n; /* at most DIRECTIVES_MAX */
};

/* Reads the statements, each by its word in the table. */
void directives_run(struct draft *draft, const struct directives *directives,
		    const struct statement *statements, void *into);

/* The directive of this name, or NULL. */
const struct directive *directives_find(const struct directives *directives, const char *name);

/* The directives of server blocks, in CoreDNS's order of steps. */
const struct directives *directives_get(void);

/* Has the statement min to max arguments? Else a problem says so. */
bool args_check(struct draft *draft, const struct statement *statement, size_t min, size_t max);

/* Does the statement have no block? Else a problem says so. */
bool block_refuse(struct draft *draft, const struct statement *statement);

/* The first argument as a decimal number in min..max. False, with a problem, when it is something
 * else. */
bool number_read(struct draft *draft, const struct statement *statement, unsigned min, unsigned max,
		 unsigned *number);

struct number_range {
	unsigned min, max;
};

/* Any word as a decimal number in this range, for `owner`. False, with a problem, likewise. */
bool word_number(struct draft *draft, const char *owner, const struct token *word,
		 struct number_range range, unsigned *number);

#define DURATION_MAX_MS (24ull * 3600 * 1000)

/* Any word as a duration, for `owner`. False, with a problem, when it is none or
 * longer than max_ms. */
bool word_duration(struct draft *draft, const char *owner, const struct token *word,
		   uint64_t max_ms, uint64_t *ms);

/* The same in nanoseconds, for what may be shorter than a millisecond. */
bool word_duration_ns(struct draft *draft, const char *owner, const struct token *word,
		      uint64_t max_ms, uint64_t *ns);

/* The first argument as a duration of at most a day: 5s, 1m30s, 1.5h. False, with a problem, when
 * it is something else. */
bool duration_read(struct draft *draft, const struct statement *statement, uint64_t *ms);

/* Adds ", did you mean ..." to a problem about `word`, which is none of words[0..n), or names them
 * all when none is near. */
void word_refuse(struct draft *draft, const struct token *word, const char *what,
		 const char *const *words, size_t n);

/* Where an endpoint listens, of HOST:PORT, [HOST]:PORT or :PORT. False: it is none of these. *http
 * has to be zero. */
bool http_read(const char *text, struct config_http *http);

/* The parsers, each in the file of its kind; see directives_get. */
void cache_parse(struct draft *draft, void *into, const struct statement *statement);
void hosts_parse(struct draft *draft, void *into, const struct statement *statement);
void loadbalance_parse(struct draft *draft, void *into, const struct statement *statement);
void errors_parse(struct draft *draft, void *into, const struct statement *statement);
void forward_parse(struct draft *draft, void *into, const struct statement *statement);
void bind_parse(struct draft *draft, void *into, const struct statement *statement);
void health_parse(struct draft *draft, void *into, const struct statement *statement);
void kubernetes_parse(struct draft *draft, void *into, const struct statement *statement);
void log_parse(struct draft *draft, void *into, const struct statement *statement);
void prometheus_parse(struct draft *draft, void *into, const struct statement *statement);
void acl_parse(struct draft *draft, void *into, const struct statement *statement);
void any_parse(struct draft *draft, void *into, const struct statement *statement);
void autopath_parse(struct draft *draft, void *into, const struct statement *statement);
void cancel_parse(struct draft *draft, void *into, const struct statement *statement);
void chaos_parse(struct draft *draft, void *into, const struct statement *statement);
void federation_parse(struct draft *draft, void *into, const struct statement *statement);
void geoip_parse(struct draft *draft, void *into, const struct statement *statement);
void local_parse(struct draft *draft, void *into, const struct statement *statement);
void metadata_parse(struct draft *draft, void *into, const struct statement *statement);
void nsid_parse(struct draft *draft, void *into, const struct statement *statement);
void pprof_parse(struct draft *draft, void *into, const struct statement *statement);
void reload_parse(struct draft *draft, void *into, const struct statement *statement);
void root_parse(struct draft *draft, void *into, const struct statement *statement);
void timeouts_parse(struct draft *draft, void *into, const struct statement *statement);
void trace_parse(struct draft *draft, void *into, const struct statement *statement);
void rewrite_parse(struct draft *draft, void *into, const struct statement *statement);
void ready_parse(struct draft *draft, void *into, const struct statement *statement);
void template_parse(struct draft *draft, void *into, const struct statement *statement);

#endif
