"""What is written of an image, and how it is scaled."""

from __future__ import annotations

import os
from dataclasses import dataclass

from nb_core.configs import checks
from nb_core.configs.base import Config
from nb_core.errors import InputError
from nb_core.formats.endings import check_ending

_FORMATS = {
    "floatfile": "raw",
    "intfile": "SMV",
    "pgmfile": "PGM",
    "noisefile": "SMV",
    "dumpfile": "dump",
}


@dataclass(frozen=True, eq=False, repr=False)
class OutputConfig(Config):
    """Files to write. Where none is named, nanoBragg's four default files are written.

    floatfile: raw float32; intfile: SMV, noiseless; pgmfile: 8-bit picture; noisefile: SMV with
        counting noise; dumpfile: the structure factors in nanoBragg's binary format
    write_pgm, calculate_noise: whether the default files include these two
    scale: factor of the integer image, pgm_scale: of the picture; None scales to the maximum
    adc_offset: added to both SMV images
    noise_seed: seed of the noise; None takes the clock
    printout, printout_pixel: print pixel values; printout_pixel is (slow, fast)
    progress: show a progress bar
    A file's ending must not promise another format than it gets (intfile = "x.cbf").
    """

    floatfile: str | None = None
    intfile: str | None = None
    pgmfile: str | None = None
    noisefile: str | None = None
    dumpfile: str | None = None
    write_pgm: bool = True
    calculate_noise: bool = True
    scale: float | None = None
    pgm_scale: float | None = None
    adc_offset: float = 40.0
    noise_seed: int | None = None
    printout: bool = False
    printout_pixel: tuple[int, int] | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.optional_number("scale", self.scale)
        checks.optional_number("pgm_scale", self.pgm_scale)
        checks.number("adc_offset", self.adc_offset)
        checks.optional_count("noise_seed", self.noise_seed, least=0)
        for name in ("write_pgm", "calculate_noise", "printout", "progress"):
            checks.flag(name, getattr(self, name))
        self._check_printout_pixel()
        self._check_files()

    def _check_printout_pixel(self) -> None:
        if self.printout_pixel is not None:
            name = "printout_pixel"
            for index in checks.sequence(name, self.printout_pixel, 2, "whole numbers"):
                checks.count(name, index, least=0)

    def _check_files(self) -> None:
        taken: dict[str, str] = {"/dev/null": ""}
        for field in _FORMATS:
            if getattr(self, field) is None:
                continue
            name = os.path.normpath(checks.filename(field, getattr(self, field)))
            check_ending(field, name, _FORMATS[field])
            if taken.setdefault(name, field) not in ("", field):
                remedy = f"{taken[name]} has this name too; give each output its own"
                raise InputError(field, name, remedy)

    def named_files(self) -> list[str]:
        """The image files that were asked for by name."""
        names = (self.floatfile, self.intfile, self.pgmfile, self.noisefile)
        return [name for name in names if name is not None]
