/* SPDX-License-Identifier: Apache-2.0
 *
 * Corefiles that are wrong, and exactly what is said about them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"

struct refused_case {
	const char *name;
	const char *corefile;
	const char *want;
};

#define OBJECTS_ALONE(line)                                                                    \
	"Corefile:" line ": kubernetes: \"objects\" is instead of an API server: it excludes " \
	"\"endpoint\", \"tls\" and \"kubeconfig\"\n"
#define KUBECONFIG_ALONE(line)                                                             \
	"Corefile:" line ": kubernetes: \"kubeconfig\" names the API server: it excludes " \
	"\"endpoint\" and \"tls\"\n"

static const struct refused_case cases[] = {
	/* files and tokens */
	{"empty", "", "Corefile: empty: a server block is needed, as in \".:53 { ... }\"\n"},
	{"nothing but comments and snippets", "# x\n(a) {\n errors\n}\n",
	 "Corefile: empty: a server block is needed, as in \".:53 { ... }\"\n"},
	{"a quote without an end", ". {\n log \"a.test\n}\n",
	 "Corefile:2: this quote is never closed\n"
	 "Corefile:1: this \"{\" is never closed\n"},
	{"a variable is not replaced again", ". {\n {$SELF}\n}",
	 "Corefile:2: unknown directive \"{$SELF}\"\n"},
	{"a variable stays one word", "{$TWO} {\n kubernetes {$TWO} {\n objects x\n }\n}",
	 "Corefile:1: \"a.test b.test\" is not a domain name\n"
	 "Corefile:2: \"a.test b.test\" is not a domain name\n"},
	{"control characters", ". {\n \"a\x1b[31m\nb\"\n}",
	 "Corefile:2: unknown directive \"a?[31m?b\"\n"},

	/* blocks */
	{"a brace without an end", "a.test {\n errors\n\nb.test {\n whoami\n}\n",
	 "Corefile:1: this \"{\" is never closed\n"
	 "Corefile:4: unknown directive \"b.test\"\n"},
	{"a brace too many", ". {\n errors\n}\n}\n", "Corefile:4: this \"}\" closes nothing\n"},
	{"a brace in its line", ". { whoami }\na.test {\n health { lameduck 5s }\n whoami }\n",
	 "Corefile:1: \"}\" has to stand on a line of its own\n"
	 "Corefile:3: \"}\" has to stand on a line of its own\n"
	 "Corefile:4: \"}\" has to stand on a line of its own\n"},
	{"a brace on its own line", ". {\n health\n {\n lameduck 5s\n }\n}\n",
	 "Corefile:3: \"{\" has to stand at the end of a directive's line\n"},
	{"a quoted brace is a word", ". \"{\"\n errors \"}\"\n",
	 "Corefile:1: \"{\" needs a space before \"{\"\n"
	 "Corefile:2: errors: \"}\": lines go to stdout only\n"},
	{"no space before a brace", ".:53{\n errors\n}\n",
	 "Corefile:3: this \"}\" closes nothing\n"
	 "Corefile:1: \".:53{\" needs a space before \"{\"\n"},
	{"a block without zones", "{\n errors\n}\n",
	 "Corefile:1: a zone is missing before \"{\"\n"},
	{"a block with empty zones", "{$EMPTY} {\n errors\n}\n",
	 "Corefile:1: this server block has no zone\n"},
	{"too deep", "a { b { c { d { e { f { g { h { i { j {\n}\n}\n}\n}\n}\n}\n}\n}\n}\n}\n",
	 "Corefile:1: blocks nest deeper than 8\n"
	 "Corefile:1: unknown directive \"b\"\n"},
	{"a directive outside", "errors\n. {\n whoami\n}\n",
	 "Corefile:1: \"errors\" stands outside of a server block, as in \".:53 { ... }\"\n"},

	/* keys */
	{"keys", ".:0 .:65536 .:x a..test :53 dns:// 10.0.0.0/33 fd00::1/x {\n}",
	 "Corefile:1: \".:0\" has no port from 1 to 65535 behind its colon\n"
	 "Corefile:1: \".:65536\" has no port from 1 to 65535 behind its colon\n"
	 "Corefile:1: \".:x\" is not a domain name\n"
	 "Corefile:1: \"a..test\" is not a domain name\n"
	 "Corefile:1: \":53\" has no zone: write \".:53\" for all names\n"
	 "Corefile:1: \"dns://\" has no zone: write \".\" for all names\n"
	 "Corefile:1: \"10.0.0.0/33\" is not a prefix: its length has to be 0 to 32\n"
	 "Corefile:1: \"fd00::1/x\" is not a prefix: its length has to be 0 to 128\n"},
	{"schemes", "tls://. https://a.test:443 gopher://x {\n}",
	 "Corefile:1: \"tls://.\" is not served: tls:// is not there yet, only dns://\n"
	 "Corefile:1: \"https://a.test:443\" is not served: https:// is not there yet, only "
	 "dns://\n"
	 "Corefile:1: \"gopher://x\" has an unknown scheme: only dns:// is served\n"},
	{"a zone twice", ".:53 a.test {\n}\na.test\n{\n}\nA.TEST.:54 . {\n bind 127.0.0.1\n}",
	 "Corefile:3: zone \"a.test.\" on port 53 is served at Corefile:1 already\n"},
	{"a zone twice in a block", "a.test a.test {\n bind 127.0.0.1 127.0.0.2\n}",
	 "Corefile:1: zone \"a.test.\" on port 53 is served at Corefile:1 already\n"},
	{"prefixes that meet", "10.0.0.0/8 {\n}\n10.in-addr.arpa {\n}",
	 "Corefile:3: zone \"10.in-addr.arpa.\" on port 53 is served at Corefile:1 already\n"},

	/* rewrite */
	{"rewrite: rules that are none",
	 ". {\n rewrite\n rewrite stop\n rewrite nam a b\n rewrite answer auto\n rewrite cname a "
	 "b\n"
	 " rewrite stop stop name a b\n rewrite name a\n rewrite name sufix a b\n rewrite {\n  "
	 "name a b\n"
	 "  name c d\n }\n rewrite stop name {\n  a b\n }\n rewrite {\n  name {\n  }\n }\n minimal "
	 "x\n}",
	 "Corefile:2: rewrite: the rule lacks its field\n"
	 "Corefile:3: rewrite: the rule lacks its field\n"
	 "Corefile:4: rewrite: unknown field \"nam\": did you mean \"name\"?\n"
	 "Corefile:5: rewrite: \"answer\" stands behind a rule for a name, as in `name suffix FROM "
	 "TO "
	 "answer auto`\n"
	 "Corefile:6: rewrite: kaname does not have \"cname\": rewrite the name that is asked for, "
	 "as "
	 "in `rewrite name exact NAME TARGET`\n"
	 "Corefile:7: rewrite: unknown field \"stop\": there are name, type, class, ttl, rcode, "
	 "edns0, "
	 "cname, answer\n"
	 "Corefile:8: rewrite: the rule lacks the name in its place\n"
	 "Corefile:9: rewrite: unknown way to match \"sufix\": did you mean \"suffix\"?\n"
	 "Corefile:11: rewrite: unknown way to match \"a\": there are exact, prefix, suffix, "
	 "substring, "
	 "regex\n"
	 "Corefile:14: rewrite: a rule is a line or a block, not both\n"
	 "Corefile:18: rewrite: a rule's block has no block in it\n"
	 "Corefile:21: \"minimal\" has an argument too many: \"x\"\n"},
	{"rewrite: names that are none",
	 ". {\n rewrite name a..b c\n rewrite name exact a b..c\n rewrite name suffix a b..c\n"
	 " rewrite name regex (a b\n rewrite name regex (?=a) b\n rewrite name regex (a) {1}.{2}\n"
	 " rewrite name regex (a) b answer name c {1}\n rewrite ttl regex a) 5\n}",
	 "Corefile:2: rewrite: \"a..b\" is not a domain name\n"
	 "Corefile:3: rewrite: \"b..c\" is not a domain name\n"
	 "Corefile:4: rewrite: \"b..c\" has an empty label: no name\n"
	 "Corefile:5: rewrite: \"(a\" is not a regular expression: missing closing parenthesis, at "
	 "character 3\n"
	 "Corefile:6: rewrite: \"(?=a)\" is not a regular expression: look-around, conditions and "
	 "recursion are not offered, at character 1\n"
	 "Corefile:7: rewrite: \"{1}.{2}\" has {2}, but the expression has 1 groups\n"
	 "Corefile:8: rewrite: \"{1}\" has {1}, but the expression has 0 groups\n"
	 "Corefile:9: rewrite: \"a)\" is not a regular expression: unmatched closing parenthesis, "
	 "at "
	 "character 2\n"},
	{"rewrite: answers that are none",
	 ". {\n rewrite name suffix a b c\n rewrite name suffix a b answer\n"
	 " rewrite name suffix a b answer foo\n rewrite name suffix a b answer name x\n"
	 " rewrite name suffix a b answer auto answer name x y\n rewrite name suffix a b auto\n"
	 " rewrite name suffix a b answer auto x\n rewrite name a b answer auto\n}",
	 "Corefile:2: rewrite: unknown part \"c\": there are answer\n"
	 "Corefile:3: rewrite: the rule lacks its part of the answer\n"
	 "Corefile:4: rewrite: unknown part of the answer \"foo\": there are auto, name, value\n"
	 "Corefile:5: rewrite: the rule lacks what its answer's names become\n"
	 "Corefile:6: rewrite: \"answer auto\" and \"answer name\" exclude each other\n"
	 "Corefile:7: rewrite: unknown part \"auto\": there are answer\n"
	 "Corefile:8: rewrite: unknown part of the answer \"x\": there are auto, name, value\n"
	 "Corefile:9: rewrite: unknown way to match \"a\": there are exact, prefix, suffix, "
	 "substring, "
	 "regex\n"},
	{"rewrite: numbers",
	 ". {\n rewrite type A FOO\n rewrite type A\n rewrite class IN XX\n rewrite ttl a 1-2-3\n"
	 " rewrite ttl a -\n rewrite ttl a 9-8\n rewrite ttl a 2147483648\n rewrite rcode a "
	 "NXDOMAIN 24\n"
	 " rewrite rcode a FOO NOERROR\n rewrite type A AAAA x\n}",
	 "Corefile:2: rewrite: \"FOO\" is not a type\n"
	 "Corefile:3: rewrite: the rule lacks a type\n"
	 "Corefile:4: rewrite: \"XX\" is not a class\n"
	 "Corefile:5: rewrite: \"1-2-3\" is not a TTL in seconds, nor a range of them as in "
	 "30-300\n"
	 "Corefile:6: rewrite: \"-\" is not a TTL in seconds, nor a range of them as in 30-300\n"
	 "Corefile:7: rewrite: \"9-8\" is not a TTL in seconds, nor a range of them as in 30-300\n"
	 "Corefile:8: rewrite: \"2147483648\" is not a TTL in seconds, nor a range of them as in "
	 "30-300\n"
	 "Corefile:9: rewrite: \"24\" is not an rcode\n"
	 "Corefile:10: rewrite: \"FOO\" is not an rcode\n"
	 "Corefile:11: rewrite: the rule has a word too many: \"x\"\n"},
	{"rewrite: edns0",
	 ". {\n rewrite edns0\n rewrite edns0 local\n rewrite edns0 locl set 1 a\n"
	 " rewrite edns0 local put 1 a\n rewrite edns0 local set x a\n rewrite edns0 local set "
	 "0x10000 a\n"
	 " rewrite edns0 local set 1\n rewrite edns0 local set 1 0x123\n rewrite edns0 local set 1 "
	 "{foo}\n"
	 " rewrite edns0 subnet set 33 56\n rewrite edns0 subnet set 24 129\n rewrite edns0 nsid "
	 "set x\n}",
	 "Corefile:2: rewrite: the rule lacks its EDNS option\n"
	 "Corefile:3: rewrite: the rule lacks its action\n"
	 "Corefile:4: rewrite: unknown EDNS option \"locl\": did you mean \"local\"?\n"
	 "Corefile:5: rewrite: unknown action \"put\": there are set, append, replace, unset\n"
	 "Corefile:6: rewrite: \"x\" is not a code from 0 to 65535\n"
	 "Corefile:7: rewrite: \"0x10000\" is not a code from 0 to 65535\n"
	 "Corefile:8: rewrite: the rule lacks the option's data\n"
	 "Corefile:9: rewrite: \"0x123\" is not data in hexadecimal digits, two to an octet\n"
	 "Corefile:10: rewrite: unknown variable \"{foo}\"\n"
	 "Corefile:11: rewrite: \"33\" is not an IPv4 prefix length from 0 to 32\n"
	 "Corefile:12: rewrite: \"129\" is not an IPv6 prefix length from 0 to 128\n"
	 "Corefile:13: rewrite: the rule has a word too many: \"x\"\n"},

	/* words */
	{"unknown words", ". {\n kubernets\n importt x\n xyzzy\n}",
	 "Corefile:2: unknown directive \"kubernets\": did you mean \"kubernetes\"?\n"
	 "Corefile:3: unknown directive \"importt\": did you mean \"import\"?\n"
	 "Corefile:4: unknown directive \"xyzzy\"\n"},
	{"known words", ". {\n dns64 x {\n fallthrough\n }\n transfer\n etcd\n proxy . x\n}",
	 "Corefile:2: \"dns64\" is not there yet: use `forward` to a resolver that does it\n"
	 "Corefile:5: \"transfer\" is not there yet: leave it out, zones cannot be copied from "
	 "here\n"
	 "Corefile:6: kaname does not have \"etcd\": use `forward` to a server that has these "
	 "zones\n"
	 "Corefile:7: kaname does not have \"proxy\": use `forward`, as in CoreDNS since 1.5\n"},
	{"twice", ". {\n errors\n\n errors\n loop\n loop\n}",
	 "Corefile:4: \"errors\" stands at Corefile:2 already\n"
	 "Corefile:6: \"loop\" stands at Corefile:5 already\n"},
	{"arguments",
	 ". {\n errors x\n whoami {\n }\n debug on\n bufsize 1 2\n multisocket 0\n health a b\n"
	 " ready :1 :2\n prometheus x y\n loadbalance round_robin x\n bind\n}",
	 "Corefile:2: errors: \"x\": lines go to stdout only\n"
	 "Corefile:3: \"whoami\" has no block of options\n"
	 "Corefile:5: \"debug\" has an argument too many: \"on\"\n"
	 "Corefile:6: \"bufsize\" has an argument too many: \"2\"\n"
	 "Corefile:7: multisocket: \"0\" is not a number from 1 to 1024\n"
	 "Corefile:8: \"health\" has an argument too many: \"b\"\n"
	 "Corefile:9: \"ready\" has an argument too many: \":2\"\n"
	 "Corefile:10: \"prometheus\" has an argument too many: \"y\"\n"
	 "Corefile:11: \"loadbalance\" has an argument too many: \"x\"\n"
	 "Corefile:12: \"bind\" lacks an argument\n"},
	{"numbers",
	 ". {\n bufsize 511\n multisocket 1025\n}\na.test {\n bufsize -1\n multisocket x\n}",
	 "Corefile:2: bufsize: \"511\" is not a number from 512 to 4096\n"
	 "Corefile:3: multisocket: \"1025\" is not a number from 1 to 1024\n"
	 "Corefile:6: bufsize: \"-1\" is not a number from 512 to 4096\n"
	 "Corefile:7: multisocket: \"x\" is not a number from 1 to 1024\n"},
	{"errors",
	 ". {\n errors {\n consolidate 5m\n consolidate x y\n consolidate 1m [a\n"
	 " consolidate 1m a show_first error\n consolidate 1m a error info\n"
	 " consolidate 1m a warn\n consolidate 1m a b c d\n stacktrace on\n consolidat\n }\n}",
	 "Corefile:3: \"consolidate\" lacks an argument\n"
	 "Corefile:4: errors: \"x\" is not a duration of at most 86400s, as in 5s or 1m30s\n"
	 "Corefile:5: errors: \"[a\": missing terminating ] for character class, at character 3\n"
	 "Corefile:6: errors: \"error\" stands where consolidate takes no more: one level, then "
	 "show_first\n"
	 "Corefile:7: errors: \"info\" stands where consolidate takes no more: one level, then "
	 "show_first\n"
	 "Corefile:8: errors: unknown option of consolidate \"warn\": there are debug, info, "
	 "warning, error, show_first\n"
	 "Corefile:9: \"consolidate\" has an argument too many: \"d\"\n"
	 "Corefile:10: \"stacktrace\" has an argument too many: \"on\"\n"
	 "Corefile:11: errors: unknown option \"consolidat\": did you mean \"consolidate\"?\n"},
	{"loadbalance",
	 ". {\n loadbalance weighted\n}\na.test {\n loadbalance round-robin\n}\n"
	 "b.test {\n loadbalance round_robin {\n reload 10s\n }\n}\n"
	 "c.test {\n loadbalance weighted f x\n}\n"
	 "d.test {\n loadbalance weighted f {\n reload a\n prefer 10.0.0.0 10.0.0.0/33 fd00::/8x\n "
	 "prefers 10.0.0.0/8\n prefer\n }\n}\n"
	 "e.test {\n loadbalance weighted f {\n reload 0\n }\n}\n"
	 "f.test {\n loadbalance weighted ./three\n}\n",
	 "Corefile:2: loadbalance: \"weighted\" lacks the file of weights\n"
	 "Corefile:5: loadbalance: unknown policy \"round-robin\": did you mean "
	 "\"round_robin\"?\n"
	 "Corefile:9: loadbalance: only \"weighted\" has a file to reload\n"
	 "Corefile:13: \"loadbalance\" has an argument too many: \"x\"\n"
	 "Corefile:17: loadbalance: \"a\" is not a duration of at most 86400s, as in 5s or 1m30s\n"
	 "Corefile:18: loadbalance: \"10.0.0.0\" is not a network, as in 10.0.0.0/8\n"
	 "Corefile:18: loadbalance: \"10.0.0.0/33\" is not a network, as in 10.0.0.0/8\n"
	 "Corefile:18: loadbalance: \"fd00::/8x\" is not a network, as in 10.0.0.0/8\n"
	 "Corefile:19: loadbalance: unknown option \"prefers\": did you mean \"prefer\"?\n"
	 "Corefile:20: \"prefer\" lacks an argument\n"
	 "Corefile:24: loadbalance: f: No such file or directory: nothing of it is known until it "
	 "can be read\n"
	 "Corefile:29: loadbalance: ./three:1: \"import\" is not an address\n"},
	{"hosts",
	 ". {\n hosts f {\n fallthru\n 1.2.3 a.test\n ttl 0\n ttl 65536\n reload -1s\n "
	 "no_reverse x\n 10.0.0.1 a.test {\n }\n fallthrough_unsupported\n }\n hosts\n}\n"
	 "a.test {\n hosts f {\n fallthrough\n 10.0.0.1 a.test\n example.org 10.0.0.1\n }\n}\n"
	 "b.test {\n hosts f a..b {\n fallthrough c..d\n }\n}",
	 "Corefile:3: hosts: neither an address nor an option \"fallthru\": did you mean "
	 "\"fallthrough\"?\n"
	 "Corefile:9: \"10.0.0.1\" has no block of options\n"
	 "Corefile:5: hosts: \"0\" is not a number from 1 to 65535\n"
	 "Corefile:6: hosts: \"65536\" is not a number from 1 to 65535\n"
	 "Corefile:7: hosts: \"-1s\" is not a duration of at most 86400s, as in 5s or 1m30s\n"
	 "Corefile:8: \"no_reverse\" has an argument too many: \"x\"\n"
	 "Corefile:2: hosts: \"fallthrough_unsupported\" needs \"fallthrough\"\n"
	 "Corefile:13: \"hosts\" stands at Corefile:2 already\n"
	 "Corefile:18: hosts: entries have to stand before \"fallthrough\"\n"
	 "Corefile:23: \"a..b\" is not a domain name\n"
	 "Corefile:24: \"c..d\" is not a domain name\n"},

	/* addresses */
	{"bind", ". {\n bind eth1 1.2.3 ll0\n bind lo {\n except 127.0.0.1 ::1\n }\n}",
	 "Corefile:2: bind: \"eth1\" is neither an address nor an interface that has one\n"
	 "Corefile:2: bind: \"1.2.3\" is neither an address nor an interface that has one\n"
	 "Corefile:2: bind: \"ll0\" is neither an address nor an interface that has one\n"
	 "Corefile:3: bind: \"except\" leaves no address\n"},
	{"http",
	 ". {\n health 8080\n ready host:80\n prometheus ::1:9153\n}\n"
	 "a.test {\n health :0\n ready [1.2.3.4]:80\n prometheus :http\n}",
	 "Corefile:2: health: \"8080\" is not an address with a port, as in :8080 or "
	 "127.0.0.1:8080\n"
	 "Corefile:3: ready: \"host:80\" is not an address with a port, as in :8080 or "
	 "127.0.0.1:8080\n"
	 "Corefile:4: prometheus: \"::1:9153\" is not an address with a port, as in :8080 or "
	 "127.0.0.1:8080\n"
	 "Corefile:7: health: \":0\" is not an address with a port, as in :8080 or 127.0.0.1:8080\n"
	 "Corefile:8: ready: \"[1.2.3.4]:80\" is not an address with a port, as in :8080 or "
	 "127.0.0.1:8080\n"
	 "Corefile:9: prometheus: \":http\" is not an address with a port, as in :8080 or "
	 "127.0.0.1:8080\n"},
	{"health", ". {\n health {\n lameduck\n lameduck 5\n lamduck 5s\n }\n}",
	 "Corefile:3: \"lameduck\" lacks an argument\n"
	 "Corefile:4: \"5\" is not a duration of at most a day, as in 5s or 1m30s\n"
	 "Corefile:5: health: unknown option \"lamduck\": did you mean \"lameduck\"?\n"},
	{"durations",
	 ". {\n health {\n lameduck -5s\n }\n}\na.test {\n health {\n lameduck 1.2.3s\n }\n}\n"
	 "b.test {\n health {\n lameduck 25h\n }\n}",
	 "Corefile:3: \"-5s\" is not a duration of at most a day, as in 5s or 1m30s\n"
	 "Corefile:8: \"1.2.3s\" is not a duration of at most a day, as in 5s or 1m30s\n"
	 "Corefile:13: \"25h\" is not a duration of at most a day, as in 5s or 1m30s\n"},
	{"ready", ". {\n ready {\n monitor always\n }\n}",
	 "Corefile:3: ready: unknown kind of monitor \"always\": there are until-ready, "
	 "continuously\n"},
	{"prometheus", ". {\n prometheus {\n tls a b\n }\n}",
	 "Corefile:3: prometheus: kaname does not have \"tls\": metrics are read by HTTP; put a "
	 "TLS "
	 "proxy before it\n"},
	{"acl",
	 ". {\n acl a..b {\n deny net 10.0.0.0/8\n block from 10.0.0.0/8\n block type\n"
	 " filter type A net type AAAA\n allow net 10.0.0.0/33 10.0.0 fd00::/-1 10.0.0.0/ eth0\n"
	 " drop type A6 NOPE TYPE65536 type1x\n block {\n x\n }\n blok\n }\n}",
	 "Corefile:2: \"a..b\" is not a domain name\n"
	 "Corefile:3: acl: unknown action \"deny\": there are allow, block, filter, drop\n"
	 "Corefile:4: acl: unknown section \"from\": there are type, net\n"
	 "Corefile:5: acl: nothing follows \"type\"\n"
	 "Corefile:6: acl: nothing follows \"net\"\n"
	 "Corefile:6: acl: \"type\" stands twice in this rule\n"
	 "Corefile:7: acl: a prefix: \"33\" is not a number from 0 to 32\n"
	 "Corefile:7: acl: \"10.0.0\" is no address and no prefix, as in 10.1.0.0/16, fd00::1 or "
	 "*\n"
	 "Corefile:7: acl: a prefix: \"-1\" is not a number from 0 to 128\n"
	 "Corefile:7: acl: a prefix: \"\" is not a number from 0 to 32\n"
	 "Corefile:7: acl: \"eth0\" is no address and no prefix, as in 10.1.0.0/16, fd00::1 or *\n"
	 "Corefile:8: acl: \"NOPE\" is no type of records, as in A, AAAA, TYPE65280 or *\n"
	 "Corefile:8: acl: \"TYPE65536\" is no type of records, as in A, AAAA, TYPE65280 or *\n"
	 "Corefile:8: acl: \"type1x\" is no type of records, as in A, AAAA, TYPE65280 or *\n"
	 "Corefile:9: \"block\" has no block of options\n"
	 "Corefile:12: acl: unknown action \"blok\": did you mean \"block\"?\n"},
	{"small ones",
	 ". {\n any x\n local x\n chaos {\n }\n nsid {\n }\n cancel 0s\n pprof 6053 {\n block x\n "
	 "rate\n }\n root\n}\na.test {\n cancel soon\n local {\n localhost_prefix maybe\n prefix\n"
	 " }\n}",
	 "Corefile:2: \"any\" has an argument too many: \"x\"\n"
	 "Corefile:3: \"local\" has an argument too many: \"x\"\n"
	 "Corefile:4: \"chaos\" has no block of options\n"
	 "Corefile:6: \"nsid\" has no block of options\n"
	 "Corefile:8: cancel: the time has to be longer than 0\n"
	 "Corefile:9: pprof: \"6053\" is not an address with a port, as in localhost:6053\n"
	 "Corefile:10: block: \"x\" is not a number from 0 to 1000000000\n"
	 "Corefile:11: pprof: unknown option \"rate\": there are block\n"
	 "Corefile:13: \"root\" lacks an argument\n"
	 "Corefile:16: \"soon\" is not a duration of at most a day, as in 5s or 1m30s\n"
	 "Corefile:18: local: localhost_prefix is not \"maybe\": there are on, off\n"
	 "Corefile:19: local: unknown option \"prefix\": there are localhost_prefix\n"},
	{"timeouts",
	 ". {\n timeouts\n}\na.test {\n timeouts 5s {\n }\n}\n"
	 "b.test {\n timeouts {\n read 999ms\n write 25h\n idle\n maxtcpqueries -2\n reed 5s\n "
	 "}\n}",
	 "Corefile:2: timeouts: a block with a time is needed, as in idle 10s\n"
	 "Corefile:5: \"timeouts\" has an argument too many: \"5s\"\n"
	 "Corefile:10: timeouts: \"999ms\" is shorter than 1s\n"
	 "Corefile:11: timeouts: \"25h\" is not a duration of at most 86400s, as in 5s or 1m30s\n"
	 "Corefile:12: \"idle\" lacks an argument\n"
	 "Corefile:13: timeouts: \"-2\" is not a number from 0 to 100000000\n"
	 "Corefile:14: timeouts: unknown option \"reed\": did you mean \"read\"?\n"},
	{"reload",
	 ". {\n reload 1s\n}\na.test {\n reload 5s 500ms\n}\nb.test {\n reload x\n}\n"
	 "c.test {\n reload 30s 15s 5s\n}",
	 "Corefile:2: reload: \"1s\" is shorter than 2s\n"
	 "Corefile:5: reload: a jitter of \"500ms\" is shorter than 1s\n"
	 "Corefile:8: reload: \"x\" is not a duration of at most 86400s, as in 5s or 1m30s\n"
	 "Corefile:11: \"reload\" has an argument too many: \"5s\"\n"},
	{"nsid: too long",
	 ". {\n nsid 0123456789012345678901234567890123456789012345678901234567890123 "
	 "0123456789012345678901234567890123456789012345678901234567890123\n}",
	 "Corefile:2: nsid: more than 128 octets, which every answer had to have room for\n"},
	{"log",
	 ". {\n log a..b {\n class none\n class\n minDuration x\n sample 0\n slow\n sampl 1\n }\n}",
	 "Corefile:2: \"a..b\" is not a domain name\n"
	 "Corefile:3: log: unknown class \"none\": there are success, denial, error, all\n"
	 "Corefile:4: \"class\" lacks an argument\n"
	 "Corefile:5: log: \"x\" is not a duration of at most 86400s, as in 5s or 1m30s\n"
	 "Corefile:6: sample: \"0\" is not a number from 1 to 1000000\n"
	 "Corefile:7: \"slow\" lacks an argument\n"
	 "Corefile:8: log: unknown option \"sampl\": did you mean \"sample\"?\n"},

	/* kubernetes */
	{"kubernetes, zones", ". {\n kubernetes cluster.local:53 10.0.0.0/40 {\n objects x\n }\n}",
	 "Corefile:2: \"cluster.local:53\" is not a domain name\n"
	 "Corefile:2: \"10.0.0.0/40\" is not a prefix: its length has to be 0 to 32\n"},
	{"kubernetes, only reverse zones", "10.0.0.0/8 {\n kubernetes {\n objects x\n }\n}",
	 "Corefile:2: kubernetes: one zone at least has to be a forward one, such as "
	 "cluster.local\n"},
	{"kubernetes, options",
	 ". {\n kubernetes a.test {\n objects\n pods maybe\n ttl 3601\n noendpoints x\n"
	 " namespaces\n namespaces -x\n labels a in\n ignore emptyservice\n fallthrough a..b\n"
	 " objects \"\"\n ttl\n endpoint_pod_name\n }\n}",
	 "Corefile:3: \"objects\" lacks an argument\n"
	 "Corefile:4: kubernetes: unknown mode of pods \"maybe\": there are disabled, insecure, "
	 "verified\n"
	 "Corefile:5: ttl: \"3601\" is not a number from 0 to 3600\n"
	 "Corefile:6: \"noendpoints\" has an argument too many: \"x\"\n"
	 "Corefile:7: \"namespaces\" lacks an argument\n"
	 "Corefile:8: kubernetes: \"-x\" cannot be a namespace's name\n"
	 "Corefile:9: kubernetes: labels: expected ( after in or notin at the end\n"
	 "Corefile:10: kubernetes: cannot ignore \"emptyservice\": did you mean "
	 "\"empty_service\"?\n"
	 "Corefile:11: \"a..b\" is not a domain name\n"
	 "Corefile:12: kubernetes: a path of \"objects\" is empty\n"
	 "Corefile:13: \"ttl\" lacks an argument\n"
	 "Corefile:14: kubernetes: unknown option \"endpoint_pod_name\": did you mean "
	 "\"endpoint_pod_names\"?\n"},
	{"kubernetes, not there",
	 ". {\n kubernetes a.test {\n objects x\n multicluster x\n zonal\n transfer to *\n"
	 " resyncperiod often\n }\n}",
	 "Corefile:4: kubernetes: \"multicluster\" is not there yet: use `forward` for the "
	 "clusterset's zone to a server that has it\n"
	 "Corefile:5: kubernetes: \"zonal\" is not there yet: leave it out, every endpoint is "
	 "answered\n"
	 "Corefile:6: kubernetes: kaname does not have \"transfer\": use the directive "
	 "`transfer`, as in CoreDNS since 1.8\n"
	 "Corefile:7: \"often\" is not a duration of at most a day, as in 5s or 1m30s\n"},
	{"kubernetes, API server",
	 ". {\n kubernetes a.test {\n endpoint ftp://u:s3cr3t@x http://b {\n x\n }\n"
	 " tls a b\n kubeconfig a b c\n startup_timeout 25h\n apiserver_qps -1\n"
	 " apiserver_burst 1.2.3\n apiserver_max_inflight\n endpoint y\n }\n}",
	 "Corefile:3: \"endpoint\" has no block of options\n"
	 "Corefile:6: \"tls\" lacks an argument\n"
	 "Corefile:7: \"kubeconfig\" has an argument too many: \"c\"\n"
	 "Corefile:8: \"25h\" is not a duration of at most a day, as in 5s or 1m30s\n"
	 "Corefile:9: apiserver_qps: \"-1\" is not a number from 0 on\n"
	 "Corefile:10: apiserver_burst: \"1.2.3\" is not a number from 0 on\n"
	 "Corefile:11: \"apiserver_max_inflight\" lacks an argument\n"},
	{"kubernetes, more of the API server",
	 ". {\n kubernetes a.test {\n endpoint http://u:s3cr3t@x http://b\n tls a \"\" c\n"
	 " kubeconfig {%NONE%} \"\"\n apiserver_qps .\n apiserver_burst \"\"\n }\n}",
	 "Corefile:3: kubernetes: endpoint: the URL has a user in it\n"
	 "Corefile:4: kubernetes: a path of \"tls\" is empty\n"
	 "Corefile:5: kubernetes: a path of \"kubeconfig\" is empty\n"
	 "Corefile:6: apiserver_qps: \".\" is not a number from 0 on\n"
	 "Corefile:7: apiserver_burst: \"\" is not a number from 0 on\n"},
	{"kubernetes, objects and an API server",
	 "a.test {\n kubernetes {\n objects x\n endpoint y\n }\n}\n"
	 "b.test {\n kubernetes {\n objects x\n tls a b c\n }\n}\n"
	 "c.test {\n kubernetes {\n objects x\n kubeconfig y\n }\n}\n"
	 "d.test {\n kubernetes {\n kubeconfig y\n endpoint x\n }\n}\n"
	 "e.test {\n kubernetes {\n kubeconfig y\n tls a b c\n }\n}\n"
	 "f.test {\n kubernetes {\n tls a b c\n }\n}\n"
	 "g.test {\n kubernetes {\n endpoint x\n server y\n }\n}\n"
	 "h.test {\n kubernetes {\n server x://y\n }\n}\n",
	 OBJECTS_ALONE("2") OBJECTS_ALONE("8") OBJECTS_ALONE("14") KUBECONFIG_ALONE("20")
		 KUBECONFIG_ALONE("26") "Corefile:32: kubernetes: \"tls\" needs an \"endpoint\": "
					"in a pod it is the service account that counts\n"
					"Corefile:37: kubernetes: \"server\" is in place of a "
					"kubeconfig's server or of "
					"the pod's: it excludes \"endpoint\"\n"
					"Corefile:44: kubernetes: server: the URL's scheme is none "
					"of http://, https://\n"},
	{"kubernetes, namespaces both ways",
	 ". {\n kubernetes a.test {\n objects x\n namespaces x\n namespace_labels a=b\n }\n}",
	 "Corefile:2: kubernetes: \"namespaces\" and \"namespace_labels\" exclude each other\n"},
	{"kubernetes twice",
	 ". {\n kubernetes a.test {\n objects x\n }\n kubernetes b.test {\n objects x\n }\n}",
	 "Corefile:5: \"kubernetes\" stands at Corefile:2 already\n"},

	/* imports */
	{"import, arguments", "import\nimport a b\nimport \"\"\n",
	 "Corefile:1: \"import\" takes one argument: a file, a pattern or a snippet's name\n"
	 "Corefile:2: \"import\" takes one argument: a file, a pattern or a snippet's name\n"
	 "Corefile:3: \"import\" takes one argument: a file, a pattern or a snippet's name\n"},
	{"import, no such file", ". {\n import missing\n}",
	 "Corefile:2: cannot import \"missing\": No such file or directory\n"},
	{"import, cycle", "import Corefile\n. {\n import one\n}",
	 "Corefile:1: import cycle: \"Corefile\" imports itself\n"
	 "two:2: import cycle: \"one\" imports itself\n"},
	{"import, a cycle of paths", ". {\n import ./three\n}",
	 "four:1: import cycle: \"three\" imports itself\n"},
	{"import, wildcards", "import a/*/*/*.conf\n.",
	 "Corefile:1: \"a/*/*/*.conf\" has too many wildcards: at most two are allowed\n"},
	{"import, problems elsewhere", ". {\n import wrong/*.override\n import inner\n foo\n}",
	 "wrong/b.override:1: this \"{\" is never closed\n"
	 "inner:1: this \"}\" closes nothing\n"
	 "wrong/a.override:1: unknown directive \"errorz\": did you mean \"errors\"?\n"
	 "wrong/a.override:3: \"whoami\" has an argument too many: \"x\"\n"
	 "Corefile:4: unknown directive \"foo\"\n"},
	{"snippets", "(a) {\n import a\n}\n(a) {\n}\n. {\n import a\n}\n(b) {\n",
	 "Corefile:9: this \"{\" is never closed\n"
	 "Corefile:4: snippet \"a\" is there already\n"
	 "Corefile:2: import cycle: \"(a)\" imports itself\n"},
	{"snippets upon snippets",
	 "(a) {\n}\n(b) {\n import a\n import a\n import a\n import a\n import a\n import a\n"
	 " import a\n import a\n import a\n import a\n}\n(c) {\n import b\n import b\n import b\n"
	 " import b\n import b\n import b\n import b\n import b\n import b\n import b\n}\n"
	 "(d) {\n import c\n import c\n import c\n import c\n import c\n import c\n import c\n"
	 " import c\n import c\n import c\n}\n. {\n import d\n}",
	 "Corefile:37: more than 1000 imports\n"},

	/* forward */
	{"forward without upstreams", ". {\n forward .\n forward\n}",
	 "Corefile:2: \"forward\" lacks an argument\n"
	 "Corefile:3: \"forward\" lacks an argument\n"},
	{"forward: what is no upstream",
	 ". {\n forward . 1.2.3.4.5 1.2.3.4: 1.2.3.4:0 1.2.3.4:x [::1 fe80::1%eth0 a..b "
	 "10.0.0.1/8\n}",
	 "Corefile:2: forward: \"1.2.3.4.5\" is no address, no file and no host name\n"
	 "Corefile:2: forward: \"1.2.3.4:\" has no port after its \":\"\n"
	 "Corefile:2: forward: \"1.2.3.4:0\" has no port after its \":\"\n"
	 "Corefile:2: forward: \"1.2.3.4:x\" has no port after its \":\"\n"
	 "Corefile:2: forward: \"[::1\" is no address, no file and no host name\n"
	 "Corefile:2: forward: \"fe80::1%eth0\" is no address, no file and no host name\n"
	 "Corefile:2: forward: \"a..b\" is no address, no file and no host name\n"
	 "Corefile:2: forward: \"10.0.0.1/8\" cannot be read\n"},
	{"forward: TLS", ". {\n forward . tls://9.9.9.9 {\n tls_servername dns.quad9.net\n }\n}",
	 "Corefile:2: forward: kaname does not have \"tls://\": it forwards by UDP and TCP only; "
	 "put "
	 "a DNS proxy that speaks TLS between\n"},
	{"forward: too many",
	 ". {\n forward . 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
	 "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1\n}",
	 "Corefile:2: forward: more than 15 upstreams\n"},
	{"forward: options",
	 ". {\n forward . 1.1.1.1 {\n policy best\n max_fails -1\n expire 10\n health_check\n"
	 " health_check 1s rec\n next NOPE\n failover NOERROR\n force_tcp x\n expires 1s\n }\n}",
	 "Corefile:3: forward: unknown policy \"best\": there are random, round_robin, "
	 "sequential\n"
	 "Corefile:4: max_fails: \"-1\" is not a number from 0 to 100000000\n"
	 "Corefile:5: forward: \"10\" is not a duration of at most 86400s, as in 5s or 1m30s\n"
	 "Corefile:6: \"health_check\" lacks an argument\n"
	 "Corefile:7: forward: unknown word of health_check \"rec\": there are no_rec, domain\n"
	 "Corefile:8: forward: unknown rcode \"NOPE\": there are NOERROR, FORMERR, SERVFAIL, "
	 "NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE\n"
	 "Corefile:9: forward: \"failover\" on NOERROR would never end\n"
	 "Corefile:10: \"force_tcp\" has an argument too many: \"x\"\n"
	 "Corefile:11: forward: unknown option \"expires\": did you mean \"expire\"?\n"},

	/* cache */
	{"cache: numbers",
	 ". {\n cache 0 {\n success\n denial -1\n prefetch 2 1m 10\n servfail 6m\n }\n}",
	 "Corefile:2: cache: \"0\" is not a number from 1 to 999999999\n"
	 "Corefile:3: \"success\" lacks an argument\n"
	 "Corefile:4: cache: \"-1\" is not a number from 0 to 100000000\n"
	 "Corefile:5: cache: \"10\" lacks a percent sign, as in 10%\n"
	 "Corefile:6: cache: \"6m\" is not a duration of at most 300s, as in 5s or 1m30s\n"},
	{"cache: words",
	 ". {\n cache {\n serve_stale 1h verified\n disable succes\n prefetch 2 1m 95%\n"
	 " success 100 30 -60\n keepttl x\n }\n cache\n}",
	 "Corefile:3: cache: unknown mode of serve_stale \"verified\": there are immediate, "
	 "verify\n"
	 "Corefile:4: cache: cannot disable \"succes\": did you mean \"success\"?\n"
	 "Corefile:5: cache: \"95\" is not a number from 10 to 90\n"
	 "Corefile:6: cache: \"-60\" is not a number from 0 to 999999999\n"
	 "Corefile:7: \"keepttl\" has an argument too many: \"x\"\n"
	 "Corefile:9: \"cache\" stands at Corefile:2 already\n"},
};

