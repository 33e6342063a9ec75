# SPDX-License-Identifier: Apache-2.0
"""`rewrite` and `minimal` by what CoreDNS's README says of them, statement by statement, against the running server: names of the
cluster, and names of an upstream that says what it was asked (tests/harness/upstream.py)."""
import dns.edns
import dns.flags
import pytest

from cluster import alias, namespace, service
from harness import rcode_text, records, running, wait_for
from upstream import Upstream, addresses_of

OBJECTS = {"cluster.json": [
    namespace("shop"), service("web.shop", "10.96.0.20", ports=["http:80"]), alias("out.shop", "www.out.test"),
]}
RULES = [("nx*", "rcode=NXDOMAIN"), ("servfail*", "rcode=SERVFAIL"), ("refused*", "rcode=REFUSED"), ("nodata*", "nodata"),
         ("cname*", "cname=target.out.test"), ("large*", "large"), ("short*", "ttl=1")]

COREFILE = """
.:$port {{
    bind $address
    multisocket 1
    errors
    log
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    {rules}
    kubernetes cluster.local in-addr.arpa {{
        objects $objects
        fallthrough in-addr.arpa
        ttl 30
    }}
    forward . {upstream}
    cache
}}
"""


@pytest.fixture(scope="module")
def upstream():
    with Upstream(rules=RULES) as one:
        yield one


@pytest.fixture
def start(upstream, tmp_path):
    """start(rules) in a `with`: a server with these lines in its block. $ in them is written $$."""
    upstream.forget()
    return lambda rules: running(tmp_path, OBJECTS, COREFILE.format(rules=rules.replace("$", "$$"), upstream=upstream))


def ask(server, name, rdtype="A", **options):
    answer = server.ask(f"{name}.", rdtype, use_edns=0, payload=1232, **options)
    assert answer.question[0].name.to_text() == f"{name}."
    return answer


def owners(message):
    return {rrset.name.to_text() for rrset in message.answer}


def address(name):
    return addresses_of(f"{name}.")[0]


# rules, name, the name that is asked in its place (None: the name itself)
NAMES = [
    # "by default this is a full match of the name"
    ("rewrite name example.net example.org", "example.net", "example.org"),
    ("rewrite name example.net example.org", "a.example.net", None),
    ("rewrite name exact example.net example.org", "EXAMPLE.net", "example.org"),
    # the instructions of "Name Field Rewrites"
    ("rewrite name substring service.us-west-1.example.org service.us-west-1.consul", "ftp.service.us-west-1.example.org",
     "ftp.service.us-west-1.consul"),
    (r"rewrite name regex (.*)-(us-west-1)\.example\.org {1}.service.{2}.consul", "ftp-us-west-1.example.org",
     "ftp.service.us-west-1.consul"),
    ("rewrite name suffix .schmoogle.com. .google.com.", "mail.schmoogle.com", "mail.google.com"),
    ("rewrite name suffix .schmoogle.com. .google.com.", "schmoogle.com", None),
    # "prefix: when the name begins with the matching string"
    ("rewrite name prefix a. b.", "a.example.net", "b.example.net"),
    ("rewrite name prefix a. b.", "x.a.example.net", None),
    # "continue will continue applying the next rule", "The default behaviour is stop"
    ("rewrite continue name a.test b.test\n rewrite name b.test c.test", "a.test", "c.test"),
    ("rewrite name a.test b.test\n rewrite name b.test c.test", "a.test", "b.test"),
    ("rewrite stop name a.test b.test\n rewrite name a.test c.test", "a.test", "b.test"),
    ("rewrite name x.test b.test\n rewrite name a.test c.test", "a.test", "c.test"),
]


@pytest.mark.parametrize("rules, name, asked", NAMES)
def test_name(start, upstream, rules, name, asked):
    with start(rules) as server:
        answer = ask(server, name)
        assert [question.name.lower() for question in upstream.asked] == [f"{asked or name.lower()}."]
        assert address(asked or name.lower()) in records(answer.answer)[0]
        # The cache is keyed by what was asked upstream.
        ask(server, name, tcp=True)
        assert len(upstream.asked) == 1


