"""The pack for people's tools, written to `bi/`: the star schema, and the projects that open on it.

A publish run brings the Parquet files up to date, and the projects where this version makes them otherwise than they
were made. CSV files and the extract for Tableau, of which few need every day's, are written by the command alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spotify_assets.bi.csv_files import write_csv_files
from spotify_assets.bi.labels import MODEL
from spotify_assets.bi.powerbi.project import project_files
from spotify_assets.bi.powerbi.semantic_model import ATHENA, FOLDER, Source
from spotify_assets.bi.star_tables import make_star
from spotify_assets.bi.tableau.data_sources import EXTRACT, athena_files
from spotify_assets.bi.tableau.extract import write_extract
from spotify_assets.bi.tableau.workbook import WORKBOOK, pack, workbook_text
from spotify_assets.catalog.glue_crawl import open_client
from spotify_assets.catalog.glue_tables import register_table
from spotify_assets.schemas.star import STAR
from spotify_assets.settings import Settings
from spotify_assets.storage.layout import BI_TEXTS_KEY, STAR_PREFIX, powerbi_key, star_key, star_prefix, tableau_key
from spotify_assets.storage.object_store import LocalObjectStore, ObjectStore, read_if_present, write_all
from spotify_assets.storage.records import decode_record, encode_record
from spotify_assets.storage.written import record_written

DSN = "Spotify charts"
"""What the ODBC data source of Athena is to be called, until the project's parameter says otherwise."""
DOWNLOADED = r"C:\spotify_charts\star"
"""Where the Parquet files of a bucket are taken to be, until the project's parameter says otherwise."""
PACKED = f"{MODEL}.twbx"


def update_pack(settings: Settings, store: ObjectStore) -> dict[str, int]:
    """What a publish run does: write the star schema, register it in Glue where there is one, and renew the projects.

    Returns:
        The bytes of each table's Parquet file.

    Raises:
        CatalogError: Glue refuses.
        EngineError: DuckDB has too little memory or space.
        SchemaViolation: two natural keys have one surrogate key.
        StorageError: nothing is released yet, a file is damaged, or the lake cannot be read or written.
    """
    with make_star(settings, store) as star:
        _write_star(star, store)
        sizes = {name: path.stat().st_size for name, path in star.items()}
    if settings.glue_crawler:
        _register(settings, store)
    _write_texts(pack_texts(settings, store, athena=settings.glue_crawler is not None), store)
    return sizes


def write_pack(settings: Settings, store: ObjectStore, target: ObjectStore, *, athena: bool, hyper: bool) -> list[str]:
    """Write the whole pack.

    Args:
        settings: the lake's.
        store: the lake.
        target: where to; the lake itself, or a folder.
        athena: whether the projects read Athena and not the Parquet files.
        hyper: whether the extract for Tableau is written, and the workbook packed with it.

    Returns:
        The keys, those of projects' parts left out.

    Raises:
        SettingsError: the extract is asked for, and pantab is not installed.
        Refusal: as `update_pack`.
    """
    with make_star(settings, store) as star:
        written = _write_star(star, target)
        written += write_csv_files(star, target, settings.memory_limit)
        if hyper:
            written += _write_extract(star, target)
    if settings.glue_crawler and target is store:
        _register(settings, store)
    texts = pack_texts(settings, target, athena=athena)
    write_all(target, texts)
    _record(texts, target)
    opened = (".pbip", ".pbids", ".twb", ".tds")
    return written + [key for key in texts if key.endswith(opened)]


def pack_texts(settings: Settings, target: ObjectStore, *, athena: bool) -> dict[str, bytes]:
    """The projects' files by their keys."""
    folder = _folder(target)
    source = Source(ATHENA if athena else FOLDER, folder, DSN, settings.glue_database)
    texts = {powerbi_key(path): text for path, text in project_files(source).items()}
    texts[tableau_key(WORKBOOK)] = workbook_text()
    if athena:
        files = athena_files(_region(), settings.glue_database)
        texts |= {tableau_key(name): text for name, text in files.items()}
    return {key: text.encode() for key, text in texts.items()}


def _folder(target: ObjectStore) -> str:
    """The folder of the Parquet files as this machine calls it; a bucket has none."""
    return str(Path(target.uri(star_prefix())).absolute()) if isinstance(target, LocalObjectStore) else DOWNLOADED


def _region() -> str:
    """AWS's region, of its own variables and files; Tableau lets people correct it."""
    import boto3

    return boto3.session.Session().region_name or "us-east-1"


def _write_star(star: Mapping[str, Path], target: ObjectStore) -> list[str]:
    digests = {}
    for name, path in star.items():
        with path.open("rb") as file:
            digests[star_key(name)] = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            target.write(star_key(name), file)
    record_written(target, STAR_PREFIX, digests)
    return list(digests)


def _write_extract(star: Mapping[str, Path], target: ObjectStore) -> list[str]:
    """The extract, and the packed workbook."""
    folder = next(iter(star.values())).parent
    extract, packed = folder / "extract.hyper", folder / PACKED
    write_extract(star, extract)
    with packed.open("wb") as file:
        pack(extract, file)
    for path, key in ((extract, tableau_key(EXTRACT)), (packed, tableau_key(PACKED))):
        with path.open("rb") as file:
            target.write(key, file)
    return [tableau_key(EXTRACT), tableau_key(PACKED)]


def _register(settings: Settings, store: ObjectStore) -> None:
    with open_client() as glue:
        for name, table in STAR.items():
            register_table(glue, settings.glue_database, name, table, store.uri(star_prefix(name)), parameters={})


def _write_texts(texts: Mapping[str, bytes], store: ObjectStore) -> None:
    """Write the projects where they are others than those that were written last; what people changed stays."""
    recorded = _recorded(store)
    if recorded == _as_recorded(texts):
        return
    for key in set(recorded["keys"]) - texts.keys():
        store.delete(key)
    write_all(store, texts)
    _record(texts, store)


def _recorded(store: ObjectStore) -> dict[str, Any]:
    """What was written last. A damaged record counts as none: all is written again."""
    data = read_if_present(store, BI_TEXTS_KEY)
    try:
        recorded = decode_record(data or b"")
        return {"digest": str(recorded["digest"]), "keys": [str(key) for key in recorded["keys"]]}
    except (KeyError, TypeError, ValueError):
        return {"digest": "", "keys": []}


def _record(texts: Mapping[str, bytes], store: ObjectStore) -> None:
    """Record what was written. Comes last: whatever was not written whole is written again."""
    store.write(BI_TEXTS_KEY, encode_record(_as_recorded(texts)))


def _as_recorded(texts: Mapping[str, bytes]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for key in sorted(texts):
        digest.update(key.encode() + b"\0" + texts[key] + b"\0")
    return {"digest": digest.hexdigest(), "keys": sorted(texts)}
