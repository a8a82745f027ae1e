"""nb plugins: what nb and installed packages bring, of every kind."""

from __future__ import annotations

import json

import click


@click.command("plugins")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead.")
def command(as_json: bool) -> None:
    """List image formats, taps and all else that packages bring, with their packages.

    \b
    nb plugins
    nb --no-plugins plugins

    NB_PLUGINS_DISABLE leaves plugins out by name, with commas, or all of them; NB_TAPS_DISABLE
    does so for taps.
    """
    import dataclasses

    from nb_cli.plugins import known_parts
    from nb_core.wording import aligned

    parts = list(known_parts())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(part) for part in parts], indent=2))
        return
    rows = [(p.kind, p.name, f"{p.package} {p.version}", p.summary) for p in parts]
    click.echo("\n".join(aligned(rows)))
