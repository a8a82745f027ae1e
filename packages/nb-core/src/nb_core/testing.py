"""The contracts that formats of files keep, as tests for a plugin's own test suite to inherit:

    from nb_core.testing import ImageFormatContract

    class TestMyFormat(ImageFormatContract):
        image_format = MyFormat()

Needs the extra nb-core[testing].
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from nb_core.configs.experiment import Experiment
from nb_core.errors import InputError, OutputError
from nb_core.flags.read import flags_to_experiment
from nb_core.formats.experiment_format import EXPERIMENT_FORMATS, ExperimentFormat, read_fields
from nb_core.formats.file_format import FileFormat, FileFormatKind
from nb_core.formats.image_format import IMAGE_FORMATS, ImageData, ImageFormat, PixelKind
from nb_core.formats.images import ImageFormats, image_formats
from nb_core.formats.smv import SmvHeader
from nb_core.formats.sniff import HEAD_BYTES
from nb_core.formats.structure_source import (
    STRUCTURE_SOURCES,
    StructureSource,
    read_structure_factors,
)
from nb_core.plugins import Brought, make_manager

SHAPES = ((5, 7), (1, 1), (1, 9), (40, 3))
"""(slow, fast) of the images that are written."""

PANELS = (3, 4, 6)
"""(panel, slow, fast) of the one with several panels."""

FOREIGN = (
    b"",
    b"\0" * 64,
    b"1 2 3 10.5\n",
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
    b"II*\0\x08\0\0\0",
    b"[crystal]\ncell_a = 50.0\n",
    np.linspace(0, 1e6, 16, dtype="<f4").tobytes(),
)
"""How files begin that are of no image format but nanoBragg's raw one."""

_TYPES = {
    PixelKind.PHOTONS: "float32",
    PixelKind.COUNTS: "uint16",
    PixelKind.GREY_LEVELS: "uint8",
}
_SEED = 1013


def plain_image(kind: PixelKind, shape: tuple[int, ...]) -> ImageData:
    """An image of this kind, each pixel another number, from none to the largest.

    shape: (slow, fast) or (panel, slow, fast)
    """
    size, dtype = int(np.prod(shape)), _TYPES[kind]
    if kind is PixelKind.PHOTONS:
        values = np.geomspace(1e-6, 1e9, size, dtype=np.float64)
        values[0] = 0.0
    else:
        values = np.linspace(0, np.iinfo(dtype).max, size).round()
    image = ImageData(values.reshape(shape).astype(dtype), kind, scale=2.0)
    header = _header(shape[-2], shape[-1]) if len(shape) == 2 else None
    if kind is not PixelKind.COUNTS:
        return dataclasses.replace(image, header=header)
    return dataclasses.replace(image, pedestal=40.0, saturation=65535.0, header=header)


def _header(slow: int, fast: int) -> SmvHeader:
    """The geometry of a detector of this size, 100 mm behind the sample."""
    sizes = {"fpixels": fast, "spixels": slow, "dials_origin_mm": (-1.0, 1.0, -100.0)}
    lengths = {"pixel_size_mm": 0.1, "distance_mm": 100.0, "close_distance_mm": 100.0}
    names = (field.name for field in dataclasses.fields(SmvHeader) if field.name != "style")
    given: dict[str, Any] = {**dict.fromkeys(names, 1.0), **lengths, **sizes}
    return SmvHeader(**given)


