"""Which files are pictures, and reading one."""

from __future__ import annotations

from pathlib import Path

from sparring.base.errors import RequestError, nearest
from sparring.data.files import FORMATS, walk
from sparring.kinds.translation.picturefiles import dicom, nifti, raster
from sparring.kinds.translation.picturefiles.picture import Picture, check_file, ending_of

NIFTI, DICOM = (".nii", ".nii.gz"), (".dcm",)
ENDINGS = (*FORMATS, *NIFTI, *DICOM)
"""Endings of files that are read; all but .gif are written too."""


def read_picture(path: Path) -> Picture:
    """The picture of a file of any kind, upright (an EXIF orientation is applied, and its tag reset).

    Palettes are read as RGB, one bit as 0 and 255. A NIfTI volume's slices lie along its last axis (further ones are
    counted on), turned so that the first axis goes to the right and the second up; its values are those stored, before
    its scaling. Raises RequestError, in one line that names the file, for one that is missing, corrupt, animated, of
    several pages, too large for the memory, of 16 bits in colour (which Pillow cuts down to 8), or no picture.
    """
    ending = ending_of(path)
    check_ending(path)
    check_file(path)
    if ending in NIFTI:
        return nifti.read(path)
    return dicom.read(path) if ending in DICOM else raster.read(path)


def check_ending(path: Path) -> None:
    """Raises RequestError for a path that ends in none of `ENDINGS`."""
    ending = ending_of(path)
    if ending not in ENDINGS:
        hint = nearest(ending, ENDINGS) if ending else f"known: {', '.join(ENDINGS)}"
        raise RequestError(f"{path}: {f'{ending!r} is no' if ending else 'no'} ending of a picture; {hint}")


def written_ending(ending: str, exact: bool) -> str:
    """The ending for a result of a picture with this one: its own, but .png for .gif, and for JPEG where pixels must
    stay exactly as they are."""
    return ".png" if ending == ".gif" or (exact and raster.lossy(ending)) else ending


def picture_names(folder: Path) -> tuple[list[str], int]:
    """The pictures' paths below a folder, with slashes, in order; and how many other files there are."""
    names = [name for name, _ in walk(folder, "")]
    pictures = [name for name in names if ending_of(name) in ENDINGS]
    return pictures, len(names) - len(pictures)
