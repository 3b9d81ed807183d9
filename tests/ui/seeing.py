"""What eyes and terminals make of a colour: contrast, distance, colour blindness, 256 and 16 colours.

Contrast after WCAG 2.2, distance after CIEDE2000 (Sharma, Wu and Dalal 2005), colour blindness after Machado, Oliveira
and Fernandes 2009 at full severity.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from rich.color import Color, ColorSystem
from rich.color_triplet import ColorTriplet

RGB = tuple[float, float, float]
"""Red, green, blue from 0 to 1, as a monitor takes them."""
Eye = Callable[[str], str]
"""`#rrggbb` -> what is seen of it."""
MATRICES = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip


def rgb(colour: str) -> RGB:
    """`#rrggbb` as numbers."""
    return int(colour[1:3], 16) / 255, int(colour[3:5], 16) / 255, int(colour[5:7], 16) / 255


def hexed(values: RGB) -> str:
    """Numbers as `#rrggbb`, cut to what a monitor can show."""
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, value))):02x}" for value in values)


def linear(value: float) -> float:
    """The light that a monitor gives."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def encoded(value: float) -> float:
    """The number that gives so much light."""
    value = min(1.0, max(0.0, value))
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def luminance(colour: str) -> float:
    """Relative luminance, from 0 to 1."""
    red, green, blue = map(linear, rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    """From 1 to 21."""
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str) -> tuple[float, float, float]:
    """CIELAB under D65."""
    red, green, blue = map(linear, rgb(colour))
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    fx, fy, fz = (v ** (1 / 3) if v > 216 / 24389 else (24389 / 27 * v + 16) / 116 for v in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(one: str, two: str) -> float:
    """CIEDE2000: about 1 is just seen side by side."""
    return distance_of(lab(one), lab(two))


def distance_of(one: tuple[float, float, float], two: tuple[float, float, float]) -> float:
    """The same of two colours in CIELAB."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = math.degrees(math.atan2(b1, a1)) % 360, math.degrees(math.atan2(b2, a2)) % 360
    turn = 0.0 if not c1 * c2 else (h2 - h1 + 180) % 360 - 180
    dl, dc, dh = l2 - l1, c2 - c1, 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    ml, mc = (l1 + l2) / 2, (c1 + c2) / 2
    if not c1 * c2:
        mh = h1 + h2
    elif abs(h1 - h2) <= 180:
        mh = (h1 + h2) / 2
    else:
        mh = (h1 + h2 + 360) / 2 if h1 + h2 < 360 else (h1 + h2 - 360) / 2
    t = (
        1 - 0.17 * math.cos(math.radians(mh - 30)) + 0.24 * math.cos(math.radians(2 * mh))
        + 0.32 * math.cos(math.radians(3 * mh + 6)) - 0.20 * math.cos(math.radians(4 * mh - 63))
    )  # fmt: skip
    sl = 1 + 0.015 * (ml - 50) ** 2 / math.sqrt(20 + (ml - 50) ** 2)
    sc, sh = 1 + 0.045 * mc, 1 + 0.015 * mc * t
    twist = math.sin(math.radians(60 * math.exp(-(((mh - 275) / 25) ** 2))))
    rt = -2 * math.sqrt(mc**7 / (mc**7 + 25**7)) * twist
    return math.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rt * (dc / sc) * (dh / sh))


def blind(kind: str) -> Eye:
    """Eyes that lack one kind of cone."""
    rows = MATRICES[kind]

    def seen(colour: str) -> str:
        light = [linear(value) for value in rgb(colour)]
        red, green, blue = (encoded(sum(m * v for m, v in zip(row, light, strict=True))) for row in rows)
        return hexed((red, green, blue))

    return seen


def reduced(system: ColorSystem) -> Eye:
    """A terminal of fewer colours, with the palette that Rich takes for it."""

    def seen(colour: str) -> str:
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        return Color.from_triplet(ColorTriplet(red, green, blue)).downgrade(system).get_truecolor().hex

    return seen


EYES: dict[str, Eye] = {
    "as it is": lambda colour: colour,
    **{kind: blind(kind) for kind in MATRICES},
    "256 colours": reduced(ColorSystem.EIGHT_BIT),
    "16 colours": reduced(ColorSystem.STANDARD),
}
