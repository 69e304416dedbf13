"""A moment of a run as an OpenLineage event: which job, which datasets, and what is known of both. Never record text.

Specification: openlineage.io, 2-0-2. A stage is a job with a run for each batch, and so is its gate, whose assertions
belong to the dataset that it reads. The same run gives the same ids whenever it is told.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from synth_dagster.errors import LakeError, SynthError
from synth_dagster.governance.openlineage.places import Named, of_source, of_stage
from synth_dagster.governance.openlineage.story import Moment
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe
from synth_dagster.record_tables import CONTENT
from synth_dagster.runner.code import own_version
from synth_dagster.runner.context import SESSION_TAG, SIGNALS, source_of

if TYPE_CHECKING:
    import dagster as dg
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent

OURS = own_version() or "source"
PRODUCER = f"urn:synth_dagster:{OURS}"
INTEGRATION = "SYNTH_DAGSTER"
GATE = "__gate"
MOST_PARTITIONS = 100  # of an input that an event names
CONTENT_COLUMNS = frozenset(name for columns in CONTENT.values() for name, _, _ in columns)
MADE_FROM = {"identity": ("DIRECT", "IDENTITY"), "computed": ("DIRECT", "TRANSFORMATION"), "text": ("INDIRECT", None)}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What an event is told from besides Dagster's log. A dataset whose recipe is not here has fewer inputs."""

    lake: Lake
    recipes: Mapping[str, Recipe]
    places: Places
    namespace: str  # of the jobs


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Tells the moments of one Dagster run."""

    scene: Scene
    run: "dg.DagsterRun"

    def event(self, moment: Moment) -> "RunEvent":
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState, set_producer

        set_producer(PRODUCER)  # for the event and all facets that are made below
        assets = [_stage_of(key) for key in moment.assets]
        return RunEvent(
            eventTime=_time(moment.at),
            eventType=RunState[moment.kind],
            run=Run(runId=self._run_id(moment.step), facets=dict(self._run_facets(moment))),
            job=Job(
                namespace=self.scene.namespace,
                name=self._job_name(moment.step),
                facets={"jobType": _job_type(moment.step)},
            ),
            inputs=self._inputs(moment, assets),
            outputs=self._outputs(moment, assets),
        )

    # ------------------------------------------------------------------------------------------------------- who, when

    def _run_id(self, step: str | None) -> str:
        """Dagster's own id of the run; of a step one that follows from it."""
        whole = uuid.UUID(self.run.run_id)
        return str(whole if step is None else uuid.uuid5(whole, step))

    def _job_name(self, step: str | None) -> str:
        return (step or self.run.job_name).strip("_").replace("__", ".")

    def _run_facets(self, moment: Moment) -> Iterator[tuple[str, Any]]:
        import dagster as dg
        from openlineage.client.facet_v2 import error_message_run, parent_run, processing_engine_run, tags_run

        namespace = self.scene.namespace
        yield (
            "processing_engine",
            processing_engine_run.ProcessingEngineRunFacet(
                version=dg.__version__, name="dagster", openlineageAdapterVersion=OURS
            ),
        )
        if moment.step is not None:
            run = parent_run.Run(runId=self.run.run_id)
            job = parent_run.Job(namespace=namespace, name=self._job_name(None))
            yield "parent", parent_run.ParentRunFacet(run=run, job=job)
        if moment.why:
            yield (
                "errorMessage",
                error_message_run.ErrorMessageRunFacet(message=moment.why, programmingLanguage="PYTHON"),
            )
        fields = tags_run.TagsRunFacetFields
        tags = [fields(key=key, value=value, source=INTEGRATION) for key, value in self._tags(moment)]
        yield "tags", tags_run.TagsRunFacet(tags=tags)

    def _tags(self, moment: Moment) -> Iterator[tuple[str, str]]:
        """What is known of how it was made: versions and hashes, models, counts."""
        tags = {"partition": "dagster/partition", "session": SESSION_TAG, "recipe": "recipe"}
        yield from ((name, self.run.tags[key]) for name, key in tags.items() if key in self.run.tags)
        for candidate in self._candidates(moment).values():
            yield "code_version", candidate.code_version
            yield "records", str(candidate.current)
            yield "rejected", str(candidate.rejected)
            makers = _makers(self.scene.lake, candidate)
            for place, name in enumerate(("methods", "models", "prompts")):
                if named := sorted({str(one[place]) for one in makers if one[place]}):
                    yield name, ", ".join(named)

    # ----------------------------------------------------------------------------------------------------- what of what

    def _candidates(self, moment: Moment) -> dict[str, Candidate]:
        """Stage -> the version that was made, or found current. One that an erasure has rewritten since is left out."""
        found = {}
        for made in moment.made:
            named = made.metadata.get("candidate")
            if named is not None:
                try:
                    found[_stage_of(made.asset_key)[1]] = self.scene.lake.meta.candidate(str(named.value))
                except LakeError:
                    continue
        return found

    def _inputs(self, moment: Moment, assets: Iterable[tuple[str, str]]) -> "list[InputDataset]":
        if moment.checks:
            return self._checked(moment.checks)
        return [one for dataset, stage in assets for one in self._above(moment, dataset, stage)]

    def _above(self, moment: Moment, dataset: str, stage: str) -> "Iterator[InputDataset]":
        recipe, made = self.scene.recipes.get(dataset), self._candidates(moment).get(stage)
        batch = self.run.tags.get("dagster/partition", "")
        if recipe is not None and stage in recipe.stages and recipe.stages[stage].reads is None:
            source = of_source(self.scene.places, self.scene.namespace, recipe, source_of(batch))
            yield _input(source, version=made.inputs.get("delivery") if made else None)
            return
        for above in _reads(recipe, stage, made):
            if made is not None and recipe is not None and stage == recipe.mix.name:
                yield _input(of_stage(self.scene.lake, dataset, above), partitions=list(made.inputs))
            else:
                read = made.inputs.get(above) if made else None
                by_release = recipe is not None and above == recipe.mix.name
                where = {"release" if by_release else "batch": batch} if batch else None
                yield _input(of_stage(self.scene.lake, dataset, above), version=read, where=where)

    def _checked(self, checks: Iterable[Any]) -> "list[InputDataset]":
        """A gate reads what it checks."""
        from openlineage.client.event_v2 import InputDataset
        from openlineage.client.facet_v2 import data_quality_assertions_dataset as quality

        by_stage: dict[tuple[str, str], list[Any]] = {}
        for one in checks:
            by_stage.setdefault(_stage_of(one.asset_key), []).append(_assertion(one))
        found: list[InputDataset] = []
        for (dataset, stage), assertions in by_stage.items():
            facet = quality.DataQualityAssertionsDatasetFacet(assertions=assertions)
            place = of_stage(self.scene.lake, dataset, stage)
            found.append(InputDataset(place.namespace, place.name, inputFacets={"dataQualityAssertions": facet}))
        return found

    def _outputs(self, moment: Moment, assets: Iterable[tuple[str, str]]) -> "list[OutputDataset]":
        """What a step makes: at its end with all that is known of it, before with its name."""
        from openlineage.client.event_v2 import OutputDataset

        made = {_stage_of(one.asset_key): one for one in moment.made}
        candidates = self._candidates(moment)
        found: list[OutputDataset] = []
        for dataset, stage in assets:
            place = of_stage(self.scene.lake, dataset, stage)
            about = made.get((dataset, stage))
            metadata = about.metadata if about is not None else {}
            found.append(
                OutputDataset(
                    place.namespace,
                    place.name,
                    facets=dict(self._dataset_facets(place, stage, metadata, candidates.get(stage))),
                    outputFacets=dict(_output_facets(metadata, candidates.get(stage))),
                )
            )
        return found

    def _dataset_facets(
        self, place: Named, stage: str, metadata: Mapping[str, Any], made: Candidate | None
    ) -> Iterator[tuple[str, Any]]:
        from openlineage.client.facet_v2 import datasource_dataset, schema_dataset, storage_dataset

        yield (
            "dataSource",
            datasource_dataset.DatasourceDatasetFacet(name=place.namespace, uri=place.uri),
        )
        if made is None:
            return
        yield (
            "storage",
            storage_dataset.StorageDatasetFacet(storageLayer="delta", fileFormat="parquet"),
        )
        yield "version", _version(made.data_version)
        if (columns := metadata.get("dagster/column_schema")) is not None:
            one = schema_dataset.SchemaDatasetFacetFields
            fields = [one(name=c.name, type=c.type, description=c.description) for c in columns.schema.columns]
            yield "schema", schema_dataset.SchemaDatasetFacet(fields=fields)
        if (lineage := metadata.get("dagster/column_lineage")) is not None:
            yield "columnLineage", self._column_lineage(stage, lineage.column_lineage.deps_by_column)

    def _column_lineage(self, stage: str, deps_by_column: Mapping[str, Any]) -> Any:
        from openlineage.client.facet_v2 import column_lineage_dataset as lineage

        fields: dict[str, lineage.Fields] = {}
        for column, deps in deps_by_column.items():
            inputs: list[lineage.InputField] = []
            for dep in deps:
                dataset, above = _stage_of(dep.asset_key)
                place = of_stage(self.scene.lake, dataset, above)
                kind, subtype = MADE_FROM[_made_from(self.scene.recipes.get(dataset), stage, column, dep.column_name)]
                how = lineage.Transformation(type=kind, subtype=subtype, masking=False)
                inputs.append(lineage.InputField(place.namespace, place.name, dep.column_name, transformations=[how]))
            fields[column] = lineage.Fields(inputFields=inputs)
        return lineage.ColumnLineageDatasetFacet(fields=fields)


