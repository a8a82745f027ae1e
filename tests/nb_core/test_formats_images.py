"""The registry of image formats: which one reads a file, and which one writes it."""

import inspect

import numpy as np
import pytest

from nb_core import ImageData, ImageFormat, InputError, PixelKind, image_formats, make_manager
from nb_core.formats.builtin import PgmFormat, RawFormat, SmvFormat
from nb_core.formats.images import ImageFormats
from nb_core.plugins import Brought
from nb_core.testing import SHAPES, ImageFormatContract, plain_image

BUILTIN = image_formats(make_manager(external=False))


class Marked(ImageFormat):
    """Files that begin with a word."""

    name = "marked"
    title = "Marked"
    summary = "a word"
    endings = (".mkd",)
    holds = (PixelKind.COUNTS,)
    mark = b"MARK"

    def sniff(self, head, path):
        return head.startswith(self.mark)

    def read(self, path, shape=None):
        return ImageData(np.zeros((1, 2)), PixelKind.COUNTS, keys={"by": self.name})

    def write(self, path, image, *, overwrite=True):
        raise NotImplementedError


def known(*formats):
    """The formats of nb, and these."""
    own = {one.name: Brought(one, "plugin", "package", "1") for one in formats}
    return ImageFormats({**BUILTIN.entries, **own})


def reader(formats, path):
    return formats.read(path).keys.get("by")


def make(**attributes):
    return type("Made", (Marked,), attributes)()


def test_the_content_says_the_format_before_the_ending(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"MARK of a plugin")
    assert reader(known(Marked()), tmp_path / "a.pgm") == "marked"


def test_without_a_mark_the_ending_says_it(tmp_path):
    (tmp_path / "a.mkd").write_bytes(bytes(16))
    (tmp_path / "a.MKD").write_bytes(bytes(16))
    assert reader(known(Marked()), tmp_path / "a.mkd") == "marked"
    assert reader(known(Marked()), tmp_path / "a.MKD") == "marked"
    (tmp_path / "a.pgm").write_bytes(bytes(16))
    with pytest.raises(InputError, match=r"a\.pgm: not a binary PGM file"):
        BUILTIN.read(tmp_path / "a.pgm")


@pytest.mark.parametrize("name", ["a", "a.img", "a.bin", "a.dat", "a.0001", "a.mkd"])
def test_raw_is_the_last_resort(tmp_path, name):
    """Also under the ending that SMV images have, which stands for no one format."""
    (tmp_path / name).write_bytes(np.arange(4, dtype="<f4").tobytes())
    assert BUILTIN.read(tmp_path / name).values.tolist() == [[0, 1], [2, 3]]
    (tmp_path / name).write_bytes(bytes(13))
    with pytest.raises(InputError, match="not a whole float32 image"):
        BUILTIN.read(tmp_path / name)


def test_the_mark_of_a_format_that_is_not_known_is_named(tmp_path):
    """Whatever its ending says; the error lists what is read."""
    (tmp_path / "a.mkd").write_bytes(b"###CBF: VERSION 1.5\n")
    with pytest.raises(InputError, match=r"a\.mkd: the content is a CBF image; SMV, PGM, Marked"):
        known(Marked()).read(tmp_path / "a.mkd")
    with pytest.raises(InputError, match="SMV, PGM and raw float32 images are read here"):
        BUILTIN.read(tmp_path / "a.mkd")


def test_of_two_that_claim_a_file_its_ending_decides(tmp_path):
    other = make(name="other", endings=(".oth",))
    (tmp_path / "a.oth").write_bytes(b"MARK")
    (tmp_path / "a").write_bytes(b"MARK")
    assert reader(known(Marked(), other), tmp_path / "a.oth") == "other"
    assert reader(known(Marked(), other), tmp_path / "a") == "marked"


@pytest.mark.parametrize("method", ["read", "sniff"])
def test_a_plugin_that_fails_gives_one_clear_line(tmp_path, method):
    def fail(self, *arguments):
        raise KeyError("two\nlines")

    (tmp_path / "a.mkd").write_bytes(b"MARK")
    with pytest.raises(InputError) as error:
        known(make(**{method: fail})).read(tmp_path / "a.mkd")
    assert "KeyError" in str(error.value)
    assert "\n" not in str(error.value)
    expected = "NB_PLUGINS_DISABLE=plugin" if method == "sniff" else "as Marked (package)"
    assert expected in str(error.value)


@pytest.mark.parametrize(
    ("path", "name"),
    [("a.bin", "raw"), ("a.F32", "raw"), ("b/a.img", "smv"), ("a.smv", "smv"), ("a.x.pgm", "pgm")],
)
def test_the_ending_says_what_is_written(path, name):
    assert BUILTIN.for_output(path).name == name


@pytest.mark.parametrize("path", ["a", "a.img", "a.dat", "a.xyz", "/dev/null", "a.npy.bin"])
def test_a_name_says_it_for_any_ending_that_promises_nothing_else(path):
    assert BUILTIN.for_output(path, "raw").name == "raw"


@pytest.mark.parametrize(
    ("path", "promised"), [("a.pgm", "PGM"), ("a.smv", "SMV"), ("a.cbf", "CBF"), ("a.NPY", "NumPy")]
)
def test_an_ending_that_promises_another_format_is_refused(path, promised):
    with pytest.raises(InputError, match=rf"--out: {path}: .* the ending of {promised} files, and"):
        BUILTIN.for_output(path, "raw")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "a.imgs",
            r"no format has the ending \.imgs; did you mean \.img\? known are \.bin \(raw\)",
        ),
        ("a.xyz", r"no format has the ending \.xyz; known are .*\.pgm \(pgm\); or name the format"),
        ("a", "the name has no ending; known are"),
    ],
)
def test_an_ending_that_no_format_has_is_refused(path, said):
    with pytest.raises(InputError, match=f"^--out: {path}: {said}"):
        BUILTIN.for_output(path)


