"""The lake's own pages: previews and reports, which stand there as files. No listing, and no other file."""

from starlette.responses import PlainTextResponse, Response

from synth_dagster.governance.page import POLICY
from synth_dagster.governance.pages import FOLDERS
from synth_dagster.governance.report_style import POLICY as REPORT_POLICY
from synth_dagster.storage import NotThere, Store

TYPES = {".html": "text/html; charset=utf-8", ".md": "text/plain; charset=utf-8", ".json": "application/json"}


def file_answer(store: Store, path: str) -> Response:
    """A preview or a report as it stands in the lake, under the policy of such pages."""
    name = page_name(path)
    if name is None:
        return PlainTextResponse("Here stand previews and reports of a lake; Dagster links to them.\n", 404)
    try:
        content = store.read(name)
    except NotThere:
        return PlainTextResponse("This lake has no such page: it is of another lake, or was erased.\n", 404)
    kind = TYPES[name[name.rindex(".") :]]
    # a report has a script of ours, named by its hash; a preview has none
    policy = REPORT_POLICY if name.startswith("reports/") else POLICY
    return Response(content, media_type=kind, headers={"Content-Security-Policy": policy})


def page_name(path: str) -> str | None:
    """The name of the page in its store that a path means; None for everything that is no page."""
    parts = path.lstrip("/").split("/")
    is_page = parts[0] in FOLDERS and len(parts) > 1 and any(parts[-1].endswith(ending) for ending in TYPES)
    hidden = any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts)
    return "/".join(parts) if is_page and not hidden else None