def _made_from(recipe: Recipe | None, stage: str, column: str, above: str) -> str:
    """How a column comes from one above: as it is, computed, or, as what a teacher writes, only conditioned on it."""
    is_row_stage = recipe is None or stage in recipe.stages
    if column == above and (not is_row_stage or column == "batch"):
        return "identity"
    return "text" if is_row_stage and column in CONTENT_COLUMNS else "computed"


def _reads(recipe: Recipe | None, stage: str, made: Candidate | None) -> list[str]:
    """The stages that a stage reads."""
    if recipe is None:
        return list(made.inputs) if made is not None and made.partition == "batch" else []
    if stage == recipe.mix.name:
        return [recipe.mix.of, SIGNALS]
    if stage == SIGNALS:
        return [recipe.mix.of]
    above = recipe.stages[stage].reads if stage in recipe.stages else recipe.mix.name
    return [above] if above else []


def _makers(lake: Lake, made: Candidate) -> list[tuple[str, str | None, str | None]]:
    """Which methods, models and prompts made the rows of a version."""
    names = ["method", "model_id", "prompt_hash"]
    try:
        found = lake.candidate_table(made, names).group_by(names).aggregate([]).to_pylist()
    except (SynthError, KeyError):  # its file was erased since, or its table has no such columns
        return []
    return [(one["method"], one["model_id"], one["prompt_hash"]) for one in found]


