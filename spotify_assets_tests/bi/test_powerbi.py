"""The Power BI Project: valid against Microsoft's schemas, read by a parser of TMDL, and naming only what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from spotify_assets.bi.labels import column_label, labelled, table_label
from spotify_assets.bi.powerbi.measures import MEASURES
from spotify_assets.bi.powerbi.project import project_files
from spotify_assets.bi.powerbi.report_pages import HEIGHT, PAGES, WIDTH
from spotify_assets.bi.powerbi.semantic_model import ATHENA, FOLDER, HIERARCHIES, Source, m_text
from spotify_assets.schemas.star import DIM_DATE, FACTS, STAR, joins
from spotify_assets_tests.helpers.vendors import REFERENCE, requires_vendor_schemas

pytestmark = pytest.mark.slow

SOURCE = Source(FOLDER, r"C:\Lakes\Charts #(1)\bi\star", "Athena DSN", "spotify_assets")
FILES = project_files(SOURCE)
MODEL = "spotify_charts.SemanticModel/definition"
REPORT = "spotify_charts.Report/definition"
COLUMNS = {label: {column_label(name) for name in table.column_names} for label, table in labelled().items()}
SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/"
JSON_FILES = sorted(path for path in FILES if not path.endswith((".tmdl", ".pbids")))


@pytest.fixture(scope="module")
def schemas():
    folder = REFERENCE / "powerbi/fabric"
    found = [
        (SCHEMAS + path.relative_to(folder).as_posix(), json.loads(path.read_text(encoding="utf-8")))
        for path in folder.rglob("*.json")
    ]
    return Registry().with_resources((address, Resource.from_contents(content)) for address, content in found)


def problems(schemas, content):
    validator = Draft7Validator({"$ref": content["$schema"]}, registry=schemas)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]


@requires_vendor_schemas
@pytest.mark.parametrize("path", JSON_FILES)
def test_files_are_valid(schemas, path):
    assert problems(schemas, json.loads(FILES[path])) == []


@requires_vendor_schemas
def test_a_file_that_is_not_valid_is_found(schemas):
    """The schemas are read down to what visuals ask."""
    visual = json.loads(FILES[f"{REPORT}/pages/songs/visuals/runs/visual.json"])
    del visual["visual"]["query"]["queryState"]["Y"]["projections"][0]["queryRef"]
    visual["filterConfig"]["filters"][0]["filter"]["From"][0]["Entiti"] = "Song"
    assert len(problems(schemas, visual)) == 2


def test_files_lead_to_each_other():
    assert json.loads(FILES["spotify_charts.pbip"])["artifacts"] == [{"report": {"path": "spotify_charts.Report"}}]
    reference = json.loads(FILES["spotify_charts.Report/definition.pbir"])["datasetReference"]["byPath"]["path"]
    assert reference == "../spotify_charts.SemanticModel"
    pages = json.loads(FILES[f"{REPORT}/pages/pages.json"])["pageOrder"]
    assert pages == ["today", "songs", "artists", "chart_health"]
    assert {f"{REPORT}/pages/{page}/page.json" for page in pages} <= FILES.keys()


def nodes(value):
    """Every object of a JSON document."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


