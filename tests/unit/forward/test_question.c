/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "scenario.h"

static const struct {
	const char *name, *script, *want;
} cases[] = {
	{"an answer", "group sequential 2\nlearn A 1\nask q\nreply q.0 NOERROR",
	 "0 q.0 to A\n"
	 "0 q answered\n"},
	{"a late answer is hedged at the upstream's p95, at least 10 ms",
	 "group sequential 3\nlearn A 1\nask q\nat 9\nat 10\nat 12\nreply q.1 NOERROR\nshow A",
	 "0 q.0 to A\n"
	 "10 q.1 to B hedge\n"
	 "12 q answered\n"
	 "A good\n"},
	{"of a slow upstream later",
	 "group sequential 2\nlearn A 40\nask q\nat 39\nat 60\nreply q.0 NXDOMAIN",
	 "0 q.0 to A\n"
	 "41 q.1 to B hedge\n"
	 "60 q answered\n"},
	{"of an unknown upstream after 200 ms", "group sequential 2\nask q\nat 199\nat 200",
	 "0 q.0 to A\n"
	 "200 q.1 to B hedge\n"},
	{"the quickest is next",
	 "group round_robin 3\n"
	 "learn B 9\nlearn C 3\nask q\nat 200",
	 "0 q.0 to A\n"
	 "200 q.1 to C hedge\n"},
	{"all silent: the deadline",
	 "group sequential 2\nlearn A 1\nlearn B 1\nask q\nat 5000\ntotal",
	 "0 q.0 to A\n"
	 "10 q.1 to B hedge\n"
	 "110 q.2 to A hedge\n"
	 "310 q.3 to A hedge\n"
	 "320 A is down\n"
	 "510 q.4 to B hedge\n"
	 "520 B is down\n"
	 "810 q.5 to A hedge\n"
	 "5000 q failed 22 no upstream server answered in time\n"
	 "6 sent for 1, not limited\n"},
	{"SERVFAIL, REFUSED and NOTIMP fail over",
	 "group sequential 4\nask q\nreply q.0 SERVFAIL\nreply q.1 REFUSED\nreply q.2 NOTIMP\n"
	 "reply q.3 NXDOMAIN",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "0 q.2 to C\n"
	 "0 q.3 to C plain\n"
	 "0 q answered\n"},
	{"all SERVFAIL: the answer is one of them",
	 "group sequential 2\nask q\nreply q.0 SERVFAIL\nreply q.1 SERVFAIL",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "0 q answered with the kept\n"},
	{"a bad answer waits for the hedge that is out",
	 "group sequential 2\nlearn A 1\nask q\nat 10\nreply q.0 SERVFAIL\nreply q.1 NOERROR",
	 "0 q.0 to A\n"
	 "10 q.1 to B hedge\n"
	 "10 q waits\n"
	 "10 q answered\n"},
	{"failover of more codes",
	 "group sequential 2 nxdomain_is_bad\nask q\nreply q.0 NXDOMAIN\n"
	 "reply q.1 NOERROR",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "0 q answered\n"},
	{"truncated: TCP, the same upstream",
	 "group sequential 2\nask q\nreply q.0 NOERROR tc\nreply q.1 NOERROR",
	 "0 q.0 to A\n"
	 "0 q.1 to A tcp\n"
	 "0 q answered\n"},
	{"truncated and no TCP: the truncated answer",
	 "group sequential 1\nask q\nreply q.0 NOERROR tc\nfail q.1 network",
	 "0 q.0 to A\n"
	 "0 q.1 to A tcp\n"
	 "0 q answered with the kept\n"},
	{"truncated is better than SERVFAIL",
	 "group sequential 2\nask q\nreply q.0 NOERROR tc\nfail q.1 network\nreply q.2 SERVFAIL",
	 "0 q.0 to A\n"
	 "0 q.1 to A tcp\n"
	 "0 q.2 to B\n"
	 "0 q answered with the kept\n"},
	{"force_tcp", "group sequential 2 force_tcp\nask q\nfail q.0 network\nreply q.1 NOERROR tc",
	 "0 q.0 to A tcp\n"
	 "0 q.1 to B tcp\n"
	 "0 q answered\n"},
	{"a stale connection is tried once more",
	 "group sequential 2 force_tcp\nask q\nfail q.0 stale\nfail q.1 stale\nshow A",
	 "0 q.0 to A tcp\n"
	 "0 q.1 to A tcp\n"
	 "0 q.2 to B tcp\n"
	 "A good, suspect\n"},
	{"EDNS refused: again without",
	 "group sequential 2\nask q\nreply q.0 FORMERR\nreply q.1 NOERROR\nask r\nask s do",
	 "0 q.0 to A\n"
	 "0 q.1 to A plain\n"
	 "0 q answered\n"
	 "0 r.0 to A plain\n"
	 "0 s.0 to A\n"},
	{"FORMERR without EDNS too: it is the question",
	 "group sequential 2\nask q\nreply q.0 FORMERR\nreply q.1 FORMERR\nask r",
	 "0 q.0 to A\n"
	 "0 q.1 to A plain\n"
	 "0 q answered\n"
	 "0 r.0 to A\n"},
	{"FORMERR with DO is an answer", "group sequential 2\nask q do\nreply q.0 FORMERR",
	 "0 q.0 to A\n"
	 "0 q answered\n"},
	{"case lost: the same upstream again", "group sequential 2\nask q\nfail q.0 case\nshow A",
	 "0 q.0 to A\n"
	 "0 q.1 to A\n"
	 "A good\n"},
	{"unreachable: the next at once, then it is down",
	 "group sequential 2\nask q\nfail q.0 network\nreply q.1 NOERROR\nshow A\nask r\n"
	 "fail r.0 network\nask s\nshow A\nup A\nask t",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "0 q answered\n"
	 "A good, suspect\n"
	 "0 r.0 to A\n"
	 "0 A is down\n"
	 "0 r.1 to B\n"
	 "0 s.0 to B\n"
	 "A down, suspect\n"
	 "0 t.0 to A\n"},
	{"all unreachable", "group sequential 2\nask q\nfail q.0 network\nfail q.1 network",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "0 q failed 23 upstream servers cannot be reached\n"},
	{"a local failure says nothing of the upstream",
	 "group sequential 2\nask q\nfail q.0 local\nshow A",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "A good\n"},
	{"max_fails 0: never down",
	 "group sequential 1 max_fails=0\nask q\nfail q.0 network\nask r\n"
	 "fail r.0 network\nask s\nfail s.0 network\nshow A",
	 "0 q.0 to A\n"
	 "0 q failed 23 upstream servers cannot be reached\n"
	 "0 r.0 to A\n"
	 "0 r failed 23 upstream servers cannot be reached\n"
	 "0 s.0 to A\n"
	 "0 s failed 23 upstream servers cannot be reached\n"
	 "A good, suspect\n"},
	{"max_connect_attempts",
	 "group sequential 3 attempts=2\nask q\nfail q.0 network\n"
	 "fail q.1 network",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "0 q failed 23 upstream servers cannot be reached\n"},
	{"a looping upstream is not used",
	 "group sequential 2\nloops A\nask q\nloops B\nask r\n"
	 "reply q.0 SERVFAIL",
	 "0 q.0 to B\n"
	 "0 r failed 22 every upstream server leads back to this server\n"
	 "0 q answered with the kept\n"},
	{"no upstream", "group sequential 0\nask q",
	 "0 q failed 22 there is no upstream server to ask\n"},
	{"all down: one is asked all the same",
	 "group sequential 2 max_fails=1\nask q\n"
	 "fail q.0 network\nfail q.1 network\nask r",
	 "0 q.0 to A\n"
	 "0 A is down\n"
	 "0 q.1 to B\n"
	 "0 B is down\n"
	 "0 q failed 23 upstream servers cannot be reached\n"
	 "0 r.0 to A\n"},
	{"all down and failfast",
	 "group sequential 2 max_fails=1 failfast\nask q\n"
	 "fail q.0 network\nfail q.1 network\nask r",
	 "0 q.0 to A\n"
	 "0 A is down\n"
	 "0 q.1 to B\n"
	 "0 B is down\n"
	 "0 q failed 23 upstream servers cannot be reached\n"
	 "0 r failed 22 every upstream server is down\n"},
	{"one upstream: asked again when it is silent",
	 "group sequential 1\nlearn A 1\nask q\nat 99\nat 100\nreply q.1 NOERROR",
	 "0 q.0 to A\n"
	 "100 q.1 to A hedge\n"
	 "100 q answered\n"},
	{"round_robin", "group round_robin 3\nask a\nask b\nask c\nask d",
	 "0 a.0 to A\n"
	 "0 b.0 to B\n"
	 "0 c.0 to C\n"
	 "0 d.0 to A\n"},
	{"a dead upstream of little traffic becomes suspect, though hedges answer",
	 "group sequential 2\nlearn A 1\nlearn B 1\nat 5\nask a\nat 15\nreply a.1 NOERROR\nat "
	 "20\nask b\n"
	 "at 30\nreply b.1 NOERROR\nat 40\nask c\nat 50\nreply c.1 NOERROR\nshow A",
	 "5 a.0 to A\n"
	 "15 a.1 to B hedge\n"
	 "15 a answered\n"
	 "20 b.0 to A\n"
	 "30 b.1 to B hedge\n"
	 "30 b answered\n"
	 "40 c.0 to A\n"
	 "50 c.1 to B hedge\n"
	 "50 c answered\n"
	 "A good, suspect\n"},
	{"events of attempts that are over",
	 "group sequential 2\nask q\nreply q.0 SERVFAIL\nreply q.0 NOERROR\nfail q.0 network\n"
	 "reply q.1 NOERROR",
	 "0 q.0 to A\n"
	 "0 q.1 to B\n"
	 "0 q waits\n"
	 "0 q waits\n"
	 "0 q answered\n"},
	{"an outage is no storm: a tenth of the questions, and the store",
	 "group random 3\nlearn A 1\nlearn B 1\nlearn C 1\nat 1\nask q x 10000\nat "
	 "5000\ntotal\nshow A\n"
	 "show B\nshow C",
	 "10265 sent for 10000, limited\n"
	 "A down, suspect\n"
	 "B down, suspect\n"
	 "C down, suspect\n"},
	{"one dead of three: nobody waits for the budget once it is down",
	 "group sequential 2\nlearn A 1\nlearn B 1\nat 1\nask q x 1000\nat 11\nshow A\ntotal\n"
	 "up B\nat 110\nshow A\nat 200\ntotal",
	 "A good, suspect\n"
	 "1256 sent for 1000, limited\n"
	 "A down, suspect\n"
	 "2000 sent for 1000, limited\n"},
	{"steady questions to a dead upstream: it is down in half a silence",
	 "group sequential 2\nlearn A 1\nlearn B 1\nat 1\nask a x 10\nat 20\nask b x 5\nat 45\n"
	 "ask c x 5\nat 54\nshow A\nat 60\nshow A\nask d",
	 "A good, suspect\n"
	 "A down, suspect\n"
	 "60 d.0 to B\n"},
};

static void test_scenarios(void **state)
{
	unsigned n_failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct text log = {0};

		text_puts(&log, "");
		scenario_run(cases[i].script, &log);
		if (strcmp(log.bytes ? log.bytes : "", cases[i].want) != 0) {
			print_error("%s: got\n%swanted\n%s\n", cases[i].name,
				    log.bytes ? log.bytes : "", cases[i].want);
			n_failed++;
		}
		text_fini(&log);
	}
	assert_int_equal(n_failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
