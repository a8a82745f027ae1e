"""The formats that come with nb keep the contract of all image formats."""

from nb_core.formats.builtin import PgmFormat, RawFormat, SmvFormat
from nb_core.testing import ImageFormatContract


class TestRaw(ImageFormatContract):
    image_format = RawFormat()


class TestSmv(ImageFormatContract):
    image_format = SmvFormat()


class TestPgm(ImageFormatContract):
    image_format = PgmFormat()
