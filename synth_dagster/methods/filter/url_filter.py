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
from functools import lru_cache, partial
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import Filter, InputPath, Proof, Rules
from synth_dagster.parts.pages.hosts import domain_of, hosts_of, plain_host, tails_of
from synth_dagster.records import Document
from synth_dagster.services import References

KINDS = ("domain", "url", "word", "soft", "part")
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
        hosts = hosts_of(url)
        parts = pc.split_pattern_regex(pc.fill_null(url, ""), "[^a-zA-Z0-9]+")
        found = {
            "domain": _each(hosts, partial(self._is_listed, banned["domain"])),
            "subdomain": _each(hosts, banned["domain"].__contains__),
            "address": _each(pc.fill_null(url, ""), banned["url"].__contains__),
            "banned_words": _different(parts, banned["word"]),
            "soft_words": _different(parts, banned["soft"]),
            "banned_part": _with_part(url, banned["part"]),
        }
        missing = url.is_null()
        return {name: pc.if_else(missing, pa.scalar(None, column.type), column) for name, column in found.items()}

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

    def _is_listed(self, domains: frozenset[str], host: str) -> bool:
        if not any(tail in domains for tail in tails_of(host)):
            return False  # which spares most hosts a look at the suffixes
        return domain_of(host) in domains or (self.private_suffixes and domain_of(host, private=True) in domains)


@lru_cache(maxsize=2)  # a list of millions of domains takes seconds, and each batch asks for it
def entries(texts: Sequence[str]) -> Mapping[str, frozenset[str]]:
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
    return {kind: frozenset(values - {""}) for kind, values in found.items()}


def _letters(entry: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "", entry).lower()


_FORMS: Mapping[str, Callable[[str], str]] = {"domain": plain_host, "url": str}


def _each(values: pa.Array, holds: Callable[[str], bool]) -> pa.Array:
    """Whether something holds for each value, asked once for each different one."""
    different = values.dictionary_encode()
    return pa.array([holds(value) for value in different.dictionary.to_pylist()], pa.bool_()).take(different.indices)


def _different(parts: pa.ListArray, banned: frozenset[str]) -> pa.Array:
    """How many different banned words each list holds."""
    flat, owners = parts.flatten(), pc.list_parent_indices(parts)
    place = pc.index_in(flat, value_set=pa.array(sorted(banned), pa.string()))
    there = place.is_valid()
    pairs = np.stack([owners.filter(there).to_numpy(), place.filter(there).to_numpy()], axis=1)
    owner = np.unique(pairs, axis=0)[:, 0]
    return pa.array(np.bincount(owner, minlength=len(parts)), pa.int64())


def _with_part(urls: pa.Array, banned: frozenset[str]) -> pa.Array:
    if not banned:
        return pa.array(np.zeros(len(urls), bool))
    letters = pc.utf8_lower(pc.replace_substring_regex(pc.fill_null(urls, ""), "[^a-zA-Z0-9]+", ""))
    return pc.match_substring_regex(letters, "|".join(map(re.escape, sorted(banned))))
