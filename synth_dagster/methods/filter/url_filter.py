"""URL rules: drop pages by where they come from, before anything of them is read.

Paper: arXiv:2406.17557 (FineWeb), with the rules of datatrove: a listed domain, host or address; a banned word; two
softly banned words; a banned part of a word. The lists are the user's: text files, a line an entry, as `word: casino`,
with `domain`, `url`, `word`, `soft` or `part` before the colon. A line with nothing before it is a domain, `#` begins
a comment, so that the usual lists of domains can be used as they are. A domain is what one can register, by the list
of public suffixes.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import Filter, InputPath, Proof, Rules
from synth_dagster.parts.pages.addresses import Block, Parts, Sieve, blocks
from synth_dagster.parts.pages.hosts import domain_of, hosts_of, plain_host
from synth_dagster.records import Document
from synth_dagster.services import References

Values: TypeAlias = NDArray[Any]

KINDS = ("domain", "url", "word", "soft", "part")
_EITHER = "word or soft"  # both kinds of words are looked for at once
_SIGNALS = {
    "domain": pa.bool_(),
    "subdomain": pa.bool_(),
    "address": pa.bool_(),
    "banned_words": pa.int64(),
    "soft_words": pa.int64(),
    "banned_part": pa.bool_(),
}
_ENTRY = re.compile(r"(?P<kind>[a-z_]+): *(?P<entry>\S+)")


class UrlFilter(Filter):
    """Six rules over the address of a page."""

    paper = "arXiv:2406.17557"
    proof = Proof("equation by hand", "One address a rule, on both sides; the rules and their order are datatrove's.")
    judges = (Document,)

    lists: InputPath = Field(description="File or folder (.txt) with what is banned, an entry a line.")
    max_soft_words: int = Field(1, ge=0, description="Softly banned words that an address may hold.")
    private_suffixes: bool = Field(
        False, description="Whether a name under github.io and the like is a domain of its own, beside github.io."
    )
    without_url: Literal["drop", "keep"] = Field("drop", description="What becomes of pages without an address.")

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"max_soft_words", "without_url"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References
    ) -> Mapping[str, pa.Array]:
        banned = entries(tuple(references.texts(self.lists)))
        url = flat["url"].combine_chunks()
        found = [self._found(block, banned) for block in blocks(pc.fill_null(url, ""))]
        missing = url.is_null().to_numpy(zero_copy_only=False) if url.null_count else None
        return {name: pa.array(_joined(found, name), kind, mask=missing) for name, kind in _SIGNALS.items()}

    def _found(self, block: Block, banned: Mapping[str, "Entries"]) -> Mapping[str, Values]:
        domain, subdomain = self._listed(block, banned["domain"])
        words, soft = _different(block, banned)
        return {
            "domain": domain,
            "subdomain": subdomain,
            "address": _addresses(block, banned["url"]),
            "banned_words": words,
            "soft_words": soft,
            "banned_part": banned["part"].parts.are_in(*block.letters),
        }

    def _listed(self, block: Block, domains: "Entries") -> tuple[Values, Values]:
        """Of each address whether its registered domain is listed, and whether its host is."""
        hosts, plain = block.hosts
        tails = block.tails(hosts.chosen(plain))
        asked = plain & domains.sieve.may_hold(block.hashes(hosts))
        asked[tails.owners[domains.sieve.may_hold(block.hashes(tails))]] = True
        texts = [host.lower() for host in block.cut(hosts.chosen(asked))]
        if not plain.all():
            texts += hosts_of(block.urls.filter(pa.array(~plain))).to_pylist()
        verdicts = {host: self._verdict(domains.values, host) for host in set(texts)}
        found = np.zeros(len(block), np.uint8)
        found[asked], found[~plain] = np.split(np.array([verdicts[host] for host in texts], np.uint8), [asked.sum()])
        return found & 1 > 0, found & 2 > 0

    def rules(self) -> Rules:
        rules = {
            "domain": "domain",
            "subdomain": "subdomain",
            "url": "address",
            "banned_word": "banned_words > 0",
            "soft_words": f"soft_words > {self.max_soft_words}",
            "banned_part": "banned_part",
        }
        return rules if self.without_url == "drop" else {name: f"coalesce({r}, false)" for name, r in rules.items()}

    def _verdict(self, domains: frozenset[str], host: str) -> int:
        """1 where the registered domain is listed, and 2 more where the host is."""
        listed = domain_of(host) in domains or (self.private_suffixes and domain_of(host, private=True) in domains)
        return listed + 2 * (host in domains)


@dataclass(frozen=True)
class Entries:
    """What is banned of one kind, and the sieve that spares most addresses a look at it."""

    values: frozenset[str]

    @cached_property
    def sieve(self) -> Sieve:
        return Sieve(self.values)

    @cached_property
    def parts(self) -> Parts:
        return Parts(self.values)


@lru_cache(maxsize=2)  # a list of millions of domains takes seconds, and each batch asks for it
def entries(texts: Sequence[str]) -> Mapping[str, Entries]:
    """The entries of the lists by kind. Raises MethodError for a kind that is none."""
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for line in (line.strip() for text in texts for line in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        match = _ENTRY.fullmatch(line)
        kind, entry = (match["kind"], match["entry"]) if match else ("domain", line)
        if kind not in found:
            raise MethodError(f"url_filter: a list has an entry of kind '{kind}'. Kinds are {', '.join(KINDS)}.")
        found[kind].add(_FORMS.get(kind, _letters)(entry))
    found[_EITHER] = found["word"] | found["soft"]
    return {kind: Entries(frozenset(values - {""})) for kind, values in found.items()}


def _letters(entry: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "", entry).lower()


_FORMS: Mapping[str, Callable[[str], str]] = {"domain": plain_host, "url": str}


def _addresses(block: Block, banned: Entries) -> Values:
    found = block.whole.chosen(banned.sieve.may_hold(block.hashes(block.whole)))
    there = np.zeros(len(block), bool)
    there[found.owners] = [url in banned.values for url in block.urls.take(pa.array(found.owners)).to_pylist()]
    return there


def _different(block: Block, banned: Mapping[str, Entries]) -> tuple[Values, Values]:
    """How many different banned words each address holds, and how many softly banned ones.

    Capitals count: a word is banned as it is listed.
    """
    found = block.words.chosen(banned[_EITHER].sieve.may_hold(block.word_hashes))
    pairs = set(zip(block.owners_of(found).tolist(), block.cut(found), strict=True))
    kinds = (banned[kind].values for kind in ("word", "soft"))
    words, soft = ([owner for owner, word in pairs if word in values] for values in kinds)
    return np.bincount(words, minlength=len(block)), np.bincount(soft, minlength=len(block))


def _joined(found: Sequence[Mapping[str, Values]], name: str) -> Values:
    return np.concatenate([np.zeros(0, bool), *(values[name] for values in found)])
