"""The approval in the report of a release, which was written before anybody could approve it.

Card and page hold it between two marks. When something is said, what stands between them is replaced, in turn, so that
the last one to write has seen everything.
"""

from html import escape

from synth_dagster.governance.approvals import Approval, Entry, approval_of
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.storage import NotThere

BEGIN, END = "<!-- approval -->", "<!-- end of approval -->"


def in_card(approval: Approval) -> str:
    """The section of the card in Markdown."""
    said = "".join(f"\n- {_sentence(entry)}" for entry in approval.history)
    return f"{BEGIN}\nApproval: {_plain(approval.line())}.{said}\n{END}"


def in_page(approval: Approval) -> str:
    """The section of the page in HTML."""
    said = "".join(f"<li>{escape(_sentence(entry))}</li>" for entry in approval.history)
    return f"{BEGIN}<p>Approval: <b>{escape(approval.line())}</b>.</p>{f'<ul>{said}</ul>' if said else ''}{END}"


def _sentence(entry: Entry) -> str:
    said = entry.statement
    return _plain(f"{entry.line()}: {entry.fault or said.comment}")


def _plain(text: str) -> str:
    """A comment cannot look like the end of the section."""
    return text.replace("<", "‹").replace(">", "›")


def refresh(lake: Lake, release: Release) -> Approval:
    """Bring the report of a release up to date with what was said; the approval that it shows now."""
    place = f"reports/{release.dataset}/{release.release}"
    with lake.telling(release.dataset), lake.lease(place, "exclusive"):
        approval = approval_of(lake, release)
        for name, section in ((f"{place}.md", in_card(approval)), (f"{place}.html", in_page(approval))):
            try:
                text = lake.store.read(name).decode()
            except NotThere:
                continue
            before, mark, rest = text.partition(BEGIN)
            shown = f"{before}{section}{rest.partition(END)[2]}"
            if mark and shown != text:
                lake.save_page(name, shown)
    return approval
