/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to names and addresses and back: what is accepted comes back the same.
 */
#include "dns/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *text, size_t len)
{
	char out[DNS_NAME_TEXT_MAX];
	struct dns_name name, again;

	if (dns_name_from_text(&name, text, len) != 0)
		return;
	CHECK(name.len >= 1 && name.n_labels <= DNS_LABELS_MAX);
	len = dns_name_to_text(name.wire, name.len, out);
	CHECK(len < sizeof(out) && strlen(out) == len);
	CHECK(dns_name_from_text(&again, out, len) == 0 && dns_name_equal(&name, &again));
}

static void check_reverse(const struct address *address)
{
	unsigned bits = 8 * (unsigned)address_size(address), got_bits;
	struct dns_name name;
	struct address back;

	CHECK(address_reverse_zone(&name, address, bits, 0) == 1);
	CHECK(address_from_reverse(&back, &got_bits, &name) == REVERSE_EXACT);
	CHECK(got_bits == bits && address_compare(&back, address) == 0);
}

static void check_address(const char *text, size_t len)
{
	char out[ADDRESS_TEXT_MAX], label[ADDRESS_LABEL_MAX];
	struct address address, again;

	if (address_from_text(&address, text, len) != 0)
		return;
	len = address_to_text(&address, out);
	CHECK(address_from_text(&again, out, len) == 0 && address_compare(&address, &again) == 0);
	len = address_to_label(&address, label);
	CHECK(dns_label_is_1123(label, len));
	CHECK(address_from_pod_label(&again, (const uint8_t *)label, len));
	CHECK(address_compare(&address, &again) == 0);
	check_reverse(&address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address address;
	struct dns_name name;
	unsigned bits;

	check_name((const char *)data, size);
	check_address((const char *)data, size);
	if (address_from_pod_label(&address, data, size))
		check_reverse(&address);
	if (dns_name_from_text(&name, (const char *)data, size) == 0 &&
	    address_from_reverse(&address, &bits, &name) != REVERSE_NONE)
		CHECK(bits <= 8 * address_size(&address));
	return 0;
}
