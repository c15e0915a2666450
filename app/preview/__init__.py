"""One image to look at, and where its bits are: decoding, scaling, painting."""