# rules, name, the answer's owners
ANSWERS = [
    # "answers for rewrites of type exact are always rewritten"
    ("rewrite name exact red.test blue.test", "red.test", {"red.test."}),
    ("rewrite name red.test blue.test", "Red.Test", {"Red.Test."}),
    # without `answer` the others are not
    (r"rewrite name regex (.*)-(us-west-1)\.coredns\.rocks {1}.service.{2}.consul", "ftp-us-west-1.coredns.rocks",
     {"ftp.service.us-west-1.consul."}),
    ("rewrite name suffix .coredns.rocks .service.consul", "a.coredns.rocks", {"a.service.consul."}),
    # both syntaxes of "Explicit Response Name Rewrite"
    (r"""rewrite stop {
        name regex (.*)-(us-west-1)\.coredns\.rocks {1}.service.{2}.consul
        answer name (.*)\.service\.(us-west-1)\.consul {1}-{2}.coredns.rocks
    }""", "ftp-us-west-1.coredns.rocks", {"ftp-us-west-1.coredns.rocks."}),
    (r"rewrite name regex (.*)-(us-west-1)\.coredns\.rocks {1}.service.{2}.consul"
     r" answer name (.*)\.service\.(us-west-1)\.consul {1}-{2}.coredns.rocks", "ftp-us-west-1.coredns.rocks",
     {"ftp-us-west-1.coredns.rocks."}),
    # "Auto Response Name Rewrite"
    ("rewrite stop {\n name suffix .coredns.rocks .service.consul answer auto\n }", "a.coredns.rocks", {"a.coredns.rocks."}),
    (r"rewrite name regex (.*)\.coredns\.rocks {1}.service.consul answer auto", "a.coredns.rocks", {"a.coredns.rocks."}),
    ("rewrite name prefix a. b. answer auto", "a.coredns.rocks", {"a.coredns.rocks."}),
    ("rewrite name substring .rocks .consul answer auto", "a.coredns.rocks", {"a.coredns.rocks."}),
    # records of other names keep them
    ("rewrite name a.test cname.test", "a.test", {"a.test.", "target.out.test."}),
    ("rewrite name a.test out.shop.svc.cluster.local", "a.test", {"a.test.", "www.out.test."}),
]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("rules, name, wanted", ANSWERS)
def test_answer(start, rules, name, wanted, tcp):
    with start(rules) as server:
        for _ in range(2):  # missed, then hit
            assert owners(ask(server, name, tcp=tcp)) == wanted


def test_values(start):
    """"names returned by the following record types ... will be rewritten if the answer value rule is specified", in the additional
    section, too."""
    rules = r"""rewrite stop {
        name suffix .corp.test .svc.cluster.local
        answer name (.*)\.svc\.cluster\.local {1}.corp.test
        answer value (.*)\.svc\.cluster\.local {1}.corp.test
    }
    rewrite name regex ^(.*\.in-addr\.arpa\.)$ {1} answer value (.*)\.svc\.cluster\.local {1}.corp.test"""
    with start(rules) as server:
        answer = ask(server, "_http._tcp.web.shop.corp.test", "SRV")
        assert records(answer.answer) == ["_http._tcp.web.shop.corp.test. SRV 0 100 80 web.shop.corp.test."]
        assert records(answer.additional) == ["web.shop.corp.test. A 10.96.0.20"]
        assert records(ask(server, "20.0.96.10.in-addr.arpa", "PTR").answer) == [
            "20.0.96.10.in-addr.arpa. PTR web.shop.corp.test."]


def test_denials_and_failures(start):
    """What is denied is denied for the client's own question; SERVFAIL and REFUSED pass."""
    rules = "\n".join(f"rewrite name {kind}-red.test {kind}.test" for kind in ("nx", "nodata", "servfail", "refused")) + \
        "\nrewrite name gone.test gone.shop.svc.cluster.local"
    with start(rules) as server:
        for kind, rcode in (("nx", "NXDOMAIN"), ("nodata", "NOERROR"), ("servfail", "SERVFAIL"), ("refused", "REFUSED")):
            answer = ask(server, f"{kind}-red.test")
            assert (rcode_text(answer), answer.answer) == (rcode, [])
        answer = ask(server, "gone.test")
        assert rcode_text(answer) == "NXDOMAIN" and answer.flags & dns.flags.AA
        assert [rrset.name.to_text() for rrset in answer.authority] == ["cluster.local."]


