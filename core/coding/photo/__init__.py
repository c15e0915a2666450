"""The photo model to bytes: a picture is cut into tiles, each tile is one stack."""
