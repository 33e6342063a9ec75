# SPDX-License-Identifier: Apache-2.0
"""`template` as CoreDNS documents it, a case for each of its statements and for what people write; and records as dnspython reads
them."""
import dns.edns
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import dns.zonefile
import pytest

from cluster import namespace, service
from harness import ROOT, rcode_text
from upstream import Upstream, addresses_of

CLUSTER = {"all.json": [namespace("default"), service("proxy.default", "10.96.0.30", ports=["http:80"])]}

COREFILE = """
%s:$port {
    bind $address
    errors
    log
    health $address:$health
    ready $address:$ready
    prometheus $address:$metrics
    kubernetes cluster.local {
        objects $objects
    }
%s
}
"""

IP = r'"^ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]com[.]$$"'

DIRECTIVES = r"""
    template IN AAAA v4only.example {
        rcode NOERROR
    }
    template ANY ANY consul.local {
        rcode NXDOMAIN
    }
    template IN A example.com {
        match """ + IP + r"""
        answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        fallthrough
    }
    template IN MX example.com {
        match """ + IP + r"""
        answer "{{ .Name }} 60 IN MX 10 {{ .Name }}"
        additional "{{ .Name }} 60 IN A 10.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        authority "example.com. 60 IN NS ns0.example.com."
        authority "example.com. 60 IN NS ns1.example.com."
        additional "ns0.example.com. 60 IN A 203.0.113.8"
        fallthrough
    }
    template IN PTR in-addr.arpa {
        match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.](?P<a>[0-9]*)[.]in-addr[.]arpa[.]$$
        answer "{{ .Name }} 60 IN PTR ip-{{ .Group.a }}-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example."
    }
    template IN A hex.example {
        match "^ip0a(?P<b>[a-f0-9]{2})(?P<c>[a-f0-9]{2})(?P<d>[a-f0-9]{2})[.]hex[.]example[.]$$"
        answer "{{ .Name }} 60 IN A 10.{{ parseInt .Group.b 16 8 }}.{{ parseInt .Group.c 16 8 }}.{{ parseInt .Group.d 16 8 }}"
        fallthrough
    }
    template IN A multi.example {
        match "^ip-(?P<a>10)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]dc[.]multi[.]example[.]$$"
        match "^(?P<a>[0-9]*)[.](?P<b>[0-9]*)[.](?P<c>[0-9]*)[.](?P<d>[0-9]*)[.]ext[.]multi[.]example[.]$$"
        answer "{{ .Name }} 60 IN A {{ .Group.a}}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
        fallthrough
    }
    template IN SOA engineering.example {
        match ^engineering\.example\.$$
        answer "{{ .Zone }} 3600 IN SOA ns1.{{ .Zone }} admin.{{ .Zone }} (1 60 120 86400 3600)"
        fallthrough
    }
    template IN SOA engineering.example {
        authority "{{ .Zone }} 3600 IN SOA ns1.{{ .Zone }} admin.{{ .Zone }} (1 60 120 86400 3600)"
    }
    template ANY ANY invalid {
        rcode NXDOMAIN
        authority "invalid. 60 {{ .Class }} SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)"
        ederror 21 "Blocked according to RFC2606"
    }
    template ANY ANY {
        match "[.]svc[.]cluster[.]local[.](corp[.]example[.])$$"
        rcode NXDOMAIN
        authority "{{ index .Match 1 }} 60 IN SOA ns.{{ index .Match 1 }} hostmaster.{{ index .Match 1 }} (1 60 60 60 60)"
        fallthrough
    }
    template IN A strict.example {
        match ^yes[.]
        answer "{{ .Name }} A 192.0.2.1"
    }
    template IN A ordered.example {
        match ^a[.]
        answer "{{ .Name }} A 192.0.2.1"
        fallthrough x.ordered.example
    }
    template IN A ordered.example {
        answer "{{ .Name }} A 192.0.2.2"
    }
    template IN ANY alias.example {
        answer "{{ .Name }} 60 IN CNAME proxy.default.svc.cluster.local"
    }
    template IN TXT fields.example {
        answer "{{ .Name }} 60 IN TXT \"{{ .Question.Name }}\" \"{{ .Remote }}\" \"{{ .Type }} {{ .Class }}\" \"{{ .Meta `x` }}\""
    }
    template IN A servfail.example {
        rcode SERVFAIL
    }
    template IN A refused.example {
        rcode REFUSED
    }
    template IN A broken.example {
        answer "{{ .Name }} 60 IN A {{ .Name }}"
    }
    template CH TXT coredns.invalid. {
        answer "{{ .Name }} 60 CH TXT \"test\""
    }
    template IN ANY outside.example {
        answer "{{ .Name }} 60 IN CNAME {{ .Type }}.elsewhere.test"
    }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from harness import running

    with running(tmp_path_factory.mktemp("template"), CLUSTER, corefile=COREFILE % (".", DIRECTIVES)) as started:
        yield started


def lines(section):
    return [f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}" for rrset in section for rdata in rrset]


def soa(zone, ttl=60):
    return f"{zone} {ttl} SOA ns.{zone} hostmaster.{zone} 1 60 60 60 60"


CASES = [
    # name, type, rcode, answer, authority, additional
    ("x.v4only.example.", "AAAA", "NOERROR", [], [], []),
    ("x.v4only.example.", "A", "REFUSED", [], [], []),
    ("consul.local.", "A", "NXDOMAIN", [], [], []),
    ("a.b.consul.local.", "SRV", "NXDOMAIN", [], [], []),
    ("ip-10-1-2-3.example.com.", "A", "NOERROR", ["ip-10-1-2-3.example.com. 60 A 10.1.2.3"], [], []),
    ("IP-10-1-2-3.Example.com.", "A", "NOERROR", ["IP-10-1-2-3.Example.com. 60 A 10.1.2.3"], [], []),
    ("www.example.com.", "A", "REFUSED", [], [], []),
    ("ip-300-1-2-3.example.com.", "A", "SERVFAIL", [], [], []),
    ("ip-9-1-2-3.example.com.", "MX", "NOERROR", ["ip-9-1-2-3.example.com. 60 MX 10 ip-9-1-2-3.example.com."],
     ["example.com. 60 NS ns0.example.com.", "example.com. 60 NS ns1.example.com."],
     ["ip-9-1-2-3.example.com. 60 A 10.1.2.3", "ns0.example.com. 60 A 203.0.113.8"]),
    ("3.2.1.10.in-addr.arpa.", "PTR", "NOERROR", ["3.2.1.10.in-addr.arpa. 60 PTR ip-10-1-2-3.example."], [], []),
    ("x.in-addr.arpa.", "PTR", "SERVFAIL", [], [], []),
    ("ip0a7b7bff.hex.example.", "A", "NOERROR", ["ip0a7b7bff.hex.example. 60 A 10.123.123.255"], [], []),
    ("ip-10-1-2-3.dc.multi.example.", "A", "NOERROR", ["ip-10-1-2-3.dc.multi.example. 60 A 10.1.2.3"], [], []),
    ("10.1.2.3.ext.multi.example.", "A", "NOERROR", ["10.1.2.3.ext.multi.example. 60 A 10.1.2.3"], [], []),
    ("engineering.example.", "SOA", "NOERROR",
     ["engineering.example. 3600 SOA ns1.engineering.example. admin.engineering.example. 1 60 120 86400 3600"], [], []),
    ("x.engineering.example.", "SOA", "NOERROR", [],
     ["engineering.example. 3600 SOA ns1.engineering.example. admin.engineering.example. 1 60 120 86400 3600"], []),
    ("a.invalid.", "A", "NXDOMAIN", [], [soa("invalid.")], []),
    ("web.shop.svc.cluster.local.corp.example.", "AAAA", "NXDOMAIN", [], [soa("corp.example.")], []),
    ("proxy.default.svc.cluster.local.", "A", "NOERROR", ["proxy.default.svc.cluster.local. 5 A 10.96.0.30"], [], []),
    ("yes.strict.example.", "A", "NOERROR", ["yes.strict.example. 3600 A 192.0.2.1"], [], []),
    ("no.strict.example.", "A", "SERVFAIL", [], [], []),
    ("no.strict.example.", "TXT", "REFUSED", [], [], []),
    ("a.ordered.example.", "A", "NOERROR", ["a.ordered.example. 3600 A 192.0.2.1"], [], []),
    ("b.ordered.example.", "A", "SERVFAIL", [], [], []),
    ("b.x.ordered.example.", "A", "NOERROR", ["b.x.ordered.example. 3600 A 192.0.2.2"], [], []),
    ("alias.example.", "A", "NOERROR", ["alias.example. 60 CNAME proxy.default.svc.cluster.local.",
                                        "proxy.default.svc.cluster.local. 5 A 10.96.0.30"], [], []),
    ("alias.example.", "MX", "NOERROR", ["alias.example. 60 CNAME proxy.default.svc.cluster.local."], [], []),
    ("Fields.example.", "TXT", "NOERROR", ['Fields.example. 60 TXT "Fields.example." "{remote}" "TXT IN" ""'], [], []),
    ("servfail.example.", "A", "SERVFAIL", [], [], []),
    ("refused.example.", "A", "REFUSED", [], [], []),
    ("broken.example.", "A", "SERVFAIL", [], [], []),
    ("a\\.b.consul.local.", "A", "NXDOMAIN", [], [], []),
]


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name, rdtype, rcode, answer, authority, additional", CASES)
def test_cases(server, name, rdtype, rcode, answer, authority, additional, tcp):
    got = server.ask(name, rdtype, tcp=tcp)
    remote = next((line.split('"')[3] for line in lines(got.answer) if "{remote}" in str(answer)), "")
    assert rcode_text(got) == rcode
    assert lines(got.answer) == [line.replace("{remote}", remote) for line in answer]
    assert lines(got.authority) == authority and lines(got.additional) == additional
    assert remote == "" or remote.startswith("127.")


def test_extended_error(server):
    got = server.ask("a.invalid.", "A", use_edns=0)
    assert [(int(o.code), o.text) for o in got.options if o.otype == dns.edns.OptionType.EDE] == [
        (21, "Blocked according to RFC2606")]
    got = server.ask("broken.example.", "A", use_edns=0)
    text, = [o.text for o in got.options if o.otype == dns.edns.OptionType.EDE]
    assert "Corefile:" in text and "no record" in text
    assert text in server.log()


def test_classes(server):
    """A template may answer other classes; what none does is refused."""
    got = server.ask("a.invalid.", "TXT", rdclass="CH")
    assert rcode_text(got) == "NXDOMAIN" and got.authority[0].rdclass == dns.rdataclass.CH
    assert rcode_text(server.ask("a.example.com.", "TXT", rdclass="CH")) == "REFUSED"


def test_metrics(server):
    before = server.metric("coredns_template_matches_total", zone="strict.example.", type="A", **{"class": "IN"})
    broken = server.metric("coredns_template_rr_failures_total", zone="broken.example.", section="answer")
    server.ask("yes.strict.example.", "A")
    server.ask("no.strict.example.", "A")
    server.ask("broken.example.", "A")
    assert server.metric("coredns_template_matches_total", zone="strict.example.", type="A", **{"class": "IN"}) == before + 1
    assert server.metric("coredns_template_rr_failures_total", zone="broken.example.", section="answer") == broken + 1


def test_alias_outside(serve):
    """The target of a CNAME is asked of the upstream, for A and AAAA alone."""
    with Upstream() as upstream, serve(CLUSTER, corefile=COREFILE % (".", DIRECTIVES + f"    forward . {upstream}\n")) as server:
        got = server.ask("outside.example.", "A")
        assert lines(got.answer)[0] == "outside.example. 60 CNAME a.elsewhere.test."
        assert [rdata.address for rrset in got.answer[1:] for rdata in rrset] == [addresses_of("a.elsewhere.test.")[0]]
        assert rcode_text(got) == "NOERROR" and len(server.ask("outside.example.", "TXT").answer) == 1
        assert server.metric("coredns_template_matches_total", zone="outside.example.") == 2


def read(text):
    """(type, class, rdata) of a record by dnspython, or None: a word of it is wrong."""
    try:
        return dns.zonefile.read_rrsets(text, name=None, ttl=None, rdclass=None, default_ttl=3600,
                                        origin=dns.name.root, relativize=False)
    except Exception:  # of many kinds
        return None


def corpus():
    """Those that dnspython can read, owners of their own given to them."""
    found = []
    for path in sorted((ROOT / "tests/fuzz/corpus/rrtext").iterdir()):
        text = path.read_bytes().decode("latin-1")
        rrsets = read(text)
        if rrsets and '\\"' not in text and "\n" not in text:  # a Corefile cannot say \\"
            found.append((text, rrsets[0]))
    return found


def test_records(serve):
    """Every record of the corpus that dnspython understands is answered as it understands it."""
    records = corpus()
    assert len(records) >= 15
    quoted = [text.replace('"', '\\"').replace("$", "$$") for text, _ in records]
    directives = "".join(f'    template ANY ANY r{i}.corpus {{\n answer "{text}"\n }}\n' for i, text in enumerate(quoted))
    with serve(CLUSTER, corefile=COREFILE % (".", directives)) as server:
        for i, (text, wanted) in enumerate(records):
            got = server.ask(f"r{i}.corpus.", "TYPE65400", tcp=True)
            assert rcode_text(got) == "NOERROR", text
            assert [(rrset.name, rrset.ttl, rdata) for rrset in got.answer for rdata in rrset] == [
                (wanted.name, wanted.ttl, wanted[0])], text
