/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding one object: what is kept of it, what is ignored, and how each fault is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "object.h"
#include "pack.h"
#include "timestamp.h"

/* ---- an object as text ---- */

static void tell_address(const struct address *address, struct text *out)
{
	char text[ADDRESS_TEXT_MAX];

	address_to_text(address, text);
	text_printf(out, " %s", text);
}

static void tell_ports(struct wire_reader *reader, struct text *out)
{
	uint16_t n = wire_u16(reader);

	for (unsigned i = 0; i < n; i++) {
		struct table_port port;

		unpack_port(reader, &port);
		text_printf(out, " %s/%c/%u", port.name, "TUS"[port.proto], port.port);
	}
}

static void tell_service(struct wire_reader *reader, struct text *out)
{
	static const char *const types[] = {"ClusterIP", "Headless", "Alias", "NoRecords"};
	uint8_t type = wire_u8(reader);
	uint8_t n = wire_u8(reader);
	char name[DNS_NAME_TEXT_MAX];

	text_printf(out, " %s", types[type]);
	for (unsigned i = 0; i < n; i++) {
		struct address address;

		unpack_address(reader, &address);
		tell_address(&address, out);
	}
	tell_ports(reader, out);
	if (wire_left(reader) > 0) {
		size_t len = wire_left(reader);

		dns_name_to_text(wire_take(reader, len), len, name);
		text_printf(out, " -> %s", name);
	}
}

static void tell_sets(struct wire_reader *reader, struct text *out)
{
	while (wire_left(reader) > 0) {
		text_puts(out, " {");
		tell_ports(reader, out);
		text_puts(out, ":");
		for (uint32_t n = wire_u32(reader); n > 0; n--) {
			struct pack_endpoint endpoint;

			unpack_endpoint(reader, &endpoint);
			tell_address(&endpoint.address, out);
			if (endpoint.label_len > 0)
				text_printf(out, "=%.*s", endpoint.label_len, endpoint.label);
		}
		text_puts(out, " }");
	}
}

static void tell_object(const struct object *object, struct text *out)
{
	struct wire_reader reader =
		wire_reader_init((const uint8_t *)object->content.bytes, object->content.len);

	text_printf(out, "%s %s/%s", object_kind_text(object->kind), object->namespace,
		    object->name);
	if (*object->service)
		text_printf(out, " of %s", object->service);
	if (object->is_hidden)
		text_puts(out, " hidden");
	if (object->trigger_unix_ms)
		text_printf(out, " at %lu", (unsigned long)object->trigger_unix_ms);
	if (object->kind == OBJECT_SERVICE && reader.size > 0)
		tell_service(&reader, out);
	if (object->kind == OBJECT_SLICE || object->kind == OBJECT_ENDPOINTS)
		tell_sets(&reader, out);
	while (object->kind == OBJECT_POD && wire_left(&reader) > 0) {
		struct address address;

		unpack_address(&reader, &address);
		tell_address(&address, out);
	}
	if (object->n_left_out > 0)
		text_printf(out, ", %u left out: %s", object->n_left_out, object->left_out.bytes);
	assert_false(reader.failed);
	assert_int_equal(wire_left(&reader), 0);
}

static void tell_outcome(enum object_outcome outcome, const struct object *object, struct text *out)
{
	switch (outcome) {
	case OBJECT_DECODED:
		tell_object(object, out);
		return;
	case OBJECT_IGNORED:
		text_puts(out, "ignored");
		return;
	case OBJECT_BROKEN:
		text_printf(out, "broken %s %s/%s: ", object_kind_text(object->kind),
			    object->namespace, object->name);
		return;
	case OBJECT_NAMELESS:
		text_puts(out, "nameless: ");
		return;
	case OBJECT_UNTYPED:
		text_puts(out, "untyped");
		return;
	case OBJECT_NOT_JSON:
		text_puts(out, "not JSON");
		return;
	}
}

/* ---- the cases ---- */

#define META(name) "\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name "\"}"
#define SERVICE(spec) \
	"{\"apiVersion\":\"v1\",\"kind\":\"Service\"," META("web") ",\"spec\":{" spec "}}"
