"""Kernels in words."""

from __future__ import annotations

from nb_physics.engine.kernel import KernelKind, Role
from nb_physics.scene import Kind

_ROLES = {Role.WHOLE: "image", Role.ADD: "terms of a sub-pixel", Role.FINISH: "photons of the sums"}


def describe_kernel(kernel: KernelKind) -> str:
    """What a kernel computes, and of which experiments."""
    what = _ROLES[kernel.role]
    if kernel.gradient:
        what = f"{what}, derivatives of each pixel" if kernel.by_pixel else f"gradient of {what}"
    several = [
        word for word, there in (("sources", kernel.sources), ("steps", kernel.steps)) if there
    ]
    where = [] if kernel.device == "cpu" else [kernel.device]
    words = [kernel.kind.shape.label, *several, *_choices(kernel.kind), kernel.dtype, *where]
    return f"{what}: {', '.join(words)}"


def _choices(kind: Kind) -> list[str]:
    structure = "tricubic" if kind.interpolate else "nearest"
    named = (
        (f"list ({structure})", kind.listed),
        ("corrected", kind.corrected),
        ("curved", kind.curved),
        ("point pixels", kind.point_pixel),
        ("sensor", kind.absorbing),
        ("dmin", kind.limited),
        ("water", not kind.dry),
        *((background.label, True) for background in kind.backgrounds),
        ("no polarization", kind.nopolar),
        ("each term with its capture", kind.oversample_thick),
        ("each term with its polarization", kind.oversample_polar),
        ("each term with its solid angle", kind.oversample_omega),
    )
    return [word for word, there in named if there]
