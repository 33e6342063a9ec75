/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine that kaname runs on, for config_load. Main thread.
 */
#ifndef KANAME_CONFIG_MACHINE_REAL_H
#define KANAME_CONFIG_MACHINE_REAL_H

#include <ifaddrs.h>

#include "config/machine.h"

struct machine {
	struct config_machine config;
	char hostname[256];
	struct config_interface *interfaces; /* owned; names borrowed from ifaddrs */
	struct ifaddrs *ifaddrs;	     /* owned; NULL where they cannot be listed */
};

void machine_init(struct machine *machine);
void machine_fini(struct machine *machine);

#endif