class ImageFormatContract:
    """Derive, set `image_format`, and pytest runs these tests on it."""

    image_format: ImageFormat

    def _images(self) -> list[ImageData]:
        """One image of each kind and shape that the format holds."""
        shapes = [*SHAPES, *([PANELS] if self.image_format.several_panels else [])]
        return [plain_image(kind, shape) for kind in self.image_format.holds for shape in shapes]

    def _written(self, folder: Path, image: ImageData) -> Path:
        path = folder / f"image{self.image_format.endings[0]}"
        self.image_format.write(path, image)
        return path

    def _known(self) -> ImageFormats:
        """The formats of nb, and this one."""
        own = Brought(self.image_format, "contract", "contract", "0")
        built_in = image_formats(make_manager(external=False)).entries
        return ImageFormats({**built_in, self.image_format.name: own})

    def test_the_format_is_complete(self) -> None:
        assert IMAGE_FORMATS.check(self.image_format, "contract") is self.image_format
        assert "\n" not in self.image_format.title + self.image_format.summary

    def test_an_image_comes_back(self, tmp_path: Path) -> None:
        """Its values, its shape, and what its values are."""
        for image in self._images():
            back = self.image_format.read(self._written(tmp_path, image), image.values.shape)
            assert back.kind is image.kind
            assert back.values.shape == image.values.shape
            assert np.array_equal(back.values, image.values)
            assert back.pedestal in (None, image.pedestal)
            assert back.saturation in (None, image.saturation)
            assert back.source == str(tmp_path / f"image{self.image_format.endings[0]}")

    def test_the_same_image_gives_the_same_file(self, tmp_path: Path) -> None:
        for image in self._images():
            first = self._written(tmp_path, image).read_bytes()
            assert self._written(tmp_path, image).read_bytes() == first

    def test_values_in_any_layout_are_written(self, tmp_path: Path) -> None:
        """Every other column of a larger array, say."""
        for image in self._images():
            wide = np.repeat(image.values, 2, axis=-1)[..., ::2]
            path = self._written(tmp_path, dataclasses.replace(image, values=wide))
            back = self.image_format.read(path, image.values.shape)
            assert np.array_equal(back.values, image.values)

    def test_a_file_is_found_by_its_content(self, tmp_path: Path) -> None:
        """Under a name without an ending, among the formats that come with nb."""
        for image in self._images():
            path = self._written(tmp_path, image).rename(tmp_path / "image")
            back = self._known().read(path, image.values.shape)
            assert np.array_equal(back.values, image.values)

    def test_files_of_other_formats_are_not_claimed(self, tmp_path: Path) -> None:
        for head in FOREIGN:
            assert self.image_format.sniff(head, tmp_path / "image") is False
        for other in image_formats(make_manager(external=False)):
            if other.name != self.image_format.name:
                path = tmp_path / f"other{self.image_format.endings[0]}"
                other.write(path, plain_image(other.holds[0], SHAPES[0]))
                head = path.read_bytes()[:HEAD_BYTES]
                assert self.image_format.sniff(head, path) is False, other.name

    def test_its_endings_are_those_of_no_other_format(self) -> None:
        for ending in self.image_format.endings:
            found = self._known().for_output(f"image{ending.upper()}")
            assert found.name == self.image_format.name

    def test_a_damaged_file_is_an_input_error(self, tmp_path: Path) -> None:
        """Cut short or with wrong bytes it is read, or refused with an InputError, never else."""
        source = random.Random(_SEED)
        for image in self._images():
            whole = self._written(tmp_path, image).read_bytes()
            for number in range(40):
                content = bytearray(whole)
                for _ in range(number % 4):
                    content[source.randrange(min(len(whole), 600))] = source.randrange(256)
                damaged = bytes(content[: source.randrange(len(whole) + 1)])
                self._read_or_refuse(tmp_path / "damaged", damaged, image.values.shape)

    def _read_or_refuse(self, path: Path, content: bytes, shape: tuple[int, ...]) -> None:
        path.write_bytes(content)
        refusal = ""
        try:
            back = self.image_format.read(path, shape)
        except InputError as error:
            refusal = str(error)
        if refusal:
            assert path.name in refusal
            assert "\n" not in refusal
        else:
            assert back.values.ndim in (2, 3)

    def test_a_file_that_is_cut_short_is_refused(self, tmp_path: Path) -> None:
        for image in self._images():
            path = self._written(tmp_path, image)
            path.write_bytes(path.read_bytes()[:-1])
            with pytest.raises(InputError, match=path.name):
                self.image_format.read(path, image.values.shape)

    def test_a_file_that_is_not_there_is_an_input_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="none"):
            self.image_format.read(tmp_path / "none", SHAPES[0])

    def test_what_it_does_not_hold_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "image"
        for kind in PixelKind:
            for shape in ((4,), (0, 4), PANELS, (2, *PANELS)):
                held = kind in self.image_format.holds and self.image_format.several_panels
                if not (held and shape == PANELS):
                    plain, values = plain_image(kind, SHAPES[0]), np.zeros(shape, _TYPES[kind])
                    image = dataclasses.replace(plain, values=values)
                    with pytest.raises(InputError):
                        self.image_format.write(path, image)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_is_written_whole_or_not_at_all(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Stopped before the new file takes its name, the old one is as it was."""

        def stop(*arguments: object, **more: object) -> NoReturn:
            raise KeyboardInterrupt

        path = tmp_path / f"image{self.image_format.endings[0]}"
        path.write_bytes(b"old")
        for name in ("replace", "rename"):
            monkeypatch.setattr(f"os.{name}", stop)
        with pytest.raises(KeyboardInterrupt):
            self.image_format.write(path, self._images()[0])
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_file_that_cannot_be_written_is_an_output_error(self, tmp_path: Path) -> None:
        image, path = self._images()[0], tmp_path / "image"
        path.write_bytes(b"old")
        with pytest.raises(OutputError, match="image"):
            self.image_format.write(path, image, overwrite=False)
        assert path.read_bytes() == b"old"
        with pytest.raises(OutputError, match="nowhere"):
            self.image_format.write(tmp_path / "nowhere" / "image", image)
        with pytest.raises(OutputError):
            self.image_format.write(tmp_path, image)


class _FileContract:
    """What is asked of every format of files that are read.

    content: of a file of the format
    """

    content: bytes

    def _file(self, folder: Path, kind: FileFormatKind[Any], one: FileFormat) -> Path:
        path = folder / f"file{one.endings[0]}"
        path.write_bytes(self.content)
        assert kind.check(one, "contract") is one
        assert "\n" not in one.title + one.summary
        return path

    def _refuses_damage(self, path: Path, read: Callable[[Path], object]) -> None:
        """A file cut anywhere, or with random bytes in it, is read or refused, and nothing else."""
        generator = random.Random(_SEED)
        for length in range(0, len(self.content), max(1, len(self.content) // 50)):
            path.write_bytes(self.content[:length])
            _read_or_refused(read, path)
        for _ in range(50):
            damaged = bytearray(self.content)
            for _ in range(generator.randint(1, 8)):
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
            path.write_bytes(bytes(damaged))
            _read_or_refused(read, path)


def _read_or_refused(read: Callable[[Path], object], path: Path) -> None:
    with contextlib.suppress(InputError), warnings.catch_warnings(action="ignore"):
        read(path)


class StructureSourceContract(_FileContract):
    """Derive, set `source` and `content`, and pytest runs these tests on it.

    The package must be installed, or registered by a fixture.
    """

    source: StructureSource

    def test_the_source_is_complete_and_found_by_its_content(self, tmp_path: Path) -> None:
        path = self._file(tmp_path, STRUCTURE_SOURCES, self.source)
        factors = self.source.read(path)
        assert factors.count > 0
        assert factors.source == str(path)
        other = path.rename(tmp_path / "file")
        found = read_structure_factors(other)
        assert torch.equal(found.F, factors.F)
        assert torch.equal(found.present, factors.present)

    def test_files_of_others_are_not_claimed(self, tmp_path: Path) -> None:
        for head in FOREIGN:
            assert self.source.sniff(head, tmp_path / "file") is False

    def test_damaged_files_are_refused_in_one_line(self, tmp_path: Path) -> None:
        path = self._file(tmp_path, STRUCTURE_SOURCES, self.source)
        self._refuses_damage(path, read_structure_factors)

    def test_a_missing_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file"):
            read_structure_factors(tmp_path / f"none{self.source.endings[0]}")


class ExperimentFormatContract(_FileContract):
    """Derive, set `experiment_format` and `content`, and pytest runs these tests on it.

    The package must be installed, or registered by a fixture.
    """

    experiment_format: ExperimentFormat

    def test_the_format_is_complete_and_found_by_its_content(self, tmp_path: Path) -> None:
        path = self._file(tmp_path, EXPERIMENT_FORMATS, self.experiment_format)
        fields = self.experiment_format.read(path)
        assert fields
        other = path.rename(tmp_path / "file")
        assert set(read_fields(other)) == set(fields)

    def test_what_it_says_are_fields_of_an_experiment(self, tmp_path: Path) -> None:
        path = self._file(tmp_path, EXPERIMENT_FORMATS, self.experiment_format)
        fields = self.experiment_format.read(path)
        crystal = {"crystal.cell_a": 50.0, "crystal.default_F": 1.0}
        whole = fields if any(k.startswith("crystal.") for k in fields) else {**crystal, **fields}
        with warnings.catch_warnings(action="ignore"):
            assert isinstance(flags_to_experiment([], base=whole), Experiment)

    def test_files_of_others_are_not_claimed(self, tmp_path: Path) -> None:
        for head in FOREIGN:
            if b"[crystal]" not in head:
                assert self.experiment_format.sniff(head, tmp_path / "file") is False

    def test_damaged_files_are_refused_in_one_line(self, tmp_path: Path) -> None:
        path = self._file(tmp_path, EXPERIMENT_FORMATS, self.experiment_format)
        self._refuses_damage(path, read_fields)