def named_fields(content):
    """Table, name and kind of each field that a page or visual names; sources of queries are led back to tables."""
    sources = {node["Name"]: node["Entity"] for node in nodes(content) if "Entity" in node and "Name" in node}
    for node in nodes(content):
        for kind in ("Column", "Measure"):
            if kind in node:
                reference = node[kind]["Expression"]["SourceRef"]
                yield kind, reference.get("Entity") or sources[reference["Source"]], node[kind]["Property"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_columns_and_measures_that_there_are(page):
    measures = {(measure.table, measure.name) for measure in MEASURES}
    paths = [path for path in FILES if path.startswith(f"{REPORT}/pages/{page.name}/")]
    found = [field for path in paths for field in named_fields(json.loads(FILES[path]))]
    assert len(found) > 2 * len(page.visuals)
    for kind, table, name in found:
        assert (table, name) in measures if kind == "Measure" else name in COLUMNS[table], (kind, table, name)


def test_today_shows_the_newest_edition_alone():
    (shown,) = json.loads(FILES[f"{REPORT}/pages/today/page.json"])["filterConfig"]["filters"]
    assert list(named_fields(shown["field"])) == [("Column", "Chart entries", "Is newest edition")]
    assert shown["filter"]["Where"][0]["Condition"]["In"]["Values"] == [[{"Literal": {"Value": "true"}}]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_visuals_are_on_their_page_beside_each_other_and_described(page):
    for visual in page.visuals:
        place = visual.place
        assert 0 <= place.x < place.x + place.width <= WIDTH
        assert 0 <= place.y < place.y + place.height <= HEIGHT
        assert visual.title
        assert visual.description
        for other in page.visuals:
            assert other is visual or not overlap(place, other.place), (visual.name, other.name)
    assert len({visual.name for visual in page.visuals}) == len(page.visuals)


def overlap(one, other):
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_of_several_tables_have_a_measure_that_no_row_lacks(page):
    """Else Power BI would set every value of one beside every value of the other, or leave out rows."""
    never_blank = {"Total points", "Song-editions", "Credited song-editions", "Completeness"}
    for visual in page.visuals:
        shown = [field for fields in visual.roles.values() for field in fields]
        if visual.kind == "tableEx" and len({field.table for field in shown}) > 1:
            assert never_blank & {field.name for field in shown if field.is_measure}, visual.name


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_measures_name_columns_and_measures_that_there_are(measure):
    for table, column in re.findall(r"'([^']+)'\[([^\]]+)\]", measure.dax):
        assert column in COLUMNS[table]
    for table in re.findall(r"'([^']+)'", measure.dax):
        assert table in COLUMNS
    names = {other.name for other in MEASURES}
    for name in re.findall(r"(?<!')\[([^\]]+)\]", measure.dax):
        assert name in names
    assert measure.dax.count("(") == measure.dax.count(")")
    assert measure.description
    assert measure.format


def test_no_two_fields_of_a_table_and_no_two_measures_have_one_name():
    """Power BI does not tell capitals from small letters."""
    names = [measure.name.lower() for measure in MEASURES]
    assert len(set(names)) == len(names)
    for table, columns in COLUMNS.items():
        own = {measure.name.lower() for measure in MEASURES if measure.table == table}
        assert own.isdisjoint({column.lower() for column in columns})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The model as somebody else's parser of TMDL reads it."""
    parser = pytest.importorskip("pbi_extractor.pbip_extractor")
    folder = tmp_path_factory.mktemp("project")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return parser.parse_pbip_model(str(folder))["model"]


def test_the_model_that_is_read_has_the_columns_and_measures(model):
    types = {"string": "string", "int32": "int64", "int64": "int64", "float64": "double", "bool": "boolean"}
    read = {table["name"]: table for table in model["tables"]}
    assert read.keys() == labelled().keys()
    for label, table in labelled().items():
        assert [(column["name"], column["sourceColumn"], column["dataType"]) for column in read[label]["columns"]] == [
            (column_label(column.name), column.name, types.get(column.type, "dateTime")) for column in table.columns
        ]
        assert [(one["name"], one["expression"], one["formatString"]) for one in read[label].get("measures", [])] == [
            (measure.name, measure.dax, measure.format) for measure in MEASURES if measure.table == label
        ]


def test_the_model_that_is_read_has_the_joins_of_the_star(model):
    read = {(one["fromTable"], one["fromColumn"], one["toTable"], one["toColumn"]) for one in model["relationships"]}
    assert read == {
        (
            table_label(join.fact),
            column_label(join.column),
            table_label(join.dimension),
            column_label(join.dimension.key[0]),
        )
        for fact in FACTS.values()
        for join in joins(fact)
    }


def test_every_table_asks_for_its_own_columns():
    for table in STAR.values():
        text = FILES[f"{MODEL}/tables/{table_label(table)}.tmdl"]
        assert f'Source = StarTable("{table.name}")' in text
        (selected,) = re.findall(r"Table\.SelectColumns\(Source, \{(.*?)\}\)", text)
        assert selected == ", ".join(f'"{name}"' for name in table.column_names)
        assert re.findall(r"(?<=\tsourceColumn: ).*", text) == table.column_names


def test_the_date_table_is_marked_and_hierarchies_have_columns():
    text = FILES[f"{MODEL}/tables/Date.tmdl"]
    assert text.splitlines()[2] == "\tdataCategory: Time"
    assert re.search(r"column 'Calendar date'\n\t\tdataType: dateTime\n\t\tisKey\n", text)
    for table, hierarchies in HIERARCHIES.items():
        for levels in hierarchies.values():
            assert set(levels) <= set(STAR[table].column_names)
    assert HIERARCHIES[DIM_DATE.name]["Calendar"] == ("year", "quarter", "month", "calendar_date")


def test_surrogate_keys_are_hidden():
    for table in STAR.values():
        text = FILES[f"{MODEL}/tables/{table_label(table)}.tmdl"]
        hidden = re.findall(r"column (.*)\n\t\tdataType: .*\n\t\tisHidden\n", text)
        assert hidden == [f"'{column_label(name)}'" for name in table.column_names if name.endswith("_surrogate_key")]


def test_indentation_is_by_tabs():
    for path, text in FILES.items():
        if path.endswith(".tmdl"):
            assert re.findall(r"^ +", text, re.MULTILINE) == [], path


def test_the_source_is_a_parameter():
    """Both ways stand in the project; switching changes one line of it."""
    folder, athena = (
        project_files(Source(kind, "/lakes/star", "charts", "lake"))[f"{MODEL}/expressions.tmdl"].splitlines()
        for kind in (FOLDER, ATHENA)
    )
    changed = [(ours, theirs) for ours, theirs in zip(folder, athena, strict=True) if ours != theirs]
    assert len(changed) == 1
    assert changed[0][0].startswith('expression SourceKind = "Folder" meta [IsParameterQuery=true')
    assert changed[0][1].startswith('expression SourceKind = "Athena" meta [IsParameterQuery=true')
    text = "\n".join(folder)
    assert 'if SourceKind = "Athena" then FromAthena else Parquet.Document(FromFolder)' in text
    for used in ("Folder.Files(StarFolder)", "AmazonAthena.Databases(AthenaDsn, null, [])", "Name = AthenaDatabase"):
        assert used in text


def test_texts_of_power_query_are_escaped():
    assert m_text('a "b" #(lf)') == '"a ""b"" #(#)(lf)"'
    assert 'expression StarFolder = "C:\\Lakes\\Charts #(#)(1)\\bi\\star" meta' in FILES[f"{MODEL}/expressions.tmdl"]


def test_the_pbids_leads_to_the_folder():
    content = json.loads(FILES["spotify_charts.pbids"])
    assert content["version"] == "0.1"
    (connection,) = content["connections"]
    assert connection["details"] == {"protocol": "folder", "address": {"path": SOURCE.folder}}
    assert connection["mode"] == "Import"


def test_names_of_files_fit_into_windows_paths():
    assert max(len(path) for path in FILES) < 120
    assert all(not set('<>:"|?*') & set(path) for path in FILES)
    assert all(Path(path).name.isascii() for path in FILES)
