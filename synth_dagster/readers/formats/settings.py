"""What a recipe may say about files, whatever their format and wherever they stand."""

import codecs
from functools import cached_property
from string import Formatter

from pydantic import Field, field_validator

from synth_dagster.readers.base import Reader
from synth_dagster.readers.chat import Wanted

MIB = 1024 * 1024


class RowReader(Reader):
    """Base of the readers of rows: which field of a row holds what."""

    text_field: str = Field("text", min_length=1, description="The field of a row that holds the text.")
    template: str | None = Field(
        None, min_length=1, description="The text made of several fields instead: '{question}\\n\\n{answer}'."
    )
    title_field: str | None = Field("title", description="The field that holds the title; null for none.")
    id_field: str | None = Field("id", description="The field that names a row; null for none.")
    url_field: str | None = Field("url", description="The field with the address; null for none.")
    license_field: str | None = Field("license", description="The field with an SPDX licence; null for none.")
    lang_field: str | None = Field("lang", description="The field with the language; null for none.")
    form: Wanted = Field(
        "auto", description="What a row holds, a text or a conversation; auto tells it by the fields of each."
    )
    attribute_fields: tuple[str, ...] | None = Field(
        None, description="The other fields that a record keeps as attributes; null for all of them, [] for none."
    )

    @field_validator("template")
    @classmethod
    def _names_fields(cls, template: str | None) -> str | None:
        if template is not None:
            parts_of(template)
        return template

    def __hash__(self) -> int:  # what was learned with these settings can be kept under them
        return hash((type(self), self.model_dump_json()))

    @cached_property
    def text_parts(self) -> tuple[tuple[str, str | None], ...]:
        """What the text is made of: pairs of words and the field that follows them."""
        return parts_of(self.template) if self.template else (("", self.text_field),)

    @cached_property
    def text_fields(self) -> tuple[str, ...]:
        """The fields that the text is made of."""
        return tuple(name for _, name in self.text_parts if name is not None)

    @cached_property
    def mapped_fields(self) -> tuple[str | None, ...]:
        """The fields that have a place of their own in a record, besides the text."""
        return self.title_field, self.id_field, self.url_field, self.license_field, self.lang_field


class FileReader(RowReader):
    """Base of the readers that find files; they say where, and this says how files are read."""

    path: str = Field(min_length=1, description="Where the files are.")
    encoding: str | None = Field(
        None, description="Of text, JSON and tables, such as utf-16 or cp1252; UTF-8 if left out."
    )
    delimiter: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Between the cells of a table; , in .csv and a tab in .tsv.",
        json_schema_extra={"form": "one character or null"},
    )
    columns: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="The names of the columns of .csv and .tsv that have no line of names.",
        json_schema_extra={"form": "a list of names or null"},
    )
    max_line_bytes: int = Field(
        16 * MIB, ge=1, description="A longer line of JSON, element or row is skipped and reported."
    )
    max_file_bytes: int = Field(
        64 * MIB, ge=1, description="A larger file of text, markdown or PDF is skipped and reported."
    )
    max_page_bytes: int = Field(
        4 * MIB, ge=1, description="A larger page of HTML is skipped and reported: finding its main text takes minutes."
    )
    max_expansion: int = Field(
        100, ge=1, description="How many times its size a .gz or .zst file may become, beyond its first 64 MiB."
    )

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str | None) -> str | None:
        if encoding is not None and not _is_text_encoding(encoding):
            raise ValueError(f"{encoding!r} is no encoding of text. Use utf-8, utf-16, cp1252, shift_jis or the like.")
        return encoding

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and delimiter in '"\r\n':
            raise ValueError("A quote or a line end cannot stand between cells. Use , or ; or a tab.")
        return delimiter

    @field_validator("columns")
    @classmethod
    def _told_apart(cls, columns: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if columns is not None and len(set(columns)) < len(columns):
            raise ValueError("Two columns have one name. Give each its own.")
        return columns


def parts_of(template: str) -> tuple[tuple[str, str | None], ...]:
    """The words of a template and the field after them. Raises ValueError where it is none."""
    hint = "Write field names in braces, and {{ for a brace: '{question}\\n\\n{answer}'."
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"{error}. {hint}") from None
    if not any(name for _, name, _, _ in parts):
        raise ValueError(f"It names no field. {hint}")
    if any(name == "" or form or conversion for _, name, form, conversion in parts):
        raise ValueError(f"Between braces stands a name alone. {hint}")
    return tuple((words, name) for words, name, _, _ in parts)


def _is_text_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
        return b"a b".decode("ascii").encode(name).decode(name) == "a b"
    except (LookupError, UnicodeError, ValueError, TypeError):
        return False
