/* SPDX-License-Identifier: Apache-2.0
 *
 * The proof is the CPU of a HINFO record (RFC 1035 3.3.2), so that it comes through any resolver.
 */
#include "probe.h"

#include "dns/probe.h"

bool probe_run(struct answer *answer, uint64_t key)
{
	static const char os[] = "\4loop";
	uint8_t rdata[1 + DNS_PROBE_LABEL + sizeof(os) - 1] = {DNS_PROBE_LABEL};
	const struct answer_rr rr = {QUESTION_NAME_POS, DNS_TYPE_HINFO, 0};

	if (key == 0 || answer->query->type != DNS_TYPE_HINFO ||
	    !dns_probe_check(&answer->query->name, key, (char *)rdata + 1))
		return false;
	memcpy(rdata + 1 + DNS_PROBE_LABEL, os, sizeof(os) - 1);
	return answer_record(answer, rr, rdata, sizeof(rdata));
}
