"""NIfTI volumes and DICOM images go in and come out as they were."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from sparring.base.errors import RequestError
from sparring.kinds.translation.picturefiles import Picture, read_mask, read_picture
from sparring.kinds.translation.picturefiles import picture as picture_module


def again(picture: Picture, to: Path) -> Path:
    to.write_bytes(picture.encoded(to, picture.planes, picture.alpha))
    return to


AFFINE = np.array([[-2.0, 0.1, 0, 90], [0, 2.0, 0, -126], [0, 0.2, 3.0, -72], [0, 0, 0, 1]])


def volume(
    path: Path, dtype: Any, shape: tuple[int, ...] = (6, 8, 5), scaling: tuple[float, float] | None = None
) -> Path:
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    image = nibabel.Nifti1Image(values, AFFINE)
    image.header.set_data_dtype(dtype)
    image.header["descrip"] = b"a description"
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_sform(AFFINE, 2)
    if scaling is not None:
        image.header.set_slope_inter(*scaling)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"a comment"))
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64, ">i2"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_volume_comes_out_as_it_was(tmp_path: Path, dtype: Any, ending: str) -> None:
    source = volume(tmp_path / f"in{ending}", np.dtype(dtype))
    picture = read_picture(source)
    assert picture.planes.shape == (5, 1, 8, 6)
    out = again(picture, tmp_path / f"out{ending}")
    before, after = (nibabel.load(path) for path in (source, out))
    assert after.header == before.header
    assert np.array_equal(after.affine, before.affine)
    assert np.array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj))
    read = gzip.decompress if ending == ".nii.gz" else bytes
    assert read(out.read_bytes()) == read(source.read_bytes())


def test_scaling_stays_and_values_are_those_stored(tmp_path: Path) -> None:
    source = volume(tmp_path / "in.nii", np.int16, scaling=(0.5, -1000))
    picture = read_picture(source)
    assert picture.planes.dtype == np.int16
    assert picture.planes.min() >= 0
    after = nibabel.load(again(picture, tmp_path / "out.nii"))
    assert (after.dataobj.slope, after.dataobj.inter) == (0.5, -1000)
    assert np.array_equal(after.get_fdata(), nibabel.load(source).get_fdata())
    assert after.get_fdata().max() < 0
    assert (tmp_path / "out.nii").read_bytes() == source.read_bytes()


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (6, 8, 3, 2)])
def test_other_dimensions_are_slices(tmp_path: Path, shape: tuple[int, ...]) -> None:
    source = volume(tmp_path / "in.nii", np.int16, shape)
    picture = read_picture(source)
    assert picture.planes.shape == (int(np.prod(shape[2:])), 1, 8, 6)
    assert again(picture, tmp_path / "out.nii").read_bytes() == source.read_bytes()


def test_slices_lie_right_and_up(tmp_path: Path) -> None:
    values = np.zeros((4, 6, 2), np.int16)
    values[3, 5, 1] = 9  # right, front (in RAS+), second slice
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "in.nii")
    assert read_picture(tmp_path / "in.nii").planes[1, 0, 0, 3] == 9


def test_the_scale_of_a_volume_is_its_own(tmp_path: Path) -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    values[0, 0, 0] = np.nan
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "in.nii")
    picture = read_picture(tmp_path / "in.nii")
    assert (picture.low, picture.high, picture.depth) == (1.0, 23.0, "float32")
    assert read_picture(volume(tmp_path / "bytes.nii", np.uint8)).high == 255
    assert read_picture(volume(tmp_path / "short.nii", np.int16)).depth == "uint16"


def test_volumes_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = volume(tmp_path / "whole.nii.gz", np.int16, (40, 40, 40))
    (tmp_path / "cut.nii.gz").write_bytes(whole.read_bytes()[:9000])
    (tmp_path / "text.nii").write_text("no volume")
    colour = np.zeros((4, 4, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(colour, np.eye(4)), tmp_path / "colour.nii")
    for name, told in (
        ("cut.nii.gz", "not a readable NIfTI"),
        ("text.nii", "not a readable NIfTI"),
        ("colour.nii", "colour or complex"),
    ):
        with pytest.raises(RequestError, match=rf"{name}: [^\n]*{told}[^\n]*$"):
            read_picture(tmp_path / name)
    picture = read_picture(whole)
    with pytest.raises(RequestError, match=r"out\.png: .*whole\.nii\.gz is a NIfTI volume, which is written as \.nii"):
        picture.encoded(Path("out.png"), picture.planes)
    with pytest.raises(RequestError, match=r"holds one channel here, and the run makes 3"):
        picture.encoded(Path("out.nii"), np.repeat(picture.planes, 3, 1))
    monkeypatch.setattr(picture_module, "available", lambda: 200_000)
    with pytest.raises(RequestError, match=r"whole\.nii\.gz: 40 slices of 40 x 40 pixels need about"):
        read_picture(whole)


@pytest.mark.parametrize(("name", "package"), [("in.nii", "nibabel"), ("in.dcm", "pydicom")])
def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    (tmp_path / name).touch()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(RequestError, match=rf"{name}: .* needs {package}; pip install 'sparring\[medical\]'"):
        read_picture(tmp_path / name)


def scan(path: Path, syntax: Any = ExplicitVRLittleEndian, **fields: Any) -> Path:
    """A CT slice of 12 bits in 16, signed, of one frame; `fields` change it."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.Modality = "A^Person", "7", "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.add_new((0x0009, 0x0010), "LO", "A VENDOR")
    dataset.add_new((0x0009, 0x1001), "LO", "a private value")
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 6, 9, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 1
    dataset.SmallestImagePixelValue, dataset.LargestImagePixelValue = -50, 1949
    for name, value in fields.items():
        setattr(dataset, name, value)
    frames, samples = int(fields.get("NumberOfFrames", 1)), dataset.SamplesPerPixel
    dtype = np.dtype(f"{'iu'[1 - dataset.PixelRepresentation]}{dataset.BitsAllocated // 8}")
    low, high = (-50, 1950) if dataset.BitsStored == 12 else (0, 256)
    values = np.random.default_rng(0).integers(low, high, (frames, 6, 9, samples)).astype(dtype)
    if syntax == ExplicitVRBigEndian:
        values = values.astype(values.dtype.newbyteorder(">"))
    dataset.PixelData = values.tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, generate_instance_uid=False)
    elif syntax == JPEGLSLossless:
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8 no decoder \xff\xd9"])
        dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)
    return path


