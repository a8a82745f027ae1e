"""The sums over a pixel's terms, one class a profile."""

from __future__ import annotations

from nb_core import Profile
from nb_physics.scene import Kind
from nb_physics.summation.corrected import CorrectedSum
from nb_physics.summation.reference import ReferenceSum
from nb_physics.summation.summation import Share, Summation, Sums

__all__ = ["CorrectedSum", "ReferenceSum", "Share", "Summation", "Sums", "summation_of"]

_OF_PROFILE: dict[Profile, Summation] = {
    Profile.REFERENCE: ReferenceSum(),
    Profile.CORRECTED: CorrectedSum(),
}


def summation_of(kind: Kind) -> Summation:
    """The sum that scenes of a kind take."""
    return _OF_PROFILE[kind.profile]
