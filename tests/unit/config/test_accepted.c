/* SPDX-License-Identifier: Apache-2.0
 *
 * Corefiles that are right, and what they are translated to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"

#define PAIR "listen 0.0.0.0:53 server 0\nlisten [::]:53 optional server 0\n"
#define ROOT PAIR "view 0 dns://:53 . block 0 metrics 0\n"
#define OWN "own 192.0.2.7\nown fd00::7\n"

/* Few cases have notes. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct accepted_case {
	const char *name;
	const char *corefile;
	const char *want;
	const char *notes; /* NULL: not looked at */
};

static const struct accepted_case cases[] = {
	{"one block", ".:53 {\n whoami\n}\n", ROOT "block 0 whoami\n"},
	{"the default port", ".\n{\nerrors\n}", ROOT "block 0 errors\n"},
	{"no braces", "\n# comment\n.\nerrors\nlog . {\n class error\n}\nwhoami", //
	 ROOT "block 0 whoami errors\n log . classes 4\n"},
	{"a zone alone", ".", ROOT "block 0\n"},
	{"CRLF, BOM and other spaces", "\xef\xbb\xbf.\xc2\xa0{\r\n\twhoami\r\n}\r\n",
	 ROOT "block 0 whoami\n"},
	{"a comment needs a space before it", ". { # {\n log a#b.test # x\n}",
	 ROOT "block 0\n log a#b.test. classes 7\n"},
	{"quotes", "\".\" {\n log \"a\\\"b.test\" \"x\\032y.test\" \"{combined}\"\n}",
	 ROOT "block 0\n log a\\\"b.test.,x\\032y.test. classes 7 combined\n"},
	{"schemes", "dns://a.test:54 {\n}\ndns://a.test {\n}\n",
	 "listen 0.0.0.0:54 server 0\nlisten [::]:54 optional server 0\n"
	 "listen 0.0.0.0:53 server 1\nlisten [::]:53 optional server 1\n"
	 "view 0 dns://:54 a.test. block 0 metrics 1\n"
	 "view 1 dns://:53 a.test. block 1 metrics 0\nblock 0\nblock 1\n"},
	{"keys over lines, the longest zone first", "a.test, b.a.test,\n . A.B.Test {\n}",
	 PAIR "view 0 dns://:53 a.b.test. block 0 metrics 1\n"
	      "view 0 dns://:53 b.a.test. block 0 metrics 3\n"
	      "view 0 dns://:53 a.test. block 0 metrics 2\n"
	      "view 0 dns://:53 . block 0 metrics 0\nblock 0\n"},
	{"CIDR keys", "10.1.2.3/23:53 fd00::/16 0/25.2.0.192.in-addr.arpa {\n}",
	 PAIR "view 0 dns://:53 0/25.2.0.192.in-addr.arpa. block 0 metrics 1\n"
	      "view 0 dns://:53 0.0.d.f.ip6.arpa. block 0 metrics 0\n"
	      "view 0 dns://:53 2.1.10.in-addr.arpa. block 0 metrics 2\n"
	      "view 0 dns://:53 3.1.10.in-addr.arpa. block 0 metrics 3\nblock 0\n"},
	{"two blocks, the same port", ". {\n errors\n}\na.test {\n whoami\n}\n",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 . block 0 metrics 0\nblock 0 errors\nblock 1 whoami\n"},
	{"bind", ". {\n bind 127.0.0.1 ::1\n bind 127.0.0.1\n}",
	 "listen 127.0.0.1:53 server 0\nlisten [::1]:53 server 1\n"
	 "view 0 dns://127.0.0.1:53 . block 0 metrics 0\n"
	 "view 1 dns://[::1]:53 . block 0 metrics 1\nblock 0\n"},
	{"bind to interfaces", ".:1053 {\n bind lo eth0 {\n except ::1 192.0.2.7\n }\n}",
	 "listen 127.0.0.1:1053 server 0\nlisten [fd00::7]:1053 server 1\n"
	 "view 0 dns://127.0.0.1:1053 . block 0 metrics 0\n"
	 "view 1 dns://[fd00::7]:1053 . block 0 metrics 1\nblock 0\n"},
	{"bind beside none", ". {\n}\n. {\n bind 127.0.0.1\n}",
	 PAIR "listen 127.0.0.1:53 server 1\nview 0 dns://:53 . block 0 metrics 1\n"
	      "view 1 dns://127.0.0.1:53 . block 1 metrics 0\nblock 0\nblock 1\n"},
	{"bind to a wildcard", "a.test {\n bind 0.0.0.0\n}\nb.test {\n}",
	 "listen 0.0.0.0:53 server 0\nlisten [::]:53 optional server 1\n"
	 "view 0 dns://0.0.0.0:53 a.test. block 0 metrics 0\n"
	 "view 0 dns://:53 b.test. block 1 metrics 1\n"
	 "view 1 dns://:53 b.test. block 1 metrics 1\nblock 0\nblock 1\n"},
	{"log",
	 ". {\n log\n log a.test b.test {common} {\n class denial success\n class error\n }\n}",
	 ROOT "block 0\n log . classes 7\n log a.test.,b.test. classes 7\n"},
	{"log classes", ". {\n log . {combined} {\n class denial error\n }\n}",
	 ROOT "block 0\n log . classes 6 combined\n"},
	{"log formats",
	 ". {\n log . \"{proto} Request: {name} {type} {>id}\"\n log a.test {json}\n"
	 " log \"A } { {name} {x} {/a/b} {>ID}{common}\"\n log \"{/}\"\n}",
	 ROOT "block 0\n log . classes 7 <{proto} Request: {name} {type} {>id}>\n"
	      " log a.test. classes 7 bare <{json}>\n"
	      " log . classes 7 <A } { {name} {x} {/} {>ID}{remote}:{port} - {>id} \"{type} "
	      "{class} {name} {proto} {size} {>do} {>bufsize}\" {rcode} {>rflags} {rsize} "
	      "{duration}>\n log . classes 7 <{/}>\n"},
	{"log options",
	 ". {\n log . {\n class error\n minDuration 1s\n }\n log . {\n sample 100\n slow 1.5ms\n "
	 "}\n}",
	 ROOT "block 0\n log . classes 4 min 1000000000\n"
	      " log . classes 7 slow 1500000 sample 100\n"},
	{"errors",
	 ". {\n errors stdout {\n stacktrace\n consolidate 5m \".* i/o timeout$\" warning\n"
	 " consolidate 30s \"^Failed to .+\"\n consolidate 1.5h a debug show_first\n"
	 " consolidate 100ms b show_first\n }\n}",
	 ROOT "block 0 errors\n consolidate 5m0s (300000000000 ns) <.* i/o timeout$> level 2\n"
	      " consolidate 30s (30000000000 ns) <^Failed to .+> level 3\n"
	      " consolidate 1h30m0s (5400000000000 ns) <a> level 0 first\n"
	      " consolidate 100ms (100000000 ns) <b> level 3 first\n",
	 "Corefile:3: errors: \"stacktrace\" changes nothing: there are no panics to recover "
	 "from\n"},
	{"rewrite: names",
	 ". {\n rewrite name A.test b.test.\n rewrite stop name exact a.test B.\n"
	 " rewrite continue name Prefix API web\n rewrite name suffix .a.Test .b.test.\n"
	 " rewrite name substring x .y.\n rewrite name regex (.*)\\.A(.) {2}.{0}.X\n}",
	 ROOT "block 0\n rewrite Corefile:2 name exact a.test. to b.test. auto\n"
	      " rewrite Corefile:3 name exact a.test. to b. auto\n"
	      " rewrite Corefile:4 continue name prefix api. to web.\n"
	      " rewrite Corefile:5 name suffix .a.test. to .b.test.\n"
	      " rewrite Corefile:6 name substring x. to .y.\n"
	      " rewrite Corefile:7 name regex groups 3 to {2}.{0}.x\n"},
	{"rewrite: answers",
	 ". {\n rewrite stop {\n  name regex (.*)\\.a {1}.b\n  answer name (.*)\\.b {1}.a\n"
	 "  answer value (.*) {1}\n }\n rewrite {\n  name suffix .a .b answer auto\n }\n"
	 " rewrite name prefix a b answer auto value x y answer value z w\n"
	 " rewrite name exact a b answer name x y name z w\n rewrite continue {\n  ttl regex .* "
	 "15\n }\n"
	 "}",
	 ROOT "block 0\n rewrite Corefile:2 name regex groups 2 to {1}.b name {1}.a value {1}\n"
	      " rewrite Corefile:7 name suffix .a. to .b. auto\n"
	      " rewrite Corefile:10 name prefix a. to b. auto value y value w\n"
	      " rewrite Corefile:11 name exact a. to b. auto name y name w\n"
	      " rewrite Corefile:12 continue ttl regex groups 1 15-15\n"},
	{"rewrite: other fields",
	 ". {\n rewrite type ANY hinfo\n rewrite type TYPE65 A\n rewrite class ch in\n"
	 " rewrite ttl a.test 30\n rewrite ttl suffix test 0-60\n rewrite ttl exact a 60-\n"
	 " rewrite ttl regex a -60\n rewrite rcode a.test NXDOMAIN noerror\n"
	 " rewrite continue rcode substring a 2 BADSIG\n minimal\n}",
	 ROOT "block 0 minimal\n rewrite Corefile:2 type 255 to 13\n"
	      " rewrite Corefile:3 type 65 to 1\n rewrite Corefile:4 class 3 to 1\n"
	      " rewrite Corefile:5 ttl exact a.test. 30-30\n"
	      " rewrite Corefile:6 ttl suffix test. 0-60\n"
	      " rewrite Corefile:7 ttl exact a. 60-2147483647\n"
	      " rewrite Corefile:8 ttl regex groups 1 0-60\n"
	      " rewrite Corefile:9 rcode exact a.test. 3 to 0\n"
	      " rewrite Corefile:10 continue rcode substring a. 2 to 16\n"},
	{"rewrite: edns0",
	 ". {\n rewrite edns0 local set 0xffee 0x61626364\n rewrite edns0 local append 65001 "
	 "{client_ip}\n"
	 " rewrite edns0 local replace 1 {some-plugin/label} revert\n rewrite edns0 local unset 1\n"
	 " rewrite edns0 nsid Set\n rewrite edns0 subnet set 24 56 revert\n}",
	 ROOT "block 0\n rewrite Corefile:2 edns0\n rewrite Corefile:3 edns0\n"
	      " rewrite Corefile:4 continue edns0\n rewrite Corefile:5 continue edns0\n"
	      " rewrite Corefile:6 edns0\n rewrite Corefile:7 edns0\n"},
	{"health, ready, prometheus",
	 ". {\n health {\n lameduck 1m30.5s\n }\n ready\n prometheus\n}\n"
	 "a.test {\n health 127.0.0.1:81 {\n lameduck 300ms\n }\n ready :8181 {\n"
	 " monitor until-ready\n }\n prometheus [::1]:9153\n}\n",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 . block 0 metrics 0\nblock 0 prometheus\nblock 1 prometheus\n"
	      "health [::]:8080 wildcard\nhealth 127.0.0.1:81\nready [::]:8181 wildcard\n"
	      "prometheus 127.0.0.1:9153\nprometheus [::1]:9153\nlameduck 90500\n"},
	{"wildcards of both kinds", ". {\n health 0.0.0.0:1\n prometheus [::]:1\n}",
	 ROOT "block 0 prometheus\nhealth [::]:1 wildcard\nprometheus [::]:1 wildcard\n"},
	{"small ones", ". {\n loadbalance\n debug\n bufsize 512\n multisocket 7\n}",
	 ROOT "block 0 bufsize 512\nworkers 7\ndebug\n"},
	{"their defaults", ". {\n loadbalance round_robin\n bufsize\n multisocket\n}\n",
	 ROOT "block 0\n"},
	{"the largest multisocket", ". {\n multisocket 1\n}\na.test {\n multisocket 3\n}",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 . block 0 metrics 0\nblock 0\nblock 1\nworkers 3\n"},
	{"hosts", "a.test b.test {\n hosts\n}",
	 PAIR "view 0 dns://:53 a.test. block 0 metrics 0\n"
	      "view 0 dns://:53 b.test. block 0 metrics 1\n"
	      "block 0\n hosts a.test.,b.test. ttl 3600 entries 0\n"},
	{"hosts with everything",
	 ". {\n hosts hostsfile Example.Org 10.0.0.9/8 {\n 10.0.0.1 a.example.org "
	 "b.example.org # x\n"
	 " fd00::1%eth0 c.example.org.\n ttl 30\n reload 0\n fallthrough example.org\n "
	 "fallthrough_unsupported\n }\n}",
	 ROOT "block 0\n hosts example.org.,10.in-addr.arpa. ttl 30 entries 8 "
	      "fallthrough_unsupported example.org.\n"},
	{"hosts without reverse names",
	 ". {\n hosts hostsfile {\n no_reverse\n reload 1m\n fallthrough\n }\n}",
	 ROOT "block 0\n hosts . ttl 3600 entries 2 fallthrough \n"},
	{"hosts without a file", ". {\n hosts none\n}",
	 ROOT "block 0\n hosts . ttl 3600 entries 0\n"},
	{"hosts with names that are none",
	 ". {\n hosts none a.test {\n 10.0.0.1 x..y b.test a.test\n 10.0.0.2\n }\n}",
	 ROOT "block 0\n hosts a.test. ttl 3600 entries 2\n"},
	{"loadbalance prefer",
	 ". {\n loadbalance {\n prefer 10.1.2.3/9 fd00::1/8\n prefer "
	 "0.0.0.0/0\n }\n}",
	 ROOT "block 0\n loadbalance 10.0.0.0/9 fd00::/8 0.0.0.0/0\n"},
	{"loadbalance weighted",
	 ". {\n loadbalance weighted weights {\n reload 0s\n prefer 10.0.0.0/8\n }\n}\n"
	 "a.test {\n loadbalance weighted none\n}",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 . block 0 metrics 0\n"
	      "block 0\n loadbalance weighted 10.0.0.0/8\nblock 1\n loadbalance\n"},
	{"forward",
	 ". {\n forward . 10.0.0.1 10.0.0.2:5353 fd00::1 [fd00::2]:54 dns://10.0.0.3 "
	 "/etc/resolv.conf dns.example.org ns.test:99\n}",
	 ROOT "block 0\n forward . group 0\ngroup 0 10.0.0.1:53 10.0.0.2:5353 [fd00::1]:53 "
	      "[fd00::2]:54 10.0.0.3:53 /etc/resolv.conf dns.example.org.:53 ns.test.:99\n"},
	{"forward with everything",
	 ". {\n forward Corp.Test 10.0.0.1 {\n except a.corp.test b.corp.test\n force_tcp\n "
	 "prefer_udp\n"
	 " expire 20s\n max_fails 0\n max_connect_attempts 3\n policy sequential\n"
	 " health_check 1s no_rec domain health.test\n max_concurrent 1000\n next NXDOMAIN "
	 "refused\n"
	 " failfast_all_unhealthy_upstreams\n failover FORMERR\n }\n forward . 10.0.0.2\n loop\n}",
	 ROOT "block 0\n forward corp.test. group 0 except a.corp.test.,b.corp.test.\n"
	      " forward . group 1\n"
	      "group 0 10.0.0.1:53 policy 2 force_tcp prefer_udp failfast loop no_rec expire 20000 "
	      "fails 0 attempts 3 concurrent 1000 interval 1000 domain health.test. failover 36 "
	      "next 28 next_group 1\n"
	      "group 1 10.0.0.2:53 loop\n"},
	{"forward of a prefix", ". {\n forward 10.0.0.0/15 10.0.0.1\n}",
	 ROOT "block 0\n forward 0.10.in-addr.arpa. group 0\n forward 1.10.in-addr.arpa. group 0\n"
	      "group 0 10.0.0.1:53\n"},
	{"cache", ". {\n cache\n forward . 10.0.0.1\n}",
	 ROOT "block 0\n forward . group 0\n"
	      "cache dns://:53 . zones all success 4992 3600 0 denial 4992 1800 0\n"
	      "group 0 10.0.0.1:53\ngroup 0 cached by 0\n"},
	{"caches of stub zones",
	 ". {\n forward . 10.0.0.1\n forward x.test 10.0.0.2\n cache 30 {\n disable success c.test "
	 "d.test\n"
	 " disable denial\n }\n}\na.test b.test {\n forward . 10.0.0.3\n}\n"
	 "c.test {\n cache 10 x.c.test {\n success 1000 300 20\n denial 5\n prefetch 5 2m 20%\n"
	 " serve_stale 2h verify 1s\n servfail 0\n keepttl\n }\n forward . 10.0.0.4\n}",
	 PAIR
	 "view 0 dns://:53 a.test. block 1 metrics 1\n"
	 "view 0 dns://:53 b.test. block 1 metrics 2\n"
	 "view 0 dns://:53 c.test. block 2 metrics 3\n"
	 "view 0 dns://:53 . block 0 metrics 0\n"
	 "block 0\n forward . group 0\n forward x.test. group 1\n"
	 "block 1\n forward . group 2\nblock 2\n forward . group 3\n"
	 "cache dns://:53 . zones all success 4992 30 0 disabled c.test.,d.test. denial 4992 30 "
	 "0 disabled all\n"
	 "cache dns://:53 x.c.test. zones x.c.test. success 500 300 20 denial 64 10 0 prefetch 5 "
	 "120000 20 stale 2 7200 ttl 30 verify 1000 servfail 0 keepttl\n"
	 "group 0 10.0.0.1:53\ngroup 1 10.0.0.2:53\ngroup 2 10.0.0.3:53\n"
	 "group 3 10.0.0.4:53\n"
	 "group 0 cached by 0\ngroup 1 cached by 0\ngroup 3 cached by 1\n"},
	{"cache: serve_stale alone", "a.test {\n cache {\n serve_stale\n prefetch 0\n }\n}",
	 PAIR
	 "view 0 dns://:53 a.test. block 0 metrics 0\nblock 0\n"
	 "cache dns://:53 a.test. zones all success 4992 3600 0 denial 4992 1800 0 stale 1 3600 "
	 "ttl 30 verify 1800\n"},
	{"loop and reload", ". {\n loop\n reload 30s 5s\n}", ROOT "block 0\nreload 30000 5000\n"},
	{"kubeadm's default", config_default_corefile,
	 ROOT
	 "block 0 errors prometheus\n cluster cluster.local.,in-addr.arpa.,ip6.arpa. primary "
	 "cluster.local. source 0 ttl 30 pods 1 fallthrough in-addr.arpa.,ip6.arpa.\n"
	 " forward . group 0\n"
	 "cache dns://:53 . zones all success 4992 30 0 disabled cluster.local. denial 4992 30 0 "
	 "disabled cluster.local.\n"
	 "group 0 /etc/resolv.conf loop expire 10000 fails 2 attempts 0 concurrent 1000 interval "
	 "500\ngroup 0 cached by 0\nsource 0 api\n" OWN
	 "health [::]:8080 wildcard\nready [::]:8181 wildcard\nprometheus [::]:9153 wildcard\n"
	 "lameduck 5000\nreload 30000 15000\n"},
	{"kubernetes", ". {\n kubernetes cluster.local in-addr.arpa {\n objects a.json\n }\n}",
	 ROOT
	 "block 0\n cluster cluster.local.,in-addr.arpa. primary cluster.local. source 0 ttl 5 "
	 "pods 0\nsource 0 objects a.json\n" OWN},
	{"kubernetes with everything",
	 ". {\n kubernetes 10.0.0.0/8 Cluster.Local {\n objects a b\n objects c\n pods verified\n"
	 " ttl 0\n noendpoints\n endpoint_pod_names\n namespaces x y\n namespaces z\n"
	 " labels app in (web, db),tier!=x\n ignore empty_service\n fallthrough\n }\n}",
	 ROOT "block 0\n cluster 10.in-addr.arpa.,cluster.local. primary cluster.local. source 0 "
	      "ttl 0 pods 2 fallthrough \nsource 0 objects a b c namespace x namespace y "
	      "namespace z labels noendpoints endpoint_pod_names ignore_empty_service pods\n" OWN},
	{"kubernetes, what may not be listed is done without",
	 ". {\n kubernetes a.test {\n minimal_rights\n }\n}",
	 ROOT "block 0\n cluster a.test. primary a.test. source 0 ttl 5 pods 0\n"
	      "source 0 api minimal_rights\n" OWN},
	{"kubernetes in a pod", ". {\n kubernetes a.test\n}",
	 ROOT "block 0\n cluster a.test. primary a.test. source 0 ttl 5 pods 0\n"
	      "source 0 api\n" OWN},
	{"kubernetes, an endpoint",
	 ". {\n kubernetes a.test {\n endpoint https://[fd00::1]:6443/k8s\n"
	 " tls client.crt client.key /ca.crt\n startup_timeout 1m\n labels app in (a,  b)\n"
	 " namespace_labels \"x =y\"\n apiserver_qps 0.5\n apiserver_burst 10\n"
	 " apiserver_max_inflight 3\n }\n}",
	 ROOT "block 0\n cluster a.test. primary a.test. source 0 ttl 5 pods 0\n"
	      "source 0 api endpoint https://[fd00::1]:6443/k8s tls client.crt client.key /ca.crt "
	      "startup_timeout 60000 (app in (a, b)) (x =y) labels namespace_labels\n" OWN},
	{"kubernetes, kubeconfigs",
	 "a.test {\n kubernetes {\n kubeconfig /etc/k\n }\n}\n"
	 "b.test {\n kubernetes {\n kubeconfig /etc/k kind-kind\n }\n}\n"
	 "c.test {\n kubernetes {\n kubeconfig /etc/k \"\"\n startup_timeout 0\n }\n}\n"
	 "d.test {\n kubernetes {\n startup_timeout 5s\n kubeconfig /etc/k\n }\n}\n"
	 "e.test {\n kubernetes {\n endpoint a:1\n }\n}\n"
	 "f.test {\n kubernetes {\n endpoint a:2\n }\n}\n"
	 "g.test {\n kubernetes\n}\n",
	 PAIR "view 0 dns://:53 a.test. block 0 metrics 0\n"
	      "view 0 dns://:53 b.test. block 1 metrics 1\n"
	      "view 0 dns://:53 c.test. block 2 metrics 2\n"
	      "view 0 dns://:53 d.test. block 3 metrics 3\n"
	      "view 0 dns://:53 e.test. block 4 metrics 4\n"
	      "view 0 dns://:53 f.test. block 5 metrics 5\n"
	      "view 0 dns://:53 g.test. block 6 metrics 6\n"
	      "block 0\n cluster a.test. primary a.test. source 0 ttl 5 pods 0\n"
	      "block 1\n cluster b.test. primary b.test. source 1 ttl 5 pods 0\n"
	      "block 2\n cluster c.test. primary c.test. source 2 ttl 5 pods 0\n"
	      "block 3\n cluster d.test. primary d.test. source 0 ttl 5 pods 0\n"
	      "block 4\n cluster e.test. primary e.test. source 3 ttl 5 pods 0\n"
	      "block 5\n cluster f.test. primary f.test. source 4 ttl 5 pods 0\n"
	      "block 6\n cluster g.test. primary g.test. source 5 ttl 5 pods 0\n"
	      "source 0 api kubeconfig /etc/k\n"
	      "source 1 api kubeconfig /etc/k context kind-kind\n"
	      "source 2 api kubeconfig /etc/k startup_timeout 0\n"
	      "source 3 api endpoint a:1\nsource 4 api endpoint a:2\nsource 5 api\n" OWN},
	{"kubernetes in the block's zones",
	 "a.test 10.0.0.0/8 {\n kubernetes {\n objects a\n namespace_labels env=x\n"
	 " pods insecure\n fallthrough in-addr.arpa 10.0.0.0/8\n }\n bind 127.0.0.1\n}",
	 "listen 127.0.0.1:53 server 0\n"
	 "view 0 dns://127.0.0.1:53 10.in-addr.arpa. block 0 metrics 0\n"
	 "view 0 dns://127.0.0.1:53 a.test. block 0 metrics 1\nblock 0\n"
	 " cluster 10.in-addr.arpa.,a.test. primary a.test. source 0 ttl 5 pods 1 "
	 "fallthrough in-addr.arpa.,10.in-addr.arpa.\n"
	 "source 0 objects a namespace_labels\nown 127.0.0.1\n"},
	{"equal sources are one",
	 "a.test {\n kubernetes {\n objects x\n labels a=b\n ttl 1\n pods insecure\n }\n}\n"
	 "b.test {\n kubernetes {\n labels a=b\n objects x\n }\n}\n"
	 "c.test {\n kubernetes {\n objects x\n labels a=b\n pods verified\n }\n}\n",
	 PAIR "view 0 dns://:53 a.test. block 0 metrics 0\n"
	      "view 0 dns://:53 b.test. block 1 metrics 1\n"
	      "view 0 dns://:53 c.test. block 2 metrics 2\n"
	      "block 0\n cluster a.test. primary a.test. source 0 ttl 1 pods 1\n"
	      "block 1\n cluster b.test. primary b.test. source 0 ttl 5 pods 0\n"
	      "block 2\n cluster c.test. primary c.test. source 1 ttl 5 pods 2\n"
	      "source 0 objects x labels\nsource 1 objects x labels pods\n" OWN},
	{"kubernetes, an older CoreDNS's words",
	 ". {\n kubernetes a.test {\n endpoint http://a:1 http://b:1\n upstream 10.0.0.1\n"
	 " resyncperiod 5m\n }\n}",
	 ROOT "block 0\n cluster a.test. primary a.test. source 0 ttl 5 pods 0\n"
	      "source 0 api endpoint http://a:1\n" OWN,
	 "Corefile:3: kubernetes: only the first \"endpoint\" is asked, as in CoreDNS; a load "
	 "balancer before all of them would help\n"
	 "Corefile:4: kubernetes: \"upstream\" has no effect: the targets of ExternalNames "
	 "are asked for as any other name\n"
	 "Corefile:5: kubernetes: \"resyncperiod\" has no effect: changes are watched, and "
	 "listed again only where that is needed\n"},
	{"acl",
	 "a.test b.test {\n acl {\n allow\n }\n acl c.test 10.0.0.0/8 {\n"
	 " block type A AAAA type65280 net 10.1.2.3/9 192.0.2.7 fd00::/15 ::ffff:10.0.0.0/105\n"
	 " Filter NET *\n drop type * net 0.0.0.0/0 ::/0 10.0.0.1\n Block type a ANY\n"
	 " allow net 10.0.0.0/24 10.0.0.128/25 10.0.2.0/24 10.0.1.0/24\n }\n}",
	 PAIR "view 0 dns://:53 a.test. block 0 metrics 0\n"
	      "view 0 dns://:53 b.test. block 0 metrics 1\nblock 0\n"
	      " acl a.test.,b.test. | Corefile:3 allow from all\n"
	      " acl c.test.,10.in-addr.arpa. | Corefile:6 block A AAAA TYPE65280 "
	      "10.0.0.0-10.127.255.255 192.0.2.7-192.0.2.7 "
	      "fd00::-fd01:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	      " | Corefile:7 filter from all | Corefile:8 drop 0.0.0.0-255.255.255.255 "
	      "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff | Corefile:9 block A ANY from all"
	      " | Corefile:10 allow 10.0.0.0-10.0.0.255 10.0.1.0-10.0.1.255 "
	      "10.0.2.0-10.0.2.255\n"},
	{"acl without rules", ". {\n acl\n}", ROOT "block 0\n acl .\n",
	 "Corefile:2: acl: it has no rules, every query is allowed\n"},
	{"who we are", ". {\n chaos\n nsid\n}",
	 ROOT "block 0\n chaos Corefile:2: kaname-" KANAME_VERSION
	      ", node-7 by (the authors of kaname)\n nsid node-7\n"},
	{"who we say we are",
	 ". {\n chaos CoreDNS-1.11.1 \"Ann One\" Bob \"Ann One\"\n nsid at the edge\n}\n"
	 "a.test {\n chaos x\n nsid \"\"\n}",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 . block 0 metrics 0\nblock 0\n"
	      " chaos Corefile:2: CoreDNS-1.11.1, node-7 by (Ann One) (Bob)\n nsid at the edge\n"
	      "block 1\n chaos Corefile:6: x, node-7 by (the authors of kaname)\n nsid \n"},
	{"local and any",
	 ". {\n local\n any\n}\na.test {\n local {\n localhost_prefix off\n }\n}\n"
	 "b.test {\n local {\n localhost_prefix on\n }\n}",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 b.test. block 2 metrics 2\n"
	      "view 0 dns://:53 . block 0 metrics 0\n"
	      "block 0 local any\nblock 1 local without_prefix\nblock 2 local\n"},
	{"twice: lists grow, of chaos and bufsize the first counts",
	 ". {\n chaos x\n chaos y\n bufsize 512\n bufsize 4096\n forward . 10.0.0.1 {\n except "
	 "a.test\n except b.test c.test\n }\n timeouts {\n idle 20\n }\n timeouts {\n read 30\n "
	 "}\n}",
	 ROOT "block 0 bufsize 512\n"
	      " chaos Corefile:2: x, node-7 by (the authors of kaname)\n"
	      " forward . group 0 except a.test.,b.test.,c.test.\ngroup 0 10.0.0.1:53\n"
	      "tcp idle 20000 stall 30000 keepalive 200\n"},
	{"cache: numbers at their ends",
	 ". {\n cache 2592000 {\n success 0 999999999 60\n denial 5 30 60\n denial 7 20 90\n }\n}",
	 ROOT "block 0\n"
	      "cache dns://:53 . zones all success 512 604800 60 denial 64 20 20\n",
	 "Corefile:5: cache: \"denial\" stands at Corefile:4 already: this one counts\n"},
	{"timeouts: the longest counts",
	 ". {\n timeouts {\n read 20s\n write 10s\n idle 1m\n }\n}\n"
	 "a.test {\n timeouts {\n write 15s\n idle 24h\n maxtcpqueries 128\n }\n}",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 . block 0 metrics 0\nblock 0\nblock 1\n"
	      "tcp idle 86400000 stall 20000 keepalive 65535\n",
	 "Corefile:12: timeouts: \"maxtcpqueries\" has no effect: a connection takes any "
	 "number of queries\n"},
	{"reload: the shortest counts",
	 ". {\n reload 10s\n}\na.test {\n reload 2s 0s\n}\nb.test {\n reload off\n}\n"
	 "c.test {\n reload 1m 10s\n}",
	 PAIR "view 0 dns://:53 a.test. block 1 metrics 1\n"
	      "view 0 dns://:53 b.test. block 2 metrics 2\n"
	      "view 0 dns://:53 c.test. block 3 metrics 3\n"
	      "view 0 dns://:53 . block 0 metrics 0\nblock 0\nblock 1\nblock 2\nblock 3\n"
	      "reload 2000 0\n"},
	{"what has no effect",
	 ". {\n cancel 3s\n pprof :6053 {\n block 2\n }\n root /etc/coredns\n trace zipkin x:9411 "
	 "{\n every 1\n }\n metadata\n geoip /opt/GeoLite2.mmdb\n autopath @kubernetes\n"
	 " federation cluster.local {\n prod prod.test\n }\n forward . 10.0.0.1 {\n"
	 " max_idle_conns 3\n }\n}",
	 ROOT "block 0\n forward . group 0\ngroup 0 10.0.0.1:53\n",
	 "Corefile:2: \"cancel\" has no effect: every query is answered within 5 s\n"
	 "Corefile:3: \"pprof\" has no effect: there is no Go in it to profile; `perf` shows "
	 "where its time goes\n"
	 "Corefile:6: \"root\" has no effect: nothing in this server block has a path that "
	 "begins there\n"
	 "Corefile:7: \"trace\" has no effect: no spans are sent; `log`, the histograms of "
	 "`prometheus` and --explain tell where time goes\n"
	 "Corefile:10: \"metadata\" has no effect: what a log line can tell is there without "
	 "it\n"
	 "Corefile:11: \"geoip\" has no effect: where clients are is not looked up, and a log "
	 "line has \"-\" there\n"
	 "Corefile:12: \"autopath\" has no effect: clients walk their search list themselves "
	 "and find the same\n"
	 "Corefile:13: \"federation\" has no effect: Kubernetes removed federation, there are "
	 "no such services\n"
	 "Corefile:17: forward: \"max_idle_conns\" has no effect: unused connections end after "
	 "`expire`\n"},
	{"variables",
	 "{$ZONE} {$EMPTY} {%NONE%} {$NONE:x.y} a{$ZONE}b{%EMPTY:c%} {\n log \"x{%NONE:.y%}\"\n}",
	 PAIR "view 0 dns://:53 acluster.testbc. block 0 metrics 0\n"
	      "view 0 dns://:53 cluster.test. block 0 metrics 1\n"
	      "view 0 dns://:53 x.y. block 0 metrics 2\n"
	      "block 0\n log x.y. classes 7\n"},
	{"imports", "import zones\n. {\n import sub/first\n}\n",
	 PAIR "view 0 dns://:53 z.test. block 0 metrics 1\n"
	      "view 0 dns://:53 . block 1 metrics 0\nblock 0 whoami\n"
	      "block 1 errors\n log second.test. classes 7\n log third.test. classes 7\n"},
	{"snippets",
	 "(block) {\n . {\n  import inner\n }\n}\n(inner) {\n errors\n whoami\n}\n"
	 "import block\n",
	 ROOT "block 0 whoami errors\n"},
	{"snippets in blocks",
	 "(c) {\n class error\n}\n(l) {\n log . {\n import c\n }\n}\n. {\n import l\n errors\n}\n",
	 ROOT "block 0 errors\n log . classes 4\n"},
	{"a pattern without matches", ". {\n import none/*.override\n whoami\n}",
	 ROOT "block 0 whoami\n"},
};

static const struct memory_file files[] = {
	{"Corefile", ""},
	{"/etc/resolv.conf", "nameserver 10.0.0.1\n"},
	{"hostsfile", "10.0.0.7 www.example.org a.other.test\nbad\n"},
	{"weights", "a.test\n10.0.0.1 7\n"},
	{"zones", "z.test {\n whoami\n}"},
	{"sub/first", "errors\nimport s*d\nimport ../sub/third"},
	{"sub/second", "log second.test"},
	{"sub/../sub/third", "log third.test"},
	{NULL, NULL},
};

/* Returns whether the case is as it should be. */
static bool check_case(const struct accepted_case *accepted)
{
	struct memory_file with_corefile[ARRAY_LEN(files)];
	struct config_options options = {.default_port = 53, .n_cpus = 2};
	struct config_machine machine;
	struct config config;
	struct text problems = {0}, dump = {0};

	memcpy(with_corefile, files, sizeof(files));
	with_corefile[0].content = accepted->corefile;
	memory_machine(&machine, with_corefile);
	if (config_load_on(&config, "Corefile", &machine, &options, &problems) == 0)
		config_dump(&config, &dump);
	text_append(&dump, problems.bytes, problems.len);

	const char *notes = config.notes.bytes ? config.notes.bytes : "";
	bool is_good = strcmp(dump.bytes, accepted->want ? accepted->want : "") == 0 &&
		       (!accepted->notes || strcmp(notes, accepted->notes) == 0);

	if (!is_good)
		print_error("%s: got\n%s%swant\n%s%s", accepted->name, dump.bytes, notes,
			    accepted->want, accepted->notes ? accepted->notes : "");
	config_free(&config);
	text_fini(&dump);
	text_fini(&problems);
	return is_good;
}

static void test_accepted(void **state)
{
	size_t n_bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		n_bad += !check_case(&cases[i]);
	assert_int_equal(n_bad, 0);
}

/* What every configuration has, and what is left behind by config_free. */
static void test_defaults(void **state)
{
	static const struct memory_file one[] = {{"Corefile", ". {\n}"}, {NULL, NULL}};
	struct config_options options = {.default_port = 1053, .n_cpus = 5};
	struct config_machine machine;
	struct config config;
	struct text problems = {0};

	memory_machine(&machine, one);
	assert_int_equal(config_load_on(&config, "Corefile", &machine, &options, &problems), 0);
	assert_string_equal(config.query.servers[0].views[0].server_text, "dns://:1053");
	assert_int_equal(config.net.n_workers, 5);
	assert_int_equal(config.net.tcp_max, 8192);
	assert_int_equal(config.net.tcp_max_per_client, 1024);
	assert_int_equal(config.net.tcp_idle_ms, 10000);
	assert_int_equal(config.net.tcp_stall_ms, 5000);
	assert_int_equal(config.net.tcp_buffer_bytes, 16 << 20);
	assert_int_equal(config.query.tcp_keepalive_100ms, 100);
	assert_int_equal(config.query.n_metrics, 2); /* the zone's, and what no block has */
	assert_null(config.query.tables);
	config_free(&config);
	assert_null(config.arena.chunks);
	text_fini(&problems);
}

/* Those of -plugins can be used: an argument too many is what is wrong with them, not that they are
 * unknown or absent. */
static void test_directives(void **state)
{
	struct config_options options = {.default_port = 53, .n_cpus = 1};
	size_t n = 0;

	for (const char *name; (name = config_directive(n)) != NULL; n++) {
		struct text corefile = {0}, problems = {0};
		struct config_machine machine;
		struct config config;

		text_printf(&corefile, ". {\n %s %s @ @\n}", name, name);

		struct memory_file one[] = {{"Corefile", corefile.bytes}, {NULL, NULL}};

		memory_machine(&machine, one);
		if (config_load_on(&config, "Corefile", &machine, &options, &problems) != 0 &&
		    (strstr(problems.bytes, "unknown directive") ||
		     strstr(problems.bytes, "does not have")))
			fail_msg("%s: %s", name, problems.bytes);
		config_free(&config);
		text_fini(&corefile);
		text_fini(&problems);
	}
	assert_true(n >= 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_directives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
