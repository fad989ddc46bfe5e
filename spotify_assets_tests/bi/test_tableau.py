"""What Tableau opens: valid against its schema, on fields that there are, and an extract with every row."""

from __future__ import annotations

import io
import re
import zipfile
from xml.etree import ElementTree as ET

import duckdb
import pytest

from spotify_assets.bi.star_tables import make_star
from spotify_assets.bi.tableau.data_sources import DATA_SOURCES, EXTRACT, athena_files
from spotify_assets.bi.tableau.extract import write_extract
from spotify_assets.bi.tableau.workbook import DASHBOARDS, WORKBOOK, pack, workbook_text
from spotify_assets.bi.tableau.worksheets import SHEETS
from spotify_assets.errors import SettingsError
from spotify_assets.schemas.star import FACTS, STAR
from spotify_assets_tests.helpers.star_lake import DAYS, StarLake
from spotify_assets_tests.helpers.vendors import REFERENCE, requires_vendor_schemas

pytestmark = pytest.mark.slow

TEXT = workbook_text()
ROOT = ET.fromstring(TEXT)  # noqa: S314 - our own
ATHENA = athena_files("ap-northeast-1", "charts_database")
SCHEMA = "{http://www.w3.org/2001/XMLSchema}"
# Of two namespaces that the schema refers to, Tableau publishes nothing: what it asks of them is this.
OTHERS = {
    "http://www.tableausoftware.com/xml/user": (
        '<xs:attributeGroup name="UserAttributes-AG"><xs:anyAttribute processContents="skip" '
        'namespace="http://www.tableausoftware.com/xml/user"/></xs:attributeGroup>'
    ),
    "http://www.w3.org/XML/1998/namespace": '<xs:attribute name="base" type="xs:anyURI"/>',
}


@pytest.fixture(scope="module")
def schema():
    """Tableau's schema, to which `datasource` is added as a document of its own: a `.tds`."""
    etree = pytest.importorskip("lxml.etree")

    class Others(etree.Resolver):
        def resolve(self, url, _, context):
            if url not in OTHERS:
                return None
            text = f'<xs:schema xmlns:xs="{SCHEMA[1:-1]}" targetNamespace="{url}">{OTHERS[url]}</xs:schema>'
            return self.resolve_string(text, context)

    parser = etree.XMLParser()
    parser.resolvers.add(Others())
    root = etree.parse(REFERENCE / "tableau/twb_2026.2.0.xsd", parser).getroot()
    for imported in root.findall(f"{SCHEMA}import"):
        imported.set("schemaLocation", imported.get("namespace"))
    root.append(etree.Element(f"{SCHEMA}element", name="datasource", type="DataSource-CT"))
    made = etree.XMLSchema(etree.ElementTree(root))

    def problems(text):
        made.validate(etree.fromstring(text.encode()))
        return [f"line {error.line}: {error.message}" for error in made.error_log]

    return problems


@requires_vendor_schemas
def test_the_workbook_is_valid(schema):
    assert schema(TEXT) == []


@requires_vendor_schemas
@pytest.mark.parametrize("name", ATHENA)
def test_data_sources_are_valid(schema, name):
    assert schema(ATHENA[name]) == []


@requires_vendor_schemas
def test_a_workbook_that_is_not_valid_is_found(schema):
    """The schema is read down to marks and filters."""
    for right, wrong in (('mark class="Bar"', 'mark class="Bars"'), ('user:ui-marker="end"', 'marker="end"')):
        assert len(schema(TEXT.replace(right, wrong, 1))) == 1


def test_the_version_is_that_of_the_schema():
    assert (ROOT.get("version"), ROOT.get("original-version")) == ("26.2", "26.2")
    (entry,) = ROOT.find("document-format-change-manifest")
    assert entry.tag == "ManifestByVersion"


def test_identifiers_are_unique_and_the_same_each_time():
    found = [one.get("uuid") for one in ROOT.iter("simple-id")]
    assert len(found) == len(set(found)) == 2 * (len(SHEETS) + len(DASHBOARDS))
    assert workbook_text() == TEXT


def references(text):
    """Data sources and fields that a text refers to."""
    return re.findall(r"\[(federated\.\w+)\]\.\[\w+:(\w+):\w+\]", text)


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_shelves_filters_and_marks_name_fields_that_there_are(sheet):
    (found,) = [one for one in ROOT.find("worksheets") if one.get("name") == sheet.name]
    source = DATA_SOURCES[sheet.fact]
    text = ET.tostring(found, encoding="unicode")
    named = references(text)
    assert len(named) > 3
    assert {name for name, _ in named} == {source.name}
    assert {field for _, field in named} <= source.fields.keys()
    dependencies = found.find("table/view/datasource-dependencies")
    declared = {one.get("name") for one in dependencies.findall("column")}
    instances = {one.get("name"): one.get("column") for one in dependencies.findall("column-instance")}
    assert set(instances.values()) <= declared
    assert set(re.findall(r"\[federated\.\w+\]\.(\[[^\]]+\])", text)) <= instances.keys()
    levels = {one.get("level") for one in found.iter("groupfilter")} - {None}
    assert levels <= instances.keys()
    for expression in [one.get("expression") for one in found.iter("groupfilter") if one.get("expression")]:
        (column,) = re.findall(r"SUM\(\[(\w+)\]\)", expression)
        assert source.fields[column].is_measure


def test_sliced_fields_are_filtered():
    for sheet in ROOT.find("worksheets"):
        view = sheet.find("table/view")
        assert [one.text for one in view.find("slices")] == [one.get("column") for one in view.findall("filter")]


