"""`SpotifyClient` on the wire: tokens, retries, the text of refusals, rate limits, and that secrets stay secret."""

from __future__ import annotations

import base64
import json
import logging
import re
import subprocess
import sys
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from spotify_assets.errors import RateLimited, Refusal, SourceRefusal, SourceUnavailable
from spotify_assets.settings import load_settings
from spotify_assets.sources.spotify.client import RequestRefused, SpotifyClient
from spotify_assets_tests.helpers.real_data import REAL_DATA, requires_real_data
from spotify_assets_tests.stand_ins.spotify import PLAYLIST_ID, SPOTIFY_OWNED_ID, SpotifyServer, make_entries, make_id

PLAYLIST = r"GET /v1/playlists/\w+\?"
ITEMS = r"GET /v1/playlists/\w+/items"
TOKEN = r"POST /api/token"


@pytest.fixture
def server():
    with SpotifyServer() as running:
        running.add_playlist(PLAYLIST_ID, make_entries(3))
        yield running


def client_of(server, *, user=False, timeout=(5.0, 20.0), **variables):
    settings = load_settings(server.environment(user=user) | variables).spotify
    return SpotifyClient(settings, backoff_factor=0, timeout=timeout)


def refusal_of(kind, ask):
    with pytest.raises(kind) as caught:
        ask()
    return caught.value


