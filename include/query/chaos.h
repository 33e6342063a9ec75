/* SPDX-License-Identifier: Apache-2.0
 *
 * What a `chaos` directive answers: immutable, in the configuration's arena. Any thread.
 */
#ifndef KANAME_QUERY_CHAOS_H
#define KANAME_QUERY_CHAOS_H

#include <stddef.h>

#define QUERY_CHAOS_TEXT_MAX 255 /* octets: of a TXT record's string */

struct query_chaos {
	const char *version;	    /* version.bind, version.server */
	const char *hostname;	    /* hostname.bind, id.server */
	const char *const *authors; /* authors.bind: n_authors of them, a record each */
	size_t n_authors;
	const char *place;
};

#endif
