"""Secrets from AWS Secrets Manager: what counts, what is refused without a value in it, and that a new one counts."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta

import dagster as dg
import pytest

from spotify_assets.errors import SettingsError, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import load_settings, with_secrets
from spotify_assets.settings.secrets import KEPT
from spotify_assets.sources.spotify.consent_end import WARNING
from spotify_assets_tests.helpers.platform import Platform, spotify_environment
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SpotifyServer, make_entries

pytestmark = pytest.mark.slow

NAME = "spotify-assets"
SECRETS = {name: f"hidden-{name}" for name in KEPT} | {"SPOTIFY_REFRESH_TOKEN_SINCE": "2026-11-01"}


@pytest.fixture
def keep(aws):
    def put(value):
        with closing(aws.client("secretsmanager")) as client:
            if client.list_secrets()["SecretList"]:
                client.put_secret_value(SecretId=NAME, SecretString=value)
            else:
                client.create_secret(Name=NAME, SecretString=value)

    return put


def known(**environment):
    return with_secrets(load_settings({"SPOTIFY_ASSETS_SECRET": NAME, **environment}))


def refusal(error=SettingsError, **environment):
    with pytest.raises(error) as caught:
        known(**environment)
    assert "hidden" not in str(caught.value)
    assert caught.value.remedy
    return str(caught.value)


def test_without_a_name_nobody_is_asked():
    settings = load_settings({})
    assert with_secrets(settings) is settings


def test_all_of_them_come_and_none_is_shown(keep):
    keep(json.dumps(SECRETS))
    settings = known()
    assert settings.spotify.client_id == SECRETS["SPOTIFY_CLIENT_ID"]
    assert settings.spotify.client_secret.get_secret_value() == SECRETS["SPOTIFY_CLIENT_SECRET"]
    assert settings.spotify.refresh_token.get_secret_value() == SECRETS["SPOTIFY_REFRESH_TOKEN"]
    assert str(settings.spotify.refresh_token_since) == "2026-11-01"
    assert settings.github.token.get_secret_value() == SECRETS["GITHUB_TOKEN"]
    assert settings.alert_urls.get_secret_value() == SECRETS["SPOTIFY_ASSETS_ALERT_URLS"]
    assert "hidden" not in repr(settings).replace(SECRETS["SPOTIFY_CLIENT_ID"], "")


def test_an_empty_value_counts_as_unset_and_other_settings_stay(keep):
    keep(json.dumps({**SECRETS, "GITHUB_TOKEN": " "}))
    settings = known(SPOTIFY_LANGUAGE="en", GITHUB_API_URL="http://127.0.0.1:1")
    assert settings.github.token is None
    assert (settings.spotify.language, settings.github.api_url) == ("en", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "value",
    ["hidden", "[]", '{"SPOTIFY_CLIENT_SECRET": 1}', '{"hidden": "hidden"}', "[" * 100_000],
    ids=["text", "list", "number", "unknown key", "nested"],
)
def test_a_secret_of_another_form_is_refused(keep, value):
    keep(value)
    assert f"The secret {NAME} is not a JSON object of texts" in refusal()


def test_what_is_set_twice_is_refused(keep):
    keep(json.dumps(SECRETS))
    assert "GITHUB_TOKEN is set twice" in refusal(GITHUB_TOKEN="hidden")


def test_one_half_of_an_app_is_refused(keep):
    keep(json.dumps({"SPOTIFY_CLIENT_ID": "hidden"}))
    assert "SPOTIFY_CLIENT_SECRET is not" in refusal()


def test_a_secret_that_is_not_there_is_refused(aws):
    assert "Secrets Manager answers ResourceNotFoundException" in refusal()


def test_no_region_is_explained(monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert "AWS_DEFAULT_REGION" in refusal(SourceUnavailable)


def test_a_run_reads_it_and_a_renewed_one_counts_at_once(keep, tmp_path, instance):
    with SpotifyServer() as server:
        server.add_playlist(PLAYLIST_ID, make_entries(3))
        environment = spotify_environment(server, tmp_path)
        app = {name: environment.pop(name) for name in ("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET")}
        old = str(today_in_japan() - WARNING)
        keep(json.dumps({**app, "SPOTIFY_CLIENT_SECRET": "hidden"}))
        with Platform({**environment, "SPOTIFY_ASSETS_SECRET": NAME}, instance) as platform:
            assert not platform.run_daily().success
            keep(json.dumps({**app, "SPOTIFY_REFRESH_TOKEN": "", "SPOTIFY_REFRESH_TOKEN_SINCE": old}))
            assert platform.run_daily().success
    evaluation = last_check(instance)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert evaluation.metadata["ends about"].value == str(today_in_japan() - WARNING + timedelta(days=180))


def last_check(instance):
    key = dg.AssetCheckKey(dg.AssetKey(["chart", "raw_playlist"]), "consent_lasts")
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    return record.event.dagster_event.asset_check_evaluation_data
