/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: CoreDNS's flags, or kube-dns's, and ours. Main thread.
 */
#ifndef KANAME_OPTIONS_H
#define KANAME_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/kubedns.h"

struct options {
	const char *corefile;  /* borrowed from argv, or NULL */
	const char *pidfile;   /* borrowed from argv, or NULL */
	const char *state_dir; /* likewise: where the last good configuration is kept */
	uint64_t quiet_ms;     /* no query for so long: it leaves after SIGTERM */
	const char *explain_name, *explain_type, *explain_from; /* likewise */
	uint16_t port;
	bool has_port;			      /* it was given */
	const char *localip, *interface_name; /* borrowed from argv; localip may be NULL */
	const char *kubedns_flag; /* the first flag of kube-dns's that was given, or NULL */
	struct kubedns_options kubedns;
	bool is_check, is_quiet, is_version, is_plugins, is_help, is_interface_setup,
		is_interface_removal;
};

/* What became of a flag that is not CoreDNS's or ours. */
enum option_taken {
	OPTION_UNKNOWN,
	OPTION_WRONG, /* the reason has gone to stderr */
	OPTION_TAKEN,
	OPTION_TAKEN_WITH_NEXT /* the word behind it was its value */
};

/* Reads argv. False when it is wrong; the reason has gone to stderr. */
bool options_parse(struct options *options, int argc, char **argv);

/* Prints the help text to stdout. */
void options_help(void);

#endif
