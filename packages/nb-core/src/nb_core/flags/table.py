"""Every option of nanoBragg's command line: the table that parses, documents and writes it."""

from __future__ import annotations

from typing import Any

from nb_core.flags.option import Kind, Option

_CUSTOM = {"detector.detector_convention": "custom"}
_BEAM = {"pivot.state": "beam"}
_SAMPLE = {"pivot.state": "sample"}


def _number(name: str, help: str, key: str, **more: Any) -> Option:
    return Option((name, *more.pop("also", ())), help, (key,), **more)


def _count(name: str, help: str, key: str, **more: Any) -> Option:
    return _number(name, help, key, kind=Kind.WHOLE, **more)


def _file(name: str, help: str, key: str, **more: Any) -> Option:
    return _number(name, help, key, kind=Kind.FILE, **more)


def _vector(name: str, help: str, key: str) -> Option:
    return Option((name,), f"{help}; selects the CUSTOM convention", (key,), values=3, sets=_CUSTOM)


def _switch(name: str, help: str, *also: str, **sets: Any) -> Option:
    fixed = {key.replace("__", "."): value for key, value in sets.items()}
    return Option((name, *also), help, values=0, sets=fixed)


def _edges(names: tuple[str, ...], what: str, axis: int, *patterns: str) -> Option:
    key = f"crystal.sample_size_mm.{axis}"
    help = f"sample size along {what} (mm); replaces N{'abc'[axis]}"
    return Option(names, help, (key,), patterns=patterns)


_SIZES = tuple(f"crystal.sample_size_mm.{axis}" for axis in range(3))
_CELL = tuple(f"crystal.cell_{part}" for part in ("a", "b", "c", "alpha", "beta", "gamma"))
_N = tuple(f"crystal.N_cells.{axis}" for axis in range(3))

CRYSTAL = (
    Option(
        ("-cell",),
        "unit cell: a b c (Angstrom) alpha beta gamma (degrees); default b = c = a, angles 90",
        _CELL,
        values=6,
        least=1,
    ),
    _file("-mat", "MOSFLM orientation matrix (A matrix)", "file.mat", also=("-matrix",)),
    Option(
        ("-misset",),
        "rotations about x, y, z (degrees), or the word random",
        ("crystal.misset_deg",),
        kind=Kind.MISSET,
        values=3,
    ),
    _number("-misset_seed", "seed of -misset random", "crystal.misset_seed", kind=Kind.SEED),
    Option(("-N",), "unit cells along a, b and c", _N, Kind.WHOLE, exact=True, alias=True),
    _count("-Na", "unit cells along a", _N[0]),
    _count("-Nb", "unit cells along b", _N[1]),
    _count("-Nc", "unit cells along c", _N[2]),
    Option(
        ("-samplesize", "-sample_size", "-xtalsize", "-xtal_size"),
        "sample size along a, b and c (mm); replaces -N",
        _SIZES,
        alias=True,
    ),
    _edges(("-sample_x", "-sample_thick", "-xtal_x", "-xtal_thick"), "a", 0),
    _edges(("-sample_y", "-sample_width", "-xtal_y", "-xtal_width", "-width"), "b", 1),
    _edges(
        ("-sample_z", "-sample_height", "-xtal_z", "-xtal_height", "-height"),
        "c",
        2,
        *("-sample_heigh", "-sample_z", "-heigh", "-xtal_heigh", "-xtal_z"),
    ),
    _switch("-square_xtal", "parallelepiped crystal (default)", crystal__shape="square"),
    _switch("-round_xtal", "ellipsoidal crystal", crystal__shape="round"),
    _switch("-gauss_xtal", "Gaussian spots", crystal__shape="gauss"),
    _switch("-tophat_spots", "flat-topped spots", "-binary_spots", crystal__shape="tophat"),
    _number(
        "-shape",
        "a shape that a package brings: its name, or name:field=value,field=value; nb's own option",
        "crystal.shape",
        kind=Kind.NAMED,
    ),
    _number("-fudge", "factor on the squared radius of round, gauss, tophat", "crystal.fudge"),
    _number("-default_F", "amplitude of reflections not listed", "crystal.default_F"),
    _file("-hkl", "structure factors: text lines h k l F", "file.hkl"),
    _file("-dump", "binary structure factors: written with -hkl, else read", "file.dump"),
    _switch(
        "-friedel",
        "add the Friedel mates that the list lacks, F(-h -k -l) = F(h k l); nb's own option",
        file__friedel=True,
    ),
    _number("-phi", "spindle start (degrees)", "crystal.phi_start_deg", exact=True),
    _number("-osc", "rotation range (degrees)", "crystal.osc_range_deg"),
    _number("-phistep", "rotation step (degrees)", "crystal.phi_step_deg", exact=True),
    _count("-phisteps", "number of rotation steps", "crystal.phi_steps"),
    _vector("-spindle_axis", "axis of the phi rotation", "crystal.spindle_axis"),
    Option(
        ("-mosaic", "-mosaicity", "-mosaic_spread"),
        "mosaic spread (degrees); 90 makes a powder",
        ("crystal.mosaic_spread_deg",),
        patterns=("-mosaici", "-mosaic_spr"),
    ),
    _count(
        "-mosaic_domains",
        "number of mosaic domains",
        "crystal.mosaic_domains",
        also=("-mosaic_dom",),
    ),
    _number("-mosaic_seed", "seed of the mosaic domains", "crystal.mosaic_seed", kind=Kind.SEED),
)

