"""Replaces e-mail addresses and public IPv4 addresses by examples that belong to nobody.

Paper: arXiv:2406.17557 (FineWeb), which replaces both by one of a few fixed addresses. Ours are those that the
standards reserve for examples (RFC 2606, RFC 5737), so that no real machine is named and a second pass finds nothing.
Which of them follows from the address replaced: the same address becomes the same example everywhere. Text in
other forms, such as "name at host dot org", stays.
"""

import re
from collections.abc import Callable

from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.privacy.personal_data import EMAIL, IPV4, is_example_host, is_public
from synth_dagster.records import Document, digest

_EMAILS = ("email@example.com", "firstname.lastname@example.org")
_ADDRESSES = ("192.0.2.10", "192.0.2.77", "198.51.100.23", "198.51.100.140", "203.0.113.5", "203.0.113.201")


class Pii(Refiner[Document]):
    """Redacts text, title and url of a document; `attributes["pii"]` counts what was replaced."""

    paper = "arXiv:2406.17557"
    topics = ("personal data", "privacy", "anonymise", "anonymize")
    proof = Proof("equation by hand", "Public addresses are replaced, private and example ones stay; search is linear.")
    redacts = True

    emails: bool = Field(True, description="Replace e-mail addresses.")
    ips: bool = Field(True, description="Replace public IPv4 addresses; private and reserved ones stay.")

    async def refine(self, record: Document, /) -> Document:
        fields = {"body": record.body, "title": record.title, "url": record.url}
        redacted = {name: self._redact(text) for name, text in fields.items() if text}
        emails, ips = (sum(counts[kind] for _, counts in redacted.values()) for kind in ("emails", "ips"))
        if emails + ips == 0:
            return record
        attributes = {**record.attributes, "pii": {"emails": emails, "ips": ips}}
        return record.but(attributes=attributes, **{name: text for name, (text, _) in redacted.items()})

    def _redact(self, text: str) -> tuple[str, dict[str, int]]:
        text, emails = replace_emails(text) if self.emails else (text, 0)
        text, ips = replace_public_ips(text) if self.ips else (text, 0)
        return text, {"emails": emails, "ips": ips}


def replace_emails(text: str) -> tuple[str, int]:
    """The text with example addresses, and how many were replaced."""
    return _replace(EMAIL, text, _EMAILS, lambda found: not is_example_host(found[1]))


def replace_public_ips(text: str) -> tuple[str, int]:
    """The text with example IPv4 addresses, and how many were replaced."""
    return _replace(IPV4, text, _ADDRESSES, lambda found: is_public(found[0]))


def _replace(
    pattern: re.Pattern[str], text: str, examples: tuple[str, ...], wanted: Callable[[re.Match[str]], bool]
) -> tuple[str, int]:
    count = 0

    def example(found: re.Match[str]) -> str:
        nonlocal count
        if not wanted(found):
            return found[0]
        count += 1
        return examples[digest(found[0].lower())[0] % len(examples)]

    return pattern.sub(example, text), count
