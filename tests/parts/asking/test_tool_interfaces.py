"""Interfaces that can be called, and calls that keep to them."""

import json

import pytest

from synth_dagster.parts.asking.tool_interfaces import (
    Function,
    FunctionCall,
    Parameter,
    unfit_call,
    unfit_interface,
    written_calls,
    written_interface,
)

HERD = Function(
    name="count_sheep",
    description="Counts them.",
    parameters=[
        Parameter(name="day", type="string", description="As YYYY-MM-DD.", required=True),
        Parameter(name="at_least", type="integer", description="Herds of fewer are left out.", required=False),
        Parameter(name="lambs", type="boolean", description="Whether lambs count.", required=False),
        Parameter(name="share", type="number", description="Of the herd.", required=False),
    ],
)


@pytest.mark.parametrize(
    ("name", "parameters", "description", "reason"),
    [
        ("count_sheep", ["day", "herd"], "Counts them.", None),
        ("count_sheep", [], "Counts them.", None),
        ("countSheep", [], "Counts them.", "bad_name"),
        ("count_sheep", ["day", "day"], "Counts them.", "bad_name"),
        ("count_sheep", ["a day"], "Counts them.", "bad_name"),
        ("count_sheep", ["day"], " ", "blank"),
    ],
)
def test_an_interface_is_judged_by_its_names(name, parameters, description, reason):
    given = [Parameter(name=one, type="string", description="x", required=False) for one in parameters]
    tool = Function(name=name, description=description, parameters=given)
    assert unfit_interface(tool) == reason
    assert json.loads(written_interface(tool))["function"]["name"] == name


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("count_sheep", '{"day": "2024-05-01"}', None),
        ("count_sheep", '{"day": "2024-05-01", "at_least": 3, "lambs": true, "share": 1}', None),
        ("count_goats", '{"day": "2024-05-01"}', "unknown_function"),
        ("count_sheep", '{"at_least": 3}', "missing_argument"),
        ("count_sheep", "{}", "missing_argument"),
        ("count_sheep", '{"day": "x", "hour": 3}', "bad_arguments"),
        ("count_sheep", '{"day": 3}', "bad_arguments"),
        ("count_sheep", '{"day": "x", "at_least": true}', "bad_arguments"),
        ("count_sheep", '{"day": "x", "at_least": 2.5}', "bad_arguments"),
        ("count_sheep", '{"day": "x"', "bad_arguments"),
        ("count_sheep", '["day"]', "bad_arguments"),
        ("count_sheep", "[" * 100_000, "bad_arguments"),
    ],
)
def test_a_call_is_held_to_its_interface(name, arguments, reason):
    assert unfit_call(FunctionCall(name=name, arguments=arguments), [HERD]) == reason


def test_calls_are_written_as_a_message_holds_them():
    (call,) = json.loads(written_calls([FunctionCall(name="count_sheep", arguments='{ "day" : "x" }')]))
    assert call == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "count_sheep", "arguments": '{"day":"x"}'},
    }
    assert [one["function"]["name"] for one in json.loads(written_interface([HERD, HERD]))] == ["count_sheep"] * 2
