"""JPEG files become quantised coefficients and a recipe, and the same files again."""

from core.images.jpeg.image import Component, JpegImage
from core.images.jpeg.recipe import Recipe, rebuild
from core.images.jpeg.taking_apart import take_apart

__all__ = ["Component", "JpegImage", "Recipe", "rebuild", "take_apart"]
