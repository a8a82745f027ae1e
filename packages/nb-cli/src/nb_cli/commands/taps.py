"""nb taps: which probes there are, and what each records."""

from __future__ import annotations

import click

no_plugins = click.option(
    "--no-plugins", is_flag=True, help="Leave out the taps of installed plugins."
)


@click.group("taps")
def command() -> None:
    """List the taps: probes that show what is computed inside a pixel."""


@command.command("list")
@no_plugins
def list_taps(no_plugins: bool) -> None:
    """List every tap, and the package that brought it."""
    from nb_cli.plugins import known_taps
    from nb_core.wording import aligned

    taps = known_taps(no_plugins=no_plugins)
    rows = [
        (name, f"{entry.package} {entry.version}", entry.tap.summary)
        for name, entry in taps.items()
    ]
    click.echo("\n".join(aligned(rows)))


@command.command("show")
@click.argument("name")
@no_plugins
def show(name: str, no_plugins: bool) -> None:
    """Say what the tap NAME records: fields, units, axes, and where it is from."""
    from nb_cli.plugins import known_taps
    from nb_core import QUANTITIES
    from nb_taps import choose_taps

    (entry,) = choose_taps(known_taps(no_plugins=no_plugins), [name])
    tap = entry.tap
    click.echo(f"{tap.name}: {tap.summary}")
    click.echo(f"from {entry.package} {entry.version}")
    if tap.whole_image:
        click.echo("simulates the whole image; runs only where --taps names it")
    click.echo("\nrecords:")
    rows = [(f.name, f.unit, " x ".join(f.axes) or "-", f.meaning) for f in tap.fields]
    _echo_table([("field", "unit", "axes", "meaning"), *rows])
    click.echo("\nfrom the quantities:")
    found = [QUANTITIES[quantity] for quantity in tap.quantities]
    rows = [(q.name, q.unit, q.stage, q.meaning) for q in found]
    _echo_table([("quantity", "unit", "stage", "meaning"), *rows])


def _echo_table(rows: list[tuple[str, str, str, str]]) -> None:
    from nb_core.wording import aligned

    for line in aligned(rows):
        click.echo(f"  {line}".rstrip())