GREY8 = {
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 255,
}
RGB = GREY8 | {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize(
    "fields", [{}, {"NumberOfFrames": 3}, {"NumberOfFrames": 1}, GREY8, RGB, RGB | {"NumberOfFrames": 2}]
)
def test_a_scan_comes_out_as_it_was(tmp_path: Path, syntax: Any, fields: dict[str, Any]) -> None:
    source = scan(tmp_path / "in.dcm", syntax, **fields)
    picture = read_picture(source)
    assert picture.planes.shape == (fields.get("NumberOfFrames", 1), fields.get("SamplesPerPixel", 1), 6, 9)
    before, after = pydicom.dcmread(source), pydicom.dcmread(again(picture, tmp_path / "out.dcm"))
    assert np.array_equal(before.pixel_array, after.pixel_array)
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert list(after.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"]
    changed = {"SOPInstanceUID", "ImageType", "PixelData", "SmallestImagePixelValue", "LargestImagePixelValue"}
    assert {element.tag for element in before} == {element.tag for element in after}
    assert [one.keyword for one in before if one.keyword not in changed and after[one.tag] != one] == []
    assert after.SmallestImagePixelValue == after.pixel_array.min()
    assert after.LargestImagePixelValue == after.pixel_array.max()
    kept = syntax if syntax != RLELossless else ExplicitVRLittleEndian
    assert after.file_meta.TransferSyntaxUID == kept


def test_a_scan_does_not_change_what_was_read(tmp_path: Path) -> None:
    picture = read_picture(scan(tmp_path / "in.dcm"))
    first = picture.planes.copy()
    written = [pydicom.dcmread(again(picture, tmp_path / f"{name}.dcm")) for name in "ab"]
    assert written[0].SOPInstanceUID != written[1].SOPInstanceUID
    black = picture.encoded(tmp_path / "c.dcm", np.full_like(picture.planes, -5000))
    (tmp_path / "c.dcm").write_bytes(black)
    assert pydicom.dcmread(tmp_path / "c.dcm").pixel_array.max() == -2048  # of 12 bits
    assert np.array_equal(picture.planes, first)


def test_monochrome_1_has_black_and_white_the_other_way(tmp_path: Path) -> None:
    plain, inverted = (
        read_picture(scan(tmp_path / f"{kind}.dcm", PhotometricInterpretation=kind))
        for kind in ("MONOCHROME2", "MONOCHROME1")
    )
    assert plain.low < plain.high
    assert (inverted.low, inverted.high) == (plain.high, plain.low)
    assert pydicom.dcmread(again(inverted, tmp_path / "out.dcm")).PhotometricInterpretation == "MONOCHROME1"


def test_an_icon_of_the_picture_before_is_left_out(tmp_path: Path) -> None:
    icon = pydicom.Dataset()
    icon.Rows = 4
    out = again(read_picture(scan(tmp_path / "in.dcm", IconImageSequence=[icon])), tmp_path / "out.dcm")
    assert "IconImageSequence" not in pydicom.dcmread(out)


def test_scans_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.dcm").write_text("no scan")
    scan(tmp_path / "packed.dcm", JPEGLSLossless)
    scan(tmp_path / "palette.dcm", PhotometricInterpretation="PALETTE COLOR")
    scan(tmp_path / "big.dcm", ExplicitVRBigEndian)
    whole = scan(tmp_path / "whole.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:-40])
    dataset = pydicom.dcmread(tmp_path / "whole.dcm")
    del dataset.PixelData
    dataset.save_as(tmp_path / "report.dcm")
    for name, told in (
        ("text.dcm", "not a readable DICOM image"),
        ("packed.dcm", "compressed by JPEG-LS Lossless.*cannot be decoded here"),
        ("palette.dcm", "of kind PALETTE COLOR"),
        ("cut.dcm", "not a readable DICOM image"),
        ("report.dcm", "without pixels"),
    ):
        with pytest.raises(RequestError, match=rf"{name}: [^\n]*{told}[^\n]*$"):
            read_picture(tmp_path / name)
    with pytest.raises(RequestError, match=r"out\.dcm: cannot be written as DICOM .*big-endian"):
        again(read_picture(tmp_path / "big.dcm"), tmp_path / "out.dcm")
    picture = read_picture(tmp_path / "whole.dcm")
    with pytest.raises(RequestError, match=r"out\.png: .*is a DICOM image, which is written as \.dcm"):
        picture.encoded(Path("out.png"), picture.planes)
    with pytest.raises(RequestError, match=r"keeps its 1 channels, and the run makes 3"):
        picture.encoded(Path("out.dcm"), np.repeat(picture.planes, 3, 1))
    monkeypatch.setattr(picture_module, "available", lambda: 2_000)
    with pytest.raises(RequestError, match=r"whole\.dcm: 9 x 6 pixels need about"):
        read_picture(tmp_path / "whole.dcm")


def test_a_volume_as_a_mask(tmp_path: Path) -> None:
    holes = np.zeros((6, 8, 5), np.uint8)
    holes[2:4, 3, 1] = 1
    nibabel.save(nibabel.Nifti1Image(holes, np.eye(4)), tmp_path / "mask.nii")
    found = read_mask(tmp_path / "mask.nii", 8, 6, 5)
    assert found.sum(axis=(1, 2)).tolist() == [0, 2, 0, 0, 0]
    assert np.array_equal(found, read_picture(tmp_path / "mask.nii").planes[:, 0] > 0)
    with pytest.raises(RequestError, match=r"mask\.nii: the mask has 5 slices, the picture 4"):
        read_mask(tmp_path / "mask.nii", 8, 6, 4)