@pytest.mark.parametrize("name", [None, "raw"])
def test_an_empty_name_is_refused(name):
    with pytest.raises(InputError, match=r'^--out: "": the name of a file is needed'):
        BUILTIN.for_output("", name)


def test_a_name_that_no_format_has_is_refused():
    with pytest.raises(
        InputError, match=r"^--format: smw: did you mean smv\? expected one of: raw"
    ):
        BUILTIN.for_output("a.img", "smw")


def test_what_the_headers_say_comes_with_the_image(tmp_path):
    keys = "ADC_OFFSET=10;\nCCD_IMAGE_SATURATION=900;\nTYPE=signed_long;\n"
    head = f"{{\nHEADER_BYTES=512;\nBYTE_ORDER=little_endian;\nSIZE1=2;\nSIZE2=1;\n{keys}}}"
    (tmp_path / "a.img").write_bytes(head.ljust(512).encode() + b"\xff" * 4 + b"\1\0\0\0")
    image = BUILTIN.read(tmp_path / "a.img")
    assert (image.kind, image.pedestal, image.saturation) == (PixelKind.COUNTS, 10.0, 900.0)
    assert image.measured.tolist() == [[False, True]]
    assert (image.number("SIZE1"), image.number("SIZE3")) == (2.0, None)
    with pytest.raises(InputError, match="BYTE_ORDER"):
        image.number("BYTE_ORDER")


def test_a_raw_image_has_panels_where_its_shape_says_so(tmp_path):
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    RawFormat().write(tmp_path / "a.bin", ImageData(values, PixelKind.PHOTONS))
    assert np.array_equal(BUILTIN.read(tmp_path / "a.bin", (2, 3, 4)).values, values)
    with pytest.raises(InputError, match=r"shape \(panel, slow, fast\) of \(2, 3, 5\) has 30"):
        BUILTIN.read(tmp_path / "a.bin", (2, 3, 5))


def test_an_smv_image_needs_its_header(tmp_path):
    image = ImageData(np.ones((2, 2), np.uint16), PixelKind.COUNTS)
    with pytest.raises(InputError, match=r"needs ImageData\.header"):
        SmvFormat().write(tmp_path / "a.img", image)


class NotAtomic(RawFormat):
    def write(self, path, image, *, overwrite=True):
        self.refuse_unheld(image)
        with open(path, "wb") as handle:
            handle.write(image.values.astype("<f4").tobytes())


class Careless(RawFormat):
    """Writes what it does not hold."""

    def write(self, path, image, *, overwrite=True):
        with open(path, "wb") as handle:
            handle.write(image.values.tobytes())


class Greedy(PgmFormat):
    def sniff(self, head, path):
        return True


class Shy(PgmFormat):
    def sniff(self, head, path):
        return False


class Transposed(RawFormat):
    def read(self, path, shape=None):
        return ImageData(super().read(path, shape).values.T, PixelKind.PHOTONS, source=str(path))


class Trusting(PgmFormat):
    """Takes every file for a whole one."""

    def read(self, path, shape=None):
        with open(path, "rb") as handle:
            _head, content = handle.read().split(b"255\n", 1)
        values = np.frombuffer(content, np.uint8).reshape(shape)
        return ImageData(values, PixelKind.GREY_LEVELS, source=str(path))


BREACHES = [
    (NotAtomic, "test_a_file_is_written_whole_or_not_at_all"),
    (NotAtomic, "test_a_file_that_cannot_be_written_is_an_output_error"),
    (Careless, "test_what_it_does_not_hold_is_refused"),
    (Greedy, "test_files_of_other_formats_are_not_claimed"),
    (Shy, "test_a_file_is_found_by_its_content"),
    (Transposed, "test_an_image_comes_back"),
    (Trusting, "test_a_damaged_file_is_an_input_error"),
    (Trusting, "test_a_file_that_is_cut_short_is_refused"),
    (Trusting, "test_a_file_that_is_not_there_is_an_input_error"),
    (type("TwoLines", (RawFormat,), {"summary": "a\nb"}), "test_the_format_is_complete"),
    (type("Taken", (RawFormat,), {"name": "x", "endings": (".img",)}), "test_its_endings_are"),
]


@pytest.mark.parametrize(("broken", "test"), BREACHES)
def test_the_contract_notices_a_breach(broken, test, tmp_path, monkeypatch):
    """And finds none in the format that the broken one is made from."""

    def check(image_format, folder, patch):
        contract = type("Contract", (ImageFormatContract,), {"image_format": image_format})()
        (name,) = [one for one in dir(contract) if one.startswith(test)]
        method = getattr(contract, name)
        folder.mkdir()
        given = {"tmp_path": folder, "monkeypatch": patch}
        method(**{one: given[one] for one in inspect.signature(method).parameters})

    with monkeypatch.context() as patch:
        check(broken.__base__(), tmp_path / "good", patch)
    with monkeypatch.context() as patch, pytest.raises((Exception, pytest.fail.Exception)):
        check(broken(), tmp_path / "broken", patch)


def test_the_images_of_the_contract_have_no_two_pixels_alike():
    values = plain_image(PixelKind.PHOTONS, SHAPES[0]).values
    assert len(np.unique(values)) == values.size
