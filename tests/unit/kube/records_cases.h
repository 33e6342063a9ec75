/* SPDX-License-Identifier: Apache-2.0
 *
 * The cases of test_records.c, in its macros: name, options, states of the cluster one after the
 * other, the dump of the last.
 */
/* clang-format off */
#define WEB_A "web.shop.svc A 10.0.0.1\n"
#define WEB "10.0.0.1 PTR web.shop.svc\n_http._tcp.web.shop.svc SRV 80 web.shop.svc\n" \
	"shop NAMESPACE\n" WEB_A "web.shop.svc SRV 80 web.shop.svc\n"

{"nothing", PLAIN, {""}, ""},
{"cluster IP", PLAIN, {SERVICE("shop", "web", IP("10.0.0.1"))}, WEB},
{"dual stack, no ports", PLAIN, {SERVICE("shop", "web", "\"clusterIPs\":[\"10.0.0.1\",\"fd00::1\"]")},
	"10.0.0.1 PTR web.shop.svc\nfd00::1 PTR web.shop.svc\nshop NAMESPACE\nweb.shop.svc A 10.0.0.1\n"
	"web.shop.svc AAAA fd00::1\n"},
{"unnamed port", PLAIN, {SERVICE("shop", "web", "\"clusterIP\":\"10.0.0.1\",\"ports\":[{\"port\":53,\"protocol\":\"UDP\"}]")},
	"10.0.0.1 PTR web.shop.svc\nshop NAMESPACE\n" WEB_A "web.shop.svc SRV 53 web.shop.svc\n"},
{"changed address", PLAIN, {SERVICE("shop", "web", IP("10.0.0.9")), SERVICE("shop", "web", IP("10.0.0.1"))}, WEB},
{"no cluster IP yet", PLAIN, {SERVICE("shop", "web", IP("10.0.0.1")), SERVICE("shop", "web", IP(""))}, "shop NAMESPACE\n"},
{"removed", PLAIN, {SERVICE("shop", "web", IP("10.0.0.1")), ""}, ""},
{"headless", PLAIN, {SERVICE("shop", "web", HEADLESS) SLICE("a", "web", PORT, NAMED("10.1.0.1", "n") "," UNREADY("10.1.0.2"))},
	"10.1.0.1 PTR n.web.shop.svc\n_db._tcp.web.shop.svc SRV 5432 n.web.shop.svc\nn.web.shop.svc A 10.1.0.1\n"
	"n.web.shop.svc SRV 5432 n.web.shop.svc\nshop NAMESPACE\nweb.shop.svc A 10.1.0.1\nweb.shop.svc SRV 5432 n.web.shop.svc\n"},
{"headless, not ready", PLAIN, {SERVICE("shop", "web", HEADLESS) SLICE("a", "web", PORT, UNREADY("10.1.0.1"))}, "shop NAMESPACE\n"},
{"headless, slice gone", PLAIN, {SERVICE("shop", "web", HEADLESS) SLICE("a", "web", "", ENDPOINT("10.1.0.1")),
	SERVICE("shop", "web", HEADLESS)}, "shop NAMESPACE\n"},
{"slice without service", PLAIN, {SLICE("a", "web", PORT, ENDPOINT("10.1.0.1")) SLICE("b", "", PORT, ENDPOINT("10.1.0.2"))}, ""},
{"slices first", PLAIN, {SLICE("a", "web", "", ENDPOINT("10.1.0.1")),
	SLICE("a", "web", "", ENDPOINT("10.1.0.1")) SERVICE("shop", "web", HEADLESS)},
	"10-1-0-1.web.shop.svc A 10.1.0.1\n10.1.0.1 PTR 10-1-0-1.web.shop.svc\nshop NAMESPACE\nweb.shop.svc A 10.1.0.1\n"},
{"service gone, slices stay", PLAIN, {SERVICE("shop", "web", HEADLESS) SLICE("a", "web", "", ENDPOINT("10.1.0.1")),
	SLICE("a", "web", "", ENDPOINT("10.1.0.1"))}, ""},
{"address in two slices, one goes", PLAIN, {
	SERVICE("shop", "web", HEADLESS) SLICE("a", "web", "", ENDPOINT("10.1.0.1")) SLICE("b", "web", "", ENDPOINT("10.1.0.1")),
	SERVICE("shop", "web", HEADLESS) SLICE("b", "web", "", ENDPOINT("10.1.0.1"))},
	"10-1-0-1.web.shop.svc A 10.1.0.1\n10.1.0.1 PTR 10-1-0-1.web.shop.svc\nshop NAMESPACE\nweb.shop.svc A 10.1.0.1\n"},
{"slice moves to another service", PLAIN, {
	SERVICE("shop", "web", HEADLESS) SERVICE("shop", "db", HEADLESS) SLICE("a", "web", "", ENDPOINT("10.1.0.1")),
	SERVICE("shop", "web", HEADLESS) SERVICE("shop", "db", HEADLESS) SLICE("a", "db", "", ENDPOINT("10.1.0.1"))},
	"10-1-0-1.db.shop.svc A 10.1.0.1\n10.1.0.1 PTR 10-1-0-1.db.shop.svc\ndb.shop.svc A 10.1.0.1\nshop NAMESPACE\n"},
{"slices with different ports", PLAIN, {SERVICE("shop", "web", HEADLESS)
	SLICE("a", "web", PORT, NAMED("10.1.0.1", "x")) SLICE("b", "web", "{\"name\":\"db\",\"port\":1}", NAMED("10.1.0.2", "y"))},
	"10.1.0.1 PTR x.web.shop.svc\n10.1.0.2 PTR y.web.shop.svc\n_db._tcp.web.shop.svc SRV 1 y.web.shop.svc\n"
	"_db._tcp.web.shop.svc SRV 5432 x.web.shop.svc\nshop NAMESPACE\nweb.shop.svc A 10.1.0.1\nweb.shop.svc A 10.1.0.2\n"
	"web.shop.svc SRV 1 y.web.shop.svc\nweb.shop.svc SRV 5432 x.web.shop.svc\nx.web.shop.svc A 10.1.0.1\n"
	"x.web.shop.svc SRV 5432 x.web.shop.svc\ny.web.shop.svc A 10.1.0.2\ny.web.shop.svc SRV 1 y.web.shop.svc\n"},
{"endpoints of a cluster IP", PLAIN, {SERVICE("shop", "web", "\"clusterIP\":\"10.0.0.1\"") SLICE("a", "web", "", NAMED("10.1.0.1", "n"))},
	"10.0.0.1 PTR web.shop.svc\n10.1.0.1 PTR n.web.shop.svc\nn.web.shop.svc A 10.1.0.1\nshop NAMESPACE\n" WEB_A},
{"Endpoints where there is no slice", PLAIN, {SERVICE("shop", "web", HEADLESS) ENDPOINTS("web", "{\"addresses\":[{\"ip\":\"10.1.0.1\"}]}")},
	"10-1-0-1.web.shop.svc A 10.1.0.1\n10.1.0.1 PTR 10-1-0-1.web.shop.svc\nshop NAMESPACE\nweb.shop.svc A 10.1.0.1\n"},
{"a slice hides Endpoints, even an empty one", PLAIN, {
	SERVICE("shop", "web", HEADLESS) ENDPOINTS("web", "{\"addresses\":[{\"ip\":\"10.1.0.1\"}]}"),
	SERVICE("shop", "web", HEADLESS) ENDPOINTS("web", "{\"addresses\":[{\"ip\":\"10.1.0.1\"}]}") SLICE("a", "web", "", "")},
	"shop NAMESPACE\n"},
{"external name", PLAIN, {SERVICE("shop", "web", ALIAS("Db.example.")) SLICE("a", "web", "", ENDPOINT("10.1.0.1"))},
	"shop NAMESPACE\nweb.shop.svc CNAME Db.example.\n"},
{"external name spelled like an address", PLAIN, {SERVICE("shop", "web", IP("10.0.0.1")),
	SERVICE("shop", "web", ALIAS("192.0.2.1")) SLICE("a", "web", "", ENDPOINT("10.1.0.1"))}, "shop NAMESPACE\n"},
{"external name turned cluster IP", PLAIN, {SERVICE("shop", "web", ALIAS("db.example")), SERVICE("shop", "web", IP("10.0.0.1"))}, WEB},
{"and back", PLAIN, {SERVICE("shop", "web", ALIAS("db.example")), SERVICE("shop", "web", IP("10.0.0.1")),
	SERVICE("shop", "web", ALIAS("db.example"))}, "shop NAMESPACE\nweb.shop.svc CNAME db.example.\n"},
{"renamed, same address", PLAIN, {SERVICE("shop", "old", IP("10.0.0.1")), SERVICE("shop", "web", IP("10.0.0.1"))}, WEB},
{"namespaces", PLAIN, {NAMESPACE("shop", "") NAMESPACE("gone", ""), NAMESPACE("shop", "") NAMESPACE("blue", "")},
	"blue NAMESPACE\nshop NAMESPACE\n"},
{"namespace of a service stays when its object goes", PLAIN, {
	NAMESPACE("shop", "") SERVICE("shop", "web", IP("10.0.0.1")), SERVICE("shop", "web", IP("10.0.0.1"))}, WEB},
{"pods are not wanted", PLAIN, {POD("shop", "p", "10.2.0.1")}, ""},
{"pods", WITH_PODS, {POD("shop", "p", "10.2.0.1") POD("blue", "p", "10.2.0.1"), POD("shop", "p", "10.2.0.2") POD("shop", "q", "10.2.0.1")},
	"shop NAMESPACE\nshop POD 10.2.0.1\nshop POD 10.2.0.2\n"},
{"two pods of an address, one goes", WITH_PODS, {POD("shop", "p", "10.2.0.1") POD("shop", "q", "10.2.0.1"), POD("shop", "q", "10.2.0.1")},
	"shop NAMESPACE\nshop POD 10.2.0.1\n"},
{"noendpoints", NO_ENDPOINTS, {SERVICE("shop", "web", IP("10.0.0.1")) SERVICE("shop", "db", HEADLESS)
	SLICE("a", "web", "", NAMED("10.1.0.1", "n")) SLICE("b", "db", "", NAMED("10.1.0.1", "n"))}, WEB},
{"ignore empty_service", IGNORE_EMPTY, {SERVICE("shop", "web", IP("10.0.0.1")) SERVICE("shop", "x", ALIAS("db.example"))
	SLICE("a", "web", "", UNREADY("10.1.0.1"))}, "shop NAMESPACE\nx.shop.svc CNAME db.example.\n"},
{"ignore empty_service, no longer empty", IGNORE_EMPTY, {SERVICE("shop", "web", "\"clusterIP\":\"10.0.0.1\""),
	SERVICE("shop", "web", "\"clusterIP\":\"10.0.0.1\"") SLICE("a", "web", "", NAMED("10.1.0.1", "n"))},
	"10.0.0.1 PTR web.shop.svc\n10.1.0.1 PTR n.web.shop.svc\nn.web.shop.svc A 10.1.0.1\nshop NAMESPACE\n" WEB_A},
{"labels", LABELS, {SERVICE("shop", "db", IP("10.0.0.2")) LABELLED("blue", "web", "\"app\":\"web\"", IP("10.0.0.1"))
	POD("shop", "p", "10.2.0.1") NAMESPACE("red", "")},
	"10.0.0.1 PTR web.blue.svc\n_http._tcp.web.blue.svc SRV 80 web.blue.svc\nblue NAMESPACE\nred NAMESPACE\n"
	"web.blue.svc A 10.0.0.1\nweb.blue.svc SRV 80 web.blue.svc\n"},
{"label comes", LABELS, {SERVICE("shop", "web", IP("10.0.0.1")), LABELLED("shop", "web", "\"app\":\"web\"", IP("10.0.0.1"))}, WEB},
{"label goes", LABELS, {LABELLED("shop", "web", "\"app\":\"web\"", IP("10.0.0.1")), SERVICE("shop", "web", IP("10.0.0.1"))}, ""},
{"namespace_labels", NAMESPACE_LABELS, {NAMESPACE("shop", "\"env\":\"prod\"") NAMESPACE("blue", "\"env\":\"dev\"")
	SERVICE("shop", "web", IP("10.0.0.1")) SERVICE("blue", "web", IP("10.0.0.2")) SERVICE("none", "web", IP("10.0.0.3"))
	POD("blue", "p", "10.2.0.1")}, WEB},
{"namespace_labels come", NAMESPACE_LABELS, {
	NAMESPACE("shop", "") SERVICE("shop", "web", IP("10.0.0.1")) POD("shop", "p", "10.2.0.1"),
	NAMESPACE("shop", "\"env\":\"prod\"") SERVICE("shop", "web", IP("10.0.0.1")) POD("shop", "p", "10.2.0.1")},
	"10.0.0.1 PTR web.shop.svc\n_http._tcp.web.shop.svc SRV 80 web.shop.svc\nshop NAMESPACE\nshop POD 10.2.0.1\n"
	"web.shop.svc A 10.0.0.1\nweb.shop.svc SRV 80 web.shop.svc\n"},
{"namespace_labels go", NAMESPACE_LABELS, {
	NAMESPACE("shop", "\"env\":\"prod\"") SERVICE("shop", "web", IP("10.0.0.1")) POD("shop", "p", "10.2.0.1"),
	NAMESPACE("shop", "\"env\":\"dev\"") SERVICE("shop", "web", IP("10.0.0.1")) POD("shop", "p", "10.2.0.1")}, ""},
{"one namespace", ONE_NAMESPACE, {NAMESPACE("blue", "") SERVICE("shop", "web", IP("10.0.0.1")) SERVICE("blue", "web", IP("10.0.0.2"))}, WEB},
