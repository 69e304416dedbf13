"""Which endpoint a role means: a pure function of the recipe and the variables."""

import pytest
from pydantic import ValidationError

from synth_dagster.errors import TeacherError
from synth_dagster.services import Sampling
from synth_dagster.teacher.roles import (
    EMBEDDED_EMBEDDER,
    EMBEDDED_MODELS,
    Endpoint,
    RoleSettings,
    identity,
    normal_address,
    resolve,
)

PAID = {"SYNTH_MODEL": "gpt-4o-mini", "OPENAI_API_KEY": "sk-x"}


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="nothing set"),
        pytest.param({"OPENAI_API_KEY": "sk-x"}, id="a key alone"),
        pytest.param({"OPENAI_BASE_URL": "http://localhost:8000"}, id="an address alone"),
        pytest.param({"SYNTH_MODEL": "m"}, id="a model alone"),
        pytest.param({"SYNTH_MODEL": " , ", "OPENAI_API_KEY": "sk-x"}, id="a model without a name"),
    ],
)
def test_a_paid_endpoint_is_never_used_by_accident(env):
    assert resolve("writer", RoleSettings(), env).kind == "embedded"
    with pytest.raises(TeacherError, match=r"'writer' uses a real endpoint, and .* not set.*use: embedded"):
        resolve("writer", RoleSettings(use="endpoint", model="m"), env)


def test_the_environment_gives_model_address_and_key():
    endpoint = resolve("writer", RoleSettings(), PAID | {"OPENAI_BASE_URL": "http://box:8000/"})
    assert (endpoint.kind, endpoint.models) == ("endpoint", ("gpt-4o-mini",))
    assert (endpoint.base_url, endpoint.api_key) == ("http://box:8000/v1", "sk-x")
    assert "sk-x" not in repr(endpoint)


def test_a_key_alone_means_openai():
    assert resolve("writer", RoleSettings(), PAID).base_url == "https://api.openai.com/v1"


def test_a_list_of_models_is_a_pool():
    assert resolve("writer", RoleSettings(), PAID | {"SYNTH_MODEL": "a, b,,a"}).models == ("a", "b")


def test_a_role_that_says_embedded_stays_embedded():
    assert resolve("writer", RoleSettings(use="embedded"), PAID).kind == "embedded"


def test_the_recipe_wins_over_the_environment():
    settings = RoleSettings(models=("x", "y"), base_url="http://gpu:9/", api_key_env="JUDGE_KEY")
    endpoint = resolve("judge", settings, PAID | {"JUDGE_KEY": " k \n"})
    assert (endpoint.models, endpoint.base_url, endpoint.api_key) == (("x", "y"), "http://gpu:9/v1", "k")


def test_a_key_variable_that_is_not_set_is_named():
    with pytest.raises(TeacherError, match="takes its key from JUDGE_KEY, which is not set"):
        resolve("judge", RoleSettings(api_key_env="JUDGE_KEY"), PAID)


def test_a_chat_model_is_never_asked_to_embed():
    assert resolve("embedder", RoleSettings(), PAID).models == (EMBEDDED_EMBEDDER,)
    assert resolve("embedder", RoleSettings(), PAID | {"SYNTH_EMBEDDING_MODEL": "e"}).models == ("e",)
    with pytest.raises(TeacherError, match="Set SYNTH_EMBEDDING_MODEL"):
        resolve("embedder", RoleSettings(use="endpoint"), PAID)


def test_the_embedded_writer_is_a_pool_and_the_embedded_judge_is_the_best():
    assert resolve("writer", RoleSettings(), {}).models == EMBEDDED_MODELS
    assert resolve("judge", RoleSettings(), {}).models == EMBEDDED_MODELS[:1]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("http://h:1", "http://h:1/v1", id="bare"),
        pytest.param("http://h:1/", "http://h:1/v1", id="slash"),
        pytest.param("http://h:1/v1", "http://h:1/v1", id="version"),
        pytest.param(" http://h:1/v1/ ", "http://h:1/v1", id="version and slash"),
        pytest.param("http://h/v1/chat/completions", "http://h/v1", id="the whole path"),
        pytest.param("https://h/proxy/openai", "https://h/proxy/openai/v1", id="behind a path"),
        pytest.param("https://h/v1beta/openai/", "https://h/v1beta/openai", id="a version of its own"),
    ],
)
def test_an_address_works_with_and_without_version_and_slash(address, expected):
    assert normal_address(address) == expected
    assert normal_address(expected) == expected


@pytest.mark.parametrize(
    "address", ["localhost:8000", "ftp://h", "http://", "http://u:p@h", "http://h/v1?key=1", "http://h:99999"]
)
def test_what_is_no_plain_address_is_refused_without_repeating_it(address):
    with pytest.raises(TeacherError, match=r"^OPENAI_BASE_URL (must be a plain|is not an address)") as caught:
        resolve("writer", RoleSettings(), PAID | {"OPENAI_BASE_URL": address})
    assert "u:p" not in str(caught.value) and "key=1" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"api_key_env": "sk-abc123"}, "not the name of a variable", id="a key instead of a name"),
        pytest.param({"model": "a", "models": ["b"]}, "both 'model' and 'models'", id="two ways to say it"),
        pytest.param({"models": ["a", "a"]}, "names one model twice", id="one model twice"),
        pytest.param({"api_key": "x"}, "Extra inputs", id="unknown setting"),
        pytest.param({"max_in_flight": 0}, "greater than or equal to 1", id="out of bounds"),
        pytest.param({"base_url": "nowhere"}, "is not an address", id="no address"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        RoleSettings(**settings)


def test_identity_holds_what_can_change_answers_and_no_address_or_key():
    here = resolve("writer", RoleSettings(model="m", revision="r", temperature=0.2), PAID)
    there = resolve("writer", RoleSettings(model="m", revision="r", temperature=0.2, base_url="http://h"), PAID)
    assert identity(there) == {"models": ["m"], "revision": "r", "temperature": 0.2}
    assert identity(here) == identity(there) | {"terms": "LicenseRef-OpenAI-Terms"}  # of the provider at that address


def test_a_recipe_may_say_a_providers_terms_itself():
    assert resolve("writer", RoleSettings(model="gpt-4o", terms="LicenseRef-Ours"), PAID).terms == "LicenseRef-Ours"
    assert "terms" not in identity(resolve("writer", RoleSettings(model="gpt-4o", terms=""), PAID))


def test_the_recipes_sampling_wins_over_the_methods():
    endpoint = Endpoint("writer", "endpoint", ("m",), temperature=1.0, max_tokens=100)
    assert endpoint.sampling(Sampling(temperature=0.0, top_p=0.6)) == Sampling(
        temperature=1.0, top_p=0.6, max_tokens=100
    )
