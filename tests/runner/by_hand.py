"""Runs the stages of a project one by one and accepts them as a gate would, without Dagster."""

from synth_dagster.runner.plan import plan_batches, retire_surplus
from synth_dagster.runner.release import make_release, publish
from synth_dagster.runner.release_inputs import release_inputs
from synth_dagster.runner.signals import run_signals
from synth_dagster.runner.stage import run_stage


class ByHand:
    """Runs a recipe's stages in order; every gate passes unless it is told not to."""

    def __init__(self, project):
        self.project = project

    @property
    def context(self):
        return self.project.context()

    @property
    def lake(self):
        return self.project.lake

    def accepted(self, outcome, *, passed=True):
        candidate = outcome.candidate
        if outcome.made:
            self.lake.meta.record_gate(candidate.candidate_id, passed=passed, suite="by hand", checks=[])
            (self.lake.accept if passed else self.lake.refuse)(candidate)
        return outcome

    def batches(self):
        """Plans and makes what there is; stage -> batches that were really made."""
        context = self.context
        plan = plan_batches(context)
        retire_surplus(context)
        made = {}
        for stages in context.recipe.waves:
            for batch in (one.batch for one in plan.active):
                for stage in stages:
                    if self.accepted(run_stage(context, stage, batch)).made:
                        made.setdefault(stage, []).append(batch)
                if context.recipe.mix.of in stages and self.accepted(run_signals(context, batch)).made:
                    made.setdefault("quality_signals", []).append(batch)
        return made

    def inputs(self):
        return release_inputs(self.context)

    def release(self, name, **how):
        context = self.context
        outcome = make_release(context, name, **how)
        self.lake.meta.record_gate(outcome.candidate.candidate_id, passed=True, suite="by hand", checks=[])
        publish(context, outcome.candidate)
        return outcome
