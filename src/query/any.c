/* SPDX-License-Identifier: Apache-2.0
 *
 * `any`: a short answer to ANY (RFC 8482 4.2), with the text that CoreDNS gives. Worker thread.
 */
#include "any.h"

#include "worker.h"

#define TTL_S 8482

enum step any_run(struct answer *answer)
{
	static const uint8_t rdata[] = "\15ANY obsoleted\14See RFC 8482";
	const struct answer_rr rr = {QUESTION_NAME_POS, DNS_TYPE_HINFO, TTL_S};

	if (answer->query->class != DNS_CLASS_IN)
		return STEP_NEXT;
	answer->plugin = QUERY_PLUGIN_ANY;
	answer_record(answer, rr, rdata, sizeof(rdata) - 1);
	ANSWER_TRACE(answer, "any: answers ANY with HINFO");
	return STEP_DONE;
}
