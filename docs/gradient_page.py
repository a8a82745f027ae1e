"""The page of the derivatives that are checked: the table that the tests run through."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from page_parts import page, table

TESTS = Path(__file__).resolve().parents[1] / "tests" / "nb_physics"


def gradients_page() -> str:
    """Fields and spot shapes, and which derivatives the tests hold against differences."""
    sys.path.insert(0, str(TESTS))
    cases = importlib.import_module("gradient_cases")
    sys.path.remove(str(TESTS))
    shapes = [shape.value for shape in cases.CrystalShape]
    return page(
        "# Gradients that are checked",
        "Derivatives of the image with respect to each continuous field, in float64, in the "
        "profiles that read the field. `tests/nb_physics/test_gradients.py` and "
        "`test_second_derivatives.py` run through this table. What the entries of it mean:",
        "- `1`: the gradient, held against central differences (`gradcheck`)\n"
        "- `F`: the tangent of forward mode, held against the gradient\n"
        "- `2`: second derivatives, mixed ones too, held against differences of gradients "
        "(`gradgradcheck`)\n"
        "- `0`: the image does not follow the field smoothly, and the gradient is exactly 0",
        table(("field", "profiles", *shapes), list(cases.table_rows())),
        "`misset_deg`, `N_cells` and the vectors stand for their three components, "
        "`matrix.values`, `U_matrix` and `vectors_A` for nine. Those of `panel`, `sensor`, "
        "`group`, `detector` and `goniometer` are fields of a detector of panels. Why some are 0, "
        "and more: [gradients](../how-to/python-and-gradients.md#what-has-a-gradient).",
    )
