"""nanoBragg's command line: one table, read and written.

From a whole command line to an experiment and back: `nb_core.flags_to_experiment` and
`nb_core.experiment_to_flags`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nb_core.lazy import lazy_exports

if TYPE_CHECKING:
    from nb_core.flags.option import Kind, Option
    from nb_core.flags.parse import find_option, options_to_settings, read_options
    from nb_core.flags.table import GROUPS

_HOMES = {
    "Kind": "option",
    "Option": "option",
    "find_option": "parse",
    "options_to_settings": "parse",
    "read_options": "parse",
    "GROUPS": "table",
}

__all__ = [
    "GROUPS",
    "Kind",
    "Option",
    "find_option",
    "options_to_settings",
    "read_options",
]

if not TYPE_CHECKING:  # with it no name would be unknown to a type checker
    __getattr__, __dir__ = lazy_exports(__name__, _HOMES)