def test_no_legal_name(start):
    """"If the newly used name is not a legal domain name, the plugin returns an error to the client": and says which rule."""
    label = "l" * 60
    with start(f"rewrite name suffix .test .{label}.{label}.test") as server:
        answer = ask(server, f"{label}.{label}.{label}.test")
        assert rcode_text(answer) == "SERVFAIL" and not answer.answer
        texts = [option.text for option in answer.options if option.otype == dns.edns.OptionType.EDE]
        assert len(texts) == 1 and texts[0].endswith("makes no domain name of this")
        wait_for("the line of `errors`", lambda: ": rewrite at Corefile:" in server.log())
        assert server.metric("coredns_dns_responses_total", plugin="rewrite", rcode="SERVFAIL") == 1


def test_type(start):
    with start("rewrite type ANY HINFO\n rewrite type A AAAA") as server:
        assert records(ask(server, "web.shop.svc.cluster.local").answer) == []
        assert [rrset.rdtype for rrset in ask(server, "plain.test").answer] == [28]


def test_ttl(start):
    """SECONDS, or a range; of the response, whoever made it."""
    rules = r"""rewrite continue {
        ttl regex (.*)\.coredns\.rocks 15
    }
    rewrite ttl web.shop.svc.cluster.local 7
    rewrite ttl suffix .least.test 1000-
    rewrite ttl prefix most. -10
    rewrite ttl substring .range. 20-25"""
    with start(rules) as server:
        for name, ttl in (("a.coredns.rocks", 15), ("web.shop.svc.cluster.local", 7), ("a.least.test", 1000), ("most.test", 10),
                          ("short.range.test", 20), ("a.range.test", 25)):
            assert [rrset.ttl for rrset in ask(server, name).answer] == [ttl], name
        assert ask(server, "gone.shop.svc.cluster.local").authority[0].ttl == 30


def test_rcode(start):
    """"*.coredns.rocks domain SERVFAIL errors to NOERROR", by name and by number; others stay."""
    rules = r"""rewrite continue {
        rcode regex (.*)\.coredns\.rocks SERVFAIL NOERROR
    }
    rewrite continue rcode suffix .numbers.test 3 0"""
    with start(rules) as server:
        for name, rcode in (("servfail.coredns.rocks", "NOERROR"), ("nx.coredns.rocks", "NXDOMAIN"), ("servfail.test", "SERVFAIL"),
                            ("nx.numbers.test", "NOERROR")):
            assert rcode_text(ask(server, name)) == rcode, name


def test_log_and_metrics_have_the_clients_name(start):
    with start("rewrite name red.test blue.test") as server:
        ask(server, "red.test")
        wait_for("the line of `log`", lambda: '"A IN red.test. udp' in server.log())
        assert "blue.test." not in server.log()


def test_edns0_changes_nothing(start, upstream):
    with start("rewrite continue edns0 local set 0xffee {client_ip}\n rewrite continue edns0 nsid set\n"
               " rewrite continue edns0 subnet set 24 56") as server:
        assert records(ask(server, "plain.test").answer) == [f"plain.test. A {address('plain.test')}"]
        assert b"\xff\xee" not in upstream.asked[0].wire


def test_large(start):
    """A set behind another name is whole over TCP, and cut with TC over UDP."""
    with start("rewrite name a.test large.test\n minimal") as server:
        answer = ask(server, "a.test", "TXT")
        assert answer.flags & dns.flags.TC
        answer = ask(server, "a.test", "TXT", tcp=True)
        assert not answer.flags & dns.flags.TC and len(answer.answer) > 1 and owners(answer) == {"a.test."}


def test_minimal(start):
    """Authority and additional records go where there is an answer; denials keep their SOA."""
    with start("minimal") as server:
        answer = ask(server, "_http._tcp.web.shop.svc.cluster.local", "SRV")
        assert len(answer.answer) == 1 and not answer.authority and not answer.additional and answer.edns == 0
        for name, rcode in (("gone.shop.svc.cluster.local", "NXDOMAIN"), ("shop.svc.cluster.local", "NOERROR"),
                            ("nx.test", "NXDOMAIN"), ("nodata.test", "NOERROR")):
            answer = ask(server, name)
            assert rcode_text(answer) == rcode and len(answer.authority) == 1, name