BEAM = (
    _number(
        "-lambda",
        "wavelength (Angstrom)",
        "beam.wavelength_A",
        also=("-wavelength", "-wave"),
    ),
    _number(
        "-energy",
        "photon energy (eV), in place of -lambda",
        "beam.wavelength_A",
        kind=Kind.ENERGY,
        alias=True,
    ),
    Option(
        ("-polar",),
        "Kahn polarization factor",
        ("beam.polarization_factor",),
        sets={"beam.nopolar": False},
        exact=True,
    ),
    _switch("-nopolar", "no polarization correction", beam__nopolar=True),
    _number("-fluence", "photons/m^2", "beam.fluence"),
    _number("-flux", "photons/s; sets the fluence with -exposure and -beamsize", "beam.flux"),
    _number("-exposure", "exposure time (s)", "beam.exposure"),
    _number("-beamsize", "edge of the beam (mm)", "beam.beamsize_mm"),
    Option(
        ("-divergence",),
        "divergence, horizontal and vertical (mrad)",
        ("beam.hdiv_range_mrad", "beam.vdiv_range_mrad"),
        alias=True,
    ),
    _number("-hdivrange", "horizontal divergence (mrad)", "beam.hdiv_range_mrad"),
    _number("-vdivrange", "vertical divergence (mrad)", "beam.vdiv_range_mrad"),
    _number("-hdivstep", "horizontal step (mrad)", "beam.hdiv_step_mrad", exact=True),
    _count("-hdivsteps", "number of horizontal steps", "beam.hdiv_steps"),
    _number("-vdivstep", "vertical step (mrad)", "beam.vdiv_step_mrad", exact=True),
    _count("-vdivsteps", "number of vertical steps", "beam.vdiv_steps"),
    Option(
        ("-divsteps",),
        "number of steps, horizontal and vertical",
        ("beam.hdiv_steps", "beam.vdiv_steps"),
        Kind.WHOLE,
        alias=True,
    ),
    _switch("-round_div", "elliptical divergence (default)", beam__round_div=True),
    _switch("-square_div", "full divergence grid", beam__round_div=False),
    _number("-dispersion", "spectral width (percent)", "beam.dispersion_percent"),
    _count("-dispsteps", "number of wavelengths", "beam.dispersion_steps"),
    _file("-sourcefile", "sources: lines x y z weight wavelength (metres)", "file.sources"),
    _vector("-beam_vector", "direction of the beam", "beam.beam_vector"),
    _vector("-polar_vector", "E vector of the beam", "beam.polar_vector"),
)

_CONVENTION = "detector__detector_convention"

