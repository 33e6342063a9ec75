/* SPDX-License-Identifier: Apache-2.0
 *
 * URLs of servers and proxies: what is accepted becomes what, what is refused and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "endpoint.h"
#include "kube/kube.h"

#define HOST63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BAD_HOST "the URL has no host, or one that cannot be"
#define BAD_PORT "the URL's port is no number from 1 to 65535"
#define BAD_PATH "the URL's path has a byte that no path has"
#define QUERY "the URL has a query or a fragment"

/* The server and, when it is accepted, " label". */
static const struct {
	const char *url;
	bool is_tls;
	const char *want;
} server_cases[] = {
	{"https://10.96.0.1:443", false, "https://10.96.0.1:443 10.96.0.1:443"},
	{"https://10.96.0.1", false, "https://10.96.0.1:443 10.96.0.1:443"},
	{"http://a.test", false, "http://a.test:80 a.test:80"},
	{"http://a.test", true, "http://a.test:80 a.test:80"},
	{"HTTPS://A.test/", false, "https://A.test:443 A.test:443"},
	{"https://[fd00::1]:6443", false, "https://[fd00::1]:6443 [fd00::1]:6443"},
	{"https://[::1]", false, "https://[::1]:443 [::1]:443"},
	{"https://a.test:65535/k8s/clusters/c-1//", false,
	 "https://a.test:65535/k8s/clusters/c-1 a.test:65535"},
	{"https://a/%20~b:c@d", false, "https://a:443/%20~b:c@d a:443"},
	{"a.test:8080", false, "http://a.test:8080 a.test:8080"},
	{"a.test:6443", true, "https://a.test:6443 a.test:6443"},
	{"localhost", true, "https://localhost:443 localhost:443"},
	{"https://" HOST63 "." HOST63 "." HOST63 "." HOST63, false, BAD_HOST},
	{"", false, BAD_HOST},
	{"https://", false, BAD_HOST},
	{"https:///x", false, BAD_HOST},
	{"https://:443", false, BAD_HOST},
	{"https://a b", false, BAD_HOST},
	{"https://a\r\nX: y", false, BAD_HOST},
	{"https://-a", false, BAD_HOST},
	{"https://.", false, BAD_HOST},
	{"https://a\\b", false, BAD_HOST},
	{"https://[fd00::1", false,
	 "the URL's port is unclear: an IPv6 address stands in brackets"},
	{"https://fd00::1:6443", false,
	 "the URL's port is unclear: an IPv6 address stands in brackets"},
	{"https://[10.0.0.1]", false, "the URL has no IPv6 address in its brackets"},
	{"https://[fe80::1%25eth0]", false, "the URL has no IPv6 address in its brackets"},
	{"https://[]", false, "the URL has no IPv6 address in its brackets"},
	{"https://[::1]x", false, BAD_PORT},
	{"https://a:", false, BAD_PORT},
	{"https://a:0", false, BAD_PORT},
	{"https://a:65536", false, BAD_PORT},
	{"https://a:100000", false, BAD_PORT},
	{"https://a:+1", false, BAD_PORT},
	{"https://a:https", false, BAD_PORT},
	{"https://s3cr3t@a", false, "the URL has a user in it"},
	{"https://u:s3cr3t@a:1", false, "the URL has a user in it"},
	{"https://a/?x", false, QUERY},
	{"https://a#x", false, QUERY},
	{"https://a/b c", false, BAD_PATH},
	{"https://a/\"", false, BAD_PATH},
	{"https://a/\xc3\xa4", false, BAD_PATH},
	{"ftp://a", false, "the URL's scheme is none of http://, https://"},
	{"://a", false, "the URL's scheme is none of http://, https://"},
	{"s3cr3t://a", false, "the URL's scheme is none of http://, https://"},
};

static void test_server(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(server_cases); i++) {
		struct endpoint endpoint = {0};
		struct text got = {0};

		if (endpoint_read(&endpoint, server_cases[i].url, server_cases[i].is_tls, &got) ==
		    0) {
			assert_int_equal(got.len, 0);
			text_printf(&got, "%s %s", endpoint.server, endpoint.label);
		}
		if (strcmp(got.bytes, server_cases[i].want) != 0)
			fail_msg("\"%s\": %s", server_cases[i].url, got.bytes);
		endpoint_fini(&endpoint);
		text_fini(&got);
	}
}

static const struct {
	const char *url, *want;
} proxy_cases[] = {
	{"http://10.0.0.1:3128", "http://10.0.0.1:3128"},
	{"https://proxy.a.test/", "https://proxy.a.test:443"},
	{"socks5://[::1]", "socks5h://[::1]:1080"},
	{"http://u:p%40w@a", "http://u:p%40w@a:80"},
	{"http://@a", "http://@a:80"},
	{"http://u:p@w@a", "the URL's user or password has a byte to be written as %XX"},
	{"http://u:p w@a", "the URL's user or password has a byte to be written as %XX"},
	{"http://u:p/w@a", "the URL has a path"},
	{"http://u:p@", BAD_HOST},
	{"http://u:p@a:x", BAD_PORT},
	{"socks5h://a", "the URL's scheme is none of http://, https://, socks5://"},
	{"a:1", "the URL has no scheme, as in http://"},
	{"http://a?x", QUERY},
};

static void test_proxy(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(proxy_cases); i++) {
		char *proxy = NULL;
		struct text why = {0};
		const char *got = endpoint_read_proxy(&proxy, proxy_cases[i].url, &why) == 0
					  ? proxy
					  : why.bytes;

		if (strcmp(got, proxy_cases[i].want) != 0)
			fail_msg("\"%s\": %s", proxy_cases[i].url, got);
		free(proxy);
		text_fini(&why);
	}
}

static void test_length(void **state)
{
	char url[ENDPOINT_URL_MAX + 2] = "https://a/";
	size_t head = strlen(url);
	struct endpoint endpoint = {0};
	struct text why = {0};

	memset(url + head, 'x', sizeof(url) - 1 - head);
	assert_int_not_equal(endpoint_read(&endpoint, url, false, &why), 0);
	assert_string_equal(why.bytes, "the URL is too long");
	url[ENDPOINT_URL_MAX] = '\0';
	assert_int_equal(endpoint_read(&endpoint, url, false, &why), 0);
	endpoint_fini(&endpoint);
	text_fini(&why);
}

static void test_check(void **state)
{
	struct text why = {0};

	assert_int_equal(kube_endpoint_check("https://a.test", &why), 0);
	assert_int_equal(why.len, 0);
	assert_int_not_equal(kube_endpoint_check("https://a.test:x", &why), 0);
	assert_string_equal(why.bytes, BAD_PORT);
	text_fini(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
