"""Makes resources/jpeg/headers.bin: what the headers of JPEG files are mostly made of.

    python -m tools.jpeg_dictionary ../shared/data/jpeg/train resources/jpeg/headers.bin

The dictionary is part of the archive format: once released, it never changes. It holds what
standards and encoders define (tables, skeletons of EXIF, XMP and Photoshop blocks), and strings
that occur in the headers of files from several sources, so nothing that only one person wrote.
"""

from __future__ import annotations

import re
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.control import CancelToken
from core.images.jpeg.image import ZIGZAG
from core.images.jpeg.standard_tables import STANDARD_AC, STANDARD_DC
from core.images.jpeg.taking_apart import taken_apart

#: A string must come from so many sources.
MIN_SOURCES = 3
#: What counts as the same: strings of so many bytes.
_GRAM = 10
#: DEFLATE reaches back 32,768 bytes, of which zlib uses all but 262.
MAX_BYTES = 32_500

# T.81, K.1, in natural order.
_LUMA = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29
51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121
120 101 72 92 95 98 112 100 103 99"""
_CHROMA = "17 18 24 47 18 21 26 66 24 26 56 99 47 66 99 99"

_MAKERS = """Canon|NIKON CORPORATION|NIKON|SONY|FUJIFILM|OLYMPUS CORPORATION|OLYMPUS IMAGING CORP.
|Panasonic|LEICA CAMERA AG|PENTAX|RICOH|CASIO COMPUTER CO.,LTD.|EASTMAN KODAK COMPANY|Apple|samsung
|SAMSUNG|Google|HUAWEI|Xiaomi|OnePlus|motorola|LG Electronics|HMD Global|HTC|Hewlett-Packard|DJI
|GoPro|KONICA MINOLTA|SIGMA|Hasselblad|Canon EOS 5D Mark III|NIKON D750|ILCE-7M3|iPhone 12 Pro
|iPhone 15 Pro back triple camera 6.765mm f/1.78|Pixel 8 Pro back camera|SM-G991B
|Adobe Photoshop CS6 (Windows)|Adobe Photoshop 24.0 (Macintosh)|Adobe Photoshop Lightroom Classic
|Adobe Lightroom|GIMP 2.10|Picasa|ACDSee|digiKam|Microsoft Windows Photo Viewer|paint.net|darktable
|Ver.1.00|ASCII\0\0\0|0210|0220|0230|0231|0232|0100|2024:01:01 12:00:00|2020:06:15 10:30:00\0"""

# Tag, type, count: what cameras write, in ascending order.
_IFD0 = """10e:2:32 10f:2:6 110:2:14 112:3:1 11a:5:1 11b:5:1 128:3:1 131:2:28 132:2:20 13b:2:8
13c:2:10 213:3:1 8298:2:16 8769:4:1 8825:4:1"""
_EXIF = """829a:5:1 829d:5:1 8822:3:1 8827:3:1 8830:3:1 8832:4:1 9000:7:4 9003:2:20 9004:2:20
9010:2:7 9011:2:7 9012:2:7 9101:7:4 9102:5:1 9201:a:1 9202:5:1 9203:a:1 9204:a:1 9205:5:1 9206:5:1
9207:3:1 9208:3:1 9209:3:1 920a:5:1 9214:3:4 927c:7:1024 9286:7:264 9290:2:3 9291:2:3 9292:2:3
a000:7:4 a001:3:1 a002:4:1 a003:4:1 a005:4:1 a20e:5:1 a20f:5:1 a210:3:1 a217:3:1 a300:7:1 a301:7:1
a401:3:1 a402:3:1 a403:3:1 a404:5:1 a405:3:1 a406:3:1 a407:3:1 a408:3:1 a409:3:1 a40a:3:1 a40c:3:1
a420:2:33 a432:5:4 a433:2:6 a434:2:20 a460:3:1"""
_GPS = """0:1:4 1:2:2 2:5:3 3:2:2 4:5:3 5:1:1 6:5:1 7:5:3 c:2:2 d:5:1 10:2:2 11:5:1 12:2:7 17:2:2
18:5:1 1b:7:15 1d:2:11 1f:5:1"""
_IFD1 = "100:4:1 101:4:1 103:3:1 112:3:1 11a:5:1 11b:5:1 128:3:1 201:4:1 202:4:1 213:3:1"

_XMP = (
    b"http://ns.adobe.com/xap/1.0/\0<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?>"
    b'\n<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.6-c140 79.160451, 2017/05/06-'
    b'01:08:21        ">\n <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    b'  <rdf:Description rdf:about=""\n    xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n    xmlns:dc='
    b'"http://purl.org/dc/elements/1.1/"\n    xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"\n    '
    b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"\n    xmlns:xmpMM="http://ns.adobe.com/'
    b'xap/1.0/mm/"\n    xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"\n    '
    b'xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#"\n    xmlns:crs="http://ns.adobe'
    b'.com/camera-raw-settings/1.0/"\n    xmlns:exif="http://ns.adobe.com/exif/1.0/"\n    '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"\n   xmp:CreateDate="2020-01-01T12:00:00"\n   '
    b'xmp:ModifyDate="2020-01-01T12:00:00+01:00"\n   xmp:MetadataDate="2020-01-01T12:00:00+01:00"'
    b'\n   xmp:CreatorTool="Adobe Photoshop Lightroom Classic"\n   xmp:Rating="0"\n   dc:format='
    b'"image/jpeg"\n   photoshop:ColorMode="3"\n   photoshop:ICCProfile="sRGB IEC61966-2.1"\n   '
    b'xmpMM:DocumentID="xmp.did:"\n   xmpMM:OriginalDocumentID="xmp.did:"\n   xmpMM:InstanceID='
    b'"xmp.iid:">\n   <xmpMM:History>\n    <rdf:Seq>\n     <rdf:li\n      stEvt:action="saved"\n  '
    b'    stEvt:instanceID="xmp.iid:"\n      stEvt:when="2020-01-01T12:00:00+01:00"\n      stEvt:'
    b'softwareAgent="Adobe Photoshop CC (Windows)"\n      stEvt:changed="/"/>\n    </rdf:Seq>\n   '
    b"</xmpMM:History>\n   <dc:creator>\n    <rdf:Seq>\n     <rdf:li></rdf:li>\n    </rdf:Seq>\n   "
    b'</dc:creator>\n   <dc:rights>\n    <rdf:Alt>\n     <rdf:li xml:lang="x-default"></rdf:li>\n'
    b"    </rdf:Alt>\n   </dc:rights>\n   <dc:subject>\n    <rdf:Bag>\n     <rdf:li></rdf:li>\n    "
    b"</rdf:Bag>\n   </dc:subject>\n  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n"
    b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" hdrgm:GainMapMin="0" '
    b'hdrgm:GainMapMax="2" hdrgm:Gamma="1" hdrgm:OffsetSDR="0.015625" hdrgm:OffsetHDR="0.015625" '
    b'hdrgm:HDRCapacityMin="0" hdrgm:HDRCapacityMax="2" hdrgm:BaseRenditionIsHDR="False"/>'
    b'xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/'
    b'photos/1.0/container/item/" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" GCamera:'
    b'MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:MotionPhotoPresentationTimestampUs="'
    b'<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic='
    b'"Primary" Item:Mime="image/jpeg" Item:Length="0" Item:Padding="0"/></rdf:li><Container:Item '
    b'Item:Semantic="GainMap" Item:Mime="image/jpeg"/></rdf:Seq></Container:Directory>'
    + (b" " * 100 + b"\n") * 3
    + b"<?xpacket end='w'?>"
)
_PHOTOSHOP = b"Photoshop 3.0\0" + b"".join(
    b"8BIM" + struct.pack(">HHI", kind, 0, len(body)) + body
    for kind, body in (
        (
            0x404,
            b"\x1c\x01\x5a\0\x03\x1b\x25\x47\x1c\x02\0\0\x02\0\x02\x1c\x02\x05\0\0\x1c\x02\x50\0"
            b"\x1c\x02\x19\0\x1c\x02\x37\0\x0820200101\x1c\x02\x3c\0\x06120000\x1c\x02\x74\0",
        ),
        (0x425, bytes(16)),
        (0x3ED, b"\0\x48\0\0\0\1\0\1\0\x48\0\0\0\1\0\1"),
        (0x426, bytes(14)),
        (0x40D, b"\0\0\0\x78"),
        (0x419, b"\0\0\0\x1e"),
        (0x3F3, bytes(8)),
        (0x40A, b"\1"),
        (0x2710, b"\0\1\0\0\0\0\0\0\0\2"),
        (0x3F5, b"\0\x48\0\x2f\x66\x66\0\1\0\x6c\x66\x66\0\6\0\0"),
        (0x3F8, b"\0\0" + (b"\xff" * 22 + b"\3\xe8\0\0\0\0") * 4),
        (0x408, b"\0\0\0\1\0\0\2\x40"),
        (0x41E, bytes(4)),
        (0x41A, b"\0\0\3\x3f\0\0\0\6"),
        (0x414, b"\0\0\0\1"),
        (0x406, b"\0\7"),
        (0x40C, b"\0\0\0\1\0\0\0\xa0\0\0\0\x78\0\0\1\xe0\0\0\xe1\0\0\0\x0f\x46\0\x18\0\1"),
    )
)


def _ifd(order: str, entries: str) -> bytes:
    rows = [
        (*tuple(int(v, 16) for v in row.split(":")[:2]), int(row.split(":")[2]))
        for row in entries.split()
    ]
    offset, out = 300, struct.pack(order + "H", len(rows))
    for tag, kind, count in rows:
        size = count * {2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8}.get(kind, 1)
        value = struct.pack(order + "HH", 1, 0) if kind == 3 else struct.pack(order + "I", 1)
        if size > 4:
            value = struct.pack(order + "I", offset)
            offset += size
        out += struct.pack(order + "HHI", tag, kind, count) + value
    return out + bytes(4)


def _tables(quality: int) -> bytes:
    """DQT as libjpeg writes it at a quality."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    chroma = np.full((8, 8), 99)
    chroma[:4, :4] = np.reshape([int(v) for v in _CHROMA.split()], (4, 4))
    out = b""
    for i, table in enumerate(([int(v) for v in _LUMA.split()], chroma.ravel())):
        steps = np.clip((np.array(table) * scale + 50) // 100, 1, 255)[ZIGZAG]
        out += b"\xff\xdb\0\x43" + bytes([i]) + bytes(steps.astype(np.uint8))
    return out


def _huffman() -> bytes:
    specs = [(i | c << 4, t) for i in (0, 1) for c, t in ((0, STANDARD_DC[i]), (1, STANDARD_AC[i]))]
    bodies = [bytes([slot]) + t.counts + t.symbols for slot, t in specs]
    joined = b"\xff\xc4\1\xa2" + b"".join(bodies)
    return joined + b"".join(b"\xff\xc4" + struct.pack(">H", len(b) + 2) + b for b in bodies)


def written() -> bytes:
    """What standards and encoders define."""
    out = _MAKERS.replace("\n", "").replace("|", "\0").encode()
    out += _XMP + _PHOTOSHOP
    out += (
        b"MPF\0MM\0*\0\0\0\x08\0\3\xb0\0\0\7\0\0\0\4" + b"0100\xb0\1\0\4\0\0\0\1\0\0\0\2\xb0\2\0\7"
    )
    for order, start in ((">", b"MM\0*\0\0\0\x08"), ("<", b"II*\0\x08\0\0\0")):
        out += _ifd(order, _IFD1) + _ifd(order, _GPS) + _ifd(order, _EXIF)
        out += b"Exif\0\0" + start + _ifd(order, _IFD0)
    out += b"".join(_tables(q) for q in (30, 50, 60, 70, 80, 82, 85, 87, 88, 90, 91, 92, 93, 94))
    out += b"".join(_tables(q) for q in (96, 97, 98, 99, 100, 95, 75))
    out += _huffman()
    progressive = b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\0\1\xff\xda\0\x08\1\1\0\1\5\2"
    progressive += (
        b"\xff\xda\0\x08\1\3\1\1\x3f\1\xff\xda\0\x08\1\2\1\1\x3f\1\xff\xda\0\x08\1\1\0\6\x3f"
    )
    progressive += b"\2\xff\xda\0\x08\1\1\0\1\x3f\x21\xff\xda\0\x0c\3\1\0\2\0\3\0\0\0\x10"
    out += progressive + b"\xff\xfe\0\x0cCREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n"
    out += b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\1\xff\xdd\0\4\0\0\xff\xc2\0\x11\x08"
    for sampling in (0x11, 0x21, 0x22):
        out += b"\xff\xc0\0\x11\x08\4\0\6\0\3\1" + bytes([sampling]) + b"\0\2\x11\1\3\x11\1"
    out += b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0\xff\xd9"
    return out + b"\xff\xd8\xff\xe1\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0\x43\0"


def _sources(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Headers, and the source that each comes from: names that differ by numbers are one."""
    for path in sorted(folder.iterdir()):
        _, recipe = taken_apart(path.read_bytes(), CancelToken())
        for part in recipe.parts:
            if part.scans:
                yield re.sub(r"[\d_ .]+", "", path.stem)[:18], part.kept[:70_000]


def common(folder: Path, known: bytes, max_bytes: int) -> bytes:
    """Strings of several sources that ``known`` does not hold, the best last."""
    files = list(_sources(folder))
    sources: defaultdict[bytes, set[str]] = defaultdict(set)
    for source, kept in files:
        for i in range(len(kept) - _GRAM + 1):
            sources[kept[i : i + _GRAM]].add(source)
    covered = {known[i : i + _GRAM] for i in range(len(known))}
    covered |= {bytes([b]) * _GRAM for b in range(256)}
    worth = {g: len(s) for g, s in sources.items() if len(s) >= MIN_SOURCES and g not in covered}
    strings: dict[bytes, int] = {}
    for _, kept in files:
        start = None
        for i in range(len(kept) - _GRAM + 2):
            good = worth.get(kept[i : i + _GRAM], 0)
            if good and start is None:
                start = i
            elif not good and start is not None:
                string = kept[start : i + _GRAM - 1]
                strings[string] = sum(worth[string[j : j + _GRAM]] for j in range(i - start))
                start = None
    chosen: list[bytes] = []
    n_bytes = 0
    for string in sorted(strings, key=lambda s: (-strings[s] / len(s), s)):
        grams = [string[j : j + _GRAM] for j in range(len(string) - _GRAM + 1)]
        new = [j for j, gram in enumerate(grams) if gram not in covered]
        if not new:
            continue
        piece = string[new[0] : new[-1] + _GRAM]
        if n_bytes + len(piece) > max_bytes:
            continue
        chosen.append(piece)
        n_bytes += len(piece)
        covered |= set(grams)
    return b"".join(reversed(chosen))


def main() -> None:
    """Runs the command."""
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    own = written()
    dictionary = common(folder, own, MAX_BYTES - len(own)) + own
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(dictionary)
    print(f"{len(dictionary)} bytes, of which {len(own)} are written by hand")


if __name__ == "__main__":
    main()
