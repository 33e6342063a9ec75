/* SPDX-License-Identifier: Apache-2.0
 *
 * What applications ask of their C library's resolver, for test_resolvers.py:
 *     resolve addresses|inet|inet6|canonical NAME    getaddrinfo, of any family or one
 *     resolve pointer ADDRESS                        getnameinfo
 *     resolve srv|srv-search NAME                    res_query, res_search
 * It is built with glibc and with musl, and prints the results, one in a line, in order and with
 * their repetitions, or the error's name as netdb.h has it. Both are what was asked for: the exit
 * code is 0. It is 2 where the words are not these.
 */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	LINES_MAX = 4096,
	LINE_BYTES = 1100, /* a name whose octets are all escaped, and three numbers */
	ANSWER_BYTES = 65535,
	EXIT_USAGE = 2,
};

struct lines {
	char text[LINES_MAX][LINE_BYTES];
	size_t n;
};

static struct lines lines;

static char *next_line(void)
{
	if (lines.n == LINES_MAX)
		abort();
	return lines.text[lines.n++];
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_lines(void)
{
	qsort(lines.text, lines.n, LINE_BYTES, compare);
	for (size_t i = 0; i < lines.n; i++)
		puts(lines.text[i]);
}

static const char *name_of(int code)
{
	switch (code) {
	case EAI_NONAME:
		return "EAI_NONAME";
	case EAI_AGAIN:
		return "EAI_AGAIN";
	case EAI_FAIL:
		return "EAI_FAIL";
	case EAI_FAMILY:
		return "EAI_FAMILY";
	case EAI_MEMORY:
		return "EAI_MEMORY";
	case EAI_SYSTEM:
		return "EAI_SYSTEM";
#ifdef EAI_NODATA /* glibc, musl from 1.2.4 on */
	case EAI_NODATA:
		return "EAI_NODATA";
#endif
	default:
		return gai_strerror(code);
	}
}

static void print_addresses(const char *name, int family, int flags)
{
	const struct addrinfo hints = {
		.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found;
	int code = getaddrinfo(name, NULL, &hints, &found);

	if (code != 0) {
		puts(name_of(code));
		return;
	}
	if (flags & AI_CANONNAME)
		snprintf(next_line(), LINE_BYTES, "%s", found->ai_canonname);
	for (const struct addrinfo *at = found; at != NULL && !(flags & AI_CANONNAME);
	     at = at->ai_next)
		if (getnameinfo(at->ai_addr, at->ai_addrlen, next_line(), LINE_BYTES, NULL, 0,
				NI_NUMERICHOST) != 0)
			abort();
	freeaddrinfo(found);
	print_lines();
}

static void print_pointer(const char *text)
{
	char name[NI_MAXHOST];
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *address;
	int code = getaddrinfo(text, NULL, &hints, &address);

	if (code == 0) {
		code = getnameinfo(address->ai_addr, address->ai_addrlen, name, sizeof(name), NULL,
				   0, NI_NAMEREQD);
		freeaddrinfo(address);
	}
	puts(code == 0 ? name : name_of(code));
}

static const char *name_of_h_errno(void)
{
	switch (h_errno) {
	case HOST_NOT_FOUND:
		return "HOST_NOT_FOUND";
	case TRY_AGAIN:
		return "TRY_AGAIN";
	case NO_RECOVERY:
		return "NO_RECOVERY";
	case NO_DATA:
		return "NO_DATA";
	default:
		return "NETDB_INTERNAL";
	}
}

static void take_srv(ns_msg *message, const ns_rr *record)
{
	const unsigned char *rdata = ns_rr_rdata(*record);
	char target[NS_MAXDNAME];

	if (ns_rr_rdlen(*record) < 7 || dn_expand(ns_msg_base(*message), ns_msg_end(*message),
						  rdata + 6, target, sizeof(target)) < 0) {
		snprintf(next_line(), LINE_BYTES, "malformed");
		return;
	}
	snprintf(next_line(), LINE_BYTES, "%u %u %u %s", ns_get16(rdata), ns_get16(rdata + 2),
		 ns_get16(rdata + 4), target);
}

static void print_srv(const char *name, int (*ask)(const char *, int, int, unsigned char *, int))
{
	static unsigned char answer[ANSWER_BYTES];
	ns_msg message;
	ns_rr record;
	int n = ask(name, ns_c_in, ns_t_srv, answer, sizeof(answer));

	if (n < 0) {
		puts(name_of_h_errno());
		return;
	}
	if (ns_initparse(answer, n, &message) != 0) {
		puts("malformed");
		return;
	}
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++)
		if (ns_parserr(&message, ns_s_an, i, &record) != 0)
			snprintf(next_line(), LINE_BYTES, "malformed");
		else if (ns_rr_type(record) == ns_t_srv)
			take_srv(&message, &record);
	print_lines();
}

int main(int n_words, char **words)
{
	const char *action = n_words == 3 ? words[1] : "";
	const char *name = n_words == 3 ? words[2] : "";

	if (strcmp(action, "addresses") == 0)
		print_addresses(name, AF_UNSPEC, 0);
	else if (strcmp(action, "inet") == 0)
		print_addresses(name, AF_INET, 0);
	else if (strcmp(action, "inet6") == 0)
		print_addresses(name, AF_INET6, 0);
	else if (strcmp(action, "canonical") == 0)
		print_addresses(name, AF_UNSPEC, AI_CANONNAME);
	else if (strcmp(action, "pointer") == 0)
		print_pointer(name);
	else if (strcmp(action, "srv") == 0)
		print_srv(name, res_query);
	else if (strcmp(action, "srv-search") == 0)
		print_srv(name, res_search);
	else
		return EXIT_USAGE;
	return 0;
}
