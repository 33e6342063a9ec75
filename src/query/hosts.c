/* SPDX-License-Identifier: Apache-2.0
 *
 * `hosts` as CoreDNS answers it. An address (A, AAAA) of a name, or the names (PTR) of an address,
 * whatever the zones are; NODATA for other types of a name that has addresses; SERVFAIL for one in
 * the zones that has none, since a hosts file has no SOA that a denial could be kept by; all of it
 * AA. With `fallthrough` the next step gets what has no address, and what is outside of the zones
 * anyhow.
 */
#include "hosts.h"

#include "hosts_data.h"
#include "worker.h"

static bool is_in(const struct query_zones *zones, const struct dns_name *name)
{
	for (size_t i = 0; i < zones->n; i++) {
		if (dns_name_is_in(name, &zones->items[i]))
			return true;
	}
	return false;
}

static bool falls_through(const struct query_hosts *hosts, const struct dns_name *name)
{
	return hosts->has_fallthrough &&
	       (hosts->fallthrough.n == 0 || is_in(&hosts->fallthrough, name));
}

static enum step finish(struct answer *answer)
{
	answer->plugin = QUERY_PLUGIN_HOSTS;
	answer->end.flags |= DNS_FLAG_AA;
	return STEP_DONE;
}

/* An address that has no name is not ours, also within the zones. */
static enum step answer_reverse(struct answer *answer, const struct query_hosts *hosts,
				const struct hosts_data *data)
{
	const struct answer_rr rr = {QUESTION_NAME_POS, DNS_TYPE_PTR, hosts->ttl_s};
	struct address address;
	const uint32_t *names;
	unsigned bits;
	uint32_t n;
	uint16_t pos;

	if (address_from_reverse(&address, &bits, &answer->query->name) != REVERSE_EXACT)
		return STEP_NEXT;
	names = hosts_find_address(data, &address, &n);
	if (!names)
		return STEP_NEXT;
	ANSWER_TRACE(answer, "hosts %s: the address has %u names", hosts->place, n);
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *name = data->names_wire + names[i];

		if (!answer_name_record(answer, rr, name + 1, name[0], &pos))
			break;
	}
	return finish(answer);
}

static enum step answer_none(struct answer *answer, const struct query_hosts *hosts)
{
	if (falls_through(hosts, &answer->query->name)) {
		ANSWER_TRACE(answer, "hosts %s: no such name, fallthrough", hosts->place);
		return STEP_NEXT;
	}
	ANSWER_TRACE(answer, "hosts %s: no such name, and no fallthrough for it", hosts->place);
	answer->plugin = QUERY_PLUGIN_HOSTS;
	answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER,
		    "no such name in hosts, and no fallthrough for it");
	return STEP_DONE;
}

/* Types other than addresses of a name that is there. */
static enum step answer_nodata(struct answer *answer, const struct query_hosts *hosts)
{
	if (hosts->falls_unsupported && falls_through(hosts, &answer->query->name)) {
		ANSWER_TRACE(answer, "hosts %s: the name has addresses only, fallthrough",
			     hosts->place);
		return STEP_NEXT;
	}
	ANSWER_TRACE(answer, "hosts %s: the name has addresses only", hosts->place);
	return finish(answer);
}

static void put_addresses(struct answer *answer, const struct query_hosts *hosts, uint16_t owner,
			  const struct hosts_found *found)
{
	if (answer->query->type == DNS_TYPE_A)
		answer_addresses(answer, owner, &found->v4, ADDRESS_V4, hosts->ttl_s);
	else if (answer->query->type == DNS_TYPE_AAAA)
		answer_addresses(answer, owner, &found->v6, ADDRESS_V6, hosts->ttl_s);
}

enum step hosts_follow(struct answer *answer, const struct query_hosts *hosts,
		       const struct dns_name *name, uint16_t owner)
{
	const struct hosts_data *data = __atomic_load_n(&hosts->data, __ATOMIC_ACQUIRE);
	struct hosts_found found;

	if (answer->query->type == DNS_TYPE_PTR || !is_in(&hosts->zones, name))
		return STEP_NEXT;
	if (hosts_find(data, name, &found)) {
		ANSWER_TRACE(answer, "hosts %s: has the target of the CNAME", hosts->place);
		put_addresses(answer, hosts, owner, &found);
		return STEP_DONE;
	}
	if (falls_through(hosts, name))
		return STEP_NEXT;
	ANSWER_TRACE(answer, "hosts %s: has not the target of the CNAME, and no fallthrough for it",
		     hosts->place);
	answer_restart(answer);
	answer_fail(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER,
		    "the target of this CNAME is not in hosts, and no fallthrough for it");
	return STEP_DONE;
}

enum step hosts_run(struct answer *answer, const struct query_hosts *hosts)
{
	const struct hosts_data *data = __atomic_load_n(&hosts->data, __ATOMIC_ACQUIRE);
	const struct dns_name *name = &answer->query->name;
	uint16_t type = answer->query->type;
	struct hosts_found found;

	if (type == DNS_TYPE_PTR) {
		enum step step = answer_reverse(answer, hosts, data);

		if (step == STEP_NEXT)
			ANSWER_TRACE(answer, "hosts %s: no such address", hosts->place);
		return step;
	}
	if (!is_in(&hosts->zones, name)) {
		ANSWER_TRACE(answer, "hosts %s: not in its zones", hosts->place);
		return STEP_NEXT;
	}
	if (!hosts_find(data, name, &found))
		return answer_none(answer, hosts);
	if (type != DNS_TYPE_A && type != DNS_TYPE_AAAA)
		return answer_nodata(answer, hosts);
	ANSWER_TRACE(answer, "hosts %s: the name has %u IPv4 and %u IPv6 addresses", hosts->place,
		     found.v4.n, found.v6.n);
	put_addresses(answer, hosts, QUESTION_NAME_POS, &found);
	return finish(answer);
}
