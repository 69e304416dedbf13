"""How the service of a bucket is reached: by boto3, and by delta-rs with the same credentials and address."""

from functools import lru_cache
from typing import Any

from synth_dagster.storage.base import S3Options

MIB = 1024**2
AT_ONCE = 16  # downloads


@lru_cache(maxsize=8)
def session(options: S3Options) -> Any:
    """Credentials and region: those of the options, and for the rest what boto3 finds on this machine."""
    import boto3

    return boto3.Session(
        aws_access_key_id=options.access_key_id,
        aws_secret_access_key=options.secret_access_key,
        aws_session_token=options.session_token,
        region_name=options.region,
        profile_name=options.profile,
    )


@lru_cache(maxsize=8)
def client(options: S3Options) -> Any:
    """One client for all stores that are reached in the same way: making it takes longer than a request."""
    from botocore import UNSIGNED
    from botocore.config import Config

    made = session(options)
    given: dict[str, Any] = {
        "retries": {"mode": "standard", "total_max_attempts": options.attempts},
        "connect_timeout": 10,
        "read_timeout": 60,
        "max_pool_connections": 2 * AT_ONCE,
    }
    if options.endpoint_url:  # other makes of S3 know neither names in the host nor the newer checksums
        given |= {"s3": {"addressing_style": "path"}, "request_checksum_calculation": "when_required"}
        given |= {"response_checksum_validation": "when_required"}
    if options.anonymous:
        given["signature_version"] = UNSIGNED
    return made.client(
        "s3",
        region_name=made.region_name or "us-east-1",
        endpoint_url=options.endpoint_url,
        verify=options.verify,
        config=Config(**given),
    )


def in_parts() -> Any:
    """How boto3 uploads: in parts, from a size on, few at a time so that memory stays small."""
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=64 * MIB, multipart_chunksize=16 * MIB, max_concurrency=4)


def delta_options(meta: Any, options: S3Options, keys: Any) -> dict[str, str]:
    """The storage options of delta-rs, from a boto3 client's `meta` and its frozen credentials; None without any."""
    address = str(meta.endpoint_url)
    own = "" if address.endswith(".amazonaws.com") else address
    found = {
        "AWS_REGION": meta.region_name,
        "AWS_ENDPOINT_URL": own,
        "AWS_ALLOW_HTTP": "true" if own.startswith("http://") else "",
        "AWS_SKIP_SIGNATURE": "true" if options.anonymous else "",
        "allow_invalid_certificates": "true" if options.verify is False else "",
    }
    if keys is not None:
        found |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        found["AWS_SESSION_TOKEN"] = keys.token or ""
    return {name: value for name, value in found.items() if value}
