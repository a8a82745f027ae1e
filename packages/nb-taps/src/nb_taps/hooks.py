"""The hook through which packages bring taps: see docs/how-to/write-a-tap.md.

A plugin is a module with an entry point in the group `nb_taps`:

    from nb_taps import Tap, hookimpl

    @hookimpl
    def nb_register_taps() -> list[Tap]:
        return [MyTap()]
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from nb_taps.tap import Tap

GROUP = "nb_taps"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin as the implementation of a hook of the group `nb_taps`."""


@hookspec
def nb_register_taps() -> Sequence[Tap]:
    """The taps that a plugin brings; called once, when the taps are collected."""
    raise NotImplementedError("a hook specification is never called")
