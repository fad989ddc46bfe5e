"""`spotify-assets auth`: from a person's consent to a line in an env file, and every way in which it can fail."""

from __future__ import annotations

import base64
import logging
import os
import socket
import threading
import traceback
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from click.testing import CliRunner

from spotify_assets.cli.main import main
from spotify_assets.errors import SettingsError, SourceRefusal, SourceUnavailable
from spotify_assets.partitions import today_in_japan
from spotify_assets.settings import load_settings
from spotify_assets.sources.spotify.client import REDIRECT_URI
from spotify_assets.sources.spotify.consent import obtain_refresh_token, write_refresh_token
from spotify_assets_tests.stand_ins.spotify import SpotifyServer

TOKEN = r"POST /api/token"
CODE = "c0de-of-one-consent"
REFRESH_TOKEN = "r3fresh-token-of-user"
ACCESS_TOKEN = "acc3ss-token-of-user"
ANSWER = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600, "refresh_token": REFRESH_TOKEN}
ORIGIN = REDIRECT_URI.removesuffix("/callback")
LINE = f"SPOTIFY_REFRESH_TOKEN={REFRESH_TOKEN}\nSPOTIFY_REFRESH_TOKEN_SINCE={today_in_japan()}"


@pytest.fixture
def server():
    with SpotifyServer() as running:
        yield running


def consent(address, **changes):
    """The address at which the browser of a person who consents ends, with other parameters if so wanted."""
    state = parse_qs(urlsplit(address).query)["state"][0]
    parameters = {"code": CODE, "state": state, **changes}
    return f"{REDIRECT_URI}?{urlencode({name: value for name, value in parameters.items() if value is not None})}"


def obtain(server, ask=consent, **environment):
    return obtain_refresh_token(load_settings({**server.environment(), **environment}).spotify, ask)


def refusal_of(kind, server, ask=consent, **environment):
    """The refusal; neither it nor its causes show a secret."""
    with pytest.raises(kind) as caught:
        obtain(server, ask, **environment)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert secrets_in(shown, server) == []
    return caught.value


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def secrets_in(shown, server):
    basic = base64.b64encode(f"{server.client_id}:{server.client_secret}".encode()).decode()
    return [secret for secret in (server.client_secret, basic, CODE, REFRESH_TOKEN, ACCESS_TOKEN) if secret in shown]


class TestObtaining:
    def test_the_address_to_open_asks_for_what_is_needed_and_no_more(self, server):
        server.answer_next(TOKEN, body=ANSWER)
        opened = []
        obtain(server, lambda address: opened.append(address) or consent(address))
        (address,) = opened
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith("https://accounts.spotify.com/authorize?")
        assert query["client_id"] == server.client_id
        assert query["response_type"] == "code"
        assert query["redirect_uri"] == REDIRECT_URI
        assert sorted(query["scope"].split()) == ["playlist-read-collaborative", "playlist-read-private"]
        assert secrets_in(address, server) == []

    def test_the_code_is_exchanged_for_the_refresh_token(self, server):
        server.answer_next(TOKEN, body=ANSWER)
        assert obtain(server) == REFRESH_TOKEN
        (request,) = server.requests
        basic = base64.b64encode(f"{server.client_id}:{server.client_secret}".encode()).decode()
        assert request.headers["authorization"] == f"Basic {basic}"
        assert (request.form["grant_type"], request.form["code"]) == ("authorization_code", CODE)
        assert request.form["redirect_uri"] == REDIRECT_URI

    def test_blanks_around_the_pasted_address_do_not_matter(self, server):
        server.answer_next(TOKEN, body=ANSWER)
        assert obtain(server, lambda address: f"  {consent(address)}\n") == REFRESH_TOKEN

    def test_each_attempt_has_a_state_of_its_own(self, server):
        states = []

        def give_up(address):
            states.append(parse_qs(urlsplit(address).query)["state"][0])
            return ""

        for _ in range(2):
            refusal_of(SourceRefusal, server, give_up)
        first, second = states
        assert first != second
        assert min(map(len, states)) >= 20


