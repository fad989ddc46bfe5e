"""Settings: what is taken, what is refused and in which words, and what stands when nothing is set."""

from __future__ import annotations

import os
import re
import string
import traceback
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from spotify_assets.errors import SettingsError
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings.environment import DEMO_PLAYLISTS_FILE, VARIABLES, load_settings, read_env_file
from spotify_assets.settings.playlists import BY_SOURCE, RESERVED_SLUGS
from spotify_assets_tests.helpers.fuzzing import EVIL
from spotify_assets_tests.helpers.make_snapshot import examples

EXAMPLE = Path(__file__).parents[2] / "examples" / "japan_spotify.yaml"
APP = {"SPOTIFY_CLIENT_ID": "an-id", "SPOTIFY_CLIENT_SECRET": "s3cr3t-of-app"}
KNOWN_SOURCES = ", ".join(BY_SOURCE)
PLAYLIST_ID = "3cEYpjA9oz9GiPac4AsH4n"
WITH_GLUE = {"SPOTIFY_ASSETS_LAKE": "s3://bucket", "GLUE_CRAWLER": "nightly"}
DEMO = {"slug": "invented", "title": "Invented", "source": "demo"}
REAL = {"slug": "chart", "title": "A Chart", "source": "spotify", "playlist_id": PLAYLIST_ID}
CHART = {"slug": "chart", "title": "A Chart", "source": "charts", "chart": "regional-jp-daily"}


def refusal_of(environment):
    """The refusal of an environment; every refusal has its three parts."""
    with pytest.raises(SettingsError) as caught:
        load_settings(environment)
    refusal = caught.value
    assert refusal.what
    assert refusal.why
    assert refusal.remedy
    return refusal


