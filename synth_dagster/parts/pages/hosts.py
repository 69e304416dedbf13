"""The host of an address, and the domain that somebody registered, by the list of public suffixes.

A suffix is what people register names under: `com`, `co.uk`, and for private ones `github.io`. The list is that of
publicsuffix.org as the installed version of publicsuffixlist ships it; nothing is fetched.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_HOST = r"^(?:(?:[a-zA-Z][a-zA-Z0-9+.\-]*:)?//)?(?:[^/?#]*@)?(?P<host>\[[^\]/?#]*\]|[^/:?#]*)"
_DOTS = re.compile("[\u3002\uff0e\uff61]")  # what a browser takes for a dot too
_ADDRESS = re.compile(r"\[.*\]|\d+(?:\.\d+){3}")


def hosts_of(urls: pa.Array) -> pa.Array:
    """The host of each address as `plain_host` writes it; empty where there is none."""
    found = pc.fill_null(pc.struct_field(pc.extract_regex(pc.utf8_trim_whitespace(urls), _HOST), "host"), "")
    hosts, plain = pc.utf8_lower(pc.utf8_trim(found, ".")), pc.string_is_ascii(found)
    written = [plain_host(host) for host in found.filter(pc.invert(plain)).to_pylist()]
    return pc.replace_with_mask(hosts, pc.invert(plain), pa.array(written, pa.string()))


def plain_host(host: str) -> str:
    """A host in small letters and ASCII, without a last dot: `Bücher.Example.` is `xn--bcher-kva.example`."""
    host = _DOTS.sub(".", host).strip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:  # no host that can be: it stays as somebody wrote it
        return host


def tails_of(host: str) -> Iterator[str]:
    """The host and what follows each of its dots: its registered domain is one of these."""
    yield host
    dot = host.find(".")
    while dot >= 0:
        yield host[dot + 1 :]
        dot = host.find(".", dot + 1)


def domain_of(host: str, *, private: bool = False) -> str:
    """The registered domain of a plain host: `example.co.uk` of `www.example.co.uk`; empty for an IP address and for a
    suffix itself. A last label that the list does not know counts as a suffix.

    Args:
        private: Whether suffixes count that are somebody's own, such as `github.io`.
    """
    if _ADDRESS.fullmatch(host):
        return ""
    return _suffixes(private).privatesuffix(host) or ""


@cache
def _suffixes(private: bool) -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=not private)
