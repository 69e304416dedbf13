"""Files of the project, by name. What each suffix means is in `formats`."""

from pydantic import Field

from synth_dagster.readers.base import Delivery
from synth_dagster.readers.folder import file_facts, found_files
from synth_dagster.readers.formats.delivery import read_files
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.readers.places import Places


class Files(FileReader):
    """Reads a file, a folder with everything below it, or a pattern such as `inbox/**/*.md`, by name."""

    path: str = Field(min_length=1, description="A file, a folder or a pattern of the project.")

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        return read_files(found_files(places, self.path, optional=optional), self, start)

    def facts(self, places: Places) -> str | None:
        return file_facts(places, self.path)