class TestDefaults:
    def test_nothing_set_starts_the_demo(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        loaded = load_settings({})
        assert loaded.playlists_file == DEMO_PLAYLISTS_FILE
        assert [playlist.source for playlist in loaded.playlists] == ["demo"]
        assert loaded.lake == str(tmp_path / "lake" / "demo")
        assert loaded.glue_crawler is None
        assert loaded.glue_database == "spotify_assets"
        assert (loaded.engine, loaded.athena_workgroup) == ("duckdb", "primary")
        assert (loaded.spotify.client_id, loaded.spotify.client_secret, loaded.spotify.refresh_token) == (None,) * 3
        assert loaded.spotify.api_url == "https://api.spotify.com/v1/"
        assert loaded.spotify.token_url == "https://accounts.spotify.com/api/token"
        assert (loaded.spotify.language, loaded.spotify.call_budget) == ("ja", 300)

    @pytest.mark.parametrize("empty", ["", " ", "\t \n"])
    def test_empty_values_count_as_unset(self, empty):
        assert load_settings({variable.name: empty for variable in VARIABLES}) == load_settings({})

    def test_values_are_stripped(self):
        assert load_settings({name: f" {value}\n" for name, value in APP.items()}) == load_settings(APP)

    def test_without_an_argument_the_process_is_asked(self, monkeypatch):
        monkeypatch.setenv("GLUE_DATABASE", "of_the_process")
        assert load_settings().glue_database == "of_the_process"

    def test_foreign_variables_do_not_matter(self):
        assert load_settings({"SPOTIFY_ASSETS_LAKES": "gs://x", "PATH": "/bin"}) == load_settings({})


class TestLake:
    def test_real_playlists_have_a_lake_of_their_own(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert load_settings(with_playlists(tmp_path, REAL)).lake == str(tmp_path / "lake" / "live")

    def test_demo_and_real_playlists_share_no_lake_unless_somebody_says_so(self, tmp_path):
        mixed = with_playlists(tmp_path, DEMO, REAL)
        assert "SPOTIFY_ASSETS_LAKE" in refusal_of(mixed).what
        assert load_settings({**mixed, "SPOTIFY_ASSETS_LAKE": "/data/both"}).lake == "/data/both"

    @pytest.mark.parametrize(
        ("value", "lake"),
        [
            ("/data/lake", "/data/lake"),
            ("/data/lake/", "/data/lake"),
            ("/data/a lake's 湖 {x} env=prod", "/data/a lake's 湖 {x} env=prod"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/", "s3://bucket"),
            ("s3://my.bucket-1/a/b/", "s3://my.bucket-1/a/b"),
        ],
    )
    def test_folders_and_buckets_are_taken(self, value, lake):
        loaded = load_settings({"SPOTIFY_ASSETS_LAKE": value})
        assert loaded.lake == lake
        assert loaded.lake_is_s3 == value.startswith("s3://")

    def test_relative_folders_and_home_become_absolute(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", "/home/somebody")
        assert load_settings({"SPOTIFY_ASSETS_LAKE": "a/b"}).lake == str(tmp_path / "a" / "b")
        assert load_settings({"SPOTIFY_ASSETS_LAKE": "~/lake"}).lake == "/home/somebody/lake"

    @pytest.mark.parametrize(
        "value",
        [
            "gs://bucket",
            "file:///data",
            "S3://bucket",
            "s3://",
            "s3://ab",
            "s3://Bucket",
            "s3://bucket_x/a",
            "s3://-b-/",
        ],
    )
    def test_other_addresses_are_refused(self, value):
        refusal = refusal_of({"SPOTIFY_ASSETS_LAKE": value})
        assert refusal.what == f"SPOTIFY_ASSETS_LAKE is {value!r}."
        assert "s3://bucket/prefix" in refusal.why

    @pytest.mark.parametrize("character", "*?[]\\")
    def test_folders_that_the_catalog_would_read_as_a_pattern_are_refused(self, character):
        refusal = refusal_of({"SPOTIFY_ASSETS_LAKE": f"/data/my{character}lake"})
        assert f"SPOTIFY_ASSETS_LAKE is the folder /data/my{character}lake" in refusal.what
        assert "catalog.duckdb" in refusal.why

    def test_a_default_lake_below_such_a_folder_is_refused_too(self, tmp_path, monkeypatch):
        folder = tmp_path / "project [old]"
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert "project [old]/lake/demo" in refusal_of({}).what

    def test_buckets_are_not_read_by_a_pattern(self):
        assert load_settings({"SPOTIFY_ASSETS_LAKE": "s3://bucket/a[1]"}).lake == "s3://bucket/a[1]"

    @pytest.mark.parametrize("name", ["SPOTIFY_ASSETS_LAKE", "SPOTIFY_ASSETS_PLAYLISTS"])
    def test_the_home_of_nobody_is_refused(self, name):
        assert refusal_of({name: "~no-such-user/x"}).what == f"{name} is '~no-such-user/x'."


class TestGlue:
    def test_a_crawler_of_a_bucket_is_taken(self):
        environment = {"SPOTIFY_ASSETS_LAKE": "s3://bucket", "GLUE_CRAWLER": "nightly", "GLUE_DATABASE": "charts"}
        loaded = load_settings(environment)
        assert (loaded.glue_crawler, loaded.glue_database) == ("nightly", "charts")

    def test_a_crawler_of_a_folder_is_refused(self):
        refusal = refusal_of({"SPOTIFY_ASSETS_LAKE": "/data/lake", "GLUE_CRAWLER": "nightly"})
        assert "GLUE_CRAWLER is set" in refusal.what
        assert "/data/lake" in refusal.what
        assert "s3://" in refusal.remedy


class TestEngine:
    def test_duckdb_is_the_default(self):
        assert load_settings({}).engine == "duckdb"
        assert load_settings(WITH_GLUE).engine == "duckdb"

    def test_athena_on_a_lake_with_glue_is_taken(self):
        loaded = load_settings({**WITH_GLUE, "SPOTIFY_ASSETS_ENGINE": "athena", "ATHENA_WORKGROUP": "charts.v2-a_b"})
        assert (loaded.engine, loaded.athena_workgroup) == ("athena", "charts.v2-a_b")
        assert load_settings({**WITH_GLUE, "SPOTIFY_ASSETS_ENGINE": "athena"}).athena_workgroup == "primary"

    @pytest.mark.parametrize("lake", ["/data/lake", "s3://bucket"])
    def test_athena_without_glue_is_refused(self, lake):
        refusal = refusal_of({"SPOTIFY_ASSETS_LAKE": lake, "SPOTIFY_ASSETS_ENGINE": "athena"})
        assert refusal.what == "SPOTIFY_ASSETS_ENGINE is 'athena' but GLUE_CRAWLER is not set."
        assert "s3://" in refusal.remedy

    def test_athena_on_a_folder_is_refused(self):
        refusal = refusal_of({**WITH_GLUE, "SPOTIFY_ASSETS_LAKE": "/data/lake", "SPOTIFY_ASSETS_ENGINE": "athena"})
        assert "/data/lake" in refusal.what

    @pytest.mark.parametrize("value", ["Athena", "spark", "duckdb,athena"])
    def test_other_engines_are_refused(self, value):
        refusal = refusal_of({**WITH_GLUE, "SPOTIFY_ASSETS_ENGINE": value})
        assert refusal.what == f"SPOTIFY_ASSETS_ENGINE is {value!r}."
        assert refusal.why == "it should be 'duckdb' or 'athena'"

    @pytest.mark.parametrize("value", ["a b", "größe", "a/b"])
    def test_what_is_no_name_of_a_workgroup_is_refused(self, value):
        assert refusal_of({"ATHENA_WORKGROUP": value}).what == f"ATHENA_WORKGROUP is {value!r}."

    def test_a_name_of_a_workgroup_that_is_too_long_is_refused(self):
        assert refusal_of({"ATHENA_WORKGROUP": "a" * 129}).what == "ATHENA_WORKGROUP is a value of 131 characters."


class TestSpotify:
    def test_credentials_are_taken(self):
        loaded = load_settings({**APP, "SPOTIFY_REFRESH_TOKEN": "a-token"}).spotify
        assert loaded.client_id == "an-id"
        assert loaded.client_secret.get_secret_value() == "s3cr3t-of-app"
        assert loaded.refresh_token.get_secret_value() == "a-token"

    @pytest.mark.parametrize("name", APP)
    def test_half_an_app_is_refused(self, name):
        (other,) = APP.keys() - {name}
        assert refusal_of({name: APP[name]}).what == f"{name} is set but {other} is not."

    def test_a_refresh_token_without_its_app_is_refused(self):
        refusal = refusal_of({"SPOTIFY_REFRESH_TOKEN": "r3fr3sh"})
        assert "SPOTIFY_CLIENT_ID" in refusal.what
        assert "r3fr3sh" not in str(refusal)

    @pytest.mark.parametrize("name", ["SPOTIFY_CALL_BUDGET", "SPOTIFY_LANGUAGE", "SPOTIFY_API_URL", "ATHENA_WORKGROUP"])
    @pytest.mark.parametrize("secret", ["0123456789abcdef0123456789abcde!", "me:s3cr3t@proxy", "x" * 130 + "!"])
    def test_a_secret_in_the_wrong_variable_is_not_repeated(self, name, secret):
        refusal = refusal_of({**APP, name: secret})
        shown = "".join(traceback.format_exception(refusal)) + repr(vars(refusal))
        assert refusal.what.startswith(f"{name} is a value ")
        assert secret not in shown
        assert APP["SPOTIFY_CLIENT_SECRET"] not in shown

    def test_a_secret_in_the_query_of_an_address_is_not_repeated(self):
        refusal = refusal_of({"GITHUB_API_URL": "http://a.b/?t=s3cr3t"})
        assert refusal.what == "GITHUB_API_URL is 'http://a.b/?...'."

    def test_secrets_are_in_no_representation(self):
        loaded = load_settings({**APP, "SPOTIFY_REFRESH_TOKEN": "r3fr3sh"})
        shown = f"{loaded!r} {loaded} {loaded.spotify!r} {loaded.spotify}"
        assert "an-id" in shown
        assert "s3cr3t" not in shown
        assert "r3fr3sh" not in shown

    @pytest.mark.parametrize("value", ["http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/", "http://[::1]/v1//"])
    def test_the_api_address_ends_in_one_slash(self, value):
        loaded = load_settings({"SPOTIFY_API_URL": value})
        assert loaded.spotify.api_url == value.rstrip("/") + "/"

    @pytest.mark.parametrize("name", ["SPOTIFY_API_URL", "SPOTIFY_TOKEN_URL"])
    @pytest.mark.parametrize(
        "value",
        [
            "api.spotify.com",
            "ftp://api.spotify.com/",
            "https://",
            "http:///v1/",
            "http://h/?a=b",
            "http://h/#a",
            "http://[::1",
            "http://h:99999/",
            "http://h:port/",
        ],
    )
    def test_what_is_no_web_address_is_refused(self, name, value):
        refusal = refusal_of({name: value})
        # What stands after a ? or a # may be a secret.
        shown = re.sub("([?#]).*", r"\1...", value)
        assert refusal.what == f"{name} is {shown!r}."
        assert name in refusal.remedy

    @pytest.mark.parametrize("name", ["SPOTIFY_API_URL", "SPOTIFY_TOKEN_URL"])
    def test_a_password_in_an_address_is_refused_and_not_repeated(self, name):
        refusal = refusal_of({name: "https://user:p4ssw0rd@proxy.example/v1/"})
        assert name in refusal.what
        assert "p4ssw0rd" not in str(refusal)

    @pytest.mark.parametrize("value", ["ja", "en-GB", "zh-Hant-TW"])
    def test_language_tags_are_taken(self, value):
        assert load_settings({"SPOTIFY_LANGUAGE": value}).spotify.language == value

    @pytest.mark.parametrize("value", ["JA", "japanese", "ja_JP", "ja-", "日本語", "ja\nX-Evil: 1"])
    def test_other_languages_are_refused(self, value):
        assert refusal_of({"SPOTIFY_LANGUAGE": value}).what == f"SPOTIFY_LANGUAGE is {value!r}."

    @pytest.mark.parametrize(("value", "budget"), [("1", 1), ("300", 300), ("007", 7), ("999999999", 999_999_999)])
    def test_budgets_are_taken(self, value, budget):
        assert load_settings({"SPOTIFY_CALL_BUDGET": value}).spotify.call_budget == budget

    @pytest.mark.parametrize("value", ["0", "000", "-1", "+1", "1.5", "1e3", "many", "٣", "1_000", "1000000000"])
    def test_other_budgets_are_refused(self, value):
        refusal = refusal_of({"SPOTIFY_CALL_BUDGET": value})
        assert refusal.what == f"SPOTIFY_CALL_BUDGET is {value!r}."
        assert "whole number" in refusal.why


def with_playlists(folder, *playlists, **document):
    """The environment of a playlists file."""
    whole = {"start": date(2025, 1, 1), "playlists": list(playlists), **document}
    return with_text(folder, yaml.safe_dump(whole, allow_unicode=True))


def with_text(folder, text):
    path = folder / "playlists.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {"SPOTIFY_ASSETS_PLAYLISTS": str(path)}


def refusal_of_text(folder, text):
    """The refusal of a playlists file; it names the file."""
    refusal = refusal_of(with_text(folder, text))
    assert str(folder / "playlists.yaml") in refusal.what
    assert "examples/japan.yaml" in refusal.remedy
    return refusal


class TestPlaylistsFile:
    def test_the_example_loads(self):
        loaded = load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(EXAMPLE)})
        assert loaded.start == date(2026, 11, 1)
        weekly, daily = loaded.playlists
        assert (weekly.slug, weekly.cadence, weekly.playlist_id) == (
            "top_songs_japan",
            "weekly",
            "37i9dQZEVXbKqiTGXuCOsB",
        )
        assert (daily.slug, daily.cadence, daily.playlist_id) == ("top_50_japan", "daily", "37i9dQZEVXbKXQ4mDTEBXq")
        assert {playlist.market for playlist in loaded.playlists} == {"JP"}

    def test_cadence_is_daily_and_market_is_open_unless_said(self, tmp_path):
        (playlist,) = load_settings(with_playlists(tmp_path, REAL)).playlists
        assert (playlist.cadence, playlist.market) == ("daily", None)

    def test_a_relative_path_counts_from_the_working_folder(self, tmp_path, monkeypatch):
        with_playlists(tmp_path, DEMO)
        monkeypatch.chdir(tmp_path)
        loaded = load_settings({"SPOTIFY_ASSETS_PLAYLISTS": "playlists.yaml"})
        assert loaded.playlists_file == tmp_path / "playlists.yaml"

    def test_japanese_titles_and_a_byte_order_mark_are_taken(self, tmp_path):
        text = "start: 2025-01-01\nplaylists: [{slug: a, title: 日本の歌, source: demo}]"
        (playlist,) = load_settings(with_text(tmp_path, "\ufeff" + text)).playlists
        assert playlist.title == "日本の歌"

    def test_merged_mappings_are_taken(self, tmp_path):
        text = """
            start: 2025-01-01
            playlists:
              - &first {slug: a, title: A, source: demo}
              - &second {<<: *first, slug: b}
              - {<<: *second, slug: c}
        """
        loaded = load_settings(with_text(tmp_path, text))
        assert [playlist.slug for playlist in loaded.playlists] == ["a", "b", "c"]

    def test_a_missing_file_is_named(self, tmp_path):
        refusal = refusal_of({"SPOTIFY_ASSETS_PLAYLISTS": str(tmp_path / "nothing.yaml")})
        assert "nothing.yaml" in refusal.what
        assert refusal.why == "No such file or directory"
        assert "SPOTIFY_ASSETS_PLAYLISTS" in refusal.remedy

    def test_a_folder_is_no_file(self, tmp_path):
        assert refusal_of({"SPOTIFY_ASSETS_PLAYLISTS": str(tmp_path)}).why == "Is a directory"

    @pytest.mark.parametrize(
        "text",
        [
            "start: [",
            "\tstart: 2025-01-01",
            "start: !!python/object/apply:os.system [true]",
            b"title: \xff\xfe\x00",
            "title: 日本".encode("utf-16"),
            "start: 2026-02-30",
            "start: !!timestamp soon",
            "start: !!bool soon",
            "[" * 500,
            "a: \x07",
        ],
    )
    def test_what_is_not_yaml_is_refused(self, tmp_path, text):
        assert "is not valid YAML" in refusal_of_text(tmp_path, text).what

    @pytest.mark.parametrize("text", ["", "# nothing", "soon", "- start", "3", "null", "2025-01-01"])
    def test_what_is_not_a_mapping_is_refused(self, tmp_path, text):
        assert "mapping" in refusal_of_text(tmp_path, text).why

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("start: 2025-01-01\nstart: 2025-01-02\nplaylists: []", "start"),
            ("start: 2025-01-01\nplaylists: [{slug: a, title: A, source: demo, title: B}]", "title"),
            ("start: 2025-01-01\nplaylists: [{slug: a, 'slug': b, title: A, source: demo}]", "slug"),
        ],
    )
    def test_a_key_that_stands_there_twice_is_refused(self, tmp_path, text, key):
        refusal = refusal_of_text(tmp_path, text)
        assert f"'{key}' stands there twice" in refusal.why
        assert "line" in refusal.why

    @pytest.mark.parametrize("missing", ["start", "playlists"])
    def test_missing_keys_are_named(self, tmp_path, missing):
        document = {"start": date(2025, 1, 1), "playlists": [DEMO]}
        del document[missing]
        assert refusal_of_text(tmp_path, yaml.safe_dump(document)).why == f"missing keys {missing}"

    def test_unknown_keys_are_named_beside_the_known_ones(self, tmp_path):
        refusal = refusal_of(with_playlists(tmp_path, DEMO, strat=1))
        assert refusal.why == "unknown keys strat; known are playlists, start"

    @pytest.mark.parametrize("start", ["2025-01-01", 20250101, None, True, 2025.1, [date(2025, 1, 1)]])
    def test_a_start_that_is_no_date_is_refused(self, tmp_path, start):
        refusal = refusal_of(with_playlists(tmp_path, DEMO, start=start))
        assert f"`start` is {start!r}" in refusal.why

    def test_everything_that_is_wrong_with_a_playlist_is_named_at_once(self, tmp_path):
        wrong = {"slug": "A", "source": "spotify", "playlist_id": 5, "id": "x"}
        refusal = refusal_of(with_playlists(tmp_path, REAL, wrong))
        assert "playlist 2 ('A') cannot be used" in refusal.what
        assert refusal.why.split("; ")[0] == "unknown keys id"
        for part in ("missing keys title", "`slug` is 'A'", "`playlist_id` is 5; it is not text"):
            assert part in refusal.why

    def test_a_start_with_a_time_of_day_is_refused(self, tmp_path):
        text = "start: 2025-01-01 12:00:00\nplaylists: [{slug: a, title: A, source: demo}]"
        assert "`start`" in refusal_of_text(tmp_path, text).why

    def test_a_start_may_be_today_in_japan_but_not_later(self, tmp_path):
        today = today_in_japan()
        assert load_settings(with_playlists(tmp_path, DEMO, start=today)).start == today
        refusal = refusal_of(with_playlists(tmp_path, DEMO, start=today + timedelta(days=2)))
        assert "in the future" in refusal.why

    @pytest.mark.parametrize("playlists", [[], None, {}, "demo", DEMO, 3])
    def test_playlists_is_a_list_with_something_in_it(self, tmp_path, playlists):
        assert "`playlists`" in refusal_of(with_playlists(tmp_path, playlists=playlists)).why


