/* SPDX-License-Identifier: Apache-2.0
 *
 * `loadbalance` with weights or preferred networks. Worker thread.
 */
#ifndef KANAME_QUERY_BALANCE_STEP_H
#define KANAME_QUERY_BALANCE_STEP_H

#include "edit.h"
#include "query/balance.h"

/*
 * Permutes the addresses (A, AAAA) of the answer section, and those of the additional section,
 * among the places that they have: everything else stays where it is. With weights one of them,
 * drawn by weight, changes places with the first; then those of the preferred networks come first,
 * by network, their order kept. Answers other than NOERROR stay as they are.
 */
void balance_run(const struct query_balance *balance, struct edit_records *records,
		 struct answer *answer);

#endif