class TestRefusals:
    @pytest.mark.parametrize(
        "changes", [{"state": "of-another-attempt"}, {"state": None}, {"state": ""}, {"code": None}, {"code": ""}]
    )
    def test_an_address_of_another_attempt_or_without_a_code_is_refused_unasked(self, server, changes):
        refusal = refusal_of(SourceRefusal, server, lambda address: consent(address, **changes))
        assert refusal.why == "the address holds no code of this attempt"
        assert "spotify-assets auth" in refusal.remedy
        assert server.count() == 0

    @pytest.mark.parametrize("pasted", ["", "what?", "http://[::1", "http://[no]/?code=1", f"?code={CODE}", "\0夜"])
    def test_pasted_nonsense_is_refused_unasked(self, server, pasted):
        assert "no code" in refusal_of(SourceRefusal, server, lambda _: pasted).why
        assert server.count() == 0

    def test_a_denied_consent_is_told_as_such(self, server):
        refusal = refusal_of(SourceRefusal, server, lambda address: consent(address, code=None, error="access_denied"))
        assert "denied in the browser" in refusal.why
        assert server.count() == 0

    def test_other_errors_in_the_address_are_not_repeated(self, server):
        refusal_of(SourceRefusal, server, lambda address: consent(address, error=f"bad {CODE}"))
        assert server.count() == 0

    def test_a_code_that_was_used_is_told_as_such(self, server):
        server.answer_next(TOKEN, status=400, body={"error": "invalid_grant", "error_description": f"Bad {CODE}"})
        assert "used before" in refusal_of(SourceRefusal, server).why

    def test_a_wrong_client_secret_leads_to_the_apps_page(self, server):
        server.answer_next(TOKEN, status=400, body={"error": "invalid_client"})
        refusal = refusal_of(SourceRefusal, server)
        assert "client secret is wrong" in refusal.why
        assert "SPOTIFY_CLIENT_SECRET" in refusal.remedy

    @pytest.mark.parametrize("token", [None, "", 5, "a\nB=c", "a b"])
    def test_an_answer_without_a_usable_refresh_token_is_refused(self, server, token):
        server.answer_next(TOKEN, body={**ANSWER, "refresh_token": token})
        assert "holds no refresh token" in refusal_of(SourceRefusal, server).why

    def test_an_answer_with_an_access_token_only_is_refused(self, server):
        server.answer_next(TOKEN, body={"access_token": ACCESS_TOKEN, "expires_in": 3600})
        assert "holds no refresh token" in refusal_of(SourceRefusal, server).why

    @pytest.mark.parametrize("status", [200, 400, 500])
    @pytest.mark.parametrize("body", [[], None, 5, {}, {"error": {"message": "no"}}, {"error": ["no"]}])
    def test_answers_of_another_shape_are_refused(self, server, status, body):
        server.answer_next(TOKEN, status=status, body=body)
        assert "form that is not Spotify's" in refusal_of(SourceRefusal, server).why

    @pytest.mark.parametrize("status", [400, 503])
    def test_a_server_that_repeats_what_it_was_sent_is_not_quoted(self, server, status):
        server.answer_next(
            TOKEN,
            status=status,
            body=lambda request: {"error": f"{request.form} {request.headers}", "error_description": str(request.form)},
        )
        refusal_of(SourceRefusal, server)

    def test_a_sign_in_page_is_no_answer_of_spotify(self, server):
        server.answer_next(TOKEN, body="<html>Sign in</html>")
        assert "not the token endpoint's" in refusal_of(SourceUnavailable, server).why

    def test_a_token_endpoint_that_is_down_is_named(self, server):
        with SpotifyServer() as closed:
            address = f"{closed.url}/api/token"
        refusal = refusal_of(SourceUnavailable, server, SPOTIFY_TOKEN_URL=address)
        assert address in refusal.what
        assert "network" in refusal.remedy

    def test_a_broken_connection_is_unavailability(self, server):
        server.drop_next(TOKEN)
        refusal_of(SourceUnavailable, server)

    @pytest.mark.parametrize("status", [302, 307, 308])
    def test_the_code_is_not_carried_along_a_redirect(self, server, status):
        with SpotifyServer() as elsewhere:
            server.answer_next(TOKEN, status=status, headers={"Location": f"{elsewhere.url}/api/token"})
            refusal_of(SourceUnavailable, server)
            assert elsewhere.count() == 0

    def test_without_an_app_nobody_is_asked_to_consent(self):
        with pytest.raises(SettingsError) as caught:
            obtain_refresh_token(load_settings({}).spotify, pytest.fail)
        assert "SPOTIFY_CLIENT_ID" in caught.value.what
        assert REDIRECT_URI in caught.value.remedy

    def test_a_secret_that_was_not_copied_cleanly_is_refused_before_anybody_consents(self, server):
        refusal = refusal_of(SettingsError, server, pytest.fail, SPOTIFY_CLIENT_SECRET="秘密")
        assert "not ASCII" in refusal.what
        assert "秘密" not in str(refusal)


