"""Other codecs, and Floe beside them on the same images in the same run."""
