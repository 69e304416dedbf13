"""Commands of two words: `synth teacher`, `synth method` and `synth keys`."""

from pathlib import Path
from typing import Annotated

import typer

from synth_dagster.cli.options import AsJson, ProjectDir

teacher_app = typer.Typer(help="The models that write and judge.", no_args_is_help=True)
method_app = typer.Typer(help="Methods of your own.", no_args_is_help=True)
keys_app = typer.Typer(help="Keys that sign what is handed over.", no_args_is_help=True)


@teacher_app.command("check")
def teacher_check(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's file or dataset; default: python_help.")] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Ask about 20 passages, and pay for them.")] = False,
    passages: Annotated[int, typer.Option(min=1, help="With --sample: about so many passages.")] = 20,
    as_json: AsJson = False,
    project: ProjectDir = None,
) -> None:
    """Reach each role of a recipe and say what it can do, how fast it is, or why it cannot be used."""
    from synth_dagster.cli.teacher import check_teachers

    raise typer.Exit(check_teachers(project, recipe, sample=passages if sample else None, as_json=as_json))


@teacher_app.command("serve")
def teacher_serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8321,
) -> None:
    """Serve the embedded teacher on loopback, for any OpenAI client."""
    from synth_dagster.cli.teacher import serve_teacher

    serve_teacher(port)


@method_app.command("new")
def new_method(
    kind: Annotated[str, typer.Argument(help="Its kind, such as filter or synthesize.")],
    slug: Annotated[str, typer.Argument(help="Its name, as recipes write it.")],
    package: Annotated[
        Path | None, typer.Option(help="The folder of a package of your own; default: the one here, else the checkout.")
    ] = None,
) -> None:
    """Begin a method: its file and a test that fails until both are filled in."""
    from synth_dagster.cli.new_method import begin_method

    begin_method(kind, slug, package)


@keys_app.command("new")
def keys_new(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it goes; FILE.pub is beside it.")],
) -> None:
    """Make an Ed25519 key. SYNTH_SIGNING_KEY names the one that signs."""
    from synth_dagster.cli.keys import make_key

    make_key(file)


@keys_app.command("show")
def keys_show(
    key: Annotated[str, typer.Argument(metavar="FILE", help="A private or a public key.")], as_json: AsJson = False
) -> None:
    """Print a key's name, by which signatures name it."""
    from synth_dagster.cli.keys import show_key

    show_key(key, as_json=as_json)