DETECTOR = (
    _file("-img", "SMV image whose header sets the camera", "file.img"),
    _file("-mask", "SMV image; its zeros are left out, its header sets the camera", "file.mask"),
    _number("-pixel", "pixel size (mm)", "detector.pixel_size_mm"),
    Option(
        ("-detpixels",),
        "pixels along both edges",
        ("size.fpixels", "size.spixels"),
        Kind.WHOLE,
        exact=True,
        alias=True,
    ),
    _count("-detpixels_f", "pixels along the fast axis", "size.fpixels", also=("-detpixels_x",)),
    _count("-detpixels_s", "pixels along the slow axis", "size.spixels", also=("-detpixels_y",)),
    Option(
        ("-detsize",),
        "detector size (mm)",
        ("size.detsize_f_mm", "size.detsize_s_mm"),
        exact=True,
        alias=True,
    ),
    _number("-detsize_f", "detector size along the fast axis (mm)", "size.detsize_f_mm"),
    _number("-detsize_s", "detector size along the slow axis (mm)", "size.detsize_s_mm"),
    _switch(
        "-mosflm",
        "MOSFLM axes and beam centre (default)",
        **{_CONVENTION: "mosflm"},
        pivot__state="beam",
    ),
    _switch("-xds", "XDS axes and origin", **{_CONVENTION: "xds"}, pivot__state="sample"),
    _switch("-adxv", "ADXV axes and beam centre", **{_CONVENTION: "adxv"}, pivot__state="beam"),
    _switch("-denzo", "DENZO beam centre", **{_CONVENTION: "denzo"}, pivot__state="beam"),
    _switch("-dials", "DIALS axes and origin", **{_CONVENTION: "dials"}, pivot__state="beam"),
    _vector("-fdet_vector", "direction of the fast axis", "detector.fdet_vector"),
    _vector("-sdet_vector", "direction of the slow axis", "detector.sdet_vector"),
    _vector("-odet_vector", "detector normal, away from the sample", "detector.odet_vector"),
    _vector("-twotheta_axis", "axis of the two-theta arm", "detector.twotheta_axis"),
    _vector("-pix0_vector", "origin of the detector (m)", "detector.pix0_vector_m"),
    Option(
        ("-pix0_vector_mm",),
        "origin of the detector (mm); selects the CUSTOM convention",
        ("detector.pix0_vector_m",),
        Kind.MILLIMETRES,
        values=3,
        sets=_CUSTOM,
        exact=True,
        alias=True,
    ),
    _number("-distance", "distance along the beam (mm)", "detector.distance_mm", sets=_BEAM),
    _number(
        "-close_distance",
        "distance along the detector normal (mm)",
        "detector.close_distance_mm",
        sets=_SAMPLE,
    ),
    _number(
        "-Xbeam", "direct beam, x of the convention (mm)", "detector.beam_center_x_mm", sets=_BEAM
    ),
    _number(
        "-Ybeam", "direct beam, y of the convention (mm)", "detector.beam_center_y_mm", sets=_BEAM
    ),
    _number("-Xclose", "nearest point, fast (mm)", "detector.close_x_mm", sets=_SAMPLE),
    _number("-Yclose", "nearest point, slow (mm)", "detector.close_y_mm", sets=_SAMPLE),
    _number("-ORGX", "XDS origin, fast (pixels)", "detector.orgx_px", sets=_SAMPLE),
    _number("-ORGY", "XDS origin, slow (pixels)", "detector.orgy_px", sets=_SAMPLE),
    _number("-detector_rotx", "rotation about lab x (degrees)", "detector.detector_rotx_deg"),
    _number("-detector_roty", "rotation about lab y (degrees)", "detector.detector_roty_deg"),
    _number("-detector_rotz", "rotation about lab z (degrees)", "detector.detector_rotz_deg"),
    _number("-twotheta", "two-theta arm (degrees)", "detector.detector_twotheta_deg", sets=_SAMPLE),
    _switch("-curved_det", "all pixels at the same distance", detector__curved_detector=True),
    _switch("-point_pixel", "no obliquity in the solid angle", detector__point_pixel=True),
    _number(
        "-detector_abs",
        "attenuation depth of the sensor (micrometres), or inf",
        "detector.detector_abs_um",
        kind=Kind.DEPTH,
        also=("-detector_absorb",),
    ),
    _number(
        "-detector_thick",
        "sensor thickness (micrometres)",
        "detector.detector_thick_um",
        exact=True,
    ),
    _count(
        "-detector_thicksteps",
        "number of sensor layers",
        "detector.detector_thicksteps",
        also=("-thicksteps",),
    ),
    Option(
        ("-pivot",),
        "what stays in place: beam or sample; counts with CUSTOM or the corrected profile",
        ("pivot.state", "pivot.explicit"),
        Kind.PIVOT,
    ),
)

SAMPLING = (
    _count("-oversample", "sub-pixels along a pixel edge", "sampling.oversample"),
    _switch("-oversample_thick", "absorption at each sub-pixel", sampling__oversample_thick=True),
    _switch("-oversample_polar", "polarization at each sub-pixel", sampling__oversample_polar=True),
    _switch("-oversample_omega", "solid angle at each sub-pixel", sampling__oversample_omega=True),
    _number("-dmin", "smallest spacing to render (Angstrom)", "sampling.dmin_A"),
    _switch("-interpolate", "tricubic structure factors", sampling__interpolate=True),
    _switch("-nointerpolate", "nearest structure factors", sampling__interpolate=False),
    Option(
        ("-roi",),
        "pixels to render: xmin xmax ymin ymax (fast, slow; inclusive)",
        ("roi.xmin", "roi.xmax", "roi.ymin", "roi.ymax"),
        Kind.WHOLE,
        values=4,
    ),
    _number("-water", "edge of a cube of water (micrometres)", "background.water_size_um"),
    _number(
        "-background",
        "a background that a package brings: its name, or name:field=value,field=value; nb's own "
        "option",
        "background.terms",
        kind=Kind.NAMED,
    ),
)

