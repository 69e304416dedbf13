"""Options that several commands of `synth` have, so that they are called and explained alike."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Dataset = Annotated[str | None, typer.Option(help="The dataset, where the lake holds several.")]
Release = Annotated[str, typer.Argument(help="A release, such as r0001, or 'latest'.")]
Purpose = Annotated[
    str | None,
    typer.Option(help="Refuse what licences keep from commercial, unspecified, non_commercial or research use."),
]
Public = Annotated[bool, typer.Option("--public", help="It leaves your house: refuse what may not be passed on.")]
Obey = Annotated[
    bool, typer.Option("--obey", help="Refuse also what sites and their terms keep from training or from that use.")
]
ProjectDir = Annotated[
    Path | None, typer.Option("--project", envvar="SYNTH_PROJECT", help="The project's folder; default: here or above.")
]
