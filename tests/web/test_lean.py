"""Static files as they travel."""

import gzip
import os
from pathlib import Path

import pytest
from starlette.requests import Request

from realtime.core.errors import Refusal
from realtime.web.lean import Packets, lean
from realtime.web.pages import STATIC, Pages
from tests.journey.stages import Stage

SOURCES = sorted(path for path in STATIC.rglob("*") if path.suffix in (".js", ".css"))


def test_only_whole_comments_blank_lines_and_indentation_go() -> None:
    source = """/**
 * What it does.
 * @param {string} a
 */
export function f(a) {
  // why
  const url = "http://x"; // stays: it is not alone
  /* one line */
  /* kept */ g();

  return a;
}
"""
    wanted = 'export function f(a) {\nconst url = "http://x"; // stays: it is not alone\n/* kept */ g();\nreturn a;\n}\n'
    assert lean(source) == wanted


def test_no_text_of_ours_spans_lines() -> None:
    """Making a file lean line by line would change such a text."""
    assert len(SOURCES) > 100
    for path in SOURCES:
        uneven = [line for line in path.read_text(encoding="utf-8").splitlines() if line.count("`") % 2]
        assert not uneven, (path, uneven)


def test_a_file_is_packed_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.js"
    path.write_text("// one\nf();\n")
    packets = Packets()
    first = packets.pack(path)
    assert packets.pack(path) is first
    assert first.gzipped is not None
    assert gzip.decompress(first.gzipped) == first.plain == b"f();\n"
    path.write_text("g();\n")
    os.utime(path, (1, 1))
    assert packets.pack(path).plain == b"g();\n"


async def test_a_known_file_is_not_sent_again(stage: Stage) -> None:
    http = stage.http
    page = (await http.get("/", headers={"accept": "text/html"})).text
    version = page.partition("/static/")[2].partition("/")[0]
    first = await http.get(f"/static/{version}/app/dom.js", headers={"accept-encoding": "gzip"})
    assert first.headers["content-encoding"] == "gzip"
    assert "immutable" in first.headers["cache-control"]
    assert first.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in first.headers, "half a kilobyte that binds nothing"
    again = await http.get(f"/static/{version}/app/dom.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["a" * 300, "x\0y", "/etc/passwd", "../pages.py", "pages/join.html", ""])
async def test_a_name_that_no_file_can_have_is_not_found(name: str) -> None:
    request = Request({"type": "http", "headers": [], "path_params": {"version": "v", "path": name}})
    with pytest.raises(Refusal, match="not_found"):
        await Pages("v").static(request)


@pytest.mark.parametrize(("text", "status"), [("x" * 300, 200), ("é" * 150, 200), ("x" * 301, 422), ("é" * 151, 422), ("", 422)])
async def test_a_qr_code_is_of_an_address_and_no_longer(stage: Stage, text: str, status: int) -> None:
    answer = await stage.http.get("/qr.svg", params={"text": text})
    assert answer.status_code == status
    if status == 200:
        assert answer.text.startswith("<svg")
    else:
        assert answer.json()["code"] == "invalid"
