"""How buckets are reached: the settings of dagster-aws's S3Resource, from the variables that every AWS tool reads.

What no variable says is left to boto3's own chain: profiles, roles, metadata of the machine.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from synth_dagster.storage import S3Options

if TYPE_CHECKING:
    from dagster_aws.s3 import S3Resource


def s3_resource(env: Mapping[str, str]) -> "S3Resource":
    """Dagster's resource for S3 with the settings of these variables."""
    from dagster_aws.s3 import S3Resource  # it imports boto3

    return S3Resource(
        endpoint_url=env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None,
        region_name=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or None,
        aws_access_key_id=env.get("AWS_ACCESS_KEY_ID") or None,
        aws_secret_access_key=env.get("AWS_SECRET_ACCESS_KEY") or None,
        aws_session_token=env.get("AWS_SESSION_TOKEN") or None,
        profile_name=env.get("AWS_PROFILE") or None,
        use_unsigned_session=env.get("AWS_NO_SIGN_REQUEST", "").lower() in ("yes", "true", "1"),
    )


def s3_options(env: Mapping[str, str]) -> S3Options:
    """The same for stores; SYNTH_CACHE is where copies of what was read are kept."""
    s3 = s3_resource(env)
    return S3Options(
        endpoint_url=s3.endpoint_url,
        region=s3.region_name,
        access_key_id=s3.aws_access_key_id,
        secret_access_key=s3.aws_secret_access_key,
        session_token=s3.aws_session_token,
        profile=s3.profile_name,
        anonymous=s3.use_unsigned_session,
        verify=s3.verify,
        cache=Path(env["SYNTH_CACHE"]) if env.get("SYNTH_CACHE") else None,
    )
