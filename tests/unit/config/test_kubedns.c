/* SPDX-License-Identifier: Apache-2.0
 *
 * kube-dns's flags and ConfigMap: the Corefile that they come to, which the parser takes; and
 * exactly what is said about those that are wrong. Of the Corefile the lines count that differ from
 * one case to another.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "config/kubedns.h"
#include "memory.h"

#define FILES_MAX 6

struct map_case {
	const char *name;
	struct kubedns_options flags; /* config_dir is "cm"; zero numbers are the defaults */
	const char *stubs, *upstreams, *federations; /* NULL: no such key */
	const char *want;			     /* the lines, or the problems */
	const char *notes;
};

static const struct map_case accepted[] = {
	{.name = "nothing",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"},
	{.name = "the manifest's flags",
	 .flags = {.domain = "cluster.test.", .dns_port = 10053},
	 .want = ".:10053 .:53 {\n"
		 " kubernetes cluster.test in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"},
	{.name = "all flags",
	 .flags = {.domain = "a.b",
		   .dns_port = 1053,
		   .dns_bind_address = "[fd00::1]",
		   .kubecfg_file = "/etc/kube config",
		   .kube_master_url = "https://${ZONE}:6443",
		   .nameservers = "10.0.0.1,10.0.0.2:5353,[fd00::2]:53",
		   .federations = "one=a.test",
		   .prometheus_addr = "127.0.0.1",
		   .initial_sync_timeout_ms = 60000,
		   .has_profiling = true},
	 .want = ".:1053 {\n"
		 " bind fd00::1\n"
		 " kubernetes a.b in-addr.arpa ip6.arpa {\n"
		 " kubeconfig \"/etc/kube config\"\n"
		 " server \"https://cluster.test:6443\"\n"
		 " startup_timeout 60000ms\n"
		 " forward . 10.0.0.1 10.0.0.2:5353 [fd00::2]:53\n",
	 .notes = "--federations: cluster federation is gone; its names do not exist here\n"
		  "--profiling: there are no profiles here\n"},
	{.name = "every address is no address to bind to",
	 .flags = {.dns_bind_address = "::"},
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"},
	{.name = "upstreams of the map before those of the flag",
	 .flags = {.nameservers = "10.0.0.1"},
	 .upstreams = " [\"8.8.8.8\",\n\"8.8.4.4:5353\", \"[fd00::1]:53\"]\n",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . 8.8.8.8 8.8.4.4:5353 [fd00::1]:53\n"},
	{.name = "empty upstreams are none",
	 .upstreams = "[]",
	 .stubs = "null",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"},
	{.name = "stub domains, the longest first",
	 .flags = {.dns_port = 10053},
	 .stubs = "{\"b.test\": [\"1.2.3.4\"], \"a.test\": [\"1.2.3.4:54\", \"fd00::1\", "
		  "\"[fd00::1]:55\", \"ns1.example.com\", \"consul\"], \"x.b.test\": "
		  "[\"1.2.3.5\"]}",
	 .want = ".:10053 .:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"
		 "x.b.test:10053 x.b.test:53 {\n"
		 " forward . 1.2.3.5\n"
		 "a.test:10053 a.test:53 {\n"
		 " forward . 1.2.3.4:54 fd00::1 [fd00::1]:55 ns1.example.com consul\n"
		 "b.test:10053 b.test:53 {\n"
		 " forward . 1.2.3.4\n"},
	{.name = "stub domains about the cluster's zones",
	 .stubs = "{\"local\": [\"1.1.1.1\"], \"in-addr.arpa\": [\"2.2.2.2\"], "
		  "\"10.in-addr.arpa\": [\"3.3.3.3\"], \"sub.cluster.local\": [\"4.4.4.4\"], "
		  "\"cluster.local\": [\"5.5.5.5\"]}",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward in-addr.arpa 2.2.2.2\n"
		 " forward local 1.1.1.1\n"
		 " forward . /etc/resolv.conf\n"
		 "10.in-addr.arpa:53 {\n"
		 " forward . 3.3.3.3\n"
		 "sub.cluster.local:53 {\n"
		 " forward . 4.4.4.4\n",
	 .notes = "stubDomains: cluster.local is the cluster's own domain, and no stub domain\n"},
	{.name = "a stub domain without servers, and one twice",
	 .stubs = "{\"a.test\": [], \"b.test\": [\"1.1.1.1\"], \"b.test\": [\"2.2.2.2\"], "
		  "\"c.test\": null}",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"
		 "b.test:53 {\n"
		 " forward . 2.2.2.2\n",
	 .notes = "cm/stubDomains: a.test: no servers, so it is no stub domain\n"
		  "cm/stubDomains: a domain stands there twice: the last one counts\n"
		  "cm/stubDomains: c.test: no servers, so it is no stub domain\n"},
	{.name = "federations",
	 .federations = " one=a.test , two=b.test\n",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n",
	 .notes = "cm/federations: cluster federation is gone; its names do not exist here\n"},
	{.name = "no federations",
	 .federations = " \n",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"},
	{.name = "a bad map that is not looked at",
	 .flags = {.ignores_config_map = true},
	 .stubs = "{",
	 .want = ".:53 {\n"
		 " kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
		 " forward . /etc/resolv.conf\n"},
};

#define STUB(value) .stubs = "{\"a.test\": [\"" value "\"]}"
#define STUB_SAID(value, why) "cm/stubDomains: a.test[0]: \"" value "\": " why "\n"
#define NO_SERVER "neither an address nor a host name in lower case"
#define NOT_AN_ADDRESS "neither an address nor an address with a port"

static const struct map_case refused[] = {
	{.name = "no JSON",
	 .stubs = "{\n \"a.test\": [\"1.1.1.1\",]\n}",
	 .want = "cm/stubDomains: line 2, column 23: not JSON\n"},
	{.name = "empty", .stubs = "", .want = "cm/stubDomains: empty, which is not JSON\n"},
	{.name = "something behind it",
	 .stubs = "{}\n{}",
	 .want = "cm/stubDomains: line 2, column 1: something follows the value\n"},
	{.name = "a list for a map",
	 .stubs = "[\"1.1.1.1\"]",
	 .want = "cm/stubDomains: not an object\n"},
	{.name = "a string for a list",
	 .stubs = "{\"a.test\": \"1.1.1.1\"}",
	 .want = "cm/stubDomains: a.test: not a list\n"},
	{.name = "a number for a string",
	 .stubs = "{\"a.test\": [\"1.1.1.1\", 53]}",
	 .want = "cm/stubDomains: a.test[1]: not a string\n"},
	{.name = "null for a string",
	 .upstreams = "[null]",
	 .want = "cm/upstreamNameservers: [0]: not a string\n"},
	{.name = "an octet 0",
	 .stubs = "{\"a.test\\u0000b\": [\"1.1.1.1\"]}",
	 .want = "cm/stubDomains: has an octet 0\n"},
	{.name = "domains",
	 .stubs = "{\"A.test\": [\"1.1.1.1\"], \"a.test.\": [\"1.1.1.1\"], \"\": [\"1.1.1.1\"], "
		  "\"a_b\": [\"1.1.1.1\"], \"a {\": [\"1.1.1.1\"]}",
	 .want = "cm/stubDomains: \"A.test\" is no domain name in lower case without a final dot\n"
		 "cm/stubDomains: \"a.test.\" is no domain name in lower case without a final "
		 "dot\n"
		 "cm/stubDomains: \"\" is no domain name in lower case without a final dot\n"
		 "cm/stubDomains: \"a_b\" is no domain name in lower case without a final dot\n"
		 "cm/stubDomains: \"a {\" is no domain name in lower case without a final dot\n"},
	{.name = "an empty server", STUB(""), .want = STUB_SAID("", NO_SERVER)},
	{.name = "words", STUB("a b"), .want = STUB_SAID("a b", NO_SERVER)},
	{.name = "a path", STUB("/etc/passwd"), .want = STUB_SAID("/etc/passwd", NO_SERVER)},
	{.name = "an octet too large",
	 STUB("1.2.3.400"),
	 .want = STUB_SAID("1.2.3.400", NO_SERVER)},
	{.name = "a port of a host",
	 STUB("ns.test:53"),
	 .want = STUB_SAID("ns.test:53", "only an address may have a port")},
	{.name = "port 0",
	 STUB("1.2.3.4:0"),
	 .want = STUB_SAID("1.2.3.4:0", "a port is a number from 1 to 65535")},
	{.name = "no port",
	 STUB("1.2.3.4:"),
	 .want = STUB_SAID("1.2.3.4:", "a port is a number from 1 to 65535")},
	{.name = "brackets alone",
	 STUB("[fd00::1]"),
	 .want = STUB_SAID("[fd00::1]", "an IPv6 address with a port is written [ADDRESS]:PORT")},
	{.name = "no address in brackets",
	 STUB("[x]:53"),
	 .want = STUB_SAID("[x]:53", "there is no address in the brackets")},
	{.name = "an empty bracket",
	 STUB("[]:53"),
	 .want = STUB_SAID("[]:53", "there is no address in the brackets")},
	{.name = "an open bracket",
	 STUB("["),
	 .want = STUB_SAID("[", "an IPv6 address with a port is written [ADDRESS]:PORT")},
	{.name = "colons", STUB("1:2:3"), .want = STUB_SAID("1:2:3", NOT_AN_ADDRESS)},
	{.name = "four upstreams",
	 .upstreams = "[\"1.1.1.1\",\"1.1.1.2\",\"1.1.1.3\",\"1.1.1.4\"]",
	 .want = "cm/upstreamNameservers: more than 3 name servers\n"},
	{.name = "a host for an upstream",
	 .upstreams = "[\"ns.test\"]",
	 .want = "cm/upstreamNameservers: [0]: \"ns.test\": " NOT_AN_ADDRESS
		 "; a host name cannot stand here\n"},
	{.name = "federations",
	 .federations = "one",
	 .want = "cm/federations: NAME=DOMAIN is what it takes, with commas between\n"},
	{.name = "a federation's name",
	 .federations = "a.b=c.d",
	 .want = "cm/federations: a federation's name is a DNS label in lower case\n"},
	{.name = "a federation's domain",
	 .federations = "a=b.c,d=",
	 .want = "cm/federations: a federation's domain is a domain name\n"},
	{.name = "all that is wrong at once",
	 .stubs = "x",
	 .upstreams = "{}",
	 .federations = "=",
	 .want = "cm/stubDomains: line 1, column 1: not JSON\n"
		 "cm/upstreamNameservers: not a list\n"
		 "cm/federations: a federation's name is a DNS label in lower case\n"},
	{.name = "flags",
	 .flags = {.domain = "Cluster.Local",
		   .dns_bind_address = "eth0",
		   .kubecfg_file = "/a\"b",
		   .kube_master_url = "$NOTHING",
		   .nameservers = "ns.test",
		   .federations = "x",
		   .prometheus_addr = "here"},
	 .want = "--domain: \"Cluster.Local\" is no domain name in lower case\n"
		 "--kube-master-url: \"\" is no URL, as in https://10.0.0.1:6443\n"
		 "--federations: NAME=DOMAIN is what it takes, with commas between\n"
		 "--kubecfg-file: \"/a\"b\" has a quote, a backslash, a brace or a control "
		 "character\n"
		 "--dns-bind-address: \"eth0\" is no IP address\n"
		 "--prometheus-addr: \"here\" is no IP address\n"
		 "--nameservers: \"ns.test\": " NOT_AN_ADDRESS "; a host name cannot stand here\n"},
};

/* The folder is one. */
static int read_with_folder(void *arg, const char *path, struct text *content)
{
	struct config_machine files;

	if (strcmp(path, "cm") == 0)
		return -EISDIR;
	memory_machine(&files, arg);
	return files.read(files.arg, path, content);
}

static void make_machine(struct config_machine *machine, struct memory_file *files,
			 const struct map_case *map)
{
	const struct memory_file all[] = {{"/etc/resolv.conf", "nameserver 10.0.0.1\n"},
					  {"cm/stubDomains", map->stubs},
					  {"cm/upstreamNameservers", map->upstreams},
					  {"cm/federations", map->federations}};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (all[i].content)
			files[n++] = all[i];
	}
	files[n] = (struct memory_file){NULL, NULL};
	memory_machine(machine, files);
	machine->read = read_with_folder;
}

/* With the defaults of what the case leaves out. */
static struct kubedns_options flags_of(const struct map_case *map)
{
	struct kubedns_options usual, options = map->flags;

	kubedns_options_init(&usual);
	options.config_dir = "cm";
	options.dns_port = options.dns_port ? options.dns_port : usual.dns_port;
	options.healthz_port = usual.healthz_port;
	options.prometheus_port = usual.prometheus_port;
	options.config_period_ms = usual.config_period_ms;
	return options;
}

/* Keys, and the lines of these words. */
static void pick_lines(const char *corefile, struct text *lines)
{
	static const char *const words[] = {"bind ",   "kubernetes ", "kubeconfig ",
					    "server ", "startup_",    "forward "};

	while (*corefile) {
		const char *line = corefile + strspn(corefile, " ");
		size_t len = strcspn(line, "\n");
		bool is_wanted = line == corefile && *line != '}';

		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			is_wanted |= strncmp(line, words[i], strlen(words[i])) == 0;
		if (is_wanted)
			text_printf(lines, "%s%.*s\n", line == corefile ? "" : " ", (int)len, line);
		corefile = line + len + (line[len] == '\n');
	}
}

static bool is_same(const char *name, const struct text *got, const char *want)
{
	const char *text = got->len > 0 ? got->bytes : "";

	if (strcmp(text, want ? want : "") == 0)
		return true;
	print_error("%s: got\n%swant\n%s", name, text, want ? want : "");
	return false;
}

static bool check_case(const struct map_case *map, bool is_good)
{
	static const struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct kubedns_options flags = flags_of(map);
	struct memory_file files[FILES_MAX];
	struct config_machine machine;
	struct config config;
	struct text problems = {0}, got = {0};
	int error;
	bool is_fine;

	make_machine(&machine, files, map);
	error = config_load_kubedns_on(&config, &flags, &machine, &options, &problems);
	if (error == 0)
		pick_lines(config.corefile.bytes, &got);
	else
		text_append(&got, problems.bytes, problems.len);
	is_fine = is_same(map->name, &got, map->want) && (error == 0) == is_good &&
		  (!is_good || is_same(map->name, &config.notes, map->notes));
	config_free(&config);
	text_fini(&problems);
	text_fini(&got);
	return is_fine;
}

static void test_accepted(void **state)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(accepted); i++)
		n_bad += !check_case(&accepted[i], true);
	assert_int_equal(n_bad, 0);
}

static void test_refused(void **state)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		n_bad += !check_case(&refused[i], false);
	assert_int_equal(n_bad, 0);
}

/* Without its folder the map is not empty, but gone: nobody can tell what it was. */
static void test_no_folder(void **state)
{
	static const struct memory_file files[] = {{"cm", "a file"}, {NULL, NULL}};
	struct kubedns_options flags = {.config_dir = "cm", .dns_port = 53, .healthz_port = 8081};
	struct text corefile = {0}, notes = {0}, problems = {0};
	struct config_machine machine;

	memory_machine(&machine, files);
	assert_int_equal(config_kubedns_corefile(&flags, &machine, &corefile, &notes, &problems),
			 -EINVAL);
	assert_string_equal(problems.bytes, "cm: not a folder\n");
	flags.config_dir = "none";
	problems.len = 0;
	assert_int_equal(config_kubedns_corefile(&flags, &machine, &corefile, &notes, &problems),
			 -EINVAL);
	assert_string_equal(problems.bytes, "none: No such file or directory\n");
	assert_int_equal(corefile.len, 0);
	text_fini(&notes);
	text_fini(&problems);
}

static void test_paths(void **state)
{
	static const struct {
		const char *path;
		enum config_http_kind kind;
	} want[] = {
		{"/readiness", CONFIG_HTTP_READY},
		{"/healthcheck/kubedns", CONFIG_HTTP_HEALTH},
		{"/healthcheck/dnsmasq", CONFIG_HTTP_HEALTH},
		{"/healthz", CONFIG_HTTP_HEALTH},
	};
	static const struct map_case map = {.name = "paths"};
	static const struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct kubedns_options flags = flags_of(&map);
	struct memory_file files[FILES_MAX];
	struct config_machine machine;
	struct config config;
	struct text problems = {0};
	size_t n_files;

	make_machine(&machine, files, &map);
	assert_int_equal(config_load_kubedns_on(&config, &flags, &machine, &options, &problems), 0);
	assert_int_equal(config.n_paths, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		assert_string_equal(config.paths[i].path, want[i].path);
		assert_int_equal(config.paths[i].kind, want[i].kind);
		assert_true(config.paths[i].at.is_wildcard);
	}
	assert_int_equal(config.lameduck_ms, 5000);
	assert_string_equal(config_kubedns_files(&flags, &config.arena, &n_files)[0],
			    "cm/stubDomains");
	assert_int_equal(n_files, 3);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
