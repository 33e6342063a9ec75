/* SPDX-License-Identifier: Apache-2.0
 *
 * The `hosts` directive: names and addresses of a file as /etc/hosts, and of lines in the Corefile.
 *
 * The happy path: the main thread builds a struct hosts_data of the file's bytes (hosts_build),
 * which nobody changes any more, and gives it to the workers (hosts_publish), who look it up inside
 * RCU; the one before is freed when no worker can hold it. A file may say anything: what is no
 * entry is skipped and told. Main thread.
 */
#ifndef KANAME_QUERY_HOSTS_H
#define KANAME_QUERY_HOSTS_H

#include "base/text.h"
#include "query/query.h"

#define HOSTS_FILE_MAX (64u << 20) /* octets that hosts_build takes of a file */
#define HOSTS_ENTRIES_MAX 2000000u /* pairs of a name and an address; more are left out */
#define HOSTS_TTL_S 3600

struct hosts_data;

struct query_hosts {
	const char *place;	  /* "Corefile:12" */
	struct query_zones zones; /* never empty */
	uint32_t ttl_s;		  /* 1..65535 */
	bool has_fallthrough;
	bool falls_unsupported;		/* other types of a name that is there fall through, too */
	struct query_zones fallthrough; /* empty with has_fallthrough: all zones */
	struct hosts_data *data;	/* owned; workers read it inside RCU; never NULL then */
};

struct hosts_input {
	const struct query_zones *zones; /* names outside of them are none */
	bool has_reverse;		 /* addresses can be asked for */
	const char *file;		 /* bytes as they are; borrowed, as all here */
	size_t file_len;		 /* at most HOSTS_FILE_MAX */
	const char *lines; /* of the Corefile, in the same form: what comes behind the file */
	size_t lines_len;
};

/* Never NULL. Where lines of the file were skipped, *skipped gets the first and why, and how many
 * there are: `12: "x" is not an address; 3 lines were skipped`. Lines of the Corefile are skipped
 * without a word: see hosts_check_line. */
struct hosts_data *hosts_build(const struct hosts_input *input, struct text *skipped);

/* What is wrong with a line, if anything, appended to *why. An empty line is fine. */
bool hosts_check_line(const char *line, size_t len, struct text *why);

/* NULL is allowed. */
void hosts_free(struct hosts_data *data);

/* Workers see the new data from now on. Waits until none has the old one, and frees it. The caller
 * is registered (rcu_register) and not inside. */
void hosts_publish(struct query_hosts *hosts, struct hosts_data *data);

/* As CoreDNS counts: addresses of names, and names of addresses. */
size_t hosts_n_entries(const struct hosts_data *data);

#endif
