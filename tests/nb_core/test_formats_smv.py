"""SMV images: headers to the byte, and what other programs write."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nb_core.errors import InputError, OutputError
from nb_core.formats.mask import read_mask
from nb_core.formats.smv import HeaderStyle, SmvHeader, header_bytes, read_smv, write_smv

RECORDED = (
    b"{\nHEADER_BYTES=512;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
    b"SIZE1=128;\nSIZE2=128;\nPIXEL_SIZE=0.2;\nDISTANCE=100;\nWAVELENGTH=1.0354;\n"
    b"BEAM_CENTER_X=12;\nBEAM_CENTER_Y=13.95;\nADXV_CENTER_X=12;\nADXV_CENTER_Y=5.54515;\n"
    b"MOSFLM_CENTER_X=19.9549;\nMOSFLM_CENTER_Y=11.9;\nDENZO_X_BEAM=20.0549;\nDENZO_Y_BEAM=12;\n"
    b"DIALS_ORIGIN=98.9619,-20.0288,12\nXDS_ORGX=60.5;\nXDS_ORGY=70.25;\nCLOSE_DISTANCE=100;\n"
    b"PHI=5;\nOSC_START=5;\nOSC_RANGE=0.25;\nTWOTHETA=3.5;\nDETECTOR_SN=000;\nBEAMLINE=fake;\n}\f"
)
HEADER = SmvHeader(
    fpixels=128,
    spixels=128,
    pixel_size_mm=0.2,
    distance_mm=100.0,
    wavelength_A=1.0354,
    beam_center_x_mm=12.0,
    beam_center_y_mm=13.95,
    adxv_center_x_mm=12.0,
    adxv_center_y_mm=5.545149,
    mosflm_center_x_mm=19.954851,
    mosflm_center_y_mm=11.9,
    denzo_x_beam_mm=20.054851,
    denzo_y_beam_mm=12.0,
    dials_origin_mm=(98.9619123, -20.0288456, 12.0),
    xds_orgx=60.5,
    xds_orgy=70.25,
    close_distance_mm=100.0,
    phi_deg=5.0,
    osc_start_deg=5.0,
    osc_range_deg=0.25,
    twotheta_deg=3.5,
)
LONG = replace(
    HEADER,
    distance_mm=-1.23456e-101,
    wavelength_A=-1.23456e-102,
    adxv_center_x_mm=-1.23456e-103,
    phi_deg=-1.23456e-104,
    osc_start_deg=-1.23456e-105,
)
SMALL = replace(HEADER, fpixels=3, spixels=2)
PIXELS = np.array([[0, 1, 2], [3, 256, 65535]], dtype=np.uint16)
FOREIGN = (
    b"{\nHEADER_BYTES=  1024;\nDIM=2;\nSIZE1=2;\nBYTE_ORDER=big_endian;\nTYPE=unsigned_short;\n"
    b"SIZE1=3;SIZE2= 2 ;\nDATE=Mon Jan 1 12:00:00 2024;\nDISTANCE=90;\nCLOSE_DISTANCE=88.5;\n"
    b"DIALS_ORIGIN=1,2,3\nPHI=5 deg;\n}\f\n"
)


def _write(folder, content):
    path = folder / "in.img"
    path.write_bytes(content)
    return path


def _image(**changes):
    """A small image with some `KEY=value` of its header replaced (None: left out)."""
    lines = {"HEADER_BYTES": "512", "DIM": "2", "BYTE_ORDER": "little_endian"}
    lines |= {"TYPE": "unsigned_short", "SIZE1": "3", "SIZE2": "2"} | changes
    text = "".join(f"{key}={value};\n" for key, value in lines.items() if value is not None)
    return ("{\n" + text + "}\f").ljust(512).encode() + PIXELS.astype("<u2").tobytes()


def test_the_header_is_the_programs():
    assert header_bytes(HEADER) == RECORDED.ljust(512)


def test_a_header_too_long_for_512_bytes_says_1024_50():
    content = header_bytes(LONG)
    assert content.startswith(b"{\nHEADER_BYTES=1024;\n")
    assert len(content) == 1024
    assert len(content.rstrip(b" ")) > 512


RECORDED_FOR_DIALS = (
    b"{\nHEADER_BYTES=1024;\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\n"
    b"SIZE1=128;\nSIZE2=128;\nPIXEL_SIZE=0.2;\nDISTANCE=100;\nWAVELENGTH=1.0354;\n"
    b"BEAM_CENTER_X=11.8;\nBEAM_CENTER_Y=5.745149;\nADXV_CENTER_X=12;\n"
    b"ADXV_CENTER_Y=5.545149;\nMOSFLM_CENTER_X=19.954851;\nMOSFLM_CENTER_Y=11.9;\n"
    b"DENZO_X_BEAM=20.054851;\nDENZO_Y_BEAM=12;\nDIALS_ORIGIN=98.9619123,-20.0288456,12;\n"
    b"ADC_OFFSET=40;\nBEAM_CENTER_CONVENTION=dxtbx;\nXDS_ORGX=60.5;\nXDS_ORGY=70.25;\n"
    b"CLOSE_DISTANCE=100;\nPHI=5;\nOSC_START=5;\nOSC_RANGE=0.25;\nTWOTHETA=3.5;\n"
    b"DETECTOR_SN=000;\nBEAMLINE=fake;\n}\n"
)


def test_a_header_for_dials_has_adxvs_centre_less_a_pixel_and_the_offset():
    header = replace(HEADER, style=HeaderStyle.DIALS, adc_offset=40.0)
    assert header_bytes(header) == RECORDED_FOR_DIALS.ljust(1024)


def test_512_bytes_are_enough_up_to_the_last_byte_50():
    spare = 512 - len(RECORDED)
    fits = header_bytes(replace(HEADER, fpixels=128 * 10**spare))
    assert fits.endswith(b"\n}\f")
    assert len(fits) == 512
    longer = header_bytes(replace(HEADER, fpixels=128 * 10 ** (spare + 1)))
    assert longer.rstrip(b" ").endswith(b"\n}\f")
    assert len(longer) == 1024


def test_an_image_is_header_and_little_endian_pixels(tmp_path):
    write_smv(tmp_path / "out.img", SMALL, PIXELS)
    content = (tmp_path / "out.img").read_bytes()
    assert content == header_bytes(SMALL) + b"\0\0\1\0\2\0\3\0\0\1\xff\xff"


@pytest.mark.parametrize("header", [HEADER, LONG])
@given(data=st.data())
def test_an_image_reads_back_as_written(tmp_path_factory, header, data):
    shape = data.draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=6))
    pixels = data.draw(hnp.arrays(np.uint16, shape))
    path = tmp_path_factory.mktemp("smv") / "out.img"
    write_smv(path, replace(header, fpixels=shape[1], spixels=shape[0]), pixels)
    image = read_smv(path)
    assert image.data.dtype == np.uint16
    np.testing.assert_array_equal(image.data, pixels)
    assert image.number("XDS_ORGY") == 70.25
    assert image.keys["DIALS_ORIGIN"] == "98.9619,-20.0288,12"
    assert image.keys["BEAMLINE"] == "fake"
    assert image.source == str(path)


def test_a_column_is_fast_and_a_row_is_slow(tmp_path):
    image = read_smv(_write(tmp_path, _image()))
    assert image.data.shape == (2, 3)
    assert image.data[1, 2] == 65535


def test_another_programs_image_is_read(tmp_path):
    content = FOREIGN.ljust(1024, b"\0") + PIXELS.astype(">u2").tobytes()
    image = read_smv(_write(tmp_path, content))
    np.testing.assert_array_equal(image.data, PIXELS)
    assert image.data.dtype == np.uint16
    assert image.keys["DATE"] == "Mon Jan 1 12:00:00 2024"
    assert image.keys["DIALS_ORIGIN"] == "1,2,3"


def test_keys_are_compared_whole_16(tmp_path):
    content = FOREIGN.ljust(1024) + bytes(12)
    image = read_smv(_write(tmp_path, content))
    assert image.number("DISTANCE") == 90.0
    assert image.number("CLOSE_DISTANCE") == 88.5
    assert image.number("TANCE") is None


def test_of_a_key_given_twice_the_last_counts(tmp_path):
    assert read_smv(_write(tmp_path, FOREIGN.ljust(1024) + bytes(12))).keys["SIZE1"] == "3"


def test_a_garbled_number_is_an_error(tmp_path):
    image = read_smv(_write(tmp_path, FOREIGN.ljust(1024) + bytes(12)))
    with pytest.raises(InputError, match=r"in\.img PHI: 5 deg: not a finite number"):
        image.number("PHI")


def test_the_type_may_be_missing(tmp_path):
    np.testing.assert_array_equal(read_smv(_write(tmp_path, _image(TYPE=None))).data, PIXELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P5\n3 2\n255\nxxxxxx", "the content is a PGM picture; an SMV image is read here"),
        (b"{\nDIM=2;\n}\f".ljust(512), "not an SMV file"),
        (b"", "the file is empty"),
        (_image()[:60], "the header is cut short: its closing brace is missing"),
        (_image()[:300], "HEADER_BYTES=512: the header is cut short"),
        (_image(HEADER_BYTES="20"), "HEADER_BYTES=20: the header is cut short"),
        (_image(HEADER_BYTES="x"), "HEADER_BYTES=x: a positive whole number"),
        (_image(HEADER_BYTES="0"), "HEADER_BYTES=0: a positive whole number"),
        (_image()[:-1], "523 bytes: the image is cut short: 2 x 3 pixels of 16 bits need 524"),
        (_image(SIZE1=None), "SIZE1: missing from the header"),
        (_image(SIZE2=None), "SIZE2: missing from the header"),
        (_image(SIZE1="3.5"), "SIZE1=3.5: a positive whole number"),
        (_image(SIZE2="-2"), "SIZE2=-2: a positive whole number"),
        (_image(SIZE1="0"), "SIZE1=0: a positive whole number"),
        (_image(SIZE1="9" * 17, SIZE2="9" * 17), "the image is cut short"),
        (_image() + b"x", "525 bytes: the image is followed by other data"),
        (_image(TYPE="float"), "524 bytes: the image is cut short: 2 x 3 pixels of 32 bits"),
        (_image(TYPE="unsigned_char"), "524 bytes: the image is followed by other data"),
        (_image(TYPE="complex"), "TYPE=complex: a type of pixels is one of: unsigned char"),
        (_image(Data_type="long int"), "Data_type=long int: two types of pixels"),
        (_image(TYPE=None, Data_type="Compressed"), "Data_type=Compressed: a type of pixels"),
        (_image(COMPRESSION="pck"), "COMPRESSION=pck: only pixels without compression"),
        (_image(RAXIS_COMPRESSION_RATIO="32"), "RAXIS_COMPRESSION_RATIO=32: only pixels without"),
        (_image(DIM="3"), "DIM=3: an image has two dimensions"),
        (_image(BYTE_ORDER="middle"), "BYTE_ORDER=middle: little_endian or big_endian"),
        (_image(BYTE_ORDER=None), "BYTE_ORDER=missing"),
    ],
)
def test_a_bad_image_is_an_error(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read_smv(_write(tmp_path, content))


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("Data_type", " long int", "i4"),
        ("Data_type", "unsigned long int", "u4"),
        ("Data_type", "float IEEE", "f4"),
        ("Data_type", "short int", "i2"),
        ("Data_type", "unsigned short int", "u2"),
        ("Data_type", "unsigned  short", "u2"),
        ("Data_type", "signed char", "i1"),
        ("TYPE", "unsigned_char", "u1"),
        ("TYPE", "signed_long", "i4"),
        ("TYPE", "FLOAT", "f4"),
    ],
)
@pytest.mark.parametrize("order", ["little_endian", "big_endian"])
def test_behaviour_29_pixels_have_the_type_that_the_header_says(tmp_path, key, value, kind, order):
    low = 0 if kind[0] == "u" else -2
    pixels = np.array([[low, 1, 100], [3, 4, 5]])
    stored = pixels.astype(("<" if order[0] == "l" else ">") + kind)
    head = _image(**{"TYPE": None, "BYTE_ORDER": order, key: value})[:512]
    image = read_smv(_write(tmp_path, head + stored.tobytes()))
    np.testing.assert_array_equal(image.data, pixels)
    assert image.data.dtype == np.dtype(kind)
    mask = read_mask(tmp_path / "in.img")[0].values
    np.testing.assert_array_equal(mask, pixels != 0)


def test_a_header_may_begin_on_the_line_of_its_brace(tmp_path):
    head = _image()[:512].replace(b"{\nHEADER", b"{HEADER").ljust(512)
    image = read_smv(_write(tmp_path, head + PIXELS.tobytes()))
    np.testing.assert_array_equal(image.data, PIXELS)


def test_a_mask_with_a_pixel_that_is_no_number_is_an_error(tmp_path):
    stored = np.array([[0, 1, np.nan], [3, 4, 5]], "<f4").tobytes()
    with pytest.raises(InputError, match=r"in\.img: NaN or infinity: a pixel of a mask"):
        read_mask(_write(tmp_path, _image(TYPE="float")[:512] + stored))


def test_pedestal_and_saturation_are_the_headers_else_the_types(tmp_path):
    plain = read_smv(_write(tmp_path, _image()))
    assert (plain.pedestal, plain.saturation) == (None, 65535)
    said = read_smv(_write(tmp_path, _image(ADC_OFFSET="40", CCD_IMAGE_SATURATION="60000")))
    assert (said.pedestal, said.saturation) == (40, 60000)
    said = read_smv(_write(tmp_path, _image(IMAGE_PEDESTAL="10", SATURATED_VALUE="500")))
    assert (said.pedestal, said.saturation) == (10, 500)


def test_an_image_of_another_shape_or_type_is_not_written(tmp_path):
    with pytest.raises(InputError, match=r"the header says \(2, 3\) pixels"):
        write_smv(tmp_path / "out.img", SMALL, PIXELS.T)
    with pytest.raises(InputError, match="int64: SMV holds unsigned 16-bit counts"):
        write_smv(tmp_path / "out.img", SMALL, PIXELS.astype(np.int64))
    assert not (tmp_path / "out.img").exists()


def test_overwriting_can_be_refused(tmp_path):
    path = _write(tmp_path, b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_smv(path, SMALL, PIXELS, overwrite=False)
    assert path.read_bytes() == b"old"
