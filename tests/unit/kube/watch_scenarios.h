/* SPDX-License-Identifier: Apache-2.0
 *
 * The scenarios of test_watch.c, in its macros.
 */
/* clang-format off */
{"a streaming list becomes the watch", WATCH_SERVICES, {
	{FAULT, "kubernetes: services: the first list is not in yet"},
	FOLLOWING, {FAULT, ""},
	{DATA, ADDED("db", "10.0.0.2", "6") MODIFIED("web", "10.0.0.9", "7")}, {TABLE, "db=10.0.0.2 web=10.0.0.9 "},
	{DATA, DELETED("web", "10.0.0.9", "8")}, {TABLE, "db=10.0.0.2 "},
	{DATA, DELETED("web", "10.0.0.9", "8") ADDED("db", "10.0.0.2", "6")}, {TABLE, "db=10.0.0.2 "}, {ERRORS, .ms = 0},
}},
{"no streaming lists: pages", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 422},
	{DATA, STATUS("422", "Invalid", "sendInitialEvents: Forbidden")}, {OVER},
	{LINES, "listing in pages"},
	{GET, SERVICES "?limit=500"}, {HEAD, .status = 200},
	{DATA, PAGE("10", TOKEN("a+b/c="), ITEM("web", "10.0.0.1") "," ITEM("db", "10.0.0.2"))}, {OVER},
	{FAULT, "kubernetes: services: the first list is not in yet"},
	{GET, SERVICES "?limit=500&continue=a%2Bb%2Fc%3D"}, {HEAD, .status = 200},
	{DATA, PAGE("10", "", ITEM("x", "10.0.0.3"))}, {OVER},
	{FAULT, ""}, {TABLE, "db=10.0.0.2 web=10.0.0.1 x=10.0.0.3 "}, {LINES, "3 objects listed, in pages"},
	{GET, WATCH_FROM(SERVICES, "10")}, {HEAD, .status = 200},
	{DATA, ADDED("y", "10.0.0.4", "11")}, {TABLE, "db=10.0.0.2 web=10.0.0.1 x=10.0.0.3 y=10.0.0.4 "},
}},
{"an old server never ends a streaming list", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, ADDED("web", "10.0.0.1", "3")},
	{AFTER, .ms = 15000}, {LINES, "no end of the streaming list"},
	{FRESH, SERVICES "?limit=500"}, {HEAD, .status = 200}, {DATA, PAGE("10", "", "")}, {OVER}, {FRESH, WATCH_FROM(SERVICES, "10")},
	{HEAD, .status = 200}, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "10")},
}},
{"an empty list is a list", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, INITIAL_END("5")}, {FAULT, ""}, {TABLE, ""},
}},
{"items are null", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 400}, {OVER}, {GET, SERVICES "?limit=500"}, {HEAD, .status = 200},
	{DATA, "{\"kind\":\"ServiceList\",\"metadata\":{\"resourceVersion\":\"4\"},\"items\":null}"}, {OVER},
	{FAULT, ""}, {GET, WATCH_FROM(SERVICES, "4")},
}},
{"a list without version is none", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 400}, {OVER}, {GET, SERVICES "?limit=500"}, {HEAD, .status = 200},
	{LAST, "{\"kind\":\"ServiceList\",\"metadata\":{},\"items\":[]}"},
	{FAULT, "kubernetes: services: list services: the list has no resourceVersion"}, {RETRY, .ms = 200},
	{GET, SERVICES "?limit=500"},
}},
{"its time is over: taken up at once", WATCH_SERVICES, {
	FOLLOWING, {AFTER, .ms = 60000}, {DATA, BOOKMARK("20")}, {AFTER, .ms = 60000}, {DATA, BOOKMARK("21")},
	{AFTER, .ms = 60000}, {DATA, BOOKMARK("22")}, {AFTER, .ms = 60000}, {DATA, BOOKMARK("23")},
	{AFTER, .ms = 60000}, {DATA, BOOKMARK("24")}, {AFTER, .ms = 60000}, {DATA, BOOKMARK("25")},
	{AFTER, .ms = 60000}, {DATA, BOOKMARK("26")}, {AFTER, .ms = 60000}, {DATA, BOOKMARK("27")},
	{AFTER, .ms = 60000}, {DATA, BOOKMARK("28")}, {AFTER, .ms = 59900}, {DATA, BOOKMARK("29")}, {OVER},
	{GET, WATCH_FROM(SERVICES, "29")}, {LINES, ""},
}},
{"ended early: verified, then taken up", WATCH_SERVICES, {
	FOLLOWING, {AFTER, .ms = 7000}, {DATA, BOOKMARK("20")}, {OVER}, {LINES, "the server ended it early; the last known data is served"},
	{RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "20")}, {HEAD, .status = 200}, {DATA, PAGE("30", "", ITEM("web", "10.0.0.1"))}, {OVER},
	{GET, WATCH_FROM(SERVICES, "20")}, {HEAD, .status = 200}, {TABLE, "web=10.0.0.1 "},
	{DATA, DELETED("web", "10.0.0.1", "25")}, {TABLE, ""}, {LINES, "watched again"},
}},
{"an outage: the last known data is served", WATCH_SERVICES, {
	FOLLOWING, {BROKEN, "Connection reset by peer"}, {LINES, "watch services: Connection reset by peer; the last known data is served"},
	{RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {BROKEN, "Connection refused"}, {LINES, "list services: Connection refused"},
	{RETRY, .ms = 400}, {GET, VERIFY(SERVICES, "5")}, {BROKEN, "Connection refused"}, {LINES, ""},
	{RETRY, .ms = 800}, {GET, VERIFY(SERVICES, "5")}, {BROKEN, "Connection refused"},
	{RETRY, .ms = 1600}, {GET, VERIFY(SERVICES, "5")}, {BROKEN, "Connection refused"},
	{RETRY, .ms = 3000}, {GET, VERIFY(SERVICES, "5")}, {TABLE, "web=10.0.0.1 "}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER},
	{GET, WATCH_FROM(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, ADDED("x", "10.0.0.2", "6")}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "},
}},
{"an hour of silence", WATCH_SERVICES, {
	FOLLOWING, {AFTER, .ms = 74999}, {GET, LIST_STREAM(SERVICES)}, {AFTER, .ms = 1},
	{LINES, "neither event nor bookmark for 75 s"}, {FRESH, VERIFY(SERVICES, "5")}, {AFTER, .ms = 14999}, {FRESH, VERIFY(SERVICES, "5")}, {AFTER, .ms = 1}, {NONE},
	{LINES, "list services: no answer for 15 s"}, {RETRY, .ms = 200}, {FRESH, VERIFY(SERVICES, "5")},
	{AFTER, .ms = 3600 * 1000}, {TABLE, "web=10.0.0.1 "}, {FAULT, ""},
}},
{"the version is of the future", WATCH_SERVICES, {
	FOLLOWING, {DATA, BOOKMARK("9")}, {OVER}, {RETRY, .ms = 200},
	{GET, VERIFY(SERVICES, "9")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER}, {GET, WATCH_FROM(SERVICES, "9")}, {HEAD, .status = 200},
	{AFTER, .ms = 75000}, {LINES, "neither event nor bookmark"},
	{FRESH, VERIFY(SERVICES, "9")}, {HEAD, .status = 504}, {DATA, TOO_LARGE}, {OVER}, {LINES, "listing again: the server has not reached our version"},
	{RETRY, .ms = 200}, {FRESH, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, ADDED("old", "10.0.0.7", "4")},
	{TABLE, "old=10.0.0.7 web=10.0.0.1 "}, {DATA, INITIAL_END("5")}, {TABLE, "old=10.0.0.7 "},
}},
{"the server's version is behind ours", WATCH_SERVICES, {
	FOLLOWING, {DATA, BOOKMARK("9")}, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "9")}, {HEAD, .status = 200}, {DATA, PAGE("8", "", ITEM("old", "10.0.0.7"))}, {OVER},
	{LINES, "listing again: the server has not reached our version"}, {RETRY, .ms = 400}, {GET, LIST_STREAM(SERVICES)},
}},
{"versions that are no numbers", WATCH_SERVICES, {
	FOLLOWING, {DATA, BOOKMARK("b")}, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "b")}, {HEAD, .status = 200}, {DATA, PAGE("a", "", "")}, {OVER},
	{GET, WATCH_FROM(SERVICES, "b")},
}},
{"what verifies is no list", WATCH_SERVICES, {
	FOLLOWING, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, "<html>"}, {OVER},
	{LINES, "list services: the answer is no list"}, {RETRY, .ms = 400}, {GET, VERIFY(SERVICES, "5")},
}},
{"410 as a status", WATCH_SERVICES, {
	FOLLOWING, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 410}, {DATA, STATUS("410", "Expired", "too old resource version: 5 (9)")}, {OVER},
	{LINES, "410 Expired"}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200},
	{DATA, ADDED("x", "10.0.0.2", "8")}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "},
	{DATA, INITIAL_END("9")}, {TABLE, "x=10.0.0.2 "},
}},
{"410 as an event", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)},
	{TABLE, "web=10.0.0.1 "}, {HEAD, .status = 200}, {DATA, ADDED("web", "10.0.0.1", "3") INITIAL_END("9")}, {TABLE, "web=10.0.0.1 "},
	{LINES, "410 Expired"},
}},
{"410 when it is asked for the watch", WATCH_SERVICES, {
	FOLLOWING, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER},
	{GET, WATCH_FROM(SERVICES, "5")}, {HEAD, .status = 410}, {DATA, STATUS("410", "Gone", "too old")}, {OVER}, {RETRY, .ms = 400},
	{GET, LIST_STREAM(SERVICES)},
}},
{"pages expire: once more, then all in one", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 422}, {OVER}, {GET, SERVICES "?limit=500"}, {HEAD, .status = 200},
	{DATA, PAGE("10", TOKEN("t"), ITEM("web", "10.0.0.1"))}, {OVER}, {GET, SERVICES "?limit=500&continue=t"}, {HEAD, .status = 410}, {OVER},
	{RETRY, .ms = 200}, {GET, SERVICES "?limit=500"}, {HEAD, .status = 200}, {DATA, PAGE("20", TOKEN("u"), ITEM("x", "10.0.0.2"))}, {OVER},
	{GET, SERVICES "?limit=500&continue=u"}, {HEAD, .status = 410}, {OVER}, {RETRY, .ms = 400},
	{GET, SERVICES}, {HEAD, .status = 200}, {DATA, PAGE("30", "", ITEM("x", "10.0.0.2"))}, {OVER}, {GET, WATCH_FROM(SERVICES, "30")}, {FAULT, ""},
}},
{"a list that breaks off is listed again", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200},
	{DATA, ADDED("x", "10.0.0.2", "8")}, {OVER}, {LINES, "the response ended early"}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "},
	{RETRY, .ms = 400}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, ADDED("y", "10.0.0.3", "8") INITIAL_END("9")}, {TABLE, "y=10.0.0.3 "},
}},
{"after an outage the list does not wait as long again", WATCH_SERVICES, {
	FOLLOWING, {BROKEN, "reset"}, {RETRY, .ms = 200}, {BROKEN, "refused"}, {RETRY, .ms = 400}, {BROKEN, "refused"}, {RETRY, .ms = 800},
	{BROKEN, "refused"}, {RETRY, .ms = 1600}, {BROKEN, "refused"}, {RETRY, .ms = 2500}, {BROKEN, "refused"}, {AFTER, .ms = 1249}, {NONE}, {RETRY, .ms = 1251},
	{GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 410}, {OVER}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 500}, {OVER},
	{RETRY, .ms = 400}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, INITIAL_END("9")}, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))},
	{AFTER, .ms = 199}, {NONE}, {RETRY, .ms = 201}, {GET, LIST_STREAM(SERVICES)},
}},
{"halfway between two lists", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, ADDED("web", "10.0.0.1", "3")}, {PARTIAL, .ms = 0}, {DATA, INITIAL_END("5")},
	{DATA, ADDED("x", "10.0.0.2", "6")}, {PARTIAL, .ms = 0}, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200},
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 403}, {OVER}, {PARTIAL, .ms = 0}, {RETRY, .ms = 400},
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {PARTIAL, .ms = 0}, {DATA, ADDED("x", "10.0.0.2", "8")}, {PARTIAL, .ms = 1},
	{OVER}, {PARTIAL, .ms = 1}, {RETRY, .ms = 800}, {GET, LIST_STREAM(SERVICES)}, {PARTIAL, .ms = 1}, {HEAD, .status = 200},
	{DATA, ADDED("x", "10.0.0.2", "8") INITIAL_END("9")}, {PARTIAL, .ms = 0}, {TABLE, "x=10.0.0.2 "},
}},
{"halfway for too long", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200},
	{DATA, ADDED("x", "10.0.0.2", "8")}, {AFTER, .ms = 14000}, {DATA, ADDED("y", "10.0.0.3", "8")}, {AFTER, .ms = 14000}, {PARTIAL, .ms = 1},
	{DATA, ADDED("z", "10.0.0.4", "8")}, {AFTER, .ms = 2000}, {PARTIAL, .ms = 0}, {DATA, INITIAL_END("9")}, {PARTIAL, .ms = 0},
}},
{"401: the credentials are read again", WATCH_SERVICES, {
	FOLLOWING, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 401}, {DATA, STATUS("401", "Unauthorized", "Unauthorized")}, {OVER},
	{LINES, "list services: HTTP 401 Unauthorized: Unauthorized"}, {RETRY, .ms = 400}, {DENIED, VERIFY(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER},
	{GET, WATCH_FROM(SERVICES, "5")},
}},
{"403 names the rule", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 403}, {DATA, STATUS("403", "Forbidden", "services is forbidden")}, {OVER},
	{FAULT, "kubernetes: services: watch services: HTTP 403 Forbidden: services is forbidden; the ClusterRole lacks the rule "
		"{apiGroups: [\"\"], resources: [\"services\"], verbs: [\"list\", \"watch\"]}"},
	{RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)},
}},
{"429 waits as long as is said", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 429, .ms = 7}, {OVER}, {AFTER, .ms = 6999}, {NONE}, {RETRY, .ms = 201}, {GET, LIST_STREAM(SERVICES)},
	{HEAD, .status = 429}, {DATA, "{\"kind\":\"Status\",\"code\":429,\"details\":{\"retryAfterSeconds\":3}}"}, {OVER}, {AFTER, .ms = 2999}, {NONE},
	{RETRY, .ms = 401}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 503, .ms = 4000000000}, {OVER}, {AFTER, .ms = 299999}, {NONE},
	{RETRY, .ms = 801}, {GET, LIST_STREAM(SERVICES)},
}},
{"500 with words of a proxy", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 502}, {DATA, "Bad Gateway\nof many lines"}, {OVER},
	{FAULT, "kubernetes: services: watch services: HTTP 502: Bad Gateway"},
}},
{"no credentials yet", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {BROKEN, "x"}, {REFUSE, "token /t: No such file or directory"}, {RETRY, .ms = 200}, {NONE},
	{FAULT, "kubernetes: services: token /t: No such file or directory"}, {RETRY, .ms = 400}, {GET, LIST_STREAM(SERVICES)},
}},
{"a line of garbage", WATCH_SERVICES, {
	FOLLOWING, {LAST, ADDED("x", "10.0.0.2", "6") "garbage\n"}, {LINES, "line 4 of the response: expected a JSON object"}, {ERRORS, .ms = 1}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "},
	{RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "6")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER}, {GET, WATCH_FROM(SERVICES, "6")}, {HEAD, .status = 200},
	{LAST, "]"}, {RETRY, .ms = 400}, {GET, VERIFY(SERVICES, "6")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER}, {GET, WATCH_FROM(SERVICES, "6")}, {HEAD, .status = 200},
	{LAST, "]"}, {RETRY, .ms = 800}, {GET, LIST_STREAM(SERVICES)}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "},
}},
{"cut in the middle of an object", WATCH_SERVICES, {
	FOLLOWING, {DATA, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Serv"}, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER},
	{GET, WATCH_FROM(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, ADDED("x", "10.0.0.2", "6")}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "}, {ERRORS, .ms = 0},
}},
{"objects that cannot be decoded", WATCH_SERVICES, {
	FOLLOWING, {DATA, MODIFIED("web", "ten", "6") EVENT("ADDED", "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{}}")
		EVENT("FLOWN", SERVICE("x", "10.0.0.2", "7")) "{\"type\":\"ADDED\"}" "{\"type\":3,\"object\":{}}" "{\"type\":\"ADDED\",\"object\":{\"a\":nu}}"},
	{TABLE, "web=10.0.0.1 "}, {LINES, "Service shop/web is skipped: spec.clusterIP: not an address"}, {ERRORS, .ms = 6},
	{DATA, EVENT("ADDED", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{}}") EVENT("ADDED", "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"}}")},
	{DATA, ADDED("x", "10.0.0.2", "8")}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "},
}},
{"a list with a nameless object sweeps nothing", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200},
	{DATA, EVENT("ADDED", "{\"kind\":\"Service\",\"apiVersion\":\"v1\",\"metadata\":{}}") ADDED("x", "10.0.0.2", "8") INITIAL_END("9")},
	{TABLE, "web=10.0.0.1 x=10.0.0.2 "},
}},
{"an error event that is no 410", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("500", "InternalError", "etcd"))}, {LINES, "watch services: HTTP 500 InternalError: etcd"}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")},
}},
{"a slow drip is no silence of a list", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {AFTER, .ms = 14000}, {DATA, "{\"type\":"}, {AFTER, .ms = 14000}, {DATA, "\"ADDED\","},
	{AFTER, .ms = 14000}, {DATA, "\"object\":" SERVICE("web", "10.0.0.1", "3") "}"}, {AFTER, .ms = 14000}, {DATA, INITIAL_END("5")}, {TABLE, "web=10.0.0.1 "}, {FAULT, ""},
}},
{"a drip that makes no event is silence of a watch", WATCH_SERVICES, {
	FOLLOWING, {AFTER, .ms = 40000}, {DATA, "{\"type\":"}, {AFTER, .ms = 34999}, {DATA, "\"ADDED\","}, {AFTER, .ms = 1}, {FRESH, VERIFY(SERVICES, "5")},
}},
{"slices: v1", WATCH_ENDPOINTS, {
	{GET, GROUP}, {HEAD, .status = 200}, {DATA, GROUP_WITH(VERSION("v1") "," VERSION("v1beta1"))}, {OVER}, {GET, LIST_STREAM(SLICES)},
}},
{"slices: v1beta1", WATCH_ENDPOINTS, {
	{GET, GROUP}, {HEAD, .status = 200}, {DATA, GROUP_WITH(VERSION("v1beta1"))}, {OVER}, {GET, LIST_STREAM("/apis/discovery.k8s.io/v1beta1/endpointslices")},
	{HEAD, .status = 400}, {OVER}, {GET, "/apis/discovery.k8s.io/v1beta1/endpointslices?limit=500"}, {HEAD, .status = 200},
	{DATA, "{\"kind\":\"EndpointSliceList\",\"metadata\":{\"resourceVersion\":\"4\"},\"items\":[]}"}, {OVER},
	{GET, WATCH_FROM("/apis/discovery.k8s.io/v1beta1/endpointslices", "4")}, {HEAD, .status = 404}, {DATA, "404 page not found"}, {OVER},
	{LINES, "not served any more"}, {RETRY, .ms = 200}, {GET, GROUP}, {HEAD, .status = 200}, {DATA, GROUP_WITH(VERSION("v1"))}, {OVER}, {GET, SLICES "?limit=500"},
}},
{"slices: none", WATCH_ENDPOINTS, {
	{GET, GROUP}, {HEAD, .status = 404}, {DATA, "404 page not found\n"}, {OVER}, {GET, LIST_STREAM("/api/v1/endpoints")}, {FAULT, "kubernetes: endpoints: the first list is not in yet"},
}},
{"slices: nobody knows", WATCH_ENDPOINTS, {
	{GET, GROUP}, {HEAD, .status = 500}, {OVER}, {FAULT, "kubernetes: endpointslices: discover endpointslices: HTTP 500"}, {RETRY, .ms = 200},
	{GET, GROUP}, {HEAD, .status = 200}, {DATA, "<html>"}, {OVER}, {FAULT, "kubernetes: endpointslices: discover endpointslices: the answer is no APIGroup"}, {RETRY, .ms = 400},
	{GET, GROUP}, {HEAD, .status = 403}, {OVER}, {GET, LIST_STREAM(SLICES)},
}},
{"another cluster answers", WATCH_NAMESPACES, {
	{GET, LIST_STREAM(NAMESPACES)}, {HEAD, .status = 200}, {DATA, NAMESPACE("ADDED", "kube-system", "u-1", "2") NAMESPACE("ADDED", "shop", "u-3", "3") INITIAL_END("5")},
	{OVER}, {RETRY, .ms = 200}, {GET, NAMESPACES "?fieldSelector=metadata.name%3Dkube-system&limit=1"}, {HEAD, .status = 200},
	{DATA, "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"metadata\":{\"name\":\"kube-system\",\"uid\":\"u-1\"}}]}"}, {OVER},
	{GET, WATCH_FROM(NAMESPACES, "5")}, {OTHERS, .ms = 0}, {BROKEN, "reset"}, {RETRY, .ms = 400},
	{GET, NAMESPACES "?fieldSelector=metadata.name%3Dkube-system&limit=1"}, {HEAD, .status = 200},
	{DATA, "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"metadata\":{\"name\":\"kube-system\",\"uid\":\"u-2\"}}]}"}, {OVER},
	{OTHERS, .ms = 1}, {LINES, "another cluster answers"}, {RETRY, .ms = 800}, {GET, LIST_STREAM(NAMESPACES)}, {HEAD, .status = 200},
	{DATA, NAMESPACE("ADDED", "kube-system", "u-2", "2") INITIAL_END("9")}, {OTHERS, .ms = 1},
	{DATA, NAMESPACE("MODIFIED", "kube-system", "u-4", "10")}, {OTHERS, .ms = 2},
}},
{"told of another cluster", WATCH_SERVICES, {
	FOLLOWING, {RELIST}, {NONE}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {RELIST}, {GET, LIST_STREAM(SERVICES)}, {TABLE, "web=10.0.0.1 "},
}},
{"what only a list that broke off had is not there", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, ADDED("gone", "10.0.0.9", "2")}, {BROKEN, "Connection reset by peer"},
	{RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, ADDED("web", "10.0.0.1", "3") INITIAL_END("5")},
	{FAULT, ""}, {TABLE, "web=10.0.0.1 "},
}},
{"an event of a list that cannot be read sweeps nothing", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200},
	{DATA, "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Service\",\"a\":nu}}\n" ADDED("x", "10.0.0.2", "8") INITIAL_END("9")},
	{ERRORS, .ms = 1}, {TABLE, "web=10.0.0.1 x=10.0.0.2 "},
}},
{"an error event again and again: listed again", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("500", "InternalError", "PrevKv=nil"))}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER},
	{GET, WATCH_FROM(SERVICES, "5")}, {HEAD, .status = 200}, {LAST, EVENT("ERROR", STATUS("500", "InternalError", "PrevKv=nil"))},
	{RETRY, .ms = 400}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER}, {GET, WATCH_FROM(SERVICES, "5")}, {HEAD, .status = 200},
	{LAST, EVENT("ERROR", STATUS("500", "InternalError", "PrevKv=nil"))}, {RETRY, .ms = 800}, {GET, LIST_STREAM(SERVICES)}, {TABLE, "web=10.0.0.1 "},
}},
{"a busy old server never ends a streaming list", WATCH_SERVICES, {
	{GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200}, {DATA, ADDED("web", "10.0.0.1", "3")},
	{AFTER, .ms = 14000}, {DATA, MODIFIED("web", "10.0.0.2", "4")}, {AFTER, .ms = 14000}, {DATA, MODIFIED("web", "10.0.0.3", "5")},
	{AFTER, .ms = 14000}, {DATA, MODIFIED("web", "10.0.0.4", "6")}, {AFTER, .ms = 14000}, {DATA, BOOKMARK("7")}, {GET, LIST_STREAM(SERVICES)},
	{AFTER, .ms = 4000}, {LINES, "no end of the streaming list"}, {FRESH, SERVICES "?limit=500"},
}},
{"a refusal that breaks off after its head", WATCH_SERVICES, {
	FOLLOWING, {OVER}, {RETRY, .ms = 200}, {GET, VERIFY(SERVICES, "5")}, {HEAD, .status = 200}, {DATA, PAGE("99", "", "")}, {OVER}, {GET, WATCH_FROM(SERVICES, "5")},
	{HEAD, .status = 500}, {DATA, "etcd"}, {AFTER, .ms = 15000}, {NONE}, {RETRY, .ms = 400}, {FRESH, VERIFY(SERVICES, "5")},
}},
{"each watch brings something, then 410: no storm of lists", WATCH_SERVICES, {
	FOLLOWING, {DATA, BOOKMARK("6")}, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 200},
	{DATA, INITIAL_END("9") BOOKMARK("10")}, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {AFTER, .ms = 199}, {NONE}, {RETRY, .ms = 201}, {GET, LIST_STREAM(SERVICES)},
	{HEAD, .status = 200}, {DATA, INITIAL_END("11") BOOKMARK("12")}, {AFTER, .ms = 5000}, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)},
}},
{"a list of something else sweeps nothing", WATCH_SERVICES, {
	FOLLOWING, {LAST, EVENT("ERROR", STATUS("410", "Expired", "too old"))}, {RETRY, .ms = 200}, {GET, LIST_STREAM(SERVICES)}, {HEAD, .status = 422}, {OVER}, {GET, SERVICES "?limit=500"}, {HEAD, .status = 200},
	{LAST, "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}"}, {TABLE, "web=10.0.0.1 "},
	{LINES, "list services: the answer is no ServiceList"}, {RETRY, .ms = 400}, {GET, SERVICES "?limit=500"}, {HEAD, .status = 200},
	{LAST, "{\"kind\":\"ServiceList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"}}"}, {TABLE, "web=10.0.0.1 "},
}},
{"another server's 404 does not tell which resources there are", WATCH_ENDPOINTS, {
	{GET, GROUP}, {HEAD, .status = 404}, {DATA, "default backend - 404"}, {OVER},
	{FAULT, "kubernetes: endpointslices: discover endpointslices: HTTP 404: default backend - 404"}, {RETRY, .ms = 200},
	{GET, GROUP}, {HEAD, .status = 404}, {DATA, "<html><h1>404 Not Found</h1>"}, {OVER}, {RETRY, .ms = 400},
	{GET, GROUP}, {HEAD, .status = 404}, {DATA, "404 page not found\n"}, {OVER}, {GET, LIST_STREAM("/api/v1/endpoints")},
}},
{"a Status says that there is no such group", WATCH_ENDPOINTS, {
	{GET, GROUP}, {HEAD, .status = 404}, {DATA, STATUS("404", "NotFound", "the server could not find the requested resource")}, {OVER}, {GET, LIST_STREAM("/api/v1/endpoints")},
}},
{"another cluster without its namespace kube-system in sight", WATCH_NAMESPACES, {
	{GET, LIST_STREAM(NAMESPACES)}, {HEAD, .status = 200}, {DATA, NAMESPACE("ADDED", "shop", "u-3", "3") INITIAL_END("5")},
	{OVER}, {RETRY, .ms = 200}, {GET, NAMESPACES "?fieldSelector=metadata.name%3Dkube-system&limit=1"}, {HEAD, .status = 200},
	{DATA, "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"metadata\":{\"name\":\"kube-system\",\"uid\":\"u-1\"}}]}"}, {OVER},
	{GET, WATCH_FROM(NAMESPACES, "5")}, {OTHERS, .ms = 0}, {BROKEN, "reset"}, {RETRY, .ms = 400},
	{GET, NAMESPACES "?fieldSelector=metadata.name%3Dkube-system&limit=1"}, {HEAD, .status = 200},
	{DATA, "{\"kind\":\"NamespaceList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"metadata\":{\"name\":\"kube-system\",\"uid\":\"u-2\"}}]}"}, {OVER},
	{OTHERS, .ms = 1}, {RETRY, .ms = 800}, {GET, LIST_STREAM(NAMESPACES)},
}},
