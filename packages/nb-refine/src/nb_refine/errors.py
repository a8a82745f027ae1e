"""What a refinement says where it has no result."""

from __future__ import annotations

from nb_core import ExitCode, NbError


class FitError(NbError):
    """The refined model does not fit the image, or the image does not determine it.

    reason: what was found, with the remedy
    """

    exit_code = ExitCode.DIFFERENT

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"refine: {reason}")