#define SLICE(rest)                                                                               \
	"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":{"       \
	"\"namespace\":\"shop\",\"name\":\"web-x.1\",\"labels\":{\"kubernetes.io/service-name\":" \
	"\"web\"}}," rest "}"
#define ENDPOINTS(subsets) \
	"{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\"," META("web") ",\"subsets\":" subsets "}"
#define POD(status) \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," META("web-0") ",\"status\":{" status "}}"

#define NAME_63 "0123456789-0123456789-0123456789-0123456789-0123456789-01234567"

struct decode_case {
	const char *json;
	const char *want;
};

static void check_cases(const struct decode_case *cases, size_t n, const struct object_input *list,
			const struct kube_source_config *config)
{
	struct object object = {0};

	for (size_t i = 0; i < n; i++) {
		struct object_input input = *list;
		struct text out = {0}, why = {0};
		size_t offset = 0;
		size_t len = strlen(cases[i].json);
		char *exact = mem_alloc(len); /* so that a sanitizer sees a read past its end */

		memcpy(exact, cases[i].json, len);
		input.bytes = exact;
		input.len = len;
		tell_outcome(object_decode(&object, &input, config, &why, &offset), &object, &out);
		text_append(&out, why.bytes, why.len);
		if (strcmp(out.bytes, cases[i].want) != 0)
			fail_msg("%s\ngives  %s\nwanted %s", cases[i].json, out.bytes,
				 cases[i].want);
		free(exact);
		text_fini(&out);
		text_fini(&why);
	}
	object_fini(&object);
}

static const struct object_input no_list = {.list_kind = "", .list_api_version = ""};
static const struct kube_source_config with_pods = {.wants_pods = true};

static const struct decode_case service_cases[] = {
	{SERVICE("\"clusterIP\":\"10.0.0.1\""), "Service shop/web ClusterIP 10.0.0.1"},
	{SERVICE("\"clusterIP\":\"10.0.0.9\",\"clusterIPs\":[\"10.0.0.1\",\"FD00::0:1\"],\"type\":"
		 "\"NodePort\""),
	 "Service shop/web ClusterIP 10.0.0.1 fd00::1"},
	{SERVICE("\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":null,\"ports\":null,\"type\":null"),
	 "Service shop/web ClusterIP 10.0.0.1"},
	{SERVICE("\"clusterIP\":\"\",\"type\":\"LoadBalancer\""), "Service shop/web ClusterIP"},
	{SERVICE(""), "Service shop/web ClusterIP"},
	{SERVICE("\"clusterIP\":\"None\""), "Service shop/web Headless"},
	{SERVICE("\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"]"), "Service shop/web Headless"},
	{SERVICE("\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80},{\"name\":\"HTTP-s\","
		 "\"port\":443,"
		 "\"protocol\":\"UDP\"},{\"name\":null,\"port\":1,\"protocol\":\"SCTP\"},{\"port\":"
		 "80,\"name\":\"\"}]"),
	 "Service shop/web ClusterIP 10.0.0.1 /T/80 http-s/U/443 /S/1"},
	{SERVICE("\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":9402,\"name\":"
		 "\"tcp-prometheus-servicemonitor\"},{\"port\":1,\"name\":\"" NAME_63 "\"}]"),
	 "Service shop/web ClusterIP 10.0.0.1 tcp-prometheus-servicemonitor/T/9402 " NAME_63
	 "/T/1"},
	{SERVICE("\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":80},{\"port\":1,\"name\":\"a_b\"}"
		 ",{"
		 "\"port\":\"2\"},{\"port\":443}]"),
	 "Service shop/web ClusterIP 10.0.0.1 /T/80 /T/443, 2 left out: spec.ports[1].name: not a "
	 "port name: \"a_b\""},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\"Example.COM.\""),
	 "Service shop/web Alias -> Example.COM."},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\"_x.a-b.example\",\"clusterIP\":\"10."
		 "0.0.1\""),
	 "Service shop/web Alias -> _x.a-b.example."},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\"192.0.2.1\""),
	 "Service shop/web NoRecords"},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\"192.0.2.1.\""),
	 "Service shop/web NoRecords"},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\"fd00::1\""),
	 "Service shop/web NoRecords"},
	/* Faults. */
	{SERVICE("\"clusterIPs\":[\"10.0.0.1\",\"10.0.0.300\"]"),
	 "broken Service shop/web: spec.clusterIPs[1]: not an address: \"10.0.0.300\""},
	{SERVICE("\"clusterIP\":\"010.096.008.002\""), "Service shop/web ClusterIP 10.96.8.2"},
	{SERVICE("\"clusterIP\":\"::ffff:10.96.8.1\""), "Service shop/web ClusterIP 10.96.8.1"},
	{SERVICE("\"clusterIP\":\"::FFFF:a60:801\""), "Service shop/web ClusterIP 10.96.8.1"},
	{SERVICE("\"clusterIP\":\"0010.0.0.1\""),
	 "broken Service shop/web: spec.clusterIP: not an address: \"0010.0.0.1\""},
	{SERVICE("\"clusterIP\":\"010.0.0.256\""),
	 "broken Service shop/web: spec.clusterIP: not an address: \"010.0.0.256\""},
	{SERVICE("\"clusterIP\":\"010.0.0\""),
	 "broken Service shop/web: spec.clusterIP: not an address: \"010.0.0\""},
	{SERVICE("\"clusterIP\":\"010.0.0.1.\""),
	 "broken Service shop/web: spec.clusterIP: not an address: \"010.0.0.1.\""},
	{SERVICE("\"clusterIP\":7"), "broken Service shop/web: spec.clusterIP: not a string"},
	{SERVICE("\"clusterIPs\":\"10.0.0.1\""),
	 "broken Service shop/web: spec.clusterIPs: not a list"},
	{SERVICE("\"clusterIPs\":[null]"),
	 "broken Service shop/web: spec.clusterIPs[0]: not a string"},
	{SERVICE("\"type\":\"Magic\""), "broken Service shop/web: spec.type: unknown: \"Magic\""},
	{SERVICE("\"type\":\"ExternalName\""),
	 "broken Service shop/web: spec.externalName: missing"},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\".\""),
	 "broken Service shop/web: spec.externalName: missing"},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\"a..b\""),
	 "broken Service shop/web: spec.externalName: not a DNS name: \"a..b\""},
	{SERVICE("\"type\":\"ExternalName\",\"externalName\":\"a\\\\.b\""),
	 "broken Service shop/web: spec.externalName: not a DNS name: \"a\\.b\""},
	{SERVICE("\"ports\":{}"), "broken Service shop/web: spec.ports: not a list"},
	{SERVICE("\"ports\":[null]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0]: not an object"},
	{SERVICE("\"ports\":[7]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0]: not an object"},
	{SERVICE("\"ports\":[{}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].port: missing"},
	{SERVICE("\"ports\":[{\"port\":65536}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].port: not a whole number from 1 to "
	 "65535: 65536"},
	{SERVICE("\"ports\":[{\"port\":0}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].port: not a whole number from 1 to "
	 "65535: 0"},
	{SERVICE("\"ports\":[{\"port\":-1}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].port: not a whole number from 1 to "
	 "65535: -1"},
	{SERVICE("\"ports\":[{\"port\":80},{\"port\":1.5}]"),
	 "Service shop/web ClusterIP /T/80, 1 left out: spec.ports[1].port: not a whole number "
	 "from 1 to 65535: 1.5"},
	{SERVICE("\"ports\":[{\"port\":\"80\"}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].port: not a number"},
	{SERVICE("\"ports\":[{\"port\":80,\"protocol\":\"ICMP\"}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].protocol: neither TCP, UDP nor "
	 "SCTP: \"ICMP\""},
	{SERVICE("\"ports\":[{\"port\":80,\"name\":\"a_b\"}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].name: not a port name: \"a_b\""},
	{SERVICE("\"ports\":[{\"port\":80,\"name\":\"" NAME_63 "8\"}]"),
	 "Service shop/web ClusterIP, 1 left out: spec.ports[0].name: longer than 63: \"" NAME_63
	 "8\""},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Service\"," META("web") "}",
	 "broken Service shop/web: spec: missing"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Service\"," META("web") ",\"spec\":[]}",
	 "broken Service shop/web: spec: not an object"},
};

static const struct decode_case identity_cases[] = {
	{"{\"apiVersion\":\"serving.knative.dev/v1\",\"kind\":\"Service\"," META("web") "}",
	 "ignored"},
	{"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\"}", "ignored"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":null}", "ignored"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"0-shop\","
	 "\"deletionTimestamp\":\"x\"}}",
	 "Namespace /0-shop"},
	{"{}", "nameless: kind: missing"},
	{"{\"kind\":7}", "nameless: kind: not a string"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Service\"}", "nameless: metadata.name: missing"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":[]}",
	 "nameless: metadata: not an object"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\"}}",
	 "nameless: metadata.namespace: missing"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"a.b\",\"namespace\":"
	 "\"shop\"}}",
	 "broken Service shop/a.b: metadata.name: not a DNS label: \"a.b\""},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\",\"namespace\":"
	 "\"Shop\"}}",
	 "broken Service Shop/web: metadata.namespace: not a DNS label: \"Shop\""},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a..b\",\"namespace\":"
	 "\"shop\"}}",
	 "broken Pod shop/a..b: metadata.name: not a DNS name: \"a..b\""},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\",\"labels\":"
	 "{\"a\":1}}}",
	 "broken Namespace /shop: metadata.labels.a: not a string"},
	{"{\"a\":tru}", "not JSON"},
	{"{\"a\" 1}", "not JSON"},
};

static const struct decode_case slice_cases[] = {
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.0.1\",\"10.1.0.2\"]}"
	       "],"
	       "\"ports\":[{\"name\":\"http\",\"port\":8080}]"),
	 "EndpointSlice shop/web-x.1 of web { http/T/8080: 10.1.0.1 10.1.0.2 }"},
	{SLICE("\"addressType\":\"IPv6\",\"endpoints\":[{\"addresses\":[\"FD00:0:0::5\"],"
	       "\"hostname\":\"db-0\"}],"
	       "\"ports\":[]"),
	 "EndpointSlice shop/web-x.1 of web {: fd00::5=db-0 }"},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.0.1\"],"
	       "\"conditions\":{\"ready\":false}},"
	       "{\"addresses\":[\"10.1.0.2\"],\"conditions\":{\"ready\":null}},{\"addresses\":["
	       "\"10.1.0.3\"],"
	       "\"conditions\":{\"ready\":true,\"serving\":false,\"terminating\":true}},{"
	       "\"addresses\":[\"10.1.0.4\"],"
	       "\"conditions\":null}],\"ports\":null"),
	 "EndpointSlice shop/web-x.1 of web {: 10.1.0.2 10.1.0.3 10.1.0.4 }"},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.0.1\"],\"hostname\":"
	       "\"\","
	       "\"targetRef\":{\"kind\":\"Pod\",\"name\":\"web-0\"}}],\"ports\":[{\"port\":null},{"
	       "\"port\":1}]"),
	 "EndpointSlice shop/web-x.1 of web { /T/1: 10.1.0.1 }"},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":null"), "EndpointSlice shop/web-x.1 of web"},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":null}]"),
	 "EndpointSlice shop/web-x.1 of web"},
	{SLICE("\"addressType\":\"FQDN\",\"endpoints\":[{\"addresses\":[\"a.example\"]}]"),
	 "EndpointSlice shop/web-x.1 of web"},
	{"{\"apiVersion\":\"discovery.k8s.io/v1beta1\",\"kind\":\"EndpointSlice\"," META(
		 "x") ",\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.0.1\"],"
		      "\"topology\":{\"a\":\"b\"}}]}",
	 "EndpointSlice shop/x {: 10.1.0.1 }"},
	{"{\"apiVersion\":\"discovery.k8s.io/"
	 "v1\",\"kind\":\"EndpointSlice\",\"metadata\":{\"namespace\":\"shop\","
	 "\"name\":\"x\",\"labels\":{\"kubernetes.io/service-name\":\"No.Label\"},\"annotations\":{"
	 "\"endpoints.kubernetes.io/"
	 "last-change-trigger-time\":\"2026-11-23T19:47:05.25Z\"}},\"addressType\":\"IPv4\"}",
	 "EndpointSlice shop/x at 1795463225250"},
	/* Faults. */
	{SLICE("\"endpoints\":[]"), "broken EndpointSlice shop/web-x.1: addressType: missing"},
	{SLICE("\"addressType\":\"IPX\""),
	 "broken EndpointSlice shop/web-x.1: addressType: neither IPv4, IPv6 nor FQDN: \"IPX\""},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":{}"),
	 "broken EndpointSlice shop/web-x.1: endpoints: not a list"},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[null]"),
	 "broken EndpointSlice shop/web-x.1: endpoints[0]: not an object"},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.0.1\"]},{"
	       "\"addresses\":[\"10.1.0.2\",\"fd00::1\"]},{\"addresses\":[\"10.1.0.3\"],"
	       "\"hostname\":\"A\"},null,{\"addresses\":[\"10.1.0.4\"]}]"),
	 "EndpointSlice shop/web-x.1 of web {: 10.1.0.1 10.1.0.4 }, 3 left out: "
	 "endpoints[1].addresses[1]: not an IPv4 address: \"fd00::1\""},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"fd00::1\"]},{"
	       "\"addresses\":[\"x\"]}]"),
	 "broken EndpointSlice shop/web-x.1: endpoints[0].addresses[0]: not an IPv4 address: "
	 "\"fd00::1\""},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.0.1\",\"x\"],"
	       "\"conditions\":{\"ready\":false}}]"),
	 "broken EndpointSlice shop/web-x.1: endpoints[0].addresses[1]: not an address: \"x\""},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[null]}]"),
	 "broken EndpointSlice shop/web-x.1: endpoints[0].addresses[0]: missing"},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"hostname\":\"A\"}]"),
	 "broken EndpointSlice shop/web-x.1: endpoints[0].hostname: not a DNS label: \"A\""},
	{SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"conditions\":{\"ready\":\"yes\"}}]"),
	 "broken EndpointSlice shop/web-x.1: endpoints[0].conditions.ready: neither true nor "
	 "false"},
	{SLICE("\"addressType\":\"IPv4\",\"ports\":[{\"port\":0}]"),
	 "EndpointSlice shop/web-x.1 of web, 1 left out: ports[0].port: not a whole number from 1 "
	 "to 65535: 0"},
	{SLICE("\"addressType\":\"IPv4\",\"ports\":[{\"port\":70000}]"),
	 "EndpointSlice shop/web-x.1 of web, 1 left out: ports[0].port: not a whole number from 1 "
	 "to 65535: "
	 "70000"},
};

