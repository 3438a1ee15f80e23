"""One picture of any kind, to be translated and written again as it came: image files, NIfTI volumes and DICOM."""

from __future__ import annotations

from sparring.kinds.translation.picturefiles.masks import holes_of, read_mask, transparent
from sparring.kinds.translation.picturefiles.picture import Colour, Depth, Picture, ending_of
from sparring.kinds.translation.picturefiles.reading import ENDINGS, picture_names, read_picture, written_ending

__all__ = [
    "ENDINGS",
    "Colour",
    "Depth",
    "Picture",
    "ending_of",
    "holes_of",
    "picture_names",
    "read_mask",
    "read_picture",
    "transparent",
    "written_ending",
]
