"""Whether a batch is current: what it is made by and from, and whether a version of it is just that.

Made by is the code version of the stage, made from are the versions of its inputs, whatever run made it.
"""

from collections.abc import Mapping

from synth_dagster.errors import LakeError
from synth_dagster.lake.findings import held, held_input
from synth_dagster.lake.lake import Candidate
from synth_dagster.recipe import Stage
from synth_dagster.runner.context import RunContext, source_of
from synth_dagster.runner.corpus import CorpusView
from synth_dagster.runner.plan import planned
from synth_dagster.runner.services import needs_teacher


def identity(context: RunContext, stage: str, batch: str) -> tuple[str, dict[str, str]]:
    """What a batch is made by and from: the stage's code version, and the versions of its inputs."""
    return identity_in_view(context, stage, batch, CorpusView.of(context, stage))


def identity_in_view(
    context: RunContext, stage: str, batch: str, view: CorpusView | None
) -> tuple[str, dict[str, str]]:
    """The same with the view of the whole corpus that is already taken; None where the stage takes none."""
    corpus = view.input if view and not adopts(context, context.recipe.stage(stage), batch) else {}
    return context.code_version(stage, batch), inputs_of(context, stage, batch) | corpus


def inputs_of(context: RunContext, stage: str, batch: str) -> dict[str, str]:
    """Input -> version: the delivery's digest for a corpus, the accepted data version of the stage above otherwise.

    Which records of it are held in quarantine counts too: a release from there makes what stands below anew. What all
    batches hold, of a stage that compares its batch with them, is not among these.
    """
    above = context.recipe.stage(stage).reads
    if above is None:
        return {"delivery": planned(context, batch).digest}
    version = accepted(context, above, batch)
    return {above: version.data_version} | held_input(held(context.lake, version))


def current(context: RunContext, stage: str, batch: str, wanted: tuple[str, Mapping[str, str]]) -> Candidate | None:
    """The version of a batch that is as wanted: awaiting its gate after a crash, or accepted."""
    dataset = context.recipe.dataset
    there = (context.lake.awaiting(dataset, stage, batch), context.lake.accepted(dataset, stage, batch))
    whole = [found for found in there if found and found.details.get("limit") == context.limit]
    whole = [found for found in whole if not asks_again(context, stage, found)]
    return next((found for found in whole if (found.code_version, dict(found.inputs)) == wanted), None)


def is_settled(context: RunContext, stage: str, batch: str) -> bool:
    """Whether a batch is current and accepted with a gate that passed: nothing is left to do."""
    lake, dataset = context.lake, context.recipe.dataset
    there = lake.accepted(dataset, stage, batch)
    if there is None or lake.awaiting(dataset, stage, batch) is not None:
        return False
    if (there.code_version, dict(there.inputs)) != identity(context, stage, batch) or asks_again(context, stage, there):
        return False
    gate = lake.meta.gate(there.candidate_id)
    return gate is not None and gate.passed and gate.guards == context.recipe.guards_fingerprint(stage, context.root)


def asks_again(context: RunContext, stage: str, there: Candidate) -> bool:
    """Whether a version has answers that could not be used and are to be asked for once more, which it was not yet."""
    if not context.retry_rejects or not there.details.get("unusable") or there.session_id == context.session_id:
        return False
    return needs_teacher([step.method for step in context.recipe.stage(stage).steps])


def accepted(context: RunContext, stage: str, batch: str) -> Candidate:
    """The accepted version of a batch of the stage above. Raises LakeError when there is none."""
    found = context.lake.accepted(context.recipe.dataset, stage, batch)
    if found is None:
        raise LakeError(
            f"'{stage}' has no accepted version of batch '{batch}'. Run that stage first; "
            "'synth status' shows what its gate said."
        )
    return found


def adopts(context: RunContext, stage: Stage, batch: str) -> bool:
    """Whether the stage takes the batch over as it was delivered, in the place of its steps."""
    return stage.name in context.recipe.adopting(source_of(batch))
