"""The countries of Spotify's charts: how files name them, and their two letters.

A table of its own: the charts have some seventy countries, and a library of all countries (pycountry, 7 MB) names
several of them otherwise than these files do (Russia, Turkey).
"""

from __future__ import annotations

import re
from functools import lru_cache

CODE = re.compile("[a-z]{2}")
NAMES = """
ae United Arab Emirates, ar Argentina, at Austria, au Australia, be Belgium, bg Bulgaria, bo Bolivia, br Brazil,
by Belarus, ca Canada, ch Switzerland, cl Chile, co Colombia, cr Costa Rica, cy Cyprus, cz Czech Republic, cz Czechia,
de Germany, dk Denmark, do Dominican Republic, ec Ecuador, ee Estonia, eg Egypt, es Spain, fi Finland, fr France,
gb United Kingdom, gb Great Britain, gb UK, global Worldwide, gr Greece, gt Guatemala, hk Hong Kong, hn Honduras,
hu Hungary, id Indonesia, ie Ireland, il Israel, in India, is Iceland, it Italy, jp Japan, kr South Korea,
kr Korea, kz Kazakhstan, lt Lithuania, lu Luxembourg, lv Latvia, ma Morocco, mt Malta, mx Mexico, my Malaysia,
ng Nigeria, ni Nicaragua, nl Netherlands, no Norway, nz New Zealand, pa Panama, pe Peru, ph Philippines, pk Pakistan,
pl Poland, pt Portugal, py Paraguay, ro Romania, ru Russia, sa Saudi Arabia, se Sweden, sg Singapore, sk Slovakia,
sv El Salvador, th Thailand, tr Turkey, tr Türkiye, tw Taiwan, ua Ukraine, us United States, us USA, uy Uruguay,
ve Venezuela, vn Vietnam, vn Viet Nam, za South Africa, ad Andorra, mc Monaco, li Liechtenstein
"""
CODES = {name.casefold(): code for code, name in (entry.split(" ", 1) for entry in " ".join(NAMES.split()).split(", "))}


@lru_cache(maxsize=1024)
def country_code(cell: str) -> str | None:
    """The two letters of a country that a cell names, or `global`; None where it names none."""
    said = " ".join(cell.split()).casefold()
    if said in CODES:
        return CODES[said]
    return said if said == "global" or CODE.fullmatch(said) else None
