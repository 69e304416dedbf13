"""Any schema of supported keywords gets an answer that is valid under it; any other keyword a 400 that names it."""

import jsonschema
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.teacher.embedded.schema import KEYWORDS, SchemaRefused, Shaper, fits, refuse_unknown

TEXT = "Describe the colours. The sky is blue at noon. The grass is green in May. How many are there?"


def thing(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(thing(name={"type": "string", "maxLength": 12}), id="short text"),
        pytest.param(thing(name={"type": "string", "minLength": 300}), id="long text"),
        pytest.param(thing(colour={"enum": ["red", "green", "blue"]}), id="enum"),
        pytest.param(thing(kind={"const": 7}), id="const"),
        pytest.param(thing(n={"type": "integer", "minimum": 3, "exclusiveMaximum": 4}), id="one whole number"),
        pytest.param(thing(n={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}), id="fraction"),
        pytest.param(thing(n={"type": "integer", "maximum": -5}), id="negative"),
        pytest.param(thing(xs={"type": "array", "items": {"type": "string"}, "minItems": 3}), id="three"),
        pytest.param(thing(xs={"type": "array", "maxItems": 0}), id="none"),
        pytest.param(thing(x={"anyOf": [{"type": "integer"}, {"type": "null"}]}), id="optional"),
        pytest.param(thing(x={"type": ["null", "boolean"]}), id="list of types"),
        pytest.param({"$defs": {"a": thing(b={"type": "boolean"})}, **thing(x={"$ref": "#/$defs/a"})}, id="reference"),
        pytest.param(
            {
                "$defs": {"n": thing(next={"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]})},
                "$ref": "#/$defs/n",
            },
            id="a list that refers to itself",
        ),
        pytest.param({"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}}, id="extra"),
    ],
)  # fmt: skip
def test_the_answer_is_valid_under_the_schema(ask, schema):
    jsonschema.validate(ask(TEXT, schema), schema)


def test_an_enum_is_chosen_by_what_the_text_speaks_of(ask):
    assert ask("I like green. Green it is. Which colour?", thing(c={"enum": ["red", "green"]})) == {"c": "green"}


def test_strings_are_sentences_of_the_text(ask):
    found = ask(TEXT, thing(first={"type": "string"}))
    assert found["first"].rstrip(".") in TEXT


@pytest.mark.parametrize("keyword", ["pattern", "oneOf", "allOf", "format", "uniqueItems", "if", "multipleOf"])
def test_an_unsupported_keyword_is_a_clear_400(ask, keyword):
    with pytest.raises(openai.BadRequestError, match=rf"'{keyword}' at schema\.a is not supported.*minItems"):
        ask(TEXT, thing(a={"type": "string", keyword: 1}))


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param({"type": "integer", "minimum": 2, "maximum": 1}, id="no number"),
        pytest.param({"type": "array", "minItems": 2, "maxItems": 1}, id="no length"),
        pytest.param({"$ref": "#/$defs/x"}, id="reference to nothing"),
        pytest.param({"$ref": "#"}, id="reference to itself"),
        pytest.param({"type": "array", "minItems": 1, "items": {"$ref": "#"}}, id="endless"),
        pytest.param({"type": "array", "minItems": 10**9}, id="too many"),
        pytest.param({"type": "uuid"}, id="unknown type"),
        pytest.param({"properties": []}, id="properties is a list"),
        pytest.param({"enum": []}, id="empty enum"),
        pytest.param({"items": False, "minItems": 1, "type": "array"}, id="items false"),
    ],
)
def test_a_schema_that_nothing_fits_is_a_400(ask, schema):
    with pytest.raises(openai.BadRequestError):
        ask(TEXT, schema)


def test_json_object_gives_an_object(tell):
    import json

    assert isinstance(json.loads(tell(TEXT, response_format={"type": "json_object"})), dict)


def array_of(item, low, more):
    return {"type": "array", "items": item, "minItems": low, "maxItems": low + more}


scalars = st.one_of(
    st.builds(
        lambda low, size: {"type": "integer", "minimum": low, "maximum": low + size},
        st.integers(-9, 9),
        st.integers(0, 5),
    ),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 60),
        st.integers(0, 60),
    ),
    st.just({"type": "boolean"}),
    st.just({"type": ["null", "number"]}),
    st.builds(
        lambda choices: {"enum": choices},
        st.lists(st.one_of(st.integers(), st.text(max_size=4), st.none()), min_size=1),
    ),
)
schemas = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(array_of, inner, st.integers(0, 3), st.integers(0, 3)),
        st.builds(lambda a, b: thing(a=a, b=b), inner, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
    ),
    max_leaves=6,
)  # fmt: skip
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-20, 20), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner)),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(schema=schemas, value=values)
def test_whatever_is_given_the_shape_is_kept(schema, value):
    refuse_unknown(schema)
    jsonschema.validate(Shaper(schema, ["One sentence.", "And another one."]).shape(value), schema)


@settings(max_examples=150, deadline=None)
@given(schema=schemas, value=values)
def test_what_fits_is_what_a_validator_accepts(schema, value):
    assert fits(value, schema, schema) == jsonschema.Draft202012Validator(schema).is_valid(value)


def test_the_supported_keywords_are_no_secret():
    with pytest.raises(SchemaRefused) as refused:
        refuse_unknown({"pattern": "a"})
    assert all(keyword in str(refused.value) for keyword in KEYWORDS)