static const struct decode_case other_cases[] = {
	{ENDPOINTS("null"), "Endpoints shop/web of web"},
	{ENDPOINTS("[{\"addresses\":[{\"ip\":\"10.1.0.1\",\"hostname\":\"a\"},{\"ip\":\"fd00::1\"}]"
		   ",\"notReadyAddresses\":["
		   "{\"ip\":\"10.1.0.2\"}],\"ports\":[{\"port\":80,\"name\":\"p\"}]},{"
		   "\"addresses\":null,"
		   "\"notReadyAddresses\":[{\"ip\":\"10.1.0.3\"}]},{\"addresses\":[{\"ip\":\"10.1."
		   "0.4\"}]}]"),
	 "Endpoints shop/web of web { p/T/80: 10.1.0.1=a fd00::1 } {: 10.1.0.4 }"},
	{"{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\"," META("k8s.io-hostpath") "}",
	 "Endpoints shop/k8s.io-hostpath"},
	{ENDPOINTS("[{\"addresses\":[{\"ip\":\"10.1.0.1\"},{\"ip\":\"10.1.0\"}]}]"),
	 "Endpoints shop/web of web {: 10.1.0.1 }, 1 left out: subsets[0].addresses[1].ip: not an "
	 "address: \"10.1.0\""},
	{ENDPOINTS("[{\"addresses\":[{\"ip\":\"10.1.0\"}]}]"),
	 "broken Endpoints shop/web: subsets[0].addresses[0].ip: not an address: \"10.1.0\""},
	{ENDPOINTS("[{\"notReadyAddresses\":[{}]}]"),
	 "broken Endpoints shop/web: subsets[0].notReadyAddresses[0].ip: missing"},
	{ENDPOINTS("[{\"ports\":[{\"port\":0}]}]"),
	 "Endpoints shop/web of web, 1 left out: subsets[0].ports[0].port: not a whole number from "
	 "1 to 65535: "
	 "0"},
	{ENDPOINTS("[7]"), "broken Endpoints shop/web: subsets[0]: not an object"},
	{POD("\"podIP\":\"10.1.0.1\",\"podIPs\":[{\"ip\":\"10.1.0.1\"},{\"ip\":\"fd00::1\"}],"
	     "\"phase\":\"Running\""),
	 "Pod shop/web-0 10.1.0.1 fd00::1"},
	{POD("\"podIP\":\"10.1.0.1\""), "Pod shop/web-0 10.1.0.1"},
	{POD("\"phase\":\"Pending\""), "Pod shop/web-0"},
	{POD("\"podIP\":\"10.1.0.1\",\"phase\":\"Succeeded\""), "Pod shop/web-0"},
	{POD("\"podIP\":\"10.1.0.1\",\"phase\":\"Failed\""), "Pod shop/web-0"},
	{POD("\"podIPs\":[{\"ip\":\"x\"}]"),
	 "broken Pod shop/web-0: status.podIPs[0].ip: not an address: \"x\""},
};