class TestToken:
    def test_one_token_serves_all_calls(self, server):
        client = client_of(server)
        client.playlist(PLAYLIST_ID, None)
        client.playlist_page(PLAYLIST_ID, 0, None)
        assert server.count(TOKEN) == 1
        assert client.calls == server.count() == 3

    def test_nothing_is_asked_before_the_first_call(self, server):
        client_of(server)
        assert server.count() == 0

    def test_refresh_token_gives_the_users_token(self, server):
        client_of(server, user=True).playlist(PLAYLIST_ID, None)
        assert server.requests[0].form["grant_type"] == "refresh_token"
        assert server.requests[1].headers["authorization"] == f"Bearer {server.access_tokens['user']}"

    def test_token_near_its_end_is_renewed(self, server):
        short_lived = {"access_token": server.access_tokens["application"], "token_type": "Bearer", "expires_in": 30}
        server.answer_next(TOKEN, body=short_lived)
        client = client_of(server)
        client.playlist(PLAYLIST_ID, None)
        client.playlist(PLAYLIST_ID, None)
        client.playlist(PLAYLIST_ID, None)
        assert server.count(TOKEN) == 2

    def test_nothing_is_written_to_the_working_directory(self, server, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        client_of(server).playlist(PLAYLIST_ID, None)
        client_of(server, user=True).playlist(PLAYLIST_ID, None)
        assert list(tmp_path.iterdir()) == []

    def test_missing_credentials_are_named(self, server):
        variables = {"SPOTIFY_CLIENT_ID": "", "SPOTIFY_CLIENT_SECRET": ""}
        refusal = refusal_of(SourceRefusal, lambda: client_of(server, **variables).playlist(PLAYLIST_ID, None))
        assert "SPOTIFY_CLIENT_ID and SPOTIFY_CLIENT_SECRET" in refusal.what
        assert server.count() == 0

    def test_expired_refresh_token(self, server):
        client = client_of(server, SPOTIFY_REFRESH_TOKEN="consent-of-last-year")
        refusal = refusal_of(SourceRefusal, lambda: client.playlist(PLAYLIST_ID, None))
        assert "invalid_grant" in refusal.why
        assert "6 months" in refusal.why
        assert "spotify-assets auth" in refusal.remedy
        assert "SPOTIFY_REFRESH_TOKEN" in refusal.remedy

    def test_wrong_client_secret(self, server):
        client = client_of(server, SPOTIFY_CLIENT_SECRET="mistyped")
        refusal = refusal_of(SourceRefusal, lambda: client.playlist(PLAYLIST_ID, None))
        assert "invalid_client" in refusal.why
        assert "SPOTIFY_CLIENT_SECRET" in refusal.remedy

    def test_secret_that_is_not_ascii(self, server):
        client = client_of(server, SPOTIFY_CLIENT_SECRET="秘密")
        refusal = refusal_of(SourceRefusal, lambda: client.playlist(PLAYLIST_ID, None))
        assert "not copied cleanly" in refusal.why
        assert "秘密" not in str(refusal)

    def test_faults_of_the_token_endpoint_are_retried(self, server):
        server.answer_next(TOKEN, times=5, status=503)
        client_of(server).playlist(PLAYLIST_ID, None)
        assert server.count(TOKEN) == 6

    def test_token_endpoint_that_stays_down(self, server):
        server.answer_next(TOKEN, times=6, status=503, body="down")
        refusal = refusal_of(SourceUnavailable, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "503" in refusal.what
        assert "access token" in refusal.what

    def test_token_endpoint_that_limits(self, server):
        server.answer_next(TOKEN, status=429, headers={"Retry-After": "7"}, body={"error": "slow down"})
        refusal = refusal_of(RateLimited, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert refusal.retry_after == timedelta(seconds=7)

    @pytest.mark.parametrize(
        "body",
        [
            "<html>sign in</html>",
            [],
            None,
            {"access_token": "a"},
            {"expires_in": 3600},
            {"access_token": 5, "expires_in": 1},
        ],
    )
    @pytest.mark.parametrize("user", [False, True])
    def test_token_answer_of_another_shape(self, server, body, user):
        server.answer_next(TOKEN, body=body)
        refusal = refusal_of(SourceUnavailable, lambda: client_of(server, user=user).playlist(PLAYLIST_ID, None))
        assert server.url + "/api/token" in refusal.what

    @pytest.mark.parametrize("body", ["<html>", [], {"error": {"deep": [1]}}, {"error": None}, {}])
    def test_token_refusal_of_another_shape(self, server, body):
        server.answer_next(TOKEN, status=400, body=body)
        refusal = refusal_of(SourceRefusal, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "HTTP 400" in refusal.what

    def test_refresh_token_is_not_carried_along_a_redirect(self, server):
        with SpotifyServer() as elsewhere:
            server.answer_next(TOKEN, status=307, headers={"Location": f"{elsewhere.url}/api/token"})
            refusal_of(SourceUnavailable, lambda: client_of(server, user=True).playlist(PLAYLIST_ID, None))
            assert elsewhere.count() == 0


class TestRequests:
    def test_language_and_kinds_of_entries_are_asked_for(self, server):
        client_of(server, SPOTIFY_LANGUAGE="en-GB").playlist_page(PLAYLIST_ID, 0, "JP")
        asked = server.requests[-1]
        assert asked.headers["accept-language"] == "en-GB"
        assert asked.query == {"limit": "50", "offset": "0", "market": "JP", "additional_types": "track,episode"}

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_faults_are_retried(self, server, status):
        server.answer_next(PLAYLIST, times=5, status=status, body="fault")
        assert client_of(server).playlist(PLAYLIST_ID, None)["id"] == PLAYLIST_ID
        assert server.count(PLAYLIST[:-2] + "$") == 6

    def test_lasting_fault_keeps_its_status(self, server):
        server.answer_next(PLAYLIST, times=6, status=502, body="fault")
        refusal = refusal_of(SourceUnavailable, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "502" in refusal.what
        assert "later" in refusal.remedy

    def test_retry_after_of_a_503_is_not_slept(self, server):
        server.answer_next(PLAYLIST, status=503, headers={"Retry-After": "3600"})
        assert client_of(server).playlist(PLAYLIST_ID, None)["id"] == PLAYLIST_ID

    def test_dropped_connections_are_retried(self, server):
        server.drop_next(PLAYLIST, times=5)
        assert client_of(server).playlist(PLAYLIST_ID, None)["id"] == PLAYLIST_ID

    def test_server_that_only_drops(self, server):
        server.drop_next(PLAYLIST, times=6)
        refusal = refusal_of(SourceUnavailable, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert server.url in refusal.what
        assert "ConnectionError" in refusal.why
        assert "network" in refusal.remedy

    def test_nobody_listens(self):
        with SpotifyServer() as gone:
            client = client_of(gone)
        refusal = refusal_of(SourceUnavailable, lambda: client.playlist(PLAYLIST_ID, None))
        assert gone.url in refusal.what

    def test_answer_that_breaks_off(self, server):
        server.cut_next(PLAYLIST)
        refusal = refusal_of(SourceUnavailable, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "ChunkedEncodingError" in refusal.why

    def test_server_that_says_nothing(self, server):
        client = client_of(server, timeout=(5.0, 0.05))
        client.authenticate()
        server.hang_next(PLAYLIST, times=6)
        refusal = refusal_of(SourceUnavailable, lambda: client.playlist(PLAYLIST_ID, None))
        assert "timed out" in refusal.why

    def test_answer_that_is_not_json(self, server):
        server.answer_next(PLAYLIST, body="<html>Please sign in to the network</html>")
        refusal = refusal_of(SourceUnavailable, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "not JSON" in refusal.what
        assert "not certain" in refusal.why

    def test_answer_nested_beyond_reading(self, server):
        server.answer_next(PLAYLIST, body="[" * 100_000)
        refusal = refusal_of(SourceUnavailable, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "gave an answer that cannot be read (RecursionError)" in refusal.what

    @pytest.mark.parametrize("body", [[1], "5", '"text"'])
    def test_answer_that_is_no_object(self, server, body):
        server.answer_next(PLAYLIST, body=body)
        refusal = refusal_of(SourceRefusal, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "not an object" in refusal.why
        assert "SPOTIFY_API_URL" in refusal.remedy

    def test_batch_without_its_list(self, server):
        server.answer_next("GET /v1/albums/", body={"albums": None})
        refusal = refusal_of(SourceRefusal, lambda: client_of(server).albums(["a"], None))
        assert "`albums`" in refusal.why


class TestRefusals:
    """What happened, why, and what to do: each cause has its own text."""

    def refused(self, server, status, message, *, playlist_id=PLAYLIST_ID, user=False, pattern=ITEMS):
        server.refuse_next(pattern, status, message)
        client = client_of(server, user=user)
        refusal = refusal_of(RequestRefused, lambda: client.playlist_page(playlist_id, 0, None))
        assert refusal.status == status
        assert f"HTTP {status}" in refusal.what
        assert playlist_id in refusal.what
        assert repr(message) in refusal.why
        return refusal

    def test_spotify_owned_playlist(self, server):
        refusal = refusal_of(RequestRefused, lambda: client_of(server).playlist(SPOTIFY_OWNED_ID, None))
        assert "2024-11-27" in refusal.why
        assert "charts import" in refusal.remedy

    def test_unknown_playlist(self, server):
        refusal = self.refused(server, 404, "Resource not found")
        assert "2024-11-27" not in refusal.why
        assert "private" in refusal.why
        assert "does not say which" in refusal.why
        assert "playlist_id" in refusal.remedy

    def test_owner_without_premium(self, server):
        refusal = self.refused(server, 403, "Active premium subscription required for the owner of the app")
        assert "Premium" in refusal.why
        assert "renew Premium" in refusal.remedy

    def test_forbidden_without_a_user(self, server):
        refusal = self.refused(server, 403, "Forbidden")
        assert "most likely" in refusal.why
        assert "2026-02-11" in refusal.why
        assert "client credentials" in refusal.why
        assert "SPOTIFY_REFRESH_TOKEN" in refusal.remedy

    def test_forbidden_with_a_user(self, server):
        refusal = self.refused(server, 403, "Forbidden", user=True)
        assert "owns it or collaborates" in refusal.why
        assert "User Management" in refusal.why
        assert "User Management" in refusal.remedy

    def test_forbidden_on_a_spotify_owned_playlist(self, server):
        refusal = self.refused(server, 403, "Forbidden", user=True, playlist_id=SPOTIFY_OWNED_ID)
        assert "Spotify's own" in refusal.why

    def test_development_mode_with_somebody_elses_playlist(self):
        with SpotifyServer(mode="development") as server:
            server.add_playlist(PLAYLIST_ID, make_entries(3), owned=False)
            client = client_of(server, user=True)
            assert "items" not in client.playlist(PLAYLIST_ID, None)
            refusal = refusal_of(RequestRefused, lambda: client.playlist_page(PLAYLIST_ID, 0, None))
        assert "development mode" in refusal.why

    def test_address_that_is_gone(self, server):
        refusal = self.refused(server, 410, "Gone")
        assert "removed" in refusal.why
        assert "update" in refusal.remedy

    def test_token_that_is_not_accepted(self, server):
        refusal = self.refused(server, 401, "The access token expired", user=True)
        assert "access token" in refusal.why
        assert "spotify-assets auth" in refusal.remedy

    def test_after_a_401_the_next_call_gets_a_new_token(self, server):
        server.refuse_next(PLAYLIST, 401, "The access token expired")
        client = client_of(server)
        refusal_of(RequestRefused, lambda: client.playlist(PLAYLIST_ID, None))
        client.playlist(PLAYLIST_ID, None)
        assert server.count(TOKEN) == 2

    def test_bad_request(self, server):
        refusal = self.refused(server, 400, "Invalid base62 id")
        assert "playlist_id" in refusal.remedy

    def test_id_that_spotipy_itself_refuses(self, server):
        client = client_of(server)
        refusal = refusal_of(RequestRefused, lambda: client.playlist("spotify:local:x", None))
        assert refusal.status == 400
        assert server.count("playlists") == 0

    @pytest.mark.parametrize(
        "body", ["<html>no</html>", "", [], {"error": "text"}, {"error": {"message": 5}}, {"error": []}]
    )
    def test_error_bodies_of_any_shape(self, server, body):
        server.answer_next(PLAYLIST, status=403, body=body)
        refusal = refusal_of(RequestRefused, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert refusal.status == 403

    def test_long_pages_are_not_quoted_in_full(self, server):
        server.answer_next(PLAYLIST, status=403, body="<html>" + "x" * 100_000)
        refusal = refusal_of(RequestRefused, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert len(str(refusal)) < 2_000

    @requires_real_data
    def test_real_404(self, server):
        real = json.loads((REAL_DATA / "api" / "lib_pyspotify_error_404_playlist.json").read_text())
        server.answer_next(PLAYLIST, status=404, body=real)
        refusal = refusal_of(RequestRefused, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert "Resource not found" in refusal.why


class TestRateLimits:
    def limited(self, server, *, headers=None, **error):
        body = {"error": {"status": 429, "message": "API rate limit exceeded", **error}}
        server.answer_next(PLAYLIST, status=429, headers=headers, body=body)
        client = client_of(server)
        return client, refusal_of(RateLimited, lambda: client.playlist(PLAYLIST_ID, None))

    @pytest.mark.parametrize(
        ("seconds", "short"), [("0", True), ("1", True), ("60", True), ("61", False), ("81654", False)]
    )
    def test_wait_that_spotify_names(self, server, seconds, short):
        _, refusal = self.limited(server, headers={"Retry-After": seconds})
        assert refusal.retry_after == timedelta(seconds=int(seconds))
        assert refusal.short is short
        assert server.count("playlists") == 1

    def test_wait_as_an_http_date(self, server):
        moment = datetime.now(tz=UTC) + timedelta(hours=1)
        _, refusal = self.limited(server, headers={"Retry-After": format_datetime(moment, usegmt=True)})
        assert timedelta(minutes=59) < refusal.retry_after <= timedelta(hours=1)
        assert not refusal.short

    def test_a_limit_met_by_albums_does_not_keep_another_list_from_being_read(self, server):
        server.answer_next("/albums", status=429, headers={"Retry-After": "7200"}, body={})
        client = client_of(server)
        with pytest.raises(RateLimited):
            client.albums([make_id("album", 1)], "JP")
        assert client.playlist(PLAYLIST_ID, None)["id"] == PLAYLIST_ID
        with pytest.raises(RateLimited, match="was not asked"):
            client.artists([make_id("artist", 1)])

    @pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"Retry-After": "-5"}, {"Retry-After": "9" * 30}])
    def test_wait_that_spotify_does_not_name(self, server, headers):
        _, refusal = self.limited(server, headers=headers)
        assert refusal.retry_after == timedelta(seconds=30)
        assert refusal.short
        assert "did not say" in refusal.why

    def test_it_says_when_to_come_back(self, server):
        before = datetime.now(tz=UTC)
        _, refusal = self.limited(server, headers={"Retry-After": "7200"})
        assert "2 h 0 min" in refusal.why
        japan, utc = re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", refusal.remedy)
        moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
        assert timedelta(seconds=7199) <= moment - before <= timedelta(seconds=7210)
        assert datetime.fromisoformat(japan) - datetime.fromisoformat(utc) == timedelta(hours=9)
        assert "Japan time" in refusal.remedy

    def test_quota_is_never_short(self, server):
        _, refusal = self.limited(server, headers={"Retry-After": "5"}, reason="QUOTA_EXCEEDED")
        assert not refusal.short
        assert refusal.retry_after == timedelta(seconds=5)
        assert "QUOTA_EXCEEDED" in refusal.why
        assert "developer account" in refusal.why

    def test_quota_without_a_time(self, server):
        client, refusal = self.limited(server, reason="QUOTA_EXCEEDED")
        assert refusal.retry_after is None
        assert not refusal.short
        assert "did not say when" in refusal.remedy
        again = refusal_of(RateLimited, lambda: client.playlist(PLAYLIST_ID, None))
        assert again.retry_after is None
        assert not again.short

    def test_spotify_is_left_alone_until_the_wait_is_over(self, server):
        client, first = self.limited(server, headers={"Retry-After": "50"})
        again = refusal_of(RateLimited, lambda: client.artist("a"))
        assert server.count() == 2
        assert timedelta(seconds=40) < again.retry_after <= timedelta(seconds=50)
        assert again.short
        assert again.remedy == first.remedy

    def test_after_the_wait_it_is_asked_again(self, server):
        client, _ = self.limited(server, headers={"Retry-After": "0"})
        assert client.playlist(PLAYLIST_ID, None)["id"] == PLAYLIST_ID

    @requires_real_data
    def test_real_429(self, server):
        real = json.loads((REAL_DATA / "api" / "lib_pyspotify_error_429.json").read_text())
        server.answer_next(PLAYLIST, status=429, headers={"Retry-After": "763"}, body=real)
        refusal = refusal_of(RateLimited, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert refusal.retry_after == timedelta(seconds=763)


def echo(request):
    """An error that repeats what the request brought, as careless servers do."""
    return {"error": {"message": f"bad request: {request.headers} {request.form}", "reason": "echo"}}


def echo_token(request):
    return {"error": "invalid_request", "error_description": f"bad request: {request.headers} {request.form}"}


class TestSecrets:
    @pytest.fixture(autouse=True)
    def log_everything(self, caplog):
        """Every logger that exists at DEBUG, set after the project's own set-up, as a curious user would."""
        names = [None, *logging.root.manager.loggerDict]
        levels = {name: logging.getLogger(name).level for name in names}
        for name in names:
            logging.getLogger(name).setLevel(logging.DEBUG)
        yield
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

    @pytest.fixture
    def secrets(self, server):
        pair = f"{server.client_id}:{server.client_secret}"
        return [
            server.client_secret,
            server.refresh_token,
            *server.access_tokens.values(),
            base64.b64encode(pair.encode()).decode(),
        ]

    def everything_shown(self, caplog, capfd, *more):
        captured = capfd.readouterr()
        records = "".join(f"{record.getMessage()} {record.exc_text} {record.args}" for record in caplog.records)
        return "".join([captured.out, captured.err, records, *more])

    def check(self, shown, secrets):
        assert [secret for secret in secrets if secret in shown] == []

    def test_the_wire_is_really_logged(self, server, caplog):
        client_of(server).playlist(PLAYLIST_ID, None)
        assert f"/v1/playlists/{PLAYLIST_ID}" in caplog.text

    @pytest.mark.parametrize("user", [False, True])
    def test_when_all_goes_well(self, server, secrets, caplog, capfd, user):
        client = client_of(server, user=user)
        client.playlist(PLAYLIST_ID, None)
        client.albums(list(server.albums), "JP")
        self.check(self.everything_shown(caplog, capfd, repr(client), str(client)), secrets)

    @pytest.mark.parametrize("user", [False, True])
    @pytest.mark.parametrize(
        ("pattern", "status", "body"),
        [
            (PLAYLIST, 403, echo),
            (PLAYLIST, 400, lambda request: json.dumps(request.headers)),
            (PLAYLIST, 429, echo),
            (PLAYLIST, 401, lambda request: {"error": request.headers["authorization"]}),
            (PLAYLIST, 200, lambda request: request.headers["authorization"]),
            (TOKEN, 400, echo_token),
            (TOKEN, 401, lambda request: f"{request.headers} {request.form}"),
            (TOKEN, 200, lambda request: {"access_token": request.form, "expires_in": 3600}),
        ],
    )
    def test_when_a_server_repeats_them(self, server, secrets, caplog, capfd, user, pattern, status, body):
        server.answer_next(pattern, status=status, body=body)
        client = client_of(server, user=user)
        refusal = refusal_of(Refusal, lambda: client.playlist(PLAYLIST_ID, None))
        trace = "".join(traceback.format_exception(refusal))
        self.check(self.everything_shown(caplog, capfd, trace, repr(refusal), repr(vars(refusal))), secrets)

    def test_no_other_exception_hangs_on_a_refusal(self, server):
        server.refuse_next(PLAYLIST, 403, "Forbidden")
        refusal = refusal_of(Refusal, lambda: client_of(server).playlist(PLAYLIST_ID, None))
        assert refusal.__cause__ is None
        assert refusal.__context__ is None

    def test_when_the_connection_fails(self, server, secrets, caplog, capfd):
        client = client_of(server, user=True)
        client.authenticate()
        server.drop_next(PLAYLIST, times=6)
        refusal = refusal_of(Refusal, lambda: client.playlist(PLAYLIST_ID, None))
        self.check(self.everything_shown(caplog, capfd, "".join(traceback.format_exception(refusal))), secrets)

    def test_settings_do_not_show_them(self, server, secrets):
        settings = load_settings(server.environment(user=True))
        self.check(f"{settings!r} {settings} {settings.spotify!r}", secrets)


@pytest.mark.slow
def test_the_source_is_imported_without_spotipy():
    code = (
        "import sys, spotify_assets.sources.spotify.spotify_source; print({'spotipy', 'requests'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
