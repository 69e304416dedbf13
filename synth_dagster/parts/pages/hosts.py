"""The host of an address, and the domain that somebody registered, by the list of public suffixes.

A suffix is what people register names under: `com`, `co.uk`, and for private ones `github.io`. The list is that of
publicsuffix.org as the installed version of publicsuffixlist ships it; nothing is fetched.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

_HOST = r"^(?:(?:[a-zA-Z][a-zA-Z0-9+.\-]*:)?//)?(?:[^/?#]*@)?(?P<host>\[[^\]/?#]*\]|[^/:?#]*)"
_DOTS = re.compile("[\u3002\uff0e\uff61]")  # what a browser takes for a dot too
_NAME = re.compile(r"^(?:\*\.|!)")
_BRANCH = 9
_ADDRESS = re.compile(r"\[.*\]|\d+(?:\.\d+){3}")


def hosts_of(urls: pa.Array) -> pa.Array:
    """The host of each address as `plain_host` writes it; empty where there is none."""
    found = pc.fill_null(pc.struct_field(pc.extract_regex(pc.utf8_trim_whitespace(urls), _HOST), "host"), "")
    hosts, plain = pc.utf8_lower(pc.utf8_trim(found, ".")), pc.string_is_ascii(found)
    odd = found.filter(pc.invert(plain)).dictionary_encode()
    written = pa.array([plain_host(host) for host in odd.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(hosts, pc.invert(plain), written.take(odd.indices))


def plain_host(host: str) -> str:
    """A host in small letters and ASCII, without a last dot: `Bücher.Example.` is `xn--bcher-kva.example`."""
    host = _DOTS.sub(".", host).strip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:  # no host that can be: it stays as somebody wrote it
        return host


def domain_of(host: str, *, private: bool = False) -> str:
    """The registered domain of a plain host: `example.co.uk` of `www.example.co.uk`; empty for an IP address and for a
    suffix itself. A last label that the list does not know counts as a suffix.

    Args:
        private: Whether suffixes count that are somebody's own, such as `github.io`.
    """
    if host.endswith(("]", *"0123456789")) and _ADDRESS.fullmatch(host):
        return ""
    rules, labels = _rules(private), host.split(".")
    tail, depth, suffix = labels[-1], 1, 1
    while (change := rules.get(tail)) is not None:  # the rule of the longest tail decides
        suffix = suffix if change == _BRANCH else depth + change
        if depth == len(labels):
            break
        depth += 1
        tail = f"{labels[-depth]}.{tail}"
    return ".".join(labels[-suffix - 1 :]) if len(labels) > suffix and "" not in labels else ""


@cache
def _rules(private: bool) -> Mapping[str, int]:
    """What a rule's name adds to its own labels for a suffix: 1 for `*.kobe.jp`, -1 for its exception `!city.kobe.jp`;
    and _BRANCH for names of which only longer ones have rules."""
    from publicsuffixlist import PSLFILE

    listed = Path(PSLFILE).read_text(encoding="utf-8")
    if not private:
        listed = listed.partition("// ===END ICANN DOMAINS===")[0]
    rules: dict[str, int] = {}
    for rule in (line.split()[0].lower() for line in listed.splitlines() if line.strip() and line[:2] != "//"):
        name, change = _NAME.sub("", rule), {"*": 1, "!": -1}.get(rule[0], 0)
        for written in {name, name.encode("idna").decode("ascii")}:
            before = rules.get(written, _BRANCH)
            rules[written] = change if before == _BRANCH or change else before  # a wildcard stands before its own name
            labels = written.split(".")
            for start in range(1, len(labels)):
                rules.setdefault(".".join(labels[start:]), _BRANCH)
    return rules