# -------------------------------------------------------------------------------------------------------------- facets


def _stage_of(key: Any) -> tuple[str, str]:
    """Dataset and stage of an asset; an asset with another key than ours is a stage of nothing."""
    return (key.path[0], key.path[-1]) if len(key.path) > 1 else ("", key.path[-1])


def _job_type(step: str | None) -> Any:
    from openlineage.client.facet_v2 import job_type_job

    what = "JOB" if step is None else "GATE" if step.endswith(GATE) else "STAGE"
    return job_type_job.JobTypeJobFacet(processingType="BATCH", integration=INTEGRATION, jobType=what)


def _input(
    place: Named,
    *,
    version: str | None = None,
    where: Mapping[str, str] | None = None,
    partitions: list[str] | None = None,
) -> "InputDataset":
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import base_subset_dataset as subset

    read = [{"batch": one} for one in partitions] if partitions else [dict(where)] if where else []
    facets: dict[str, Any] = {}
    if 0 < len(read) <= MOST_PARTITIONS:
        parts = [subset.Partition(dimensions=one) for one in read]
        condition = subset.PartitionSubsetCondition(partitions=parts)
        facets["subset"] = subset.InputSubsetInputDatasetFacet(inputCondition=condition)
    known = {"version": _version(version)} if version else {}
    return InputDataset(place.namespace, place.name, facets=known, inputFacets=facets)


def _version(data_version: str) -> Any:
    from openlineage.client.facet_v2 import dataset_version_dataset

    return dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=data_version)


def _output_facets(metadata: Mapping[str, Any], made: Candidate | None) -> Iterator[tuple[str, Any]]:
    from openlineage.client.facet_v2 import base_subset_dataset as subset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    if (rows := metadata.get("dagster/row_count")) is not None:
        yield "outputStatistics", statistics.OutputStatisticsOutputDatasetFacet(rowCount=rows.value)
    if made is not None:
        part = subset.Partition(dimensions={made.partition: made.batch})
        condition = subset.PartitionSubsetCondition(partitions=[part])
        yield "subset", subset.OutputSubsetOutputDatasetFacet(outputCondition=condition)


def _assertion(check: Any) -> Any:
    """A check of ours; its counts are numbers, and its examples stay in the lake."""
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as quality

    counts = {name: value.value for name, value in check.metadata.items() if isinstance(value.value, int | float)}
    return quality.Assertion(
        assertion=check.check_name,
        success=check.passed,
        severity=check.severity.value.lower(),
        name=check.check_name,
        params=counts,
    )


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
