"""What every JPEG test asks."""

from __future__ import annotations

from core.images.jpeg import Recipe, rebuild, take_apart


def check(data: bytes) -> Recipe:
    """The recipe of a file, which together with the coefficients alone makes it again."""
    images, recipe = take_apart(data)
    read = Recipe.from_bytes(recipe.to_bytes())
    blank = read.blank_images()
    assert [image.outline for image in blank] == [image.outline for image in images]
    for image, other in zip(images, blank, strict=True):
        for ours, theirs in zip(image.components, other.components, strict=True):
            theirs.coefficients[:] = ours.coefficients
    assert rebuild(blank, read) == data
    return read