static const struct memory_file files[] = {
	{"Corefile", ""},
	{"/etc/resolv.conf", "nameserver 10.0.0.1\n"},
	{"one", "import two\n"},
	{"two", "errors\nimport one\n"},
	{"./three", "import ./four\n"},
	{"./four", "import ././/three\n"},
	{"wrong/a.override", "errorz\n\nwhoami x\n"},
	{"wrong/b.override", "log {\n class all\n"},
	{"inner", "}\n"},
	{NULL, NULL},
};

/* Returns whether the case is as it should be. */
static bool check_case(const struct refused_case *refused)
{
	struct memory_file with_corefile[ARRAY_LEN(files)];
	struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct config_machine machine;
	struct config config;
	struct text problems = {0};

	memcpy(with_corefile, files, sizeof(files));
	with_corefile[0].content = refused->corefile;
	memory_machine(&machine, with_corefile);
	if (config_load_on(&config, "Corefile", &machine, &options, &problems) == 0)
		text_puts(&problems, "accepted\n");

	bool is_good = strcmp(problems.bytes, refused->want) == 0;

	if (!is_good)
		print_error("%s: got\n%swant\n%s", refused->name, problems.bytes, refused->want);
	config_free(&config);
	text_fini(&problems);
	return is_good;
}

static void test_refused(void **state)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		n_bad += !check_case(&cases[i]);
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
