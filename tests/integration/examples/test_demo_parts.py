"""The demo's own parts: telling, comparing, processes, devices, the browser."""

import io
import signal
import sys
from pathlib import Path

import httpx
import pyotp
import pytest

from examples.demo.browser import BrokenPageError, Browser
from examples.demo.cast import cast_for
from examples.demo.devices import AuthenticatorApp
from examples.demo.play import steps_for
from examples.demo.processes import Processes, clean_environment, free_port, run
from examples.demo.stage import Stage
from examples.demo.story import Deviation, Step, Story, expect, expect_in

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def fails() -> tuple[str, ...]:
    raise Deviation("not as promised")


def test_each_step_is_one_numbered_line_with_its_details_below() -> None:
    stream = io.StringIO()
    Story(stream).tell([Step(f"step {place}", lambda: ("detail",)) for place in range(10)])
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("[ 1/10] step 0 … ok (")
    assert lines[1] == "        detail"
    assert len(lines) == 20
    assert "\x1b" not in stream.getvalue()


def test_colour_is_for_terminals_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), Terminal()
    Story(coloured).tell([Step("a", lambda: ())])
    monkeypatch.setenv("NO_COLOR", "1")
    Story(plain).tell([Step("a", lambda: ())])
    assert "\x1b[32mok" in coloured.getvalue()
    assert "\x1b" not in plain.getvalue()


def test_a_failed_step_says_so_and_nothing_follows() -> None:
    stream = io.StringIO()
    with pytest.raises(Deviation, match="not as promised"):
        Story(stream).tell([Step("a", fails), Step("b", lambda: ())])
    assert stream.getvalue() == "[1/2] a … FAILED\n"


def test_comparisons_say_what_was_expected_and_found() -> None:
    expect("colour", "red", "red")
    with pytest.raises(Deviation, match="colour: expected 'red', found 'blue'"):
        expect("colour", "blue", "red")
    expect_in("words", "b", "abc")
    with pytest.raises(Deviation, match="words: expected 'x' in 'abc'"):
        expect_in("words", "x", "abc")


def test_the_authenticator_app_never_types_a_code_twice() -> None:
    at = [3000.0]
    app = AuthenticatorApp(SECRET, lambda: at[0])
    codes = [app.code(), app.code()]
    at[0] += 30
    codes.append(app.code())
    assert codes == [pyotp.TOTP(SECRET).at(second) for second in (3000, 3030, 3060)]


def test_a_wrong_code_is_wrong_for_every_near_step() -> None:
    app = AuthenticatorApp(SECRET, lambda: 3000.0)
    near = {pyotp.TOTP(SECRET).at(3000 + 30 * away) for away in range(-3, 4)}
    assert app.wrong_code() not in near


def test_settings_of_ours_and_proxies_do_not_reach_the_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MFA_ISSUER", "AS_PORT", "STEPUP_ISSUER", "SHOP_PORT", "HTTPS_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("KEPT", "x")
    kept = clean_environment()
    assert kept["KEPT"] == "x"
    assert not [name for name in kept if name.startswith(("MFA_", "AS_", "SHOP_", "STEPUP_"))]
    assert not [name for name in kept if name.lower().endswith("_proxy")]


def test_a_command_that_fails_is_a_deviation_with_its_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; input(); sys.exit('no')"]
    with pytest.raises(Deviation, match=r"no$") as failure:
        run(command, environment={}, at=tmp_path, typed="a secret\n")
    assert "a secret" not in str(failure.value)


def test_a_server_is_ready_when_start_returns_and_stopped_after_the_block(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", address.split(":")[2]]
    with Processes(tmp_path) as processes:
        processes.start("files", command, environment={}, at=tmp_path, ready=address)
        assert httpx.get(address, trust_env=False).status_code == 200
        assert "GET /" in processes.logs()["files"]
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)


