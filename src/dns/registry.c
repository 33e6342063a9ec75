/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers to names, as IANA's registries and CoreDNS's logs spell them; what has no name is TYPEn,
 * CLASSn, RCODEn.
 */
#include "dns/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"

static const char *const types[] = {
	[1] = "A",	    [2] = "NS",	       [3] = "MD",	    [4] = "MF",
	[5] = "CNAME",	    [6] = "SOA",       [7] = "MB",	    [8] = "MG",
	[9] = "MR",	    [10] = "NULL",     [11] = "WKS",	    [12] = "PTR",
	[13] = "HINFO",	    [14] = "MINFO",    [15] = "MX",	    [16] = "TXT",
	[17] = "RP",	    [18] = "AFSDB",    [19] = "X25",	    [20] = "ISDN",
	[21] = "RT",	    [22] = "NSAP",     [23] = "NSAP-PTR",   [24] = "SIG",
	[25] = "KEY",	    [26] = "PX",       [27] = "GPOS",	    [28] = "AAAA",
	[29] = "LOC",	    [30] = "NXT",      [31] = "EID",	    [32] = "NIMLOC",
	[33] = "SRV",	    [34] = "ATMA",     [35] = "NAPTR",	    [36] = "KX",
	[37] = "CERT",	    [38] = "A6",       [39] = "DNAME",	    [40] = "SINK",
	[41] = "OPT",	    [42] = "APL",      [43] = "DS",	    [44] = "SSHFP",
	[45] = "IPSECKEY",  [46] = "RRSIG",    [47] = "NSEC",	    [48] = "DNSKEY",
	[49] = "DHCID",	    [50] = "NSEC3",    [51] = "NSEC3PARAM", [52] = "TLSA",
	[53] = "SMIMEA",    [55] = "HIP",      [56] = "NINFO",	    [57] = "RKEY",
	[58] = "TALINK",    [59] = "CDS",      [60] = "CDNSKEY",    [61] = "OPENPGPKEY",
	[62] = "CSYNC",	    [63] = "ZONEMD",   [64] = "SVCB",	    [65] = "HTTPS",
	[66] = "DSYNC",	    [99] = "SPF",      [100] = "UINFO",	    [101] = "UID",
	[102] = "GID",	    [103] = "UNSPEC",  [104] = "NID",	    [105] = "L32",
	[106] = "L64",	    [107] = "LP",      [108] = "EUI48",	    [109] = "EUI64",
	[128] = "NXNAME",   [249] = "TKEY",    [250] = "TSIG",	    [251] = "IXFR",
	[252] = "AXFR",	    [253] = "MAILB",   [254] = "MAILA",	    [255] = "ANY",
	[256] = "URI",	    [257] = "CAA",     [258] = "AVC",	    [259] = "DOA",
	[260] = "AMTRELAY", [261] = "RESINFO", [262] = "WALLET",
};

static const char *const classes[] = {
	[1] = "IN", [2] = "CS", [3] = "CH", [4] = "HS", [254] = "NONE", [255] = "ANY"};

static const char *const rcodes[] = {
	[0] = "NOERROR",  [1] = "FORMERR", [2] = "SERVFAIL",  [3] = "NXDOMAIN",
	[4] = "NOTIMP",	  [5] = "REFUSED", [6] = "YXDOMAIN",  [7] = "YXRRSET",
	[8] = "NXRRSET",  [9] = "NOTAUTH", [10] = "NOTZONE",  [11] = "DSOTYPENI",
	[16] = "BADVERS", [17] = "BADKEY", [18] = "BADTIME",  [19] = "BADMODE",
	[20] = "BADNAME", [21] = "BADALG", [22] = "BADTRUNC", [23] = "BADCOOKIE"};

static const char *name_of(const char *const *names, size_t n, uint16_t value)
{
	return value < n ? names[value] : NULL;
}

const char *dns_type_text(uint16_t type, char *buf, size_t size)
{
	const char *name = name_of(types, ARRAY_LEN(types), type);

	if (name)
		return name;
	if (type == 32768)
		return "TA";
	if (type == 32769)
		return "DLV";
	snprintf(buf, size, "TYPE%u", type);
	return buf;
}

bool dns_type_from_text(const char *text, uint16_t *type)
{
	char *end;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (types[i] && strcasecmp(types[i], text) == 0) {
			*type = (uint16_t)i;
			return true;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] < '0' || text[4] > '9' || strlen(text) > 9)
		return false;

	unsigned long number = strtoul(text + 4, &end, 10);

	if (*end != '\0' || number > UINT16_MAX)
		return false;
	*type = (uint16_t)number;
	return true;
}

const char *dns_class_text(uint16_t class, char *buf, size_t size)
{
	const char *name = name_of(classes, ARRAY_LEN(classes), class);

	if (name)
		return name;
	snprintf(buf, size, "CLASS%u", class);
	return buf;
}

const char *dns_rcode_text(uint16_t rcode, char *buf, size_t size)
{
	const char *name = name_of(rcodes, ARRAY_LEN(rcodes), rcode);

	if (name)
		return name;
	snprintf(buf, size, "RCODE%u", rcode);
	return buf;
}
