"""Buckets are reached with what every AWS tool reads from its variables."""

from resources.buckets import s3_options
from resources.environments import environment


def test_the_variables_of_aws_say_how_buckets_are_reached(tmp_path):
    options = s3_options(
        {
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "SYNTH_CACHE": str(tmp_path),
        }
    )
    assert (options.endpoint_url, options.region, options.cache) == (
        "http://127.0.0.1:9000",
        "eu-central-1",
        tmp_path,
    )
    assert (options.access_key_id, options.secret_access_key, options.session_token) == ("key", "secret", None)


def test_what_no_variable_says_is_left_to_the_chain_of_boto3():
    options = s3_options({"AWS_NO_SIGN_REQUEST": "true", "AWS_REGION": ""})
    assert (options.endpoint_url, options.region, options.access_key_id, options.anonymous) == (None, None, None, True)


def test_no_secret_is_shown(tmp_path):
    env = {"AWS_SECRET_ACCESS_KEY": "planted-secret", "AWS_ACCESS_KEY_ID": "planted-key"}
    assert "planted" not in repr(s3_options(env)) + repr(environment(tmp_path, env))
    assert "planted" not in repr(environment(tmp_path, env).places)
