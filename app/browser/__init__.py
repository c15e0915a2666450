"""The list, the tiles and the path bar: walking through an archive."""
