"""The report of a release: what is in it, what was dropped and why, what it cost.

Reads   filtered_mix[release], verdicts[release]
Writes  reports/<dataset>/<release>.md and .html in the lake
"""

import os

import dagster as dg

from assets.materialized import OWNERS, Project, in_words, run_context
from assets.partitions import releases, the_batch
from synth_dagster.governance.handover import the_release
from synth_dagster.governance.plots import as_markdown
from synth_dagster.governance.release_seal import seal_release
from synth_dagster.governance.report import Report, release_facts, write_report
from synth_dagster.governance.report_facts import ReleaseFacts
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.seals import Seal
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import Progress, TeacherSource
from synth_dagster.runner.vectors import known_vectors
from synth_dagster.signing import VARIABLE, Signer

STORY = (
    "The report of a release, as a page to look at, to search and to print, and as a dataset card: the fifteen "
    "questions of an audit with their answers, a Sankey from sources to verdicts, charts, findings, checks over time, "
    "what is not known, and records with their lineage drawn."
)


def release_report(project: Project, recipe: Recipe) -> dg.AssetsDefinition:
    @dg.asset(
        key=[recipe.dataset, "release_report"],
        deps=[[recipe.dataset, recipe.mix.name]],
        partitions_def=releases(recipe),
        code_version="1",
        group_name=recipe.dataset,
        owners=OWNERS,
        kinds={"markdown", "html"},
        tags={"stage": "report"},
        op_tags=project.tags(recipe),
        description=STORY,
    )
    def made(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult:
        with in_words(context):
            run = run_context(context, project, recipe, lake, teachers, progress)
            release = the_release(lake, recipe.dataset, the_batch(context))
            seal = seal_release(lake, release, Signer.of(os.environ))
            with known_vectors(run, run.recipe.mix.of) as vectors:
                facts = release_facts(lake, release, run.recipe, run.root, vectors)
            written = write_report(lake, facts)
            address = project.pages.release(facts.about.dataset, facts.about.release)
            explored = {"explore": dg.MetadataValue.url(address)} if address else {}
            return dg.MaterializeResult(metadata=_shown(facts, written) | _sealed(seal) | explored)

    return made


def _sealed(seal: Seal) -> dict[str, dg.MetadataValue]:
    """The hash of the manifest, which whoever wrote it down elsewhere can compare, and whose key signed it."""
    signed = seal.signed_by or f"unsigned: {VARIABLE} names no key"
    return {"manifest": dg.MetadataValue.text(seal.manifest), "signed_by": dg.MetadataValue.text(signed)}


def _shown(facts: ReleaseFacts, written: Report) -> dict[str, dg.MetadataValue]:
    """Links, numbers and the picture of counts; what records say stands in the lake only."""
    usd = facts.usd()
    return {
        "report": dg.MetadataValue.path(written.page),
        "card": dg.MetadataValue.path(written.card),
        "approval": dg.MetadataValue.text(written.approval),
        "dagster/row_count": dg.MetadataValue.int(facts.about.kept),
        "keep_rate": dg.MetadataValue.float(facts.about.kept / facts.about.judged if facts.about.judged else 0.0),
        "tokens": dg.MetadataValue.int(facts.about.tokens),
        "near_duplicates": dg.MetadataValue.int(facts.clusters.dropped),
        "teacher_usd": dg.MetadataValue.text("unknown") if usd is None else dg.MetadataValue.float(usd),
        "licenses": dg.MetadataValue.json(dict(facts.about.licenses)),
        "measures": dg.MetadataValue.json({name: dict(numbers) for name, numbers in facts.measures.items()}),
        "summary": dg.MetadataValue.md(facts.summary()),
        "plots": dg.MetadataValue.md(as_markdown(written.picture, "Counts of the release")),
    }
