"""Writes the generated parts of docs/*.md: `python docs/generate.py`. tests/wire/test_documents.py fails when one is stale.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`; what is around it is written by hand.
"""  # noqa: INP001 - a script beside the pages it writes, no package

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent
ROOT: Final = FOLDER.parent
sys.path.insert(0, str(ROOT))  # so that it runs from anywhere, on the sources beside it

from bench.pages import capacity, headlines, performance  # noqa: E402 - see the line above
from realtime.core.errors import CLOSE_MEANINGS, FIRST_FINAL_CODE, REASONS, CloseCode  # noqa: E402 - see the line above
from realtime.core.messages import COMMANDS, PUSHES, REPLIES, Frame  # noqa: E402
from realtime.settings import Settings, variable_of  # noqa: E402
from realtime.web import http_wire, wire  # noqa: E402

EXAMPLES: Final = ROOT / "tests" / "wire" / "examples"
_PART: Final = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def settings() -> str:
    """Every knob with its variable, default and limits."""

    def limits(knob: "dataclasses.Field[Any]") -> str:
        least, most = knob.metadata["least"], knob.metadata["most"]
        if least is None and most is None:
            return ""
        return f"{'' if least is None else f'{least:,}'} … {'' if most is None else f'{most:,}'}".strip()

    def default(knob: "dataclasses.Field[Any]") -> str:
        value = knob.default
        return "(empty)" if value == "" else f"`{str(value).lower() if isinstance(value, bool) else value}`"

    return table(
        ["variable", "meaning", "default", "allowed"],
        ([f"`{variable_of(knob)}`", knob.metadata["doc"], default(knob), limits(knob)] for knob in dataclasses.fields(Settings)),
    )


def errors() -> str:
    """Every code of a refusal, with an anchor that the `type` of a problem document points to."""
    rows = (
        [f'<a id="{code}"></a>`{code}`', str(reason.status), "retry" if reason.retry else "refused", reason.message]
        for code, reason in REASONS.items()
    )
    return table(["code", "HTTP status", "reply", "sentence"], rows)


def closes() -> str:
    """Every close code of ours."""
    rows = (
        [str(int(code)), f"`{code.name.lower()}`", "reconnect" if code < FIRST_FINAL_CODE else "do not", meaning]
        for code, meaning in CLOSE_MEANINGS.items()
    )
    return table(["code", "name", "client", "meaning"], rows)


def message_names(model: type[Frame]) -> list[str]:
    """The values of `type` that a message goes by."""
    kind = model.model_json_schema()["properties"]["type"]
    return list(kind.get("enum", [kind.get("const")]))


def messages(models: Iterable[type[Frame]]) -> str:
    """One section per message: its sentence, its fields, an example."""
    return "\n\n".join(message(model) for model in models)


def message(model: type[Frame]) -> str:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    names = message_names(model)
    parts = [f"### {' and '.join(f'`{name}`' for name in names)}", " ".join((model.__doc__ or "").split())]
    required = set(schema.get("required", []))
    rows = [
        [f"`{name}`", shape(field, definitions), "required" if name in required else default(field), field.get("description", "")]
        for name, field in schema["properties"].items()
        if name != "type"
    ]
    parts.append(table(["field", "value", "if absent", "meaning"], rows))
    for name in names:
        example = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        parts.append(f"```json\n{json.dumps(example, ensure_ascii=False, indent=1)}\n```")
    return "\n\n".join(part for part in parts if part)


def default(field: dict[str, Any]) -> str:
    return f"`{json.dumps(field['default'], ensure_ascii=False)}`" if "default" in field else ""


def shape(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    """A field's JSON type and limits, in a few words."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        inner = definitions[name].get("properties", {})
        return "object: " + ", ".join(f"`{key}`" for key in inner)
    if "anyOf" in field:
        return " or ".join(shape(one, definitions) for one in field["anyOf"])
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    kind = field.get("type", "any JSON")
    if kind == "string" and "[0-9a-f]{8}" in field.get("pattern", ""):
        return "UUID"
    if kind == "array":
        return f"list of {shape(field['items'], definitions)}" if field.get("items") else "list"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {shape(field['additionalProperties'], definitions)}"
    limits = [
        f"{word} {field[name]:,}"
        for name, word in (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))
        if name in field
    ]
    if "maxLength" in field:
        limits.append("characters")
    return " ".join([kind, *limits])


def limits() -> str:
    """What the transport allows, from the constants and settings that enforce it."""
    knobs = {knob.name: knob for knob in dataclasses.fields(Settings)}

    def of(name: str) -> str:
        return f"{knobs[name].default:,.10g} (`{variable_of(knobs[name])}`)"

    many = "503 `overloaded`; health is answered; beyond another"
    rows = [
        ["open sockets", of("sockets"), f"{many} {http_wire.RESERVED_SOCKETS} sockets: reset"],
        ["seconds for a request's header, or for its first byte", of("header_seconds"), "408; closed where nothing was said"],
        ["bytes of request line and header", f"{http_wire.HEADER_BYTES:,}", "431"],
        ["header fields", f"{http_wire.HEADER_FIELDS:,}", "431"],
        ["bytes of an address", f"{http_wire.URL_BYTES:,}", "414"],
        ["seconds for a body", f"{of('body_seconds')}, and one more per {http_wire.BODY_BYTES_PER_SECOND:,} bytes", "408"],
        ["bytes of a body", of("body_bytes"), "413"],
        ["requests sent ahead of their responses", f"{http_wire.PIPELINED_REQUESTS:,}", "closed after the one under way"],
        [("seconds for which a response may be taken slower than "
         f"{http_wire.READ_BYTES_PER_SECOND:,} bytes a second"), of("stall_seconds"), "reset"],
        ["seconds between two requests", of("keep_alive_seconds"), "closed"],
        ["seconds until the hello of a socket", of("hello_seconds"), f"{CloseCode.HELLO_TIMEOUT:d}"],
        ["bytes of a frame, and of a message in fragments", of("frame_bytes"), f"{CloseCode.TOO_LARGE:d}"],
        ["fragments of a message", f"{wire.MAX_FRAGMENTS:,}", f"{CloseCode.FLOOD:d}"],
        [("bytes a second of one socket, each frame counting "
         f"{wire.FRAME_COST_BYTES} more"), f"{wire.RATE_BYTES_PER_SECOND:,} after {wire.BURST_BYTES:,}", f"{CloseCode.FLOOD:d}"],
        ["seconds for which a socket takes nothing", of("stall_seconds"), f"{CloseCode.SLOW:d}, then reset"],
        ["seconds of silence of a client", f"two heartbeats of {of('heartbeat_ms')} ms", f"{CloseCode.SILENT:d}"],
    ]  # fmt: skip
    return table(["limit", "default", "what happens beyond it"], rows)


PARTS: Final[dict[str, Callable[[], str]]] = {
    "settings": settings,
    "errors": errors,
    "close-codes": closes,
    "commands": lambda: messages(COMMANDS),
    "replies": lambda: messages(REPLIES),
    "pushes": lambda: messages(PUSHES),
    "limits": limits,
    "performance": performance,
    "capacity": capacity,
    "headlines": headlines,
}


def renew(text: str) -> str:
    """A page with its generated parts as they should be."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]()}\n\n{found[3]}", text)


def main() -> None:
    """Rewrite every page whose generated parts are stale."""
    for page in (FOLDER.parent / "README.md", *sorted(FOLDER.rglob("*.md"))):
        text = page.read_text(encoding="utf-8")
        renewed = renew(text)
        if renewed != text:
            page.write_text(renewed, encoding="utf-8")


if __name__ == "__main__":
    main()
