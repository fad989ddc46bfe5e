"""Names of the demo: artists, titles, labels and genres, all made of word lists so that they belong to nobody.

What is released when, and by whom, is in `demo_chart`.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import product

ARTIST_COUNT = 150
JAPANESE_ARTIST_COUNT = 90

VARIOUS_ARTISTS = "ヴァリアス・アーティスト（デモ）"
LABELS = (
    "架空レコード",
    "Placeholder Music",
    "デモ盤工房",
    "Imaginary Recordings",
    "見本レーベル",
    "Unheard Sound, Ltd.",
)
GENRES = ("j-pop", "j-rock", "anime", "city pop", "vocaloid", "j-rap", "japanese indie", "k-pop", "shibuya-kei", "pop")
LOCAL_FILES = (
    ("百葉箱測量部", "自主制作 デモ音源", "湯気の設計図（自宅録音）"),
    ("Gravel Thermostats", "Kitchen Tapes", "Rehearsal, Take 3"),
    ("錆びた製氷機", "物置のテープ", "名もない“間奏”"),
)
"""Artist, album and title of files on somebody's own disk."""

# fmt: off
_JAPANESE_ARTISTS = (
    ("逆さま", "群青", "真昼の", "回転する", "錆びた", "片道", "無重力", "三丁目", "静電気", "半透明", "雨天", "硝子",
     "砂糖漬けの", "カスタード"),
    ("灯台守", "郵便船", "温度計", "図書係", "電話帳", "方位磁針", "製氷機", "洗濯機", "信号手", "百葉箱。", "気球隊",
     "測量部", "タービン", "サボテン会"),
)
_LATIN_ARTISTS = (
    ("Velvet", "Copper", "Sideways", "Borrowed", "Gravel", "Half-Lit", "Tangerine", "Northbound", "Plywood", "Señor",
     "Dr.", "MC"),
    ("Barometer Union", "Ferry Club", "Umbrella Tax", "Almanac Society", "Turnstile Choir", "Thermostats",
     "Aqueduct Nine", "Calculator & Sons", "Stepladder", "Łódka", "Doorbell, Inc."),
)
_JAPANESE_WORDS = (
    ("湯気", "踏切", "紙飛行機", "月曜日", "水平線", "階段", "麦茶", "蛍光灯", "切符", "夕立", "鉛筆", "三日月",
     "渡り鳥", "ポケット", "自転車", "炭酸", "冬眠", "屋上"),
    ("設計図", "言い訳", "行き先", "忘れ物", "数え方", "温度", "裏側", "約束ごっこ", "方程式", "ラジオ体操", "抜け道",
     "予報", "重さ", "続き", "標本", "合図", "返事", "スキップ"),
)
_LATIN_WORDS = (
    ("Borrowed", "Paper", "Tuesday", "Elevator", "Lemonade", "Crosswalk", "Laundry", "Rooftop", "Pocket", "Satellite",
     "Winter", "Vending Machine", "Bicycle", "Neon", "Umbrella", "Midnight Bus"),
    ("Arithmetic", "Goodbyes", "Weather", "Instructions", "Detour", "Alibi", "Souvenir", "Lullaby", "Homework",
     "Compass", "Refund", "Static", "Postscript", "Cartography", "Apology", "Overtime"),
)
# fmt: on
# Titles that have broken a table before: commas, quotes of both kinds, apostrophes, slashes, emoji.
_JAPANESE_TITLES = (
    *(
        "{0}の{1}",
        "{0}の{1}",
        "{0}の{1}",
        "{0}と{1}",
        "{1}、{0}より",
        "{0}{1}",
        "{1}は{0}",
        "「{0}」の{1}",
        "{0}ノ{1}!?",
    ),
    *("{0}／{1}", "{0}の{1}🌙", "{1}, {0} - Live"),
)
_LATIN_TITLES = (
    *("{0} {1}", "{0} {1}", "{0} {1}", "{0} {1}", "{1} for {0}", "Don't Call It {1}", '"{0}" {1}', "{0}, {0}, {1}"),
    *("{0}'s {1}", "{1} / {0}", "{0} {1} 🎈", "{1} (It’s {0})"),
)


@lru_cache(maxsize=1)
def artist_names() -> tuple[str, ...]:
    """The names of all artists, by their number; all different, Japanese and Latin mixed."""
    japanese = sorted(map("".join, product(*_JAPANESE_ARTISTS)), key=_shuffled)[:JAPANESE_ARTIST_COUNT]
    latin = sorted(map(" ".join, product(*_LATIN_ARTISTS)), key=_shuffled)[: ARTIST_COUNT - JAPANESE_ARTIST_COUNT]
    return tuple(sorted(japanese + latin, key=_shuffled))


def title(pattern: float, first: float, second: float, *, japanese: bool) -> str:
    """A song's or an album's title from three numbers in [0, 1)."""
    patterns = _JAPANESE_TITLES if japanese else _LATIN_TITLES
    firsts, seconds = _JAPANESE_WORDS if japanese else _LATIN_WORDS
    return pick(patterns, pattern).format(pick(firsts, first), pick(seconds, second))


def pick(choices: tuple[str, ...], draw: float) -> str:
    """One of the choices by a number in [0, 1)."""
    return choices[int(len(choices) * draw)]


def _shuffled(name: str) -> bytes:
    return hashlib.blake2b(name.encode()).digest()
