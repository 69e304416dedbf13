"""A store under `s3://bucket/prefix`: any S3 that honours conditional writes.

boto3 repeats a request that was answered with 5xx, SlowDown or nothing; what still fails then is said in one sentence.
A stream that breaks off is taken up where it broke, of the same version of the object.
"""

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from synth_dagster.errors import StorageError
from synth_dagster.storage.base import Entry, NotThere, OldVersion, Replaced, S3Options, checked
from synth_dagster.storage.cache import FileCache
from synth_dagster.storage.object_stream import ObjectStream
from synth_dagster.storage.s3_client import AT_ONCE, MIB, client, delta_options, in_parts, session

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from botocore.response import StreamingBody

BUFFER = MIB
MARK = ".conditional-writes"

ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
DENIED = frozenset(
    {"403", "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}
    | {"InvalidToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestTimeTooSkewed"}
)
ELSEWHERE = frozenset(
    {"301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)


class BucketStore:
    """Objects whose keys begin with one prefix."""

    def __init__(self, url: str, options: S3Options) -> None:
        parts = urlsplit(url)
        if not parts.netloc or parts.query or parts.fragment:
            raise StorageError(f"'{url}' names no bucket. Write s3://bucket/prefix.")
        self.url = url.rstrip("/")
        self.options = options
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        place = hashlib.sha256(f"{options.endpoint_url}|{self.url}".encode()).hexdigest()[:16]
        root = options.cache or Path.home() / ".cache" / "synth_dagster"
        self._cache = FileCache(root.expanduser().absolute(), place, options.cache_bytes)

    @property
    def folder(self) -> Path:
        return self._cache.folder

    @property
    def derived(self) -> Path:
        return self._cache.root / "derived" / self._cache.folder.name

    @cached_property
    def _client(self) -> Any:
        return client(self.options)

    def link(self, name: str) -> str:
        return f"{self.url}/{name}"

    # -------------------------------------------------------------------------------------------------------- writing

    def write(self, name: str, write: Callable[[BinaryIO], object], *, needed: int, keep: bool = False) -> None:
        """Through a file of this machine: the put needs the length, and memory stays small."""
        with self._cache.temporary(needed) as temporary:
            with self._in_words(name), temporary.open("w+b") as file:
                write(file)
                file.seek(0)
                self._client.upload_fileobj(file, self._bucket, self._key(name), Config=in_parts())
            if keep:
                self._cache.adopt(temporary, name)

    def create(self, name: str, data: bytes) -> bool:
        """Also False when a first try of ours arrived unseen and its repetition met it."""
        from botocore.exceptions import ClientError

        for _ in range(self.options.attempts):
            try:
                with self._in_words(name, raw=("PreconditionFailed", "412", "ConditionalRequestConflict", "409")):
                    self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=data, IfNoneMatch="*")
            except ClientError as error:
                if _status(error) == 412:
                    return False
                time.sleep(0.1)  # 409: another one is writing it in this moment
            else:
                return True
        return False

    def remove(self, name: str) -> None:
        with self._in_words(name):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))
        self._cache.forget(name)

    def erase(self, name: str) -> bool:
        with self._in_words(name):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=self._key(name)
            )
            there = [
                version
                for page in pages
                for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
                if version["Key"] == self._key(name)
            ]
            for version in there:
                self._client.delete_object(
                    Bucket=self._bucket, Key=version["Key"], VersionId=version["VersionId"] or "null"
                )
        self._cache.forget(name)
        return bool(there)

    def old_versions(self) -> Iterator[OldVersion]:
        """Of a bucket with versioning: also what lies behind the mark of a removed object."""
        with self._in_words():
            pages = self._client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for found in page.get("Versions", ()):
                    if not found["IsLatest"]:
                        name = found["Key"].removeprefix(self._prefix)
                        yield OldVersion(name, found["VersionId"] or "null", found["Size"])

    def read_old(self, version: OldVersion) -> bytes:
        with self._in_words(version.name):
            answer = self._client.get_object(
                Bucket=self._bucket, Key=self._key(version.name), VersionId=version.version
            )
            return answer["Body"].read()

    def erase_old(self, version: OldVersion) -> None:
        with self._in_words(version.name):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(version.name), VersionId=version.version)

    def remove_unfinished(self, before: float) -> list[str]:
        """Uploads in parts that were neither finished nor given up take room that no listing shows."""
        removed: list[str] = []
        with self._in_words():
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"].timestamp() <= before:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        removed.append(upload["Key"].removeprefix(self._prefix))
        return removed

    def prepare(self) -> None:
        """Refuse a bucket without conditional writes. Costs one put once the mark is there."""
        try:
            if self.create(MARK, b"") and self.create(MARK, b""):
                self.remove(MARK)
                raise StorageError(
                    f"The bucket of {self.url} ignores If-None-Match: it took a second object where only a first was "
                    "allowed, so two writers would destroy each other's commits. Use an S3 with conditional writes."
                )
        except _Denied:
            return  # who may not write can do no harm here

    # -------------------------------------------------------------------------------------------------------- reading

    def open(self, name: str, offset: int = 0, *, etag: str | None = None) -> BinaryIO:
        return cast("BinaryIO", io.BufferedReader(self._stream(name, offset, etag), BUFFER))

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def local(self, name: str) -> Path:
        return self._cache.find(checked(name)) or self._download(name)

    def local_all(self, names: Sequence[str]) -> list[Path]:
        from concurrent.futures import ThreadPoolExecutor

        missing = [name for name in names if self._cache.find(checked(name)) is None]
        if missing:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self._download, missing))
        return [self.folder / name for name in names]

    def _download(self, name: str) -> Path:
        from shutil import copyfileobj

        with self._stream(name) as stream:
            return self._cache.add(name, lambda file: copyfileobj(stream, file, MIB), needed=stream.size)

    def hold(self) -> AbstractContextManager[object]:
        return self._cache.hold()

    def _stream(self, name: str, offset: int = 0, etag: str | None = None) -> ObjectStream:
        return ObjectStream(self.link(name), partial(self._body, name), offset, etag)

    def _body(self, name: str, offset: int, etag: str | None) -> "tuple[StreamingBody | None, str, int]":
        """What an object holds from an offset on, its etag and its whole size. Raises Replaced for another etag."""
        from botocore.exceptions import ClientError

        given = ({"Range": f"bytes={offset}-"} if offset else {}) | ({"IfMatch": f'"{etag}"'} if etag else {})
        try:
            with self._in_words(name, raw=("InvalidRange", "416", "PreconditionFailed", "412")):
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name), **given)
        except ClientError as error:
            if _status(error) == 412:
                raise Replaced(f"{self.link(name)} was replaced since it was seen. Look again.") from error
            return None, etag or "", offset  # behind the end
        return answer["Body"], answer["ETag"].strip('"'), offset + answer["ContentLength"]

    # -------------------------------------------------------------------------------------------------------- looking

    def entries(self, prefix: str = "", *, after: str = "") -> Iterator[Entry]:
        given = {"StartAfter": self._prefix + after} if after else {}
        for page in self._pages(prefix, **given):
            for found in page.get("Contents", ()):
                if not found["Key"].endswith("/"):  # a folder, as some consoles make it
                    yield self._entry(found["Key"], found["Size"], found)

    def folders(self, prefix: str = "") -> list[str]:
        begin = len(self._prefix + prefix)
        pages = self._pages(prefix, Delimiter="/")
        return [found["Prefix"][begin:-1] for page in pages for found in page.get("CommonPrefixes", ())]

    def _pages(self, prefix: str, **given: str) -> Iterator[dict[str, Any]]:
        with self._in_words(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self._bucket, Prefix=self._prefix + prefix, **given)

    def entry(self, name: str) -> Entry | None:
        try:
            with self._in_words(name):
                found = self._client.head_object(Bucket=self._bucket, Key=self._key(name))
        except NotThere:
            return None
        return self._entry(self._key(name), found["ContentLength"], found)

    def _entry(self, key: str, size: int, found: dict[str, Any]) -> Entry:
        return Entry(key.removeprefix(self._prefix), size, found["ETag"].strip('"'), found["LastModified"].timestamp())

    def _key(self, name: str) -> str:
        return self._prefix + checked(name)

    # ---------------------------------------------------------------------------------------------- options and errors

    def storage_options(self) -> dict[str, str]:
        """Credentials that expire are taken anew at each call; boto3 refreshes them."""
        from botocore.exceptions import NoCredentialsError

        with self._in_words():
            found = None if self.options.anonymous else session(self.options).get_credentials()
            if found is None and not self.options.anonymous:
                raise NoCredentialsError
            return delta_options(self._client.meta, self.options, found and found.get_frozen_credentials())

    @contextmanager
    def _in_words(self, name: str = "", raw: Sequence[str] = ()) -> Iterator[None]:
        """What went wrong, in a sentence; errors with one of the codes `raw` pass as they are."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in raw:
                raise
            raise self._refused(error, name) from error
        except BotoCoreError as error:
            raise self._unreachable(error) from error

    def _refused(self, error: "ClientError", name: str) -> StorageError:
        code = error.response.get("Error", {}).get("Code", "")
        if code in ABSENT:
            return NotThere(f"There is no object {self.link(name)}.")
        if code == "NoSuchBucket":
            return StorageError(f"There is no bucket '{self._bucket}' at {self._at()}. Make it, or correct {self.url}.")
        if code in DENIED:
            return _Denied(
                f"The bucket '{self._bucket}' at {self._at()} denies {error.operation_name} under {self.url} ({code}). "
                "Check the credentials, and that they may list, get, put and delete there."
            )
        if code in ELSEWHERE:
            return StorageError(f"The bucket '{self._bucket}' is in another region ({code}). Set AWS_REGION to it.")
        tries = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) + 1
        return StorageError(
            f"{self._at()} answered {_status(error)} {code} to {error.operation_name} of {self.link(name)}, {tries} "
            "times. Nothing half-written is seen by anyone. Run the command again when the service is well."
        )

    def _unreachable(self, error: Exception) -> StorageError:
        from botocore.exceptions import NoCredentialsError, PartialCredentialsError, ProfileNotFound

        if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
            return StorageError(
                f"There are no credentials for {self.url}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "AWS_PROFILE, or give the machine a role."
            )
        return StorageError(
            f"{self._at()} cannot be used for {self.url}: {type(error).__name__}. Check the network, AWS_ENDPOINT_URL "
            "and AWS_REGION, and run the command again."
        )

    def _at(self) -> str:
        return self.options.endpoint_url or "AWS"


class _Denied(StorageError):
    """The credentials do not suffice."""


def _status(error: "ClientError") -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
