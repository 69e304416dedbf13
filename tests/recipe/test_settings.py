from collections.abc import Callable
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from synth_dagster.recipe.settings import Fault, allowed, checked, shown


class Inner(BaseModel):
    size: int = Field(1, ge=1, description="How large.")


class Everything(BaseModel):
    inner: Inner | None = Field(None, description="Something inside.")
    many: list[Inner] = Field([], description="Several of them.")
    share: float = Field(0.5, gt=0, lt=1, description="A share.")
    either: int | Literal["auto"] = Field("auto", description="A number or auto.")
    names: Annotated[tuple[str, ...], Field(min_length=1)] = Field(("a",), description="Names.")


class Strange(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    call: Callable[[int], int] | None = Field(None, description="JSON has no word for this.")
    count: int = Field(1, ge=0)


def faults(values: dict, model: type[BaseModel] = Everything) -> list[tuple]:
    result = checked(model, values, "it")
    assert isinstance(result, list)
    assert all(isinstance(fault, Fault) for fault in result)
    return [(fault.where, fault.cause) for fault in result]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("inner", "names with values or null"),
        ("many", "a list of: names with values"),
        ("share", "a number above 0 and below 1"),
        ("either", "a whole number or 'auto'"),
        ("names", "a list of: text with at least this many items: 1"),
    ],
)
def test_what_is_allowed_is_said_in_words(name, words):
    schema = Everything.model_json_schema()
    assert allowed(schema["properties"][name], schema) == words


def test_a_fault_deep_inside_is_named_by_its_whole_path():
    assert faults({"inner": {"size": 0}, "many": [{"size": 1}, {"size": "x"}]}) == [
        (("inner", "size"), "'inner.size' of it is 0, and must be a whole number of at least 1."),
        (("many", 1, "size"), "'many.1.size' of it is 'x', and must be a whole number of at least 1."),
    ]


def test_a_union_complains_once():
    assert faults({"either": 1.5}) == [(("either",), "'either' of it is 1.5, and must be a whole number or 'auto'.")]


def test_a_number_that_is_no_whole_number_is_not_rounded():
    assert (
        faults({"inner": {"size": 2.0}})[0][1] == "'inner.size' of it is 2.0, and must be a whole number of at least 1."
    )
    assert checked(Everything, {"share": 0.25}, "it") == Everything(share=0.25)


def test_a_setting_that_json_has_no_word_for_is_told_in_the_words_of_pydantic():
    assert faults({"count": -1}, Strange) == [
        (("count",), "'count' of it is -1, and Input should be greater than or equal to 0.")
    ]


def test_values_are_shown_in_one_short_line_and_secrets_are_not_shown():
    assert shown("a\nb\x1b[0m") == "'a?b?[0m'"
    assert len(shown("x" * 1_000)) == 62  # 57 characters, three points, two quotes
    assert shown("sk-abc") == "a secret"
    assert shown(5_000_000) == "5_000_000"