class TestPlaylist:
    def refused(self, folder, **changes):
        """The refusal of a playlist that stands second; it says which one is meant."""
        entry = {key: value for key, value in {**REAL, **changes}.items() if value is not ...}
        refusal = refusal_of(with_playlists(folder, {**REAL, "slug": "good"}, entry))
        assert "playlist 2" in refusal.what
        return refusal

    @pytest.mark.parametrize("entry", [None, "demo", 3, [], ["slug"]])
    def test_a_playlist_is_a_mapping(self, tmp_path, entry):
        refusal = refusal_of(with_playlists(tmp_path, entry))
        assert "playlist 1" in refusal.what
        assert "mapping" in refusal.why

    @pytest.mark.parametrize("key", ["slug", "title", "source", "playlist_id"])
    def test_missing_keys_are_named(self, tmp_path, key):
        missing = f"missing keys {key}" if key != "source" else f"`source` is missing; there are: {KNOWN_SOURCES}"
        assert self.refused(tmp_path, **{key: ...}).why == missing

    @pytest.mark.parametrize("key", ["id", "Slug", "chart", "url"])
    def test_unknown_keys_are_named_beside_the_known_ones(self, tmp_path, key):
        refusal = self.refused(tmp_path, **{key: "x"})
        assert refusal.why.startswith(f"unknown keys {key}; known are")
        assert "playlist_id" in refusal.why

    @pytest.mark.parametrize("key", ["playlist_id", "market"])
    def test_keys_of_another_source_are_unknown(self, tmp_path, key):
        refusal = refusal_of(with_playlists(tmp_path, {**DEMO, key: "JP"}))
        assert f"unknown keys {key}" in refusal.why

    @pytest.mark.parametrize("source", ["radio", "Spotify", "spotify ", ""])
    def test_an_unknown_source_is_named_beside_the_known_ones(self, tmp_path, source):
        refusal = self.refused(tmp_path, source=source)
        assert refusal.why == f"`source` is {source!r}; there are: {KNOWN_SOURCES}"

    @pytest.mark.parametrize("slug", ["a", "top_50", "a" * 63, "publish_me", "spotify"])
    def test_slugs_are_taken(self, tmp_path, slug):
        assert load_settings(with_playlists(tmp_path, {**DEMO, "slug": slug})).playlists[0].slug == slug

    @pytest.mark.parametrize("slug", ["", "Top", "5_top", "_top", "a-b", "a b", "a/b", "a=b", "日本", "a" * 64, "a\n"])
    def test_other_slugs_are_refused(self, tmp_path, slug):
        assert f"`slug` is {slug!r}" in self.refused(tmp_path, slug=slug).why

    @pytest.mark.parametrize("slug", sorted(RESERVED_SLUGS))
    def test_slugs_that_the_project_uses_itself_are_refused(self, tmp_path, slug):
        assert f"`slug` is {slug!r}; that name is taken" in self.refused(tmp_path, slug=slug).why

    def test_a_slug_stands_for_one_playlist(self, tmp_path):
        entries = [{**DEMO, "slug": slug} for slug in ("b", "a", "b", "c", "a")]
        assert refusal_of(with_playlists(tmp_path, *entries)).why.endswith("more than once: a, b")

    @pytest.mark.parametrize("cadence", ["hourly", "Daily", ""])
    def test_other_cadences_are_refused(self, tmp_path, cadence):
        refusal = self.refused(tmp_path, cadence=cadence)
        assert refusal.why == f"`cadence` is {cadence!r}; it should be 'daily' or 'weekly'"

    @pytest.mark.parametrize(
        "playlist_id",
        [
            "",
            PLAYLIST_ID[:-1],
            PLAYLIST_ID + "x",
            PLAYLIST_ID[:-1] + "-",
            f"spotify:playlist:{PLAYLIST_ID}",
            f"https://open.spotify.com/playlist/{PLAYLIST_ID}?si=1",
        ],
    )
    def test_other_playlist_ids_are_refused(self, tmp_path, playlist_id):
        refusal = self.refused(tmp_path, playlist_id=playlist_id)
        shown = repr(playlist_id.replace("?si=1", "?..."))
        assert f"`playlist_id` is {shown}" in refusal.why
        assert "22 characters" in refusal.why

    @pytest.mark.parametrize(
        "secret", ["0123456789abcdef0123456789abcdef", "ghp_" + "a1" * 18, "https://example.com/?token=s3cr3t"]
    )
    def test_a_secret_in_the_playlists_file_is_not_repeated(self, tmp_path, secret):
        """Spotify's and GitHub's, and one in the query of an address."""
        refusal = self.refused(tmp_path, playlist_id=secret)
        assert "`playlist_id` is" in refusal.why
        assert secret not in str(refusal)
        assert "s3cr3t" not in str(refusal)

    @pytest.mark.parametrize(
        ("chart", "country"),
        [("regional-jp-daily", "jp"), ("viral-us-daily", "us"), ("regional-global-daily", "global")],
    )
    def test_charts_are_taken_and_name_their_country(self, tmp_path, chart, country):
        (playlist,) = load_settings(with_playlists(tmp_path, {**CHART, "chart": chart})).playlists
        assert (playlist.chart, playlist.country, playlist.cadence) == (chart, country, "daily")

    @pytest.mark.parametrize(
        ("chart", "kind", "country"),
        [
            ("viral-jp-daily", "viral", "jp"),
            ("regional-global-weekly", "regional", "global"),
            ("citytoptrack-sao-paulo-weekly", "citytoptrack", None),
            ("citypulsetrack-tokyo-weekly", "citypulsetrack", None),
            ("genre-j-pop-weekly", "genre", None),
        ],
    )
    def test_charts_of_every_kind_that_lists_songs(self, tmp_path, chart, kind, country):
        cadence = chart.rpartition("-")[2]
        entry = f"{{slug: a, title: A, source: charts, cadence: {cadence}, chart: {chart}}}"
        (tmp_path / "kinds.yaml").write_text(f"start: 2026-01-01\nplaylists: [{entry}]\n", encoding="utf-8")
        (playlist,) = load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(tmp_path / "kinds.yaml")}).playlists
        assert (playlist.kind, playlist.country) == (kind, country)

    @pytest.mark.parametrize(("kind", "lists"), [("artist", "artists"), ("album", "albums")])
    def test_charts_that_list_no_songs_are_refused(self, tmp_path, kind, lists):
        entry = f"{{slug: a, title: A, source: charts, chart: {kind}-jp-daily}}"
        (tmp_path / "kinds.yaml").write_text(f"start: 2026-01-01\nplaylists: [{entry}]\n", encoding="utf-8")
        with pytest.raises(SettingsError, match=f"it is a chart of {lists}, which lists no songs"):
            load_settings({"SPOTIFY_ASSETS_PLAYLISTS": str(tmp_path / "kinds.yaml")})

    @pytest.mark.parametrize(
        ("chart", "cadence"),
        [
            ("regional-jp-weekly", "daily"),
            ("regional-jp-daily", "weekly"),
            ("regional-jp", "daily"),
            ("regional-JP-daily", "daily"),
            ("regional-japan-daily", "daily"),
            ("regional-jp-daily-2026-11-19", "daily"),
            ("", "daily"),
        ],
    )
    def test_other_charts_and_those_of_another_cadence_are_refused(self, tmp_path, chart, cadence):
        refusal = refusal_of(with_playlists(tmp_path, {**CHART, "chart": chart, "cadence": cadence}))
        assert refusal.why.startswith(f"`chart` is {chart!r}; ")
        assert refusal.why.endswith(f"the playlist's cadence, {cadence}")
        assert "regional-jp-daily" in refusal.why

    def test_a_chart_has_to_be_named(self, tmp_path):
        entry = {key: value for key, value in CHART.items() if key != "chart"}
        assert refusal_of(with_playlists(tmp_path, entry)).why == "missing keys chart"

    @pytest.mark.parametrize("key", ["playlist_id", "market"])
    def test_a_chart_has_no_keys_of_spotify(self, tmp_path, key):
        assert f"unknown keys {key}" in refusal_of(with_playlists(tmp_path, {**CHART, key: "JP"})).why

    @pytest.mark.parametrize("market", ["", "jp", "JPN", "J", "日本", "from_token"])
    def test_other_markets_are_refused(self, tmp_path, market):
        assert f"`market` is {market!r}" in self.refused(tmp_path, market=market).why

    @pytest.mark.parametrize("key", ["slug", "title", "source", "cadence", "playlist_id", "market"])
    @pytest.mark.parametrize("value", [None, False, 5, 1.5, ["JP"], {"a": 1}, date(2025, 1, 1)])
    def test_values_that_are_not_text_are_refused(self, tmp_path, key, value):
        assert key in self.refused(tmp_path, **{key: value}).why

    def test_norway_without_quotes_is_told_to_quote(self, tmp_path):
        text = (
            "start: 2025-01-01\n"
            f"playlists: [{{slug: a, title: A, source: spotify, playlist_id: {PLAYLIST_ID}, market: NO}}]"
        )
        refusal = refusal_of_text(tmp_path, text)
        assert "quotes" in refusal.why
        assert "market" in refusal.why


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=5),
    st.text(max_size=8),
    st.sampled_from(["demo", "spotify", "daily", "a", PLAYLIST_ID, "JP", "regional-jp-daily", "owner/name"]),
)
VALUES = SCALARS | EVIL.filter(lambda value: not isinstance(value, str) or value.isprintable()) | st.lists(SCALARS)
KEYS = st.one_of(
    st.sampled_from(["start", "playlists", "slug", "title", "cadence", "source", "playlist_id", "market"]),
    st.text(string.printable, max_size=5),
    st.integers(),
    st.none(),
    st.dates(),
)
STRUCTURES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
NEARLY_RIGHT = st.fixed_dictionaries(
    {
        "start": st.just(date(2025, 1, 1)) | SCALARS,
        "playlists": st.lists(
            st.fixed_dictionaries(
                {"slug": st.just("a") | SCALARS, "title": SCALARS, "source": st.sampled_from(list(BY_SOURCE))},
                optional=dict.fromkeys(
                    ("cadence", "playlist_id", "market", "chart", "repositories", "archived_title"), VALUES
                ),
            )
            | STRUCTURES,
            max_size=3,
        ),
    }
)
OWN_EXAMPLES = settings(
    max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def loads_or_is_refused(environment):
    try:
        loaded = load_settings(environment)
    except SettingsError:
        return
    assert loaded.playlists
    assert all(isinstance(playlist.title, str) for playlist in loaded.playlists)


class TestAnything:
    @OWN_EXAMPLES
    @given(document=STRUCTURES | NEARLY_RIGHT)
    def test_any_structure_loads_or_is_refused_in_words(self, tmp_path, document):
        loads_or_is_refused(with_text(tmp_path, yaml.safe_dump(document, allow_unicode=True).encode(errors="replace")))

    @OWN_EXAMPLES
    @given(text=st.text(max_size=40) | st.text("&*!<>[]{}:,-?=|%@`'\"# \n0123456789ab.+TZ", max_size=40))
    @example(text="0001-01-01T00:00:00+23:00")
    @example(text="9999-12-31T23:59:59-23:00")
    @example(text="&a [*a]")
    @example(text="{? [1]: 2}")
    @example(text="<<: 3")
    @example(text="1" * 5000)
    def test_any_text_loads_or_is_refused_in_words(self, tmp_path, text):
        loads_or_is_refused(with_text(tmp_path, text.encode(errors="replace")))

    @OWN_EXAMPLES
    @given(
        values=st.dictionaries(
            st.sampled_from([variable.name for variable in VARIABLES]),
            st.text(max_size=20) | EVIL.map(str) | st.sampled_from(["s3://", "http://[", "https://x:99999/", "../.."]),
        )
    )
    def test_any_values_load_or_are_refused_in_words(self, values):
        loads_or_is_refused(values)


class TestEnvFile:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        """The working folder; variables that a test reads from a file end with it."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(os, "environ", dict(os.environ))
        return tmp_path

    def test_it_is_added_to_the_environment(self, folder):
        (folder / ".env").write_text("# 設定\nGLUE_DATABASE='of the file' # why\nexport SPOTIFY_LANGUAGE=en\nBARE\n")
        assert read_env_file() == []
        loaded = load_settings()
        assert (loaded.glue_database, loaded.spotify.language) == ("of the file", "en")

    def test_the_environment_has_precedence_and_what_differs_is_named(self, folder, monkeypatch):
        os.environ.update(GLUE_DATABASE="of_the_shell", SPOTIFY_LANGUAGE="en")
        (folder / ".env").write_text("GLUE_DATABASE=of_the_file\nSPOTIFY_LANGUAGE=en\nGLUE_CRAWLER=nightly\n")
        assert read_env_file() == ["GLUE_DATABASE"]
        assert (os.environ["GLUE_DATABASE"], os.environ["GLUE_CRAWLER"]) == ("of_the_shell", "nightly")

    def test_without_a_file_nothing_happens(self, folder):
        (folder / ".env").mkdir()
        before = dict(os.environ)
        assert read_env_file() == []
        assert os.environ == before

    def test_a_file_that_is_no_text_is_refused(self, folder):
        (folder / ".env").write_bytes(b"SPOTIFY_CLIENT_SECRET=s3cr3t\xff")
        with pytest.raises(SettingsError, match="not UTF-8") as caught:
            read_env_file()
        assert str(folder / ".env") in caught.value.what
        assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
