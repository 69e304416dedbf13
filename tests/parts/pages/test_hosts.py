"""Hosts and registered domains: the list's own test cases, and what people write as an address."""

from pathlib import Path

import pyarrow as pa
import pytest
from publicsuffixlist import PSLFILE, PublicSuffixList

from synth_dagster.parts.pages.hosts import domain_of, hosts_of, plain_host


@pytest.mark.parametrize(
    ("host", "domain", "private"),
    [
        pytest.param("www.example.com", "example.com", "example.com", id="one label"),
        pytest.param("a.b.example.co.uk", "example.co.uk", "example.co.uk", id="two labels"),
        pytest.param("co.uk", "", "", id="a suffix itself"),
        pytest.param("a.b.c.kobe.jp", "b.c.kobe.jp", "b.c.kobe.jp", id="a suffix with a wildcard"),
        pytest.param("www.city.kobe.jp", "city.kobe.jp", "city.kobe.jp", id="an exception to it"),
        pytest.param("www.alice.github.io", "github.io", "alice.github.io", id="a private suffix"),
        pytest.param("github.io", "github.io", "", id="a private suffix itself"),
        pytest.param("www.xn--85x722f.com.cn", "xn--85x722f.com.cn", "xn--85x722f.com.cn", id="IDN"),
        pytest.param("a.xn--55qx5d.cn", "a.xn--55qx5d.cn", "a.xn--55qx5d.cn", id="IDN of a suffix: 公司.cn"),
        pytest.param("www.site.unknown", "site.unknown", "site.unknown", id="a label that is not in the list"),
        pytest.param("localhost", "", "", id="one name"),
        pytest.param("127.0.0.1", "", "", id="IPv4"),
        pytest.param("[::1]", "", "", id="IPv6"),
        pytest.param("", "", "", id="nothing"),
        pytest.param("a..com", "", "", id="an empty label"),
    ],
)
def test_registered_domains(host, domain, private):
    assert (domain_of(host), domain_of(host, private=True)) == (domain, private)


@pytest.mark.parametrize("private", [False, True])
def test_domains_of_every_rule_are_those_that_the_package_of_the_list_tells(private):
    package = PublicSuffixList(only_icann=not private)
    lines = Path(PSLFILE).read_text(encoding="utf-8").splitlines()
    names = [line.split()[0].lstrip("!*.") for line in lines if line.strip() and not line.startswith("//")]
    hosts = [f"{before}{name}" for name in names for before in ("", "a.", "b.a.", "c.b.a.")]
    hosts += [host.encode("idna").decode() for host in hosts if not host.isascii()]
    assert len(hosts) > 30_000  # the list had 10,000 rules in 2026
    assert [host for host in hosts if domain_of(host, private=private) != (package.privatesuffix(host) or "")] == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://www.Example.com:8080/a?b#c", "www.example.com"),
        ("//example.com", "example.com"),
        ("example.com/path", "example.com"),
        ("https://user:secret@example.com", "example.com"),
        ("https://example.com./", "example.com"),
        ("https://example\uff0ecom", "example.com"),
        ("https://例え.jp/", "xn--r8jz45g.jp"),
        ("https://[::1]:80/", "[::1]"),
        ("mailto:a@example.com", "example.com"),
        ("", ""),
        (None, ""),
        ("\u202e", "\u202e"),
    ],
)
def test_hosts_of_addresses(url, host):
    assert hosts_of(pa.array([url], pa.string())).to_pylist() == [host]


def test_a_host_that_cannot_be_stays_as_it_was_written():
    assert plain_host("ü" * 80 + ".example") == "ü" * 80 + ".example"  # a label has at most 63 bytes
    assert plain_host("ü..example") == "ü..example"
