"""What an archive knows about one of its files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum


class Method(StrEnum):
    """How an entry is kept, as the column ``codec`` has it; later versions may add others."""

    PHOTO = "photo"  # pixels coded by the photo model, beside a frame
    JPEG = "jpeg"  # coefficients of JPEG images by the JPEG model, beside a recipe in the frame
    JPEG_XL = "jpegxl"  # pixels as a JPEG XL image, beside a frame
    WEBP = "webp"  # pixels as a lossless WebP image, beside a frame
    STORED = "stored"  # the file's own bytes
    XZ = "xz"  # the same, as an .xz stream


class Part(StrEnum):
    """What a chunk is a piece of."""

    PIXELS = "pixels"
    FRAME = "frame"
    STANDARD = "standard"  # of pixels in a standard format: all of it
    FILE = "file"


@dataclass(frozen=True)
class Entry:
    """An archived file. What does not apply to it is None; what is no image has 0 pixels."""

    name: str  # relative, "/" between its parts
    kind: str  # how the file is rebuilt: "png", "raw", "jpeg", or "original" for its own bytes
    width: int
    height: int
    channels: int
    original_bytes: int
    packed_bytes: int  # everything kept: coded pixels, frame, checksums
    codec: str  # a Method, or one of a later version
    coder: str | None  # a core.coding.coders.Coder
    model: str | None  # its id
    theoretical_bpd: float | None  # the model's codelength, in bits a dimension
    borrowed_bits: int | None
    lost_bits: int | None
    encode_seconds: float | None
    verify_seconds: float | None
    network_seconds: float | None
    coding_seconds: float | None
    read_seconds: float | None  # from the disk to pixels
    write_seconds: float | None  # into the archive, until the disk is told to keep it
    device: str | None  # on which the networks ran
    pixel_sha256: str | None  # of the 8-bit samples in (row, column, channel) order
    file_sha256: str  # of the file that was added
    file_exact: bool  # whether the rebuilt file is that file, byte for byte
    modified_at: int  # of the source, in nanoseconds since 1970
    added_at: int  # in nanoseconds since 1970
    reason: str | None  # why it is kept in this way, if another might be expected

    @property
    def is_stored(self) -> bool:
        """Whether the file's own bytes are kept as they are."""
        return self.codec == Method.STORED

    @property
    def keeps_file(self) -> bool:
        """Whether the file's own bytes are kept, compressed or not, instead of a code of pixels."""
        return self.codec in (Method.STORED, Method.XZ)

    @property
    def is_standard(self) -> bool:
        """Whether pixels are kept as an image of a standard format."""
        return self.codec in (Method.JPEG_XL, Method.WEBP)

    @property
    def is_image(self) -> bool:
        """Whether the file is an image that Floe knows, even if it could not be decoded."""
        return self.channels > 0

    @property
    def is_jpeg(self) -> bool:
        """Whether the coefficients of JPEG images are kept, and a recipe for the file."""
        return self.codec == Method.JPEG

    @property
    def n_pixels(self) -> int:
        return self.width * self.height

    @property
    def n_dims(self) -> int:
        """The number of samples of the image."""
        return self.width * self.height * self.channels

    @property
    def achieved_bpd(self) -> float:
        """Bits a dimension that the entry takes, everything included."""
        return 8 * self.packed_bytes / self.n_dims if self.n_dims else 0.0


class Share(Enum):
    """A part of the bits of an entry."""

    THEORY = "theory"  # the model's codelength of the pixels
    CODING = "coding"  # what integer probabilities and whole bytes cost, or save
    BORROWED = "borrowed bits"  # those that were not returned
    SIDE = "side information"  # checksums, numbers and switches of the tiles
    FRAME = "not pixels"  # metadata, and how the file was laid out
    CONTAINER = "container"  # the checksums beside the chunks
    STANDARD = "standard"  # of pixels in a standard format: all of it
    FILE = "file"  # of an entry that keeps its file's bytes: all