def test_the_four_views_show_their_worksheets():
    assert [one.get("name") for one in ROOT.find("dashboards")] == ["Today", "Songs", "Artists", "Chart health"]
    names = {sheet.name for sheet in SHEETS}
    shown = [zone.get("name") for zone in ROOT.find("dashboards").iter("zone") if zone.get("name")]
    assert set(shown) == names
    windows = {(one.get("class"), one.get("name")) for one in ROOT.find("windows")}
    assert windows == {("worksheet", name) for name in names} | {("dashboard", one.name) for one in DASHBOARDS}
    for dashboard in ROOT.find("dashboards"):
        for zone in dashboard.iter("zone"):
            assert int(zone.get("x")) + int(zone.get("w")) <= 100_000
            assert int(zone.get("y")) + int(zone.get("h")) <= 100_000


def test_columns_are_described():
    for source in ROOT.find("datasources"):
        described = [one for one in source.findall("column") if one.get("datatype") != "table"]
        assert described
        assert all("".join(one.itertext()).strip() for one in described)


def test_today_shows_the_newest_edition_alone():
    for name in ("The newest edition", "What moved"):
        (sheet,) = [one for one in ROOT.find("worksheets") if one.get("name") == name]
        kept = [one for one in sheet.iter("groupfilter") if one.get("function") == "member"]
        assert [(one.get("level"), one.get("member")) for one in kept] == [("[none:is_newest_edition:nk]", "true")]


def test_athena_data_sources_lead_to_the_database():
    for text in ATHENA.values():
        root = ET.fromstring(text)  # noqa: S314 - our own
        connection = root.find("connection/named-connections/named-connection/connection")
        assert connection.get("class") == "athena"
        assert connection.get("server") == "athena.ap-northeast-1.amazonaws.com"
        assert connection.get("dbname") == "AwsDataCatalog"
        assert connection.get("schema") == "charts_database"
        tables = {one.get("table") for one in root.iter("relation") if one.get("type") == "table"}
        assert tables < {f"[charts_database].[{name}]" for name in STAR}


class Extracted:
    """An extract as it is read back, beside the star schema that it was made of."""

    def __init__(self, folder):
        pantab = pytest.importorskip("pantab")
        lake = StarLake(folder, DAYS[:3])
        self.path = folder / "star.hyper"
        self.read = duckdb.connect()
        self.made = duckdb.connect()
        with make_star(lake.settings, lake.store) as star:
            write_extract(star, self.path)
            for name, path in star.items():
                self.made.execute(f"CREATE TABLE {name} AS FROM '{path}'")
        self.read.execute("CREATE SCHEMA public")
        for name in STAR:
            rows = pantab.frame_from_hyper(self.path, table=name, return_type="pyarrow")
            self.read.register("rows", rows)
            self.read.execute(f"CREATE TABLE public.{name} AS FROM rows")


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    return Extracted(tmp_path_factory.mktemp("extract"))


@pytest.mark.parametrize("table", STAR)
def test_the_extract_has_every_row_and_value(extracted, table):
    sql = f"SELECT * FROM {{}}{table} ORDER BY ALL"
    rows = extracted.read.execute(sql.format("public.")).fetchall()
    assert rows == extracted.made.execute(sql.format("")).fetchall()
    assert rows


def joined(relation):
    """A relation of a data source as SQL."""
    if relation.get("type") == "table":
        schema, name = re.findall(r"\[(\w+)\]", relation.get("table"))
        assert name == relation.get("name")
        return f"{schema}.{name} AS {name}"
    left, right = (joined(one) for one in relation.findall("relation"))
    ours, theirs = (one.get("op").replace("[", "").replace("]", "") for one in relation.find("clause/expression"))
    return f"{left} {relation.get('join')} JOIN {right} ON {ours} = {theirs}"


@pytest.mark.parametrize("fact", FACTS)
def test_joins_of_the_workbook_keep_every_row_once_and_give_every_field(extracted, fact):
    """The joins are carried out as the workbook has them."""
    (source,) = [one for one in ROOT.find("datasources") if one.get("name") == f"federated.{fact}"]
    connection = source.find("connection")
    relation = connection.find("relation")
    inside = source.find("object-graph/objects/object/properties/relation")
    assert joined(relation) == joined(inside)
    values = [one.get("value").replace("[", "").replace("]", "") for one in connection.find("cols")]
    rows = extracted.read.execute(f"SELECT {', '.join(values)} FROM {joined(relation)}").fetchall()
    ((expected,),) = extracted.made.execute(f"SELECT count(*) FROM {fact}").fetchall()
    assert len(rows) == expected
    names = [one.get("name")[1:-1] for one in source.findall("column") if one.get("datatype") != "table"]
    assert [one.get("key")[1:-1] for one in connection.find("cols")] == names == list(DATA_SOURCES[fact].fields)


def test_the_packed_workbook_holds_the_workbook_and_its_extract(extracted):
    packed, again = io.BytesIO(), io.BytesIO()
    pack(extracted.path, packed)
    pack(extracted.path, again)
    assert packed.getvalue() == again.getvalue()
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == [WORKBOOK, EXTRACT]
        assert archive.read(WORKBOOK).decode() == TEXT
        assert archive.read(EXTRACT) == extracted.path.read_bytes()
    for connection in ROOT.iter("named-connection"):
        assert connection.find("connection").get("dbname") == EXTRACT


def test_without_pantab_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="make extra NAME=tableau"):
        write_extract({}, tmp_path / "star.hyper")