class TestBrowser:
    @pytest.fixture
    def uri(self, monkeypatch):
        """The redirect URI, at a port that is free on this machine."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            uri = f"http://127.0.0.1:{free.getsockname()[1]}/callback"
        monkeypatch.setattr("spotify_assets.sources.spotify.consent.REDIRECT_URI", uri)
        return uri

    @pytest.fixture
    def browse(self, uri, monkeypatch):
        """Give this machine a browser that goes to some addresses, made from that of the consent."""
        threads = []

        def browse(*visits):
            def visit_all(address):
                for visit in visits:
                    requests.get(visit(address).replace(ORIGIN, uri.removesuffix("/callback")), timeout=10)

            def open_browser(address):
                threads.append(threading.Thread(target=visit_all, args=(address,)))
                threads[-1].start()
                return True

            monkeypatch.setattr("webbrowser.open", open_browser)

        yield browse
        for thread in threads:
            thread.join()

    def wait(self, server, ask=pytest.fail):
        return obtain_refresh_token(load_settings(server.environment()).spotify, ask, browser=True)

    def test_the_code_arrives_without_anything_to_paste(self, server, uri, browse):
        browse(consent)
        server.answer_next(TOKEN, body=ANSWER)
        assert self.wait(server) == REFRESH_TOKEN
        assert server.requests[0].form["code"] == CODE
        assert server.requests[0].form["redirect_uri"] == uri

    def test_what_comes_from_elsewhere_does_not_count(self, server, browse):
        browse(
            lambda _: f"{ORIGIN}/favicon.ico",
            lambda address: consent(address, state="of-another-attempt", code="of-another-attempt"),
            lambda address: consent(address, state=None, code="of-nobody"),
            consent,
        )
        server.answer_next(TOKEN, body=ANSWER)
        assert self.wait(server) == REFRESH_TOKEN
        assert [request.form["code"] for request in server.requests] == [CODE]

    def test_a_connection_that_sends_nothing_is_not_waited_for(self, server, uri, browse):
        with socket.socket() as silent:
            browse(lambda address: silent.connect(("127.0.0.1", urlsplit(uri).port)) or consent(address))
            server.answer_next(TOKEN, body=ANSWER)
            assert self.wait(server) == REFRESH_TOKEN

    def test_a_denied_consent_is_told_as_such(self, server, browse):
        browse(lambda address: consent(address, code=None, error="access_denied"))
        with pytest.raises(SourceRefusal, match="denied in the browser"):
            self.wait(server)
        assert server.count() == 0

    def test_without_a_browser_the_address_is_pasted(self, server, uri, monkeypatch):
        monkeypatch.setattr("webbrowser.open", lambda _: False)
        server.answer_next(TOKEN, body=ANSWER)
        assert self.wait(server, consent) == REFRESH_TOKEN

    def test_a_port_that_is_taken_is_refused_before_anybody_consents(self, server, uri, monkeypatch):
        monkeypatch.setattr("webbrowser.open", pytest.fail)
        with socket.create_server(("127.0.0.1", urlsplit(uri).port)):
            with pytest.raises(SourceRefusal, match="in use") as caught:
                self.wait(server)
            assert uri in caught.value.what
            assert "--no-browser" in caught.value.remedy


class TestEnvFile:
    def test_it_is_made_when_missing_and_readable_by_its_owner_alone(self, tmp_path):
        write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        assert (tmp_path / ".env").read_text() == f"{LINE}\n"
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
        assert names_in(tmp_path) == [".env"]

    def test_a_generous_umask_does_not_open_it(self, tmp_path):
        before = os.umask(0)
        try:
            write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        finally:
            os.umask(before)
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600

    def test_other_lines_stay_as_they_are(self, tmp_path):
        other = "# 設定\nSPOTIFY_CLIENT_ID='a b'\n\n  N = v # why\nMY_SPOTIFY_REFRESH_TOKEN=x\nSPOTIFY_REFRESH_TOKENS=y"
        (tmp_path / ".env").write_text(other, encoding="utf-8")
        write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        assert (tmp_path / ".env").read_text(encoding="utf-8") == f"{other}\n{LINE}\n"

    @pytest.mark.parametrize(
        "old",
        [
            "SPOTIFY_REFRESH_TOKEN=old",
            " export  SPOTIFY_REFRESH_TOKEN = 'old'",
            "SPOTIFY_REFRESH_TOKEN_SINCE=2020-01-01",
        ],
    )
    def test_an_old_value_is_replaced_and_the_file_closed_to_others(self, tmp_path, old):
        (tmp_path / ".env").write_text(f"A=1\n{old}\nB=2\n")
        (tmp_path / ".env").chmod(0o644)
        write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        assert (tmp_path / ".env").read_text() == f"A=1\nB=2\n{LINE}\n"
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600

    def test_writing_twice_changes_nothing(self, tmp_path):
        write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        assert (tmp_path / ".env").read_text() == f"{LINE}\n"

    def test_what_an_interrupted_attempt_left_does_not_open_it(self, tmp_path):
        (tmp_path / "..env.tmp").write_text("half")
        (tmp_path / "..env.tmp").chmod(0o666)
        write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600

    def test_a_folder_that_is_not_there_is_refused(self, tmp_path):
        with pytest.raises(SettingsError) as caught:
            write_refresh_token(tmp_path / "nowhere" / ".env", REFRESH_TOKEN)
        assert "nowhere" in caught.value.what
        assert "--env-file" in caught.value.remedy
        assert REFRESH_TOKEN not in "".join(traceback.format_exception(caught.value))

    def test_a_file_that_is_not_text_is_refused_and_stays(self, tmp_path):
        (tmp_path / ".env").write_bytes(b"\xff\xfe")
        with pytest.raises(SettingsError, match="not UTF-8"):
            write_refresh_token(tmp_path / ".env", REFRESH_TOKEN)
        assert (tmp_path / ".env").read_bytes() == b"\xff\xfe"


class TestCommand:
    @pytest.fixture
    def paste(self, server, tmp_path, monkeypatch, caplog):
        """Run the command as a person who pastes this; what it printed, and whatever was logged, DEBUG included."""
        caplog.set_level(logging.DEBUG)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("spotify_assets.sources.spotify.consent.secrets.token_urlsafe", lambda _: "the-state")
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)

        def paste(address, *arguments):
            result = CliRunner().invoke(main, ["auth", "--no-browser", *arguments], input=f"{address}\n")
            assert secrets_in(result.output + caplog.text, server) == []
            assert "urllib3" in caplog.text or server.count() == 0
            return result

        return paste

    def test_the_refresh_token_is_in_the_env_file_and_nothing_secret_on_the_screen(self, server, paste, tmp_path):
        server.answer_next(TOKEN, body=ANSWER)
        result = paste(f"{REDIRECT_URI}?code={CODE}&state=the-state")
        assert result.exit_code == 0, result.output
        assert (tmp_path / ".env").read_text() == f"{LINE}\n"
        assert "https://accounts.spotify.com/authorize?" in result.stdout
        assert ".env, readable by you alone" in result.stdout

    def test_another_env_file_can_be_named(self, server, paste, tmp_path):
        server.answer_next(TOKEN, body=ANSWER)
        assert paste(f"{REDIRECT_URI}?code={CODE}&state=the-state", "--env-file", "private.env").exit_code == 0
        assert names_in(tmp_path) == ["private.env"]

    def test_a_failure_ends_with_1_and_leaves_the_env_file_alone(self, server, paste, tmp_path):
        (tmp_path / ".env").write_text("SPOTIFY_REFRESH_TOKEN=old\n")
        server.answer_next(TOKEN, status=400, body=lambda request: {"error": str(request)})
        result = paste(f"{REDIRECT_URI}?code={CODE}&state=the-state")
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-3] == "No refresh token was given."
        assert (tmp_path / ".env").read_text() == "SPOTIFY_REFRESH_TOKEN=old\n"

    def test_an_address_of_another_attempt_ends_with_1(self, paste, tmp_path):
        result = paste(f"{REDIRECT_URI}?code={CODE}&state=another")
        assert result.exit_code == 1
        assert "no code of this attempt" in result.stderr
        assert names_in(tmp_path) == []
