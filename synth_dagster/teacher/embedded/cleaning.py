"""Web pages cleaned by rule: lines that are menus, footers, buttons and counters, and whether a page is worth keeping.

A line is noise when the whole of it is. A sentence that speaks of cookies or of a menu stays.
"""

import re
from itertools import groupby

from synth_dagster.teacher.embedded.prompts import Request

_NUMBERED = re.compile(r"\[(\d{3,})\](.*)", re.DOTALL)
_BUTTON = re.compile(
    r"(?:home|about(?: us)?|contact(?: us)?|log ?in|sign (?:in|up)|register|search|menu|share|tweet|print|subscribe|"
    r"reply|next|prev(?:ious)?(?: (?:page|post))?|older posts|newer posts|back to top|top|read more|show more|"
    r"load more|skip to (?:main )?content|click here|help|faq|sitemap|terms(?: (?:of (?:use|service)|and conditions))?|"
    r"privacy(?: policy)?|cookie (?:policy|settings)|accept(?: all)?(?: cookies)?|advertisement|sponsored|downloads?|"
    r"follow us(?: on \w+)?|share (?:this|on \w+)(?: post| article)?|leave a (?:comment|reply)|news|blog|products|"
    r"services|careers|shop|cart|my account|wishlist|tags?|categories|related (?:posts|articles)|\d{1,4})",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*(?:[|\u00bb\u203a>\u00b7\u2022/*]+|\s-\s|,\s)\s*")
_WHOLE = re.compile(
    r"\W*(?:(?:copyright|\(c\)|\u00a9).{0,120}|.{0,80}all rights reserved\W*.{0,40}|powered by .{0,60}|"
    r"(?:posted|published|updated|last modified)(?: (?:by|on|in))? .{0,60}|page \d+ of \d+|"
    r"\d+ (?:comments?|views|likes|shares)|(?:this site|we) uses? cookies.{0,200}|"
    r"(?:please )?enable javascript.{0,80}|subscribe to (?:our|the) .{0,60}|sign up for (?:our|the) .{0,60}|"
    r"you are here:.{0,120}|filed under:.{0,120}|tags:.{0,120}|[-=_*~#.\s]{3,})\W*",
    re.IGNORECASE | re.DOTALL,
)
_MOST_NOISE = 0.6  # the share of a page's lines with which it is dropped


def is_noise(line: str) -> bool:
    """Whether a line is nothing but a menu, a footer, buttons or a divider. A blank line is not."""
    bare = line.strip()
    if not bare or len(bare) > 300:
        return False
    parts = [part for part in _BETWEEN.split(bare) if part]
    return bool(_WHOLE.fullmatch(bare)) or (bool(parts) and all(_BUTTON.fullmatch(part) for part in parts))


def program(request: Request) -> str:
    """Calls that remove the noise among numbered lines, or the call that keeps everything."""
    numbered = [_NUMBERED.fullmatch(line) for line in request.text("lines").split("\n")]
    noise = [int(found[1]) for found in numbered if found and is_noise(found[2])]
    runs = [list(run) for _, run in groupby(enumerate(noise), key=lambda pair: pair[1] - pair[0])]
    calls = [f"remove_lines(line_start={run[0][1]}, line_end={run[-1][1]})" for run in runs]
    keep = "keep_all()" if "keep_all()" in request.user.rsplit("</lines>", 1)[-1] else "keep_chunk()"
    return "\n".join(calls) or keep


def page(request: Request) -> str:
    """The page without its noise, between its tags."""
    kept = [line for line in request.text("page").split("\n") if not is_noise(line)]
    return "Menus and footers are no part of the text.\n<page>\n" + "\n".join(kept) + "\n</page>"


def verdict(request: Request) -> str:
    """The call that drops a page of little but noise, or the one that keeps it."""
    lines = [line for line in request.text("document").split("\n") if line.strip()]
    noisy = sum(map(is_noise, lines)) > _MOST_NOISE * len(lines) or not lines
    return "drop_doc()" if noisy else "keep_doc()"
