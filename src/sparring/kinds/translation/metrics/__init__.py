"""Scores of fakes that have a truth each: of translation by pairs, and of inpainting."""

from __future__ import annotations

from sparring.kinds.translation.metrics.agreement import AGREEMENT, PIXEL_ACCURACY
from sparring.kinds.translation.metrics.perceptual import LPIPS
from sparring.kinds.translation.metrics.scores import MAE, MS_SSIM_PAIRS, PAIRS, PSNR, SSIM
from sparring.kinds.translation.metrics.similarity import mae, psnr, ssim, ssim_map

__all__ = [
    "AGREEMENT",
    "LPIPS",
    "MAE",
    "MS_SSIM_PAIRS",
    "PAIRS",
    "PIXEL_ACCURACY",
    "PSNR",
    "SSIM",
    "mae",
    "psnr",
    "ssim",
    "ssim_map",
]
