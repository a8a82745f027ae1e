"""Why a pixel is as bright as it is: which reflection, domain, phi step and source it owes that to.

Each term of the sum (a sub-pixel, source, phi step and mosaic domain) brings a share of the pixel's
photons; the shares of all terms and of the water add up to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from nb_core.showing import Brief
from nb_taps.record import PixelRecord

_LOOPS = ("subpixel", "source", "phi", "domain")


@dataclass(frozen=True, repr=False)
class Reflection(Brief):
    """A reflection that a pixel sees, and where it stands at the term that brings most of it.

    share: of the pixel's photons, 0 to 1
    d: spacing of its planes, Angstrom; infinite for (0, 0, 0)
    from_sphere: distance of the reciprocal lattice point from the Ewald sphere, 1/Angstrom,
        positive outside
    fringes_from_sphere: the same in widths of a fringe of the crystal, of which there are Na, Nb
        and Nc from one reflection to the next along a*, b* and c*
    fringes_from_pixel: distance of the point from what the sub-pixel looks at, likewise
    F_cell: structure factor amplitude there, electrons
    """

    hkl: tuple[int, int, int]
    share: float
    d: float
    from_sphere: float
    fringes_from_sphere: float
    fringes_from_pixel: float
    F_cell: float


@dataclass(frozen=True, repr=False)
class Explanation(Brief):
    """Where the photons of a pixel come from.

    reflections: the largest share first
    shares: for `subpixel`, `source`, `phi` and `domain`, the share of each of them, 0 to 1
    water: share of the water's background
    """

    photons: float
    reflections: tuple[Reflection, ...]
    shares: dict[str, tuple[float, ...]]
    water: float


def explain_pixel(record: PixelRecord) -> Explanation:
    """The shares of a pixel whose record has every quantity.

    Where the pixel has no photons all shares are 0, and the reflections are those looked at, the
    nearest first.
    """
    photons = record.number("photons")
    assert photons is not None
    shares, water = _shares(record, photons)
    along = {
        name: tuple(shares.sum(dim=[n for n in range(4) if n != axis]).tolist())
        for axis, name in enumerate(_LOOPS)
    }
    return Explanation(photons, tuple(_reflections(record, shares)), along, water)


def _shares(
    record: PixelRecord, photons: float
) -> tuple[Float[Tensor, "subpixels sources phis domains"], float]:
    """The share of each term, and of the water."""
    terms, intensity = _present(record, "term").double(), record.number("intensity")
    assert intensity is not None
    if photons <= 0 or intensity <= 0:
        return torch.zeros_like(terms), 0.0
    if record.plan.experiment.profile.value == "corrected":
        water = (record.number("water_photons") or 0.0) / photons
        weights = _present(record, "weight").double()[:, :, None, None]
        return terms * weights * ((1.0 - water) / intensity), water
    running = record.array("weight")
    kept = record.array("within_dmin")
    if running is not None:
        terms = terms * _following(record, running.double(), kept)
    elif kept is not None:
        terms = terms * kept[:, :, None, None]
    shares = terms / intensity
    return shares, max(1.0 - shares.sum().item(), 0.0) if record.plan.background > 0 else 0.0


def _following(
    record: PixelRecord, factor: Float[Tensor, "subpixels sources"], kept: Tensor | None
) -> Float[Tensor, "subpixels sources phis domains"]:
    """What multiplies each term with nanoBragg's -oversample_*: the factors from its own on."""
    F_latt = _present(record, "F_latt")
    dry = record.plan.experiment.background.water_size_um == 0
    counted = F_latt != 0 if dry else torch.ones_like(F_latt, dtype=torch.bool)
    if kept is not None:
        counted = counted & (kept[:, :, None, None] != 0)
    factors = torch.where(counted, factor[:, :, None, None], 1.0)
    following = factors.flatten().flip(0).cumprod(0).flip(0).reshape(factors.shape)
    return torch.where(counted, following, 0.0)


def _reflections(record: PixelRecord, shares: Tensor) -> Iterable[Reflection]:
    """Each reflection that a term took, by its share, or where all are 0 by its distance."""
    nearest = _present(record, "hkl_nearest").reshape(-1, 3)
    found, which = torch.unique(nearest.to(torch.int64), dim=0, return_inverse=True)
    flat = shares.flatten()
    sums = torch.zeros(len(found), dtype=flat.dtype).index_add_(0, which, flat)
    cells = record.plan.cells.detach().cpu().double()
    apart = (_present(record, "hkl").reshape(-1, 3) - nearest).double() * cells
    distances = apart.norm(dim=1)
    reflections = []
    for number, (hkl, share) in enumerate(zip(found.tolist(), sums.tolist(), strict=True)):
        own = torch.nonzero(which == number)[:, 0]
        key = flat[own] if share > 0 else -distances[own]
        place = int(own[int(key.argmax())])
        reflections.append(_reflection(record, hkl, share, place, distances[place].item()))
    return sorted(reflections, key=lambda entry: (-entry.share, entry.fringes_from_pixel))


def _reflection(
    record: PixelRecord, hkl: list[int], share: float, place: int, fringes: float
) -> Reflection:
    """place: number of a term, in the order of the loops"""
    shape = _present(record, "term").shape
    _, source, phi, domain = (int(i) for i in torch.unravel_index(torch.tensor(place), shape))
    vectors = _present(record, "cell_vectors")[phi, domain].double()
    point = torch.linalg.solve(vectors, torch.tensor(hkl, dtype=torch.float64))
    wavelength = _present(record, "wavelength")[source].double()
    scattered = _present(record, "incident")[source].double() / wavelength + point
    length = scattered.norm()
    away = length - 1.0 / wavelength
    cells = record.plan.cells.detach().cpu().double()
    across = (vectors @ (scattered / length * away) * cells).norm()
    size = point.norm().item()
    return Reflection(
        hkl=(hkl[0], hkl[1], hkl[2]),
        share=share,
        d=1.0 / size if size > 0 else math.inf,
        from_sphere=away.item(),
        fringes_from_sphere=across.item(),
        fringes_from_pixel=fringes,
        F_cell=_present(record, "F_cell").flatten()[place].item(),
    )


def _present(record: PixelRecord, quantity: str) -> Tensor:
    values = record.array(quantity)
    assert values is not None, quantity
    return values