static void test_decode(void **state)
{
	check_cases(service_cases, ARRAY_LEN(service_cases), &no_list, &with_pods);
	check_cases(identity_cases, ARRAY_LEN(identity_cases), &no_list, &with_pods);
	check_cases(slice_cases, ARRAY_LEN(slice_cases), &no_list, &with_pods);
	check_cases(other_cases, ARRAY_LEN(other_cases), &no_list, &with_pods);
}

/* Items without kind are of their list's. */
static void test_list_items(void **state)
{
	static const struct {
		struct object_input list;
		struct decode_case one;
	} cases[] = {
		{{.is_item = true, .list_kind = "ServiceList", .list_api_version = "v1"},
		 {"{" META("web") ",\"spec\":{}}", "Service shop/web ClusterIP"}},
		{{.is_item = true,
		  .list_kind = "ServiceList",
		  .list_api_version = "serving.knative.dev/v1"},
		 {"{" META("web") ",\"spec\":{}}", "ignored"}},
		{{.is_item = true, .list_kind = "", .list_api_version = ""},
		 {"{" META("web") "}", "untyped"}},
		{{.is_item = true, .list_kind = "List", .list_api_version = "v1"},
		 {"{" META("web") "}", "nameless: kind: missing"}},
		{{.is_item = true, .list_kind = "", .list_api_version = ""},
		 {SERVICE(""), "Service shop/web ClusterIP"}},
		{{.is_item = false, .list_kind = "ServiceList", .list_api_version = "v1"},
		 {"{" META("web") "}", "nameless: kind: missing"}},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_cases(&cases[i].one, 1, &cases[i].list, &with_pods);
}

#define POD_ENDPOINT(name)                                                             \
	SLICE("\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.0.1\"]," \
	      "\"targetRef\":"                                                         \
	      "{\"kind\":\"Pod\",\"name\":\"" name "\"}}]")

static void test_options(void **state)
{
	static const char *const namespaces[] = {"blue", "shop"};
	static const char *const others[] = {"blue"};
	static const struct decode_case pod_names[] = {
		{POD_ENDPOINT("web-0"), "EndpointSlice shop/web-x.1 of web {: 10.1.0.1=web-0 }"},
		{POD_ENDPOINT("web.0"), "EndpointSlice shop/web-x.1 of web {: 10.1.0.1 }"},
		{POD("\"podIP\":\"10.1.0.1\""), "ignored"},
	};
	static const struct decode_case named[] = {{SERVICE(""), "Service shop/web ClusterIP"}};
	static const struct decode_case unnamed[] = {
		{SERVICE("\"type\":7"), "ignored"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\"}}",
		 "ignored"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"blue\"}}",
		 "Namespace /blue"},
	};
	static const struct decode_case selected[] = {
		{SERVICE("\"type\":7"), "Service shop/web hidden"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web\","
		 "\"namespace\":\"shop\","
		 "\"labels\":{\"app\":\"web\"}},\"spec\":{}}",
		 "Service shop/web ClusterIP"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\"}}",
		 "Namespace /shop hidden"},
		{"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"shop\","
		 "\"labels\":{\"env\":\"\"}}}",
		 "Namespace /shop"},
	};
	struct kube_selector *labels = NULL, *namespace_labels = NULL;
	struct text why = {0};

	assert_int_equal(kube_selector_parse(&labels, "app=web", &why), 0);
	assert_int_equal(kube_selector_parse(&namespace_labels, "env", &why), 0);
	check_cases(pod_names, ARRAY_LEN(pod_names), &no_list,
		    &(struct kube_source_config){.endpoint_pod_names = true});
	check_cases(named, ARRAY_LEN(named), &no_list,
		    &(struct kube_source_config){.namespaces = namespaces, .n_namespaces = 2});
	check_cases(unnamed, ARRAY_LEN(unnamed), &no_list,
		    &(struct kube_source_config){.namespaces = others, .n_namespaces = 1});
	check_cases(selected, ARRAY_LEN(selected), &no_list,
		    &(struct kube_source_config){.labels = labels,
						 .namespace_labels = namespace_labels});
	kube_selector_free(labels);
	kube_selector_free(namespace_labels);
}

/* A list of n elements, each %u from 0 on, in front of and behind what is given. */
static char *build_list(const char *before, const char *element, const char *after, unsigned n)
{
	struct text text = {0};

	text_puts(&text, before);
	for (unsigned i = 0; i < n; i++) {
		text_puts(&text, i > 0 ? "," : "");
		for (const char *p = element; *p; p++) {
			if (*p == '#')
				text_printf(&text, "%u", i);
			else
				text_append(&text, p, 1);
		}
	}
	text_puts(&text, after);
	return text.bytes;
}

static void test_limits(void **state)
{
	static const struct {
		const char *element;
		unsigned n;
		const char *why; /* NULL: decoded */
		bool is_ports;
	} cases[] = {
		{"{\"name\":\"p#\",\"port\":1#}", 1000, NULL, true},
		{"{\"name\":\"p#\",\"port\":1#}", OBJECT_PORTS_MAX, NULL, true},
		{"{\"port\":1}", OBJECT_PORTS_MAX + 1, "spec.ports: more than 1024 ports", true},
		{"{\"addresses\":[\"10.1.0.1\"]}", OBJECT_ENDPOINTS_MAX, NULL, false},
		{"{\"addresses\":[\"10.1.0.1\"]}", OBJECT_ENDPOINTS_MAX + 1,
		 "endpoints[20000].addresses[0]: more than 20000 addresses", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *ports = build_list("{\"apiVersion\":\"v1\",\"kind\":\"Service\"," META(
						 "web") ",\"spec\":{\"ports\":[",
					 cases[i].element, "]}}", cases[i].n);
		char *slice = build_list(
			"{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\"," META(
				"web") ",\"addressType\":\"IPv4\",\"endpoints\":[",
			cases[i].element, "]}", cases[i].n);
		struct object_input input = no_list;
		struct object object = {0};
		struct text why = {0};
		size_t offset;

		input.bytes = cases[i].is_ports ? ports : slice;
		input.len = strlen(input.bytes);

		enum object_outcome outcome =
			object_decode(&object, &input, &with_pods, &why, &offset);

		if (outcome != (cases[i].why ? OBJECT_BROKEN : OBJECT_DECODED))
			fail_msg("case %zu: %s", i, why.bytes);
		if (cases[i].why)
			assert_string_equal(why.bytes, cases[i].why);
		object_fini(&object);
		text_fini(&why);
		free(ports);
		free(slice);
	}
}

static void test_timestamp(void **state)
{
	static const struct {
		const char *text;
		uint64_t want; /* 0: refused */
	} cases[] = {
		{"1970-01-01T00:00:01Z", 1000},
		{"2026-11-23T19:47:05Z", 1795463225000},
		{"2026-11-23T19:47:05.9Z", 1795463225900},
		{"2026-11-23T19:47:05.123456789Z", 1795463225123},
		{"2026-11-23T21:47:05+02:00", 1795463225000},
		{"2026-11-23T17:17:05.5-02:30", 1795463225500},
		{"2026-11-23T19:47:05", 0},
		{"2026-11-23 19:47:05Z", 0},
		{"2026-11-23T19:47:05+02", 0},
		{"2026-11-23T19:47:05+aa:bb", 0},
		{"1960-01-01T00:00:00Z", 0},
		{"yesterday", 0},
		{"", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint64_t got = 0;
		int error = timestamp_from_text(&got, cases[i].text);

		if (got != cases[i].want || (error == 0) != (cases[i].want != 0))
			fail_msg("%s gives %lu", cases[i].text, (unsigned long)got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),	  cmocka_unit_test(test_list_items),
		cmocka_unit_test(test_options),	  cmocka_unit_test(test_limits),
		cmocka_unit_test(test_timestamp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