def test_a_server_that_dies_is_a_deviation_and_its_log_is_shown(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('my last words'); raise SystemExit(3)"]
    with Processes(tmp_path) as processes:
        with pytest.raises(Deviation, match="the thing stopped with status 3"):
            processes.start(
                "thing", command, environment={}, at=tmp_path, ready="http://127.0.0.1:1/"
            )
        words = processes.last_words()
    assert "thing (stopped with status 3)" in words
    assert "my last words" in words


def test_a_server_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    port = free_port()
    stubborn = (
        "import http.server, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"http.server.HTTPServer(('127.0.0.1', {port}),"
        " http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    address = f"http://127.0.0.1:{port}"
    with Processes(tmp_path, stop_seconds=0.2) as processes:
        processes.start(
            "stubborn", [sys.executable, "-c", stubborn], environment={}, at=tmp_path, ready=address
        )
    assert f"stopped with status {-signal.SIGKILL}" in processes.last_words()


PAGE = """<main class="card"><form id="f" method="post" action="next"><input name="a" value="1">
<input type="hidden" name="b" value="&quot;2"></form><p id="p">one<br>two <b>three</b></p>
<ol><li class="x">4</li><li class="x">5</li></ol><a id="l" href="/other">go</a></main>"""


def browser_of(handler: httpx.MockTransport) -> Browser:
    return Browser(httpx.Client(transport=handler))


def test_the_browser_fills_in_forms_and_reads_elements() -> None:
    sent: list[httpx.Request] = []

    def serve(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, text=PAGE)

    browser = browser_of(httpx.MockTransport(serve))
    page = browser.open("https://a.example/x/y")
    assert page.text("p") == "one two three"
    assert page.texts("x") == ["4", "5"]
    browser.submit("f", a="changed")
    assert str(sent[-1].url) == "https://a.example/x/next"
    assert sent[-1].content == b"a=changed&b=%222"
    assert sent[-1].headers["Origin"] == "https://a.example"
    browser.follow("l")
    assert str(sent[-1].url) == "https://a.example/other"


def test_a_page_that_is_not_as_expected_is_named_without_its_query() -> None:
    browser = browser_of(httpx.MockTransport(lambda _: httpx.Response(200, text=PAGE)))
    page = browser.open("https://a.example/x?secret=1")
    for look in (
        lambda: page.form("none"),
        lambda: page.text("none"),
        lambda: browser.submit("f", none="1"),
    ):
        with pytest.raises(BrokenPageError, match=r"https://a\.example/x") as failure:
            look()
        assert "secret=1" not in str(failure.value)


HOSTED = """<main data-state="/s" class="card end"><form method="post" action="/x/answers">
<input name="code"></form><a href="/back?method=push">a</a><a href="?method=totp">b</a></main>"""
LEADING = '<noscript><meta http-equiv="refresh" content="0;url=/next?a=1&amp;b=2"></noscript>'


def test_the_browser_finds_its_way_on_pages_without_ids() -> None:
    browser = browser_of(httpx.MockTransport(lambda _: httpx.Response(200, text=HOSTED)))
    page = browser.open("https://a.example/x/y")
    assert page.form("answers").fields == {"code": ""}
    assert page.first("data-state") == "/s"
    assert page.links("method=") == [
        "https://a.example/back?method=push",
        "https://a.example/x/y?method=totp",
    ]
    assert page.words == "ab"
    with pytest.raises(BrokenPageError, match="no link to 'nowhere'"):
        page.links("nowhere")
    with pytest.raises(BrokenPageError, match="no data-none"):
        page.first("data-none")


def test_the_browser_goes_where_a_page_leads_at_once() -> None:
    pages = {"/": LEADING, "/next": "<p id='p'>there</p>"}
    browser = browser_of(
        httpx.MockTransport(lambda request: httpx.Response(200, text=pages[request.url.path]))
    )
    assert browser.open("https://a.example/").text("p") == "there"
    assert browser.trail == ["https://a.example/", "https://a.example/next?a=1&b=2"]
    assert browser.history == browser.trail


def test_what_opens_something_is_noted_to_be_looked_for_in_logs(tmp_path: Path) -> None:
    with cast_for(Stage(tmp_path, Processes(tmp_path))) as cast:
        cast.alice.browser.history = [
            "http://localhost:1/challenge/chl_1.the-secret-of-the-link",
            "http://localhost:1/account/link/the-secret-of-another",
            "http://localhost:2/stepup/return?state=s&return_code=r",
            "http://localhost:3/callback?code=c&iss=i",
            "http://localhost:3/style.css",
        ]
        seen = cast.alice.secrets_seen()
    assert seen == ["the-secret-of-the-link", "the-secret-of-another", "r", "c"]


def test_endless_redirects_end() -> None:
    answer = httpx.Response(302, headers={"Location": "/again"})
    browser = browser_of(httpx.MockTransport(lambda _: answer))
    with pytest.raises(BrokenPageError, match="too many redirects"):
        browser.open("https://a.example/")


def test_the_steps_have_titles_of_their_own_and_the_report_comes_after_all_changes(
    tmp_path: Path,
) -> None:
    with cast_for(Stage(tmp_path, Processes(tmp_path))) as cast:
        titles = [step.title for step in steps_for(cast)]
    assert len(set(titles)) == len(titles)
    report = titles.index("a payment is reported as fraud")
    assert all(titles.index(title) < report for title in titles if " adds " in title)