OUTPUT = (
    _file("-floatfile", "raw float32 image", "outputs.floatfile", also=("-floatimage",)),
    _file("-intfile", "SMV image without noise", "outputs.intfile", also=("-intimage",)),
    _file(
        "-pgmfile",
        "8-bit picture",
        "outputs.pgmfile",
        also=("-pgmimage",),
        sets={"outputs.write_pgm": True},
    ),
    _file(
        "-noisefile",
        "SMV image with counting noise",
        "outputs.noisefile",
        also=("-noiseimage",),
        sets={"outputs.calculate_noise": True},
    ),
    _number("-scale", "factor of the integer image", "outputs.scale"),
    _number(
        "-pgmscale", "factor of the picture", "outputs.pgm_scale", sets={"outputs.write_pgm": True}
    ),
    _switch("-nopgm", "no picture", outputs__write_pgm=False),
    _switch("-nonoise", "no noise image", outputs__calculate_noise=False),
    _number("-adc", "offset of the SMV images", "outputs.adc_offset"),
    _number("-seed", "seed of the noise", "outputs.noise_seed", kind=Kind.SEED),
    _switch("-printout", "print the value of the pixel", outputs__printout=True),
    Option(
        ("-printout_pixel",),
        "the pixel to print: fast slow",
        ("printout.fast", "printout.slow"),
        Kind.WHOLE,
        values=2,
        sets={"outputs.printout": True},
    ),
    _switch("-noprogress", "no progress bar", outputs__progress=False),
    _switch("-progress", "progress bar (default)", outputs__progress=True),
)


def _unused(*names: str, values: int = 1, exact: bool = False) -> Option:
    help = "has no effect in nanoBragg, and none here"
    return Option(names, help, kind=Kind.FILE, values=values, exact=exact, ignored=True)


UNUSED = (
    _unused("-stol", exact=True),
    _unused("-4stol", exact=True),
    _unused("-Q", exact=True),
    _unused("-stolout"),
    _unused("-coherent", values=0),
    _unused("-density", "-sample_den"),
    _unused("-MW", "-molecular_weight", "-molec"),
)

GROUPS: dict[str, tuple[Option, ...]] = {
    "Crystal": CRYSTAL,
    "Beam": BEAM,
    "Detector": DETECTOR,
    "Sampling and background": SAMPLING,
    "Output": OUTPUT,
    "Without effect": UNUSED,
}
"""The options of nanoBragg in the order of its help, by the title of their group."""

MEANT: dict[str, str] = {
    "-detsize_x": "-detsize_f",
    "-detsize_y": "-detsize_s",
    "-xdet_vector": "-fdet_vector",
    "-ydet_vector": "-sdet_vector",
    "-zdet_vector": "-odet_vector",
    "-hdiv": "-hdivrange",
    "-vdiv": "-vdivrange",
    "-div": "-divergence",
    "-disp": "-dispersion",
    "-dispstep": "-dispsteps",
    "-thick": "-sample_thick",
    "-source_distance": "-sourcefile",
    "-noise": "-noisefile",
    "-odet": "-odet_vector",
    "-fdet": "-fdet_vector",
    "-sdet": "-sdet_vector",
    "-phi_start": "-phi",
    "-beam_center": "-Xbeam and -Ybeam",
    "-beam_centre": "-Xbeam and -Ybeam",
    "-2theta": "-twotheta",
    "-help": "nb config flags",
    "-h": "nb config flags",
    "-version": "nb --version",
}
"""Names that no program reads, of nanoBragg's own pages and others, and what does it."""

ZERO_IS_DEFAULT = ("-hdiv", "-vdiv", "-div", "-disp", "-dispstep")
"""Those of them whose 0 says what is so anyway."""

OPTIONS_OF_NB = ("-device", "-dtype", "-engine", "-threads", "-profile", "-png", "-rng")
"""What is an option of nb itself, with two dashes."""

OPTIONS: tuple[Option, ...] = tuple(option for group in GROUPS.values() for option in group)
