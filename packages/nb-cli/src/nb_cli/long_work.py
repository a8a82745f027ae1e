"""A word before long work."""

from __future__ import annotations

import warnings

from nb_core import NbWarning
from nb_physics import Plan, long_work


def warn_of_long_work(plan: Plan) -> None:
    """Says before the work starts that it will take long, and what makes it shorter."""
    text = long_work(plan)
    if text is not None:
        warnings.warn(text, NbWarning, stacklevel=2)
