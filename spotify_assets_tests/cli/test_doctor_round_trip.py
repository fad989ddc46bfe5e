"""`doctor --round-trip` over the stand-in of AWS: what it finds, and that nothing is left of it.

What a crawler really makes of these files only AWS can show; the stand-in makes a table of each folder.
"""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from spotify_assets.cli.doctor import round_trip as trip
from spotify_assets.cli.main import main
from spotify_assets.settings import load_settings
from spotify_assets_tests.stand_ins import aws as stand_in

pytestmark = pytest.mark.slow

LAKE = "s3://lake/charts"
VARIABLES = {"SPOTIFY_ASSETS_LAKE": LAKE, "GLUE_CRAWLER": "nightly", "ATHENA_WORKGROUP": "people"}


@pytest.fixture
def glue(aws):
    aws.create_bucket("lake")
    aws.create_bucket("results")
    aws.create_crawler("nightly", "spotify_assets", LAKE)
    aws.create_workgroup("people", output="s3://results/", EnforceWorkGroupConfiguration=True)
    return aws


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("spotify_assets.analytics.athena_engine.POLL_SECONDS", 0.0)


def went(**others):
    settings = load_settings({**VARIABLES, **others})
    return {found.subject: found for found in trip.round_trip(settings, sleep=lambda _: None)}


def left(glue):
    client = glue.client("glue")
    objects = glue.client("s3").list_objects_v2(Bucket="lake").get("Contents", [])
    databases = [database["Name"] for database in client.get_databases()["DatabaseList"]]
    return [stored["Key"] for stored in objects], databases, client.list_crawlers()["CrawlerNames"]


NOTHING = ([], ["spotify_assets"], ["nightly"])


class TestWhatIsFound:
    def test_tables_roots_properties_and_the_rows(self, glue):
        found = went()
        assert {one.status for one in found.values()} == {"ok"}
        assert "made the tables rejects, songs" in found["crawl"].text
        for name in ("a table of files with rows (songs)", "a table of files without row groups (rejects)"):
            assert "partition keys are playlist, snapshot_date" in found[name].text
            assert '"classification": "parquet"' in found[name].text
        assert found["query"].text.endswith("rows are as they were written")
        assert "every column the same" in found["UNLOAD"].text
        assert found["files without row groups"].text == "Athena reads them as no rows"
        assert left(glue) == NOTHING

    def test_a_table_that_the_crawler_does_not_make(self, glue, monkeypatch):
        find = stand_in._find_tables
        monkeypatch.setattr(stand_in, "_find_tables", lambda *a: [one for one in find(*a) if one.name != "rejects"])
        found = went()
        assert found["a table of files without row groups (rejects)"].status == "note"
        assert "files without row groups" not in found
        assert found["UNLOAD"].status == "ok"

    def test_a_root_elsewhere(self, glue, monkeypatch):
        find = stand_in._find_tables

        def deeper(*arguments):
            found = find(*arguments)
            for table in found:
                table.location += "playlist=demo_japan/"
            return found

        monkeypatch.setattr(stand_in, "_find_tables", deeper)
        assert went()["a table of files with rows (songs)"].status == "note"

    def test_rows_that_come_back_otherwise(self, glue, monkeypatch):
        write = trip._write_probe
        monkeypatch.setattr(trip, "_write_probe", lambda store: [{**row, "position": 0} for row in write(store)])
        found = went()
        assert {found["query"].status, found["UNLOAD"].status} == {"bad"}
        assert "instead of" in found["query"].text

    def test_the_crawler_is_as_the_users_own(self, glue, monkeypatch):
        asked = []
        monkeypatch.setattr(trip, "_crawl", lambda client, name, *_: asked.append(client.get_crawler(Name=name)) or 0.0)
        level = {"Version": 1.0, "Grouping": {"TableLevelConfiguration": 3}}
        policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "LOG"}
        glue.create_crawler(
            "level", "spotify_assets", LAKE, Configuration=json.dumps(level), SchemaChangePolicy=policy, Role="of-lake"
        )
        went(GLUE_CRAWLER="level")
        (made,) = (answer["Crawler"] for answer in asked)
        assert json.loads(made["Configuration"])["Grouping"]["TableLevelConfiguration"] == 4
        assert made["SchemaChangePolicy"] == policy
        assert made["Role"] == "of-lake"


class TestFailures:
    @pytest.mark.parametrize("state", ["failed", "too slow"])
    def test_a_crawl_that_does_not_end_well(self, glue, monkeypatch, state):
        glue.order_crawl(**({"error": "no access"} if state == "failed" else {"polls": 5}))
        if state == "too slow":
            monkeypatch.setattr(trip, "PATIENCE", 0.0)
        found = went()
        assert found["round trip"].status == "bad"
        assert ("no access" if state == "failed" else "was not done within") in found["round trip"].text

    def test_after_a_failure_nothing_is_left(self, glue):
        glue.order_crawl(error="no access")
        assert went()["removal"].status == "ok"
        assert left(glue) == NOTHING

    def test_after_an_interruption_nothing_is_left(self, glue, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(trip, "_asked", interrupted)
        with pytest.raises(KeyboardInterrupt):
            went()
        assert left(glue) == NOTHING

    def test_what_cannot_be_removed_is_named(self, glue):
        deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::lake/*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        glue.client("s3").put_bucket_policy(Bucket="lake", Policy=policy)
        removal = went()["removal"]
        assert removal.status == "bad"
        assert f"Remove by hand: the objects below {LAKE}/doctor-" in removal.text
        assert left(glue)[1:] == NOTHING[1:]

    def test_another_workgroup_is_missing(self, glue):
        assert "WorkGroup gone is not found" in went(ATHENA_WORKGROUP="gone")["round trip"].text
        assert left(glue) == NOTHING


class TestCommand:
    def doctor(self, tmp_path, *arguments, answer=None, **variables):
        environment = {"DAGSTER_HOME": str(tmp_path), **variables}
        return CliRunner().invoke(main, ["doctor", "--round-trip", *arguments], input=answer, env=environment)

    def test_without_glue_it_is_refused(self, tmp_path, lake_folder):
        result = self.doctor(tmp_path, SPOTIFY_ASSETS_LAKE=str(lake_folder))
        assert result.exit_code == 1
        assert "There is no round trip without GLUE_CRAWLER" in result.stderr

    def test_the_costs_are_said_and_no_ends_it(self, glue, tmp_path):
        result = self.doctor(tmp_path, answer="n\n", **VARIABLES)
        assert result.exit_code == 1
        assert "about $0.15" in result.stderr
        assert glue.queries == []
        assert left(glue) == NOTHING

    def test_yes_is_not_asked(self, glue, tmp_path, monkeypatch):
        monkeypatch.setattr(trip, "POLL_SECONDS", 0.01)
        result = self.doctor(tmp_path, "--yes", "--json", **VARIABLES)
        assert {"UNLOAD", "removal"} <= {one["subject"] for one in json.loads(result.stdout)}
        assert result.exit_code == 0
